"""A guitarist's hand: strokes that sound alike have one grip."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from arranger.grid import Grid
from arranger.rules.roots import find_roots

ALIKE = 0.8
"""Cosine of their chances from which on two strokes are meant to sound alike."""
ROUND_UP = 0.95
"""Added to the mean number of notes before it is rounded down: drawing loses notes."""
MOST, LEAST_CHANCE = 6, 0.01


def one_grip(onset: np.ndarray, sure: np.ndarray, grid: Grid) -> np.ndarray:
    """Onsets, bool (row, step), in which the strokes of a bar over one root that sound alike have the same notes.

    Parameters
    ----------
    onset : as drawn; when something is struck stays. sure : float (row, step), the chances that it was drawn from.

    The stroke that is likest the rest gathers those like it; they all get the likeliest notes of their mean, as many as
    they have on average. What sounds otherwise (a bass note, then the chord) keeps a grip of its own.
    """
    roots, bar = find_roots(grid, "guitar"), grid.bar_of_step
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for step in np.flatnonzero(onset.any(axis=0)).tolist():
        groups[int(bar[step]), int(roots[step])].append(step)
    out = np.zeros_like(onset)
    for steps in groups.values():
        left = np.array(steps)
        while len(left):
            chances = sure[:, left]
            seed = int(_likeness(chances, chances.mean(axis=1)).argmax())
            joined = _likeness(chances, chances[:, seed]) >= ALIKE
            joined[seed] = True
            mean = chances[:, joined].mean(axis=1)
            width = min(MOST, max(1, math.floor(onset[:, left[joined]].sum(axis=0).mean() + ROUND_UP)))
            rows = np.argsort(-mean, kind="stable")[:width]
            rows = rows[mean[rows] > LEAST_CHANCE] if (mean[rows] > LEAST_CHANCE).any() else rows[:1]
            out[np.ix_(rows, left[joined])] = True
            left = left[~joined]
    return out


def _likeness(chances: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Cosine of each column (row, stroke) with a vector (row,)."""
    norm = np.linalg.norm(chances, axis=0) * np.linalg.norm(to)
    return np.asarray(to @ chances / np.maximum(norm, 1e-9))
