"""Takes of the open bars of a window, drawn side by side with one cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from arranger.evaluation.tokens.grammar import MAX_BAR_NOTES, Open, read_notes
from arranger.evaluation.tokens.model import Cache, TokenNet
from arranger.evaluation.tokens.vocabulary import PAD
from arranger.evaluation.tokens.windows import NO_BAR, NO_ROLE, NO_STEP, Token, columns

BAR_TOKENS = 3 * MAX_BAR_NOTES + 2
"""Longest bar: position, pitch and duration of each note, and its two ends."""
NOTHING: Token = (PAD, NO_ROLE, NO_BAR, NO_STEP)


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """Logits are divided by `temperature`; of the rest the likeliest that make up `top_p` are drawn from."""

    temperature: float = 0.9
    top_p: float = 0.95


@dataclass(eq=False)
class _Take:
    """A take while it is written: tokens still to be fed, the bars still to be written, and what there is."""

    given: list[Token]
    bars: list[Open]
    rng: np.random.Generator
    now: Open | None
    tokens: list[int]
    found: list[list[tuple[int, int, int]]]

    @property
    def done(self) -> bool:
        return self.now is None and not self.bars and not self.given

    def next_given(self) -> Token | None:
        """The token to feed that is not drawn: of the context, or the one that opens a bar; None where one must be."""
        if self.given:
            return self.given.pop(0)
        if self.now is None and self.bars:
            self.now, self.tokens = self.bars.pop(0), []
            return self.now.start
        return NOTHING if self.now is None else None


@torch.no_grad()
def draw_bars(
    net: TokenNet,
    shared: Sequence[Token],
    owns: Sequence[Sequence[Token]],
    bars: Sequence[Open],
    rngs: Sequence[np.random.Generator],
    settings: DrawSettings,
) -> list[list[list[tuple[int, int, int]]]]:
    """(step, row, length) of the notes of each open bar, for each take.

    What all takes share goes through the net once. From there all takes hold equally many tokens at any time: each
    goes on to write as soon as its own context is through, so that no mask is needed.

    Parameters
    ----------
    owns : the rest of each take's context. rngs : one a take; a take depends on its own alone.
    """
    takes = [_Take(list(own), list(bars), rng, None, [], []) for own, rng in zip(owns, rngs, strict=True)]
    alike = min(len(take.given) for take in takes)
    room = max(len(take.given) for take in takes) + len(bars) * BAR_TOKENS + 1
    cache = Cache.empty(net.config, 1, len(shared))
    if shared:
        net(torch.from_numpy(columns(shared))[None], cache)
    cache = cache.spread(len(takes), room)
    if alike:
        first = np.stack([columns(take.given[:alike]) for take in takes])
        for take in takes:
            del take.given[:alike]
        net(torch.from_numpy(first), cache)
    chance: np.ndarray | None = None
    while True:
        fed: list[Token] = []
        for at, take in enumerate(takes):
            token = take.next_given()
            fed.append(_write(take, chance[at], settings) if token is None and chance is not None else token or NOTHING)
        if all(take.done for take in takes):
            return [take.found for take in takes]
        chance = net(torch.from_numpy(columns(fed))[:, None], cache)[:, 0].numpy()


def _write(take: _Take, logits: np.ndarray, settings: DrawSettings) -> Token:
    """Draw a take's next token."""
    assert take.now is not None
    token = draw_token(logits, take.now.allowed(), settings, take.rng)
    take.now, placed = take.now.after(token)
    if take.now is None:
        take.found.append(read_notes(take.tokens))
    else:
        take.tokens.append(token)
    return placed


def draw_token(logits: np.ndarray, allowed: np.ndarray, settings: DrawSettings, rng: np.random.Generator) -> int:
    """One of the allowed tokens, by nucleus sampling (Holtzman et al., arXiv 1904.09751)."""
    kept = np.flatnonzero(allowed)
    scaled = logits[kept].astype(np.float64) / settings.temperature
    chance = np.exp(scaled - scaled.max())
    chance /= chance.sum()
    order = np.argsort(-chance, kind="stable")
    before = np.cumsum(chance[order]) - chance[order]
    nucleus = order[before < settings.top_p]
    share = chance[nucleus] / chance[nucleus].sum()
    return int(kept[nucleus[min(len(nucleus) - 1, int(np.searchsorted(np.cumsum(share), rng.random(), side="right")))]])
