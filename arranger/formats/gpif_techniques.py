"""How notes are played in GPIF, the score of Guitar Pro 6 to 8: its properties to marks of a Song and back."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping

from arranger.formats.gpif_master import number
from arranger.formats.playing_marks import Bend, course, height_at, marks

ACCENT, HEAVY_ACCENT, GHOST = 16, 32, -16
"""What an accent adds to the velocity and a ghost note takes from it: dynamics are 16 apart."""

_STACCATO, _HEAVY, _NORMAL = 1, 4, 8
"""Flags of `Accent`."""
_SLIDE, _SLIDE_OUT, _SLIDE_IN = 0x03, 0xCC, 0x30
"""Flags of `Slide`: shift and legato; out downwards, upwards and along the string; in from below and above."""
_NEW_SLIDES = {"slide": 1, "slide out": 4, "slide in": 16}
_WHOLE, _FULL_TONE = 100.0, 50.0
"""A note's length, and a semitone, as bends count them."""
_NATURAL = {3: "3.2", 4: "3.9", 5: "4.9", 7: "7.0", 9: "9.0", 12: "12.0", 16: "15.8", 19: "19.0", 24: "24.0"}
"""Frets over which a string has a natural harmonic, and where exactly that is."""

_ENABLED = {"Muted": "dead", "PalmMuted": "palm mute", "HopoOrigin": "hammer"}
_TAPS = ("Tapped", "LeftHandTapped")


def note_techniques(element: ET.Element, properties: Mapping[str | None, ET.Element]) -> tuple[tuple[str, ...], Bend]:
    """(marks, course of the bend) of a note element; `properties` are its by name."""
    names = [name for key, name in _ENABLED.items() if _enabled(properties, key)]
    if any(key in properties for key in _TAPS):
        names.append("tap")
    kind = properties.get("HarmonicType")
    if kind is not None and kind.findtext("HType", "").strip().lower() not in ("", "noharmonic"):
        names.append("harmonic")
    slide = properties.get("Slide")
    flags = number(slide.findtext("Flags"), 0) if slide is not None else 0
    names += [
        name for name, mask in (("slide", _SLIDE), ("slide out", _SLIDE_OUT), ("slide in", _SLIDE_IN)) if flags & mask
    ]
    accent = number(element.findtext("Accent"), 0)
    if accent & _STACCATO:
        names.append("staccato")
    if accent & _HEAVY:
        names.append("heavy accent")
    elif accent & _NORMAL:
        names.append("accent")
    if element.findtext("AntiAccent", "").strip().lower() == "normal":
        names.append("ghost")
    if element.find("LetRing") is not None:
        names.append("let ring")
    if element.findtext("Vibrato", "").strip() in ("Slight", "Wide"):
        names.append("vibrato")
    bend = _bend(properties)
    return marks([*names, "bend"] if bend else names), bend


def beat_techniques(element: ET.Element) -> tuple[str, ...]:
    """Marks of a beat element, which all its notes have."""
    properties = {entry.get("name"): entry for entry in element.iterfind("Properties/Property")}
    names = [name for key, name in (("Slapped", "slap"), ("Popped", "pop")) if _enabled(properties, key)]
    wavy = properties.get("VibratoWTremBar")
    if wavy is not None and wavy.findtext("Strength", "").strip() in ("Slight", "Wide"):
        names.append("vibrato")
    if element.findtext("Tremolo", "").strip():
        names.append("tremolo")
    return marks(names)


def louder(techniques: Collection[str]) -> int:
    """What a note's marks add to the velocity that its beat says."""
    if "heavy accent" in techniques:
        return HEAVY_ACCENT
    if "accent" in techniques:
        return ACCENT
    return GHOST if "ghost" in techniques else 0


def _enabled(properties: Mapping[str | None, ET.Element], key: str) -> bool:
    entry = properties.get(key)
    return entry is not None and entry.find("Enable") is not None


def _bend(properties: Mapping[str | None, ET.Element]) -> Bend:
    if "Bended" not in properties:
        return ()

    def value(key: str, otherwise: float) -> float:
        entry = properties.get(f"Bend{key}")
        try:
            return float((entry.findtext("Float") or "") if entry is not None else "")
        except ValueError:
            return otherwise

    start, end = value("OriginOffset", 0.0), value("DestinationOffset", _WHOLE)
    first, last = value("OriginValue", 0.0), value("DestinationValue", 0.0)
    points = [(start, first), (end, last)]
    if "BendMiddleValue" in properties:
        offsets = [value(f"MiddleOffset{at}", -1.0) for at in (1, 2)]
        middle = value("MiddleValue", 0.0)
        points += [(at, middle) for at in offsets if at >= 0] or [(_WHOLE / 2, middle)]
    return course((at / _WHOLE, height / _FULL_TONE) for at, height in sorted(points, key=lambda point: point[0]))


# --- writing


def element_marks(names: Collection[str]) -> str:
    """Elements of a note before its tie."""
    body = ""
    accent = _STACCATO * ("staccato" in names)
    accent |= _HEAVY if "heavy accent" in names else _NORMAL * ("accent" in names)
    if accent:
        body += f"<Accent>{accent}</Accent>\n"
    if "ghost" in names:
        body += "<AntiAccent>Normal</AntiAccent>\n"
    if "let ring" in names:
        body += "<LetRing />\n"
    if "vibrato" in names:
        body += "<Vibrato>Slight</Vibrato>\n"
    return body


def note_properties(names: Collection[str], bend: Bend, fret: int | None, landing: bool) -> dict[str, str]:
    """Properties of a note by name, as text; `landing` if a hammer-on or pull-off leads to it."""
    found = {key: _property(key, "<Enable />") for key, name in _ENABLED.items() if name in names}
    if landing:
        found["HopoDestination"] = _property("HopoDestination", "<Enable />")
    if "tap" in names:
        found["Tapped"] = _property("Tapped", "<Enable />")
    slide = sum(flag for name, flag in _NEW_SLIDES.items() if name in names)
    if slide:
        found["Slide"] = _property("Slide", f"<Flags>{slide}</Flags>")
    if "harmonic" in names:
        natural = _NATURAL.get(fret or 0)
        found["Harmonic"] = _property("Harmonic", "<Enable />")
        found["HarmonicFret"] = _property("HarmonicFret", f"<HFret>{natural or '12.0'}</HFret>")
        found["HarmonicType"] = _property("HarmonicType", f"<HType>{'Natural' if natural else 'Pinch'}</HType>")
    return found | bend_properties(bend)


def beat_marks(names: Collection[str]) -> tuple[str, str]:
    """(elements before a beat's notes, properties) that say the marks of the whole beat."""
    properties = "".join(
        _property(key, "<Enable />") for key, name in (("Popped", "pop"), ("Slapped", "slap")) if name in names
    )
    return "<Tremolo>1/8</Tremolo>\n" if "tremolo" in names else "", properties


def bend_properties(bend: Bend) -> dict[str, str]:
    """A bend as Guitar Pro has it: its beginning, one height in the middle with two ends, its end."""
    if not bend:
        return {}
    start, end = bend[0], bend[-1]
    values = {"DestinationOffset": end[0] * _WHOLE, "DestinationValue": end[1] * _FULL_TONE}
    inner = bend[1:-1]
    if inner:
        # The height that is furthest from a straight line is what is heard of it, as long as it is held.
        line = (start, end)
        far = max(inner, key=lambda point: abs(point[1] - height_at(line, point[0])))
        held = [at for at, height in inner if height == far[1]]
        values |= {"MiddleOffset1": held[0] * _WHOLE, "MiddleOffset2": held[-1] * _WHOLE}
        values["MiddleValue"] = far[1] * _FULL_TONE
    values |= {"OriginOffset": start[0] * _WHOLE, "OriginValue": start[1] * _FULL_TONE}
    found = {f"Bend{key}": _property(f"Bend{key}", f"<Float>{value:.6f}</Float>") for key, value in values.items()}
    return found | {"Bended": _property("Bended", "<Enable />")}


def _property(name: str, content: str) -> str:
    return f'<Property name="{name}">\n{content}\n</Property>\n'
