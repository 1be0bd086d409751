"""Training: one plain loop that torchrun can spread. Needs torch, numpy and safetensors alone.

`python -m arranger.diffusion.train CONFIG.json SHARDS RUN` is `arranger train` without the rest of the package. A run
is a folder: `config.json`, `log.jsonl`, `state.safetensors` (weights, EMA, optimiser; a killed run goes on from it),
`best.safetensors` and `last.safetensors` (EMA weights as checkpoints), `samples/` (piano rolls as PNG).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from arranger.diffusion.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from arranger.diffusion.config import TrainConfig, to_json, train_config
from arranger.diffusion.layout import IS_ONSET, PART_OF_PLANE
from arranger.diffusion.nets import build_net
from arranger.diffusion.samples import draw_samples
from arranger.diffusion.shards import read_shards
from arranger.diffusion.state import load_state, save_state
from arranger.diffusion.validate import validate
from arranger.diffusion.windows import Batch, IndexedPiece, index_piece, make_batch, plane_density
from arranger.errors import TrainingError

PREFETCH = 4
MAX_GRADIENT = 1.0
PRIOR_FLOOR = 2e-4
PRIOR_SAMPLES = 2_000


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then constant, then a linear fall to zero over the last `decay_share` of the steps."""
    decay = max(1, int(config.steps * config.decay_share))
    return config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup), max(0.0, (config.steps - step) / decay))


def to_tensors(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """A batch on the device; the rolls go over as bytes and become floats there."""
    names = ("noisy", "truth", "given", "features", "place", "weight", "level")
    moved = {name: torch.from_numpy(getattr(batch, name)).to(device, non_blocking=True) for name in names}
    return moved | {name: moved[name].float() for name in ("noisy", "truth", "given", "weight")}


def denoising_loss(logits: Tensor, batch: dict[str, Tensor], sustain_weight: float) -> Tensor:
    """Cross-entropy over the hidden cells, sustain cells weighted, divided by the number of hidden (step, part)s."""
    cell = torch.where(torch.from_numpy(IS_ONSET).to(logits.device), 1.0, sustain_weight)
    losses = functional.binary_cross_entropy_with_logits(logits.float(), batch["truth"], reduction="none")
    hidden = batch["weight"]
    per_part = torch.from_numpy(1 / np.bincount(PART_OF_PLANE)[PART_OF_PLANE]).float().to(logits.device)
    return (losses * hidden * cell).sum() / (hidden * per_part).sum().clamp(min=1)


def _song_chances(songs: list[IndexedPiece]) -> np.ndarray:
    """A song is drawn by the square root of its bars: long songs more often, but not in proportion."""
    roots = np.sqrt([len(song.bars.steps) for song in songs])
    return roots / roots.sum()


def _batches(
    songs: list[IndexedPiece], config: TrainConfig, prior: np.ndarray, first_step: int, rank: int
) -> Iterator[Batch]:
    """Endless training batches, drawn in a thread while the net works; batch k depends on (seed, k, rank) alone."""
    chances = _song_chances(songs)
    ready: queue.Queue[Batch | BaseException] = queue.Queue(PREFETCH)

    def draw() -> None:
        step = first_step
        try:
            while True:
                ready.put(make_batch(songs, chances, config, prior, np.random.default_rng([config.seed, step, rank])))
                step += 1
        except BaseException as err:  # handed over, or the loop would wait for ever
            ready.put(err)

    threading.Thread(target=draw, daemon=True).start()
    while True:
        batch = ready.get()
        if isinstance(batch, BaseException):
            raise batch
        yield batch


def train(
    config: TrainConfig, shards: Path, run: Path, device_name: str | None = None, begin: Path | None = None
) -> Path:
    """Train until `config.steps`, going on from `run` if it has a state; returns the path of the last checkpoint.

    Parameters
    ----------
    begin : checkpoint whose weights a new run begins with, instead of random ones.

    Raises
    ------
    TrainingError
        if the shards are missing, the run's config differs from this one, or the loss is no longer finite.
    """
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device(device_name or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    if world > 1:
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if config.threads:
        torch.set_num_threads(config.threads)
    run.mkdir(parents=True, exist_ok=True)
    if not rank:
        _keep_config(run / "config.json", config)
    songs = [index_piece(piece) for piece in read_shards(shards, "train")]
    held = [index_piece(piece) for piece in read_shards(shards, "val")]
    prior = np.maximum(plane_density(songs, PRIOR_SAMPLES, np.random.default_rng(config.seed)), PRIOR_FLOOR)

    torch.manual_seed(config.seed)
    net = build_net(config.net).to(device)
    if begin is not None:
        _begin_with(net, config, begin)
    ema = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    decay = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    step, best = 0, math.inf
    if (run / "state.safetensors").exists():
        step = load_state(run / "state.safetensors", net, ema, optimiser)
        best = _best_so_far(run / "best.safetensors")
    model = nn.parallel.DistributedDataParallel(net) if world > 1 else net
    half = torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16")
    losses, started = [], time.monotonic()
    for batch in _batches(songs, config, prior, step, rank):
        if step >= config.steps:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config)
        tensors = to_tensors(batch, device)
        with half:
            logits = model(tensors["noisy"], tensors["given"], tensors["features"], tensors["place"])
        loss = denoising_loss(logits, tensors, config.sustain_weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), MAX_GRADIENT)
        optimiser.step()
        rate = min(config.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                ema[name].lerp_(parameter, 1 - rate)
        step += 1
        if rank:
            continue
        losses.append(loss.detach())
        if step % config.log_every == 0 or step == config.steps:
            mean = float(torch.stack(losses).mean())
            if not math.isfinite(mean):
                raise TrainingError(
                    f"The loss is no longer finite at step {step}; lower learning_rate and start again."
                )
            _log(run, {"step": step, "loss": mean, "seconds_a_step": (time.monotonic() - started) / len(losses)})
            losses, started = [], time.monotonic()
        if step % config.validate_every == 0 or step == config.steps:
            averaged = build_net(config.net).to(device).eval()
            averaged.load_state_dict(ema)
            figures = validate(averaged, held, config, prior, device)
            draw_samples(averaged, held, config, prior, device, run / "samples", step)
            _log(run, {"step": step, **figures})
            info = {"step": step, **figures}
            arrays = {name: tensor.float().cpu().numpy() for name, tensor in ema.items()}
            write_checkpoint(run / "last.safetensors", Checkpoint(config.net, arrays, prior, info))
            if figures["val"] < best:
                best = figures["val"]
                write_checkpoint(run / "best.safetensors", Checkpoint(config.net, arrays, prior, info))
            started = time.monotonic()
        if step % config.save_every == 0 or step == config.steps:
            save_state(run / "state.safetensors", net, ema, optimiser, step)
    return run / "last.safetensors"


def _begin_with(net: nn.Module, config: TrainConfig, path: Path) -> None:
    checkpoint = read_checkpoint(path)
    if checkpoint.config != config.net:
        raise TrainingError(f"{path} holds another net ({checkpoint.config}); begin with one of the config's own kind.")
    net.load_state_dict({name: torch.from_numpy(array) for name, array in checkpoint.weights.items()})


def _best_so_far(path: Path) -> float:
    """Validation loss of the run's best checkpoint, so that a run that goes on does not overwrite it by a worse one."""
    return float(read_checkpoint(path).info["val"]) if path.exists() else math.inf  # type: ignore[arg-type]


def _keep_config(path: Path, config: TrainConfig) -> None:
    """Write the run's config, or check that it is still the same but for its length and reporting."""
    free = {"steps", "log_every", "validate_every", "save_every", "threads", "decay_share"}
    if path.exists():
        old, new = json.loads(path.read_text()), json.loads(to_json(config))
        changed = sorted(key for key in new if key not in free and old.get(key) != new[key])
        if changed:
            raise TrainingError(f"{path.parent} was begun with another {', '.join(changed)}; use a new run folder.")
    path.write_text(to_json(config))


def _log(run: Path, entry: dict) -> None:
    line = json.dumps({key: round(value, 5) if isinstance(value, float) else value for key, value in entry.items()})
    with (run / "log.jsonl").open("a") as file:
        file.write(line + "\n")
    sys.stderr.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--device", default=None)
    parser.add_argument("--begin", type=Path, default=None, help="checkpoint to begin with")
    arguments = parser.parse_args()
    config = train_config(json.loads(arguments.config.read_text()))
    train(config, arguments.shards, arguments.run, arguments.device, arguments.begin)


if __name__ == "__main__":
    main()
