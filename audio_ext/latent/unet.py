"""The denoisers: diffusers' UNet2DConditionModel, with or without a submix latent beside the noisy one.

The base model (text to mix) sees the noisy latent alone. The subtractive model sees the clean submix latent too,
concatenated on the channels as InstructPix2Pix has it (Brooks et al. 2023, section 3.2); its further weights of the
first convolution begin at zero, so that it begins as the base model. Latents are (batch, channel, frame, band).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint
from audio_ext.latent.condition import Condition
from audio_ext.latent.schedule import STABLE_DIFFUSION, ScheduleConfig, alphas_bar, as_eps

MAX_CHANNELS, MAX_BLOCKS, MAX_LAYERS, MAX_LATENTS, MAX_TEXT = 2048, 6, 4, 64, 4096


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """A denoiser.

    Parameters
    ----------
    latents : channels of a latent. conditional : whether the submix's latent comes in too (2 x `latents` channels in).
    channels : of each block; every block but the last halves both axes. layers : residual blocks a block.
    cross : of each block, whether it attends to itself and to the text. heads : of attention, a block.
    text : width of the text's tokens. groups : of the group norms.
    window : frames of latent that it was trained on; longer ones are denoised in overlapping windows.
    text_scale, audio_scale : guidance that is taken where none is asked for.
    condition_scale : what a submix latent is multiplied by on its way in; 1 / .18215 for InstructPix2Pix's weights,
        which know the latent before that factor.
    """

    latents: int = 16
    conditional: bool = False
    channels: tuple[int, ...] = (64, 96, 128)
    layers: int = 1
    cross: tuple[bool, ...] = (False, True, True)
    heads: tuple[int, ...] = (2, 4, 4)
    text: int = 384
    groups: int = 16
    window: int = 64
    schedule: ScheduleConfig = field(default_factory=lambda: replace(STABLE_DIFFUSION, prediction="v"))
    text_scale: float = 2.0
    audio_scale: float = 1.0
    condition_scale: float = 1.0

    def __post_init__(self) -> None:
        blocks = len(self.channels)
        if not 0 < blocks <= MAX_BLOCKS or len(self.cross) != blocks or len(self.heads) != blocks:
            raise ValueError(f"1 to {MAX_BLOCKS} blocks are possible, each with channels, cross and heads")
        if self.groups < 1 or any(not 0 < n <= MAX_CHANNELS or n % self.groups for n in self.channels):
            raise ValueError(f"channels must be multiples of {self.groups} groups, at most {MAX_CHANNELS}")
        if any(head < 1 or n % head for n, head in zip(self.channels, self.heads, strict=True)):
            raise ValueError("channels must be multiples of the heads")
        if not (0 < self.layers <= MAX_LAYERS and 0 < self.latents <= MAX_LATENTS and 0 < self.text <= MAX_TEXT):
            raise ValueError(f"at most {MAX_LAYERS} layers, {MAX_LATENTS} latents and {MAX_TEXT} numbers a word")
        if not 1 <= self.window <= 4096:
            raise ValueError("a window has 1 to 4096 frames of latent")

    @property
    def inputs(self) -> int:
        return self.latents * (2 if self.conditional else 1)


PRESETS = {
    "tiny": UNetConfig(
        latents=4,
        channels=(16, 32),
        cross=(False, True),
        heads=(1, 2),
        text=16,
        groups=8,
        window=8,
    ),
    "reduced": UNetConfig(),
    # Stable Diffusion 1.5's size, as Riffusion and InstructPix2Pix have it: 859.5 M parameters with 8 channels in.
    "paper": UNetConfig(
        latents=4,
        conditional=True,
        channels=(320, 640, 1280, 1280),
        layers=2,
        cross=(True, True, True, False),
        heads=(8, 8, 8, 8),
        text=768,
        groups=32,
        schedule=STABLE_DIFFUSION,
        text_scale=7.5,
        audio_scale=1.5,
    ),
}


class Denoiser(nn.Module):
    """A U-Net with its config; what it predicts (eps or v) is the schedule's business."""

    def __init__(self, config: UNetConfig, net: nn.Module | None = None):
        super().__init__()
        self.config = config
        self.net: Any = net if net is not None else _build(config)

    def forward(self, x: Tensor, times: Tensor, condition: Condition) -> Tensor:
        """What the net predicts, of x's shape.

        Parameters
        ----------
        x : float (batch, latents, frames, bands), noisy. times : int (batch,).
        condition : of the same batch; its submix must be there exactly if the net is conditional.
        """
        if self.config.conditional != (condition.submix is not None):
            raise ValueError("a submix latent is needed by a conditional net, and by no other")
        if condition.submix is not None:
            x = torch.cat([x, condition.submix * self.config.condition_scale], dim=1)
        return self.net(x, times, condition.tokens, encoder_attention_mask=condition.mask).sample

    def eps(self) -> Callable[[Tensor, int, Condition], Tensor]:
        """The net as `(x, time, condition) -> eps`, without gradients, as guidance takes it."""
        alphas, kind = alphas_bar(self.config.schedule), self.config.schedule.prediction

        @torch.no_grad()
        def model(x: Tensor, time: int, condition: Condition) -> Tensor:
            times = torch.full((len(x),), time, dtype=torch.long, device=x.device)
            return as_eps(x, self(x, times, condition), float(alphas[time]), kind)

        return model


def _build(config: UNetConfig) -> nn.Module:
    from diffusers import UNet2DConditionModel

    net: Any = UNet2DConditionModel(
        in_channels=config.inputs,
        out_channels=config.latents,
        down_block_types=tuple("CrossAttnDownBlock2D" if cross else "DownBlock2D" for cross in config.cross),
        up_block_types=tuple("CrossAttnUpBlock2D" if cross else "UpBlock2D" for cross in reversed(config.cross)),
        block_out_channels=config.channels,
        layers_per_block=config.layers,
        norm_num_groups=config.groups,
        cross_attention_dim=config.text,
        attention_head_dim=config.heads,  # diffusers' name for the number of heads, kept for old checkpoints
    )
    return net


def with_condition(base: Denoiser) -> Denoiser:
    """The subtractive model that a base model is fine-tuned to: its weights, and zeros for the submix's channels.

    Whatever the submix is, it predicts what the base model does (a test holds that).
    """
    if base.config.conditional:
        raise ValueError("the model has a submix already")
    made = Denoiser(replace(base.config, conditional=True))
    state = dict(base.state_dict())
    first = "net.conv_in.weight"
    state[first] = torch.cat([state[first], torch.zeros_like(state[first])], dim=1)
    made.load_state_dict(state)
    return made.to(next(base.parameters()).device)


def open_unet(path: Path) -> Denoiser:
    """A denoiser from a checkpoint (kind "unet"), on the CPU, for inference; AudioError if it is none."""
    checkpoint = load_checkpoint(path, "unet")
    made = Denoiser(config_of(checkpoint, UNetConfig))
    fill_module(made, checkpoint)
    return made.eval()
