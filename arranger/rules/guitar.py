"""The guitarist: strokes where bass, kick and keys have them, and on each chord the notes that are likely enough.

Low roots and fifths where the song is heavy, thirds in the middle where keys sound them, the keys' own notes where they
are struck: which of these it is comes out of one counted table, for each band of six semitones a bias for each
distance above the root and a weight for each thing heard (`NOTE_FEATURES`). Fixed voicings (power chord, triad,
riff, ...) chosen as the drummer's styles are came out worse.
"""

from __future__ import annotations

import numpy as np

from arranger.grid import DRUMS, ROWS
from arranger.rules.context import BASS, DEFAULT_TEMPO, OTHER, SIGNALS, Heard, around_bars
from arranger.rules.resting import before_the_stop
from arranger.rules.roots import find_roots
from arranger.rules.tables import load_tables, stroke_chances

Planes = tuple[np.ndarray, np.ndarray]

STRIKE_FROM = 0.5
"""Chance from which on the guitar strikes."""
STEADY = 0.2
"""How far its rhythm goes by what is usual in the section instead of by this bar alone."""
NOTE_FROM = 0.25
"""Chance from which on a note belongs to a stroke; the likeliest one always does."""
STRINGS = 6
LOW, HIGH, BAND = 36, 78, 6
"""Pitches that are looked at, from low C on, and the semitones of a band of the table."""


def play_guitar(heard: Heard, plays: np.ndarray) -> Planes:
    """Onset and sustain of the whole song, bool, shape (row, step); `plays` are the bars in which it does."""
    grid, bar = heard.grid, heard.grid.bar_of_step
    chance = stroke_chances(heard, ("guitar",))["guitar"]
    usual = around_bars(chance[None], heard.band[None], np.diff(grid.bar_steps))[0]
    inside = plays[bar] & before_the_stop(heard)
    begins = ((1 - STEADY) * chance + STEADY * usual > STRIKE_FROM) & inside
    silent = plays & ~np.logical_or.reduceat(begins, grid.bar_steps[:-1])
    begins[grid.bar_steps[:-1][silent]] = True
    strokes = np.flatnonzero(begins)
    onset, sustain = np.zeros((2, ROWS, grid.steps), dtype=bool)
    if not len(strokes):
        return onset, sustain
    ends = np.minimum(np.append(strokes[1:], grid.steps), grid.bar_steps[1:][bar[strokes]])
    chords = chosen_notes(heard, strokes, find_roots(grid, "guitar")[strokes])
    for first, last, chord in zip(strokes.tolist(), ends.tolist(), chords, strict=True):
        rows = LOW + np.flatnonzero(chord)
        onset[rows, first] = True
        sustain[rows, first:last] = inside[first:last]
        sustain[rows, first] = True
    return onset, sustain


def chosen_notes(heard: Heard, strokes: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Notes of each stroke, bool, shape (stroke, pitch from `LOW` on); a bar has one chord for each of its roots."""
    chance = note_chances(heard, strokes, roots)
    chord = np.unique(np.stack([heard.grid.bar_of_step[strokes], roots]), axis=1, return_inverse=True)[1].ravel()
    total = np.zeros((int(chord.max()) + 1, chance.shape[1]))
    np.add.at(total, chord, chance)
    mean = total / np.bincount(chord)[:, None]
    order = np.argsort(-mean, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return np.asarray(((rank == 0) | ((mean > NOTE_FROM) & (rank < STRINGS)))[chord])


def note_features(heard: Heard, strokes: np.ndarray) -> np.ndarray:
    """What is heard of each pitch at each stroke, float, shape (stroke, pitch from `LOW` on, `NOTE_FEATURES`)."""
    grid, bar = heard.grid, heard.grid.bar_of_step[strokes]
    pitches = np.arange(LOW, HIGH)
    classes = np.stack([_classes(grid.sustain[role][:, strokes]) for role in (OTHER, BASS)])  # (2, 12, stroke)
    of_class = classes[:, pitches % 12].transpose(2, 1, 0)
    other = [plane[OTHER, LOW:HIGH][:, strokes].T for plane in (grid.onset, grid.sustain)]
    riff = grid.sustain[BASS, LOW - 12 : HIGH - 12][:, strokes].T
    of_pitch = np.stack([*other, riff], axis=2)
    rates = heard.rate[[SIGNALS.index(name) for name in ("kick", "time", "bass", "other")]][:, bar]
    plays = heard.plays[[DRUMS, BASS, OTHER]][:, bar]
    song = np.concatenate([rates, plays, np.log(heard.tempo[bar] / DEFAULT_TEMPO)[None]]).T
    everywhere = np.broadcast_to(song[:, None], (len(strokes), len(pitches), song.shape[1]))
    return np.concatenate([of_class, of_pitch, everywhere], axis=2).astype(float)


def note_chances(heard: Heard, strokes: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Chance of each pitch from `LOW` on at each stroke, float 0..1, shape (stroke, pitch); `roots` by stroke."""
    bias, weight = load_tables()["guitar notes"]
    band, above = note_cells(roots)
    score = bias[band, above] + (note_features(heard, strokes) * weight[band[0]]).sum(axis=2)
    return np.asarray(1 / (1 + np.exp(-score)))


def note_cells(roots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(band, semitones above the root) of each pitch from `LOW` on for each root, int, shape (stroke, pitch)."""
    pitches = np.arange(LOW, HIGH)
    band = np.broadcast_to((pitches - LOW) // BAND, (len(roots), len(pitches)))
    return band, (pitches[None] - roots[:, None]) % 12


def _classes(planes: np.ndarray) -> np.ndarray:
    """Pitch classes of a (pitch, stroke) plane, bool, shape (12, stroke)."""
    padded = np.concatenate([planes, np.zeros((-len(planes) % 12, planes.shape[1]), dtype=bool)])
    return np.asarray(padded.reshape(-1, 12, planes.shape[1]).any(axis=0))
