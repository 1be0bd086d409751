"""A window of a song as one sequence: tracks with bars left open, then these bars, as in MMM (arXiv 2008.06048).

    Track_Start Program [Bar TimeSig notes... | Bar TimeSig Bar_Fill]... Track_End   for every track
    FillBar_Start notes... FillBar_End                                               for every open bar, in order

Tracks with open bars come last, so that all before them is the same for all takes. Every token also says which role,
bar of the window and step it stands at, what MIDI-GPT leaves to the net to count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from arranger.evaluation.tokens.songs import DRUMS, TokenSong
from arranger.evaluation.tokens.vocabulary import (
    BAR,
    BAR_FILL,
    DRUM_0,
    FILL_END,
    FILL_START,
    PITCH_0,
    POSITION_0,
    POSITIONS,
    PROGRAM_0,
    TRACK_END,
    TRACK_START,
    duration_token,
    metre_token,
    tempo_token,
)
from arranger.parts import PARTS, ROLES

WINDOW_BARS = 8
NO_ROLE, NO_BAR, NO_STEP = len(ROLES), WINDOW_BARS, POSITIONS
OTHER = ROLES.index("other")
THINNED = (OTHER, 2, 1, 0)
"""Roles that lose notes where a window is too long, in this order: other tracks, guitar, bass, drums."""
KEPT = 0.85
LEAST_NOTES = 8

Token = tuple[int, int, int, int]
"""Token id, role, bar in the window, step in the bar."""


@dataclass(frozen=True)
class Context:
    """What is given of a window.

    shared : tokens of the tracks without open bars. own : tokens of the tracks with open bars.
    open_bars : (part, bar in the window), in the order in which they are to be written.
    """

    shared: tuple[Token, ...]
    own: tuple[Token, ...]
    open_bars: tuple[tuple[int, int], ...]


def moved(notes: np.ndarray, shift: int) -> np.ndarray:
    """Notes of a window moved by `shift` semitones, drums left; what would leave the keyboard goes an octave back."""
    out = notes.copy()
    pitched = out[:, 1] != DRUMS
    row = out[pitched, 3] + shift
    out[pitched, 3] = np.where(row < 0, row + 12, np.where(row > 127, row - 12, row))
    return out[np.lexsort(out.T[::-1])]


def encode_context(song: TokenSong, first: int, notes: np.ndarray, asked: np.ndarray, budget: int) -> Context:
    """Tokens of what is given in the bars [first, first + len(asked)).

    Parameters
    ----------
    notes : int (note, 5), see `TokenSong.notes`; those in open bars are not looked at.
    asked : bool (bar, 3), the open bars of each part.
    budget : tokens at most; of a denser window inner notes are left out.
    """
    bars = len(asked)
    hidden = np.zeros(len(notes), dtype=bool)
    parts = notes[:, 1] < len(PARTS)
    hidden[parts] = asked[notes[parts, 0], notes[parts, 1]]
    given = notes[~hidden]
    while True:
        tracks = []
        order = [OTHER, *range(len(PARTS))]
        for role in sorted(order, key=lambda role: role != OTHER and bool(asked[:, role].any())):
            mine = given[given[:, 1] == role]
            is_open = asked[:, role] if role != OTHER else np.zeros(bars, dtype=bool)
            if len(mine) or is_open.any():
                tracks.append((bool(is_open.any()), _track(song, first, mine, role, is_open)))
        total = sum(len(tokens) for _, tokens in tracks)
        thinned = _thin(given) if total > budget else given
        if len(thinned) == len(given):
            break
        given = thinned
    shared = tuple(token for is_open, tokens in tracks if not is_open for token in tokens)
    own = tuple(token for is_open, tokens in tracks if is_open for token in tokens)
    order_of_bars = tuple((part, bar) for part in range(len(PARTS)) for bar in range(bars) if asked[bar, part])
    return Context(shared, own, order_of_bars)


def encode_fill(notes: np.ndarray, part: int, bar: int) -> list[Token]:
    """Tokens of one open bar with its notes, int (note, 5)."""
    mine = notes[(notes[:, 0] == bar) & (notes[:, 1] == part)]
    return [(FILL_START, part, bar, NO_STEP), *note_tokens(mine), (FILL_END, part, bar, NO_STEP)]


def note_tokens(notes: np.ndarray, at: int = -1) -> list[Token]:
    """Position, pitch and, where it has pitch, duration of the notes of one bar; `at` is the position told last."""
    tokens: list[Token] = []
    for bar, role, step, row, length in notes.tolist():
        if step >= POSITIONS:
            continue
        if step != at:
            at = step
            tokens.append((POSITION_0 + step, role, bar, step))
        if role == DRUMS:
            tokens.append((DRUM_0 + row, role, bar, step))
        else:
            tokens.append((PITCH_0 + row, role, bar, step))
            tokens.append((duration_token(length), role, bar, step))
    return tokens


def _track(song: TokenSong, first: int, notes: np.ndarray, role: int, is_open: np.ndarray) -> list[Token]:
    tokens: list[Token] = [(TRACK_START, role, NO_BAR, NO_STEP), (PROGRAM_0 + role, role, NO_BAR, NO_STEP)]
    for bar in range(len(is_open)):
        tokens.append((BAR, role, bar, NO_STEP))
        tokens.append((metre_token(*song.metre[first + bar].tolist()), role, bar, NO_STEP))
        at = -1
        if not bar:  # a track tells the tempo at its start, as MidiTok has it
            tokens += [(POSITION_0, role, bar, 0), (tempo_token(float(song.tempo[first])), role, bar, 0)]
            at = 0
        if is_open[bar]:
            tokens.append((BAR_FILL, role, bar, NO_STEP))
        else:
            tokens += note_tokens(notes[notes[:, 0] == bar], at)
    tokens.append((TRACK_END, role, NO_BAR, NO_STEP))
    return tokens


def _thin(notes: np.ndarray) -> np.ndarray:
    """A share of the notes of the first of `THINNED` that still has many: inner notes of chords go first, then notes
    off the beat; lowest and highest stay longest. The same notes when none can be spared."""
    for role in THINNED:
        chosen = np.flatnonzero(notes[:, 1] == role)
        if len(chosen) <= LEAST_NOTES:
            continue
        mine = notes[chosen]
        _, chord, size = np.unique(mine[:, [0, 2]], axis=0, return_inverse=True, return_counts=True)
        place = np.arange(len(mine)) - np.concatenate([[0], np.cumsum(size)])[chord]
        inside = np.minimum(place, size[chord] - 1 - place)
        off_beat = np.where(mine[:, 2] % 12 == 0, 0, np.where(mine[:, 2] % 6 == 0, 1, 2))
        order = np.lexsort((np.arange(len(mine)), off_beat, inside))
        drop = chosen[order[int(KEPT * len(mine)) :]]
        return np.delete(notes, drop, axis=0)
    return notes


def columns(tokens: Iterable[Token]) -> np.ndarray:
    """int64 (token, 4)."""
    return np.array(list(tokens), dtype=np.int64).reshape(-1, 4)
