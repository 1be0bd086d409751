"""Short-time spectra with numpy alone: frames at exact times whatever the rate, mel bands, pitch classes.

Frame `i` is centred at `i * hop` seconds; beyond the ends there is silence. Powers are of a full-scale sine = 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

CHUNK = 2_000
"""Frames that are transformed at once; 60 MB or so."""


def frame_count(samples: int, rate: int, hop: float) -> int:
    """Frames that cover so many samples."""
    return max(1, ceil(samples / rate / hop))


def power_frames(mono: np.ndarray, rate: int, window: float, hop: float) -> Iterator[np.ndarray]:
    """Power spectra, float32 (frame, bin), in chunks of `CHUNK` frames.

    Parameters
    ----------
    mono : float (sample,). window, hop : seconds. Bins go from 0 to half the rate, `bin_hz` says where.
    """
    size = window_size(rate, window)
    shape = np.hanning(size + 1)[:-1].astype(np.float32)
    scale = np.float32((2 / shape.sum()) ** 2)
    padded = np.concatenate([np.zeros(size // 2, np.float32), mono.astype(np.float32), np.zeros(size, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    count = frame_count(len(mono), rate, hop)
    for first in range(0, count, CHUNK):
        starts = np.rint(np.arange(first, min(first + CHUNK, count)) * hop * rate).astype(np.int64)
        spectrum = np.fft.rfft(windows[np.minimum(starts, len(windows) - 1)] * shape, axis=1)
        yield (spectrum.real**2 + spectrum.imag**2).astype(np.float32) * scale


def window_size(rate: int, window: float) -> int:
    """Samples of a window: even, so that it has a middle."""
    return max(16, 2 * round(rate * window / 2))


def bin_hz(rate: int, window: float) -> np.ndarray:
    """Frequency of each bin, float (bin,)."""
    size = window_size(rate, window)
    return np.arange(size // 2 + 1) * (rate / size)


def mel(hz: np.ndarray | float) -> np.ndarray:
    """Hertz to mel (O'Shaughnessy 1987: 2595 log10(1 + f / 700))."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hz) / 700))


def mel_bands(rate: int, window: float, bands: int, low: float = 40.0, high: float = 11_000.0) -> np.ndarray:
    """Triangles evenly spaced in mel, float32 (bin, band), each of sum 1; a band without a bin has the nearest."""
    hz = bin_hz(rate, window)
    edges = np.linspace(float(mel(low)), float(mel(min(high, rate / 2))), bands + 2)
    places = mel(hz)[:, None]
    rising = (places - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - places) / np.diff(edges)[1:]
    weight = np.clip(np.minimum(rising, falling), 0, None)
    empty = np.flatnonzero(weight.sum(axis=0) == 0)
    weight[np.abs(places - edges[1:-1][empty]).argmin(axis=0), empty] = 1.0
    return (weight / weight.sum(axis=0)).astype(np.float32)


def pitch_class_bands(rate: int, window: float, low: float = 100.0, high: float = 2_000.0) -> np.ndarray:
    """Which pitch class each bin belongs to, float32 (bin, 12); C is 0, A4 = 440 Hz."""
    hz = bin_hz(rate, window)
    inside = (hz >= low) & (hz <= min(high, rate / 2))
    pitch = 69 + 12 * np.log2(np.maximum(hz, 1.0) / 440)
    distance = np.abs((pitch[:, None] - np.arange(12) + 6) % 12 - 6)
    return (np.clip(1 - distance, 0, None) * inside[:, None]).astype(np.float32)


def banded(mono: np.ndarray, rate: int, window: float, hop: float, bands: np.ndarray) -> np.ndarray:
    """Power in bands, float32 (frame, band)."""
    return np.concatenate([power @ bands for power in power_frames(mono, rate, window, hop)])
