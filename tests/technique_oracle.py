"""How notes are played by alphaTab's account, in the words of a Song."""

from __future__ import annotations

from collections import Counter
from typing import Any

from alphatab_oracle import OracleNote, notes_of

from arranger.song import Note

_WORDS = {
    "accentuated=1": "accent",
    "accentuated=2": "heavy accent",
    "isDead=true": "dead",
    "isGhost=true": "ghost",
    "isHammerPullOrigin=true": "hammer",
    "isLetRing=true": "let ring",
    "isPalmMute=true": "palm mute",
    "isStaccato=true": "staccato",
    "isLeftHandTapped=true": "tap",
    "beat.tap=true": "tap",
    "beat.slap=true": "slap",
    "beat.pop=true": "pop",
}
_SLIDES = {f"slideOutType={number}": "slide" for number in (1, 2)}
_SLIDES |= {f"slideOutType={number}": "slide out" for number in (3, 4, 5, 6)}
_PREFIXES = {
    "vibrato=": "vibrato",
    "beat.vibrato=": "vibrato",
    "harmonicType=": "harmonic",
    "beat.tremolo=": "tremolo",
    "slideInType=": "slide in",
    "bend=": "bend",
}
Marked = tuple[str, int | None, int | None]
"""(technique, string, fret); the pitch stands for the fret on drums."""


def words(note: OracleNote) -> set[str]:
    """A note's techniques."""
    found = {(_WORDS | _SLIDES)[text] for text in note.techniques if text in _WORDS | _SLIDES}
    return found | {word for text in note.techniques for start, word in _PREFIXES.items() if text.startswith(start)}


def bend_of(note: OracleNote) -> list[tuple[float, float]]:
    """(share of the note, semitones) of the points of its bend."""
    text = next((text[5:] for text in note.techniques if text.startswith("bend=")), "")
    points = [point.split(":") for point in text.split()]
    return [(float(at) / 60, float(height) / 2) for at, height in points]


def marked(track: dict[str, Any], drums: bool) -> Counter[Marked]:
    """How often each technique is played on each place of a track's neck; ties are one note."""
    chains: list[tuple[OracleNote, set[str]]] = []
    last: dict[tuple[int, int, int | None], int] = {}
    for note in notes_of(track):
        key = note.staff, note.voice, note.pitch if drums or note.string is None else note.string
        if note.tied and key in last:
            chains[last[key]][1].update(words(note))
            continue
        last[key] = len(chains)
        chains.append((note, words(note)))
    return Counter((name, note.string, note.fret) for note, names in chains for name in names)


def ours(notes: tuple[Note, ...]) -> Counter[Marked]:
    """The same of a Song's notes; a flam is a stroke of its own in alphaTab."""
    return Counter((name, note.string, note.fret) for note in notes for name in note.techniques if name != "flam")
