"""What every training loop of the latent models shares: learning rate, averaged weights, a run's folder and state."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from audio_ext.errors import AudioError, reason
from audio_ext.latent.settings import to_json

FREE = frozenset({"steps", "log_every", "validate_every", "save_every", "threads"})
"""What a run may change when it goes on: its length and how it reports."""


class Schedule(Protocol):
    """What of a training config fixes the learning rate."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def steps(self) -> int: ...


def learning_rate(step: int, config: Schedule) -> float:
    """Linear warm-up over `warmup` steps, then half a cosine down to zero at `steps` (Loshchilov and Hutter 2017)."""
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    done = min(1.0, max(0, step - config.warmup) / max(1, config.steps - config.warmup))
    return config.learning_rate * rise * 0.5 * (1.0 + math.cos(math.pi * done))


class Ema:
    """Running average of a module's parameters; starts fast, so that random weights are soon forgotten.

    Parameters
    ----------
    decay : share of the old average kept at each step, once `(step + 1) / (step + 10)` has reached it.
    """

    def __init__(self, module: nn.Module, decay: float = 0.999):
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the module's weights after step `step` (from 0)."""
        rate = min(self.decay, (step + 1) / (step + 10))
        for name, value in module.named_parameters():
            self.weights[name].lerp_(value.detach(), 1.0 - rate)

    def copy_to(self, module: nn.Module) -> None:
        """Put the averages into a module of the same shape."""
        module.load_state_dict(self.weights, strict=False)


class RunFolder:
    """A training run on disk: `config.json`, `log.jsonl`, `state.safetensors`; a killed run goes on from the last.

    Raises
    ------
    AudioError
        if the folder holds a run with another config (its length and its reports may differ), or can't be written.
    """

    def __init__(self, path: Path, config: Any):
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._keep(path / "config.json", to_json(config))
        except (OSError, ValueError) as err:
            raise AudioError(path.name, f"the run can't be kept there ({reason(err)})") from err

    def _keep(self, file: Path, text: str) -> None:
        new = json.loads(text)
        if file.exists():
            old = json.loads(file.read_text(encoding="utf-8"))
            if changed := sorted(k for k in {*old, *new} - FREE if old.get(k) != new.get(k)):
                problem = f"the run was begun with another {', '.join(changed)}"
                raise AudioError(self.path.name, problem, None, "Use a new folder.")
        file.write_text(text + "\n", encoding="utf-8")

    def log(self, **entry: Any) -> None:
        """Append a line to `log.jsonl` and show it on stderr; AudioError where a number is not finite."""
        rounded = {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in entry.items()}
        line = json.dumps(rounded)
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        sys.stderr.write(line + "\n")
        if wrong := [key for key, value in rounded.items() if isinstance(value, float) and not math.isfinite(value)]:
            problem = f"{', '.join(wrong)} is no longer finite"
            raise AudioError(
                self.path.name, problem, str(entry.get("step", "")), "Lower learning_rate and start again."
            )

    @property
    def state(self) -> Path:
        return self.path / "state.safetensors"

    def save(self, step: int, net: nn.Module, ema: Ema, optimiser: torch.optim.Optimizer) -> None:
        """Keep what the run needs to go on after `step` steps, in one move."""
        tensors = {f"net.{k}": v for k, v in net.state_dict().items()} | {f"ema.{k}": v for k, v in ema.weights.items()}
        for name, parameter in net.named_parameters():
            for key, value in optimiser.state.get(parameter, {}).items():
                tensors[f"adam.{key}.{name}"] = torch.as_tensor(value)
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        beside = self.path / "state.part"
        save_file(tensors, beside, metadata={"step": str(step)})
        os.replace(beside, self.state)

    def resume(self, net: nn.Module, ema: Ema, optimiser: torch.optim.Optimizer) -> int:
        """Put the kept state into net, average and optimiser; steps done, 0 for a new run. AudioError if damaged."""
        if not self.state.exists():
            return 0
        try:
            tensors = load_file(self.state)
            with safe_open(self.state, framework="pt") as file:
                step = int(file.metadata()["step"])
            net.load_state_dict({k[4:]: v for k, v in tensors.items() if k.startswith("net.")})
            for name, value in ema.weights.items():
                value.copy_(tensors[f"ema.{name}"])
            for name, parameter in net.named_parameters():
                optimiser.state[parameter] = _adam(tensors, name, parameter)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as err:
            problem = f"the run's state can't be read ({reason(err)})"
            raise AudioError(self.state.name, problem, None, "Delete it to begin anew.") from err
        return step


def _adam(tensors: dict[str, Tensor], name: str, parameter: nn.Parameter) -> dict[str, Tensor]:
    keys = [key for key in ("step", "exp_avg", "exp_avg_sq") if f"adam.{key}.{name}" in tensors]
    # Adam counts its steps on the CPU; the averages lie with the parameter.
    return {k: tensors[f"adam.{k}.{name}"].to("cpu" if k == "step" else parameter.device) for k in keys}


def step_with(optimiser: torch.optim.Optimizer, net: nn.Module, loss: Tensor, rate: float, clip: float = 1.0) -> None:
    """One optimiser step at a learning rate, the gradient's norm held to `clip`."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), clip)
    optimiser.step()


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """The module's state, detached and on the CPU."""
    return {name: value.detach().cpu() for name, value in module.state_dict().items()}
