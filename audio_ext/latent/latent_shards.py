"""Reading of latent shards (see `latents`) and the batches that training draws from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from audio_ext.errors import AudioError, reason
from audio_ext.latent.condition import Condition
from audio_ext.latent.text import TextEncoder
from audio_ext.latent.windows import STEMS

FORMAT = "arranger-latents/1"
DRUMS_SHARE = 0.5
_NAMES = ("latents", "rows", "examples", "tokens", "ends")


class TextTable:
    """Sentences by number; 0 is the empty one."""

    def __init__(self) -> None:
        self.sentences = [""]
        self._number = {"": 0}

    def add(self, sentence: str) -> int:
        """The sentence's number, a new one if need be."""
        if sentence not in self._number:
            self._number[sentence] = len(self.sentences)
            self.sentences.append(sentence)
        return self._number[sentence]

    def encoded(self, text: TextEncoder) -> tuple[Tensor, Tensor]:
        """States of all sentences one after another, fp16 (word, width), and where each ends, int32 (sentence,)."""
        states, mask = text.encode(self.sentences)
        return states[mask].to(torch.float16), mask.sum(dim=1).cumsum(0).to(torch.int32)


@dataclass(frozen=True, eq=False)
class Example:
    """A batch: clean latents float32 (batch, channel, frame, band), and what the net is told of them."""

    x0: Tensor
    condition: Condition


class Latents:
    """All shards of a folder, in memory (3,000 windows: 0.4 GB as fp16).

    Raises
    ------
    AudioError
        if there are none, one is damaged, or they come from different codecs.
    """

    def __init__(self, folder: Path):
        paths = sorted(folder.glob("latents-*.safetensors"))
        if not paths:
            remedy = "Make some with: python -m audio_ext.latent.latents WINDOWS CODEC OUT"
            raise AudioError(folder.name, "there are no latents in it", None, remedy)
        parts = [_read(path) for path in paths]
        if len(codecs := {one["codec"] for one, _ in parts}) > 1:
            raise AudioError(folder.name, "its latents come from different codecs", None, "Make them again.")
        self.codec = codecs.pop()
        first_row, first_text, first_word = 0, 0, 0
        rows, examples, ends = [], [], []
        for _, tensors in parts:
            rows.append(tensors["rows"] + torch.tensor([0, 0, first_text]))
            examples.append(tensors["examples"] + torch.tensor([first_row, first_row, 0, first_text]))
            ends.append(tensors["ends"].long() + first_word)
            first_row, first_text = first_row + len(tensors["rows"]), first_text + len(tensors["ends"])
            first_word += len(tensors["tokens"])
        self.latents = torch.cat([tensors["latents"] for _, tensors in parts])
        self.tokens = torch.cat([tensors["tokens"] for _, tensors in parts])
        self.rows, self.examples = torch.cat(rows).numpy(), torch.cat(examples).numpy()
        self.ends = torch.cat(ends).numpy()
        drums = self.examples[:, 2] == STEMS.index("drums")
        shares = np.where(drums, DRUMS_SHARE / max(1, drums.sum()), (1 - DRUMS_SHARE) / max(1, (~drums).sum()))
        self._chances = shares / shares.sum()

    def __len__(self) -> int:
        """Examples there are."""
        return len(self.examples)

    def text(self, number: int) -> Tensor:
        """States of a text, fp16 (word, width)."""
        return self.tokens[self.ends[number - 1] if number else 0 : self.ends[number]]

    @property
    def null(self) -> Condition:
        """The empty text, a batch of one, without a submix."""
        states = self.text(0).float()[None]
        return Condition(states, torch.ones(states.shape[:2], dtype=torch.bool))

    def insertion(self, numbers: np.ndarray, starts: np.ndarray, frames: int) -> Example:
        """Examples by number: mixes, with submixes and instructions; `frames` of each from `starts`."""
        chosen = self.examples[numbers]
        condition = self._texts(chosen[:, 3])
        submix = self._crops(chosen[:, 1], starts, frames)
        return Example(self._crops(chosen[:, 0], starts, frames), Condition(condition.tokens, condition.mask, submix))

    def captioned(self, numbers: np.ndarray, starts: np.ndarray, frames: int) -> Example:
        """Rows by number, whatever stems they are the sum of, with their captions."""
        return Example(self._crops(numbers, starts, frames), self._texts(self.rows[numbers, 2]))

    def batch(self, conditional: bool, size: int, frames: int, rng: np.random.Generator) -> Example:
        """A random batch: of insertions, half of them drums, or of captioned sums of stems."""
        starts = rng.integers(self.latents.shape[2] - frames + 1, size=size)
        if conditional:
            return self.insertion(rng.choice(len(self), size, p=self._chances), starts, frames)
        return self.captioned(rng.integers(len(self.rows), size=size), starts, frames)

    def _crops(self, rows: np.ndarray, starts: np.ndarray, frames: int) -> Tensor:
        pairs = zip(rows, starts, strict=True)
        return torch.stack([self.latents[int(row), :, at : at + frames] for row, at in pairs]).float()

    def _texts(self, numbers: np.ndarray) -> Condition:
        states = [self.text(int(number)).float() for number in numbers]
        tokens = torch.nn.utils.rnn.pad_sequence(states, batch_first=True)
        lengths = torch.tensor([len(one) for one in states])
        return Condition(tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None])


def codec_of(path: Path) -> str:
    """Fingerprint of the codec that a shard comes from; AudioError if it is no shard."""
    try:
        with safe_open(path, framework="pt") as file:
            return str((file.metadata() or {}).get("codec", ""))
    except (OSError, SafetensorError) as err:
        problem = f"it is no readable shard of latents ({reason(err)})"
        raise AudioError(path.name, problem, f"in {path.parent}", "Make the latents again.") from err


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a shard, checked as far as indices go."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r:.40}, not {FORMAT}")
            tensors = {name: file.get_tensor(name) for name in _NAMES}
        latents, rows, examples, tokens, ends = (tensors[name] for name in _NAMES)
        fine = latents.ndim == 4 and rows.shape == (len(latents), 3) and examples.ndim == 2 and examples.shape[1] == 4
        if not (fine and tokens.ndim == 2 and ends.ndim == 1 and len(examples) and len(ends)):
            raise ValueError("its tensors have other shapes")
        limits = torch.tensor([len(latents), len(latents), len(STEMS), len(ends)])
        if (examples < 0).any() or (examples >= limits).any() or (rows < 0).any():
            raise ValueError("its examples point outside")
        if (rows[:, 2] >= len(ends)).any() or (ends.diff() < 1).any() or ends[0] < 1 or int(ends[-1]) != len(tokens):
            raise ValueError("its texts point outside")
    except (OSError, SafetensorError, ValueError) as err:
        problem = f"it is no readable shard of latents ({reason(err)})"
        raise AudioError(path.name, problem, f"in {path.parent}", "Make the latents again.") from err
    return {"codec": "", **header}, tensors
