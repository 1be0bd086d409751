"""Chord symbols as musicians write them: root, kind, further tones, bass.

`Am`, `F#m7b5`, `Bbmaj7`, `C7#9`, `Dsus4`, `G6/9`, `E5`, `F/C`; signs for the words too
(`C-7`, `CΔ`, `Bø`, `F°7`, `G+`).
German H is not read: in one half of the world B is what the other half calls Bb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
LONGEST = 24
"""Characters; what is longer is no chord."""

_SYMBOL = re.compile(
    r"(?P<root>[A-G])(?P<sign>[#♯b♭]?)"
    r"(?P<triad>major|maj|Maj|ma(?=\d|$)|Δ|M|minor|min|mi(?!n)|m|-|−|dim|°|o(?!m)|ø|Ø|aug|\+)?"
    r"(?P<number>6/9|69|13|11|9|7|6|5|4|2)?"
    r"(?P<changes>(?:sus(?:24|2|4|9)?|add[#♯b♭]?(?:13|11|9|6|4|2)|(?:no|omit)[35]|(?:maj|Maj|M|Δ)7|"
    r"[#♯b♭+−-](?:13|11|9|6|5)|alt)*)"
    r"(?:/(?P<bass>[A-G])(?P<bass_sign>[#♯b♭]?))?"
)
_CHANGE = re.compile(r"(sus|add|no|omit|maj|Maj|M|Δ|alt)?([#♯b♭+−-])?(24|13|11|9|7|6|5|4|3|2)?")
_TRIADS = {
    "major": ((4, 7), ("", "major", "maj", "Maj", "ma", "Δ", "M")),
    "minor": ((3, 7), ("minor", "min", "mi", "m", "-", "−")),
    "dim": ((3, 6), ("dim", "°", "o")),
    "half": ((3, 6), ("ø", "Ø")),
    "aug": ((4, 8), ("aug", "+")),
}
_TRIAD_OF = {word: name for name, (_, words) in _TRIADS.items() for word in words}
_DEGREES = {"2": 2, "3": 4, "4": 5, "5": 7, "6": 9, "7": 10, "9": 2, "11": 5, "13": 9}
"""Semitones above the root, within the octave."""
_STACKED = {"7": (), "9": ("9",), "11": ("9", "11"), "13": ("9", "13")}
"""What a number has besides its seventh; the eleventh is left out of a 13, as players do."""
_RAISED, _LOWERED = "#♯+", "b♭−-"


@dataclass(frozen=True, slots=True)
class ChordSymbol:
    """A chord: pitch class of the root, pitch classes of all tones (the bass among them), pitch class of the bass."""

    root: int
    tones: frozenset[int]
    bass: int


def parse_symbol(text: str) -> ChordSymbol:
    """What a chord symbol means.

    Raises
    ------
    ValueError
        if it is none; the message is a clause that says why.
    """
    plain = re.sub(r"[(),]", "", text) if len(text) <= LONGEST else ""
    match = _SYMBOL.fullmatch(plain)
    if not match:
        raise ValueError(_why_not(text))
    root = (NATURALS[match["root"]] + ACCIDENTALS[match["sign"]]) % 12
    bass = (NATURALS[match["bass"]] + ACCIDENTALS[match["bass_sign"]]) % 12 if match["bass"] else root
    steps = _steps(match["triad"] or "", match["number"] or "", match["changes"])
    return ChordSymbol(root, frozenset({bass, *((root + step) % 12 for step in steps)}), bass)


def _steps(word: str, number: str, changes: str) -> set[int]:
    """Semitones above the root."""
    triad = _TRIAD_OF[word]
    third, fifth = _TRIADS[triad][0]
    steps = {0, third, fifth}
    if number == "5" and triad == "major":
        steps = {0, 7}
    elif number in ("6", "69", "6/9"):
        steps |= {9} if number == "6" else {9, 2}
    elif number == "2":
        steps |= {2}
    elif number == "4":
        steps = {0, 5, fifth}
    elif number in _STACKED:
        seventh = 11 if triad == "major" and word else 9 if triad == "dim" else 10
        steps |= {seventh, *(_DEGREES[one] for one in _STACKED[number])}
    if triad == "half":
        steps |= {10}
    if word == "Δ" and not number:
        steps |= {11}
    for match in _CHANGE.finditer(changes):
        if match[0]:
            steps = _changed(steps, (third, fifth), match[1] or "", match[2] or "", match[3] or "")
    return steps


def _changed(steps: set[int], triad: tuple[int, int], word: str, sign: str, number: str) -> set[int]:
    """Tones after one change: sus4, add9, b5, #11, no3, a major seventh on a minor chord, alt."""
    third, fifth = triad
    if word == "sus":
        return (steps - {third}) | {"2": {2}, "9": {2, 5}, "24": {2, 5}}.get(number, {5})
    if word == "alt":
        return (steps - {fifth}) | {10, 1, 3, 6, 8}
    if word in ("no", "omit"):
        return steps - {third if number == "3" else fifth}
    if word and word != "add":
        return (steps - {10}) | {11}
    step = (_DEGREES[number] + (sign in _RAISED if sign else 0) - (sign in _LOWERED if sign else 0)) % 12
    if word == "add":
        return steps | {step}
    # An altered fifth or ninth stands for the plain one.
    return (steps - ({fifth} if number == "5" else {2} if number == "9" else set())) | {step}


def _why_not(text: str) -> str:
    if len(text) > LONGEST:
        return "it is far too long"
    if text[:1] == "H":
        return "H is written B here, and B is written Bb"
    if text[:1].islower() and text[:1].upper() in NATURALS:
        return f"chords begin with a capital letter, as in {text[:1].upper() + text[1:]}"
    if text[:1] not in NATURALS:
        return "chords begin with one of the letters A to G"
    return "what stands behind the letter is unknown" if "/" not in text else "behind a slash stands a note, as in C/G"
