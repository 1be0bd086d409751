"""The search behind `alignment`: features, a coarse search over places and drifts, and the exact line through onsets.

Times are frames of `HOP` seconds in the coarse search and seconds in the exact one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio_ext.errors import missing_extra
from audio_ext.spectra import banded, mel_bands, pitch_class_bands

HOP = 0.02
"""Seconds a frame of the search."""
SEGMENT = 10.0
"""Seconds of a segment."""
MOST_SEGMENTS = 40
DRIFTS = np.arange(-0.04, 0.0401, 0.005)
"""Drifts at which segments are looked for."""
LEAST_HEARD = 0.6
"""Share of a segment that the recording must hold."""
APART = 0.25
"""Seconds: nearer places are one and the same peak."""
FINE_HOP, FINE_WINDOW, FINE_REACH = 0.004, 0.023, 0.1
"""Seconds: frame, window and reach to both sides, of the exact search."""
FINE_SEGMENT = 8.0
DOUBTFUL = 0.1
"""Lead over the next best place, as a share, that makes a confidence of one half: of 13 songs brought to one tempo none
led by more than 0.05 in another's recording, nor by less than 0.28 in its own."""
UNLIKE, ALIKE = 0.15, 0.3
"""Mean cosine of the segments that says nothing, and that is enough: other songs reached 0.26, the song itself 0.66."""
CLEAR = 0.15
"""Least correlation of a segment's onsets to have a say in the exact line."""


@dataclass(frozen=True)
class Found:
    """Where the song's beginning is (seconds), drift, and how far the best place stands out."""

    seconds: float
    drift: float
    confidence: float


def features(mono: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """(onsets in 8 bands, pitch classes), float32 (frame, ...), every column of mean 0 and both of equal size."""
    power = banded(mono, rate, 0.046, HOP, mel_bands(rate, 0.046, 8))
    classes = banded(mono, rate, 0.18, HOP, pitch_class_bands(rate, 0.18))
    loud = np.log1p(power / max(float(power.mean()), 1e-12))
    flux = np.diff(loud, axis=0, prepend=loud[:1]).clip(0)
    kernel = np.array([0.25, 0.5, 0.25], dtype=np.float32)
    flux = np.apply_along_axis(np.convolve, 0, flux, kernel, "same")
    classes = np.sqrt(classes)
    classes /= np.maximum(classes.sum(axis=1, keepdims=True), 0.02 * float(classes.sum(axis=1).max()))
    return _centred(flux), _centred(classes)


def _centred(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    return (centred / np.maximum(centred.std(axis=0), 1e-6)).astype(np.float32)


def search(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> Found:
    """The best line, to a frame or two.

    Parameters
    ----------
    ours, theirs : `features` of the rendered song and of the recording.
    """
    frames, length = len(ours[0]), round(SEGMENT / HOP)
    count = max(1, min(MOST_SEGMENTS, frames // length))
    length = min(length, frames)
    starts = np.linspace(0, frames - length, count)
    curves, lead = _curves(ours, theirs, starts, length)
    # Lines go through (middle of the song, lag there), so that drift and place don't mix.
    middles = (starts + length / 2) - frames / 2
    lags = np.arange(-frames, len(theirs[0]))
    reach = frames * HOP / 2
    steps = max(2, round(2 * DRIFTS[-1] * reach / 0.03))
    best = np.full(len(lags), -np.inf, dtype=np.float32)
    best_drift, best_heard = np.zeros(len(lags)), np.ones(len(lags))
    for drift in np.linspace(DRIFTS[0], DRIFTS[-1], steps):
        nearest = int(np.abs(DRIFTS - drift).argmin())
        total, heard = np.zeros(len(lags), dtype=np.float32), np.zeros(len(lags), dtype=np.float32)
        for at, middle in enumerate(middles):
            # The segment's middle is expected at: lag + middle of the song + (1 + drift) * (its distance from there).
            shift = round(frames / 2 + (1 + drift) * middle) + lead
            first = int(lags[0]) + shift
            curve = curves[nearest, at]
            a, b = max(0, -first), min(len(lags), len(curve) - first)
            if b > a:
                piece = curve[first + a : first + b]
                total[a:b] += np.nan_to_num(piece)
                heard[a:b] += np.isfinite(piece)
        score = total / np.sqrt(np.maximum(heard, 1))
        score[heard < min(2, count)] = -np.inf
        better = score > best
        best[better], best_drift[better], best_heard[better] = score[better], drift, heard[better]
    top = int(best.argmax())
    apart = round(APART / HOP)
    others = np.concatenate([best[: max(0, top - apart)], best[top + apart + 1 :]])
    usable = others[np.isfinite(others)]
    drift = float(best_drift[top])
    seconds = float((lags[top] - drift * frames / 2) * HOP)
    return Found(seconds, drift, _confidence(float(best[top]), usable, int(best_heard[top])))


def _confidence(top: float, others: np.ndarray, heard: int) -> float:
    """0..1: how far the best place leads over the next one, and whether it is alike at all."""
    if not len(others) or top <= 0:
        return 0.0
    lead = float(np.clip(1 - others.max() / top, 0, 1))
    like = top / np.sqrt(heard)
    return float(lead / (lead + DOUBTFUL) * np.clip((like - UNLIKE) / (ALIKE - UNLIKE), 0, 1))


def _curves(
    ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...], starts: np.ndarray, length: int
) -> tuple[np.ndarray, int]:
    """How like the recording each segment of the song is at each place, under each drift.

    Returns
    -------
    curves : float32 (drift, segment, place), mean cosine of both features, nan where too little is heard. lead : the
        place of index `lead` has the segment's middle at the recording's beginning.
    """
    try:
        from scipy.fft import irfft, next_fast_len, rfft
    except ImportError as err:
        raise missing_extra("scipy") from err
    frames = len(theirs[0])
    size = next_fast_len(frames + length, real=True)
    places = frames + length - 1  # of the segment's first frame: from 1 - length to frames - 1
    spectra = [rfft(one, size, axis=0) for one in theirs]
    first = np.arange(1 - length, frames)
    bounds = np.maximum(first, 0), np.minimum(first + length, frames)
    heard = (bounds[1] - bounds[0]) / length
    energy = []
    for one in theirs:
        total = np.concatenate([[0.0], np.cumsum((one.astype(np.float64) ** 2).sum(axis=1))])
        energy.append(np.sqrt(np.maximum(total[bounds[1]] - total[bounds[0]], 1e-9)))
    curves = np.full((len(DRIFTS), len(starts), places), np.nan, dtype=np.float32)
    for row, drift in enumerate(DRIFTS):
        for at, start in enumerate(starts):
            where = start + length / 2 + (np.arange(length) - length / 2) / (1 + drift)
            curve = np.zeros(places)
            silent = False
            for mine, spectrum, size_there in zip(ours, spectra, energy, strict=True):
                piece = _at(mine, where)
                norm = float(np.sqrt((piece**2).sum()))
                silent |= norm < 0.1 * np.sqrt(piece.size)
                product = irfft((spectrum * rfft(piece, size, axis=0).conj()).sum(axis=1), size)
                curve += np.concatenate([product[size - length + 1 :], product[:frames]]) / (
                    max(norm, 1e-9) * size_there
                )
            if not silent:
                curve[heard < LEAST_HEARD] = np.nan
                wide = np.fmax(
                    curve, np.fmax(np.roll(curve, 1), np.roll(curve, -1))
                )  # a frame is neither here nor there
                curves[row, at] = wide / len(ours)
    return curves, length - 1 - length // 2


def _at(columns: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Rows at fractional places, straight between them."""
    where = np.clip(where, 0, len(columns) - 1)
    low = np.minimum(where.astype(np.int64), max(0, len(columns) - 2))
    share = (where - low).astype(np.float32)[:, None]
    high = np.minimum(low + 1, len(columns) - 1)
    return np.asarray(columns[low] * (1 - share) + columns[high] * share)


def envelope(mono: np.ndarray, rate: int) -> np.ndarray:
    """Onsets in all bands together, float32 (frame,), a frame each `FINE_HOP`."""
    power = banded(mono, rate, FINE_WINDOW, FINE_HOP, mel_bands(rate, FINE_WINDOW, 12))
    loud = np.log1p(power / max(float(power.mean()), 1e-12))
    return np.asarray(np.diff(loud, axis=0, prepend=loud[:1]).clip(0).sum(axis=1), dtype=np.float32)


def refined(ours: np.ndarray, theirs: np.ndarray, offset: float, drift: float) -> tuple[float, float, float]:
    """(offset, drift, spread) in seconds of the line through the onsets around a line that is nearly right.

    Parameters
    ----------
    ours, theirs : `envelope` of the rendered song and of the recording.
    """
    places, lates, weights = [], [], []
    length = min(round(FINE_SEGMENT / FINE_HOP), len(ours))
    reach = round(FINE_REACH / FINE_HOP)
    for start in range(0, len(ours) - length + 1, max(1, length // 2)):
        mine = ours[start : start + length] - ours[start : start + length].mean()
        steps = np.arange(start - reach, start + length + reach) * FINE_HOP
        where = (offset + (1 + drift) * steps) / FINE_HOP
        if where[0] < 0 or where[-1] > len(theirs) - 1 or not mine.any():
            continue
        there = np.interp(where, np.arange(len(theirs)), theirs)
        there -= there.mean()
        likeness = np.correlate(there, mine, "valid") / max(float(np.linalg.norm(mine) * np.linalg.norm(there)), 1e-9)
        top = int(likeness.argmax())
        if 0 < top < len(likeness) - 1 and likeness[top] >= CLEAR:
            before, peak, after = likeness[top - 1 : top + 2]
            bend = before - 2 * peak + after
            top_at = top + (0.5 * (before - after) / bend if bend < 0 else 0.0)
            places.append((start + length / 2) * FINE_HOP)
            lates.append((top_at - reach) * FINE_HOP * (1 + drift))
            weights.append(float(peak))
    if not places:
        return offset, drift, float("inf")
    late, slope, spread = _line(np.array(places), np.array(lates), np.array(weights))
    return offset + late, drift + slope, spread


def _line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float, float]:
    """(y at 0, slope, spread): a line that a few wild points don't move; a level one through fewer than three."""
    if len(x) < 3 or np.ptp(x) < 2 * FINE_SEGMENT:
        level = float(np.median(y))
        return level, 0.0, float(1.4826 * np.median(np.abs(y - level)))
    i, j = np.triu_indices(len(x), 1)
    slope = float(np.median((y[j] - y[i]) / (x[j] - x[i])))
    level = float(np.median(y - slope * x))
    for _ in range(10):  # Huber's weights, from the medians on
        off = np.abs(y - level - slope * x)
        scale = max(1.4826 * float(np.median(off)), 1e-3)
        trust = weight * np.minimum(1.0, 1.5 * scale / np.maximum(off, 1e-9))
        middle = np.average(x, weights=trust)
        slope = float(np.sum(trust * (x - middle) * y) / np.sum(trust * (x - middle) ** 2))
        level = float(np.average(y, weights=trust) - slope * middle)
    return level, slope, float(1.4826 * np.median(np.abs(y - level - slope * x)))
