"""How notes are played in Guitar Pro 3 to 5: PyGuitarPro's effects to marks of a Song and back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import guitarpro as gp
from guitarpro.models import BendType, GraceEffectTransition, NoteType, SlapEffect, SlideType

from arranger.formats.playing_marks import Bend, course, marks

_POSITIONS, _QUARTER_TONES = 12, 2
"""Places in a bend, and steps of its height in a semitone, as the library counts them."""

_FLAGS = {
    "accentuatedNote": "accent",
    "ghostNote": "ghost",
    "hammer": "hammer",
    "heavyAccentuatedNote": "heavy accent",
    "letRing": "let ring",
    "palmMute": "palm mute",
    "staccato": "staccato",
    "vibrato": "vibrato",
}
_SLIDES = {
    SlideType.shiftSlideTo: "slide",
    SlideType.legatoSlideTo: "slide",
    SlideType.outDownwards: "slide out",
    SlideType.outUpwards: "slide out",
    SlideType.intoFromBelow: "slide in",
    SlideType.intoFromAbove: "slide in",
}
_NEW_SLIDES = {
    "slide": SlideType.shiftSlideTo,
    "slide in": SlideType.intoFromBelow,
    "slide out": SlideType.outDownwards,
}
_TRANSITIONS = {"hammer": GraceEffectTransition.hammer, "slide": GraceEffectTransition.slide}
_SLAPS = {SlapEffect.tapping: "tap", SlapEffect.slapping: "slap", SlapEffect.popping: "pop"}

_GP3 = frozenset({"accent", "bend", "dead", "flam", "ghost", "hammer", "heavy accent", "let ring", "slide"})
_BEAT_OF_GP3 = frozenset({"harmonic", "vibrato"})
"""Guitar Pro 3 says these of all the notes of a beat or of none."""

NATURAL = frozenset({3, 4, 5, 7, 9, 12, 15, 16, 19, 24})
"""Frets over which a string has a natural harmonic."""
_FULL_TONE = 100


def techniques_of(played: Any, beat: Any) -> tuple[str, ...]:
    """Marks of one of the library's notes; those of its beat are all its notes'."""
    effect = played.effect
    names = [name for flag, name in _FLAGS.items() if getattr(effect, flag)]
    names += [_SLIDES[slide] for slide in effect.slides if slide in _SLIDES]
    if "heavy accent" in names and "accent" in names:
        names.remove("accent")
    if played.type == NoteType.dead:
        names.append("dead")
    if effect.harmonic is not None:
        names.append("harmonic")
    if effect.tremoloPicking is not None:
        names.append("tremolo")
    if beat.effect.vibrato:
        names.append("vibrato")
    if beat.effect.slapEffect in _SLAPS:
        names.append(_SLAPS[beat.effect.slapEffect])
    if bend_of(played):
        names.append("bend")
    return marks(names)


def bend_of(played: Any) -> Bend:
    """Course of the bend of one of the library's notes."""
    bend = played.effect.bend
    points = bend.points if bend is not None else ()
    return course((point.position / _POSITIONS, point.value / _QUARTER_TONES) for point in points)


def grace_techniques(effect: Any) -> tuple[str, ...]:
    """Marks of one of the library's grace notes: how it leads to its note."""
    names = [name for name, transition in _TRANSITIONS.items() if effect.transition == transition]
    return marks([*names, "dead"] if effect.isDead else names)


def transition_of(names: Collection[str]) -> Any:
    """How a grace note with these marks leads to its note, as the library says it."""
    return next((_TRANSITIONS[name] for name in _TRANSITIONS if name in names), GraceEffectTransition.none)


def put_techniques(played: Any, names: Collection[str], bend: Bend, version: int) -> None:
    """Give one of the library's notes these marks, as far as a version (3 to 5) of Guitar Pro has them.

    Those of the beat are put by `put_on_beat`, when it has all its notes.
    """
    if version == 3:
        names = _GP3.intersection(names)
    effect = played.effect
    for flag, name in _FLAGS.items():
        setattr(effect, flag, name in names and not (version == 3 and name in _BEAT_OF_GP3))
    slides = [slide for name, slide in _NEW_SLIDES.items() if name in names]
    effect.slides = slides if version >= 5 else slides[:1]
    if "dead" in names and played.type == NoteType.normal:
        played.type = NoteType.dead
    if "harmonic" in names and version > 3:
        effect.harmonic = _harmonic(played.value)
    if "tremolo" in names:
        effect.tremoloPicking = gp.TremoloPickingEffect(gp.Duration(32))
    if bend:
        effect.bend = _bend(bend)


def put_on_beat(beat: Any, names: Collection[frozenset[str]], version: int) -> None:
    """Give a beat the marks that Guitar Pro says of whole beats; `names` has those of each of its notes."""
    together = frozenset.union(*names) if names else frozenset()
    for slap, name in _SLAPS.items():
        if name in together:
            beat.effect.slapEffect = slap
    if version > 3 or not names:
        return
    common = frozenset.intersection(*names) & _BEAT_OF_GP3
    for note in beat.notes:
        note.effect.vibrato = "vibrato" in common
        if "harmonic" in common:
            natural = all(other.value in NATURAL for other in beat.notes)
            note.effect.harmonic = gp.NaturalHarmonic() if natural else gp.ArtificialHarmonic()


def _harmonic(fret: int) -> Any:
    return gp.NaturalHarmonic() if fret in NATURAL else gp.PinchHarmonic()


def _bend(bend: Bend) -> Any:
    heights = [round(height * _QUARTER_TONES) for _, height in bend]
    points = [gp.BendPoint(round(share * _POSITIONS), height) for (share, _), height in zip(bend, heights, strict=True)]
    released = bool(heights) and heights[-1] < max(heights)
    if heights[0]:
        kind = BendType.prebendRelease if released else BendType.prebend
    else:
        kind = BendType.bendRelease if released else BendType.bend
    return gp.BendEffect(type=kind, value=max(heights) * _FULL_TONE // 4, points=points)
