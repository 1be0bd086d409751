"""The measures of one row of the table: per window and over the set, against the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from audio_ext.latent.evaluation_cases import Cases
from audio_ext.latent.evaluation_systems import Result
from audio_ext.latent.mel import MelConfig, log_mel
from audio_ext.latent.metrics.adherence import adherence, can_judge
from audio_ext.latent.metrics.distances import (
    frechet,
    inception_score,
    kld_bernoulli,
    kld_softmax,
    log_mel_l1,
    mel_mse,
    si_sdr,
)
from audio_ext.latent.metrics.embeddings import Ears, Heard
from audio_ext.latent.metrics.fad import fad
from audio_ext.latent.metrics.statistics import Figure, mean_figure, set_draws, set_figure

ABSENT = 0.1
"""Where the true stem raises the submix's log-mel by less than so many nepers (0.9 dB) it is not there."""
LOUDEST_OF = 8.0
"""Cells more than so many nepers (70 dB) below the loudest are silence and not looked at."""
BATCH = 16


Distance = Callable[[np.ndarray, np.ndarray], float]
"""Between two sets, (row, feature)."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Measures of a row.

    Parameters
    ----------
    windows : name -> value of each window, NaN where it can't be said. sets : name -> value of the set.
    draws : name -> bootstrap draws of the set's values, paired between rows.
    """

    windows: dict[str, np.ndarray]
    sets: dict[str, float]
    draws: dict[str, np.ndarray] = field(default_factory=dict)

    def figures(self, songs: tuple[str, ...]) -> dict[str, Figure]:
        """All as numbers with intervals."""
        found = {name: mean_figure(values, songs) for name, values in self.windows.items()}
        return found | {name: set_figure(value, self.draws.get(name, np.empty(0))) for name, value in self.sets.items()}


def mels_of(waves: np.ndarray, config: MelConfig) -> np.ndarray:
    """Log-mels (window, frame, mel) of waves (window, sample)."""
    cuts = (waves[at : at + BATCH] for at in range(0, len(waves), BATCH))
    return np.concatenate([log_mel(torch.from_numpy(np.ascontiguousarray(cut)), config).numpy() for cut in cuts])


class Judge:
    """Measures results against the truth of some cases; what is needed of the truth is worked out once.

    Parameters
    ----------
    ears : what listens. draws : of the bootstrap of measures of sets; 0 for none.
    """

    def __init__(self, cases: Cases, ears: Ears, mel: MelConfig, draws: int = 30):
        self.cases, self._ears, self._config, self._draws = cases, ears, mel, draws
        mix, submix = cases.mix, cases.submix
        self.mel, self.under_mel = mels_of(mix, mel), mels_of(submix, mel)
        audible = self.mel > self.mel.max(axis=(1, 2), keepdims=True) - LOUDEST_OF
        absent = np.abs(self.mel - self.under_mel) < ABSENT
        self._rest = (audible & absent).astype(np.float32)
        self._under = (self.under_mel > self.under_mel.max(axis=(1, 2), keepdims=True) - LOUDEST_OF).astype(np.float32)
        self._heard = ears.hear(mix)
        self._transcribes = can_judge(cases.part)

    def scores(self, result: Result) -> Scores:
        """Measure one row.

        Per window: `l1`, `mse` (log-mel of the mix as heard); `rest` (log-mel L1 where the true stem is not there),
        `lost` (by how much the mix falls below the submix, on average: a stem adds); `sdr` (of the stem, in dB); `f1`
        (adherence of the stem to the notes); `kld_X`, `tags_X`. Of the set: `fd_X`, `fad_X`, `sub_fad_X`, `is_X`.
        """
        mel = mels_of(result.mix, self._config)
        windows = {
            "l1": log_mel_l1(mel, self.mel),
            "mse": mel_mse(mel, self.mel),
            "rest": log_mel_l1(mel, self.mel, self._rest),
            "lost": log_mel_l1(np.minimum(mel, self.under_mel), self.under_mel, self._under),
        }
        if result.stem is not None:
            windows["sdr"] = si_sdr(result.stem, self.cases.stem)
            if self._transcribes:
                windows["f1"] = self._adherence(result.stem)
        heard = self._heard if np.array_equal(result.mix, self.cases.mix) else self._ears.hear(result.mix)
        for name, logits in heard.logits.items():
            windows[f"kld_{name}"] = kld_softmax(logits, self._heard.logits[name])
            windows[f"tags_{name}"] = kld_bernoulli(logits, self._heard.logits[name])
        measures = self._set_measures(heard, self._laid(result, heard))
        everything = np.arange(len(self.cases))
        sets = {name: measure(everything) for name, measure in measures.items()}
        drawn = {name: set_draws(one, self.cases.songs, self._draws) for name, one in measures.items() if self._draws}
        return Scores(windows, sets, drawn)

    def _adherence(self, stems: np.ndarray) -> np.ndarray:
        part = self.cases.part
        facts = self.cases.facts
        return np.array(
            [adherence(stem, one.notes.get(part, ()), part).f1 for stem, one in zip(stems, facts, strict=True)]
        )

    def _laid(self, result: Result, heard: Heard) -> dict[str, np.ndarray]:
        """Features of the stem over the untouched submix, for sub-FAD; heard again only if that is another sound."""
        if result.stem is None:
            return heard.patches
        laid = self.cases.submix + result.stem
        if np.array_equal(laid, result.mix):
            return heard.patches
        return Ears(self._ears.embeddings).hear(laid).patches

    def _set_measures(self, heard: Heard, laid: dict[str, np.ndarray]) -> dict[str, Callable[[np.ndarray], float]]:
        true = self._heard
        found: dict[str, Callable[[np.ndarray], float]] = {}

        def between(distance: Distance, ours: np.ndarray, theirs: np.ndarray) -> Callable[[np.ndarray], float]:
            return lambda at: distance(ours[at], theirs[at])

        def variety(logits: np.ndarray) -> Callable[[np.ndarray], float]:
            return lambda at: inception_score(logits[at])[0]

        for name in heard.patches:
            found[f"fad_{name}"] = between(fad, heard.patches[name], true.patches[name])
            found[f"sub_fad_{name}"] = between(fad, laid[name], true.patches[name])
        for name in heard.features:
            found[f"fd_{name}"] = between(frechet, heard.features[name], true.features[name])
            found[f"is_{name}"] = variety(heard.logits[name])
        return found

    def halves(self) -> Scores:
        """The truth, its windows in two halves by song, one against the other: what Fréchet distances are between sets
        that differ by chance alone (of half the size, so larger than a row's of the same quality)."""
        names = list(dict.fromkeys(self.cases.songs))
        first = np.array([names.index(song) % 2 == 0 for song in self.cases.songs])
        if min(first.sum(), (~first).sum()) < 2:
            return Scores({}, {})
        true = self._heard
        sets = {f"fad_{name}": fad(one[first], one[~first]) for name, one in true.patches.items()}
        sets |= {f"fd_{name}": frechet(one[first], one[~first]) for name, one in true.features.items()}
        sets |= {f"is_{name}": inception_score(one)[0] for name, one in true.logits.items()}
        return Scores({}, sets)
