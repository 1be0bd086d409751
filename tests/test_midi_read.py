"""MIDI -> Song, against hand-made files and against symusic and mido."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest
import symusic
from midi_files import midi

from arranger.errors import SongFileError
from arranger.formats import midi_read
from arranger.formats.midi_read import read_midi
from arranger.song import KeySignature, Marker, Note, Tempo, TimeSignature


def notes_of(data: bytes) -> list[tuple[int, int, int, int]]:
    song = read_midi(data, "x.mid")
    return [(note.start, note.duration, note.pitch, note.velocity) for track in song.tracks for note in track.notes]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("00 90 3C 40  60 90 3C 00", [(0, 96, 60, 64)], id="velocity 0 is off"),
        pytest.param(
            "00 90 3C 40  10 90 3C 50  10 80 3C 00  10 80 3C 00",
            [(0, 32, 60, 64), (16, 32, 60, 80)],
            id="first in, first out",
        ),
        pytest.param(
            "00 90 3C 40  10 91 3C 50  10 81 3C 00  10 80 3C 00",
            [(0, 48, 60, 64), (16, 16, 60, 80)],
            id="channels apart",
        ),
        pytest.param("00 90 3C 40  00 80 3C 00", [(0, 1, 60, 64)], id="no length"),
        pytest.param("00 80 3C 00  00 90 3C 40  60 80 3C 00", [(0, 96, 60, 64)], id="off without on"),
        pytest.param("00 90 3C 40  60 B0 07 64  8F 00 FF 01 00", [(0, 96, 60, 64)], id="never ended"),
    ],
)
def test_pairing(body: str, expected: list[tuple[int, int, int, int]]) -> None:
    assert notes_of(midi(body)) == expected


def test_never_ended_is_said() -> None:
    assert any("without an end" in warning for warning in read_midi(midi("00 90 3C 40"), "x.mid").warnings)


def test_tracks_are_chunks_by_channel() -> None:
    song = read_midi(
        midi(
            "00 FF 03 04 536F6E67",  # conductor: the title, no track
            "00 FF 03 02 4142  00 C3 21  00 93 1C 40  00 99 24 40  60 83 1C 00  00 89 24 00",
            "00 FF 03 05 456D707479  00 FF 21 01 00",  # named and on a port, no notes
            "00 FF 03 06 437265646974",  # a credit written as a name
            "00 B5 07 40",  # neither named nor with a program
            "00 C4 1E",  # no name, but a program
        ),
        "x.mid",
    )
    assert song.title == "Song"
    assert [(t.source_id, t.channel, t.program, t.is_drum, t.name, len(t.notes)) for t in song.tracks] == [
        ((1, 3), 3, 33, False, "AB", 1),
        ((1, 9), 9, 0, True, "AB", 1),
        ((2, -1), None, 0, False, "Empty", 0),
        ((5, -1), 4, 30, False, "", 0),
    ]


def test_type_0_name_is_the_title() -> None:
    song = read_midi(midi("00 FF 03 01 41  00 90 3C 40  00 91 3C 40  60 80 3C 00  00 81 3C 00", form=0), "x.mid")
    assert (song.title, [track.name for track in song.tracks]) == ("A", ["", ""])


@pytest.mark.parametrize(("lengths", "number"), [((0, 1, 2), 3), ((0, 2, 2), 2), ((3, 0), 1)])
def test_type_2_reads_the_sequence_with_the_most_notes_and_says_which(lengths: tuple[int, ...], number: int) -> None:
    bodies = ["00 90 3C 40  60 80 3C 00" * count + f"00 FF 51 03 0{at + 1}0000" for at, count in enumerate(lengths)]
    song = read_midi(midi(*bodies, form=2), "x.mid")
    assert [(track.source_id, len(track.notes)) for track in song.tracks] == [((number - 1, 0), max(lengths))]
    assert song.tempos[-1].qpm == pytest.approx(60e6 / (number << 16))  # and no other sequence's tempo
    assert any(f"number {number}" in warning for warning in song.warnings)


def test_film_frames_have_no_other_tempo() -> None:
    # 25 frames of 40 ticks: 1000 ticks a second, so a note of 500 ticks lasts half a second whatever the tempo event.
    song = read_midi(midi("00 FF 51 03 0F4240  00 90 3C 40  83 74 80 3C 00", division="E728"), "x.mid")
    assert (song.ticks_per_quarter, song.tempos) == (500, (Tempo(0, 120.0),))
    assert song.tracks[0].notes == (Note(0, 500, 60, 64),)


def test_key_signatures() -> None:
    song = read_midi(
        midi("00 FF 59 02 FE 01  60 FF 59 02 FE 01  60 FF 59 02 0F 07  60 FF 59 02 07 00  00 90 3C 40  60 80 3C 00"),
        "x.mid",
    )
    assert song.keys == (KeySignature(0, -2, True), KeySignature(288, 7, False))
    assert any("key signature" in warning for warning in song.warnings)


def test_maps() -> None:
    song = read_midi(
        midi(
            "00 FF 51 03 07A120  00 FF 51 03 0F4240"  # 120, then 60 at the same tick
            "00 FF 58 04 03 02 18 08  00 FF 06 01 41"
            "60 FF 51 03 000000  00 FF 58 04 00 02 18 08  00 FF 51 03 000001"  # nonsense, and far too fast
            "83 40 FF 58 04 06 03 18 08",  # 6/8 at 96 + 448
            "83 40 FF 07 01 42  00 90 3C 40  89 00 80 3C 00",
        ),
        "x.mid",
    )
    assert song.tempos == (Tempo(0, 60.0), Tempo(96, 2000.0))
    assert song.time_signatures == (TimeSignature(0, 3, 4), TimeSignature(544, 6, 8))
    assert song.markers == (Marker(0, "A"), Marker(448, "B"))
    assert [bar.start for bar in song.bars] == [0, 288, 544, 832, 1120, 1408]


def test_maps_always_begin_at_0() -> None:
    song = read_midi(midi("60 FF 51 03 0F4240  00 FF 58 04 03 02 18 08  00 90 3C 40  60 80 3C 00"), "x.mid")
    assert song.tempos == (Tempo(0, 120.0), Tempo(96, 60.0))
    assert song.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(96, 3, 4))


@pytest.mark.parametrize(
    ("silence", "bars"),
    [
        pytest.param("81 60", 1, id="up to the bar line (96 + 224 ticks)"),
        pytest.param("82 21", 1, id="one tick over the bar line"),
        pytest.param("98 00", 9, id="eight bars of silence"),
        pytest.param("FF FF 7F", 1, id="5461 bars of silence"),
    ],
)
def test_silence_at_the_end(silence: str, bars: int) -> None:
    assert len(read_midi(midi(f"00 90 3C 40  60 80 3C 00  {silence} FF 01 00"), "x.mid").bars) == bars


def test_time_signature_behind_the_end_makes_no_bars() -> None:
    song = read_midi(midi("00 90 3C 40  60 80 3C 00  FF FF 7F FF 58 04 03 02 18 08"), "x.mid")
    assert len(song.bars) == 1


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("MAX_FILE_BYTES", 20, "the limit is 20"),
        ("MAX_TRACKS", 1, "more than 1 tracks"),
        ("MAX_NOTES", 1, "more than 1 notes"),
        ("MAX_BARS", 0, "more than 0 bars"),
    ],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str) -> None:
    monkeypatch.setattr(midi_read, limit, value)
    data = midi("00 90 3C 40  60 80 3C 00", "00 91 3C 40  60 81 3C 00")
    with pytest.raises(SongFileError, match=words):
        read_midi(data, "x.mid")


def test_bars_are_counted_before_they_are_made() -> None:
    # One note of 2^28 ticks in 1/64 metre at 96 ticks a quarter would be 44 million bars.
    with pytest.raises(SongFileError, match="bars"):
        read_midi(midi("00 FF 58 04 01 06 18 08  00 90 3C 40  FF FF FF 7F 80 3C 00"), "x.mid")


def test_no_notes() -> None:
    with pytest.raises(SongFileError, match="has no notes"):
        read_midi(midi("00 FF 03 01 41"), "x.mid")


def test_val_songs_as_symusic_and_mido_read_them(data_pack: Callable[[str], Path]) -> None:
    compared = 0
    for path in sorted(data_pack("val").rglob("*.mid"))[::8]:
        data = path.read_bytes()
        song = read_midi(data, path.name)
        try:
            score: Any = symusic.Score.from_midi(data)
        except RuntimeError:
            continue
        found = Counter(
            (n.start, n.duration, n.pitch, n.velocity, t.channel == 9) for t in song.tracks for n in t.notes
        )
        expected = Counter(
            (n.start, max(1, n.duration), n.pitch, n.velocity, t.is_drum) for t in score.tracks for n in t.notes
        )
        if any("without an end" in warning for warning in song.warnings):
            assert not expected - found, path.name  # symusic leaves such notes out
        else:
            assert found == expected, path.name
        assert song.ticks_per_quarter == score.ticks_per_quarter
        assert song.bars[-1].end >= song.end
        compared += 1
    assert compared > 30


def test_tempo_and_metre_of_val_songs_as_mido_reads_them(data_pack: Callable[[str], Path]) -> None:
    for path in sorted(data_pack("val").rglob("*.mid"))[::40]:
        data = path.read_bytes()
        song = read_midi(data, path.name)
        try:
            file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        except (OSError, EOFError, ValueError, LookupError):
            continue
        now, tempos, metres = 0, {0: 120.0}, {0: (4, 4)}
        for message in mido.merge_tracks(file.tracks):
            now += message.time
            if message.type == "set_tempo":
                tempos[now] = 60e6 / message.tempo
            elif message.type == "time_signature":
                metres[now] = (message.numerator, message.denominator)
        for tick, qpm in tempos.items():
            assert song.tempo_at(tick) == pytest.approx(qpm), path.name
        for tick, metre in metres.items():
            bar = song.bars[song.bar_at(tick)]
            if tick < song.end:
                assert (bar.start, bar.numerator, bar.denominator) == (bar.start, *metre), path.name


def test_notes_are_sorted() -> None:
    track = read_midi(midi("00 90 40 40  00 90 3C 40  60 80 3C 00  00 80 40 00"), "x.mid").tracks[0]
    assert track.notes == (Note(0, 96, 60, 64), Note(0, 96, 64, 64))
