"""A model of all stems at work on windows, for its evaluation: sound to latents, the three modes, latents to sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from audio_ext.errors import AudioError
from audio_ext.latent.baselines.midi_masks import masked
from audio_ext.latent.extract import Vocoder, sounding
from audio_ext.latent.insert import Codec
from audio_ext.latent.mel import MelConfig, log_mel
from audio_ext.latent.windows import STEMS, Facts, Window

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 4
"""Windows that codec and model get at once."""
LOUDEST = 4.0
"""12 dB over full scale; a model that is not trained may give numbers without bounds."""


class StemModel(Protocol):
    """What is judged: latents (batch, stem, z, place, band) of stems in the order of STEMS; `msg.StemModel` is one."""

    def separate(self, mixture: Tensor, steps: int = 20, weight: float | None = None, seed: int = 0) -> Tensor:
        """Latents of the stems of mixtures (batch, z, place, band)."""
        ...

    def complete(self, known: Tensor, given: Sequence[bool], steps: int = 20, seed: int = 0) -> Tensor:
        """Latents of all stems, those that are given as `known` has them."""
        ...

    def generate(self, frames: int, steps: int = 20, seed: int = 0, *, batch: int = 1) -> Tensor:
        """Latents of stems that go together, of so many places."""
        ...


class StemSystem(Protocol):
    """A model with what makes sound of its latents; `msg_sound.StemSystem` is one."""

    @property
    def codec(self) -> Codec: ...
    @property
    def model(self) -> StemModel: ...
    @property
    def vocoder(self) -> Vocoder: ...
    @property
    def mel(self) -> MelConfig: ...
    @property
    def factor(self) -> int: ...
    @property
    def device(self) -> str: ...


@dataclass(frozen=True, eq=False)
class StemCases:
    """Windows in a row: stems float32 (window, 4, sample) at 16 kHz, and what is known of them."""

    stems: np.ndarray
    facts: tuple[Facts, ...]

    @property
    def mixes(self) -> np.ndarray:
        """float32 (window, sample)."""
        return np.asarray(self.stems.sum(axis=1, dtype=np.float32))

    @property
    def songs(self) -> tuple[str, ...]:
        return tuple(one.song for one in self.facts)

    def __len__(self) -> int:
        return len(self.facts)

    def first(self, count: int) -> StemCases:
        return StemCases(self.stems[:count], self.facts[:count])


def choose_stem_cases(windows: Sequence[Window], count: int, samples: int, seed: int) -> StemCases:
    """Up to `count` windows in which all four stems play, by chance, cut to `samples`.

    Raises
    ------
    AudioError
        if there are less than four.
    """
    found = []
    for at in np.random.default_rng(seed).permutation(len(windows)):
        window = windows[int(at)]
        cut = Window(window.stems[:, :samples], window.facts)
        if cut.stems.shape[1] == samples and len(cut.heard) == len(STEMS):
            found.append(cut)
        if len(found) == count:
            break
    if len(found) < 4:
        problem = f"there are {len(found)} windows in which all four stems play; four are the least"
        raise AudioError("", problem, None, "Make more windows: python -m datasets.stems.rendered.")
    return StemCases(np.stack([one.stems for one in found]), tuple(one.facts for one in found))


def mels_of_stems(stems: np.ndarray, config: MelConfig) -> np.ndarray:
    """Log-mels (window, stem, frame, mel) of stems (window, stem, sample)."""
    return np.stack([log_mel(torch.from_numpy(np.ascontiguousarray(one)), config).numpy() for one in stems])


class StemBench:
    """A system at work on cases. `tell` : called with words of what goes on."""

    def __init__(self, system: StemSystem, steps: int, seed: int, tell: Callable[[str], None] | None = None):
        self.system, self._steps, self._seed, self._tell = system, steps, seed, tell or (lambda words: None)

    def encoded(self, waves: np.ndarray) -> Tensor:
        """Latents (wave, z, place, band) of waves (wave, sample)."""
        tensor = torch.from_numpy(np.ascontiguousarray(waves, dtype=np.float32))
        made = []
        for at in range(0, len(tensor), BATCH):
            logs = log_mel(tensor[at : at + BATCH], self.system.mel)
            logs = logs[:, : logs.shape[1] // self.system.factor * self.system.factor]
            made.append(self.system.codec.encode(logs.to(self.system.device)))
        return torch.cat(made)

    def decoded(self, latents: Tensor) -> np.ndarray:
        """Log-mels (window, stem, frame, mel) of latents (window, stem, z, place, band)."""
        flat = latents.flatten(0, 1)
        logs = torch.cat([self.system.codec.decode(flat[at : at + BATCH]).cpu() for at in range(0, len(flat), BATCH)])
        return np.nan_to_num(logs.unflatten(0, latents.shape[:2]).numpy(), posinf=0.0, neginf=-20.0)

    def round_trip(self, stems: np.ndarray) -> np.ndarray:
        """Log-mels of the true stems there and back: what the codec alone loses."""
        return self.decoded(torch.stack([self.encoded(one) for one in stems]))

    def separated(self, mixes: np.ndarray) -> np.ndarray:
        """Log-mels (window, 4, frame, mel) of what the model hears in mixes (window, sample)."""
        made = []
        for at in range(0, len(mixes), BATCH):
            latents = self.encoded(mixes[at : at + BATCH])
            made.append(self.system.model.separate(latents, self._steps, None, self._seed + at).cpu())
            self._tell(f"{min(at + BATCH, len(mixes))} of {len(mixes)} windows separated")
        return self.decoded(torch.cat(made).to(self.system.device))

    def shared_out(self, mixes: np.ndarray, logs: np.ndarray) -> np.ndarray:
        """The mixtures' own sound through masks of log-mels: what `separate` writes, float32 (window, 4, sample)."""
        shares = torch.softmax(2 * torch.from_numpy(logs), dim=1).numpy()
        return np.stack([masked(mix, one) for mix, one in zip(mixes, shares, strict=True)])

    def completed(self, stems: np.ndarray, asked: Sequence[str]) -> np.ndarray:
        """Stems (window, 4, sample), the asked ones made to go with the others, whose waves are pasted back."""
        given = [name not in asked for name in STEMS]
        out = stems.copy()
        for at in range(0, len(stems), BATCH):
            some = stems[at : at + BATCH]
            known = torch.stack([self.encoded(one * np.array(given)[:, None]) for one in some])
            made = self.system.model.complete(known, given, self._steps, self._seed + at)
            columns = [STEMS.index(name) for name in asked]
            out[at : at + BATCH][:, columns] = self.sounding(self.decoded(made[:, columns]), stems.shape[2])
        self._tell(f"{', '.join(asked)} made for {len(stems)} windows")
        return out

    def generated(self, count: int, samples: int) -> np.ndarray:
        """Stems of nothing, float32 (count, 4, samples)."""
        places = samples // self.system.mel.hop // self.system.factor
        made = []
        for at in range(0, count, BATCH):
            size = min(BATCH, count - at)
            latents = self.system.model.generate(places, self._steps, self._seed + at, batch=size)
            made.append(self.sounding(self.decoded(latents), samples))
            self._tell(f"{at + size} of {count} windows made")
        return np.concatenate(made)

    def sounding(self, logs: np.ndarray, samples: int) -> np.ndarray:
        """Waves (window, stem, samples) of log-mels (window, stem, frame, mel), by the vocoder."""
        out = np.zeros((*logs.shape[:2], samples), np.float32)
        for window, stem in np.ndindex(*logs.shape[:2]):
            power = torch.from_numpy(np.exp(2 * logs[window, stem]))
            wave = sounding(power, self.system.vocoder, self.system.mel).numpy()[:samples]
            out[window, stem, : len(wave)] = np.clip(np.nan_to_num(wave, posinf=0.0, neginf=0.0), -LOUDEST, LOUDEST)
        return out
