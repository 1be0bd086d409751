"""How well a part fits the other tracks and itself, whatever the true part was.

Conventions are those of `metrics_truth`. `context` is the union of the other *pitched* tracks' sustain planes,
bool, shape (128, step). None of these has a best value: report a human part's value beside it (a bass that plays chord
tones only is a rule, not a bassist; people lie at 0.8-0.95).

Every function gives nan where there is nothing to judge: no notes, no context, no two bars.

Sources: chord-tone share as in HAR of Ren et al. (PopMAG, MM 2020), with the chord replaced by what sounds; groove
consistency of Wu & Yang (Jazz Transformer, ISMIR 2020), on bars that play; key by Krumhansl & Kessler (1982).
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from arranger.evaluation.metrics_truth import (
    STEPS_PER_SIXTEENTH,
    Match,
    bar_sixteenths,
    cell_starts,
    fold_octaves,
    match_counts,
    struck_sixteenths,
    to_sixteenths,
)
from arranger.grid import STEPS_PER_QUARTER
from arranger.harmony import estimate_key, pitch_class_weights


def in_key_share(onset: np.ndarray, context: np.ndarray) -> float:
    """Share of a part's notes whose pitch class belongs to the (natural) scale of the context's key.

    One key for the whole song: a modulation costs the truth as much as the fill.
    """
    notes, weights = fold_octaves(onset).sum(axis=1), pitch_class_weights(context)
    if not notes.sum() or not weights.any():
        return math.nan
    return float(notes[sorted(estimate_key(weights).pitch_classes)].sum() / notes.sum())


def chord_tone_share(
    sustain: np.ndarray, context: np.ndarray, bar_steps: np.ndarray, window_steps: int = STEPS_PER_QUARTER
) -> float:
    """Share of a part's sounding frames whose pitch class the context plays in the same window.

    Parameters
    ----------
    sustain : bool, shape (128, step), of the part.
    window_steps : int > 0. Length of a window, counted from the bar line; the last one of a bar can be short.
        Default is a quarter.

    A frame is one sixteenth of one pitch; windows in which the context is silent don't count.
    """
    if window_steps <= 0 or window_steps % STEPS_PER_SIXTEENTH:
        raise ValueError(f"a window must be whole sixteenths of {STEPS_PER_SIXTEENTH} steps, not {window_steps} steps")
    frame_starts, window_starts = cell_starts(bar_steps, STEPS_PER_SIXTEENTH), cell_starts(bar_steps, window_steps)
    frames = fold_octaves(np.logical_or.reduceat(sustain, frame_starts, axis=1))  # (12, frame), sounding pitches
    harmony = fold_octaves(np.logical_or.reduceat(context, window_starts, axis=1)) > 0  # (12, window)
    heard = harmony[:, np.searchsorted(window_starts, frame_starts, side="right") - 1]  # (12, frame)
    counted = frames * heard.any(axis=0)
    return float((counted * heard).sum() / counted.sum()) if counted.any() else math.nan


def kick_bass_lock(kick: np.ndarray, bass: np.ndarray, bar_steps: np.ndarray) -> Match:
    """Agreement of kick and bass onsets on the same sixteenths, as the F1 of two sets.

    Parameters
    ----------
    kick : bool, shape (step,), onsets of the kick voice.
    bass : bool, shape (128, step), onsets.

    Returns
    -------
    Match
        `precision` is the share of kicks with a bass note, `recall` the share of bass onsets with a kick; all nan
        where either doesn't play, because there is nothing to lock to.
    """
    kicks, basses = struck_sixteenths(kick[None], bar_steps), struck_sixteenths(bass, bar_steps)
    if not kicks.any() or not basses.any():
        return Match(math.nan, math.nan, math.nan)
    return match_counts(kicks, basses)


def distinct_bar_share(onset: np.ndarray, bar_steps: np.ndarray) -> float:
    """Number of different bar contents / number of bars that play.

    1 where no bar comes back, 1 / bars where one bar is looped. Contents are rows on sixteenths, so micro-timing makes
    no difference; empty bars don't count.
    """
    counts, table = to_sixteenths(onset, bar_steps), bar_sixteenths(bar_steps)
    bars = [counts[:, first:last] > 0 for first, last in pairwise(table)]
    playing = [(bar.shape[1], bar.tobytes()) for bar in bars if bar.any()]
    return len(set(playing)) / len(playing) if playing else math.nan


def groove_consistency(onset: np.ndarray, bar_steps: np.ndarray) -> float:
    """Mean of 1 - hamming / sixteenths over neighbouring bars of equal length that both play.

    Empty bars are left out because they would count as perfectly consistent with each other.
    """
    begins, table = struck_sixteenths(onset, bar_steps), bar_sixteenths(bar_steps)
    bars = [begins[first:last] for first, last in pairwise(table)]
    same = [
        float(np.mean(bar == later))
        for bar, later in pairwise(bars)
        if len(bar) == len(later) and bar.any() and later.any()
    ]
    return float(np.mean(same)) if same else math.nan
