"""The loop that trains a denoiser: steps, averaged weights, log, state; resumable, on one device or under torchrun."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from audio_ext.latent.optimise import Ema, RunFolder, learning_rate, step_with

LossAt = Callable[[nn.Module, int], Tensor]
"""(net, or its DDP wrapper, step) -> loss of that step's batch, which hangs on config, step and rank alone."""
Checked = Callable[[int], Mapping[str, float]]
"""Told the step when the average is up to date: measures it, writes the checkpoint, gives the figures for the log."""


class LoopConfig(Protocol):
    """What of a training config the loop needs."""

    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def ema(self) -> float: ...
    @property
    def log_every(self) -> int: ...
    @property
    def validate_every(self) -> int: ...
    @property
    def save_every(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process computes: its number, how many there are, its device."""

    rank: int
    world: int
    device: torch.device


@contextmanager
def process_group() -> Iterator[Place]:
    """This process's place, as torchrun's environment has it; alone without one."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if on_gpu else torch.device("cpu")
    ours = world > 1 and not torch.distributed.is_initialized()
    if ours:
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
    yield Place(rank, world, device)
    if world > 1:
        torch.distributed.barrier()
        if ours:
            torch.distributed.destroy_process_group()


def adamw(net: nn.Module, rate: float, decay: float) -> torch.optim.AdamW:
    """AdamW that leaves biases and norms undecayed."""
    groups: list[dict[str, Any]] = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def run_loop(
    config: LoopConfig,
    run: Path,
    net: nn.Module,
    averaged: nn.Module,
    place: Place,
    told: Mapping[str, Any],
    loss_at: LossAt,
    checked: Checked,
) -> None:
    """Train to `config.steps`, going on from `run` where it has a state.

    Parameters
    ----------
    net, averaged : of one shape, on the place's device; `averaged` gets the averages before `checked` is called.
    told : what the log says first.

    Raises
    ------
    AudioError
        if the run has another config, or the loss is no longer finite.
    """
    ema, optimiser = Ema(net, config.ema), adamw(net, config.learning_rate, config.weight_decay)
    keep = None if place.rank else RunFolder(run, config)
    if place.world > 1:
        torch.distributed.barrier()
    step = (keep or RunFolder(run, config)).resume(net, ema, optimiser)
    model: nn.Module = nn.parallel.DistributedDataParallel(net) if place.world > 1 else net
    if keep:
        keep.log(step=step, parameters=sum(p.numel() for p in net.parameters()), **told)
    losses, started = [], time.monotonic()
    on_gpu = place.device.type == "cuda"
    while step < config.steps:
        with torch.autocast(place.device.type, torch.bfloat16, enabled=on_gpu):
            loss = loss_at(model, step)
        step_with(optimiser, net, loss, learning_rate(step, config))
        ema.update(net, step)
        losses.append(loss.detach())
        step += 1
        if keep is None:
            continue
        if step % config.log_every == 0 or step == config.steps:
            seconds = (time.monotonic() - started) / len(losses)
            keep.log(step=step, loss=float(torch.stack(losses).mean()), seconds_a_step=seconds)
            losses, started = [], time.monotonic()
        if step % config.validate_every == 0 or step == config.steps:
            ema.copy_to(averaged)
            keep.log(step=step, **checked(step))
            started = time.monotonic()
        if step % config.save_every == 0 or step == config.steps:
            keep.save(step, net, ema, optimiser)
