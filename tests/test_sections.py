"""Sections: invented songs with a known form, our own songs with and without their markers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from arranger.cli.inspect_command import inspect
from arranger.errors import FillRequestError
from arranger.files import load_song
from arranger.grid import song_to_grid
from arranger.parts import detect_parts
from arranger.profiles import song_profiles
from arranger.sections import MAX_BARS, Section, boundaries, labels, likeness, novelty, section_pairs, song_sections
from arranger.song import Marker, Note, Song, Track

EXAMPLES = Path(__file__).parents[1] / "examples"


def told(song: Song) -> tuple[Section, ...]:
    roles = detect_parts(song)
    grid = song_to_grid(song, roles)
    return song_sections(song, grid, song_profiles(song, roles, grid))


def form(letters: str) -> Song:
    """Four bars for each letter: chords, rhythm and drums of its own."""
    piano, drums = [], []
    for place, letter in enumerate(letters):
        kind = ord(letter) - ord("A")
        for bar in range(4 * place, 4 * place + 4):
            root = 48 + (5 * kind + (0, 5, 7, 3)[bar % 4]) % 12
            step = (960, 480, 1920)[kind % 3]
            piano += [
                Note(3840 * bar + at, step, root + up) for at in range(0, 3840, step) for up in (0, 4 - kind % 2, 7)
            ]
            drums += [Note(3840 * bar + at, 120, 36 + 2 * (kind % 4)) for at in range(0, 3840, 960 - 240 * (kind % 2))]
    return Song(
        960, (Track("P", 0, False, tuple(piano)), Track("D", 0, True, tuple(drums), 9)), length=len(letters) * 4 * 3840
    )


@pytest.mark.parametrize("letters", ["AABBAABB", "AABBAACCBB"])
def test_an_invented_form_is_found(letters: str) -> None:
    sections = told(form(letters))
    assert [section.first for section in sections] == [
        4 * at for at in range(len(letters)) if not at or letters[at] != letters[at - 1]
    ]
    wanted = [letter for at, letter in enumerate(letters) if not at or letter != letters[at - 1]]
    assert [section.label for section in sections] == wanted
    assert sections[-1].last == 4 * len(letters)


def test_markers_are_the_sections_and_alike_ones_share_a_letter() -> None:
    sections = told(load_song(EXAMPLES / "night-bus.mid"))
    by_name = {section.name: section for section in sections}
    assert [(section.first, section.last) for section in sections][:3] == [(0, 4), (4, 20), (20, 28)]
    choruses = {by_name[f"Chorus {number}"].label for number in (1, 2, 3)}
    assert len(choruses) == 1
    assert by_name["Bridge"].label not in choruses | {by_name["Verse 2"].label}


def test_without_markers_most_of_night_bus_is_found() -> None:
    song = replace(load_song(EXAMPLES / "night-bus.mid"), markers=())
    found = {section.first for section in told(song)}
    truth = {4, 20, 28, 36, 44, 52, 53, 61}
    assert len(found & truth) >= 6
    assert len(found - truth - {0}) <= 2


def test_sections_fill_the_song_whatever_it_is() -> None:
    one_bar = Song(960, (Track("P", 0, False, (Note(0, 960, 60),)),), length=3840)
    for song in (
        one_bar,
        form("A"),
        replace(form("AB"), markers=(Marker(3840, "x"),)),
        load_song(EXAMPLES / "three-four.mid"),
    ):
        sections = told(song)
        assert sections[0].first == 0
        assert sections[-1].last == len(song.bars)
        assert all(a.last == b.first for a, b in pairwise(sections))


def test_novelty_is_greatest_where_something_else_begins() -> None:
    features = np.repeat(np.eye(3)[[0, 1, 0]], 8, axis=0)
    curve = novelty(likeness(features))
    assert set(np.argsort(curve)[-2:].tolist()) == {8, 16}
    assert {0, 8, 16} <= set(boundaries(likeness(features)))
    assert labels(likeness(features), [(0, 8), (8, 16), (16, 24)]) == ["A", "B", "A"]


def test_very_long_songs_are_one_section() -> None:
    song = Song(960, (Track("P", 0, False, (Note(0, 3840 * (MAX_BARS + 1), 60),)),))
    assert told(song) == (Section(0, MAX_BARS + 1, "A"),)


def test_pairs_of_bars_at_the_same_place_of_sections_with_one_letter() -> None:
    sections = [Section(0, 2, "A"), Section(2, 3, "B"), Section(3, 6, "A"), Section(6, 7, "A")]
    assert section_pairs(sections) == [(0, 3), (1, 4), (0, 6), (3, 6)]
    assert section_pairs(sections[:2]) == []


def test_inspect_shows_sections_as_the_user_has_them() -> None:
    song = load_song(EXAMPLES / "three-four.mid")
    shown = inspect(song, sections="Verse 1-8, Chorus 9-16, Verse 2: 17-24")["sections"]
    assert [(one["bars"], one["label"], one["name"]) for one in shown] == [
        ([1, 8], "A", "Verse"),
        ([9, 16], "B", "Chorus"),
        ([17, 24], "A", "Verse 2"),
    ]
    with pytest.raises(FillRequestError, match=r"bars 1-24"):
        inspect(song, sections="Verse 1-80")
