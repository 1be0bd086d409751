"""Splicing Guitar Pro 3-5: every byte that isn't asked to change comes back, in its place."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import guitarpro as gp
import pytest
from guitarpro.models import NoteType
from guitarpro_scores import a_score, as_bytes, bass_line, drum_beat, files, put

from arranger.errors import SongFileError
from arranger.formats.guitarpro_file import Parsed, parse_guitarpro
from arranger.formats.guitarpro_read import read_guitarpro
from arranger.formats.guitarpro_splice import OldTrack, spliced
from arranger.formats.guitarpro_write import write_guitarpro
from arranger.fretboard import BASS_4
from arranger.song import Note, Song, Track

VERSIONS = [(3, 0, 0), (4, 0, 6), (5, 0, 0), (5, 1, 0)]


def parsed_files(data_pack: Callable[[str], Path]) -> list[tuple[Path, bytes, Parsed]]:
    found = []
    for path in files(data_pack):
        data = path.read_bytes()
        found.append((path, data, parse_guitarpro(data, path.name)))
    return found


def pieces(data: bytes, parsed: Parsed) -> tuple[list[bytes], list[list[bytes]]]:
    """(track headers, blocks by bar and track) cut out of a file."""
    layout = parsed.layout
    return [data[a:b] for a, b in layout.tracks], [[data[a:b] for a, b in spans] for spans in layout.blocks]


def test_the_pieces_cover_a_file_without_gaps(data_pack: Callable[[str], Path]) -> None:
    for path, data, parsed in parsed_files(data_pack):
        layout, model = parsed.layout, parsed.model
        assert len(layout.tracks) == len(model.tracks)
        assert struct.unpack_from("<2i", data, layout.track_count - 4) == (len(model.measureHeaders), len(model.tracks))
        for (_, end), (first, _) in pairwise(layout.tracks):
            assert end == first
        spans = [span for bar in layout.blocks for span in bar]
        for (_, end), (first, _) in pairwise(spans):
            assert end == first
        if model.tracks:
            assert spliced(data, parsed, [OldTrack(n) for n in range(len(model.tracks))]) == data, path


def test_old_bytes_are_all_there_when_tracks_are_added(data_pack: Callable[[str], Path]) -> None:
    count = 0
    for path, data, parsed in parsed_files(data_pack):
        try:
            song = read_guitarpro(data, path.name)
        except SongFileError:
            continue
        bass = Track("Bass", 33, False, bass_line(song.bars), tuning=BASS_4)
        drums = Track("Drums", 0, True, drum_beat(song.bars))
        out = write_guitarpro(song.with_tracks([*song.tracks, bass, drums]))
        again = parse_guitarpro(out, path.name)
        headers, blocks = pieces(data, parsed)
        new_headers, new_blocks = pieces(out, again)
        assert new_headers[:-2] == headers
        old = parsed.layout.blocks[-1][-1][1]
        for bar, (before, after) in enumerate(zip(blocks, new_blocks, strict=True)):
            added = b"\0" if parsed.layout.cut_short and bar == len(blocks) - 1 else b""
            assert after[:-2] == [*before[:-1], before[-1] + added], path
        assert out.endswith(data[old:])
        # Before the tracks only the count and the channels of the new tracks differ.
        head = parsed.layout.tracks[0][0]
        changed = [at for at in range(head) if out[at] != data[at]]
        table = range(parsed.layout.channels, parsed.layout.channels + 64 * 12)
        assert {at for at in changed if at not in table} <= set(range(parsed.layout.track_count, head))
        assert len({(at - table.start) // 12 for at in changed if at in table}) <= 3
        count += 1
    assert count > 90


def test_a_changed_bar_is_the_only_one_written_anew(data_pack: Callable[[str], Path]) -> None:
    rng = random.Random(4)
    count = 0
    for path, data, parsed in parsed_files(data_pack)[::2]:
        try:
            song = read_guitarpro(data, path.name)
        except SongFileError:
            continue
        index, bar = rng.randrange(len(song.tracks)), rng.choice(song.bars)
        track = song.tracks[index]
        if track.is_drum or len(song.bars) < 2:
            continue
        rest = tuple(note for note in track.notes if not bar.start <= note.start < bar.end)
        fresh = Note(bar.start, 240, min(track.tuning or (40,)) + track.capo)
        tracks = list(song.tracks)
        tracks[index] = replace(track, notes=tuple(sorted([*rest, fresh])))
        out = write_guitarpro(song.with_tracks(tracks))
        again = parse_guitarpro(out, path.name)
        assert pieces(out, again)[0] == pieces(data, parsed)[0]
        for number, (before, after) in enumerate(zip(pieces(data, parsed)[1], pieces(out, again)[1], strict=True)):
            for other in range(len(before)):
                # Ties that lost their note change the bars after it.
                if other != index or not 0 <= number - bar.index <= 3:
                    assert after[other] == before[other]
        count += 1
    assert count > 15


def score(version: tuple[int, int, int]) -> tuple[bytes, Song]:
    """Bar 1: half, half; bar 2: the second one tied over, twice on a chord; then a palm-muted note."""
    model = a_score(3)
    put(model, 0, 2, {6: 1})
    put(model, 0, 2, {6: 3, 5: 5, 4: 5})
    tied = put(model, 1, 2, {6: 3, 5: 5, 4: 7}, kind=NoteType.tie)
    tied.notes[2].type = NoteType.normal
    tied.notes[2].effect.letRing = True
    beat = put(model, 1, 2, {6: 5})
    beat.notes[0].effect.palmMute = True
    put(model, 2, 1, {5: 2})
    data = as_bytes(model, version)
    return data, read_guitarpro(data, "song")


def rewritten(song: Song, notes: list[Note]) -> tuple[bytes, Any]:
    out = write_guitarpro(song.with_tracks([replace(song.tracks[0], notes=tuple(sorted(notes)))]))
    return out, gp.parse(io.BytesIO(out))


@pytest.mark.parametrize("version", VERSIONS)
def test_ties_that_lost_their_notes_are_cut_out_of_their_chord(version: tuple[int, int, int]) -> None:
    data, song = score(version)
    notes = [note for note in song.tracks[0].notes if note.start >= 3840]
    out, model = rewritten(song, [Note(0, 960, 64, string=1, fret=0), *notes])
    first, second = model.tracks[0].measures[1].voices[0].beats[:2]
    assert [(note.string, note.value, note.effect.letRing) for note in first.notes] == [(4, 7, True)]
    assert version[0] == 3 or second.notes[0].effect.palmMute
    before, after = pieces(data, parse_guitarpro(data, "")), pieces(out, parse_guitarpro(out, ""))
    assert after[1][2] == before[1][2]
    assert len(after[1][1][0]) < len(before[1][1][0])


def test_a_tie_does_not_go_on_from_a_new_note_that_ends_before_it() -> None:
    model = a_score(2)
    put(model, 0, 1, {6: 3})
    put(model, 1, 1, {6: 3}, kind=NoteType.tie)
    song = read_guitarpro(as_bytes(model), "song")
    out, _ = rewritten(song, [Note(0, 960, 43, 95, 6, 3)])
    assert [(note.start, note.duration) for note in read_guitarpro(out, "again").tracks[0].notes] == [(0, 960)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_beat_that_lost_all_its_notes_is_a_rest(version: tuple[int, int, int]) -> None:
    model = a_score(2)
    put(model, 0, 1, {6: 1})
    put(model, 1, 2, {6: 1}, kind=NoteType.tie, dotted=True)
    put(model, 1, 4, {5: 2})
    song = read_guitarpro(as_bytes(model, version), "song")
    out, written = rewritten(song, [note for note in song.tracks[0].notes if note.start])
    beats = written.tracks[0].measures[1].voices[0].beats
    assert [(beat.status, beat.duration.value, beat.duration.isDotted) for beat in beats] == [
        (gp.BeatStatus.rest, 2, True),
        (gp.BeatStatus.normal, 4, False),
    ]
    assert read_guitarpro(out, "again").tracks[0].notes == (song.tracks[0].notes[1],)


def test_a_line_break_that_is_missing_at_the_end_is_put_in() -> None:
    data, song = score((5, 1, 0))
    cut = data[:-1]
    assert parse_guitarpro(cut, "").layout.cut_short
    assert not parse_guitarpro(data, "").layout.cut_short
    assert song.source is not None
    song = replace(song, source=replace(song.source, data=cut))
    new = Track("Bass", 33, False, (Note(0, 960, 40), Note(7680, 960, 33)), tuning=BASS_4)
    again = read_guitarpro(write_guitarpro(song.with_tracks([*song.tracks, new])), "again")
    assert again.tracks[0].notes == song.tracks[0].notes
    assert [(note.start, note.pitch) for note in again.tracks[1].notes] == [(0, 40), (7680, 33)]
    assert write_guitarpro(song) == cut


@pytest.mark.parametrize("version", [(4, 0, 6), (5, 1, 0)])
def test_lyrics_stay_with_their_track(version: tuple[int, int, int]) -> None:
    model = a_score(1)
    put(model, 0, 1, {1: 1})
    model.tracks.append(gp.Track(model, number=2, channel=gp.MidiChannel(2, 3)))
    model.lyrics.trackChoice = 2
    model.lyrics.lines[0].lyrics = "la la"
    song = read_guitarpro(as_bytes(model, version), "song")

    def sung(tracks: list[Track]) -> tuple[int, str]:
        lyrics = gp.parse(io.BytesIO(write_guitarpro(song.with_tracks(tracks)))).lyrics
        return lyrics.trackChoice, lyrics.lines[0].lyrics

    first, second = song.tracks
    assert sung([first, second]) == (2, "la la")
    assert sung([second, first]) == (1, "la la")
    assert sung([first]) == (0, "la la")


def test_text_that_cp1252_does_not_have_comes_back() -> None:
    model = a_score(1)
    put(model, 0, 1, {1: 0})
    model.title, model.tracks[0].name = "TITLE", "NAME"
    data = as_bytes(model).replace(b"TITLE", b"T\x81\x8dT\xe9").replace(b"NAME", b"N\x9dM\x90")
    song = read_guitarpro(data, "song.gp5")
    new = Track("it’s", 33, False, (Note(0, 960, 40),), tuning=BASS_4)
    out = write_guitarpro(song.with_tracks([*song.tracks, new]))
    assert b"T\x81\x8dT\xe9" in out
    assert b"N\x9dM\x90" in out
    assert read_guitarpro(out, "again").tracks[0] == song.tracks[0]


def test_a_grace_note_goes_with_its_note_into_a_bar_written_anew() -> None:
    model = a_score(2)
    put(model, 0, 1, {1: 1})
    for on_beat in (False, True):
        beat = put(model, 1, 2, {1: 5})
        beat.notes[0].effect.grace = gp.GraceEffect(fret=3, isOnBeat=on_beat)
    song = read_guitarpro(as_bytes(model), "song.gp5")
    notes = song.tracks[0].notes
    assert write_guitarpro(song) == as_bytes(model)
    out, written = rewritten(song, [*notes, Note(3840, 960, 40, string=6, fret=0)])
    assert {(note.start, note.pitch) for note in notes} < {
        (note.start, note.pitch) for note in read_guitarpro(out, "again").tracks[0].notes
    }
    graces = [note.effect.grace for beat in written.tracks[0].measures[1].voices[0].beats for note in beat.notes]
    assert [(grace.fret, grace.isOnBeat) for grace in graces if grace] == [(3, False), (3, True)]
