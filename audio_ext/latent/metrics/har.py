"""HAR: does the bass play tones of the chords? (MusicGen-Stem, section IV-B, "Music editing".)

"To evaluate the harmonic matching (HAR) between the bass stem and the other stem we use Chordino to extract the chords
played in the other stem and use Pesto to estimate the notes from the bass line, we only keep the pitches predicted with
a confidence greater than 0.75. We then compute the ratio of time steps where the bass is playing a chord tone note.
For both metrics we zero out stems when the loudness was lower than -35 dB."

What the sentences leave open, and what is done here: a time step is one of PESTO's, 10 ms; those without a kept pitch
or without a chord ("N") are not counted, on either side of the ratio; the loudness is the level over 0.4 s (a momentary
loudness without its filter, which would take the bass away), and a stem is zeroed where it is below, not as a whole.
Where nothing can be counted HAR is NaN and never 0: `Har.counted` says of how much of the time it speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio_ext.latent.metrics.chords import Chord, chords, missing_chords, sounding_tones
from audio_ext.latent.metrics.pitch import STEP, Pitches, missing_pitch, pitches
from audio_ext.latent.windows import RATE

CONFIDENCE = 0.75
GATE_DB = -35.0
"""Of full scale, RMS."""
BLOCK = 0.4
"""Seconds over which a level is taken."""
LEAST = 0.05
"""Share of the time steps that must count; HAR of less is NaN."""


@dataclass(frozen=True, slots=True)
class Har:
    """`value` is the share of counted time steps in which a chord tone is played, NaN where too few count; `counted` is
    the share of all time steps that count."""

    value: float
    counted: float


def missing_har() -> str | None:
    """None if HAR can be measured, else what to install, in a sentence."""
    return missing_pitch() or missing_chords()


def gated(wave: np.ndarray, rate: int = RATE, least_db: float = GATE_DB) -> np.ndarray:
    """The wave (sample,), zero where the level over the 0.4 s around is below `least_db` dB of full scale."""
    size = min(len(wave), round(BLOCK * rate))
    if not size:
        return wave
    total = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    middle = np.clip(np.arange(len(wave)) - size // 2, 0, len(wave) - size)
    power = (total[middle + size] - total[middle]) / size
    return np.where(power >= 10 ** (least_db / 10), wave, np.float32(0)).astype(np.float32)


def har(bass: np.ndarray, other: np.ndarray, rate: int = RATE) -> Har:
    """HAR of a bass line and the harmony beside it, waves (sample,) of the same length.

    Raises
    ------
    AudioError
        if PESTO or Chordino is not installed.
    """
    return match(pitches(gated(bass, rate), rate), chords(gated(other, rate), rate))


def match(line: Pitches, harmony: tuple[Chord, ...]) -> Har:
    """HAR of pitches and chords that are known; pitches are rounded to the nearest semitone."""
    tones = sounding_tones(harmony, np.arange(len(line.midi)) * STEP)
    counts = (line.confidence > CONFIDENCE) & tones.any(axis=1)
    share = float(counts.mean()) if len(counts) else 0.0
    if share < LEAST:
        return Har(float("nan"), share)
    played = np.rint(line.midi).astype(int) % 12
    return Har(float(tones[np.arange(len(played)), played][counts].mean()), share)
