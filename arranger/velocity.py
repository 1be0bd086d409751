"""How hard each generated note is played.

The model and the rules decide what sounds when; they know no velocities. This gives them the habits of players: a
table of mean and spread, learned by `datasets/velocity_table.py` from human drumming (Groove MIDI Dataset, CC BY 4.0)
and from the livelier tracks of a song corpus, with a seeded hand that is never quite steady, in a band that gets louder
and softer together.

The table's axes
    drums   voice x time kept x strength x place
    bass    strength x place x gap
    guitar  strength x place x gap x chord size

`strength` is 0 on the first beat of a bar, 1 on other strong beats, 2 on weak ones. `place` is the nearest of `PLACES`
in twelfths of the beat: sixteenths and triplets, because nobody plays finer levels of accent. `time kept` says whether
a hat or ride plays in the same beat: it tells a ghost note from the same stroke in a fill. `gap` is the time since the
onset before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np

from arranger.grid import STEPS_PER_QUARTER, bar_step_table
from arranger.parts import PARTS
from arranger.rules import beat_pattern, beat_steps
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

PLACES = (0, 3, 4, 6, 8, 9)
GAPS = (3, 6, 12)
"""Upper bounds, in steps, of the first gap classes; longer ones and the first note of a run are the last class."""

STRENGTHS, MAX_CHORD = 3, 3
SHAPES = {
    "drums": (len(VOICES), 2, STRENGTHS, len(PLACES)),
    "bass": (STRENGTHS, len(PLACES), len(GAPS) + 1),
    "guitar": (STRENGTHS, len(PLACES), len(GAPS) + 1, MAX_CHORD),
}

SOFTEST, LOUDEST = 20, 120
NOISE = 0.4
"""Share of the table's spread that is played; the whole of it would be several players' habits in one hand."""
CHORD_NOISE = 2.0
"""Standard deviation between the strings of one stroke."""
ACCENT = 20
"""More than a dynamic and a bit: what stands out so far is meant to."""
FOLLOW = 0.7
"""How far a part goes with the band when it gets louder or softer."""

_TIMEKEEPERS = [i for i, voice in enumerate(VOICES) if voice.name in ("closed hat", "pedal hat", "open hat", "ride")]


@dataclass(frozen=True, eq=False)
class VelocityTable:
    """Mean and spread (standard deviation) of velocity in each situation; float arrays of the part's `SHAPES`."""

    mean: np.ndarray
    spread: np.ndarray


def with_velocities(notes: Sequence[Note], part: str, song: Song, seed: int) -> tuple[Note, ...]:
    """The same notes with believable velocities, 20..120; the same seed gives the same ones.

    Parameters
    ----------
    notes : of one part, in the song's ticks; the velocities they have are ignored.
    part : `drums`, `bass` or `guitar`.
    song : its bars give the accents, its tracks the loudness of each bar.

    Raises
    ------
    ValueError
        if there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    if not notes:
        return ()
    table = load_tables()[part]
    cells = situations(notes, part, song)
    rng = np.random.default_rng([seed, PARTS.index(part)])
    starts = np.array([note.start for note in notes])
    strokes, stroke = np.unique(starts, return_inverse=True)
    if part == "drums":
        swing = rng.standard_normal(len(notes)) * table.spread[cells]
    else:
        swing = rng.standard_normal(len(strokes))[stroke] * table.spread[cells]
    level = table.mean[cells] + NOISE * swing + bar_loudness(song)[_bars_of(song, starts)]
    if part == "guitar":
        level = level + CHORD_NOISE * rng.standard_normal(len(notes))
    played = np.clip(np.rint(level), SOFTEST, LOUDEST).astype(int)
    return tuple(replace(note, velocity=velocity) for note, velocity in zip(notes, played.tolist(), strict=True))


def situations(notes: Sequence[Note], part: str, song: Song) -> tuple[np.ndarray, ...]:
    """Index arrays into the part's table, one entry a note, in the order of its axes."""
    starts = np.array([note.start for note in notes])
    beat, strength, place = beat_places(song, starts)
    if part == "drums":
        voice = np.array([VOICE_OF_KEY[note.pitch] for note in notes])
        kept = np.unique(beat[np.isin(voice, _TIMEKEEPERS)])
        return voice, np.isin(beat, kept).astype(int), strength, place
    onsets, which, sizes = np.unique(starts, return_inverse=True, return_counts=True)
    steps = np.diff(onsets, prepend=-song.ticks_per_quarter * 100) * STEPS_PER_QUARTER / song.ticks_per_quarter
    gap = np.searchsorted(np.array(GAPS) + 0.5, steps)[which]
    if part == "bass":
        return strength, place, gap
    return strength, place, gap, np.minimum(sizes, MAX_CHORD)[which] - 1


def beat_places(song: Song, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beat (counted through the song), its strength and the place in it of each tick; int, shape (note,).

    A tick less than half a place before a beat belongs to that beat, as players who rush still mean the beat.
    """
    edges, strengths = _beats(song)
    at = np.clip(np.searchsorted(edges, ticks, side="right") - 1, 0, len(strengths) - 1)
    inside = (ticks - edges[at]) / (edges[at + 1] - edges[at]) * STEPS_PER_QUARTER
    places = np.array([*PLACES, STEPS_PER_QUARTER])
    # Of two equally near places the later, as for a step on the fifth twelfth.
    nearest = np.searchsorted((places[:-1] + places[1:]) / 2, inside, side="right")
    next_beat = nearest == len(PLACES)
    at = np.minimum(at + next_beat, len(strengths) - 1)
    return at, strengths[at], np.where(next_beat, 0, nearest)


def _beats(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Ticks of all beats and the end, float, shape (beat + 1,), and strength of each beat, int, shape (beat,)."""
    lengths = np.diff(bar_step_table(song.bars, song.ticks_per_quarter)).tolist()
    edges: list[float] = []
    strengths: list[int] = []
    for bar, steps in zip(song.bars, lengths, strict=True):
        beats = beat_steps(bar, steps)
        edges += [bar.start + beat * bar.length / steps for beat in beats[:-1]]
        kinds = beat_pattern(len(beats) - 1)
        strengths += [0, *(1 if kind == "k" else 2 for kind in kinds[1:])]
    return np.array([*edges, song.bars[-1].end]), np.array(strengths)


def bar_loudness(song: Song) -> np.ndarray:
    """How much louder or softer than usual each bar is to be played, in velocity; float, shape (bar,).

    A bar is as loud as the mean of its tracks, each track the mean of its notes that begin there; bars without notes
    are as usual.
    """
    count, total = np.zeros((2, len(song.bars)))
    for track in song.tracks:
        if not track.notes:
            continue
        bars = _bars_of(song, np.array([note.start for note in track.notes]))
        notes = np.bincount(bars, minlength=len(song.bars))
        summed = np.bincount(bars, weights=[note.velocity for note in track.notes], minlength=len(song.bars))
        count += notes > 0
        total += summed / np.maximum(notes, 1)
    played = count > 0
    if not played.any():
        return np.zeros(len(song.bars))
    level = total / np.maximum(count, 1)
    return np.where(played, FOLLOW * (level - level[played].mean()), 0.0)


def _bars_of(song: Song, ticks: np.ndarray) -> np.ndarray:
    starts = np.array([bar.start for bar in song.bars])
    return np.clip(np.searchsorted(starts, ticks, side="right") - 1, 0, None)


@cache
def load_tables() -> dict[str, VelocityTable]:
    """The shipped table of each part."""
    stored = json.loads(resources.files("arranger").joinpath("data/velocity.json").read_text(encoding="utf-8"))
    return {
        part: VelocityTable(*(np.array(stored[part][name], dtype=float).reshape(shape) for name in ("mean", "spread")))
        for part, shape in SHAPES.items()
    }


def steady(notes: Sequence[Note], song: Song) -> tuple[Note, ...]:
    """The notes, sorted, with the dynamics that a person writes into a tab: one for a bar, accents apart.

    A tab has eight dynamics; a hand that is never quite steady, written in them, would change sign at every other note.
    A bar gets the median of itself and its neighbours; a note that differs from it by more than `ACCENT` keeps its own.
    """
    ordered = sorted(notes)
    bar_of = np.array([song.bar_at(note.start) for note in ordered], dtype=np.int64)
    loud = np.array([note.velocity for note in ordered], dtype=np.int64)
    steadied = []
    for note, bar in zip(ordered, bar_of.tolist(), strict=True):
        around = slice(*np.searchsorted(bar_of, [bar - 1, bar + 2]))
        usual = int(np.median(loud[around]))
        steadied.append(note if abs(note.velocity - usual) > ACCENT else replace(note, velocity=_written(usual)))
    return tuple(steadied)


def _written(velocity: int) -> int:
    """The nearest of the eight dynamics of a tab, ppp 15 to fff 127."""
    return 15 + 16 * min(7, max(0, round((velocity - 15) / 16)))
