"""How far a take is in the style that was asked for: shares from 0 to 1, NaN where the take has nothing to judge by.

These say what a listener would check. They read planes, whoever made them; nothing is shared with the styles but the
words: where beats, backbeats and the places of fills are.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from arranger.controls import PartControls
from arranger.grid import STEPS_PER_QUARTER
from arranger.rules.patterns import ROW
from arranger.styles.bass import held_bars, riff_steps
from arranger.styles.drum_fills import fill_begins, fill_places
from arranger.styles.feel import backbeat_steps, struck_beats
from arranger.styles.setting import Planes, Setting
from arranger.styles.strokes import Stroke, asked_steps, beat_edges, cut_at_next, played_beats, playing_bars, strokes_of

CYMBALS = [ROW[name] for name in ("closed hat", "pedal hat", "open hat", "crash", "ride")]
SNARES = [ROW["snare"], ROW["side stick"]]
HIGH_FROM = 7
"""Semitones below the first string from which on a single note is a lead's."""
LEADING = (1, 2, 5, 7)
"""Semitones by which a walk leads into the next root."""


def adherence(part: str, planes: Planes, setting: Setting, controls: PartControls) -> dict[str, float]:
    """Measure -> share for everything of a style that the controls ask for."""
    found: dict[str, float] = {}
    onset = planes[0]
    if part == "drums":
        if controls.feel in ("half-time", "double-time"):
            found[f"{controls.feel} backbeat"] = backbeat_share(onset, setting, controls.feel)
        elif controls.feel:
            found[f"{controls.feel} off-beats"] = off_beat_share(onset, setting, controls.feel)
        if not controls.cymbals:
            found["no cymbals"] = 1 - _share_of(onset, setting, CYMBALS, list(range(len(onset))))
        if controls.side_stick:
            found["side stick"] = _share_of(onset, setting, SNARES[1:], SNARES)
        if controls.fills:
            found["fills at their places"], found["no fills elsewhere"] = fill_shares(onset, setting, controls.fills)
        return found
    strokes = cut_at_next(strokes_of(planes, setting))
    if part == "bass":
        if controls.style == "roots":
            found["on roots"] = root_share(strokes, setting)
        elif controls.style == "octaves":
            found["on roots"] = root_share(strokes, setting)
            found["octaves"] = octave_share(strokes, setting)
        elif controls.style == "walking":
            found["walking"], found["leading in"] = walking_shares(planes, setting)
        elif controls.style == "riff":
            found["riff doubled"] = riff_share(planes, setting)
        return found
    if controls.role:
        first = setting.strings[0] if setting.strings else 64
        high = [s.rows[0] >= first - HIGH_FROM for s in strokes]
        single = [len(s.rows) == 1 for s in strokes]
        lead = controls.role == "lead"
        found[controls.role] = _mean((a and b) == lead for a, b in zip(single, high, strict=True))
    shares = {"power": power_share, "strum": strum_share, "arpeggio": arpeggio_share, "chug": chug_share}
    if controls.style in shares:
        found[controls.style] = shares[controls.style](strokes, setting)
    elif controls.style == "riff":
        found["riff"] = _mean(len(s.rows) == 1 for s in strokes)
    return found


def backbeat_share(onset: np.ndarray, setting: Setting, feel: str) -> float:
    """Share of the bars that are played over a backbeat of the feel which have the snare there, and nowhere else before
    a fill."""
    good = []
    for bar in playing_bars(onset, setting):
        beats = struck_beats(onset, setting, bar)
        targets = {s for s in backbeat_steps(setting, bar, feel) if any(a <= s < b for a, b in beats)}
        if not targets:
            continue
        begin, end = setting.grid.bar_steps[bar : bar + 2].tolist()
        snares = {begin + int(step) for step in np.flatnonzero(onset[SNARES, begin:end].any(axis=0))}
        fill = fill_begins(onset, setting, bar)
        until = end if fill is None else fill
        good.append(targets <= snares and all(step in targets for step in snares if step < until))
    return _mean(good)


def off_beat_share(onset: np.ndarray, setting: Setting, feel: str) -> float:
    """Share of the strokes off quarters as beats that stand on triplets (`shuffle`) or on sixteenths (else)."""
    wanted = (4, 8) if feel == "shuffle" else (3, 6, 9)
    good: list[bool] = []
    for bar in setting.bars:
        edges = beat_edges(setting, bar)
        for first, end in pairwise(edges):
            if end - first == STEPS_PER_QUARTER:
                struck = np.argwhere(onset[:, first + 1 : end])[:, 1] + 1
                good += np.isin(struck, wanted).tolist()
    return _mean(good)


def fill_shares(onset: np.ndarray, setting: Setting, fills: str) -> tuple[float, float]:
    """(share of the places that a fill leads into; share of the other bars, counted where it plays, without one)."""
    places = {bar - 1 for bar in fill_places(onset, setting, fills)}
    has = {bar: fill_begins(onset, setting, bar) is not None for bar in playing_bars(onset, setting)}
    return _mean(has.get(bar, False) for bar in places), _mean(not has[bar] for bar in has if bar not in places)


def root_share(strokes: Iterable[Stroke], setting: Setting) -> float:
    """Share of the strokes over a chord whose lowest note is its root."""
    return _mean(
        s.rows[0] % 12 == setting.root[s.middle] and len(s.rows) == 1 for s in strokes if setting.root[s.middle] >= 0
    )


def octave_share(strokes: Iterable[Stroke], setting: Setting) -> float:
    """Share of the chords of a bar with two strokes or more that have their root in two octaves and nothing else."""
    groups: dict[tuple[int, int], set[int]] = {}
    counts: dict[tuple[int, int], int] = {}
    for stroke in strokes:
        at = int(setting.grid.bar_of_step[stroke.step]), int(setting.root[stroke.middle])
        if at[1] >= 0:
            groups.setdefault(at, set()).update(stroke.rows)
            counts[at] = counts.get(at, 0) + 1
    return _mean(
        len(rows) == 2 and max(rows) - min(rows) == 12 and min(rows) % 12 == at[1]
        for at, rows in groups.items()
        if counts[at] > 1
    )


def walking_shares(planes: Planes, setting: Setting) -> tuple[float, float]:
    """(share of the played beats with one stroke, on the beat; share of the chord changes that a step, a fourth or a
    fifth leads into). A last bar with one held note is none of it."""
    held, on_beat, leads = held_bars(planes, setting), [], []
    strokes = {stroke.step: stroke for stroke in strokes_of(planes, setting)}
    before: tuple[int, int] | None = None
    for bar in playing_bars(planes[0], setting):
        for first, end in played_beats(planes, setting, bar) if bar not in held else []:
            if setting.root[first] < 0:
                before = None
                continue
            inside = [step for step in range(first, end) if step in strokes]
            on_beat.append(inside == [first])
            if first in strokes and before and before[0] == first and setting.root[first] != setting.root[first - 1]:
                leads.append(abs(strokes[first].rows[0] - before[1]) in LEADING)
            before = (end, strokes[inside[-1]].rows[0]) if inside else None
    return _mean(on_beat), _mean(leads)


def riff_share(planes: Planes, setting: Setting) -> float:
    """Share of the strokes, the riff's and the bass's, that both have (in any octave), in bars that have a riff."""
    riff, onset = riff_steps(setting), planes[0]
    both = either = 0
    for bar in playing_bars(onset, setting):
        steps = range(*setting.grid.bar_steps[bar : bar + 2].tolist())
        if not any(riff[step] >= 0 for step in steps):
            continue
        for step in steps:
            mine, theirs = onset[:, step].any(), riff[step] >= 0
            either += bool(mine or theirs)
            both += bool(mine and theirs and (np.flatnonzero(onset[:, step]) - riff[step]).tolist()[0] % 12 == 0)
    return both / either if either else float("nan")


def power_share(strokes: Iterable[Stroke], setting: Setting) -> float:
    """Share of the strokes over a chord that have its root lowest, its fifth, and nothing else but the octave."""
    good = []
    for stroke in strokes:
        if setting.root[stroke.middle] >= 0:
            above = {row - stroke.rows[0] for row in stroke.rows}
            fifth = 7 if setting.tones[_fifth(setting, stroke), stroke.middle] or 6 not in above else 6
            good.append(stroke.rows[0] % 12 == setting.root[stroke.middle] and {0, fifth} <= above <= {0, fifth, 12})
    return _mean(good)


def strum_share(strokes: Iterable[Stroke], setting: Setting) -> float:
    """Share of the strokes over a chord that have three notes or more, all its tones (three of a larger chord's) and no
    others."""
    good = []
    for stroke in strokes:
        tones = _tones(setting, stroke)
        if tones:
            classes = {row % 12 for row in stroke.rows}
            good.append(len(stroke.rows) >= 3 and classes <= tones and len(classes) >= min(3, len(tones)))
    return _mean(good)


def arpeggio_share(strokes: Iterable[Stroke], setting: Setting) -> float:
    """Share of the strokes over a chord that are one of its tones alone, another one than before in the bar."""
    good, before = [], (-1, -1)
    for stroke in strokes:
        tones, bar = _tones(setting, stroke), int(setting.grid.bar_of_step[stroke.step])
        if tones and len(stroke.rows) == 1:
            good.append(stroke.rows[0] % 12 in tones and (bar, stroke.rows[0]) != before)
        elif tones:  # the chord that is held at the end
            good.append({row % 12 for row in stroke.rows} <= tones and stroke.end - stroke.step > STEPS_PER_QUARTER)
        before = bar, stroke.rows[-1]
    return _mean(good)


def chug_share(strokes: Iterable[Stroke], setting: Setting) -> float:
    """Share of the strokes over a chord that are its root, or root and fifth, in the lowest octave of the guitar."""
    lowest = setting.strings[-1] if setting.strings else setting.lowest or 40
    good = []
    for stroke in strokes:
        root = int(setting.root[stroke.middle])
        if root >= 0:
            above = {row - stroke.rows[0] for row in stroke.rows}
            low = stroke.rows[0] % 12 == root and stroke.rows[0] < lowest + 12
            good.append(low and above <= {0, 6, 7, 12})
    return _mean(good)


def _tones(setting: Setting, stroke: Stroke) -> set[int]:
    root = int(setting.root[stroke.middle])
    return {root, *np.flatnonzero(setting.tones[:, stroke.middle]).tolist()} if root >= 0 else set()


def _fifth(setting: Setting, stroke: Stroke) -> int:
    return (int(setting.root[stroke.middle]) + 7) % 12


def _share_of(onset: np.ndarray, setting: Setting, rows: list[int], of: list[int]) -> float:
    inside = onset & asked_steps(setting)
    total = int(inside[of].sum())
    return float(inside[rows].sum()) / total if total else float("nan")


def _mean(values: Iterable[bool]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else float("nan")
