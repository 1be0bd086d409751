"""Strokes: what a take strikes at each step, and the beats of the bars in which it plays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from arranger.grid import STEPS_PER_QUARTER, Grid, notes_to_steps, steps_to_notes
from arranger.playable import make_playable
from arranger.rules.metre import beat_steps
from arranger.song import Bar, Tempo
from arranger.styles.setting import Planes, Setting


@dataclass(frozen=True, slots=True)
class Stroke:
    """What is struck at one step: its rows, low to high, and the step at which the last of them is over."""

    step: int
    end: int
    rows: tuple[int, ...]

    @property
    def middle(self) -> int:
        """The step at which a stroke is judged: one that is held over a change of chord belongs to where it sounds."""
        return self.step + (self.end - self.step) // 2


def asked_steps(setting: Setting) -> np.ndarray:
    """Whether each step lies in an asked bar, bool (step,)."""
    return np.isin(setting.grid.bar_of_step, setting.bars)


def strokes_of(planes: Planes, setting: Setting) -> list[Stroke]:
    """The strokes in the asked bars, by step; none is held on into other bars."""
    onset, sustain = planes
    inside = asked_steps(setting)
    steps = np.flatnonzero(onset.any(axis=0) & inside)
    limits = np.append(np.flatnonzero(~inside), onset.shape[1])
    used = np.flatnonzero(onset.any(axis=1)).tolist()
    ends = {row: np.append(np.flatnonzero(~sustain[row] | onset[row]), onset.shape[1]) for row in used}
    strokes = []
    for step in steps.tolist():
        rows = np.flatnonzero(onset[:, step]).tolist()
        end = max(int(ends[row][np.searchsorted(ends[row], step + 1)]) for row in rows)
        strokes.append(Stroke(step, min(end, int(limits[np.searchsorted(limits, step)])), tuple(rows)))
    return strokes


def cut_at_next(strokes: Sequence[Stroke]) -> list[Stroke]:
    """The strokes, each over where the next begins."""
    following = [*(stroke.step for stroke in strokes[1:]), *(stroke.end for stroke in strokes[-1:])]
    return [replace(s, end=min(s.end, after)) for s, after in zip(strokes, following, strict=True)]


def with_strokes(planes: Planes, strokes: Iterable[Stroke], setting: Setting) -> Planes:
    """The planes with the asked bars played anew; nothing sounds from them into other bars."""
    inside = asked_steps(setting)
    fresh = np.zeros((2, *planes[0].shape), dtype=bool)
    for stroke in sorted(strokes, key=lambda stroke: stroke.step):
        rows = list(stroke.rows)
        # A row that is struck again is over: what it had left of the stroke before goes.
        fresh[1, rows, stroke.step :] = False
        fresh[0, rows, stroke.step] = True
        fresh[1, rows, stroke.step : max(stroke.step + 1, stroke.end)] = True
    onset, sustain = ((old & ~inside) | (new & inside) for old, new in zip(planes, fresh, strict=True))
    return onset, sustain


def playing_bars(onset: np.ndarray, setting: Setting) -> list[int]:
    """The asked bars in which something is struck."""
    struck = np.logical_or.reduceat(onset.any(axis=0), setting.grid.bar_steps[:-1])
    return [bar for bar in setting.bars if struck[bar]]


def beat_edges(setting: Setting, bar: int) -> list[int]:
    """First step of each felt beat of a bar, in steps of the grid, and the end of the bar."""
    first, last = setting.grid.bar_steps[bar : bar + 2].tolist()
    return [first + step for step in beat_steps(setting.grid.bars[bar], last - first)]


def played_beats(planes: Planes, setting: Setting, bar: int) -> list[tuple[int, int]]:
    """(first step, end) of the beats of a bar from where the take comes in to where the band, or it, stops."""
    begin, end = setting.grid.bar_steps[bar : bar + 2].tolist()
    struck = np.flatnonzero(planes[0][:, begin:end].any(axis=0))
    if not len(struck):
        return []
    sounds = planes[1][:, begin:end].any(axis=0) | setting.grid.sustain[:, :, begin:end].any(axis=(0, 1))
    first, last = begin + int(struck[0]), begin + max(int(struck[-1]), int(np.flatnonzero(sounds)[-1]))
    return [(a, b) for a, b in pairwise(beat_edges(setting, bar)) if b > first and a <= last]


def made_playable(part: str, planes: Planes, setting: Setting, strings: Sequence[int] = ()) -> Planes:
    """The planes with what no player could play changed in the asked bars."""
    grid = setting.grid
    starts, lengths = grid.bar_steps[:-1].tolist(), np.diff(grid.bar_steps).tolist()
    # A grid in which a tick is a step: nothing is rounded on the way to notes and back.
    bars = tuple(
        Bar(bar.index, start, length, bar.numerator, bar.denominator)
        for bar, start, length in zip(grid.bars, starts, lengths, strict=True)
    )
    stepwise = Grid(grid.onset, grid.sustain, grid.bar_steps, bars, STEPS_PER_QUARTER)
    inside = asked_steps(setting)
    notes = steps_to_notes(planes[0] & inside, planes[1] & inside, stepwise, part == "drums")
    tempos = [Tempo(start, qpm) for start, qpm in zip(starts, setting.tempo.tolist(), strict=True)]
    played, changes = make_playable(notes, part, STEPS_PER_QUARTER, strings or None, tempos=tempos)
    if not changes:
        return planes
    onset, sustain = (plane & ~inside for plane in planes)
    for row, first, last in notes_to_steps(played, bars, STEPS_PER_QUARTER, part == "drums"):
        onset[row, first], sustain[row, first : first + 1 if part == "drums" else last] = True, True
    return onset, sustain & (inside | planes[1])
