"""A part that was begun: what it plays itself in the bars in which the band plays alike.

The net sees the bars about; a song says more. The bar before, copied, is nearer to the truth than most models (val,
last bars of a part: note F1 .46, the net's own .35), because players repeat themselves. So each asked bar leans on the
bars that are there, weighted by how alike the band plays in them and how near they are; a bass or guitar is moved with
the root of the chord.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arranger.grid import DRUMS, ROWS, Grid
from arranger.likeness import Lean
from arranger.parts import ROLES

MOST_NATS = 4.0
EVEN = -2.0
"""Log odds at which a cell is neither more nor less likely than the net thinks."""
SHARPNESS = 20.0
"""How much more a bar counts in which the band plays the very same than one in which nothing is alike, in nats."""
NEARNESS = 2.0
"""How much more the bars next to the asked ones count than those far off, in nats; half of it `NEAR` bars away."""
NEAR = 8.0
UNSURE = 0.02
"""Weight of bars that says half of what can be said: one bar alone over which the band plays the same is enough."""
FLOOR = 0.01
"""Least and, from 1, most share of a cell."""


def own_lean(
    own: Grid, part: str, asked: Sequence[int], alike: np.ndarray, root: np.ndarray | None = None
) -> Lean | None:
    """What the part's own bars make likely in the asked ones, in nats for the logits; None where it has none.

    Parameters
    ----------
    own : grid with the part in it. asked : bars that are to be filled; what stands there is not looked at.
    alike : float (bar, bar), how alike the band plays, 0..1. root : int (step,), pitch class of the chord, or None.
    """
    role, lengths = ROLES.index(part), np.diff(own.bar_steps)
    begins = np.logical_or.reduceat(own.onset[role].any(axis=0), own.bar_steps[:-1])
    known = np.setdiff1d(np.flatnonzero(begins), np.asarray(asked))
    if not len(known):
        return None
    planes = np.stack([own.onset[role], own.sustain[role]]).astype(np.float32)
    out = np.zeros((2, ROWS, own.steps), dtype=np.float32)
    for bar in asked:
        same = known[lengths[known] == lengths[bar]]
        if not len(same):
            continue
        away = np.abs(same - bar) / NEAR
        weight = np.exp(SHARPNESS * (alike[bar, same] - 1) + NEARNESS * (1 / (1 + away) - 1))
        here = slice(int(own.bar_steps[bar]), int(own.bar_steps[bar + 1]))
        heard = np.zeros((2, ROWS, here.stop - here.start), dtype=np.float32)
        for one, share in zip(same.tolist(), weight.tolist(), strict=True):
            there = slice(int(own.bar_steps[one]), int(own.bar_steps[one + 1]))
            move = 0 if role == DRUMS or root is None else _move(int(root[here.start]), int(root[there.start]))
            heard += share * np.roll(planes[:, :, there], move, axis=1)
        total = weight.sum()
        out[:, :, here] = np.clip(_logit(heard / total) - EVEN, -MOST_NATS, MOST_NATS) * total / (total + UNSURE)
    return out[0], out[1]


def _move(here: int, there: int) -> int:
    """Semitones from one root to another, the short way; 0 where one is not known (-1)."""
    return 0 if here < 0 or there < 0 else (here - there + 6) % 12 - 6


def _logit(share: np.ndarray) -> np.ndarray:
    sure = np.clip(share, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(sure) - np.log1p(-sure))
