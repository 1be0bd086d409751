"""Shaping a drawn take to a style that was asked for: planes in, planes out.

The model says when something is struck and what; a style keeps of that what belongs to it and changes the rest, so that
what was asked for is there for certain and the rhythm is still that of the song.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arranger.controls import PartControls
from arranger.grid import Grid

Planes = tuple[np.ndarray, np.ndarray]
"""Onset and sustain, bool (row, step)."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What a style may go by.

    grid : the song without the part that is filled. bars : the asked bars, sorted.
    root : int (step,), pitch class of the chord's root, -1 where there is none.
    tones : bool (12, step), pitch classes of the chord. scale : bool (12,), of the song's key.
    tempo : float (bar,), quarters a minute. lowest : the lowest pitch that the part's instrument has.
    section_starts : bars in which a section begins, sorted.
    """

    grid: Grid
    bars: tuple[int, ...]
    root: np.ndarray
    tones: np.ndarray
    scale: np.ndarray
    tempo: np.ndarray
    lowest: int
    section_starts: tuple[int, ...]


def styled(part: str, planes: Planes, setting: Setting, controls: PartControls) -> Planes:
    """The take as the controls want it; the very planes that came in where nothing was asked."""
    del part, setting, controls
    return planes
