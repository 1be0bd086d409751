"""Log-mel back to sound: Griffin-Lim, which needs no training, and HiFi-GAN (transformers' SpeechT5HifiGan)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from audio_ext.latent.mel import MSG_LD, MelConfig, filterbank, spectrum, waveform

INVERSION_STEPS = 24
"""Multiplicative steps of the mel inversion; on rendered songs the mel error no longer falls after them."""
_SMALL = 1e-8


class Vocoder(Protocol):
    """Makes sound of log-mel pictures."""

    def wave(self, log_mel: Tensor, phase_of: Tensor | None = None) -> Tensor:
        """Sound, float32 (batch, frames * hop).

        Parameters
        ----------
        log_mel : float32 (batch, frames, mels). phase_of : sound (batch, frames * hop) that the wanted one is like,
            such as a guide; a vocoder may ignore it.
        """


def magnitudes_of(mels: Tensor, config: MelConfig = MSG_LD, start: Tensor | None = None) -> Tensor:
    """Magnitudes >= 0 whose mel bands are near `mels` in least squares, float32 (..., frame, bin).

    Lee and Seung's multiplicative update (NIPS 2000, eq. 4) with the filterbank fixed: it never leaves the non-negative
    numbers and never makes the error larger. Of the many solutions it finds one that keeps the shape of its start.

    Parameters
    ----------
    mels : amplitudes (not logarithms), float32 (..., frame, mel).
    start : magnitudes to begin with, else what the bands say when spread over their bins.
    """
    bands = filterbank(config).to(mels.device)
    shares = bands / bands.sum(dim=1, keepdim=True).clamp(min=_SMALL) / bands.sum(dim=0).clamp(min=_SMALL)
    spread = mels @ shares.mT
    found = spread if start is None else start + 1e-3 * spread  # a bin at zero would stay there
    wanted = mels @ bands.mT
    for _ in range(INVERSION_STEPS):
        found = found * wanted / ((found @ bands) @ bands.mT).clamp(min=_SMALL)
    return found


def spectral_convergence(wave: Tensor, magnitudes: Tensor, config: MelConfig = MSG_LD) -> float:
    """|| |STFT(wave)| - magnitudes || / || magnitudes ||, what Griffin-Lim makes smaller; 0 is a perfect match."""
    return float((spectrum(wave, config).abs() - magnitudes).norm() / magnitudes.norm().clamp(min=_SMALL))


@dataclass(frozen=True)
class GriffinLim:
    """Griffin and Lim 1984, with the momentum of Perraudin, Balazs and Søndergaard 2013 (fast Griffin-Lim).

    Parameters
    ----------
    iterations : short-time transforms there and back. momentum : 0 is the original, 0.99 the usual.
    seed : of the random phases where no sound gives any.
    """

    mel: MelConfig = MSG_LD
    iterations: int = 32
    momentum: float = 0.99
    seed: int = 0

    @torch.no_grad()
    def wave(self, log_mel: Tensor, phase_of: Tensor | None = None) -> Tensor:
        """See `Vocoder.wave`; `phase_of` gives the phases to begin with, and where in a band its energy lies."""
        mels = log_mel.exp()
        if phase_of is None:
            magnitudes = magnitudes_of(mels, self.mel)
            generator = torch.Generator(log_mel.device).manual_seed(self.seed)
            turns = torch.rand(magnitudes.shape, generator=generator, device=log_mel.device)
            phases = torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
        else:
            told = spectrum(phase_of, self.mel)
            magnitudes = magnitudes_of(mels, self.mel, told.abs())
            phases = _unit(told)
        return self.with_phases(magnitudes, phases)

    def with_phases(self, magnitudes: Tensor, phases: Tensor) -> Tensor:
        """Sound of magnitudes, float32 (..., frame, bin), from phases of modulus 1 to begin with."""
        before = torch.zeros_like(phases)
        share = self.momentum / (1 + self.momentum)
        for _ in range(self.iterations):
            again = spectrum(waveform(magnitudes * phases, self.mel), self.mel)
            phases = _unit(again - share * before)
            before = again
        return waveform(magnitudes * phases, self.mel)


def _unit(numbers: Tensor) -> Tensor:
    return numbers / numbers.abs().clamp(min=_SMALL)


@dataclass(frozen=True, slots=True)
class HifiGanConfig:
    """HiFi-GAN's generator (Kong et al. 2020), without its discriminators.

    Parameters
    ----------
    channels : after the first convolution, halved by each upsampling. rates, kernels : of the upsamplings.
    resblocks : kernel sizes of the parallel residual blocks. dilations : of each of them.
    centre, spread : the net sees `(log_mel - centre) / spread`.
    """

    mel: MelConfig = field(default_factory=MelConfig)
    channels: int = 128
    rates: tuple[int, ...] = (5, 4, 2, 2, 2)
    kernels: tuple[int, ...] = (16, 16, 8, 4, 4)
    resblocks: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    centre: float = -5.0
    spread: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= len(self.rates) == len(self.kernels) <= 8 or not all(1 <= r <= k <= 64 for r, k in self._stages):
            raise ValueError("each upsampling needs a rate and a kernel of that size or more, up to 64")
        if torch.tensor(self.rates).prod().item() != self.mel.hop:
            raise ValueError(f"the rates must multiply to the hop of {self.mel.hop} samples")
        if not 0 < self.channels <= 2048 or self.channels % 2 ** len(self.rates):
            raise ValueError(f"channels must be a multiple of {2 ** len(self.rates)}, at most 2048")
        if not 1 <= len(self.resblocks) <= 4 or not all(1 <= one <= 31 and one % 2 for one in self.resblocks):
            raise ValueError("one to four odd kernel sizes of residual blocks are needed")
        if not 1 <= len(self.dilations) <= 4 or not all(1 <= one <= 32 for one in self.dilations) or self.spread <= 0:
            raise ValueError("one to four dilations and a positive spread are needed")

    @property
    def _stages(self) -> list[tuple[int, int]]:
        return list(zip(self.rates, self.kernels, strict=True))


PRESETS = {
    "tiny": HifiGanConfig(channels=32, resblocks=(3,), dilations=(1, 3)),
    "reduced": HifiGanConfig(),
    "msg-ld": HifiGanConfig(channels=1024),  # 55.3 M parameters: config_16k_64 of AudioLDM, MusicLDM and MSG-LD
}


class HifiGan(nn.Module):
    """Log-mel to sound by transposed convolutions."""

    def __init__(self, config: HifiGanConfig):
        super().__init__()
        from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

        self.config = config
        self.net: Any = SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=config.mel.mels,
                sampling_rate=config.mel.rate,
                upsample_initial_channel=config.channels,
                upsample_rates=list(config.rates),
                upsample_kernel_sizes=list(config.kernels),
                resblock_kernel_sizes=list(config.resblocks),
                resblock_dilation_sizes=[list(config.dilations) for _ in config.resblocks],
                normalize_before=False,
            )
        )
        # Its own start (normal, 0.01) is meant for weight norm; without it what comes out of narrow nets is 1e-11.
        for part in self.net.modules():
            if isinstance(part, nn.Conv1d | nn.ConvTranspose1d):
                part.reset_parameters()

    def forward(self, log_mel: Tensor) -> Tensor:
        """Sound (batch, frames * hop) with gradient; an odd kernel less rate makes a little more, which is cut off."""
        made = self.net((log_mel - self.config.centre) / self.config.spread)
        return made.reshape(len(log_mel), -1)[:, : log_mel.shape[1] * self.config.mel.hop]

    @torch.no_grad()
    def wave(self, log_mel: Tensor, phase_of: Tensor | None = None) -> Tensor:
        """See `Vocoder.wave`; phases are its own."""
        return self(log_mel)
