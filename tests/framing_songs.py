"""Songs for the tests of framing: random notes on the grid, in ordinary and odd metres."""

from __future__ import annotations

import numpy as np
import pytest

from arranger.diffusion.windows import IndexedPiece, index_piece
from arranger.grid import Grid, song_to_grid
from arranger.harmony import Key
from arranger.parts import detect_parts
from arranger.song import Note, Song, Tempo, TimeSignature, Track

pieces = pytest.importorskip("datasets.pieces", reason="needs symusic")

TPQ = 480
STEP = TPQ // 12
LONGEST = 255 * STEP
"""A stored note lasts 255 steps at most."""


def key_with(shift: int) -> Key:
    return Key(-shift % 12, "major")


def band(
    seed: int, metres: list[tuple[int, int, int]], length: int, lead: int = 0, skip: str = "", effects: bool = True
) -> Song:
    """Random grid-aligned notes on drums, bass, two guitars, keys and a sound effect, from tick `lead` on."""
    rng = np.random.default_rng(seed)

    def notes(count: int, low: int, high: int, longest: int = 30) -> tuple[Note, ...]:
        starts = rng.integers(lead // STEP, length // STEP, count)
        made = [
            Note(int(s) * STEP, min(int(d), length // STEP - int(s)) * STEP, int(p))
            for s, d, p in zip(starts, rng.integers(1, longest, count), rng.integers(low, high, count), strict=True)
        ]
        # One pitch, one note at a time: otherwise planes and notes are not the same thing.
        kept: dict[int, list[Note]] = {}
        for note in sorted(made):
            run = kept.setdefault(note.pitch, [])
            if not run or run[-1].end <= note.start:
                run.append(note)
        return tuple(sorted(note for run in kept.values() for note in run))

    tracks = [
        Track("Drums", 0, True, notes(120, 35, 60), channel=9),
        Track("Bass", 33, False, notes(80, 28, 55)),
        Track("Lead", 30, False, notes(60, 40, 84)),
        Track("Rhythm", 27, False, notes(90, 40, 76)),
        Track("Keys", 0, False, notes(70, 38, 90)),
    ]
    if effects:
        tracks.append(Track("Birds", 123, False, notes(9, 40, 80)))
    tracks = [track for track in tracks if track.name.lower() != skip]
    signatures = tuple(TimeSignature(*metre) for metre in metres)
    return Song(TPQ, tuple(tracks), (Tempo(0, 117.6), Tempo(9600, 93.2)), signatures, length=length)


COMMON = [(0, 4, 4)]
# 7/8, a bar of it cut short, 5/16, 6/8: bars of 42, 12, 15 and 36 steps
ODD = [(0, 7, 8), (9 * 42 * STEP + 12 * STEP, 5, 16), (9 * 42 * STEP + 12 * STEP + 8 * 15 * STEP, 6, 8)]
ODD_LENGTH = (9 * 42 + 12 + 8 * 15 + 10 * 36) * STEP
SONGS = {"common": (COMMON, 40 * 48 * STEP), "odd": (ODD, ODD_LENGTH), "short": (COMMON, 6 * 48 * STEP)}


def as_piece(song: Song) -> IndexedPiece:
    """The song as training has it."""
    ticks = [np.array([(n.start, n.end, n.pitch) for n in t.notes]).reshape(-1, 3) for t in song.tracks]
    return index_piece(pieces.piece_from_song("song", song, ticks))


def grid_of(song: Song, without: str | None = None) -> Grid:
    return song_to_grid(song, [role for role in detect_parts(song) if role.role != without])


def first_bar(grid: Grid) -> int:
    """First bar in which a note begins: where a stored song begins."""
    return int(grid.bar_of_step[np.flatnonzero(grid.onset.any(axis=(0, 1)))[0]])
