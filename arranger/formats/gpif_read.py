"""Guitar Pro 6, 7 and 8 files (.gpx, .gp) as a `Song`.

Bars stand in score order; `Song.order` has their playing order. Each staff of a track is a track of its own, because it
has strings of its own. Transposing instruments sound as they are written in concert pitch: Guitar Pro's transposition
is one of the notation only. Harmonics, bends and slides keep the pitch of their fret.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from arranger.errors import SongFileError
from arranger.formats.gpif_container import open_container, parse_score
from arranger.formats.gpif_drums import drum_key
from arranger.formats.gpif_model import QUARTER, Score, ScoreTrack, Staff, WrittenNote, read_score
from arranger.formats.gpif_place import MAX_BEATS, PlacedBeat, StaffReader, TooManyBeats
from arranger.formats.playing_marks import lengthened, marks, with_flams
from arranger.playing import playing_order
from arranger.song import Feel, KeySignature, Marker, Note, Song, Source, Tempo, TimeSignature, Track

MAX_NOTES = 400_000
DEAD_NOTE_TICKS = QUARTER // 4
"""A dead note is a click: it never sounds longer than a sixteenth."""


def read_gpif(data: bytes, name: str) -> Song:
    """The song in a .gp or .gpx file.

    Parameters
    ----------
    data : the whole file.
    name : the file's name, for messages.

    Returns
    -------
    song : 960 ticks a quarter; `source.format` is "gp" or "gpx", `source_id` of a track is (track, staff), both from 0.

    Raises
    ------
    SongFileError
        if the file can't be read, is over the limits, or holds no notes.
    """
    container = open_container(data, name)
    score = read_score(parse_score(container, name), name)
    if not score.master_bars or not score.tracks:
        missing = "bars" if score.tracks else "tracks"
        raise SongFileError(name, f"it has no {missing}", None, "Choose a file in which at least one track plays.")
    reader = StaffReader(score, name)
    warnings: list[str] = []
    tracks = _tracks(score, reader, name, warnings)
    if not any(track.notes for track in tracks):
        raise SongFileError(name, "it has no notes", None, "Choose a file in which at least one track plays.")
    starts = reader.starts
    return Song(
        ticks_per_quarter=QUARTER,
        tracks=tracks,
        tempos=_tempos(score, starts, warnings),
        time_signatures=_time_signatures(score, starts),
        markers=tuple(
            Marker(start, bar.section) for start, bar in zip(starts, score.master_bars, strict=False) if bar.section
        ),
        keys=_keys(score, starts),
        feels=_feels(score, starts),
        order=playing_order([bar.flow for bar in score.master_bars]),
        title=score.title,
        length=starts[-1],
        source=Source(container.format, data, name),
        warnings=tuple(warnings),
    )


# --- tracks


def _tracks(score: Score, reader: StaffReader, name: str, warnings: list[str]) -> tuple[Track, ...]:
    tracks = []
    staff_number = notes = 0
    for index, source in enumerate(score.tracks):
        for part, staff in enumerate(source.staves):
            place = f"track {index + 1}"
            try:
                placed = reader.beats(staff_number)
            except TooManyBeats:
                raise SongFileError(name, f"it has more than {MAX_BEATS:,} beats", place, "Split the song.") from None
            except SongFileError as err:
                raise SongFileError(name, err.problem, place, err.remedy) from err
            notes += sum(len(beat.beat.notes) for beat in placed)
            if notes > MAX_NOTES:
                raise SongFileError(name, f"it has more than {MAX_NOTES:,} notes", place, "Split the song.")
            read = staff_notes(source, staff, placed, reader.starts)
            warnings += (f"Track {index + 1}: {problem}" for problem in read.problems())
            tracks.append(_track(source, staff, (index, part), read.notes))
            staff_number += 1
    return tuple(tracks)


def _track(source: ScoreTrack, staff: Staff, source_id: tuple[int, int], notes: tuple[Note, ...]) -> Track:
    return Track(
        name=source.name if source_id[1] == 0 else f"{source.name} (staff {source_id[1] + 1})",
        program=source.program,
        is_drum=source.is_drum,
        notes=notes,
        channel=source.channel,
        tuning=None if source.is_drum or not staff.tuning else staff.tuning,
        capo=0 if source.is_drum else staff.capo,
        source_id=source_id,
    )


@dataclass(frozen=True, slots=True)
class StaffNotes:
    """What was read of one staff: its notes, sorted; how many stood after the end of their bar or had no pitch."""

    notes: tuple[Note, ...]
    late: int
    silent: int

    def problems(self) -> list[str]:
        found = []
        if self.late:
            found.append(f"{self.late} notes stand after the end of their bar and were left out.")
        if self.silent:
            found.append(f"{self.silent} notes have no pitch that is known and were left out.")
        return found


def staff_notes(track: ScoreTrack, staff: Staff, placed: list[PlacedBeat], starts: list[int]) -> StaffNotes:
    """The notes of a staff's beats as they sound.

    Tied notes lengthen the note before them; one that has nothing to hold on to is played as a note of its own.
    """
    notes: list[Note] = []
    late = silent = 0
    last: dict[
        tuple[int, int | None, int], tuple[int, Fraction]
    ] = {}  # voice, string, key -> where in `notes`, its end
    for beat in placed:
        limit = starts[beat.bar + 1]
        first = round(beat.start)
        end = max(first + 1, min(round(beat.end), limit))
        for written in beat.beat.notes:
            sound = sounding(track, staff, written)
            if sound is None:
                silent += 1
                continue
            if first >= limit:
                late += 1
                continue
            pitch, string, fret = sound
            how = marks([*written.techniques, *beat.beat.techniques])
            key = beat.voice, string, pitch if string is None else 0
            held, held_until = last.get(key, (-1, None))
            if written.tied and held_until == beat.at:
                notes[held] = lengthened(notes[held], end, how, written.bend)
            else:
                held = len(notes)
                length = end - first
                if written.dead and not track.is_drum:
                    length = min(length, DEAD_NOTE_TICKS)
                velocity = min(127, max(1, beat.beat.velocity + written.louder))
                notes.append(Note(first, length, pitch, velocity, string, fret, how, written.bend))
            # A bar with too many beats ends where it ends, for ties too.
            last[key] = held, min(beat.until, Fraction(limit))
    found = with_flams(notes, QUARTER) if track.is_drum else notes
    return StaffNotes(tuple(sorted(found)), late, silent)


def sounding(track: ScoreTrack, staff: Staff, note: WrittenNote) -> tuple[int, int | None, int | None] | None:
    """(MIDI pitch or General MIDI key, string counted from 1 = the highest, fret), None if the file doesn't say.

    Drums, staves without strings, and notes below their string have no string and no fret.
    """
    if track.is_drum:
        key = drum_key(note.drum, track.articulations) if note.drum is not None else note.pitch
        return None if key is None else (min(127, max(0, key)), None, None)
    if note.line is not None and 0 <= note.line < len(staff.tuning):
        string, fret = len(staff.tuning) - note.line, note.fret or 0
        pitch = min(127, max(0, staff.tuning[string - 1] + staff.capo + fret))
        # In numbered notation a note can lie below its string; nobody can play it there.
        return (pitch, string, fret) if fret >= 0 else (pitch, None, None)
    return None if note.pitch is None else (min(127, max(0, note.pitch)), None, None)


# --- the song as a whole


def _tempos(score: Score, starts: list[int], warnings: list[str]) -> tuple[Tempo, ...]:
    """Every change of tempo; one that slides to the next is written as its beginning."""
    changes: dict[int, float] = {}
    for bar, position, qpm in score.tempos:
        if bar < len(score.master_bars):
            changes[starts[bar] + round(position * (starts[bar + 1] - starts[bar]))] = qpm
    if not changes:
        warnings.append("It says no tempo; 120 was taken.")
        return (Tempo(0, 120.0),)
    # What comes before the first change is played in its tempo.
    changes.setdefault(0, changes[min(changes)])
    tempos: list[Tempo] = []
    for tick, qpm in sorted(changes.items()):
        if not tempos or qpm != tempos[-1].qpm:
            tempos.append(Tempo(tick, qpm))
    return tuple(tempos)


def _time_signatures(score: Score, starts: list[int]) -> tuple[TimeSignature, ...]:
    """Changes of metre; after a pickup bar the metre is said again, because it begins a new bar."""
    signatures: list[TimeSignature] = []
    for at, (start, bar) in enumerate(zip(starts, score.master_bars, strict=False)):
        signature = TimeSignature(start, bar.numerator, bar.denominator)
        again = at == 1 and starts[1] < max(1, 4 * QUARTER * bar.numerator // bar.denominator)
        if not signatures or again or (bar.numerator, bar.denominator) != _metre(signatures[-1]):
            signatures.append(signature)
    return tuple(signatures)


def _metre(signature: TimeSignature) -> tuple[int, int]:
    return signature.numerator, signature.denominator


def _keys(score: Score, starts: list[int]) -> tuple[KeySignature, ...]:
    keys: list[KeySignature] = []
    for start, bar in zip(starts, score.master_bars, strict=False):
        if bar.key is not None and (not keys or bar.key != (keys[-1].sharps, keys[-1].minor)):
            keys.append(KeySignature(start, *bar.key))
    return tuple(keys)


def _feels(score: Score, starts: list[int]) -> tuple[Feel, ...]:
    feels: list[Feel] = []
    for start, bar in zip(starts, score.master_bars, strict=False):
        if bar.feel != (feels[-1].kind if feels else "straight"):
            feels.append(Feel(start, bar.feel))
    return tuple(feels)
