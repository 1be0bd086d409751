"""The door to disk: everything unreadable is a SongFileError, nothing is half written or overwritten."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import arranger
from arranger import files
from arranger.errors import SongFileError
from arranger.files import load_song, output_path, save_song, song_from_bytes
from arranger.formats.midi_write import write_midi
from arranger.song import Note, Song, Source, Track

SONG = Song(96, (Track("Bass", 33, False, (Note(0, 96, 40), Note(96, 96, 43))),), length=384)


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    save_song(SONG, tmp_path / "song.mid")
    assert load_song(tmp_path / "song.mid").tracks[0].notes == SONG.tracks[0].notes
    assert [path.name for path in tmp_path.iterdir()] == ["song.mid"]


def test_the_extension_plays_no_role(tmp_path: Path) -> None:
    (tmp_path / "song.gp5").write_bytes(b"\0\1" + write_midi(SONG))
    assert load_song(tmp_path / "song.gp5").source == Source("mid", b"\0\1" + write_midi(SONG), "song.gp5")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "damaged.*Open it in Guitar Pro"),
        (b"BCFZ1234", "says that it unpacks to 875 MB"),
        (b"BCFS1234", "holds no score.gpif"),
        (b"\x18FICHIER GUITARE PRO v1.0", "Guitar Pro 1 and 2"),
        (b"\x18FICHIER GUITAR PRO v5.10 and no more", "my song.xyz"),
        (b"<?xml version='1.0'?>", "not MIDI, Guitar Pro, MusicXML or DadaGP tokens"),
        (b"artist:x\ndowntune:0\ntempo:120\nstart\nnew_measure\nviolin:note:s1:f1\nend", "no token of the grammar"),
        (b"<score-partwise/>", "no notes"),
        (b"MThd", "cut off"),
    ],
)
def test_content_that_is_no_song(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "my song.xyz"
    path.write_bytes(data)
    with pytest.raises(SongFileError, match=words) as caught:
        load_song(path)
    assert caught.value.file == "my song.xyz"


@pytest.mark.parametrize("path", ["missing.mid", ".", "no\0where.mid", "x" * 5000, "/dev/null", ""])
def test_paths_that_are_no_file(path: str) -> None:
    with pytest.raises(SongFileError):
        load_song(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(write_midi(SONG))
    path.chmod(0)
    with pytest.raises(SongFileError, match="permission"):
        load_song(path)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(write_midi(SONG))
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 50)
    with pytest.raises(SongFileError, match="larger than"):
        load_song(path)


def test_a_parser_that_fails_is_the_files_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(data: bytes, name: str) -> Song:
        raise IndexError("list index out of range")

    monkeypatch.setattr(files, "read_midi", explode)
    with pytest.raises(SongFileError, match="damaged") as caught:
        song_from_bytes(write_midi(SONG), "a.mid")
    assert isinstance(caught.value.__cause__, IndexError)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_text("precious")
    with pytest.raises(SongFileError, match="exists already"):
        save_song(SONG, path)
    assert path.read_text() == "precious"
    save_song(SONG, path, overwrite=True)
    assert path.read_bytes() == write_midi(SONG)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.mid").write_text("precious")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SongFileError, match="no space left"):
        save_song(SONG, tmp_path / "a.mid", overwrite=True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.gpx", "read, not written. Write .gp"),
        ("a.wav", "kind “.wav”"),
        ("a", "no extension"),
        ("none/a.mid", "does not exist"),
        (".", "folder"),
        ("x" * 300 + ".mid", "can't be written"),
    ],
)
def test_what_can_not_be_written(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(SongFileError, match=words):
        save_song(SONG, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "read", "parts", "part_only", "expected"),
    [
        ("a/song.mid", "mid", ["bass"], False, "a/song.bass.mid"),
        ("a/song.v2.MID", "mid", ["drums", "bass"], False, "a/song.v2.bass+drums.MID"),
        ("song.gp5", "gp5", ["guitar"], False, "song.guitar.gp5"),
        ("song.gp4", "gp5", ["guitar"], False, "song.guitar.gp5"),
        ("song.gp5", "gp5", ["guitar"], True, "song.guitar.mid"),
        ("song.kar", "mid", ["bass"], False, "song.bass.mid"),
        ("song", "mid", ["bass"], False, "song.bass.mid"),
        ("song.gpx", "gpx", ["bass"], False, "song.bass.gp"),
        ("song.xml", "musicxml", ["bass"], False, "song.bass.xml"),
        ("song.mxl", "musicxml", ["bass"], False, "song.bass.mxl"),
        ("song.gp5.tokens.txt", "txt", ["bass"], False, "song.gp5.bass.tokens.txt"),
        ("song.txt", "txt", ["bass"], False, "song.bass.txt"),
    ],
)
def test_output_path(path: str, read: str, parts: list[str], part_only: bool, expected: str) -> None:
    song = Song(960, (), source=Source(read, b""))
    assert output_path(path, song, parts, part_only) == Path(expected)


def test_odd_files_and_mutants_raise_nothing_else(data_pack: Callable[[str], Path]) -> None:
    odd = sorted(data_pack("odd-midi").rglob("*.mid"))
    readable = 0
    for path in odd:
        try:
            readable += bool(load_song(path).bars)
        except SongFileError:
            continue
    assert readable >= 55
    rng = random.Random(0)
    pool = [path.read_bytes() for path in odd] + [write_midi(SONG)] * 10
    for _ in range(300):
        data = bytearray(rng.choice(pool))
        for _ in range(rng.randint(1, 8)):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(4)
            if kind == 0 and at < len(data):
                data[at] = rng.randrange(256)
            elif kind == 1:
                data[at : at + rng.randint(1, 20)] = b""
            elif kind == 2:
                data[at:at] = rng.randbytes(rng.randint(1, 20))
            else:
                data[at : at + 4] = rng.choice([b"MTrk", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\x2f\0", b"\x7f" * 4])
        try:
            song = song_from_bytes(bytes(data), "mutant.mid")
            again = song_from_bytes(write_midi(song), "again.mid")
        except SongFileError:
            continue
        assert len(song.bars) <= 20_000
        heard = [(track.source_id, track.notes) for track in song.tracks]
        assert [(track.source_id, track.notes) for track in again.tracks] == heard


def test_import_is_light_and_names_are_there() -> None:
    code = (
        "import sys, arranger\n"
        "heavy = {'numpy', 'torch', 'music21', 'mido', 'guitarpro', 'streamlit'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "arranger.load_song, arranger.Song, arranger.Fill, arranger.apply_fill, arranger.SongFileError\n"
        "from arranger import save_song, Note, Track, ArrangerError, FillRequestError\n"
        "assert not {'numpy', 'torch', 'mido'} & set(sys.modules)\n"
        "assert {'fill', 'load_song'} <= set(dir(arranger))\n"
        "try:\n    arranger.nonsense\n"
        "except AttributeError:\n    sys.exit(0)\n"
        "sys.exit(1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_every_public_name_leads_somewhere_and_none_is_a_module() -> None:
    import_module("arranger.fills")
    import_module("arranger.filler")
    for name in arranger.__all__:
        assert callable(getattr(arranger, name)), name
