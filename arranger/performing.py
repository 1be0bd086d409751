"""Notes on the grid as somebody plays them: dynamics, swing, and (in MIDI) a hand that is not a machine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arranger.controls import Controls
from arranger.grid import bar_step_table
from arranger.request import FillRequest
from arranger.rules import beat_steps
from arranger.song import Note, Song
from arranger.velocity import steady, with_velocities

TAB_FORMATS = ("gp3", "gp4", "gp5", "gpx", "gp")
EVEN = 90
"""Velocity of every note where nobody is to be heard playing."""
TRIPLET_SWING = 2 / 3
"""The only swing that a tab's notes can stand at."""


def is_tab(song: Song) -> bool:
    """Whether the song came from a Guitar Pro file, whose notes stand exactly on the grid."""
    return song.source is not None and song.source.format in TAB_FORMATS


def performed(
    notes: Sequence[Note], part: str, request: FillRequest, controls: Controls, strings: bool, seed: int
) -> tuple[Note, ...]:
    """The notes as they are written into the song: the same seed, the same hand."""
    song = request.context
    tab = is_tab(request.song)
    if not controls.human:
        played = tuple(replace(note, velocity=EVEN) for note in notes)
    else:
        try:  # TEMPORARY until feel.json is whole
            played = with_velocities(notes, part, song, seed)
        except KeyError:
            played = tuple(replace(note, velocity=EVEN) for note in notes)
        if tab and strings:
            played = steady(played, song)
    if controls.swing is not None:
        played = swung(played, song, controls.swing)
    return played


def swung(notes: Sequence[Note], song: Song, share: float) -> tuple[Note, ...]:
    """Notes between the beats moved so that the first half of each beat gets `share` of it.

    Notes on triplets stay; everything else is stretched with its beat, so that order and lengths go with it.

    Parameters
    ----------
    share : 0.5 (as it was) to 0.75.
    """
    edges = beat_edges(song)

    def moved(tick: int) -> int:
        at = int(np.searchsorted(edges, tick, side="right")) - 1
        if not 0 <= at < len(edges) - 1:
            return tick
        first, last = edges[at], edges[at + 1]
        place = (tick - first) / (last - first)
        if min(abs(place - 1 / 3), abs(place - 2 / 3)) < 1e-3:
            return tick
        bent = place * share / 0.5 if place < 0.5 else share + (place - 0.5) * (1 - share) / 0.5
        return round(first + bent * (last - first))

    out = []
    for note in notes:
        start, end = moved(note.start), moved(note.end)
        out.append(replace(note, start=start, duration=max(1, end - start)))
    return tuple(sorted(out))


def beat_edges(song: Song) -> np.ndarray:
    """Ticks of all beats and of the end, float (beat + 1,); beats are those of `rules.metre`."""
    lengths = np.diff(bar_step_table(song.bars, song.ticks_per_quarter)).tolist()
    edges: list[float] = []
    for bar, steps in zip(song.bars, lengths, strict=True):
        edges += [bar.start + beat * bar.length / steps for beat in beat_steps(bar, steps)[:-1]]
    return np.array([*edges, song.bars[-1].end])
