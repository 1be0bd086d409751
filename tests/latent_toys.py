"""Models whose answer is known, behind the protocols of stem insertion; and sounds in bands."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from audio_ext.latent.extract import Vocoder
from audio_ext.latent.insert import System
from audio_ext.latent.mel import MelConfig, log_mel, spectrum, waveform

RATE, FACTOR = 16_000, 8
MEL = MelConfig()


def tone(hz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    """A sine of amplitude 0.1, float32 (sample,)."""
    return (0.1 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def band_noise(seconds: float, low: float, high: float, seed: int = 0) -> np.ndarray:
    """Noise of deviation 0.05 between two frequencies, float32 (sample,) at 16 kHz."""
    count = round(seconds * RATE)
    found = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hz = np.fft.rfftfreq(count, 1 / RATE)
    found[(hz < low) | (hz > high)] = 0
    wave = np.fft.irfft(found, count)
    return (0.05 * wave / wave.std()).astype(np.float32)


class Folding:
    """A codec without loss: frames are folded into channels."""

    def encode(self, log_mel: Tensor) -> Tensor:
        batch, frames, mels = log_mel.shape
        return log_mel.reshape(batch, frames // FACTOR, FACTOR, mels).transpose(1, 2)

    def decode(self, latent: Tensor) -> Tensor:
        batch, _, places, mels = latent.shape
        return latent.transpose(1, 2).reshape(batch, places * FACTOR, mels)


class Zero:
    """A mixer that adds nothing; with `keeps_guide` it gives the mix with the guide, where it gets one."""

    def __init__(self, keeps_guide: bool = False):
        self.keeps_guide, self.guides = keeps_guide, list[bool]()

    def mix_latent(self, submix_latent: Tensor, prompt: str, guide_latent: Tensor | None = None, *_: Any) -> Tensor:
        self.guides.append(guide_latent is not None)
        return guide_latent if self.keeps_guide and guide_latent is not None else submix_latent


class TrueMix:
    """A mixer that gives one mix, whatever it hears."""

    def __init__(self, mix: Tensor):
        self.mix = mix

    def mix_latent(self, submix_latent: Tensor, *_: Any) -> Tensor:
        logs = log_mel(self.mix, MEL)
        spare = submix_latent.shape[2] * FACTOR - len(logs)
        return Folding().encode(torch.nn.functional.pad(logs, (0, 0, 0, spare), value=-11.5)[None])


class RoughVocoder(Vocoder):
    """Random phases under the asked magnitudes, three rounds of Griffin and Lim."""

    def wave(self, log_mel: Tensor, phase_of: Tensor | None = None) -> Tensor:
        from audio_ext.latent.mel import filterbank

        inverse = torch.linalg.pinv(filterbank(MEL))
        wanted = (log_mel.exp() @ inverse).clamp(min=0)
        rng = torch.Generator().manual_seed(0)
        phases = torch.rand(wanted.shape, generator=rng) * 2 * torch.pi
        wave = waveform(torch.polar(wanted, phases), MEL)
        for _ in range(3):
            wave = waveform(torch.polar(wanted, spectrum(wave, MEL).angle()), MEL)
        return wave


def system_of(mixer: Any) -> System:
    return System(Folding(), mixer, RoughVocoder(), MEL, FACTOR)
