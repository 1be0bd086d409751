"""Train the small HDemucs on windows: `python -m audio_ext.latent.train_hdemucs CONFIG WINDOWS RUN`.

The loss is the L1 of the waves (Défossez 2021); mixtures are brought to a level of 1 first, and each stem gets a random
gain, so that the net doesn't learn the corpus's balance by heart. Plain Adam, one loop, resumable.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from audio_ext.latent.baselines.hdemucs import KIND, HdemucsConfig, build, normalised
from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.optimise import Ema, RunFolder, learning_rate, step_with, weights_of
from audio_ext.latent.settings import read_config
from audio_ext.latent.windows import RATE, Windows

QUIETEST = 1e-3
"""A crop whose mixture has a lower level teaches nothing and is drawn again."""
TRIES = 8


@dataclass(frozen=True, slots=True)
class HdemucsTraining:
    """How it is trained. `seconds` : of a crop. `gain_db` : by which each stem is raised or lowered, at most."""

    model: HdemucsConfig = field(default_factory=HdemucsConfig)
    steps: int = 4000
    batch: int = 4
    seconds: float = 4.0
    learning_rate: float = 6e-4
    warmup: int = 100
    ema: float = 0.999
    gain_db: float = 3.0
    seed: int = 0
    threads: int = 2
    log_every: int = 50
    save_every: int = 250
    trained_on: str = "rendered songs"
    licence: str = ""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or not 0.5 <= self.seconds <= 10 or self.save_every < 1:
            raise ValueError("at least one step and one crop of 0.5 to 10 s are needed")


def draw_batch(windows: Windows, config: HdemucsTraining, step: int) -> Tensor:
    """Stems, float32 (batch, 4, sample), of a step; their sum is the mixture. The same step draws the same."""
    rng = np.random.default_rng([config.seed, step])
    samples = round(config.seconds * RATE)
    crops = []
    for _ in range(config.batch):
        for _ in range(TRIES):
            stems = windows[int(rng.integers(len(windows)))].stems
            first = int(rng.integers(stems.shape[1] - samples + 1))
            gains = 10 ** (rng.uniform(-config.gain_db, config.gain_db, (len(stems), 1)) / 20)
            crop = (stems[:, first : first + samples] * gains).astype(np.float32)
            if np.sqrt(np.mean(crop.sum(axis=0) ** 2)) > QUIETEST:
                break
        crops.append(crop)
    return torch.from_numpy(np.stack(crops))


def separation_loss(net: nn.Module, stems: Tensor) -> Tensor:
    """Mean absolute error of the waves (batch, 4, sample) where the mixture has mean square 1."""
    mixes, root = normalised(stems.sum(dim=1))
    loss: Tensor = (net(mixes[:, None])[:, :, 0] - stems / root[:, None]).abs().mean()
    return loss


def train(config: HdemucsTraining, folder: Path, run: Path) -> Path:
    """Train to `config.steps`, going on from `run` where it has a state; path of the checkpoint.

    Raises
    ------
    AudioError
        if demucs or windows are missing, the run has another config, or the loss is no longer finite.
    """
    keep, windows = RunFolder(run, config), Windows(folder)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = build(config.model).to(device)
    ema = Ema(net, config.ema)
    optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate)
    step = keep.resume(net, ema, optimiser)
    keep.log(step=step, windows=len(windows), parameters=sum(one.numel() for one in net.parameters()))
    total, since, started = 0.0, step, time.monotonic()
    while step < config.steps:
        loss = separation_loss(net, draw_batch(windows, config, step).to(device))
        step_with(optimiser, net, loss, learning_rate(step, config))
        ema.update(net, step)
        step, total = step + 1, total + float(loss.detach())
        if step % config.log_every == 0 or step == config.steps:
            count = step - since
            keep.log(step=step, loss=total / count, seconds_a_step=(time.monotonic() - started) / count)
            total, since, started = 0.0, step, time.monotonic()
        if step % config.save_every == 0 or step == config.steps:
            keep.save(step, net, ema, optimiser)
    ema.copy_to(net)
    seconds = config.steps * config.batch * config.seconds
    card = {
        "trained_on": config.trained_on,
        "licence": config.licence,
        "steps": config.steps,
        "hours": round(seconds / 3600, 2),
    }
    target = run / "hdemucs.safetensors"
    save_checkpoint(target, KIND, config.model, weights_of(net), card)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("windows", type=Path, help="folder of shards to learn from")
    parser.add_argument("run", type=Path)
    asked = parser.parse_args()
    train(read_config(asked.config, HdemucsTraining), asked.windows, asked.run)


if __name__ == "__main__":
    main()
