"""How a stem plays, in words, by plain rules on its notes: what instructions ask for and what is looked for again.

Every word stands for a rule that can be counted. Where the rule can't be told (no notes, no beats), the word is
missing; none is ever guessed. Drums are read by the keys of General MIDI's percussion map.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from audio_ext.latent.windows import RATE, STEMS, WINDOW, Facts, Note

DENSITY_THIRDS = {"drums": (3.5, 4.8), "bass": (1.65, 2.85), "guitar": (2.15, 3.9), "other": (2.05, 3.3)}
"""Onsets a second: thirds of each stem's own densities, in 400 windows of 238 songs of the training pack."""
DENSITY_WORDS = ("sparse", "steady", "busy")
TEMPO_WORDS = ((75.0, "slow"), (110.0, "medium tempo"), (140.0, "upbeat"), (float("inf"), "fast"))
"""Quarters a minute below which a tempo is called so."""

KICKS, SNARES, HATS = frozenset({35, 36}), frozenset({37, 38, 39, 40}), frozenset({42, 44, 46})
RIDES, CRASHES, TOMS = frozenset({51, 53, 59}), frozenset({49, 52, 55, 57}), frozenset({41, 43, 45, 47, 48, 50})
WORDS = {
    "drums": ("shuffle", "straight", "half-time", "backbeat", "four-on-the-floor", "ride", "crashes", "toms"),
    "bass": ("roots", "walking", "octaves", "off-beat"),
    "guitar": ("strummed", "picked", "single-note"),
    "other": ("chords", "single-note"),
}
"""All words of the rules, beside those for density and sound."""
TOGETHER = 0.03
"""Seconds: notes that start so near each other are one stroke."""
_SECONDS = WINDOW / RATE

BASS_SOUNDS = {
    32: "upright",
    33: "fingered",
    34: "picked",
    35: "fretless",
    36: "slap",
    37: "slap",
    38: "synth",
    39: "synth",
}
GUITAR_SOUNDS = {
    24: "nylon-string",
    25: "acoustic",
    26: "jazz",
    27: "clean",
    28: "muted",
    29: "overdriven",
    30: "distorted",
}
DRUM_SOUNDS = {24: "electronic", 25: "electronic", 32: "jazz", 40: "brush"}
FAMILIES = (
    "piano", "bells", "organ", "", "", "strings", "voices", "brass", "saxophone", "flute", "synth lead", "synth pad",
    "synth", "folk instruments", "percussion", "",
)  # fmt: skip
"""Names for the stem `other`, by General MIDI's families of eight."""


def manner(facts: Facts, stem: str) -> tuple[str, ...]:
    """Words of `WORDS` that fit a stem, in their order; none where its notes are not known."""
    if stem not in STEMS:
        raise ValueError(f"“{stem}” is no stem; there are {', '.join(STEMS)}")
    notes = [note for note in facts.notes.get(stem, ()) if 0 <= note[0] < _SECONDS]
    if len(notes) < 2:
        return ()
    rules = {"drums": _drums, "bass": _bass, "guitar": _guitar, "other": _other}
    found = rules[stem](notes, facts)
    return tuple(word for word in WORDS[stem] if word in found)


def density_word(facts: Facts, stem: str) -> str:
    """Which third of the stem's own densities it is in; empty where that is not known."""
    if stem not in facts.density:
        return ""
    return DENSITY_WORDS[int(np.searchsorted(DENSITY_THIRDS[stem], facts.density[stem], side="right"))]


def tempo_word(facts: Facts) -> str:
    """The tempo in a word; empty where it is not known."""
    if facts.tempo_qpm <= 0:
        return ""
    return next(word for below, word in TEMPO_WORDS if facts.tempo_qpm < below)


def sound_word(facts: Facts, stem: str) -> str:
    """The sound of the loudest track of a stem, for `other` the instrument; empty where nothing can be said."""
    program = facts.programs.get(stem)
    if program is None:
        return ""
    if stem == "other":
        return FAMILIES[program // 8 % 16]
    return {"drums": DRUM_SOUNDS, "bass": BASS_SOUNDS, "guitar": GUITAR_SOUNDS}[stem].get(program, "")


def _phases(times: np.ndarray, facts: Facts) -> tuple[np.ndarray, np.ndarray] | None:
    """Of each time, its share of the quarter (0..1) and that quarter's number in its bar; None without beats.

    Times before the first beat and after the last are taken by the nearest quarter's length.
    """
    if len(facts.beats) < 3:
        return None
    beats = np.array([seconds for seconds, _ in facts.beats])
    counts = np.array([count for _, count in facts.beats])
    at = np.searchsorted(beats, times + TOGETHER, side="right") - 1
    inside = np.clip(at, 0, len(beats) - 2)
    phase = (times - beats[inside]) / np.maximum(beats[inside + 1] - beats[inside], 1e-3)
    whole = np.floor(phase + 0.06)
    # Beyond the last whole quarter the count goes on from the last beat that is known.
    count = np.where(at < 0, -1, counts[np.clip(at, 0, len(counts) - 1)])
    return phase - whole, count


def _drums(notes: Sequence[Note], facts: Facts) -> set[str]:
    keys = np.array([note[2] for note in notes])
    times = np.array([note[0] for note in notes])
    found: set[str] = set()
    hands = np.isin(keys, list(RIDES | HATS))
    if np.count_nonzero(np.isin(keys, list(RIDES))) > 0.5 * max(1, int(np.count_nonzero(hands))):
        found.add("ride")
    if np.count_nonzero(np.isin(keys, list(CRASHES))) >= 2:
        found.add("crashes")
    if np.count_nonzero(np.isin(keys, list(TOMS))) >= 0.15 * len(keys):
        found.add("toms")
    placed = _phases(times, facts)
    if placed is None:
        return found
    phase, count = placed
    found |= _feel(phase)
    snares = np.isin(keys, list(SNARES)) & (np.abs(phase) < 0.1)
    bars = sum(1 for _, number in facts.beats if number == 0)
    four = max(number for _, number in facts.beats) == 3
    if four and bars >= 2:
        on = [int(np.count_nonzero(snares & (count == number))) for number in range(4)]
        if on[2] >= 0.6 * bars and on[1] + on[3] <= 0.5 * bars:
            found.add("half-time")
        elif on[1] + on[3] >= 1.4 * bars:
            found.add("backbeat")
    kicked = np.unique(np.round(times[np.isin(keys, list(KICKS)) & (np.abs(phase) < 0.1)], 2))
    if len(kicked) >= 0.9 * len(facts.beats):
        found.add("four-on-the-floor")
    return found


def _feel(phase: np.ndarray) -> set[str]:
    """Shuffle: off-beats lie on the third third of the quarter; straight: on its half or quarters."""
    third = int(np.count_nonzero(np.abs(phase - 0.667) < 0.045))
    even = int(np.count_nonzero((np.abs(phase - 0.5) < 0.06) | (np.abs(phase - 0.25) < 0.045)))
    if third + even < 4:
        return set()
    return {"shuffle"} if third > 2 * even else {"straight"} if even > 2 * third else set()


def _bass(notes: Sequence[Note], facts: Facts) -> set[str]:
    lowest = [min(stroke, key=lambda note: note[2]) for stroke in _strokes(notes)]
    pitches = [note[2] for note in lowest]
    steps = [b - a for a, b in pairwise(pitches)]
    found = set()
    placed = _phases(np.array([note[0] for note in lowest]), facts)
    if steps and sum(abs(step) == 12 for step in steps) >= 0.3 * len(steps):
        found.add("octaves")
    if placed is None:
        return found
    phase, count = placed
    off = np.count_nonzero((phase > 0.1) & (phase < 0.9)) / len(lowest)
    moved = sum(step != 0 for step in steps) / max(1, len(steps))
    near = sum(0 < abs(step) <= 5 for step in steps) / max(1, len(steps))
    a_beat = len(lowest) / len(facts.beats)
    if 0.8 <= a_beat <= 1.4 and moved >= 0.75 and near >= 0.6 and off <= 0.35:
        found.add("walking")
    elif _pitches_a_bar(lowest, count) <= 1.4:
        found.add("roots")
    if off > 0.6:
        found.add("off-beat")
    return found


def _pitches_a_bar(notes: Sequence[Note], count: np.ndarray) -> float:
    """Mean number of pitch classes in a bar; a bar begins where the count of beats falls."""
    bar, before = 0, -1
    classes: dict[int, set[int]] = defaultdict(set)
    for note, number in zip(notes, count.tolist(), strict=True):
        if number < before:
            bar += 1
        before = number
        classes[bar].add(note[2] % 12)
    return float(np.mean([len(of) for of in classes.values()]))


def _guitar(notes: Sequence[Note], facts: Facts) -> set[str]:
    strokes = _strokes(notes)
    sizes = np.array([len({note[2] for note in stroke}) for stroke in strokes])
    if np.mean(sizes >= 2) >= 0.6:
        return {"strummed"}
    if np.mean(sizes == 1) < 0.7:
        return set()
    # Arpeggios ring into each other; a melody's notes follow each other.
    rings = [max(note[1] for note in a) > b[0][0] + 2 * TOGETHER for a, b in pairwise(strokes)]
    return {"picked"} if rings and np.mean(rings) >= 0.5 else {"single-note"}


def _other(notes: Sequence[Note], facts: Facts) -> set[str]:
    sizes = np.array([len({note[2] for note in stroke}) for stroke in _strokes(notes)])
    if np.mean(sizes >= 3) >= 0.5:
        return {"chords"}
    return {"single-note"} if np.mean(sizes == 1) >= 0.85 else set()


def _strokes(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes that start together, in order."""
    strokes: list[list[Note]] = []
    for note in sorted(notes):
        if strokes and note[0] - strokes[-1][0][0] < TOGETHER:
            strokes[-1].append(note)
        else:
            strokes.append([note])
    return strokes
