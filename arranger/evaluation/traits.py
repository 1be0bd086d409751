"""What eight bars of a part are like, without a look at the truth: the features of the real-or-fill classifier.

Pitch, rhythm, fit to the context, repetition and playability, as in feature-based evaluation (Yang & Lerch, 2020) and
jSymbolic (McKay & Fujinaga, 2006). Velocities and positions between the sixteenths are left out on purpose: the truth
was often played by hand, and telling that apart says nothing about the music.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from arranger.evaluation.metrics_context import (
    chord_tone_share,
    distinct_bar_share,
    groove_consistency,
    in_key_share,
    kick_bass_lock,
)
from arranger.evaluation.metrics_form import bar_similarity
from arranger.evaluation.metrics_harmony import root_at_change
from arranger.evaluation.metrics_truth import bar_sixteenths, bars_playing, onset_f1, struck_sixteenths
from arranger.evaluation.tasks import Planes
from arranger.grid import DRUMS
from arranger.parts import ROLES
from arranger.voices import VOICES

WINDOW_BARS = 8
KICK, SNARE = 0, 1
BASS = ROLES.index("bass")


def traits(part: str, planes: Planes, others: Planes, bar_steps: np.ndarray) -> dict[str, float]:
    """Features of a part in a run of bars; nan where there is nothing to judge.

    Parameters
    ----------
    planes : (onset, sustain), bool, shape (128, step).
    others : (onset, sustain) of the whole band, bool, shape (role, 128, step); those of `part` are not looked at.
    bar_steps : int, shape (bar + 1,), from 0.
    """
    onset, sustain = planes
    found = _rhythm(onset, bar_steps) | _repetition(onset, bar_steps)
    rest = [role for role, name in enumerate(ROLES) if name != part]
    band = np.asarray(np.any(others[0][rest], axis=0)), np.asarray(np.any(others[0][rest] | others[1][rest], axis=0))
    found["plays with the band"] = _coverage(onset, band[1], bar_steps)
    found["onsets with the band"] = onset_f1(onset, band[0], bar_steps).f1 if band[0].any() else math.nan
    if part == "drums":
        return (
            found
            | _kit(onset, bar_steps)
            | {"kick-bass lock": kick_bass_lock(onset[KICK], others[0][BASS], bar_steps).f1}
        )
    pitched = [role for role in rest if role != DRUMS]
    context = np.asarray(np.any(others[0][pitched] | others[1][pitched], axis=0))
    found |= _pitch(onset) | _lengths(onset, sustain)
    found["in key"] = in_key_share(onset, context)
    found["chord tones"] = chord_tone_share(onset | sustain, context, bar_steps)
    found["root at change"] = root_at_change(onset | sustain, context, bar_steps)
    found["kick-bass lock"] = kick_bass_lock(others[0][DRUMS, KICK], onset, bar_steps).f1
    return found


def _rhythm(onset: np.ndarray, bar_steps: np.ndarray) -> dict[str, float]:
    """On sixteenths, where a hand-played onset and a written one are the same."""
    struck, table = np.flatnonzero(struck_sixteenths(onset, bar_steps)), bar_sixteenths(bar_steps)
    notes, bars = int(onset.sum()), len(bar_steps) - 1
    counts = np.add.reduceat(onset.sum(axis=0), bar_steps[:-1])
    found = {"notes a bar": notes / bars, "unevenness of bars": float(counts.std() / max(1.0, counts.mean()))}
    if len(struck):
        place = (struck - table[np.searchsorted(table, struck, side="right") - 1]) % 4
        found |= {
            "on the beat": float((place == 0).mean()),
            "on off-eighths": float((place == 2).mean()),
            "on sixteenths": float((place % 2 == 1).mean()),
            "bars begun": float(np.isin(table[:-1], struck).mean()),
            "notes an onset": notes / len(struck),
        }
    if len(struck) > 2:
        apart = np.diff(struck)
        found["mean interval in time"] = float(apart.mean())
        found["spread of intervals"] = float(apart.std() / apart.mean())
        found["same interval again"] = float((apart[1:] == apart[:-1]).mean())
    return found


def _repetition(onset: np.ndarray, bar_steps: np.ndarray) -> dict[str, float]:
    alike = bar_similarity(onset, bar_steps)
    found = {f"like {lag} bars ago": float(np.diagonal(alike, lag).mean()) for lag in (1, 2, 4) if len(alike) > lag}
    found["distinct bars"] = distinct_bar_share(onset, bar_steps)
    found["groove consistency"] = groove_consistency(onset, bar_steps)
    if len(alike) > 2:
        found["last bar is another"] = float(1 - alike[-1, :-1].max())
    return found


def _kit(onset: np.ndarray, bar_steps: np.ndarray) -> dict[str, float]:
    total = max(1, int(onset.sum()))
    found = {f"share of {voice.name}": float(onset[row].sum() / total) for row, voice in enumerate(VOICES)}
    found["kick on one"] = float(onset[KICK, bar_steps[:-1]].mean())
    backbeats = [
        first + beat for first, last in pairwise(bar_steps.tolist()) for beat in (12, 36) if first + beat < last
    ]
    found["backbeat"] = float(onset[SNARE, backbeats].mean()) if backbeats else math.nan
    found["kick with snare"] = float((onset[KICK] & onset[SNARE]).sum() / max(1, onset[SNARE].sum()))
    return found


def _pitch(onset: np.ndarray) -> dict[str, float]:
    rows, steps = np.nonzero(onset)
    if not len(rows):
        return {}
    order = np.lexsort((rows, steps))
    line = rows[order][np.concatenate([[True], np.diff(steps[order]) > 0])]  # the lowest note of each onset
    found = {
        "mean pitch": float(rows.mean()),
        "spread of pitch": float(rows.std()),
        "range": float(np.ptp(rows)),
        "pitch classes": float(len(np.unique(rows % 12))),
        "sharps of the scale": float(np.isin(rows % 12, (1, 3, 6, 8, 10)).mean()),
    }
    if len(line) > 2:
        leaps = np.abs(np.diff(line))
        found |= {
            "mean leap": float(leaps.mean()),
            "same note again": float((leaps == 0).mean()),
            "by step": float(np.isin(leaps, (1, 2)).mean()),
            "fourths and fifths": float(np.isin(leaps, (5, 7)).mean()),
            "octaves": float((leaps == 12).mean()),
            "over an octave": float((leaps > 12).mean()),
        }
    return found


def _lengths(onset: np.ndarray, sustain: np.ndarray) -> dict[str, float]:
    sounding = (onset | sustain).any(axis=0)
    struck = np.flatnonzero(onset.any(axis=0))
    if len(struck) < 2:
        return {"sounds": float(sounding.mean())}
    cells = (onset | sustain).sum()
    held = [float(sounding[first:after].mean()) for first, after in pairwise(struck.tolist())]
    return {
        "sounds": float(sounding.mean()),
        "steps a note": float(cells / onset.sum()),
        "held to the next": float(np.mean(np.array(held) > 0.95)),
        "voices at once": float(cells / max(1, sounding.sum())),
    }


def _coverage(onset: np.ndarray, band: np.ndarray, bar_steps: np.ndarray) -> float:
    heard = bars_playing(band, bar_steps)
    return float(bars_playing(onset, bar_steps)[heard].mean()) if heard.any() else math.nan
