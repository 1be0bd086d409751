"""Training of MSG-LD: `python -m audio_ext.latent.train_msg CONFIG STEM_LATENTS RUN`, needing torch alone.

All stems are noised together to a uniformly random time, and the net is told their mixture, but for a share of the
examples, which learn to do without (section III-B: 0.1). The run's folder gets `msg-ld.safetensors` (averaged weights)
at every validation and at its end. On several GPUs: `torchrun --nproc_per_node N -m audio_ext.latent.train_msg ...`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from audio_ext.errors import AudioError
from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.loop import process_group, run_loop
from audio_ext.latent.optimise import weights_of
from audio_ext.latent.schedule import alphas_bar, as_x0, levels, q_sample, target
from audio_ext.latent.settings import read_config
from audio_ext.latent.stem_latents import StemLatents
from audio_ext.latent.unet3d import KIND, StemNet, StemsConfig, open_stem_net, packed
from audio_ext.latent.windows import STEMS

NAME = "msg-ld"
DROP = 0.1
"""Share of examples that aren't told their mixture."""
VALIDATION_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of the schedule's times at which the error is measured."""
VALIDATION_EXAMPLES = 32
VALIDATION_SEED = 1
SECONDS_A_FRAME = 0.08
"""100 frames of log-mel a second, 8 of them a frame of latent."""


@dataclass(frozen=True, slots=True)
class StemsTraining:
    """A training run of MSG-LD.

    Parameters
    ----------
    frames : of latent, a crop. batch : examples a step and process. drop : share without a mixture.
    trained_on, licence, too_weak : what the model's card says; `too_weak` may be empty.
    """

    net: StemsConfig = field(default_factory=StemsConfig)
    frames: int = 32
    batch: int = 8
    steps: int = 6_000
    learning_rate: float = 5e-4
    warmup: int = 200
    weight_decay: float = 0.01
    ema: float = 0.999
    drop: float = DROP
    seed: int = 0
    log_every: int = 50
    validate_every: int = 500
    save_every: int = 100
    threads: int = 1
    trained_on: str = ""
    licence: str = "MIT"
    too_weak: str = ""


@dataclass(frozen=True, eq=False)
class Batch:
    """What a step learns from.

    Parameters
    ----------
    stems : float (batch, stem, z, frame, band). mixture : float (batch, z, frame, band), zeros where it was dropped.
    times : int (batch,). noise : of the stems' shape.
    """

    stems: Tensor
    mixture: Tensor
    times: Tensor
    noise: Tensor


def draw_batch(data: StemLatents, config: StemsTraining, step: int, rank: int = 0) -> Batch:
    """Batch of a step; it hangs on (seed, step, rank) alone, so that a resumed run goes on the same."""
    rng = np.random.default_rng([config.seed, step, rank])
    stems, mixture = data.batch(config.batch, config.frames, rng)
    told = torch.from_numpy(rng.random(config.batch) >= config.drop).to(mixture.dtype)
    times = torch.from_numpy(rng.integers(config.net.schedule.times, size=config.batch))
    noise = torch.from_numpy(rng.standard_normal(stems.shape, dtype=np.float32))
    return Batch(stems, mixture * told.view(-1, 1, 1, 1), times, noise)


def stems_loss(net: nn.Module, config: StemsConfig, batch: Batch) -> Tensor:
    """Mean square between what the net predicts of the noised stems and what it should (equation 1)."""
    at = levels(alphas_bar(config.schedule), batch.times, batch.stems)
    noisy = q_sample(batch.stems, batch.noise, at)
    wanted = target(batch.stems, batch.noise, at, config.schedule.prediction)
    return (net(packed(noisy, batch.mixture), batch.times).float() - wanted).square().mean()


@torch.no_grad()
def validate(net: StemNet, held: StemLatents, config: StemsTraining) -> dict[str, float]:
    """Mean square error of the clean latents at fixed noise levels, examples and noise; `val` is the mean over levels.

    `x0_...` is told the mixture, `free_...` is not. `as_mixture` is the error of giving the mixture for every stem,
    which a separator has to beat; of single stems: `drums`, ... at the highest level.
    """
    rng = np.random.default_rng(VALIDATION_SEED)
    stems, mixture = held.batch(VALIDATION_EXAMPLES, config.frames, rng)
    noise = torch.from_numpy(rng.standard_normal(stems.shape).astype(np.float32))
    device, schedule = next(net.parameters()).device, config.net.schedule
    alphas, figures = alphas_bar(schedule), {}
    each = np.zeros(config.net.stems)
    for share in VALIDATION_LEVELS:
        time_at = int(share * (schedule.times - 1))
        told: list[Tensor] = []
        free: list[Tensor] = []
        for at in range(0, len(stems), config.batch):
            part = slice(at, at + config.batch)
            x0, under = stems[part].to(device), mixture[part].to(device)
            x = q_sample(x0, noise[part].to(device), alphas[time_at])
            times = torch.full((len(x),), time_at, device=device)
            for kept, condition in ((told, under), (free, None)):
                found = as_x0(x, net(packed(x, condition), times), alphas[time_at], schedule.prediction)
                kept.append((found - x0).square().mean((0, 2, 3, 4)) * len(x) / len(stems))
        each = torch.stack(told).sum(0).cpu().numpy()
        figures[f"x0_{share:g}"] = float(each.mean())
        figures[f"free_{share:g}"] = float(torch.stack(free).sum(0).mean())
    figures["val"] = sum(figures[f"x0_{share:g}"] for share in VALIDATION_LEVELS) / len(VALIDATION_LEVELS)
    figures["as_mixture"] = float((stems - mixture[:, None]).square().mean())
    return figures | dict(zip(STEMS, each.tolist(), strict=False))


def train(config: StemsTraining, folder: Path, run: Path, held: Path | None = None, begin: Path | None = None) -> Path:
    """Train to `config.steps`, going on from `run` where it has a state; path of the checkpoint.

    Parameters
    ----------
    folder : latents of stems to learn from. held : the same to measure with.
    begin : model of the same shape whose weights a new run begins with.

    Raises
    ------
    AudioError
        if there are no latents, they don't fit the net, the run has another config, or the loss is no longer finite.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    data, seen = StemLatents(folder), None if held is None else StemLatents(held)
    _check(data, config, folder)
    with process_group() as place:
        net = _fresh(config, begin).to(place.device)
        averaged = StemNet(config.net).to(place.device).eval()

        def loss_at(model: nn.Module, step: int) -> Tensor:
            batch = draw_batch(data, config, step, place.rank)
            moved = (one.to(place.device) for one in (batch.stems, batch.mixture, batch.times, batch.noise))
            return stems_loss(model, config.net, Batch(*moved))

        def checked(step: int) -> dict[str, float]:
            figures = {} if seen is None else validate(averaged, seen, config)
            _write(run, averaged, config, step, place.world, figures, data.codec)
            return figures

        told = {"examples": len(data), "codec": data.codec}
        run_loop(config, run, net, averaged, place, told, loss_at, checked)
    return run / f"{NAME}.safetensors"


def _check(data: StemLatents, config: StemsTraining, folder: Path) -> None:
    stems, latents, frames, bands = data.stems.shape[1:]
    net = config.net
    if (stems, latents, bands) != (net.stems, net.latents, net.bands) or frames < config.frames:
        found = f"{stems} stems of {latents} x {frames} x {bands}"
        wanted = f"{net.stems} of {net.latents} x at least {config.frames} x {net.bands}"
        raise AudioError(folder.name, f"its latents are {found}; the config wants {wanted}")


def _fresh(config: StemsTraining, begin: Path | None) -> StemNet:
    """The net of a new run: random weights, or those it begins with."""
    if begin is None:
        return StemNet(config.net)
    made = open_stem_net(begin)
    if made.config != config.net:
        raise AudioError(begin.name, "it holds another net than the config's", None, "Begin with one of its own kind.")
    return made.train()


def _write(
    run: Path, net: StemNet, config: StemsTraining, step: int, world: int, figures: dict[str, float], codec: str
) -> None:
    seconds = step * config.batch * world * config.frames * SECONDS_A_FRAME
    card = {
        "trained_on": config.trained_on,
        "licence": config.licence,
        "steps": step,
        "hours": round(seconds / 3600, 2),
        "training": {"batch": config.batch * world, "learning_rate": config.learning_rate, "drop": config.drop},
        "codec": codec,
        "measured": {name: round(value, 4) for name, value in figures.items()},
    }
    if figures:
        card["loss"] = round(figures["val"], 4)
    if config.too_weak:
        card["too_weak"] = config.too_weak
    save_checkpoint(run / f"{NAME}.safetensors", KIND, config.net, weights_of(net), card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("latents", type=Path, help="folder of stems' latents to learn from")
    parser.add_argument("run", type=Path)
    parser.add_argument("--held", type=Path, default=None, help="folder of the same to measure with")
    parser.add_argument("--begin", type=Path, default=None, help="model whose weights to begin with")
    asked = parser.parse_args()
    train(read_config(asked.config, StemsTraining), asked.latents, asked.run, asked.held, asked.begin)


if __name__ == "__main__":
    main()
