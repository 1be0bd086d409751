"""How sure a figure is: intervals by resampling, paired tests by flipping signs; windows of one song go together.

Windows of the same song are not independent, so songs are what is drawn and what is flipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and its 95 % interval; `low` and `high` are NaN where none was asked."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


def mean_figure(values: np.ndarray, groups: Sequence[str], draws: int = 1000, seed: int = 0) -> Figure:
    """Mean of values (window,) without NaN, with a bootstrap interval over groups."""
    values = np.asarray(values, np.float64)
    sums, counts = _per_group(values, groups)
    if not counts.sum():
        return Figure(float("nan"))
    picks = np.random.default_rng(seed).integers(0, len(sums), (draws, len(sums)))
    drawn = counts[picks].sum(axis=1)
    means = sums[picks].sum(axis=1)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(means, (0.025, 0.975))
    return Figure(float(sums.sum() / counts.sum()), float(low), float(high))


def set_draws(
    measure: Callable[[np.ndarray], float], groups: Sequence[str], draws: int = 50, seed: int = 0
) -> np.ndarray:
    """A measure of a set of windows (it takes their indices) over bootstrap draws of groups, float (draw,).

    The same groups, draws and seed draw the same windows, so that two systems' draws are pairs (see `share_below`).
    """
    members = [np.flatnonzero(np.asarray(groups) == name) for name in dict.fromkeys(groups)]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        picks = rng.integers(0, len(members), len(members))
        found.append(measure(np.concatenate([members[pick] for pick in picks])))
    return np.array(found)


def set_figure(value: float, draws: np.ndarray) -> Figure:
    """The value with the spread of its draws.

    Drawing with repetition makes a Fréchet distance larger than it is, so the interval is placed about the value: the
    draws' spread is taken, not their place (reflecting them could turn a distance negative).
    """
    if not len(draws):
        return Figure(value)
    low, high = np.quantile(draws, (0.025, 0.975)) - np.median(draws)
    return Figure(value, float(value + low), float(value + high))


def share_below(one: np.ndarray, other: np.ndarray) -> float:
    """In what share of paired draws the one is smaller than the other; NaN without draws."""
    return float(np.mean(one < other)) if len(one) else float("nan")


def paired_p(one: np.ndarray, other: np.ndarray, groups: Sequence[str], flips: int = 4999, seed: int = 0) -> float:
    """Two-sided p of no difference: how often random signs, one a group, give a sum of differences at least as large.

    Pairs with a NaN are left out; 1.0 where none is left. The smallest p is 1 / (flips + 1).
    """
    sums, counts = _per_group(np.asarray(one, np.float64) - np.asarray(other, np.float64), groups)
    if not counts.sum():
        return 1.0
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (flips, len(sums)))
    largest = np.abs(signs @ sums)
    # What differs by rounding alone counts as the same.
    return float((1 + np.sum(largest >= abs(sums.sum()) * (1 - 1e-12))) / (flips + 1))


def _per_group(values: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the values of each group that are there, and how many."""
    number = {name: index for index, name in enumerate(dict.fromkeys(groups))}
    which = np.array([number[name] for name in groups], int)
    there = ~np.isnan(values)
    sums = np.bincount(which[there], values[there], minlength=len(number))
    return sums, np.bincount(which[there], minlength=len(number)).astype(np.float64)
