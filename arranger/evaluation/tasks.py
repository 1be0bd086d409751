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
    """

    song: Song
    roles: tuple[Role, ...]
    parts: tuple[str, ...]
    bars: tuple[int, int]
    mask: str = "whole"
    name: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """A task with what it is judged by: the full song it was made of, the hidden notes, and the task's grid."""

    task: Task
    example: Example
    truth: Mapping[str, tuple[Note, ...]]
    grid: Grid

    @property
    def steps(self) -> slice:
        """Steps of the hidden bars."""
        return self.grid.bar_slice(*self.task.bars)

    @property
    def bar_steps(self) -> np.ndarray:
        """Bar table of the hidden bars, from 0."""
        first, last = self.task.bars
        return self.grid.bar_steps[first : last + 1] - self.grid.bar_steps[first]


def strip(song: Song, roles: Sequence[Role], parts: Sequence[str], bars: tuple[int, int]) -> Task | None:
    """Take the notes that start in the bars [first, last) out of all tracks of the parts.

    Tracks of the parts that have none left are taken out whole. None if one of the parts has no note there, or if
    nothing is left to go by.
    """
    first, last = song.bars[bars[0]].start, song.bars[bars[1] - 1].end
    tracks: list[Track] = []
    left: list[Role] = []
    for role in roles:
        track = song.tracks[role.track]
        if role.role in parts:
            track = replace(track, notes=tuple(note for note in track.notes if not first <= note.start < last))
            if not track.notes:
                continue
        left.append(replace(role, track=len(tracks)))
        tracks.append(track)
    hidden_all = all(hidden_notes(song, roles, part, bars) for part in parts)
    if not hidden_all or not any(track.notes for track in tracks):
        return None
    full = replace(song, length=song.end, source=None)  # the part may be what makes the song this long
    ordered = tuple(part for part in PARTS if part in parts)
    return Task(full.with_tracks(tracks), tuple(left), ordered, bars)


def hidden_notes(song: Song, roles: Sequence[Role], part: str, bars: tuple[int, int]) -> tuple[Note, ...]:
    """Notes of a part, all its tracks together, that start in the bars [first, last), sorted."""
    first, last = song.bars[bars[0]].start, song.bars[bars[1] - 1].end
    return tuple(note for note in part_notes(song, roles, part) if first <= note.start < last)


def part_notes(song: Song, roles: Sequence[Role], part: str) -> tuple[Note, ...]:
    """Notes of a part, all its tracks together, sorted."""
    return tuple(sorted(note for index in tracks_of(tuple(roles), song, part) for note in song.tracks[index].notes))


def make_case(example: Example, parts: Sequence[str], bars: tuple[int, int], mask: str) -> Case | None:
    """A case of one song; None where `strip` finds nothing to ask."""
    task = strip(example.song, example.roles, parts, bars)
    if task is None:
        return None
    task = replace(task, mask=mask, name=example.name)
    truth = {part: hidden_notes(example.song, example.roles, part, bars) for part in task.parts}
    return Case(task, example, truth, song_to_grid(task.song, task.roles))


def make_cases(example: Example, parts: Sequence[str], masks: Sequence[str], rng: np.random.Generator) -> list[Case]:
    """Every part whole; of each other mask one case, its part or parts drawn."""
    song, roles = example.song, example.roles
    there = [part for part in parts if tracks_of(roles, song, part)]
    everything = (0, len(song.bars))
    drawn: list[tuple[Sequence[str], tuple[int, int], str]] = []
    if "whole" in masks:
        drawn += [((part,), everything, "whole") for part in there]
    order = rng.permutation(len(there)).tolist()  # drawn whatever the masks, so that a mask's cases are always the same
    where = rng.random()
    if "two" in masks and len(there) > 1:
        drawn.append(([there[at] for at in order[:2]], everything, "two"))
    for mask, at in (("half", 0), ("last", -1)):
        if mask in masks and there:
            part = there[order[at]]
            run = _run(song, part_notes(song, roles, part), mask, where)
            drawn += [((part,), run, mask)] if run else []
    cases = (make_case(example, *one) for one in drawn)
    return [case for case in cases if case is not None]


def _run(song: Song, notes: Sequence[Note], mask: str, where: float) -> tuple[int, int] | None:
    """Half of the bars between a part's first and last note, from a place drawn in 0..1; or its last bars."""
    first, last = song.bar_at(notes[0].start), song.bar_at(notes[-1].start) + 1
    if last - first < 2:
        return None
    if mask == "last":
        return max(first + 1, last - LAST_BARS), last
    length = (last - first) // 2
    begin = first + int(where * (last - first - length + 1))
    return begin, begin + length


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
