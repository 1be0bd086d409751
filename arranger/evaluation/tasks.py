"""What an evaluation asks: a song with a part, two parts, or some bars of a part taken out.

A song is stripped before a filler sees it: the hidden notes are gone, and so are the source bytes, which still hold
them. Masks follow Composer's Assistant (Malandro, ISMIR 2023): a whole part, half of its bars, its last bars; `two` is
a pair of parts that have to listen to each other. The half is one run of bars, because that is what can be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arranger.evaluation.examples import Example
from arranger.fills import Fill
from arranger.grid import DRUMS, ROWS, Grid, bar_step_table, notes_to_steps, song_to_grid
from arranger.parts import PARTS, ROLES, Role, tracks_of
from arranger.request import without_bars
from arranger.song import Note, Song, Track

MASKS = ("whole", "two", "half", "last")
LAST_BARS = 4

Planes = tuple[np.ndarray, np.ndarray]
"""(onset, sustain) of one part, bool, shape (row, step)."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a filler sees.

    Parameters
    ----------
    song : without the hidden notes and without its source; it has the same bars as the full song.
    roles : of the tracks that are left, numbered anew.
    parts : asked for, in the order of `PARTS`.
    bars : [first, last), counted from 0.
    mask : one of `MASKS`.
    name : of the song.
    only : the hidden bars among `bars`, sorted; empty where it is all of them.
    """

    song: Song
    roles: tuple[Role, ...]
    parts: tuple[str, ...]
    bars: tuple[int, int]
    mask: str = "whole"
    name: str = ""
    only: tuple[int, ...] = ()

    @property
    def hidden(self) -> tuple[int, ...]:
        """The hidden bars, sorted."""
        return self.only or tuple(range(*self.bars))


@dataclass(frozen=True, eq=False)
class Case:
    """A task with what it is judged by: the full song it was made of, the hidden notes, and the task's grid."""

    task: Task
    example: Example
    truth: Mapping[str, tuple[Note, ...]]
    grid: Grid

    @property
    def steps(self) -> np.ndarray:
        """Steps of the hidden bars, int (step,)."""
        return np.flatnonzero(np.isin(self.grid.bar_of_step, self.task.hidden))

    @property
    def bar_steps(self) -> np.ndarray:
        """Bar table of the hidden bars put one after the other, from 0."""
        return np.concatenate([[0], np.cumsum(np.diff(self.grid.bar_steps)[list(self.task.hidden)])])


def strip(
    song: Song, roles: Sequence[Role], parts: Sequence[str], bars: tuple[int, int], only: tuple[int, ...] = ()
) -> Task | None:
    """Take the notes that start in the bars [first, last), or in `only` some of them, out of all tracks of the parts.

    Tracks of the parts that have none left are taken out whole. None if one of the parts has no note there, or if
    nothing is left to go by.
    """
    hidden = only or range(*bars)
    tracks: list[Track] = []
    left: list[Role] = []
    for role in roles:
        track = song.tracks[role.track]
        if role.role in parts:
            track = without_bars(song, track, hidden)
            if not track.notes:
                continue
        left.append(replace(role, track=len(tracks)))
        tracks.append(track)
    hidden_all = all(hidden_notes(song, roles, part, hidden) for part in parts)
    if not hidden_all or not any(track.notes for track in tracks):
        return None
    full = replace(song, length=song.end, source=None)  # the part may be what makes the song this long
    ordered = tuple(part for part in PARTS if part in parts)
    return Task(full.with_tracks(tracks), tuple(left), ordered, bars, only=only)


def hidden_notes(song: Song, roles: Sequence[Role], part: str, bars: Sequence[int]) -> tuple[Note, ...]:
    """Notes of a part, all its tracks together, that start in these bars, sorted."""
    hidden = frozenset(bars)
    return tuple(note for note in part_notes(song, roles, part) if song.bar_at(note.start) in hidden)


def part_notes(song: Song, roles: Sequence[Role], part: str) -> tuple[Note, ...]:
    """Notes of a part, all its tracks together, sorted."""
    return tuple(sorted(note for index in tracks_of(tuple(roles), song, part) for note in song.tracks[index].notes))


def make_case(
    example: Example, parts: Sequence[str], bars: tuple[int, int], mask: str, only: tuple[int, ...] = ()
) -> Case | None:
    """A case of one song; None where `strip` finds nothing to ask."""
    task = strip(example.song, example.roles, parts, bars, only)
    if task is None:
        return None
    task = replace(task, mask=mask, name=example.name)
    truth = {part: hidden_notes(example.song, example.roles, part, task.hidden) for part in task.parts}
    return Case(task, example, truth, song_to_grid(task.song, task.roles))


def make_cases(example: Example, parts: Sequence[str], masks: Sequence[str], rng: np.random.Generator) -> list[Case]:
    """Every part whole; of each other mask one case, its part or parts drawn."""
    song, roles = example.song, example.roles
    there = [part for part in parts if tracks_of(roles, song, part)]
    everything = (0, len(song.bars))
    drawn: list[tuple[Sequence[str], tuple[int, int], str, tuple[int, ...]]] = []
    if "whole" in masks:
        drawn += [((part,), everything, "whole", ()) for part in there]
    order = rng.permutation(len(there)).tolist()  # drawn whatever the masks, so that a mask's cases are always the same
    where = rng.random()
    if "two" in masks and len(there) > 1:
        drawn.append(([there[at] for at in order[:2]], everything, "two", ()))
    for mask, at in (("half", 0), ("last", -1)):
        if mask in masks and there:
            part = there[order[at]]
            played = part_notes(song, roles, part)
            first, last = song.bar_at(played[0].start), song.bar_at(played[-1].start) + 1
            if last - first < 2:
                continue
            if mask == "last":
                drawn.append(((part,), (max(first + 1, last - LAST_BARS), last), mask, ()))
            else:
                drawn.append(((part,), *_half(first, last, where)))
    cases = (make_case(example, *one) for one in drawn)
    return [case for case in cases if case is not None]


def _half(first: int, last: int, where: float) -> tuple[tuple[int, int], str, tuple[int, ...]]:
    """Half of the bars [first, last), each drawn by itself by the number `where` in 0..1."""
    rng = np.random.default_rng(int(where * 2**32))
    bars = np.sort(rng.choice(np.arange(first, last), (last - first) // 2, replace=False)).tolist()
    return (bars[0], bars[-1] + 1), "half", tuple(bars)


def played_notes(case: Case, fill: Fill, part: str) -> tuple[Note, ...]:
    """The part as it is with the fill in it, in all bars."""
    return tuple(sorted([*part_notes(case.task.song, case.task.roles, part), *fill.notes(part)]))


def notes_to_planes(notes: Sequence[Note], song: Song, part: str) -> Planes:
    """Onset and sustain of a part's notes on the grid of `song`."""
    steps = int(bar_step_table(song.bars, song.ticks_per_quarter)[-1])
    onset, sustain = np.zeros((2, ROWS, steps), dtype=bool)
    for row, first, last in notes_to_steps(notes, song.bars, song.ticks_per_quarter, part == ROLES[DRUMS]):
        onset[row, first] = True
        sustain[row, first:last] = True
    return onset, sustain
