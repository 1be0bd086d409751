"""One song file to one `Piece` on the grid: MIDI through symusic (sub-millisecond a file), the rest through `Song`."""

from __future__ import annotations

import numpy as np
import symusic

from arranger.errors import SongFileError
from arranger.diffusion.shards import (
    BASS_LINE,
    DRUMS_LINE,
    FIRST_GUITAR_LINE,
    MAX_BAR_STEPS,
    OTHER_LINE,
    Piece,
)
from arranger.grid import bar_step_table, ticks_to_steps
from arranger.harmony import estimate_key
from arranger.parts import EFFECT_PROGRAMS, detect_parts
from arranger.song import Note, Song, Tempo, TimeSignature, Track
from arranger.voices import VOICE_OF_KEY
from datasets.sources import MIDI_SUFFIXES

MIN_PART_NOTES = 8
MIN_BARS, MAX_BARS = 4, 4_000
MAX_NOTES = 100_000
SAMPLED_NOTES = 64
"""So many notes are enough to tell a track's register."""

_VOICES = np.array(VOICE_OF_KEY, dtype=np.uint8)


class Skip(Exception):
    """The file gives no training song; the message is the reason in the report."""


def piece_from_file(name: str, data: bytes) -> Piece:
    """Song file to Piece; raises Skip with the reason if it gives none."""
    if any(name.lower().endswith(suffix) for suffix in MIDI_SUFFIXES):
        song, ticks = _read_midi(data)
    else:
        try:
            from arranger.files import song_from_bytes

            song = song_from_bytes(data, name)
        except SongFileError as err:
            raise Skip(f"unreadable: {err.problem}") from err
        ticks = [np.array([(n.start, n.end, n.pitch) for n in t.notes]).reshape(-1, 3) for t in song.tracks]
    return piece_from_song(name, song, ticks)


def piece_from_song(name: str, song: Song, ticks: list[np.ndarray]) -> Piece:
    """Grid of a song; `ticks[k]` has (start, end, pitch) of track k's notes, which win over the Song's own."""
    bars = song.bars
    if not MIN_BARS <= len(bars) <= MAX_BARS:
        raise Skip(f"{len(bars)} bars")
    lengths = np.diff(bar_step_table(bars, song.ticks_per_quarter))
    if lengths.max() > MAX_BAR_STEPS:
        raise Skip(f"a bar of {lengths.max()} steps")
    columns, guitars, parts = [], 0, {"drums": 0, "bass": 0, "guitar": 0, "other": 0}
    for role, track_ticks in zip(detect_parts(song), ticks, strict=True):
        if not len(track_ticks) or (role.role == "other" and song.tracks[role.track].program in EFFECT_PROGRAMS):
            continue
        line = {"drums": DRUMS_LINE, "bass": BASS_LINE, "other": OTHER_LINE}.get(role.role)
        if line is None:
            line, guitars = FIRST_GUITAR_LINE + guitars, guitars + 1
        bar, step, length = ticks_to_steps(track_ticks[:, :2], bars, song.ticks_per_quarter)
        row = _VOICES[track_ticks[:, 2]] if line == DRUMS_LINE else track_ticks[:, 2]
        parts[role.role] += len(row)
        columns.append(np.stack([bar, np.full(len(row), line), step, row, np.minimum(length, 255)], axis=1))
    if sum(count >= MIN_PART_NOTES for count in parts.values()) < 2 or max(map(parts.get, ("drums", "bass", "guitar"))) < MIN_PART_NOTES:  # type: ignore[type-var]
        raise Skip("fewer than two parts")
    notes = np.unique(np.concatenate(columns), axis=0)
    if len(notes) > MAX_NOTES:
        raise Skip(f"{len(notes)} notes")
    first, last = notes[0, 0], notes[-1, 0] + 1
    notes[:, 0] -= first
    pitched = notes[notes[:, 1] != DRUMS_LINE]
    weights = np.bincount(pitched[:, 3] % 12, weights=pitched[:, 4], minlength=12)
    kept = bars[first:last]
    counts = np.bincount(notes[:, 0], minlength=len(kept))
    tempos = [min(1000, max(1, round(song.tempo_at(bar.start)))) for bar in kept]
    metres = [(min(255, bar.numerator), min(255, bar.denominator)) for bar in kept]
    return Piece(
        name,
        estimate_key(weights).shift,
        lengths[first:last].astype(np.uint8),
        np.array(metres, dtype=np.uint8),
        np.array(tempos, dtype=np.uint16),
        counts.astype(np.uint16),
        *(notes[:, column].astype(np.uint8) for column in (1, 2, 3, 4)),
    )


def _read_midi(data: bytes) -> tuple[Song, list[np.ndarray]]:
    try:
        score = symusic.Score.from_midi(data, sanitize_data=True)
    except Exception as err:  # symusic raises several bare types for broken bytes
        raise Skip(f"unreadable: {str(err)[:80]}") from err
    if not score.ticks_per_quarter or not score.note_num():
        raise Skip("no notes" if score.ticks_per_quarter else "no ticks per quarter")
    if score.note_num() > 4 * MAX_NOTES:
        raise Skip(f"{score.note_num()} notes")
    ticks, tracks = [], []
    for track in score.tracks:
        soa = track.notes.numpy()
        starts, pitches = np.asarray(soa["time"]), np.asarray(soa["pitch"])
        ends = starts + np.maximum(1, np.asarray(soa["duration"]))
        ticks.append(np.stack([starts, ends, pitches], axis=1).astype(np.int64).reshape(-1, 3))
        sample = tuple(Note(int(s), int(e - s), int(p)) for s, e, p in ticks[-1][:SAMPLED_NOTES])
        tracks.append(Track(track.name, track.program, track.is_drum, sample))
    tempos = {t.time: min(1000.0, max(1.0, t.qpm)) for t in score.tempos}
    metres = {t.time: (t.numerator, t.denominator) for t in score.time_signatures if t.numerator and t.denominator}
    song = Song(
        score.ticks_per_quarter,
        tuple(tracks),
        tuple(Tempo(tick, qpm) for tick, qpm in sorted(({0: 120.0} | tempos).items())),
        tuple(TimeSignature(tick, *metre) for tick, metre in sorted(({0: (4, 4)} | metres).items())),
        length=int(max(run[:, 1].max() for run in ticks if len(run))),
    )
    if song.end > song.ticks_per_quarter * 4 * MAX_BARS:
        raise Skip("longer than 4,000 bars")
    return song, ticks
