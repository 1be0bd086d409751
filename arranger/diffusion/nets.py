"""The denoisers: (noisy roll, what is given, features, place) -> logits of the clean roll.

All have one interface: `forward(noisy, given, features, place)` with noisy float (B, T, S, P), given float
(B, T, S, P + C), features float (B, T, F), place int64 (B, T, 3) -> logits float (B, T, S, P). Letters in `layout`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from arranger.diffusion.config import NetConfig
from arranger.diffusion.layout import CONTEXT_PLANES, FEATURES, STEPS, TARGET_PLANES
from arranger.diffusion.trunk import Trunk

INPUT_PLANES = 2 * TARGET_PLANES + CONTEXT_PLANES
START_LOGIT = -4.0
"""Where the output begins: about the density of a piano roll, so that the first steps don't go into unlearning 0.5."""


class BeatNet(nn.Module):
    """Steps are read and written by layers that all twelve share; a transformer over beats joins them.

    A pattern moved by a step is the same pattern, so the first and last layers are one map for every step of every
    beat (a convolution of width one in time). The written step also sees what was read at that very step, so pitch
    and onset need not pass through the token.
    """

    def __init__(self, config: NetConfig):
        super().__init__()
        self.step_width = config.step_width
        self.read = nn.Linear(INPUT_PLANES, config.step_width)
        self.gather = nn.Linear(STEPS * config.step_width, config.width)
        self.features = nn.Linear(FEATURES, config.width)
        self.trunk = Trunk(config)
        self.spread = nn.Linear(config.width, STEPS * config.step_width)
        self.mix = nn.Linear(config.step_width, config.step_width)
        self.write = nn.Linear(config.step_width, TARGET_PLANES)
        nn.init.constant_(self.write.bias, START_LOGIT)

    def forward(self, noisy: Tensor, given: Tensor, features: Tensor, place: Tensor) -> Tensor:
        steps = functional.gelu(self.read(torch.cat([noisy, given], dim=-1)), approximate="tanh")  # (B,T,S,D)
        token = self.gather(steps.flatten(2)) + self.features(features)  # (B,T,W)
        token = self.trunk(token, place)
        spread = self.spread(token).unflatten(2, (STEPS, self.step_width))  # (B,T,S,D)
        return self.write(functional.gelu(spread + self.mix(steps), approximate="tanh"))


class FlatNet(nn.Module):
    """One linear map from all cells of a beat to a token, and one back: the design of the first experiments."""

    def __init__(self, config: NetConfig):
        super().__init__()
        self.read = nn.Linear(STEPS * INPUT_PLANES, config.width)
        self.features = nn.Linear(FEATURES, config.width)
        self.trunk = Trunk(config)
        self.write = nn.Linear(config.width, STEPS * TARGET_PLANES)
        nn.init.constant_(self.write.bias, START_LOGIT)

    def forward(self, noisy: Tensor, given: Tensor, features: Tensor, place: Tensor) -> Tensor:
        cells = torch.cat([noisy, given], dim=-1).flatten(2)
        token = self.trunk(self.read(cells) + self.features(features), place)
        return self.write(token).unflatten(2, (STEPS, TARGET_PLANES))


class UNet(nn.Module):
    """The reference: a U-Net over time and pitch (Atassi, arXiv 2303.08385).

    Parts and context become channels of one roll over absolute pitch (drum voices on its lowest rows); time is
    halved at each level, as in the paper, pitch is not. The noise level enters through the features, at every level.
    """

    LEVELS = (1, 2, 4)

    def __init__(self, config: NetConfig):
        super().__init__()
        from arranger.diffusion.layout import BASS, DRUMS, GUITAR, OTHER

        self.low, self.rows = min(BASS.low, GUITAR.low, OTHER.low), 80
        self.planes = [
            (p.onset, p.sustain if p.sustained else None, p.low - self.low if p.sustained else 0, p.rows)
            for p in (DRUMS, BASS, GUITAR)
        ]
        self.other = (OTHER.onset, OTHER.sustain, OTHER.low - self.low, OTHER.rows)
        widths = [config.channels * level for level in self.LEVELS]
        channels = 2 * 5 + 2
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.downs = nn.ModuleList(_Pair(w_in, w) for w_in, w in zip([widths[0], *widths[:-1]], widths, strict=True))
        self.ups = nn.ModuleList(_Pair(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.features = nn.ModuleList(nn.Linear(FEATURES, width) for width in widths)
        self.leave = nn.Conv2d(widths[0], 5, 1)
        self.bias = nn.Parameter(torch.full((TARGET_PLANES,), START_LOGIT))

    def _roll(self, x: Tensor, entries: list) -> Tensor:
        """(B, T, S, planes) -> (B, channel, T * S, row)."""
        x = x.flatten(1, 2)
        rows = []
        for onset, sustain, low, count in entries:
            for planes in (onset, sustain):
                if planes is not None:
                    rows.append(functional.pad(x[..., planes], (low, self.rows - low - count)))
        return torch.stack(rows, dim=1)

    def forward(self, noisy: Tensor, given: Tensor, features: Tensor, place: Tensor) -> Tensor:
        tokens = noisy.shape[1]
        rolls = [self._roll(noisy, self.planes), self._roll(given[..., :TARGET_PLANES], self.planes)]
        h = self.enter(torch.cat([*rolls, self._roll(given[..., TARGET_PLANES:], [self.other])], dim=1))
        skips = []
        for level, (down, to_width) in enumerate(zip(self.downs, self.features, strict=True)):
            if level:
                skips.append(h)
                h = functional.avg_pool2d(h, (2, 1))
            said = to_width(features).transpose(1, 2)  # (B, width, T)
            h = down(h, said.repeat_interleave(STEPS >> level, dim=2)[..., None])
        for up in self.ups:
            h = functional.interpolate(h, scale_factor=(2, 1), mode="nearest")
            h = up(torch.cat([h, skips.pop()], dim=1), None)
        h = self.leave(h).permute(0, 2, 3, 1)  # (B, T*S, row, 5)
        outs, channel = [], 0
        for _, sustain, low, count in self.planes:
            for _ in range(1 if sustain is None else 2):
                outs.append(h[..., low : low + count, channel])
                channel += 1
        return torch.cat(outs, dim=-1).unflatten(1, (tokens, STEPS)) + self.bias


class _Pair(nn.Module):
    """Two 3x3 convolutions; a feature vector is added between them."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, h: Tensor, said: Tensor | None) -> Tensor:
        h = self.first(h)
        return functional.silu(self.second(functional.silu(h if said is None else h + said)))


_KINDS = {"beat": BeatNet, "flat": FlatNet, "unet": UNet}


def build_net(config: NetConfig) -> nn.Module:
    """The net that a config describes; ValueError for an unknown kind."""
    if config.kind not in _KINDS:
        raise ValueError(f"net kind must be one of {', '.join(_KINDS)}, not {config.kind!r}")
    return _KINDS[config.kind](config)
