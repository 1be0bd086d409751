"""Made-up bands and models for tests of the evaluation: what is right is known, and nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from audio_ext.latent.insert import System
from audio_ext.latent.mel import MSG_LD, log_mel
from audio_ext.latent.metrics.embeddings import Ears
from audio_ext.latent.vocoder import GriffinLim
from audio_ext.latent.windows import RATE, STEMS, Facts, Window

SAMPLES = 40_960
RATES = {"sparse": 2.0, "steady": 4.0, "busy": 8.0}
"""Hits a second of a made-up drummer; the words are those of instructions."""


def hits(rate: float, shift: float = 0.1, samples: int = SAMPLES) -> tuple[np.ndarray, list[float]]:
    """Bursts of noise at a steady rate, float32 (sample,), and when they begin."""
    rng = np.random.default_rng(3)
    out = np.zeros(samples, np.float32)
    times = list(np.arange(shift, samples / RATE - 0.06, 1 / rate))
    length = RATE // 12
    for time in times:
        begin = round(time * RATE)
        burst = rng.normal(0, 0.15, length) * np.exp(-np.arange(length) / (0.012 * RATE))
        out[begin : begin + length] += burst[: samples - begin].astype(np.float32)
    return out, times


def band(number: int) -> Window:
    """A window of drums at one of the rates, a bass note and a pad."""
    rng = np.random.default_rng(number)
    word = list(RATES)[number % 3]
    drums, times = hits(RATES[word], 0.06 + 0.1 * float(rng.random()))
    seconds = np.arange(SAMPLES) / RATE
    pitch = float(rng.choice([41, 55, 73, 98]))
    bass = 0.2 * np.sin(2 * np.pi * pitch * seconds) * (np.mod(seconds, 0.5) < 0.4)
    pad = 0.05 * np.sin(2 * np.pi * pitch * 8 * seconds) + 0.03 * np.sin(2 * np.pi * pitch * 10 * seconds)
    stems = np.stack([drums, bass, np.zeros(SAMPLES), pad]).astype(np.float32)
    notes = {"drums": tuple((time, time + 0.1, 38, 100) for time in times)}
    density = {"drums": {"sparse": 2.0, "steady": 4.0, "busy": 8.0}[word], "bass": 2.0}
    return Window(stems, Facts(f"song {number // 2}", 0.0, 120.0, "rock", density, {"drums": 0}, notes))


class LosslessCodec:
    """Folds places of the picture into channels: nothing is lost, so all errors are the models' own."""

    def encode(self, log_mel: Tensor) -> Tensor:
        return pixel_unshuffle(log_mel[:, None], 8)

    def decode(self, latent: Tensor) -> Tensor:
        return pixel_shuffle(latent, 8)[:, 0]


class Drummer:
    """Puts in drums at the rate that the instruction's word asks for; a deaf one always plays steadily."""

    def __init__(self, deaf: bool = False):
        self.deaf, self.prompts = deaf, list[str]()

    def mix_latent(
        self,
        submix_latent: Tensor,
        prompt: str | Sequence[str],
        guide_latent: Tensor | None = None,
        strength: float = 1.0,
        steps: int = 20,
        text_scale: float | None = None,
        audio_scale: float | None = None,
        seed: int = 0,
        tell: object = None,
    ) -> Tensor:
        if guide_latent is not None:
            return guide_latent
        prompts = [prompt] * len(submix_latent) if isinstance(prompt, str) else list(prompt)
        self.prompts += prompts
        codec = LosslessCodec()
        under = codec.decode(submix_latent)
        rates = [
            next((rate for word, rate in RATES.items() if word in told and not self.deaf), 4.0) for told in prompts
        ]
        drums = np.stack([hits(rate, 0.1)[0] for rate in rates])
        added = log_mel(torch.from_numpy(drums))
        return codec.encode(0.5 * torch.logaddexp(2 * under, 2 * added))


class Blurring:
    """A baseline that only adds noise to what it is given."""

    def mix_latent(
        self,
        submix_latent: Tensor,
        prompt: str | Sequence[str],
        guide_latent: Tensor | None = None,
        strength: float = 0.5,
        steps: int = 20,
        text_scale: float | None = None,
        audio_scale: float | None = None,
        seed: int = 0,
        tell: object = None,
    ) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return submix_latent + strength * torch.randn(submix_latent.shape, generator=generator)


def system(mixer: Drummer) -> System:
    return System(LosslessCodec(), mixer, GriffinLim(iterations=4), MSG_LD, 8)


class BandLevels:
    """A listener: mean and deviation of eight bands of each second."""

    name = "levels"

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        mel = log_mel(torch.from_numpy(np.ascontiguousarray(waves))).unflatten(2, (8, 8)).mean(3)
        pieces = mel[:, : mel.shape[1] // 64 * 64].unflatten(1, (-1, 64))
        return torch.cat([pieces.mean(2), pieces.std(2)], dim=2).numpy()


class BandTags:
    """A classifier: features as `BandLevels`, and ten weighted sums of them as logits."""

    name = "levels"

    def __call__(self, waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = BandLevels()(waves).mean(axis=1)
        weights = np.random.default_rng(0).normal(size=(features.shape[1], 10)) / 4
        return features, (features - 1) @ weights


EARS = Ears((BandLevels(),), (BandTags(),))
assert STEMS[0] == "drums"
