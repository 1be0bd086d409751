"""Chords that the other tracks play, and whether the part's lowest note is their root when they change.

The chords are told without a look at `arranger.rules`, whose notes are judged by them. A window is half a bar of 4/4
(24 steps), counted from the bar line; planes and `bar_steps` are those of `metrics_truth`.

Source: triad templates as in Fujishima (ICMC 1999), with notes outside the chord counted against it and a bonus for
the chord whose root is the lowest sounding note; the measure is "root at change" of bass evaluation (report the true
part's value beside it: people play inversions).
"""

from __future__ import annotations

import math

import numpy as np

from arranger.evaluation.metrics_truth import STEPS_PER_SIXTEENTH, cell_starts, fold_octaves
from arranger.grid import STEPS_PER_QUARTER

CHORD_WINDOW = 2 * STEPS_PER_QUARTER
OUTSIDE, LOWEST = 0.5, 0.15
"""What a note outside the chord costs, and what a root in the lowest voice is worth, in shares of all that sounds."""

_TRIADS = [(root, third) for root in range(12) for third in (4, 3)]
_TEMPLATES = np.array(
    [[float((pitch_class - root) % 12 in (0, third, 7)) for pitch_class in range(12)] for root, third in _TRIADS]
)
_ROOTS = np.array([root for root, _ in _TRIADS])


def chord_roots(
    context: np.ndarray, bar_steps: np.ndarray, window: int = CHORD_WINDOW
) -> tuple[np.ndarray, np.ndarray]:
    """Root of the triad that fits each window best.

    Parameters
    ----------
    context : bool, shape (128, step), what the other pitched tracks have sounding.

    Returns
    -------
    starts : int, shape (window,), first step of each.
    roots : int, shape (window,), pitch class, -1 where the context is silent.
    """
    starts = cell_starts(bar_steps, window)
    sounding = np.add.reduceat(context.astype(np.int64), starts, axis=1)  # (128, window), steps
    weights = fold_octaves(sounding).astype(float)  # (12, window)
    total = weights.sum(axis=0)
    shares = weights / np.maximum(total, 1)
    fit = _TEMPLATES @ shares - OUTSIDE * (1 - _TEMPLATES) @ shares  # (24, window)
    lowest = (sounding > 0).argmax(axis=0) % 12
    fit += LOWEST * (_ROOTS[:, None] == lowest)
    return starts, np.where(total > 0, _ROOTS[fit.argmax(axis=0)], -1)


def root_at_change(sustain: np.ndarray, context: np.ndarray, bar_steps: np.ndarray) -> float:
    """Share of chord changes at which the part's lowest note is the root.

    A change is a window whose root is another than that of the last window in which the context sounds; the first
    chord is one. The part's note is the lowest that sounds in the first sixteenth of the window; changes at which the
    part is silent don't count.
    """
    starts, roots = chord_roots(context, bar_steps)
    known = np.flatnonzero(roots >= 0)
    before = np.concatenate([[-1], roots[known][:-1]])
    hits = heard = 0
    for at in known[roots[known] != before].tolist():
        sounding = np.flatnonzero(sustain[:, starts[at] : starts[at] + STEPS_PER_SIXTEENTH].any(axis=1))
        if len(sounding):
            heard += 1
            hits += int(sounding[0] % 12 == roots[at])
    return hits / heard if heard else math.nan
