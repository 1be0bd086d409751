"""Fills as plain JSON values and back; what comes back is hostile until it has been through `read_fill`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from arranger.fills import Fill, PartFill
from arranger.parts import PARTS
from arranger.song import TECHNIQUES, Note

MOST_NOTES = 200_000
"""In one fill."""
MOST_TICKS = 1 << 40
MOST_BARS = 100_000
MOST_TEXT = 200
MOST_DEPTH = 6
"""Of what a card or settings may nest."""
SOURCES = ("model", "rule", "variation")


class BadValue(ValueError):
    """A value that no fill can have; the message says where."""


def tell_fill(fill: Fill) -> dict[str, Any]:
    """A fill as values that JSON has."""
    return {
        "parts": [
            {
                "part": one.part,
                "notes": [_tell_note(note) for note in one.notes],
                "removed_tracks": list(one.removed_tracks),
                "into_track": one.into_track,
                "name": one.name,
                "program": one.program,
                "channel": one.channel,
                "tuning": None if one.tuning is None else list(one.tuning),
                "capo": one.capo,
            }
            for one in fill.parts
        ],
        "bars": list(fill.bars),
        "only": list(fill.only),
        "seed": fill.seed,
        "take": fill.take,
        "score": fill.score,
        "source": fill.source,
        "card": {part: dict(card) for part, card in fill.card.items()},
        "settings": dict(fill.settings),
        "distance": fill.distance,
    }


def fill_key(fill: Fill) -> str:
    """A name for a fill that no other fill has: the beginning of a hash of what it holds."""
    text = json.dumps(tell_fill(fill), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def read_fill(stored: Any, place: str) -> Fill:
    """The fill that was told.

    Raises
    ------
    BadValue
        if it is none.
    """
    entry = mapping(stored, place)
    parts = sequence(entry.get("parts"), f"{place}, parts", len(PARTS))
    read = tuple(_read_part(one, f"{place}, part {at + 1}") for at, one in enumerate(parts))
    if not read or len({one.part for one in read}) != len(read):
        raise BadValue(f"{place}: a fill has one entry for each of its parts")
    bars = _bars(entry.get("bars"), f"{place}, bars")
    only = tuple(
        whole(bar, f"{place}, only", 0, MOST_BARS) for bar in sequence(entry.get("only"), f"{place}, only", MOST_BARS)
    )
    if any(not bars[0] <= bar < bars[1] for bar in only) or list(only) != sorted(set(only)):
        raise BadValue(f"{place}: its single bars are not inside its bars")
    card = mapping(entry.get("card"), f"{place}, card")
    distance = entry.get("distance")
    return Fill(
        read,
        bars,
        whole(entry.get("seed"), f"{place}, seed", 0, 1 << 62),
        whole(entry.get("take"), f"{place}, take", 0, 1 << 31),
        number(entry.get("score"), f"{place}, score"),
        word(entry.get("source"), f"{place}, source", SOURCES),
        {word(part, place, PARTS): plain(mapping(one, f"{place}, card"), place) for part, one in card.items()},
        plain(mapping(entry.get("settings"), f"{place}, settings"), place),
        only,
        None if distance is None else number(distance, f"{place}, distance"),
    )


def _tell_note(note: Note) -> list[Any]:
    told: list[Any] = [note.start, note.duration, note.pitch, note.velocity, note.string, note.fret]
    if note.techniques or note.bend:
        told += [list(note.techniques), [list(point) for point in note.bend]]
    return told


def _read_note(stored: Any, place: str) -> Note:
    entry = sequence(stored, place, 8)
    if len(entry) not in (6, 8):
        raise BadValue(f"{place}: a note has six or eight values")
    techniques, bend = (entry[6], entry[7]) if len(entry) == 8 else ([], [])
    played = tuple(word(one, place, TECHNIQUES) for one in sequence(techniques, place, len(TECHNIQUES)))
    if list(played) != sorted(set(played)):
        raise BadValue(f"{place}: its techniques are out of order")
    points = []
    for point in sequence(bend, place, 64):
        pair = sequence(point, place, 2)
        if len(pair) != 2:
            raise BadValue(f"{place}: a point of a bend has two values")
        points.append((number(pair[0], place, 0, 1), number(pair[1], place, -24, 24)))
    return Note(
        whole(entry[0], place, 0, MOST_TICKS),
        whole(entry[1], place, 1, MOST_TICKS),
        whole(entry[2], place, 0, 127),
        whole(entry[3], place, 1, 127),
        None if entry[4] is None else whole(entry[4], place, 1, 16),
        None if entry[5] is None else whole(entry[5], place, 0, 48),
        played,
        tuple(points),
    )


def _read_part(stored: Any, place: str) -> PartFill:
    entry = mapping(stored, place)
    into, channel, tuning = entry.get("into_track"), entry.get("channel"), entry.get("tuning")
    notes = sequence(entry.get("notes"), f"{place}, notes", MOST_NOTES)
    read = tuple(_read_note(note, f"{place}, note {at + 1}") for at, note in enumerate(notes))
    if any(one.start > two.start for one, two in pairwise(read)):
        raise BadValue(f"{place}: its notes are out of order")
    removed = sequence(entry.get("removed_tracks"), f"{place}, removed_tracks", 1_000)
    return PartFill(
        word(entry.get("part"), f"{place}, part", PARTS),
        read,
        tuple(whole(one, f"{place}, removed_tracks", 0, 10_000) for one in removed),
        None if into is None else whole(into, f"{place}, into_track", 0, 10_000),
        text(entry.get("name"), f"{place}, name"),
        whole(entry.get("program"), f"{place}, program", 0, 127),
        None if channel is None else whole(channel, f"{place}, channel", 0, 15),
        None
        if tuning is None
        else tuple(whole(one, f"{place}, tuning", 0, 127) for one in sequence(tuning, f"{place}, tuning", 16)),
        whole(entry.get("capo"), f"{place}, capo", 0, 48),
    )


def _bars(stored: Any, place: str) -> tuple[int, int]:
    entry = sequence(stored, place, 2)
    if len(entry) != 2:
        raise BadValue(f"{place}: a run of bars has two ends")
    first, last = (whole(one, place, 0, MOST_BARS) for one in entry)
    if first >= last:
        raise BadValue(f"{place}: the run of bars is empty")
    return first, last


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or len(value) > 1_000:
        raise BadValue(f"{place}: an object is missing")
    return value


def sequence(value: Any, place: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadValue(f"{place}: a list of at most {most} values is missing")
    return value


def whole(value: Any, place: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadValue(f"{place}: a whole number from {low} to {high} is missing")
    return value


def number(value: Any, place: str, low: float = -1e9, high: float = 1e9) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not low <= value <= high:
        raise BadValue(f"{place}: a number from {low:g} to {high:g} is missing")
    return value


def text(value: Any, place: str, most: int = MOST_TEXT) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise BadValue(f"{place}: a text of at most {most} characters is missing")
    return value


def word(value: Any, place: str, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise BadValue(f"{place}: one of {', '.join(words)} is missing")
    return value


def flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise BadValue(f"{place}: a yes or no is missing")
    return value


def plain(value: Any, place: str, depth: int = 0) -> Any:
    """Values of a score card: short texts, finite numbers, and objects of them."""
    if depth > MOST_DEPTH:
        raise BadValue(f"{place}: its values nest too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value, place)
    if isinstance(value, dict):
        return {text(name, place): plain(one, place, depth + 1) for name, one in mapping(value, place).items()}
    return number(value, place)
