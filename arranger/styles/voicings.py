"""Chords as guitarists hold them: power chords, and shapes over all strings in one place on the neck."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np

from arranger.fretboard import chord_shapes, holdable
from arranger.styles.setting import Setting
from arranger.tunings import GUITAR_6, GUITAR_7, GUITAR_8, GUITAR_DROP_D

HAND = 3
"""Frets above the first finger that a shape reaches."""
HIGHEST_PLACE = 9
WORTH_OF_A_STRING, COST_OF_A_FRET, COST_OF_A_SEMITONE = 0.8, 0.3, 0.06
COST_OF_A_GAP, COST_OF_A_DOUBLE, COST_OF_A_STRETCH = 4.0, 0.3, 0.8
COST_OF_MUD = {3: 1.0, 4: 0.3, 5: 0.3, 6: 0.3}
"""Semitones of the second note above the root -> cost; a fifth or more is clear."""


def strings_of(setting: Setting) -> tuple[int, ...]:
    """Open strings of the guitar, string 1 first; those that a guitar with such a lowest string usually has."""
    if setting.strings:
        return setting.strings
    lowest = setting.lowest or GUITAR_6[-1]
    if lowest == GUITAR_DROP_D[-1]:
        return GUITAR_DROP_D
    for tuning in (GUITAR_6, GUITAR_7, GUITAR_8):
        if lowest > tuning[-1] - 4:
            return tuple(pitch + lowest - tuning[-1] for pitch in tuning)
    return tuple(pitch + lowest - GUITAR_8[-1] for pitch in GUITAR_8)


def high_from(strings: tuple[int, ...]) -> int:
    """Pitch from which on a single note is a lead's: A3 on most guitars, whatever strings they have below."""
    return strings[0] - 7


def chord_at(setting: Setting, step: int) -> tuple[int, tuple[int, ...]] | None:
    """(root, pitch classes above it in semitones, sorted from 0) of the chord at a step; None where there is none."""
    root = int(setting.root[step])
    if root < 0:
        return None
    above = sorted({0, *((np.flatnonzero(setting.tones[:, step]) - root) % 12).tolist()})
    return root, tuple(above)


def power_chord(root: int, above: tuple[int, ...], strings: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    """Root, fifth (a diminished one where the chord has that alone) and octave as low as they go; what there is room
    for, low to high; empty if not even root and fifth lie in the range."""
    fifth = 6 if 6 in above and 7 not in above else 7
    for lowest in range(low + (root - low) % 12, high + 1, 12):
        for shape in ((0, fifth, 12), (0, fifth)):
            pitches = tuple(lowest + step for step in shape)
            if pitches[-1] <= high and chord_shapes(pitches[::-1], strings):
                return pitches
    return ()


@lru_cache(maxsize=4096)
def full_chord(root: int, above: tuple[int, ...], strings: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    """A chord over as many strings as a hand has, low to high, root lowest, in a low place on the neck.

    All its tones are in it if any shape has them; empty if the range has no room for three notes.
    """
    best: tuple[int, ...] = ()
    least = np.inf
    six = strings[:6]
    for place in range(HIGHEST_PLACE + 1):
        for base in range(len(six) - 1, max(1, len(six) - 4), -1):
            for pitches, span in _shapes(root, above, six, base, place, low, high):
                cost = COST_OF_A_FRET * place + COST_OF_A_SEMITONE * (pitches[0] - low) + _cost(pitches, above)
                cost += COST_OF_A_STRETCH * max(0, span - 2)
                if cost < least:
                    best, least = pitches, cost
    return best


def _cost(pitches: tuple[int, ...], above: tuple[int, ...]) -> float:
    """Of a shape by itself: missing tones, few strings, thirds that are doubled or stand low on the root."""
    steps = [(pitch - pitches[0]) % 12 for pitch in pitches]
    cost = COST_OF_A_GAP * (len(above) - len(set(steps))) - WORTH_OF_A_STRING * len(pitches)
    cost += COST_OF_A_DOUBLE * sum(max(0, steps.count(step) - 1) for step in set(above) - {0, 7})
    return cost + COST_OF_MUD.get(pitches[1] - pitches[0], 0.0)


def _shapes(
    root: int, above: tuple[int, ...], strings: tuple[int, ...], base: int, place: int, low: int, high: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Shapes that can be held, pitches low to high, and how many frets they stretch over.

    The root is on string `base`, and one of the two lowest tones of the chord on each further string up to some string.
    Open strings belong to the lowest place.
    """
    frets = [*([0] if place <= 1 else []), *range(max(place, 1), max(place, 1) + HAND + 1)]
    bass = next((f for f in frets if (strings[base] + f - root) % 12 == 0 and strings[base] + f >= low), None)
    if bass is None:
        return
    options = []
    for index in range(base - 1, -1, -1):
        tones = [f for f in frets if (strings[index] + f - root) % 12 in above and strings[index] + f <= high]
        if not tones:
            break
        options.append(tones[:2])
    for count in range(2, len(options) + 1):
        for chosen in product(*options[:count]):
            shape = [(base - at + 1, fret) for at, fret in enumerate((bass, *chosen))]
            pitches = tuple(strings[string - 1] + fret for string, fret in shape)
            if pitches[0] <= high and list(pitches) == sorted(set(pitches)) and holdable(shape[::-1]):
                pressed = [fret for _, fret in shape if fret]
                yield pitches, max(pressed, default=0) - min(pressed, default=0)
