"""The chunk walk and event reader, on files broken by hand; each hex dump shows its fault."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.formats.smf import MAX_OTHER_CHUNKS, MAX_TRACK_CHUNKS, Event, parse_smf

HEAD = "4D546864 00000006 0001 0001 0060"
#       MThd     6 bytes  type 1 track  96 ticks
NOTE = "00 90 3C 40  60 80 3C 00"
END = "00 FF2F00"


def raw(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts))


def track(*parts: str) -> bytes:
    body = raw(*parts)
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def channel_events(data: bytes, index: int = 0) -> list[tuple[int, int, int, int]]:
    events = parse_smf(data, "x.mid").tracks[index].events
    return [(event.tick, event.status, event.a, event.b) for event in events if event.status < 0xF0]


ON_OFF = [(0, 0x90, 60, 64), (96, 0x80, 60, 0)]


def test_plain_file_has_no_warnings() -> None:
    smf = parse_smf(raw(HEAD) + track(NOTE, END), "x.mid")
    assert (smf.format, smf.ticks_per_quarter, smf.warnings) == (1, 96, ())
    assert [(chunk.kind, chunk.start, chunk.end, chunk.intact) for chunk in smf.chunks] == [(b"MTrk", 14, 34, True)]
    assert smf.tracks[0].events[0] == Event(0, 0x90, 60, 64, b"", 1, 4)
    assert smf.tracks[0].events[1] == Event(96, 0x80, 60, 0, b"", 5, 8)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("00 90 3C 40  60 3C 00", [(0, 0x90, 60, 64), (96, 0x90, 60, 0)], id="running status"),
        pytest.param(
            "00 90 3C 40  00 FF 01 01 41  60 3C 00", [(0, 0x90, 60, 64), (96, 0x90, 60, 0)], id="running across meta"
        ),
        pytest.param(
            "00 90 3C 40  00 F0 02 7E F7  60 3C 00", [(0, 0x90, 60, 64), (96, 0x90, 60, 0)], id="running across sysex"
        ),
        pytest.param("00 90 3C 40  00 F8  60 80 3C 00", ON_OFF, id="realtime byte"),
        pytest.param("00 90 3C 40  00 F2 01 02  60 80 3C 00", ON_OFF, id="song position"),
        pytest.param("00 40 40 90 3C 40  60 80 3C 00", ON_OFF, id="data without a status"),
        pytest.param("00 90 3C C0  60 80 3C 00", [(0, 0x90, 60, 127), (96, 0x80, 60, 0)], id="velocity over 127"),
        pytest.param("00 C0 21  00 90 3C 40", [(0, 0xC0, 33, 0), (0, 0x90, 60, 64)], id="one data byte"),
        pytest.param("00 FF 59 02 0F 07  00 90 3C 40  60 80 3C 00", ON_OFF, id="key signature of 15 sharps"),
        pytest.param("81 80 00 90 3C 40", [(0x4000, 0x90, 60, 64)], id="three-byte delta"),
        pytest.param("FF FF FF 7F 90 3C 40", [((1 << 28) - 1, 0x90, 60, 64)], id="longest delta"),
    ],
)
def test_events(body: str, expected: list[tuple[int, int, int, int]]) -> None:
    assert channel_events(raw(HEAD) + track(body, END)) == expected


@pytest.mark.parametrize(
    ("data", "intact"),
    [
        pytest.param(
            b"RIFF\x36\0\0\0RMIDdata" + (34).to_bytes(4, "little") + raw(HEAD) + track(NOTE, END) + b"LIST\4\0\0\0INFO",
            True,
            id="RIFF wrapper with a list behind",
        ),
        pytest.param(b"junk\r\n" + raw(HEAD) + track(NOTE, END), True, id="leading junk"),
        pytest.param(raw("4D546864 00000006 0001 0009 0060") + track(NOTE, END), True, id="9 tracks declared"),
        pytest.param(raw("4D546864 00000008 0001 0001 0060 ABCD") + track(NOTE, END), True, id="longer header"),
        pytest.param(raw("4D546864 00000002 0001 0001 0060") + track(NOTE, END), True, id="header length 2"),
        pytest.param(raw(HEAD, "58464958 00000002 FFFF") + track(NOTE, END), True, id="chunk XFIX first"),
        pytest.param(raw(HEAD, "00 01 02") + track(NOTE, END), True, id="three stray bytes"),
        pytest.param(raw(HEAD, "4D54726B 00000030", NOTE, END), False, id="length over the end of file"),
        pytest.param(raw(HEAD, "4D54726B 00000005", NOTE, END), False, id="length ends inside an event"),
        pytest.param(raw(HEAD, "4D54726B 00000000", NOTE, END), False, id="length 0"),
        pytest.param(raw(HEAD) + track(NOTE), True, id="no end of track"),
        pytest.param(raw(HEAD, "4D54726B 00000014", NOTE, "00 90 3C"), False, id="cut off inside an event"),
        pytest.param(raw(HEAD, "4D54726B 00000014", NOTE, "00 FF 03 09 41"), False, id="cut off inside a text"),
    ],
)
def test_damaged_files_give_the_note_and_all_bytes(data: bytes, intact: bool) -> None:
    smf = parse_smf(data, "x.mid")
    assert channel_events(data) == ON_OFF
    assert smf.warnings or smf.header_end == 16  # a longer header is allowed
    assert smf.tracks[0].intact is intact
    assert b"LIST" not in smf.data
    spans = [(chunk.start, chunk.end) for chunk in smf.chunks]
    assert [smf.header_end, *(end for _, end in spans)] == [*(start for start, _ in spans), len(smf.data)]


@pytest.mark.parametrize("declared", ["00000004", "0000002A", "0000FFFF"])
def test_a_wrong_length_does_not_hide_the_next_track(declared: str) -> None:
    data = raw("4D546864 00000006 0001 0002 0060", "4D54726B", declared, NOTE, END) + track("00 C1 21", END)
    smf = parse_smf(data, "x.mid")
    assert len(smf.tracks) == 2
    assert channel_events(data, 0) == ON_OFF
    assert channel_events(data, 1) == [(0, 0xC1, 33, 0)]
    assert any("length was" in warning for warning in smf.warnings)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no MThd"),
        (b"MThd\0\0", "cut off"),
        (raw("4D546864 00000006 0001 0001 E728").replace(b"\xe7", b"\xa7") + track(NOTE, END), "89 a second"),
        (raw("4D546864 00000006 0001 0001 E700") + track(NOTE, END), "film frames"),
        (raw("4D546864 00000006 0001 0001 0000") + track(NOTE, END), "0 ticks"),
        (raw(HEAD) + track(END) * (MAX_TRACK_CHUNKS + 1), "more than 512 tracks"),
    ],
)
def test_hopeless_files_say_why(data: bytes, words: str) -> None:
    with pytest.raises(SongFileError, match=words) as caught:
        parse_smf(data, "x.mid")
    assert str(caught.value).startswith("x.mid")


@pytest.mark.parametrize(
    ("division", "ticks_per_second"),
    [("E728", 25 * 40), ("E801", 24), ("E201", 30), ("E303", 3 * 30 * 1000 / 1001), ("E705", 125), ("E7FF", 25 * 255)],
)
def test_film_frames_keep_their_seconds(division: str, ticks_per_second: float) -> None:
    smf = parse_smf(raw("4D546864 00000006 0001 0001", division) + track(NOTE, END), "x.mid")
    assert smf.fixed_qpm is not None
    assert smf.ticks_per_quarter * smf.fixed_qpm / 60 == pytest.approx(ticks_per_second)
    assert any("film frames" in warning for warning in smf.warnings)


def test_millions_of_tiny_chunks_are_taken_together() -> None:
    data = raw(HEAD) + b"XFIH\0\0\0\0" * 1_000_000 + track(NOTE, END)
    began = time.process_time()
    smf = parse_smf(data, "x.mid")
    assert time.process_time() - began < 2
    assert len(smf.chunks) < 2 * MAX_OTHER_CHUNKS
    assert b"".join(smf.data[chunk.start : chunk.end] for chunk in smf.chunks) == smf.data[14:]
    assert channel_events(data) == ON_OFF


def test_no_quadratic_time_on_many_bad_lengths() -> None:
    # Each of 500 tracks claims the rest of the file and has no end: looked at once each, not once per track.
    data = raw(HEAD) + (b"MTrk\xff\xff\xff\xff" + raw("00 90 3C 40") * 200) * 500
    began = time.process_time()
    assert sum(len(chunk.events) for chunk in parse_smf(data, "x.mid").tracks) == 100_000
    assert time.process_time() - began < 3


def test_lengths_that_are_all_wrong_are_not_followed_for_ever() -> None:
    # 500 tracks, each of which claims 4 MB that are in the file and end in the middle of nowhere.
    data = raw(HEAD) + (b"MTrk\0\x40\0\0" + raw("00 90 3C 40")) * 500 + b"\0\x3c\x40" * 2_000_000
    began = time.process_time()
    with pytest.raises(SongFileError, match=r"all wrong|MIDI events"):
        parse_smf(data, "x.mid")
    assert time.process_time() - began < 5


def test_five_thousand_notes_are_fast() -> None:
    data = raw(HEAD) + track("00 90 3C 40  60 80 3C 00" * 5000, END)
    times = []
    for _ in range(5):
        began = time.process_time()
        parse_smf(data, "x.mid")
        times.append(time.process_time() - began)
    assert min(times) < 0.1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_track_body_is_read_without_other_errors(body: bytes) -> None:
    smf = parse_smf(raw(HEAD, "4D54726B") + len(body).to_bytes(4, "big") + body, "x.mid")
    assert b"".join(smf.data[chunk.start : chunk.end] for chunk in smf.chunks) == smf.data[14:]


messages = st.one_of(
    st.builds(
        mido.Message,
        st.sampled_from(["note_on", "note_off"]),
        channel=st.integers(0, 15),
        note=st.integers(0, 127),
        velocity=st.integers(0, 127),
        time=st.integers(0, 1 << 20),
    ),
    st.builds(mido.Message, st.just("program_change"), channel=st.integers(0, 15), program=st.integers(0, 127)),
    st.builds(mido.Message, st.just("pitchwheel"), pitch=st.integers(-8192, 8191), time=st.integers(0, 300)),
    st.builds(mido.Message, st.just("sysex"), data=st.lists(st.integers(0, 127), max_size=200).map(tuple)),
    st.builds(mido.MetaMessage, st.just("text"), text=st.text(alphabet="abc", max_size=200)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, max_size=30))
def test_agrees_with_mido(written: list[mido.Message]) -> None:
    file = mido.MidiFile(type=1, ticks_per_beat=96, tracks=[mido.MidiTrack(written)])
    buffer = io.BytesIO()
    file.save(file=buffer)
    smf = parse_smf(buffer.getvalue(), "x.mid")
    expected, now = [], 0
    for message in file.tracks[0]:
        now += message.time
        if not message.is_meta and message.type != "sysex":
            expected.append((now, message.bytes()))
    found = [
        (event.tick, [event.status, event.a] + [event.b] * (not 0xC0 <= event.status < 0xE0))
        for event in smf.tracks[0].events
        if event.status < 0xF0
    ]
    assert found == expected
    assert smf.warnings == ()


def test_val_songs_need_no_repair_that_mido_does_not(data_pack: Callable[[str], Path]) -> None:
    for path in sorted(data_pack("val").rglob("*.mid"))[::32]:
        smf = parse_smf(path.read_bytes(), path.name)
        try:
            by_mido = mido.MidiFile(path, clip=True)
        except (OSError, EOFError, ValueError, LookupError):
            continue
        if smf.format != 2 and all(chunk.intact for chunk in smf.tracks):
            assert len(smf.tracks) == len(by_mido.tracks), path.name
            for chunk, messages_there in zip(smf.tracks, by_mido.tracks, strict=True):
                mido_count = sum(not message.is_meta and message.type != "sysex" for message in messages_there)
                assert sum(event.status < 0xF0 for event in chunk.events) == mido_count, path.name
