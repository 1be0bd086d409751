"""Guitar Pro 3-5 bytes to PyGuitarPro's model, bounded; and pieces of a model back to bytes.

PyGuitarPro (LGPL-3.0) is used as a library. Some of its habits are corrected here, in a mixin over its file classes:
work without bounds on hostile files, tied notes found by a search that is quadratic in the length of the track, the
fret of a tied note that has nothing to hold on to being forgotten. Whole files are written by it only when they are
new: see `guitarpro_splice` for those that were read.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import guitarpro
from guitarpro.io import getVersionAndGPFile
from guitarpro.iobase import GPFileBase
from guitarpro.models import BeatStatus, GraceEffectTransition

from arranger.errors import SongFileError
from arranger.formats.guitarpro_layout import Layout, Recording

MAX_BYTES = 20_000_000
MAX_TRACKS = 512
MAX_BARS = 20_000
MAX_NOTES = 500_000
MAX_BEATS = 2_000_000
"""Beats of all tracks and voices together; a full score of 512 tracks has far fewer."""

TIE_BARS = 3
"""A tied note goes on from the note before on its string if that stands at most so many bars back, as in alphaTab."""

_HEAVY_ACCENT, _ACCENT = 0x02, 0x40
"""Flags of a note, in all versions."""

ENCODINGS = ("cp1252", "latin-1")
"""Guitar Pro's own, and the one that takes every byte: five bytes mean nothing in cp1252."""

# The library warns of enum values that it doesn't know and keeps them; without a handler that would land on stderr.
logging.getLogger("guitarpro").addHandler(logging.NullHandler())

_SECOND_SAVE = "Open it in Guitar Pro or TuxGuitar and save it again."


class LimitError(Exception):
    """A file holds more than we are ready to read."""


class _Bounded:
    """Mixin over PyGuitarPro's GP3File, GP4File and GP5File."""

    # What the library keeps in `self`; Any, because it has no types.
    data: Any
    versionTuple: Any
    _currentTrack: Any
    _currentMeasureNumber: Any
    _currentVoiceNumber: Any
    _beats = 0
    _notes = 0

    def readSong(self) -> Any:
        self._last_value: dict[tuple[int, int, int], tuple[int, int]] = {}  # (track, voice, string) -> (bar, fret)
        return super().readSong()  # type: ignore[misc]

    def readMeasureHeaders(self, song: Any, count: int, *directions: Any) -> None:
        if count > MAX_BARS:
            raise LimitError(f"it says it has {count} bars, more than {MAX_BARS}")
        super().readMeasureHeaders(song, count, *directions)  # type: ignore[misc]

    def readTracks(self, song: Any, count: int, channels: Any) -> None:
        if count > MAX_TRACKS:
            raise LimitError(f"it says it has {count} tracks, more than {MAX_TRACKS}")
        super().readTracks(song, count, channels)  # type: ignore[misc]

    def getBeat(self, voice: Any, start: Any) -> Any:
        # Beats come in time order, so only the last one can start here; the library searches them all.
        if voice.beats and voice.beats[-1].start == start:
            return voice.beats[-1]
        self._beats += 1
        if self._beats > MAX_BEATS:
            raise LimitError(f"it has more than {MAX_BEATS} beats")
        beat = guitarpro.Beat(voice, start=start)
        voice.beats.append(beat)
        return beat

    def readNote(self, note: Any, string: Any, track: Any) -> Any:
        self._notes += 1
        if self._notes > MAX_NOTES:
            raise LimitError(f"it has more than {MAX_NOTES} notes")
        first = self.data.tell()
        heavy = any(flags & _HEAVY_ACCENT for flags in self.data.read(1))
        self.data.seek(first)
        read = super().readNote(note, string, track)  # type: ignore[misc]
        # The library forgets them in Guitar Pro 3 and 4.
        note.effect.heavyAccentuatedNote = heavy
        if note.beat.status != BeatStatus.empty:
            self._last_value[self._place(note)] = self._currentMeasureNumber, note.value
        return read

    def readGrace(self) -> Any:
        if self.versionTuple[0] >= 5:
            return super().readGrace()  # type: ignore[misc]
        # The library takes the last two for each other: the same song in Guitar Pro 5 says the same only so.
        fret, velocity, transition, duration = struct.unpack("bBbB", self.data.read(4))
        known = {way.value: way for way in GraceEffectTransition}
        return guitarpro.GraceEffect(
            fret=fret,
            velocity=self.unpackVelocity(velocity),  # type: ignore[attr-defined]
            duration=1 << max(0, 7 - duration),
            isDead=fret == -1,
            transition=known.get(transition, GraceEffectTransition.none),
        )

    def getTiedNoteValue(self, note: Any) -> int:
        bar, value = self._last_value.get(self._place(note), (-TIE_BARS - 1, 0))
        if self._currentMeasureNumber - bar <= TIE_BARS:
            return value
        # Nothing to hold on to. The byte just read is the fret that the file gives, though no one else looks at it.
        self.data.seek(-1, io.SEEK_CUR)
        return int(struct.unpack("b", self.data.read(1))[0])

    def _place(self, note: Any) -> tuple[int, int, int]:
        return self._currentTrack.number, self._currentVoiceNumber, note.string


class _Accents:
    """Mixin over PyGuitarPro's GP3File and GP4File: writes accents and grace notes as they are read."""

    def writeGrace(self, grace: Any) -> None:
        velocity = self.packVelocity(grace.velocity)  # type: ignore[attr-defined]
        ending = grace.transition.value, 8 - grace.duration.bit_length()
        self.data.write(struct.pack("bBbB", grace.fret, velocity, *ending))  # type: ignore[attr-defined]

    def packNoteFlags(self, note: Any) -> int:
        flags = int(super().packNoteFlags(note)) & ~_ACCENT  # type: ignore[misc]
        if note.effect.heavyAccentuatedNote:
            return flags | _HEAVY_ACCENT
        return flags | _ACCENT if note.effect.accentuatedNote else flags


class _Keys:
    """Mixin over PyGuitarPro's GP3File: writes the key signatures that it reads."""

    def packMeasureHeaderFlags(self, header: Any, previous: Any = None) -> int:
        flags = super().packMeasureHeaderFlags(header, previous)  # type: ignore[misc]
        changed = previous is None or header.keySignature != previous.keySignature
        return int(flags | (0x40 if changed else 0))

    def writeMeasureHeaderValues(self, header: Any, flags: int) -> None:
        super().writeMeasureHeaderValues(header, flags)  # type: ignore[misc]
        if flags & 0x40:
            for value in header.keySignature.value:
                self.writeI8(value)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as the library reads it: its model, the encoding of its text, and where its pieces lie."""

    model: Any
    encoding: str
    layout: Layout


def parse_guitarpro(data: bytes, name: str) -> Parsed:
    """PyGuitarPro's model of a .gp3, .gp4 or .gp5 file, with what is needed to write it back.

    Raises
    ------
    SongFileError
        for anything that is wrong with the file, with track and bar where they are known.
    """
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise SongFileError(name, f"it has {size}, more than the {MAX_BYTES // 1_000_000} MB that a song may have")
    try:
        return _parse(data, ENCODINGS[0])
    except UnicodeDecodeError:
        pass
    except Exception as err:
        if not isinstance(_root(err), UnicodeDecodeError):
            raise _refusal(err, name) from err
    try:
        return _parse(data, ENCODINGS[1])
    except Exception as err:
        raise _refusal(err, name) from err


def piece_bytes(model: Any, name: str, encoding: str, write: Callable[[Any], None]) -> bytes:
    """What `write` writes to one of the library's file objects of the model's version.

    Raises
    ------
    SongFileError
        if the format can't hold something in it.
    """
    stream = io.BytesIO()
    try:
        _, file_class = getVersionAndGPFile(model.version)
        if model.versionTuple[0] == 3:
            file_class = type("GP3FileWithKeys", (_Keys, file_class), {})
        if model.versionTuple[0] < 5:
            file_class = type(f"{file_class.__name__}WithAccents", (_Accents, file_class), {})
        write(file_class(stream, encoding, version=model.version, versionTuple=model.versionTuple))
    except Exception as err:
        problem, place = _describe(err, "a number in it is too large for the format")
        raise SongFileError(
            name, f"it can't be written as Guitar Pro: {problem}", place, "Write a MIDI file instead (-o NAME.mid)."
        ) from err
    return stream.getvalue()


def _parse(data: bytes, encoding: str) -> Parsed:
    stream = io.BytesIO(data)
    version = GPFileBase(stream, encoding).readVersion()
    number, base = getVersionAndGPFile(version)
    file_class = type(f"Recorded{base.__name__}", (_Bounded, Recording, base), {})
    file = file_class(stream, encoding, version=version, versionTuple=number)
    return Parsed(file.readSong(), encoding, file.layout)


def _refusal(err: Exception, name: str) -> SongFileError:
    problem, place = _describe(err)
    if "unsupported version" in problem:
        return SongFileError(name, "it isn't a Guitar Pro 3, 4 or 5 file", None, _SECOND_SAVE)
    return SongFileError(name, problem, place, _SECOND_SAVE)


def _describe(err: Exception, struct_error: str = "it is cut off or damaged") -> tuple[str, str | None]:
    """(problem, place): the library says “reading track 1, measure 2, got TypeError: ...”."""
    root = _root(err)
    place = None
    text = str(err)
    if root is not err and ", got " in text:
        place = text.split(", got ")[0].split(" ", 1)[1].replace("measure", "bar")
    if isinstance(root, LimitError):
        return str(root), place
    if type(root).__name__ == "error":  # struct.error
        return struct_error, place
    if "unsupported version" in text:
        return text, place
    return f"it is damaged ({type(root).__name__}: {root})", place


def _root(err: BaseException) -> BaseException:
    while err.__cause__ is not None:
        err = err.__cause__
    return err
