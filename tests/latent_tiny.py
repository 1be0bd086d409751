"""A whole set of tiny untrained models, written by the package's own save functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.codec import PRESETS as CODECS
from audio_ext.latent.codec import MelCodec
from audio_ext.latent.unet import PRESETS as UNETS
from audio_ext.latent.unet import Denoiser

TEXT_WIDTH = 384
"""Of MiniLM, which the package opens by itself."""
WEAK = "It is a tiny untrained model for tests; what it gives is noise."


def tiny_model_folder(path: Path, **card: Any) -> Path:
    """Write codec, base and subtractive model (no vocoder: Griffin and Lim's algorithm plays) into a folder.

    Parameters
    ----------
    card : further entries of the subtractive model's card, or others in the place of those it has.
    """
    torch.manual_seed(0)
    plain = {"trained_on": "nothing", "licence": "MIT", "steps": 0, "hours": 0.0}
    codec = MelCodec(CODECS["tiny"])
    save_checkpoint(path / "codec.safetensors", "codec", codec.config, codec.state_dict(), plain)
    for name, conditional in (("base", False), ("subtractive", True)):
        net = Denoiser(replace(UNETS["tiny"], conditional=conditional, text=TEXT_WIDTH))
        told = {**plain, "too_weak": WEAK, **card} if conditional else plain
        save_checkpoint(path / f"{name}.safetensors", "unet", net.config, net.state_dict(), told)
    return path
