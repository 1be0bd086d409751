"""What was put in, as a listener of our own hears it: the part, how dense it is, its style.

Features of a pair (result, submix) of log-mels say what the result has over the submix; a small classifier of
scikit-learn learns from true windows what that is. Fit for one question, whether what an instruction asks for is
recognised more often than with another instruction; it is no judge of quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BANDS = 16
"""Neighbouring mel bands that are taken together, four at a time."""
FRAMES = 100.0
"""Frames a second."""
LAGS = np.geomspace(8, 100, 14).astype(int)
"""Frames after which a rhythm may come again: 80 ms to 1 s."""
QUIET = 2e-5
"""Amplitude under which nothing is told apart: the floor of the mels, doubled."""
_GATE = 0.25
"""Of the submix's power, under which a surplus is no stem but rounding."""


def features(result: np.ndarray, submix: np.ndarray) -> np.ndarray:
    """Float32 (batch, 162) of log-mels (batch, frames, 64): level, spread, rise and rhythm of what was added.

    The level as a whole is taken off, so that a stem that is mixed softly is the same stem.
    """
    power, under = np.exp(2 * np.asarray(result, np.float32)), np.exp(2 * np.asarray(submix, np.float32))
    added = np.where(power - under > _GATE * under, power - under, 0)
    batch, frames, mels = added.shape
    added = added.reshape(batch, frames, BANDS, mels // BANDS).mean(axis=3)
    logs = np.log(added + QUIET**2) / 2
    loud = np.log(added.mean(axis=(1, 2)) + QUIET**2)[:, None] / 2
    rise = np.maximum(np.diff(logs, axis=1, prepend=logs[:, :1]), 0)
    heard = added > 1e-3 * added.max(axis=(1, 2), keepdims=True)
    mean = np.log(added.mean(axis=1) + QUIET**2) / 2 - loud
    quantiles = np.quantile(logs, (0.25, 0.5, 0.9), axis=1) - loud
    beat = rise.mean(axis=2)
    peaks = _peaks(beat, 0.15), _peaks(beat, 0.3), _peaks(rise[..., :3].mean(axis=2), 0.3)
    parts = [
        mean,
        *quantiles,
        logs.std(axis=1),
        rise.mean(axis=1),
        rise.std(axis=1),
        heard.mean(axis=1),
        _rhythm(beat),
        _rhythm(rise[..., :4].mean(axis=2)),
        np.stack([heard.mean(axis=(1, 2)), beat.mean(axis=1), beat.std(axis=1), *peaks], axis=1),
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _peaks(rise: np.ndarray, least: float) -> np.ndarray:
    """Peaks a second of (batch, frames) that reach a share of the window's largest."""
    inner = rise[:, 1:-1]
    peaks = (inner > rise[:, :-2]) & (inner >= rise[:, 2:]) & (inner > least * rise.max(axis=1, keepdims=True))
    return np.asarray(peaks.sum(axis=1) * FRAMES / rise.shape[1])


def _rhythm(rise: np.ndarray) -> np.ndarray:
    """How alike (batch, frames) is to itself after each of `LAGS`, -1 to 1."""
    centred = rise - rise.mean(axis=1, keepdims=True)
    energy = (centred**2).mean(axis=1) + 1e-12
    return np.stack([(centred[:, lag:] * centred[:, :-lag]).mean(axis=1) / energy for lag in LAGS], axis=1)


@dataclass(frozen=True, eq=False)
class Recogniser:
    """A trained classifier and the names that it tells apart."""

    model: Any
    names: tuple[str, ...]

    def __call__(self, heard: np.ndarray) -> list[str]:
        """The likeliest name for each row of `features`."""
        return [str(name) for name in self.model.predict(heard)]

    def shares(self, heard: np.ndarray) -> np.ndarray:
        """Probability of each of `names`, float (batch, names)."""
        return np.asarray(self.model.predict_proba(heard))

    def share_of(self, heard: np.ndarray, asked: Sequence[str]) -> np.ndarray:
        """Probability of the asked name in each row, float (batch,); NaN for names that it does not know."""
        places = {name: index for index, name in enumerate(self.names)}
        shares = self.shares(heard)
        return np.array(
            [row[places[name]] if name in places else np.nan for row, name in zip(shares, asked, strict=True)]
        )


def train_recogniser(heard: np.ndarray, names: Sequence[str], seed: int = 0) -> Recogniser | None:
    """A recogniser from rows of `features` and their names; all names weigh the same. None for less than two names."""
    if len(set(names)) < 2:
        return None
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(150, min_samples_leaf=2, max_features=0.2, class_weight="balanced", random_state=seed)
    model.fit(heard, list(names))
    return Recogniser(model, tuple(str(name) for name in model.classes_))


def accuracy(recogniser: Recogniser, heard: np.ndarray, names: Sequence[str]) -> tuple[float, float]:
    """Share of rows that are recognised, and the same averaged over names (what guessing gets right is 1 / names)."""
    right = np.array([found == name for found, name in zip(recogniser(heard), names, strict=True)])
    by_name = [right[np.array([other == name for other in names])].mean() for name in sorted(set(names))]
    return float(right.mean()), float(np.mean(by_name))
