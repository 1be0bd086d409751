"""Keys of a song: the one it is in as a whole, how sure that is, and where it clearly changes.

Bars are compared with the Krumhansl-Kessler profiles (`arranger.harmony`) through a window of eight bars; the best path
of keys pays for every change, so that only what stays in a new key counts as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arranger.chords import pitch_class_name
from arranger.harmony import MAJOR_PROFILE, MINOR_PROFILE, Key
from arranger.profiles import Profiles

SURENESS = 7.0
"""Nats of likelihood for a correlation of 1: with it the confidence is as high as the share of 250 MIDI files in which
the key that the file says was found."""
WINDOW = 4
"""Bars to each side that a bar's key is told from."""
CHANGE = 40.0
"""Cost of a change of key, in nats."""
LEAST_BARS = 6
"""A shorter stretch in another key is no change."""

_PROFILES = np.array(
    [np.roll(profile, tonic) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for tonic in range(12)], dtype=float
)
_UNIT = _PROFILES - _PROFILES.mean(axis=1, keepdims=True)
_UNIT /= np.linalg.norm(_UNIT, axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class KeyRun:
    """A key that holds from a bar on; `confidence` 0..1 is how likely it is the right one of the 24."""

    bar: int
    key: Key
    confidence: float

    @property
    def name(self) -> str:
        """Such as “Bb major” or “F# minor”, as its signature spells it."""
        return f"{pitch_class_name(self.key.tonic, self.sharps)} {self.key.mode}"

    @property
    def sharps(self) -> int:
        """Key signature: sharps, flats below 0; -5..6."""
        return (7 * (self.key.tonic + (3 if self.key.mode == "minor" else 0)) + 5) % 12 - 5


def song_key(profiles: Profiles) -> KeyRun:
    """The key of the song as a whole; C major with confidence 0 where nothing has pitch."""
    weight = _by_bar(profiles).sum(axis=0)
    if not np.ptp(weight):
        return KeyRun(0, Key(0, "major", 0.0), 0.0)
    return _run(0, weight)


def song_keys(profiles: Profiles) -> tuple[KeyRun, ...]:
    """Keys in the order of the bars in which they begin; one where no change is clear."""
    weight = _by_bar(profiles)
    bars = len(weight)
    whole = song_key(profiles)
    if bars < 2 * LEAST_BARS or not whole.confidence:
        return (whole,)
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(weight, axis=0)])
    first, last = np.maximum(np.arange(bars) - WINDOW, 0), np.minimum(np.arange(bars) + WINDOW, bars)
    path = _path(SURENESS * _fits(total[last] - total[first]))
    starts = [0]
    for bar in range(1, bars):
        if _signature(int(path[bar])) != _signature(int(path[bar - 1])):  # a relative key is no change
            starts.append(bar)
    kept = [0]
    for start, end in zip(starts[1:], [*starts[2:], bars], strict=False):
        if end - start >= LEAST_BARS and start - kept[-1] >= LEAST_BARS:
            kept.append(start)
    runs = [_run(a, weight[a:b].sum(axis=0)) for a, b in zip(kept, [*kept[1:], bars], strict=True)]
    changes = [run for at, run in enumerate(runs) if not at or run.sharps != runs[at - 1].sharps]
    return tuple(changes) if len(changes) > 1 else (whole,)


def _signature(state: int) -> int:
    """Tonic of the major key with the same signature."""
    return state if state < 12 else (state + 3) % 12


def _by_bar(profiles: Profiles) -> np.ndarray:
    """Weights of each bar, float (bar, 12)."""
    weight = np.zeros((int(profiles.bar[-1]) + 1, 12))
    np.add.at(weight, profiles.bar, profiles.weight)
    return weight


def _fits(weight: np.ndarray) -> np.ndarray:
    """Correlation of each row with the profiles of the 24 keys, 12 major ones first, (row, 24); 0 for empty rows."""
    centred = weight - weight.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    return (centred / np.where(size > 0, size, 1.0)) @ _UNIT.T


def _run(bar: int, weight: np.ndarray) -> KeyRun:
    fits = _fits(weight[None, :])[0]
    likely = np.exp(SURENESS * (fits - fits.max()))
    best = int(fits.argmax())
    key = Key(best % 12, "major" if best < 12 else "minor", float(fits[best]))
    return KeyRun(bar, key, float(likely[best] / likely.sum()))


def _path(scores: np.ndarray) -> np.ndarray:
    """Best key of each bar, int, where every change costs `CHANGE`."""
    best, back = scores[0].copy(), np.zeros(scores.shape, dtype=np.int64)
    own = np.arange(scores.shape[1])
    for at in range(1, len(scores)):
        leader = int(best.argmax())
        back[at] = np.where(best >= best[leader] - CHANGE, own, leader)
        best = np.maximum(best, best[leader] - CHANGE) + scores[at]
    path = np.zeros(len(scores), dtype=np.int64)
    path[-1] = int(best.argmax())
    for at in range(len(scores) - 1, 0, -1):
        path[at - 1] = back[at, path[at]]
    return path
