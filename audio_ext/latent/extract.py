"""From the log-mel of a mix to the sound of the stem that was put in.

The model gives the full mix; what it added is the power by which that exceeds the submix. Both go through the codec,
the submix there and back, so that what the codec alone changes is on both sides. Signals that have nothing to do with
each other add by their powers, so `power(stem) = power(mix) - power(submix)`, as in spectral subtraction (Boll 1979).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from audio_ext.latent.blend import spread

if TYPE_CHECKING:
    from torch import Tensor

    from audio_ext.latent.mel import MelConfig

CHUNK_FRAMES, CHUNK_OVERLAP, MARGIN = 1024, 128, 8
"""Frames that are made audible at once, frames of a cross-fade, and frames at the ends that a transform can't know."""
MAX_CUT_DB, MAX_BOOST_DB = -60.0, 24.0
"""How far a guide is turned down and up where the model asks for less or more than it has."""
GUIDE_WINDOW = 0.064
"""Seconds of a guide's short-time transform."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How far a difference of mel spectrograms is no stem.

    Parameters
    ----------
    under_submix_db : a difference that is so far below the submix in its place counts half, less of it fades out like
        its square (Wiener's weight): it is rather what the codec makes of the submix than a stem, and hard to hear. A
        hard edge would leave holes and chirps.
    under_peak_db : below this, against the stem's loudest place, there is nothing.
    """

    under_submix_db: float = -6.0
    under_peak_db: float = -80.0


class Vocoder(Protocol):
    """A log-mel becomes a wave."""

    def wave(self, log_mel: Tensor, phase_of: Tensor | None = None) -> Tensor:
        """Log-mel (batch, frame, mel), and a wave (batch, sample) that has the phases -> wave (batch, sample)."""


def stem_power(mix: Tensor, submix: Tensor, gate: Gate | None = None) -> Tensor:
    """Power of what a mix has over its submix, (frame, mel), as far as the gate lets it through.

    Parameters
    ----------
    mix, submix : log-mels, natural logarithm of amplitude, float32 (frame, mel).
    """
    gate = gate or Gate()
    under = (2 * submix).exp()
    added = ((2 * mix).exp() - under).clamp(min=0.0)
    open_share = added / (added + under * 10 ** (gate.under_submix_db / 10)).clamp(min=1e-20)
    lowest = added.max() * 10 ** (gate.under_peak_db / 10)
    return (added * open_share).masked_fill(added < lowest, 0.0)


def sounding(
    power: Tensor,
    vocoder: Vocoder,
    mel: MelConfig,
    guide: Tensor | None = None,
    tell: Callable[[float], None] | None = None,
) -> Tensor:
    """The wave of a stem by its mel power (frame, mel), float32 (frame * hop,), at the level that the power has.

    Long ones in pieces that are cross-faded; each piece starts from the phases of the guide, or of the piece before it,
    so that what is faded into each other is one sound.

    Parameters
    ----------
    guide : wave (frame * hop,), or None.
    """
    import torch

    frames, hop = power.shape[0], mel.hop
    logs = 0.5 * power.clamp(min=mel.floor**2).log()
    windows = spread(frames, CHUNK_FRAMES, CHUNK_OVERLAP)
    fine = windows.finer(hop)
    whole = torch.zeros(frames * hop)
    before = torch.zeros(0)
    done = 0
    for number, start in enumerate(windows.starts):
        span = slice(fine.starts[number], fine.starts[number] + fine.width)
        piece = logs[start : start + windows.width][None]
        phases = None
        if guide is not None:
            phases = guide[None, span]
        elif done > span.start:
            # Where a piece fades out it has been turned down; its phases are what counts.
            phases = torch.zeros(1, fine.width)
            phases[0, : done - span.start] = before[-(done - span.start) :]
        before = vocoder.wave(piece, phases)[0, : fine.width]
        whole[span] += before * torch.from_numpy(fine.shares[number])
        done = span.stop
        if tell is not None:
            tell((number + 1) / len(windows.starts))
    return whole * _level(whole, power, mel)


def _level(wave: Tensor, power: Tensor, mel: MelConfig) -> float:
    """Factor by which a wave comes to the energy that was asked for; 0 if none was."""
    asked = float(power.double().sum())
    found = float((2 * long_log_mel(wave, mel)).double().exp().sum())
    silence = power.numel() * mel.floor**2
    return (asked / found) ** 0.5 if asked > 0 and found > silence else 0.0


def long_log_mel(wave: Tensor, mel: MelConfig) -> Tensor:
    """`mel.log_mel` of a wave (sample,) of any length, in pieces: the same numbers, (sample // hop, mel)."""
    import torch

    from audio_ext.latent.mel import log_mel

    frames, hop = wave.shape[0] // mel.hop, mel.hop
    context = -(-mel.n_fft // hop)
    pieces = []
    for first in range(0, frames, CHUNK_FRAMES):
        last = min(first + CHUNK_FRAMES, frames)
        begin, end = max(0, first - context), min(frames, last + context)
        if frames - last <= context:  # the last piece takes what is left over, so that none is too short
            last = end = frames
        stop = wave.shape[0] if end == frames else end * hop
        pieces.append(log_mel(wave[begin * hop : stop], mel)[first - begin : last - begin])
        if last == frames:
            break
    return torch.cat(pieces)


def guide_gain(asked: Tensor, own: Tensor) -> np.ndarray:
    """Amplitude by which a guide is turned up or down, float32 (frame, mel).

    Parameters
    ----------
    asked : mel power of the stem that the model gives. own : the same of the mix with the guide in it, there and back
        through the codec, so that a model that changes nothing asks for a gain of 1. Where neither has anything the
        gain is 1: nothing is known there, and there is nothing to hear.
    """
    import torch

    low, high = 10 ** (MAX_CUT_DB / 10), 10 ** (MAX_BOOST_DB / 10)
    ratio = (asked / own.clamp(min=1e-20)).clamp(low, high)
    ratio = torch.where(own > 0, ratio, torch.where(asked > 0, high, 1.0))
    return np.asarray(ratio.sqrt().numpy(), dtype=np.float32)


def filtered(guide: np.ndarray, rate: int, gain: np.ndarray, mel: MelConfig) -> np.ndarray:
    """A guide, float32 (channel, sample), through a filter that changes with time: notes, timing and room stay its own.

    Above the model's highest band the gain is that of the highest band, so that cymbals keep their air.

    Parameters
    ----------
    rate : Hz, of the guide; any. gain : amplitude (frame, mel), frame i at `(i + 1/2) hop` of the model's rate.
    """
    size = 4 * max(16, round(rate * GUIDE_WINDOW / 4))
    hop = size // 4
    shape = np.hanning(size + 1)[:-1].astype(np.float32)
    scale = np.float32(1 / 1.5)  # the squares of Hann windows, a quarter apart, sum to 1.5
    across = _bins(size, rate, mel)
    samples = guide.shape[1]
    padded = np.pad(guide, ((0, 0), (size, 2 * size)))
    count = (padded.shape[1] - size) // hop + 1
    out = np.zeros_like(padded)
    for first in range(0, count, 256):
        numbers = np.arange(first, min(first + 256, count))
        middles = (numbers * hop - size + size / 2) / rate
        places = np.clip(middles * mel.rate / mel.hop - 0.5, 0, len(gain) - 1)
        below = np.floor(places).astype(int)
        share = (places - below)[:, None].astype(np.float32)
        mine = gain[below] * (1 - share) + gain[np.minimum(below + 1, len(gain) - 1)] * share
        bins = (mine @ across).astype(np.float32)
        for channel in range(len(guide)):
            frames = np.stack([padded[channel, at : at + size] for at in numbers * hop])
            pieces = np.fft.irfft(np.fft.rfft(frames * shape, axis=1) * bins, size, axis=1).astype(np.float32)
            for at, piece in zip(numbers * hop, pieces * shape * scale, strict=True):
                out[channel, at : at + size] += piece
    return out[:, size : size + samples]


def _bins(size: int, rate: int, mel: MelConfig) -> np.ndarray:
    """Weights that carry a gain from bands to the bins of a transform, float32 (mel, bin); each bin's sum to 1."""
    from audio_ext.latent.mel import hz_to_mel, mel_to_hz

    span = hz_to_mel(np.array([mel.fmin, mel.fmax]), mel.scale)
    middles = mel_to_hz(np.linspace(span[0], span[1], mel.mels + 2)[1:-1], mel.scale)
    hz = np.arange(size // 2 + 1) * rate / size
    return np.stack([np.interp(hz, middles, row) for row in np.eye(mel.mels)]).astype(np.float32)
