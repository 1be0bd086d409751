"""Random short crops of windows, for codec and vocoder: mixes, submixes and single stems at random gains."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audio_ext.latent.windows import STEMS, Windows

MIX_SHARE, STEM_SHARE, NOTHING_SHARE = 0.35, 0.35, 0.02
"""Crops of the whole mix, of one stem, and of silence; the rest are sums of random stems."""
STEM_GAIN_DB, CROP_GAIN_DB = (-6.0, 6.0), (-12.0, 3.0)
SILENT, TRIES = 1e-3, 4
"""A crop whose peak is lower is drawn again, a few times: most stems rest now and then, and silence is learnt soon."""


class Crops:
    """Crops of a folder of windows; the batch of a step depends on the folder, the seed and the step alone.

    Parameters
    ----------
    folder : of shards. samples : length of a crop, at most that of a window. batch : crops a batch.

    Raises
    ------
    AudioError
        if there are no windows.
    """

    def __init__(self, folder: Path, samples: int, batch: int, seed: int):
        self.windows = Windows(folder)
        self.samples, self.batch, self.seed = samples, batch, seed
        self._places = [(shard, at) for shard in self.windows.shards for at in range(len(shard))]

    def __len__(self) -> int:
        """Windows there are."""
        return len(self._places)

    def at(self, step: int) -> np.ndarray:
        """Batch of a step, float32 (batch, sample)."""
        rng = np.random.default_rng([self.seed, step])
        return np.stack([self._crop(rng) for _ in range(self.batch)])

    def _crop(self, rng: np.random.Generator) -> np.ndarray:
        for _ in range(TRIES):
            shard, at = self._places[rng.integers(len(self._places))]
            found = blend(shard.stems(at), self.samples, rng)
            if np.abs(found).max() >= SILENT:
                break
        return found


def blend(stems: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """A crop of some of the stems at random gains, float32 (sample,), within -1..1.

    Parameters
    ----------
    stems : float32 (stem, sample), at least `samples` of them.
    """
    first = int(rng.integers(stems.shape[1] - samples + 1))
    kind = rng.random()
    if kind < NOTHING_SHARE:
        return np.zeros(samples, np.float32)
    if kind < NOTHING_SHARE + MIX_SHARE:
        gains = np.ones(len(STEMS))
    else:
        gains = 10 ** (rng.uniform(*STEM_GAIN_DB, len(STEMS)) / 20)
        if kind < NOTHING_SHARE + MIX_SHARE + STEM_SHARE:
            gains = gains * (np.arange(len(STEMS)) == rng.integers(len(STEMS)))
        else:
            gains = gains * (rng.random(len(STEMS)) < 0.5)
    gains = gains * 10 ** (rng.uniform(*CROP_GAIN_DB) / 20)
    crop = gains.astype(np.float32) @ stems[:, first : first + samples]
    return np.asarray(crop / max(1.0, float(np.abs(crop).max())), dtype=np.float32)
