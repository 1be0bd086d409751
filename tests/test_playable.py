"""Whatever goes in, what comes out can be played; what could be played stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.files import load_song
from arranger.fretboard import BASS_4, BASS_5, GUITAR_6, GUITAR_7, assign_frets
from arranger.parts import detect_parts, tracks_of
from arranger.playable import errors, let_go, make_playable, playability_errors
from arranger.song import Note, Tempo
from arranger.tunings import neck_for

TICKS = 480


@st.composite
def messes(draw: st.DrawFn) -> list[Note]:
    places = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(0, 127), st.integers(1, 127))
    return [
        Note(40 * at, 40 * length, pitch, velocity)
        for at, length, pitch, velocity in draw(st.lists(places, max_size=60))
    ]


@settings(max_examples=150, deadline=None)
@given(
    messes(),
    st.sampled_from([("bass", None), ("bass", BASS_5), ("guitar", None), ("guitar", GUITAR_7), ("drums", None)]),
)
def test_everything_becomes_playable_and_then_stays(notes: list[Note], how: tuple[str, tuple[int, ...] | None]) -> None:
    part, tuning = how
    played, changes = make_playable(notes, part, TICKS, tuning)
    assert playability_errors(played, part, TICKS, tuning) == ()
    assert list(played) == sorted(played)
    assert bool(played) == bool(notes)
    assert changes >= len(notes) - len(played)
    assert make_playable(played, part, TICKS, tuning) == (played, 0)
    if not playability_errors(notes, part, TICKS, tuning):
        assert (played, changes) == (tuple(sorted(notes)), 0)


@settings(max_examples=100, deadline=None)
@given(messes(), st.sampled_from([("bass", BASS_4), ("guitar", GUITAR_6), ("guitar", GUITAR_7)]), st.integers(0, 5))
def test_what_is_fingered_can_be_held_while_it_sounds(
    notes: list[Note], how: tuple[str, tuple[int, ...]], capo: int
) -> None:
    part, tuning = how
    sounding = tuple(pitch + capo for pitch in tuning)
    played, _ = make_playable(notes, part, TICKS, sounding, frets=24 - capo)
    fingered = let_go(assign_frets(played, tuning, capo))
    assert errors(fingered, part, TICKS, sounding, frets=24 - capo) == ()
    assert sorted((note.start, note.pitch) for note in fingered) == sorted((note.start, note.pitch) for note in played)
    assert let_go(fingered) == fingered


@settings(max_examples=100, deadline=None)
@given(messes(), st.floats(30, 400))
def test_drums_are_playable_at_any_tempo(notes: list[Note], qpm: float) -> None:
    tempos = (Tempo(0, qpm), Tempo(800, 2 * qpm))
    played, changes = make_playable(notes, "drums", TICKS, tempos=tempos)
    assert errors(played, "drums", TICKS, tempos=tempos) == ()
    assert changes == len(notes) - len(played)
    assert make_playable(played, "drums", TICKS, tempos=tempos) == (played, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from((54, 56, 58, 60, 61, 62))),
        max_size=8,
        unique_by=lambda hit: hit[1],
    )
)
def test_no_more_hits_are_dropped_than_must_be(places: list[tuple[int, int]]) -> None:
    """Against every choice of hits: two hands, 60 ms apart each; the ticks are 10 ms here."""
    notes = [Note(at, 1, key) for at, key in places]
    tempos = (Tempo(0, 120.0),)
    played, _ = make_playable(notes, "drums", 50, tempos=tempos)
    most = max(
        sum(chosen)
        for chosen in product((0, 1), repeat=len(notes))
        if not errors([note for note, kept in zip(notes, chosen, strict=True) if kept], "drums", 50, tempos=tempos)
    )
    assert len(played) == most


def test_the_snare_goes_before_a_tom_that_came_first() -> None:
    hits = [Note(0, 10, 45), Note(0, 10, 54), Note(20, 10, 38)]
    assert [note.pitch for note in make_playable(hits, "drums", TICKS)[0]] == [45, 38]


def test_bass_keeps_the_lowest_and_cuts_overlaps() -> None:
    notes = [Note(0, 480, 40), Note(0, 480, 28), Note(240, 240, 33), Note(960, 240, 16)]
    played, changes = make_playable(notes, "bass", TICKS)
    assert played == (Note(0, 240, 28), Note(240, 240, 33), Note(960, 240, 28))
    assert changes == 3


def test_of_one_pitch_twice_the_longest_stays() -> None:
    assert make_playable([Note(0, 10, 40), Note(0, 90, 40)], "bass", TICKS)[0] == (Note(0, 90, 40),)


def test_guitar_keeps_top_and_bottom_of_a_chord() -> None:
    cluster = [Note(0, 480, pitch) for pitch in (40, 41, 42, 43, 44, 45, 46, 64)]
    played, _ = make_playable(cluster, "guitar", TICKS)
    assert played[0].pitch == 40
    assert played[-1].pitch == 64
    assert len(played) < 8


def test_seven_ringing_notes_on_six_strings_stop_the_oldest() -> None:
    notes = [Note(120 * index, 4800, pitch) for index, pitch in enumerate((40, 45, 50, 55, 59, 64, 67))]
    assert any("7 notes sound" in error for error in playability_errors(notes, "guitar", TICKS))
    played, changes = make_playable(notes, "guitar", TICKS)
    assert played == (Note(0, 720, 40), *notes[1:])
    assert changes == 1


def test_a_playable_guitar_part_is_left_alone() -> None:
    chord = tuple(Note(0, 480, pitch) for pitch in (40, 47, 52, 56, 59, 64))
    assert make_playable(chord, "guitar", TICKS) == (chord, 0)


def test_two_hands_and_two_feet() -> None:
    hits = [Note(0, 40, key) for key in (35, 36, 38, 42, 44, 49, 51, 54)]
    played, changes = make_playable(hits, "drums", TICKS)
    assert [note.pitch for note in played] == [36, 38, 44, 49]
    assert changes == 4


def test_the_hat_is_open_or_closed() -> None:
    played, _ = make_playable([Note(0, 40, 42), Note(0, 40, 46)], "drums", TICKS)
    assert [note.pitch for note in played] == [46]


@pytest.mark.parametrize(("gap", "left"), [(40, 1), (43, 1), (44, 2), (80, 2)])
def test_a_key_is_not_hit_twice_within_45_ms(gap: int, left: int) -> None:
    assert len(make_playable([Note(0, 10, 38), Note(gap, 10, 38)], "drums", TICKS)[0]) == left


@pytest.mark.parametrize(
    ("notes", "part", "words"),
    [
        ([Note(0, 480, 27)], "bass", "outside 28-67"),
        ([Note(0, 480, 30), Note(0, 480, 37)], "bass", "2 notes sound"),
        ([Note(0, 480, 30), Note(240, 480, 37)], "bass", "2 notes sound"),
        ([Note(0, 480, 40), Note(0, 480, 41)], "guitar", "can't be held"),
        ([Note(0, 480, 40), Note(240, 480, 40)], "guitar", "while it sounds"),
        ([Note(0, 10, 38), Note(0, 10, 49), Note(0, 10, 51)], "drums", "Two hands"),
        ([Note(0, 10, 35), Note(0, 10, 36)], "drums", "One pedal"),
        ([Note(0, 10, 42), Note(0, 10, 46)], "drums", "open and closed"),
        ([Note(0, 10, 42), Note(40, 10, 42)], "drums", "twice"),
    ],
)
def test_the_check_finds_each_kind(notes: list[Note], part: str, words: str) -> None:
    assert any(words in error for error in playability_errors(notes, part, TICKS))


@pytest.mark.parametrize(
    ("places", "kinds"),
    [
        ([(0, 480, 5, 3), (480, 480, 5, 5)], []),
        ([(0, 960, 5, 3), (480, 480, 5, 5)], ["string"]),
        ([(0, 480, 6, 1), (0, 480, 5, 8)], ["chord"]),
        ([(0, 960, 6, 1), (480, 480, 5, 8)], ["chord"]),  # the first finger can't stay
        ([(0, 960, 6, 0), (480, 480, 5, 8)], []),  # an open string can
        ([(0, 480, 7, 0)], ["fret", "range"]),
        ([(0, 480, 6, 9), (0, 480, 5, 14)], []),  # six frets, high up
        ([(0, 480, string, fret) for string, fret in enumerate((5, 4, 3, 2, 1), 1)], ["chord"]),  # five fingers
        ([(0, 480, string, 5) for string in range(1, 7)], []),  # one finger
        ([(0, 480, 1, 25)], ["chord", "fret", "range"]),
    ],
)
def test_tablature_is_held_to_its_frets(places: list[tuple[int, int, int, int]], kinds: list[str]) -> None:
    strings = (*GUITAR_6, 35)
    notes = [Note(at, length, strings[string - 1] + fret, 80, string, fret) for at, length, string, fret in places]
    assert [error.kind for error in errors(notes, "guitar", TICKS, GUITAR_6)] == kinds


def test_a_fret_must_sound_its_pitch() -> None:
    (error,) = errors([Note(0, 480, 46, 80, 5, 0)], "guitar", TICKS)
    assert error.kind == "fret"
    assert str(error) == "Fret 0 of string 5 is not pitch 46 at tick 0."


def test_a_performance_may_overlap_a_little() -> None:
    legato = [Note(0, 520, 40), Note(480, 480, 42)]  # 42 ms
    assert errors(legato, "bass", TICKS)
    assert not errors(legato, "bass", TICKS, slack=0.1)
    assert errors([Note(0, 700, 40), Note(480, 480, 42)], "bass", TICKS, slack=0.1)


def test_speed_depends_on_the_tempo() -> None:
    roll = [Note(30 * at, 10, (38, 45)[at % 2]) for at in range(8)]  # 31 ms a stroke at 120
    assert {error.kind for error in errors(roll, "drums", TICKS)} == set()
    assert {error.kind for error in errors(roll, "drums", TICKS, tempos=(Tempo(0, 140),))} == {"hands"}
    feet = [Note(60 * at, 10, 36) for at in range(4)]
    assert not errors(feet, "drums", TICKS, tempos=(Tempo(0, 100),))
    assert {error.kind for error in errors(feet, "drums", TICKS, tempos=(Tempo(0, 150),))} == {"feet"}


def test_people_can_play_what_people_play(data_pack: Callable[[str], Path]) -> None:
    """Drummers of the Groove data set, whose every stroke a human made, and guitars of songs in the wild."""
    strokes = too_fast = 0
    for path in sorted((data_pack("groove")).rglob("*_beat_4-4.mid"))[::40]:
        song = load_song(path)
        notes = [note for track in song.tracks for note in track.notes]
        strokes += len(notes)
        too_fast += len(errors(notes, "drums", song.ticks_per_quarter, tempos=song.tempos, slack=0.1))
    assert strokes > 2000
    assert too_fast < 0.035 * strokes
    played = unplayable = 0
    for path in sorted(data_pack("val").rglob("*.mid"))[::45]:
        song = load_song(path)
        for index in tracks_of(detect_parts(song), song, "guitar"):
            notes = list(song.tracks[index].notes)
            neck = neck_for("guitar", notes, song, ())
            found = errors(notes, "guitar", song.ticks_per_quarter, neck.sounding, tempos=song.tempos, slack=0.1)
            played, unplayable = played + len(notes), unplayable + len(found)
    assert played > 2000
    assert unplayable < 0.02 * played


def test_other_parts_have_no_rules() -> None:
    notes = (Note(0, 480, 127), Note(0, 480, 126))
    assert make_playable(notes, "other", TICKS) == (tuple(sorted(notes)), 0)
    assert playability_errors(notes, "other", TICKS) == ()


def test_a_lower_tuning_is_a_wider_range() -> None:
    assert make_playable([Note(0, 480, 24)], "bass", TICKS, BASS_4)[0][0].pitch == 36
    assert make_playable([Note(0, 480, 24)], "bass", TICKS, BASS_5)[0][0].pitch == 24
