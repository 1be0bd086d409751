"""Micro-timing: small, seeded, in the bars of the fill, in order on every string."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger import microtiming
from arranger.feel import Strum
from arranger.microtiming import humanised, lines_of
from arranger.song import Note, Song, Tempo, TimeSignature

TPQ = 480
PARTS = ("drums", "bass", "guitar")


def empty(bars: int, qpm: float = 120.0) -> Song:
    return Song(TPQ, (), (Tempo(0, qpm),), (TimeSignature(0, 4, 4),), length=bars * 4 * TPQ)


def beat(bars: int, first: int = 0) -> list[Note]:
    notes = []
    for at in range(first * 4 * TPQ, (first + bars) * 4 * TPQ, 4 * TPQ):
        notes += [Note(at + step * TPQ // 2, 60, 42) for step in range(8)]
        notes += [Note(at + k * TPQ, 60, 38 if k % 2 else 36) for k in range(4)]
    return sorted(notes)


def milliseconds(before: list[Note], after: tuple[Note, ...], qpm: float = 120.0) -> np.ndarray:
    ticks = np.array([b.start - a.start for a, b in zip(before, after, strict=True)])
    return ticks * 60_000 / (qpm * TPQ)


def test_drums_move_as_hands_do() -> None:
    takes = [milliseconds(beat(16), humanised(beat(16), "drums", empty(16), seed)) for seed in range(8)]
    late = np.concatenate(takes)
    # Drummers of the Groove set lie between 17 and 27 ms of standard deviation, most between -15 and 7 ms of mean.
    assert 12 < late.std() < 30
    assert -20 < late.mean() < 10
    assert np.abs(late).max() <= 62
    # What is struck together stays nearly together: hat and drum of one beat differ less than two beats do.
    starts = np.array([note.start for note in beat(16)])
    kick, hat = (np.array([n.pitch for n in beat(16)]) == key for key in (36, 42))
    on = np.isin(starts, starts[kick]) & hat
    apart = np.mean([np.std(take[kick] - take[on]) for take in takes])
    assert apart < np.mean([np.std(np.roll(take[kick], 1) - take[on]) for take in takes])


def test_seconds_not_ticks_are_learned() -> None:
    slow, fast = (milliseconds(beat(16), humanised(beat(16), "drums", empty(16, q), 5), q) for q in (70.0, 140.0))
    assert 0.4 < fast.std() / slow.std() < 1.6


def test_a_seed_is_a_hand_and_nothing_else_changes() -> None:
    notes, song = beat(8), empty(8)
    one = humanised(notes, "drums", song, 1)
    assert one == humanised(notes, "drums", song, 1)
    assert one != humanised(notes, "drums", song, 2)
    same = [replace(a, start=b.start, duration=b.duration) for a, b in zip(one, notes, strict=True)]
    assert same == notes


def test_nothing_leaves_the_bars_of_the_fill() -> None:
    # Bars 2-3 and 6 of eight; the bars between are somebody else's.
    notes = sorted([*beat(2, first=2), *beat(1, first=6)])
    inside = [range(2 * 4 * TPQ, 4 * 4 * TPQ), range(6 * 4 * TPQ, 7 * 4 * TPQ)]
    for seed in range(30):
        for before, after in zip(notes, humanised(notes, "drums", empty(8), seed), strict=True):
            run = next(run for run in inside if before.start in run)
            assert after.start in run
            assert after.end <= run.stop


def test_the_first_note_of_a_song_is_not_before_it() -> None:
    early = 0
    for seed in range(30):
        starts = [note.start for note in humanised(beat(2), "drums", empty(2), seed)]
        assert min(starts) >= 0
        early += any(a < b.start for a, b in zip(starts, beat(2), strict=True))
    assert early > 5  # others do come early


@st.composite
def parts(draw: st.DrawFn) -> tuple[str, list[Note]]:
    """Notes of a part on the grid, one at a time on each string or drum."""
    part = draw(st.sampled_from(PARTS))
    notes = []
    for line in range(draw(st.integers(1, 4))):
        cuts = sorted(draw(st.sets(st.integers(0, 95), min_size=2, max_size=12)))
        for at, after in pairwise(cuts):
            length = draw(st.integers(1, after - at))
            key = (36, 38, 42, 46)[line] if part == "drums" else 40 + 5 * line
            string = None if part == "drums" else 6 - line
            notes.append(Note(at * 40, length * 40, key, 80, string, None if string is None else 0))
    return part, sorted(notes)


@settings(max_examples=60, deadline=None)
@given(parts(), st.integers(0, 5), st.sampled_from([40.0, 120.0, 300.0]))
def test_order_is_kept_and_nothing_overlaps(drawn: tuple[str, list[Note]], seed: int, qpm: float) -> None:
    part, notes = drawn
    moved = humanised(notes, part, empty(3, qpm), seed)
    line = lines_of(notes, part)
    for which in set(line.tolist()):
        mine = [(a, b) for a, b, at in zip(notes, moved, line.tolist(), strict=True) if at == which]
        for (a, b), (c, d) in pairwise(sorted(mine)):
            assert b.start < d.start
            assert b.end <= d.start
            if a.end == c.start:
                assert b.end == d.start  # held to the next: still held
    assert all(note.duration >= 1 and note.start >= 0 for note in moved)


def test_a_strum_runs_from_string_to_string(monkeypatch: pytest.MonkeyPatch) -> None:
    chords = [Note(at, 400, pitch) for at in range(0, 16 * TPQ, TPQ) for pitch in (40, 47, 52, 56)]
    for upward in (0.0, 1.0):
        strum = Strum(1.0, upward, np.array([0.005, 0.005]))
        monkeypatch.setattr(microtiming, "load_strum", lambda strum=strum: strum)
        starts = np.array([note.start for note in humanised(chords, "guitar", empty(4), 0)]).reshape(-1, 4)
        # 5 ms at 120 quarters a minute are 4.8 ticks; the first bar's first chord may be cut at tick 0.
        steps = np.diff(starts[:, ::-1] if upward else starts, axis=1)[1:]
        assert np.abs(steps - 4.8).max() < 1


def test_chords_stay_chords() -> None:
    chords = [Note(at, 60, pitch) for at in range(0, 16 * TPQ, TPQ // 4) for pitch in (40, 47, 52, 56, 59, 64)]
    starts = np.array([note.start for note in humanised(chords, "guitar", empty(4, 200), 3)]).reshape(-1, 6)
    assert (starts.max(axis=1)[:-1] < starts.min(axis=1)[1:]).all()


def test_no_notes_and_no_such_part() -> None:
    assert humanised([], "drums", empty(1), 0) == ()
    with pytest.raises(ValueError, match="part must be one of"):
        humanised(beat(1), "other", empty(1), 0)
