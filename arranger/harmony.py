"""Key of a run of pitch classes, and the shift that brings it to C major or A minor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Krumhansl & Kessler (1982), probe-tone ratings; index 0 is the tonic.
MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class Key:
    """A key: `tonic` is a pitch class (0 = C), `mode` is `major` or `minor`; `fit` is the correlation, -1..1."""

    tonic: int
    mode: str
    fit: float = 0.0

    @property
    def name(self) -> str:
        return f"{NAMES[self.tonic]} {self.mode}"

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The seven pitch classes of the (natural) scale."""
        scale = MAJOR_SCALE if self.mode == "major" else MINOR_SCALE
        return frozenset((self.tonic + degree) % 12 for degree in scale)

    @property
    def shift(self) -> int:
        """Semitones, -6..5, that move the key to C major or A minor."""
        up = (-self.tonic if self.mode == "major" else 9 - self.tonic) % 12
        return up - 12 if up > 5 else up


def estimate_key(weights: np.ndarray) -> Key:
    """Key whose Krumhansl-Kessler profile correlates best with pitch-class weights.

    Parameters
    ----------
    weights : float, shape (12,), how long (or how often) each pitch class sounds, from C.

    Returns
    -------
    Key
        C major with fit 0 where nothing sounds or everything sounds equally.
    """
    weights = np.asarray(weights, dtype=float)
    if weights.shape != (12,):
        raise ValueError(f"weights must have shape (12,), not {weights.shape}")
    if not np.ptp(weights):
        return Key(0, "major", 0.0)
    best = Key(0, "major", -2.0)
    for mode, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE)):
        for tonic in range(12):
            fit = float(np.corrcoef(weights, np.roll(profile, tonic))[0, 1])
            if fit > best.fit + 1e-12:
                best = Key(tonic, mode, fit)
    return best


def pitch_class_weights(sustain: np.ndarray) -> np.ndarray:
    """Steps that each pitch class sounds, float, shape (12,), from a bool array (..., 128, step)."""
    by_pitch = sustain.reshape(-1, 128, sustain.shape[-1]).sum(axis=(0, 2))
    return np.bincount(np.arange(128) % 12, weights=by_pitch, minlength=12)
