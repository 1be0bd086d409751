"""One checkpoint format for codec, vocoder and U-Net: safetensors, with kind, config and a card in the header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from audio_ext.errors import AudioError, reason
from audio_ext.latent.settings import parsed, to_json

FORMAT = "arranger-audio/1"
KINDS = ("codec", "vocoder", "unet", "stems", "separator")
MAX_BYTES = 8 << 30
"""Largest checkpoint that is read; U-Nets of the papers' size have 3.4 GB in float32."""
_REMEDY = "Give a .safetensors file made by arranger-audio train."

C = TypeVar("C")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file holds: its kind, the config as JSON has it, float32 tensors, and the card."""

    kind: str
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    card: Mapping[str, Any]
    file: str = "checkpoint"


def save_checkpoint(path: Path, kind: str, config: Any, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write beside and move; floating tensors as fp16.

    Parameters
    ----------
    config : the model's config dataclass. card : trained on, steps, seconds of audio, losses; JSON-able.

    Raises
    ------
    AudioError
        if a tensor is not finite in fp16, or the file can't be written.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is none of {KINDS}")
    halves = {name: one.detach().cpu().to(torch.float16).contiguous() for name, one in tensors.items()}
    for name, one in halves.items():
        if not torch.isfinite(one).all():
            raise AudioError(path.name, f"the tensor {name} is not finite in 16 bits")
    header = {"format": FORMAT, "kind": kind, "config": to_json(config), "card": json.dumps(dict(card))}
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(save(halves, metadata=header))
        os.replace(beside, path)
    except OSError as err:
        raise AudioError(path.name, f"it can't be written ({reason(err)})", f"in {path.parent}") from err


def read_header(path: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """(kind, config, card) without the tensors; AudioError as `load_checkpoint`."""
    try:
        with safe_open(path, framework="pt") as file:
            return _header(file.metadata() or {}, path.name)
    except (OSError, SafetensorError, ValueError, RecursionError) as err:
        raise AudioError(path.name, f"it is no readable model ({reason(err)})", None, _REMEDY) from err


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read a checkpoint of a kind, its tensors as float32.

    Raises
    ------
    AudioError
        if the file is missing, damaged, of another format or kind, or holds a number that is not finite.
    """
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise AudioError(path.name, f"{size >> 30} GiB are too much for a model", None, _REMEDY)
        with safe_open(path, framework="pt") as file:
            found, config, card = _header(file.metadata() or {}, path.name)
            if found != kind:
                raise AudioError(path.name, f"it holds a {found}, not a {kind}", None, _REMEDY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, ValueError, RecursionError) as err:
        raise AudioError(path.name, f"it is no readable model ({reason(err)})", None, _REMEDY) from err
    for name, one in tensors.items():
        if not one.is_floating_point() or not torch.isfinite(one).all():
            raise AudioError(path.name, "a tensor is damaged: not all of its numbers are finite", name, _REMEDY)
    return Checkpoint(found, config, {name: one.float() for name, one in tensors.items()}, card, path.name)


def _header(header: Mapping[str, str], name: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if header.get("format") != FORMAT:
        had = header.get("format", "none")
        raise AudioError(name, f"the model's format is {had:.40}, this version reads {FORMAT}", None, _REMEDY)
    kind = header.get("kind", "")
    if kind not in KINDS:
        raise AudioError(name, f"a model of the kind {kind!r:.40} is unknown", None, _REMEDY)
    config, card = (json.loads(header.get(key, "null")) for key in ("config", "card"))
    if not isinstance(config, dict) or not isinstance(card, dict):
        raise AudioError(name, "the model's header is damaged", None, _REMEDY)
    return kind, config, card


def config_of(checkpoint: Checkpoint, kind: type[C]) -> C:
    """The checkpoint's config as a dataclass; AudioError if it doesn't fit."""
    return parsed(checkpoint.config, kind, checkpoint.file, "config")


def fill_module(module: nn.Module, checkpoint: Checkpoint) -> None:
    """Put the tensors into a module, which must have exactly these names and shapes; AudioError if not."""
    own = {name: tuple(one.shape) for name, one in module.state_dict().items()}
    for name, one in checkpoint.tensors.items():
        if name not in own:
            raise AudioError(checkpoint.file, "the model has no such tensor", f"{name:.80}", _REMEDY)
        if tuple(one.shape) != own[name]:
            problem = f"a tensor has the shape {tuple(one.shape)} instead of {own[name]}"
            raise AudioError(checkpoint.file, problem, name, _REMEDY)
    if missing := sorted(set(own) - set(checkpoint.tensors)):
        raise AudioError(checkpoint.file, f"{len(missing)} tensors are missing", missing[0], _REMEDY)
    module.load_state_dict(dict(checkpoint.tensors))
