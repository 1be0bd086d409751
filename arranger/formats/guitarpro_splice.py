"""A Guitar Pro 3-5 file cut at the edges of its pieces and put together again, with tracks and bars added or replaced.

Whatever is not named as changed comes back byte for byte, whether or not PyGuitarPro understands it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guitarpro.models import NoteType

from arranger.formats.guitarpro_file import Parsed, piece_bytes
from arranger.formats.guitarpro_layout import BYTES_PER_CHANNEL, PLACE, NotePlace

_TYPE, _HAS_TIME, _HAS_DYNAMIC, _HAS_TYPE, _HAS_STATUS = 1, 0x01, 0x10, 0x20, 0x40
_REST = 2


@dataclass(eq=False)
class NoteEdits:
    """Small changes to notes of bars that are not written anew: bytes with new values, spans that are left out."""

    values: dict[int, int] = field(default_factory=dict)
    cuts: dict[int, int] = field(default_factory=dict)
    rests: set[int] = field(default_factory=set)

    def strike(self, data: bytes, note: Any, gp5: bool) -> None:
        """A tied note becomes one of its own, with the fret that it has in the model."""
        place: NotePlace = getattr(note, PLACE)
        flags = data[place.first]
        fret = place.first + 2 + (2 if flags & _HAS_TIME and not gp5 else 0) + bool(flags & _HAS_DYNAMIC)
        self.values |= {place.first + _TYPE: NoteType.normal.value, fret: note.value}

    def remove(self, data: bytes, note: Any, alone: bool) -> None:
        """A note goes; `alone` if its beat has no other and becomes a rest."""
        place: NotePlace = getattr(note, PLACE)
        strings = self.values.get(place.strings, data[place.strings])
        self.values[place.strings] = strings & ~(1 << (7 - note.string))
        self.cuts[place.first] = place.end
        if alone and not data[place.beat_flags] & _HAS_STATUS:
            self.values[place.beat_flags] = data[place.beat_flags] | _HAS_STATUS
            self.rests.add(place.beat_flags)

    def applied(self, data: bytes, first: int, end: int) -> bytes:
        """data[first:end] with the changes that lie in it."""
        out = bytearray()
        at = first
        for place in sorted({p for p in (*self.values, *self.cuts) if first <= p < end}):
            if place < at:
                continue  # inside a note that was left out
            out += data[at:place]
            if place in self.cuts:
                at = self.cuts[place]
                continue
            out.append(self.values[place])
            if place in self.rests:
                out.append(_REST)  # the status follows the beat's flags
            at = place + 1
        return bytes(out + data[at:end])


@dataclass(frozen=True, slots=True)
class OldTrack:
    """A track of the file, by its number from 0; `blocks` maps bars that are written anew to their bytes."""

    index: int
    blocks: Mapping[int, bytes] = field(default_factory=dict)
    edits: NoteEdits = field(default_factory=NoteEdits)


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track that the file doesn't have: header, one block a bar, and entries for the table of channels."""

    header: bytes
    blocks: Sequence[bytes]
    channels: Mapping[int, bytes]


def spliced(data: bytes, parsed: Parsed, tracks: Sequence[OldTrack | NewTrack]) -> bytes:
    """The file with these tracks, in this order; those that are not named are left out.

    `data` must have at least one track and one bar.
    """
    layout = parsed.layout
    head = bytearray(data[: layout.tracks[0][0]])
    struct.pack_into("<i", head, layout.track_count, len(tracks))
    for track in tracks:
        if isinstance(track, NewTrack):
            for number, entry in track.channels.items():
                at = layout.channels + number * BYTES_PER_CHANNEL
                head[at : at + BYTES_PER_CHANNEL] = entry
    if layout.lyrics_track is not None:
        (sung,) = struct.unpack_from("<i", head, layout.lyrics_track)
        if 1 <= sung <= len(layout.tracks):
            numbers = {track.index + 1: number for number, track in enumerate(tracks, 1) if isinstance(track, OldTrack)}
            struct.pack_into("<i", head, layout.lyrics_track, numbers.get(sung, 0))
    out = [bytes(head)]
    for track in tracks:
        out.append(track.header if isinstance(track, NewTrack) else data[slice(*layout.tracks[track.index])])
    end = layout.blocks[-1][-1][1]
    out.append(data[layout.tracks[-1][1] : layout.blocks[0][0][0]])
    for bar, spans in enumerate(layout.blocks):
        for track in tracks:
            if isinstance(track, NewTrack):
                out.append(track.blocks[bar])
                continue
            first, last = spans[track.index]
            out.append(track.blocks[bar] if bar in track.blocks else track.edits.applied(data, first, last))
            if layout.cut_short and last == end and bar not in track.blocks and track is not tracks[-1]:
                out.append(b"\0")  # the line break that is missing at the end of the file
    out.append(data[end:])
    return b"".join(out)


def new_track(parsed: Parsed, name: str, track: Any, channels: Mapping[int, Any]) -> NewTrack:
    """The library's bytes of a track of its model.

    Parameters
    ----------
    name : of the file, for messages.
    channels : number of a channel -> the library's channel, for each entry of the table that is to be set.

    Raises
    ------
    SongFileError
        if the format can't hold it.
    """
    # Any number but 1: in gp5.1 the first track has a byte before it, which stays where it is.
    header = _piece(parsed, name, lambda file: file.writeTrack(track, 2))
    blocks = [block_bytes(parsed, name, measure) for measure in track.measures]
    return NewTrack(header, blocks, {number: _channel(parsed, name, channel) for number, channel in channels.items()})


def block_bytes(parsed: Parsed, name: str, measure: Any) -> bytes:
    """The library's bytes of one bar of one track."""

    def write(file: Any) -> None:
        with file.annotateErrors("writing"):
            file._currentTrack, file._currentMeasureNumber = measure.track, measure.number
            file.writeMeasure(measure)

    return _piece(parsed, name, write)


def _channel(parsed: Parsed, name: str, channel: Any) -> bytes:
    table = _piece(parsed, name, lambda file: file.writeMidiChannels([_Everywhere(channel)]))
    first = channel.channel * BYTES_PER_CHANNEL
    return table[first : first + BYTES_PER_CHANNEL]


class _Everywhere:
    """Stands for a track that uses one channel."""

    def __init__(self, channel: Any):
        self.channel = channel


def _piece(parsed: Parsed, name: str, write: Any) -> bytes:
    return piece_bytes(parsed.model, name, parsed.encoding, write)
