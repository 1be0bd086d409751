"""Tunings: what the song's other players have, and what their playing says about open strings."""

from __future__ import annotations

import pytest

from arranger.fretboard import costs_for
from arranger.fretboard_taste import closed, costs_like
from arranger.parts import detect_parts
from arranger.song import Note, Song, Track
from arranger.tunings import (
    BASS_4,
    BASS_5,
    BASS_DROP_D,
    GUITAR_6,
    GUITAR_7,
    GUITAR_8,
    GUITAR_DROP_D,
    Neck,
    neck_for,
    shift_and_drop,
    tuning_for,
)


def line(*pitches: int) -> list[Note]:
    return [Note(240 * index, 240, pitch) for index, pitch in enumerate(pitches)]


def down(tuning: tuple[int, ...], semitones: int) -> tuple[int, ...]:
    return tuple(pitch - semitones for pitch in tuning)


def band(*tunings: tuple[int, ...], capo: int = 0) -> Song:
    notes = tuple(line(45, 52))
    return Song(
        960, tuple(Track(f"Guitar {at}", 30, False, notes, tuning=t, capo=capo) for at, t in enumerate(tunings))
    )


def bass_of(song: Song, *pitches: int) -> tuple[int, ...]:
    return tuning_for("bass", line(*pitches), song, detect_parts(song))


@pytest.mark.parametrize(
    ("guitars", "bass"),
    [
        ([GUITAR_6], BASS_4),
        ([GUITAR_DROP_D], BASS_DROP_D),
        ([down(GUITAR_6, 1)], down(BASS_4, 1)),
        ([down(GUITAR_DROP_D, 2)], down(BASS_DROP_D, 2)),  # drop C
        ([GUITAR_DROP_D, GUITAR_DROP_D, GUITAR_6], BASS_DROP_D),
        ([GUITAR_6, GUITAR_DROP_D], BASS_4),
        ([(62, 59, 55, 50, 43, 38)], BASS_4),  # open G says nothing
        ([down(GUITAR_7, 1)], down(BASS_4, 1)),
        ([GUITAR_8], BASS_4),
        ([(*GUITAR_7[:-1], 33)], BASS_4),  # its dropped string is none that the bass has
        ([], BASS_4),
    ],
)
def test_a_new_bass_is_tuned_as_the_guitars_are(guitars: list[tuple[int, ...]], bass: tuple[int, ...]) -> None:
    assert bass_of(band(*guitars), 33, 35, 36) == bass


def test_a_part_of_its_own_comes_first_and_brings_its_capo() -> None:
    song = band(down(GUITAR_6, 1), capo=3)
    neck = neck_for("guitar", line(45), song, detect_parts(song))
    assert neck == Neck(down(GUITAR_6, 1), 3)
    assert (neck.sounding[0], neck.frets) == (66, 21)


def test_the_track_that_is_written_into_has_the_last_word() -> None:
    song = band(GUITAR_6, GUITAR_DROP_D)
    assert neck_for("guitar", line(52), song, detect_parts(song), track=1).tuning == GUITAR_DROP_D


def test_a_lower_tuning_only_for_a_twentieth_of_the_notes() -> None:
    bare = Song(960, ())
    assert bass_of(bare, 28, 33, 26) == BASS_DROP_D
    assert bass_of(bare, 28, 33, 23) == BASS_5
    assert bass_of(bare, *[30] * 50, 23) == BASS_4  # one note in fifty goes up an octave
    assert tuning_for("guitar", line(38, 45), bare, ()) == GUITAR_DROP_D
    assert tuning_for("guitar", line(35, 36), bare, ()) == GUITAR_7
    assert tuning_for("drums", line(36), bare, ()) == ()


def test_guitars_tuned_up_are_not_followed_where_the_notes_lie_lower() -> None:
    assert bass_of(band(tuple(pitch + 4 for pitch in GUITAR_6)), 28, 29, 30) == BASS_4


def test_departures_from_standard() -> None:
    assert shift_and_drop(down(GUITAR_DROP_D, 3), "guitar") == (-3, -2)
    assert shift_and_drop((62, 57, 54, 50, 45, 38), "guitar") is None
    assert shift_and_drop((64,), "guitar") is None
    assert shift_and_drop(down(GUITAR_6, 12), "guitar") is None


def guitarist(*places: tuple[int, int]) -> Song:
    """One who plays (string, fret) again and again."""
    notes = tuple(
        Note(240 * at, 240, GUITAR_6[string - 1] + fret, 80, string, fret)
        for at, (string, fret) in enumerate(places * 20)
    )
    return Song(480, (Track("Guitar", 30, False, notes, tuning=GUITAR_6),))


def test_a_new_part_is_fingered_as_the_others_play() -> None:
    avoids = guitarist((5, 5), (5, 7), (4, 5), (4, 7), (6, 5), (6, 8))
    likes = guitarist((4, 0), (4, 2), (3, 0), (3, 2), (5, 0), (5, 3))
    usual = costs_for(BASS_4)
    assert costs_like(avoids, detect_parts(avoids), BASS_4) == closed(usual)
    assert costs_like(likes, detect_parts(likes), BASS_4) == usual
    assert costs_like(band(GUITAR_6), detect_parts(band(GUITAR_6)), BASS_4) == usual
