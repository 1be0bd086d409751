"""Fingering: right pitches, hands that reach, and the places where players play."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.files import load_song
from arranger.fretboard import (
    BASS_4,
    BASS_5,
    BASS_6,
    BASS_COSTS,
    GUITAR_6,
    GUITAR_7,
    GUITAR_8,
    assign_frets,
    chord_shapes,
    finger,
    span_allowed,
)
from arranger.fretboard_path import Shape, cheapest_path, fingers, hands, move_cost, own_cost
from arranger.fretboard_taste import costs_like
from arranger.parts import detect_parts
from arranger.song import Note
from benchmarks.tab import Score, compare, tab_tracks


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
    chord = [Note(0, 1, pitch + 2) for pitch in (40, 47, 52, 56, 59, 64)]
    held = {note.string: note.fret for note in assign_frets(chord, GUITAR_6, capo=2)}
    assert [held[string] for string in range(6, 0, -1)] == [0, 2, 2, 1, 0, 0]  # E, where no capo is


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
        assert not pressed or max(pressed) - min(pressed) <= (5 if min(pressed) > 7 else 4)
        assert {note.pitch % 12 for note in chord} <= {note.pitch % 12 for note in notes if note.start == start}


def test_three_thousand_notes_are_quick() -> None:
    notes = line(*(28 + (index * 7) % 30 for index in range(3000)))
    begun = time.process_time()
    assign_frets(notes, BASS_4)
    assert time.process_time() - begun < 1  # 0.1 s on an idle core


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(st.integers(29, 50), min_size=1, max_size=2, unique=True), min_size=2, max_size=4),
    st.lists(st.sampled_from([0.05, 0.5, 3.0]), min_size=4, max_size=4),
)
def test_no_other_path_is_cheaper(chords: list[list[int]], times: list[float]) -> None:
    """Against every path there is, on a neck of seven frets."""
    costs, frets = replace(BASS_COSTS, again=0), 7
    options = [chord_shapes(sorted(chord, reverse=True), BASS_4, frets) for chord in chords]
    options = [shapes for shapes in options if shapes]
    states = [[(shape, hand) for shape in shapes for hand in hands(shape, frets)] for shapes in options]
    if not options or prod(map(len, states)) > 20_000:
        return

    def total(path: Sequence[tuple[Shape, int]]) -> float:
        own = sum(own_cost(shape, hand, costs) for shape, hand in path)
        return own + sum(move_cost(a, b, t, costs) for (a, b), t in zip(pairwise(path), times, strict=False))

    found = cheapest_path(options, times, frets, costs)
    found_total = min(
        total(list(zip(found, places, strict=True))) for places in product(*(hands(s, frets) for s in found))
    )
    assert found_total == pytest.approx(min(total(path) for path in product(*states)))


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        (((1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (6, 1)), 3),  # F: two barres and a finger at least
        (((1, 0), (2, 1), (3, 0), (4, 2), (5, 3)), 3),  # C
        (((1, 2), (2, 4), (3, 4), (4, 4), (5, 2)), 2),  # B: two barres
        (((1, 2), (2, 0), (3, 2)), 2),  # an open string between
        (((1, 5), (3, 5)), 1),  # an unplayed one
        (((1, 0), (2, 0)), 0),
        (((1, 1), (2, 2), (3, 3), (4, 4), (5, 5)), 5),
    ],
)
def test_fingers_that_a_shape_takes(shape: Shape, count: int) -> None:
    assert fingers(shape) == count


def test_there_is_no_chord_for_five_fingers() -> None:
    assert not chord_shapes((65, 61, 58, 54, 50, 43), GUITAR_6, 6)


def test_a_high_hand_reaches_six_frets_a_low_one_five() -> None:
    assert span_allowed(8, 13)
    assert not span_allowed(7, 12)
    assert span_allowed(7, 11)


def test_the_same_chord_has_the_same_shape_throughout() -> None:
    power = (57, 52, 45)
    notes = []
    for bar, between in enumerate([40, 64, 41, 67, 45, 62] * 4):
        notes += [Note(960 * bar, 480, pitch) for pitch in power]
        notes += [Note(960 * bar + 480, 480, between)]
    chords: dict[int, list[tuple[int | None, int | None]]] = {}
    for note in assign_frets(notes, GUITAR_6):
        chords.setdefault(note.start, []).append((note.string, note.fret))
    assert len({tuple(chord) for start, chord in chords.items() if start % 960 == 0}) == 1


def test_the_hand_moves_more_freely_where_there_is_time() -> None:
    near, far = (((1, 5),), 5), (((1, 12),), 12)
    assert move_cost(near, far, 2.0, BASS_COSTS) < move_cost(near, far, 0.1, BASS_COSTS)
    assert move_cost(near, far, 0.1, BASS_COSTS) == move_cost(near, far, 0.0, BASS_COSTS)


@pytest.mark.parametrize("tuning", [BASS_4, BASS_5, BASS_6, GUITAR_6, GUITAR_7, GUITAR_8, (64, 60, 67), (57, 52)])
def test_any_number_of_strings(tuning: tuple[int, ...]) -> None:
    for note in assign_frets(line(*range(min(tuning), max(tuning) + 20)), tuning):
        assert note.string is not None
        assert note.fret is not None
        assert tuning[note.string - 1] + note.fret == note.pitch


@pytest.mark.parametrize(
    ("file", "bass", "guitar"),
    [
        ("gptomidi/GuitarProToMidi_UnitTests__data__test_gp4.gp4", 0.97, 0.93),
        ("alphatab/guitarpro5__canon.gp5", 0.85, 0.6),
    ],
)
def test_people_write_nearly_the_same_tablature(
    data_pack: Callable[[str], Path], file: str, bass: float, guitar: float
) -> None:
    """Songs that the costs were not fitted to; `benchmarks/tab.py` has all of them, and what was measured."""
    song = load_song(data_pack("guitarpro") / file)
    total = {"bass": Score(), "guitar": Score()}
    for part, track in tab_tracks(song):
        others = song.with_tracks([replace(one, notes=()) if one is track else one for one in song.tracks])
        costs = costs_like(others, detect_parts(others), track.tuning or ())
        total[part] += compare(song, replace(track, notes=track.notes[:400]), costs)
    assert total["bass"].same > bass * total["bass"].notes
    assert total["guitar"].same > guitar * total["guitar"].notes
