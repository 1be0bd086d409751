"""How sure a figure is: intervals and tests over songs, because the bars of one song are not independent.

Sources: percentile bootstrap, Efron (1979); paired sign-flip (permutation) test, Fisher (1935), with the count of the
observed arrangement added (Phipson & Smyth, 2010), so that p is never 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
FLIPS = 9999
INTERVAL = (2.5, 97.5)
"""Percentiles of the bootstrap interval."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of paired differences, its 95 % bootstrap interval, two-sided p, and how many pairs there were."""

    mean: float
    low: float
    high: float
    p: float
    pairs: int


def bootstrap_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean of values, nan left out; (nan, nan) for none."""
    finite = np.array([value for value in values if not math.isnan(value)])
    if not len(finite):
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(len(finite), size=(RESAMPLES, len(finite)))
    low, high = np.percentile(finite[drawn].mean(axis=1), INTERVAL)
    return float(low), float(high)


def paired_difference(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Difference:
    """How much more `ours` is than `theirs` over the same songs; pairs with a nan are left out.

    p is the share of random exchanges within pairs that give a mean difference at least as large, either way.
    """
    difference = np.array(ours, dtype=float) - np.array(theirs, dtype=float)
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return Difference(math.nan, math.nan, math.nan, math.nan, 0)
    low, high = bootstrap_interval(difference.tolist(), seed)
    signs = np.random.default_rng([seed, 1]).integers(2, size=(FLIPS, len(difference))) * 2 - 1
    observed = abs(float(difference.mean()))
    as_large = np.abs(signs @ difference) / len(difference) >= observed - 1e-12
    return Difference(float(difference.mean()), low, high, float((as_large.sum() + 1) / (FLIPS + 1)), len(difference))
