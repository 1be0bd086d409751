"""Each player in situations that every musician would answer alike, and the properties that any answer has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_grids import ROW, Notes, eighths, grid_of, line, repeated, rock_drums, steps

from arranger.parts import ROLES
from arranger.rules import rule_part
from arranger.rules.bass import LOWEST, doubled_riff
from arranger.rules.context import KINDS, listen
from arranger.rules.patterns import BACKBEATS, TIMES, style_cells
from arranger.rules.resting import before_the_stop, section_starts

TIMEKEEPERS = ("closed hat", "open hat", "ride")


def rock_band(bars: int) -> Notes:
    """Power chords and bass in eighths on A, as a rock song without drums."""
    chords = [note for pitch in (45, 52, 57) for note in eighths(pitch, bars)]
    return {"guitar": chords, "bass": eighths(33, bars)}


def test_rock_in_eighths_gets_a_backbeat_and_time() -> None:
    onset = rule_part(grid_of([(4, 4)] * 8, rock_band(8)), "drums", (0, 8), [130.0] * 8)[0]
    bar = onset[:, 3 * 48 : 4 * 48]
    assert steps(bar, ROW["snare"]) == [12, 36]
    assert 0 in steps(bar, ROW["kick"])
    assert any(steps(bar, ROW[name]) in ([0, 6, 12, 18, 24, 30, 36, 42], [0, 12, 24, 36]) for name in TIMEKEEPERS)


def test_a_slow_six_eight_is_kept_in_its_eighths_with_the_snare_on_the_second_beat() -> None:
    arpeggio = repeated([(pitch, 6 * at, 6 * at + 6) for at, pitch in enumerate((45, 52, 57, 60, 57, 52))], 8, 36)
    notes: Notes = {"guitar": arpeggio, "bass": repeated([(33, 0, 18), (33, 18, 36)], 8, 36)}
    onset = rule_part(grid_of([(6, 8)] * 8, notes), "drums", (0, 8), [60.0] * 8)[0]
    bar = onset[:, 3 * 36 : 4 * 36]
    assert steps(bar, ROW["snare"]) == [18]
    assert all(step % 6 == 0 for step, _ in line(bar))
    assert 0 in steps(bar, ROW["kick"])


def test_the_kick_goes_with_the_bass() -> None:
    rhythm = [(33, 0, 12), (33, 18, 24), (33, 30, 36)]
    notes: Notes = {"bass": repeated(rhythm, 16), "other": repeated([(60, 0, 48)], 16)}
    kick = rule_part(grid_of([(4, 4)] * 16, notes), "drums", (0, 16))[0][ROW["kick"]]
    with_bass = np.mean([kick[48 * bar + step] for bar in range(16) for step in (0, 18, 30)])
    elsewhere = np.mean([kick[48 * bar + step] for bar in range(16) for step in (6, 12, 36, 42)])
    assert with_bass > elsewhere + 0.5


def test_a_section_begins_with_a_crash_after_a_fill() -> None:
    notes = rock_band(16)
    notes["other"] = repeated([(72, 0, 48)], 8)
    notes["other"] = [(pitch, first + 8 * 48, end + 8 * 48) for pitch, first, end in notes["other"]]
    onset = rule_part(grid_of([(4, 4)] * 16, notes), "drums", (0, 16))[0]
    assert onset[[ROW["crash"], ROW["kick"]], 8 * 48].all()
    fill = onset[:, 8 * 48 - 12 : 8 * 48]
    assert [steps(fill, ROW[name]) for name in ("snare", "high tom", "mid tom", "low tom")] == [[0], [3], [6], [9]]
    assert fill.sum() == 4
    assert not onset[ROW["low tom"], : 7 * 48].any(), "one fill a section"


@pytest.mark.parametrize("seed", range(5))
def test_two_hands_and_two_feet_are_enough(seed: int) -> None:
    rng = np.random.default_rng(seed)
    notes: Notes = {
        "other": [(int(rng.integers(40, 80)), int(s), int(s) + 6) for s in np.flatnonzero(rng.random(768) < 0.2)]
    }
    onset = rule_part(grid_of([(4, 4)] * 16 + [(4, 4)], notes), "drums", (0, 16))[0]
    hands = onset[[row for name, row in ROW.items() if name not in ("kick", "pedal hat")]].sum(axis=0)
    assert hands.max() <= 2
    assert not (onset[ROW["closed hat"]] & onset[ROW["open hat"]]).any()


def test_styles_are_played_on_the_places_that_they_name() -> None:
    place, kind = np.array([0, 3, 0, 3]), np.array([KINDS.index(name) for name in ("first", "first", "snare", "snare")])
    by_name = {style.name: style for style in (*TIMES, *BACKBEATS)}
    rows, at = style_cells(by_name["disco hat"], place, kind)
    assert sorted(zip(at.tolist(), rows.tolist(), strict=True)) == [
        (0, ROW["closed hat"]), (1, ROW["open hat"]), (2, ROW["closed hat"]), (3, ROW["open hat"])
    ]  # fmt: skip
    assert style_cells(by_name["backbeat"], place, kind)[1].tolist() == [2]
    assert len(style_cells(by_name["no backbeat"], place, kind)[0]) == 0


def test_the_bass_doubles_a_low_riff_an_octave_down_and_a_lower_one_as_it_is() -> None:
    riff = [(40, 0, 6), (43, 6, 12), (45, 12, 18), (38, 18, 24), (64, 24, 48)]
    heard = listen(grid_of([(2, 4), (2, 4)], {"guitar": riff}), ROLES.index("bass"))
    found = doubled_riff(heard)
    assert found[[0, 6, 12, 18]].tolist() == [28, 31, 33, 38]
    assert set(np.delete(found, [0, 6, 12, 18]).tolist()) == {-1}, "a high note and a held one are no riff"


def test_bass_in_a_rock_song_plays_the_guitars_roots_in_its_rhythm() -> None:
    chords = rock_band(8)["guitar"]
    onset, sustain = rule_part(grid_of([(4, 4)] * 8, {"guitar": chords, "drums": rock_drums(8)}), "bass", (0, 8))
    assert {row for _, row in line(onset)} == {33}
    assert steps(onset[:, 96:144], 33) == [0, 6, 12, 18, 24, 30, 36, 42]
    assert sustain[33].all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(36, 84), st.integers(0, 190), st.integers(1, 48)), min_size=1, max_size=40))
def test_the_bass_is_one_line_in_range_that_never_crosses_a_bar(notes: list[tuple[int, int, int]]) -> None:
    grid = grid_of([(4, 4)] * 4, {"other": [(p, first, min(192, first + length)) for p, first, length in notes]})
    onset, sustain = rule_part(grid, "bass", (0, 4))
    assert sustain.sum(axis=0).max() == 1
    rows = np.flatnonzero(sustain.any(axis=1))
    assert rows.min() >= 23
    assert rows.max() <= 50
    bars = range(48, 192, 48)
    assert all(onset[:, bar].any() or not sustain[:, bar].any() for bar in bars)


def test_roots_lie_where_bassists_have_them() -> None:
    for pitch in range(60, 72):
        chord = [(pitch, 0, 192), (pitch + 4, 0, 192), (pitch + 7, 0, 192)]
        rows = {row for _, row in line(rule_part(grid_of([(4, 4)] * 4, {"other": chord}), "bass", (0, 4))[0])}
        assert rows == {LOWEST + (pitch - LOWEST) % 12}


def test_a_heavy_song_gets_low_fifths_and_keys_get_thirds() -> None:
    heavy = {"bass": eighths(33, 8), "drums": rock_drums(8)}
    classes = {row % 12 for _, row in line(rule_part(grid_of([(4, 4)] * 8, heavy), "guitar", (0, 8), [140.0] * 8)[0])}
    assert classes <= {9, 4}, "root and fifth of A"
    keys = [note for pitch in (57, 61, 64) for note in repeated([(pitch, 0, 24), (pitch, 24, 48)], 8)]
    soft: Notes = {"other": keys, "bass": repeated([(33, 0, 48)], 8)}
    rows = {row for _, row in line(rule_part(grid_of([(4, 4)] * 8, soft), "guitar", (0, 8), [90.0] * 8)[0])}
    assert 61 in rows or 49 in rows
    assert {row % 12 for row in rows} <= {9, 1, 4}


def test_strokes_have_no_more_notes_than_strings() -> None:
    cluster = [(pitch, 0, 192) for pitch in range(48, 72)]
    onset = rule_part(grid_of([(4, 4)] * 4, {"other": cluster, "bass": eighths(40, 4)}), "guitar", (0, 4))[0]
    assert 1 <= onset.sum(axis=0).max() <= 6


def test_where_the_band_stops_and_where_sections_begin() -> None:
    # Sounds to the eighth after one in bar 0: stops after the first beat. Bar 2 is silent, bar 3 is full.
    heard = listen(grid_of([(4, 4)] * 4, {"other": [(60, 0, 7), (60, 48, 61), (60, 144, 192)]}), 0)
    allowed = before_the_stop(heard)
    assert np.flatnonzero(allowed[:48]).tolist() == list(range(12))
    assert np.flatnonzero(allowed[48:96]).tolist() == list(range(24))
    assert not allowed[96:144].any()
    assert allowed[144:].all()
    many = listen(grid_of([(4, 4)] * 12, {"other": [(60, 0, 576)], "guitar": [(50, 96, 576), (52, 288, 300)]}), 0)
    assert section_starts(many, np.ones(12, dtype=bool)).tolist() == [0], "a change two bars in is no section"
    later = listen(grid_of([(4, 4)] * 12, {"other": [(60, 0, 576)], "guitar": [(50, 288, 576)]}), 0)
    assert section_starts(later, np.arange(12) >= 1).tolist() == [1, 6]
