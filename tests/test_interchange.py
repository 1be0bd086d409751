"""Songs as other libraries' objects: what these say of them, and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arranger import interchange
from arranger.errors import ArrangerError
from arranger.files import load_song
from arranger.song import KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

EXAMPLES = Path(__file__).parents[1] / "examples"
SONG = Song(
    480,
    (
        Track("Bass", 33, False, (Note(0, 480, 40, 100), Note(960, 1920, 43, 70))),
        Track("Kit", 0, True, (Note(0, 120, 36, 90), Note(480, 120, 38, 90)), 9),
        Track("Silent", 5, False, ()),
    ),
    (Tempo(0, 120.0), Tempo(1920, 60.0)),
    (TimeSignature(0, 4, 4), TimeSignature(1920, 3, 4)),
    (Marker(1920, "B"),),
    (KeySignature(0, -3), KeySignature(1920, 0, True)),
    length=3360,
)


def notes(song: Song) -> list[list[tuple[float, float, int, int]]]:
    q = song.ticks_per_quarter
    return [[(n.start / q, n.duration / q, n.pitch, n.velocity) for n in track.notes] for track in song.tracks]


def test_pretty_midi_hears_seconds_and_gives_the_ticks_back() -> None:
    pretty = SONG.to_pretty_midi()
    bass = pretty.instruments[0]
    # A quarter is half a second, and a second from the second bar on.
    assert [(n.start, n.end, n.pitch) for n in bass.notes] == [(0.0, 0.5, 40), (1.0, 4.0, 43)]
    assert [(i.name, i.program, i.is_drum) for i in pretty.instruments] == [
        ("Bass", 33, False), ("Kit", 0, True), ("Silent", 5, False),
    ]  # fmt: skip
    assert list(pretty.get_downbeats()) == pytest.approx([0.0, 2.0])
    back = Song.from_pretty_midi(pretty)
    assert notes(back) == notes(SONG)
    assert back.time_signatures == SONG.time_signatures
    assert back.keys == SONG.keys
    assert [(t.tick, t.qpm) for t in back.tempos] == [(0, pytest.approx(120)), (1920, pytest.approx(60))]


def test_symusic_has_the_same_ticks() -> None:
    score = SONG.to_symusic()
    assert score.note_num() == 4
    assert score.end() == 2880
    assert score.to("second").tracks[0].notes[1].duration == pytest.approx(3.0)
    for form in (score, score.to("quarter")):
        back = Song.from_symusic(form)
        assert notes(back) == notes(SONG)
        assert (back.tempos, back.time_signatures, back.keys, back.markers) == (
            SONG.tempos, SONG.time_signatures, SONG.keys, SONG.markers,
        )  # fmt: skip


def test_music21_has_measures_and_comes_back() -> None:
    score = SONG.to_music21()
    bass = score.parts[0]
    assert [n.pitch.midi for n in bass.flatten().notes if n.tie is None or n.tie.type == "start"] == [40, 43]
    assert [m.duration.quarterLength for m in bass.getElementsByClass("Measure")] == [4.0, 3.0]
    back = Song.from_music21(score)
    assert [[n[:3] for n in track] for track in notes(back)[:1]] == [
        [n[:3] for n in track] for track in notes(SONG)[:1]
    ]
    assert [(t.is_drum, len(t.notes)) for t in back.tracks[:2]] == [(False, 2), (True, 2)]
    assert [k.sharps for k in back.keys] == [-3, 0]
    assert back.source is None


def test_a_stream_made_in_music21_becomes_a_song() -> None:
    music21 = pytest.importorskip("music21")
    part = music21.stream.Part()
    for name, length in (("C4", 1), ("E-4", 1 / 3), ("G4", 2 / 3), ("C5", 2)):
        part.append(music21.note.Note(name, quarterLength=length))
    song = Song.from_music21(part)
    q = song.ticks_per_quarter
    assert [(n.pitch, n.start * 3 // q) for n in song.tracks[0].notes] == [(60, 0), (63, 3), (67, 4), (72, 6)]


@pytest.mark.parametrize("name", ["three-four.mid", "paper-boats.gp5"])
def test_real_songs_there_and_back(name: str) -> None:
    song = load_song(EXAMPLES / name)
    assert notes(Song.from_symusic(song.to_symusic())) == notes(song)
    assert notes(Song.from_pretty_midi(song.to_pretty_midi())) == notes(song)


def test_a_missing_library_is_named_with_the_way_out() -> None:
    with pytest.raises(ArrangerError, match=r"needs no_such_library.*arranger\[interchange\]"):
        interchange.library("no_such_library")


def test_nothing_of_it_is_imported_before_it_is_called() -> None:
    code = "import sys, arranger.interchange, arranger.song\n"
    code += "sys.exit(any(name in sys.modules for name in ('music21', 'symusic', 'pretty_midi')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
