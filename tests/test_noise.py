"""The forward process against its formula, the posterior against Bayes' rule by enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.diffusion.noise import add_noise, posterior, xor_revert

levels = st.floats(0.0, 1.0)
priors = st.floats(0.01, 0.99)
chances = st.floats(0.0, 1.0)


@pytest.mark.parametrize("level", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("prior", [0.03, 0.5])
def test_marginals_of_the_forward_process(level: float, prior: float) -> None:
    count = 200_000
    rng = np.random.default_rng(3)
    for value in (0, 1):
        share = add_noise(np.full(count, value, dtype=np.uint8), level, prior, rng.random(count)).mean()
        # A cell is kept with probability 1 - level and else redrawn.
        expected = (1 - level) * value + level * prior
        assert share == pytest.approx(expected, abs=5 * np.sqrt(0.25 / count))
        if level == 0:
            assert share == value


def test_levels_and_priors_broadcast_over_cells() -> None:
    x0 = np.zeros((20_000, 3), dtype=np.uint8)
    noisy = add_noise(
        x0, np.array([0.0, 0.5, 1.0]), np.array([0.9, 0.4, 0.1]), np.random.default_rng(0).random(x0.shape)
    )
    assert noisy.dtype == bool
    np.testing.assert_allclose(noisy.mean(axis=0), [0.0, 0.2, 0.1], atol=0.015)


def transition(before: int, after: int, stay: float, prior: float) -> float:
    """Chance of one step of the chain that keeps a cell with probability `stay` and else redraws it."""
    return stay * (before == after) + (1 - stay) * (prior if after else 1 - prior)


def enumerated(chance: float, seen: int, level: float, lower: float, prior: float) -> float:
    """p(x_lower = 1 | x_level = seen) over all (x_0, x_lower), from the chain x_0 -> x_lower -> x_level."""
    stay = (1 - level) / (1 - lower)
    found = 0.0
    for x0, p0 in ((0, 1 - chance), (1, chance)):
        joint = {
            between: transition(x0, between, 1 - lower, prior) * transition(between, seen, stay, prior)
            for between in (0, 1)
        }
        found += p0 * joint[1] / (joint[0] + joint[1])
    return found


def test_two_steps_are_one_long_step() -> None:
    """The chain that `enumerated` walks has the marginals of the forward process."""
    for x0, after, lower, level in product((0, 1), (0, 1), (0.2, 0.6), (0.7, 1.0)):
        stay = (1 - level) / (1 - lower)
        two = sum(transition(x0, b, 1 - lower, 0.1) * transition(b, after, stay, 0.1) for b in (0, 1))
        assert two == pytest.approx(transition(x0, after, 1 - level, 0.1))


@settings(deadline=None)
@given(chances, st.booleans(), st.floats(0.01, 1.0), st.floats(0.0, 0.99), priors)
def test_posterior_is_what_bayes_says(chance: float, seen: bool, level: float, share: float, prior: float) -> None:
    lower = share * level
    found = posterior(np.array(chance), np.array(seen), level, lower, prior)
    assert float(found) == pytest.approx(enumerated(chance, int(seen), level, lower, prior), abs=1e-9)


@settings(deadline=None)
@given(chances, st.booleans(), st.floats(0.01, 1.0), priors)
def test_last_step_gives_the_prediction_itself(chance: float, seen: bool, level: float, prior: float) -> None:
    assert float(posterior(np.array(chance), np.array(seen), level, 0.0, prior)) == pytest.approx(chance, abs=1e-9)


@settings(deadline=None)
@given(chances, st.booleans(), st.floats(0.01, 0.99), priors)
def test_no_step_changes_nothing(chance: float, seen: bool, level: float, prior: float) -> None:
    assert float(posterior(np.array(chance), np.array(seen), level, level, prior)) == pytest.approx(
        float(seen), abs=1e-9
    )


@settings(deadline=None)
@given(chances, chances, st.booleans(), st.floats(0.01, 1.0), st.floats(0.0, 0.99), priors)
def test_a_likelier_cell_is_never_less_likely_below(
    one: float, two: float, seen: bool, level: float, share: float, prior: float
) -> None:
    low, high = sorted((one, two))
    at = [float(posterior(np.array(p), np.array(seen), level, share * level, prior)) for p in (low, high)]
    assert -1e-12 <= at[0] <= at[1] + 1e-12 <= 1 + 1e-9


def test_xor_goes_back_to_the_first_noise_only_where_it_differs() -> None:
    x0, x1 = np.array([0, 0, 1, 1], dtype=bool), np.array([0, 1, 0, 1], dtype=bool)
    np.testing.assert_array_equal(xor_revert(x0, x1, 1.0, np.full(4, 0.999)), x1)
    np.testing.assert_array_equal(xor_revert(x0, x1, 0.0, np.zeros(4)), x0)
    half = xor_revert(
        np.zeros(100_000, dtype=bool), np.ones(100_000, dtype=bool), 0.3, np.random.default_rng(1).random(100_000)
    )
    assert half.mean() == pytest.approx(0.3, abs=0.01)
