"""Everything that fixes a token model and its training; the net's part stands in the model file's header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from arranger.errors import TrainingError


@dataclass(frozen=True, slots=True)
class NetConfig:
    """A decoder-only transformer: `blocks` of `width` channels with `heads` of attention."""

    width: int = 320
    blocks: int = 6
    heads: int = 8


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run; `seed` fixes the order of windows and masks.

    max_tokens : longest sequence; denser windows lose inner notes of the context.
    sequences : of one step, each run by itself, so that nothing is padded.
    transpose : share of windows moved to a random key instead of C.
    context_weight : of the loss of given tokens, where that of the open bars is 1.
    """

    net: NetConfig = field(default_factory=NetConfig)
    max_tokens: int = 1024
    sequences: int = 2
    steps: int = 6_000
    learning_rate: float = 8e-4
    warmup: int = 200
    decay_share: float = 0.5
    weight_decay: float = 0.02
    ema: float = 0.999
    seed: int = 0
    transpose: float = 0.1
    context_weight: float = 0.3
    threads: int = 1
    log_every: int = 50
    validate_every: int = 500
    save_every: int = 100


FREE = ("steps", "decay_share", "threads", "log_every", "validate_every", "save_every")
"""What may change while a run goes on: its length and reporting."""


def to_json(config: TrainConfig | NetConfig) -> str:
    return json.dumps(asdict(config), sort_keys=True)


def train_config(values: Mapping[str, Any]) -> TrainConfig:
    """TrainConfig from a JSON object; an unknown key is a TrainingError that lists the known ones."""
    values = dict(values)
    net = net_config(values.pop("net", {}))
    return TrainConfig(net=net, **_checked(values, TrainConfig))


def net_config(values: Mapping[str, Any]) -> NetConfig:
    """NetConfig from a JSON object; TrainingError as above, or for sizes that make no net or a huge one."""
    net = NetConfig(**_checked(values, NetConfig))
    sizes = (net.width, net.blocks, net.heads)
    if not all(isinstance(size, int) and 0 < size <= 4096 for size in sizes) or net.width % (2 * net.heads):
        raise TrainingError(
            f"No net has {sizes} as width, blocks and heads; the width is a multiple of twice the heads."
        )
    return net


def _checked(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise TrainingError(f"The config has unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    return dict(values)
