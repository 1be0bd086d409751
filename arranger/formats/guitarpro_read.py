"""Guitar Pro 3, 4 and 5 files as a `Song`.

Bars stand in score order; `Song.order` says how they are played. Positions are summed exactly, as fractions, and
rounded to a tick at the very end, because tuplets of seven don't divide a quarter.

A grace note takes no time in the score. In a Song it is a note of `GRACE_TICKS` that ends where its note begins, on the
same string; one that is played on the beat has its note begin that much later. On drums its note is marked a flam.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from guitarpro.models import BeatStatus, NoteType

from arranger.errors import SongFileError
from arranger.formats.guitarpro_file import TIE_BARS, parse_guitarpro
from arranger.formats.guitarpro_flow import bar_flows, feels, keys
from arranger.formats.guitarpro_techniques import bend_of, grace_techniques, techniques_of
from arranger.formats.playing_marks import lengthened, marks
from arranger.playing import playing_order
from arranger.song import Marker, Note, Song, Source, Tempo, TimeSignature, Track

TICKS_PER_QUARTER = 960
DEAD_NOTE_TICKS = TICKS_PER_QUARTER // 4
"""A dead note is a click: it never sounds longer than a sixteenth."""

GRACE_TICKS = TICKS_PER_QUARTER // 32
"""Length of a grace note; shorter where the note before or its own note is."""


@dataclass(frozen=True, slots=True)
class PlacedBeat:
    """A beat of the score with its place in the song; `start` and `end` in exact ticks."""

    bar: int
    voice: int
    start: Fraction
    end: Fraction
    beat: Any


def read_guitarpro(data: bytes, name: str) -> Song:
    """The song in a .gp3, .gp4 or .gp5 file.

    Parameters
    ----------
    data : the whole file.
    name : the file's name, for messages.

    Raises
    ------
    SongFileError
        if the file can't be read, is over the limits of `arranger.formats.guitarpro_file`, or holds no notes.
    """
    parsed = parse_guitarpro(data, name)
    model, encoding = parsed.model, parsed.encoding
    starts = bar_starts(model, name)
    warnings: list[str] = []
    tracks = []
    for index, source in enumerate(model.tracks):
        try:
            notes, late = track_notes(source, starts)
        except Exception as err:
            raise SongFileError(name, f"it is damaged ({err})", f"track {index + 1}") from err
        if late:
            warnings.append(f"Track {index + 1}: {late} notes stand after the end of their bar and were left out.")
        tracks.append(_track(source, index, notes, encoding))
    if not any(track.notes for track in tracks):
        raise SongFileError(name, "it has no notes", None, "Choose a file in which at least one track plays.")
    return Song(
        ticks_per_quarter=TICKS_PER_QUARTER,
        tracks=tuple(tracks),
        tempos=_tempos(model, starts, warnings),
        time_signatures=_time_signatures(model, starts),
        markers=tuple(
            Marker(start, repaired(header.marker.title, encoding))
            for start, header in zip(starts, model.measureHeaders, strict=False)
            if header.marker is not None
        ),
        keys=keys(model, starts),
        feels=feels(model, starts),
        order=playing_order(bar_flows(parsed)),
        title=repaired(model.title, encoding),
        length=starts[-1],
        source=Source(f"gp{model.versionTuple[0]}", data, name),
        warnings=tuple(warnings),
    )


def bar_starts(model: Any, name: str) -> list[int]:
    """First tick of every bar, and the end of the last: `bar + 1` entries.

    PyGuitarPro's own starts are not used: they begin at a quarter.
    """
    starts = [0]
    for number, header in enumerate(model.measureHeaders, 1):
        numerator, denominator = header.timeSignature.numerator, header.timeSignature.denominator.value
        if numerator < 1 or denominator < 1:
            problem = f"its time signature is {numerator}/{denominator}"
            raise SongFileError(name, problem, f"bar {number}", "Set it right in Guitar Pro.")
        # The same rounding as `Song.bars`, so that both agree on every bar.
        starts.append(starts[-1] + max(1, 4 * TICKS_PER_QUARTER * numerator // denominator))
    return starts


def placed_beats(track: Any, starts: Sequence[int]) -> Iterator[PlacedBeat]:
    """Every beat of a track that takes time, bar by bar and voice by voice."""
    for bar, measure in enumerate(track.measures):
        for voice, line in enumerate(measure.voices):
            at = Fraction(starts[bar])
            for beat in line.beats:
                if beat.status == BeatStatus.empty:
                    continue
                end = at + beat_ticks(beat.duration)
                yield PlacedBeat(bar, voice, at, end, beat)
                at = end


def beat_ticks(duration: Any) -> Fraction:
    """Exact ticks of one of PyGuitarPro's durations."""
    return _ticks(duration.value, duration.isDotted, duration.tuplet.enters, duration.tuplet.times)


@lru_cache(maxsize=1024)
def _ticks(value: int, dotted: bool, enters: int, times: int) -> Fraction:
    return Fraction(4 * TICKS_PER_QUARTER * (3 if dotted else 2) * times, 2 * value * enters)


def track_notes(track: Any, starts: list[int]) -> tuple[tuple[Note, ...], int]:
    """(notes of one track, sorted; number of notes left out because their bar was over).

    Tied notes lengthen the note before them, over rests and bars that aren't full as well; one that has nothing to hold
    on to is played as a note of its own.
    """
    struck, late = struck_notes(track, starts)
    return tuple(sorted(note for one in struck for note in (one.note, one.grace) if note is not None)), late


@dataclass(slots=True)
class Struck:
    """A note that is struck, in its bar, with the grace note before it."""

    bar: int
    note: Note
    grace: Note | None = None


def struck_notes(track: Any, starts: Sequence[int]) -> tuple[list[Struck], int]:
    """As `track_notes`, in the order of the file, grace notes with their notes."""
    found: list[Struck] = []
    late = 0
    last: dict[
        tuple[int, int], tuple[int, int]
    ] = {}  # (voice, string) -> (index in `found`, bar of the last of its ties)
    short: set[int] = set()  # dead notes, which nothing lengthens
    room: dict[int, int] = {}  # voice -> ticks that the beat before can give to a grace note
    for placed in placed_beats(track, starts):
        limit = starts[placed.bar + 1]
        first, end = round(placed.start), min(round(placed.end), limit)
        for played in placed.beat.notes:
            if first >= limit:
                late += 1
                continue
            key = (placed.voice, played.string)
            held, bar = last.get(key, (-1, -TIE_BARS - 1))
            if played.type == NoteType.tie and placed.bar - bar <= TIE_BARS:
                last[key] = held, placed.bar
                if held not in short:
                    found[held].note = lengthened(
                        found[held].note, max(end, first + 1), techniques_of(played, placed.beat), bend_of(played)
                    )
                continue
            last[key] = len(found), placed.bar
            if played.type == NoteType.dead and not track.isPercussionTrack:
                short.add(len(found))
            note = _note(track, played, placed.beat, first, max(end, first + 1))
            grace_room = room.get(placed.voice, GRACE_TICKS)
            found.append(_with_grace(played, note, placed.bar, grace_room, track.isPercussionTrack))
        room[placed.voice] = int(placed.end - placed.start) // 2
    return found, late


def _with_grace(played: Any, note: Note, bar: int, room: int, drums: bool) -> Struck:
    """A note with its grace note; `room` is how long that can be before the beat."""
    effect = played.effect.grace
    if effect is None:
        return Struck(bar, note)
    fret = min(99, max(0, effect.fret))
    open_string = note.pitch - played.value
    pitch = min(127, max(0, open_string + fret))
    velocity = min(127, max(1, effect.velocity))
    how = grace_techniques(effect)
    if drums and pitch == note.pitch:
        note = replace(note, techniques=marks([*note.techniques, "flam"]))
    before = min(GRACE_TICKS, room, note.start)
    if effect.isOnBeat or before < 1:
        length = min(GRACE_TICKS, note.duration // 2)
        if length < 1:
            return Struck(bar, note)
        grace = Note(note.start, length, pitch, velocity, played.string, fret, how)
        return Struck(bar, replace(note, start=note.start + length, duration=note.duration - length), grace)
    return Struck(bar, note, Note(note.start - before, before, pitch, velocity, played.string, fret, how))


def _note(track: Any, played: Any, beat: Any, start: int, end: int) -> Note:
    fret = played.value
    open_string = 0 if track.isPercussionTrack else track.strings[played.string - 1].value + track.offset
    length = end - start
    if played.type == NoteType.dead and not track.isPercussionTrack:
        length = min(length, DEAD_NOTE_TICKS)
    pitch = min(127, max(0, open_string + fret))
    velocity = min(127, max(1, played.velocity))
    return Note(start, length, pitch, velocity, played.string, fret, techniques_of(played, beat), bend_of(played))


def _track(source: Any, index: int, notes: tuple[Note, ...], encoding: str) -> Track:
    strings = tuple(min(127, max(0, string.value)) for string in source.strings)
    return Track(
        name=repaired(source.name, encoding),
        program=min(127, max(0, source.channel.instrument)),
        is_drum=bool(source.isPercussionTrack),
        notes=notes,
        channel=source.channel.channel % 16,
        tuning=None if source.isPercussionTrack else strings,
        capo=source.offset,
        source_id=(index,),
    )


def _time_signatures(model: Any, starts: list[int]) -> tuple[TimeSignature, ...]:
    signatures: list[TimeSignature] = []
    for start, header in zip(starts, model.measureHeaders, strict=False):
        metre = header.timeSignature.numerator, header.timeSignature.denominator.value
        if not signatures or metre != (signatures[-1].numerator, signatures[-1].denominator):
            signatures.append(TimeSignature(start, *metre))
    return tuple(signatures) or (TimeSignature(0, 4, 4),)


def _tempos(model: Any, starts: list[int], warnings: list[str]) -> tuple[Tempo, ...]:
    """The song's tempo and the changes that stand on beats of any track; the last track has the last word."""
    changes: dict[int, float] = {}
    if model.tempo > 0:
        changes[0] = float(model.tempo)
    else:
        changes[0] = 120.0
        warnings.append(f"The tempo is {model.tempo}; 120 was taken.")
    for track in model.tracks:
        for placed in placed_beats(track, starts):
            mix = placed.beat.effect.mixTableChange
            if mix is not None and mix.tempo is not None and mix.tempo.value > 0 and placed.start < starts[-1]:
                changes[round(placed.start)] = float(mix.tempo.value)
    tempos: list[Tempo] = []
    for tick, qpm in sorted(changes.items()):
        if not tempos or qpm != tempos[-1].qpm:
            tempos.append(Tempo(tick, qpm))
    return tuple(tempos)


def repaired(text: str, encoding: str) -> str:
    """Text as it was meant: UTF-8 that was read as cp1252 is put right, and so is cp1252 that was read as Latin-1."""
    if text.isascii():
        return text
    raw = text.encode(encoding, "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
