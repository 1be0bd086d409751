"""Standard MIDI File: bytes -> chunks with their exact spans -> events, also where the file breaks the rules.

Conventions
-----------
Chunk spans are offsets into `Smf.data`, event spans offsets into the chunk's body; both half-open. Nothing is thrown
away: all the bytes behind the header belong to exactly one chunk, so a writer can put every one back.

Repaired on reading, each with a warning: a RIFF RMID wrapper, junk before the header, a wrong number of tracks, track
lengths too long or too short, chunks of other kinds, a truncated last track, a missing end of track, data bytes over
127 (taken as 127), data bytes without a status (skipped), time counted in film frames (SMPTE).

Reference: Standard MIDI Files 1.0, RP-001 (MIDI Manufacturers Association, 1996).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from arranger.errors import SongFileError

MAX_TRACK_CHUNKS = 512
MAX_OTHER_CHUNKS = 512
"""More pieces that are no tracks than this are taken together, up to the next track."""
MAX_EVENTS = 400_000
MAX_READ_TWICE = 2_000_000
"""Bytes that are looked at again because the length of a track was wrong; in real files it is a track or two."""
HEADER_SEARCH = 1 << 16
"""Bytes of junk that may stand before the header."""

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, META = 0x80, 0x90, 0xB0, 0xC0, 0xFF
END_OF_TRACK = 0x2F
_FRAME_RATES = (24, 25, 29, 30)
"""Film frames a second; 29 stands for 30 drop-frame, which is 29.97."""
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""Data bytes of the system messages that don't belong in a file but are found there; the others have none."""


class Event(NamedTuple):
    """One event of a track.

    `tick` counts from the start of the track. A channel message has `status` 0x80-0xEF and its data in `a`, `b`; a meta
    event has `status` 0xFF, its type in `a` and its text in `data`; system exclusive has 0xF0 or 0xF7 and `data`.
    `start` is the status byte, or the first data byte under running status; the delta time stands before it.
    """

    tick: int
    status: int
    a: int
    b: int
    data: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the file: a track (`kind` MTrk), a chunk of another kind, or bytes that are no chunk (`kind` empty).

    Parameters
    ----------
    start, end : where its 8-byte head begins and its last byte ends.
    events : of a track, in file order, up to its end-of-track event.
    usable : length of the body up to the end of the last whole event.
    ended : True if there is an end-of-track event.
    intact : True if the length field is right and there are no half events, so that any reader can read it.
    """

    kind: bytes
    start: int
    end: int
    events: tuple[Event, ...] = ()
    usable: int = 0
    ended: bool = True
    intact: bool = True

    @property
    def body(self) -> int:
        return self.start + 8


@dataclass(frozen=True)
class Smf:
    """A parsed file; `data` begins with MThd and has no wrapper.

    `fixed_qpm` is None, but where time is counted in film frames: there no tempo event counts, and quarters of
    `ticks_per_quarter` pass at this tempo.
    """

    data: bytes
    format: int
    ticks_per_quarter: int
    header_end: int
    chunks: tuple[Chunk, ...]
    warnings: tuple[str, ...]
    fixed_qpm: float | None = None

    @property
    def tracks(self) -> tuple[Chunk, ...]:
        """The MTrk chunks."""
        return tuple(chunk for chunk in self.chunks if chunk.kind == b"MTrk")


def parse_smf(data: bytes, name: str) -> Smf:
    """Parse a MIDI file.

    Parameters
    ----------
    data : the whole file.
    name : for messages.

    Raises
    ------
    SongFileError
        if there is no header, time has no unit, or there are too many tracks or events.
    """
    warnings: list[str] = []
    data = _unwrap(data, name, warnings)
    if len(data) < 14:
        raise SongFileError(name, "the MIDI header is cut off", "byte 0", "Get a complete copy of the file.")
    length, form, declared, division = struct.unpack(">IHHH", data[4:14])
    ticks_per_quarter, fixed_qpm = _time_unit(division, name, warnings)
    header_end = 8 + length
    if length != 6 and not (length > 6 and _is_boundary(data, header_end)):
        found = data.find(b"MTrk", 14)
        header_end = found if found >= 0 else 14
        warnings.append("The length of the header was wrong.")
    chunks = _walk(data, header_end, name, warnings)
    count = sum(chunk.kind == b"MTrk" for chunk in chunks)
    if count != declared:
        warnings.append(f"The header says {declared} tracks, the file has {count}.")
    return Smf(data, form, ticks_per_quarter, header_end, chunks, tuple(warnings), fixed_qpm)


def find_header(data: bytes) -> int:
    """Offset of MThd near the beginning of `data`, or -1."""
    return data.find(b"MThd", 0, HEADER_SEARCH)


def _unwrap(data: bytes, name: str, warnings: list[str]) -> bytes:
    at = find_header(data)
    if at < 0:
        raise SongFileError(name, "not a MIDI file: it has no MThd header", "byte 0")
    end = len(data)
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        warnings.append("The file was a MIDI file in a RIFF wrapper; only the MIDI file is kept.")
        if data[at - 8 : at - 4] == b"data":
            end = min(end, at + int.from_bytes(data[at - 4 : at], "little"))
    elif at:
        warnings.append(f"{at} bytes before the MIDI header were left out.")
    return data[at:end]


def _time_unit(division: int, name: str, warnings: list[str]) -> tuple[int, float | None]:
    """Ticks a quarter and, where the header counts film frames, the tempo that goes with them."""
    if not division & 0x8000:
        if division == 0:
            remedy = "Open it in a music program and export it again."
            raise SongFileError(name, "the header says 0 ticks per quarter note, so it has no tempo", "header", remedy)
        return division, None
    rate, per_frame = 256 - (division >> 8), division & 0xFF
    if rate not in _FRAME_RATES or not per_frame:
        remedy = "Export it again with ticks per quarter note (480, say) instead of SMPTE frames."
        raise SongFileError(
            name, f"its time is counted in film frames, {rate} a second, which no player knows", "header", remedy
        )
    warnings.append("Its time is counted in film frames, not in beats; the bars are those of a steady tempo.")
    ticks_per_second = (30 if rate == 29 else rate) * per_frame
    halves = 1 if ticks_per_second % 2 else 2  # quarters a second
    return ticks_per_second // halves, 60.0 * halves * (1000 / 1001 if rate == 29 else 1)


def _is_boundary(data: bytes, at: int) -> bool:
    """True if the file ends at `at` or what stands there looks like a chunk that fits into the file."""
    if at == len(data):
        return True
    kind = data[at : at + 4]
    if kind == b"MTrk":
        return True
    if len(data) < at + 8 or not all(0x20 <= byte < 0x7F for byte in kind):
        return False
    return at + 8 + int.from_bytes(data[at + 4 : at + 8], "big") <= len(data)


def _walk(data: bytes, at: int, name: str, warnings: list[str]) -> tuple[Chunk, ...]:
    chunks: list[Chunk] = []
    tracks, others, budget, twice = 0, 0, MAX_EVENTS, 0
    while at < len(data):
        if data[at : at + 4] == b"MTrk" and at + 8 <= len(data):
            tracks += 1
            if tracks > MAX_TRACK_CHUNKS:
                raise SongFileError(name, f"it has more than {MAX_TRACK_CHUNKS} tracks", None, "Split the file.")
            chunk, again = _track(data, at, f"Track chunk {tracks}", budget, warnings)
            budget -= len(chunk.events)
            twice += again
            if twice > MAX_READ_TWICE:
                remedy = "Get another copy of the file."
                raise SongFileError(name, "the lengths of its tracks are all wrong", f"track chunk {tracks}", remedy)
            if budget < 0:
                problem = f"it has more than {MAX_EVENTS:,} MIDI events"
                raise SongFileError(name, problem, f"track chunk {tracks}", "Split the file.")
        elif (
            others < MAX_OTHER_CHUNKS
            and data[at : at + 4] != b"MTrk"
            and at + 8 <= len(data)
            and _is_boundary(data, at)
        ):
            others += 1
            chunk = Chunk(data[at : at + 4], at, at + 8 + int.from_bytes(data[at + 4 : at + 8], "big"))
            warnings.append(f"A chunk of an unknown kind was passed over (byte {at}).")
        else:
            others += 1
            found = data.find(b"MTrk", at + 1)
            chunk = Chunk(b"", at, found if found >= 0 else len(data))
            warnings.append(f"{chunk.end - at} bytes that are no chunk were passed over (byte {at}).")
        chunks.append(chunk)
        at = chunk.end
    return tuple(chunks)


def _track(data: bytes, at: int, place: str, budget: int, warnings: list[str]) -> tuple[Chunk, int]:
    """The track chunk at `at`, and how many bytes were looked at in vain before its true end was found."""
    body = at + 8
    again = 0
    end = declared = body + int.from_bytes(data[at + 4 : body], "big")
    lost = declared > len(data)
    if not lost:
        events, usable, ended, clean = read_events(data[body:declared], budget)
        if ended and data[body + usable : body + usable + 4] == b"MTrk":
            end = body + usable  # a length that runs over the next track
        elif not (ended or _is_boundary(data, declared)):
            lost, again = True, declared - body
    if lost:
        # The length is no guide here. Looking no further than the next MTrk keeps the whole walk linear.
        found = data.find(b"MTrk", body)
        end = found if found >= 0 else len(data)
        events, usable, ended, clean = read_events(data[body:end], budget)
    if end != declared:
        warnings.append(f"{place}: the length was {declared - body} bytes but should be {end - body}.")
    if not clean:
        warnings.append(f"{place}: bytes that are no valid events were repaired or skipped.")
    half = not ended and body + usable < end
    if half:
        warnings.append(f"{place}: it is cut off; what is there was read.")
    elif not ended:
        warnings.append(f"{place}: it has no end-of-track event.")
    intact = end == declared and not half
    return Chunk(b"MTrk", at, end, tuple(events), usable, ended, intact), again


def read_events(body: bytes, limit: int) -> tuple[list[Event], int, bool, bool]:
    """Events of a track's body up to its end-of-track event, or as many as are whole.

    Parameters
    ----------
    body : the bytes behind the chunk's head.
    limit : stop after one more event than this.

    Returns
    -------
    events, length of the body that they take, True if end of track was found, True if no byte had to be repaired.
    """
    events: list[Event] = []
    append, event, size = events.append, Event, len(body)
    at = tick = running = usable = 0
    ended, clean = False, True
    try:
        while at < size and len(events) <= limit:
            byte = body[at]
            at += 1
            if byte < 0x80:
                tick += byte
            else:
                delta = byte & 0x7F
                for _ in range(3):
                    byte = body[at]
                    at += 1
                    delta = delta << 7 | byte & 0x7F
                    if byte < 0x80:
                        break
                tick += delta
            status = body[at]
            if status < 0x80 and not running:
                clean = False
                while status < 0x80:
                    at += 1
                    status = body[at]
            start = at
            if status < 0x80:
                status = running
            else:
                at += 1
            if status < 0xF0:
                running = status
                a, b = body[at], 0
                at += 1
                if not 0xC0 <= status < 0xE0:
                    b = body[at]
                    at += 1
                if a > 127 or b > 127:
                    a, b, clean = min(a, 127), min(b, 127), False
                append(event(tick, status, a, b, b"", start, at))
            elif status in (0xF0, 0xF7, 0xFF):
                a = 0
                if status == 0xFF:
                    a = body[at]
                    at += 1
                length = 0
                for _ in range(4):
                    byte = body[at]
                    at += 1
                    length = length << 7 | byte & 0x7F
                    if byte < 0x80:
                        break
                if at + length > size:
                    break
                append(event(tick, status, a, 0, body[at : at + length], start, at + length))
                at += length
                if status == 0xFF and a == END_OF_TRACK:
                    ended = True
                    break
            else:
                count = _SYSTEM_DATA.get(status, 0)
                if at + count > size:
                    break
                at += count
                append(event(tick, status, 0, 0, b"", start, at))
    except IndexError:
        pass  # the body ends inside an event; the whole ones before it count
    if events:
        usable = events[-1].end
    return events, usable, ended, clean
