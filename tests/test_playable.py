"""Whatever goes in, what comes out can be played; what could be played stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.fretboard import BASS_4, BASS_5, GUITAR_7
from arranger.playable import make_playable, playability_errors
from arranger.song import Note

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


@pytest.mark.parametrize(("gap", "left"), [(40, 1), (41, 2), (80, 2)])
def test_a_key_is_not_hit_twice_within_a_twelfth(gap: int, left: int) -> None:
    assert len(make_playable([Note(0, 10, 38), Note(gap, 10, 38)], "drums", TICKS)[0]) == left


@pytest.mark.parametrize(
    ("notes", "part", "words"),
    [
        ([Note(0, 480, 27)], "bass", "outside 28-67"),
        ([Note(0, 480, 30), Note(0, 480, 37)], "bass", "2 notes sound"),
        ([Note(0, 480, 30), Note(240, 480, 37)], "bass", "2 notes sound"),
        ([Note(0, 480, 40), Note(0, 480, 41)], "guitar", "can't be held"),
        ([Note(0, 480, 40), Note(240, 480, 40)], "guitar", "while it sounds"),
        ([Note(0, 10, 38), Note(0, 10, 49), Note(0, 10, 51)], "drums", "3 hands"),
        ([Note(0, 10, 35), Note(0, 10, 36)], "drums", "One foot"),
        ([Note(0, 10, 42), Note(0, 10, 46)], "drums", "open and closed"),
        ([Note(0, 10, 42), Note(40, 10, 42)], "drums", "twice"),
    ],
)
def test_the_check_finds_each_kind(notes: list[Note], part: str, words: str) -> None:
    assert any(words in error for error in playability_errors(notes, part, TICKS))


def test_other_parts_have_no_rules() -> None:
    notes = (Note(0, 480, 127), Note(0, 480, 126))
    assert make_playable(notes, "other", TICKS) == (tuple(sorted(notes)), 0)
    assert playability_errors(notes, "other", TICKS) == ()


def test_a_lower_tuning_is_a_wider_range() -> None:
    assert make_playable([Note(0, 480, 24)], "bass", TICKS, BASS_4)[0][0].pitch == 36
    assert make_playable([Note(0, 480, 24)], "bass", TICKS, BASS_5)[0][0].pitch == 24
