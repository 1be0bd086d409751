"""The same section, the same part; and an end where the band ends.

Every bar of a take is drawn by itself (if from the same random numbers), so small differences of the context, a grace
note or a doubled octave, make differences in the part that nobody meant. Bars at the same place of sections with one
letter in which the band plays nearly the same are therefore found as one, like the bars of a repeat: their logits are
averaged, which is what fits all of them. Copying the likeliest of the drawn bars onto the others was worse
(docs/lab-log.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from arranger.diffusion.sampler import Problem, together
from arranger.framing import Frame
from arranger.grid import DRUMS, STEPS_PER_QUARTER, Grid
from arranger.on_chart import plane_notes
from arranger.sections import Section, section_pairs

ALLOWANCE = 0.1
"""So far from 1 the likeness of two bars of the band may lie that are still the same bar."""
VARIATION = 0.7
HELD = 2 * STEPS_PER_QUARTER
"""A last stroke is held if the band sounds at least this long after it."""

Planes = tuple[np.ndarray, np.ndarray]


def same_bars(
    grid: Grid, sections: Sequence[Section], alike: np.ndarray, asked: Iterable[int], variation: float = VARIATION
) -> np.ndarray:
    """Which bars are to be the same, int (bar,): each bar's number is that of the first bar that it equals.

    Parameters
    ----------
    alike : float (bar, bar), `sections.likeness` of the context. asked : the bars that are filled; no other is tied.
    variation : 0..1, how much of what differs in the band may differ in the part: 0 ties bars that are alike to within
        `ALLOWANCE`, 1 none at all.
    """
    same = np.arange(len(grid.bars))
    if variation >= 1:
        return same
    least = 1 - ALLOWANCE * (1 - max(variation, 0.0))
    filled = np.isin(same, list(asked))
    metre = [
        (bar.numerator, bar.denominator, steps) for bar, steps in zip(grid.bars, np.diff(grid.bar_steps), strict=True)
    ]
    for one, other in section_pairs(sections):
        if filled[one] and filled[other] and metre[one] == metre[other] and alike[one, other] >= least:
            first, later = sorted((same[one], same[other]))
            same[same == later] = first
    return same


def tied(frame: Frame, same: np.ndarray) -> Frame:
    """The frame with like bars found as one.

    Parameters
    ----------
    same : int (written bar,), of `same_bars`.
    """
    written = frame.order[frame.token_map.bar]
    number = same[written] * (int(frame.token_map.place.max()) + 1) + frame.token_map.place
    return replace(frame, problem=_with_ties(frame.problem, number))


def untied_rests(problem: Problem) -> Problem:
    """The problem with ties only between tokens in which the same parts are asked: a bar in which a part has come to
    rest says nothing of the others. To be called after `filler.with_rests`."""
    if problem.tied is None:
        return problem
    number = problem.tied * 8 + problem.hidden @ np.array([1, 2, 4])
    return replace(problem, tied=number)


def _with_ties(problem: Problem, number: np.ndarray) -> Problem:
    if len(np.unique(number)) == len(number):
        return problem
    return replace(problem, tied=number, lean=together(problem.lean, number).astype(problem.lean.dtype))


def ended(planes: Planes, grid: Grid, part: str) -> Planes:
    """The part with an end where the band ends: where its last stroke is held, nothing is struck after it, and what the
    part strikes with it is held as long.

    Parameters
    ----------
    planes : onset and sustain, bool (row, step). grid : the song without the part.
    """
    struck = np.flatnonzero(grid.onset.any(axis=(0, 1)))
    pitched = [role for role in range(len(grid.sustain)) if role != DRUMS]
    sounding = np.flatnonzero(grid.sustain[pitched].any(axis=(0, 1)))
    if not len(struck) or not len(sounding) or sounding[-1] + 1 - struck[-1] < HELD:
        return planes
    last, end = int(struck[-1]), int(sounding[-1]) + 1
    onset, sustain = planes[0].copy(), planes[1].copy()
    onset[:, last + 1 :] = False
    if part == "drums":
        return onset, sustain & onset
    for first, row, bound in plane_notes(*planes):
        if first > last:
            sustain[row, first:bound] = False
        elif first == last:
            sustain[row, first:end] = True
    return onset, sustain
