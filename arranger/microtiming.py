"""When each generated note is really played: a little early or late, as hands are.

For MIDI only; in a tab every note stands where it is written. How far players depart from the grid was learned
(`arranger.feel`, `datasets.human_feel`): drums from the Groove MIDI Dataset (CC BY 4.0), bass and guitar from those
tracks of a song corpus that were evidently played. Notes may already be swung; what is added is the hand's part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from arranger.feel import hand_scores, load_habits, load_strum, voices_of
from arranger.feel_features import features
from arranger.parts import PARTS
from arranger.song import Note, Song

NEAREST = 0.45
"""Of the way to its neighbours on the same voice or string, how far a note may move: they can never change places."""
STRUM_ROOM = 0.25
"""Of the way to the next onset, how much the strings of a strum may take together."""


def humanised(notes: Sequence[Note], part: str, song: Song, seed: int) -> tuple[Note, ...]:
    """The same notes, in the same order, moved by what a player's hands depart from the grid.

    No note goes before tick 0, nor from a bar of the fill into a bar in which the fill has no note, so nothing outside
    the asked bars is touched; notes of one voice or string keep their order and don't overlap where they did not. The
    same seed gives the same hands. Velocities are left alone.

    Parameters
    ----------
    notes : of one part, on the grid or swung. part : `drums`, `bass` or `guitar`.
    song : its tempo turns seconds into ticks, its bars say what is where.

    Raises
    ------
    ValueError
        if there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    habit = load_habits().get(f"{part} timing")
    if not notes or habit is None:
        return tuple(notes)
    rng = np.random.default_rng([seed, PARTS.index(part), 1])
    late = habit.drawn(habit.chances(features(notes, part, song)), hand_scores(notes, part, song, habit.shares, rng))
    starts = np.array([note.start for note in notes], dtype=np.int64)
    if part != "drums":
        _, first, onset = np.unique(starts, return_index=True, return_inverse=True)
        late = late[first][onset]  # one stroke, one time; the strings follow each other below
    pace = np.array([song.tempo_at(start) for start in starts.tolist()]) * song.ticks_per_quarter / 60
    line = lines_of(notes, part)
    moved = _between_neighbours(starts, late * pace, voices_of(notes, part) if part == "drums" else np.zeros_like(line))
    if part == "guitar":
        moved += _strummed(notes, starts, pace, rng)
    low, high = _room(song, starts)
    begins = _in_order(np.clip(np.rint(moved).astype(np.int64), low, high - 1), starts, line)
    ends = _ends(notes, begins, line, high)
    return tuple(
        replace(note, start=start, duration=end - start)
        for note, start, end in zip(notes, begins.tolist(), ends, strict=True)
    )


def _in_order(begins: np.ndarray, starts: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Begins, int (note,), none of them as late as the next one on its line: a fast strum has no time to spread."""
    out = begins.copy()
    for which in np.unique(line).tolist():
        own = np.flatnonzero(line == which)
        own = own[np.argsort(starts[own], kind="stable")]
        room = np.arange(len(own))
        # The earliest of all later begins, less a tick for each note between.
        latest = np.minimum.accumulate((out[own] - room)[::-1])[::-1] + room
        distinct = np.append(np.diff(starts[own]) > 0, True)
        out[own] = np.where(distinct, latest, out[own])
    return out


def lines_of(notes: Sequence[Note], part: str) -> np.ndarray:
    """What sounds one note at a time: a drum key, a string, or, where there are no strings, a pitch; int, (note,)."""
    if part == "drums" or any(note.string is None for note in notes):
        return np.array([note.pitch for note in notes], dtype=np.int64)
    return np.array([note.string for note in notes], dtype=np.int64)


def _between_neighbours(starts: np.ndarray, moves: np.ndarray, voice: np.ndarray) -> np.ndarray:
    """Starts plus moves, float ticks, moves cut to less than half of the way to the neighbours in the same voice."""
    moved = starts + moves
    for which in np.unique(voice):
        members = np.flatnonzero(voice == which)
        ticks, at = np.unique(starts[members], return_inverse=True)
        gaps = np.diff(ticks).astype(float)
        before, after = np.append(np.inf, gaps)[at], np.append(gaps, np.inf)[at]
        moved[members] = starts[members] + np.clip(moves[members], -NEAREST * before, NEAREST * after)
    return moved


def _strummed(notes: Sequence[Note], starts: np.ndarray, pace: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ticks by which each note of a chord comes after the first, float, shape (note,)."""
    strum = load_strum()
    late = np.zeros(len(starts))
    onsets, which, sizes = np.unique(starts, return_inverse=True, return_counts=True)
    room = STRUM_ROOM * np.append(np.diff(onsets), np.inf)
    draws = rng.random((len(onsets), 3))
    for chord in np.flatnonzero(sizes > 1).tolist():
        members = sorted(np.flatnonzero(which == chord).tolist(), key=lambda at: notes[at].pitch)
        if draws[chord, 0] >= strum.share:
            continue
        if draws[chord, 1] < strum.upward:
            members.reverse()
        step = float(np.quantile(strum.seconds, draws[chord, 2])) * pace[members[0]]
        step = min(step, room[chord] / (len(members) - 1))
        for at, member in enumerate(members):
            late[member] = at * step
    return late


def _room(song: Song, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First tick and end of the run of bars with notes that each note stands in; int, shape (note,)."""
    edges = np.array([*(bar.start for bar in song.bars), song.bars[-1].end], dtype=np.int64)
    bar = np.clip(np.searchsorted(edges, starts, side="right") - 1, 0, len(edges) - 2)
    filled = np.unique(bar)
    runs = np.concatenate([[0], np.cumsum(np.diff(filled) > 1)])
    run = runs[np.searchsorted(filled, bar)]
    firsts, lasts = (np.array([pick(filled[runs == one]) for one in range(runs[-1] + 1)]) for pick in (min, max))
    return edges[firsts[run]], np.maximum(edges[lasts[run] + 1], starts + 1)


def _ends(notes: Sequence[Note], begins: np.ndarray, line: np.ndarray, high: np.ndarray) -> list[int]:
    """New end of each note: moved as its start was, but not into the next note of its line, and where it was held to
    the next, held to it still."""
    ends = [0] * len(notes)
    order = sorted(range(len(notes)), key=lambda at: (line[at], notes[at].start))
    follower = {a: b for a, b in pairwise(order) if line[a] == line[b] and notes[a].start < notes[b].start}
    for at, note in enumerate(notes):
        end = note.end + int(begins[at]) - note.start
        after = follower.get(at)
        if after is not None and note.end == notes[after].start:
            end = int(begins[after])
        elif after is not None and note.end < notes[after].start:
            end = min(end, int(begins[after]))
        ends[at] = max(int(begins[at]) + 1, min(end, max(note.end, int(high[at]))))
    return ends
