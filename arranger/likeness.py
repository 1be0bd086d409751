"""In the manner of these bars: where a part strikes, which voices or what register, how densely.

A manner is a histogram over the bars that were named; it leans on the model's chances in the bars that are asked, so
that these get its rhythm and register while the chords stay those of their own place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arranger.errors import FillRequestError
from arranger.grid import DRUMS, ROWS, STEPS_PER_QUARTER, Grid
from arranger.parts import ROLES

RHYTHM, VOICE, REGISTER = 1.5, 2.0, 0.5
"""Weights of the three leans; with them the manner is met on val songs and the chords are kept (docs/lab-log.md)."""
MOST_NATS = 2.5
"""Before the weights."""
UNSURE = 0.5
"""So many strokes and rests are added to what was counted: few bars say little."""
SPREAD = 3.0
"""Semitones by which a register reaches beyond the pitches that were played."""

Lean = tuple[np.ndarray, np.ndarray]
"""Nats for onset and sustain, float32 (row, step)."""


@dataclass(frozen=True, eq=False)
class Manner:
    """How a part is played in some bars.

    struck : float (step in bar,), share of the bars in which anything is struck there.
    voices : float (row, step in bar), the same for each row; what drums are leant by.
    register : float (row,), share of the sounding time, smoothed by `SPREAD`; largest 1. Of no use for drums.
    strokes : onsets (a chord is one) in a bar of four quarters, where it plays.
    bars : so many were counted.
    """

    struck: np.ndarray
    voices: np.ndarray
    register: np.ndarray
    strokes: float
    bars: int


def manner_of(grid: Grid, part: str, bars: tuple[int, int]) -> Manner:
    """The manner of a part in the bars [first, last) of a grid that has the part in it.

    Bars in which it rests don't count, nor do those of another length than the first.

    Raises
    ------
    FillRequestError
        if the bars are not in the song or the part rests in all of them; the message says where it plays.
    """
    count, role = len(grid.bars), ROLES.index(part)
    first, last = bars
    if not 0 <= first < last <= count:
        raise FillRequestError(f"Bars {first + 1}-{last} are not in this song; it has bars 1-{count}.")
    begins = np.logical_or.reduceat(grid.onset[role].any(axis=0), grid.bar_steps[:-1])
    lengths = np.diff(grid.bar_steps)
    played = [bar for bar in range(first, last) if begins[bar]]
    if not played:
        raise FillRequestError(_nothing(part, begins, bars))
    size = int(lengths[played[0]])
    played = [bar for bar in played if lengths[bar] == size]
    onsets = np.stack([grid.onset[role, :, grid.bar_slice(bar, bar + 1)] for bar in played])  # (bar, row, step)
    sounds = np.stack([grid.sustain[role, :, grid.bar_slice(bar, bar + 1)] for bar in played])
    struck = onsets.any(axis=1)
    rows = np.arange(ROWS)
    spread = np.exp(-(((rows[:, None] - rows) / SPREAD) ** 2) / 2)
    register = spread @ sounds.sum(axis=(0, 2)).astype(float)
    strokes = 4 * STEPS_PER_QUARTER * float(struck.sum()) / (size * len(played))
    return Manner(struck.mean(axis=0), onsets.mean(axis=0), register / register.max(), strokes, len(played))


def like_lean(manner: Manner, grid: Grid, part: str, asked: Sequence[int]) -> Lean:
    """What the manner makes likely in the asked bars, in nats to be added to the logits, float32 (row, step) both.

    Bars of another length are leant on as far as both reach, counted from the bar line.
    """
    onset, sustain = (np.zeros((ROWS, grid.steps), dtype=np.float32) for _ in range(2))
    drums = ROLES.index(part) == DRUMS
    rhythm = VOICE * _odds(manner.voices, manner.bars) if drums else RHYTHM * _odds(manner.struck, manner.bars)[None]
    pitch = np.zeros(ROWS) if drums else REGISTER * np.clip(np.log(np.maximum(manner.register, 1e-9)), -MOST_NATS, 0)
    for bar in asked:
        begin, end = int(grid.bar_steps[bar]), int(grid.bar_steps[bar + 1])
        size = min(end - begin, rhythm.shape[1])
        onset[:, begin : begin + size] = rhythm[:, :size]
        onset[:, begin:end] += pitch[:, None]
        sustain[:, begin:end] = pitch[:, None]
    return onset, sustain


def _odds(share: np.ndarray, bars: int) -> np.ndarray:
    """Log odds of a stroke against those of the part's average place, within +-`MOST_NATS`."""

    def logit(value: np.ndarray) -> np.ndarray:
        sure = (value * bars + UNSURE * value.mean()) / (bars + UNSURE)
        return np.asarray(np.log(np.maximum(sure, 1e-6)) - np.log(np.maximum(1 - sure, 1e-6)))

    found = logit(share)
    usual = np.log(max(share.mean(), 1e-6)) - np.log(max(1 - share.mean(), 1e-6))
    return np.asarray(np.clip(found - usual, -MOST_NATS, MOST_NATS))


def _nothing(part: str, begins: np.ndarray, bars: tuple[int, int]) -> str:
    """The refusal, with the bars in which the part could be heard."""
    first, last = bars
    where = np.flatnonzero(begins)
    if not len(where):
        return f"The song has no {part} to play like; leave out --like, or take another track's rhythm with --follow."
    cuts = np.flatnonzero(np.diff(where) > 1) + 1
    runs = [f"{run[0] + 1}-{run[-1] + 1}" for run in np.split(where, cuts)][:6]
    return f"The {part} rests in bars {first + 1}-{last}; it plays in bars {', '.join(runs)}: name some of these."
