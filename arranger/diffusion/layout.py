"""How a roll is laid out for the net: one token a beat, twelve steps in it, one plane a cell kind.

Letters used for shapes: B windows, T tokens, S = 12 steps a token, P target planes, C context planes, F features.
A token is a quarter note of a bar; where the bar is no multiple of a quarter (7/8, 5/16) its last token is short and
the steps past the bar line are padding, so that every bar begins with a token whatever the metre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arranger.voices import VOICES

STEPS = 12
BASS_LOW, BASS_ROWS = 20, 48
GUITAR_LOW, GUITAR_ROWS = 28, 64
OTHER_LOW, OTHER_ROWS = 32, 64
DRUM_ROWS = len(VOICES)


@dataclass(frozen=True, slots=True)
class Planes:
    """Where a part's cells are among the planes: first plane, rows, lowest pitch, and whether it has sustain."""

    first: int
    rows: int
    low: int
    sustained: bool

    @property
    def onset(self) -> slice:
        return slice(self.first, self.first + self.rows)

    @property
    def sustain(self) -> slice:
        return slice(self.first + self.rows, self.first + 2 * self.rows)

    @property
    def all(self) -> slice:
        return slice(self.first, self.first + self.rows * (2 if self.sustained else 1))


DRUMS = Planes(0, DRUM_ROWS, 0, False)
BASS = Planes(DRUMS.all.stop, BASS_ROWS, BASS_LOW, True)
GUITAR = Planes(BASS.all.stop, GUITAR_ROWS, GUITAR_LOW, True)
OTHER = Planes(0, OTHER_ROWS, OTHER_LOW, True)
"""The context has an array of its own, so it begins at plane 0 there."""

LOWEST = Planes(OTHER.all.stop, BASS_ROWS, BASS_LOW, False)
"""The lowest pitch that sounds in anything given, in the bass's register: where the root is can't be seen by a linear
map of the planes, and learning it takes a net long. Derived, by `lowest_planes`."""

TARGETS = (DRUMS, BASS, GUITAR)
TARGET_PLANES = GUITAR.all.stop
CONTEXT_PLANES = LOWEST.all.stop

PART_OF_PLANE = np.concatenate([np.full(p.all.stop - p.all.start, k) for k, p in enumerate(TARGETS)])
"""int, shape (P,): 0 drums, 1 bass, 2 guitar."""

IS_ONSET = np.concatenate(
    [np.repeat([True, False], p.rows) if p.sustained else np.ones(p.rows, dtype=bool) for p in TARGETS]
)
"""bool, shape (P,): True for onset planes."""


def fold(pitch: np.ndarray, planes: Planes) -> np.ndarray:
    """Row of each pitch; pitches outside the planes are moved by octaves into them."""
    row = pitch - planes.low
    row = np.where(row < 0, row % 12, row)
    return np.where(row >= planes.rows, planes.rows - 12 + (row - planes.rows) % 12, row)


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of a song as the net is told of them; all arrays have shape (bar,)."""

    steps: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    tempo_qpm: np.ndarray

    @property
    def tokens(self) -> np.ndarray:
        """Tokens of each bar, int, shape (bar,)."""
        return -(-self.steps.astype(np.int64) // STEPS)


@dataclass(frozen=True, eq=False)
class TokenMap:
    """Where each token of a run of bars lies.

    Parameters
    ----------
    bar : int, shape (T,), bar of the song.
    place : int, shape (T,), token within its bar.
    valid : bool, shape (T, S), False for steps past the bar line.
    slot : int, shape (step,), index into the flattened (T, S) of each step of the run.
    """

    bar: np.ndarray
    place: np.ndarray
    valid: np.ndarray
    slot: np.ndarray


def map_tokens(bars: Bars, first: int, last: int) -> TokenMap:
    """Token map of the bars [first, last)."""
    tokens, lengths = bars.tokens[first:last], bars.steps[first:last].astype(np.int64)
    bar = np.repeat(np.arange(first, last), tokens)
    begin = np.concatenate([[0], np.cumsum(tokens)])[:-1]
    place = np.arange(len(bar)) - np.repeat(begin, tokens)
    valid = place[:, None] * STEPS + np.arange(STEPS) < bars.steps.astype(np.int64)[bar][:, None]
    return TokenMap(bar, place, valid, np.flatnonzero(valid) if lengths.sum() else np.zeros(0, dtype=np.int64))


# Features of a token (F): one-hot groups first, then numbers. The order is part of the checkpoint's format.
MAX_PLACE, MAX_TOKENS, BAR_PHASE, EDGE, TEMPO_BINS = 8, 8, 8, 4, 8
_GIVEN, _ABSENT, _UNKNOWN = 0, 1, 2
MODES = {"given": _GIVEN, "absent": _ABSENT, "unknown": _UNKNOWN}
"""What the net is told of a part in a token: its true content, nothing (the song lacks it), or noise to be removed."""

# What a song sounds like: the classes of General MIDI programs whose notes are counted.
_SOUND_GROUPS = (
    *((program,) for program in range(24, 32)),  # each guitar
    (32,), (33, 34), (35,), (36, 37), (38, 39),  # upright, finger and pick, fretless, slap, synth bass
    range(0, 8), range(8, 16), range(16, 24), range(40, 56), range(56, 64), range(64, 72), range(72, 80),
    range(80, 88), range(88, 104), range(104, 119),
)  # fmt: skip
SOUNDS = len(_SOUND_GROUPS)
GUITAR_SOUNDS, BASS_SOUNDS = slice(0, 8), slice(8, 13)
SOUND_OF_PROGRAM = {program: sound for sound, group in enumerate(_SOUND_GROUPS) for program in group}
"""Program, counted from 0 -> class; sound effects have none. Drum kits are not told apart."""

KEY_SHIFTS = 12

SONG_FEATURES = KEY_SHIFTS + SOUNDS
STATIC_FEATURES = MAX_PLACE + MAX_TOKENS + BAR_PHASE + 2 * EDGE + TEMPO_BINS + 5 + SONG_FEATURES
NOISE_FEATURES = 3 * (3 + 5 + 2)
FEATURES = STATIC_FEATURES + NOISE_FEATURES


def _one_hot(index: np.ndarray, size: int) -> np.ndarray:
    return np.eye(size, dtype=np.float32)[np.clip(index, 0, size - 1)]


def static_features(bars: Bars, token_map: TokenMap, song: np.ndarray) -> np.ndarray:
    """What place in the song a token has and what song it is, float32, shape (T, STATIC_FEATURES).

    Parameters
    ----------
    song : float32, shape (SONG_FEATURES,), see `song_features`.
    """
    bar, count = token_map.bar, len(bars.steps)
    tempo = np.log2(np.clip(bars.tempo_qpm[bar].astype(np.float32), 30, 300) / 120)
    compound = (bars.denominator[bar] >= 8) & (bars.numerator[bar] % 3 == 0)
    groups = [
        _one_hot(token_map.place, MAX_PLACE),
        _one_hot(bars.tokens[bar] - 1, MAX_TOKENS),
        _one_hot(bar % BAR_PHASE, BAR_PHASE),
        _one_hot(bar, EDGE),
        _one_hot(count - 1 - bar, EDGE),
        _one_hot(np.floor((tempo + 1.25) * 4).astype(np.int64), TEMPO_BINS),
        np.stack(
            [
                tempo,
                (bar + 0.5) / count,
                compound,
                token_map.valid.sum(axis=1) / STEPS,
                bars.steps[bar] / 48,
            ],
            axis=1,
        ).astype(np.float32),
        np.broadcast_to(song, (len(bar), SONG_FEATURES)),
    ]
    return np.concatenate(groups, axis=1)


def noise_features(level: np.ndarray, mode: np.ndarray, density: np.ndarray) -> np.ndarray:
    """What state each part of a token is in, float32, shape (..., NOISE_FEATURES).

    Parameters
    ----------
    level : float in [0, 1], shape (..., 3); noise level per part, 0 = clean.
    mode : int, shape (..., 3); see `MODES`.
    density : float, shape (..., 3); onsets a beat that are asked for, NaN = not said.
    """
    said = ~np.isnan(density)
    log_density = np.where(said, np.log2(np.where(said, density, 1) + 0.25), 0)
    numbers = [level, np.sqrt(level), level == 1, np.sin(np.pi * level), np.cos(np.pi * level), log_density, said]
    parts = np.concatenate([np.stack(numbers, axis=-1), np.eye(3)[mode]], axis=-1)
    return parts.reshape(*level.shape[:-1], NOISE_FEATURES).astype(np.float32)


def song_features(shift: int, sounds: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """What the whole song is: how far it was moved, and what plays in it; float32, shape (SONG_FEATURES,).

    Parameters
    ----------
    shift : semitones, -6..5, by which pitches were moved; with it the net can tell where the lowest string lies.
    sounds : notes in each class, shape (SOUNDS,).
    unknown : bool, shape (3,), parts that are to be found or missing: their own sounds are not told.
    """
    counts = np.array(sounds, dtype=np.float64)
    for part, own in ((1, BASS_SOUNDS), (2, GUITAR_SOUNDS)):
        if unknown[part]:
            counts[own] = 0
    share = np.sqrt(counts / max(1.0, counts.sum()))
    return np.concatenate([_one_hot(np.array(shift % KEY_SHIFTS), KEY_SHIFTS), share]).astype(np.float32)


def lowest_planes(given: np.ndarray) -> np.ndarray:
    """The derived context planes `LOWEST`, bool, shape (..., BASS_ROWS).

    Parameters
    ----------
    given : bool or uint8, shape (..., P + C); what is given, its last `BASS_ROWS` planes not looked at.
    """
    span = max(GUITAR_LOW + GUITAR_ROWS, OTHER_LOW + OTHER_ROWS, BASS_LOW + BASS_ROWS)
    sounding = np.zeros((*given.shape[:-1], span), dtype=bool)
    for planes, base in ((BASS, 0), (GUITAR, 0), (OTHER, TARGET_PLANES)):
        cells = slice(base + planes.sustain.start, base + planes.sustain.stop)
        sounding[..., planes.low : planes.low + planes.rows] |= given[..., cells].astype(bool)
    heard = np.asarray(sounding.any(axis=-1))
    row = fold(sounding.argmax(axis=-1), BASS)
    out = np.zeros((*given.shape[:-1], BASS_ROWS), dtype=bool)
    np.put_along_axis(out, row[..., None], heard[..., None], axis=-1)
    return out
