"""Grid to the sampler's problem and back: the one place where songs meet the net's layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

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
    PART_OF_PLANE,
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
from arranger.rules import rule_part
from arranger.song import Song

SHORTEST, OPEN_LENGTH = STEPS // 4, STEPS // 2
"""Steps of a sixteenth and of an eighth."""
RULE_WEIGHT = {"drums": 2.0, "bass": 1.5, "guitar": 1.5}
"""Nats that the rule's notes are raised by, chosen on val (docs/lab-log.md)."""


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
    """Bars as the net is told of them; tempo in whole quarters a minute, as the training shards have it."""
    return Bars(
        np.diff(grid.bar_steps),
        np.array([bar.numerator for bar in song.bars]),
        np.array([bar.denominator for bar in song.bars]),
        np.array([round(song.tempo_at(bar.start)) for bar in song.bars]),
    )


def frame_song(
    song: Song,
    grid: Grid,
    parts: tuple[str, ...],
    bars: tuple[int, int],
    key: Key | None = None,
    density: Mapping[str, float] | None = None,
) -> Frame:
    """Problem of filling `parts` in the bars [first, last); what the grid has of them there is not looked at.

    The net must see what it saw in training (`diffusion.windows`): nothing is given in a hidden cell, not even the end
    of a note that began before it; a part without any other note is absent, not resting; and bars are counted from the
    first in which anybody plays.

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
    given[..., :TARGET_PLANES] &= ~hidden[:, None, PART_OF_PLANE]
    onsets = given[..., np.flatnonzero(IS_ONSET)]
    has = np.array([bool(onsets[..., PART_OF_PLANE[IS_ONSET] == part].any()) for part in range(len(PARTS))])
    mode = np.where(hidden, MODES["unknown"], np.where(has, MODES["given"], MODES["absent"]))
    given[..., :TARGET_PLANES] &= (mode == MODES["given"])[:, None, PART_OF_PLANE]
    wanted = np.full((tokens, 3), np.nan)
    for part, value in (density or {}).items():
        wanted[:, PARTS.index(part)] = value
    place = np.stack([token_map.bar, token_map.place, np.ones(tokens, dtype=np.int64)], axis=1)
    # All bars of a take share their random numbers, so that they differ only as far as what the net hears differs: a
    # drummer's pattern stays, and the same context twice gives the same fill (docs/lab-log.md has the figures).
    slot = token_map.place
    static = _static_features(all_bars, token_map, grid)
    lean = rule_lean(grid, token_map, shift, parts, bars)
    problem = Problem(given, hidden, mode, static, place, token_map.valid, wanted, slot, lean)
    return Frame(grid, token_map, shift, problem)


def rule_lean(grid: Grid, token_map: TokenMap, shift: int, parts: tuple[str, ...], bars: tuple[int, int]) -> np.ndarray:
    """What the rules of thumb know of each cell, in nats to add to its logit, float32 (T, S, P).

    Where the root lies at every moment is easy to work out and slow to learn. Of pitched parts it is the pitches of the
    rule that count, at all times that they sound and not only where the rule strikes them: its rhythm is poor.
    """
    planes = np.zeros((2, *grid.onset.shape), dtype=bool)
    for part in parts:
        onset, sustain = rule_part(grid, part, bars)
        planes[:, ROLES.index(part)] = onset if part == "drums" else sustain
    ruled = Grid(planes[0], planes[1], grid.bar_steps, grid.bars, grid.ticks_per_quarter)
    lean = np.zeros((token_map.valid.size, TARGET_PLANES), dtype=np.float32)
    lean[token_map.slot] = grid_to_planes(ruled, shift)[:, :TARGET_PLANES]
    weights = np.array([RULE_WEIGHT[part] for part in PARTS], dtype=np.float32)
    return lean.reshape(-1, STEPS, TARGET_PLANES) * weights[PART_OF_PLANE]


def _static_features(bars: Bars, token_map: TokenMap, grid: Grid) -> np.ndarray:
    """Features of every token, its bar counted from the first in which a note begins: silence round a song is no music.

    Bars of that silence are told as the first or last bar that sounds.
    """
    sounding = grid.bar_of_step[grid.onset.any(axis=(0, 1))]
    first, last = (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else (0, len(bars.steps))
    run = slice(first, last)
    heard = Bars(bars.steps[run], bars.numerator[run], bars.denominator[run], bars.tempo_qpm[run])
    return static_features(heard, replace(token_map, bar=np.clip(token_map.bar - first, 0, last - first - 1)))


def grid_to_planes(grid: Grid, shift: int) -> np.ndarray:
    """The net's planes of every step, bool (step, P + C), moved by `shift` semitones."""
    out = np.zeros((grid.steps, TARGET_PLANES + CONTEXT_PLANES), dtype=bool)
    bases = (("drums", DRUMS, 0), ("bass", BASS, 0), ("guitar", GUITAR, 0), ("other", OTHER, TARGET_PLANES))
    for role, planes, base in bases:
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


def let_sound(onset: np.ndarray, sustain: np.ndarray) -> np.ndarray:
    """Sustain in which no note is shorter than a sixteenth: one for which the net left the length open lasts until the
    part's next onset, an eighth at most. Bool (row, step)."""
    steps = onset.shape[1]
    struck = np.flatnonzero(onset.any(axis=0))
    following = dict(pairwise([*struck.tolist(), steps]))
    out = sustain.copy()
    for row, first in np.argwhere(onset).tolist():
        if not sustain[row, first : first + SHORTEST].all() or first + SHORTEST > steps:
            out[row, first : min(following[first], first + OPEN_LENGTH)] = True
    return out
