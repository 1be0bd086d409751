"""What an evaluation fills parts with: a song without the part goes in, the part's planes come out.

A song is stripped before a filler sees it: the tracks of the part are gone, and so are the source bytes, which still
hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arranger.grid import DRUMS, ROWS, bar_step_table, notes_to_steps, song_to_grid
from arranger.parts import ROLES, Role, tracks_of
from arranger.song import Note, Song

Planes = tuple[np.ndarray, np.ndarray]
"""(onset, sustain) of one part, bool, shape (row, step)."""

Filler = Callable[[Song, tuple[Role, ...], str, int], Planes]
"""(stripped song, its roles, part, seed) -> what it plays, on the grid of the song."""


@dataclass(frozen=True, eq=False)
class Stripped:
    """A song without one of its parts, and what was taken out.

    Parameters
    ----------
    song : without the part's tracks and without its source; it has the same bars as the full song.
    roles : of the tracks that are left, numbered anew.
    truth : the union of the tracks taken out, on the grid of the full song.
    bar_steps : int, shape (bar + 1,), of that grid.
    """

    song: Song
    roles: tuple[Role, ...]
    truth: Planes
    bar_steps: np.ndarray


def strip_part(song: Song, roles: Sequence[Role], part: str) -> Stripped | None:
    """Take a part out of a song; None if the song has no such part, or nothing but it."""
    taken = set(tracks_of(tuple(roles), song, part))
    left = [index for index in range(len(song.tracks)) if index not in taken]
    if not taken or not any(song.tracks[index].notes for index in left):
        return None
    new_index = {old: new for new, old in enumerate(left)}
    full = replace(song, length=song.end, source=None)  # the part may be what makes the song this long
    return Stripped(
        song=full.with_tracks(song.tracks[index] for index in left),
        roles=tuple(replace(role, track=new_index[role.track]) for role in roles if role.track in new_index),
        truth=part_planes(song, roles, part),
        bar_steps=bar_step_table(song.bars, song.ticks_per_quarter),
    )


def part_planes(song: Song, roles: Sequence[Role], part: str) -> Planes:
    """Onset and sustain of one part of a song, all its tracks together."""
    notes = [note for index in tracks_of(tuple(roles), song, part) for note in song.tracks[index].notes]
    return notes_to_planes(notes, song, part)


def notes_to_planes(notes: Sequence[Note], song: Song, part: str) -> Planes:
    """Onset and sustain of a part's notes on the grid of `song`."""
    steps = int(bar_step_table(song.bars, song.ticks_per_quarter)[-1])
    onset, sustain = np.zeros((2, ROWS, steps), dtype=bool)
    for row, first, last in notes_to_steps(notes, song.bars, song.ticks_per_quarter, part == ROLES[DRUMS]):
        onset[row, first] = True
        sustain[row, first:last] = True
    return onset, sustain


def rules_filler(song: Song, roles: tuple[Role, ...], part: str, seed: int) -> Planes:
    """The rule of thumb of `arranger.rules`; the seed makes no difference."""
    from arranger.rules import rule_part

    return rule_part(song_to_grid(song, roles), part, (0, len(song.bars)))


def model_filler(takes: int = 8, **options: Any) -> Filler:
    """The best of `takes` takes that `arranger.fill` gives; `options` go to it as they are."""

    def fill_part(song: Song, roles: tuple[Role, ...], part: str, seed: int) -> Planes:
        from arranger.filler import fill

        best = fill(song, [part], takes=takes, seed=seed, **options)[0]
        return notes_to_planes(best.notes(part), song, part)

    return fill_part


def tile_bars(planes: Planes, from_steps: np.ndarray, to_steps: np.ndarray) -> Planes:
    """Another song's bars put into these bars in turn, from the first again when they run out.

    Parameters
    ----------
    from_steps, to_steps : int, shape (bar + 1,), bar tables of the other song and of this one. A bar that is too long
        for its place is cut, one that is too short is followed by silence.
    """
    onset, sustain = np.zeros((2, planes[0].shape[0], int(to_steps[-1])), dtype=bool)
    for bar in range(len(to_steps) - 1):
        other = bar % (len(from_steps) - 1)
        begin, first = from_steps[other], to_steps[bar]
        length = min(from_steps[other + 1] - begin, to_steps[bar + 1] - first)
        onset[:, first : first + length] = planes[0][:, begin : begin + length]
        sustain[:, first : first + length] = planes[1][:, begin : begin + length]
    return onset, sustain
