"""How near a filled part is to the part that was taken out.

Conventions
-----------
`onset` is bool, shape (row, step), on the grid of `arranger.grid` (12 steps a quarter; row = MIDI pitch, for drums the
voice); `bar_steps` is int, shape (bar + 1,), the first step of each bar and the end of the last. Fill and truth lie on
the same grid. Onsets are compared on the sixteenths of their bar: step s of a bar counts as sixteenth round(s / 3), at
most the last one of the bar, so a swung or triplet onset meets its straight neighbour and never changes its bar.
`cell` = 1 compares them on the twelve steps themselves, where a triplet and a sixteenth are different things.

Where we differ from `mir_eval.transcription`: onsets match if they lie on the same sixteenth instead of within 50 ms,
note ends are ignored, and two empty parts agree fully (1.0) where mir_eval scores 0.0.

Source: note F1 as in mir_eval (Raffel et al., ISMIR 2014), `precision = matched / filled`, `recall = matched / true`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from arranger.grid import STEPS_PER_QUARTER
from arranger.voices import VOICES

STEPS_PER_SIXTEENTH = STEPS_PER_QUARTER // 4


class Match(NamedTuple):
    """Precision, recall and their harmonic mean, 0..1."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total` bars; kept apart so that songs can be pooled."""

    count: int
    total: int

    @property
    def share(self) -> float:
        """count / total; nan where there is nothing to count."""
        return self.count / self.total if self.total else math.nan


def bar_sixteenths(bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH) -> np.ndarray:
    """First sixteenth of each bar and the end, int, shape (bar + 1,); a part of a sixteenth counts as one."""
    return np.concatenate([[0], np.cumsum(-(-np.diff(bar_steps) // cell))]).astype(np.int64)


def sixteenth_of_step(bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH) -> np.ndarray:
    """Sixteenth (counted through the song) that each step counts as, int, shape (step,)."""
    lengths = np.diff(bar_steps)
    inside = np.arange(int(bar_steps[-1])) - np.repeat(bar_steps[:-1], lengths)
    table = bar_sixteenths(bar_steps, cell)
    nearest = (2 * inside + cell) // (2 * cell)
    return np.asarray(np.minimum(np.repeat(table[:-1], lengths) + nearest, np.repeat(table[1:], lengths) - 1))


def to_sixteenths(onset: np.ndarray, bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH) -> np.ndarray:
    """Number of onsets of each row on each sixteenth, int, shape (row, sixteenth)."""
    # A plane is sparse and long: of the flat array this takes a tenth of the time of np.nonzero on the plane.
    rows, steps = np.divmod(np.flatnonzero(onset), onset.shape[1])
    counts = np.zeros((onset.shape[0], int(bar_sixteenths(bar_steps, cell)[-1])), dtype=np.int64)
    np.add.at(counts, (rows, sixteenth_of_step(bar_steps, cell)[steps]), 1)
    return counts


def struck_sixteenths(onset: np.ndarray, bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH) -> np.ndarray:
    """Whether anything begins on each sixteenth, bool, shape (sixteenth,)."""
    return np.asarray(to_sixteenths(onset, bar_steps, cell).any(axis=0))


def fold_octaves(counts: np.ndarray) -> np.ndarray:
    """Sum of the rows of each pitch class, shape (12, step) from (128, step)."""
    return np.stack([counts[pitch_class::12].sum(axis=0) for pitch_class in range(12)])


def match_counts(filled: np.ndarray, true: np.ndarray) -> Match:
    """One-to-one match of equal cells; cells hold counts of notes, or bool for sets.

    Both empty is full agreement (1, 1, 1); only one of them empty is none (0, 0, 0).
    """
    matched, n_filled, n_true = int(np.minimum(filled, true).sum()), int(filled.sum()), int(true.sum())
    if not n_filled or not n_true:
        agreed = 1.0 if n_filled == n_true else 0.0
        return Match(agreed, agreed, agreed)
    return Match(matched / n_filled, matched / n_true, 2 * matched / (n_filled + n_true))


def note_f1(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH) -> Match:
    """Notes matched one to one on (sixteenth, row)."""
    _check(filled, true, bar_steps)
    return match_counts(to_sixteenths(filled, bar_steps, cell), to_sixteenths(true, bar_steps, cell))


def pitch_class_f1(
    filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH
) -> Match:
    """Notes matched one to one on (sixteenth, pitch class); an octave doubling is two notes.

    For pitched parts only: rows must be the 128 MIDI pitches.
    """
    _check(filled, true, bar_steps)
    if filled.shape[0] != 128:
        raise ValueError(f"pitch classes need 128 rows of pitches, not {filled.shape[0]}")
    folded = (fold_octaves(to_sixteenths(plane, bar_steps, cell)) for plane in (filled, true))
    return match_counts(*folded)


def onset_f1(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray, cell: int = STEPS_PER_SIXTEENTH) -> Match:
    """Sixteenths on which anything begins, whatever its pitch; a chord is one onset."""
    _check(filled, true, bar_steps)
    return match_counts(struck_sixteenths(filled, bar_steps, cell), struck_sixteenths(true, bar_steps, cell))


def voice_f1(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray) -> dict[str, float]:
    """Note F1 of each drum voice alone, by its name; nan where neither fill nor truth has it."""
    _check(filled, true, bar_steps)
    ours, theirs = to_sixteenths(filled, bar_steps), to_sixteenths(true, bar_steps)
    return {
        voice.name: match_counts(ours[row], theirs[row]).f1 if ours[row].any() or theirs[row].any() else math.nan
        for row, voice in enumerate(VOICES)
    }


def f1_by_third(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray) -> tuple[float, float, float]:
    """Note F1 of the first, the middle and the last third of the bars; nan for a third in which neither plays."""
    _check(filled, true, bar_steps)
    ours, theirs, table = to_sixteenths(filled, bar_steps), to_sixteenths(true, bar_steps), bar_sixteenths(bar_steps)
    edges = table[[round((len(table) - 1) * third / 3) for third in range(4)]]
    found = []
    for first, last in pairwise(edges.tolist()):
        run = ours[:, first:last], theirs[:, first:last]
        found.append(match_counts(*run).f1 if any(plane.any() for plane in run) else math.nan)
    return found[0], found[1], found[2]


def density_ratio(filled: np.ndarray, true: np.ndarray) -> float:
    """Notes filled / notes true; 1 where both are empty, inf where only the truth is."""
    n_filled, n_true = int(filled.sum()), int(true.sum())
    if not n_true:
        return math.inf if n_filled else 1.0
    return n_filled / n_true


def bars_playing(plane: np.ndarray, bar_steps: np.ndarray) -> np.ndarray:
    """Whether anything is set in each bar of a (row, step) plane, bool, shape (bar,)."""
    return np.asarray(np.logical_or.reduceat(plane.any(axis=0), bar_steps[:-1]))


def empty_bars(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray) -> Share:
    """Bars without an onset in the fill, of the bars in which the truth has an onset."""
    _check(filled, true, bar_steps)
    plays = bars_playing(true, bar_steps)
    return Share(int((plays & ~bars_playing(filled, bar_steps)).sum()), int(plays.sum()))


def extra_bars(filled: np.ndarray, true_sustain: np.ndarray, bar_steps: np.ndarray) -> Share:
    """Bars with an onset in the fill, of the bars in which the truth rests.

    Parameters
    ----------
    true_sustain : bool, shape (row, step), where the truth *sounds*: a bar in which it holds a note from the bar before
        is no rest, although nothing begins there.
    """
    _check(filled, true_sustain, bar_steps)
    rests = ~bars_playing(true_sustain, bar_steps)
    return Share(int((rests & bars_playing(filled, bar_steps)).sum()), int(rests.sum()))


def cell_starts(bar_steps: np.ndarray, length: int) -> np.ndarray:
    """First steps of the cells of `length` steps that each bar is cut into, the last one possibly short."""
    return np.concatenate([np.arange(first, last, length) for first, last in pairwise(bar_steps)])


def _check(filled: np.ndarray, true: np.ndarray, bar_steps: np.ndarray) -> None:
    if filled.shape != true.shape or filled.ndim != 2:
        raise ValueError(f"fill and truth must both be (row, step) on one grid, not {filled.shape} and {true.shape}")
    if filled.shape[1] != bar_steps[-1]:
        raise ValueError(f"bar_steps end at step {bar_steps[-1]}, the planes at {filled.shape[1]}")
