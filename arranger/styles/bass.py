"""Bass lines: roots, octaves, a walk from chord to chord, or the guitar's riff an octave down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

import numpy as np

from arranger.controls import PartControls
from arranger.parts import ROLES
from arranger.rules.bass import doubled_riff
from arranger.rules.context import listen
from arranger.styles.lines import folded, in_register, nearest
from arranger.styles.setting import Planes, Setting
from arranger.styles.strokes import (
    Stroke,
    beat_edges,
    cut_at_next,
    made_playable,
    played_beats,
    playing_bars,
    strokes_of,
    with_strokes,
)
from arranger.styles.walking import walk

USUAL_LOWEST = 28
REACH = 20
"""Semitones above the lowest string in which the styles stay unless a range is asked for: on four strings up to C3."""
OCTAVES_REACH = 23
RIFF_LEAST = 2
"""Strokes of a low riff in a bar from which on it is doubled there."""


def styled_bass(planes: Planes, setting: Setting, controls: PartControls) -> Planes:
    """The bass in the asked style; the very planes that came in where none was asked."""
    strokes = [replace(stroke, rows=stroke.rows[:1]) for stroke in strokes_of(planes, setting)]
    if controls.style is None or not strokes:
        return planes
    low, high = register(setting, controls)
    strokes = cut_at_next(strokes)
    if controls.style == "riff":
        played = _riff(planes, strokes, setting)
    elif controls.style == "walking":
        played = _walking(planes, strokes, setting, low, high)
    elif controls.style == "octaves":
        played = _octaves(strokes, setting, low, high)
    else:
        played = _roots(strokes, setting, low, high)
    return made_playable("bass", with_strokes(planes, cut_at_next(played), setting), setting, setting.strings)


def register(setting: Setting, controls: PartControls) -> tuple[int, int]:
    """(lowest, highest) pitch that a style uses: the asked range, as far as the instrument has it."""
    lowest = setting.lowest or USUAL_LOWEST
    if controls.range is None:
        return lowest, lowest + (OCTAVES_REACH if controls.style == "octaves" else REACH)
    low = max(lowest, controls.range[0])
    return low, max(low, controls.range[1])


def _roots(strokes: Sequence[Stroke], setting: Setting, low: int, high: int) -> list[Stroke]:
    """Every stroke on the root of its chord, in the octave in which the take mostly has it; free where no chord is."""
    played: list[Stroke] = []
    for root, run in groupby(strokes, key=lambda stroke: int(setting.root[stroke.middle])):
        together = list(run)
        near = median(stroke.rows[0] for stroke in together)
        pitch = nearest(root, low, high, near) if root >= 0 else None
        for stroke in together:
            row = folded(stroke.rows[0], low, high) if pitch is None else pitch
            played.append(replace(stroke, rows=(row,)))
    return played


def _octaves(strokes: Sequence[Stroke], setting: Setting, low: int, high: int) -> list[Stroke]:
    """The root on the beat and its octave off it; in turn where all of a bar's strokes on a chord are on beats, or all
    off them."""
    played: list[Stroke] = []

    def chord(stroke: Stroke) -> tuple[int, int]:
        return int(setting.grid.bar_of_step[stroke.step]), int(setting.root[stroke.middle])

    for (bar, root), run in groupby(strokes, key=chord):
        together = list(run)
        lower = [pitch for pitch in in_register(root, low, high) if pitch + 12 <= high] if root >= 0 else []
        if not lower:
            played += _roots(together, setting, low, high)
            continue
        near = min(stroke.rows[0] for stroke in together)
        pitch = min(lower, key=lambda pitch: (abs(pitch - near), pitch))
        beats = set(beat_edges(setting, bar))
        up = [stroke.step not in beats for stroke in together]
        if all(up) or not any(up):
            up = [bool(at % 2) for at in range(len(together))]
        played += [replace(s, rows=(pitch + 12 * raised,)) for s, raised in zip(together, up, strict=True)]
    return played


def _walking(planes: Planes, strokes: Sequence[Stroke], setting: Setting, low: int, high: int) -> list[Stroke]:
    """A note on every beat that is played; a last bar with one held note is held on the root. Where no chord
    is known the take stays."""
    held = held_bars(planes, setting)
    beats = [
        b for bar in playing_bars(planes[0], setting) if bar not in held for b in played_beats(planes, setting, bar)
    ]
    free = {first: end for first, end in beats if setting.root[first] < 0}
    kept = [
        stroke
        for stroke in strokes
        if int(setting.grid.bar_of_step[stroke.step]) in held
        or any(first <= stroke.step < end for first, end in free.items())
    ]
    return sorted([*walk(beats, setting, low, high), *_roots(kept, setting, low, high)], key=lambda s: s.step)


def held_bars(planes: Planes, setting: Setting) -> set[int]:
    """Asked bars with a single stroke, on one, before a bar in which nothing is struck: there a line comes to rest."""
    struck = np.asarray(planes[0].any(axis=0))
    count = np.append(np.add.reduceat(struck.astype(int), setting.grid.bar_steps[:-1]), 0)
    return {
        bar for bar in setting.bars if count[bar] == 1 and not count[bar + 1] and struck[setting.grid.bar_steps[bar]]
    }


def riff_steps(setting: Setting) -> np.ndarray:
    """Pitch at which a bass doubles the band's low riff at each step, int (step,); -1 where it has none. Bars with
    hardly a stroke of it are no riff."""
    found = doubled_riff(listen(setting.grid, ROLES.index("bass"), setting.tempo))
    per_bar = np.add.reduceat((found >= 0).astype(int), setting.grid.bar_steps[:-1])
    return np.where((per_bar >= RIFF_LEAST)[setting.grid.bar_of_step], found, -1)


def _riff(planes: Planes, strokes: Sequence[Stroke], setting: Setting) -> list[Stroke]:
    """The riff of guitar (or keys) stroke for stroke where there is one; the take elsewhere."""
    riff, grid, lowest = riff_steps(setting), setting.grid, setting.lowest or USUAL_LOWEST
    low = np.asarray(grid.sustain[[ROLES.index("guitar"), ROLES.index("other")]].any(axis=0))
    played: list[Stroke] = []
    for bar in playing_bars(planes[0], setting):
        begin, end = grid.bar_steps[bar : bar + 2].tolist()
        steps = [begin + int(step) for step in np.flatnonzero(riff[begin:end] >= 0)]
        if not steps:
            played += [stroke for stroke in strokes if begin <= stroke.step < end]
        for step in steps:
            pitch = int(riff[step])
            sounding = np.asarray(low[[pitch, min(127, pitch + 12)], step:end].any(axis=0))
            last = step + (int(sounding.argmin()) if not sounding.all() else len(sounding))
            played.append(Stroke(step, max(step + 1, last), (pitch if pitch >= lowest else pitch + 12,)))
    return played
