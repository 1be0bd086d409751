"""The drummer: one way to keep time and one backbeat for a section, a kick that goes with the bass, fills and crashes.

How likely each stroke is comes from counted tables (`tables`); the style that is played is the one whose strokes are
expected to be right most often, and it changes only where another one is much better.
"""

from __future__ import annotations

import numpy as np

from arranger.grid import ROWS, STEPS_PER_QUARTER
from arranger.rules.context import NEIGHBOURS, Heard, around_bars
from arranger.rules.patterns import BACKBEATS, ROW, TIMES, Style, style_cells
from arranger.rules.resting import before_the_stop, section_starts
from arranger.rules.roots import best_path
from arranger.rules.tables import stroke_chances

VOICES = ("kick", "snare", "side stick", "closed hat", "open hat", "ride", "crash")
WORTH = 0.23
"""Chance of being right from which on a stroke of a style is a gain: half the F1 that can be hoped for."""
STRIKE_FROM = {"kick": 0.37, "snare": 0.55, "crash": 0.5}
"""Chance from which on the foot strikes, the snare beside its backbeat, and a crash outside section starts."""
CHANGE = 10.0
"""Strokes that a style must be better by to be changed to."""
FILL = (("snare", 0), ("high tom", 3), ("mid tom", 6), ("low tom", 9))
"""The last beat before a new section, in steps of a quarter."""


def play_drums(heard: Heard, plays: np.ndarray) -> np.ndarray:
    """Onsets of the whole song, bool, shape (row, step); `plays` are the bars in which the drummer does."""
    grid = heard.grid
    bar = grid.bar_of_step
    chances = stroke_chances(heard, VOICES)
    rows = heard.band[None].repeat(len(VOICES), axis=0)
    usual = around_bars(np.stack(list(chances.values())), rows, np.diff(grid.bar_steps))
    steady = dict(zip(chances, usual, strict=True))
    hits = best_style(heard, steady, TIMES) | best_style(heard, steady, BACKBEATS)
    # The kick goes by what is usual in the section, not by this bar: following every bass note it would be too busy.
    hits[ROW["kick"]] = steady["kick"] > STRIKE_FROM["kick"]
    hits[ROW["snare"]] |= steady["snare"] > STRIKE_FROM["snare"]
    hits[ROW["crash"]] |= chances["crash"] > STRIKE_FROM["crash"]
    _mark_sections(heard, plays, hits)
    for name in ("closed hat", "open hat", "ride"):
        hits[ROW[name]] &= ~hits[ROW["crash"]]
    hits &= plays[bar] & before_the_stop(heard)
    silent = plays & ~np.logical_or.reduceat(hits.any(axis=0), grid.bar_steps[:-1])
    hits[ROW["kick"], grid.bar_steps[:-1][silent]] = True
    return hits


def best_style(heard: Heard, chances: dict[str, np.ndarray], styles: tuple[Style, ...]) -> np.ndarray:
    """Onsets of the styles that are expected to be right most often, bool, shape (row, step)."""
    grid = heard.grid
    worth = np.full((ROWS, grid.steps), -WORTH)
    for name, chance in chances.items():
        worth[ROW[name]] += chance
    cells = [style_cells(style, heard.place, heard.kind) for style in styles]
    bars = len(grid.bars)
    scores = np.stack(
        [np.bincount(grid.bar_of_step[at], weights=worth[rows, at], minlength=bars) for rows, at in cells], axis=1
    )
    scores[~heard.band] = 0
    chosen = best_path(scores, np.full(bars, CHANGE))[grid.bar_of_step]
    hits = np.zeros((ROWS, grid.steps), dtype=bool)
    for index, (rows, at) in enumerate(cells):
        here = chosen[at] == index
        hits[rows[here], at[here]] = True
    return hits


def _mark_sections(heard: Heard, plays: np.ndarray, hits: np.ndarray) -> None:
    """A crash with the kick on the first beat of each section, and a fill in the last beat before it."""
    grid = heard.grid
    for bar in section_starts(heard, plays).tolist():
        first = int(grid.bar_steps[bar])
        hits[[ROW["crash"], ROW["kick"]], first] = True
        long_enough = bar >= NEIGHBOURS and plays[bar - NEIGHBOURS : bar].all()
        if long_enough and grid.bar_steps[bar] - grid.bar_steps[bar - 1] >= 2 * STEPS_PER_QUARTER:
            beat = first - STEPS_PER_QUARTER
            hits[:, beat:first] = False
            for voice, step in FILL:
                hits[ROW[voice], beat + step] = True
