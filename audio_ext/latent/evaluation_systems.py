"""What is judged: each system as a function from cases to mixes and stems."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from audio_ext.latent.evaluation_cases import Cases
from audio_ext.latent.extract import filtered, guide_gain, sounding, stem_power
from audio_ext.latent.mel import log_mel

if TYPE_CHECKING:
    from torch import Tensor

    from audio_ext.latent.insert import Mixer, System

BATCH = 4
"""Pictures that the codec or the vocoder gets at once."""
SAMPLED_AT_ONCE = 8
LOUDEST = 4.0
"""12 dB over full scale; mixes of the true windows are within 1."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a system gave for each window.

    Parameters
    ----------
    mix : the mix as the system gives it, all of it made anew where a model made it, float32 (window, sample).
    stem : what it put in, float32 (window, sample): to be laid over the untouched submix. None where there is none.
    mix_mel, under_mel : log-mels (window, frame, mel) of the mix and of the submix, both from the codec; or None.
    seconds : that a window took.
    """

    mix: np.ndarray
    stem: np.ndarray | None = None
    mix_mel: np.ndarray | None = None
    under_mel: np.ndarray | None = None
    seconds: float = 0.0


class Bench:
    """Models at work on cases.

    Parameters
    ----------
    subtractive : the system that is judged. base : the mixer of SDEdit, or None.
    tell : called with words of what goes on.
    """

    def __init__(self, subtractive: System, base: Mixer | None, tell: Callable[[str], None] | None = None):
        self.system, self.base, self._tell = subtractive, base, tell or (lambda words: None)
        self._under: tuple[int, Tensor, Tensor] | None = None

    def encoded(self, waves: np.ndarray) -> Tensor:
        """Latents of waves (window, sample)."""
        tensor = torch.from_numpy(np.ascontiguousarray(waves, dtype=np.float32))
        parts = []
        for at in range(0, len(tensor), BATCH):
            logs = log_mel(tensor[at : at + BATCH], self.system.mel)
            logs = logs[:, : logs.shape[1] // self.system.factor * self.system.factor]
            parts.append(self.system.codec.encode(logs.to(self.system.device)).cpu())
        return torch.cat(parts)

    def decoded(self, latents: Tensor) -> Tensor:
        """Log-mels (window, frame, mel) of latents."""
        cuts = (latents[at : at + BATCH].to(self.system.device) for at in range(0, len(latents), BATCH))
        return torch.cat([self.system.codec.decode(one).cpu() for one in cuts])

    def heard(self, mels: Tensor, phase_of: np.ndarray) -> np.ndarray:
        """Waves of log-mels; the vocoder may begin with the phases of others."""
        waves = torch.from_numpy(np.ascontiguousarray(phase_of, dtype=np.float32))
        length = mels.shape[1] * self.system.mel.hop
        cuts = range(0, len(mels), BATCH)
        made = [self.system.vocoder.wave(mels[at : at + BATCH], waves[at : at + BATCH, :length]) for at in cuts]
        out = np.zeros(waves.shape, np.float32)
        out[:, :length] = _bounded(torch.cat(made).numpy()[:, :length])
        return out

    def _submixes(self, cases: Cases) -> tuple[Tensor, Tensor]:
        """Latents of the submixes and their log-mels there and back; those of the last cases are kept."""
        submix = cases.submix
        mark = hash(submix.tobytes())
        if self._under is None or self._under[0] != mark:
            latents = self.encoded(submix)
            self._under = mark, latents, self.decoded(latents)
        return self._under[1:]

    def round_trip(self, cases: Cases) -> Result:
        """The truth through codec and vocoder: no system on this ground can do better."""
        mels = self.decoded(self.encoded(cases.mix))
        _, under = self._submixes(cases)
        return self._result(cases, mels, under, None, 0.0)

    def submix_round_trip(self, cases: Cases) -> Result:
        """The submix through codec and vocoder: nothing put in, the same losses."""
        _, under = self._submixes(cases)
        return Result(self.heard(under, cases.submix), None, under.numpy(), under.numpy())

    def subtractive(
        self, cases: Cases, steps: int, seed: int, strength: float | None = None, *, sound: bool = True
    ) -> Result:
        """The model judged, by instruction; led by the guide where a strength is given.

        Without `sound` there are mels only.
        """
        latents, under = self._submixes(cases)
        led = None if strength is None else self.encoded(cases.submix + cases.guide)
        began = time.monotonic()
        made = self._sampled(self.system.mixer, latents, cases.prompts, led, strength or 1.0, steps, seed)
        mels = self.decoded(made)
        seconds = (time.monotonic() - began) / len(cases)
        if not sound:
            return Result(np.zeros((len(cases), 0), np.float32), None, mels.numpy(), under.numpy(), seconds)
        return self._result(cases, mels, under, led, seconds)

    def sdedit(self, cases: Cases, steps: int, strength: float, seed: int) -> Result:
        """The baseline: the submix noised to a strength and denoised towards the caption. It puts no stem in: what it
        gives is a mix."""
        assert self.base is not None
        latents, under = self._submixes(cases)
        began = time.monotonic()
        made = self._sampled(self.base, latents, cases.captions, None, strength, steps, seed)
        mels = self.decoded(made)
        waves = self.heard(mels, cases.submix)
        return Result(waves, None, mels.numpy(), under.numpy(), (time.monotonic() - began) / len(cases))

    def _sampled(
        self,
        mixer: Mixer,
        latents: Tensor,
        prompts: Sequence[str],
        led: Tensor | None,
        strength: float,
        steps: int,
        seed: int,
    ) -> Tensor:
        parts = []
        for at in range(0, len(latents), SAMPLED_AT_ONCE):
            some = slice(at, at + SAMPLED_AT_ONCE)
            guide = None if led is None else led[some].to(self.system.device)
            batch = latents[some].to(self.system.device)
            made = mixer.mix_latent(batch, list(prompts[some]), guide, strength, steps, seed=seed + at)  # type: ignore[arg-type]
            parts.append(made.cpu())
            self._tell(f"{min(at + SAMPLED_AT_ONCE, len(latents))} of {len(latents)} windows sampled")
        return torch.cat(parts)

    def _result(self, cases: Cases, mels: Tensor, under: Tensor, led: Tensor | None, seconds: float) -> Result:
        """Mix and stem made audible, the stem as an insertion makes it (`insert`)."""
        began = time.monotonic()
        submix = cases.submix
        mix = self.heard(mels, submix if led is None else submix + cases.guide)
        stems = np.zeros_like(submix)
        own = None if led is None else self.decoded(led)
        for at in range(len(cases)):
            power = stem_power(mels[at], under[at])
            if own is None:
                wave = sounding(power, self.system.vocoder, self.system.mel).numpy()
            else:
                gain = guide_gain(power, stem_power(own[at], under[at]))
                wave = filtered(cases.guide[at : at + 1], self.system.mel.rate, gain, self.system.mel)[0]
            stems[at, : len(wave)] = _bounded(wave[: stems.shape[1]])
        seconds += (time.monotonic() - began) / len(cases)
        return Result(mix, stems, mels.numpy(), under.numpy(), seconds)


def _bounded(waves: np.ndarray) -> np.ndarray:
    """Waves that a listener can bear: a model that is not trained may give numbers without bounds, or none."""
    return np.clip(np.nan_to_num(waves, posinf=0.0, neginf=0.0), -LOUDEST, LOUDEST)


def unchanged(cases: Cases) -> Result:
    """The submix as it is."""
    return Result(cases.submix)


def foreign_stem(cases: Cases) -> Result:
    """The stem of another song, at the level of the true one."""
    songs, count = cases.songs, len(cases)
    stems = np.zeros_like(cases.stem)
    for at in range(count):
        other = next(
            (at + step) % count for step in [*range(1, count), 0] if songs[(at + step) % count] != songs[at] or not step
        )
        theirs, ours = (float(np.sqrt(np.mean(cases.stem[one] ** 2))) for one in (other, at))
        stems[at] = cases.stem[other] * np.float32(ours / max(theirs, 1e-9))
    return Result(cases.submix + stems, stems)


def guide_alone(cases: Cases) -> Result:
    """The guide laid over the submix as it is, at the true stem's level."""
    return Result(cases.submix + cases.guide, cases.guide)


def laid_over(cases: Cases, result: Result) -> Result:
    """The same stem over the untouched submix: what `insert` writes."""
    assert result.stem is not None
    return Result(cases.submix + result.stem, result.stem, result.mix_mel, result.under_mel, result.seconds)


def truth(cases: Cases) -> Result:
    return Result(cases.mix, cases.stem)
