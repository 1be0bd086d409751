"""How notes are played in MusicXML: notations, note heads and `play` to marks of a Song and back.

What MusicXML has no element for (slap, pop) stands as an `other-technical` text. A bend is a row of `bend` elements,
each with the semitones that it goes up or down and the per cent of the note between which it does. On drums a cross for
a note head is a cymbal, so a dead stroke can't be said.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection

from arranger.formats.playing_marks import MOST_POINTS, Bend, course, marks

_ARTICULATIONS = {"accent": "accent", "strong-accent": "heavy accent", "staccato": "staccato"}
_ARTICULATIONS |= {"scoop": "slide in", "plop": "slide in", "doit": "slide out", "falloff": "slide out"}
_TECHNICAL = {"harmonic": "harmonic", "tap": "tap", "snap-pizzicato": "pop"}
_HAMMERS = ("hammer-on", "pull-off")
_SLIDES = ("slide", "glissando")
_WORDS = {"slap": "slap", "pop": "pop", "palm mute": "palm mute", "let ring": "let ring", "dead": "dead"}
_FIRST_BEAT, _LAST_BEAT = 25.0, 75.0
"""Per cent of a note between which it is bent, where the file doesn't say."""


def techniques_of(element: ET.Element, stretched: bool) -> tuple[tuple[str, ...], Bend]:
    """(marks, course of the bend) of a note element; `stretched` for notes with a pitch."""
    names: list[str] = []
    bends: list[ET.Element] = []
    for notations in element.iterfind("notations"):
        for group in notations:
            if group.tag == "articulations":
                names += [_ARTICULATIONS[mark.tag] for mark in group if mark.tag in _ARTICULATIONS]
            elif group.tag == "technical":
                names += _technical(group)
                bends += group.findall("bend")
            elif group.tag == "ornaments":
                names += [name for tag, name in (("tremolo", "tremolo"),) if group.find(tag) is not None]
                if group.find("trill-mark") is None and group.find("wavy-line") is not None:
                    names.append("vibrato")
            elif group.tag in _SLIDES and group.get("type") == "start":
                names.append("slide")
            elif group.tag == "tied" and group.get("type") == "let-ring":
                names.append("let ring")
    head = element.find("notehead")
    if head is not None and head.get("parentheses") == "yes":
        names.append("ghost")
    if stretched and head is not None and (head.text or "").strip() == "x":
        names.append("dead")
    if any((mute.text or "").strip() == "palm" for mute in element.iterfind("play/mute")):
        names.append("palm mute")
    bend = _bend(bends)
    return marks([*names, "bend"] if bend else names), bend


def _technical(group: ET.Element) -> list[str]:
    names = []
    for mark in group:
        if mark.tag in _TECHNICAL:
            names.append(_TECHNICAL[mark.tag])
        elif mark.tag in _HAMMERS and mark.get("type") == "start":
            names.append("hammer")
        elif mark.tag == "other-technical":
            word = " ".join((mark.text or "").lower().split())
            names += [_WORDS[word]] if word in _WORDS else []
    return names


def _bend(elements: list[ET.Element]) -> Bend:
    points: list[tuple[float, float]] = []
    height = 0.0
    for element in elements[:MOST_POINTS]:
        step = _number(element.findtext("bend-alter"), 0.0)
        # Some programs write a release as so many semitones above zero.
        step = -abs(step) if element.find("release") is not None else step
        if element.find("pre-bend") is not None:
            height += abs(step)
            points.append((0.0, height))
            continue
        points.append((_number(element.get("first-beat"), _FIRST_BEAT) / 100, height))
        height += step
        points.append((_number(element.get("last-beat"), _LAST_BEAT) / 100, height))
    return course(points)


def _number(text: str | None, otherwise: float) -> float:
    return float(text) if text and re.fullmatch(r"\s*-?[0-9]{1,4}(\.[0-9]{0,6})?\s*", text) else otherwise


# --- writing


def notations(names: Collection[str], bend: Bend, landing: Collection[str], string: int | None) -> tuple[str, str]:
    """(notations, technical marks) of a note as text.

    Parameters
    ----------
    names : its marks, as far as this figure of it has them.
    landing : `hammer`, `slide`: what leads to it from the note before on its string.
    """
    number = min(16, max(1, string or 1))
    outer = ""
    for name, kind in (("slide", "stop"), ("slide", "start")):
        if name in (landing if kind == "stop" else names):
            outer += f'<slide type="{kind}" number="{number}"/>'
    if "let ring" in names:
        outer += '<tied type="let-ring"/>'
    ornaments = '<tremolo type="single">3</tremolo>' if "tremolo" in names else ""
    if "vibrato" in names:
        ornaments += '<wavy-line type="start"/><wavy-line type="stop"/>'
    outer += f"<ornaments>{ornaments}</ornaments>" if ornaments else ""
    tags = {"accent": "accent", "heavy accent": "strong-accent", "staccato": "staccato"}
    tags |= {"slide in": "scoop", "slide out": "falloff"}
    articulations = "".join(f"<{tag}/>" for name, tag in tags.items() if name in names)
    outer += f"<articulations>{articulations}</articulations>" if articulations else ""
    inner = ""
    if "hammer" in landing:
        inner += f'<hammer-on type="stop" number="{number}"/>'
    if "hammer" in names:
        inner += f'<hammer-on type="start" number="{number}">H</hammer-on>'
    inner += "<harmonic/>" if "harmonic" in names else ""
    inner += "<tap/>" if "tap" in names else ""
    inner += "".join(f"<other-technical>{name}</other-technical>" for name in ("slap", "pop") if name in names)
    return outer, inner + _bend_elements(bend)


def head_of(names: Collection[str], head: str) -> str:
    """The note head: in brackets for a ghost note, a cross for a dead one; `head` is the one that it has anyway."""
    shape = head or ("x" if "dead" in names else "")
    brackets = ' parentheses="yes"' if "ghost" in names else ""
    return f"<notehead{brackets}>{shape or 'normal'}</notehead>" if shape or brackets else ""


def play_of(names: Collection[str]) -> str:
    """The `play` element."""
    return "<play><mute>palm</mute></play>" if "palm mute" in names else ""


def _bend_elements(bend: Bend) -> str:
    if not bend:
        return ""
    (before, height), *others = bend
    text = f"<bend><bend-alter>{height:g}</bend-alter><pre-bend/></bend>" if height else ""
    for at, to in others:
        if to != height:
            release = "<release/>" if to < height else ""
            text += (
                f'<bend first-beat="{100 * before:.2f}" last-beat="{100 * at:.2f}">'
                f"<bend-alter>{to - height:g}</bend-alter>{release}</bend>"
            )
        before, height = at, to
    return text
