"""Model files: safetensors in fp16 with the net's config and the vocabulary's digest in the header. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from arranger.errors import CheckpointError, TrainingError
from arranger.evaluation.tokens.config import NetConfig, net_config
from arranger.evaluation.tokens.vocabulary import DIGEST

FORMAT_VERSION = 1
WAY_OUT = "Give a file made by python -m arranger.evaluation.tokens.train."


def write_tokens_model(
    path: Path, config: NetConfig, weights: Mapping[str, np.ndarray], info: Mapping[str, object]
) -> None:
    """Write beside and move; `info` is what else is worth knowing: steps trained, losses."""
    header = {
        "format_version": str(FORMAT_VERSION),
        "vocabulary": DIGEST,
        "net": json.dumps(asdict(config)),
        "info": json.dumps(dict(info)),
    }
    tensors = {name: np.ascontiguousarray(array, dtype=np.float16) for name, array in weights.items()}
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(save(tensors, metadata=header))
    beside.replace(path)


def read_tokens_model(path: Path) -> tuple[NetConfig, dict[str, np.ndarray], dict[str, object]]:
    """Config, weights in float32 and info.

    Raises
    ------
    CheckpointError
        if the file is missing, damaged, of another format version or made for other tokens.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as err:
        raise CheckpointError(f"{path}: not a readable token model ({err}). {WAY_OUT}") from err
    said = (header.get("format_version"), header.get("vocabulary"))
    if said != (str(FORMAT_VERSION), DIGEST):
        raise CheckpointError(f"{path}: made for another format or other tokens {said}; train it again. {WAY_OUT}")
    try:
        return net_config(json.loads(header["net"])), weights, dict(json.loads(header["info"]))
    except (KeyError, ValueError, TypeError, TrainingError) as err:
        raise CheckpointError(f"{path}: the model's header is damaged ({err}). {WAY_OUT}") from err
