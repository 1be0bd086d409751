"""Measures of notes as they stand in the song, in its own time: distributions, playability, and what was touched.

Source: overlap areas as in Yang & Lerch ("On the evaluation of generative models in music", 2020) and PopMAG (Ren et
al., MM 2020), with histograms instead of kernel density estimates: `OA = sum of min(p, q)` over the bins, 0..1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from arranger.fills import Fill, apply_fill
from arranger.grid import STEPS_PER_QUARTER
from arranger.playable_check import errors
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY

LONGEST = 4 * STEPS_PER_QUARTER
"""Durations and inter-onset intervals from here on (a bar of 4/4) are one bin."""
VELOCITY_BIN = 8
SLACK = 0.05


def overlap_area(ours: Sequence[int] | np.ndarray, theirs: Sequence[int] | np.ndarray) -> float:
    """Sum over bins of the smaller share; nan where either has nothing."""
    if not len(ours) or not len(theirs):
        return math.nan
    size = int(max(np.max(ours), np.max(theirs))) + 1
    p, q = (np.bincount(np.asarray(bins, dtype=np.int64), minlength=size) / len(bins) for bins in (ours, theirs))
    return float(np.minimum(p, q).sum())


def overlap_areas(part: str, filled: Sequence[Note], true: Sequence[Note], ticks_per_quarter: int) -> dict[str, float]:
    """Overlap of what two parts are made of: `oa_pitch` (pitch classes; voices of drums), `oa_duration`, `oa_ioi`,
    `oa_velocity`.

    Durations and intervals between neighbouring onsets (a chord is one) are in twelfths of a quarter, rounded;
    velocities in bins of eight. Drums have no durations.
    """
    ours, theirs = (_bins(part, notes, ticks_per_quarter) for notes in (filled, true))
    return {f"oa_{name}": overlap_area(ours[name], theirs[name]) for name in ours}


def _bins(part: str, notes: Sequence[Note], ticks_per_quarter: int) -> dict[str, np.ndarray]:
    pitches = np.array([note.pitch for note in notes], dtype=np.int64)
    starts = np.unique(np.array([note.start for note in notes], dtype=np.int64))
    velocities = np.array([note.velocity for note in notes], dtype=np.int64)
    drums = part == "drums"
    found = {
        "pitch": np.asarray(VOICE_OF_KEY)[pitches] if drums else pitches % 12,
        "ioi": _twelfths(np.diff(starts), ticks_per_quarter),
        "velocity": velocities // VELOCITY_BIN,
    }
    if not drums:
        lengths = np.array([note.duration for note in notes], dtype=np.int64)
        found["duration"] = _twelfths(lengths, ticks_per_quarter)
    return found


def _twelfths(ticks: np.ndarray, ticks_per_quarter: int) -> np.ndarray:
    steps = np.floor(ticks * STEPS_PER_QUARTER / ticks_per_quarter + 0.5).astype(np.int64)
    return np.minimum(np.maximum(steps, 1), LONGEST)


def playability_rate(part: str, notes: Sequence[Note], song: Song, tuning: Sequence[int] | None = None) -> float:
    """Things that a player can't play, per hundred notes; nan without notes.

    Parameters
    ----------
    song : the song that the notes stand in, for its time and tempos.
    tuning : open strings as they sound, string 1 first; None for the standard tuning.

    Recorded parts have fingers that leave late, so overlaps of up to `SLACK` seconds are let pass in every part.
    """
    if not notes:
        return math.nan
    found = errors(notes, part, song.ticks_per_quarter, tuning, tempos=song.tempos, slack=SLACK)
    return 100 * len(found) / len(notes)


def changed_outside(song: Song, fill: Fill) -> int:
    """Notes that applying a fill changes where it has no business: must be 0.

    Counted are notes that went or came in tracks of the song, but for those that start inside the fill's bars in the
    tracks that it names (`removed_tracks`, `into_track`); notes of new tracks that start outside the bars; and 1 for
    everything else of the song (tempos, time signatures, markers, length) that differs.
    """
    after = apply_fill(song, fill)

    def inside(note: Note) -> bool:
        return fill.holds(song.bar_at(note.start))

    named = {index for part in fill.parts for index in part.removed_tracks}
    named |= {part.into_track for part in fill.parts if part.into_track is not None}
    count = 0
    for index, (before, now) in enumerate(zip(song.tracks, after.tracks, strict=False)):
        if now is before:
            continue
        kept, left = Counter(before.notes), Counter(now.notes)
        differing = (kept - left) + (left - kept)
        count += sum(number for note, number in differing.items() if not (index in named and inside(note)))
    count += sum(not inside(note) for track in after.tracks[len(song.tracks) :] for note in track.notes)
    count += max(0, len(song.tracks) - len(after.tracks))
    same = ("ticks_per_quarter", "tempos", "time_signatures", "markers", "keys", "feels", "order", "length")
    return count + sum(getattr(song, name) != getattr(after, name) for name in same)
