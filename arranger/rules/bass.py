"""The bassist: roots in the rhythm of the kick and of whoever plays low, or the riff of a low guitar an octave down."""

from __future__ import annotations

import numpy as np

from arranger.grid import ROWS, Grid
from arranger.rules.context import GUITAR, OTHER, SIGNALS, Heard, around_bars
from arranger.rules.resting import before_the_stop, section_starts
from arranger.rules.roots import find_roots
from arranger.rules.tables import stroke_chances

Planes = tuple[np.ndarray, np.ndarray]

STRIKE_FROM = 0.45
"""Chance from which on the bass strikes."""
STEADY = 0.5
"""How far its rhythm goes by what is usual in the section instead of by this bar alone."""
LOWEST, DEEPEST = 29, 23
"""Roots lie in the octave from F1 on, where most bassists have them; five strings go down to B0."""
RIFF_BELOW = {GUITAR: 50, OTHER: 48}
"""A stroke with its lowest note below is doubled: the bass has that note nine times in ten, and the likeliest root
somewhat more seldom. Above it the root is the better guess."""
OCTAVE_FROM = 40
"""A riff from low E on is doubled an octave below, a lower one as it is."""


def play_bass(heard: Heard, plays: np.ndarray) -> Planes:
    """Onset and sustain of the whole song, bool, shape (row, step); `plays` are the bars in which it does."""
    grid, bar = heard.grid, heard.grid.bar_of_step
    chance = stroke_chances(heard, ("bass",))["bass"]
    usual = around_bars(chance[None], heard.band[None], np.diff(grid.bar_steps))[0]
    inside = plays[bar] & before_the_stop(heard)
    begins = ((1 - STEADY) * chance + STEADY * usual > STRIKE_FROM) & inside
    silent = plays & ~np.logical_or.reduceat(begins, grid.bar_steps[:-1])
    begins[grid.bar_steps[:-1][silent]] = True
    strokes = np.flatnonzero(begins)
    pitches = bass_pitches(grid, strokes, find_roots(grid, "bass"), doubled_riff(heard))
    _lead_into(heard, section_starts(heard, plays), strokes, pitches)
    return held(grid, strokes, pitches, inside)


def doubled_riff(heard: Heard) -> np.ndarray:
    """Pitch of the low riff that is struck at each step, int, shape (step,); -1 where none is."""
    found = np.full(heard.grid.steps, -1)
    for role, name in ((OTHER, "other low"), (GUITAR, "guitar low")):
        low = heard.grid.sustain[role].argmax(axis=0)
        struck = (heard.strikes[SIGNALS.index(name)] > 0) & (low < RIFF_BELOW[role])
        found = np.where(struck, low, found)
    down = np.where(found >= OCTAVE_FROM, found - 12, found)
    return np.where(found >= 0, np.where(down < DEEPEST, down + 12, down), -1)


def bass_pitches(grid: Grid, strokes: np.ndarray, roots: np.ndarray, riff: np.ndarray) -> np.ndarray:
    """Pitch of each stroke, int: the riff where there is one, else the root, in the octave that the riff has it in."""
    octave = np.array([LOWEST + (pitch_class - LOWEST) % 12 for pitch_class in range(12)])
    doubled = riff[strokes][riff[strokes] >= 0]
    for pitch_class in range(12):
        own = doubled[doubled % 12 == pitch_class]
        if len(own):
            octave[pitch_class] = int(np.median(own))
    return np.where(riff[strokes] >= 0, riff[strokes], octave[roots[strokes]])


def _lead_into(heard: Heard, starts: np.ndarray, strokes: np.ndarray, pitches: np.ndarray) -> None:
    """The last stroke before a section with another root becomes a passing note, a whole tone from it; in place."""
    first = heard.grid.bar_steps[:-1]
    for start in first[starts].tolist():
        at = int(np.searchsorted(strokes, start))
        if 2 <= at < len(strokes) and strokes[at] == start and start - strokes[at - 1] <= 12:
            rise = int(pitches[at]) - int(pitches[at - 1])
            if abs(rise) > 2 and pitches[at - 1] == pitches[at - 2]:
                pitches[at - 1] = pitches[at] - 2 if rise > 0 else pitches[at] + 2


def held(grid: Grid, strokes: np.ndarray, pitches: np.ndarray, inside: np.ndarray) -> Planes:
    """Planes of a line in which every note lasts to the next one, to the bar line, or to where it may not sound."""
    onset, sustain = np.zeros((2, ROWS, grid.steps), dtype=bool)
    following = np.append(strokes[1:], grid.steps)
    ends = np.minimum(following, grid.bar_steps[1:][grid.bar_of_step[strokes]])
    for first, last, row in zip(strokes.tolist(), ends.tolist(), pitches.tolist(), strict=True):
        onset[row, first] = True
        sustain[row, first:last] = inside[first:last]
        sustain[row, first] = True
    return onset, sustain
