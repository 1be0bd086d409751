"""How much a part plays: strokes in a bar of four quarters, and what people call sparse or busy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import numpy as np

from arranger.controls import DENSITIES
from arranger.grid import STEPS_PER_QUARTER, Grid

BAR_OF_FOUR = 4 * STEPS_PER_QUARTER


def strokes_a_bar(onset: np.ndarray, grid: Grid, bars: Sequence[int]) -> float:
    """Moments at which something begins, for every four quarters of the bars in which anything does; 0 for none.

    Parameters
    ----------
    onset : bool (row, step) on the grid: a chord, or a kick with a crash, is one stroke.
    bars : those that count.
    """
    struck = onset.any(axis=0)
    by_bar = np.bincount(grid.bar_of_step, weights=struck, minlength=len(grid.bars))[list(bars)]
    played = by_bar > 0
    steps = np.diff(grid.bar_steps)[list(bars)][played].sum()
    return float(by_bar.sum() * BAR_OF_FOUR / steps) if steps else 0.0


@lru_cache(maxsize=1)
def _percentiles() -> dict[str, list[float]]:
    """part -> 10th, 20th, ... 90th percentile of people's strokes a bar; made by `datasets.human_ranges`."""
    return json.loads((resources.files("arranger") / "data" / "densities.json").read_text())


def wanted_strokes(part: str, density: str | float) -> float:
    """Strokes a bar that are asked for: the middle of a word's fifth, or the number itself."""
    if isinstance(density, str):
        return _percentiles()[part][2 * DENSITIES.index(density)]
    return float(density)


def density_word(part: str, strokes: float) -> str:
    """The word for so many strokes a bar."""
    return DENSITIES[int(np.searchsorted(_percentiles()[part][1::2], strokes, side="right"))]
