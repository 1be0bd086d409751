"""A walking bass: a note on every beat, chord tones on the way and a step into the next root.

The line is the cheapest one (Viterbi): every first beat of a chord has its root, the last beat before another one leads
into it by a semitone, a whole tone or a fifth, and between them chord tones on even beats and scale tones otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arranger.styles.lines import cheapest_line, in_register
from arranger.styles.setting import Setting
from arranger.styles.strokes import Stroke

LEADS = {1: 0.0, 2: 0.15, 5: 0.5, 7: 0.6}
"""Semitones into the next root -> cost."""
VARIETY = 1.6
"""Cost by which bars of the same chord differ, so that a walk doesn't go in circles."""


def walk(beats: Sequence[tuple[int, int]], setting: Setting, low: int, high: int) -> list[Stroke]:
    """The walk over some beats, (first step, end) each; one that a chord of no root stands on has no stroke."""
    beats = [beat for beat in beats if setting.root[beat[0]] >= 0]
    options = [np.arange(low, high + 1) for _ in beats]
    begins = [_begins(beats, at, setting) for at in range(len(beats))]
    own = [_own(beats, begins, at, setting, low, high) for at in range(len(beats))]
    between = [_between(options[at], begins[at + 1]) for at in range(len(beats) - 1)]
    line = cheapest_line(own, between)
    return [
        Stroke(first, end, (int(pitches[at]),)) for (first, end), pitches, at in zip(beats, options, line, strict=True)
    ]


def _begins(beats: Sequence[tuple[int, int]], at: int, setting: Setting) -> str:
    """`chord` where another root begins, `bar` where the same one goes on in a new bar, else nothing."""
    first, before = beats[at][0], beats[at - 1][0]
    if at == 0 or setting.root[first] != setting.root[before]:
        return "chord"
    bar = setting.grid.bar_of_step
    return "bar" if bar[first] != bar[before] else ""


def _own(
    beats: Sequence[tuple[int, int]], begins: Sequence[str], at: int, setting: Setting, low: int, high: int
) -> np.ndarray:
    """Cost of each pitch of the register on one beat, float (pitch,)."""
    first = beats[at][0]
    classes = np.arange(low, high + 1) % 12
    root, tones = (
        int(setting.root[first]),
        _with_third(int(setting.root[first]), setting.tones[:, first], setting.scale),
    )
    # The middle of the register is home; its top is for passing.
    cost = np.abs(np.arange(low, high + 1) - (low + 8)) * 0.06
    if begins[at] == "chord":
        if in_register(root, low, high):
            return cost + np.where(classes == root, 0.0, 1e6)
        return cost + np.where(tones[classes], 0.0, 10.0)
    leads = at + 1 < len(beats) and begins[at + 1] == "chord" and beats[at][1] == beats[at + 1][0]
    place = at - max(index for index in range(at + 1) if begins[index])
    if begins[at] == "bar":
        cost += np.where(classes == root, 0.0, np.where(tones[classes], 1.2, 6.0))
    elif leads:  # how it leads is told by the next note
        cost += np.where(setting.scale[classes] | tones[classes], 0.0, 0.25)
    else:
        passing = np.where(setting.scale[classes], 2.2 if place % 2 == 0 else 0.9, 7.0)
        cost += np.where(tones[classes], np.where(classes == root, 1.2, 0.0), passing)
    bar = int(setting.grid.bar_of_step[first])
    return cost + VARIETY * ((np.arange(low, high + 1) * 7919 + bar * 7907 + place * 31) % 97) / 96


def _with_third(root: int, tones: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The chord's tones, with the key's third where it has none: a power chord is little to walk on."""
    thirds = [(root + 3) % 12, (root + 4) % 12]
    if tones[thirds].any():
        return tones
    out = tones.copy()
    out[thirds] = scale[thirds]
    return out


def _between(pitches: np.ndarray, begins: str) -> np.ndarray:
    """Cost of going from each pitch to each, float (pitch, pitch)."""
    leap = np.abs(pitches[:, None] - pitches[None])
    if begins == "chord":
        cost = np.full(leap.shape, 4.0)
        for distance, least in LEADS.items():
            cost[leap == distance] = least
        return cost
    cost = np.where(leap <= 2, 0.0, np.where(leap <= 4, 0.25, np.where(leap <= 7, 0.8, 2.0)))
    cost = np.where(leap == 12, 1.5, cost)
    return cost + np.where(leap > 12, 4.0, 0.0) + np.where(leap == 0, 3.0, 0.0)
