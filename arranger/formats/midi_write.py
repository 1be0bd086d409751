"""Song -> MIDI bytes. What came from a MIDI file goes back as it came; only what is new is written.

With a MIDI source, the track chunks whose notes are unchanged are copied byte for byte, the others are edited event by
event, and new tracks are appended, one chunk each, behind the last track. Of a track that the source has, only the
notes are compared: its name and program, the tempo and the metre stay those of the source. A chunk that other programs
could not read (cut off, wrong length) is repaired on the way. In a type 2 file, where every chunk is a song of its own,
a new track goes into the chunk of the song that was read. Without a MIDI source a complete type 1 file is written.

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

from arranger.formats.midi_events import AFTER, BEFORE, THERE, Item, meta, serialise, track_chunk
from arranger.formats.midi_read import NO_CHANNEL, pair_notes, sequence_numbers, song_from_smf
from arranger.formats.midi_slots import Occupation, Place
from arranger.formats.midi_sounds import DRUM_CHANNEL, find_sounds
from arranger.formats.smf import CONTROL, END_OF_TRACK, META, NOTE_OFF, NOTE_ON, PROGRAM, Chunk, Smf, parse_smf
from arranger.song import Note, Song, Track

VOLUME, PAN = 100, 64
"""Controllers 7 and 10 of a new track on a channel of its own."""
_VOLUME_CONTROL, _PAN_CONTROL = 7, 10
_END_EVENT = b"\0" + bytes((META, END_OF_TRACK, 0))

_NoteKey = tuple[int, int, int, int]


def write_midi(song: Song) -> bytes:
    """Bytes of a MIDI file with the song's tracks.

    Raises
    ------
    SongFileError
        if the source itself can't be read.
    ValueError
        if the ticks per quarter of a song without MIDI source don't fit into a MIDI file.
    """
    if song.source is not None and song.source.format == "mid":
        return _spliced(song, song.source.data, song.source.name)
    if not 0 < song.ticks_per_quarter < 1 << 15:
        raise ValueError(f"ticks_per_quarter must be 1..32767, not {song.ticks_per_quarter}")
    places = _places_in_new_file(song)
    ported = any(place.port for place in places)
    chunks = [_conductor(song)]
    chunks += [_new_chunk(track, place, ported) for track, place in zip(song.tracks, places, strict=True)]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), song.ticks_per_quarter) + b"".join(chunks)


def crowded_tracks(song: Song) -> tuple[str, ...]:
    """A sentence for each track that `write_midi` has to put on a further MIDI port, because all channels are taken."""
    if song.source is not None and song.source.format == "mid":
        smf = parse_smf(song.source.data, song.source.name)
        before = song_from_smf(smf, song.source.data, song.source.name)
        known = {track.source_id for track in before.tracks}
        new = [track for track in song.tracks if track.source_id not in known]
        occupation = _occupation(smf, before)
        places = [occupation.place(track) for track in new]
    else:
        new, places = list(song.tracks), _places_in_new_file(song)
    return tuple(
        f"All channels are taken, so “{track.name}” is on MIDI port {place.port + 1}; a player that knows one port "
        f"only plays it on channel {place.channel + 1} with what is there."
        for track, place in zip(new, places, strict=True)
        if place.crowded
    )


def part_only_song(song: Song, track_indices: Iterable[int]) -> Song:
    """A song of these tracks alone, with the tempo and metre of the whole and no source, to be written as a clip.

    Raises IndexError if there is no such track.
    """
    tracks = tuple(replace(song.tracks[index], source_id=None, channel=None) for index in track_indices)
    return replace(song, tracks=tracks, source=None, warnings=())


def _places_in_new_file(song: Song) -> list[Place]:
    occupation = Occupation()
    # Tracks that ask for a channel get it before the others choose.
    order = sorted(range(len(song.tracks)), key=lambda index: (song.tracks[index].channel is None, index))
    places = {index: occupation.place(song.tracks[index]) for index in order}
    return [places[index] for index in range(len(song.tracks))]


def _spliced(song: Song, data: bytes, name: str) -> bytes:
    smf = parse_smf(data, name)
    before = song_from_smf(smf, data, name)
    numbers = sequence_numbers(smf)
    has_ports = find_sounds([smf.tracks[number] for number in numbers]).has_ports
    occupation = _occupation(smf, before)
    known = {track.source_id: track for track in before.tracks}
    wanted: dict[tuple[int, ...], list[Track]] = {source_id: [] for source_id in known if source_id is not None}
    new = []
    for track in song.tracks:
        if track.source_id in wanted:
            wanted[track.source_id].append(track)
        else:
            new.append(track)

    edits: dict[int, dict[int, list[Note]]] = defaultdict(dict)
    headers: dict[int, list[Item]] = defaultdict(list)
    for (number, channel), tracks in wanted.items():
        notes = [note for track in tracks for note in track.notes]
        if Counter(map(_key, notes)) == Counter(map(_key, known[number, channel].notes)):
            continue
        if channel == NO_CHANNEL:
            has_channel = known[number, channel].channel
            channel = occupation.place(tracks[0]).channel if has_channel is None else has_channel
            if has_channel is None and channel != DRUM_CHANNEL:
                headers[number].append((0, AFTER, bytes((PROGRAM | channel, tracks[0].program & 0x7F))))
        edits[number][channel] = notes
    places = [occupation.place(track) for track in new]
    ported = has_ports or any(place.port for place in places)
    added = [_new_chunk(track, place, ported) for track, place in zip(new, places, strict=True)]
    if len(numbers) < len(smf.tracks):  # type 2: a chunk more would be a song more
        for track, place in zip(new, places, strict=True):
            headers[numbers[0]] += _setup(track, place) + _note_items(track.notes, [], place.channel)
        added = []
    return _joined(smf, edits, headers, added)


def _joined(
    smf: Smf, edits: dict[int, dict[int, list[Note]]], headers: dict[int, list[Item]], added: Sequence[bytes]
) -> bytes:
    """The file with some chunks edited and others added behind its last track."""
    chunks, behind_last = [], 0
    numbers = itertools.count()
    for chunk in smf.chunks:
        if chunk.kind != b"MTrk":
            chunks.append(smf.data[chunk.start : chunk.end])
            continue
        number = next(numbers)
        if number in edits or number in headers:
            chunks.append(_edited_chunk(smf.data, chunk, edits.get(number, {}), headers.get(number, [])))
        else:
            chunks.append(_same_chunk(smf.data, chunk))
        behind_last = len(chunks)
    chunks[behind_last:behind_last] = added
    count = len(smf.tracks) + len(added)
    form = 1 if added or (smf.format == 0 and count > 1) else smf.format
    header = struct.pack(">IHH", smf.header_end - 8, form, count)
    return b"MThd" + header + smf.data[12 : smf.header_end] + b"".join(chunks)


def _key(note: Note) -> _NoteKey:
    return note.start, note.duration, note.pitch, note.velocity


def _same_chunk(data: bytes, chunk: Chunk) -> bytes:
    if chunk.intact:
        return data[chunk.start : chunk.end]
    if chunk.ended:
        return track_chunk(data[chunk.body : chunk.end])
    return track_chunk(data[chunk.body : chunk.body + chunk.usable] + _END_EVENT)


def _edited_chunk(data: bytes, chunk: Chunk, edits: dict[int, list[Note]], extra: list[Item]) -> bytes:
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
                    items.append((note.end, BEFORE, bytes((NOTE_OFF | channel, note.pitch, 64))))
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
            items.append((event.tick, THERE, raw if raw[0] >= 0x80 else bytes((event.status,)) + raw))
    return track_chunk(serialise(items, end) + tail)


def _new_chunk(track: Track, place: Place, ported: bool) -> bytes:
    items: list[Item] = [(0, BEFORE, meta(0x03, track.name.encode(errors="replace")))] if track.name else []
    if ported:
        items.append((0, BEFORE, meta(0x21, bytes((place.port,)))))
    items += _setup(track, place)
    return track_chunk(serialise(items + _note_items(track.notes, [], place.channel), 0))


def _setup(track: Track, place: Place) -> list[Item]:
    """Program, volume and pan of a new track."""
    channel = place.channel
    items: list[Item] = []
    if place.alone or not track.is_drum:  # a second drum track must not change the kit of the first
        items.append((0, THERE, bytes((PROGRAM | channel, track.program & 0x7F))))
    if place.alone:
        items.append((0, THERE, bytes((CONTROL | channel, _VOLUME_CONTROL, VOLUME))))
        items.append((0, THERE, bytes((CONTROL | channel, _PAN_CONTROL, PAN))))
    return items


def _conductor(song: Song) -> bytes:
    items: list[Item] = [(0, BEFORE, meta(0x03, song.title.encode(errors="replace")))] if song.title else []
    for tempo in song.tempos:
        microseconds = min(0xFFFFFF, max(1, round(60e6 / tempo.qpm)))
        items.append((tempo.tick, THERE, meta(0x51, microseconds.to_bytes(3, "big"))))
    for one in song.time_signatures:
        power = one.denominator.bit_length() - 1
        items.append((one.tick, THERE, meta(0x58, bytes((min(255, one.numerator), power, 24, 8)))))
    for key in song.keys:
        items.append((key.tick, THERE, meta(0x59, struct.pack("bB", key.sharps, key.minor))))
    items += [(marker.tick, THERE, meta(0x06, marker.text.encode(errors="replace"))) for marker in song.markers]
    return track_chunk(serialise(items, song.length))


def _note_items(notes: Iterable[Note], kept: Sequence[Note], channel: int) -> list[Item]:
    items: list[Item] = []
    for note in _fitted(notes, kept):
        items.append((note.start, AFTER, bytes((NOTE_ON | channel, note.pitch, note.velocity))))
        items.append((note.end, BEFORE, bytes((NOTE_OFF | channel, note.pitch, 64))))
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


def _occupation(smf: Smf, song: Song) -> Occupation:
    """Ports and channels that the file uses, with or without notes, over the chunks that sound together."""
    numbers = sequence_numbers(smf)
    chunks = [smf.tracks[number] for number in numbers]
    sounds = find_sounds(chunks)
    occupation = Occupation()
    for port, chunk in zip(sounds.ports, chunks, strict=True):
        for channel in {event.status & 0x0F for event in chunk.events if event.status < 0xF0}:
            occupation.use((port, channel))
    on_port: Counter[int] = Counter()
    for track in song.tracks:
        if track.notes and track.source_id is not None and track.channel is not None:
            index = numbers.index(track.source_id[0])
            programs = sounds.programs(index, track.channel, track.notes)
            drum = track.is_drum and track.channel != DRUM_CHANNEL
            occupation.use((sounds.ports[index], track.channel), len(track.notes), programs, drum)
            on_port[sounds.ports[index]] += len(track.notes)
    occupation.home = max(sorted(on_port), key=lambda port: on_port[port], default=0)
    return occupation
