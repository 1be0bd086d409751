"""Which track plays what, where a tab gives everything strings."""

from __future__ import annotations

import pytest

from arranger.parts import detect_parts
from arranger.song import Note, Song, Track

SIX = (64, 59, 55, 50, 45, 40)


@pytest.mark.parametrize(
    ("name", "program", "tuning", "role"),
    [
        ("piano", 0, SIX, "other"),
        ("Lead Vocals", 0, SIX, "other"),
        ("Track 1", 0, SIX, "guitar"),  # nobody set its program
        ("Track 2", 0, (43, 38, 33, 28), "bass"),
        ("piano", 27, SIX, "guitar"),  # a program that says guitar is stronger than a name
        ("Bass Synth", 0, None, "bass"),
    ],
)
def test_a_piano_with_strings_is_no_guitar(name: str, program: int, tuning: tuple[int, ...] | None, role: str) -> None:
    track = Track(name, program, False, tuple(Note(480 * k, 480, 45) for k in range(8)), tuning=tuning)
    assert detect_parts(Song(480, (track,)))[0].role == role
