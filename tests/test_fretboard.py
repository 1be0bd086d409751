"""Fingering: right pitches, hands that reach, and the places where players play."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.fretboard import (
    BASS_4,
    BASS_5,
    GUITAR_6,
    GUITAR_7,
    GUITAR_DROP_D,
    assign_frets,
    chord_shapes,
    finger,
    tuning_for,
)
from arranger.parts import detect_parts
from arranger.song import Note, Song, Track


def line(*pitches: int) -> list[Note]:
    return [Note(240 * index, 240, pitch) for index, pitch in enumerate(pitches)]


def frets(*pitches: int, tuning: tuple[int, ...] = BASS_4) -> list[tuple[int | None, int | None]]:
    return [(note.string, note.fret) for note in assign_frets(line(*pitches), tuning)]


def test_a_bass_line_in_first_position() -> None:
    assert frets(28, 31, 33, 35, 36, 38, 40) == [(4, 0), (4, 3), (3, 0), (3, 2), (3, 3), (2, 0), (2, 2)]


def test_a_line_around_the_fifth_fret_stays_there() -> None:
    played = frets(45, 50, 48, 52, 50, 53, 52, 50, 57, 55)
    fretted = [fret for _, fret in played if fret]
    assert max(fretted) - min(fretted) <= 7


@pytest.mark.parametrize(
    ("pitches", "shape"),
    [
        ((40, 47, 52, 56, 59, 64), "022100"),  # E major, low string first
        ((45, 52, 57, 60, 64), "x02210"),  # A minor
        ((48, 52, 55, 60, 64), "x32010"),  # C major
        ((41, 48, 53, 57, 60, 65), "133211"),  # F major, barre
    ],
)
def test_open_and_barre_chords_are_the_ones_in_the_books(pitches: tuple[int, ...], shape: str) -> None:
    held = {note.string: note.fret for note in assign_frets([Note(0, 1, pitch) for pitch in pitches], GUITAR_6)}
    assert "".join(str(held.get(string, "x")) for string in range(6, 0, -1)) == shape


def test_capo_counts_frets_from_itself() -> None:
    (note,) = assign_frets([Note(0, 1, 47)], GUITAR_6, capo=2)
    assert (note.string, note.fret) == (5, 0)


def test_no_fretboard_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 strings"):
        assign_frets(line(40), ())


def test_what_does_not_fit_is_reported() -> None:
    result = finger([Note(0, 1, 20), Note(3, 1, 64), Note(5, 1, 90)], BASS_4)
    assert (result.moved, result.dropped) == (2, 0)
    crowd = finger([Note(0, 1, pitch) for pitch in (40, 41, 42, 43, 44, 45, 46)], GUITAR_6)
    assert crowd.dropped > 0
    assert {crowd.notes[0].pitch, crowd.notes[-1].pitch} == {40, 46}


def test_no_shape_for_more_notes_than_strings() -> None:
    assert chord_shapes((50, 47, 44, 41, 38), BASS_4) == ()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 127)), max_size=60),
    st.sampled_from([BASS_4, BASS_5, GUITAR_6, GUITAR_7]),
    st.integers(0, 5),
)
def test_every_note_sounds_where_it_is_put(places: list[tuple[int, int]], tuning: tuple[int, ...], capo: int) -> None:
    notes = [Note(at * 100, 100, pitch) for at, pitch in places]
    result = finger(notes, tuning, capo)
    assert len(result.notes) == len(notes) - result.dropped
    for note in result.notes:
        assert note.string is not None
        assert note.fret is not None
        assert tuning[note.string - 1] + capo + note.fret == note.pitch
        assert 0 <= note.fret <= 24 - capo
    for start in {note.start for note in result.notes}:
        chord = [note for note in result.notes if note.start == start]
        pressed = [note.fret for note in chord if note.fret]
        assert len({note.string for note in chord}) == len(chord)
        assert not pressed or max(pressed) - min(pressed) <= 4
        assert {note.pitch % 12 for note in chord} <= {note.pitch % 12 for note in notes if note.start == start}


def test_three_thousand_notes_are_quick() -> None:
    notes = line(*(28 + (index * 7) % 30 for index in range(3000)))
    begun = time.process_time()
    assign_frets(notes, BASS_4)
    assert time.process_time() - begun < 2  # 0.1 s on an idle core


def test_tuning_comes_from_the_song_then_from_the_notes() -> None:
    half_down = tuple(pitch - 1 for pitch in GUITAR_6)
    song = Song(960, (Track("Guitar", 30, False, tuple(line(40, 45)), tuning=half_down),))
    roles = detect_parts(song)
    assert tuning_for("guitar", line(40), song, roles) == half_down
    assert tuning_for("bass", line(28, 33), song, roles) == BASS_4
    assert tuning_for("bass", line(28, 33, 23), song, roles) == BASS_5
    assert tuning_for("bass", line(*[30] * 50, 23), song, roles) == BASS_4  # one note in fifty goes up an octave
    bare = Song(960, ())
    assert tuning_for("guitar", line(38, 45), bare, ()) == GUITAR_DROP_D
    assert tuning_for("guitar", line(35, 36), bare, ()) == GUITAR_7
    assert tuning_for("drums", line(36), bare, ()) == ()
