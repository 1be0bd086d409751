"""One song file to one `Piece` on the grid, the same that the song gets when it is to be filled.

Files are read as everywhere, through `arranger.files`; names that end in `.txt` are taken for DadaGP token text. For
MIDI there is a shortcut through symusic, twenty times as fast: it is taken where both are known to say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import symusic

from arranger.diffusion.layout import SOUND_OF_PROGRAM, SOUNDS
from arranger.diffusion.shards import (
    BASS_LINE,
    DRUMS_LINE,
    FIRST_GUITAR_LINE,
    MAX_BAR_STEPS,
    OTHER_LINE,
    Piece,
)
from arranger.errors import SongFileError
from arranger.files import song_from_bytes
from arranger.formats.dadagp import read_tokens
from arranger.grid import bar_step_table, ticks_to_steps
from arranger.harmony import estimate_key
from arranger.parts import BASS_PROGRAMS, EFFECT_PROGRAMS, GUITAR_PROGRAMS, PARTS, ROLES, detect_parts
from arranger.song import Note, Song, Tempo, TimeSignature, Track
from arranger.voices import VOICE_OF_KEY
from datasets.sources import MAX_FILE_BYTES, MIDI_SUFFIXES, has_suffix

TOKEN_SUFFIXES = frozenset({".txt"})
MIN_PART_NOTES = 8
MIN_BARS, MAX_BARS = 4, 4_000
MAX_NOTES = 100_000
SAMPLED_NOTES = 64
"""So many notes are enough to tell a track's register."""

_TELLING_PROGRAMS = frozenset({0, *GUITAR_PROGRAMS, *BASS_PROGRAMS, *EFFECT_PROGRAMS})
"""Tracks without a name that have other programs are context, one or two."""

_VOICES = np.array(VOICE_OF_KEY, dtype=np.uint8)


class Skip(Exception):
    """The file gives no training song; the message is the reason in the report."""


def piece_from_file(name: str, data: bytes) -> Piece:
    """Song file to Piece; raises Skip with the reason if it gives none."""
    if not data:
        raise Skip("empty or not readable")
    if len(data) > MAX_FILE_BYTES:
        raise Skip(f"larger than {MAX_FILE_BYTES // 1_000_000} MB")
    quick = _read_midi(data) if has_suffix(name, MIDI_SUFFIXES) else None
    if quick is not None:
        return piece_from_song(name, *quick)
    try:
        if has_suffix(name, TOKEN_SUFFIXES):
            return piece_from_song(name, read_tokens(data.decode("utf-8", "replace"), name))
        return piece_from_song(name, song_from_bytes(data, name))
    except SongFileError as err:
        raise Skip(f"unreadable: {f'{err.place}: ' if err.place else ''}{err.problem}") from err


def piece_from_song(name: str, song: Song, ticks: Sequence[np.ndarray] | None = None) -> Piece:
    """Grid of a song.

    Parameters
    ----------
    ticks : int, shape (note, 3) for each track: start, end and pitch, which win over the notes of the Song.
    """
    if ticks is None:
        ticks = [np.array([(n.start, n.end, n.pitch) for n in t.notes]).reshape(-1, 3) for t in song.tracks]
    bars = song.bars
    if not MIN_BARS <= len(bars) <= MAX_BARS:
        raise Skip(f"{len(bars)} bars")
    lengths = np.diff(bar_step_table(bars, song.ticks_per_quarter))
    if lengths.max() > MAX_BAR_STEPS:
        raise Skip(f"a bar of {lengths.max()} steps")
    columns, guitars, parts, sounds = [], 0, dict.fromkeys(ROLES, 0), np.zeros(SOUNDS, dtype=np.uint32)
    for role, track_ticks in zip(detect_parts(song), ticks, strict=True):
        if not len(track_ticks) or (role.role == "other" and song.tracks[role.track].program in EFFECT_PROGRAMS):
            continue
        line = {"drums": DRUMS_LINE, "bass": BASS_LINE, "other": OTHER_LINE}.get(role.role)
        if line is None:
            line, guitars = FIRST_GUITAR_LINE + guitars, guitars + 1
        bar, step, length = ticks_to_steps(track_ticks[:, :2], bars, song.ticks_per_quarter)
        row = _VOICES[track_ticks[:, 2]] if line == DRUMS_LINE else track_ticks[:, 2]
        parts[role.role] += len(row)
        sound = SOUND_OF_PROGRAM.get(song.tracks[role.track].program)
        if sound is not None and line != DRUMS_LINE:
            sounds[sound] += len(row)
        columns.append(np.stack([bar, np.full(len(row), line), step, row, np.minimum(length, 255)], axis=1))
    heard = [role for role, count in parts.items() if count >= MIN_PART_NOTES]
    if len(heard) < 2 or not set(heard) & set(PARTS):
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
        sounds,
        lengths[first:last].astype(np.uint8),
        np.array(metres, dtype=np.uint8),
        np.array(tempos, dtype=np.uint16),
        counts.astype(np.uint16),
        *(notes[:, column].astype(np.uint8) for column in (1, 2, 3, 4)),
    )


def _read_midi(data: bytes) -> tuple[Song, list[np.ndarray]] | None:
    """A sketch of the song and the ticks of its notes; None for a file that our own reader should look at."""
    try:
        score = symusic.Score.from_midi(data, sanitize_data=True)
    except Exception:  # symusic raises several bare types for broken bytes, some of which our reader can mend
        return None
    if not score.ticks_per_quarter or not score.note_num():
        return None
    if score.note_num() > 4 * MAX_NOTES:
        raise Skip(f"{score.note_num()} notes")
    if any(_may_be_one(one, other) for one, other in pairwise(score.tracks)):
        return None
    ticks, tracks = [], []
    for track in score.tracks:
        soa = track.notes.numpy()
        starts, pitches = np.asarray(soa["time"]), np.asarray(soa["pitch"])
        ends = starts + np.maximum(1, np.asarray(soa["duration"]))
        ticks.append(np.stack([starts, ends, pitches], axis=1).astype(np.int64).reshape(-1, 3))
        # Of a track without a program its register is all there is to tell it by.
        shown = ticks[-1] if track.program == 0 else ticks[-1][:SAMPLED_NOTES]
        sample = tuple(Note(int(s), int(e - s), int(p)) for s, e, p in shown)
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


def _may_be_one(track: Any, following: Any) -> bool:
    """True if two of symusic's tracks may be one track of the file whose program changes, and that makes a difference.

    symusic makes a track of each program, side by side, under one name and in the order of the programs.
    """
    if track.name != following.name or track.is_drum or following.is_drum or track.program >= following.program:
        return False
    return bool(track.name) or any(one.program in _TELLING_PROGRAMS for one in (track, following))
