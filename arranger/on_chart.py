"""A drawn take put on a chart: its rhythm and shape stay, its pitches become those that were asked for.

The model hears chords that it can't overhear; where a chart says otherwise, leaning on its chances gives most of what
was asked and this gives the rest.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from arranger.charts import Chart, scale_of
from arranger.grid import ROWS, STEPS_PER_QUARTER, Grid
from arranger.profiles import PITCHED
from arranger.rules.metre import beat_steps

SIXTEENTH, EIGHTH = STEPS_PER_QUARTER // 4, STEPS_PER_QUARTER // 2
LEAP = 2
"""A passing note goes on by so many semitones at most."""

Planes = tuple[np.ndarray, np.ndarray]
PlaneNote = tuple[int, int, int]
"""(first step, row, end step)."""


def on_chart(
    part: str, planes: Planes, chart: Chart, grid: Grid, key: tuple[int, bool] | None = None, lowest: int = 0
) -> Planes:
    """The take with its notes on the chart; the very planes that came in for drums and where nothing is given.

    Parameters
    ----------
    planes : onset and sustain, bool (row, step). grid : the song without the part. lowest : the lowest pitch of the
        part's instrument. key : pitch class of the tonic, and whether it is minor; it counts where the chart is silent.

    The lowest note that a bass strikes where a chord begins (a sixteenth late at most) becomes the chord's bass. Other
    notes that are no tones of their chord move to the nearest tone, except what passes: struck off the beat, an eighth
    long at most, and a step of two semitones at most from the next note, which is a tone. A note that is held into a
    chord that it doesn't belong to ends there; a bass note that another bass follows is struck anew, if what is left
    of it is an eighth or more. Without a chord the tones are the scale of the key and what
    the band plays just then.
    """
    if part == "drums" or not (len(chart.changes) or key):
        return planes
    notes = plane_notes(*planes)
    if part == "bass":
        notes = _cut_at_changes(notes, chart)
    at_change = _struck_at_changes(notes, chart) if part == "bass" else {}
    tones = _allowed(chart, grid, key)
    struck: dict[int, list[int]] = {}
    for first, row, _ in notes:
        struck.setdefault(first, []).append(row)
    following = dict(pairwise([*struck, -1]))
    on_beat = _on_beat(grid)
    moved: list[PlaneNote] = []
    for first, row, last in notes:
        target = row
        if at_change.get(first) == row:
            target = nearest(row, np.arange(12) == chart.bass[first], lowest)
        elif not tones[row % 12, first]:
            then = following[first]
            passes = (
                not on_beat[first]
                and last - first <= EIGHTH
                and len(struck[first]) == 1
                and any(abs(row - other) <= LEAP and tones[other % 12, then] for other in struck.get(then, []))
            )
            target = row if passes else nearest(row, tones[:, first], lowest)
        moved.append((first, target, _end(target, first, last, chart)))
    return _planes(moved, planes[0].shape)


def _allowed(chart: Chart, grid: Grid, key: tuple[int, bool] | None) -> np.ndarray:
    """Pitch classes that may be struck at each step, bool (12, step)."""
    tones = chart.tones.copy()
    free = chart.root < 0
    if key is None:
        tones[:, free] = True
        return tones
    for pitch_class, inside in enumerate(scale_of(key).tolist()):
        sounding = np.logical_or.reduce(grid.sustain[list(PITCHED), pitch_class::12], axis=(0, 1))
        tones[pitch_class, free] = inside | sounding[free]
    return tones


def plane_notes(onset: np.ndarray, sustain: np.ndarray) -> list[PlaneNote]:
    """Notes of two planes, sorted by their start; each lasts while its row sounds and isn't struck again."""
    notes = []
    for row in np.flatnonzero(onset.any(axis=1)).tolist():
        firsts = np.flatnonzero(onset[row]).tolist()
        for first, bound in pairwise([*firsts, onset.shape[1]]):
            silent = np.flatnonzero(~sustain[row, first + 1 : bound])
            notes.append((first, row, first + 1 + int(silent[0]) if len(silent) else bound))
    return sorted(notes)


def nearest(row: int, classes: np.ndarray, lowest: int) -> int:
    """The pitch of one of the pitch classes, bool (12,), that is nearest; of two the lower, none below `lowest`."""
    for distance in range(12):
        for pitch in (row - distance, row + distance):
            if max(lowest, 0) <= pitch < ROWS and classes[pitch % 12]:
                return pitch
    return row


def _struck_at_changes(notes: list[PlaneNote], chart: Chart) -> dict[int, int]:
    """Start -> row of the lowest note with which each change of chord is met."""
    found: dict[int, int] = {}
    starts = np.array([first for first, _, _ in notes], dtype=np.int64)
    for change in chart.changes.tolist():
        at = int(np.searchsorted(starts, change))
        if at < len(notes) and notes[at][0] < change + SIXTEENTH and chart.root[notes[at][0]] == chart.root[change]:
            found[notes[at][0]] = notes[at][1]  # of one start the lowest comes first
    return found


def _cut_at_changes(notes: list[PlaneNote], chart: Chart) -> list[PlaneNote]:
    """Notes in which none lies over a change to another bass: the rest is a note of its own, if it is long enough."""
    others = [change for change in chart.changes.tolist() if not change or chart.bass[change - 1] != chart.bass[change]]
    cuts = np.array(others, dtype=np.int64)
    out = []
    for first, row, last in notes:
        begin, end = np.searchsorted(cuts, [first + 1, last])
        edges = [first, *cuts[begin:end].tolist(), last]
        out += [(a, row, b) for a, b in pairwise(edges) if a == first or b - a >= EIGHTH]
    return sorted(out)


def _on_beat(grid: Grid) -> np.ndarray:
    """Whether a felt beat begins at each step, bool (step,)."""
    beats = np.zeros(grid.steps, dtype=bool)
    for bar, (begin, end) in zip(grid.bars, pairwise(grid.bar_steps.tolist()), strict=True):
        beats[[begin + step for step in beat_steps(bar, end - begin)[:-1]]] = True
    return beats


def _end(row: int, first: int, last: int, chart: Chart) -> int:
    """Where a note ends: before the first change into a chord that it is no tone of."""
    begin, end = np.searchsorted(chart.changes, [first + 1, last])
    for change in chart.changes[begin:end].tolist():
        if not chart.tones[row % 12, change]:
            return int(change)
    return last


def _planes(notes: list[PlaneNote], shape: tuple[int, ...]) -> Planes:
    onset, sustain = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for first, row, last in notes:
        onset[row, first], sustain[row, first:last] = True, True
    return onset, sustain
