"""The guitarist."""

from __future__ import annotations

import numpy as np

from arranger.grid import ROWS
from arranger.rules.context import Heard, around_bars
from arranger.rules.playing_bars import playing_bars, sounding_end
from arranger.rules.roots import best_path, find_roots
from arranger.rules.tables import stroke_chances
from arranger.rules.voicings import HIGH, LOW, note_chances, voicings

STRIKE_FROM = 0.45
STEADY = 0.5
WORTH = 0.2
CHANGE = 8.0


def play_guitar(heard: Heard):
    grid = heard.grid
    chance = stroke_chances(heard, ("guitar",))["guitar"]
    steady = around_bars(chance[None], heard.band[None], np.diff(grid.bar_steps))[0]
    bar = grid.bar_of_step
    plays = playing_bars(heard, "guitar")
    begins = ((1 - STEADY) * chance + STEADY * steady > STRIKE_FROM) & plays[bar]
    ends_at = sounding_end(heard)[bar]
    begins &= np.arange(grid.steps) < ends_at
    onset, sustain = np.zeros((2, ROWS, grid.steps), dtype=bool)
    at = np.flatnonzero(begins)
    if not len(at):
        return onset, sustain
    roots = find_roots(grid, "guitar")[at]
    thirds = find_thirds(heard, at, roots)
    likely = note_chances(heard, at, roots)
    choices = voicings(heard, at, roots, thirds)
    bars = len(grid.bars)
    scores = np.stack(
        [np.bincount(bar[at], weights=((likely - WORTH) * notes).sum(axis=1), minlength=bars) for notes in choices.values()],
        axis=1,
    )
    chosen = best_path(scores, np.full(bars, CHANGE))[bar[at]]
    played = np.stack(list(choices.values()))[chosen, np.arange(len(at))]
    ends = np.minimum(np.append(at[1:], grid.steps), ends_at[at])
    for first, last, notes in zip(at.tolist(), ends.tolist(), played, strict=True):
        rows = LOW + np.flatnonzero(notes)
        onset[rows, first] = True
        sustain[rows, first:last] = True
    return onset, sustain


def find_thirds(heard: Heard, steps, roots):
    grid = heard.grid
    bars = grid.bar_of_step[steps]
    out = np.zeros(len(steps), int)
    sounding = grid.sustain[[1, 3]].any(0)
    cl = np.stack([sounding[c::12].any(0) for c in range(12)])
    total = np.add.reduceat(cl, grid.bar_steps[:-1], axis=1)
    m, M = total[(roots + 3) % 12, bars], total[(roots + 4) % 12, bars]
    key = total.sum(1)
    m0, M0 = key[(roots + 3) % 12], key[(roots + 4) % 12]
    return np.where(m + M == 0, np.where(m0 + M0 == 0, 0, np.where(M0 >= m0, 4, 3)), np.where(M >= m, 4, 3))
