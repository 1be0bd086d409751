"""The transformer over beats that both token denoisers share. Letters as in `layout`; W width, H heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from arranger.diffusion.config import NetConfig

MAX_BAR_DISTANCE = 16


class PlaceBias(nn.Module):
    """What attention knows of place: distance in beats, and distance in bars with whether the beat is the same.

    A bar is looked up by how many bars ago it was and by the same beat in it, whatever its metre.
    """

    def __init__(self, window: int, heads: int):
        super().__init__()
        self.window = window
        self.by_beat = nn.Embedding(2 * window - 1, heads)
        self.by_bar = nn.Embedding(2 * (2 * MAX_BAR_DISTANCE + 1), heads)
        nn.init.normal_(self.by_beat.weight, std=0.1)
        nn.init.normal_(self.by_bar.weight, std=0.1)

    def forward(self, place: Tensor) -> Tensor:
        """place int64 (B, T, 3) -> float (B, H, T, T); -1e4 (not -inf: a padded row must stay finite) for padding."""
        token = torch.arange(place.shape[1], device=place.device)
        beats = (token[None, :] - token[:, None]).clamp(1 - self.window, self.window - 1) + self.window - 1  # (T, T)
        bar, beat, there = place[..., 0], place[..., 1], place[..., 2]
        bars = (bar[:, None, :] - bar[:, :, None]).clamp(-MAX_BAR_DISTANCE, MAX_BAR_DISTANCE) + MAX_BAR_DISTANCE
        same = (beat[:, None, :] == beat[:, :, None]).long()
        bias = self.by_beat(beats)[None] + self.by_bar(2 * bars + same)  # (B, T, T, H)
        padding = (1 - there)[:, None, :, None] * -1e4
        return (bias + padding).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Pre-norm attention and MLP (Vaswani et al. 2017; Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: Tensor, bias: Tensor) -> Tensor:
        batch, tokens, width = h.shape
        q, k, v = (
            self.qkv(self.norm1(h)).view(batch, tokens, 3, self.heads, width // self.heads).unbind(2)
        )  # (B,T,H,W/H)
        # Written out: windows are short, and the ONNX exporter can't trace the fused kernel's strides.
        score = q.transpose(1, 2) @ k.permute(0, 2, 3, 1) * (width // self.heads) ** -0.5  # (B,H,T,T)
        mixed = torch.softmax(score + bias.to(score.dtype), dim=-1) @ v.transpose(1, 2)  # (B,H,T,W/H)
        h = h + self.merge(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return h + self.down(functional.gelu(self.up(self.norm2(h)), approximate="tanh"))


class Trunk(nn.Module):
    """Blocks with one place bias for all of them."""

    def __init__(self, config: NetConfig):
        super().__init__()
        self.bias = PlaceBias(config.window, config.heads)
        blocks = [Block(config.width, config.heads) for _ in range(config.blocks)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(config.width)
        # Residual branches begin small, so that depth does not change the scale (GPT-2).
        for block in blocks:
            for layer in (block.merge, block.down):
                nn.init.normal_(layer.weight, std=0.02 / (2 * config.blocks) ** 0.5)

    def forward(self, h: Tensor, place: Tensor) -> Tensor:
        """h (B, T, W), place (B, T, 3) -> (B, T, W)."""
        bias = self.bias(place)
        for block in self.blocks:
            h = block(h, bias)
        return self.norm(h)
