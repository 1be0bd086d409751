"""Small songs with all three parts, and fillers that know the truth and spoil it, for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from arranger.evaluation.fillers import Filler, as_fill
from arranger.evaluation.tasks import Task, hidden_notes
from arranger.fills import Fill
from arranger.parts import detect_parts
from arranger.song import Note, Song, TimeSignature, Track

QUARTER = 480
BARS = 8


def band(seed: int, metre: tuple[int, int] = (4, 4)) -> Song:
    """Eight bars in C major: drums, a bass on roots and fifths, two guitars; in bar 5 the bass rests."""
    rng = np.random.default_rng(seed)
    bar = 4 * QUARTER * metre[0] // metre[1]
    drums, bass, rhythm, lead = [], [], [], []
    for at in range(BARS):
        start, root = bar * at, int(rng.choice([48, 50, 52, 53, 55, 57]))
        for eighth in range(0, bar, QUARTER // 2):
            drums.append(Note(start + eighth, 60, 42))
        for quarter in range(0, bar, QUARTER):
            drums.append(Note(start + quarter, 60, int(rng.choice([36, 38, 45]))))
        chord = [root, root + (3 if root in (50, 52, 57) else 4), root + 7]
        rhythm += [Note(start, bar - 60, pitch + 12) for pitch in chord]
        lead.append(Note(start + QUARTER, QUARTER // 2, root + 24))
        if at != 5:
            for place in sorted(rng.permutation(bar * 2 // QUARTER)[:5].tolist()):
                bass.append(Note(start + place * QUARTER // 2, QUARTER // 2, root - 12 + int(rng.choice([0, 0, 7]))))
    return Song(
        QUARTER,
        (
            Track("Rhythm", 29, False, tuple(sorted(rhythm))),
            Track("Drums", 0, True, tuple(sorted(drums))),
            Track("Bass", 33, False, tuple(bass)),
            Track("Lead", 30, False, tuple(lead)),
        ),
        time_signatures=(TimeSignature(0, *metre),),
        title=f"song {seed}",
    )


SONGS = {Path(f"set/{seed:02}.mid"): band(seed) for seed in range(6)}
BY_TITLE = {song.title: song for song in SONGS.values()}


def load(path: Path) -> Song:
    return SONGS[path]


def cheat(change: Callable[[Sequence[Note]], Sequence[Note]]) -> Filler:
    """A filler that knows the truth and spoils it: `change` takes and gives the hidden notes."""

    def filler(task: Task, seed: int) -> Fill:
        full = BY_TITLE[task.song.title]
        roles = detect_parts(full)
        notes = {part: change(hidden_notes(full, roles, part, task.hidden)) for part in task.parts}
        return as_fill(task, notes, seed, "cheat")

    return filler


def shifted(notes: Sequence[Note], ticks: int = 0, semitones: int = 0) -> list[Note]:
    return [replace(note, start=note.start + ticks, pitch=note.pitch + semitones) for note in notes]


FAULTS: dict[str, Filler] = {
    "perfect": cheat(lambda notes: notes),
    "semitone up": cheat(lambda notes: shifted(notes, semitones=1)),
    "octave up": cheat(lambda notes: shifted(notes, semitones=12)),
    "sixteenth late": cheat(lambda notes: shifted(notes, QUARTER // 4)),
    "triplet late": cheat(lambda notes: shifted(notes, QUARTER // 12)),
    "half dropped": cheat(lambda notes: notes[1::2]),
    "short": cheat(lambda notes: [replace(note, duration=QUARTER // 4) for note in notes]),
    "loud": cheat(lambda notes: [replace(note, velocity=127) for note in notes]),
    "first bar looped": cheat(
        lambda notes: [
            replace(note, start=note.start + 4 * QUARTER * bar)
            for bar in range(BARS)
            for note in notes
            if note.start < 4 * QUARTER
        ]
    ),
    "silent": cheat(lambda notes: []),
    "always": cheat(lambda notes: [Note(at, QUARTER // 4, 40) for at in range(0, 4 * QUARTER * BARS, QUARTER // 4)]),
}
