"""A part whose rhythm is another's: its notes are its own, when they are struck is not."""

from __future__ import annotations

import numpy as np

from arranger.grid import STEPS_PER_QUARTER, Grid
from arranger.styles.setting import Planes

NEAR = 2 * STEPS_PER_QUARTER
"""Steps within which a stroke of the take counts as the one that is moved; further away, the model is asked."""
LEAST = 0.02
"""Chance below which the model says nothing of a step."""


def follow_onsets(planes: Planes, steps: np.ndarray, chance: np.ndarray, grid: Grid) -> Planes:
    """In every bar in which what is followed strikes, onsets exactly where it does; other bars stay as they are.

    Parameters
    ----------
    planes : onset and sustain, bool (row, step). steps : bool (step,), where what is followed strikes.
    chance : float (row, step), the model's mean for the onsets; takes the note where the take has none near.

    Each stroke has what the take strikes nearest to it, of two equally near the earlier, and lasts as long as that did
    or to the next stroke. Without any note to go by, in take or chance, nothing is struck.
    """
    onset, sustain = planes
    table = grid.bar_steps
    bar_follows = np.logical_or.reduceat(steps, table[:-1])
    inside = bar_follows[grid.bar_of_step]
    struck = np.flatnonzero(onset.any(axis=0))
    out_onset, out_sustain = onset & ~inside, sustain & ~inside
    if not inside.any():
        return planes
    begins = np.flatnonzero(steps)
    following = np.append(np.flatnonzero((steps & inside) | (onset.any(axis=0) & ~inside)), grid.steps)
    for step in begins.tolist():
        rows, length = _nearest(onset, sustain, struck, step, grid)
        if not len(rows):
            rows, length = _likeliest(chance, step), NEAR
        if not len(rows) and len(struck):
            rows, length = _at(onset, sustain, int(struck[np.abs(struck - step).argmin()]))
        if not len(rows):
            continue
        end = min(step + length, int(following[np.searchsorted(following, step + 1)]))
        out_onset[rows, step] = True
        out_sustain[rows, step : max(step + 1, end)] = True
    return out_onset, out_sustain & (inside | sustain)


def _nearest(
    onset: np.ndarray, sustain: np.ndarray, struck: np.ndarray, step: int, grid: Grid
) -> tuple[np.ndarray, int]:
    """What the take strikes nearest to a step, its bar before others, and how long that lasts."""
    first, end = grid.bar_steps[grid.bar_of_step[step] : grid.bar_of_step[step] + 2].tolist()
    own = struck[(struck >= first) & (struck < end)]
    near = own if len(own) else struck[np.abs(struck - step) <= NEAR]
    if not len(near):
        return np.zeros(0, dtype=int), 0
    return _at(onset, sustain, int(near[np.abs(near - step).argmin()]))


def _at(onset: np.ndarray, sustain: np.ndarray, step: int) -> tuple[np.ndarray, int]:
    rows = np.flatnonzero(onset[:, step])
    last = step + 1
    while last < sustain.shape[1] and (sustain[rows, last] & ~onset[rows, last]).any():
        last += 1
    return rows, last - step


def _likeliest(chance: np.ndarray, step: int) -> np.ndarray:
    """The row that the model finds likeliest about a step, int (1,), or (0,) if none is likely at all."""
    reach = STEPS_PER_QUARTER // 4
    about = np.asarray(chance[:, max(0, step - reach) : step + reach + 1], dtype=float).sum(axis=1)
    row = int(about.argmax())
    return np.array([row] if about[row] > LEAST else [], dtype=int)
