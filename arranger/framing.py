"""Grid to the sampler's problem and back: the one place where songs meet the net's layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from arranger.diffusion.layout import (
    BASS,
    CONTEXT_PLANES,
    DRUM_ROWS,
    DRUMS,
    GUITAR,
    IS_ONSET,
    MODES,
    OTHER,
    OTHER_ROWS,
    STEPS,
    TARGET_PLANES,
    TARGETS,
    Bars,
    Planes,
    TokenMap,
    fold,
    map_tokens,
    static_features,
)
from arranger.diffusion.sampler import Problem
from arranger.grid import ROWS, Grid
from arranger.harmony import Key, estimate_key, pitch_class_weights
from arranger.parts import PARTS, ROLES
from arranger.song import Song

SAME_CONTEXT = 0.85
"""Bars whose context agrees to this F1 count as the same for the random numbers of a take."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A problem with what is needed to read the answer: the grid, the tokens' places and the key's shift."""

    grid: Grid
    token_map: TokenMap
    shift: int
    problem: Problem


def context_key(grid: Grid) -> Key:
    """Key of everything pitched that the grid holds."""
    pitched = [ROLES.index(role) for role in ("bass", "guitar", "other")]
    return estimate_key(pitch_class_weights(grid.sustain[pitched]))


def song_bars(song: Song, grid: Grid) -> Bars:
    """Bars as the net is told of them."""
    return Bars(
        np.diff(grid.bar_steps),
        np.array([bar.numerator for bar in song.bars]),
        np.array([bar.denominator for bar in song.bars]),
        np.array([song.tempo_at(bar.start) for bar in song.bars]),
    )


def frame_song(
    song: Song,
    grid: Grid,
    parts: tuple[str, ...],
    bars: tuple[int, int],
    key: Key | None = None,
    density: Mapping[str, float] | None = None,
) -> Frame:
    """Problem of filling `parts` in the bars [first, last); the grid must be empty there.

    Parameters
    ----------
    key : instead of the estimated one. density : part -> onsets a beat that are asked for.
    """
    all_bars = song_bars(song, grid)
    token_map = map_tokens(all_bars, 0, len(song.bars))
    shift = (key or context_key(grid)).shift
    tokens = len(token_map.bar)
    given = np.zeros((tokens * STEPS, TARGET_PLANES + CONTEXT_PLANES), dtype=bool)
    given[token_map.slot] = grid_to_planes(grid, shift)
    given = given.reshape(tokens, STEPS, -1)

    asked = np.array([part in parts for part in PARTS])
    hidden = ((token_map.bar >= bars[0]) & (token_map.bar < bars[1]))[:, None] & asked
    has = np.array([bool(grid.onset[ROLES.index(part)].any()) for part in PARTS])
    mode = np.where(hidden, MODES["unknown"], np.where(has | asked, MODES["given"], MODES["absent"]))
    wanted = np.full((tokens, 3), np.nan)
    for part, value in (density or {}).items():
        wanted[:, PARTS.index(part)] = value
    place = np.stack([token_map.bar, token_map.place, np.ones(tokens, dtype=np.int64)], axis=1)
    slot = same_slots(given, token_map)
    static = static_features(all_bars, token_map)
    return Frame(grid, token_map, shift, Problem(given, hidden, mode, static, place, token_map.valid, wanted, slot))


def grid_to_planes(grid: Grid, shift: int) -> np.ndarray:
    """The net's planes of every step, bool (step, P + C), moved by `shift` semitones."""
    out = np.zeros((grid.steps, TARGET_PLANES + CONTEXT_PLANES), dtype=bool)
    for role, planes, base in (("drums", DRUMS, 0), ("bass", BASS, 0), ("guitar", GUITAR, 0), ("other", OTHER, TARGET_PLANES)):
        at = ROLES.index(role)
        if role == "drums":
            out[:, planes.onset] = grid.onset[at, :DRUM_ROWS].T
            continue
        rows = fold(np.arange(ROWS) + shift, planes)
        for array, cells in ((grid.onset, planes.onset), (grid.sustain, planes.sustain)):
            row, step = np.nonzero(array[at])
            out[step, base + cells.start + rows[row]] = True
    return out


def read_part(frame: Frame, roll: np.ndarray, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Onset and sustain of one part on the frame's grid, bool (row, step), from a take's roll (T, S, P)."""
    planes: Planes = TARGETS[PARTS.index(part)]
    flat = roll.reshape(-1, TARGET_PLANES)[frame.token_map.slot]
    onset, sustain = (np.zeros((ROWS, frame.grid.steps), dtype=bool) for _ in range(2))
    if part == "drums":
        onset[:DRUM_ROWS] = flat[:, planes.onset].T
        return onset, onset.copy()
    rows = np.clip(np.arange(planes.rows) + planes.low - frame.shift, 0, ROWS - 1)
    onset[rows] = flat[:, planes.onset].T
    sustain[rows] = flat[:, planes.sustain].T
    return onset, sustain | onset


def same_slots(given: np.ndarray, token_map: TokenMap) -> np.ndarray:
    """Slot of each token, int (T,): bars with the same length and nearly the same context share their slots."""
    bars = int(token_map.bar[-1]) + 1
    counts = np.bincount(token_map.bar, minlength=bars)
    first_token = np.concatenate([[0], np.cumsum(counts)])[:-1]
    onsets = np.flatnonzero(np.concatenate([IS_ONSET, np.repeat([True, False], OTHER_ROWS)]))
    cells = given[:, :, onsets].reshape(len(given), -1)
    representative = np.arange(bars)
    for length in np.unique(counts):
        members = np.flatnonzero(counts == length)
        rolls = np.stack([cells[first_token[m] : first_token[m] + length].ravel() for m in members])
        used = rolls[:, rolls.any(axis=0)].astype(np.float32)
        if not used.shape[1]:
            representative[members] = members[0]
            continue
        common, size = used @ used.T, used.sum(axis=1)
        alike = (2 * common + 1e-9) / (size[:, None] + size[None, :] + 1e-9) >= SAME_CONTEXT
        for at, member in enumerate(members):
            # The first bar that is like this one and stands for itself; argmax finds the first True.
            heads = alike[at, : at + 1] & (representative[members[: at + 1]] == members[: at + 1])
            representative[member] = members[int(np.argmax(heads))] if heads.any() else member
    return first_token[representative[token_map.bar]] + token_map.place
