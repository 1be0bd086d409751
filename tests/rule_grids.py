"""Small grids written out by hand, and what a plane holds, for the tests of the rules."""

from __future__ import annotations

import numpy as np

from arranger.grid import Grid, bar_step_table
from arranger.parts import ROLES
from arranger.song import Bar
from arranger.voices import VOICES

ROW = {voice.name: row for row, voice in enumerate(VOICES)}

Notes = dict[str, list[tuple[int, int, int]]]
"""Role -> (row, first step, end step)."""


def grid_of(metres: list[tuple[int, int]], notes: Notes) -> Grid:
    """Grid of one bar for each metre; steps are those of the whole grid."""
    bars, start = [], 0
    for index, (numerator, denominator) in enumerate(metres):
        bars.append(Bar(index, start, 48 * numerator // denominator, numerator, denominator))
        start += bars[-1].length
    table = bar_step_table(bars, 12)
    onset, sustain = np.zeros((2, len(ROLES), 128, int(table[-1])), dtype=bool)
    for role, played in notes.items():
        for row, first, end in played:
            onset[ROLES.index(role), row, first] = True
            sustain[ROLES.index(role), row, first:end] = True
    return Grid(onset, sustain, table, tuple(bars), 12)


def steps(plane: np.ndarray, row: int) -> list[int]:
    return np.flatnonzero(plane[row]).tolist()


def line(onset: np.ndarray) -> list[tuple[int, int]]:
    """(step, row) of every onset, by step."""
    return sorted((int(step), int(row)) for row, step in np.argwhere(onset))


def repeated(pattern: list[tuple[int, int, int]], bars: int, length: int = 48) -> list[tuple[int, int, int]]:
    """The notes of one bar in each of several bars."""
    return [(row, bar * length + first, bar * length + end) for bar in range(bars) for row, first, end in pattern]


def eighths(row: int, bars: int) -> list[tuple[int, int, int]]:
    return repeated([(row, step, step + 6) for step in range(0, 48, 6)], bars)


def rock_drums(bars: int) -> list[tuple[int, int, int]]:
    hits = [(ROW["kick"], 0), (ROW["kick"], 24), (ROW["snare"], 12), (ROW["snare"], 36)]
    hits += [(ROW["closed hat"], step) for step in range(0, 48, 6)]
    return repeated([(row, step, step + 1) for row, step in hits], bars)
