"""How hard each generated note is played.

The model and the rules decide what sounds when; they know no velocities. This gives them the habits of players
(`arranger.feel`): nets that know how velocities are spread in each situation, learned from human drumming (Groove MIDI
Dataset, CC BY 4.0) and from the livelier tracks of a song corpus by `datasets.human_feel`; a seeded hand that keeps its
accents from bar to bar and is never quite steady; in a band that gets louder and softer together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arranger.feel import hand_scores, load_habits, voices_of
from arranger.feel_features import features
from arranger.parts import PARTS
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

SOFTEST, LOUDEST = 8, 127
EVEN = 90
"""Velocity of everything where no human feel is wanted."""
KICK_CURVE = 0.5
"""Exponent of a velocity curve for the kick, velocities as shares of 127. The recordings' kick pads answer so softly
(median 53, where bands in MIDI files have 86) that through a General MIDI sound font the kick would be lost; the curve
brings it to 82 and keeps the order of its strokes."""
ACCENT = 20
"""More than a dynamic and a bit: what stands out so far is meant to."""
FOLLOW = 0.7
"""How far a part goes with the band when it gets louder or softer."""


def with_velocities(
    notes: Sequence[Note], part: str, song: Song, seed: int, *, balanced: bool = True
) -> tuple[Note, ...]:
    """The same notes, in the same order, with believable velocities, 8..127; the same seed gives the same ones.

    Parameters
    ----------
    notes : of one part, in the song's ticks; the velocities they have are ignored.
    part : `drums`, `bass` or `guitar`.
    song : its bars give the accents, its tracks the loudness of each bar.
    seed : 0 or more; another one is another player.
    balanced : False leaves the kick as soft as drummers' pads sent it.

    Raises
    ------
    ValueError
        if there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    if not notes:
        return ()
    habit = load_habits()[f"{part} velocity"]
    rng = np.random.default_rng([seed, PARTS.index(part)])
    scores = hand_scores(notes, part, song, habit.shares, rng)
    level = habit.drawn(habit.chances(features(notes, part, song)), scores)
    voice = voices_of(notes, part)
    level = habit.bent(level + habit.level(voice, rng), voice)
    if balanced and part == "drums":
        kick = np.array([VOICES[VOICE_OF_KEY[note.pitch]].name == "kick" for note in notes])
        level = np.where(kick, 127 * (level / 127) ** KICK_CURVE, level)
    level = level + bar_loudness(song)[_bars_of(song, np.array([note.start for note in notes]))]
    played = np.clip(np.rint(level), SOFTEST, LOUDEST).astype(int)
    return tuple(replace(note, velocity=velocity) for note, velocity in zip(notes, played.tolist(), strict=True))


def evenly(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The same notes, all as loud as each other: for those who want no human feel."""
    return tuple(replace(note, velocity=EVEN) for note in notes)


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
