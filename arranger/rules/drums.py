"""The drummer: one way to keep time and one backbeat for a section, a kick that goes with the bass, fills and crashes.

How likely each stroke is comes from counted tables (`tables`); which style is played is the one whose strokes are
expected to be right most often, and it changes only where another one is much better.
"""

from __future__ import annotations

import numpy as np

from arranger.grid import DRUMS, ROWS
from arranger.rules.context import Heard, around_bars
from arranger.rules.patterns import BACKBEATS, ROW, TIMES, Style, style_cells
from arranger.rules.playing_bars import playing_bars, sounding_end
from arranger.rules.roots import best_path
from arranger.rules.tables import stroke_chances

WORTH = 0.25
"""Chance of being right from which on a stroke of a style is a gain: half the F1 that can be hoped for."""
KICK_FROM, SNARE_FROM = 0.3, 0.55
"""Chance from which on the foot strikes, and the snare beside its backbeat."""
CHANGE = 6.0
"""Strokes that a style must be better by to be changed to."""
STEADY = 0.6
"""How far the kick goes by what is usual in the section instead of by this bar alone."""
VOICES = ("kick", "snare", "side stick", "closed hat", "open hat", "ride", "crash")


def play_drums(heard: Heard) -> np.ndarray:
    """Onsets, bool, shape (row, step), of the whole song."""
    grid = heard.grid
    lengths = np.diff(grid.bar_steps)
    chances = stroke_chances(heard, VOICES)
    steady = dict(zip(chances, around_bars(np.stack(list(chances.values())), heard.band[None].repeat(len(chances), 0), lengths), strict=True))
    hits = np.zeros((ROWS, grid.steps), dtype=bool)
    for styles in (TIMES, BACKBEATS):
        hits |= _best_style(heard, steady, styles)
    kick = (1 - STEADY) * chances["kick"] + STEADY * steady["kick"]
    hits[ROW["kick"]] = kick > KICK_FROM
    hits[ROW["snare"]] |= steady["snare"] > SNARE_FROM
    crash = chances["crash"] > WORTH
    hits[ROW["crash"]] |= crash
    for name in ("closed hat", "open hat", "ride"):
        hits[ROW[name]] &= ~hits[ROW["crash"]]
    bar = grid.bar_of_step
    plays = playing_bars(heard, "drums")
    hits &= plays[bar] & (np.arange(grid.steps) < sounding_end(heard)[bar])
    return hits


def _best_style(heard: Heard, chances: dict[str, np.ndarray], styles: tuple[Style, ...]) -> np.ndarray:
    """Onsets of the styles that are expected to be right most often, bool, shape (row, step)."""
    grid = heard.grid
    worth = np.zeros((ROWS, grid.steps))
    for name, chance in chances.items():
        worth[ROW[name]] = chance - WORTH
    cells = [style_cells(style, heard.place, heard.kind) for style in styles]
    bars = len(grid.bars)
    scores = np.stack(
        [np.bincount(grid.bar_of_step[steps], weights=worth[rows, steps], minlength=bars) for rows, steps in cells], axis=1
    )
    scores[~heard.band] = 0
    chosen = best_path(scores, np.full(bars, CHANGE))[grid.bar_of_step]
    hits = np.zeros((ROWS, grid.steps), dtype=bool)
    for at, (rows, steps) in enumerate(cells):
        here = chosen[steps] == at
        hits[rows[here], steps[here]] = True
    return hits


__all__ = ["DRUMS", "play_drums"]
