"""Mel spectrograms as the latent models see them: torch, differentiable, with the inverse of the short-time transform.

The front end is that of HiFi-GAN (Kong et al. 2020, arXiv 2010.05646) with the numbers of MSG-LD: Hann window, the
ends mirrored so that `samples // hop` frames come out, magnitudes in mel bands, natural logarithm above a floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import log

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_BREAK_HZ, _LINEAR_HZ, _LOG_STEP = 1000.0, 200.0 / 3.0, log(6.4) / 27.0
"""Slaney's mel scale (Auditory Toolbox, 1998): linear to 1 kHz, 27 logarithmic steps for a factor of 6.4 above."""


@dataclass(frozen=True, slots=True)
class MelConfig:
    """A mel spectrogram.

    Parameters
    ----------
    rate : Hz. n_fft, hop, window : samples; the window stands in the middle of the transform's length.
    fmin, fmax : Hz, outer edges of the outermost bands.
    floor : smallest amplitude whose logarithm is taken.
    scale : "slaney" or "htk". equal_area : triangles of area 1 over Hz (Slaney) instead of height 1.
    """

    rate: int = 16_000
    n_fft: int = 1024
    hop: int = 160
    window: int = 1024
    mels: int = 64
    fmin: float = 0.0
    fmax: float = 8_000.0
    floor: float = 1e-5
    scale: str = "slaney"
    equal_area: bool = True

    def __post_init__(self) -> None:
        if not (4_000 <= self.rate <= 192_000 and 0 < self.hop <= self.window <= self.n_fft <= 1 << 16):
            raise ValueError("0 < hop <= window <= n_fft <= 65536 and a rate of 4 to 192 kHz are needed")
        if not 0 < self.mels <= self.n_fft // 2:
            raise ValueError("at most n_fft / 2 mel bands are possible")
        if not 0 <= self.fmin < self.fmax <= self.rate / 2 or not 0 < self.floor < 1:
            raise ValueError("0 <= fmin < fmax <= rate / 2 and 0 < floor < 1 are needed")
        if self.scale not in ("slaney", "htk"):
            raise ValueError(f"the scale {self.scale!r} is neither slaney nor htk")

    @property
    def frames_a_second(self) -> float:
        return self.rate / self.hop


MSG_LD = MelConfig()
"""MSG-LD's and MusicLDM's: 100 frames a second; 10.24 s are 1024 frames."""
RIFFUSION = MelConfig(44_100, 17_640, 441, 4_410, 512, 0.0, 10_000.0, 1e-5, "htk", False)
"""Riffusion's analysis (`spectrogram_params.py`); its image is the fourth root of the amplitude instead of the log."""


def hz_to_mel(hz: np.ndarray | float, scale: str) -> np.ndarray:
    """Hertz to mel, float64."""
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    above = _BREAK_HZ / _LINEAR_HZ + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, above)


def mel_to_hz(mel: np.ndarray | float, scale: str) -> np.ndarray:
    """Mel to hertz, float64."""
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    knee = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee)))


@cache
def filterbank(config: MelConfig) -> Tensor:
    """Triangular bands, float32 (bin, mel); multiply magnitudes (..., bin) by it. Not to be changed in place."""
    span = hz_to_mel(np.array([config.fmin, config.fmax]), config.scale)
    edges = mel_to_hz(np.linspace(span[0], span[1], config.mels + 2), config.scale)
    hz = np.arange(config.n_fft // 2 + 1)[:, None] * (config.rate / config.n_fft)
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0.0, np.minimum(rising, falling))
    if config.equal_area:
        weights = weights * 2.0 / (edges[2:] - edges[:-2])
    return torch.from_numpy(weights.astype(np.float32))


@cache
def _window(config: MelConfig) -> Tensor:
    """Hann window in the middle of the transform, float32 (n_fft,)."""
    spare = config.n_fft - config.window
    return functional.pad(torch.hann_window(config.window), (spare // 2, spare - spare // 2))


def spectrum(wave: Tensor, config: MelConfig = MSG_LD) -> Tensor:
    """Short-time spectrum, complex64 (..., frame, bin), frame i centred at `(i + 1/2) hop`.

    Parameters
    ----------
    wave : float32 (..., sample), more than half of `n_fft - hop` samples, so that the ends can be mirrored.

    Raises
    ------
    ValueError
        if the wave is shorter.
    """
    edge = (config.n_fft - config.hop) // 2
    after = config.n_fft - config.hop - edge
    if wave.shape[-1] <= after:
        raise ValueError(f"{wave.shape[-1]} samples are too few: more than {after} are needed")
    padded = functional.pad(wave.reshape(-1, 1, wave.shape[-1]), (edge, after), mode="reflect")
    window = _window(config).to(wave.device)
    found = torch.stft(padded[:, 0], config.n_fft, config.hop, window=window, center=False, return_complex=True)
    return found.mT.reshape(*wave.shape[:-1], found.shape[2], found.shape[1])


def waveform(found: Tensor, config: MelConfig = MSG_LD) -> Tensor:
    """The wave whose spectrum is nearest in least squares (Griffin and Lim 1984, eq. 6), float32 (..., frames * hop).

    Parameters
    ----------
    found : complex64 (..., frame, bin). What the mirrored ends tell is left aside.
    """
    frames, shape = found.shape[-2], found.shape[:-2]
    window = _window(config).to(found.device)
    pieces = torch.fft.irfft(found.reshape(-1, frames, found.shape[-1]), config.n_fft) * window
    length = config.n_fft + (frames - 1) * config.hop
    weights = (window**2)[None, :, None].expand(1, config.n_fft, frames)
    summed, weight = (
        functional.fold(one, (1, length), (1, config.n_fft), stride=(1, config.hop))[:, 0, 0]
        for one in (pieces.mT, weights)
    )
    edge = (config.n_fft - config.hop) // 2
    kept = slice(edge, edge + frames * config.hop)
    return (summed[:, kept] / weight[:, kept].clamp(min=1e-8)).reshape(*shape, frames * config.hop)


def amplitude_mel(magnitudes: Tensor, config: MelConfig = MSG_LD) -> Tensor:
    """Magnitudes (..., frame, bin) in bands, float32 (..., frame, mel)."""
    return magnitudes @ filterbank(config).to(magnitudes.device)


def log_mel(wave: Tensor, config: MelConfig = MSG_LD) -> Tensor:
    """Natural logarithm of the amplitude in mel bands, float32 (..., `samples // hop`, mel), at least `log(floor)`.

    Parameters
    ----------
    wave : float32 (..., sample), 1.0 is full scale; ValueError if there are too few (see `spectrum`).
    """
    return torch.log(amplitude_mel(spectrum(wave, config).abs(), config).clamp(min=config.floor))
