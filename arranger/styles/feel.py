"""The feel of a drum part: where the backbeat stands, and whether eighths are even or swung.

Half-time has the backbeat half as often: on three of a 4/4 bar, on the first beat of every second bar where a bar has
two or three beats. Double-time has it on the last eighth of every beat. A shuffle is played on triplets.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import numpy as np

from arranger.grid import STEPS_PER_QUARTER
from arranger.rules.metre import beat_pattern
from arranger.rules.patterns import ROW
from arranger.styles.drum_fills import fill_begins
from arranger.styles.setting import Planes, Setting
from arranger.styles.strokes import Stroke, beat_edges, played_beats, playing_bars, strokes_of, with_strokes

TIME = tuple(ROW[name] for name in ("closed hat", "pedal hat", "open hat", "ride"))
SNARES = (ROW["snare"], ROW["side stick"])
BUSY_FROM = 100.0
"""From this tempo on, a hat in sixteenths becomes the long and short of a shuffle; below, triplets."""

SWUNG = (0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8)
EVEN = (0, 0, 3, 3, 3, 6, 6, 6, 6, 9, 9, 9)
"""Where each twelfth of a quarter goes in a shuffle, and in a straight feel."""


def backbeat_steps(setting: Setting, bar: int, feel: str | None) -> list[int]:
    """Steps of a bar on which the snare stands, in steps of the grid: in half-time, double-time, or (any other feel) as
    in most songs."""
    edges = beat_edges(setting, bar)
    beats = edges[:-1]
    if feel == "double-time":
        return [last_eighth(first, end) for first, end in pairwise(edges)]
    if feel != "half-time":
        return [step for step, name in zip(beats, beat_pattern(len(beats)), strict=True) if name == "s"]
    if len(set(np.diff(edges).tolist())) > 1:
        return beats[-1:]
    if len(beats) < 2:
        return []
    if len(beats) < 4:
        return beats[:1] if _bars_into_section(setting, bar) % 2 else []
    if len(beats) in (5, 6):
        return [beats[3]]
    return beats[2::4]


def last_eighth(first: int, end: int) -> int:
    """Step of the last eighth of a beat; of shorter beats, of their second half."""
    eighth = STEPS_PER_QUARTER // 2
    return end - eighth if end - first > eighth else first + (end - first + 1) // 2


def _bars_into_section(setting: Setting, bar: int) -> int:
    at = bisect_right(setting.section_starts, bar)
    return bar - (setting.section_starts[at - 1] if at else 0)


def with_feel(onset: np.ndarray, setting: Setting, feel: str) -> np.ndarray:
    """Onsets of the drums, bool (row, step), in a feel."""
    if feel in ("half-time", "double-time"):
        return _with_backbeat(onset, setting, feel)
    if feel == "shuffle":
        onset = _with_short_notes(_thinned(onset, setting), setting)
    return moved_to_swing((onset, onset), setting, feel)[0]


def _with_backbeat(onset: np.ndarray, setting: Setting, feel: str) -> np.ndarray:
    """The snare on the backbeats of a feel and, fills apart, nowhere else; the kick out of its way and on the beats."""
    out = onset.copy()
    for bar in playing_bars(onset, setting):
        begin, end = setting.grid.bar_steps[bar : bar + 2].tolist()
        beats = struck_beats(onset, setting, bar)
        fill = fill_begins(onset, setting, bar)
        until = end if fill is None else fill
        targets = [s for s in backbeat_steps(setting, bar, feel) if any(a <= s < b for a, b in beats)]
        sticks = onset[ROW["side stick"], begin:end].sum() > onset[ROW["snare"], begin:end].sum()
        out[SNARES, begin:until] = False
        out[ROW["side stick" if sticks else "snare"], targets] = True
        out[ROW["kick"], targets] = False
        strong = [first for first, _ in beats if first < until and (feel == "double-time" or first == begin)]
        out[ROW["kick"], [step for step in strong if step not in targets]] = True
        if not out[:, begin:end].any():
            out[ROW["kick"], begin + int(onset[:, begin:end].any(axis=0).argmax())] = True
    return out


def without_stray_snares(onset: np.ndarray, setting: Setting, feel: str) -> np.ndarray:
    """Onsets without snares beside the backbeat of half-time or double-time: those of a fill that is none any more."""
    if feel not in ("half-time", "double-time"):
        return onset
    out = onset.copy()
    for bar in playing_bars(onset, setting):
        begin, end = setting.grid.bar_steps[bar : bar + 2].tolist()
        stray = np.ones(end - begin, dtype=bool)
        stray[[step - begin for step in backbeat_steps(setting, bar, feel)]] = False
        while True:  # without a stroke less may be a fill, and more stray
            fill = fill_begins(out, setting, bar)
            until = (end if fill is None else fill) - begin
            found = out[SNARES, begin:end].any(axis=0) & stray & (np.arange(end - begin) < until)
            if not found.any():
                break
            for row in SNARES:
                out[row, begin:end] &= ~found
        if not out[:, begin:end].any():
            out[ROW["kick"], begin + int(onset[:, begin:end].any(axis=0).argmax())] = True
    return out


def struck_beats(onset: np.ndarray, setting: Setting, bar: int) -> list[tuple[int, int]]:
    """(first step, end) of the beats of a bar from the one of its first stroke to the one of its last."""
    struck = np.flatnonzero(onset[:, slice(*setting.grid.bar_steps[bar : bar + 2])].any(axis=0))
    if not len(struck):
        return []
    first, last = (int(setting.grid.bar_steps[bar] + struck[at]) for at in (0, -1))
    edges = beat_edges(setting, bar)
    return [(a, b) for a, b in pairwise(edges) if b > first and a <= last]


def moved_to_swing(planes: Planes, setting: Setting, feel: str, line: bool = False) -> Planes:
    """Strokes off the beat moved to triplets (`shuffle`) or to sixteenths (`straight`); other feels change nothing.

    Only quarters as beats can be swung: in 6/8 or 12/8 the triplets are written already. What falls together is one
    stroke of its row; in a `line` (of bass or guitar) the later of two that would fall together goes altogether.
    """
    table = {"shuffle": SWUNG, "straight": EVEN}.get(feel)
    if table is None:
        return planes
    place = np.arange(setting.grid.steps + 1)
    for bar in setting.bars:
        edges = beat_edges(setting, bar)
        for first, end in pairwise(edges):
            if end - first == STEPS_PER_QUARTER:
                place[first:end] = first + np.array(table)
    moved: list[Stroke] = []
    for stroke in strokes_of(planes, setting):
        step = int(place[stroke.step])
        if not (line and moved and moved[-1].step == step):
            moved.append(Stroke(step, max(step + 1, int(place[stroke.end])), stroke.rows))
    return with_strokes(planes, moved, setting)


def _thinned(onset: np.ndarray, setting: Setting) -> np.ndarray:
    """Hats and ride without their sixteenths where the song is too fast for triplets."""
    out = onset.copy()
    for bar in playing_bars(onset, setting):
        if setting.tempo[bar] < BUSY_FROM:
            continue
        edges = beat_edges(setting, bar)
        for first, end in pairwise(edges):
            if end - first == STEPS_PER_QUARTER:
                for row in TIME:
                    if onset[row, [first, first + 6]].any():
                        out[row, [first + 3, first + 9]] = False
    return out


def _with_short_notes(onset: np.ndarray, setting: Setting) -> np.ndarray:
    """The off-beats by which a shuffle is heard, where a bar keeps time in quarters alone."""
    out = onset.copy()
    for bar in playing_bars(onset, setting):
        beats = [(a, b) for a, b in played_beats((onset, onset), setting, bar) if b - a == STEPS_PER_QUARTER]
        if not beats or any(onset[:, a + 1 : b].any() for a, b in beats):
            continue
        counts = [(int(onset[row, [a for a, _ in beats]].sum()), row) for row in (*TIME, ROW["crash"])]
        most, row = max(counts, key=lambda count: (count[0], -count[1]))
        if most >= 2:
            out[row if row != ROW["crash"] else ROW["ride"], [a + 6 for a, _ in beats[:-1]]] = True
    return out
