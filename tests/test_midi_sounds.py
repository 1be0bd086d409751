"""Programs, ports and percussion of MIDI channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from midi_files import midi

from arranger.formats.midi_read import read_midi

GS_PART_1_RHYTHM = "00 F0 0A 41 10 42 12 40 11 15 02 18 F7"
GS_PART_10_PLAIN = "00 F0 0A 41 10 42 12 40 10 15 00 1B F7"
XG_ON = "00 F0 08 43 10 4C 00 00 7E 00 F7"
GM2_ON = "00 F0 05 7E 7F 09 03 F7"
NOTE = "00 90 3C 40  60 80 3C 00"


@pytest.mark.parametrize(
    ("tracks", "program"),
    [
        (("00 C0 05  00 C0 06  10 90 3C 40  60 80 3C 00  00 C0 07",), 6),
        (("00 C0 05", "00 90 3C 40  60 80 3C 00"), 5),
        (("00 C0 05", "00 C0 06  00 90 3C 40  60 80 3C 00"), 6),
        (("61 C0 05", "00 90 3C 40  60 80 3C 00"), 0),
        (("00 C1 05  00 90 3C 40  60 80 3C 00",), 0),
        (("00 90 3C 40  60 80 3C 00  00 C0 07",), 7),
    ],
)
def test_program(tracks: tuple[str, ...], program: int) -> None:
    assert [track.program for track in read_midi(midi(*tracks), "x.mid").tracks if track.notes] == [program]


@pytest.mark.parametrize(
    ("changes", "program", "said"),
    [
        pytest.param("00 C0 18" + NOTE + "00 C0 21" + NOTE * 2, 33, True, id="most of the notes"),
        pytest.param("00 C0 18" + NOTE + "00 C0 21" + NOTE, 24, True, id="the first of two even ones"),
        pytest.param("00 C0 18" + NOTE + "00 C0 18" + NOTE, 24, False, id="the same again"),
        pytest.param("00 C0 18  00 C0 21" + NOTE, 33, False, id="two before the first note"),
        pytest.param("00 C0 21" + NOTE + "00 C0 05", 33, False, id="after the last note"),
    ],
)
def test_program_changes_on_the_way(changes: str, program: int, said: bool) -> None:
    song = read_midi(midi(changes), "x.mid")
    assert song.tracks[0].program == program
    assert any("program changes" in warning for warning in song.warnings) is said


def test_ports_have_channels_of_their_own() -> None:
    port = "00 FF 21 01 {:02X}"
    programs = (port.format(0) + "00 C0 21", port.format(1) + "00 C0 05")
    song = read_midi(midi(*programs, port.format(1) + NOTE, port.format(0) + NOTE), "x.mid")
    assert [(track.source_id, track.program) for track in song.tracks if track.notes] == [((2, 0), 5), ((3, 0), 33)]


@pytest.mark.parametrize(
    ("body", "is_drum"),
    [
        pytest.param("00 99 24 40  60 89 24 00", True, id="channel 10 without a name or program"),
        pytest.param(NOTE, False, id="channel 1"),
        pytest.param(GS_PART_1_RHYTHM + NOTE, True, id="Roland GS: part 1 is drums"),
        pytest.param(GS_PART_10_PLAIN + "00 99 24 40  60 89 24 00", False, id="Roland GS: part 10 is not"),
        pytest.param(XG_ON + "00 B0 00 7F" + NOTE, True, id="Yamaha XG: drum bank"),
        pytest.param(XG_ON + "00 B0 00 40" + NOTE, False, id="Yamaha XG: another bank"),
        pytest.param("00 B0 00 7F" + NOTE, False, id="the same bank without XG (on Roland, MT-32 sounds)"),
        pytest.param(GM2_ON + "00 B0 00 78" + NOTE, True, id="General MIDI 2: drum bank"),
        pytest.param("00 B0 00 78" + NOTE, False, id="the same bank without General MIDI 2"),
    ],
)
def test_percussion(body: str, is_drum: bool) -> None:
    song = read_midi(midi(body), "x.mid")
    assert [track.is_drum for track in song.tracks] == [is_drum]


@pytest.mark.parametrize(
    ("file", "drums"),
    [
        ("test-sysex-gs-40-1x-15-drum-part-change.mid", {0: True, 9: False}),
        ("test-xg-doggy-7e-00-00-54.mid", {0: True}),
        ("test-gm2-doggy-78-00-38-4c.mid", {0: True}),
        ("test-c-major-scale.mid", {0: False}),
        ("test-all-gm-percussion.mid", {9: True}),
    ],
)
def test_percussion_of_the_test_files(data_pack: Callable[[str], Path], file: str, drums: dict[int, bool]) -> None:
    (path,) = data_pack("odd-midi").rglob(file)
    assert {track.channel: track.is_drum for track in read_midi(path.read_bytes(), file).tracks} == drums
