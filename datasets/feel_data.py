"""What people played, as the grid would have it and how they departed from it: for `datasets.human_feel`.

Drums: the beats (not the fills) of the Groove MIDI Dataset (Gillick et al., "Learning to Groove with Inverse Sequence
Transformations", ICML 2019; CC BY 4.0). Its own split puts performances of one session on both sides; here whole
sessions are held out: the four evaluation sessions and every fourth of the others in order of their names, among them
one drummer (drummer4) who isn't heard in training at all.

Bass and guitar: tracks of songs in a folder of MIDI files that have dynamics, and for timing those that were evidently
played: most onsets off the grid by a hand's width and near it, rather than on it or anywhere.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import symusic

from arranger.clock import clock_of
from arranger.parts import detect_parts
from arranger.song import Note, Song, Tempo, TimeSignature, Track
from arranger.voices import VOICE_OF_KEY

MIN_VELOCITIES, MIN_NOTES = 8, 50
GROOVE_KEYS = {22: 42, 26: 46, 58: 43}
"""The kit of the recordings sends its own keys for hat edges and the rim of the floor tom (the data set's README)."""
EVALUATION = "eval_session"
TRIPLET_GAIN = 1.0
"""Squared steps of misfit, in all, by which triplets must fit a beat better than sixteenths."""
FIRST_HELD, EVERY = 1, 4
PITCHED_LEVEL = 88.0
"""Mean velocity of a bass or guitar part: how loud a whole track is says nothing about its accents."""
ON_GRID, MOST_ON_GRID, MIN_OFFSETS = 0.01, 0.5, 12
"""A track is played if fewer than so many of its notes lie within a hundredth of a quarter of the grid, at so many
different distances, and if these are spread by at least `LEAST_SPREAD` seconds and at most `MOST_SPREAD` steps."""
LEAST_SPREAD, MOST_SPREAD = 0.004, 0.65
STRUM_WINDOW, STRUM_NOTES, STRUM_LEAST = 0.040, 3, 0.001
"""Notes of a chord follow each other within so many seconds; it is strummed if they do by more than the last."""


@dataclass(frozen=True, eq=False)
class Performance:
    """One track as written and as played.

    Parameters
    ----------
    player, name : who (the session), and what.
    song : its bars and tempo; for bass and guitar also the band.
    notes : on the grid, sorted, one a voice or pitch and place; the velocities are the player's.
    offset : float, shape (note,), seconds by which each note comes late (early: negative).
    """

    part: str
    player: str
    name: str
    song: Song
    notes: tuple[Note, ...]
    offset: np.ndarray

    @property
    def velocity(self) -> np.ndarray:
        return np.array([note.velocity for note in self.notes], dtype=float)


def read_midi(path: Path) -> Song:
    """Notes, tracks, tempos and time signatures of a MIDI file; raises RuntimeError or ValueError for a broken one."""
    score: Any = symusic.Score.from_midi(path.read_bytes(), sanitize_data=True)
    tracks = []
    for track in score.tracks:
        notes = sorted(Note(n.time, max(1, n.duration), n.pitch, n.velocity) for n in track.notes)
        tracks.append(Track(track.name, track.program, track.is_drum, tuple(notes)))
    metres = {t.time: (t.numerator, t.denominator) for t in score.time_signatures if t.numerator and t.denominator}
    signatures = tuple(TimeSignature(tick, *metre) for tick, metre in sorted(({0: (4, 4)} | metres).items()))
    paces = {t.time: float(t.qpm) for t in score.tempos if t.qpm > 0}
    tempos = tuple(Tempo(tick, qpm) for tick, qpm in sorted(({0: 120.0} | paces).items()))
    return Song(score.ticks_per_quarter, tuple(tracks), tempos=tempos, time_signatures=signatures)


def groove_index(folder: Path) -> tuple[Path, list[dict[str, str]]]:
    """The folder of the recordings and the rows of the 4/4 beats; FileNotFoundError without `info.csv`."""
    index = next(iter(sorted(folder.rglob("info.csv"))), None)
    if index is None:
        raise FileNotFoundError(f"{folder} has no info.csv of the Groove MIDI Dataset")
    with index.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return index.parent, [row for row in rows if row["beat_type"] == "beat" and row["time_signature"] == "4-4"]


def held_out(rows: list[dict[str, str]]) -> set[str]:
    """Names of the sessions that no table and no net may hear."""
    sessions = sorted({row["session"] for row in rows})
    others = [session for session in sessions if not session.endswith(EVALUATION)]
    return (set(sessions) - set(others)) | set(others[FIRST_HELD::EVERY])


def groove_performances(folder: Path, held: bool) -> Iterator[Performance]:
    """The 4/4 beats of the sessions that are held out, or of the others."""
    root, rows = groove_index(folder)
    sessions = held_out(rows)
    for row in rows:
        if (row["session"] in sessions) != held:
            continue
        song = read_midi(root / row["midi_filename"])
        song = replace(song, tempos=(Tempo(0, float(row["bpm"])),))
        notes = [replace(n, pitch=GROOVE_KEYS.get(n.pitch, n.pitch)) for t in song.tracks for n in t.notes]
        if notes:
            yield performance("drums", row["session"], row["midi_filename"], song.with_tracks(()), notes)


def performance(part: str, player: str, name: str, song: Song, played: list[Note]) -> Performance:
    """What was played beside what would be written; of several strokes that fall on one note, the loudest."""
    ticks = np.array([note.start for note in played])
    written = snapped(ticks, song.ticks_per_quarter)
    clock = clock_of(song.tempos, song.ticks_per_quarter)
    best: dict[tuple[int, int], tuple[Note, float]] = {}
    for note, tick in zip(played, written.tolist(), strict=True):
        key = (tick, VOICE_OF_KEY[note.pitch] if part == "drums" else note.pitch)
        if key not in best or best[key][0].velocity < note.velocity:
            best[key] = (replace(note, start=tick), clock(note.start) - clock(tick))
    chosen = sorted(best.values(), key=lambda entry: entry[0])
    song = replace(song, length=max(song.length, int(written.max()) + 1))
    return Performance(part, player, name, song, tuple(n for n, _ in chosen), np.array([late for _, late in chosen]))


def snapped(ticks: np.ndarray, ticks_per_quarter: int) -> np.ndarray:
    """Nearest tick of the sixteenths or the triplets of each quarter, whichever fits that quarter's notes better."""
    at = ticks * 12 / ticks_per_quarter
    # A quarter begins half a sixteenth early, so that what is rushed onto the beat belongs to it.
    quarter = np.floor((at + 1.5) / 12)
    inside = at - quarter * 12
    even, triple = np.rint(inside / 3) * 3, np.rint(inside / 4) * 4
    index = (quarter - quarter.min()).astype(np.int64)
    gain = np.bincount(index, (inside - even) ** 2 - (inside - triple) ** 2)[index]
    grid = quarter * 12 + np.where(gain > TRIPLET_GAIN, triple, even)
    return np.rint(np.maximum(grid, 0) * ticks_per_quarter / 12).astype(np.int64)


def lively_tracks(folder: Path, songs: int, seed: int) -> Iterator[tuple[str, Song, Track, str]]:
    """(part, song, track, name) of the bass and guitar tracks with dynamics of `songs` songs taken at random."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    random.Random(seed).shuffle(paths)
    for path in paths:
        if songs == 0:
            return
        try:
            song = read_midi(path)
        except (RuntimeError, ValueError):
            continue
        found = False
        for role in detect_parts(song):
            track = song.tracks[role.track]
            lively = len({note.velocity for note in track.notes}) >= MIN_VELOCITIES
            if role.role in ("bass", "guitar") and lively and len(track.notes) >= MIN_NOTES:
                found = True
                yield role.role, song, track, path.name
        songs -= found


def pitched_performances(folder: Path, songs: int, seed: int) -> Iterator[tuple[Performance, list[tuple[float, int]]]]:
    """The lively tracks as performances, velocities brought to one level, and the strums of those that were played.

    Offsets are those of each onset's first note, less the track's own median, and NaN for the other notes of a chord
    and for tracks that weren't played. A strum is seconds from string to string and +1 (from below), -1 or 0 (neither).
    """
    for part, song, track, name in lively_tracks(folder, songs, seed):
        drums = song.with_tracks(one for one in song.tracks if one.is_drum)
        one = performance(part, name, name, drums, list(track.notes))
        velocity = one.velocity - one.velocity.mean() + PITCHED_LEVEL
        levelled = tuple(
            replace(note, velocity=round(float(v)))
            for note, v in zip(one.notes, np.clip(velocity, 1, 127).tolist(), strict=True)
        )
        offset, strums = np.full(len(levelled), np.nan), []
        pace = np.array([song.tempo_at(note.start) for note in levelled]) * song.ticks_per_quarter / 60
        if was_played(one.offset, pace, song.ticks_per_quarter):
            onsets, which = np.unique([note.start for note in levelled], return_inverse=True)
            early = np.full(len(onsets), np.inf)
            np.minimum.at(early, which, one.offset)
            _, first = np.unique(which, return_index=True)
            offset[first] = (early - np.median(early))[which][first]
            strums = list(chord_strums(track.notes, clock_of(song.tempos, song.ticks_per_quarter)))
        yield replace(one, notes=levelled, offset=offset), strums if part == "guitar" else []


def was_played(offset: np.ndarray, pace: np.ndarray, ticks_per_quarter: int) -> bool:
    """Whether a track was evidently played and not drawn; offsets in seconds, pace in ticks a second."""
    quarters = offset * pace / ticks_per_quarter
    centred = offset - np.median(offset)
    steps = (quarters - np.median(quarters)) * 12
    return bool(
        np.mean(np.abs(quarters) <= ON_GRID) < MOST_ON_GRID
        and len(np.unique(np.rint(quarters * ticks_per_quarter))) >= MIN_OFFSETS
        and centred.std() >= LEAST_SPREAD
        and steps.std() <= MOST_SPREAD
        and abs(np.median(quarters)) * 12 <= MOST_SPREAD
    )


def chord_strums(notes: Sequence[Note], clock: Callable[[int], float]) -> Iterator[tuple[float, int]]:
    """Seconds from string to string and direction of each chord of three notes or more."""
    timed = [(clock(note.start), note.pitch) for note in sorted(notes)]
    first = 0
    while first < len(timed):
        last = first + 1
        while last < len(timed) and timed[last][0] - timed[first][0] <= STRUM_WINDOW:
            last += 1
        chord = timed[first:last]
        if len({pitch for _, pitch in chord}) == len(chord) >= STRUM_NOTES:
            rises = np.diff([pitch for _, pitch in chord])
            yield (chord[-1][0] - chord[0][0]) / (len(chord) - 1), int((rises > 0).all()) - int((rises < 0).all())
        first = last
