"""Channels and ports of new MIDI tracks: nothing that was there sounds different."""

from __future__ import annotations

from dataclasses import replace

import pytest
from midi_files import DRUMS, NEW, by_mido, midi, with_new

from arranger.formats.midi_read import read_midi
from arranger.formats.midi_write import crowded_tracks, write_midi
from arranger.formats.targets import serialised
from arranger.song import Song, Track


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
        pytest.param(
            dict.fromkeys(range(16), 5), NEW, 15, id="all used: that with the fewest notes, on a port of its own"
        ),
    ],
)
def test_channel_of_a_new_track(used: dict[int, int], track: Track, channel: int) -> None:
    # Channel c has 20 - c notes.
    note = "00 9{0:X} 3C 40  10 8{0:X} 3C 00"
    old = midi(*(f"00 C{c:X} {program:02X}" + note.format(c) * (20 - c) for c, program in used.items()))
    data = write_midi(with_new(read_midi(old, "x.mid"), track))
    assert channels_of(data) == {channel}
    assert data[14 : len(old)] == old[14:]
    shared = channel in used and not crowded_tracks(with_new(read_midi(old, "x.mid"), track))
    own = any(message.type == "control_change" for message in by_mido(data).tracks[-1])
    assert own is not shared


def test_a_second_drum_track_leaves_the_kit_alone() -> None:
    data = write_midi(with_new(read_midi(midi("00 C9 10  00 99 24 40  60 24 00"), "x.mid"), DRUMS))
    assert not any(message.type == "program_change" for message in by_mido(data).tracks[-1])


def test_two_new_tracks_get_two_channels() -> None:
    data = write_midi(with_new(read_midi(midi("00 90 3C 40  60 3C 00"), "x.mid"), NEW, replace(NEW, program=27)))
    assert (channels_of(data, 1), channels_of(data, 2)) == ({1}, {2})


FULL = [f"00 C{c:X} 05  00 9{c:X} 3C 40  10 8{c:X} 3C 00" for c in range(16)]


def ports_of(data: bytes) -> list[int | None]:
    """Port that each chunk names."""
    return [next((m.port for m in track if m.type == "midi_port"), None) for track in by_mido(data).tracks]


def test_with_all_channels_taken_a_further_port_is_opened_and_said() -> None:
    old = midi(*FULL)
    song = with_new(read_midi(old, "x.mid"), NEW, replace(NEW, name="Zwei", program=27), DRUMS)
    data = write_midi(song)
    assert data[14 : len(old)] == old[14:]
    assert ports_of(data) == [None] * 16 + [1, 1, 0]
    assert [channels_of(data, index) for index in (16, 17, 18)] == [{0}, {1}, {9}]
    # On the first port no program is touched, so the old tracks read as they did.
    again = read_midi(data, "x.mid")
    assert [track.program for track in again.tracks if not track.is_drum] == [5] * 15 + [33, 27]
    said = crowded_tracks(song)
    assert [sentence.split("“")[1].split("”")[0] for sentence in said] == ["Neuer Baß", "Zwei"]
    assert serialised(song, "mid").notes == said  # what the command line tells


def test_nothing_is_said_where_there_is_room() -> None:
    assert crowded_tracks(with_new(read_midi(midi(*FULL[:5]), "x.mid"), NEW)) == ()


def test_a_channel_that_is_silent_on_the_home_port_is_not_free_if_it_plays_on_another() -> None:
    port = "00 FF 21 01 {:02X}"
    old = midi(port.format(0) + FULL[0] + FULL[2] * 3, port.format(1) + FULL[1])
    data = write_midi(with_new(read_midi(old, "x.mid"), NEW))
    assert (ports_of(data)[-1], channels_of(data)) == (0, {3})


def test_a_second_port_with_room_is_used_before_a_third() -> None:
    port = "00 FF 21 01 {:02X}"
    old = midi(*(port.format(0) + body for body in FULL), port.format(1) + FULL[0])
    song = with_new(read_midi(old, "x.mid"), NEW)
    data = write_midi(song)
    assert (ports_of(data)[-1], channels_of(data), crowded_tracks(song)) == (1, {1}, ())


def test_percussion_on_another_channel_is_not_shared() -> None:
    gs_part_1_rhythm = "00 F0 0A 41 10 42 12 40 11 15 02 18 F7"
    old = midi(gs_part_1_rhythm + FULL[0].replace("05", "21"), *FULL[1:])
    data = write_midi(with_new(read_midi(old, "x.mid"), NEW))
    assert ports_of(data)[-1] == 1


def test_a_new_file_of_many_instruments() -> None:
    tracks = tuple(replace(NEW, name=str(program), program=program) for program in range(20))
    song = Song(96, (*tracks, DRUMS))
    again = read_midi(write_midi(song), "x.mid")
    assert [(track.name, track.program, track.notes) for track in again.tracks] == [
        (track.name, track.program, track.notes) for track in song.tracks
    ]
    assert len(crowded_tracks(song)) == 5
