"""Training of the mel codec: one plain loop, resumable. `python -m audio_ext.latent.train_codec CONFIG WINDOWS RUN`.

The run's folder gets `codec.safetensors` (averaged weights, shift and scale measured on training latents) at its end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.codec import CodecConfig, MelCodec
from audio_ext.latent.crops import Crops
from audio_ext.latent.measure_codec import Shrinker, codec_shrinker, mean_shrinker, measure, pca_shrinker
from audio_ext.latent.mel import log_mel
from audio_ext.latent.optimise import Ema, RunFolder, learning_rate, step_with, weights_of
from audio_ext.latent.settings import read_config
from audio_ext.latent.windows import Windows

STATISTICS_STEPS = 64
"""Batches whose latents give shift and scale, and whose patches give the baselines."""
CHECK_WINDOWS, FINAL_WINDOWS = 8, 40


@dataclass(frozen=True, slots=True)
class CodecTraining:
    """A training run of the codec.

    Parameters
    ----------
    frames : of a crop. kl : weight of the divergence (nats a latent number) beside L1 (nats of log-mel a pixel).
    trained_on, licence : what the model's card says.
    """

    codec: CodecConfig = field(default_factory=CodecConfig)
    frames: int = 256
    batch: int = 6
    steps: int = 2_000
    learning_rate: float = 2e-3
    warmup: int = 100
    kl: float = 1e-3
    ema: float = 0.998
    seed: int = 0
    log_every: int = 50
    validate_every: int = 500
    save_every: int = 250
    threads: int = 1
    trained_on: str = ""
    licence: str = "MIT"


def codec_loss(
    codec: MelCodec, mels: Tensor, kl: float, generator: torch.Generator | None = None
) -> tuple[Tensor, dict]:
    """L1 of log-mel in nats plus `kl` times the mean divergence from a standard normal; and both as numbers.

    Parameters
    ----------
    mels : float32 (batch, frames, mels).
    """
    posterior = codec.posterior(mels)
    error = (codec.raw_decode(posterior.sample(generator)) - mels).abs().mean()
    mean, logvar = posterior.mean, posterior.logvar
    divergence = 0.5 * (mean**2 + logvar.exp() - 1.0 - logvar).mean()
    return error + kl * divergence, {"l1": float(error.detach()), "kl": float(divergence.detach())}


@torch.no_grad()
def latent_statistics(codec: MelCodec, pictures: Iterable[Tensor]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(shift, scale) over batches of log-mel (batch, frames, mels): mean of each channel, 1 / deviation over all."""
    raw = torch.cat([codec.posterior(one).mode().transpose(0, 1).flatten(1) for one in pictures], dim=1).double()
    shift = raw.mean(dim=1)
    deviation = (raw - shift[:, None]).square().mean().sqrt().clamp(min=1e-4)
    return tuple(round(x, 6) for x in shift.tolist()), (round(float(1.0 / deviation), 6),) * len(shift)


def finished(codec: MelCodec, pictures: Iterable[Tensor]) -> MelCodec:
    """The codec with its shift and scale measured, in evaluation mode."""
    shift, scale = latent_statistics(codec, pictures)
    made = MelCodec(replace(codec.config, shift=shift, scale=scale))
    made.load_state_dict(codec.state_dict())
    return made.eval()


def train(config: CodecTraining, folder: Path, run: Path, held: Path | None = None) -> Path:
    """Train to `config.steps`, going on from `run` where it has a state; path of the checkpoint.

    Parameters
    ----------
    folder : windows to learn from. held : windows to measure with; the figures stand in log and card.

    Raises
    ------
    AudioError
        if there are no windows, the run has another config, or the loss is no longer finite.
    """
    keep = RunFolder(run, config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    codec = MelCodec(config.codec).to(device)
    averaged = MelCodec(config.codec).eval()
    ema = Ema(codec, config.ema)
    optimiser = torch.optim.Adam(codec.parameters(), lr=config.learning_rate, betas=(0.9, 0.99))
    step = keep.resume(codec, ema, optimiser)
    crops = Crops(folder, config.frames * config.codec.mel.hop, config.batch, config.seed)

    def pictures(at: int) -> Tensor:
        return log_mel(torch.from_numpy(crops.at(at)).to(device), config.codec.mel)

    if not step and codec.linear is not None:
        first = torch.cat([pictures(config.steps + at) for at in range(STATISTICS_STEPS)])
        codec.linear.fit(((first - config.codec.centre) / config.codec.spread)[:, None])
        ema = Ema(codec, config.ema)
    keep.log(step=step, windows=len(crops), parameters=sum(p.numel() for p in codec.parameters()))
    sums: dict[str, float] = {}
    started, since = time.monotonic(), step
    while step < config.steps:
        noise = torch.Generator(device).manual_seed(config.seed * 1_000_003 + step)
        loss, parts = codec_loss(codec, pictures(step), config.kl, noise)
        step_with(optimiser, codec, loss, learning_rate(step, config))
        ema.update(codec, step)
        step += 1
        sums = {key: sums.get(key, 0.0) + value for key, value in parts.items()}
        if step % config.log_every == 0 or step == config.steps:
            count, seconds = step - since, time.monotonic() - started
            keep.log(step=step, seconds_a_step=seconds / count, **{key: value / count for key, value in sums.items()})
            sums, started, since = {}, time.monotonic(), step
        if held is not None and step % config.validate_every == 0 and step != config.steps:
            ema.copy_to(averaged)
            some = Windows(held)[:CHECK_WINDOWS]
            keep.log(step=step, held=measure(some, config.codec.mel, {"codec": codec_shrinker(averaged)})["codec"])
        if step % config.save_every == 0 or step == config.steps:
            keep.save(step, codec, ema, optimiser)
            crops = Crops(folder, crops.samples, config.batch, config.seed)  # shards may have come meanwhile
    ema.copy_to(averaged)
    shown = [pictures(config.steps + at).cpu() for at in range(STATISTICS_STEPS)]
    made = finished(averaged, shown)
    card = card_of(config, made, shown, held)
    keep.log(step=step, measured=card.get("measured", {}))
    target = run / "codec.safetensors"
    save_checkpoint(target, "codec", made.config, weights_of(made), card)
    return target


def card_of(config: CodecTraining, codec: MelCodec, shown: list[Tensor], held: Path | None) -> dict[str, Any]:
    """What the model file says of itself; with `held` windows the log-mel L1 beside that of plain baselines."""
    seconds = config.steps * config.batch * config.frames / config.codec.mel.frames_a_second
    card: dict[str, Any] = {
        "trained_on": config.trained_on,
        "licence": config.licence,
        "steps": config.steps,
        "hours": round(seconds / 3600, 2),
        "training": {"batch": config.batch, "learning_rate": config.learning_rate, "kl": config.kl},
    }
    if held is not None:
        patches = torch.cat(shown).cpu()
        factor, latents = codec.config.factor, codec.config.latents
        rivals: dict[str, Shrinker] = {
            "codec": codec_shrinker(codec),
            f"pca of {factor}x{factor} patches, {latents} numbers": pca_shrinker(patches, factor, latents),
            "mean spectrum": mean_shrinker(patches),
        }
        card["measured"] = measure(Windows(held)[:FINAL_WINDOWS], codec.config.mel, rivals)
        card["loss"] = card["measured"]["codec"]["all"]
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("windows", type=Path, help="folder of shards to learn from")
    parser.add_argument("run", type=Path)
    parser.add_argument("--held", type=Path, default=None, help="folder of shards to measure with")
    asked = parser.parse_args()
    train(read_config(asked.config, CodecTraining), asked.windows, asked.run, asked.held)


if __name__ == "__main__":
    main()
