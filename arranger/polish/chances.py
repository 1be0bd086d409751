"""Chances of the last step, joined where the part is one thing: a stroke of the bass, a groove of the drums."""

from __future__ import annotations

import numpy as np

from arranger.diffusion.layout import IS_ONSET, PART_OF_PLANE
from arranger.diffusion.sampler import Problem, logit, sigmoid
from arranger.framing import Frame
from arranger.parts import PARTS

NEAR = 4
"""Bars to each side by which a drummer's bar goes."""
GROOVE = 0.6
"""How far it does."""
GROOVE_ROWS = 9
"""Voices that do: kick, snares, hats and toms, not crash, ride and percussion."""
SUREST = 0.97
"""Most that the pitches of one stroke of a bass can add up to."""
NEVER, CERTAIN = -60.0, 12.0


def settled(logits: np.ndarray, planes: np.ndarray, frame: Frame, problem: Problem, letters: np.ndarray) -> np.ndarray:
    """Logits (T, S, asked planes) of the last step as they are to be drawn from.

    Parameters
    ----------
    planes : int, which planes the last axis has. letters : int (bar,), equal in sections that are one.
    """
    out = logits.copy()
    drums = np.flatnonzero(PART_OF_PLANE[planes] == PARTS.index("drums"))[:GROOVE_ROWS]
    if len(drums):
        hidden = problem.hidden[:, PARTS.index("drums")]
        out[..., drums] = steady(logits[..., drums], frame.token_map.bar, frame.token_map.place, hidden, letters)
    bass = np.flatnonzero((PART_OF_PLANE[planes] == PARTS.index("bass")) & IS_ONSET[planes])
    if len(bass):
        out[..., bass] = one_pitch(logits[..., bass])
    return out


def steady(
    logits: np.ndarray, bar: np.ndarray, place: np.ndarray, hidden: np.ndarray, letters: np.ndarray
) -> np.ndarray:
    """Logits (T, S, row) drawn `GROOVE` of the way towards their mean over the bars about, of those of the section, or
    one with its letter, that have as many beats and in which the part is asked; -inf stays."""
    tokens = np.bincount(bar)
    table = np.full((len(tokens) + 2 * NEAR, int(place.max()) + 1), -1)
    table[bar + NEAR, place] = np.arange(len(bar))
    held = np.clip(logits, -CERTAIN, CERTAIN)
    total, count = np.zeros_like(held), np.zeros(len(bar))
    for away in range(-NEAR, NEAR + 1):
        other = table[bar + NEAR + away, place]
        fits = (other >= 0) & hidden[other] & (tokens[bar[other]] == tokens[bar])
        fits &= letters[bar[other]] == letters[bar]
        total[fits] += held[other[fits]]
        count += fits
    mean = total / np.maximum(count, 1)[:, None, None]
    mixed = np.where((count > 0)[:, None, None], (1 - GROOVE) * held + GROOVE * mean, held)
    return np.where(np.isneginf(logits), logits, mixed)


def one_pitch(logits: np.ndarray) -> np.ndarray:
    """Logits (T, S, pitch) of onsets of which at most one is played: whether any is, is the sum over the pitches, which
    one is, the likeliest. Split between two pitches a stroke would be none."""
    chance = sigmoid(logits) * np.isfinite(logits)
    best = chance.argmax(axis=-1)[..., None]
    out = np.full_like(logits, NEVER)
    total = np.minimum(chance.sum(axis=-1, keepdims=True), SUREST)
    np.put_along_axis(out, best, logit(np.maximum(total, 1e-9)).astype(out.dtype), axis=-1)
    return np.where(np.isneginf(logits), logits, out)
