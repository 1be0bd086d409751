"""Spelling: bars exactly full, onsets kept, and the durations that a musician would write."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arranger.formats.notation import Figure, beat_groups, spell_bar
from arranger.song import Bar, Note

TICKS = 960
STEP = TICKS // 12
METRES = [
    (2, 4),
    (3, 4),
    (4, 4),
    (5, 4),
    (6, 4),
    (2, 2),
    (3, 8),
    (5, 8),
    (6, 8),
    (7, 8),
    (9, 8),
    (12, 8),
    (5, 16),
    (7, 16),
]
METRES += [(6, 16), (11, 8), (1, 4), (13, 16), (7, 32), (1, 8)]


def a_bar(numerator: int, denominator: int, index: int = 0) -> Bar:
    length = 4 * TICKS * numerator // denominator
    return Bar(index, index * length, length, numerator, denominator)


def spelled(steps: list[tuple[int, int]], metre: tuple[int, int] = (4, 4), drums: bool = False) -> str:
    """`r` rest, `~` tied, `.` dotted, `t` triplet."""
    notes = [Note(first * STEP, (last - first) * STEP, 40) for first, last in steps]
    return " ".join(written(figure) for figure in spell_bar(notes, a_bar(*metre), TICKS, drums))


def written(figure: Figure) -> str:
    before = "r" if not figure.notes else "~" if figure.tied else ""
    return f"{before}{figure.value}{'.' * figure.dotted}{'t' * (figure.tuplet == (3, 2))}"


@pytest.mark.parametrize(
    ("steps", "metre", "expected"),
    [
        ([], (4, 4), "r1"),
        ([], (3, 4), "r2."),
        ([], (7, 8), "r2 r4."),
        ([(0, 48)], (4, 4), "1"),
        ([(0, 36)], (4, 4), "2. r4"),
        ([(0, 18), (18, 36), (36, 48)], (4, 4), "4. 8 ~4 4"),  # three against four: beat 3 is seen
        ([(6, 18), (18, 24)], (4, 4), "r8 4 8 r2"),  # a quarter off the beat inside a half bar
        ([(6, 18), (18, 30), (30, 48)], (4, 4), "r8 4 8 ~8 4."),
        ([(12, 36)], (4, 4), "r4 2 r4"),
        ([(3, 48)], (4, 4), "r16 8. ~4 ~2"),
        ([(0, 9), (9, 12)], (4, 4), "8. 16 r4 r2"),
        ([(0, 3), (3, 9), (9, 12)], (4, 4), "16 8 16 r4 r2"),
        ([(0, 4), (4, 8), (8, 12)], (4, 4), "8t 8t 8t r4 r2"),
        ([(0, 8), (8, 12)], (4, 4), "4t 8t r4 r2"),
        ([(0, 3), (3, 6), (6, 8), (8, 10), (10, 12)], (4, 4), "16 16 16t 16t 16t r4 r2"),
        ([(0, 18), (18, 24), (24, 36)], (6, 8), "4. 8 4"),
        ([(0, 36)], (6, 8), "2."),
        ([(0, 72)], (12, 8), "1."),
        ([(0, 42)], (7, 8), "2 ~4."),
        ([(0, 15)], (5, 16), "8 ~8."),
        ([(0, 2), (3, 5), (6, 11)], (4, 4), "16 16 8 r4 r2"),  # short of the next one by a hair: no rest
        ([(0, 11)], (4, 4), "4 r4 r2"),
        ([(0, 8), (8, 16), (16, 24)], (4, 4), "4t 4t 4t r2"),
        ([(24, 32), (32, 48)], (4, 4), "r2 4t 8t ~4"),  # a long one after a short one swings
        ([(32, 40), (40, 48)], (4, 4), "r2 r4t 4t 4t"),
        ([(12, 20), (20, 28), (28, 36)], (4, 4), "r4 4t 8t ~8t 4t r4"),  # over the middle: the beats stay visible
        ([(0, 6), (18, 24)], (6, 8), "8 r8 r8 8 r8 r8"),
        ([(12, 18)], (6, 8), "r4 8 r4."),
        ([(6, 18), (18, 30), (30, 36)], (6, 8), "r8 4 4 8"),
        ([(0, 12), (12, 24), (24, 36)], (6, 8), "4 8 ~8 4"),  # three against two: the second beat is seen
        ([(0, 12), (12, 24), (24, 36)], (3, 4), "4 4 4"),
        ([(0, 18), (18, 36)], (3, 4), "4. 4."),
        ([(6, 12), (24, 30)], (7, 8), "r8 8 r4 8 r8 r8"),
    ],
)
def test_written_as_a_musician_would(steps: list[tuple[int, int]], metre: tuple[int, int], expected: str) -> None:
    assert spelled(steps, metre) == expected


@pytest.mark.parametrize(
    ("steps", "length", "index", "expected"),
    [
        ([(0, 6), (6, 18)], 18, 0, "8 4"),  # a pickup: the beat begins after its eighth
        ([(0, 6), (6, 18)], 18, 3, "8 8 ~8"),  # cut short by a new metre: the beat ends after two of them
        ([(0, 30)], 30, 0, "8 ~2"),
        ([(0, 12)], 24, 0, "4 r4"),
    ],
)
def test_a_pickup_is_counted_from_its_end(steps: list[tuple[int, int]], length: int, index: int, expected: str) -> None:
    bar = Bar(index, 0, length * STEP, 4, 4)
    notes = [Note(first * STEP, (last - first) * STEP, 40) for first, last in steps]
    assert " ".join(written(figure) for figure in spell_bar(notes, bar, TICKS)) == expected


def test_drums_last_to_the_next_hit_or_the_end_of_the_beat() -> None:
    assert spelled([(0, 1), (6, 7), (12, 13), (15, 16), (36, 37)], drums=True) == "8 8 16 8. r4 4"


def test_a_note_over_the_bar_line_is_tied() -> None:
    note = Note(3 * TICKS, 2 * TICKS, 40)
    first = spell_bar([note], a_bar(4, 4, 0), TICKS)
    second = spell_bar([note], a_bar(4, 4, 1), TICKS)
    assert [written(figure) for figure in first] == ["r2", "r4", "4"]
    assert [written(figure) for figure in second] == ["~4", "r4", "r2"]
    assert second[0].notes == (note,)


def test_a_sounding_note_ends_where_the_next_begins_and_chords_stay_together() -> None:
    low, high, late = Note(0, 1920, 40), Note(0, 960, 47), Note(960, 960, 45)
    figures = [figure for figure in spell_bar([low, high, late], a_bar(4, 4), TICKS) if figure.notes]
    assert [(figure.start, figure.notes) for figure in figures] == [(0, (low, high)), (960, (late,))]


def test_two_onsets_a_step_apart_both_live() -> None:
    figures = [f for f in spell_bar([Note(0, 80, 40), Note(80, 880, 41)], a_bar(4, 4), TICKS) if f.notes and not f.tied]
    assert [figure.start for figure in figures] == [0, 80]


def test_a_bar_that_64ths_cannot_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="bar 3"):
        spell_bar([], Bar(2, 0, 1000, 4, 4), TICKS)


@st.composite
def bars_with_notes(draw: st.DrawFn) -> tuple[Bar, list[Note]]:
    """A bar and notes whose onsets stand on sixteenths or triplets, half a quarter at a time."""
    bar = a_bar(*draw(st.sampled_from(METRES)), index=draw(st.integers(0, 2)))
    notes = []
    for start, end in beat_groups(bar.numerator, bar.denominator, bar.length // 20):
        at = start
        while at < end:
            size = min(24, end - at)
            unit = draw(st.sampled_from([unit for unit in (12, size // 3) if unit and size % unit == 0] or [size]))
            for place in range(at, at + size, unit):
                if draw(st.booleans()):
                    length = draw(st.integers(1, 60)) * STEP
                    for pitch in draw(st.lists(st.integers(40, 44), min_size=1, max_size=3, unique=True)):
                        notes.append(Note(bar.start + place * 20, length, pitch))
            at += size
    if draw(st.booleans()):
        notes.append(Note(bar.start - STEP, draw(st.integers(2, 60)) * STEP, 39))
    return bar, notes


@settings(max_examples=300, deadline=None)
@given(bars_with_notes(), st.booleans())
def test_bars_are_exactly_full_and_onsets_stay(given_bar: tuple[Bar, list[Note]], drums: bool) -> None:
    bar, notes = given_bar
    figures = spell_bar(notes, bar, TICKS, drums)
    at = Fraction(0)
    for figure in figures:
        assert figure.start == at
        assert figure.value in (1, 2, 4, 8, 16, 32, 64)
        at += figure.quarters * TICKS
    assert at == bar.length
    struck = {(bar.start + figure.start, note) for figure in figures if not figure.tied for note in figure.notes}
    assert struck == {(note.start, note) for note in notes if note.start >= bar.start}


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 64), st.sampled_from(METRES), st.integers(0, 1), st.lists(st.integers(0, 40), max_size=8))
def test_short_bars_are_full_too(sixteenths: int, metre: tuple[int, int], index: int, steps: list[int]) -> None:
    bar = Bar(index, 0, sixteenths * TICKS // 4, *metre)
    notes = [Note(step * STEP, STEP * 7, 40) for step in sorted(set(steps)) if step * STEP < bar.length]
    figures = spell_bar(notes, bar, TICKS)
    assert sum(figure.quarters for figure in figures) * TICKS == bar.length
    assert sum(len(figure.notes) for figure in figures if not figure.tied) == len(notes)


@settings(max_examples=40, deadline=None)
@given(bars_with_notes())
def test_music21_finds_the_bars_full(given_bar: tuple[Bar, list[Note]]) -> None:
    """An oracle for what the values mean: its own arithmetic of dots, tuplets and time signatures."""
    music21 = pytest.importorskip("music21")
    bar, notes = given_bar
    measure = music21.stream.Measure()
    measure.timeSignature = music21.meter.TimeSignature(f"{bar.numerator}/{bar.denominator}")
    for figure in spell_bar(notes, bar, TICKS):
        duration = music21.duration.Duration(music21.duration.typeFromNumDict[figure.value], dots=int(figure.dotted))
        if figure.tuplet != (1, 1):
            duration.appendTuplet(music21.duration.Tuplet(*figure.tuplet))
        element = music21.note.Note(duration=duration) if figure.notes else music21.note.Rest(duration=duration)
        assert element.duration.quarterLength == figure.quarters
        assert measure.highestTime == figure.start / TICKS
        measure.append(element)
    assert measure.highestTime == measure.barDuration.quarterLength


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(METRES), st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 4000)), max_size=20))
@example((3, 8), [(41, 520), (61, 539), (181, 419), (301, 580)])
def test_any_ticks_give_a_full_bar_and_lose_no_note(metre: tuple[int, int], places: list[tuple[int, int]]) -> None:
    bar = a_bar(*metre)
    notes = [Note(start, length, 40) for start, length in places if start < bar.end]
    figures = spell_bar(notes, bar, TICKS)
    assert sum(figure.quarters for figure in figures) * TICKS == bar.length
    assert sum(len(figure.notes) for figure in figures if not figure.tied) == len(notes)
