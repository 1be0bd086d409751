"""The net: a decoder-only transformer with rotary positions (RoFormer, arXiv 2104.09864) and a key-value cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from arranger.evaluation.tokens.config import NetConfig
from arranger.evaluation.tokens.vocabulary import NAMES
from arranger.evaluation.tokens.windows import NO_BAR, NO_ROLE, NO_STEP

ROTARY_BASE = 10_000.0


@dataclass
class Cache:
    """Keys and values of all blocks.

    Parameters
    ----------
    held : float (block, 2, B, head, room, channel), of which `length` are filled.
    shared : float (block, 2, 1, head, S, channel), what stands before them in all sequences alike. It is kept and read
        once for all: that, and not arithmetic, is what takes the time.
    """

    held: Tensor
    shared: Tensor
    length: int = 0

    @classmethod
    def empty(cls, config: NetConfig, batch: int, room: int) -> Cache:
        shape = (config.blocks, 2, batch, config.heads, room, config.width // config.heads)
        return cls(torch.zeros(shape), torch.zeros(config.blocks, 2, 1, config.heads, 0, shape[-1]))

    def spread(self, batch: int, room: int) -> Cache:
        """The cache of one sequence as the shared beginning of `batch` others, with room for so many tokens more."""
        blocks, two, _, heads, _, channels = self.held.shape
        shared = self.held[:, :, :1, :, : self.length].contiguous()
        return Cache(torch.zeros(blocks, two, batch, heads, room, channels), shared)

    @property
    def total(self) -> int:
        """Tokens before the next one."""
        return self.length + self.shared.shape[4]


class Block(nn.Module):
    """Attention and a layer of four times the width, each on the normalised sum of what came before."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm_in, self.norm_mid = nn.RMSNorm(width), nn.RMSNorm(width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor, turn: Tensor, cache: Cache | None, index: int) -> Tensor:
        """x : (B, T, width). turn : (2, T, channel / 2), cosine and sine. cache : gets keys and values of this block,
        the one at `index`, behind those it has."""
        batch, length, width = x.shape
        mixed = self.mix(self.norm_in(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        query, key = _turned(query, turn), _turned(key, turn)
        run = slice(cache.length, cache.length + length) if cache else slice(0)
        if cache is not None:
            cache.held[index, 0, :, :, run], cache.held[index, 1, :, :, run] = key, value
        if cache is None or not cache.total:
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            seen = attend(query, cache.held[index, ..., : run.stop, :], cache.shared[index])
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        hidden: Tensor = self.down(functional.gelu(self.up(self.norm_mid(x))))
        return x + hidden


def attend(query: Tensor, own: Tensor, shared: Tensor) -> Tensor:
    """Attention of the last tokens of each sequence to a beginning that all share and to their own, up to themselves.

    query : (B, head, T, channel). own : (2, B, head, O, channel), O >= T. shared : (2, 1, head, S, channel).
    """
    batch, heads, length, channels = query.shape
    query = query * channels**-0.5
    near = query @ own[0].transpose(-1, -2)
    if length > 1:
        later = torch.ones(length, own.shape[3], dtype=torch.bool).triu(own.shape[3] - length + 1)
        near = near.masked_fill(later, -torch.inf)
    flat = query.transpose(0, 1).reshape(1, heads, batch * length, channels)
    far = (flat @ shared[0].transpose(-1, -2)).view(heads, batch, length, -1).transpose(0, 1)
    weight = torch.cat([far, near], dim=-1).softmax(dim=-1)
    far, near = weight.split([shared.shape[3], own.shape[3]], dim=-1)
    far = far.transpose(0, 1).reshape(1, heads, batch * length, -1) @ shared[1]
    return near @ own[1] + far.view(heads, batch, length, channels).transpose(0, 1)


class TokenNet(nn.Module):
    """Tokens to the logits of what comes next; the table of the tokens is also that of the logits."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.token = nn.Embedding(len(NAMES), width)
        self.role = nn.Embedding(NO_ROLE + 1, width)
        self.bar = nn.Embedding(NO_BAR + 1, width)
        self.step = nn.Embedding(NO_STEP + 1, width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.RMSNorm(width)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                scale = (2 * config.blocks) ** -0.5 if name.endswith(("out.weight", "down.weight")) else 1.0
                nn.init.normal_(weight, std=0.02 * scale)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits (B, T, token) of tokens (B, T, 4), see `windows.Token`; with a cache of those that follow what it
        holds, which it then holds too."""
        at = cache.total if cache else 0
        kinds = tokens.unbind(-1)
        tables = (self.token, self.role, self.bar, self.step)
        x = torch.stack([table(kind) for table, kind in zip(tables, kinds, strict=True)]).sum(dim=0)
        turn = _turns(at, tokens.shape[1], self.config.width // self.config.heads)
        for index, block in enumerate(self.blocks):
            x = block(x, turn, cache, index)
        if cache:
            cache.length += tokens.shape[1]
        return functional.linear(self.norm(x), self.token.weight)


def _turns(at: int, length: int, channels: int) -> Tensor:
    """Cosine and sine of each position's angles, (2, length, channels / 2)."""
    speed = ROTARY_BASE ** (-torch.arange(0, channels, 2) / channels)
    angle = torch.arange(at, at + length)[:, None] * speed
    return torch.stack([angle.cos(), angle.sin()])


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    """Halves of the channels turned against each other by the position's angles."""
    one, two = x.chunk(2, dim=-1)
    cosine, sine = turn
    return torch.cat([one * cosine - two * sine, one * sine + two * cosine], dim=-1)
