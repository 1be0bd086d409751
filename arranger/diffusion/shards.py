"""Packed training songs: one xz-compressed safetensors file a shard, read with numpy and safetensors alone.

A song is its bars and its notes on the grid (12 steps a quarter). Notes are stored bar by bar and sorted, so that a
bar that is repeated is the same run of bytes and xz makes it nearly free.

Columns (concatenated over the songs of the shard)
    song_bars, song_notes   int64 (song + 1,)  offsets of each song's bars and notes
    song_shift              int8  (song,)      semitones that bring the song's key to C major or A minor
    song_sounds             uint32 (song, SOUNDS)  notes in each class of sounds, see `layout.SOUND_OF_PROGRAM`
    bar_steps               uint8 (bar,)       length in steps
    bar_metre               uint8 (bar, 2)     numerator, denominator
    bar_tempo               uint16 (bar,)      quarters a minute at the bar line
    bar_notes               uint16 (bar,)      notes that begin in the bar
    note_line               uint8 (note,)      0 drums, 1 bass, 2 other, 3 + k the k-th guitar track
    note_step, note_row, note_length  uint8 (note,)   step in the bar, pitch or drum voice, steps it sounds
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from arranger.errors import TrainingError

FORMAT_VERSION = 2
DRUMS_LINE, BASS_LINE, OTHER_LINE, FIRST_GUITAR_LINE = 0, 1, 2, 3
MAX_BAR_STEPS = 255


@dataclass(frozen=True, eq=False)
class Piece:
    """One song on the grid; the columns of the module's docstring, for one song."""

    name: str
    shift: int
    sounds: np.ndarray
    bar_steps: np.ndarray
    bar_metre: np.ndarray
    bar_tempo: np.ndarray
    bar_notes: np.ndarray
    note_line: np.ndarray
    note_step: np.ndarray
    note_row: np.ndarray
    note_length: np.ndarray


_BAR_COLUMNS = ("bar_steps", "bar_metre", "bar_tempo", "bar_notes")
_NOTE_COLUMNS = ("note_line", "note_step", "note_row", "note_length")


def write_shard(path: Path, pieces: Sequence[Piece]) -> None:
    """Write one shard, beside and moved, so that a shard that exists is whole."""
    bars = np.cumsum([0, *(len(piece.bar_steps) for piece in pieces)], dtype=np.int64)
    notes = np.cumsum([0, *(len(piece.note_row) for piece in pieces)], dtype=np.int64)
    columns = {
        name: np.ascontiguousarray(np.concatenate([getattr(piece, name) for piece in pieces]))
        for name in (*_BAR_COLUMNS, *_NOTE_COLUMNS)
    }
    columns |= {"song_bars": bars, "song_notes": notes}
    columns["song_shift"] = np.array([piece.shift for piece in pieces], dtype=np.int8)
    columns["song_sounds"] = np.stack([piece.sounds for piece in pieces]).astype(np.uint32)
    header = {"format_version": str(FORMAT_VERSION), "names": json.dumps([piece.name for piece in pieces])}
    packed = lzma.compress(safetensors_numpy.save(columns, metadata=header), preset=6)
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(packed)
    beside.replace(path)


def read_shard(path: Path) -> list[Piece]:
    """Songs of one shard.

    Raises
    ------
    TrainingError
        if the file is no shard, is damaged, or has another format version.
    """
    try:
        raw = lzma.decompress(path.read_bytes())
        columns = safetensors_numpy.load(raw)
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
        version, names = int(header["format_version"]), json.loads(header["names"])
    except (OSError, lzma.LZMAError, SafetensorError, KeyError, ValueError) as err:
        raise TrainingError(
            f"{path.name} is not a readable shard ({err}); make it again with datasets.prepare."
        ) from err
    if version != FORMAT_VERSION:
        raise TrainingError(
            f"{path.name} has shard format {version}, this version reads {FORMAT_VERSION}; prepare again."
        )
    bars, notes, shifts = columns["song_bars"], columns["song_notes"], columns["song_shift"]
    pieces = []
    for song, name in enumerate(names):
        bar_run, note_run = slice(bars[song], bars[song + 1]), slice(notes[song], notes[song + 1])
        pieces.append(
            Piece(
                name,
                int(shifts[song]),
                columns["song_sounds"][song],
                **{column: columns[column][bar_run] for column in _BAR_COLUMNS},
                **{column: columns[column][note_run] for column in _NOTE_COLUMNS},
            )
        )
    return pieces


def read_shards(folder: Path, split: str) -> list[Piece]:
    """All songs of a split (`train` or `val`), in the order of the shard names."""
    paths = sorted(folder.glob(f"{split}-*.shard"))
    if not paths:
        raise TrainingError(f"{folder} has no {split}-*.shard; make them with python -m datasets.prepare.")
    return [piece for path in paths for piece in read_shard(path)]
