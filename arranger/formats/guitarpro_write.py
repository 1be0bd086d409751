"""A `Song` back into the Guitar Pro file that it came from, in the version that it came in.

The source's bytes are read afresh and only what differs from them is touched: new tracks are spliced in, and of a
changed track only the bars whose notes changed are written anew. All else stays as it is, byte for byte, techniques
included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import guitarpro as gp
from guitarpro.models import BeatStatus, NoteType

from arranger.errors import SongFileError
from arranger.formats.guitarpro_bars import Grace, bar_of, grace_of, split_graces, write_bars
from arranger.formats.guitarpro_file import TIE_BARS, Parsed, parse_guitarpro
from arranger.formats.guitarpro_read import bar_starts, placed_beats, struck_notes, track_notes
from arranger.formats.guitarpro_splice import NewTrack, NoteEdits, OldTrack, block_bytes, new_track, spliced
from arranger.formats.score_voice import fingered
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
    parsed = parse_guitarpro(song.source.data, name)
    model = parsed.model
    if not model.tracks or not model.measureHeaders:
        raise SongFileError(name, "it has no tracks or bars", None, "Add a track in Guitar Pro and save it again.")
    starts = bar_starts(model, name)
    bars = _bars(model, starts)
    if any(note.start >= starts[-1] for track in song.tracks for note in track.notes):
        raise SongFileError(name, f"there are notes after its last bar ({len(bars)})", None, "Add bars to it first.")
    meant: list[Any] = []
    pieces: list[OldTrack | NewTrack] = []
    for track in song.tracks:
        try:
            if track.source_id is None:
                new = track_model(model, track, bars, free_channel(track, [*model.tracks, *meant]), parsed.encoding)
                channel = new.channel
                known = any(channel is other.channel for other in (*model.tracks, *meant))
                entries = {} if known else dict.fromkeys((channel.channel, channel.effectChannel), channel)
                pieces.append(new_track(parsed, name, new, entries))
                meant.append(new)
            else:
                pieces.append(_edited(parsed, name, track, starts, bars, song.source.data))
                meant.append(model.tracks[track.source_id[0]])
        except ValueError as err:
            raise SongFileError(name, f"track “{track.name}” can't be written: {err}") from err
    if not pieces:
        raise SongFileError(name, "no track is left to write")
    out = spliced(song.source.data, parsed, pieces)
    _check(out, meant, starts, name)
    return out


def _check(out: bytes, meant: Sequence[Any], starts: list[int], name: str) -> None:
    """Read what was written: an odd file must be refused, not come back with other notes."""
    remedy = "Write a MIDI file instead (-o NAME.mid)."
    try:
        again = parse_guitarpro(out, name).model
    except SongFileError as err:
        raise SongFileError(name, "it holds something that can't be written back", err.place, remedy) from err
    for number, (track, written) in enumerate(zip(meant, again.tracks, strict=True), 1):
        if track_notes(track, starts) != track_notes(written, starts):
            raise SongFileError(name, "its notes can't be written back as they are", f"track {number}", remedy)


def _bars(model: Any, starts: Sequence[int]) -> list[Bar]:
    signatures = [header.timeSignature for header in model.measureHeaders]
    return [
        Bar(index, starts[index], starts[index + 1] - starts[index], metre.numerator, metre.denominator.value)
        for index, metre in enumerate(signatures)
    ]


# --- new tracks


def track_model(
    model: Any,
    track: Track,
    bars: Sequence[Bar],
    channel: Any,
    encoding: str,
    graces: Mapping[tuple[int, int], Grace] | None = None,
) -> Any:
    """The library's model of a track that the file doesn't have, on a MIDI channel.

    `graces` are those of the track's notes, as from `split_graces`; without them they are looked for.

    Raises
    ------
    ValueError
        if it has too many strings, or a bar can't be written in 64ths.
    """
    tuning = (0,) * DRUM_STRINGS if track.is_drum else track.tuning or _usual_tuning(track)
    if len(tuning) > MAX_STRINGS:
        raise ValueError(f"it has {len(tuning)} strings, more than {MAX_STRINGS}")
    colour = "drums" if track.is_drum else "bass" if track.program in BASS_PROGRAMS else "other"
    new = gp.Track(
        model,
        number=len(model.tracks) + 1,
        name=(track.name or "Track").encode(encoding, "replace")[:40].decode(encoding),
        isPercussionTrack=track.is_drum,
        fretCount=DRUM_FRETS if track.is_drum else FRETS,
        offset=0 if track.is_drum else track.capo,
        strings=[gp.GuitarString(number, pitch) for number, pitch in enumerate(tuning, 1)],
        port=channel.channel // 16 + 1,
        channel=channel,
        color=gp.Color(*_COLOURS[colour]),
    )
    notes = track.notes
    if graces is None:
        notes, graces = split_graces(notes)
    if not track.is_drum:
        notes = fingered(notes, tuning, track.capo)
    write_bars(new, notes, bars, set(range(len(bars))), graces)
    return new


def _usual_tuning(track: Track) -> tuple[int, ...]:
    return BASS_4 if track.program in BASS_PROGRAMS else GUITAR_6


def free_channel(track: Track, others: Sequence[Any]) -> Any:
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


def _edited(parsed: Parsed, name: str, track: Track, starts: list[int], bars: Sequence[Bar], data: bytes) -> OldTrack:
    """The source's track with the bars written anew in which the notes differ."""
    assert track.source_id is not None
    index = track.source_id[0]
    if not 0 <= index < len(parsed.model.tracks):
        raise ValueError(f"the file has no track {index + 1}")
    source = parsed.model.tracks[index]
    before, _ = struck_notes(source, starts)
    # Grace notes take no time in the score: they go with their notes.
    ornaments = Counter(one.grace for one in before if one.grace is not None)
    old, new = Counter(one.note for one in before), Counter(track.notes) - ornaments
    different = [*(old - new), *(new - old)]
    if not different:
        return OldTrack(index)
    changed = {bar_of(note.start, starts) for note in different}
    held = _held_ties(source, starts)
    on_time: list[Note] = []
    graces: dict[tuple[int, int], Grace] = {}
    for one in before:
        if one.note in new and one.grace is not None and one.bar in changed:
            start, grace = grace_of(one.note, one.grace)
            graces[start, one.note.pitch] = grace
            new[one.note] -= 1
            on_time.append(replace(one.note, start=start, duration=one.note.end - start))
    notes = tuple(sorted([*new.elements(), *on_time]))
    if source.isPercussionTrack:
        if not source.strings:
            raise ValueError("it is a drum track without strings")
    else:
        kept = Counter([*old.elements(), *on_time])
        notes = _refingered(source, notes, kept, changed, starts)
    write_bars(source, notes, bars, changed, graces)
    edits = _mend_ties(source, starts, held, changed, data, parsed.model.versionTuple[0] >= 5)
    return OldTrack(index, {bar: block_bytes(parsed, name, source.measures[bar]) for bar in changed}, edits)


def _refingered(
    source: Any, wanted: Sequence[Note], old: Counter[Note], changed: set[int], starts: list[int]
) -> tuple[Note, ...]:
    """The track's notes with new ones fingered; old ones keep their strings unless a new one needs theirs."""
    strings = tuple(string.value for string in source.strings)
    new = set(Counter(wanted) - old)
    notes = [*(note for note in wanted if note not in new), *fingered(sorted(new), strings, source.offset)]
    places = Counter((note.start, note.string) for note in notes if bar_of(note.start, starts) in changed)
    if places and max(places.values()) > 1:
        here = [note for note in notes if bar_of(note.start, starts) in changed]
        notes = [note for note in notes if note not in here] + list(assign_frets(here, strings, source.offset))
    return tuple(sorted(notes))


def _held_ties(track: Any, starts: list[int]) -> dict[int, tuple[Any, Any]]:
    """id of each tied note that goes on from a note before -> (it, that note). It is kept so that no id is reused."""
    held: dict[int, tuple[Any, Any]] = {}
    last: dict[tuple[int, int], tuple[int, Any]] = {}  # (voice, string) -> (bar, note)
    for placed in placed_beats(track, starts):
        for note in placed.beat.notes:
            key = placed.voice, note.string
            bar, origin = last.get(key, (-TIE_BARS - 1, None))
            if note.type == NoteType.tie and placed.bar - bar <= TIE_BARS:
                held[id(note)] = note, origin
            last[key] = placed.bar, note
    return held


def _mend_ties(
    track: Any, starts: list[int], held: dict[int, tuple[Any, Any]], changed: set[int], data: bytes, gp5: bool
) -> NoteEdits:
    """Ties that lost their note fall silent; ties that never had one go on being struck.

    The file doesn't store a tied note's fret: it is that of the note before on its string, which may be a new one.
    Notes of changed bars, which are written anew, are mended in the model alone.
    """
    edits = NoteEdits()
    last: dict[tuple[int, int], tuple[int, Any, Any]] = {}  # (voice, string) -> (bar, end, note)
    for placed in placed_beats(track, starts):
        ours = placed.bar in changed
        for note in list(placed.beat.notes):
            key = placed.voice, note.string
            if note.type == NoteType.tie:
                bar, end, origin = last.get(key, (-TIE_BARS - 1, None, None))
                reached = placed.bar - bar <= TIE_BARS
                before = held.get(id(note), (None, None))[1]
                if before is not None or ours:
                    goes_on = reached and origin.value == note.value and (end == placed.start or origin is before)
                    if not goes_on:
                        placed.beat.notes.remove(note)
                        if not ours:
                            edits.remove(data, note, not placed.beat.notes)
                        continue
                elif reached:
                    note.type = NoteType.normal
                    edits.strike(data, note, gp5)
            last[key] = placed.bar, placed.end, note
        if not placed.beat.notes and placed.beat.status == BeatStatus.normal:
            placed.beat.status = BeatStatus.rest
    return edits
