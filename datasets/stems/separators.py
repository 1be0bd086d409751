"""Demucs as separator, with weights from a local file.

Demucs's own weight files (`.th`) are Python pickles, which may run any code when they are opened, so they are not read
here. Who has one and trusts it converts it once, with demucs's own loader::

    from demucs.states import load_model            # pip install demucs
    from datasets.stems.separators import save_demucs
    save_demucs(load_model("955717e8-8726e21a.th"), "htdemucs.safetensors")

The file that this writes is safetensors: tensors, and in the header the class and its arguments as JSON.

Reference: A. Défossez. Hybrid Spectrogram and Waveform Source Separation. MDX workshop 2021 (demucs: MIT licence).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from audio_ext.errors import AudioError, reason
from audio_ext.recordings import stereo

FORMAT = "arranger-demucs/1"
CLASSES = {"HDemucs": "demucs.hdemucs", "HTDemucs": "demucs.htdemucs"}
MAX_SOURCES = 8
MAX_BYTES = 2_000_000_000
SILENT = 1e-8


class Demucs:
    """A separator; see `load_demucs`."""

    def __init__(self, model: Any):
        self._model = model.eval()
        self.rate = int(model.samplerate)
        self.sources = tuple(str(name) for name in model.sources)

    def separate(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
        """Stems, float32 (channel, sample) each, of a mix (channel, sample) at `rate`; long ones piece by piece."""
        import torch
        from demucs.apply import apply_model

        wave = torch.from_numpy(np.ascontiguousarray(_channels(frames, self._model.audio_channels)))
        # As demucs's own command does: the net has seen mixes of mean 0 and variance 1.
        reference = wave.mean(0)
        mean, scale = reference.mean(), reference.std()
        if not scale > SILENT:
            return {name: np.zeros_like(wave.numpy()) for name in self.sources}
        with torch.inference_mode():
            found = apply_model(self._model, ((wave - mean) / scale)[None], shifts=0, split=True, overlap=0.25)[0]
        return {name: (found[at] * scale + mean).numpy() for at, name in enumerate(self.sources)}


def _channels(frames: np.ndarray, count: int) -> np.ndarray:
    return frames.mean(axis=0, keepdims=True, dtype=np.float32) if count == 1 else stereo(frames)


def save_demucs(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model of demucs's classes as safetensors; ValueError for any other class."""
    from safetensors.torch import save_file

    kind = type(model).__name__
    if kind not in CLASSES:
        raise ValueError(f"{kind} is none of {', '.join(CLASSES)}")
    args, kwargs = model._init_args_kwargs  # what demucs itself keeps for its own files
    if len(args) > 1:
        raise ValueError("its arguments after the sources must have names")
    given = {
        "sources": list(args[0] if args else kwargs["sources"]),
        **{k: v for k, v in kwargs.items() if k != "sources"},
    }
    config = json.dumps(given, default=str)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, str(path), {"format": FORMAT, "class": kind, "config": config})


def load_demucs(path: str | os.PathLike[str]) -> Demucs:
    """A separator from a file of `save_demucs`.

    Raises
    ------
    AudioError
        if the file is another, its tensors don't fit its class, or demucs is missing.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    remedy = "Demucs's own files are converted once: see the top of datasets/stems/separators.py."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AudioError(path.name, f"it is larger than {MAX_BYTES // 10**9} GB", None, remedy)
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT or metadata.get("class") not in CLASSES:
                raise AudioError(path.name, "these are no weights of demucs as this project keeps them", None, remedy)
            config = json.loads(metadata["config"])
            if not isinstance(config, dict) or not 1 <= len(config.get("sources", ())) <= MAX_SOURCES:
                raise ValueError("it names no sources")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        # Built without memory, so that a file can't ask for more than it brings.
        with torch.device("meta"):
            model = _class(metadata["class"])(**config)
        model.load_state_dict(tensors, assign=True)
    except OSError as err:
        raise AudioError(path.name, f"it can't be read ({reason(err)})", f"in {path.parent}", remedy) from err
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, AssertionError) as err:
        problem = f"its weights can't be used ({reason(err).splitlines()[0]})"
        raise AudioError(path.name, problem, None, remedy) from err
    return Demucs(model)


def _class(kind: str) -> Any:
    try:
        return getattr(import_module(CLASSES[kind]), kind)
    except ImportError as err:
        problem = f"the package {err.name or 'demucs'} is missing"
        raise AudioError("", problem, None, "Install it with: pip install --no-deps demucs julius einops") from err
