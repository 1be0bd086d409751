"""Small MIDI files written in hex, and how mido reads a file; shared by the MIDI tests."""

from __future__ import annotations

import io

import mido

from arranger.song import Note, Song, Track

NEW = Track("Neuer Baß", 33, False, (Note(0, 48, 28, 90), Note(96, 48, 31, 70)))
DRUMS = Track("Drums", 0, True, (Note(0, 24, 36), Note(0, 24, 42), Note(48, 24, 38)))
END = "00 FF2F00"


def midi(*tracks: str, form: int = 1, division: str = "0060") -> bytes:
    """A file with these track bodies, 96 ticks a quarter; end of track is added."""
    bodies = [bytes.fromhex(body + END) for body in tracks]
    head = b"MThd\0\0\0\6" + form.to_bytes(2, "big") + len(bodies).to_bytes(2, "big") + bytes.fromhex(division)
    return head + b"".join(b"MTrk" + len(body).to_bytes(4, "big") + body for body in bodies)


def by_mido(data: bytes) -> mido.MidiFile:
    """The file as mido reads it."""
    return mido.MidiFile(file=io.BytesIO(data), clip=True)


def mido_or_none(data: bytes) -> mido.MidiFile | None:
    """The file as mido reads it, None where mido gives up."""
    try:
        return by_mido(data)
    except (OSError, EOFError, ValueError, LookupError):
        return None


def timed(track: mido.MidiTrack) -> list[tuple[int, str]]:
    """(tick, message) of all but the end of track."""
    now, out = 0, []
    for message in track:
        now += message.time
        if message.type != "end_of_track":
            out.append((now, str(message.copy(time=0))))
    return out


def with_new(song: Song, *tracks: Track) -> Song:
    """The song with further tracks."""
    return song.with_tracks([*song.tracks, *tracks])


def heard(song: Song) -> list[tuple[tuple[int, ...] | None, tuple[Note, ...]]]:
    """Tracks by their place in the file, with their notes."""
    return [(track.source_id, track.notes) for track in song.tracks]
