"""Small songs with a whole band, in memory and as MIDI files, for the tests of rendered windows."""

from __future__ import annotations

from pathlib import Path

import mido

from arranger.song import Note, Song, Tempo, Track

TPQ = 480
KICK, SNARE, HAT = 36, 38, 42


def band_song(bars: int = 20, qpm: float = 120.0, without: tuple[str, ...] = ()) -> Song:
    """Drums, bass, guitar and piano in eighths, quarters and halves."""
    bar = 4 * TPQ
    tracks = {
        "drums": [
            Note(b * bar + i * TPQ // 2, 60, key, 100)
            for b in range(bars)
            for i, key in enumerate((KICK, HAT, SNARE, HAT, KICK, HAT, SNARE, HAT))
        ],
        "bass": [Note(b * bar + i * TPQ, TPQ, 40 + (b + i) % 5, 90) for b in range(bars) for i in range(4)],
        "guitar": [
            Note(b * bar + i * TPQ, TPQ, pitch, 90) for b in range(bars) for i in range(4) for pitch in (52, 59, 64)
        ],
        "other": [Note(b * bar + i * 2 * TPQ, 2 * TPQ, 72 + b % 3, 90) for b in range(bars) for i in range(2)],
    }
    programs = {"drums": 0, "bass": 33, "guitar": 25, "other": 0}
    made = tuple(
        Track(name, programs[name], name == "drums", tuple(sorted(notes)), 9 if name == "drums" else at)
        for at, (name, notes) in enumerate(tracks.items())
        if name not in without
    )
    return Song(TPQ, made, (Tempo(0, qpm),), title="band", length=bars * bar)


def band_file(path: Path, bars: int = 20, qpm: float = 120.0, without: tuple[str, ...] = ()) -> Path:
    """The same as a MIDI file."""
    song = band_song(bars, qpm, without)
    file = mido.MidiFile(ticks_per_beat=TPQ)
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(qpm), time=0)])
    file.tracks.append(head)
    for track in song.tracks:
        channel = track.channel or 0
        events = sorted(
            event
            for note in track.notes
            for event in ((note.start, 1, note.pitch, note.velocity), (note.end, 0, note.pitch, 0))
        )
        chunk = mido.MidiTrack([mido.Message("program_change", channel=channel, program=track.program, time=0)])
        last = 0
        for tick, kind, pitch, velocity in events:
            name = "note_on" if kind else "note_off"
            chunk.append(mido.Message(name, channel=channel, note=pitch, velocity=velocity, time=tick - last))
            last = tick
        file.tracks.append(chunk)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(str(path))
    return path
