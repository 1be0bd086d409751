"""The grid against notes that were put on it by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.grid import STEPS_PER_QUARTER, Grid, bar_step_table, song_to_grid, steps_to_notes
from arranger.parts import ROLES, Role
from arranger.song import Note, Song, TimeSignature, Track

TPQ = 480
STEP = TPQ // 12
BASS, OTHER = (ROLES.index(role) for role in ("bass", "other"))
# (numerator, denominator), steps of a bar counted by hand: twelve a quarter
METRES = {(4, 4): 48, (3, 4): 36, (7, 8): 42, (6, 8): 36, (5, 16): 15, (2, 2): 48, (1, 32): 2}


def song_of(
    notes: list[Note], metres: list[tuple[int, int, int]], length: int, role: str = "bass"
) -> tuple[Song, tuple[Role, ...]]:
    """One track under time signatures (tick, numerator, denominator)."""
    track = Track("x", 33, role == "drums", tuple(sorted(notes)))
    song = Song(TPQ, (track,), time_signatures=tuple(TimeSignature(*metre) for metre in metres), length=length)
    return song, (Role(0, role, "test"),)


@st.composite
def aligned_notes(draw: st.DrawFn, steps: int) -> list[Note]:
    """Notes on the grid that do not overlap on their pitch."""
    notes = []
    for pitch in draw(st.sets(st.integers(0, 127), max_size=4)):
        edges = sorted(draw(st.sets(st.integers(0, steps), min_size=2, max_size=12)))
        pairs = pairwise(edges)
        chosen = [pair for pair in pairs if draw(st.booleans())]
        notes += [Note(first * STEP, (last - first) * STEP, pitch) for first, last in chosen]
    return sorted(notes)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([m for m in METRES if m != (1, 32)]), st.integers(1, 5))
def test_notes_on_the_grid_come_back(data: st.DataObject, metre: tuple[int, int], bars: int) -> None:
    steps = METRES[metre] * bars
    notes = data.draw(aligned_notes(steps))
    grid = song_to_grid(*song_of(notes, [(0, *metre)], steps * STEP))
    assert grid.steps == steps
    assert steps_to_notes(grid.onset[BASS], grid.sustain[BASS], grid, drums=False) == notes
    assert grid.onset.sum() == len(notes)
    assert grid.sustain.sum() == sum(note.duration for note in notes) // STEP


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_notes_come_back_over_changes_of_metre_and_a_short_bar(data: st.DataObject) -> None:
    # 4/4, cut after 6 steps of its second bar by 7/8, then 5/16
    metres = [(0, 4, 4), (54 * STEP, 7, 8), (96 * STEP, 5, 16)]
    notes = data.draw(aligned_notes(126))
    song, roles = song_of(notes, metres, 126 * STEP)
    grid = song_to_grid(song, roles)
    assert np.diff(grid.bar_steps).tolist() == [48, 6, 42, 15, 15]
    assert steps_to_notes(grid.onset[BASS], grid.sustain[BASS], grid, drums=False) == notes


@pytest.mark.parametrize(("metre", "steps"), METRES.items())
def test_steps_of_a_bar(metre: tuple[int, int], steps: int) -> None:
    song, _ = song_of([], [(0, *metre)], 3)
    assert bar_step_table(song.bars, TPQ).tolist() == [0, steps]


@pytest.mark.parametrize(("start", "step"), [(0, 0), (19, 0), (21, 1), (1899, 47), (1900, 48), (3839, 95)])
def test_a_note_goes_to_the_nearest_step_and_never_past_the_end(start: int, step: int) -> None:
    """A step is 40 ticks; a bar 1920."""
    grid = song_to_grid(*song_of([Note(start, 1, 40)], [(0, 4, 4)], 2 * 48 * STEP))
    assert np.argwhere(grid.onset).tolist() == [[BASS, 40, step]]
    assert np.argwhere(grid.sustain).tolist() == [[BASS, 40, step]]


def test_bars_that_are_no_whole_number_of_steps_begin_on_a_step_of_their_own() -> None:
    # A bar of 100 ticks is 2.5 steps; its neighbours must not move with it.
    song, roles = song_of([Note(0, 40, 40), Note(100, 40, 41)], [(0, 4, 4), (100, 4, 4)], 2020)
    grid = song_to_grid(song, roles)
    assert np.diff(grid.bar_steps).tolist() == [2, 48]
    assert np.argwhere(grid.onset[BASS]).tolist() == [[40, 0], [41, 2]]
    assert [note.start for note in steps_to_notes(grid.onset[BASS], grid.sustain[BASS], grid, drums=False)] == [0, 100]


def test_triplets_and_sixteenths_are_exact() -> None:
    starts = [0, 120, 160, 240, 320, 360]
    grid = song_to_grid(*song_of([Note(start, 40, 40) for start in starts], [(0, 4, 4)], 1920))
    assert np.flatnonzero(grid.onset[BASS, 40]).tolist() == [0, 3, 4, 6, 8, 9]


def test_drums_are_voices_and_last_a_sixteenth_or_to_the_next_hit() -> None:
    # Both kick keys are one voice (36 is written), open triangle is other percussion (54).
    notes = [Note(0, 10, 35), Note(480, 900, 36), Note(480 + 80, 10, 36), Note(0, 10, 81)]
    grid = song_to_grid(*song_of(notes, [(0, 4, 4)], 1920, "drums"))
    drums = ROLES.index("drums")
    back = steps_to_notes(grid.onset[drums], grid.sustain[drums], grid, drums=True)
    assert [(n.start, n.duration, n.pitch) for n in back] == [(0, 120, 36), (0, 120, 54), (480, 80, 36), (560, 120, 36)]


def test_sound_effects_are_no_context_and_tracks_of_a_role_share_its_planes() -> None:
    tracks = (
        Track("piano", 0, False, (Note(0, 480, 60),)),
        Track("strings", 48, False, (Note(480, 480, 64),)),
        Track("applause", 126, False, (Note(0, 480, 50),)),
    )
    song = Song(TPQ, tracks, length=1920)
    grid = song_to_grid(song, [Role(k, "other", "test") for k in range(3)])
    assert np.argwhere(grid.onset).tolist() == [[OTHER, 60, 0], [OTHER, 64, 12]]
    # A user who says that the gunshots are the bass is believed.
    assert song_to_grid(song, [Role(2, "bass", "you said so")]).onset[BASS, 50, 0]


def test_places_in_the_grid() -> None:
    grid = song_to_grid(*song_of([], [(0, 4, 4), (1920, 7, 8)], 1920 + 1680))
    assert grid.bar_slice(1, 2) == slice(48, 90)
    assert (grid.tick_of(0), grid.tick_of(48), grid.tick_of(49), grid.tick_of(90)) == (0, 1920, 1960, 3600)
    assert np.bincount(grid.bar_of_step).tolist() == [48, 42]


def test_wrong_shapes_are_refused_and_planes_are_read_only() -> None:
    song, roles = song_of([Note(0, 40, 40)], [(0, 4, 4)], 1920)
    grid = song_to_grid(song, roles)
    with pytest.raises(ValueError, match="read-only"):
        grid.onset[0, 0, 0] = True
    with pytest.raises(ValueError, match="planes must both be"):
        Grid(grid.onset[:, :64], grid.sustain[:, :64], grid.bar_steps, grid.bars, TPQ)
    with pytest.raises(ValueError, match="bar_steps"):
        Grid(grid.onset, grid.sustain, grid.bar_steps[:1], grid.bars, TPQ)
    assert STEPS_PER_QUARTER == 12
