"""Charts: symbols against music21, spelling, places in the bar; takes put on a chart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.charts import Chart, chart_arrays, chart_of, parse_chords, parse_key, scale_of
from arranger.chord_symbols import NATURALS, parse_symbol
from arranger.errors import FillRequestError
from arranger.grid import Grid, song_to_grid
from arranger.harmony import Key
from arranger.on_chart import nearest, on_chart, plane_notes
from arranger.parts import detect_parts
from arranger.song import Note, Song, TimeSignature, Track

KINDS = (
    "", "m", "7", "m7", "maj7", "dim", "dim7", "m7b5", "aug", "sus4", "sus2", "6", "m6", "9", "m9", "11", "m11",
    "add9", "mM7", "7sus4",
)  # fmt: skip
"""Kinds that music21 spells as we do and means as we do; its 13 has the eleventh."""


def empty(bars: int = 4, numerator: int = 4, denominator: int = 4) -> Grid:
    """A grid in which a piano holds a C major triad."""
    length = bars * 3840 * numerator // denominator
    notes = tuple(Note(0, length, pitch) for pitch in (60, 64, 67))
    song = Song(960, (Track("P", 0, False, notes),), time_signatures=(TimeSignature(0, numerator, denominator),))
    return song_to_grid(song, detect_parts(song))


def planes(grid: Grid, *notes: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Notes as (first step, row, end step)."""
    onset, sustain = np.zeros((128, grid.steps), dtype=bool), np.zeros((128, grid.steps), dtype=bool)
    for first, row, last in notes:
        onset[row, first], sustain[row, first:last] = True, True
    return onset, sustain


class TestSymbols:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("root", ["C", "F#", "B-"])
    def test_tones_are_those_of_music21(self, root: str, kind: str) -> None:
        harmony = pytest.importorskip("music21.harmony")
        theirs = harmony.ChordSymbol(root + kind)
        ours = parse_symbol(root.replace("-", "b") + kind)
        assert ours.tones == {pitch.pitchClass for pitch in theirs.pitches}
        assert (ours.root, ours.bass) == (theirs.root().pitchClass, theirs.bass().pitchClass)

    def test_by_hand(self) -> None:
        wanted = {
            "E5": {4, 11}, "G7/B": {7, 11, 2, 5}, "C/D": {0, 4, 7, 2}, "Cmaj9": {0, 4, 7, 11, 2},
            "C7#9": {0, 4, 7, 10, 3},
            "C7b5": {0, 4, 6, 10}, "C6/9": {0, 4, 7, 9, 2}, "C6/9/E": {0, 4, 7, 9, 2}, "Am(add9)": {9, 0, 4, 11},
            "C13": {0, 4, 7, 10, 2, 9}, "Gb": {6, 10, 1}, "Ebm7b5": {3, 6, 9, 1}, "C7(b9,#11)": {0, 4, 7, 10, 1, 6},
            "C(no3)": {0, 7}, "Cmadd9": {0, 3, 7, 2}, "C7alt": {0, 4, 10, 1, 3, 6, 8}, "Csus": {0, 5, 7},
        }  # fmt: skip
        assert {name: set(parse_symbol(name).tones) for name in wanted} == wanted
        assert parse_symbol("C6/9/E").bass == 4

    def test_signs_mean_what_words_mean(self) -> None:
        for sign, word in (
            ("C-7", "Cm7"),
            ("CΔ", "Cmaj7"),
            ("Bø", "Bm7b5"),
            ("F°7", "Fdim7"),
            ("G+", "Gaug"),
            ("A♭", "Ab"),
        ):
            assert parse_symbol(sign) == parse_symbol(word)

    @given(st.text(max_size=30))
    def test_anything_is_a_chord_or_an_error(self, text: str) -> None:
        try:
            symbol = parse_symbol(text)
        except ValueError:
            return
        assert {symbol.root, symbol.bass} <= symbol.tones <= set(range(12))


class TestCharts:
    def test_a_bar_each_or_between_bar_lines(self) -> None:
        assert parse_chords("Am F C G") == ("Am", "F", "C", "G")
        assert parse_chords("| Am | F C | % | N.C. ||") == ("Am", "F C", "F C", "-")
        assert parse_chords("[Verse]\nAm F # as usual\n\n F#m | C#7 |\r\nG/B % // end") == (
            "Am", "F", "F#m", "C#7", "G/B", "G/B",
        )  # fmt: skip
        assert parse_chords("| C / / G | C . |") == ("C C C G", "C")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Am F X G", "“X” in bar 3"),
            ("Am H", "B is written Bb"),
            ("Am f", "as in F"),
            ("| Am | | F |", "bar 2"),
            ("% Am", "no bar before"),
            ("|: Am | F :|", "Repeat signs"),
            ("# nothing", "no chord in it"),
            ("| " + "C " * 17 + "|", "at most 16"),
            ("C " * 4_001, "4000"),
            ("C" * 200_001, "200000"),
        ],
    )
    def test_errors_say_where_and_what_to_do(self, text: str, said: str) -> None:
        with pytest.raises(FillRequestError, match=said):
            parse_chords(text)

    def test_chords_share_a_bar_on_its_beats(self) -> None:
        roots = [chart_arrays((text,), empty(1, *metre), (0, 1))[0].tolist() for text, metre in (
            ("C G", (4, 4)), ("C G", (3, 4)), ("C G", (6, 8)), ("C F G", (4, 4)), ("C - G C", (4, 4)),
        )]  # fmt: skip
        assert roots[0] == [0] * 24 + [7] * 24
        assert roots[1] == [0] * 12 + [7] * 24
        assert roots[2] == [0] * 18 + [7] * 18
        assert roots[3] == [0] * 12 + [5] * 12 + [7] * 24
        assert roots[4] == [0] * 12 + [-1] * 12 + [7] * 12 + [0] * 12

    def test_a_short_chart_goes_round_and_a_whole_one_stands_where_it_is(self) -> None:
        grid = empty(6)

        def roots(chords: tuple[str, ...], bars: tuple[int, int]) -> list[int]:
            return chart_arrays(chords, grid, bars)[0][::48].tolist()

        assert roots(("C", "D"), (1, 6)) == [-1, 0, 2, 0, 2, 0]
        assert roots(("C", "D", "E", "F"), (2, 4)) == [-1, -1, 4, 5, -1, -1]  # reaches to bar 4: of the whole song

    def test_arrays_of_a_slash_chord_and_of_a_silent_bar(self) -> None:
        root, tones, bass = chart_arrays(("D/F#", "-"), empty(2), (0, 2))
        assert (root[0], bass[0], np.flatnonzero(tones[:, 0]).tolist()) == (2, 6, [2, 6, 9])
        assert (root[48], bass[48], tones[:, 48].any()) == (-1, -1, False)

    @given(st.text(alphabet="ABCDEFGHm7|%-/.# \n[]:sus", max_size=60))
    @settings(max_examples=200)
    def test_any_text_is_a_chart_or_an_error(self, text: str) -> None:
        try:
            chords = parse_chords(text)
        except FillRequestError:
            return
        assert parse_chords("|" + "|".join(chords) + "|") == chords  # what is read is read again
        chart_of(chords, empty(2), (0, 2))


class TestKeys:
    def test_keys(self) -> None:
        wanted = {"A minor": (9, True), "Am": (9, True), "F# major": (6, False), "Bb": (10, False), "c": (0, True),
                  "Ebm": (3, True), "G maj": (7, False), "f#": (6, True)}  # fmt: skip
        assert {text: parse_key(text) for text in wanted} == wanted
        assert set(np.flatnonzero(scale_of((9, True))).tolist()) == Key(9, "minor").pitch_classes

    @pytest.mark.parametrize("text", ["", "H", "A lydian", "cM", "A" * 100])
    def test_no_keys(self, text: str) -> None:
        with pytest.raises(FillRequestError, match="A minor, Am"):
            parse_key(text)


class TestOnChart:
    def test_the_bass_takes_the_root_and_passing_notes_stay(self) -> None:
        grid = empty(2)
        chart = chart_of(("C", "G/B"), grid, (0, 2))
        # G at the change to C -> C; off the beat D leads to E: stays; A on the beat, no tone -> G; C held to bar 2.
        drawn = planes(grid, (0, 43, 12), (18, 38, 24), (24, 40, 30), (36, 45, 42), (42, 36, 72))
        moved = plane_notes(*on_chart("bass", drawn, chart, grid))
        assert moved == [(0, 48, 12), (18, 38, 24), (24, 40, 30), (36, 43, 42), (42, 36, 48), (48, 35, 72)]

    def test_guitars_keep_chord_tones_and_end_where_they_no_longer_fit(self) -> None:
        grid = empty(2)
        chart = chart_of(("C", "Am"), grid, (0, 2))
        drawn = planes(grid, (0, 48, 96), (0, 55, 96), (48, 58, 60))
        moved = plane_notes(*on_chart("guitar", drawn, chart, grid))
        assert moved == [(0, 48, 96), (0, 55, 48), (48, 57, 60)]

    def test_a_key_alone_moves_what_neither_it_nor_the_band_has(self) -> None:
        grid = empty(1)
        chart = chart_of((), grid, (0, 1))
        drawn = planes(grid, (0, 37, 12), (12, 40, 24), (24, 42, 36))
        moved = on_chart("bass", drawn, chart, grid, (0, True))
        assert [row % 12 for _, row, _ in plane_notes(*moved)] == [0, 4, 5]  # E is no tone of C minor but is played

    def test_nothing_given_or_drums_changes_nothing(self) -> None:
        grid = empty(1)
        drawn = planes(grid, (0, 1, 3))
        assert on_chart("bass", drawn, chart_of((), grid, (0, 1)), grid) is drawn
        assert on_chart("drums", drawn, chart_of(("C",), grid, (0, 1)), grid) is drawn

    @given(
        st.lists(st.tuples(st.integers(0, 95), st.integers(28, 60), st.integers(1, 40)), min_size=1, max_size=12),
        st.lists(st.sampled_from(["C", "F#m7", "Bb/D", "E5", "G7 A7"]), min_size=1, max_size=2),
        st.sampled_from(["bass", "guitar"]),
    )
    @settings(max_examples=100, deadline=None)
    def test_on_beats_only_tones_are_struck_and_none_is_held_out_of_its_chord(
        self, drawn: list[tuple[int, int, int]], chords: list[str], part: str
    ) -> None:
        grid = empty(2)
        chart: Chart = chart_of(tuple(chords), grid, (0, 2))
        given_planes = planes(grid, *((first, row, min(96, first + length)) for first, row, length in drawn))
        moved = on_chart(part, given_planes, chart, grid, lowest=28)
        for first, row, last in plane_notes(*moved):
            assert row >= 28
            if first % 12 == 0:
                assert chart.tones[row % 12, first]
            assert all(chart.tones[row % 12, change] for change in chart.changes if first < change < last)
        struck, before = moved[0].any(axis=0), given_planes[0].any(axis=0)
        assert not (before & ~struck).any()  # the rhythm stays, but for strokes at changes
        assert set(np.flatnonzero(struck & ~before).tolist()) <= set(chart.changes.tolist())

    def test_nearest(self) -> None:
        g = np.arange(12) == 7
        assert [nearest(row, g, 0) for row in (43, 44, 38, 37)] == [43, 43, 43, 31]
        assert nearest(37, g, 32) == 43
        assert NATURALS["G"] == 7
