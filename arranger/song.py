"""The song as the file says it: immutable, in the file's own exact time.

Conventions
-----------
Time is in ticks of the file (`Song.ticks_per_quarter`); intervals are half-open, [start, end).
Bars count from 0 inside the library and from 1 in everything a person reads.
Strings count from 1, the highest sounding. Pitches are MIDI numbers (60 = C4).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any

TECHNIQUES = (
    "accent",
    "bend",
    "dead",
    "flam",
    "ghost",
    "hammer",
    "harmonic",
    "heavy accent",
    "let ring",
    "palm mute",
    "pop",
    "slap",
    "slide",
    "slide in",
    "slide out",
    "staccato",
    "tap",
    "tremolo",
    "vibrato",
)
"""How a note is played. `hammer` (or pulled off) and `slide` lead to the next note on the string; `flam` is a drum's
short stroke before the beat; a `dead` note has no pitch to speak of; a `bend` has its course in `Note.bend`."""


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note; on a drum track `pitch` is the General MIDI percussion key.

    techniques : of `TECHNIQUES`, sorted. bend : points (share of the note 0..1, semitones above its pitch).
    """

    start: int
    duration: int
    pitch: int
    velocity: int = 80
    string: int | None = None
    fret: int | None = None
    techniques: tuple[str, ...] = ()
    bend: tuple[tuple[float, float], ...] = ()

    @property
    def end(self) -> int:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Tempo:
    """Tempo in quarters a minute from `tick` on."""

    tick: int
    qpm: float


@dataclass(frozen=True, slots=True)
class TimeSignature:
    """Time signature from `tick` on; a new one always begins a new bar."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class Marker:
    """A text at a place: section name, rehearsal letter."""

    tick: int
    text: str


@dataclass(frozen=True, slots=True)
class KeySignature:
    """Key signature from `tick` on: sharps (> 0) or flats (< 0), -7..7, and whether it is meant as a minor key."""

    tick: int
    sharps: int
    minor: bool = False


FEELS = (
    "straight",
    *(f"{kind}-{unit}" for kind in ("triplet", "dotted", "scottish") for unit in ("eighths", "sixteenths")),
)
"""How written pairs are played: 2:1, 3:1 or 1:3."""


@dataclass(frozen=True, slots=True)
class Feel:
    """How pairs of equal notes are played from `tick` on; `kind` is one of `FEELS`. Notes stand as they are written."""

    tick: int
    kind: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the score; `length` can be short where the metre changes before the bar is full."""

    index: int
    start: int
    length: int
    numerator: int
    denominator: int

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Track:
    """One instrument line.

    `source_id` says where the track stands in the source file: (chunk, channel) for MIDI, (track number,) for
    Guitar Pro, None for a track that the source doesn't have. `tuning` lists open-string pitches, string 1 first,
    capo not included.
    """

    name: str
    program: int
    is_drum: bool
    notes: tuple[Note, ...]
    channel: int | None = None
    tuning: tuple[int, ...] | None = None
    capo: int = 0
    source_id: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes that a song was read from; `format` is one of `mid`, `gp3`, `gp4`, `gp5`, `gpx`, `gp`, `musicxml`,
    `txt` (DadaGP tokens)."""

    format: str
    data: bytes = field(repr=False)
    name: str = ""


@dataclass(frozen=True)
class Song:
    """A whole piece.

    Parameters
    ----------
    ticks_per_quarter : int > 0.
    tracks : tracks with notes or without, in file order.
    tempos, time_signatures, markers : sorted by tick. The readers always put a tempo and a time signature at tick 0.
    keys, feels : key signatures and swing, sorted by tick; empty where the file says none.
    order : bars in the order in which they are played, as indices into `bars`: repeats, endings and jumps played out.
        Empty where the bars are played once each, as they stand. Everything else in a Song is in score order.
    length : int, ticks from the start to the end of the last bar that the file has; bars reach at least this far.
    source : what was read, for lossless writing; None for a song made in memory.
    warnings : what was repaired or ignored on reading, in sentences.
    """

    ticks_per_quarter: int
    tracks: tuple[Track, ...]
    tempos: tuple[Tempo, ...] = (Tempo(0, 120.0),)
    time_signatures: tuple[TimeSignature, ...] = (TimeSignature(0, 4, 4),)
    markers: tuple[Marker, ...] = ()
    keys: tuple[KeySignature, ...] = ()
    feels: tuple[Feel, ...] = ()
    order: tuple[int, ...] = ()
    title: str = ""
    length: int = 0
    source: Source | None = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def end(self) -> int:
        """Tick where everything is over: the end of the last note or of the last bar in the file."""
        return max([self.length, *(note.end for track in self.tracks for note in track.notes)])

    @cached_property
    def bars(self) -> tuple[Bar, ...]:
        """Bars from tick 0 to at least `end`; at least one."""
        return tuple(_bars(self.time_signatures, self.ticks_per_quarter, self.end))

    @cached_property
    def _bar_starts(self) -> list[int]:
        return [bar.start for bar in self.bars]

    def bar_at(self, tick: int) -> int:
        """Index of the bar that holds `tick`; ticks past the end belong to the last bar."""
        return max(0, bisect_right(self._bar_starts, tick) - 1)

    def tempo_at(self, tick: int) -> float:
        """Quarters a minute at `tick`."""
        at = bisect_right([tempo.tick for tempo in self.tempos], tick) - 1
        return self.tempos[max(0, at)].qpm

    def with_tracks(self, tracks: Iterable[Track]) -> Song:
        """The same song with other tracks."""
        return replace(self, tracks=tuple(tracks))

    def to_pretty_midi(self) -> Any:
        """A `pretty_midi.PrettyMIDI`; ArrangerError if the library is missing, as for the five below."""
        return _interchange().to_pretty_midi(self)

    def to_symusic(self) -> Any:
        """A `symusic.Score` in ticks."""
        return _interchange().to_symusic(self)

    def to_music21(self) -> Any:
        """A `music21.stream.Score` in measures, as the song would be written down."""
        return _interchange().to_music21(self)

    @staticmethod
    def from_pretty_midi(pretty: Any) -> Song:
        """The song in a `pretty_midi.PrettyMIDI`."""
        return _interchange().from_pretty_midi(pretty)

    @staticmethod
    def from_symusic(score: Any) -> Song:
        """The song in a `symusic.Score` of any time unit."""
        return _interchange().from_symusic(score)

    @staticmethod
    def from_music21(score: Any) -> Song:
        """The song in a music21 stream."""
        return _interchange().from_music21(score)


def _interchange() -> Any:
    """The module for other libraries' objects, which a song doesn't need for itself."""
    return import_module("arranger.interchange")


def _bars(signatures: tuple[TimeSignature, ...], ticks_per_quarter: int, end: int) -> Iterable[Bar]:
    index = 0
    for at, signature in enumerate(signatures):
        last = at + 1 == len(signatures)
        until = max(end, signature.tick + 1) if last else signatures[at + 1].tick
        full = max(1, 4 * ticks_per_quarter * signature.numerator // signature.denominator)
        start = signature.tick
        while start < until:
            length = full if last else min(full, until - start)
            yield Bar(index, start, length, signature.numerator, signature.denominator)
            index, start = index + 1, start + length
