"""Songs in which every technique is played, for the tests of all formats."""

from __future__ import annotations

from arranger.song import TECHNIQUES, Note, Song, Track

QUARTER = 960
GUITAR = (64, 59, 55, 50, 45, 40)
FULL_BEND = ((0.0, 0.0), (0.25, 2.0), (0.75, 2.0), (1.0, 0.0))
OF_STRINGS = tuple(name for name in TECHNIQUES if name != "flam")
OF_DRUMS = {3: ("flam",), 5: ("ghost",), 7: ("accent",), 9: ("heavy accent",), 13: ("flam", "heavy accent")}
SNARE, HAT = 38, 42

KINDS = ("gp3", "gp4", "gp5", "gp", "musicxml", "txt")
BEYOND = {"gp3": {"palm mute", "slide in", "slide out", "staccato", "tremolo"}}
"""Techniques that a kind of file can't say."""


def tune() -> tuple[Note, ...]:
    """A quarter on the third string for each technique, each on another fret than the next."""
    notes = []
    for at, name in enumerate(OF_STRINGS):
        fret = 7 if name == "harmonic" else 4 + at % 2
        bend = FULL_BEND if name == "bend" else ()
        notes.append(Note(at * QUARTER, QUARTER, GUITAR[2] + fret, 95, 3, fret, (name,), bend))
    return tuple(notes)


def beat(bars: int) -> tuple[Note, ...]:
    """Eighths on the hat and the snare by turns, some of them as `OF_DRUMS` says."""
    eighth = QUARTER // 2
    return tuple(
        Note(at * eighth, eighth, SNARE if at % 2 else HAT, 95, techniques=OF_DRUMS.get(at, ()))
        for at in range(8 * bars)
    )


def song() -> Song:
    """A guitar that plays everything, one that bends a long note over two bar lines, and drums."""
    slow = (
        Note(QUARTER, 9 * QUARTER, 50, 95, 4, 0, ("bend", "slide"), ((0.0, 0.0), (0.5, 1.0), (1.0, 2.0))),
        Note(10 * QUARTER, QUARTER, 52, 95, 4, 2),
    )
    return Song(
        QUARTER,
        (
            Track("Everything", 27, False, tune(), 0, GUITAR),
            Track("Slow", 29, False, slow, 2, GUITAR),
            Track("Drums", 0, True, beat(5), 9),
        ),
        length=20 * QUARTER,
    )
