"""Where on the neck: strings and frets for a line of notes, chosen as a player would.

A tuning is a tuple of open-string pitches, string 1 (the highest sounding) first, capo not included. Which shapes a
chord can be held in is found here, by trying all strings; which of them is taken, by `fretboard_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise

from arranger.fretboard_path import FINGERS, HAND, Costs, Shape, cheapest_path, fingers, own_cost
from arranger.song import Note
from arranger.tunings import (
    BASS_4,
    BASS_5,
    BASS_6,
    BASS_DROP_D,
    FRETS,
    GUITAR_6,
    GUITAR_7,
    GUITAR_8,
    GUITAR_DROP_D,
    LOWER,
    STANDARD,
    Neck,
    neck_for,
    tuning_for,
)

__all__ = [
    "BASS_4",
    "BASS_5",
    "BASS_6",
    "BASS_DROP_D",
    "FRETS",
    "GUITAR_6",
    "GUITAR_7",
    "GUITAR_8",
    "GUITAR_DROP_D",
    "LOWER",
    "STANDARD",
    "Fingering",
    "Neck",
    "assign_frets",
    "chord_shapes",
    "finger",
    "holdable",
    "into_range",
    "neck_for",
    "tuning_for",
]

MAX_STRETCH = 5
"""Frets from the lowest to the highest fretted note of a chord, both counted."""

HIGH_STRETCH = 6
"""The same above `HIGH_FRET`, where frets are narrow."""

HIGH_FRET = 7

MAX_SHAPES = 100
"""Shapes of a chord that are looked at, the cheapest by themselves; few chords have as many."""

_SEARCHED = 4_000

BASS_COSTS = Costs(height=0.08, open=0.11)
GUITAR_COSTS = Costs(height=0.12, open=0.49, gap=0.49, again=1.25)
"""Fitted to half of the songs that `benchmarks/tab.py` knows, and measured on the others."""


@dataclass(frozen=True, slots=True)
class Fingering:
    """Notes with string and fret; how many were moved by an octave, how many dropped."""

    notes: tuple[Note, ...]
    moved: int = 0
    dropped: int = 0


def assign_frets(
    notes: Sequence[Note],
    tuning: Sequence[int],
    capo: int = 0,
    frets: int = FRETS,
    clock: Callable[[int], float] | None = None,
    costs: Costs | None = None,
) -> tuple[Note, ...]:
    """The notes, sorted, each with string and fret; see `finger` for what is done when they don't fit."""
    return finger(notes, tuning, capo, frets, clock, costs).notes


def finger(
    notes: Sequence[Note],
    tuning: Sequence[int],
    capo: int = 0,
    frets: int = FRETS,
    clock: Callable[[int], float] | None = None,
    costs: Costs | None = None,
) -> Fingering:
    """Strings and frets for all notes.

    Parameters
    ----------
    notes : in any order; those that start together are a chord. Strings and frets they may have are forgotten.
    capo : fret of the capo; frets count from it, and open strings sound that much higher.
    frets : highest fret, counted from the nut.
    clock : tick -> seconds; where there is time, the hand moves more freely. Without it all is taken as fast.
    costs : what the player avoids; those of a bass or a guitar, by the tuning, unless given.

    Notes out of range are moved by octaves. From a chord that no hand can hold, notes are dropped: first doubled
    pitches, then the inner ones, so that top and bass stay.

    Raises
    ------
    ValueError
        if the tuning has no strings or the capo leaves no frets.
    """
    if not tuning or not 0 <= capo < frets:
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
    starts = [chord[0].start for chord in chords]
    times = [clock(b) - clock(a) for a, b in pairwise(starts)] if clock else [0.0] * len(starts)
    path = cheapest_path(shapes, times, last, costs or costs_for(tuning))
    fingered = [
        replace(note, string=string, fret=fret)
        for chord, shape in zip(chords, path, strict=True)
        for note, (string, fret) in zip(chord, shape, strict=True)
    ]
    return Fingering(tuple(sorted(fingered)), moved, dropped)


def costs_for(tuning: Sequence[int]) -> Costs:
    """Costs of a bass or a guitar: the first string of any bass is lower than the fourth of a tenor guitar."""
    return BASS_COSTS if max(tuning) < 50 else GUITAR_COSTS


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


def span_allowed(low: int, high: int) -> bool:
    """True if one hand reaches from fret `low` to fret `high`, both pressed."""
    return high - low < (HIGH_STRETCH if low > HIGH_FRET else MAX_STRETCH)


def holdable(shape: Sequence[tuple[int, int]]) -> bool:
    """True if one hand can hold these (string, fret) at once: in reach, and with four fingers."""
    pressed = [fret for _, fret in shape if fret]
    return not pressed or (span_allowed(min(pressed), max(pressed)) and fingers(tuple(shape)) <= FINGERS)


def _playable_chord(chord: list[Note], strings: tuple[int, ...], frets: int) -> tuple[list[Note], tuple[Shape, ...]]:
    """As much of a chord (high to low) as a hand can hold, and how."""
    options = chord_shapes([note.pitch for note in chord], strings, frets)
    if options:
        return chord, options
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


@lru_cache(maxsize=8192)
def _shapes(pitches: tuple[int, ...], strings: tuple[int, ...], frets: int) -> tuple[Shape, ...]:
    found: list[Shape] = []
    visits = 0

    def extend(shape: Shape, low: int, high: int) -> None:
        nonlocal visits
        visits += 1
        if visits > _SEARCHED:
            return
        if len(shape) == len(pitches):
            if fingers(shape) <= FINGERS:
                found.append(shape)
            return
        pitch = pitches[len(shape)]
        doubled = bool(shape) and pitches[len(shape) - 1] == pitch
        for string, open_pitch in enumerate(strings, 1):
            fret = pitch - open_pitch
            if not 0 <= fret <= frets or any(string == used for used, _ in shape):
                continue
            if doubled and string < shape[-1][0]:
                continue  # the same two notes the other way round
            if not fret:
                extend((*shape, (string, 0)), low, high)
            elif span_allowed(min(low, fret), max(high, fret)):
                extend((*shape, (string, fret)), min(low, fret), max(high, fret))

    if len(pitches) <= len(strings):
        extend((), 99, -99)
    costs = costs_for(strings)
    return tuple(sorted(found, key=lambda shape: own_cost(shape, _first_hand(shape), costs))[:MAX_SHAPES])


def _first_hand(shape: Shape) -> int:
    fretted = [fret for _, fret in shape if fret]
    return max(1, min(min(fretted), max(fretted) - HAND + 1)) if fretted else 1
