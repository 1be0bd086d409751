"""Learn the velocity table: `python -m datasets.velocity_table GROOVE_DIR TRAIN_DIR -o arranger/data/velocity.json`.

Drums come from the 4/4 beats of the Groove MIDI Dataset (Gillick et al., "Learning to Groove with Inverse Sequence
Transformations", ICML 2019; CC BY 4.0), its training split only, so that its test split can judge the table. Bass and
guitar come from songs of a folder of MIDI files, tracks with several different velocities only, each taken relative to
its own mean, since how loud a whole track is says nothing about its accents. The drum tracks of the same songs set the
balance between the voices: the recordings' kick pads answer so softly (mean 64) that through a General MIDI sound
font the kick would be lost; accents stay the drummers' own.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import symusic

from arranger.parts import detect_parts
from arranger.song import Note, Song, TimeSignature, Track
from arranger.velocity import SHAPES, situations

MIN_VELOCITIES, MIN_NOTES = 8, 50
SONGS, SEED = 500, 0
PRIOR = 20.0
"""A cell with so many notes weighs as much as the broader mean that it is drawn to."""
PITCHED_LEVEL = 88.0
"""Mean velocity of a generated bass or guitar part."""
HEADROOM = 112
"""No cell's mean is above this, so that a loud bar has room to be louder."""
GROOVE_KEYS = {22: 42, 26: 46, 58: 43}
"""The kit of the recordings sends its own keys for hat edges and the rim of the floor tom (the data set's README)."""


def read_midi(path: Path) -> Song:
    """Notes, tracks and time signatures of a MIDI file; raises RuntimeError or ValueError for a broken one."""
    score: Any = symusic.Score.from_midi(path.read_bytes(), sanitize_data=True)
    tracks = []
    for track in score.tracks:
        notes = sorted(Note(n.time, max(1, n.duration), n.pitch, n.velocity) for n in track.notes)
        tracks.append(Track(track.name, track.program, track.is_drum, tuple(notes)))
    metres = {t.time: (t.numerator, t.denominator) for t in score.time_signatures if t.numerator and t.denominator}
    signatures = tuple(TimeSignature(tick, *metre) for tick, metre in sorted(({0: (4, 4)} | metres).items()))
    return Song(score.ticks_per_quarter, tuple(tracks), time_signatures=signatures)


def groove_songs(folder: Path, split: str) -> Iterator[Song]:
    """The 4/4 beats (not the fills) of one split of the Groove MIDI Dataset, keys brought to General MIDI."""
    index = next(iter(sorted(folder.rglob("info.csv"))), None)
    if index is None:
        raise FileNotFoundError(f"{folder} has no info.csv of the Groove MIDI Dataset")
    with index.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == split]
    for row in rows:
        if row["beat_type"] == "beat" and row["time_signature"] == "4-4":
            song = read_midi(index.parent / row["midi_filename"])
            yield song.with_tracks(
                replace(t, notes=tuple(replace(n, pitch=GROOVE_KEYS.get(n.pitch, n.pitch)) for n in t.notes))
                for t in song.tracks
            )


def lively_tracks(folder: Path, songs: int, seed: int) -> Iterator[tuple[str, Song, Track]]:
    """(part, song, track) of the tracks with dynamics of the parts of `songs` songs taken at random."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    random.Random(seed).shuffle(paths)
    for path in paths:
        if songs == 0:
            return
        try:
            song = read_midi(path)
        except (RuntimeError, ValueError):
            continue
        found = False
        for role in detect_parts(song):
            track = song.tracks[role.track]
            lively = len({note.velocity for note in track.notes}) >= MIN_VELOCITIES
            if role.role in SHAPES and lively and len(track.notes) >= MIN_NOTES:
                found = True
                yield role.role, song, track
        songs -= found


class Tally:
    """Sums over the notes of each cell of a part's table."""

    def __init__(self, part: str):
        self.part = part
        self.count, self.total, self.squares = np.zeros((3, *SHAPES[part]))
        self.balance = np.zeros(SHAPES[part][:1] + (1,) * (len(SHAPES[part]) - 1))

    def add(self, song: Song, notes: tuple[Note, ...], centred: bool) -> None:
        """Count a track; `centred` takes its velocities from its own mean."""
        velocity = np.array([note.velocity for note in notes], dtype=float)
        cells = situations(notes, self.part, song)
        np.add.at(self.count, cells, 1)
        np.add.at(self.total, cells, velocity - (velocity.mean() - PITCHED_LEVEL if centred else 0))
        # The spread of one player: deviations from what this player does in this situation.
        flat = np.ravel_multi_index(cells, SHAPES[self.part])
        each = np.bincount(flat, velocity) / np.maximum(np.bincount(flat), 1)
        np.add.at(self.squares, cells, (velocity - each[flat]) ** 2)

    def balance_to(self, other: Tally) -> None:
        """Shift each voice by how much louder `other` plays it in the same situations."""
        axes = tuple(range(1, self.count.ndim))
        own = self.total / np.maximum(self.count, 1)
        shared = np.where(self.count > 0, other.count, 0)
        louder = np.where(self.count > 0, other.total, 0) - own * shared
        self.balance = louder.sum(axes, keepdims=True) / (shared.sum(axes, keepdims=True) + PRIOR)

    def table(self) -> dict[str, list]:
        """Mean and spread, every cell drawn to the mean over its last axis, that one to the one before, and so on."""
        mean, spread = np.zeros((2, *SHAPES[self.part]))
        mean[...] = self.total.sum() / self.count.sum()
        spread[...] = self.squares.sum() / self.count.sum()
        for axes in range(self.count.ndim - 1, -1, -1):
            over = tuple(range(self.count.ndim - axes, self.count.ndim)) if axes else ()
            count, total, squares = (
                x.sum(axis=over, keepdims=True) if over else x for x in (self.count, self.total, self.squares)
            )
            mean = (total + PRIOR * mean) / (count + PRIOR)
            spread = (squares + PRIOR * spread) / (count + PRIOR)
        mean = np.minimum(mean + self.balance, HEADROOM)
        return {"mean": np.rint(mean).astype(int).tolist(), "spread": np.rint(np.sqrt(spread)).astype(int).tolist()}


def learn(groove: Path, train: Path) -> dict[str, object]:
    """The whole table, ready for JSON."""
    tallies = {part: Tally(part) for part in SHAPES}
    for song in groove_songs(groove, "train"):
        for track in song.tracks:
            if track.notes:
                tallies["drums"].add(song, track.notes, centred=False)
    band_drums = Tally("drums")
    for part, song, track in lively_tracks(train, SONGS, SEED):
        if part == "drums":
            band_drums.add(song, track.notes, centred=False)
        else:
            tallies[part].add(song, track.notes, centred=True)
    tallies["drums"].balance_to(band_drums)
    counts = {part: int(tally.count.sum()) for part, tally in tallies.items()}
    source = "drums: Groove MIDI Dataset (CC BY 4.0), train split, 4/4 beats; bass, guitar: statistics of a song corpus"
    return {"source": source, "notes": counts} | {part: tally.table() for part, tally in tallies.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groove", type=Path, metavar="GROOVE_DIR")
    parser.add_argument("train", type=Path, metavar="TRAIN_DIR")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    table = learn(arguments.groove, arguments.train)
    lines = [f" {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in table.items()]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{table['notes']} -> {arguments.out}\n")


if __name__ == "__main__":
    main()
