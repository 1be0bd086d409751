"""What controls do to the model's chances before a take is drawn, in nats to be added to its logits.

The calibrated sampler draws as many notes whatever is added here, so a lean says where the notes go, not how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from arranger.controls import Controls, PartControls
from arranger.diffusion.layout import DRUM_ROWS, STEPS, TARGET_PLANES, TARGETS
from arranger.framing import Frame, written_steps
from arranger.grid import DRUMS, ROWS, STEPS_PER_QUARTER, Grid, notes_to_steps
from arranger.parts import PARTS
from arranger.request import FillRequest
from arranger.rules.metre import beat_steps
from arranger.voices import VOICES

KICK, SNARE = ([voice.name for voice in VOICES].index(name) for name in ("kick", "snare"))

OFF_THE_BEAT = {"drums": 4.0, "bass": 1.2, "guitar": 1.2}
"""Nats for a stroke off the beat where syncopation is asked for, and against it where plain playing is; of drums for
kick and snare alone, which lean on the rule as much."""
FOLLOWED, NOT_FOLLOWED = 3.0, -6.0
"""Nats for strokes where what is followed has one, and elsewhere."""
OUT_OF_RANGE = -4.0
"""Nats against pitches outside the range; those drawn all the same are moved into it by octaves."""

Lean = tuple[np.ndarray, np.ndarray]
"""Nats for onset and sustain, float (row, step) both on the song's grid."""


def cells_of(frame: Frame, part: str, onset: np.ndarray, sustain: np.ndarray) -> np.ndarray:
    """Values for one part on the song's grid, (row, step), as values for the net's cells, float32 (T, S, P)."""
    planes, tokens = TARGETS[PARTS.index(part)], len(frame.token_map.bar)
    flat = np.zeros((frame.grid.steps, TARGET_PLANES), dtype=np.float32)
    if part == "drums":
        flat[:, planes.onset] = onset[:DRUM_ROWS].T
    else:
        rows = np.arange(planes.rows) + planes.low - frame.shift
        there = np.flatnonzero((rows >= 0) & (rows < ROWS))
        flat[:, planes.first + there] = onset[rows[there]].T
        flat[:, planes.first + planes.rows + there] = sustain[rows[there]].T
    out = np.zeros((tokens * STEPS, TARGET_PLANES), dtype=np.float32)
    out[frame.token_map.slot] = flat[written_steps(frame.grid, frame.order)]
    return out.reshape(tokens, STEPS, TARGET_PLANES)


def steering(frame: Frame, request: FillRequest, controls: Controls, more: Mapping[str, Sequence[Lean]]) -> np.ndarray:
    """Nats for every cell, float32 (T, S, P), or zeros of no size where nothing was asked.

    Parameters
    ----------
    more : part -> further leans that others worked out: a chart, a manner to play in.
    """
    total = np.zeros((1, 1, 1), dtype=np.float32)
    for part in request.parts:
        asked = controls.of(part)
        leans = [_complexity(frame.grid, part, asked), _range(frame.grid, asked), _follow(frame.grid, request, asked)]
        leans += more.get(part, [])
        for lean in leans:
            if lean is not None:
                total = total + cells_of(frame, part, *lean)
    return total


def followed_steps(grid: Grid, request: FillRequest, asked: PartControls) -> np.ndarray | None:
    """Steps at which what is followed strikes, bool (step,); None where nothing is."""
    if asked.follow is None:
        return None
    if asked.follow == "kick":
        return np.asarray(grid.onset[DRUMS, KICK])
    track = request.song.tracks[int(asked.follow)]
    struck = np.zeros(grid.steps, dtype=bool)
    for _, first, _ in notes_to_steps(track.notes, grid.bars, grid.ticks_per_quarter, track.is_drum):
        struck[first] = True
    return struck


def _follow(grid: Grid, request: FillRequest, asked: PartControls) -> Lean | None:
    steps = followed_steps(grid, request, asked)
    if steps is None:
        return None
    nats = np.where(steps, FOLLOWED, NOT_FOLLOWED).astype(np.float32)
    # A bar in which what is followed rests is the part's own.
    rests = ~np.logical_or.reduceat(steps, grid.bar_steps[:-1])[grid.bar_of_step]
    onset = np.broadcast_to(np.where(rests, 0, nats), (ROWS, grid.steps))
    return onset, np.zeros((ROWS, grid.steps), dtype=np.float32)


def off_beat(grid: Grid) -> np.ndarray:
    """How far off the beat each step is, float (step,): 0 on a beat, .5 half-way, 1 on a sixteenth between."""
    out = np.ones(grid.steps)
    for bar, (first, last) in enumerate(zip(grid.bar_steps[:-1].tolist(), grid.bar_steps[1:].tolist(), strict=True)):
        beats = first + np.asarray(beat_steps(grid.bars[bar], last - first)[:-1], dtype=np.int64)
        halves = beats + STEPS_PER_QUARTER // 2
        out[halves[halves < last]] = 0.5
        out[beats] = 0.0
    return out


def _complexity(grid: Grid, part: str, asked: PartControls) -> Lean | None:
    if asked.complexity in (None, "normal"):
        return None
    nats = OFF_THE_BEAT[part] * (off_beat(grid) - 0.25) * (1 if asked.complexity == "syncopated" else -1)
    onset = np.zeros((ROWS, grid.steps), dtype=np.float32)
    onset[[KICK, SNARE] if part == "drums" else slice(None)] = nats
    return onset, np.zeros_like(onset)


def _range(grid: Grid, asked: PartControls) -> Lean | None:
    if asked.range is None:
        return None
    pitch = np.arange(ROWS)
    nats = np.where((pitch < asked.range[0]) | (pitch > asked.range[1]), OUT_OF_RANGE, 0).astype(np.float32)
    both = np.broadcast_to(nats[:, None], (ROWS, grid.steps))
    return both, both


def into_range(
    planes: tuple[np.ndarray, np.ndarray], limits: tuple[int, int], scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The part with notes outside the range moved into it by octaves; where none fits, to the nearest pitch of the
    scale in it, or the nearest pitch at all.

    Parameters
    ----------
    planes : onset and sustain, bool (row, step). limits : lowest and highest pitch. scale : bool (12,).
    """
    low, high = limits
    out = [np.zeros_like(plane) for plane in planes]
    allowed = np.arange(low, high + 1)
    for pitch in range(ROWS):
        if not planes[1][pitch].any() and not planes[0][pitch].any():
            continue
        fitting = allowed[allowed % 12 == pitch % 12]
        if not len(fitting):
            fitting = allowed[scale[allowed % 12]]
        if not len(fitting):
            fitting = allowed
        target = int(fitting[np.abs(fitting - pitch).argmin()])
        for plane, into in zip(planes, out, strict=True):
            into[target] |= plane[pitch]
    return out[0], out[1]
