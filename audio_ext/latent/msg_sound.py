"""MSG-LD with sound: recordings of any rate and channels to stems, stems from nothing, stems to go with given ones.

Separated stems are the mixture's own sound through filters that change with time: at each place of time and frequency
each stem gets its share of the power that the model hears in all four (a Wiener-like ratio mask, Liutkus and Badeau
2015, with exponent 2). So phases are the mixture's, rate and channels too, and the stems sum to the mixture. What a
vocoder makes of the model's own log-mels, as the paper has it, is a choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from arranger.errors import FillRequestError
from audio_ext.errors import AudioError
from audio_ext.latent.extract import Vocoder, filtered, sounding
from audio_ext.latent.insert import Codec, decoded, encoded, fitted_to, heard
from audio_ext.latent.windows import STEMS
from audio_ext.recordings import Recording

if TYPE_CHECKING:
    from torch import Tensor

    from audio_ext.latent.mel import MelConfig
    from audio_ext.latent.msg import StemModel

MAX_SECONDS = 10 * 60
"""Of a recording: four stems of it are in memory at once."""
SHORTEST, LONGEST = 1.0, 180.0
"""Seconds that can be generated."""
MAX_STEPS = 1000

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class StemSystem:
    """A stem model with what makes sound of its latents; `msg_system.open_stem_system` makes it of files.

    Parameters
    ----------
    factor : frames a place of a latent. least : places that the model needs; less is filled up with silence.
    """

    codec: Codec
    model: StemModel
    vocoder: Vocoder
    mel: MelConfig
    factor: int
    least: int = 1
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model samples. `weight` : guidance of separation; None for the model's own (the paper's is 2)."""

    steps: int = 20
    seed: int = 0
    weight: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise FillRequestError(f"{self.steps} steps are out of range; 20 are usual, {MAX_STEPS} the most.")
        if self.weight is not None and not 0 <= self.weight <= 100:
            raise FillRequestError(f"A weight of {self.weight:g} is out of range; 1 to 3 make sense.")
        if not 0 <= self.seed < 1 << 63:
            raise FillRequestError("A seed is a whole number from 0.")


def shares(logs: Tensor) -> Tensor:
    """Each stem's share of the power of all, (stem, frame, mel), by their log-mels (amplitude, natural logarithm)."""
    import torch

    return torch.softmax(2 * logs, dim=0)


def separate(
    mix: Recording, system: StemSystem, sampling: Sampling, *, vocoded: bool = False, tell: Progress | None = None
) -> np.ndarray:
    """The stems of a mixture, float32 (stem, channel, sample) in the order of STEMS.

    Parameters
    ----------
    vocoded : what a vocoder makes of the model's log-mels, mono on all channels; else shares of the mixture's own
        sound, which sum to the mixture. tell : called with the share that is done, 0 to 1.

    Raises
    ------
    AudioError
        if the mixture is silent, too short or too long.
    """
    import torch

    told = tell or (lambda share: None)
    _check_length(mix)
    level, mono = heard(mix, system.mel.rate)
    latent = encoded(mono, system).to(system.device)
    told(0.1)
    model = system.model
    made = model.separate(
        latent, sampling.steps, sampling.weight, sampling.seed, tell=lambda share: told(0.1 + 0.6 * share)
    )
    logs = torch.stack([decoded(made[:, at], system)[: len(mono) // system.mel.hop] for at in range(len(STEMS))])
    told(0.75)
    stems = np.zeros((len(STEMS), *mix.frames.shape), np.float32)
    if vocoded:
        for at, one in enumerate(logs):
            stems[at] = fitted_to(_sound(one, system) / np.float32(level), system.mel.rate, mix)
            told(0.75 + 0.25 * (at + 1) / len(STEMS))
        return stems
    masks = shares(logs).numpy()
    for at in range(len(STEMS) - 1):
        stems[at] = filtered(mix.frames, mix.rate, masks[at], system.mel)
        told(0.75 + 0.25 * (at + 1) / (len(STEMS) - 1))
    # The last one's share is what the others leave, and so is its sound: the filters add up to a delay of nothing.
    stems[-1] = mix.frames - stems[:-1].sum(axis=0)
    return stems


def generate(seconds: float, system: StemSystem, sampling: Sampling, *, tell: Progress | None = None) -> np.ndarray:
    """Stems that go together, made of nothing: float32 (stem, 1, sample) at the rate of the mel.

    Raises
    ------
    FillRequestError
        for a length out of range.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise FillRequestError(f"{seconds:g} seconds are out of range; {SHORTEST:g} to {LONGEST:g} can be made.")
    told = tell or (lambda share: None)
    hop, samples = system.mel.hop, round(seconds * system.mel.rate)
    frames = -(-samples // hop)
    places = max(system.least, -(-frames // system.factor))
    made = system.model.generate(places, sampling.steps, sampling.seed, tell=lambda share: told(0.8 * share))
    stems = np.zeros((len(STEMS), 1, samples), np.float32)
    for at in range(len(STEMS)):
        stems[at, 0] = _sound(decoded(made[:, at], system)[:frames], system)[:samples]
        told(0.8 + 0.2 * (at + 1) / len(STEMS))
    return stems


def complete(
    submix: Recording,
    given: Mapping[str, np.ndarray] | None,
    asked: Sequence[str],
    system: StemSystem,
    sampling: Sampling,
    *,
    tell: Progress | None = None,
) -> dict[str, np.ndarray]:
    """The asked stems, float32 (channel, sample) like the submix, made to go with it; the submix itself stays as it is.

    Parameters
    ----------
    submix : sum of what is there. given : its stems by name, like the submix; those neither given nor asked rest. None
        where only their sum is known: the model separates that first, and goes by what it finds.

    Raises
    ------
    FillRequestError
        if nothing is asked, or what is given already, or what the model doesn't know.
    AudioError
        if the submix is silent, too short or too long.
    """
    import torch

    check_asked(asked, given)
    told = tell or (lambda share: None)
    _check_length(submix)
    level, mono = heard(submix, system.mel.rate)
    model = system.model
    if given is None:
        latent = encoded(mono, system).to(system.device)
        known = model.separate(
            latent, sampling.steps, sampling.weight, sampling.seed, tell=lambda share: told(0.4 * share)
        )
    else:
        known = torch.stack([_stem_latent(given.get(name), submix, level, system) for name in STEMS], dim=1)
    told(0.4)
    made = model.complete(
        known.to(system.device),
        [name not in asked for name in STEMS],
        sampling.steps,
        sampling.seed,
        tell=lambda share: told(0.4 + 0.4 * share),
    )
    stems = {}
    for done, name in enumerate(asked, 1):
        logs = decoded(made[:, STEMS.index(name)], system)[: len(mono) // system.mel.hop]
        stems[name] = fitted_to(_sound(logs, system) / np.float32(level), system.mel.rate, submix)
        told(0.8 + 0.2 * done / len(asked))
    return stems


def check_asked(asked: Sequence[str], given: Mapping[str, object] | None) -> None:
    """FillRequestError if nothing is asked, or what is given already, or what the model doesn't know."""
    if not asked or set(asked) - set(STEMS):
        told = "+".join(asked) or "nothing"
        raise FillRequestError(f"“{told}” can't be put in; {', '.join(STEMS)} can, several as drums+bass.")
    if given is not None and (there := [name for name in asked if name in given]):
        raise FillRequestError(f"There is {', '.join(there)} already. Take the file out of the folder to have it made.")
    if set(asked) >= set(STEMS):
        raise FillRequestError("At least one stem must be there; `arranger-audio generate` makes all of them.")


def _stem_latent(frames: np.ndarray | None, submix: Recording, level: float, system: StemSystem) -> Tensor:
    """Latent (1, z, place, band) of a stem at the submix's level; of silence where there is none."""
    import torch

    from audio_ext.recordings import resampled

    if frames is None:
        frames = np.zeros_like(submix.frames[:1])
    mono = resampled(frames.mean(axis=0, dtype=np.float32)[None], submix.rate, system.mel.rate)[0]
    return encoded(torch.from_numpy(np.ascontiguousarray(mono * np.float32(level))), system)


def _sound(logs: Tensor, system: StemSystem) -> np.ndarray:
    """Sound of a log-mel (frame, mel), float32 (frame * hop,)."""
    return np.asarray(sounding((2 * logs).exp(), system.vocoder, system.mel).numpy())


def _check_length(recording: Recording) -> None:
    if recording.seconds > MAX_SECONDS:
        problem = f"it lasts {recording.seconds / 60:.1f} minutes; at most {MAX_SECONDS // 60} are taken at once"
        raise AudioError(recording.name, problem, None, "Cut it to the song.")
