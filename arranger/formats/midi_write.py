"""Song -> MIDI bytes. What came from a MIDI file goes back as it came; only what is new is written.

With a MIDI source, the track chunks whose notes are unchanged are copied byte for byte, the others are edited event by
event, and new tracks are appended, one chunk each, behind the last track. Of a track that the source has, only the
notes are compared: its name and program, the tempo and the metre stay those of the source. A chunk that other programs
could not read (cut off, wrong length) is repaired on the way. Without a MIDI source a complete type 1 file is written.

Two notes of one pitch can't overlap on one MIDI channel: a new note ends where the next begins, and one that would
begin together with another, or end inside a longer one that was there before, gives way to it.
"""

from __future__ import annotations

import itertools
import struct
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from arranger.errors import SongFileError
from arranger.formats.midi_read import DRUM_CHANNEL, NO_CHANNEL, pair_notes, sequence_chunks, song_from_smf
from arranger.formats.smf import CONTROL, END_OF_TRACK, META, NOTE_OFF, NOTE_ON, PROGRAM, Chunk, Smf, parse_smf
from arranger.song import Note, Song, Track

VOLUME, PAN = 100, 64
"""Controllers 7 and 10 of a new track on a channel of its own."""
CHANNELS = 16
_VOLUME_CONTROL, _PAN_CONTROL = 7, 10
_BEFORE, _THERE, _AFTER = 0, 1, 2
"""Order at one tick: new note-offs, the events that were there, new note-ons."""
_MAX_DELTA = (1 << 28) - 1
_END = bytes((META, END_OF_TRACK, 0))

_Item = tuple[int, int, bytes]
"""Tick, order at the tick, bytes without the delta time."""
_NoteKey = tuple[int, int, int, int]
_Usage = dict[int, tuple[int, set[int]]]
"""Channel -> number of notes, programs that they sound with."""


def write_midi(song: Song) -> bytes:
    """Bytes of a MIDI file with the song's tracks.

    Raises
    ------
    SongFileError
        if a track can't be added to the source: it is a type 2 file of several songs.
    ValueError
        if the ticks per quarter of a song without MIDI source don't fit into a MIDI file.
    """
    if song.source is not None and song.source.format == "mid":
        return _spliced(song, song.source.data, song.source.name)
    if not 0 < song.ticks_per_quarter < 1 << 15:
        raise ValueError(f"ticks_per_quarter must be 1..32767, not {song.ticks_per_quarter}")
    usage: _Usage = {}
    chunks = [_conductor(song)]
    # Tracks that ask for a channel get it before the others choose.
    order = sorted(range(len(song.tracks)), key=lambda index: (song.tracks[index].channel is None, index))
    channels = {index: _choose_channel(song.tracks[index], usage) for index in order}
    chunks += [_new_chunk(track, *channels[index]) for index, track in enumerate(song.tracks)]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), song.ticks_per_quarter) + b"".join(chunks)


def part_only_song(song: Song, track_indices: Iterable[int]) -> Song:
    """A song of these tracks alone, with the tempo and metre of the whole and no source, to be written as a clip.

    Raises IndexError if there is no such track.
    """
    tracks = tuple(replace(song.tracks[index], source_id=None, channel=None) for index in track_indices)
    return replace(song, tracks=tracks, source=None, warnings=())


def _spliced(song: Song, data: bytes, name: str) -> bytes:
    smf = parse_smf(data, name)
    before = song_from_smf(smf, data, name)
    usage = _usage(smf, before)
    known = {track.source_id: track for track in before.tracks}
    wanted: dict[tuple[int, ...], list[Track]] = {source_id: [] for source_id in known if source_id is not None}
    new = []
    for track in song.tracks:
        if track.source_id in wanted:
            wanted[track.source_id].append(track)
        else:
            new.append(track)
    if new and len(sequence_chunks(smf)) < len(smf.tracks):
        remedy = "Open it in a music program and export the song that you mean as a type 1 file."
        raise SongFileError(name, "it is a type 2 file of several songs, so no track can be added", None, remedy)

    edits: dict[int, dict[int, list[Note]]] = defaultdict(dict)
    headers: dict[int, list[_Item]] = defaultdict(list)
    for (index, channel), tracks in wanted.items():
        notes = [note for track in tracks for note in track.notes]
        if Counter(map(_key, notes)) == Counter(map(_key, known[index, channel].notes)):
            continue
        if channel == NO_CHANNEL:
            has_channel = known[index, channel].channel
            channel = _choose_channel(tracks[0], usage)[0] if has_channel is None else has_channel
            if has_channel is None and channel != DRUM_CHANNEL:
                headers[index].append((0, _AFTER, bytes((PROGRAM | channel, tracks[0].program & 0x7F))))
        edits[index][channel] = notes
    chunks, behind_last = [], 0
    numbers = itertools.count()
    for chunk in smf.chunks:
        if chunk.kind != b"MTrk":
            chunks.append(smf.data[chunk.start : chunk.end])
            continue
        number = next(numbers)
        edited = number in edits
        chunks.append(
            _edited_chunk(smf.data, chunk, edits[number], headers[number]) if edited else _same_chunk(smf.data, chunk)
        )
        behind_last = len(chunks)
    chunks[behind_last:behind_last] = [_new_chunk(track, *_choose_channel(track, usage)) for track in new]
    count = len(smf.tracks) + len(new)
    form = 1 if new or (smf.format == 0 and count > 1) else smf.format
    length = smf.header_end - 8
    header = struct.pack(">IHHH", length, form, count, smf.ticks_per_quarter)
    return b"MThd" + header + smf.data[14 : smf.header_end] + b"".join(chunks)


def _key(note: Note) -> _NoteKey:
    return note.start, note.duration, note.pitch, note.velocity


def _same_chunk(data: bytes, chunk: Chunk) -> bytes:
    if chunk.intact:
        return data[chunk.start : chunk.end]
    if chunk.ended:
        return _chunk(data[chunk.body : chunk.end])
    return _chunk(data[chunk.body : chunk.body + chunk.usable] + b"\0" + _END)


def _edited_chunk(data: bytes, chunk: Chunk, edits: dict[int, list[Note]], extra: list[_Item]) -> bytes:
    """The chunk with other notes on the channels of `edits`; all other events keep their tick, order and bytes."""
    paired = pair_notes(chunk.events)
    gone: set[int] = set()
    items = list(extra)
    for channel, notes in edits.items():
        surplus = Counter(map(_key, notes))
        kept = []
        for note, on, off in paired.get(channel, []):
            if surplus[_key(note)] > 0:
                surplus[_key(note)] -= 1
                kept.append(note)
                if off is None:  # else the notes behind it would take its end or make it longer
                    items.append((note.end, _BEFORE, bytes((NOTE_OFF | channel, note.pitch, 64))))
            else:
                gone.update((on,) if off is None else (on, off))
        items += _note_items([Note(*key) for key in surplus.elements()], kept, channel)
    body, tail = data[chunk.body : chunk.end], b""
    end = 0
    for index, event in enumerate(chunk.events):
        if event.status == META and event.a == END_OF_TRACK:
            end, tail = event.tick, body[event.end :]
        elif index not in gone:
            raw = body[event.start : event.end]
            items.append((event.tick, _THERE, raw if raw[0] >= 0x80 else bytes((event.status,)) + raw))
    return _chunk(_serialise(items, end) + tail)


def _new_chunk(track: Track, channel: int, own_channel: bool) -> bytes:
    items: list[_Item] = [(0, _BEFORE, _meta(0x03, track.name.encode(errors="replace")))] if track.name else []
    if own_channel or channel != DRUM_CHANNEL:  # a second drum track must not change the kit of the first
        items.append((0, _THERE, bytes((PROGRAM | channel, track.program & 0x7F))))
    if own_channel:
        items.append((0, _THERE, bytes((CONTROL | channel, _VOLUME_CONTROL, VOLUME))))
        items.append((0, _THERE, bytes((CONTROL | channel, _PAN_CONTROL, PAN))))
    return _chunk(_serialise(items + _note_items(track.notes, [], channel), 0))


def _conductor(song: Song) -> bytes:
    items: list[_Item] = [(0, _BEFORE, _meta(0x03, song.title.encode(errors="replace")))] if song.title else []
    for tempo in song.tempos:
        microseconds = min(0xFFFFFF, max(1, round(60e6 / tempo.qpm)))
        items.append((tempo.tick, _THERE, _meta(0x51, microseconds.to_bytes(3, "big"))))
    for one in song.time_signatures:
        power = one.denominator.bit_length() - 1
        items.append((one.tick, _THERE, _meta(0x58, bytes((min(255, one.numerator), power, 24, 8)))))
    items += [(marker.tick, _THERE, _meta(0x06, marker.text.encode(errors="replace"))) for marker in song.markers]
    return _chunk(_serialise(items, song.length))


def _note_items(notes: Iterable[Note], kept: Sequence[Note], channel: int) -> list[_Item]:
    items: list[_Item] = []
    for note in _fitted(notes, kept):
        items.append((note.start, _AFTER, bytes((NOTE_ON | channel, note.pitch, note.velocity))))
        items.append((note.end, _BEFORE, bytes((NOTE_OFF | channel, note.pitch, 64))))
    return items


def _fitted(new: Iterable[Note], kept: Iterable[Note]) -> list[Note]:
    """New notes within MIDI's ranges, cut so that first-in-first-out pairing leaves them and the kept notes alone."""
    by_pitch: dict[int, list[Note]] = defaultdict(list)
    for note in new:
        pitch, velocity = min(127, max(0, note.pitch)), min(127, max(1, note.velocity))
        by_pitch[pitch].append(Note(max(0, note.start), max(1, note.duration), pitch, velocity))
    old_by_pitch: dict[int, list[Note]] = defaultdict(list)
    for note in kept:
        old_by_pitch[note.pitch].append(note)
    fitted = []
    for pitch, notes in by_pitch.items():
        old = sorted(old_by_pitch[pitch])
        starts = [note.start for note in old]
        sounding = [0, *itertools.accumulate((note.end for note in old), max)]  # latest end of the first n old notes
        notes.sort()
        for note, follower in zip(notes, [*notes[1:], None], strict=True):
            end = note.end if follower is None else min(note.end, follower.start)
            at = bisect_left(starts, note.start)
            if sounding[at] > note.start:
                end = max(end, sounding[at])
            if at < len(old):
                end = min(end, old[at].start)
            if end > note.start and end >= sounding[at]:
                fitted.append(replace(note, duration=end - note.start))
    return fitted


def _usage(smf: Smf, song: Song) -> _Usage:
    """Channels that the file uses, with or without notes, over all its chunks."""
    silent = {event.status & 0x0F for chunk in smf.tracks for event in chunk.events if event.status < 0xF0}
    usage: _Usage = {channel: (0, set()) for channel in silent}
    for track in song.tracks:
        if track.channel is not None and track.notes:
            _use(usage, track.channel, track)
    return usage


def _use(usage: _Usage, channel: int, track: Track) -> None:
    count, programs = usage.get(channel, (0, set()))
    usage[channel] = (count + len(track.notes), programs | {track.program})


def _choose_channel(track: Track, usage: _Usage) -> tuple[int, bool]:
    """Channel for a new track, and whether it has it for itself; `usage` is updated.

    Drums go to channel 10. Others get the channel that they ask for if that is free or has their program, else the
    first free one. With all 15 in use the least harm is done on a channel without notes, else on one with the same
    program, else on the one with the fewest notes, which then sound with the new track's program.
    """
    melodic = [channel for channel in range(CHANNELS) if channel != DRUM_CHANNEL]
    if track.is_drum:
        channel = DRUM_CHANNEL
    elif track.channel in melodic and (track.channel not in usage or usage[track.channel][1] == {track.program}):
        channel = track.channel
    else:

        def harm(channel: int) -> tuple[int, int, int]:
            if channel not in usage:
                return 0, 0, channel
            count, programs = usage[channel]
            return (1 if not count else 2 if programs == {track.program} else 3), count, channel

        channel = min(melodic, key=harm)
    own = not usage.get(channel, (0, set()))[0]
    _use(usage, channel, track)
    return channel, own


def _serialise(items: Iterable[_Item], end: int) -> bytes:
    """Events in order of time, with delta times and an end of track not before `end`."""
    out = bytearray()
    now = 0
    ordered = sorted(items, key=lambda item: item[:2])  # stable: events that were there stay in order
    if ordered:
        end = max(end, ordered[-1][0])
    for tick, _, raw in [*ordered, (end, _AFTER, _END)]:
        while tick - now > _MAX_DELTA:
            out += _variable(_MAX_DELTA) + _meta(0x01, b"")
            now += _MAX_DELTA
        out += _variable(tick - now) + raw
        now = tick
    return bytes(out)


def _variable(number: int) -> bytes:
    """Variable-length quantity: 7 bits a byte, high bit set on all but the last."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(number & 0x7F | 0x80)
    return bytes(reversed(out))


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((META, kind)) + _variable(len(data)) + data


def _chunk(body: bytes) -> bytes:
    return b"MTrk" + struct.pack(">I", len(body)) + body
