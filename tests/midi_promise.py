"""What “nothing else changes” means for a MIDI file, checked without our own walk: chunks are cut here, mido reads."""

from __future__ import annotations

from collections import Counter

from midi_files import heard, mido_or_none, timed, with_new

from arranger.fills import Fill, PartFill, apply_fill
from arranger.formats.midi_read import read_midi
from arranger.formats.midi_write import write_midi
from arranger.formats.smf import parse_smf
from arranger.song import Note, Song, Track


def chunks_of(data: bytes) -> list[bytes]:
    """Track chunks of a file whose lengths are right."""
    at, chunks = max(0, data.find(b"MThd")), []
    at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            chunks.append(data[at:end])
        at = end
    return chunks


def by_mido_alone(chunk: bytes) -> list[tuple[int, str]] | None:
    """(tick, message) of one track chunk as mido reads it in a file of its own."""
    file = mido_or_none(b"MThd\0\0\0\6\0\1\0\1\1\xe0" + chunk)
    return timed(file.tracks[0]) if file else None


def is_whole(data: bytes) -> bool:
    """True if every chunk can be read by anybody; where not, chunks are repaired on writing."""
    return all(chunk.intact and chunk.kind for chunk in parse_smf(data, "x").chunks)


def new_parts(song: Song) -> tuple[Track, Track]:
    """A bass and a drum part over the whole song."""
    beat = song.ticks_per_quarter
    starts = range(0, max(beat, song.end - beat), beat)[:400]
    bass = tuple(Note(start, max(1, beat // 2), 33 + start // beat % 7, 90) for start in starts)
    drums = tuple(Note(start, max(1, beat // 4), 36 if start // beat % 2 else 38, 100) for start in starts)
    return Track("New bass", 33, False, bass), Track("New drums", 0, True, drums)


def check_adding(song: Song) -> bool:
    """Add a bass and a drum part: every chunk that was there is the same bytes, and mido reads the new ones.

    True if the file was whole before, so that the bytes could be compared.
    """
    assert song.source
    old = song.source.data
    bass, drums = new_parts(song)
    data = write_midi(with_new(song, bass, drums))
    assert heard(read_midi(data, "x"))[: len(song.tracks)] == heard(song)
    smf = parse_smf(old, "x")
    if smf.format == 2 and len(smf.tracks) > 1:
        return False
    for chunk, track in zip(chunks_of(data)[-2:], (bass, drums), strict=True):
        events = by_mido_alone(chunk)
        assert events is not None
        assert [tick for tick, text in events if text.startswith("note_on")] == [note.start for note in track.notes]
    if not is_whole(old):
        return False
    assert chunks_of(data)[:-2] == chunks_of(old)
    return True


def check_replacing(song: Song) -> bool:
    """Replace four bars of the fullest track: its chunk alone differs, and there only notes of that channel and bars.

    True if the file was whole before, so that the bytes could be compared.
    """
    assert song.source
    source = song.source.data
    index = max(range(len(song.tracks)), key=lambda at: len(song.tracks[at].notes))
    track = song.tracks[index]
    assert track.source_id
    middle = len(song.bars) // 2
    bars = song.bars[middle : middle + 4]
    first, last = bars[0].start, bars[-1].end
    played = Counter(note.pitch for note in track.notes)
    unused = min(range(128), key=lambda pitch: played[pitch])
    beat = max(11, song.ticks_per_quarter)
    added = tuple(Note(tick, 10, unused, 77) for tick in range(first, max(first + 1, last - 10), beat))
    part = PartFill("bass", added, removed_tracks=(index,), into_track=index)
    changed = apply_fill(song, Fill((part,), (middle, middle + len(bars)), seed=0, take=0))
    data = write_midi(changed)
    if not played[unused]:
        assert heard(read_midi(data, "x")) == heard(changed)
    number, channel = track.source_id
    if not is_whole(source):
        return False
    before, after = chunks_of(source), chunks_of(data)
    assert [at for at, (one, two) in enumerate(zip(before, after, strict=True)) if one != two] == [number]
    old, new = by_mido_alone(before[number]), by_mido_alone(after[number])
    if old is None or new is None:
        assert old is None
        return False
    mine = (f"note_on channel={channel} ", f"note_off channel={channel} ")
    assert [event for event in old if not event[1].startswith(mine)] == [e for e in new if not e[1].startswith(mine)]
    differing = (Counter(old) - Counter(new)) + (Counter(new) - Counter(old))
    # Ends of removed notes may stand behind the bars; no note begins outside of them.
    begin = [tick for tick, text in differing if text.startswith("note_on") and "velocity=0" not in text]
    assert all(first <= tick < last for tick in begin)
    assert all(first <= tick for tick, _ in differing)
    return True
