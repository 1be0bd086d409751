"""Grid to the sampler's problem and back: the one place where songs meet the net's layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from arranger.diffusion.layout import (
    BASS,
    CONTEXT_PLANES,
    DRUM_ROWS,
    DRUMS,
    GUITAR,
    IS_ONSET,
    LOWEST,
    MODES,
    OTHER,
    PART_OF_PLANE,
    SOUND_OF_PROGRAM,
    SOUNDS,
    STEPS,
    TARGET_PLANES,
    TARGETS,
    Bars,
    Planes,
    TokenMap,
    fold,
    lowest_planes,
    map_tokens,
    song_features,
    static_features,
)
from arranger.diffusion.sampler import Problem
from arranger.grid import ROWS, Grid
from arranger.harmony import Key, estimate_key, pitch_class_weights
from arranger.parts import PARTS, ROLES
from arranger.rules import bar_tempos, rule_part
from arranger.song import Song

SHORTEST = STEPS // 4
"""Steps of a sixteenth."""
HELD = 0.6
"""A note is held while as much of the part is likely to sound as this share of what was likely at its start."""
RULE_WEIGHT = {"drums": 3.0, "bass": 1.5, "guitar": 1.5}
"""Nats that the rule's notes are raised by, chosen on val (docs/lab-log.md)."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A problem with what is needed to read the answer.

    The net hears the song as it is played, repeats and all; the grid has it as it is written.

    grid : the song as written. order : int (played bar,), the written bar that is played there.
    token_map : tokens of the played bars. shift : semitones to the net's key.
    """

    grid: Grid
    order: np.ndarray
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
    asked: Mapping[str, Sequence[int]] | None = None,
) -> Frame:
    """Problem of filling `parts` in the bars [first, last); what the grid has of them there is not looked at.

    The net must see what it saw in training (`diffusion.windows`): nothing is given in a hidden cell, not even the end
    of a note that began before it; a part without any other note is absent, not resting; and bars are counted from the
    first in which anybody plays.

    Parameters
    ----------
    key : instead of the estimated one. density : part -> onsets a beat that are asked for.
    asked : part -> the bars among these that are to be filled; all where it is not said.
    """
    order = playing_order(song)
    written = song_bars(song, grid)
    played = Bars(*(getattr(written, entry.name)[order] for entry in fields(Bars)))
    token_map = map_tokens(played, 0, len(order))
    written_bar, played_step = order[token_map.bar], written_steps(grid, order)
    shift = (key or context_key(grid)).shift
    tokens = len(token_map.bar)
    given = np.zeros((tokens * STEPS, TARGET_PLANES + CONTEXT_PLANES), dtype=bool)
    given[token_map.slot, : -LOWEST.rows] = grid_to_planes(grid, shift)[played_step]
    given = given.reshape(tokens, STEPS, -1)
    hidden = np.zeros((tokens, len(PARTS)), dtype=bool)
    for part in parts:
        hidden[:, PARTS.index(part)] = np.isin(written_bar, (asked or {}).get(part, range(*bars)))
    given[..., :TARGET_PLANES] &= ~hidden[:, None, PART_OF_PLANE]
    onsets = given[..., np.flatnonzero(IS_ONSET)]
    has = np.array([bool(onsets[..., PART_OF_PLANE[IS_ONSET] == part].any()) for part in range(len(PARTS))])
    mode = np.where(hidden, MODES["unknown"], np.where(has, MODES["given"], MODES["absent"]))
    given[..., :TARGET_PLANES] &= (mode == MODES["given"])[:, None, PART_OF_PLANE]
    given[..., -LOWEST.rows :] = lowest_planes(given)
    wanted = np.full((tokens, 3), np.nan)
    for part, value in (density or {}).items():
        wanted[:, PARTS.index(part)] = value
    place = np.stack([token_map.bar, token_map.place, np.ones(tokens, dtype=np.int64)], axis=1)
    # All bars of a take share their random numbers, so that they differ only as far as what the net hears differs: a
    # drummer's pattern stays, and the same context twice gives the same fill (docs/lab-log.md has the figures).
    slot = token_map.place
    unknown = np.any(mode != MODES["given"], axis=0)
    struck = np.asarray(grid.onset.any(axis=(0, 1)))
    begins = np.repeat(np.arange(len(order)), played.steps)[struck[played_step]]
    static = _static_features(played, token_map, begins, song_features(shift, sounds(song), unknown))
    lean = np.zeros((tokens * STEPS, TARGET_PLANES), dtype=np.float32)
    lean[token_map.slot] = rule_lean(grid, shift, parts, bars, bar_tempos(song))[played_step]
    # A bar that is played several times is written once: it is found as one.
    tied = None if len(np.unique(order)) == len(order) else written_bar * (int(token_map.place.max()) + 1) + slot
    lean = lean.reshape(tokens, STEPS, -1)
    problem = Problem(given, hidden, mode, static, place, token_map.valid, wanted, slot, lean, tied)
    return Frame(grid, order, token_map, shift, problem)


def playing_order(song: Song) -> np.ndarray:
    """Written bar of each played bar, int (played bar,); bars that are never played come last, once each."""
    order = np.array(song.order or range(len(song.bars)), dtype=np.int64)
    return np.concatenate([order, np.setdiff1d(np.arange(len(song.bars)), order)])


def written_steps(grid: Grid, order: np.ndarray) -> np.ndarray:
    """Step of the grid that is played at each played step, int (played step,)."""
    lengths = np.diff(grid.bar_steps)[order]
    begins = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(grid.bar_steps[:-1][order] - begins, lengths)


def rule_lean(
    grid: Grid, shift: int, parts: tuple[str, ...], bars: tuple[int, int], tempo: Sequence[float]
) -> np.ndarray:
    """What the rules of thumb know of each cell, in nats to add to its logit, float32 (step, P).

    Where the root lies at every moment is easy to work out and slow to learn. Of pitched parts it is the pitches of the
    rule that count, at all times that they sound and not only where the rule strikes them: its rhythm is poor.
    """
    planes = np.zeros((2, *grid.onset.shape), dtype=bool)
    for part in parts:
        onset, sustain = rule_part(grid, part, bars, tempo)
        planes[:, ROLES.index(part)] = onset if part == "drums" else sustain
    ruled = Grid(planes[0], planes[1], grid.bar_steps, grid.bars, grid.ticks_per_quarter)
    weights = np.array([RULE_WEIGHT[part] for part in PARTS], dtype=np.float32)
    return grid_to_planes(ruled, shift)[:, :TARGET_PLANES] * weights[PART_OF_PLANE]


def sounds(song: Song) -> np.ndarray:
    """Notes of the song in each class of sounds, int (SOUNDS,)."""
    counts = np.zeros(SOUNDS, dtype=np.int64)
    for track in song.tracks:
        sound = SOUND_OF_PROGRAM.get(track.program)
        if sound is not None and not track.is_drum:
            counts[sound] += len(track.notes)
    return counts


def _static_features(bars: Bars, token_map: TokenMap, begins: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Features of every token, its bar counted from the first in which a note begins: silence round a song is no music.

    Bars of that silence are told as the first or last bar that sounds.

    Parameters
    ----------
    begins : int, sorted, bars in which a note begins.
    """
    first, last = (int(begins[0]), int(begins[-1]) + 1) if len(begins) else (0, len(bars.steps))
    run = slice(first, last)
    heard = Bars(bars.steps[run], bars.numerator[run], bars.denominator[run], bars.tempo_qpm[run])
    inside = replace(token_map, bar=np.clip(token_map.bar - first, 0, last - first - 1))
    return static_features(heard, inside, told)


def grid_to_planes(grid: Grid, shift: int) -> np.ndarray:
    """The net's planes of every step but the derived ones, bool (step, P + OTHER), moved by `shift` semitones."""
    out = np.zeros((grid.steps, TARGET_PLANES + OTHER.all.stop), dtype=bool)
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
    """Onset and sustain of one part on the frame's grid, (row, step), from a roll (T, S, P): bool for a take, float for
    chances. An onset sounds, whatever its sustain cell says."""
    planes: Planes = TARGETS[PARTS.index(part)]
    played = roll.reshape(-1, TARGET_PLANES)[frame.token_map.slot]
    flat = np.empty((frame.grid.steps, TARGET_PLANES), dtype=roll.dtype)
    flat[written_steps(frame.grid, frame.order)[::-1]] = played[::-1]  # of a repeated bar the first time counts
    onset, sustain = (np.zeros((ROWS, frame.grid.steps), dtype=roll.dtype) for _ in range(2))
    if part == "drums":
        onset[:DRUM_ROWS] = flat[:, planes.onset].T
        return onset, onset.copy()
    rows = np.clip(np.arange(planes.rows) + planes.low - frame.shift, 0, ROWS - 1)
    onset[rows] = flat[:, planes.onset].T
    sustain[rows] = flat[:, planes.sustain].T
    return onset, np.maximum(sustain, onset)


def let_sound(onset: np.ndarray, sustain: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Sustain in which notes last as long as the net means them to, bool (row, step).

    A take draws every cell by itself, and where the net is not sure of the pitch each has a chance below one half:
    notes are cut off. But where nothing new is struck, what sounds can only be what was struck last: it is held while
    the part is likely to sound at all, to the next onset at most, and for a sixteenth at least unless that comes first.

    Parameters
    ----------
    chance : float (row, step), the net's mean prediction of the sustain.
    """
    steps = onset.shape[1]
    struck = np.flatnonzero(onset.any(axis=0))
    following = dict(pairwise([*struck.tolist(), steps]))
    out = sustain.copy()
    sounding = chance.sum(axis=0)
    for row, first in np.argwhere(onset).tolist():
        until = following[first]
        silent = np.flatnonzero(sounding[first:until] < HELD * sounding[first])
        last = first + int(silent[0]) if len(silent) else until
        out[row, first : min(until, max(last, first + SHORTEST))] = True
    return out
