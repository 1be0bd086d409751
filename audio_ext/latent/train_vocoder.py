"""Training of HiFi-GAN's generator, resumable: `python -m audio_ext.latent.train_vocoder CONFIG WINDOWS RUN`.

The losses are spectral alone, without discriminators: the sound is duller than the paper's. At the end the folder has
`vocoder.safetensors`, whose card says how it compares with Griffin-Lim on the held windows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.crops import Crops
from audio_ext.latent.mel import MelConfig, log_mel
from audio_ext.latent.optimise import Ema, RunFolder, learning_rate, step_with, weights_of
from audio_ext.latent.settings import read_config
from audio_ext.latent.vocoder import GriffinLim, HifiGan, HifiGanConfig, Vocoder
from audio_ext.latent.windows import Window, Windows

RESOLUTIONS = ((512, 128), (1024, 256), (256, 64))
"""Transform lengths and hops of the multi-resolution loss (Yamamoto, Song and Kim 2020), for 16 kHz."""
CHECK_WINDOWS, FINAL_WINDOWS = 4, 24
_QUIET = 1e-4


@dataclass(frozen=True, slots=True)
class VocoderTraining:
    """A training run of the vocoder; a crop is `frames` long, `mel_weight` weighs log-mel L1 beside the spectra."""

    vocoder: HifiGanConfig = field(default_factory=HifiGanConfig)
    frames: int = 56
    batch: int = 4
    steps: int = 1_200
    learning_rate: float = 2e-3
    warmup: int = 50
    mel_weight: float = 1.0
    ema: float = 0.995
    seed: int = 0
    log_every: int = 50
    validate_every: int = 400
    save_every: int = 100
    threads: int = 1
    trained_on: str = ""
    licence: str = "MIT"


def spectral_distance(made: Tensor, truth: Tensor) -> Tensor:
    """Multi-resolution STFT distance: spectral convergence plus L1 of log magnitudes, mean over resolutions.

    Parameters
    ----------
    made, truth : float32 (batch, sample).
    """
    total = made.new_zeros(())
    for size, hop in RESOLUTIONS:
        window = torch.hann_window(size, device=made.device)
        found, wanted = (
            torch.stft(one, size, hop, window=window, return_complex=True).abs().clamp(min=_QUIET)
            for one in (made, truth)
        )
        converged = (found - wanted).norm(dim=(1, 2)) / wanted.norm(dim=(1, 2))
        total = total + converged.mean() + (found.log() - wanted.log()).abs().mean()
    return total / len(RESOLUTIONS)


def vocoder_loss(vocoder: HifiGan, sound: Tensor, mel_weight: float) -> tuple[Tensor, dict[str, float]]:
    """Loss of sound (batch, sample) made again from its log-mel, and its parts as numbers."""
    mel = vocoder.config.mel
    truth = log_mel(sound, mel)
    made = vocoder(truth)
    spectral, mels = spectral_distance(made, sound), (log_mel(made, mel) - truth).abs().mean()
    return spectral + mel_weight * mels, {"stft": float(spectral.detach()), "mel": float(mels.detach())}


@torch.no_grad()
def measure_vocoders(
    windows: Sequence[Window], mel: MelConfig, vocoders: Mapping[str, tuple[Vocoder, str]]
) -> dict[str, dict[str, float]]:
    """Each vocoder on the true log-mel of mixes: mean |log-mel difference| after analysis, STFT distance, speed.

    Parameters
    ----------
    vocoders : name -> (vocoder, what it is told as `phase_of`: "nothing", "submix" - the mix without drums -, or
        "truth", the best case of a guide).

    Returns
    -------
    name -> {"log_mel_l1" in nats, "stft", "seconds_a_second": of this machine's time}.
    """
    sums = {name: [0.0, 0.0, 0.0] for name in vocoders}
    for window in windows:
        whole = window.stems.shape[1] // mel.hop * mel.hop
        sound, submix = (torch.from_numpy(one[:whole])[None] for one in (window.mix, window.mix - window.stem("drums")))
        truth, hints = log_mel(sound, mel), {"nothing": None, "submix": submix, "truth": sound}
        for name, (vocoder, told) in vocoders.items():
            started = time.process_time()
            made = vocoder.wave(truth, hints[told])
            took = (time.process_time() - started) / (sound.shape[1] / mel.rate)
            found = float((log_mel(made, mel) - truth).abs().mean()), float(spectral_distance(made, sound)), took
            sums[name] = [a + b for a, b in zip(sums[name], found, strict=True)]
    columns = ("log_mel_l1", "stft", "seconds_a_second")
    count = max(1, len(windows))
    return {name: {c: round(x / count, 4) for c, x in zip(columns, row, strict=True)} for name, row in sums.items()}


def rivals(mel: MelConfig) -> dict[str, tuple[Vocoder, str]]:
    """Griffin-Lim, which needs no training, as `measure_vocoders` takes it."""
    names = {"griffin-lim": "nothing", "griffin-lim told the submix": "submix", "griffin-lim told the truth": "truth"}
    return {name: (GriffinLim(mel), told) for name, told in names.items()}


def train(config: VocoderTraining, folder: Path, run: Path, held: Path | None = None) -> Path:
    """Train to `config.steps`, going on from `run` where it has a state; path of the checkpoint.

    Raises
    ------
    AudioError
        if there are no windows, the run has another config, or the loss is no longer finite.
    """
    keep = RunFolder(run, config)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    mel = config.vocoder.mel
    vocoder, averaged = HifiGan(config.vocoder).to(device), HifiGan(config.vocoder).eval()
    own: dict[str, tuple[Vocoder, str]] = {"hifi-gan": (averaged, "nothing")}
    ema = Ema(vocoder, config.ema)
    optimiser = torch.optim.Adam(vocoder.parameters(), lr=config.learning_rate, betas=(0.8, 0.99))
    step = keep.resume(vocoder, ema, optimiser)
    crops = Crops(folder, config.frames * mel.hop, config.batch, config.seed)
    keep.log(step=step, windows=len(crops), parameters=sum(p.numel() for p in vocoder.parameters()))
    sums: dict[str, float] = {}
    started, since = time.monotonic(), step
    while step < config.steps:
        loss, parts = vocoder_loss(vocoder, torch.from_numpy(crops.at(step)).to(device), config.mel_weight)
        step_with(optimiser, vocoder, loss, learning_rate(step, config))
        ema.update(vocoder, step)
        step += 1
        sums = {key: sums.get(key, 0.0) + value for key, value in parts.items()}
        if step % config.log_every == 0 or step == config.steps:
            count, seconds = step - since, time.monotonic() - started
            keep.log(step=step, seconds_a_step=seconds / count, **{key: value / count for key, value in sums.items()})
            sums, started, since = {}, time.monotonic(), step
        if held is not None and step % config.validate_every == 0 and step != config.steps:
            ema.copy_to(averaged)
            keep.log(step=step, held=measure_vocoders(Windows(held)[:CHECK_WINDOWS], mel, own))
        if step % config.save_every == 0 or step == config.steps:
            keep.save(step, vocoder, ema, optimiser)
    ema.copy_to(averaged)
    card: dict[str, Any] = {
        "trained_on": config.trained_on,
        "licence": config.licence,
        "steps": step,
        "hours": round(step * config.batch * config.frames / mel.frames_a_second / 3600, 2),
    }
    if held is not None:
        card["measured"] = measure_vocoders(Windows(held)[:FINAL_WINDOWS], mel, own | rivals(mel))
        card["loss"] = card["measured"]["hifi-gan"]["log_mel_l1"]
        keep.log(step=step, measured=card["measured"])
    target = run / "vocoder.safetensors"
    save_checkpoint(target, "vocoder", config.vocoder, weights_of(averaged), card)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("windows", type=Path, help="folder of shards to learn from")
    parser.add_argument("run", type=Path)
    parser.add_argument("--held", type=Path, default=None, help="folder of shards to measure with")
    asked = parser.parse_args()
    train(read_config(asked.config, VocoderTraining), asked.windows, asked.run, asked.held)


if __name__ == "__main__":
    main()
