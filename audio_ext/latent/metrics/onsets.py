"""Onsets of drums, by spectral flux (Bello et al. 2005, section III-A; Böck et al. 2012 for the peaks).

A frame's flux is how much its mel bands rise, on a logarithm that leaves noise alone, over the frame two before: a hit
spreads over two frames of the analysis. Peaks stand out of a moving mean by a part of the flux's range.
"""

from __future__ import annotations

import numpy as np

from audio_ext.spectra import banded, mel_bands

RATE = 16_000
WINDOW, HOP = 0.032, 0.010
BANDS, LOWEST, HIGHEST = 32, 40.0, 8_000.0
LAG = 2
"""Frames that a rise may take."""
AHEAD, BEHIND, MEAN = 3, 3, 15
"""Frames in which a peak is the largest, and about it those of the moving mean."""
LEAST = 0.08
"""Of the flux's 99th percentile, above the mean."""
QUIET = 1e-7
"""Power in a band (-70 dB of full scale) that counts as nothing."""
_BANDS = mel_bands(RATE, WINDOW, BANDS, LOWEST, HIGHEST)


def flux(wave: np.ndarray) -> np.ndarray:
    """Rise of a wave's bands, float (frame,), frame i at `i * HOP` seconds."""
    logs = np.log(banded(wave, RATE, WINDOW, HOP, _BANDS) + QUIET)
    padded = np.concatenate([np.full((LAG, logs.shape[1]), np.log(QUIET), logs.dtype), logs])
    return np.maximum(logs - padded[: len(logs)], 0).mean(axis=1)


def drum_onsets(wave: np.ndarray, least: float = LEAST) -> np.ndarray:
    """Seconds at which something is hit, float (onset,), of a wave (sample,) at 16 kHz."""
    rise = flux(wave)
    top = float(np.quantile(rise, 0.99))
    if top <= 0.05:  # 0.2 dB: nothing is hit
        return np.empty(0)
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    largest = maximum_filter1d(rise, AHEAD + BEHIND + 1)
    peaks = (rise == largest) & (rise > uniform_filter1d(rise, MEAN) + least * top)
    found = np.flatnonzero(peaks)
    # Of frames that are equally high the first counts.
    return found[np.diff(found, prepend=-10) > AHEAD] * HOP


def merged(seconds: np.ndarray, apart: float = 0.03) -> np.ndarray:
    """Onsets, sorted, where those less than `apart` seconds after another are one with it: a chord, a kick with a
    hat."""
    kept: list[float] = []
    for second in np.sort(seconds):
        if not kept or second - kept[-1] >= apart:
            kept.append(float(second))
    return np.array(kept)
