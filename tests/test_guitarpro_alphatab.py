"""Guitar Pro 3-5 judged by alphaTab: what we read is what it reads, and what we write leaves it the old tracks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from alphatab_oracle import OracleNote, dump, notes_of
from guitarpro_scores import bass_line, drum_beat, files

from arranger.errors import SongFileError
from arranger.formats.guitarpro_file import parse_guitarpro
from arranger.formats.guitarpro_read import read_guitarpro, struck_notes
from arranger.formats.guitarpro_write import write_guitarpro
from arranger.fretboard import BASS_4
from arranger.song import Note, Song, Track

ROUNDING = 6
"""Ticks: alphaTab cuts each note of a tuplet to whole ticks, so that they run early."""

GENERAL_MIDI = range(35, 82)
"""Its keys of drums."""


@cache
def songs(paths: tuple[Path, ...]) -> dict[Path, Song]:
    """The readable ones; the others have no notes."""
    found = {}
    for path in paths:
        with suppress(SongFileError):
            found[path] = read_guitarpro(path.read_bytes(), path.name)
    return found


@pytest.fixture(scope="module")
def readable(data_pack: Callable[[str], Path]) -> dict[Path, Song]:
    return songs(tuple(files(data_pack)))


def in_bar(notes: list[OracleNote], bars: list[dict[str, Any]]) -> list[OracleNote]:
    return [note for note in notes if note.start < bars[note.bar]["start"] + bars[note.bar]["length"] - ROUNDING / 2]


def test_the_refused_have_no_notes_in_alphatab_either(data_pack: Callable[[str], Path]) -> None:
    paths = files(data_pack)
    refused = [path for path in paths if path not in songs(tuple(paths))]
    assert 10 < len(refused) < 30
    for path, found in dump(refused).items():
        assert found["error"] or not any(track["notes"] for track in found["tracks"]), path


def test_all_files_are_read_as_alphatab_reads_them(readable: dict[Path, Song]) -> None:
    compared = 0
    for path, found in dump(readable).items():
        song = readable[Path(path)]
        assert found["error"] is None
        bars, late = found["masterBars"], 0
        assert list(song.order or range(len(song.bars))) == found["order"], path
        assert [(bar.start, bar.length, [bar.numerator, bar.denominator]) for bar in song.bars] == [
            (bar["start"], bar["length"], bar["metre"]) for bar in bars
        ]
        assert [track.name for track in song.tracks] == [track["name"] for track in found["tracks"]]
        for track, theirs in zip(song.tracks, found["tracks"], strict=True):
            assert (track.is_drum, [track.capo]) == (theirs["percussion"], theirs["capo"])
            if not track.is_drum:
                assert [list(track.tuning or ())] == theirs["tunings"]
            notes = in_bar([note for note in notes_of(theirs) if not note.tied], bars)
            late += len(theirs["notes"]) - len(in_bar(notes_of(theirs), bars))
            compared += len(notes)
            if not track.is_drum:
                assert Counter(map(place_of, track.notes)) == Counter(map(place_of, notes)), (path, track.name)
                continue
            assert len(track.notes) == len(notes), (path, track.name)
            # Beyond General MIDI's keys alphaTab plays others in their stead.
            assert Counter(note.pitch for note in track.notes if note.pitch in GENERAL_MIDI) <= Counter(
                note.pitch for note in notes
            ), (path, track.name)
        said = sum(int(warning.split(": ")[1].split()[0]) for warning in song.warnings if "were left out" in warning)
        assert said == late, path
    assert compared > 25_000


def place_of(note: Note | OracleNote) -> tuple[int | None, int | None, int]:
    return note.string, note.fret, note.pitch


def test_all_notes_start_where_alphatab_has_them(readable: dict[Path, Song]) -> None:
    compared = 0
    for path, found in dump(readable).items():
        song = readable[Path(path)]
        model = parse_guitarpro(Path(path).read_bytes(), path).model
        starts = [*(bar.start for bar in song.bars), song.bars[-1].end]
        for source, theirs in zip(model.tracks, found["tracks"], strict=True):
            notes = in_bar([note for note in notes_of(theirs) if not note.tied], found["masterBars"])
            if any(note.grace for note in notes):
                continue  # those take time from their neighbours, each program by its own taste
            ours = sorted((one.bar, one.note.start) for one in struck_notes(source, starts)[0])
            for mine, expected in zip(ours, sorted((note.bar, note.start) for note in notes), strict=True):
                assert mine[0] == expected[0]
                assert abs(mine[1] - expected[1]) <= ROUNDING
            compared += len(ours)
    assert compared > 20_000


def test_new_tracks_leave_the_old_ones_as_they_were(readable: dict[Path, Song], tmp_path: Path) -> None:
    written = {}
    for number, (path, song) in enumerate(readable.items()):
        bass = Track("Bass", 33, False, bass_line(song.bars), tuning=BASS_4)
        drums = Track("Drums", 0, True, drum_beat(song.bars))
        target = tmp_path / f"{number}{path.suffix}"
        target.write_bytes(write_guitarpro(song.with_tracks([*song.tracks, bass, drums])))
        written[target] = (path, bass, drums)
    before, after = dump(readable), dump(written)
    for target, (path, bass, drums) in written.items():
        old, new = before[str(path)], after[str(target)]
        assert new["error"] is None
        assert new["tracks"][:-2] == old["tracks"], path
        assert {key: new[key] for key in ("bars", "order", "masterBars", "title")} == {
            key: old[key] for key in ("bars", "order", "masterBars", "title")
        }
        bass_track, drum_track = new["tracks"][-2:]
        assert (bass_track["program"], bass_track["tunings"], drum_track["percussion"]) == (33, [list(BASS_4)], True)
        for track, wanted in ((bass_track, bass), (drum_track, drums)):
            found = [note for note in notes_of(track) if not note.tied]
            assert Counter((round(note.start), note.pitch) for note in found) == Counter(
                (note.start, note.pitch) for note in wanted.notes
            )
        for note in notes_of(bass_track):
            assert note.string is not None
            assert note.fret is not None
            assert BASS_4[note.string - 1] + note.fret == note.pitch


def test_a_changed_bar_leaves_the_others_as_they_were(readable: dict[Path, Song], tmp_path: Path) -> None:
    rng = random.Random(3)
    before = dump(readable)
    written = {}
    for number, (path, song) in enumerate(list(readable.items())[::2]):
        pitched = [index for index, track in enumerate(song.tracks) if not track.is_drum and track.tuning]
        if not pitched or len(song.bars) < 2:
            continue
        index, bar = rng.choice(pitched), rng.choice(song.bars)
        track = song.tracks[index]
        assert track.tuning
        fresh = [
            Note(bar.start + 480 * n, 480, track.tuning[-1] + track.capo + 1 + n % 9) for n in range(bar.length // 480)
        ]
        rest = [note for note in track.notes if not bar.start <= note.start < bar.end]
        tracks = list(song.tracks)
        tracks[index] = replace(track, notes=tuple(sorted([*rest, *fresh])))
        target = tmp_path / f"{number}{path.suffix}"
        target.write_bytes(write_guitarpro(song.with_tracks(tracks)))
        written[target] = (path, index, bar.index, fresh)
    after = dump(written)
    for target, (path, index, changed, fresh) in written.items():
        old, new = before[str(path)], after[str(target)]
        assert new["error"] is None
        for number, (theirs, ours) in enumerate(zip(old["tracks"], new["tracks"], strict=True)):
            if number != index:
                assert ours == theirs
                continue
            mine, others = notes_of(ours), notes_of(theirs)
            here = [note for note in mine if note.bar == changed and not note.tied and not note.grace]
            assert [(note.start, note.pitch) for note in sorted(here)] == [(note.start, note.pitch) for note in fresh]
            # A tie into the bars after loses its note; how the bar before ends depends on what follows.
            far = [note for note in others if abs(note.bar - changed) > 3]
            assert [note for note in mine if abs(note.bar - changed) > 3] == far
            near = [
                note[:10] for note in others if 0 < abs(note.bar - changed) <= 3 and not note.tied and not note.grace
            ]
            assert near == [
                note[:10] for note in mine if 0 < abs(note.bar - changed) <= 3 and not note.tied and not note.grace
            ]
    assert len(written) > 20
