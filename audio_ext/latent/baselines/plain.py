"""Estimates without a model: the mixture itself, stems of other songs, stems that don't belong together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audio_ext.latent.windows import SILENCE_DB, STEMS, level_db


def mixture_as_estimate(mixes: np.ndarray, share: float = 1.0) -> np.ndarray:
    """The mixture for every stem, float32 (window, 4, sample) of mixes (window, sample).

    A share of 1 is the usual lower bound of separation (SI-SDR does not see the scale). With 1/4 the four sum to the
    mixture, and a log-mel is 1.39 nepers lower.
    """
    return np.repeat(mixes[:, None] * np.float32(share), len(STEMS), axis=1)


def others(songs: Sequence[str], seed: int = 0) -> np.ndarray:
    """For each window the number of one of another song, int (window,); its own where there is only one song."""
    rng = np.random.default_rng(seed)
    names = np.array(songs)
    found = np.arange(len(names))
    for at in range(len(names)):
        strange = np.flatnonzero(names != names[at])
        if len(strange):
            found[at] = rng.choice(strange)
    return found


def foreign(stems: np.ndarray, songs: Sequence[str], asked: Sequence[str], seed: int = 0) -> np.ndarray:
    """Stems (window, 4, sample) in which the asked ones are another song's, at the level of the true ones.

    All asked stems of a window come of one other song, so they fit one another. Of songs whose asked stems play one is
    taken if there is any: another song's silence would be no arrangement.
    """
    columns = [STEMS.index(part) for part in asked]
    plays = [all(level_db(window[at]) > SILENCE_DB for at in columns) for window in stems]
    out = stems.copy()
    rng = np.random.default_rng(seed)
    names = np.array(songs)
    for at in range(len(stems)):
        strange = np.flatnonzero((names != names[at]) & np.array(plays))
        if not len(strange):
            strange = np.flatnonzero(names != names[at])
        if not len(strange):
            continue
        other = int(rng.choice(strange))
        for column in columns:
            out[at, column] = levelled_as(stems[other, column], stems[at, column])
    return out


def shuffled(stems: np.ndarray, songs: Sequence[str], seed: int = 0) -> np.ndarray:
    """Every stem of every window from a window of another song than the others', as far as there are songs, float32
    (window, 4, sample).

    Each stem sounds as a true one and none goes with another: what total generation must beat to have learnt more than
    what instruments sound like. No gain is changed.
    """
    rng = np.random.default_rng(seed)
    names = np.array(songs)
    out = np.empty_like(stems)
    for at in range(len(stems)):
        taken: list[str] = []
        for column in range(stems.shape[1]):
            free = np.flatnonzero(~np.isin(names, taken))
            chosen = int(rng.choice(free if len(free) else np.arange(len(names))))
            taken.append(names[chosen])
            out[at, column] = stems[chosen, column]
    return out


def levelled_as(wave: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A wave at the RMS level of another; silence stays silence."""
    mine, theirs = (float(np.sqrt(np.mean(np.square(one, dtype=np.float64)))) for one in (wave, like))
    return wave * np.float32(theirs / mine) if mine > 0 else wave
