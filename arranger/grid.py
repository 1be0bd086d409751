"""The binary piano roll that the model sees.

Conventions
-----------
`STEPS_PER_QUARTER` = 12, so sixteenths and triplets are both exact. The grid follows the bars of the song: every bar
begins on a step of its own, whatever its metre, and step -> tick goes through the bar. Axes are (role, row, step);
row is the MIDI pitch, for drums the voice index of `arranger.voices`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arranger.parts import EFFECT_PROGRAMS, ROLES, Role
from arranger.song import Bar, Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

STEPS_PER_QUARTER = 12
ROWS = 128
DRUMS = ROLES.index("drums")


@dataclass(frozen=True, eq=False)
class Grid:
    """Onset and sustain planes of a song, or of a run of its bars.

    Parameters
    ----------
    onset, sustain : bool, shape (role, row, step); `sustain` is set from the onset step to the end of the note.
    bar_steps : int, shape (bar + 1,); first step of each bar, and the end of the last.
    bars : the song's bars, for the way back to ticks.
    """

    onset: np.ndarray
    sustain: np.ndarray
    bar_steps: np.ndarray
    bars: tuple[Bar, ...]
    ticks_per_quarter: int

    def __post_init__(self) -> None:
        if self.onset.shape != self.sustain.shape or self.onset.shape[:2] != (len(ROLES), ROWS):
            raise ValueError(f"planes must both be ({len(ROLES)}, {ROWS}, steps), not {self.onset.shape}")
        if len(self.bar_steps) != len(self.bars) + 1 or self.bar_steps[-1] != self.onset.shape[2]:
            raise ValueError("bar_steps must hold one entry a bar and the end")
        for array in (self.onset, self.sustain, self.bar_steps):
            array.setflags(write=False)

    @property
    def steps(self) -> int:
        return int(self.onset.shape[2])

    @cached_property
    def bar_of_step(self) -> np.ndarray:
        """int, shape (step,)."""
        return np.repeat(np.arange(len(self.bars)), np.diff(self.bar_steps))

    def tick_of(self, step: int) -> int:
        """Tick at which a step begins; the step after the last is the end of the last bar."""
        if step >= self.steps:
            return self.bars[-1].end
        bar = int(self.bar_of_step[step])
        inside = (step - int(self.bar_steps[bar])) * self.ticks_per_quarter / STEPS_PER_QUARTER
        return min(self.bars[bar].start + round(inside), self.bars[bar].end)

    def bar_slice(self, first: int, last: int) -> slice:
        """Steps of the bars [first, last)."""
        return slice(int(self.bar_steps[first]), int(self.bar_steps[last]))


def bar_step_table(bars: Sequence[Bar], ticks_per_quarter: int) -> np.ndarray:
    """First step of each bar and the end, int, shape (bar + 1,); every bar has at least one step."""
    lengths = [max(1, round(bar.length * STEPS_PER_QUARTER / ticks_per_quarter)) for bar in bars]
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def song_to_grid(song: Song, roles: Iterable[Role]) -> Grid:
    """Grid of a whole song; tracks of one role share its planes, sound effects are left out.

    A note is put on the nearest step of its bar; one that is nearer to the next bar goes there. Every note sounds for
    at least one step.
    """
    table = bar_step_table(song.bars, song.ticks_per_quarter)
    shape = (len(ROLES), ROWS, int(table[-1]))
    onset, sustain = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for role in roles:
        track = song.tracks[role.track]
        if not track.notes or (role.role == "other" and track.program in EFFECT_PROGRAMS):
            continue
        plane = ROLES.index(role.role)
        for row, first, last in notes_to_steps(track.notes, song.bars, song.ticks_per_quarter, plane == DRUMS):
            onset[plane, row, first] = True
            sustain[plane, row, first:last] = True
    return Grid(onset, sustain, table, song.bars, song.ticks_per_quarter)


def ticks_to_steps(
    ticks: np.ndarray, bars: Sequence[Bar], ticks_per_quarter: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bar, step in the bar and length in steps of notes given in ticks.

    Parameters
    ----------
    ticks : int, shape (note, 2), start and end.

    Returns
    -------
    bar, step, length : int, shape (note,). A start that rounds to the next bar line belongs to the next bar, except
        after the last bar; a note sounds for at least one step and never past the end.
    """
    table = bar_step_table(bars, ticks_per_quarter)
    starts = np.array([bar.start for bar in bars], dtype=np.int64)
    at = np.clip(np.searchsorted(starts, ticks, side="right") - 1, 0, None)
    steps = np.floor((ticks - starts[at]) * STEPS_PER_QUARTER / ticks_per_quarter + 0.5).astype(np.int64) + table[at]
    steps = np.minimum(steps, table[at + 1])
    first = np.minimum(steps[:, 0], table[-1] - 1)
    last = np.clip(steps[:, 1], first + 1, table[-1])
    bar = np.searchsorted(table, first, side="right") - 1
    return bar, first - table[bar], last - first


def notes_to_steps(
    notes: Sequence[Note], bars: Sequence[Bar], ticks_per_quarter: int, drums: bool
) -> list[tuple[int, int, int]]:
    """(row, first step, end step) of each note, in note order."""
    if not notes:
        return []
    table = bar_step_table(bars, ticks_per_quarter)
    ticks = np.array([(note.start, note.end) for note in notes], dtype=np.int64)
    bar, step, length = ticks_to_steps(ticks, bars, ticks_per_quarter)
    first = table[bar] + step
    rows = [VOICE_OF_KEY[note.pitch] if drums else note.pitch for note in notes]
    return list(zip(rows, first.tolist(), (first + length).tolist(), strict=True))


def steps_to_notes(onset: np.ndarray, sustain: np.ndarray, grid: Grid, drums: bool) -> list[Note]:
    """Notes of one plane pair, sorted by start; velocity is left at its default.

    Parameters
    ----------
    onset, sustain : bool, shape (row, step), the steps of the whole grid.

    A note begins at each onset and lasts while its row is sustained and no new onset comes. Drum notes last one
    sixteenth or until the next hit of their voice.
    """
    notes = []
    for row, first in np.argwhere(onset).tolist():
        later = np.flatnonzero(onset[row, first + 1 :])
        bound = first + 1 + int(later[0]) if len(later) else grid.steps
        if drums:
            last = min(bound, first + STEPS_PER_QUARTER // 4)
        else:
            silent = np.flatnonzero(~sustain[row, first + 1 : bound])
            last = first + 1 + int(silent[0]) if len(silent) else bound
        start, end = grid.tick_of(first), grid.tick_of(last)
        notes.append(Note(start, max(1, end - start), VOICES[row].key if drums else row))
    return sorted(notes)
