"""Checkpoints: safetensors with the config, the prior and a format version in the header. Numpy only, no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from arranger.diffusion.config import NetConfig, net_config
from arranger.diffusion.layout import CONTEXT_PLANES, FEATURES, TARGET_PLANES
from arranger.errors import CheckpointError, TrainingError

FORMAT_VERSION = 1
LAYOUT = f"{TARGET_PLANES},{CONTEXT_PLANES},{FEATURES}"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained denoiser.

    Parameters
    ----------
    weights : name -> array, float32 in memory whatever the file holds.
    prior : float32 (P,), density of the noise of each plane.
    info : what else is worth knowing: steps trained, losses, data.
    """

    config: NetConfig
    weights: Mapping[str, np.ndarray]
    prior: np.ndarray
    info: Mapping[str, object]


def write_checkpoint(path: Path, checkpoint: Checkpoint, half: bool = True) -> None:
    """Write beside and move; `half` stores fp16."""
    kind = np.float16 if half else np.float32
    tensors = {f"net.{name}": np.ascontiguousarray(array, dtype=kind) for name, array in checkpoint.weights.items()}
    tensors["prior"] = checkpoint.prior.astype(np.float32)
    header = {
        "format_version": str(FORMAT_VERSION),
        "layout": LAYOUT,
        "net": json.dumps(asdict(checkpoint.config)),
        "info": json.dumps(dict(checkpoint.info)),
    }
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(save(tensors, metadata=header))
    beside.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Raises
    ------
    CheckpointError
        if the file is missing, damaged, of another format version, or made for another layout of the roll.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as err:
        raise CheckpointError(
            f"{path}: not a readable model ({err}). Give a .safetensors file made by arranger train."
        ) from err
    if header.get("format_version") != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{path}: model format {header.get('format_version')}, this version reads {FORMAT_VERSION}."
        )
    if header.get("layout") != LAYOUT:
        raise CheckpointError(f"{path}: made for another piano-roll layout ({header.get('layout')}); train it again.")
    try:
        config, info = net_config(json.loads(header["net"])), json.loads(header["info"])
        prior = tensors.pop("prior")
        if prior.shape != (TARGET_PLANES,):
            raise ValueError(f"prior of shape {prior.shape}")
    except (KeyError, ValueError, TypeError, TrainingError) as err:
        raise CheckpointError(f"{path}: the model's header is damaged ({err}).") from err
    weights = {name.removeprefix("net."): array.astype(np.float32) for name, array in tensors.items()}
    return Checkpoint(config, weights, prior, info)
