"""Some bars of a song as a song of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

import arranger
from arranger.clock import clock_of
from arranger.errors import FillRequestError
from arranger.excerpt import excerpt
from arranger.song import Marker, Note, Song, Tempo, TimeSignature, Track

EXAMPLES = Path(__file__).parents[1] / "examples"
SONG = Song(
    480,
    (Track("Bass", 33, False, (Note(0, 5000, 40), Note(1920, 480, 41), Note(3600, 960, 42), Note(4000, 10, 43))),),
    tempos=(Tempo(0, 100.0), Tempo(2880, 50.0)),
    time_signatures=(TimeSignature(0, 4, 4), TimeSignature(3840, 3, 4)),
    markers=(Marker(0, "A"), Marker(1920, "B")),
)


def test_a_bar_has_its_notes_cut_at_its_end_and_the_tempo_that_holds() -> None:
    bar = excerpt(SONG, (1, 2))
    assert bar.tracks[0].notes == (Note(0, 480, 41), Note(1680, 240, 42))
    assert bar.tempos == (Tempo(0, 100.0), Tempo(960, 50.0))
    assert bar.time_signatures == (TimeSignature(0, 4, 4),)
    assert bar.markers == (Marker(0, "B"),)
    assert (len(bar.bars), bar.end) == (1, 1920)


def test_a_later_bar_has_the_metre_and_tempo_of_its_place() -> None:
    bar = excerpt(SONG, (2, 3))
    assert bar.tempos == (Tempo(0, 50.0),)
    assert bar.time_signatures == (TimeSignature(0, 3, 4),)
    assert bar.bars[0].length == 1440
    assert bar.tracks[0].notes == (Note(160, 10, 43),)


@pytest.mark.parametrize("name", ["night-bus.mid", "paper-boats.gp5", "three-four.mid"])
def test_the_pieces_of_a_song_are_the_song(name: str) -> None:
    song = arranger.load_song(EXAMPLES / name)
    pieces = [excerpt(song, (at, min(at + 7, len(song.bars)))) for at in range(0, len(song.bars), 7)]
    assert sum(len(piece.bars) for piece in pieces) == len(song.bars)
    for index, track in enumerate(song.tracks):
        pitches = [note.pitch for piece in pieces for note in piece.tracks[index].notes]
        assert sorted(pitches) == sorted(note.pitch for note in track.notes)
    seconds = sum(clock_of(one.tempos, one.ticks_per_quarter)(one.bars[-1].end) for one in pieces)
    assert seconds == pytest.approx(clock_of(song.tempos, song.ticks_per_quarter)(song.bars[-1].end))


@pytest.mark.parametrize("bars", [(0, 0), (2, 1), (0, 99), (-1, 2)])
def test_bars_that_are_not_there_are_refused(bars: tuple[int, int]) -> None:
    with pytest.raises(FillRequestError, match="bars 1-"):
        excerpt(SONG, bars)
