"""Where on the neck: strings and frets for a line of notes, chosen as a player would.

A tuning is a tuple of open-string pitches, string 1 (the highest sounding) first, capo not included. The hand is at a
*position*: the fret under the first finger. Playing within four frets of it costs nothing, moving it does; open strings
need no hand. The cheapest path through all chords is found by dynamic programming over the best few hand shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise

from arranger.parts import Role, tracks_of
from arranger.song import Note, Song

BASS_4 = (43, 38, 33, 28)
BASS_5 = (43, 38, 33, 28, 23)
GUITAR_6 = (64, 59, 55, 50, 45, 40)
GUITAR_DROP_D = (64, 59, 55, 50, 45, 38)
GUITAR_7 = (64, 59, 55, 50, 45, 40, 35)

STANDARD = {"bass": BASS_4, "guitar": GUITAR_6}
LOWER = {"bass": (BASS_5,), "guitar": (GUITAR_DROP_D, GUITAR_7)}

FRETS = 24
HAND = 4
"""Frets under one hand without moving."""

MAX_STRETCH = 5
"""Frets from the lowest to the highest fretted note of a chord, both counted."""

# What things cost, in "frets of hand movement".
_HEIGHT = 0.12  # per fret up the neck: low positions are home
_STRETCH = 1.5  # per fret beyond the four under the hand
_STRING = 0.35  # per string crossed
_FINGER = 0.15  # per fret away from the first finger
_OPEN_HIGH = 0.25  # open string while the hand is up the neck, per fret above five

_SHAPES_A_CHORD = 24
_BEAM = 10

Shape = tuple[tuple[int, int], ...]
"""(string, fret) of each note of a chord, in the order of its pitches from high to low."""


@dataclass(frozen=True, slots=True)
class Fingering:
    """Notes with string and fret; how many were moved by an octave, how many dropped."""

    notes: tuple[Note, ...]
    moved: int = 0
    dropped: int = 0


def assign_frets(notes: Sequence[Note], tuning: Sequence[int], capo: int = 0, frets: int = FRETS) -> tuple[Note, ...]:
    """The notes, sorted, each with string and fret; see `finger` for what is done when they don't fit."""
    return finger(notes, tuning, capo, frets).notes


def finger(notes: Sequence[Note], tuning: Sequence[int], capo: int = 0, frets: int = FRETS) -> Fingering:
    """Strings and frets for all notes.

    Parameters
    ----------
    notes : in any order; those that start together are a chord. Strings and frets they may have are forgotten.
    capo : fret of the capo; frets count from it, and open strings sound that much higher.
    frets : highest fret, counted from the nut.

    Notes out of range are moved by octaves. From a chord that no hand can hold, notes are dropped: first doubled
    pitches, then the inner ones, so that top and bass stay.

    Raises
    ------
    ValueError
        if the tuning has no strings or the capo leaves no frets.
    """
    if not tuning or capo >= frets:
        raise ValueError(f"no fretboard: {len(tuning)} strings, capo {capo} of {frets} frets")
    strings, last = tuple(pitch + capo for pitch in tuning), frets - capo
    moved = dropped = 0
    chords: list[list[Note]] = []
    shapes: list[tuple[Shape, ...]] = []
    for _, together in groupby(sorted(notes), key=lambda note: note.start):
        chord = []
        for note in together:
            pitch = into_range(note.pitch, strings, last)
            moved += pitch != note.pitch
            chord.append(replace(note, pitch=pitch))
        chord.sort(key=lambda note: -note.pitch)
        kept, options = _playable_chord(chord, strings, last)
        dropped += len(chord) - len(kept)
        chords.append(kept)
        shapes.append(options)
    fingered = [
        replace(note, string=string, fret=fret)
        for chord, shape in zip(chords, _cheapest_path(shapes), strict=True)
        for note, (string, fret) in zip(chord, shape, strict=True)
    ]
    return Fingering(tuple(sorted(fingered)), moved, dropped)


def into_range(pitch: int, strings: Sequence[int], frets: int = FRETS) -> int:
    """The pitch, moved by whole octaves until some string has it; the nearest octave that fits."""
    low, high = min(strings), max(strings) + frets
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def chord_shapes(pitches: Sequence[int], strings: Sequence[int], frets: int = FRETS) -> tuple[Shape, ...]:
    """Ways to hold pitches (high to low) together, each on a string of its own, best first; empty if there is none."""
    return _shapes(tuple(pitches), tuple(strings), frets)


def tuning_for(part: str, notes: Sequence[Note], song: Song, roles: tuple[Role, ...]) -> tuple[int, ...]:
    """Tuning for a new track of `part`: the one the song's own track has, else standard, else one string lower.

    A lower tuning is taken only if it brings at least a twentieth of the notes into range; fewer are moved by an
    octave. Drums get no strings: `()`.
    """
    if part not in STANDARD:
        return ()

    def outside(tuning: tuple[int, ...]) -> int:
        return sum(not min(tuning) <= note.pitch <= max(tuning) + FRETS for note in notes)

    own = [tuning for track in tracks_of(roles, song, part) if (tuning := song.tracks[track].tuning)]
    if own:
        return min(own, key=outside)
    best = STANDARD[part]
    for lower in LOWER[part]:
        if 20 * (outside(best) - outside(lower)) >= max(1, len(notes)):
            best = lower
    return best


def _playable_chord(chord: list[Note], strings: tuple[int, ...], frets: int) -> tuple[list[Note], tuple[Shape, ...]]:
    """As much of a chord (high to low) as a hand can hold, and how."""
    kept: list[Note] = []
    for note in chord:
        if all(note.pitch != other.pitch for other in kept):
            kept.append(note)
    while True:
        options = chord_shapes([note.pitch for note in kept], strings, frets)
        if options:
            return kept, options
        # Drop the inner note that is nearest to its neighbours; of two notes, the upper.
        inner = range(1, len(kept) - 1)
        drop = min(inner, key=lambda i: kept[i - 1].pitch - kept[i + 1].pitch) if inner else 0
        kept = kept[:drop] + kept[drop + 1 :]


@lru_cache(maxsize=4096)
def _shapes(pitches: tuple[int, ...], strings: tuple[int, ...], frets: int) -> tuple[Shape, ...]:
    found: list[Shape] = []

    def extend(shape: Shape, low: int, high: int) -> None:
        if len(found) > 2000:
            return
        if len(shape) == len(pitches):
            found.append(shape)
            return
        for string, open_pitch in enumerate(strings, 1):
            fret = pitches[len(shape)] - open_pitch
            if not 0 <= fret <= frets or any(string == used for used, _ in shape):
                continue
            if not fret:
                extend((*shape, (string, 0)), low, high)
            elif max(high, fret) - min(low, fret) < MAX_STRETCH:
                extend((*shape, (string, fret)), min(low, fret), max(high, fret))

    if len(pitches) <= len(strings):
        extend((), 99, -99)
    return tuple(sorted(found, key=_shape_cost)[:_SHAPES_A_CHORD])


def _shape_cost(shape: Shape) -> float:
    fretted = [fret for _, fret in shape if fret]
    if not fretted:
        return 0.0
    strings = [string for string, _ in shape]
    gaps = max(strings) - min(strings) + 1 - len(strings)
    crossed = sum(b < a for a, b in pairwise(strings))
    stretch = max(0, max(fretted) - min(fretted) + 1 - HAND)
    return _HEIGHT * min(fretted) + _STRETCH * stretch + 0.2 * gaps + 2.0 * crossed


@lru_cache(maxsize=4096)
def _hands(shape: Shape) -> tuple[tuple[int | None, float], ...]:
    """(position, cost) of the hands that can hold a shape; None for a shape of open strings, any hand will do."""
    fretted = [fret for _, fret in shape if fret]
    if not fretted:
        return ((None, 0.0),)
    low, high = min(fretted), max(fretted)
    first = max(1, min(low, high - HAND + 1))
    cost = _shape_cost(shape)
    return tuple((at, cost + _FINGER * (low - at)) for at in range(first, low + 1))


def _cheapest_path(shapes: Sequence[tuple[Shape, ...]]) -> list[Shape]:
    """One shape of each chord, so that the whole costs least; beam search over (shape, hand position)."""
    # A state is (cost, hand position, string centre, shape, index of the state before).
    layers: list[list[tuple[float, int, float, Shape, int]]] = [[(0.0, 1, 0.0, (), -1)]]
    for first, options in enumerate(shapes):
        reach = 0.3 if first == 0 else 1.0  # before the first note there is time to find the place
        layer = []
        for shape in options:
            centre = sum(string for string, _ in shape) / len(shape)
            has_open = any(not fret for _, fret in shape)
            for hand, own in _hands(shape):
                best, before, at = min(
                    (
                        cost
                        + (reach * abs(hand - place) if hand is not None else 0.0)
                        + (_STRING * abs(centre - strings) if strings else 0.0)
                        + (_OPEN_HIGH * max(0, place - 5) if has_open else 0.0),
                        index,
                        hand if hand is not None else place,
                    )
                    for index, (cost, place, strings, _, _) in enumerate(layers[-1])
                )
                layer.append((best + own, at, centre, shape, before))
        layer.sort(key=lambda state: state[:3])
        layers.append(layer[:_BEAM])
    path: list[Shape] = []
    at = 0
    for layer in reversed(layers[1:]):
        path.append(layer[at][3])
        at = layer[at][4]
    return path[::-1]
