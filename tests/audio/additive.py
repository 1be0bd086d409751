"""A small additive synthesiser and songs for it, to test the alignment with what no renderer made."""

from __future__ import annotations

from functools import cache

import numpy as np

RATE = 16_000
Event = tuple[float, float, int, str]
"""(start, length) in seconds, pitch, part."""


def tune(seed: int, bars: int = 17, tempo: float = 117.0) -> list[Event]:
    """Drums, bass, chords and a melody; chords and melody are drawn anew all the time, the drums play one bar."""
    rng = np.random.default_rng(seed)
    beat = 60 / tempo
    kicks = sorted({0, *rng.choice(8, 3, replace=False).tolist()})
    events: list[Event] = []
    for bar in range(bars):
        start = 4 * beat * bar
        root = int(rng.choice([0, 2, 4, 5, 7, 9]))
        third = 4 if root in (0, 5, 7) else 3
        for eighth in range(8):
            events.append((start + eighth * beat / 2, 0.05, 42, "drums"))
            events.append((start + eighth * beat / 2, beat / 2, 36 + root, "bass"))
        events += [(start + eighth * beat / 2, 0.1, 36, "drums") for eighth in kicks]
        events += [(start + quarter * beat, 0.1, 38, "drums") for quarter in (1, 3)]
        for half in (0, 2):
            events += [(start + half * beat, 2 * beat, 60 + root + up, "guitar") for up in (0, third, 7)]
        for eighth in np.flatnonzero(rng.random(8) < 0.5).tolist():
            events.append((start + eighth * beat / 2, beat / 2, 72 + int(rng.choice([0, 2, 4, 7, 9])), "other"))
    return events


def played(
    events: list[Event], timbre: int = 0, stretch: float = 1.0, without: str = "", late: float = 0.0
) -> np.ndarray:
    """Sound, float32 (sample,), at `RATE`.

    Parameters
    ----------
    timbre : 0 or 1, two instruments that share neither spectrum nor envelope. stretch : factor on all times.
    without : a part that isn't played. late : seconds before the first note; negative cuts.
    """
    out = np.zeros(int((max(start + length for start, length, _, _ in events) * stretch + 1) * RATE), dtype=np.float32)
    for start, length, pitch, part in events:
        if part != without:
            at = round(start * stretch * RATE)
            wave = _stroke(pitch, timbre) if part == "drums" else _tone(pitch, round(length * stretch, 2), timbre)
            out[at : at + len(wave)] += wave[: len(out) - at]
    out /= np.abs(out).max()
    silence = np.zeros(max(0, round(late * RATE)), dtype=np.float32)
    return np.concatenate([silence, out[max(0, -round(late * RATE)) :]])


@cache
def _tone(pitch: int, length: float, timbre: int) -> np.ndarray:
    times = np.arange(int((length + 0.05) * RATE)) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    shares = ((1, 0.5, 0.3), (0.5, 0.8, 0.1, 0.4, 0.3))[timbre]
    wave = sum(share * np.sin(2 * np.pi * hz * (at + 1) * times + at * timbre) for at, share in enumerate(shares))
    rise = (0.004, 0.012)[timbre]
    shape = (
        np.minimum(1, times / rise) * np.exp(-times * (2, 4)[timbre]) * np.clip((length + 0.05 - times) / 0.05, 0, 1)
    )
    return (wave * shape).astype(np.float32)


@cache
def _stroke(key: int, timbre: int) -> np.ndarray:
    times = np.arange(int(0.15 * RATE)) / RATE
    if key == 36:
        return (2 * np.sin(2 * np.pi * (60 + 15 * timbre) * times) * np.exp(-18 * times)).astype(np.float32)
    noise = np.random.default_rng(key + 100 * timbre).normal(size=len(times))
    return (0.6 * noise * np.exp(-times * (30 + 30 * timbre))).astype(np.float32)
