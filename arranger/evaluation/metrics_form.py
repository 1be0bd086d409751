"""How a part is built from bars: does it come back where the true part does?

Source: the bar self-similarity matrix of Foote (ACM MM 1999), on bars as in Wu & Yang (Jazz Transformer, ISMIR 2020);
the correlation of two such matrices as in "structure" measures of form-aware generation. Planes and `bar_steps` are
those of `metrics_truth`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from arranger.evaluation.metrics_truth import bar_sixteenths, to_sixteenths
from arranger.sections import Section, section_pairs


def bar_similarity(onset: np.ndarray, bar_steps: np.ndarray) -> np.ndarray:
    """Cosine of the contents of every two bars, float, shape (bar, bar).

    A bar's content is which rows begin on which of its sixteenths. Two rests are alike (1), a rest and a bar that plays
    are not (0). Bars of different length are compared from their bar lines on.
    """
    struck = to_sixteenths(onset, bar_steps) > 0
    struck = struck[struck.any(axis=1)]
    table = bar_sixteenths(bar_steps)
    longest = int(np.diff(table).max())
    contents = np.zeros((len(table) - 1, len(struck), longest), dtype=np.float32)
    for bar, (first, last) in enumerate(pairwise(table.tolist())):
        contents[bar, :, : last - first] = struck[:, first:last]
    flat = contents.reshape(len(contents), -1)
    norms = np.sqrt((flat**2).sum(axis=1))
    rests = norms == 0
    unit = flat / np.where(rests, 1, norms)[:, None]
    return np.asarray(unit @ unit.T + np.outer(rests, rests))


def structure(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray) -> float:
    """Correlation (Pearson) of the two parts' bar similarities, over all pairs of different bars; -1..1.

    0 where the fill is the same throughout and the truth isn't; nan where the truth has no structure to be found: fewer
    than three bars, or all pairs alike.
    """
    pairs = np.triu_indices(len(bar_steps) - 1, k=1)
    if len(pairs[0]) < 2:
        return math.nan
    ours, theirs = (bar_similarity(plane, bar_steps)[pairs] for plane in (filled, true))
    if np.ptp(theirs) < 1e-6:
        return math.nan
    if np.ptp(ours) < 1e-6:
        return 0.0
    return float(np.corrcoef(ours, theirs)[0, 1])


def same_section_similarity(onset: np.ndarray, bar_steps: np.ndarray, sections: Sequence[Section]) -> float:
    """Mean cosine of bars that stand at the same place of two sections with one letter, 0..1.

    Parameters
    ----------
    sections : of the whole band, in bars of `bar_steps`.

    Pairs in which the part rests in both bars don't count. nan where no section comes back. People lie well below 1: it
    is the truth's value that a fill should have.
    """
    alike = bar_similarity(onset, bar_steps)
    struck = np.logical_or.reduceat(onset.any(axis=0), bar_steps[:-1])
    found = [float(alike[one, other]) for one, other in section_pairs(sections) if struck[one] or struck[other]]
    return float(np.mean(found)) if found else math.nan


def form_shared(part: np.ndarray, band: np.ndarray, bar_steps: np.ndarray) -> float:
    """Correlation (Pearson) of a part's bar similarities with those of the rest of the band, -1..1: whether the part
    comes back when the band does. nan where the part or the band is the same throughout, or there are too few bars.

    Parameters
    ----------
    part : bool, (row, step). band : bool, (any rows, step), onsets of everybody else.
    """
    pairs = np.triu_indices(len(bar_steps) - 1, k=1)
    if len(pairs[0]) < 2:
        return math.nan
    ours, theirs = (bar_similarity(plane, bar_steps)[pairs] for plane in (part, band))
    if np.ptp(ours) < 1e-6 or np.ptp(theirs) < 1e-6:
        return math.nan
    return float(np.corrcoef(ours, theirs)[0, 1])
