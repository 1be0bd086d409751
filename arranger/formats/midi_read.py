"""MIDI bytes -> Song.

A track of the song is what one channel plays in one track chunk; `Track.source_id` is (chunk, channel), chunks counted
from 0 over the MTrk chunks. A chunk without notes that has a name or a program, and that speaks to a channel or a port,
stands as (chunk, -1); credits and song words that are written as track names or texts are no tracks.

What players repair is repaired here too: a note-on of velocity 0 ends a note; of overlapping notes of one pitch the
first to begin is the first to end; a note that nothing ends lasts to the last channel event of its chunk; a note of no
length lasts one tick; an end without a beginning is passed over. The sustain pedal does not lengthen notes: a Song has
what is keyed. A track whose program changes on the way has the one that most of its notes sound with.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple

from arranger.errors import SongFileError
from arranger.formats.midi_maps import bar_count, find_keys, find_tempos, find_time_signatures, song_length
from arranger.formats.midi_sounds import Sounds, find_sounds
from arranger.formats.midi_text import chunk_name, find_markers, is_words, song_title
from arranger.formats.smf import META, NOTE_OFF, NOTE_ON, Chunk, Event, Smf, parse_smf
from arranger.song import Note, Song, Source, Track

MAX_FILE_BYTES = 20_000_000
MAX_TRACKS = 512
MAX_NOTES = 120_000
MAX_BARS = 20_000

NO_CHANNEL = -1

_CHANNEL_PREFIX, _PORT = 0x20, 0x21


class PairedNote(NamedTuple):
    """A note and the indices of the events that begin and end it; `off` is None for a note that nothing ends."""

    note: Note
    on: int
    off: int | None


def read_midi(data: bytes, name: str) -> Song:
    """Read a MIDI file of type 0 or 1, or the sequence with the most notes of one of type 2.

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
    numbers = sequence_numbers(smf)
    chunks = [smf.tracks[number] for number in numbers]
    if len(chunks) < len(smf.tracks):
        what = f"A type 2 file of {len(smf.tracks)} songs; number {numbers[0] + 1}, which has the most notes, was read."
        warnings.append(what)
    sounds = find_sounds(chunks)
    tracks: list[Track] = []
    first_name, note_count = "", 0
    for index, (number, chunk) in enumerate(zip(numbers, chunks, strict=True)):
        name_here = chunk_name(chunk)
        paired = pair_notes(chunk.events)
        hung = sum(pair.off is None for pairs in paired.values() for pair in pairs)
        if hung:
            warnings.append(f"Track chunk {number + 1}: {hung} notes without an end were ended with the track.")
        note_count += sum(map(len, paired.values()))
        if note_count > MAX_NOTES:
            raise _over_limit(name, f"it has more than {MAX_NOTES:,} notes")
        if index == 0 and (smf.format == 0 or len(paired) != 1):
            first_name = name_here
        # The name of the first chunk can be that of the song; it says nothing of one of several channels.
        label = "" if index == 0 and len(paired) > 1 else name_here
        for channel, pairs in sorted(paired.items()):
            notes = tuple(pair.note for pair in pairs)
            is_drum = sounds.is_drum(index, channel)
            heard = sounds.programs(index, channel, notes)
            program = max(heard, key=lambda one: heard[one])  # the first heard where two are even
            if len(heard) > 1 and not is_drum:
                where = f"Track chunk {number + 1}, channel {channel + 1}"
                warnings.append(f"{where}: its program changes on the way; most of its notes have {program + 1}.")
            tracks.append(Track(label, program, is_drum, notes, channel, source_id=(number, channel)))
        if not paired and _is_silent_track(chunk, name_here, sounds, index):
            tracks.append(_silent_track(number, chunk, name_here, sounds, index))
        if len(tracks) > MAX_TRACKS:
            raise _over_limit(name, f"it has more than {MAX_TRACKS} tracks")
    if not note_count:
        raise SongFileError(name, "the song has no notes", None, "There is nothing that a part could fit to.")

    metas = [event for chunk in chunks for event in chunk.events if event.status == META]
    metas.sort(key=lambda event: event.tick)  # stable: chunk order decides at the same tick
    last_note = max(note.end for track in tracks for note in track.notes)
    last_event = max(chunk.events[-1].tick for chunk in chunks if chunk.events)
    signatures = find_time_signatures(metas, warnings)
    length = song_length(signatures, smf.ticks_per_quarter, last_note, last_event, warnings)
    signatures = [signatures[0], *(one for one in signatures[1:] if one.tick < max(length, last_note))]
    if bar_count(signatures, smf.ticks_per_quarter, max(length, last_note)) > MAX_BARS:
        raise _over_limit(name, f"it has more than {MAX_BARS:,} bars")
    return Song(
        ticks_per_quarter=smf.ticks_per_quarter,
        tracks=tuple(tracks),
        tempos=find_tempos(metas, smf.fixed_qpm, warnings),
        time_signatures=tuple(signatures),
        markers=find_markers(chunks),
        keys=find_keys(metas, warnings),
        title=song_title(first_name, chunks),
        length=length,
        source=Source("mid", data, name),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def sequence_numbers(smf: Smf) -> list[int]:
    """Numbers of the track chunks that sound together: all of them, in type 2 only the one with the most notes."""
    numbers = list(range(len(smf.tracks)))
    if smf.format != 2:
        return numbers
    return sorted(numbers, key=lambda number: (-_note_ons(smf.tracks[number]), number))[:1]


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


def _note_ons(chunk: Chunk) -> int:
    return sum(event.status & 0xF0 == NOTE_ON and event.b > 0 for event in chunk.events)


def _over_limit(name: str, problem: str) -> SongFileError:
    return SongFileError(name, problem, None, "Cut it into smaller files.")


def _is_silent_track(chunk: Chunk, label: str, sounds: Sounds, index: int) -> bool:
    """True for the chunk of an instrument that does not play; false for a conductor, credits and words."""
    addressed = any(
        event.status < 0xF0 or (event.status == META and event.a in (_CHANNEL_PREFIX, _PORT)) for event in chunk.events
    )
    return addressed and not is_words(chunk) and bool(label or sounds.own[index])


def _silent_track(number: int, chunk: Chunk, label: str, sounds: Sounds, index: int) -> Track:
    channels = {event.status & 0x0F for event in chunk.events if event.status < 0xF0}
    channel = channels.pop() if len(channels) == 1 else None
    changes = sounds.own[index].get(channel, []) if channel is not None else []
    program = changes[0][1] if changes else 0
    is_drum = channel is not None and sounds.is_drum(index, channel)
    return Track(label, program, is_drum, (), channel, source_id=(number, NO_CHANNEL))
