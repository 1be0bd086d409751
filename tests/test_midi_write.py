"""Song -> MIDI: what was there comes back as it was, what is new is there; mido says so."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.formats.midi_read import read_midi
from arranger.formats.midi_write import part_only_song, write_midi
from arranger.formats.smf import parse_smf
from arranger.song import Marker, Note, Song, Tempo, TimeSignature, Track

NEW = Track("Neuer Baß", 33, False, (Note(0, 48, 28, 90), Note(96, 48, 31, 70)))
DRUMS = Track("Drums", 0, True, (Note(0, 24, 36), Note(0, 24, 42), Note(48, 24, 38)))
END = "00 FF2F00"


def midi(*tracks: str, form: int = 1) -> bytes:
    bodies = [bytes.fromhex(body + END) for body in tracks]
    head = b"MThd\0\0\0\6" + form.to_bytes(2, "big") + len(bodies).to_bytes(2, "big") + b"\0\x60"
    return head + b"".join(b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies)


def by_mido(data: bytes) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(data), clip=True)


def timed(track: mido.MidiTrack) -> list[tuple[int, str]]:
    """(tick, message) of all but the end of track."""
    now, out = 0, []
    for message in track:
        now += message.time
        if message.type != "end_of_track":
            out.append((now, str(message.copy(time=0))))
    return out


def with_new(song: Song, *tracks: Track) -> Song:
    return song.with_tracks([*song.tracks, *tracks])


def heard(song: Song) -> list[tuple[tuple[int, ...] | None, tuple[Note, ...]]]:
    return [(track.source_id, track.notes) for track in song.tracks]


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


def test_type_2_of_several_songs_takes_no_track() -> None:
    song = read_midi(midi("00 90 3C 40  60 3C 00", "00 90 3C 40  60 3C 00", form=2), "x.mid")
    assert song.source
    assert write_midi(song) == song.source.data
    with pytest.raises(SongFileError, match="type 2"):
        write_midi(with_new(song, NEW))


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


# ---- channels -------------------------------------------------------------------------------------------------------


def channels_of(data: bytes, index: int = -1) -> set[int]:
    return {message.channel for message in by_mido(data).tracks[index] if message.type == "note_on"}


@pytest.mark.parametrize(
    ("used", "track", "channel"),
    [
        pytest.param({0: 5, 1: 6}, NEW, 2, id="first free"),
        pytest.param({0: 5}, replace(NEW, channel=7), 7, id="the one it asks for"),
        pytest.param({0: 5}, replace(NEW, channel=0), 1, id="asks for one with another program"),
        pytest.param({0: 5}, replace(NEW, channel=9), 1, id="asks for the drum channel"),
        pytest.param({0: 5}, DRUMS, 9, id="drums"),
        pytest.param({**dict.fromkeys(range(16), 5), 11: 33}, NEW, 11, id="all used: same program"),
        pytest.param(dict.fromkeys(range(16), 5), NEW, 15, id="all used: fewest notes"),
    ],
)
def test_channel_of_a_new_track(used: dict[int, int], track: Track, channel: int) -> None:
    # Channel c has 20 - c notes.
    note = "00 9{0:X} 3C 40  10 8{0:X} 3C 00"
    old = midi(*(f"00 C{c:X} {program:02X}" + note.format(c) * (20 - c) for c, program in used.items()))
    data = write_midi(with_new(read_midi(old, "x.mid"), track))
    assert channels_of(data) == {channel}
    assert data[14 : len(old)] == old[14:]
    own = any(message.type == "control_change" for message in by_mido(data).tracks[-1])
    assert own is (channel not in used)


def test_a_second_drum_track_leaves_the_kit_alone() -> None:
    data = write_midi(with_new(read_midi(midi("00 C9 10  00 99 24 40  60 24 00"), "x.mid"), DRUMS))
    assert not any(message.type == "program_change" for message in by_mido(data).tracks[-1])


def test_two_new_tracks_get_two_channels() -> None:
    data = write_midi(with_new(read_midi(midi("00 90 3C 40  60 3C 00"), "x.mid"), NEW, replace(NEW, program=27)))
    assert (channels_of(data, 1), channels_of(data, 2)) == ({1}, {2})


# ---- an existing chunk edited ----------------------------------------------------------------------------------------

BUSY = (
    "00 FF 03 01 41  00 C0 21  00 B0 07 64"
    "00 90 3C 40  10 B0 40 7F  10 40 00  10 F0 02 01 F7  30 90 3C 00"  # running status within, off at 96
    "00 3E 50  20 E0 00 40  40 90 3E 00"  # 96..192
    "00 90 40 50  00 91 43 50  60 90 40 00  00 81 43 00"  # 192..288, and a note on channel 2
)


def test_only_note_events_of_the_changed_notes_change() -> None:
    song = read_midi(midi("00 FF 51 03 07A120", BUSY), "x.mid")
    first = song.tracks[0]
    assert [(note.start, note.pitch) for note in first.notes] == [(0, 60), (96, 62), (192, 64)]
    changed = replace(first, notes=(first.notes[0], Note(96, 48, 50, 99), first.notes[2]))
    data = write_midi(song.with_tracks([changed, *song.tracks[1:]]))
    assert song.source
    before, after = by_mido(song.source.data), by_mido(data)
    assert parse_smf(data, "x").tracks[0].events == parse_smf(song.source.data, "x").tracks[0].events
    old, new = timed(before.tracks[1]), timed(after.tracks[1])
    gone = [event for event in old if event not in new]
    come = [event for event in new if event not in old]
    assert gone == [
        (96, "note_on channel=0 note=62 velocity=80 time=0"),
        (192, "note_on channel=0 note=62 velocity=0 time=0"),
    ]
    assert come == [
        (96, "note_on channel=0 note=50 velocity=99 time=0"),
        (144, "note_off channel=0 note=50 velocity=64 time=0"),
    ]
    assert [event for event in old if event not in gone] == [event for event in new if event not in come]
    assert heard(read_midi(data, "x.mid")) == heard(song.with_tracks([changed, *song.tracks[1:]]))


def test_running_status_survives_what_goes_and_comes_between() -> None:
    # The second note runs on the status of the first, which goes; the pedal's release on that of its press.
    old = "00 90 3C 40  10 3E 40  10 3C 00  10 3E 00  30 B0 40 7F  60 40 00"
    song = read_midi(midi(old), "x.mid")
    track = replace(song.tracks[0], notes=(song.tracks[0].notes[1], Note(100, 50, 67)))
    assert timed(by_mido(write_midi(song.with_tracks([track]))).tracks[0]) == [
        (16, "note_on channel=0 note=62 velocity=64 time=0"),
        (48, "note_on channel=0 note=62 velocity=0 time=0"),
        (96, "control_change channel=0 control=64 value=127 time=0"),
        (100, "note_on channel=0 note=67 velocity=80 time=0"),
        (150, "note_off channel=0 note=67 velocity=64 time=0"),
        (192, "control_change channel=0 control=64 value=0 time=0"),
    ]


def test_a_track_that_the_song_no_longer_has_loses_its_notes_only() -> None:
    song = read_midi(midi(BUSY), "x.mid")
    data = write_midi(song.with_tracks(song.tracks[1:]))
    left = timed(by_mido(data).tracks[0])
    assert [text for _, text in left if "note_" in text and "velocity=0" not in text and "note_off" not in text] == [
        "note_on channel=1 note=67 velocity=80 time=0"
    ]
    assert (32, "control_change channel=0 control=64 value=0 time=0") in left


def test_notes_into_a_chunk_without_notes() -> None:
    song = read_midi(midi("00 FF 03 04 42617373", "00 FF 03 04 42617373", "00 90 3C 40  60 3C 00"), "x.mid")
    empty = song.tracks[0]
    assert (empty.name, empty.source_id, empty.notes) == ("Bass", (1, -1), ())
    data = write_midi(song.with_tracks([replace(empty, notes=NEW.notes, program=33), *song.tracks[1:]]))
    again = read_midi(data, "x.mid")
    assert [(track.source_id, track.program, track.notes) for track in again.tracks] == [
        ((1, 1), 33, NEW.notes),
        ((2, 0), 0, song.tracks[1].notes),
    ]


def test_end_of_track_moves_behind_new_notes() -> None:
    song = read_midi(midi("00 90 3C 40  60 3C 00"), "x.mid")
    track = replace(song.tracks[0], notes=(*song.tracks[0].notes, Note(960, 96, 62)))
    data = write_midi(song.with_tracks([track]))
    assert sum(message.time for message in by_mido(data).tracks[0]) == 1056


@pytest.mark.parametrize(
    ("kept", "new", "expected"),
    [
        pytest.param(Note(96, 96, 60), Note(0, 150, 60), [(0, 96), (96, 96)], id="ends where the kept one begins"),
        pytest.param(Note(0, 96, 60), Note(96, 96, 60), [(0, 96), (96, 96)], id="struck again"),
        pytest.param(Note(0, 96, 60), Note(0, 48, 60), [(0, 96)], id="together: the kept one stays"),
        pytest.param(Note(0, 96, 60), Note(48, 20, 60), [(0, 96), (48, 48)], id="inside"),
        pytest.param(Note(0, 96, 60), Note(48, 96, 60), [(0, 96), (48, 96)], id="over the end"),
    ],
)
def test_kept_notes_keep_their_length(kept: Note, new: Note, expected: list[tuple[int, int]]) -> None:
    start = write_midi(Song(96, (Track("A", 0, False, (kept,), 0),)))
    song = read_midi(start, "x.mid")
    data = write_midi(song.with_tracks([replace(song.tracks[0], notes=tuple(sorted([kept, new])))]))
    assert [(note.start, note.duration) for note in read_midi(data, "x.mid").tracks[0].notes] == expected


def test_a_hung_note_does_not_swallow_new_ones() -> None:
    song = read_midi(midi("00 90 3C 40  60 90 40 40  60 80 40 00"), "x.mid")  # 60 is never ended: 0..192
    track = replace(song.tracks[0], notes=(*song.tracks[0].notes, Note(384, 96, 60)))
    again = read_midi(write_midi(song.with_tracks([track])), "x.mid")
    assert again.tracks[0].notes == track.notes


# ---- a whole new file ------------------------------------------------------------------------------------------------

MAPS = Song(
    960,
    (replace(NEW, notes=(Note(0, 480, 28), Note(960, 480, 31))), DRUMS),
    tempos=(Tempo(0, 93.5), Tempo(3840, 140.0)),
    time_signatures=(TimeSignature(0, 3, 4), TimeSignature(2880, 7, 8)),
    markers=(Marker(2880, "Strophe – für Ä"),),
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


notes_strategy = st.lists(
    st.builds(Note, st.integers(0, 2000), st.integers(1, 300), st.integers(0, 127), st.integers(1, 127)),
    min_size=1,
    max_size=40,
    unique_by=lambda note: (note.start, note.pitch),
)


def monophonic_by_pitch(notes: list[Note]) -> tuple[Note, ...]:
    kept: list[Note] = []
    ends: dict[int, int] = {}
    for note in sorted(notes):
        if note.start >= ends.get(note.pitch, 0):
            kept.append(note)
            ends[note.pitch] = note.end
    return tuple(kept)


@settings(max_examples=60, deadline=None)
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


@settings(max_examples=100, deadline=None)
@given(notes_strategy, notes_strategy)
def test_added_notes_never_change_kept_ones(old: list[Note], new: list[Note]) -> None:
    song = read_midi(write_midi(Song(96, (Track("A", 3, False, monophonic_by_pitch(old)),))), "x.mid")
    kept = song.tracks[0].notes
    again = read_midi(
        write_midi(song.with_tracks([replace(song.tracks[0], notes=tuple(sorted([*kept, *new])))])), "x.mid"
    )
    assert not Counter(kept) - Counter(again.tracks[0].notes)


# ---- real files ------------------------------------------------------------------------------------------------------


def real_songs(data_pack: Callable[[str], Path]) -> list[Song]:
    paths = sorted(data_pack("val").rglob("*.mid"))[::5][:60] + sorted(data_pack("odd-midi").rglob("*.mid"))
    songs = []
    for path in paths:
        try:
            songs.append(read_midi(path.read_bytes(), path.name))
        except SongFileError:
            continue
    assert len(songs) >= 110
    return songs


def mido_or_none(data: bytes) -> mido.MidiFile | None:
    try:
        return by_mido(data)
    except (OSError, EOFError, ValueError, LookupError):
        return None


def test_adding_a_track_to_real_songs_leaves_every_chunk_as_it_was(data_pack: Callable[[str], Path]) -> None:
    seen = 0
    for song in real_songs(data_pack):
        assert song.source
        old = song.source.data[song.source.data.find(b"MThd") :]
        if old[8:10] == b"\0\2":
            continue
        data = write_midi(with_new(song, NEW))
        # Sliced by hand, not by our own walk: header, old chunks, new chunk, whatever stood behind the last track.
        size = 8 + int.from_bytes(data[data.rfind(b"MTrk") + 4 :][:4], "big")
        new_chunk = data[data.rfind(b"MTrk") :][:size]
        if all(chunk.intact for chunk in parse_smf(old, "x").tracks):
            assert data[14:].replace(new_chunk, b"") == old[14:], song.source.name
        file = mido_or_none(data)
        if file is None:
            assert mido_or_none(old) is None, song.source.name
            continue
        notes = [(m.note, m.velocity) for m in file.tracks[-1] if m.type == "note_on"]
        assert notes == [(28, 90), (31, 70)], song.source.name
        assert heard(read_midi(data, "x"))[: len(song.tracks)] == heard(song), song.source.name
        seen += 1
    assert seen >= 100


def test_replacing_notes_in_real_songs_leaves_all_other_events(data_pack: Callable[[str], Path]) -> None:
    seen = 0
    for song in real_songs(data_pack)[::2]:  # mido takes its time
        assert song.source
        before = mido_or_none(song.source.data)
        index = max(range(len(song.tracks)), key=lambda i: len(song.tracks[i].notes))
        track = song.tracks[index]
        assert track.source_id
        middle = len(song.bars) // 2
        first, last = song.bars[middle].start, song.bars[middle : middle + 4][-1].end
        kept = [note for note in track.notes if not first <= note.start < last]
        added = [Note(tick, 10, 1, 77) for tick in range(first, last, song.ticks_per_quarter)]
        tracks = list(song.tracks)
        tracks[index] = replace(track, notes=tuple(sorted([*kept, *added])))
        data = write_midi(song.with_tracks(tracks))
        again = read_midi(data, "x")
        if not any(note.pitch == 1 for note in track.notes):
            assert heard(again) == heard(song.with_tracks(tracks)), song.source.name
        after = mido_or_none(data)
        if before is None or after is None or len(before.tracks) != len(after.tracks):
            continue
        chunk, channel = track.source_id
        for at, (old, new) in enumerate(zip(before.tracks, after.tracks, strict=True)):
            if at != chunk:
                assert timed(old) == timed(new), song.source.name
                continue

            def others(messages: mido.MidiTrack, channel: int = channel) -> list[tuple[int, str]]:
                mine = (f"note_on channel={channel} ", f"note_off channel={channel} ")
                return [(tick, text) for tick, text in timed(messages) if not text.startswith(mine)]

            assert others(old) == others(new), song.source.name
        seen += 1
    assert seen >= 45
