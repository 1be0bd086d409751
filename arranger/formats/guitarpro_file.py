"""Guitar Pro 3-5 bytes to PyGuitarPro's model and back, bounded and lossless where the library is not.

PyGuitarPro (LGPL-3.0) is used as a library. Some of its habits are corrected here, in a mixin over its file classes:
work without bounds on hostile files, tied notes found by a search that is quadratic in the length of the track, MIDI
channels that no track uses being forgotten, empty lines of the notice dropped.
"""

from __future__ import annotations

import io
import logging
from typing import Any

import attr
import guitarpro
from guitarpro.io import getVersionAndGPFile
from guitarpro.iobase import GPFileBase
from guitarpro.models import BeatStatus

from arranger.errors import SongFileError

MAX_BYTES = 20_000_000
MAX_TRACKS = 512
MAX_NOTES = 500_000
MAX_BEATS = 2_000_000
"""Beats of all tracks and voices together; a full score of 512 tracks has far fewer."""

ENCODINGS = ("cp1252", "latin-1")
"""Guitar Pro's own, and the one that takes every byte: five bytes mean nothing in cp1252."""

# The library warns of enum values that it doesn't know and keeps them; without a handler that would land on stderr.
logging.getLogger("guitarpro").addHandler(logging.NullHandler())

_SECOND_SAVE = "Open it in Guitar Pro or TuxGuitar and save it again."
_CHANNELS = "_arranger_channels"


class LimitError(Exception):
    """A file holds more than we are ready to read."""


class _Bounded:
    """Mixin over PyGuitarPro's GP3File, GP4File and GP5File."""

    # What the library keeps in `self`; Any, because it has no types.
    _currentTrack: Any
    _currentVoiceNumber: Any
    _beats = 0
    _notes = 0

    def readSong(self) -> Any:
        self._last_value: dict[tuple[int, int, int], int] = {}
        song = super().readSong()  # type: ignore[misc]
        setattr(song, _CHANNELS, self._channels)
        return song

    def readMidiChannels(self) -> Any:
        self._channels = super().readMidiChannels()  # type: ignore[misc]
        return self._channels

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
        read = super().readNote(note, string, track)  # type: ignore[misc]
        if note.beat.status != BeatStatus.empty:
            self._last_value[self._place(note)] = note.value
        return read

    def getTiedNoteValue(self, note: Any) -> int:
        return self._last_value.get(self._place(note), -1)

    def _place(self, note: Any) -> tuple[int, int, int]:
        return self._currentTrack.number, self._currentVoiceNumber, note.string

    def writeNotice(self, notice: list[str]) -> None:
        # The library drops empty lines.
        self.writeI32(len(notice))  # type: ignore[attr-defined]
        for line in notice:
            self.writeIntByteSizeString(line)  # type: ignore[attr-defined]

    def writeMidiChannels(self, tracks: Any) -> None:
        # The library writes the first track that uses a channel in any way, so one track's effect channel overwrites
        # another's own; and channels without a track get defaults. We write what was read, and what is new.
        source = getattr(tracks[0].song, _CHANNELS, ())
        known = {id(channel) for channel in source}
        table = {channel.channel: channel for channel in source}
        new = [track.channel for track in reversed(tracks) if id(track.channel) not in known]
        table |= {channel.effectChannel: channel for channel in new}
        table |= {channel.channel: channel for channel in new}
        super().writeMidiChannels([_OneChannel(number, channel) for number, channel in table.items()])  # type: ignore[misc]


class _OneChannel:
    """Stands for a track that uses one channel alone."""

    def __init__(self, number: int, channel: Any):
        self.channel = attr.evolve(channel, channel=number, effectChannel=number)


def parse_guitarpro(data: bytes, name: str) -> tuple[Any, str]:
    """PyGuitarPro's model of a .gp3, .gp4 or .gp5 file, and the text encoding that it was read with.

    Raises
    ------
    SongFileError
        for anything that is wrong with the file, with track and bar where they are known.
    """
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.0f} MB"
        raise SongFileError(name, f"it has {size}, more than the {MAX_BYTES // 1_000_000} MB that a song may have")
    try:
        return _parse(data, ENCODINGS[0]), ENCODINGS[0]
    except UnicodeDecodeError:
        pass
    except Exception as err:
        if not isinstance(_root(err), UnicodeDecodeError):
            raise _refusal(err, name) from err
    try:
        return _parse(data, ENCODINGS[1]), ENCODINGS[1]
    except Exception as err:
        raise _refusal(err, name) from err


def serialise_guitarpro(model: Any, name: str, encoding: str) -> bytes:
    """Bytes of a model in the version that it was read from.

    Raises
    ------
    SongFileError
        if the format can't hold something in it.
    """
    stream = io.BytesIO()
    try:
        file = _file_class(model.version)(stream, encoding, version=model.version, versionTuple=model.versionTuple)
        file.writeSong(model)
    except Exception as err:
        problem, place = _describe(err, "a number in it is too large for the format")
        raise SongFileError(
            name, f"it can't be written as Guitar Pro: {problem}", place, "Write a MIDI file instead (-o NAME.mid)."
        ) from err
    return stream.getvalue()


def _parse(data: bytes, encoding: str) -> Any:
    stream = io.BytesIO(data)
    version = GPFileBase(stream, encoding).readVersion()
    number, _ = getVersionAndGPFile(version)
    return _file_class(version)(stream, encoding, version=version, versionTuple=number).readSong()


def _file_class(version: str) -> Any:
    _, base = getVersionAndGPFile(version)
    return type(f"Bounded{base.__name__}", (_Bounded, base), {})


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
