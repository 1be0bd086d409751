"""The sampler against distributions that are known in closed form."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.diffusion.layout import (
    BASS,
    CONTEXT_PLANES,
    DRUM_ROWS,
    DRUMS,
    MODES,
    PART_OF_PLANE,
    STATIC_FEATURES,
    STEPS,
    TARGET_PLANES,
)
from arranger.diffusion.sampler import (
    Problem,
    SamplerSettings,
    count_shift,
    expected_count,
    mean_prediction,
    noise_levels,
    sample,
    surroundings,
    windows,
)

PLAIN = SamplerSettings(steps=48, temperature=1.0, calibrated=False)
HALF = TARGET_PLANES // 2
PRIOR = np.full(TARGET_PLANES, 0.2)


def problem(tokens: int, hidden: tuple[bool, bool, bool] = (True, True, True), bar: int = 4) -> Problem:
    """A song of bars of `bar` tokens with nothing given and random numbers of its own for every token."""
    token = np.arange(tokens)
    return Problem(
        given=np.zeros((tokens, STEPS, TARGET_PLANES + CONTEXT_PLANES), dtype=bool),
        hidden=np.tile(np.array(hidden), (tokens, 1)),
        mode=np.tile(np.where(hidden, MODES["unknown"], MODES["given"]), (tokens, 1)),
        static=np.zeros((tokens, STATIC_FEATURES), dtype=np.float32),
        place=np.stack([token // bar, token % bar, np.ones(tokens, dtype=int)], axis=1),
        valid=np.ones((tokens, STEPS), dtype=bool),
        density=np.full((tokens, 3), np.nan),
        slot=token,
        lean=np.zeros((tokens, STEPS, TARGET_PLANES), dtype=np.float32),
    )


def logit(chance: np.ndarray) -> np.ndarray:
    return np.log(chance / (1 - chance))


def level_of(features: np.ndarray, part: int = 0) -> np.ndarray:
    """Noise level that the net is told, (B, T, 1, 1)."""
    return features[..., STATIC_FEATURES + 10 * part][..., None, None]


def likelihood(seen: np.ndarray, x0: int, level: np.ndarray) -> np.ndarray:
    """q(x_t = seen | x_0)."""
    on = (1 - level) * x0 + level * 0.2
    return np.where(seen > 0, on, 1 - on)


def independent(density: float):
    """Exact denoiser of cells that are on with a known chance, whatever the others are."""

    def denoise(noisy, given, features, place):
        level = level_of(features).astype(float)
        on, off = density * likelihood(noisy, 1, level), (1 - density) * likelihood(noisy, 0, level)
        return logit(np.clip(on / (on + off), 1e-9, 1 - 1e-9))

    return denoise


def pairs(joint: np.ndarray):
    """Exact denoiser of cells k and k + HALF with the joint distribution `joint[a, b]`, by enumeration of (a, b)."""

    def denoise(noisy, given, features, place):
        level = level_of(features).astype(float)
        one, two = noisy[..., :HALF], noisy[..., HALF : 2 * HALF]
        weight = np.stack(
            [[joint[a, b] * likelihood(one, a, level) * likelihood(two, b, level) for b in (0, 1)] for a in (0, 1)]
        )
        weight /= weight.sum(axis=(0, 1))
        chance = np.full(noisy.shape, 0.5)
        chance[..., :HALF], chance[..., HALF : 2 * HALF] = weight[1].sum(axis=0), weight[:, 1].sum(axis=0)
        return logit(np.clip(chance, 1e-9, 1 - 1e-9))

    return denoise


@pytest.mark.parametrize("density", [0.05, 0.4])
def test_densities_of_independent_cells_come_back(density: float) -> None:
    takes = sample(independent(density), problem(12), 8, PRIOR, PLAIN, [(0, 0)])
    assert takes.shape == (1, 12, STEPS, TARGET_PLANES)
    # 34,000 cells; what is left of the noise of the last step is of the order of 1 / steps.
    assert takes.mean() == pytest.approx(density, abs=0.01)


def drawn_pairs(table: np.ndarray, settings: SamplerSettings) -> np.ndarray:
    x = sample(pairs(table), problem(12), 8, PRIOR, settings, [(1, 0)])[0]
    one, two = x[..., :HALF].ravel(), x[..., HALF : 2 * HALF].ravel()
    return np.array([[np.mean((one == a) & (two == b)) for b in (0, 1)] for a in (0, 1)])


@pytest.mark.parametrize("joint", [[[0.7, 0.0], [0.0, 0.3]], [[0.6, 0.1], [0.05, 0.25]]])
def test_joint_distribution_of_two_cells_comes_back(joint: list[list[float]]) -> None:
    np.testing.assert_allclose(drawn_pairs(np.array(joint), PLAIN), joint, atol=0.02)


def test_two_cells_that_exclude_each_other_do_so_with_enough_steps() -> None:
    """Cells are drawn one by one given x_t, which is exact only in the limit; the error must fall with the steps."""
    table = np.array([[0.0, 0.5], [0.5, 0.0]])
    few, many = (
        np.abs(drawn_pairs(table, SamplerSettings(steps, 1.0, calibrated=False)) - table).max() for steps in (12, 48)
    )
    assert many < 0.05
    assert 2.5 * many < few


def test_known_cells_lead_the_others_and_never_change() -> None:
    """A drum voice is given; a bass row follows it with chance 0.8 and plays without it with chance 0.1."""
    asked = problem(32, hidden=(False, True, False))
    kit = np.random.default_rng(5).random((32, STEPS, DRUM_ROWS)) < 0.3
    asked.given[..., DRUMS.all] = kit
    before = asked.given.copy()
    rows = slice(BASS.all.start, BASS.all.start + DRUM_ROWS)

    def denoise(noisy, given, features, place):
        assert not noisy[..., PART_OF_PLANE != 1].any()
        level = level_of(features, part=1).astype(float)
        np.testing.assert_array_equal(level_of(features, part=0), 0)
        share = np.where(given[..., DRUMS.all] > 0, 0.8, 0.1)
        on = share * likelihood(noisy[..., rows], 1, level)
        logits = np.full(noisy.shape, -9.0)
        off = (1 - share) * likelihood(noisy[..., rows], 0, level)
        logits[..., rows] = logit(np.clip(on / (on + off), 1e-9, 1 - 1e-9))
        return logits

    x = sample(denoise, asked, 16, PRIOR, PLAIN, [(0, 0), (0, 1)])
    assert not x[..., PART_OF_PLANE != 1].any()
    np.testing.assert_array_equal(asked.given, before)
    played = x[..., rows]
    assert played[:, kit].mean() == pytest.approx(0.8, abs=0.03)
    assert played[:, ~kit].mean() == pytest.approx(0.1, abs=0.02)


def test_cells_past_a_bar_line_and_outside_the_hole_stay_empty() -> None:
    asked = problem(16)
    asked.valid[::4, 6:] = False
    asked.hidden[8:, 0] = False
    x = sample(independent(0.5), asked, 8, PRIOR, PLAIN, [(0, 0)])[0]
    assert not x[::4, 6:].any()
    assert not x[8:, :, DRUMS.all].any()
    assert x[:8, :6, DRUMS.all].mean() == pytest.approx(0.5, abs=0.1)


def test_a_take_depends_on_its_own_seed_alone() -> None:
    few = SamplerSettings(steps=6, temperature=1.0, calibrated=False)
    call = (pairs(np.array([[0.6, 0.1], [0.05, 0.25]])), problem(20), 8, PRIOR, few)
    three = sample(*call, [(7, 0), (7, 1), (8, 0)])
    np.testing.assert_array_equal(sample(*call, [(7, 1)])[0], three[1])
    np.testing.assert_array_equal(sample(*call, [(8, 0), (7, 0)]), three[[2, 0]])
    assert (three[0] != three[1]).any()
    assert (three[0] != three[2]).any()


def test_same_slot_same_random_numbers() -> None:
    """Tokens of one slot are told the same, so they come out the same; with slots of their own they don't."""
    asked = problem(16)
    tied = replace(asked, slot=np.arange(16) % 4)
    few = SamplerSettings(steps=6, temperature=1.0, calibrated=False)
    free = sample(independent(0.3), asked, 8, PRIOR, few, [(0, 0)])[0]
    same = sample(independent(0.3), tied, 8, PRIOR, few, [(0, 0)])[0]
    assert (free[:4] != free[4:8]).any()
    for bar in range(1, 4):
        np.testing.assert_array_equal(same[:4], same[4 * bar : 4 * bar + 4])


def test_guidance_of_one_is_none_and_more_moves_away_from_the_blind_prediction() -> None:
    asked = problem(8, hidden=(False, True, False))
    asked.given[..., DRUMS.all] = True
    calls = []

    def denoise(noisy, given, features, place):
        modes = features[..., STATIC_FEATURES + 7 : STATIC_FEATURES + 10].argmax(axis=-1)
        calls.append((bool(given.any()), int(modes[0, 0])))
        return np.where(given.any(axis=(1, 2, 3))[:, None, None, None], 1.0, -0.5) + np.zeros(noisy.shape)

    def chance(guidance: float) -> float:
        found = mean_prediction(denoise, asked, 8, PRIOR, SamplerSettings(guidance=guidance), (0, 0))
        return float(found[0, 0, BASS.all.start])

    assert chance(1.0) == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert calls == [(True, MODES["given"])]
    assert chance(2.0) == pytest.approx(1 / (1 + np.exp(-(-0.5 + 2 * 1.5))))
    assert calls[1:] == [(True, MODES["given"]), (False, MODES["absent"])]
    assert chance(0.0) == pytest.approx(1 / (1 + np.exp(0.5)))


@pytest.mark.parametrize("xor", [True, False])
def test_last_step_returns_the_denoisers_answer(xor: bool) -> None:
    wanted = np.random.default_rng(2).random((8, STEPS, TARGET_PLANES)) < 0.3

    def denoise(noisy, given, features, place):
        return np.where(wanted, 0.1, -0.1)[None] + np.zeros(noisy.shape)

    x = sample(denoise, problem(8), 8, PRIOR, SamplerSettings(steps=5, xor=xor, calibrated=False), [(0, 0)])
    np.testing.assert_array_equal(x[0], wanted)


def test_progress_and_levels_run_to_their_ends() -> None:
    told: list[float] = []
    sample(independent(0.2), problem(4), 4, PRIOR, SamplerSettings(steps=4), [(0, 0)], told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]
    levels = noise_levels(16)
    assert (levels[0], levels[-1], len(levels)) == (1.0, 0.0, 17)
    assert (np.diff(levels) < 0).all()


def test_windows_that_rest_are_not_denoised() -> None:
    asked = problem(32)
    asked.hidden[8:] = False
    rows = []

    def denoise(noisy, given, features, place):
        rows.append(len(noisy))
        return np.zeros(noisy.shape)

    sample(denoise, asked, 8, PRIOR, SamplerSettings(steps=1), [(0, 0), (0, 1)])
    assert rows == [2]


bar_lengths = st.lists(st.integers(1, 9), min_size=1, max_size=30)


def places(lengths: list[int]) -> np.ndarray:
    return np.array([(bar, token, 1) for bar, length in enumerate(lengths) for token in range(length)])


@settings(deadline=None)
@given(bar_lengths, st.integers(4, 12), st.integers(0, 3))
def test_windows_cover_every_token_once_in_whole_bars(lengths: list[int], size: int, phase: int) -> None:
    place = places(lengths)
    runs = windows(place, size, phase)
    assert runs[0][0] == 0
    assert runs[-1][1] == len(place)
    assert all(a[1] == b[0] for a, b in pairwise(runs))
    for first, last in runs:
        assert 0 < last - first <= size
        # Only a bar that is longer than a window may be cut inside.
        assert place[first, 1] == 0 or lengths[place[first, 0]] > size


def test_joints_of_one_phase_lie_inside_the_windows_of_the_next() -> None:
    place = places([4] * 40)
    even, odd = ({a for a, _ in windows(place, 64, phase)} for phase in (0, 1))
    assert even == {0, 64, 128}
    assert odd == {0, 32, 96}
    assert windows(place, 64, 2) == windows(place, 64, 0)


@settings(deadline=None)
@given(bar_lengths, st.integers(4, 12), st.integers(0, 1))
def test_surroundings_are_whole_bars_round_a_window_and_no_larger_than_one(
    lengths: list[int], size: int, phase: int
) -> None:
    place = places(lengths)
    for first, last in windows(place, size, phase):
        begin, end = surroundings(place, size, first, last)
        assert 0 <= begin <= first < last <= end <= len(place)
        assert end - begin <= size
        assert begin == first or place[begin, 1] == 0
        assert end == last or end == len(place) or place[end, 1] == 0
        # Neither neighbour would still fit in whole.
        if place[first, 1] == 0 and (end == len(place) or place[end, 1] == 0):
            before = lengths[place[begin, 0] - 1] if begin else size
            after = lengths[place[end, 0]] if end < len(place) else size
            assert end - begin + min(before, after) > size


def test_a_short_last_window_is_seen_with_the_bars_before_it() -> None:
    """Training windows are hardly ever shorter than the net's; 17 bars must not leave the last one on its own."""
    asked = problem(68)
    seen = []

    def denoise(noisy, given, features, place):
        seen.extend(place[:, :, 2].sum(axis=1).tolist())
        return np.zeros(noisy.shape)

    sample(denoise, asked, 64, PRIOR, SamplerSettings(steps=2), [(0, 0)])
    assert seen == [64, 64, 64, 64]


def test_how_many_windows_go_into_a_call_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window sees its neighbours' tokens as they were before the step, also when those are already written."""

    def denoise(noisy, given, features, place):
        # Every cell leans on the same cell of the token before it.
        return independent(0.2)(noisy, given, features, place) + 2 * (np.roll(noisy, 1, axis=1) - 0.2)

    few = SamplerSettings(steps=4, temperature=1.0, calibrated=False)
    together = sample(denoise, problem(28), 8, PRIOR, few, [(0, 0)])
    monkeypatch.setattr("arranger.diffusion.sampler.MAX_WINDOWS", 1)
    np.testing.assert_array_equal(sample(denoise, problem(28), 8, PRIOR, few, [(0, 0)]), together)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.0])
def test_density_is_kept_at_any_temperature(temperature: float) -> None:
    """A drummer of 10 % everywhere: sharpened without calibration, no chance of 0.1 survives."""
    asked = problem(48, hidden=(True, False, False))
    hits = {}
    for calibrated in (True, False):
        settings = SamplerSettings(steps=12, temperature=temperature, calibrated=calibrated)
        x = sample(independent(0.1), asked, 16, PRIOR, settings, [(0, 0)])[0]
        hits[calibrated] = x[..., DRUMS.all].mean()
    assert hits[True] == pytest.approx(0.1, abs=0.025)
    if temperature < 1:
        assert hits[False] < 0.85 * hits[True]


def test_more_density_is_more_notes() -> None:
    asked = problem(48, hidden=(True, False, False))
    counts = [
        sample(independent(0.1), asked, 16, PRIOR, SamplerSettings(steps=12, density=density), [(0, 0)]).sum()
        for density in (0.5, 1.0, 2.0)
    ]
    assert 1.6 * counts[0] < counts[1] < counts[2] / 1.6


def test_lean_moves_notes_without_adding_any() -> None:
    asked = problem(48, hidden=(True, False, False))
    lean = asked.lean.copy()
    lean[:, :6, DRUMS.all] = 2.0
    settings = SamplerSettings(steps=12, temperature=1.0)
    plain, leant = (
        sample(independent(0.1), one, 16, PRIOR, settings, [(0, 0)])[0] for one in (asked, replace(asked, lean=lean))
    )
    assert leant.sum() == pytest.approx(plain.sum(), rel=0.15)
    assert leant[:, :6].sum() > 1.5 * plain[:, :6].sum()


def test_count_shift_against_brute_force() -> None:
    logits = np.random.default_rng(0).normal(-3, 2, 5000)
    for target in (100.0, 400.0, 1500.0):
        shifted = 1 / (1 + np.exp(-logits - count_shift(logits, target)))
        assert shifted.sum() == pytest.approx(target, rel=0.01)
    assert expected_count(logits) == pytest.approx((1 / (1 + np.exp(-logits))).sum(), rel=0.01)
    assert expected_count(np.array([-np.inf, 0.0])) == pytest.approx(0.5, rel=0.05)


def test_a_known_first_step_is_not_asked_again_and_gives_the_same_takes() -> None:
    """The denoiser's answer to pure noise does not depend on it here, as it should not anywhere."""
    asked = problem(16)
    calls = []

    def denoise(noisy, given, features, place):
        calls.append(float(level_of(features).max()))
        plain = np.random.default_rng(1).normal(size=noisy.shape[1:]) - 1
        return plain + 2 * (noisy - 0.5) * (level_of(features) < 1)

    settings = SamplerSettings(steps=3)
    chance = mean_prediction(denoise, asked, 8, PRIOR, settings, (0, 0))
    calls.clear()
    known = sample(denoise, asked, 8, PRIOR, settings, [(0, 0), (0, 1)], chance=chance)
    assert calls
    assert max(calls) < 1
    np.testing.assert_array_equal(known, sample(denoise, asked, 8, PRIOR, settings, [(0, 0), (0, 1)]))
