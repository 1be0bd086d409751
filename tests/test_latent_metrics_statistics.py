"""Intervals and paired tests: coverage and exact values where they are known, songs as what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from audio_ext.latent.metrics.statistics import mean_figure, paired_p, set_draws, set_figure, share_below


def names(count: int) -> list[str]:
    return [f"song {number}" for number in range(count)]


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(10, 2, 400)
    found = mean_figure(values, names(400))
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.15)


def test_windows_of_one_song_tell_no_more_than_one() -> None:
    songs = np.random.default_rng(2).normal(0, 1, 50)
    once = mean_figure(songs, names(50))
    often = mean_figure(np.repeat(songs, 8), np.repeat(names(50), 8).tolist())
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)


def test_nan_is_left_out() -> None:
    found = mean_figure(np.array([1.0, np.nan, 3.0]), names(3))
    assert found.value == 2.0
    assert np.isnan(mean_figure(np.full(3, np.nan), names(3)).value)


def test_the_interval_of_a_set_stands_about_its_value() -> None:
    values = np.random.default_rng(3).normal(0, 1, 100)
    draws = set_draws(lambda which: float(values[which].var()), names(100), draws=200)
    found = set_figure(float(values.var()), draws)
    assert found.value == pytest.approx(values.var())
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 100), rel=0.35)


def test_draws_of_two_systems_are_pairs() -> None:
    values = np.random.default_rng(3).normal(0, 1, 60)
    one, other = (set_draws(lambda which, up=up: float(values[which].mean()) + up, names(60)) for up in (0.0, 1e-3))
    assert share_below(one, other) == 1.0  # unpaired draws would say about a half
    assert share_below(other, one) == 0.0


def test_p_by_hand() -> None:
    # Of the eight signs of three equal differences two give as large a sum: 1/4.
    assert paired_p(np.ones(3), np.zeros(3), names(3), flips=20_000) == pytest.approx(0.25, abs=0.02)
    assert paired_p(np.ones(3), np.zeros(3), ["one"] * 3, flips=2000) == 1.0
    assert paired_p(np.full(4, np.nan), np.zeros(4), names(4)) == 1.0


def test_p_is_even_where_nothing_differs_and_small_where_something_does() -> None:
    rng = np.random.default_rng(4)
    found = [paired_p(*rng.normal(size=(2, 20)), names(20), flips=199, seed=seed) for seed in range(200)]
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.06)
    one = rng.normal(size=40) * 5
    assert paired_p(one, one + 1 + 0.1 * rng.normal(size=40), names(40)) < 0.001
