"""Lengths that are easily read: long enough, never into the next note, and nothing else moved."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arranger.formats.notation import spell_bar
from arranger.legible import legible
from arranger.song import Bar, Note

TICKS = 480
STEP = TICKS // 12
BARS = tuple(Bar(index, 1920 * index, 1920, 4, 4) for index in range(3))


def lengths(*steps: tuple[int, int]) -> list[int]:
    notes = [Note(first * STEP, (last - first) * STEP, 40) for first, last in steps]
    return [note.duration // STEP for note in legible(notes, BARS, TICKS)]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, 1), (24, 25)], [6, 6]),  # a click becomes an eighth
        ([(3, 4), (24, 30)], [3, 6]),  # off the beat, a sixteenth
        ([(4, 5), (24, 30)], [4, 6]),  # in a triplet, its eighth
        ([(0, 3), (6, 9), (12, 18)], [6, 6, 6]),  # a sixteenth rest goes
        ([(0, 6), (12, 18)], [6, 6]),  # an eighth rest stays
        ([(0, 1), (2, 3)], [2, 2]),
        ([(0, 20), (12, 18)], [20, 6]),  # what overlaps is left
        ([(36, 47), (48, 54)], [12, 6]),
    ],
)
def test_lengths_that_a_person_writes(steps: list[tuple[int, int]], expected: list[int]) -> None:
    assert lengths(*steps) == expected


def test_no_note_grows_over_a_bar_line() -> None:
    seven = (Bar(0, 0, 1680, 7, 8), Bar(1, 1680, 1680, 7, 8))
    (note,) = legible([Note(1560, 20, 40)], seven, TICKS)
    assert note.end == 1680


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=15))
def test_nothing_is_shortened_moved_or_run_into_the_next(places: list[tuple[int, int]]) -> None:
    notes = [Note(at * STEP, length * STEP, index) for index, (at, length) in enumerate(places)]
    done = legible(notes, BARS, TICKS)
    starts = sorted({note.start for note in notes})
    for old, new in zip(notes, sorted(done, key=lambda note: note.pitch), strict=True):
        assert (new.start, new.pitch) == (old.start, old.pitch)
        following = next((start for start in starts if start > old.start), None)
        assert new.end >= old.end
        assert new.end == old.end or following is None or new.end <= following
    assert legible(done, BARS, TICKS) == done


@given(st.lists(st.integers(0, 47), min_size=1, max_size=12, unique=True))
def test_a_line_of_clicks_has_no_sixteenth_rest_after_a_note(steps: list[int]) -> None:
    notes = [Note(3 * (step // 3) * STEP, STEP, 40) for step in steps]
    notes = sorted(set(notes))
    figures = spell_bar(legible(notes, BARS, TICKS), BARS[0], TICKS)
    for before, figure in pairwise(figures):
        assert figure.notes or not before.notes or figure.value <= 8
