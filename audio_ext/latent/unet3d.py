"""MSG-LD's denoiser: a 3-D U-Net whose channels are the stems (Karchkhadze et al. 2024, arXiv 2409.12346, section II).

The latents of all stems, (batch, stem, z, frame, band), go in together; z, frames and bands are the three axes of the
convolutions, the stems are the channels. Frames and bands halve from level to level, z never does (stride (1, 2, 2)).
The mixture's latent stands beside the noisy one on the z axis of the input and is split off inside; averaged down to
each level's size and repeated over its channels, it is ADDED to what goes into every block of the way down and, after
the skip's concatenation, of the way up - not to the middle. A mixture of zeros is no mixture.

Two things of our own are for small nets and off in the paper's preset: `fold` takes neighbours of the z axis as
channels, since convolutions over many places with few channels are what a CPU does worst; `places` is a learnt bias
for each place of (z, band), which unlike frames are not alike, and which convolutions and attention can't tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint
from audio_ext.latent.schedule import LATENT_DIFFUSION, ScheduleConfig, alphas_bar, as_eps

KIND = "stems"
"""Of its checkpoints."""
MAX_CHANNELS, MAX_LEVELS, MAX_LAYERS, MAX_LATENTS, MAX_STEMS, MAX_BANDS = 512, 6, 4, 64, 16, 64
MAX_WINDOW = 4096
STRIDE = (1, 2, 2)


@dataclass(frozen=True, slots=True)
class StemsConfig:
    """A denoiser of all stems.

    Parameters
    ----------
    stems, latents, bands : of a latent. fold : neighbours on the z axis that are taken as channels.
    channels : of the first level; level i has `widths[i]` times as many. layers : residual blocks a level.
    attention : of each level, whether it attends over all its places. head : channels of a head of attention.
    groups : of the group norms. places : whether there is a learnt bias for each place of (z, band).
    window : frames that it was trained on; longer latents are denoised in overlapping windows.
    weight : guidance of separation where none is asked for.
    """

    stems: int = 4
    latents: int = 16
    bands: int = 8
    fold: int = 4
    channels: int = 32
    widths: tuple[int, ...] = (1, 2, 3, 3)
    layers: int = 1
    attention: tuple[bool, ...] = (False, True, True, True)
    head: int = 32
    groups: int = 8
    places: bool = True
    window: int = 32
    weight: float = 2.0
    schedule: ScheduleConfig = field(default_factory=lambda: replace(LATENT_DIFFUSION, prediction="v"))

    def __post_init__(self) -> None:
        levels = len(self.widths)
        if not 0 < levels <= MAX_LEVELS or len(self.attention) != levels or not 0 < self.layers <= MAX_LAYERS:
            raise ValueError(f"1 to {MAX_LEVELS} levels, each with widths and attention, of 1 to {MAX_LAYERS} layers")
        if not (0 < self.stems <= MAX_STEMS and 0 < self.latents <= MAX_LATENTS and 0 < self.bands <= MAX_BANDS):
            raise ValueError(f"at most {MAX_STEMS} stems, {MAX_LATENTS} latents and {MAX_BANDS} bands are possible")
        if self.fold < 1 or self.latents % self.fold:
            raise ValueError(f"{self.latents} latents can't be folded by {self.fold}")
        if not 0 < self.channels <= MAX_CHANNELS or self.groups < 1 or not 0 < max(self.widths) <= 8:
            raise ValueError(f"1 to {MAX_CHANNELS} channels, and levels up to 8 times as wide, are possible")
        if any(one < 1 or one * self.channels % self.groups for one in self.widths):
            raise ValueError(f"each level's channels must be a multiple of {self.groups} groups")
        attended = [one * self.channels for one, yes in zip(self.widths, self.attention, strict=True) if yes]
        if self.head < 1 or any(one % self.head for one in [*attended, self.widths[-1] * self.channels]):
            raise ValueError(f"where there is attention, channels must be a multiple of {self.head} a head")
        if not 1 <= self.window <= MAX_WINDOW:
            raise ValueError(f"a window has 1 to {MAX_WINDOW} frames of latent")


PRESETS = {
    "tiny": StemsConfig(
        latents=4, bands=8, fold=2, channels=8, widths=(1, 2), attention=(False, True), head=8, groups=4, window=8
    ),
    "reduced": StemsConfig(),
    # 305.2 M parameters over 4 x 8 x 256 x 16.
    "msg-ld": StemsConfig(
        latents=8,
        bands=16,
        fold=1,
        channels=128,
        widths=(1, 2, 3, 5),
        layers=2,
        groups=32,
        places=False,
        window=256,
        schedule=LATENT_DIFFUSION,
    ),
}


def time_features(times: Tensor, width: int) -> Tensor:
    """Cosines and sines of the times at `width / 2` rates from 1 to 1/10000, float32 (batch, width)."""
    half = width // 2
    rates = torch.exp(-math.log(10_000) / half * torch.arange(half, device=times.device, dtype=torch.float32))
    turns = times[:, None].float() * rates
    found = torch.cat([turns.cos(), turns.sin()], dim=1)
    return functional.pad(found, (0, width - 2 * half))


def _silent(layer: nn.Conv3d | nn.Conv1d) -> nn.Module:
    """The layer with weights of zero, so that a residual branch begins as nothing."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    """Two convolutions, the time added between them, over a straight way (Ho et al. 2020, appendix B)."""

    def __init__(self, ins: int, outs: int, time: int, groups: int):
        super().__init__()
        self.before = nn.Sequential(nn.GroupNorm(groups, ins), nn.SiLU(), nn.Conv3d(ins, outs, 3, padding=1))
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time, outs))
        last = _silent(nn.Conv3d(outs, outs, 3, padding=1))
        self.after = nn.Sequential(nn.GroupNorm(groups, outs), nn.SiLU(), last)
        self.straight = nn.Identity() if ins == outs else nn.Conv3d(ins, outs, 1)

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        """h (batch, ins, z, frame, band), time (batch, time) -> (batch, outs, z, frame, band)."""
        inner = self.before(h) + self.time(time)[..., None, None, None]
        return self.straight(h) + self.after(inner)


class Attention(nn.Module):
    """All places of (z, frame, band) attend to all, over a straight way."""

    def __init__(self, channels: int, head: int, groups: int):
        super().__init__()
        self.heads = channels // head
        self.norm = nn.GroupNorm(groups, channels)
        self.into = nn.Conv1d(channels, 3 * channels, 1)
        self.out = _silent(nn.Conv1d(channels, channels, 1))

    def forward(self, h: Tensor) -> Tensor:
        """Of h's shape."""
        flat = self.norm(h).flatten(2)
        asked, keys, values = self.into(flat).unflatten(1, (3, self.heads, -1)).mT.unbind(1)
        found = functional.scaled_dot_product_attention(asked, keys, values)
        return h + self.out(found.mT.flatten(1, 2)).view_as(h)


class Block(nn.Module):
    """One block of the way down or up: a residual block and perhaps attention; `down` halves instead."""

    def __init__(self, residual: Residual | None, attention: Attention | None, down: nn.Conv3d | None = None):
        super().__init__()
        self.residual, self.attention, self.down = residual, attention, down

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        if self.down is not None:
            return self.down(h)
        if self.residual is not None:
            h = self.residual(h, time)
        return h if self.attention is None else self.attention(h)


class StemNet(nn.Module):
    """The 3-D U-Net; see the module."""

    def __init__(self, config: StemsConfig):
        super().__init__()
        self.config = config
        inputs, first, time = config.stems * config.fold, config.channels, 4 * config.channels
        widths = [one * first for one in config.widths]

        def residual(ins: int, outs: int) -> Residual:
            return Residual(ins, outs, time, config.groups)

        def attention(channels: int, wanted: bool) -> Attention | None:
            return Attention(channels, config.head, config.groups) if wanted else None

        self.time = nn.Sequential(nn.Linear(first, time), nn.SiLU(), nn.Linear(time, time))
        self.first = nn.Conv3d(inputs, first, 3, padding=1)
        shape = (first, config.latents // config.fold, 1, config.bands)
        self.places = nn.Parameter(torch.zeros(shape)) if config.places else None
        self.down, self.up, self.enlarge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        skips, now = [first], first
        for level, width in enumerate(widths):
            for _ in range(config.layers):
                self.down.append(Block(residual(now, width), attention(width, config.attention[level])))
                now = width
                skips.append(now)
            if level < len(widths) - 1:
                self.down.append(Block(None, None, nn.Conv3d(now, now, 3, STRIDE, padding=1)))
                skips.append(now)
        self.middle = nn.ModuleList([residual(now, now), residual(now, now)])
        self.middle_attention = Attention(now, config.head, config.groups)
        for level, width in reversed(list(enumerate(widths))):
            for _ in range(config.layers + 1):
                self.up.append(Block(residual(now + skips.pop(), width), attention(width, config.attention[level])))
                now = width
            if level:
                self.enlarge.append(nn.Conv3d(now, now, 3, padding=1))
        last = _silent(nn.Conv3d(first, inputs, 3, padding=1))
        self.last = nn.Sequential(nn.GroupNorm(config.groups, first), nn.SiLU(), last)

    def forward(self, packed: Tensor, times: Tensor) -> Tensor:
        """What the net predicts of the stems, float (batch, stem, z, frame, band).

        Parameters
        ----------
        packed : float (batch, stem, 2 z, frame, band), as `packed` makes it; any number of frames.
        times : int (batch,).
        """
        noisy, mixture = packed.chunk(2, dim=2)
        h, mixture = self._folded(noisy), self._folded(mixture[:, :1])
        time = self.time(time_features(times, self.config.channels))
        h = self.first(_added(h, mixture))
        if self.places is not None:
            h = h + self.places
        skips, mixtures = [h], [mixture]
        for block in self.down:
            h = block(_added(h, mixtures[-1]), time)
            if block.down is not None:
                # Halves an even size, as average pooling does, and fits an odd one too.
                mixtures.append(functional.adaptive_avg_pool3d(mixtures[-1], h.shape[2:]))
            skips.append(h)
        h = self.middle[1](self.middle_attention(self.middle[0](h, time)), time)
        enlarge = iter(self.enlarge)
        for number, block in enumerate(self.up):
            if number and number % (self.config.layers + 1) == 0:
                h = next(enlarge)(functional.interpolate(h, size=skips[-1].shape[2:], mode="nearest"))
                mixtures.pop()
            h = block(_added(torch.cat([h, skips.pop()], dim=1), mixtures[-1]), time)
        return self._unfolded(self.last(h))

    def _folded(self, latents: Tensor) -> Tensor:
        """(batch, stem, z, frame, band) to (batch, stem * fold, z / fold, frame, band)."""
        return latents.unflatten(2, (-1, self.config.fold)).transpose(2, 3).flatten(1, 2)

    def _unfolded(self, h: Tensor) -> Tensor:
        return h.unflatten(1, (self.config.stems, self.config.fold)).transpose(2, 3).flatten(2, 3)

    def eps(self) -> Callable[[Tensor, int, Tensor | None], Tensor]:
        """The net as `(x, time, mixture or None) -> eps`, without gradients, as guidance takes it."""
        alphas, kind = alphas_bar(self.config.schedule), self.config.schedule.prediction

        @torch.no_grad()
        def model(x: Tensor, time: int, mixture: Tensor | None) -> Tensor:
            times = torch.full((len(x),), time, dtype=torch.long, device=x.device)
            return as_eps(x, self(packed(x, mixture), times), float(alphas[time]), kind)

        return model


def packed(stems: Tensor, mixture: Tensor | None) -> Tensor:
    """Stems (batch, stem, z, frame, band) and their mixture (batch, z, frame, band), or zeros, on one z axis."""
    if mixture is None:
        return torch.cat([stems, torch.zeros_like(stems)], dim=2)
    return torch.cat([stems, mixture[:, None].expand_as(stems)], dim=2)


def _added(h: Tensor, mixture: Tensor) -> Tensor:
    """h (batch, channel, ...) plus the mixture (batch, fold, ...), repeated over h's channels."""
    count = -(-h.shape[1] // mixture.shape[1])
    return h + mixture.repeat(1, count, 1, 1, 1)[:, : h.shape[1]]


def open_stem_net(path: Path) -> StemNet:
    """A net from a checkpoint (kind "stems"), on the CPU, for inference; AudioError if it is none."""
    checkpoint = load_checkpoint(path, KIND)
    made = StemNet(config_of(checkpoint, StemsConfig))
    fill_module(made, checkpoint)
    return made.eval()
