"""The root under each beat: a weighted look at what sounds, and the most plausible path through a song.

For each beat every pitch class is tried as the root: what sounds, and what is lowest, is weighed by its distance above
it (`arranger/data/rules.json`, fitted on what bassists and guitarists play). A root that lasts is more plausible than
one that changes, and one that changes at a half bar more than one that changes within.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from arranger.grid import Grid
from arranger.parts import ROLES
from arranger.rules.metre import beat_steps, span_steps

PITCHED = tuple(ROLES.index(role) for role in ("bass", "guitar", "other"))
"""Roles in the order of the weights: for each the chroma of what sounds, then of what is lowest."""
E_CLASS = 4
"""Root of a song in which nothing has pitch: the open low string."""
STAY = {"half bar": 0.5, "beat": 1.5}
"""Nats by which the same root is favoured from one beat to the next, at a half bar and within one."""


def chroma(grid: Grid, hidden: int, edges: np.ndarray) -> np.ndarray:
    """How much of each beat each pitch class sounds and is lowest, float 0..1, shape (beat, 6, 12).

    Parameters
    ----------
    hidden : role that is not looked at. edges : int, shape (beat + 1,), first steps of the beats and the end.
    """
    out = np.zeros((len(edges) - 1, 2 * len(PITCHED), 12))
    length = np.diff(edges)[:, None]
    for at, role in enumerate(PITCHED):
        if role == hidden:
            continue
        sustain = grid.sustain[role]
        classes = np.zeros((12, grid.steps), dtype=bool)
        for pitch in np.flatnonzero(sustain.any(axis=1)).tolist():
            classes[pitch % 12] |= sustain[pitch]
        lowest, sounds = sustain.argmax(axis=0), sustain.any(axis=0)
        low = (lowest % 12 == np.arange(12)[:, None]) & sounds
        out[:, 2 * at] = np.add.reduceat(classes, edges[:-1], axis=1).T / length
        out[:, 2 * at + 1] = np.add.reduceat(low, edges[:-1], axis=1).T / length
    return out


def rotated(found: np.ndarray) -> np.ndarray:
    """Features of each candidate root, shape (beat, 12, 72): the chroma counted upwards from it."""
    turn = (np.arange(12)[:, None] + np.arange(12)) % 12  # candidate, distance above it
    return np.ascontiguousarray(found[:, :, turn].transpose(0, 2, 1, 3)).reshape(len(found), 12, -1)


def best_path(scores: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Viterbi: the path that maximises its scores plus `stay` wherever it doesn't change.

    Parameters
    ----------
    scores : float, shape (beat, 12). stay : float >= 0, shape (beat,), reward for keeping the root at this beat.

    Returns
    -------
    int, shape (beat,).
    """
    beats = len(scores)
    back = np.zeros(scores.shape, dtype=int)
    total = scores[0]
    own = np.arange(scores.shape[1])
    for beat in range(1, beats):
        best = int(total.argmax())
        keeps = total + stay[beat] >= total[best]
        back[beat] = np.where(keeps, own, best)
        total = scores[beat] + np.where(keeps, total + stay[beat], total[best])
    path = np.zeros(beats, dtype=int)
    path[-1] = int(total.argmax())
    for beat in range(beats - 1, 0, -1):
        path[beat - 1] = back[beat, path[beat]]
    return path


def song_beats(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(first step of each beat and the end, shape (beat + 1,); whether a half bar begins there, shape (beat,))."""
    edges: list[int] = []
    halves: list[bool] = []
    for bar, start, length in zip(grid.bars, grid.bar_steps.tolist(), np.diff(grid.bar_steps).tolist(), strict=False):
        beats, spans = beat_steps(bar, length)[:-1], set(span_steps(bar, length))
        edges += [start + beat for beat in beats]
        halves += [beat in spans for beat in beats]
    return np.array([*edges, grid.steps]), np.array(halves)


def find_roots(grid: Grid, part: str) -> np.ndarray:
    """Pitch class of the root at each step for the player of `part`, int, shape (step,).

    Silence keeps the root before it, or takes the first that comes; E if nothing ever has a pitch.
    """
    edges, halves = song_beats(grid)
    found = chroma(grid, ROLES.index(part), edges)
    if not found.any():
        return np.full(grid.steps, E_CLASS)
    scores = rotated(found) @ root_weights()[part]
    path = best_path(scores, np.where(halves, STAY["half bar"], STAY["beat"]))
    return np.repeat(path, np.diff(edges))


@cache
def root_weights() -> dict[str, np.ndarray]:
    """Part -> weights, float, shape (72,): role, then sounds or lowest, then semitones above the root."""
    from arranger.rules.tables import load_roots

    return load_roots()
