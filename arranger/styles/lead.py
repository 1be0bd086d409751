"""A lead guitar: one line in the upper register.

Where the take has single notes they are its melody; where it has chords there is none, and the line finds its own way
through chord tones and scale (the cheapest one, Viterbi).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from arranger.grid import STEPS_PER_QUARTER
from arranger.styles.lines import cheapest_line
from arranger.styles.setting import Setting
from arranger.styles.strokes import Stroke

OWN_NOTE, OWN_TOP = 3.0, 0.4
"""How much the line wants a single note of the take, and the top of a chord."""


def lead_line(strokes: Sequence[Stroke], setting: Setting, low: int, high: int, free: bool) -> list[Stroke]:
    """A line in the rhythm of the take; if it is free to, without the strokes by which a chord is merely struck again
    off the beat."""
    kept = _without_repeats(strokes) if free else list(strokes)
    pitches = np.arange(low, high + 1)
    again = [at > 0 and stroke.rows == kept[at - 1].rows for at, stroke in enumerate(kept)]
    own = [_own(stroke, setting, pitches, repeat) for stroke, repeat in zip(kept, again, strict=True)]
    between = [_between(a, b, pitches) for a, b in pairwise(kept)]
    line = cheapest_line(own, between)
    return [replace(stroke, rows=(int(pitches[at]),)) for stroke, at in zip(kept, line, strict=True)]


def _own(stroke: Stroke, setting: Setting, pitches: np.ndarray, again: bool) -> np.ndarray:
    """Cost of each pitch under a stroke, float (pitch,); a note that is struck `again` is no melody to keep."""
    classes = pitches % 12
    tones = setting.tones[:, stroke.middle][classes]
    strong = stroke.step % STEPS_PER_QUARTER == 0 or stroke.end - stroke.step >= STEPS_PER_QUARTER
    known = setting.root[stroke.middle] >= 0
    cost = np.where(setting.scale[classes], 0.9 if strong and known else 0.2, 3.0)
    cost = np.where(tones & known, 0.0, cost) + np.abs(pitches - pitches[0] - 10) * 0.03
    single = len(stroke.rows) == 1 and not again
    return np.asarray(cost - np.where(classes == stroke.rows[-1] % 12, OWN_NOTE if single else OWN_TOP, 0.0))


def _between(before: Stroke, after: Stroke, pitches: np.ndarray) -> np.ndarray:
    """Cost of going from each pitch to each: steps are easiest; the contour of the take's own line is followed."""
    leap = pitches[None] - pitches[:, None]
    size = np.abs(leap)
    cost = np.where(size <= 2, 0.0, np.where(size <= 4, 0.3, np.where(size <= 7, 0.8, 0.8 + 0.25 * (size - 7))))
    if len(before.rows) == len(after.rows) == 1 and before.rows != after.rows:
        moved = after.rows[0] - before.rows[0]
        return cost + np.where(np.sign(leap) == (1 if moved > 0 else -1), 0.0, 1.0) + np.where(leap == moved, 0.0, 0.3)
    return cost + np.where(size == 0, 1.0, 0.0)


def _without_repeats(strokes: Sequence[Stroke]) -> list[Stroke]:
    kept: list[Stroke] = []
    for stroke in strokes:
        again = len(stroke.rows) > 1 and bool(kept) and kept[-1].rows == stroke.rows
        if again and stroke.step % STEPS_PER_QUARTER and stroke.step - kept[-1].step <= STEPS_PER_QUARTER // 2:
            kept[-1] = replace(kept[-1], end=max(kept[-1].end, stroke.end))
        else:
            kept.append(stroke)
    return kept
