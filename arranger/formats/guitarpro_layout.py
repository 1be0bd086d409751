"""Where the pieces of a Guitar Pro 3-5 file lie: written down while the library reads it, for writing by splicing.

A file is header, table of 64 MIDI channels, counts of bars and tracks, bar headers, track headers, and then, bar by
bar, one block for each track. Blocks follow each other without gaps, so a file can be cut at their edges and put
together again with others between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Span = tuple[int, int]
"""[first byte, byte after the last)."""

BYTES_PER_CHANNEL = 12
PLACE = "_arranger_place"


@dataclass(eq=False)
class Layout:
    """Byte offsets in one file.

    Parameters
    ----------
    lyrics_track : of the number of the track that the lyrics belong to (32 bits); None where there are no lyrics (gp3).
    channels : of the table of MIDI channels, `BYTES_PER_CHANNEL` each.
    track_count : of the number of tracks (32 bits).
    tracks : header of each track. The byte before the first one in gp5.1 is not part of it.
    blocks : [bar][track], the music of one track in one bar.
    cut_short : True if the very last byte, a line break, is missing; some programs leave it out.
    endings : bar -> what the file says of alternate endings: a count in gp3 and gp4, a bit mask in gp5.
    signs : (name of a sign or jump, bar counted from 0), in the order of the file.
    """

    lyrics_track: int | None = None
    channels: int = 0
    track_count: int = 0
    tracks: list[Span] = field(default_factory=list)
    blocks: list[list[Span]] = field(default_factory=list)
    cut_short: bool = False
    endings: dict[int, int] = field(default_factory=dict)
    signs: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NotePlace:
    """Byte offsets of one note: of the flags and of the played strings of its beat, and of the note itself."""

    beat_flags: int
    strings: int
    first: int
    end: int


class Recording:
    """Mixin over PyGuitarPro's GP3File, GP4File and GP5File; it must stand before them."""

    data: Any
    versionTuple: Any
    layout: Layout
    _voice_end = 0
    _beat_flags = 0
    _strings = 0

    def readSong(self) -> Any:
        self.layout = Layout()
        return super().readSong()  # type: ignore[misc]

    def readLyrics(self) -> Any:
        self.layout.lyrics_track = self.data.tell()
        return super().readLyrics()  # type: ignore[misc]

    def readMidiChannels(self) -> Any:
        self.layout.channels = self.data.tell()
        return super().readMidiChannels()  # type: ignore[misc]

    def readDirections(self) -> Any:
        signs, jumps = super().readDirections()  # type: ignore[misc]
        self.layout.signs = [(sign.name.lower(), bar - 1) for sign, bar in [*signs.items(), *jumps.items()] if bar > 0]
        # A sign beyond the last bar makes the library fail, and it keeps only one a bar: we look after them.
        return {}, {}

    def readMeasureHeaders(self, song: Any, count: int, *directions: Any) -> None:
        self.layout.track_count = self.data.tell() - 4
        super().readMeasureHeaders(song, count, *directions)  # type: ignore[misc]

    def readRepeatAlternative(self, headers: Any) -> Any:
        at = self.data.tell()
        self.layout.endings[len(headers)] = self.readU8()  # type: ignore[attr-defined]
        self.data.seek(at)
        return super().readRepeatAlternative(headers)  # type: ignore[misc]

    def readTrack(self, track: Any, channels: Any) -> None:
        pad = track.number == 1 and self.versionTuple > (5, 0, 0)
        first = self.data.tell() + pad
        super().readTrack(track, channels)  # type: ignore[misc]
        self.layout.tracks.append((first, self.data.tell()))

    def readMeasure(self, measure: Any) -> None:
        if measure.track.number == 1:
            self.layout.blocks.append([])
        first = self.data.tell()
        super().readMeasure(measure)  # type: ignore[misc]
        end = self.data.tell()
        self.layout.blocks[-1].append((first, end))
        self.layout.cut_short = self.versionTuple >= (5, 0, 0) and end == self._voice_end

    def readVoice(self, start: Any, voice: Any) -> None:
        super().readVoice(start, voice)  # type: ignore[misc]
        self._voice_end = self.data.tell()

    def readBeat(self, start: Any, voice: Any) -> Any:
        self._beat_flags = self.data.tell()
        return super().readBeat(start, voice)  # type: ignore[misc]

    def readNotes(self, *args: Any) -> None:
        self._strings = self.data.tell()
        super().readNotes(*args)  # type: ignore[misc]

    def readNote(self, note: Any, string: Any, track: Any) -> Any:
        first = self.data.tell()
        read = super().readNote(note, string, track)  # type: ignore[misc]
        setattr(note, PLACE, NotePlace(self._beat_flags, self._strings, first, self.data.tell()))
        return read
