"""The mel codec: a variational autoencoder (diffusers' AutoencoderKL) between log-mel pictures and latents.

Kingma and Welling 2014 for the loss, Rombach et al. 2022 (arXiv 2112.10752) for the use before a diffusion model. Two
things make a codec that is trained for minutes better than plain linear coding, which on such smooth pictures is hard
to beat: it first folds `patch` x `patch` places into channels, since convolutions with few channels over a large
picture are what a CPU does worst; and with `linear` it begins as a PCA of patches, to which the net adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from audio_ext.latent.mel import MelConfig

MAX_CHANNELS, MAX_BLOCKS, MAX_LATENTS = 1024, 6, 64
FIRST_LOG_VARIANCE = -6.0
"""Of the posterior when training begins: a deviation of 0.05."""


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """A mel codec.

    Parameters
    ----------
    channels : of each block; every block but the last halves both axes, after `patch` has divided them.
    layers : residual blocks a block (the decoder has one more). groups : of the group norms.
    centre, spread : log-mel values are brought to `(value - centre) / spread` for the net.
    shift, scale : of each latent channel, `(value - shift) * scale` has mean 0 in every channel and deviation 1 over
        all of them on training data; empty before they are measured.
    """

    mel: MelConfig = field(default_factory=MelConfig)
    channels: tuple[int, ...] = (64, 96)
    layers: int = 1
    latents: int = 16
    patch: int = 4
    groups: int = 8
    attention: bool = False
    linear: bool = True
    centre: float = -5.0
    spread: float = 3.0
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.channels) <= MAX_BLOCKS or not 0 < self.latents <= MAX_LATENTS:
            raise ValueError(f"1 to {MAX_BLOCKS} blocks and 1 to {MAX_LATENTS} latent channels are possible")
        if self.groups < 1 or any(not 0 < n <= MAX_CHANNELS or n % self.groups for n in self.channels):
            raise ValueError(f"channels must be multiples of {self.groups} groups, at most {MAX_CHANNELS}")
        if self.patch not in (1, 2, 4, 8) or not 1 <= self.layers <= 4 or self.spread <= 0:
            raise ValueError("patch 1, 2, 4 or 8, 1 to 4 layers and a positive spread are needed")
        if self.mel.mels % self.factor:
            raise ValueError(f"{self.mel.mels} mel bands are no multiple of {self.factor}")
        if len(self.shift) != len(self.scale) or len(self.shift) not in (0, self.latents):
            raise ValueError("shift and scale need one number for each latent channel")
        if any(one <= 0 for one in self.scale):
            raise ValueError("scale must be positive")

    @property
    def factor(self) -> int:
        """By how much both axes shrink."""
        return int(self.patch * 2 ** (len(self.channels) - 1))

    @property
    def latent_bands(self) -> int:
        return self.mel.mels // self.factor


PRESETS = {
    "tiny": CodecConfig(channels=(8, 16), latents=4, patch=4, groups=4),
    "reduced": CodecConfig(),
    # 55.4 M parameters, as MSG-LD takes it from MusicLDM: f4, z 8, two layers, attention in the middle.
    "msg-ld": CodecConfig(
        channels=(128, 256, 512), layers=2, latents=8, patch=1, groups=32, attention=True, linear=False
    ),
}


class LinearCodec(nn.Module):
    """Patches to `latents` numbers and back by one matrix each, after the mean spectrum has been taken off."""

    def __init__(self, config: CodecConfig):
        super().__init__()
        self.size = config.factor
        self.mean = nn.Parameter(torch.zeros(config.mel.mels))
        shape = (config.latents, 1, self.size, self.size)
        self.analysis = nn.Parameter(torch.randn(shape) / self.size)
        self.synthesis = nn.Parameter(torch.randn(shape) / self.size)

    def encode(self, picture: Tensor) -> Tensor:
        """(batch, 1, frame, mel) to (batch, latents, frame // size, mel // size)."""
        return functional.conv2d(picture - self.mean, self.analysis, stride=self.size)

    def decode(self, latent: Tensor) -> Tensor:
        """The way back."""
        return functional.conv_transpose2d(latent, self.synthesis, stride=self.size) + self.mean

    @torch.no_grad()
    def fit(self, pictures: Tensor) -> None:
        """Make it the PCA of all patches of normalised pictures (batch, 1, frame, mel).

        Latent k has as its deviation the root of what its component has in the picture, and all together the deviation
        1. Neither are details made as loud as the level (whitened), nor drowned as they are in the picture: between the
        two lies what autoencoders with a weak divergence find by themselves.
        """
        self.mean.copy_(pictures.mean(dim=(0, 1, 2)))
        cut = functional.unfold(pictures - self.mean, self.size, stride=self.size).transpose(0, 1).flatten(1).double()
        variance, parts = torch.linalg.eigh(cut @ cut.T / cut.shape[1])
        kept = len(self.analysis)
        deviation = variance[-kept:].clamp(min=1e-8).sqrt().flip(0)
        basis = parts[:, -kept:].flip(1).T.reshape(self.analysis.shape)
        width = (deviation.mean() * deviation).sqrt().reshape(-1, 1, 1, 1)  # so the mean of (deviation / width)^2 is 1
        self.analysis.copy_(basis / width)
        self.synthesis.copy_(basis * width)


class MelCodec(nn.Module):
    """Log-mel pictures to latents and back.

    Parameters
    ----------
    config : its `shift` and `scale` may be empty; latents are then as the net gives them.
    """

    def __init__(self, config: CodecConfig):
        super().__init__()
        from diffusers import AutoencoderKL

        self.config = config
        count = len(config.channels)
        self.net: Any = AutoencoderKL(
            in_channels=config.patch**2,
            out_channels=config.patch**2,
            down_block_types=("DownEncoderBlock2D",) * count,
            up_block_types=("UpDecoderBlock2D",) * count,
            block_out_channels=config.channels,
            layers_per_block=config.layers,
            latent_channels=config.latents,
            norm_num_groups=config.groups,
            sample_size=config.mel.mels // config.patch,
            mid_block_add_attention=config.attention,
            use_quant_conv=not config.linear,
            use_post_quant_conv=not config.linear,
        )
        self.linear = LinearCodec(config) if config.linear else None
        if config.linear:
            # At first the net adds nothing, and its latents are nearly sure.
            net: Any = self.net  # diffusers declares neither half
            output = net.encoder.conv_out
            for value in (output.weight, output.bias, net.decoder.conv_out.weight, net.decoder.conv_out.bias):
                nn.init.zeros_(value)
            nn.init.constant_(output.bias[config.latents :], FIRST_LOG_VARIANCE)
        shift, scale = config.shift or (0.0,) * config.latents, config.scale or (1.0,) * config.latents
        self.register_buffer("_shift", torch.tensor(shift).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("_scale", torch.tensor(scale).reshape(-1, 1, 1), persistent=False)

    def posterior(self, log_mel: Tensor) -> Any:
        """Diffusers' DiagonalGaussianDistribution of raw latents, before shift and scale; shapes as `encode`."""
        from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

        frames, mels = log_mel.shape[-2:]
        if log_mel.ndim != 3 or mels != self.config.mel.mels or not frames or frames % self.config.factor:
            wanted = f"(batch, a multiple of {self.config.factor}, {self.config.mel.mels})"
            raise ValueError(f"log-mel of shape {tuple(log_mel.shape)} instead of {wanted}")
        picture = ((log_mel - self.config.centre) / self.config.spread)[:, None]
        found = self.net.encode(functional.pixel_unshuffle(picture, self.config.patch)).latent_dist
        if self.linear is None:
            return found
        return DiagonalGaussianDistribution(torch.cat([found.mean + self.linear.encode(picture), found.logvar], dim=1))

    def raw_decode(self, raw: Tensor) -> Tensor:
        """Log-mel (batch, frame, mel) of raw latents, with gradient and without a floor."""
        picture = functional.pixel_shuffle(self.net.decode(raw).sample, self.config.patch)
        if self.linear is not None:
            picture = picture + self.linear.decode(raw)
        return picture[:, 0] * self.config.spread + self.config.centre

    @torch.no_grad()
    def encode(self, log_mel: Tensor) -> Tensor:
        """The posterior's mode, shifted and scaled to mean 0 and deviation 1 a channel.

        Parameters
        ----------
        log_mel : float32 (batch, frames, mels), frames a multiple of `config.factor`; else ValueError.

        Returns
        -------
        float32 (batch, latents, frames // factor, mels // factor).
        """
        shift, scale = self._constants()
        return (self.posterior(log_mel).mode() - shift) * scale

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """Log-mel float32 (batch, frames, mels) of latents as `encode` gives them, not below the floor of the mel."""
        shift, scale = self._constants()
        return self.raw_decode(latent / scale + shift).clamp(min=torch.tensor(self.config.mel.floor).log().item())

    def _constants(self) -> tuple[Tensor, Tensor]:
        shift, scale = self.get_buffer("_shift"), self.get_buffer("_scale")
        return shift, scale
