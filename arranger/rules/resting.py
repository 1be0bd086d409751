"""When a part plays: where the band does, unless what the others do says that people would rest there."""

from __future__ import annotations

import numpy as np

from arranger.rules.context import NEIGHBOURS, Heard
from arranger.rules.roots import best_path
from arranger.rules.tables import playing_chance

PLAYS_FROM = {"drums": 0.45, "bass": 0.45, "guitar": 0.6}
"""Chance from which on a part plays in a bar. A lower one finds more of the bars in which people play, a higher one
more of those in which they rest; note F1 hardly cares."""
COMING_IN = 1.5
"""Nats that it takes to come in or to drop out: rests are whole phrases, not single bars."""


def playing_bars(heard: Heard, part: str) -> np.ndarray:
    """Whether the part plays in each bar, bool, shape (bar,); never where the whole band rests."""
    chance = np.clip(playing_chance(heard, part), 1e-4, 1 - 1e-4)
    level = PLAYS_FROM[part]
    odds = np.log(chance / (1 - chance)) - np.log(level / (1 - level))
    path = best_path(np.stack([np.zeros_like(odds), odds], axis=1), np.full(len(odds), COMING_IN))
    return np.asarray((path > 0) & heard.band)


def before_the_stop(heard: Heard) -> np.ndarray:
    """Whether each step comes before the band's last beat of its bar is over, bool, shape (step,).

    Where the band stops short within a bar, so does everybody; a bar in which it sounds to the end has no such place.
    """
    grid = heard.grid
    others = np.arange(len(grid.sustain)) != heard.hidden
    sounds = grid.sustain[others].any(axis=(0, 1))
    bar, length = grid.bar_of_step, np.diff(grid.bar_steps)
    inside = np.arange(grid.steps) - grid.bar_steps[bar]
    last = np.maximum.reduceat(np.where(sounds, inside + 1, 0), grid.bar_steps[:-1])
    beat = length / heard.beats
    return np.asarray(inside < (np.ceil(last / beat - 1e-9) * beat)[bar])


def section_starts(heard: Heard, plays: np.ndarray) -> np.ndarray:
    """Bars in which a part begins a new section, int: it comes in, or somebody else comes in or drops out.

    `plays` are the bars in which the part plays; a section has at least `NEIGHBOURS` bars.
    """
    band = np.concatenate([heard.plays, plays[None]])
    changes = np.flatnonzero((band[:, 1:] != band[:, :-1]).any(axis=0)) + 1
    starts: list[int] = []
    for bar in [0, *changes.tolist()]:
        if plays[bar] and (not starts or bar - starts[-1] >= NEIGHBOURS):
            starts.append(bar)
    return np.array(starts, dtype=int)
