"""Bytes of MIDI events and track chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from arranger.formats.smf import END_OF_TRACK, META

BEFORE, THERE, AFTER = 0, 1, 2
"""Order at one tick: new note-offs, the events that were there, new note-ons."""
END = bytes((META, END_OF_TRACK, 0))
_MAX_DELTA = (1 << 28) - 1

Item = tuple[int, int, bytes]
"""Tick, order at the tick, bytes without the delta time."""


def serialise(items: Iterable[Item], end: int) -> bytes:
    """Events in order of time, with delta times and an end of track not before `end`."""
    out = bytearray()
    now = 0
    ordered = sorted(items, key=lambda item: item[:2])  # stable: events that were there stay in order
    if ordered:
        end = max(end, ordered[-1][0])
    for tick, _, raw in [*ordered, (end, AFTER, END)]:
        while tick - now > _MAX_DELTA:
            out += variable(_MAX_DELTA) + meta(0x01, b"")
            now += _MAX_DELTA
        out += variable(tick - now) + raw
        now = tick
    return bytes(out)


def variable(number: int) -> bytes:
    """Variable-length quantity: 7 bits a byte, high bit set on all but the last."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(number & 0x7F | 0x80)
    return bytes(reversed(out))


def meta(kind: int, data: bytes) -> bytes:
    """A meta event without its delta time."""
    return bytes((META, kind)) + variable(len(data)) + data


def track_chunk(body: bytes) -> bytes:
    """A track chunk with this body."""
    return b"MTrk" + struct.pack(">I", len(body)) + body
