"""Chords: plain ones, those that our own songs were composed of, and music21 as a judge of names."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from arranger.chords import KINDS, Chord, pitch_class_name, song_chords
from arranger.files import load_song
from arranger.parts import detect_parts
from arranger.profiles import Profiles, song_profiles

EXAMPLES = Path(__file__).parents[1] / "examples"
ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def parsed(label: str) -> tuple[int, str]:
    """(root, kind) of a chord's name, without its bass."""
    name = label.partition("/")[0]
    root, rest = ROOTS[name[0]], name[1:]
    while rest[:1] in ("#", "b"):
        root, rest = root + (1 if rest[0] == "#" else -1), rest[1:]
    return root % 12, rest


def composed(name: str) -> list[str]:
    """The chord of each bar, as the composing script has it."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        form = __import__(name).FORM
    finally:
        sys.path.remove(str(EXAMPLES))
    return [chord for section in form for chord in section[-1]]


def bars(chords: list[tuple[int, tuple[int, ...], int]]) -> Profiles:
    """A bar for each (root, steps above it, bass)."""
    weight, low = np.zeros((len(chords), 12)), np.zeros((len(chords), 12))
    for bar, (root, steps, bass) in enumerate(chords):
        for step in steps:
            weight[bar, (root + step) % 12] += 4.0
        low[bar, bass] = 4.0
    return Profiles(weight, low, np.arange(len(chords)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "sus2"])
@pytest.mark.parametrize("root", [0, 3, 10])
def test_plain_chords_are_told(root: int, kind: str) -> None:
    (chord,) = song_chords(bars([(root, KINDS[kind], root)]))
    assert (chord.root, chord.kind, chord.bass) == (root, kind, root)


def test_another_tone_in_the_bass_stands_behind_a_slash() -> None:
    found = song_chords(bars([(7, (0, 4, 7), 11), (0, (0, 4, 7), 0)]))
    assert [chord.name(1) for chord in found] == ["G/B", "C"]


def test_silent_bars_have_none_and_a_passing_note_makes_none() -> None:
    profiles = bars([(0, (0, 4, 7), 0)] * 3)
    profiles.weight[1] = profiles.bass[1] = 0
    profiles.weight[2, 9] = 0.5
    assert [(chord.bar, chord.name()) for chord in song_chords(profiles)] == [(0, "C"), (2, "C")]


def test_half_bars_are_told_where_they_differ() -> None:
    profiles = bars([(0, (0, 4, 7), 0), (7, (0, 4, 7), 7), (5, (0, 4, 7), 5), (5, (0, 4, 7), 5)])
    halves = Profiles(profiles.weight, profiles.bass, np.array([0, 0, 1, 1]))
    assert [(c.bar, c.half, c.name()) for c in song_chords(halves)] == [(0, 0, "C"), (0, 1, "G"), (1, 0, "F")]


@pytest.mark.parametrize(
    ("song", "script", "roots", "exact"),
    [
        ("night-bus.mid", "_night_bus", 63, 60),
        ("paper-boats.gp5", "_paper_boats", 53, 47),
        ("three-four.mid", "_three_four", 24, 22),
    ],
)
def test_our_own_songs_have_the_chords_that_they_were_composed_of(
    song: str, script: str, roots: int, exact: int
) -> None:
    read = load_song(EXAMPLES / song)
    first: dict[int, Chord] = {}
    for chord in song_chords(song_profiles(read, detect_parts(read))):
        first.setdefault(chord.bar, chord)
    truth = [parsed(label) for label in composed(script)]
    assert sum(first[bar].root == root for bar, (root, _) in enumerate(truth) if bar in first) >= roots
    assert sum((first[bar].root, first[bar].kind) == one for bar, one in enumerate(truth) if bar in first) >= exact


@pytest.mark.parametrize("kind", ["", "m", "7", "m7", "maj7", "dim", "sus4"])
def test_music21_calls_the_same_tones_the_same(kind: str) -> None:
    harmony = pytest.importorskip("music21.harmony")
    for root in range(12):
        name = Chord(0, 0, root, kind, root).name(-3)
        symbol = harmony.ChordSymbol(name.replace("b", "-", 1) if name[1:2] == "b" else name)
        assert {pitch.pitchClass for pitch in symbol.pitches} == {(root + step) % 12 for step in KINDS[kind]}, name
        assert symbol.root().pitchClass == root


@pytest.mark.parametrize(
    ("sharps", "names"),
    [
        (0, "C C# D Eb E F F# G Ab A Bb B"),
        (4, "C C# D D# E E# F# G G# A A# B"),
        (-4, "C Db D Eb Fb F Gb G Ab A Bb Cb"),
    ],
)
def test_pitch_classes_are_spelled_in_the_key(sharps: int, names: str) -> None:
    found = [pitch_class_name(pitch_class, sharps) for pitch_class in range(12)]
    for pitch_class, name in enumerate(found):
        assert (ROOTS[name[0]] + name.count("#") - name.count("b")) % 12 == pitch_class
    assert sum(one == two for one, two in zip(found, names.split(), strict=True)) >= 9
