"""The critic, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from arranger.critic import MEASURES, Card, agreement, expected_f1, human_ranges, in_human_range, part_measures, score
from arranger.grid import Grid
from arranger.parts import PARTS, ROLES
from arranger.song import Bar


def grid_of(**notes: list[tuple[int, int, int]]) -> Grid:
    """Four bars of 4/4; role -> (row, first step, length)."""
    onset, sustain = np.zeros((2, len(ROLES), 128, 192), dtype=bool)
    for role, entries in notes.items():
        for row, first, length in entries:
            onset[ROLES.index(role), row, first] = True
            sustain[ROLES.index(role), row, first : first + length] = True
    bars = tuple(Bar(index, 48 * index, 48, 4, 4) for index in range(4))
    return Grid(onset, sustain, np.arange(0, 193, 48), bars, 12)


def planes_of(grid: Grid, role: str) -> tuple[np.ndarray, np.ndarray]:
    return grid.onset[ROLES.index(role)], grid.sustain[ROLES.index(role)]


def test_expected_f1_by_hand() -> None:
    chance = np.array([0.9, 0.5, 0.1, 0.0])
    take = np.array([True, False, True, False])
    assert expected_f1(take, chance) == pytest.approx(2 * (0.9 + 0.1) / (2 + 1.5))
    assert expected_f1(np.array([True, False, False, False]), chance) > expected_f1(take, chance)
    assert expected_f1(np.zeros(4, dtype=bool), np.zeros(4)) == 1.0


def test_measures_by_hand() -> None:
    # C major triads in bars 1 and 2; the bass plays C and E in bar 1, C# in bar 3, where nobody else plays.
    chords = [(row, bar * 48, 48) for bar in (0, 1) for row in (60, 64, 67, 71, 65, 62, 69)]
    grid = grid_of(other=chords, drums=[(0, 0, 3), (0, 24, 3)])
    bass = planes_of(grid_of(bass=[(36, 0, 24), (40, 24, 24), (37, 96, 48)]), "bass")
    found = part_measures("bass", bass, grid, (0, 4))
    assert found["density"] == pytest.approx(3 / 2)
    assert found["coverage"] == pytest.approx(1 / 2)  # the band plays in bars 1 and 2, the bass in one of them
    assert found["key_fit"] == pytest.approx(2 / 3)
    assert found["chord_fit"] == 1.0  # bar 3 has no chord to fit
    assert found["lock"] == pytest.approx(2 * 2 / (2 + 3))
    assert found["variety"] == 1.0


def test_only_the_asked_bars_count() -> None:
    grid = grid_of(other=[(60, 0, 192)], bass=[])
    bass = planes_of(grid_of(bass=[(36, 0, 12), (36, 48, 12), (36, 54, 12)]), "bass")
    assert part_measures("bass", bass, grid, (0, 1))["density"] == 1.0
    assert part_measures("bass", bass, grid, (1, 2))["density"] == 2.0


def test_silence_is_not_judged() -> None:
    found = part_measures("bass", planes_of(grid_of(), "bass"), grid_of(other=[(60, 0, 48)]), (0, 4))
    assert found["coverage"] == 0.0
    assert np.isnan(found["density"])
    inside, judged = in_human_range("bass", found)
    assert (inside, judged) == (0, 1)


def test_ranges_are_there_for_every_part_and_measure() -> None:
    ranges = human_ranges()
    for part in PARTS:
        expected = set(MEASURES) - ({"key_fit", "chord_fit"} if part == "drums" else set())
        assert set(ranges[part]) == expected
        assert all(low < high for low, high in ranges[part].values())


def test_score_prefers_agreement_and_human_measures() -> None:
    def card(agreement: float, human: int) -> Card:
        return Card({}, {}, human, 0, 6, agreement, 0)

    assert score({"bass": card(0.6, 6)}) > score({"bass": card(0.5, 6)})
    assert score({"bass": card(0.6, 6)}) > score({"bass": card(0.6, 3)})
    assert score({"bass": card(0.6, 6), "drums": card(0.4, 6)}) == pytest.approx(score({"bass": card(0.5, 6)}))


def test_the_medoid_agrees_most_and_a_single_take_is_held_against_the_mean() -> None:
    takes = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0]], dtype=bool)
    chance = np.array([0.9, 0.5, 0.1, 0.0])
    # F1 of takes 0 and 1 is 4/5, of 1 and 2 too, of 0 and 2 2/4.
    assert agreement(takes, chance) == pytest.approx([(0.8 + 0.5) / 2, 0.8, (0.8 + 0.5) / 2])
    assert agreement(takes[:1], chance) == [expected_f1(takes[0], chance)]
    assert agreement(np.zeros((2, 4), dtype=bool), chance) == [0.0, 0.0]
