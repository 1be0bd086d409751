"""Stem insertion, the door: a submix of any rate and channels, a part, an instruction, perhaps a guide -> the stem.

The models hear 16 kHz mono and give the log-mel of the full mix; the stem is what that has over the submix (`extract`).
The submix itself is never touched: the caller lays the stem over it, `mix = submix + stem`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Protocol

import numpy as np

from arranger.errors import FillRequestError
from audio_ext.errors import AudioError
from audio_ext.latent.blend import blended, cut, spread
from audio_ext.latent.extract import Gate, Vocoder, filtered, guide_gain, long_log_mel, sounding, stem_power
from audio_ext.recordings import Recording, resampled

if TYPE_CHECKING:
    from torch import Tensor

    from audio_ext.latent.mel import MelConfig

PARTS = ("drums", "bass", "guitar", "other")
MAX_SECONDS = 15 * 60
LEAST_SECONDS = 0.5
LEVEL_DB = -20.0
"""RMS of what plays in a submix, in decibels of full scale, as the models get it; recordings are brought there."""
SILENT_DB = -60.0
MAX_PROMPT = 400
MAX_STEPS = 1000
CODEC_FRAMES, CODEC_OVERLAP, CODEC_BATCH = 1024, 128, 2
"""Frames of the codec's windows: more context than its receptive field at the edges, little memory."""

Progress = Callable[[float], None]


class Codec(Protocol):
    """Log-mel (batch, frame, mel) to latent (batch, channel, frame / factor, band) and back."""

    def encode(self, log_mel: Tensor) -> Tensor: ...
    def decode(self, latent: Tensor) -> Tensor: ...


class Hearing(Protocol):
    """What of a system turns sound into latents and back; see `System`."""

    @property
    def codec(self) -> Codec: ...
    @property
    def mel(self) -> MelConfig: ...
    @property
    def factor(self) -> int: ...
    @property
    def least(self) -> int: ...
    @property
    def device(self) -> str: ...


class Mixer(Protocol):
    """Gives the latent of the full mix, (1, channel, place, band) of any length, by overlapping windows."""

    def mix_latent(
        self,
        submix_latent: Tensor,
        prompt: str,
        guide_latent: Tensor | None = None,
        strength: float = 1.0,
        steps: int = 20,
        text_scale: float | None = None,
        audio_scale: float | None = None,
        seed: int = 0,
        tell: Progress | None = None,
    ) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class System:
    """What an insertion needs; `system.open_system` makes it of files.

    Parameters
    ----------
    factor : frames a place of a latent. least : places that the mixer needs; less is filled up with silence.
    edits : whether the mixer changes the submix itself, as SDEdit does, so that `Wish.strength` counts without a guide.
    device : where codec and mixer compute; vocoders run on the CPU.
    """

    codec: Codec
    mixer: Mixer
    vocoder: Vocoder
    mel: MelConfig
    factor: int
    least: int = 1
    edits: bool = False
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Parameters
    ----------
    part : of `PARTS`. prompt : how it should sound; None for a plain "Add ...".
    strength : with a guide, how far it may be changed: 0 leaves it as it is, 1 ignores it.
    steps : of the sampler. text_scale, audio_scale : weights of instruction and submix; None for the model's own.

    Raises
    ------
    FillRequestError
        if something can't be meant so.
    """

    part: str
    prompt: str | None = None
    strength: float = 0.5
    steps: int = 20
    text_scale: float | None = None
    audio_scale: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise FillRequestError(f"“{self.part}” can't be put in; {', '.join(PARTS)} can.")
        if not 0 <= self.strength <= 1:
            raise FillRequestError(f"A strength of {self.strength:g} is out of range; 0 keeps the guide, 1 ignores it.")
        if not 1 <= self.steps <= MAX_STEPS:
            raise FillRequestError(f"{self.steps} steps are out of range; 20 are usual, {MAX_STEPS} the most.")
        for scale in (self.text_scale, self.audio_scale):
            if scale is not None and not 0 <= scale <= 100:
                raise FillRequestError(f"A scale of {scale:g} is out of range; 0 to 100 can be set, 1 to 8 make sense.")
        if self.prompt is not None and len(self.prompt) > MAX_PROMPT:
            raise FillRequestError(f"The instruction has {len(self.prompt)} letters; at most {MAX_PROMPT} are read.")
        if not 0 <= self.seed < 1 << 63:
            raise FillRequestError("A seed is a whole number from 0.")

    @property
    def instruction(self) -> str:
        """What the model is told."""
        from audio_ext.latent.instructions import plain

        return " ".join((self.prompt or "").split()) or plain(self.part)


@dataclass(frozen=True, eq=False)
class Inserted:
    """A stem, float32 (channel, sample) like the submix.

    Parameters
    ----------
    way : "guide" (laid in as it is), "filtered" (the guide, its timbre changed) or "vocoder" (made anew).
    mix_mel, submix_mel : log-mels (frame, mel) of the mix that the model gave and of the submix there and back.
    notes : what the user should know, in sentences.
    """

    stem: np.ndarray
    way: str
    mix_mel: np.ndarray | None = None
    submix_mel: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def insert(
    submix: Recording,
    system: System,
    wish: Wish,
    guide: np.ndarray | None = None,
    *,
    gate: Gate | None = None,
    tell: Progress | None = None,
) -> Inserted:
    """Make the stem that a submix lacks.

    Parameters
    ----------
    guide : float32 (channel, sample) like the submix (`guide.fitted`); at strength 0 it is the stem as it stands.
    tell : called with the share that is done, 0 to 1.

    Raises
    ------
    AudioError
        if the submix is silent, too short or too long.
    """
    if guide is not None and guide.shape != submix.frames.shape:
        raise ValueError(f"a guide of shape {guide.shape} over a submix of {submix.frames.shape}")
    if guide is not None and wish.strength == 0:
        return Inserted(guide, "guide")
    told = tell or (lambda share: None)
    level, mono = heard(submix, system.mel.rate)
    guide_mono = None
    if guide is not None:
        guide_mono = _tensor(resampled(guide.mean(axis=0)[None], submix.rate, system.mel.rate)[0] * level)
    led = guide_mono is not None and wish.strength < 1
    under = encoded(mono, system)
    told(0.05)
    with_guide = encoded(mono + guide_mono, system) if led and guide_mono is not None else None
    told(0.1)
    made = system.mixer.mix_latent(
        under.to(system.device),
        wish.instruction,
        None if with_guide is None else with_guide.to(system.device),
        wish.strength if led or system.edits else 1.0,
        wish.steps,
        wish.text_scale,
        wish.audio_scale,
        wish.seed,
        lambda share: told(0.1 + 0.7 * share),
    )
    frames = len(mono) // system.mel.hop
    mix_mel, under_mel = (decoded(latent, system)[:frames] for latent in (made, under))
    power = stem_power(mix_mel, under_mel, gate)
    told(0.85)
    if led and guide is not None and with_guide is not None:
        own = stem_power(decoded(with_guide, system)[:frames], under_mel, gate)
        stem, way = filtered(guide, submix.rate, guide_gain(power, own), system.mel), "filtered"
    else:
        wave = sounding(power, system.vocoder, system.mel, tell=lambda share: told(0.85 + 0.14 * share))
        stem, way = fitted_to(wave.numpy() / np.float32(level), system.mel.rate, submix), "vocoder"
    told(1.0)
    notes = () if float(power.max()) > 0 else (f"The model put nothing in: it hears no room for {wish.part}.",)
    return Inserted(stem, way, mix_mel.numpy(), under_mel.numpy(), notes)


def heard(submix: Recording, rate: int) -> tuple[float, Tensor]:
    """(factor that brings the submix to the models' level, the submix at their rate and that level)."""
    if submix.seconds > MAX_SECONDS:
        problem = f"it lasts {submix.seconds / 60:.1f} minutes; at most {MAX_SECONDS // 60} are taken at once"
        raise AudioError(submix.name, problem, None, "Cut it to the song.")
    if submix.seconds < LEAST_SECONDS:
        raise AudioError(submix.name, f"it lasts {submix.seconds:.2f} seconds, too short to play to", None, None)
    mono = resampled(submix.mono()[None], submix.rate, rate)[0]
    tenth = rate // 10
    powers = np.square(mono[: len(mono) // tenth * tenth].reshape(-1, tenth)).mean(axis=1)
    playing = powers[powers > 10 ** (SILENT_DB / 10)]
    if not len(playing):
        raise AudioError(submix.name, "it is silent", None, "Give the song without the part that is to be put in.")
    level = 10 ** (LEVEL_DB / 20) / float(np.sqrt(playing.mean()))
    return level, _tensor(mono * np.float32(level))


def _tensor(samples: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))


def encoded(wave: Tensor, system: Hearing) -> Tensor:
    """Latent (1, channel, place, band) of a wave (sample,) of any length, on the CPU."""
    from torch.nn import functional

    logs = long_log_mel(wave, system.mel)
    spare = max(-len(logs) % system.factor, system.least * system.factor - len(logs))
    logs = functional.pad(logs, (0, 0, 0, spare), value=log(system.mel.floor))[None]
    places = spread(logs.shape[1] // system.factor, CODEC_FRAMES // system.factor, CODEC_OVERLAP // system.factor)
    frames = places.finer(system.factor)
    return blended(
        lambda numbers: system.codec.encode(cut(logs, frames, numbers, 1).to(system.device)).cpu(),
        places, 2, CODEC_BATCH,
    )  # fmt: skip


def decoded(latent: Tensor, system: Hearing) -> Tensor:
    """Log-mel (frame, mel) of a latent (1, channel, place, band) of any length, on the CPU."""
    places = spread(latent.shape[2], CODEC_FRAMES // system.factor, CODEC_OVERLAP // system.factor)
    return blended(
        lambda numbers: system.codec.decode(cut(latent, places, numbers, 2).to(system.device)).cpu(),
        places.finer(system.factor), 1, CODEC_BATCH,
    )[0]  # fmt: skip


def fitted_to(wave: np.ndarray, rate: int, submix: Recording) -> np.ndarray:
    """A mono wave at the submix's rate and length, the same on all its channels."""
    channels, length = submix.frames.shape
    mono = resampled(wave[None], rate, submix.rate)[0][:length]
    stem = np.zeros((channels, length), dtype=np.float32)
    stem[:, : len(mono)] = mono
    return stem
