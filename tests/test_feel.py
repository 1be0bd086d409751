"""Habits and features: exact quantiles, shares that come out as asked, places in every metre."""

from __future__ import annotations

import json
from importlib import resources
from statistics import NormalDist

import numpy as np
import pytest

from arranger.feel import Habit, Shares, hand_scores, load_habits, load_strum
from arranger.feel_features import PLACES, bar_places, beat_places, features
from arranger.song import Note, Song, TimeSignature

TPQ = 480
NONE = Shares(0, 0, 0, 0, 0, 0)


def empty(bars: int, numerator: int = 4, denominator: int = 4) -> Song:
    length = bars * 4 * TPQ * numerator // denominator
    return Song(TPQ, (), time_signatures=(TimeSignature(0, numerator, denominator),), length=length)


def blank(edges: np.ndarray) -> Habit:
    bins = len(edges) - 1
    return Habit(edges, np.zeros((1, 1)), np.zeros(1), np.zeros((1, bins)), np.log(np.arange(1, bins + 1)), NONE)


def test_draws_are_the_quantiles_of_the_distribution() -> None:
    habit = blank(np.array([0.0, 10.0, 20.0, 40.0]))
    chances = habit.chances(np.ones((5, 1), dtype=np.float32))
    assert chances[0] == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    wanted = np.array([0.1, 1 / 6, 0.5, 0.75, 0.99])
    scores = np.array([NormalDist().inv_cdf(share) for share in wanted])
    # By hand: 0.1 is 0.6 of the first bin, 0.5 the end of the second, 0.75 the middle of the third.
    assert habit.drawn(chances, scores) == pytest.approx([6, 10, 20, 30, 39.6], abs=1e-3)


def test_draws_have_the_distribution_of_the_bins() -> None:
    habit = blank(np.arange(5.0))
    scores = np.random.default_rng(0).standard_normal(20_000)
    drawn = habit.drawn(habit.chances(np.ones((20_000, 1), dtype=np.float32)), scores)
    assert np.histogram(drawn, habit.edges)[0] / 20_000 == pytest.approx(np.arange(1, 5) / 10, abs=0.01)


def test_the_far_ends_stay_in_the_outermost_bins() -> None:
    habit = blank(np.arange(5.0))
    drawn = habit.drawn(habit.chances(np.ones((2, 1), dtype=np.float32)), np.array([-50.0, 50.0]))
    assert 0 <= drawn[0] < 0.001
    assert 3.99 < drawn[1] <= 4


def test_a_hand_has_the_correlations_of_its_shares() -> None:
    # Two voices (kick, hat) at the same two places of two bars.
    notes = [Note(bar * 4 * TPQ + at, 60, key) for bar in range(2) for at in (0, TPQ) for key in (36, 42)]
    shares = Shares(player=0.2, voice=0.15, pattern=0.1, bar=0.2, onset=0.1, keep=0.5)
    rng = np.random.default_rng(0)
    scores = np.array([hand_scores(notes, "drums", empty(2), shares, rng) for _ in range(1500)])
    found = np.corrcoef(scores.T)
    assert scores.std(axis=0) == pytest.approx(np.ones(8), abs=0.08)
    assert found[0, 1] == pytest.approx(0.2 + 0.2 + 0.1, abs=0.08)  # struck together: player, bar, onset
    assert found[0, 2] == pytest.approx(0.2 + 0.15 + 0.2, abs=0.08)  # same voice, same bar
    assert found[0, 4] == pytest.approx(0.2 + 0.15 + 0.1 + 0.1, abs=0.08)  # same place, next bar
    assert found[0, 7] == pytest.approx(0.2 + 0.1, abs=0.08)  # player and half of the bar's drift


def test_places_in_four_four() -> None:
    ticks = np.array([0, 40, 120, 160, 240, 320, 360, 465, 480, 960, 1440])
    beat, strength, place = beat_places(empty(1), ticks)
    assert beat.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]
    assert strength.tolist() == [0, 0, 0, 0, 0, 0, 0, 2, 2, 1, 2]
    # Twelfths 0 1 3 4 6 8 9 and, rushed, the next beat.
    assert [PLACES[p] for p in place] == [0, 0, 3, 4, 6, 8, 9, 0, 0, 0, 0]


def test_places_in_six_eight_are_triplets_of_the_dotted_quarter() -> None:
    beat, strength, place = beat_places(empty(1, 6, 8), np.arange(6) * TPQ // 2)
    assert beat.tolist() == [0, 0, 0, 1, 1, 1]
    assert strength.tolist() == [0, 0, 0, 2, 2, 2]
    assert [PLACES[p] for p in place] == [0, 4, 8, 0, 4, 8]


def test_places_of_the_bar_begin_again_in_each() -> None:
    bar, place = bar_places(empty(3, 3, 4), np.array([0, 2 * TPQ, 3 * TPQ, 7 * TPQ + 240]))
    assert bar.tolist() == [0, 0, 1, 2]
    assert place.tolist() == [0, 12, 0, 6 + PLACES.index(6)]


@pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
@pytest.mark.parametrize("metre", [(4, 4), (6, 8), (7, 8), (15, 16), (21, 4)])
def test_features_of_a_bar_are_the_same_wherever_it_stands(part: str, metre: tuple[int, int]) -> None:
    song = empty(8, *metre)
    length = song.bars[0].length
    notes = [Note(bar * length + at, 60, 36 + at % 3) for bar in range(8) for at in (0, TPQ // 4, TPQ)]
    rows = features(notes, part, song).reshape(8, 3, -1)
    assert np.isfinite(rows).all()
    assert rows[3] == pytest.approx(rows[4])
    assert not np.allclose(rows[3, 0], rows[3, 1])


def test_every_habit_fits_its_features_and_the_file_is_small() -> None:
    song, notes = empty(1), [Note(0, 60, 36), Note(TPQ, 60, 38)]
    habits = load_habits()
    assert {f"{part} velocity" for part in ("drums", "bass", "guitar")} | {"drums timing"} <= set(habits)
    for name, habit in habits.items():
        chances = habit.chances(features(notes, name.split()[0], song))
        assert chances.shape == (2, len(habit.edges) - 1)
        assert chances.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
        s = habit.shares
        assert 0 < s.player + s.voice + s.pattern + s.bar + s.onset < 1
        assert (np.diff(habit.edges) > 0).all()
    strum = load_strum()
    assert 0 <= strum.upward <= 1
    assert (np.diff(strum.seconds) >= 0).all()
    text = resources.files("arranger").joinpath("data/feel.json").read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert json.loads(text)["source"]
