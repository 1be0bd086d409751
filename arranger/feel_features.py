"""What a player's hand goes by: numbers that describe each note of a part, its surroundings and its place in the bar.

These are the inputs of the small nets in `arranger.feel`; training and playing read them here, so that they can't come
apart. Everything is in musical time, so notes may stand on the grid or be swung a little away from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arranger.grid import STEPS_PER_QUARTER, bar_step_table
from arranger.rules import beat_pattern, beat_steps
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

PLACES = (0, 3, 4, 6, 8, 9)
"""Twelfths of a beat: sixteenths and triplets, because nobody plays finer levels of accent."""
BEATS, STRENGTHS = 4, 3
DRUM_WINDOWS = (
    *((-48, -14), (-13, -11), (-10, -8), (-7, -5), (-4, -3), (-2, -1), (0, 0)),
    *((1, 2), (3, 4), (5, 7), (8, 10), (11, 13), (14, 48)),
)
"""Steps around a stroke, both ends inclusive, in which it matters what else is struck."""
GAPS = (2, 3, 4, 6, 9, 12, 24, 48)
"""Upper bounds of the classes of gaps between onsets of a pitched part, in steps; longer ones are one more class."""
COMPANY = ("kick", "snare", "crash")
"""Voices of the band's drums that a bass or guitar hears at its own onset."""
CHORDS = 4
USUAL_QPM = 110.0


def features(notes: Sequence[Note], part: str, song: Song) -> np.ndarray:
    """float32, shape (note, feature), for notes sorted or not; at least one note."""
    return _drum_features(notes, song) if part == "drums" else _pitched_features(notes, song)


def beat_places(song: Song, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beat (counted through the song), its strength and the place in it of each tick; int, shape (note,).

    `strength` is 0 on the first beat of a bar, 1 on other strong beats, 2 on weak ones; `place` is the nearest of
    `PLACES`. A tick less than half a place before a beat belongs to that beat, as players who rush still mean the beat.
    """
    edges, strengths, _ = _beats(song)
    at = np.clip(np.searchsorted(edges, ticks, side="right") - 1, 0, len(strengths) - 1)
    inside = (ticks - edges[at]) / (edges[at + 1] - edges[at]) * STEPS_PER_QUARTER
    places = np.array([*PLACES, STEPS_PER_QUARTER])
    # Of two equally near places the later, as for a step on the fifth twelfth.
    nearest = np.searchsorted((places[:-1] + places[1:]) / 2, inside, side="right")
    next_beat = nearest == len(PLACES)
    at = np.minimum(at + next_beat, len(strengths) - 1)
    return at, strengths[at], np.where(next_beat, 0, nearest)


def bar_places(song: Song, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bar, and place in it counted in places of its beats (16ths and triplets), of each tick; int, shape (note,)."""
    _, _, first_of = _beats(song)
    beat, _, place = beat_places(song, ticks)
    firsts = np.searchsorted(first_of, beat, side="right") - 1
    return firsts, (beat - first_of[firsts]) * len(PLACES) + place


def _beats(song: Song) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ticks of all beats and the end, float, shape (beat + 1,); strength of each beat, int, shape (beat,); and the
    first beat of each bar, int, shape (bar,)."""
    lengths = np.diff(bar_step_table(song.bars, song.ticks_per_quarter)).tolist()
    edges: list[float] = []
    strengths: list[int] = []
    firsts: list[int] = []
    for bar, steps in zip(song.bars, lengths, strict=True):
        beats = beat_steps(bar, steps)
        firsts.append(len(strengths))
        edges += [bar.start + beat * bar.length / steps for beat in beats[:-1]]
        kinds = beat_pattern(len(beats) - 1)
        strengths += [0, *(1 if kind == "k" else 2 for kind in kinds[1:])]
    return np.array([*edges, song.bars[-1].end]), np.array(strengths), np.array(firsts)


def _where(song: Song, ticks: np.ndarray) -> list[np.ndarray]:
    """Place in the bar and the beat, and tempo; each float, shape (note, columns)."""
    _, strength, place = beat_places(song, ticks)
    bar, in_bar = bar_places(song, ticks)
    _, strengths, firsts = _beats(song)
    count = np.diff([*firsts, len(strengths)])[bar]
    beat = in_bar // len(PLACES)
    pace = np.log2(np.array([song.tempo_at(tick) for tick in ticks.tolist()]) / USUAL_QPM).clip(-2, 2)
    return [
        _one_hot(strength * len(PLACES) + place, STRENGTHS * len(PLACES)),
        _one_hot(np.minimum(beat, BEATS - 1), BEATS),
        np.stack([beat == count - 1, pace, pace**2, np.maximum(pace, 0)], axis=1).astype(float),
    ]


def _one_hot(index: np.ndarray, size: int) -> np.ndarray:
    return np.eye(size)[index]


def steps_of(ticks: np.ndarray, song: Song) -> np.ndarray:
    """Nearest steps from the start of the song, int; only differences are used, so bars of odd length don't matter."""
    return np.rint(ticks * STEPS_PER_QUARTER / song.ticks_per_quarter).astype(np.int64)


def _drum_features(notes: Sequence[Note], song: Song) -> np.ndarray:
    ticks = np.array([note.start for note in notes], dtype=np.int64)
    steps = steps_of(ticks, song)
    voice = np.array([VOICE_OF_KEY[note.pitch] for note in notes])
    around = np.zeros((len(notes), len(VOICES), len(DRUM_WINDOWS)))
    beats = max(1.0, (steps.max() - steps.min() + STEPS_PER_QUARTER) / STEPS_PER_QUARTER)
    rate = np.zeros(len(VOICES))
    for which in range(len(VOICES)):
        struck = np.unique(steps[voice == which])
        rate[which] = len(struck) / beats
        for at, (low, high) in enumerate(DRUM_WINDOWS):
            count = np.searchsorted(struck, steps + high, "right") - np.searchsorted(struck, steps + low)
            around[:, which, at] = np.minimum(count, 1 if high - low < STEPS_PER_QUARTER else 8) / (
                1 if high - low < STEPS_PER_QUARTER else 4
            )
    own = around[np.arange(len(notes)), voice]
    columns = [
        _one_hot(voice, len(VOICES)),
        *_where(song, ticks),
        around.reshape(len(notes), -1),
        own,
        np.broadcast_to(rate, (len(notes), len(rate))),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _pitched_features(notes: Sequence[Note], song: Song) -> np.ndarray:
    ticks = np.array([note.start for note in notes], dtype=np.int64)
    steps = steps_of(ticks, song)
    pitch = np.array([note.pitch for note in notes], dtype=float)
    length = np.array([note.duration for note in notes]) * STEPS_PER_QUARTER / song.ticks_per_quarter
    onsets, which, sizes = np.unique(steps, return_inverse=True, return_counts=True)
    far = 100 * STEPS_PER_QUARTER
    before = np.diff(onsets, prepend=onsets[0] - far)
    after = np.diff(onsets, append=onsets[-1] + far)
    lowest = np.full(len(onsets), 127.0)
    np.minimum.at(lowest, which, pitch)
    leap = np.diff(lowest, prepend=lowest[0])
    mean = pitch.mean()
    company = []
    drums = [note for track in song.tracks if track.is_drum for note in track.notes]
    keys = np.array([VOICE_OF_KEY[note.pitch] for note in drums], dtype=np.int64)
    struck = steps_of(np.array([note.start for note in drums], dtype=np.int64), song)
    for name in COMPANY:
        at = next(i for i, voice in enumerate(VOICES) if voice.name == name)
        company.append(np.isin(steps, struck[keys == at]))
    others = np.stack(
        [
            ((pitch - mean) / 12).clip(-2, 2),
            ((lowest - mean) / 12).clip(-2, 2)[which],
            (leap / 12).clip(-1, 1)[which],
            (leap == 0)[which],
            (np.append(leap[1:], 0) / 12).clip(-1, 1)[which],
            pitch == lowest[which],
            np.minimum(length / after[which], 1.5),
            *company,
            np.full(len(notes), float(len(drums) > 0)),
        ],
        axis=1,
    )
    edges = np.array(GAPS) + 0.5
    columns = [
        *_where(song, ticks),
        _one_hot(np.searchsorted(edges, before)[which], len(GAPS) + 1),
        _one_hot(np.searchsorted(edges, after)[which], len(GAPS) + 1),
        _one_hot(np.minimum(sizes, CHORDS)[which] - 1, CHORDS),
        others,
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)
