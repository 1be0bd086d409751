"""What keeps the time: closed hat, open hat or ride, one of them for all of a part.

Cell by cell the closed hat nearly always wins: where the net expects .45 of the strokes there, .3 on the open hat and
.25 on the ride, each stroke alone is likeliest closed, and a whole song comes out on it. A drummer chooses once. Over
178 songs of the train pack the share that is expected elsewhere tells the songs that people keep elsewhere (AUC .74),
and at `ELSEWHERE` as many come out so as people's (docs/lab-log.md, “What keeps the time”). In which sections of a song
people go over to the ride it doesn't tell (.55), so it is one for all.
"""

from __future__ import annotations

import numpy as np

from arranger.grid import Grid
from arranger.rules.patterns import ROW

ELSEWHERE = 0.45
"""Share of open hat and ride, of all time-keeping strokes expected, from which one of them keeps the time."""
TIME_KEPT = 3
"""Strokes on the closed hat by which it keeps the time in a bar."""
_CLOSED, _OPEN, _RIDE, _CRASH = (ROW[name] for name in ("closed hat", "open hat", "ride", "crash"))


def time_kept(onset: np.ndarray, chance: np.ndarray, grid: Grid, asked: np.ndarray) -> np.ndarray:
    """Onsets, bool (row, step), with the time of the asked bars on what the model expects it on.

    Parameters
    ----------
    chance : float (row, step), the model's mean for the onsets. asked : bool (bar,), the bars that may be changed.
    """
    keeper, out = _keeper(chance[:, asked[grid.bar_of_step]]), onset.copy()
    if keeper == _CLOSED:
        return out
    struck = np.add.reduceat(onset[_CLOSED].astype(np.int64), grid.bar_steps[:-1])
    there = (asked & (struck >= TIME_KEPT))[grid.bar_of_step]
    out[keeper] |= there & onset[_CLOSED] & ~onset[_CRASH]
    out[_CLOSED] &= ~there
    return out


def _keeper(chance: np.ndarray) -> int:
    """Row of the voice on which the time is kept."""
    expected = chance[[_CLOSED, _OPEN, _RIDE]].sum(axis=1, dtype=np.float64)
    if expected[1:].sum() <= ELSEWHERE * expected.sum():
        return _CLOSED
    return _OPEN if expected[1] > expected[2] else _RIDE
