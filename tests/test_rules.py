"""The rule baselines on small grids that were worked out by hand."""

from __future__ import annotations

import time

import numpy as np
import pytest

from arranger.grid import Grid, bar_step_table
from arranger.parts import ROLES
from arranger.rules import bass_rule, beat_steps, drum_rule, guitar_rule, rule_part
from arranger.song import Bar, Song, TimeSignature

KICK, SNARE, HAT = 0, 1, 3
Notes = dict[str, list[tuple[int, int, int]]]


def grid_of(metres: list[tuple[int, int]], notes: Notes) -> Grid:
    """Grid of one bar for each metre; notes are (row, first step, end step) in the steps of the grid."""
    bars, start = [], 0
    for index, (numerator, denominator) in enumerate(metres):
        bars.append(Bar(index, start, 48 * numerator // denominator, numerator, denominator))
        start += bars[-1].length
    table = bar_step_table(bars, 12)
    onset, sustain = np.zeros((2, len(ROLES), 128, int(table[-1])), dtype=bool)
    for role, played in notes.items():
        for row, first, end in played:
            onset[ROLES.index(role), row, first] = True
            sustain[ROLES.index(role), row, first:end] = True
    return Grid(onset, sustain, table, tuple(bars), 12)


def steps(plane: np.ndarray, row: int) -> list[int]:
    return np.flatnonzero(plane[row]).tolist()


def line(onset: np.ndarray) -> list[tuple[int, int]]:
    """(step, row) of every onset, by step."""
    return sorted((int(step), int(row)) for row, step in np.argwhere(onset))


def pad(length: int) -> Notes:
    """Something that sounds all the time, so that no bar is a rest."""
    return {"other": [(72, 0, length)]}


BEATS = {  # metre: kick, snare, number of hats; counted out by hand in twelfths of a quarter
    (4, 4): ([0, 24], [12, 36], 8),
    (2, 4): ([0], [12], 4),
    (3, 4): ([0], [24], 6),
    (5, 4): ([0, 36], [24, 48], 10),
    (6, 4): ([0], [36], 12),
    (7, 4): ([0, 24, 48], [12, 36, 72], 14),
    (2, 2): ([0, 24], [12, 36], 8),
    (3, 8): ([0], [12], 3),
    (6, 8): ([0], [18], 6),
    (9, 8): ([0], [36], 9),
    (12, 8): ([0, 36], [18, 54], 12),
    (5, 8): ([0], [12], 5),
    (7, 8): ([0], [24], 7),
    (8, 8): ([0, 24], [12, 36], 8),
    (16, 16): ([0, 24], [12, 36], 8),
}


@pytest.mark.parametrize("metre", BEATS)
def test_the_beat_of_each_metre(metre: tuple[int, int]) -> None:
    length = 48 * metre[0] // metre[1]
    onset, sustain = rule_part(grid_of([metre], pad(length)), "drums", (0, 1))
    kick, snare, hats = BEATS[metre]
    assert steps(onset, KICK) == kick
    assert steps(onset, SNARE) == snare
    assert steps(onset, HAT) == list(range(0, 6 * hats, 6))
    assert onset.sum() == len(kick) + len(snare) + hats
    assert sustain[onset].all()


def test_a_bar_cut_short_keeps_the_beats_that_fit() -> None:
    assert beat_steps(Bar(0, 0, 30, 4, 4), 30) == [0, 12, 24, 30]
    assert beat_steps(Bar(0, 0, 84, 7, 8), 42) == [0, 12, 24, 42]


@pytest.mark.parametrize("numerator", [*range(1, 33), 63])
@pytest.mark.parametrize("denominator", [1, 2, 4, 8, 16, 32, 64])
def test_any_metre_has_beats_and_can_be_played(numerator: int, denominator: int) -> None:
    song = Song(960, (), time_signatures=(TimeSignature(0, numerator, denominator),))
    table = bar_step_table(song.bars, 960)
    planes = np.zeros((len(ROLES), 128, int(table[-1])), dtype=bool)
    planes[ROLES.index("other"), 60] = True
    grid = Grid(planes, planes.copy(), table, song.bars, 960)
    beats = beat_steps(song.bars[0], grid.steps)
    assert beats[0] == 0
    assert beats[-1] == grid.steps
    assert beats == sorted(set(beats))
    for part in ("drums", "bass", "guitar"):
        onset, sustain = rule_part(grid, part, (0, 1))
        assert onset[:, 0].any()
        assert not (onset & ~sustain).any()


def test_the_root_is_the_pitch_class_that_is_lowest_for_longest() -> None:
    # Two sixteenths of low D, then E an octave higher up to the half: E wins though D is lower and louder in number.
    low = [(38, 0, 3), (38, 3, 6), (52, 6, 24)]
    # In the second half G lies under B; B sounds longer but is not the lowest while G sounds.
    high = [(55, 24, 40), (59, 24, 48)]
    onset, _ = bass_rule(grid_of([(4, 4)], {"guitar": low + high}), (0, 1))
    assert line(onset) == [(step, 28) for step in (0, 6, 12, 18)] + [(step, 31) for step in (24, 30, 36, 42)]


def test_the_lowest_is_taken_over_guitar_and_other_together() -> None:
    grid = grid_of([(4, 4)], {"guitar": [(64, 0, 48)], "other": [(57, 0, 48), (69, 0, 48)]})
    assert {row for _, row in line(bass_rule(grid, (0, 1))[0])} == {33}


def test_octaves_of_one_pitch_class_count_together() -> None:
    # C lies lowest for 14 steps in two octaves, F for 10 in one piece.
    grid = grid_of([(2, 4)], {"other": [(48, 0, 7), (53, 7, 17), (60, 17, 24)]})
    assert {row for _, row in line(bass_rule(grid, (0, 1))[0])} == {36}


def test_bass_stays_in_the_octave_from_low_e() -> None:
    for pitch in range(48, 60):
        (row,) = {row for _, row in line(bass_rule(grid_of([(4, 4)], {"other": [(pitch, 0, 48)]}), (0, 1))[0])}
        assert row % 12 == pitch % 12
        assert 28 <= row <= 39


def test_bass_eighths_are_full_length_and_restart_on_the_beats_of_odd_bars() -> None:
    onset, sustain = bass_rule(grid_of([(7, 8)], pad(42)), (0, 1))
    assert [step for step, _ in line(onset)] == [0, 6, 12, 18, 24, 30, 36]
    assert sustain.any(axis=0).all()
    assert sustain.sum() == 42


def test_chords_change_with_the_half_bar_in_six_eight() -> None:
    grid = grid_of([(6, 8)], {"guitar": [(52, 0, 18), (57, 18, 36)]})
    assert [row for _, row in line(bass_rule(grid, (0, 1))[0])] == [28] * 3 + [33] * 3
    grid = grid_of([(3, 4)], {"guitar": [(52, 0, 20), (57, 20, 36)]})
    assert [row for _, row in line(bass_rule(grid, (0, 1))[0])] == [28] * 6, "a bar of three is one chord"


@pytest.mark.parametrize(
    ("metre", "changes"),
    [((5, 4), [0, 36]), ((7, 4), [0, 24, 48]), ((6, 4), [0, 36]), ((12, 8), [0, 36]), ((2, 4), [0])],
)
def test_how_often_chords_change(metre: tuple[int, int], changes: list[int]) -> None:
    # A new pitch class with every quarter: each span takes its root from its first quarter, as the earliest of equals.
    length = 48 * metre[0] // metre[1]
    ladder = [(60 + step // 12, step, step + 12) for step in range(0, length, 12)]
    played = line(bass_rule(grid_of([metre], {"other": ladder}), (0, 1))[0])
    roots = dict.fromkeys(row for _, row in played)
    assert [min(step for step, row in played if row == root) for root in roots] == changes
    assert [root % 12 for root in roots] == [change // 12 for change in changes]


def test_bass_on_the_kick_lasts_from_kick_to_kick() -> None:
    notes: Notes = pad(96) | {"drums": [(KICK, 3, 4), (KICK, 30, 31), (SNARE, 12, 13), (HAT, 0, 1), (SNARE, 60, 61)]}
    onset, sustain = bass_rule(grid_of([(4, 4), (4, 4)], notes), (0, 2), rhythm="kick")
    assert [step for step, _ in line(onset)] == [3, 30, 48, 72], "without a kick one note a half bar"
    assert np.flatnonzero(~sustain.any(axis=0)).tolist() == [0, 1, 2]


def test_without_pitch_the_last_root_goes_on() -> None:
    drums = [(KICK, 48 * bar, 48 * bar + 1) for bar in range(4)]
    grid = grid_of([(4, 4)] * 4, {"drums": drums, "other": [(65, 48, 96), (62, 96, 120)]})
    roots = [row for step, row in line(bass_rule(grid, (0, 4))[0]) if step % 24 == 0]
    assert roots == [29, 29, 29, 29, 38, 38, 38, 38], "before the first root the first, after the last the last"
    only_drums = grid_of([(4, 4)], {"drums": drums[:1]})
    assert {row for _, row in line(bass_rule(only_drums, (0, 1))[0])} == {28}


def test_guitar_plays_power_chords_with_the_bass() -> None:
    notes: Notes = {"bass": [(33, 0, 10), (33, 18, 24), (31, 24, 48)], "other": [(72, 0, 48)], "drums": [(KICK, 6, 7)]}
    onset, sustain = guitar_rule(grid_of([(4, 4)], notes), (0, 1))
    a5, g5 = (45, 52, 57), (43, 50, 55)
    assert line(onset) == [(0, p) for p in a5] + [(18, p) for p in a5] + [(24, p) for p in g5]
    assert steps(sustain, 45) == [*range(0, 10), *range(18, 24)], "the chord stops when the bass stops"
    assert steps(sustain, 43) == list(range(24, 48))


def test_guitar_strikes_a_bass_note_tied_over_the_bar_line_again() -> None:
    grid = grid_of([(4, 4), (4, 4)], {"bass": [(40, 24, 72)]})
    onset, sustain = guitar_rule(grid, (0, 2))
    assert [step for step, row in line(onset) if row == 40] == [24, 48]
    assert steps(sustain, 40) == list(range(24, 72))


def test_guitar_without_bass_goes_with_the_kick_and_without_kick_in_eighths() -> None:
    notes: Notes = {"other": [(60, 0, 96)], "drums": [(KICK, 0, 1), (KICK, 15, 16), (SNARE, 60, 61)]}
    onset, _ = guitar_rule(grid_of([(4, 4), (4, 4)], notes), (0, 2))
    assert [step for step, row in line(onset) if row == 48] == [0, 15, *range(48, 96, 6)]
    assert {row for _, row in line(onset)} == {48, 55, 60}


@pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
def test_rests_where_the_band_rests_and_plays_only_in_the_bars(part: str) -> None:
    # The second bar is silent, the third holds a note that began... in the first: held notes are no rest.
    notes: Notes = {"other": [(60, 0, 48), (62, 120, 192), (64, 192, 240)]}
    grid = grid_of([(4, 4)] * 5, notes)
    onset, sustain = rule_part(grid, part, (0, 4))
    assert onset.shape == sustain.shape == (128, grid.steps)
    per_bar = onset.any(axis=0).reshape(5, 48).any(axis=1).tolist()
    assert per_bar == [True, False, True, True, False]
    assert not sustain[:, 48:96].any()
    assert not sustain[:, 192:].any()


@pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
def test_the_asked_part_itself_is_not_looked_at(part: str) -> None:
    notes: Notes = {"other": [(60, 0, 48)]}
    own = {part: [(KICK if part == "drums" else 37, 0, 2), (SNARE if part == "drums" else 37, 50, 60)]}
    without, with_own = grid_of([(4, 4)] * 2, notes), grid_of([(4, 4)] * 2, notes | own)
    for before, after in zip(rule_part(without, part, (0, 2)), rule_part(with_own, part, (0, 2)), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
def test_a_bar_sounds_the_same_whatever_was_asked_around_it(part: str) -> None:
    notes: Notes = {"other": [(60, 0, 48), (65, 96, 120), (57, 120, 144)], "drums": [(KICK, 60, 61)]}
    grid = grid_of([(4, 4)] * 4, notes)
    whole, one = rule_part(grid, part, (0, 4))[0], rule_part(grid, part, (1, 2))[0]
    assert np.array_equal(whole[:, 48:96], one[:, 48:96])


def test_what_can_not_be_asked() -> None:
    grid = grid_of([(4, 4)], pad(48))
    with pytest.raises(ValueError, match="part must be one of"):
        rule_part(grid, "other", (0, 1))
    with pytest.raises(ValueError, match=r"bars must lie in 0\.\.1"):
        rule_part(grid, "bass", (0, 2))
    with pytest.raises(ValueError, match="rhythm"):
        bass_rule(grid, (0, 1), rhythm="snare")


def test_a_hundred_bars_cost_a_blink() -> None:
    rng = np.random.default_rng(0)
    notes = [(int(rng.integers(40, 80)), step, step + 6) for step in range(0, 4800, 6)]
    grid = grid_of([(4, 4)] * 100, {"other": notes, "drums": [(KICK, step, step + 1) for step in range(0, 4800, 24)]})
    drum_rule(grid, (0, 1))
    started = time.process_time()
    for part in ("drums", "bass", "guitar"):
        rule_part(grid, part, (0, 100))
    assert time.process_time() - started < 0.3
