"""Small songs of every format, for the fuzz: the project's own examples, and what a data pack has."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from mutations import bcfs, bcfz

from arranger.errors import SongFileError
from arranger.files import load_song
from arranger.formats.gpif_container import open_container
from arranger.formats.targets import serialised
from arranger.song import Song

ROOT = Path(__file__).parents[1]
KINDS = ("mid", "gp3", "gp4", "gp5", "gp", "gpx", "txt", "musicxml", "mxl")
MAX_SEED_BYTES = 40_000


def own_seeds() -> dict[str, list[bytes]]:
    """Seeds of each kind made from the examples; a kind that can't be made from one is left out there."""
    seeds: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    for name in ("paper-boats.gp5", "three-four.mid"):
        whole = load_song(ROOT / "examples" / name)
        song = _beginning(whole, 6)
        for kind in KINDS:
            if whole.source and kind == whole.source.format:
                seeds[kind].append(whole.source.data)
                continue
            try:
                if kind == "gpx":
                    image = bcfs({"score.gpif": open_container(serialised(song, "gp").data, "x").score})
                    seeds[kind] += [image, bcfz(image)]
                else:
                    seeds[kind].append(serialised(song, kind).data)
            except SongFileError:
                continue
    return seeds


def pack_seeds(folder: Path, each: int) -> dict[str, list[bytes]]:
    """Up to `each` small files of every kind below a folder, always the same ones."""
    seeds: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix[1:].lower() in KINDS]
    random.Random(0).shuffle(paths)
    for path in paths:
        kept = seeds[path.suffix[1:].lower()]
        if len(kept) < each and path.stat().st_size <= MAX_SEED_BYTES:
            kept.append(path.read_bytes())
    return seeds


def _beginning(song: Song, bars: int) -> Song:
    """The first bars of a song, without a source."""
    end = song.bars[min(bars, len(song.bars)) - 1].end
    tracks = [
        replace(track, notes=tuple(note for note in track.notes if note.end <= end), source_id=None)
        for track in song.tracks
    ]
    return replace(
        song,
        tracks=tuple(tracks),
        length=end,
        order=(),
        source=None,
        tempos=tuple(one for one in song.tempos if one.tick < end),
        time_signatures=tuple(one for one in song.time_signatures if one.tick < end),
        markers=tuple(one for one in song.markers if one.tick < end),
        keys=tuple(one for one in song.keys if one.tick < end),
        feels=tuple(one for one in song.feels if one.tick < end),
    )
