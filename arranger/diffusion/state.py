"""The state of a training run on disk: weights, their average, the optimiser and the step; safetensors, no pickle."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def save_state(path: Path, net: nn.Module, ema: dict[str, Tensor], optimiser: torch.optim.Optimizer, step: int) -> None:
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()} | {f"ema.{k}": v for k, v in ema.items()}
    for name, parameter in net.named_parameters():
        for key, value in optimiser.state[parameter].items():
            tensors[f"adam.{key}.{name}"] = torch.as_tensor(value)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(tensors, f"{path}.part", metadata={"step": str(step)})
    os.replace(f"{path}.part", path)


def load_state(path: Path, net: nn.Module, ema: dict[str, Tensor], optimiser: torch.optim.Optimizer) -> int:
    tensors = load_file(path)
    net.load_state_dict({k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")})
    for name in ema:
        ema[name].copy_(tensors[f"ema.{name}"])
    for name, parameter in net.named_parameters():
        keys = [key for key in ("step", "exp_avg", "exp_avg_sq") if f"adam.{key}.{name}" in tensors]
        # Adam keeps its step count on the CPU unless fused on a GPU, where it goes with the parameter.
        optimiser.state[parameter] = {key: tensors[f"adam.{key}.{name}"].to(parameter.device) for key in keys}
    with safe_open(path, framework="pt") as file:
        return int(file.metadata()["step"])
