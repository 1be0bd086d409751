"""Training of the denoisers: one plain loop for both. `python -m audio_ext.latent.train_diffusion CONFIG LATENTS RUN`.

The base model learns mixes from captions. The subtractive model begins with the base model's weights (`--begin`) and
learns mixes from instruction and submix; InstructPix2Pix's dropout leaves those out at times, for guidance. Target is
always the full mix. Loss: mean square of what the schedule has the net predict, at a uniformly random time.

The run's folder gets `base.safetensors` or `subtractive.safetensors` (averaged weights) at every validation and at its
end. On several GPUs: `torchrun --nproc_per_node N -m audio_ext.latent.train_diffusion ...`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from audio_ext.errors import AudioError
from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.condition import DROP, Condition, dropped
from audio_ext.latent.latent_shards import Example, Latents
from audio_ext.latent.loop import process_group, run_loop
from audio_ext.latent.optimise import weights_of
from audio_ext.latent.schedule import alphas_bar, as_x0, levels, q_sample, target
from audio_ext.latent.settings import read_config
from audio_ext.latent.unet import Denoiser, UNetConfig, open_unet, with_condition

VALIDATION_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Shares of the schedule's times at which the error is measured."""
VALIDATION_EXAMPLES = 48
VALIDATION_SEED = 1


@dataclass(frozen=True, slots=True)
class DiffusionTraining:
    """A training run of a denoiser; `unet.conditional` says whether it is the base or the subtractive model.

    Parameters
    ----------
    frames : of latent, a crop. batch : examples a step and process. drop : share without text, without submix, and
        without both, each. trained_on, licence, too_weak : what the model's card says; `too_weak` may be empty.
    """

    unet: UNetConfig = field(default_factory=UNetConfig)
    frames: int = 64
    batch: int = 8
    steps: int = 3_000
    learning_rate: float = 5e-4
    warmup: int = 100
    weight_decay: float = 0.01
    ema: float = 0.999
    drop: float = DROP
    seed: int = 0
    log_every: int = 50
    validate_every: int = 500
    save_every: int = 250
    threads: int = 1
    trained_on: str = ""
    licence: str = "MIT"
    too_weak: str = ""

    @property
    def name(self) -> str:
        return "subtractive" if self.unet.conditional else "base"


def diffusion_loss(net: nn.Module, config: UNetConfig, example: Example, times: Tensor, noise: Tensor) -> Tensor:
    """Mean square between what the net predicts of the noised mixes and what it should.

    Parameters
    ----------
    net : Denoiser, or its DDP wrapper. times : int (batch,). noise : of the latents' shape.
    """
    at = levels(alphas_bar(config.schedule), times, example.x0)
    noisy = q_sample(example.x0, noise, at)
    wanted = target(example.x0, noise, at, config.schedule.prediction)
    return (net(noisy, times, example.condition).float() - wanted).square().mean()


@torch.no_grad()
def validate(net: Denoiser, held: Latents, config: DiffusionTraining) -> dict[str, float]:
    """Mean square error of the clean latent at fixed noise levels, examples and noise; `val` is their mean.

    Figures of eps- and v-nets compare, which their losses don't. For a conditional net `as_submix` is the error of
    giving the submix back: what it has to beat at high noise.
    """
    rng = np.random.default_rng(VALIDATION_SEED)
    example = held.batch(config.unet.conditional, VALIDATION_EXAMPLES, config.frames, rng)
    noise = torch.from_numpy(rng.standard_normal(example.x0.shape).astype(np.float32))
    device, schedule = next(net.parameters()).device, config.unet.schedule
    alphas, figures = alphas_bar(schedule), {}
    for share in VALIDATION_LEVELS:
        time_at = int(share * (schedule.times - 1))
        squares = []
        for at in range(0, len(noise), config.batch):
            part = slice(at, at + config.batch)
            x0, condition = example.x0[part].to(device), example.condition.rows(part).to(device)
            x = q_sample(x0, noise[part].to(device), alphas[time_at])
            predicted = net(x, torch.full((len(x),), time_at, device=device), condition)
            squares.append((as_x0(x, predicted, alphas[time_at], schedule.prediction) - x0).square().mean((1, 2, 3)))
        figures[f"x0_{share:g}"] = float(torch.cat(squares).mean())
    figures["val"] = sum(figures.values()) / len(figures)
    if example.condition.submix is not None:
        figures["as_submix"] = float((example.condition.submix - example.x0).square().mean())
    return figures


def train(
    config: DiffusionTraining, folder: Path, run: Path, held: Path | None = None, begin: Path | None = None
) -> Path:
    """Train to `config.steps`, going on from `run` where it has a state; path of the checkpoint.

    Parameters
    ----------
    folder : latents to learn from. held : latents to measure with.
    begin : base model whose weights a new run begins with: those of the same kind, or a base for a subtractive run.

    Raises
    ------
    AudioError
        if there are no latents, they don't fit the net, the run has another config, or the loss is no longer finite.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    data, seen = Latents(folder), None if held is None else Latents(held)
    _check(data, config, folder)
    with process_group() as place:
        net = _fresh(config, begin).to(place.device)
        averaged = Denoiser(config.unet).to(place.device).eval()

        def loss_at(model: nn.Module, step: int) -> Tensor:
            return diffusion_loss(model, config.unet, *_drawn(data, config, step, place.rank, place.device))

        def checked(step: int) -> dict[str, float]:
            figures = {} if seen is None else validate(averaged, seen, config)
            _write(run, averaged, config, step, place.world, figures, data.codec)
            return figures

        run_loop(config, run, net, averaged, place, {"examples": len(data), "codec": data.codec}, loss_at, checked)
    return run / f"{config.name}.safetensors"


def _check(data: Latents, config: DiffusionTraining, folder: Path) -> None:
    channels, frames = data.latents.shape[1:3]
    if channels != config.unet.latents or frames < config.frames or data.tokens.shape[1] != config.unet.text:
        found = f"{channels} channels, {frames} frames, texts of width {data.tokens.shape[1]}"
        wanted = f"{config.unet.latents}, at least {config.frames}, and {config.unet.text}"
        raise AudioError(folder.name, f"its latents have {found}; the config wants {wanted}")


def _fresh(config: DiffusionTraining, begin: Path | None) -> Denoiser:
    """The net of a new run: random weights, or those it begins with."""
    if begin is None:
        return Denoiser(config.unet)
    base = open_unet(begin)
    if config.unet.conditional and not base.config.conditional:
        base = with_condition(base)
    same = replace(config.unet, text_scale=base.config.text_scale, audio_scale=base.config.audio_scale)
    if base.config != same:
        raise AudioError(begin.name, "it holds another net than the config's", None, "Begin with one of its own kind.")
    made = Denoiser(config.unet)
    made.load_state_dict(base.state_dict())
    return made


def _drawn(
    data: Latents, config: DiffusionTraining, step: int, rank: int, device: torch.device
) -> tuple[Example, Tensor, Tensor]:
    """Batch, times and noise of a step; they depend on (seed, step, rank) alone, so a resumed run goes on the same."""
    rng = np.random.default_rng([config.seed, step, rank])
    example = data.batch(config.unet.conditional, config.batch, config.frames, rng)
    uniform = torch.from_numpy(rng.random(config.batch))
    condition: Condition = dropped(example.condition, data.null, uniform, config.drop)
    times = torch.from_numpy(rng.integers(config.unet.schedule.times, size=config.batch))
    noise = torch.from_numpy(rng.standard_normal(example.x0.shape, dtype=np.float32))
    return Example(example.x0.to(device), condition.to(device)), times.to(device), noise.to(device)


def _write(
    run: Path, net: Denoiser, config: DiffusionTraining, step: int, world: int, figures: dict[str, float], codec: str
) -> None:
    # 100 frames of log-mel a second, 8 of them a frame of latent.
    seconds = step * config.batch * world * config.frames * 0.08
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
    save_checkpoint(run / f"{config.name}.safetensors", "unet", config.unet, weights_of(net), card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("latents", type=Path, help="folder of latents to learn from")
    parser.add_argument("run", type=Path)
    parser.add_argument("--held", type=Path, default=None, help="folder of latents to measure with")
    parser.add_argument("--begin", type=Path, default=None, help="model whose weights to begin with")
    asked = parser.parse_args()
    train(read_config(asked.config, DiffusionTraining), asked.latents, asked.run, asked.held, asked.begin)


if __name__ == "__main__":
    main()
