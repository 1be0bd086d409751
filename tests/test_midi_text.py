"""Names, titles and section names in MIDI files, and what karaoke files put there."""

from __future__ import annotations

import pytest
from midi_files import midi

from arranger.formats.midi_read import read_midi
from arranger.formats.midi_text import MAX_MARKERS, clean_text
from arranger.song import Marker

NOTE = "00 90 3C 40  60 80 3C 00"


def text_event(kind: int, text: str, delta: str = "00") -> str:
    data = text.encode()
    return f"{delta} FF {kind:02X} {len(data):02X} {data.hex()}"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Gitarre f\xc3\xbcr", "Gitarre für"),
        (b"Gitarre f\xfcr", "Gitarre für"),
        (b"\x93Solo\x94\x00\x1b[31m", "“Solo”[31m"),
        (b"\x81\xfc", "ü"),
        (b" a\r\nb ", "a b"),
        (b"x" * 1000, "x" * 200),
    ],
)
def test_text(data: bytes, text: str) -> None:
    assert clean_text(data) == text


def test_karaoke_has_a_title_and_no_track_of_words() -> None:
    words = [text_event(1, text) for text in ("@LENGL", "@TYesterday", "@TThe Beatles", "\\Yes", "ter", "Verse")]
    song = read_midi(
        midi(text_event(3, "Soft karaoke") + text_event(1, "@KMIDI KARAOKE FILE"), "".join(words), "00 C0 05" + NOTE),
        "x.kar",
    )
    assert song.title == "Yesterday"
    assert [(track.source_id, track.program) for track in song.tracks] == [((2, 0), 5)]
    assert song.markers == ()  # a word of the song is no section


@pytest.mark.parametrize("name", ["Words", "soft karaoke", "Tempo Track", "Conductor", "untitled"])
def test_names_that_are_no_title(name: str) -> None:
    assert read_midi(midi(text_event(3, name), NOTE), "x.mid").title == ""


def test_lyrics_in_the_chunk_of_a_voice_are_no_hindrance() -> None:
    song = read_midi(midi(text_event(3, "Vocal") + text_event(5, "la") + NOTE), "x.mid")
    assert [track.name for track in song.tracks] == ["Vocal"]


def test_sections_are_markers_whichever_way_they_are_written() -> None:
    texts = [(6, "A"), (7, "Guitar comes in"), (1, "[Verse 1]"), (1, "pre-chorus"), (1, "I love you"), (1, "2nd Verse")]
    song = read_midi(midi("".join(text_event(kind, text, "10") for kind, text in texts) + NOTE), "x.mid")
    assert song.markers == (
        Marker(16, "A"),
        Marker(32, "Guitar comes in"),
        Marker(48, "[Verse 1]"),
        Marker(64, "pre-chorus"),
        Marker(96, "2nd Verse"),
    )


def test_the_same_marker_in_every_track_is_one() -> None:
    song = read_midi(midi(text_event(6, "A") + NOTE, text_event(6, "A") + NOTE), "x.mid")
    assert song.markers == (Marker(0, "A"),)


def test_markers_are_bounded() -> None:
    song = read_midi(midi("01 FF 06 01 41" * (MAX_MARKERS + 10) + NOTE), "x.mid")
    assert len(song.markers) == MAX_MARKERS
