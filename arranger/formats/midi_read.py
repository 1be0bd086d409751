"""MIDI bytes -> Song.

A track of the song is what one channel plays in one track chunk; `Track.source_id` is (chunk, channel), chunks counted
from 0 over the MTrk chunks. A chunk without notes that has a name or a program stands as (chunk, -1).
"""

from __future__ import annotations

import struct
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from arranger.errors import SongFileError
from arranger.formats.smf import NOTE_OFF, NOTE_ON, PROGRAM, Chunk, Event, Smf, parse_smf
from arranger.song import Marker, Note, Song, Source, Tempo, TimeSignature, Track

MAX_FILE_BYTES = 20_000_000
MAX_TRACKS = 512
MAX_NOTES = 500_000
MAX_BARS = 20_000
MAX_SILENT_BARS = 16
"""Silence at the end that is kept; longer comes from a stray end-of-track event and would be bars of nothing."""
MAX_TEXT = 200
SLOWEST_QPM, FASTEST_QPM = 1.0, 2000.0
MAX_NUMERATOR, MAX_DENOMINATOR_POWER = 64, 6

DRUM_CHANNEL = 9
NO_CHANNEL = -1

TEXT_NAME, TEXT_INSTRUMENT, TEXT_MARKER, TEXT_CUE, TEMPO, TIME_SIGNATURE = 0x03, 0x04, 0x06, 0x07, 0x51, 0x58


class PairedNote(NamedTuple):
    """A note and the indices of the events that begin and end it; `off` is None for a note that nothing ends."""

    note: Note
    on: int
    off: int | None


class _Programs(NamedTuple):
    """Program changes of one channel as (tick, program), in time order."""

    own: list[tuple[int, int]]
    all: list[tuple[int, int]]


def read_midi(data: bytes, name: str) -> Song:
    """Read a MIDI file of type 0 or 1, or the first sequence of one of type 2.

    Parameters
    ----------
    data : the whole file.
    name : for messages.

    Raises
    ------
    SongFileError
        if it can't be read, has no notes, or is over one of the limits of this module.
    """
    if len(data) > MAX_FILE_BYTES:
        raise _over_limit(name, f"it has {len(data):,} bytes; the limit is {MAX_FILE_BYTES:,}")
    return song_from_smf(parse_smf(data, name), data, name)


def song_from_smf(smf: Smf, data: bytes, name: str) -> Song:
    """The song of a parsed file; `data` are the bytes that it was parsed from. Errors as in `read_midi`."""
    warnings = list(smf.warnings)
    chunks = sequence_chunks(smf)
    if len(chunks) < len(smf.tracks):
        warnings.append(f"A type 2 file with {len(smf.tracks)} sequences; only the first was read.")
    programs = [_program_changes(chunk) for chunk in chunks]
    channel_programs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for by_channel in programs:
        for channel, changes in by_channel.items():
            channel_programs[channel] += changes
    for changes in channel_programs.values():
        changes.sort(key=lambda change: change[0])

    tracks: list[Track] = []
    title, note_count = "", 0
    for index, chunk in enumerate(chunks):
        chunk_name = _chunk_name(chunk)
        paired = pair_notes(chunk.events)
        hung = sum(pair.off is None for pairs in paired.values() for pair in pairs)
        if hung:
            warnings.append(f"Track chunk {index + 1}: {hung} notes without an end were ended with the track.")
        note_count += sum(map(len, paired.values()))
        conductor = index == 0 and not paired and not any(event.status < 0xF0 for event in chunk.events)
        if index == 0 and (smf.format == 0 or len(paired) != 1):
            title = chunk_name
        for channel, pairs in sorted(paired.items()):
            notes = tuple(pair.note for pair in pairs)
            own = programs[index].get(channel, [])
            program = _program(_Programs(own, channel_programs[channel]), notes[0].start)
            # The name of the first chunk can be that of the song; it says nothing of one of several channels.
            label = "" if index == 0 and len(paired) > 1 else chunk_name
            source_id = (index, channel)
            tracks.append(Track(label, program, channel == DRUM_CHANNEL, notes, channel, source_id=source_id))
        if not paired and not conductor and (chunk_name or programs[index]):
            tracks.append(_empty_track(index, chunk, chunk_name, programs[index]))
        if len(tracks) > MAX_TRACKS:
            raise _over_limit(name, f"it has more than {MAX_TRACKS} tracks")
        if note_count > MAX_NOTES:
            raise _over_limit(name, f"it has more than {MAX_NOTES:,} notes")
    if not note_count:
        raise SongFileError(name, "the song has no notes", None, "There is nothing that a part could fit to.")

    metas = [event for chunk in chunks for event in chunk.events if event.status == 0xFF]
    metas.sort(key=lambda event: event.tick)  # stable: chunk order decides at the same tick
    last_note = max(note.end for track in tracks for note in track.notes)
    last_event = max(chunk.events[-1].tick for chunk in chunks if chunk.events)
    signatures = _time_signatures(metas, warnings)
    length = _length(signatures, smf.ticks_per_quarter, last_note, last_event, warnings)
    signatures = [signatures[0], *(one for one in signatures[1:] if one.tick < max(length, last_note))]
    if _bar_count(signatures, smf.ticks_per_quarter, max(length, last_note)) > MAX_BARS:
        raise _over_limit(name, f"it has more than {MAX_BARS:,} bars")
    return Song(
        ticks_per_quarter=smf.ticks_per_quarter,
        tracks=tuple(tracks),
        tempos=_tempos(metas, warnings),
        time_signatures=tuple(signatures),
        markers=tuple(_markers(metas)),
        title=title,
        length=length,
        source=Source("mid", data, name),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def sequence_chunks(smf: Smf) -> tuple[Chunk, ...]:
    """Track chunks that sound together: all of them, in type 2 only the first."""
    return smf.tracks[:1] if smf.format == 2 else smf.tracks


def pair_notes(events: Sequence[Event]) -> dict[int, list[PairedNote]]:
    """Notes of a track chunk by channel, sorted; a note-off ends the note of its pitch that began first.

    A note that nothing ends lasts to the last channel event, a note of no length one tick.
    """
    sounding: dict[tuple[int, int], deque[int]] = defaultdict(deque)
    paired: dict[int, list[PairedNote]] = defaultdict(list)
    last = 0
    for index, event in enumerate(events):
        kind = event.status & 0xF0
        if kind != 0xF0:
            last = event.tick
        if kind != NOTE_ON and kind != NOTE_OFF:
            continue
        channel, pitch = event.status & 0x0F, event.a
        if kind == NOTE_ON and event.b:
            sounding[channel, pitch].append(index)
        elif waiting := sounding.get((channel, pitch)):
            on = waiting.popleft()
            begin = events[on]
            note = Note(begin.tick, max(1, event.tick - begin.tick), pitch, begin.b)
            paired[channel].append(PairedNote(note, on, index))
    for (channel, pitch), waiting in sounding.items():
        for on in waiting:
            begin = events[on]
            note = Note(begin.tick, max(1, last - begin.tick), pitch, begin.b)
            paired[channel].append(PairedNote(note, on, None))
    for pairs in paired.values():
        pairs.sort(key=lambda pair: (pair.note.start, pair.note.duration, pair.note.pitch, pair.note.velocity, pair.on))
    return dict(paired)


def clean_text(data: bytes) -> str:
    """Text of a meta event: UTF-8, else Windows-1252, else Latin-1; one line without control characters."""
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    spaced = "".join(char if char.isprintable() else " " if char.isspace() else "" for char in text)
    return " ".join(spaced.split())[:MAX_TEXT]


def _over_limit(name: str, problem: str) -> SongFileError:
    return SongFileError(name, problem, None, "Cut it into smaller files.")


def _program_changes(chunk: Chunk) -> dict[int, list[tuple[int, int]]]:
    changes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for event in chunk.events:
        if event.status & 0xF0 == PROGRAM:
            changes[event.status & 0x0F].append((event.tick, event.a))
    return dict(changes)


def _program(changes: _Programs, first_note: int) -> int:
    """Program that the first note sounds with; the chunk's own changes go before those of others on its channel."""
    for candidates in changes:
        before = [program for tick, program in candidates if tick <= first_note]
        if before:
            return before[-1]
    # None before the first note: what the chunk asks for later says more than the piano of program 0.
    return changes.own[0][1] if changes.own else 0


def _empty_track(index: int, chunk: Chunk, label: str, programs: dict[int, list[tuple[int, int]]]) -> Track:
    channels = {event.status & 0x0F for event in chunk.events if event.status < 0xF0}
    channel = channels.pop() if len(channels) == 1 else None
    changes = programs.get(channel, []) if channel is not None else []
    program = changes[0][1] if changes else 0
    return Track(label, program, channel == DRUM_CHANNEL, (), channel, source_id=(index, NO_CHANNEL))


def _chunk_name(chunk: Chunk) -> str:
    texts: dict[int, str] = {}
    for event in chunk.events:
        if event.status == 0xFF and event.a in (TEXT_NAME, TEXT_INSTRUMENT):
            texts.setdefault(event.a, clean_text(event.data))
    return texts.get(TEXT_NAME) or texts.get(TEXT_INSTRUMENT, "")


def _tempos(metas: Iterable[Event], warnings: list[str]) -> tuple[Tempo, ...]:
    at_tick = {0: 120.0}
    for event in metas:
        if event.a != TEMPO:
            continue
        microseconds = int.from_bytes(event.data, "big") if len(event.data) == 3 else 0
        if not microseconds:
            warnings.append("A tempo that makes no sense was ignored.")
            continue
        at_tick[event.tick] = min(FASTEST_QPM, max(SLOWEST_QPM, 60e6 / microseconds))
    tempos = [Tempo(tick, qpm) for tick, qpm in sorted(at_tick.items())]
    return tuple(next(same) for _, same in groupby(tempos, key=lambda tempo: tempo.qpm))


def _time_signatures(metas: Iterable[Event], warnings: list[str]) -> list[TimeSignature]:
    at_tick = {0: (4, 4)}
    for event in metas:
        if event.a != TIME_SIGNATURE:
            continue
        numerator, power = struct.unpack("BB", event.data[:2]) if len(event.data) >= 2 else (0, 0)
        if not 1 <= numerator <= MAX_NUMERATOR or power > MAX_DENOMINATOR_POWER:
            warnings.append("A time signature that makes no sense was ignored.")
            continue
        at_tick[event.tick] = (numerator, 1 << power)
    signatures = [TimeSignature(tick, *value) for tick, value in sorted(at_tick.items())]
    return [next(same) for _, same in groupby(signatures, key=lambda one: (one.numerator, one.denominator))]


def _markers(metas: Iterable[Event]) -> Iterable[Marker]:
    for event in metas:
        if event.a in (TEXT_MARKER, TEXT_CUE) and (text := clean_text(event.data)):
            yield Marker(event.tick, text)


def _full_bar(signature: TimeSignature, ticks_per_quarter: int) -> int:
    return max(1, 4 * ticks_per_quarter * signature.numerator // signature.denominator)


def _length(
    signatures: Sequence[TimeSignature], ticks_per_quarter: int, last_note: int, last_event: int, warnings: list[str]
) -> int:
    """Tick up to which the file has bars."""
    at_note = [one for one in signatures if one.tick < last_note][-1]
    if last_event > last_note + MAX_SILENT_BARS * _full_bar(at_note, ticks_per_quarter):
        warnings.append(f"More than {MAX_SILENT_BARS} bars of silence after the last note were left out.")
        return last_note
    at_end = [one for one in signatures if one.tick <= last_event][-1]
    over = (last_event - at_end.tick) % _full_bar(at_end, ticks_per_quarter)
    # Programs like to put the end of track a tick or so behind the bar line; that makes no further bar.
    return last_event - over if over < ticks_per_quarter else last_event


def _bar_count(signatures: Sequence[TimeSignature], ticks_per_quarter: int, end: int) -> int:
    """Number of bars, without making them."""
    ends = [*(one.tick for one in signatures[1:]), end]
    pairs = zip(signatures, ends, strict=True)
    return sum(-(-(until - one.tick) // _full_bar(one, ticks_per_quarter)) for one, until in pairs)
