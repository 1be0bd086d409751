"""Bars and sections by number and name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arranger.errors import FillRequestError
from arranger.places import parse_places, parse_sections
from arranger.sections import Section
from arranger.song import Note, Song, Track

SONG = Song(960, (Track("P", 0, False, (Note(0, 960, 60),)),), length=32 * 3840)
NAMED = (
    Section(0, 4, "A", "Intro"),
    Section(4, 12, "B", "Verse 1"),
    Section(12, 16, "C", "Chorus"),
    Section(16, 24, "B", "Verse 2"),
    Section(24, 28, "C", "Chorus"),
    Section(28, 32, "D", "Outro, slower"),
)
LETTERS = tuple(Section(one.first, one.last, one.label) for one in NAMED)


def bars(*runs: tuple[int, int]) -> tuple[int, ...]:
    """Runs as a person counts them, first and last bar."""
    return tuple(bar for first, last in runs for bar in range(first - 1, last))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("9-16", bars((9, 16))),
        (" 9 – 16 ", bars((9, 16))),
        ("9-", bars((9, 32))),
        ("-16", bars((1, 16))),
        ("9", bars((9, 9))),
        ("1-4,9-12, 3-5", bars((1, 5), (9, 12))),
        ("verse", bars((5, 12), (17, 24))),
        ("VERSE 2", bars((17, 24))),
        ("Chorus 2", bars((25, 28))),
        ("chorus", bars((13, 16), (25, 28))),
        ("Outro, slower", bars((29, 32))),
        ("Intro-Chorus", bars((1, 16))),
        ("Verse 2 - Chorus", bars((17, 28))),
        ("B", bars((5, 12), (17, 24))),
        ("b2", bars((17, 24))),
        ("A-B", bars((1, 12))),
        ("C-D, 1", bars((1, 1), (13, 32))),
    ],
)
def test_places(text: str, wanted: tuple[int, ...]) -> None:
    assert parse_places(text, SONG, NAMED) == wanted


def test_letters_alone() -> None:
    assert parse_places("B2, C1", SONG, LETTERS) == bars((13, 16), (17, 24))


def test_a_letter_of_a_very_long_song_is_itself() -> None:
    """Songs with more than 26 different sections have one that is called B2."""
    sections = (Section(0, 4, "B"), Section(4, 8, "B"), Section(8, 32, "B2"))
    assert parse_places("B2", SONG, sections) == bars((9, 32))
    assert parse_places("B1", SONG, sections) == bars((1, 4))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9-40", "bars 1-32"),
        ("16-9", "16-9 are not in this song"),
        ("0", "Bar 0 is not"),
        ("33-", "bars 1-32"),
        ("bridge", r"“bridge”.*Intro \(1-4\), Verse 1 \(5-12\)"),
        ("Verse 3", "no section “Verse 3”"),
        ("D-A", "comes after"),
        ("", "write 9-16"),
        ("1,,2", "write 9-16"),
        ("1" * 3_000, "too long"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(text: str, said: str) -> None:
    with pytest.raises(FillRequestError, match=said):
        parse_places(text, SONG, NAMED)
    if text == "bridge":
        with pytest.raises(FillRequestError, match="no run of bars"):
            parse_places(text, SONG, ())


@given(st.text(alphabet="19-–, ABvVerseChorus", max_size=20))
def test_any_text_is_bars_of_the_song_or_an_error(text: str) -> None:
    try:
        found = parse_places(text, SONG, NAMED)
    except FillRequestError:
        return
    assert found
    assert list(found) == sorted(set(found))
    assert 0 <= found[0] <= found[-1] < 32


def test_sections_as_the_user_has_them() -> None:
    found = parse_sections("Verse 1: 1-8, Chorus 9-16, Verse 2 17-24, Coda=29-", SONG)
    assert found == (
        Section(0, 8, "A", "Verse 1"),
        Section(8, 16, "B", "Chorus"),
        Section(16, 24, "A", "Verse 2"),
        Section(24, 28, "C"),
        Section(28, 32, "D", "Coda"),
    )
    assert parse_places("verse 2", SONG, found) == bars((17, 24))
    assert parse_sections("Tag 32", SONG) == (Section(0, 31, "A"), Section(31, 32, "B", "Tag"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Verse", "Verse 1-8"),
        ("1-8", "Verse 1-8"),
        ("Verse 1-8, Chorus 8-16", "“Chorus” begins in bar 8, inside “Verse”"),
        ("Verse 1-33", "bars 1-32"),
        ("Verse 8-1", "bars 1-32"),
        (",".join(["X 1"] * 300), "at most 200"),
    ],
)
def test_wrong_sections_are_refused(text: str, said: str) -> None:
    with pytest.raises(FillRequestError, match=said):
        parse_sections(text, SONG)


@given(st.text(alphabet="19-, :=ABx", max_size=24))
def test_any_sections_fill_the_song_or_are_an_error(text: str) -> None:
    try:
        found = parse_sections(text, SONG)
    except FillRequestError:
        return
    assert [one.first for one in found] == [0, *(one.last for one in found[:-1])]
    assert found[-1].last == 32
