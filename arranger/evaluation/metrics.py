"""All measures of a filled part at once; the measures themselves are in the `metrics_*` modules beside this one.

`measure_part` is what `arranger eval` reports of planes; what needs notes with their lengths and velocities is in
`metrics_notes`. Everything is a pure function, so a score can be worked out by hand.
"""

from __future__ import annotations

import math

import numpy as np

from arranger.evaluation.metrics_context import (
    chord_tone_share,
    distinct_bar_share,
    groove_consistency,
    in_key_share,
    kick_bass_lock,
)
from arranger.evaluation.metrics_form import form_shared, structure
from arranger.evaluation.metrics_harmony import root_at_change
from arranger.evaluation.metrics_truth import (
    Match,
    Share,
    density_ratio,
    empty_bars,
    extra_bars,
    f1_by_third,
    note_f1,
    onset_f1,
    pitch_class_f1,
    voice_f1,
)
from arranger.grid import DRUMS
from arranger.parts import ROLES

__all__ = [
    "Match",
    "Share",
    "chord_tone_share",
    "density_ratio",
    "distinct_bar_share",
    "empty_bars",
    "extra_bars",
    "groove_consistency",
    "in_key_share",
    "kick_bass_lock",
    "measure_part",
    "note_f1",
    "onset_f1",
    "pitch_class_f1",
    "root_at_change",
    "structure",
    "voice_f1",
]

BASS = ROLES.index("bass")
THIRDS = ("first", "middle", "last")
KICK = 0
"""Row of the kick in the drum planes, see `arranger.voices`."""


def measure_part(
    part: str,
    filled: tuple[np.ndarray, np.ndarray],
    true: tuple[np.ndarray, np.ndarray],
    others: tuple[np.ndarray, np.ndarray],
    bar_steps: np.ndarray,
) -> dict[str, float]:
    """Every measure that has a meaning for `part`, by name; nan where there is nothing to judge.

    Parameters
    ----------
    part : `drums`, `bass` or `guitar`.
    filled, true : (onset, sustain) of the part, bool, shape (128, step).
    others : (onset, sustain) of the whole band, bool, shape (role, 128, step); the planes of `part` are not looked at.
    bar_steps : int, shape (bar + 1,).

    Returns
    -------
    dict
        Shares and F1 in 0..1; names with `_fine` are on the grid of twelve steps a quarter, all others on sixteenths;
        `note_f1_first`, `_middle` and `_last` are those of each third of the bars, `f1_VOICE` of each drum voice;
        `empty_bars` of `playing_bars` and `extra_bars` of `resting_bars` are counts of bars; `true_density` is
        in notes a bar that the truth plays.
        Drums have no pitch measures; `kick_bass_lock` is for drums and bass.
    """
    onset, sustain = filled
    band = np.concatenate([plane for plane, role in zip(others[0], ROLES, strict=True) if role != part])
    notes = note_f1(onset, true[0], bar_steps)
    empty = empty_bars(onset, true[0], bar_steps)
    extra = extra_bars(onset, true[0] | true[1], bar_steps)
    found = {
        "note_f1": notes.f1,
        "note_precision": notes.precision,
        "note_recall": notes.recall,
        "onset_f1": onset_f1(onset, true[0], bar_steps).f1,
        "note_f1_fine": note_f1(onset, true[0], bar_steps, 1).f1,
        "onset_f1_fine": onset_f1(onset, true[0], bar_steps, 1).f1,
        "density_ratio": density_ratio(onset, true[0]),
        "true_density": int(true[0].sum()) / empty.total if empty.total else math.nan,
        "empty_bars": float(empty.count),
        "playing_bars": float(empty.total),
        "extra_bars": float(extra.count),
        "resting_bars": float(extra.total),
        "distinct_bars": distinct_bar_share(onset, bar_steps),
        "groove_consistency": groove_consistency(onset, bar_steps),
        "structure": structure(onset, true[0], bar_steps),
        "form_shared": form_shared(onset, band, bar_steps),
    }
    thirds = f1_by_third(onset, true[0], bar_steps)
    found |= {f"note_f1_{name}": value for name, value in zip(THIRDS, thirds, strict=True)}
    if part == "drums":
        found["kick_bass_lock"] = kick_bass_lock(onset[KICK], others[0][BASS], bar_steps).f1
        found |= {f"f1_{name}": value for name, value in voice_f1(onset, true[0], bar_steps).items()}
        return found
    pitched = [role for role, name in enumerate(ROLES) if role != DRUMS and name != part]
    context = (others[0][pitched] | others[1][pitched]).any(axis=0)
    found["pitch_class_f1"] = pitch_class_f1(onset, true[0], bar_steps).f1
    found["pitch_class_f1_fine"] = pitch_class_f1(onset, true[0], bar_steps, 1).f1
    found["root_at_change"] = root_at_change(onset | sustain, context, bar_steps)
    found["in_key"] = in_key_share(onset, context)
    found["chord_tones"] = chord_tone_share(onset | sustain, context, bar_steps)
    if part == "bass":
        found["kick_bass_lock"] = kick_bass_lock(others[0][DRUMS, KICK], onset, bar_steps).f1
    return found
