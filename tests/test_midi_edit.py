"""An existing MIDI chunk written into: of its events only the asked notes change."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from midi_files import NEW, by_mido, heard, midi, timed
from midi_strategies import monophonic_by_pitch, notes_strategy

from arranger.fills import Fill, PartFill, apply_fill
from arranger.formats.midi_read import read_midi
from arranger.formats.midi_write import write_midi
from arranger.formats.smf import parse_smf
from arranger.song import Note, Song, Track

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
    song = read_midi(
        midi("00 FF 03 04 42617373", "00 FF 03 04 42617373  00 FF 21 01 00", "00 90 3C 40  60 3C 00"), "x.mid"
    )
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


@settings(max_examples=100, deadline=None)
@given(notes_strategy, notes_strategy)
def test_added_notes_never_change_kept_ones(old: list[Note], new: list[Note]) -> None:
    song = read_midi(write_midi(Song(96, (Track("A", 3, False, monophonic_by_pitch(old)),))), "x.mid")
    kept = song.tracks[0].notes
    again = read_midi(
        write_midi(song.with_tracks([replace(song.tracks[0], notes=tuple(sorted([*kept, *new])))])), "x.mid"
    )
    assert not Counter(kept) - Counter(again.tracks[0].notes)


# ---- a fill in bars 2-3 (ticks 384-1152) of a track that plays throughout --------------------------------------------


def replaced(data: bytes, index: int, notes: tuple[Note, ...]) -> tuple[Song, bytes]:
    """The song with bars 2-3 of a track replaced by `notes`, through the same door as `arranger fill --replace`."""
    song = read_midi(data, "x.mid")
    part = PartFill("bass", notes, removed_tracks=(index,), into_track=index)
    changed = apply_fill(song, Fill((part,), (1, 3), seed=0, take=0))
    return changed, write_midi(changed)


ALL_AT_ONCE = (
    "00 B0 07 50  00 E0 00 40"
    "83 20 90 28 40  00 91 3C 40"  # 416: both channels begin a note in bar 2
    "81 40 80 28 00  00 81 3C 00"  # 608
    "00 E0 00 60  83 20 90 2B 40"  # a bend; at 1024 a note begins in bar 3 ...
    "81 40 80 2B 00"  # ... that ends at 1216, in bar 4
    "00 F0 03 01 02 F7  00 FF 01 01 41  00 B0 40 7F"
)


@pytest.mark.parametrize("form", [0, 1])
def test_a_note_that_ends_behind_the_bars_goes_with_its_end_and_bends_stay(form: int) -> None:
    old = midi(ALL_AT_ONCE, form=form)
    changed, data = replaced(old, 0, (Note(384, 768, 31, 90),))
    left = [event for event in timed(by_mido(data).tracks[0]) if "note=31" not in event[1]]
    mine = ("note_on channel=0", "note_off channel=0")
    assert left == [event for event in timed(by_mido(old).tracks[0]) if not event[1].startswith(mine)]
    assert heard(read_midi(data, "x.mid")) == heard(changed)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(Note(300, 200, 40), Note(384, 96, 43), [(300, 200, 40), (384, 96, 43)], id="held in, other pitch"),
        pytest.param(
            Note(300, 200, 40), Note(520, 96, 40), [(300, 200, 40), (520, 96, 40)], id="held in, over by then"
        ),
        pytest.param(Note(300, 84, 40), Note(384, 96, 40), [(300, 84, 40), (384, 96, 40)], id="ends at the edge"),
        pytest.param(Note(300, 200, 40), Note(400, 200, 40), [(300, 200, 40), (400, 200, 40)], id="struck again"),
        pytest.param(Note(1152, 96, 40), Note(1100, 96, 40), [(1100, 52, 40), (1152, 96, 40)], id="runs into bar 4"),
        pytest.param(Note(384, 96, 40), Note(384, 50, 40), [(384, 50, 40)], id="the same note shorter"),
        pytest.param(Note(1151, 96, 40), Note(384, 50, 40), [(384, 50, 40)], id="begins on the last tick"),
    ],
)
def test_edges(old: Note, new: Note, expected: list[tuple[int, int, int]]) -> None:
    before = write_midi(Song(96, (Track("A", 33, False, (old,), 0),), length=4 * 384))
    _, data = replaced(before, 0, (new,))
    assert [(n.start, n.duration, n.pitch) for n in read_midi(data, "x.mid").tracks[0].notes] == expected


def test_of_two_chunks_on_one_channel_only_the_one_asked_changes() -> None:
    note = "83 60 90 28 40  60 80 28 00"  # at 480, again at 1056
    old = midi("00 C0 21" + note, note + note)
    changed, data = replaced(old, 1, (Note(480, 48, 31, 90),))
    before, after = parse_smf(old, "x").tracks, parse_smf(data, "x").tracks
    assert data[after[0].start : after[0].end] == old[before[0].start : before[0].end]
    assert heard(read_midi(data, "x.mid")) == heard(changed)
    assert read_midi(data, "x.mid").tracks[1].notes == (Note(480, 48, 31, 90),)


def test_an_emptied_track_keeps_all_else() -> None:
    _, data = replaced(midi("00 C0 21  83 60 90 28 40  60 80 28 00  00 B0 07 10", "00 91 3C 40  89 00 81 3C 00"), 0, ())
    assert timed(by_mido(data).tracks[0]) == [
        (0, "program_change channel=0 program=33 time=0"),
        (576, "control_change channel=0 control=7 value=16 time=0"),
    ]
