"""What the guitarist's hand plays on a stroke: power chords, strummed triads, arpeggios, the bass line or the keys.

How likely each pitch is comes from one counted table: for each band of six semitones a bias for each distance above the
root and a weight for each thing heard (`NOTE_FEATURES`). A voicing is good where its notes are likely.
"""

from __future__ import annotations

import numpy as np

from arranger.grid import DRUMS, STEPS_PER_QUARTER
from arranger.rules.context import BASS, DEFAULT_TEMPO, OTHER, SIGNALS, Heard
from arranger.rules.tables import NOTE_FEATURES, load_tables

LOW, HIGH, BAND = 36, 78, 6
"""Pitches that are looked at, and the semitones of a band of the table."""
MIDDLE = 52
"""E3: strummed triads lie in the octave and a third from here."""


def note_features(heard: Heard, steps: np.ndarray) -> np.ndarray:
    """What is heard of each pitch at each stroke, float, shape (stroke, pitch from `LOW` on, `NOTE_FEATURES`)."""
    grid, bar = heard.grid, heard.grid.bar_of_step[steps]
    pitches = np.arange(LOW, HIGH)
    sounds = np.stack([_classes(grid.sustain[role][:, steps]) for role in (OTHER, BASS)])  # (2, 12, stroke)
    of_pitch = sounds[:, pitches % 12].transpose(2, 1, 0)
    other = np.stack([plane[OTHER, LOW:HIGH][:, steps].T for plane in (grid.onset, grid.sustain)], axis=2)
    rates = heard.rate[[SIGNALS.index(name) for name in ("kick", "time", "bass", "other")]][:, bar]
    plays = heard.plays[[DRUMS, BASS, OTHER]][:, bar]
    song = np.concatenate([rates, plays, np.log(heard.tempo[bar] / DEFAULT_TEMPO)[None]]).T
    everywhere = np.broadcast_to(song[:, None], (len(steps), len(pitches), song.shape[1]))
    return np.concatenate([of_pitch, other, everywhere], axis=2).astype(float)


def note_chances(heard: Heard, steps: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Chance of each pitch from `LOW` on at each stroke, float 0..1, shape (stroke, pitch); `roots` by stroke."""
    bias, weight = load_tables()["guitar notes"]
    found = note_features(heard, steps)
    band, above = note_cells(roots)
    score = bias[band, above] + np.einsum("spf,pf->sp", found, weight[band[0]])
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


def voicings(heard: Heard, steps: np.ndarray, roots: np.ndarray, thirds: np.ndarray) -> dict[str, np.ndarray]:
    """Voicing -> notes of each stroke, bool, shape (stroke, pitch from `LOW` on).

    Parameters
    ----------
    steps : of the strokes. roots : pitch class of the root at each. thirds : 3 or 4, or 0 where the band has none.
    """
    count, pitches = len(steps), np.arange(LOW, HIGH)
    low = 40 + (roots - 40) % 12
    own = np.arange(count)

    def notes(*rows: np.ndarray) -> np.ndarray:
        out = np.zeros((count, len(pitches)), dtype=bool)
        for row in rows:
            inside = (row >= LOW) & (row < HIGH)
            out[own[inside], row[inside] - LOW] = True
        return out

    above = (pitches[None] - roots[:, None]) % 12
    tone = (above == 0) | (above == 7) | ((thirds > 0)[:, None] & (above == thirds[:, None]))
    triad = tone & (pitches >= MIDDLE) & (pitches < MIDDLE + 12)
    high = tone & (pitches >= MIDDLE + 4) & (pitches < MIDDLE + 16)
    power = notes(low, low + 7, low + 12)
    bass = heard.grid.sustain[BASS][:, steps]
    riff = np.where(bass.any(axis=0), bass.argmax(axis=0) + 12, low)
    keys = heard.grid.sustain[OTHER][LOW:HIGH, steps].T & (pitches >= 48) & (pitches < 70)
    keys &= np.cumsum(keys[:, ::-1], axis=1)[:, ::-1] <= 4
    struck = heard.grid.onset[OTHER][LOW:HIGH, steps].T & (pitches >= 45)
    struck &= np.cumsum(struck[:, ::-1], axis=1)[:, ::-1] <= 4
    beat = (steps - heard.grid.bar_steps[heard.grid.bar_of_step[steps]]) // (STEPS_PER_QUARTER // 2)
    upper = np.stack([low, low + 7, low + 12, low + 12 + np.where(thirds > 0, thirds, 7)])
    return {
        "root": notes(low),
        "fifth": notes(low, low + 7),
        "power chord": power,
        "high power chord": notes(low + 12, low + 19),
        "octave": notes(low + 12),
        "riff": notes(riff),
        "riff in fifths": notes(riff, riff + 7),
        "triad": triad,
        "high triad": high,
        "full chord": power | (triad & (pitches[None] > low[:, None])),
        "keys": np.where(keys.any(axis=1)[:, None], keys, triad),
        "keys' strokes": np.where(struck.any(axis=1)[:, None], struck, notes(low + 12)),
        "arpeggio": notes(upper[beat % 4, own]),
    }
