"""Training of the token model: `python -m arranger.evaluation.tokens.train CONFIG.json SHARDS RUN`.

One plain loop on the shards that the denoiser is trained on. A run is a folder: `config.json`, `log.jsonl`,
`state.safetensors` (a run that was stopped goes on from it) and `last.safetensors` (the averaged weights as fp16, the
model file that `arranger eval --against tokens` takes).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from arranger.diffusion.shards import read_shards
from arranger.diffusion.state import load_state, save_state
from arranger.errors import TrainingError
from arranger.evaluation.tokens.batches import draw_sequence
from arranger.evaluation.tokens.checkpoint import write_tokens_model
from arranger.evaluation.tokens.config import FREE, TrainConfig, to_json, train_config
from arranger.evaluation.tokens.model import TokenNet
from arranger.evaluation.tokens.songs import TokenSong, from_piece
from arranger.parts import PARTS

MAX_GRADIENT = 1.0
VALIDATED = 24
"""Windows of each part that are validated on."""


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then constant, then a linear fall to zero over the last `decay_share` of the steps."""
    decay = max(1, int(config.steps * config.decay_share))
    return config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup), max(0.0, (config.steps - step) / decay))


def token_losses(net: nn.Module, tokens: np.ndarray) -> Tensor:
    """Cross-entropy of each token but the first, in nats, (T - 1,)."""
    given = torch.from_numpy(tokens)
    logits = net(given[None, :-1])[0]
    return functional.cross_entropy(logits, given[1:, 0], reduction="none")


def song_chances(songs: Sequence[TokenSong]) -> np.ndarray:
    """A song is drawn by the square root of its bars, as for the denoiser."""
    roots = np.sqrt([len(song.bar_steps) for song in songs])
    return roots / roots.sum()


def train_step(
    net: nn.Module,
    songs: Sequence[TokenSong],
    chances: np.ndarray,
    config: TrainConfig,
    step: int,
) -> tuple[float, float, int]:
    """Gradients of one step, whose windows depend on (seed, step) alone; nats a token of the open bars and of what is
    given, and how many tokens there were."""
    rng = np.random.default_rng([config.seed, step])
    picks = rng.choice(len(songs), config.sequences, p=chances)
    sequences = [draw_sequence(songs[pick], config, rng) for pick in picks]
    scales = [np.where(weight == 2.0, 1.0, weight * config.context_weight)[1:] for _, weight in sequences]
    total = sum(float(scale.sum()) for scale in scales)
    sums = {1.0: [0.0, 0], 2.0: [0.0, 0]}
    for (tokens, weight), scale in zip(sequences, scales, strict=True):
        losses = token_losses(net, tokens)
        (losses * torch.from_numpy(scale.astype(np.float32))).sum().div(total).backward()
        for kind, held in sums.items():
            chosen = torch.from_numpy(weight[1:] == kind)
            held[0] += float(losses.detach()[chosen].sum())
            held[1] += int(chosen.sum())
    (given, context), (opened, count) = sums[1.0], sums[2.0]
    return opened / max(1, count), given / max(1, context), int(context + count)


@torch.no_grad()
def validate(net: nn.Module, songs: Sequence[TokenSong], config: TrainConfig) -> dict[str, float]:
    """Nats a token of each part, open in whole windows that are always the same, and their mean as `val`."""
    found = {}
    for part, name in enumerate(PARTS):
        rng = np.random.default_rng([17, part])
        total, count = 0.0, 0
        for pick in rng.integers(0, len(songs), VALIDATED):
            tokens, weight = draw_sequence(songs[pick], config, rng, part)
            losses = token_losses(net, tokens)[torch.from_numpy(weight[1:] == 2.0)]
            total, count = total + float(losses.sum()), count + len(losses)
        found[f"val/{name}"] = total / max(1, count)
    return {"val": sum(found.values()) / len(found), **found}


def train(config: TrainConfig, shards: Path, run: Path) -> Path:
    """Train until `config.steps`, going on from `run` if it has a state; returns the path of the model file.

    Raises
    ------
    TrainingError
        if the shards are missing, the run was begun with another config, or the loss is no longer finite.
    """
    torch.set_num_threads(config.threads)
    run.mkdir(parents=True, exist_ok=True)
    _keep_config(run / "config.json", config)
    songs, held = ([from_piece(piece) for piece in read_shards(shards, split)] for split in ("train", "val"))
    chances = song_chances(songs)
    torch.manual_seed(config.seed)
    net = TokenNet(config.net)
    ema = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    step = load_state(run / "state.safetensors", net, ema, optimiser) if (run / "state.safetensors").exists() else 0
    figures: dict[str, float] = {}
    logged: list[tuple[float, float, int]] = []
    started = time.monotonic()
    while step < config.steps:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config)
        optimiser.zero_grad(set_to_none=True)
        logged.append(train_step(net, songs, chances, config, step))
        nn.utils.clip_grad_norm_(net.parameters(), MAX_GRADIENT)
        optimiser.step()
        rate = min(config.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                ema[name].lerp_(parameter, 1 - rate)
        step += 1
        if step % config.log_every == 0 or step == config.steps:
            seconds = (time.monotonic() - started) / len(logged)
            loss, given, tokens = np.mean(logged, axis=0).tolist()
            if not math.isfinite(loss + given):
                raise TrainingError(f"The loss is no longer finite at step {step}; lower learning_rate, start again.")
            entry = {"step": step, "loss": loss, "context": given, "tokens": tokens, "seconds_a_step": seconds}
            _log(run, entry)
            logged, started = [], time.monotonic()
        if step % config.validate_every == 0 or step == config.steps:
            figures = validate(_averaged(config, ema), held, config)
            _log(run, {"step": step, **figures})
            started = time.monotonic()
        if step % config.save_every == 0 or step == config.steps:
            save_state(run / "state.safetensors", net, ema, optimiser, step)
            weights = {name: tensor.numpy() for name, tensor in ema.items()}
            write_tokens_model(run / "last.safetensors", config.net, weights, {"step": step, **figures})
    return run / "last.safetensors"


def _averaged(config: TrainConfig, ema: dict[str, Tensor]) -> TokenNet:
    net = TokenNet(config.net).eval()
    net.load_state_dict(ema)
    return net


def _keep_config(path: Path, config: TrainConfig) -> None:
    """Write the run's config, or check that it is still the same but for what is `FREE`."""
    if path.exists():
        old, new = json.loads(path.read_text(encoding="utf-8")), asdict(config)
        changed = sorted(key for key in new if key not in FREE and old.get(key) != new[key])
        if changed:
            raise TrainingError(f"{path.parent} was begun with another {', '.join(changed)}; use a new run folder.")
    path.write_text(to_json(config), encoding="utf-8")


def _log(run: Path, entry: dict[str, float]) -> None:
    line = json.dumps({key: round(value, 5) if isinstance(value, float) else value for key, value in entry.items()})
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    sys.stderr.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("run", type=Path)
    arguments = parser.parse_args()
    config = train_config(json.loads(arguments.config.read_text(encoding="utf-8")))
    train(config, arguments.shards, arguments.run)


if __name__ == "__main__":
    main()
