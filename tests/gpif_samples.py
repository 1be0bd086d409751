"""Real .gp and .gpx files of the data pack, parts to add to them, and what must not change when they are added."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from arranger.errors import SongFileError
from arranger.formats.gpif_container import open_container
from arranger.formats.gpif_read import read_gpif
from arranger.fretboard import BASS_4
from arranger.song import Bar, Note, Song, Track

SCORE = "Content/score.gpif"


def gpif_files(data_pack: Callable[[str], Path]) -> list[Path]:
    found = sorted(path for path in data_pack("guitarpro").rglob("*") if path.suffix in (".gp", ".gpx"))
    assert len(found) > 200
    return found


def a_sample(paths: list[Path], count: int, seed: int = 0) -> list[Path]:
    """Some files, small ones only, so that many fit into a test."""
    small = [path for path in paths if path.stat().st_size < 20_000]
    return sorted(random.Random(seed).sample(small, count))


def readable(paths: list[Path]) -> Iterator[tuple[Path, Song]]:
    for path in paths:
        try:
            yield path, read_gpif(path.read_bytes(), path.name)
        except SongFileError:
            continue


def bass(bars: tuple[Bar, ...]) -> Track:
    """Eighths up and down the neck, rests between, triplets in every third bar."""
    notes = []
    for bar in bars:
        unit = 320 if bar.index % 3 == 2 and bar.denominator == 4 else 480
        for index, start in enumerate(range(bar.start, bar.end, unit)):
            if index % 5 != 3:
                pitch = 28 + (bar.index * 5 + index * 3) % 22
                notes.append(Note(start, min(unit, bar.end - start), pitch, 95))
    return Track("Bass", 33, False, tuple(notes), tuning=BASS_4)


def drums(bars: tuple[Bar, ...]) -> Track:
    notes = []
    for bar in bars:
        for index, start in enumerate(range(bar.start, bar.end, 480)):
            notes += [Note(start, 240, 36 if index % 2 == 0 else 38, 95), Note(start, 240, 42, 79)]
        notes.append(Note(bar.start, 240, 49, 127))
    return Track("Drums", 0, True, tuple(sorted(notes)))


def with_parts(song: Song) -> Song:
    return song.with_tracks([*song.tracks, bass(song.bars), drums(song.bars)])


def heard(track: Track, same_kick: bool = False) -> list[tuple[int, int]]:
    """(start, pitch); Guitar Pro 6 has one kick, which comes back as key 35."""
    return sorted((note.start, 36 if same_kick and note.pitch == 35 else note.pitch) for note in track.notes)


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def score_text(data: bytes) -> str:
    return open_container(data, "x").score.rstrip(b"\0").decode("utf-8")


def taken_out(new: str, old: str) -> str:
    """A score's text without what was put into it: elements with ids that the old one doesn't have, and their ids."""
    for tag in ("Track", "Bar", "Voice", "Beat", "Note", "Rhythm", "ScoreView"):
        known = set(re.findall(rf'<{tag} id="(\d+)"', old))
        new = re.sub(
            rf'<{tag} id="(\d+)"(?:/>|[^>]*>.*?</{tag}>)\n',
            lambda found, known=known: found[0] if found[1] in known else "",  # type: ignore[misc]
            new,
            flags=re.DOTALL,
        )
    bars = set(re.findall(r'<Bar id="(\d+)"', old))
    tracks = set(re.findall(r'<Track id="(\d+)"', old))
    new = re.sub(
        r"(<MasterBar>.*?<Bars>)(.*?)(</Bars>)",
        lambda found: found[1] + _without(found[2], bars) + found[3],
        new,
        flags=re.DOTALL,
    )
    return re.sub(
        r"(<MasterTrack>\s*<Tracks>)(.*?)(</Tracks>)",
        lambda found: found[1] + _without(found[2], tracks) + found[3],
        new,
    )


def _without(ids: str, known: set[str]) -> str:
    return re.sub(r" (\d+)", lambda found: found[0] if found[1] in known else "", ids)
