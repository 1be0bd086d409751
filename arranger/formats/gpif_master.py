"""What a GPIF score says of each bar for all tracks: metre, key, feel, section, repeats and jumps."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import overload

from arranger.errors import SongFileError
from arranger.playing import BarFlow

MAX_BARS = 20_000
MAX_STAFF_BARS = 400_000
"""Bars of all staves together: a thousand bars of 400 staves."""
MAX_NUMERATOR, MAX_DENOMINATOR = 128, 128
MAX_TEXT = 200
MAX_REPEATS = 128

_FEELS = {
    f"{kind.title()}{part}th": f"{kind}-{unit}"
    for kind in ("triplet", "dotted", "scottish")
    for part, unit in ((8, "eighths"), (16, "sixteenths"))
}
_TARGETS = {"Segno": "segno", "SegnoSegno": "segno segno", "Coda": "coda", "DoubleCoda": "double coda", "Fine": "fine"}
_JUMPS = {"DaCoda": "da coda", "DaDoubleCoda": "da double coda"} | {
    f"Da{place}{end}": " ".join(re.findall("[A-Z][a-z]+", f"Da{place}{end}")).lower()
    for place in ("Capo", "Segno", "SegnoSegno")
    for end in ("", "AlCoda", "AlDoubleCoda", "AlFine")
}


@dataclass(frozen=True, slots=True)
class MasterBar:
    """One bar of the score; `bars` holds one bar id a staff, tracks in score order, "-1" for none.

    `key` is (sharps or, below 0, flats; minor). `section` and `feel` as in `Song`; "" where none is said.
    """

    numerator: int
    denominator: int
    key: tuple[int, bool] | None
    feel: str
    section: str
    flow: BarFlow
    bars: tuple[str, ...]


def master_bars(root: ET.Element, staves: int, name: str) -> tuple[MasterBar, ...]:
    """The bars of a GPIF element with so many staves. Raises SongFileError for too many, or a metre that can't be."""
    elements = root.findall("MasterBars/MasterBar")
    if len(elements) > MAX_BARS:
        raise SongFileError(name, f"it has {len(elements)} bars, more than {MAX_BARS}", None, "Split the song.")
    if len(elements) * staves > MAX_STAFF_BARS:
        problem = f"its staves have {len(elements) * staves:,} bars in all, more than {MAX_STAFF_BARS:,}"
        raise SongFileError(name, problem, None, "Split the song.")
    return tuple(_master_bar(element, at, staves, name) for at, element in enumerate(elements, 1))


def _master_bar(element: ET.Element, at: int, staves: int, name: str) -> MasterBar:
    time = element.findtext("Time", "4/4").strip()
    numerator, _, denominator = time.partition("/")
    metre = number(numerator, 0), number(denominator, 0)
    if not (1 <= metre[0] <= MAX_NUMERATOR and 1 <= metre[1] <= MAX_DENOMINATOR):
        problem = f"its time signature is “{time[:20]}”"
        raise SongFileError(name, problem, f"bar {at}", "Set it right in Guitar Pro.")
    return MasterBar(
        *metre,
        key=_key(element.find("Key")),
        feel=_FEELS.get(element.findtext("TripletFeel", "").strip(), "straight"),
        section=_section(element.find("Section")),
        flow=_flow(element),
        bars=tuple(element.findtext("Bars", "").split(None, staves)[:staves]),
    )


def _key(element: ET.Element | None) -> tuple[int, bool] | None:
    if element is None:
        return None
    sharps = number(element.findtext("AccidentalCount"), 0)
    return min(7, max(-7, sharps)), element.findtext("Mode", "").strip().lower() == "minor"


def _section(element: ET.Element | None) -> str:
    if element is None:
        return ""
    return " ".join(filter(None, (short_text(element.findtext(tag)) for tag in ("Letter", "Text"))))


def _flow(element: ET.Element) -> BarFlow:
    repeat = element.find("Repeat")
    opens = ends = False
    times = 0
    if repeat is not None:
        opens = repeat.get("start", "").lower() == "true"
        ends = repeat.get("end", "").lower() == "true"
        times = number(repeat.get("count"), 2)
    endings = {number(text, 0) for text in element.findtext("AlternateEndings", "").split()}
    jumps = [_JUMPS[text] for text in _texts(element, "Directions/Jump") if text in _JUMPS]
    return BarFlow(
        opens=opens,
        repeats=min(MAX_REPEATS, max(2, times)) if ends else 0,
        endings=frozenset(ending for ending in endings if 1 <= ending <= MAX_REPEATS),
        targets=frozenset(_TARGETS[text] for text in _texts(element, "Directions/Target") if text in _TARGETS),
        jump=jumps[0] if jumps else "",
    )


def _texts(element: ET.Element, path: str) -> list[str]:
    return [(found.text or "").strip() for found in element.iterfind(path)]


# --- text and numbers of any element


def short_text(text: str | None) -> str:
    """Text on one line, without blanks at its ends and of bounded length."""
    return " ".join((text or "").split())[:MAX_TEXT]


@overload
def number(text: str | None, default: int) -> int: ...
@overload
def number(text: str | None, default: None) -> int | None: ...
def number(text: str | None, default: int | None) -> int | None:
    """The whole number that a text is, within 32 bits, else `default`."""
    try:
        value = int((text or "").strip())
    except ValueError:
        return default
    return value if abs(value) < 1 << 31 else default
