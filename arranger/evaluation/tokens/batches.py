"""Training sequences: random windows of random songs, some bars of some parts left open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arranger.evaluation.tokens.config import TrainConfig
from arranger.evaluation.tokens.songs import TokenSong
from arranger.evaluation.tokens.windows import (
    NO_ROLE,
    WINDOW_BARS,
    Token,
    columns,
    encode_context,
    encode_fill,
    moved,
)
from arranger.parts import PARTS

WHOLE, CONTINUED = 0.35, 0.35
"""Shares of masks in which the parts are open in all bars, and from some bar on; the rest opens any bars."""
ONE_PART, TWO_PARTS = 0.7, 0.25
ABSENT = 0.06
"""Chance that a given part, or the other tracks, are left out."""
FILL_ROOM = 0.5
"""The context gets at least this share of a sequence, however long the open bars are."""


def draw_asked(bars: int, there: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Open bars of each part, bool (bar, 3), some of the parts in `there`; at least one bar of one part."""
    asked = np.zeros((bars, len(PARTS)), dtype=bool)
    draw = rng.random()
    count = 1 if draw < ONE_PART else 2 if draw < ONE_PART + TWO_PARTS else 3
    chosen = rng.permutation(there)[:count]
    draw = rng.random()
    if draw < WHOLE or bars < 2:
        run = np.ones(bars, dtype=bool)
    elif draw < WHOLE + CONTINUED:
        # A long song is written in windows that overlap by half, so that is what is seen most.
        first = bars // 2 if rng.random() < 0.7 else int(rng.integers(1, bars))
        run = np.arange(bars) >= first
    elif rng.random() < 0.5:
        run = rng.random(bars) < rng.uniform(0.2, 0.8)
        run[int(rng.integers(bars))] = True
    else:
        edge = np.sort(rng.integers(0, bars + 1, 2))
        run = (np.arange(bars) >= min(edge[0], bars - 1)) & (np.arange(bars) < max(edge[1], edge[0] + 1))
    asked[:, chosen] = run[:, None]
    return asked


def draw_sequence(
    song: TokenSong, config: TrainConfig, rng: np.random.Generator, part: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One window as tokens, int64 (T, 4), and the weight of each token's loss, float32 (T,); 2 for open bars, 1 for
    what is given, 0 for the first.

    Parameters
    ----------
    part : for validation: this one is open in all bars, in the key of C and with nothing left out.
    """
    first = int(rng.integers(0, max(1, len(song.bar_steps) - WINDOW_BARS // 2)))
    last = min(first + WINDOW_BARS, len(song.bar_steps))
    shift = int(rng.integers(-6, 6)) if part is None and rng.random() < config.transpose else song.shift
    notes = moved(song.notes(first, last), shift)
    there = [at for at in range(len(PARTS)) if (notes[:, 1] == at).any()]
    if part is None:
        asked = draw_asked(last - first, there or [0], rng)
        open_parts = np.flatnonzero(asked.any(axis=0))
        gone = [role for role in range(NO_ROLE) if role not in open_parts and rng.random() < ABSENT]
        notes = notes[~np.isin(notes[:, 1], gone)]
    else:
        asked = np.zeros((last - first, len(PARTS)), dtype=bool)
        asked[:, part] = True
    fills: list[Token] = []
    for at, bar in ((at, bar) for at in range(len(PARTS)) for bar in range(last - first) if asked[bar, at]):
        fills += encode_fill(notes, at, bar)
    room = max(config.max_tokens - len(fills), int(config.max_tokens * FILL_ROOM))
    context = encode_context(song, first, notes, asked, room)
    given = [*context.shared, *context.own]
    tokens = columns([*given, *fills])[: config.max_tokens]
    weight = np.where(np.arange(len(tokens)) < len(given), 1.0, 2.0).astype(np.float32)
    weight[:1] = 0.0
    return tokens, weight
