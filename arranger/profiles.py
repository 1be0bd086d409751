"""How long each pitch class sounds in each bar, and below all others: what keys, chords and sections are told from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from arranger.grid import STEPS_PER_QUARTER, Grid, song_to_grid
from arranger.parts import ROLES, Role
from arranger.song import Song

PITCHED = tuple(ROLES.index(role) for role in ("bass", "guitar", "other"))
HIGHEST_BASS = 52
"""A lowest note above E3 is no bass."""


@dataclass(frozen=True, eq=False)
class Profiles:
    """Weights of equal stretches of a song, each a bar or half of one.

    Parameters
    ----------
    weight : float, (stretch, 12), quarters that each pitch class sounds, summed over octaves and parts.
    bass : float, (stretch, 12), quarters that it is the lowest.
    bar : int, (stretch,), the bar that each stretch belongs to; two stretches of one bar are its halves.
    """

    weight: np.ndarray
    bass: np.ndarray
    bar: np.ndarray


def song_profiles(song: Song, roles: Iterable[Role], grid: Grid | None = None) -> Profiles:
    """Profiles of a song by half bars where they are whole quarters (dotted ones in 6/8), else by bars."""
    grid = grid or song_to_grid(song, roles)
    classes, bass = _step_weights(grid)
    edges, bars = [], []
    for bar, first, last in zip(song.bars, grid.bar_steps, grid.bar_steps[1:], strict=False):
        size = int(last - first)
        unit = 3 * STEPS_PER_QUARTER // 2 if bar.denominator >= 8 and bar.numerator % 3 == 0 else STEPS_PER_QUARTER
        halves = 2 if size % (2 * unit) == 0 else 1
        edges += [int(first) + size * half // halves for half in range(halves)]
        bars += [bar.index] * halves
    starts = np.array(edges, dtype=np.int64)
    weight, low = (np.add.reduceat(array, starts, axis=1).T / STEPS_PER_QUARTER for array in (classes, bass))
    return Profiles(weight, low, np.array(bars, dtype=np.int64))


def _step_weights(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(pitch classes that sound, pitch class of the bass), float, (12, step).

    A pitch that two parts play at once counts twice."""
    sounding = grid.sustain[list(PITCHED)]
    rows = sounding.sum(axis=0, dtype=np.int16)
    classes = np.zeros((12, grid.steps))
    for pitch_class in range(12):
        classes[pitch_class] = rows[pitch_class::12].sum(axis=0)
    any_row = rows > 0
    lowest = np.where(any_row.any(axis=0), any_row.argmax(axis=0), -1)
    bass = np.zeros((12, grid.steps))
    steps = np.flatnonzero((lowest >= 0) & (lowest <= HIGHEST_BASS))
    bass[lowest[steps] % 12, steps] = 1.0
    return classes, bass
