"""The tokens: those of MidiTok's MMM tokeniser on REMI, by its names, at 12 steps a quarter.

`MIDITOK` is the configuration that has these names among its own; a test holds the two together. The names are written
out here because MidiTok turns whole files into tokens, while training draws thousands of windows a minute from packed
songs. Multi-track bar infilling as in MMM (Ens & Pasquier, arXiv 2008.06048).
"""

from __future__ import annotations

import hashlib

import numpy as np

from arranger.parts import ROLES
from arranger.voices import VOICE_OF_KEY, VOICES

POSITIONS = 144
"""Steps of the longest bar of the vocabulary (12/4); notes further back in a longer bar have no token."""
FINE, COARSE, COARSE_STEPS = 48, 36, 4
"""Durations: every step up to four quarters, then every third of a quarter up to sixteen."""
PITCHES = 128
METRES = (
    *((numerator, 4) for numerator in range(1, 9)),
    *((numerator, 8) for numerator in (3, 5, 6, 7, 9, 12)),
    (2, 2),
    (3, 2),
)
TEMPOS = np.round(np.linspace(40, 250, 32), 2)
PROGRAMS = {"drums": -1, "bass": 33, "guitar": 27, "other": 0}
"""The program that stands for a role: MMM tells tracks by their instruments."""

MIDITOK = {
    "pitch_range": (0, 127),
    "drums_pitch_range": (35, 60),
    "beat_res": {(0, 4): 12, (4, 16): 3},
    "num_velocities": 1,
    "use_velocities": False,
    "use_pitchdrum_tokens": True,
    "use_note_duration_programs": list(range(128)),
    "use_programs": True,
    "programs": sorted(PROGRAMS.values()),
    "use_time_signatures": True,
    "time_signature_range": {unit: [numerator for numerator, below in METRES if below == unit] for unit in (4, 8, 2)},
    "use_tempos": True,
    "num_tempos": 32,
    "tempo_range": (40, 250),
    "special_tokens": ["PAD", "Bar_Fill", "FillBar_Start", "FillBar_End"],
    "base_tokenizer": "REMI",
}
"""Arguments of `miditok.TokenizerConfig`. No velocities: all fillers get them from `arranger.velocity`."""


def _durations() -> list[str]:
    fine = [f"Duration_{steps // 12}.{steps % 12}.12" for steps in range(1, FINE)]
    thirds = [f"Duration_{third // 3}.{third % 3}.3" for third in range(12, 12 + COARSE + 1)]
    return fine + thirds


_FIXED = ("PAD_None", "Track_Start", "Track_End", "Bar_None", "Bar_Fill", "FillBar_Start", "FillBar_End")
NAMES = (
    *_FIXED,
    *(f"Program_{PROGRAMS[role]}" for role in ROLES),
    *(f"TimeSig_{numerator}/{unit}" for numerator, unit in METRES),
    *(f"Tempo_{tempo}" for tempo in TEMPOS.tolist()),
    *(f"Position_{step}" for step in range(POSITIONS)),
    *(f"Pitch_{pitch}" for pitch in range(PITCHES)),
    *(f"PitchDrum_{voice.key}" for voice in VOICES),
    *_durations(),
)
"""Name of each token id."""

IDS = {name: at for at, name in enumerate(NAMES)}
PAD, TRACK_START, TRACK_END, BAR, BAR_FILL, FILL_START, FILL_END = (IDS[name] for name in _FIXED)
PROGRAM_0 = IDS["Program_-1"]
METRE_0 = IDS["TimeSig_1/4"]
TEMPO_0 = IDS["Tempo_40.0"]
POSITION_0 = IDS["Position_0"]
PITCH_0 = IDS["Pitch_0"]
DRUM_0 = IDS[f"PitchDrum_{VOICES[0].key}"]
DURATION_0 = IDS["Duration_0.1.12"]
DURATIONS = len(_durations())
DIGEST = hashlib.sha256(" ".join(NAMES).encode()).hexdigest()[:16]
"""Stands in a model's header, so that weights are never used with other tokens."""

DURATION_STEPS = np.array(
    [*range(1, FINE), *range(FINE, FINE + COARSE * COARSE_STEPS + 1, COARSE_STEPS)], dtype=np.int64
)
"""Length of each duration token in steps."""

# `VOICES` has its keys in the order of its rows; the kit's pieces in the vocabulary follow the rows.
assert all(VOICE_OF_KEY[voice.key] == row for row, voice in enumerate(VOICES))

_METRE_QUARTERS = np.array([4 * numerator / unit for numerator, unit in METRES])


def duration_token(steps: int) -> int:
    """The token of the nearest length; the longest for anything longer."""
    if steps < FINE:
        return DURATION_0 + max(1, steps) - 1
    return DURATION_0 + min(DURATIONS - 1, FINE - 1 + (steps - FINE + COARSE_STEPS // 2) // COARSE_STEPS)


def metre_token(numerator: int, unit: int) -> int:
    """The token of a metre; for one that has none, of the metre that is nearest in length."""
    if (numerator, unit) in METRES:
        return METRE_0 + METRES.index((numerator, unit))
    return METRE_0 + int(np.abs(_METRE_QUARTERS - 4 * numerator / max(1, unit)).argmin())


def tempo_token(qpm: float) -> int:
    """The token of the nearest tempo."""
    return TEMPO_0 + int(np.abs(TEMPOS - qpm).argmin())
