"""Single strings of a guitar: broken chords, riffs and muted chugs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arranger.grid import STEPS_PER_QUARTER
from arranger.parts import ROLES
from arranger.styles.bass import held_bars
from arranger.styles.lines import folded, nearest
from arranger.styles.setting import Planes, Setting
from arranger.styles.strokes import Stroke, cut_at_next, played_beats, playing_bars
from arranger.styles.voicings import chord_at, full_chord, power_chord, strings_of

EIGHTH, SIXTEENTH = STEPS_PER_QUARTER // 2, STEPS_PER_QUARTER // 4
SIXTEENTHS_UNTIL = 80.0
"""Up to this tempo broken chords may go in sixteenths where the take does."""
CHUG_SIXTEENTHS_UNTIL = 200.0
RIFF_REACH = 19
"""Semitones above the lowest string in which riffs lie: on six strings up to B3."""
RIFF_LEAST = 3
"""Strokes of a bar from which on the take has a riff of its own; below, the bass lends its own."""


def stream(planes: Planes, strokes: Sequence[Stroke], setting: Setting, bar: int, until: float) -> list[int]:
    """Steps of a steady stream over the beats of a bar that are played: eighths, or triplets where the take has them;
    with the take's sixteenths up to some tempo."""
    steps: set[int] = set()
    struck = [stroke.step for stroke in strokes]
    for first, end in played_beats(planes, setting, bar):
        inside = [step - first for step in struck if first <= step < end]
        triplets = end - first == STEPS_PER_QUARTER and any(at in (4, 8) for at in inside)
        steps.update(range(first, end, STEPS_PER_QUARTER // 3 if triplets else EIGHTH))
        if not triplets and setting.tempo[bar] <= until:
            steps.update(first + at for at in inside if at % SIXTEENTH == 0)
    first_stroke = min(step for step in struck if setting.grid.bar_of_step[step] == bar)
    return sorted(step for step in steps if step >= first_stroke) or [first_stroke]


def arpeggios(
    planes: Planes, strokes: Sequence[Stroke], setting: Setting, low: int, high: int, lead: bool
) -> list[Stroke]:
    """Broken chords: the bass where a chord or a bar begins, then up and down the other strings, all ringing until the
    next bass. A bar with one held chord is struck as a whole."""
    held = set() if lead else held_bars(planes, setting)
    strings = strings_of(setting)
    played: list[Stroke] = []
    for bar in playing_bars(planes[0], setting):
        inside = [stroke for stroke in strokes if setting.grid.bar_of_step[stroke.step] == bar]
        run: list[Stroke] = []
        shape: tuple[int, ...] = ()
        for step in [inside[0].step] if bar in held else stream(planes, strokes, setting, bar, SIXTEENTHS_UNTIL):
            chord = chord_at(setting, step)
            if chord is None:
                continue
            root, above = chord
            new = _tones(root, above, low, high) if lead else full_chord(root, above, strings, low, high)
            new = new or power_chord(root, above, strings, low, high) or (nearest(root, low, high, low) or low,)
            if new != shape:
                at, shape = 0, new
            if lead and played and run == [] and played[-1].rows == shape[:1]:
                at += 1  # not the same note twice
            rows = shape if bar in held else (shape[_turn(len(shape), at)],)
            run.append(Stroke(step, inside[-1].end if bar in held else step + EIGHTH, rows))
            at += 1
        # Where no chord is known, as the take has it.
        free = [stroke for stroke in inside if chord_at(setting, stroke.step) is None]
        run += [replace(stroke, rows=(folded(stroke.rows[0], low, high),)) for stroke in free]
        run.sort(key=lambda stroke: stroke.step)
        played += cut_at_next(run) if lead else _ringing(run, int(setting.grid.bar_steps[bar + 1]))
    return played


def _turn(size: int, at: int) -> int:
    """Which string comes at a place of the pattern: the bass once, then up to the top and down again."""
    if at == 0 or size == 1:
        return 0
    upper = [*range(1, size), *range(size - 2, 1, -1)] if size > 2 else [1, 0]
    return upper[(at - 1) % len(upper)]


def _tones(root: int, above: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    """Chord tones of an octave and a half up from the root, in the lead's register."""
    first = low + (root - low) % 12
    return tuple(p for p in range(first, min(high, first + 16) + 1) if (p - root) % 12 in above)


def _ringing(run: Sequence[Stroke], end: int) -> list[Stroke]:
    """The strokes of a bar, each ringing until its pitch comes again or the bass moves to another chord."""
    basses = [stroke.step for stroke in run if stroke.rows[0] == min(s.rows[0] for s in run)]
    played = []
    for stroke in run:
        again = [other.step for other in run if other.step > stroke.step and set(other.rows) & set(stroke.rows)]
        bass = [step for step in basses if step > stroke.step]
        played.append(replace(stroke, end=max(stroke.end, min([end, *again, *bass]))))
    return played


def chugs(planes: Planes, strokes: Sequence[Stroke], setting: Setting, low: int, high: int) -> list[Stroke]:
    """Eighths, with the take's sixteenths, on the root as low as it goes; a power chord where a chord begins."""
    strings = strings_of(setting)
    held = held_bars(planes, setting)
    played: list[Stroke] = []
    before = -1
    for bar in playing_bars(planes[0], setting):
        inside = [stroke for stroke in strokes if setting.grid.bar_of_step[stroke.step] == bar]
        steps = [inside[0].step] if bar in held else stream(planes, strokes, setting, bar, CHUG_SIXTEENTHS_UNTIL)
        run = []
        for step in steps:
            root, above = chord_at(setting, step) or (inside[0].rows[0] % 12, (0, 7))
            rows = power_chord(root, above, strings, low, high)
            lowest = nearest(root, low, high, low)
            single = (low if lowest is None else lowest,)
            whole = rows[:1] == single and (root != before or bar in held)
            run.append(Stroke(step, inside[-1].end if bar in held else step + EIGHTH, rows if whole else single))
            before = root
        played += cut_at_next(run)
    return played


def riffs(planes: Planes, strokes: Sequence[Stroke], setting: Setting, low: int, high: int) -> list[Stroke]:
    """One note at a time on the low strings: the take's lowest, its foreign tones moved to the chord's; where the take
    has hardly a stroke in a bar, what the bass plays, an octave up."""
    high = min(high, max(low + 12, strings_of(setting)[-1] + RIFF_REACH))
    bass = ROLES.index("bass")
    held, grid = held_bars(planes, setting), setting.grid
    known = setting.scale.any()
    played: list[Stroke] = []
    for bar in playing_bars(planes[0], setting):
        first, end = grid.bar_steps[bar : bar + 2].tolist()
        inside = [stroke for stroke in strokes if first <= stroke.step < end]
        line = first + np.flatnonzero(grid.onset[bass, :, first:end].any(axis=0))
        lent = len(inside) < RIFF_LEAST <= len(line) and bar not in held
        if lent:
            ends = [*line[1:].tolist(), end]
            inside = [
                Stroke(step, after, (int(grid.onset[bass, :, step].argmax()) + 12,))
                for step, after in zip(line.tolist(), ends, strict=True)
            ]
        for at, stroke in enumerate(inside):
            chord = chord_at(setting, stroke.middle)
            row = folded(stroke.rows[0], low, high)
            foreign = known and not setting.scale[row % 12]
            if chord is not None and not lent:
                tones = [(chord[0] + step) % 12 for step in chord[1]]
                begins = at == 0 or chord_at(setting, inside[at - 1].middle) != chord
                if begins or (foreign and row % 12 not in tones):
                    wanted = chord[0] if begins else min(tones, key=lambda c: min((row - c) % 12, (c - row) % 12))
                    row = nearest(wanted, low, high, row) or row
            played.append(replace(stroke, rows=(row,)))
    return cut_at_next(played)
