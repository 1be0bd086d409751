"""A folder of models, ready to insert stems: codec, mixer, vocoder and text encoder put together. Loads torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from audio_ext.errors import AudioError
from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint
from audio_ext.latent.codec import CodecConfig, MelCodec
from audio_ext.latent.insert import Progress, System
from audio_ext.latent.models import beside, find_model
from audio_ext.latent.pipeline import Inserter
from audio_ext.latent.text import MiniLm
from audio_ext.latent.unet import open_unet
from audio_ext.latent.vocoder import GriffinLim, HifiGan, HifiGanConfig


class Edited:
    """SDEdit as a mixer: the guide's mix, or else the submix, noised to the asked strength and denoised by the base."""

    def __init__(self, inserter: Inserter):
        self._inserter = inserter

    def mix_latent(
        self,
        submix_latent: Tensor,
        prompt: str,
        guide_latent: Tensor | None = None,
        strength: float = 0.5,
        steps: int = 20,
        text_scale: float | None = None,
        audio_scale: float | None = None,
        seed: int = 0,
        tell: Progress | None = None,
    ) -> Tensor:
        start = submix_latent if guide_latent is None else guide_latent
        return self._inserter.sdedit_latent(start, prompt, strength, steps, text_scale, seed, tell)


def open_system(folder: Path, name: str, device: str | None = None) -> System:
    """The model `name` of a folder with the codec and the vocoder beside it, or those of the package where it has none.

    Without a vocoder Griffin and Lim's algorithm makes the sound. What was opened last is kept.

    Parameters
    ----------
    device : "cpu", "cuda" or "cuda:1"; None for the GPU if there is one.

    Raises
    ------
    AudioError
        if a model is missing or damaged, they don't fit together, or there is no such device.
    """
    vocoder = beside(folder, "vocoder")
    paths = [beside(folder, "codec") or find_model(folder, "codec").path, find_model(folder, name).path]
    stamps = tuple((path, path.stat().st_mtime_ns) for path in [*paths, *([vocoder] if vocoder else [])])
    return _opened(stamps, str(device_of(device)))


@lru_cache(maxsize=1)
def _opened(stamps: tuple[tuple[Path, int], ...], device: str) -> System:
    """The system of (file, when it was written): codec, net and perhaps a vocoder."""
    paths = [path for path, _ in stamps]
    codec, net = open_codec(paths[0]).to(device), open_unet(paths[1]).to(device)
    if net.config.latents != codec.config.latents:
        had, wanted = codec.config.latents, net.config.latents
        problem = f"it was trained for {wanted} latent channels, the codec beside it has {had}"
        raise AudioError(paths[1].name, problem, None, "Put the codec that it was trained with beside it.")
    mel, edits = codec.config.mel, not net.config.conditional
    mixer = Edited(Inserter(None, MiniLm(), net)) if edits else Inserter(net, MiniLm())
    vocoder = open_vocoder(paths[2]) if len(paths) > 2 else GriffinLim(mel)
    return System(codec, mixer, vocoder, mel, codec.config.factor, net.config.window, edits, device)


def open_codec(path: Path) -> MelCodec:
    """A codec for inference; AudioError if the file is none."""
    checkpoint = load_checkpoint(path, "codec")
    codec = MelCodec(config_of(checkpoint, CodecConfig))
    fill_module(codec, checkpoint)
    return codec.eval()


def open_vocoder(path: Path) -> HifiGan:
    """A vocoder for inference; AudioError if the file is none."""
    checkpoint = load_checkpoint(path, "vocoder")
    vocoder = HifiGan(config_of(checkpoint, HifiGanConfig))
    fill_module(vocoder, checkpoint)
    return vocoder.eval()


def device_of(asked: str | None) -> torch.device:
    """The device; AudioError if it isn't there."""
    if asked is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=asked)
        return torch.device(asked)
    except (RuntimeError, AssertionError) as err:
        raise AudioError("", f"There is no device “{asked}” here", None, "Use cpu, or leave --device away.") from err
