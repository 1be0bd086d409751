"""Tiny stem models for tests, untrained but awake: layers that begin at zero get weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.codec import PRESETS as CODECS
from audio_ext.latent.codec import MelCodec
from audio_ext.latent.unet3d import KIND, PRESETS, StemNet, StemsConfig

TINY = PRESETS["tiny"]
WEAK = "It is a tiny untrained model for tests; what it gives is noise."


def awake(config: StemsConfig = TINY, seed: int = 0) -> StemNet:
    """A net none of whose parameters is zero, so that everything in it has a say."""
    torch.manual_seed(seed)
    net = StemNet(config)
    with torch.no_grad():
        for value in net.parameters():
            if not value.any():
                value.normal_(0, 0.2)
    return net.eval()


def tiny_stem_folder(path: Path, **card: Any) -> Path:
    """Write codec and stem model (no vocoder: Griffin and Lim's algorithm plays) into a folder."""
    torch.manual_seed(0)
    plain = {"trained_on": "nothing", "licence": "MIT", "steps": 0, "hours": 0.0}
    codec = MelCodec(CODECS["tiny"])
    save_checkpoint(path / "codec.safetensors", "codec", codec.config, codec.state_dict(), plain)
    net = awake(replace(TINY, latents=codec.config.latents, bands=codec.config.latent_bands))
    told = {**plain, "too_weak": WEAK, **card}
    save_checkpoint(path / "msg-ld.safetensors", KIND, net.config, net.state_dict(), told)
    return path
