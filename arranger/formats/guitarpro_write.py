"""A `Song` back into the Guitar Pro file that it came from, in the version that it came in.

The source's bytes are parsed afresh and only what differs from them is touched: new tracks are appended, and of a
changed track only the bars whose notes changed are written anew. All else stays as the library read it, techniques
included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import guitarpro as gp
from guitarpro.models import BeatStatus, BeatStrokeDirection, NoteType

from arranger.errors import SongFileError
from arranger.formats.guitarpro_bars import bar_of, fingered, write_bars
from arranger.formats.guitarpro_file import parse_guitarpro, serialise_guitarpro
from arranger.formats.guitarpro_read import bar_starts, placed_beats, track_notes
from arranger.fretboard import BASS_4, FRETS, GUITAR_6, assign_frets
from arranger.parts import BASS_PROGRAMS
from arranger.song import Bar, Note, Song, Track

FORMATS = ("gp3", "gp4", "gp5")
MAX_STRINGS = 7
DRUM_STRINGS = 6
DRUM_FRETS = 87
DRUM_CHANNEL = 9
CHANNELS = 64

_COLOURS = {"drums": (120, 120, 120), "bass": (40, 90, 200), "other": (200, 120, 30)}


def write_guitarpro(song: Song) -> bytes:
    """The song as a file of its source's format and version.

    Tracks with a `source_id` go where they came from, tracks without are appended. Tracks of the source that the song
    has no more are left out.

    Raises
    ------
    SongFileError
        if the song has no Guitar Pro source, or the format can't hold what is in it.
    """
    if song.source is None or song.source.format not in FORMATS:
        raise SongFileError("song", "it wasn't read from a Guitar Pro 3, 4 or 5 file, so it can't be written as one")
    name = song.source.name
    model, encoding = parse_guitarpro(song.source.data, name)
    if not model.tracks or not model.measureHeaders:
        raise SongFileError(name, "it has no tracks or bars", None, "Add a track in Guitar Pro and save it again.")
    starts = bar_starts(model, name)
    bars = _bars(model, starts)
    if any(note.start >= starts[-1] for track in song.tracks for note in track.notes):
        raise SongFileError(name, f"there are notes after its last bar ({len(bars)})", None, "Add bars to it first.")
    kept: list[Any] = []
    for track in song.tracks:
        try:
            if track.source_id is None:
                kept.append(_new_track(model, track, bars, [*model.tracks, *kept], encoding))
            else:
                kept.append(_edited(model.tracks[track.source_id[0]], track, starts, bars))
        except ValueError as err:
            raise SongFileError(name, f"track “{track.name}” can't be written: {err}") from err
    if not kept:
        raise SongFileError(name, "no track is left to write")
    model.tracks = kept
    for number, model_track in enumerate(kept, 1):
        model_track.number = number
        _make_writable(model_track)
    out = serialise_guitarpro(model, name, encoding)
    _check(out, model, starts, name)
    return out


def _check(out: bytes, model: Any, starts: list[int], name: str) -> None:
    """Read what was written: an odd file must be refused, not come back with other notes."""
    remedy = "Write a MIDI file instead (-o NAME.mid)."
    try:
        again, _ = parse_guitarpro(out, name)
    except SongFileError as err:
        raise SongFileError(name, "it holds something that can't be written back", err.place, remedy) from err
    for number, (meant, written) in enumerate(zip(model.tracks, again.tracks, strict=True), 1):
        if track_notes(meant, starts) != track_notes(written, starts):
            raise SongFileError(name, "its notes can't be written back as they are", f"track {number}", remedy)


def _bars(model: Any, starts: Sequence[int]) -> list[Bar]:
    signatures = [header.timeSignature for header in model.measureHeaders]
    return [
        Bar(index, starts[index], starts[index + 1] - starts[index], metre.numerator, metre.denominator.value)
        for index, metre in enumerate(signatures)
    ]


# --- new tracks


def _new_track(model: Any, track: Track, bars: Sequence[Bar], others: Sequence[Any], encoding: str) -> Any:
    tuning = (0,) * DRUM_STRINGS if track.is_drum else track.tuning or _usual_tuning(track)
    if len(tuning) > MAX_STRINGS:
        raise ValueError(f"it has {len(tuning)} strings, more than {MAX_STRINGS}")
    colour = "drums" if track.is_drum else "bass" if track.program in BASS_PROGRAMS else "other"
    channel = _free_channel(track, others)
    new = gp.Track(
        model,
        number=len(others) + 1,
        name=(track.name or "Track").encode(encoding, "replace")[:40].decode(encoding),
        isPercussionTrack=track.is_drum,
        fretCount=DRUM_FRETS if track.is_drum else FRETS,
        offset=0 if track.is_drum else track.capo,
        strings=[gp.GuitarString(number, pitch) for number, pitch in enumerate(tuning, 1)],
        port=channel.channel // 16 + 1,
        channel=channel,
        color=gp.Color(*_COLOURS[colour]),
    )
    notes = track.notes if track.is_drum else fingered(track.notes, tuning, track.capo)
    write_bars(new, notes, bars, set(range(len(bars))))
    return new


def _usual_tuning(track: Track) -> tuple[int, ...]:
    return BASS_4 if track.program in BASS_PROGRAMS else GUITAR_6


def _free_channel(track: Track, others: Sequence[Any]) -> Any:
    """The first free pair of channels; for drums the percussion channel, which all drum tracks share."""
    if track.is_drum:
        drums = [other.channel for other in others if other.channel.channel == DRUM_CHANNEL]
        return drums[0] if drums else gp.MidiChannel(DRUM_CHANNEL, DRUM_CHANNEL, instrument=track.program)
    used = {number for other in others for number in (other.channel.channel, other.channel.effectChannel)}
    free = [number for number in range(CHANNELS) if number not in used and number % 16 != DRUM_CHANNEL]
    pairs = [number for number in free if number + 1 in free and number // 16 == (number + 1) // 16]
    if not free:
        raise ValueError(f"all {CHANNELS} MIDI channels are taken")
    first = pairs[0] if pairs else free[0]
    return gp.MidiChannel(first, first + 1 if pairs else first, instrument=track.program)


# --- changed tracks


def _edited(source: Any, track: Track, starts: list[int], bars: Sequence[Bar]) -> Any:
    """The source's track with the bars written anew in which the notes differ."""
    before, _ = track_notes(source, starts)
    old, new = Counter(before), Counter(track.notes)
    different = [*(old - new), *(new - old)]
    if not different:
        return source
    changed = {bar_of(note.start, starts) for note in different}
    held = _held_ties(source, starts)
    notes = tuple(sorted(track.notes)) if source.isPercussionTrack else _refingered(source, track, old, changed, starts)
    write_bars(source, notes, bars, changed)
    _mend_ties(source, starts, held, changed)
    return source


def _refingered(
    source: Any, track: Track, old: Counter[Note], changed: set[int], starts: list[int]
) -> tuple[Note, ...]:
    """The track's notes with new ones fingered; old ones keep their strings unless a new one needs theirs."""
    strings = tuple(string.value for string in source.strings)
    new = set(Counter(track.notes) - old)
    notes = [*(note for note in track.notes if note not in new), *fingered(sorted(new), strings, source.offset)]
    places = Counter((note.start, note.string) for note in notes if bar_of(note.start, starts) in changed)
    if places and max(places.values()) > 1:
        here = [note for note in notes if bar_of(note.start, starts) in changed]
        notes = [note for note in notes if note not in here] + list(assign_frets(here, strings, source.offset))
    return tuple(sorted(notes))


def _held_ties(track: Any, starts: list[int]) -> dict[int, Any]:
    """Tied notes that really go on from a note before, by id; the notes are kept so that no id is given twice."""
    held: dict[int, Any] = {}
    ends: dict[tuple[int, int], Any] = {}
    for placed in placed_beats(track, starts):
        for note in placed.beat.notes:
            key = placed.voice, note.string
            if note.type == NoteType.tie and ends.get(key) == placed.start:
                held[id(note)] = note
            ends[key] = placed.end
    return held


def _mend_ties(track: Any, starts: list[int], held: dict[int, Any], changed: set[int]) -> None:
    """Ties that lost their note fall silent; ties that never had one go on being struck.

    The file doesn't store a tied note's fret: it is that of the note before on its string, which may be a new one.
    """
    last: dict[tuple[int, int], tuple[Any, int]] = {}  # (voice, string) -> (end, fret)
    for placed in placed_beats(track, starts):
        for note in list(placed.beat.notes):
            key = placed.voice, note.string
            if note.type == NoteType.tie:
                end, fret = last.get(key, (None, 0))
                goes_on = end == placed.start and fret == note.value
                meant_to = id(note) in held or placed.bar in changed
                if meant_to and not goes_on:
                    placed.beat.notes.remove(note)
                    continue
                if not meant_to and (goes_on or fret != note.value):
                    note.type = NoteType.normal
            last[key] = placed.end, note.value
        if not placed.beat.notes and placed.beat.status == BeatStatus.normal:
            placed.beat.status = BeatStatus.rest


def _make_writable(track: Any) -> None:
    """Put right what the library reads from odd files but fails to write."""
    for measure in track.measures:
        for voice in measure.voices:
            for beat in voice.beats:
                stroke = beat.effect.stroke
                if stroke is None or stroke.direction == BeatStrokeDirection.none or stroke.value < 0:
                    beat.effect.stroke = gp.BeatStroke()
                for note in beat.notes:
                    if note.effect.tremoloPicking is not None and not note.effect.tremoloPicking.duration.value:
                        note.effect.tremoloPicking.duration.value = gp.Duration.eighth
                    if note.effect.trill is not None and not note.effect.trill.duration.value:
                        note.effect.trill.duration.value = gp.Duration.sixteenth
                    if note.effect.grace is not None:
                        note.effect.grace.fret = max(0, note.effect.grace.fret)
