"""How notes are played in DadaGP tokens: `nfx` of a note and `bfx` of a beat to marks of a Song and back.

A bend is `nfx:bend:typeN`, then a `param` for each point: `durN` for the twelfths of the note since the last one,
`valN:vibN` for its height in quarter tones. In version 1.0 of the grammar all of it is one token, with `posN` for the
place itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from arranger.formats.playing_marks import MOST_POINTS, Bend, course

_POSITIONS, _QUARTER_TONES = 12, 2

NOTE_TECHNIQUES = re.compile(
    "tie|dead|accentuated_note|bend|ghost_note|grace|hammer|harmonic|heavy_accentuated_note|let_ring|palm_mute|slide|"
    "staccato|tremoloPicking|tremolo_picking|trill|vibrato"
)
BEAT_TECHNIQUES = re.compile(
    "fade_in|has_rasgueado|pick_stroke|slap_effect|stroke|tempo_change|tempo_interpolation|tremolo_bar|vibrato"
)
"""Kinds of `nfx` and `bfx` that the grammar has, whether or not a Song has a place for them."""

_OF_NOTE = {
    "accentuated_note": "accent",
    "bend": "bend",
    "dead": "dead",
    "ghost_note": "ghost",
    "hammer": "hammer",
    "harmonic": "harmonic",
    "heavy_accentuated_note": "heavy accent",
    "let_ring": "let ring",
    "palm_mute": "palm mute",
    "staccato": "staccato",
    "tremoloPicking": "tremolo",
    "tremolo_picking": "tremolo",
    "vibrato": "vibrato",
}
_SLIDES = {-2: "slide in", -1: "slide in", 1: "slide", 2: "slide", 3: "slide out", 4: "slide out"}
_SLAPS = {1: "tap", 2: "slap", 3: "pop"}

_WRITTEN = {
    "accent": "nfx:accentuated_note",
    "dead": "nfx:dead",
    "ghost": "nfx:ghost_note",
    "hammer": "nfx:hammer",
    "harmonic": "nfx:harmonic:1",
    "heavy accent": "nfx:heavy_accentuated_note",
    "let ring": "nfx:let_ring",
    "palm mute": "nfx:palm_mute",
    "slide": "nfx:slide:1",
    "slide in": "nfx:slide:-1",
    "slide out": "nfx:slide:3",
    "staccato": "nfx:staccato",
    "tremolo": "nfx:tremoloPicking:duration120",
    "vibrato": "nfx:vibrato",
}
_BEND, _BEND_RELEASE, _PREBEND, _PREBEND_RELEASE = 1, 2, 4, 5


def mark_of_note(tail: str) -> str | None:
    """The mark that an `nfx` token says, without its head; None for what a Song doesn't have."""
    kind, _, number = tail.partition(":")
    if kind == "slide":
        return _SLIDES.get(_number(number, 0))
    return _OF_NOTE.get(kind) if kind != "bend" else None


def mark_of_beat(tail: str) -> str | None:
    """The mark that a `bfx` token says of all the notes of its beat."""
    kind, _, number = tail.partition(":")
    if kind == "slap_effect":
        return _SLAPS.get(_number(number, 0))
    return "vibrato" if kind == "vibrato" else None


def grace_fret(tail: str) -> int | None:
    """The fret, or drum key, of the grace note that an `nfx` token says; None for other tokens."""
    found = re.match(r"grace:fret([0-9]{1,3})(:|$)", tail)
    return int(found[1]) if found else None


def bend_of(tokens: Sequence[str]) -> Bend:
    """Course of the bend that these tokens say, each without its head; the first has its type."""
    points: list[tuple[float, float]] = []
    at = 0
    for part in (part for token in tokens for part in token.split(":")):
        if found := re.fullmatch(r"(pos|dur|val)(-?[0-9]{1,3})", part):
            kind, number = found[1], int(found[2])
            if kind == "pos":
                at = number
            elif kind == "dur":
                at += number
            elif len(points) < MOST_POINTS:
                points.append((at / _POSITIONS, number / _QUARTER_TONES))
    return course(points)


def note_tokens(techniques: Iterable[str], flam_key: int | None = None) -> list[str]:
    """`nfx` tokens of a note but for its bend; `flam_key` is the key of a drum, which a flam's stroke has too."""
    tokens = [_WRITTEN[name] for name in techniques if name in _WRITTEN]
    if flam_key is not None and "flam" in techniques:
        tokens += [f"nfx:grace:fret{flam_key}", "param:duration32:dead0:beat0:transition0"]
    return tokens


def beat_tokens(techniques: Iterable[str]) -> list[str]:
    """`bfx` tokens of a beat whose notes have these marks together."""
    together = set(techniques)
    return [f"bfx:slap_effect:{number}" for number, name in _SLAPS.items() if name in together][:1]


def bend_tokens(bend: Bend) -> list[str]:
    """The tokens of a bend, none for none."""
    if not bend:
        return []
    released = bend[-1][1] < max(height for _, height in bend)
    if bend[0][1]:
        kind = _PREBEND_RELEASE if released else _PREBEND
    else:
        kind = _BEND_RELEASE if released else _BEND
    tokens, at = [f"nfx:bend:type{kind}"], 0
    for share, height in bend:
        place = round(share * _POSITIONS)
        if place > at:
            tokens.append(f"param:dur{place - at}")
            at = place
        tokens.append(f"param:val{round(height * _QUARTER_TONES)}:vib0")
    return tokens


def _number(text: str, otherwise: int) -> int:
    return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else otherwise
