"""Song -> MIDI: what was there comes back as it was, what is new is there; mido says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import symusic
from hypothesis import given, settings
from midi_files import DRUMS, NEW, by_mido, midi, timed, with_new
from midi_strategies import monophonic_by_pitch, notes_strategy, songs

from arranger.formats.midi_read import read_midi
from arranger.formats.midi_write import part_only_song, write_midi
from arranger.song import KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

# ---- nothing changed, or a track added -----------------------------------------------------------------------------


def test_unchanged_song_is_the_same_bytes() -> None:
    data = midi("00 FF 51 03 07A120", "00 C1 21  00 91 1C 40  60 1C 00") + b"XFIH\0\0\0\2ab"
    assert write_midi(read_midi(data, "x.mid")) == data


def test_a_new_track_stands_behind_the_last_one() -> None:
    old = midi("00 FF 51 03 07A120", "00 C1 21  00 91 1C 40  60 1C 00")
    data = write_midi(with_new(read_midi(old + b"XFIH\0\0\0\2ab", "x.mid"), NEW))
    assert data[14:].startswith(old[14:])
    assert data.endswith(b"XFIH\0\0\0\2ab")
    # type 1, three tracks
    assert data[8:14] == bytes.fromhex("0001 0003 0060")
    messages = by_mido(data).tracks[2]
    assert [str(message) for message in messages[:4]] == [
        "MetaMessage('track_name', name='Neuer BaÃ\\x9f', time=0)",  # mido reads Latin-1
        "program_change channel=0 program=33 time=0",
        "control_change channel=0 control=7 value=100 time=0",
        "control_change channel=0 control=10 value=64 time=0",
    ]
    assert [(m.type, m.note, m.velocity, m.time) for m in messages[4:-1]] == [
        ("note_on", 28, 90, 0),
        ("note_off", 28, 64, 48),
        ("note_on", 31, 70, 48),
        ("note_off", 31, 64, 48),
    ]


def test_type_0_becomes_type_1() -> None:
    old = midi("00 90 3C 40  60 3C 00", form=0)
    data = write_midi(with_new(read_midi(old, "x.mid"), NEW))
    assert by_mido(data).type == 1
    assert data[14 : len(old)] == old[14:]


def test_in_type_2_a_new_track_goes_into_the_chunk_of_the_song_that_was_read() -> None:
    song = read_midi(
        midi("00 90 3C 40  60 3C 00", "00 90 3C 40  60 3C 00  00 B0 07 64  00 90 3E 40  60 3E 00", form=2), "x"
    )
    assert song.source
    assert write_midi(song) == song.source.data
    data = write_midi(with_new(song, NEW))
    before, after = by_mido(song.source.data), by_mido(data)
    assert after.type == 2
    assert timed(after.tracks[0]) == timed(before.tracks[0])
    assert [event for event in timed(after.tracks[1]) if "channel=1" not in event[1]] == timed(before.tracks[1])
    assert [(track.source_id, track.program, track.notes) for track in read_midi(data, "x").tracks] == [
        ((1, 0), 0, song.tracks[0].notes),
        ((1, 1), 33, NEW.notes),
    ]


def test_film_frames_are_kept_in_the_header() -> None:
    old = midi("00 90 3C 40  60 3C 00", division="E728")
    data = write_midi(with_new(read_midi(old, "x.mid"), NEW))
    assert data[12:14] == b"\xe7\x28"
    assert read_midi(data, "x.mid").tracks[1].notes == NEW.notes


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("4D54726B 0000FFFF 00903C40 603C00 00FF2F00", id="length over the end"),
        pytest.param("4D54726B 00000010 00903C40 603C00 00FF0309", id="cut off"),
        pytest.param("4D54726B 00000002 00903C40 603C00 00FF2F00", id="length too short"),
    ],
)
def test_a_broken_chunk_is_repaired_so_that_others_find_the_new_track(broken: str) -> None:
    data = bytes.fromhex("4D546864 00000006 0001 0009 0060" + broken)
    song = read_midi(data, "x.mid")
    read_back = by_mido(write_midi(with_new(song, NEW)))
    assert timed(read_back.tracks[0])[:2] == [
        (0, "note_on channel=0 note=60 velocity=64 time=0"),
        (96, "note_on channel=0 note=60 velocity=0 time=0"),
    ]
    assert len(read_back.tracks) == 2


# ---- a whole new file ------------------------------------------------------------------------------------------------

MAPS = Song(
    960,
    (replace(NEW, notes=(Note(0, 480, 28), Note(960, 480, 31))), DRUMS),
    tempos=(Tempo(0, 93.5), Tempo(3840, 140.0)),
    time_signatures=(TimeSignature(0, 3, 4), TimeSignature(2880, 7, 8)),
    markers=(Marker(2880, "Strophe – für Ä"),),
    keys=(KeySignature(0, -7, True), KeySignature(2880, 7)),
    title="Lied",
    length=6240,
)


def test_new_file_has_everything() -> None:
    again = read_midi(write_midi(MAPS), "x.mid")
    assert [(t.name, t.program, t.is_drum, t.notes) for t in again.tracks] == [
        (t.name, t.program, t.is_drum, t.notes) for t in MAPS.tracks
    ]
    assert [tempo.tick for tempo in again.tempos] == [0, 3840]
    assert [tempo.qpm for tempo in again.tempos] == pytest.approx([93.5, 140.0], rel=1e-5)
    assert (again.time_signatures, again.markers, again.title) == (MAPS.time_signatures, MAPS.markers, MAPS.title)
    assert again.keys == MAPS.keys
    assert (again.length, again.bars, again.warnings) == (6240, MAPS.bars, ())
    score: Any = symusic.Score.from_midi(write_midi(MAPS))
    assert [(t.program, t.is_drum, len(t.notes)) for t in score.tracks] == [(33, False, 2), (0, True, 3)]
    assert [(one.time, one.numerator, one.denominator) for one in score.time_signatures] == [(0, 3, 4), (2880, 7, 8)]


def test_part_only() -> None:
    song = with_new(read_midi(midi("00 FF 51 03 0F4240  00 90 3C 40  60 3C 00"), "x.mid"), NEW)
    clip = part_only_song(song, [1])
    file = by_mido(write_midi(clip))
    assert len(file.tracks) == 2
    assert read_midi(write_midi(clip), "x.mid").tempos == (Tempo(0, 60.0),)
    with pytest.raises(IndexError):
        part_only_song(song, [2])


def test_ranges_are_clamped_and_overlaps_cut() -> None:
    notes = (Note(0, 96, 60, 0), Note(48, 96, 60, 200), Note(48, 20, 60), Note(200, 0, 130), Note(300, 10, -4))
    again = read_midi(write_midi(Song(96, (Track("", 0, False, notes),))), "x.mid")
    assert [(n.start, n.duration, n.pitch, n.velocity) for n in again.tracks[0].notes] == [
        (0, 48, 60, 1),
        (48, 96, 60, 127),
        (200, 1, 127, 80),
        (300, 10, 0, 80),
    ]


def test_ticks_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="40000"):
        write_midi(Song(40000, (NEW,)))


@settings(max_examples=40, deadline=None)
@given(notes_strategy, notes_strategy)
def test_any_notes_come_back(one: list[Note], two: list[Note]) -> None:
    tracks = (Track("A", 3, False, monophonic_by_pitch(one)), Track("D", 0, True, monophonic_by_pitch(two)))
    song = read_midi(write_midi(Song(96, tracks)), "x.mid")
    assert [track.notes for track in song.tracks] == [track.notes for track in tracks]
    # ... and again through an edit that swaps the notes of the two.
    swapped = song.with_tracks(
        [replace(song.tracks[0], notes=tracks[1].notes), replace(song.tracks[1], notes=tracks[0].notes)]
    )
    assert [t.notes for t in read_midi(write_midi(swapped), "x.mid").tracks] == [t.notes for t in swapped.tracks]


@settings(max_examples=30, deadline=None)
@given(songs())
def test_any_song_comes_back(song: Song) -> None:
    again = read_midi(write_midi(song), "x.mid")
    assert [(t.name, t.program, t.is_drum, t.notes) for t in again.tracks] == [
        (t.name, t.program, t.is_drum, t.notes) for t in song.tracks
    ]
    assert (again.ticks_per_quarter, again.time_signatures) == (song.ticks_per_quarter, song.time_signatures)
    assert (again.keys, again.markers) == (song.keys, song.markers)
    assert [tempo.tick for tempo in again.tempos] == [tempo.tick for tempo in song.tempos]
    for found, meant in zip(again.tempos, song.tempos, strict=True):
        # A file counts whole microseconds a quarter.
        assert abs(60e6 / found.qpm - 60e6 / meant.qpm) <= 0.51
    assert write_midi(again) == write_midi(song)  # what was read goes back as it came
