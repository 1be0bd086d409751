"""Everything that fixes a net and a training run; one JSON of it stands in the checkpoint's header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from arranger.errors import TrainingError


@dataclass(frozen=True, slots=True)
class NetConfig:
    """A denoiser.

    `kind`: `beat` (step-shared encoder and decoder round a transformer over beats), `flat` (one linear map in and
    out of each beat), `unet` (the reference: convolutions over time and pitch).
    """

    kind: str = "beat"
    width: int = 320
    blocks: int = 6
    heads: int = 8
    step_width: int = 192
    window: int = 64
    channels: int = 24
    """First width of the U-Net; the others ignore it."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run; `seed` fixes the order of windows, masks and noise."""

    net: NetConfig = field(default_factory=NetConfig)
    batch: int = 16
    steps: int = 10_000
    learning_rate: float = 8e-4
    warmup: int = 300
    decay_share: float = 0.3
    weight_decay: float = 0.02
    ema: float = 0.999
    seed: int = 0
    transpose: float = 0.1
    """Share of windows moved to a random key instead of C."""
    full_noise: float = 0.2
    """Share of windows at noise level 1, where the sampler begins."""
    sustain_weight: float = 0.3
    precision: str = "float32"
    threads: int = 0
    log_every: int = 100
    validate_every: int = 1_000
    save_every: int = 500


def to_json(config: TrainConfig | NetConfig) -> str:
    return json.dumps(asdict(config), sort_keys=True)


def train_config(values: Mapping[str, Any]) -> TrainConfig:
    """TrainConfig from a JSON object; an unknown key is a TrainingError that lists the known ones."""
    values = dict(values)
    net = net_config(values.pop("net", {}))
    return TrainConfig(net=net, **_checked(values, TrainConfig))


def net_config(values: Mapping[str, Any]) -> NetConfig:
    """NetConfig from a JSON object; an unknown key is a TrainingError that lists the known ones."""
    return NetConfig(**_checked(values, NetConfig))


def _checked(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise TrainingError(f"The config has unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    return dict(values)
