"""What holds for the rule of every part: where it may play, what it may look at, any metre, and its price."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rule_grids import Notes, eighths, grid_of, rock_drums

from arranger.evaluation.metrics import note_f1
from arranger.files import load_song
from arranger.grid import Grid, bar_step_table, song_to_grid, steps_to_notes
from arranger.parts import PARTS, ROLES, detect_parts
from arranger.playable import make_playable
from arranger.rules import bar_tempos, bass_rule, beat_steps, drum_rule, guitar_rule, rule_part
from arranger.song import Bar, Song, Tempo, TimeSignature


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
    for part in PARTS:
        onset, sustain = rule_part(grid, part, (0, 1))
        assert onset.any()
        assert not (onset & ~sustain).any()


@pytest.mark.parametrize("part", PARTS)
def test_nobody_plays_where_the_whole_band_rests_nor_outside_the_bars(part: str) -> None:
    # In the second bar nobody plays but the part itself, in the third a note begins late, the last is not asked for.
    notes: Notes = {"other": [(60, 0, 48), (62, 120, 192), (64, 192, 240)], part: [(1, 48, 96)]}
    onset, sustain = rule_part(grid_of([(4, 4)] * 5, notes), part, (0, 4))
    assert onset[:, :48].any()
    assert not sustain[:, 48:96].any()
    assert not sustain[:, 192:].any()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_never_rests_in_all_the_bars_that_are_asked(part: str) -> None:
    # One held note in sixteen bars: people would wait for the band, but silence is no fill.
    grid = grid_of([(4, 4)] * 16, {"other": [(84, 0, 16 * 48)]})
    for bar in range(16):
        assert rule_part(grid, part, (bar, bar + 1))[0].any()


@pytest.mark.parametrize("part", PARTS)
def test_everybody_stops_with_the_band(part: str) -> None:
    # Seven bars of eighths; in the eighth bar the band plays one beat and stops.
    roles = [role for role in ("drums", "bass", "guitar") if role != part]
    notes: Notes = {role: eighths(45 if role == "guitar" else 33, 8) for role in roles if role != "drums"}
    if "drums" in roles:
        notes["drums"] = rock_drums(8)
    cut = 7 * 48 + 12
    stopped = {role: [note for note in played if note[1] < cut] for role, played in notes.items()}
    assert rule_part(grid_of([(4, 4)] * 8, notes), part, (0, 8))[1][:, cut:].any()
    onset, sustain = rule_part(grid_of([(4, 4)] * 8, stopped), part, (0, 8))
    assert onset[:, 7 * 48 : cut].any()
    assert not sustain[:, cut:].any()


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_asked_part_itself_is_not_looked_at(part: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = rng.random((2, len(ROLES), 128, 144)) < 0.002
    bars = tuple(Bar(i, 48 * i, 48, 4, 4) for i in range(3))

    emptied = planes.copy()
    emptied[:, ROLES.index(part)] = False
    table = np.array([0, 48, 96, 144])
    with_own, without = (Grid(both[0], both[0] | both[1], table.copy(), bars, 12) for both in (planes, emptied))
    for before, after in zip(rule_part(with_own, part, (0, 3)), rule_part(without, part, (0, 3)), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("part", PARTS)
def test_a_bar_sounds_the_same_whatever_was_asked_around_it(part: str) -> None:
    notes: Notes = {"other": eighths(64, 8), "bass": eighths(33, 8), "guitar": eighths(45, 8), "drums": rock_drums(8)}
    grid = grid_of([(4, 4)] * 8, notes)
    whole, one = rule_part(grid, part, (0, 8)), rule_part(grid, part, (3, 5))
    run = slice(3 * 48, 5 * 48)
    assert whole[0][:, run].any()
    for all_bars, asked in zip(whole, one, strict=True):
        assert np.array_equal(all_bars[:, run], asked[:, run])
        assert asked.sum() == asked[:, run].sum()


def test_what_can_not_be_asked() -> None:
    grid = grid_of([(4, 4)], {"other": [(72, 0, 48)]})
    with pytest.raises(ValueError, match="part must be one of"):
        rule_part(grid, "other", (0, 1))
    with pytest.raises(ValueError, match=r"bars must lie in 0\.\.1"):
        rule_part(grid, "bass", (0, 2))
    with pytest.raises(ValueError, match="one entry for each of 1 bars, not 2"):
        rule_part(grid, "bass", (0, 1), [120.0, 90.0])


def test_the_named_rules_are_those_of_the_parts() -> None:
    grid = grid_of([(4, 4)], {"other": [(72, 0, 48)]})
    for part, rule in zip(PARTS, (drum_rule, bass_rule, guitar_rule), strict=True):
        assert np.array_equal(rule(grid, (0, 1))[0], rule_part(grid, part, (0, 1))[0])


def test_the_tempo_of_a_bar_is_that_of_its_first_tick() -> None:
    song = Song(12, (), tempos=(Tempo(0, 100.0), Tempo(40, 80.0), Tempo(96, 60.0)), length=144)
    assert bar_tempos(song) == [100.0, 80.0, 60.0]


def test_a_hundred_bars_cost_a_blink() -> None:
    notes: Notes = {"other": eighths(60, 100), "guitar": eighths(45, 100), "bass": eighths(33, 100)}
    grid = grid_of([(4, 4)] * 100, notes | {"drums": rock_drums(100)})
    for part in PARTS:
        rule_part(grid, part, (0, 1))
    started = time.process_time()
    for part in PARTS:
        rule_part(grid, part, (0, 100))
    assert time.process_time() - started < 0.45


OLD_RULES = {"drums": 0.400, "bass": 0.257, "guitar": 0.251}
"""Note F1 of the first rules (one rock beat; roots in eighths; power chords with the bass) on the songs below."""


def test_real_songs_are_met_better_than_by_the_first_rules(data_pack: Callable[[str], Path]) -> None:
    paths = sorted(data_pack("val").rglob("*.mid"))[::13]
    found: dict[str, list[float]] = {part: [] for part in PARTS}
    changed, played = 0, 0
    for path in paths:
        song = load_song(path)
        grid = song_to_grid(song, detect_parts(song))
        for part in PARTS:
            true = grid.onset[ROLES.index(part)]
            if not true.any() or len(grid.bars) > 150:
                continue
            planes = rule_part(grid, part, (0, len(grid.bars)), bar_tempos(song))
            found[part].append(note_f1(planes[0], true, grid.bar_steps).f1)
            notes = steps_to_notes(*planes, grid, part == "drums")
            played += len(notes)
            changed += make_playable(notes, part, song.ticks_per_quarter)[1]
    for part, scores in found.items():
        assert len(scores) >= 10
        assert np.mean(scores) > OLD_RULES[part], part
    assert changed < 0.1 * played
