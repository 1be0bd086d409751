"""A bass line's manners: no hole where notes were expected, a step into the next root, no note without an end."""

from __future__ import annotations

import numpy as np

from arranger.grid import ROWS, STEPS_PER_QUARTER, Grid
from arranger.harmony import pitch_class_weights
from arranger.parts import ROLES
from arranger.rules.roots import find_roots

HOLE = 1.5
"""Notes that are expected in a bar in which none was drawn."""
NEAR_BEST = 0.3
"""A stroke in it has at least this share of the likeliest one's chance."""
SUPPORT = 0.05
"""A passing note has at least this share of the chance of the note in whose place it stands."""
SCALE_NOTES = 7
LEAP = 2
"""Semitones that a passing note is from the root it leads to."""


def no_holes(onset: np.ndarray, sure: np.ndarray, grid: Grid, part: str, asked: np.ndarray) -> np.ndarray:
    """Onsets, bool (row, step), with the likeliest strokes in asked bars that have none where notes are expected.

    Parameters
    ----------
    sure : float (row, step), chances of the onsets. asked : bool (bar,).
    """
    out, roots = onset.copy(), find_roots(grid, part)
    for bar in np.flatnonzero(asked).tolist():
        run = grid.bar_slice(bar, bar + 1)
        chance = sure[:, run]
        if out[:, run].any() or chance.sum() < HOLE:
            continue
        total = chance.sum(axis=0)
        width = 1.0 if part == "bass" else float(np.clip(total.max() / max(chance.max(), 1e-6), 1, 3))
        count = max(1, round(float(total.sum()) / width))
        at = np.sort(np.argsort(-total, kind="stable")[:count])
        at = at[total[at] >= NEAR_BEST * total.max()]
        own = roots[run]
        for step in at.tolist():
            alike = chance[:, at[own[at] == own[step]]].mean(axis=1) + chance[:, step] / 2
            out[np.argsort(-alike, kind="stable")[: round(width)], run.start + step] = True
    return out


def lead_ins(onset: np.ndarray, sure: np.ndarray, grid: Grid, asked: np.ndarray) -> np.ndarray:
    """Onsets of a bass in which the last stroke before another root, if it only repeats, is a scale note beside it."""
    out = onset.copy()
    steps = np.flatnonzero(out.any(axis=0))
    rows = out[:, steps].argmax(axis=0)
    bars, starts = grid.bar_of_step[steps], grid.bar_steps[:-1]
    pitched = [ROLES.index(role) for role in ("bass", "guitar", "other")]
    scale = np.argsort(-pitch_class_weights(grid.sustain[pitched]), kind="stable")[:SCALE_NOTES]
    for at in range(2, len(steps)):
        first, before = int(steps[at]), int(steps[at - 1])
        arrives = first == starts[bars[at]] and bars[at - 1] == bars[at] - 1 and first - before <= STEPS_PER_QUARTER
        root, note = int(rows[at]), int(rows[at - 1])
        if (
            not arrives
            or not asked[bars[at - 1]]
            or note != rows[at - 2]
            or abs(root - note) <= LEAP
            or (root - note) % 12 == 0
        ):
            continue
        side = -1 if root > note else 1
        beside = [
            root + side * step
            for step in (1, 2)
            if 0 <= root + side * step < ROWS and (root + side * step) % 12 in scale
        ]
        beside = [row for row in beside if sure[row, before] >= SUPPORT * sure[note, before]]
        if beside:
            out[:, before] = False
            out[max(beside, key=lambda row: float(sure[row, before])), before] = True
    return out


def no_runaways(onset: np.ndarray, sustain: np.ndarray, grid: Grid) -> np.ndarray:
    """Sustain, bool (row, step), in which no note sounds on beyond the bar after the one it begins in."""
    out = sustain.copy()
    ends = np.append(grid.bar_steps[2:], grid.bar_steps[-1])
    for row in np.flatnonzero(onset.any(axis=1)).tolist():
        begins = np.flatnonzero(onset[row])
        for first, until in zip(begins.tolist(), [*begins[1:].tolist(), grid.steps], strict=True):
            out[row, min(until, int(ends[grid.bar_of_step[first]])) : until] = False
    return out
