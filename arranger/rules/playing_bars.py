"""In which bars a part plays: where the band does, unless what the others do says that people would rest there."""

from __future__ import annotations

import numpy as np

from arranger.rules.context import Heard
from arranger.rules.roots import best_path
from arranger.rules.tables import playing_chance

PLAYS_FROM = {"drums": 0.35, "bass": 0.35, "guitar": 0.35}
"""Chance from which on a part plays: a bar played in a rest costs its notes, a bar missed costs as many."""
CHANGE = 2.0
"""Nats that it takes to come in or to drop out: rests are whole phrases, not single bars."""


def playing_bars(heard: Heard, part: str) -> np.ndarray:
    """Whether the part plays in each bar, bool, shape (bar,); never none where the band plays."""
    chance = np.clip(playing_chance(heard, part), 1e-4, 1 - 1e-4)
    level = PLAYS_FROM[part]
    odds = np.log(chance / (1 - chance)) - np.log(level / (1 - level))
    path = best_path(np.stack([np.zeros_like(odds), odds], axis=1), np.full(len(odds), CHANGE)) > 0
    plays = path & heard.band
    return plays if plays.any() else heard.band


def sounding_end(heard: Heard) -> np.ndarray:
    """Step of each bar from which on the band is silent to the bar's end, counted up to a whole beat (a quarter in a
    plain metre); int, shape (bar,). The end of the bar where it sounds up to it."""
    grid = heard.grid
    others = np.arange(len(grid.sustain)) != heard.hidden
    sounds = grid.sustain[others].any(axis=(0, 1))
    ends = grid.bar_steps[1:].copy()
    for bar, (first, last) in enumerate(zip(grid.bar_steps[:-1].tolist(), grid.bar_steps[1:].tolist(), strict=True)):
        heard_at = np.flatnonzero(sounds[first:last])
        if not len(heard_at):
            continue
        beat = (last - first) / heard.beats[bar]
        beats = -(-(int(heard_at[-1]) + 1) // beat)
        ends[bar] = min(last, first + round(beats * beat))
    return ends
