"""A player's habits, learned: how a number (a velocity, a delay) is spread in a given situation, and how one hand keeps
to itself.

Each `Habit` has two halves. A net with one hidden layer turns `arranger.feel_features` into the whole distribution of
the number, as chances of bins: an empirical distribution, so that ghost notes and accents stay two kinds of stroke and
nothing is averaged. `Shares` say how much of the deviation from the usual belongs to the player, to the player's
treatment of a voice, to the pattern kept from bar to bar, to the drift from bar to bar, and to the single stroke
(a Gaussian copula: standard normal numbers with these correlations, made uniform, are where in the distribution each
note is drawn). So the spread of one take within the song is a hand's, and the spread over takes is that of players.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from math import erf, sqrt

import numpy as np

from arranger.feel_features import PLACES, bar_places
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

LONGEST_BAR = 16
"""Beats of a bar after which a player's pattern begins again."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of the variance of the deviations, 0..1, together at most 1; what is left belongs to the single note.

    player : of the whole take. voice : of each drum voice (or string instrument: none). pattern : of each voice at each
    place in the bar, the same in every bar. bar : of each bar, which keeps `keep` of it for the next one. onset : of
    everything struck at the same time.
    """

    player: float
    voice: float
    pattern: float
    bar: float
    onset: float
    keep: float


@dataclass(frozen=True, eq=False)
class Habit:
    """How a number is spread.

    Parameters
    ----------
    edges : float, shape (bin + 1,), rising; borders of the bins in the number's unit.
    inner, inner_bias : float, shapes (feature, hidden) and (hidden,).
    outer, outer_bias : float, shapes (hidden, bin) and (bin,).
    levels : standard deviations, in the number's unit, of what is the same for everything a player plays and of what is
        his own in each voice; it was taken out of what the net learned, so that soft players' accents and loud players'
        ghost notes are known for what they are.
    curves : float, shape (2, voice, point): quantiles of each voice as it comes out, levels added, and as players play;
        what lies between is bent accordingly (pads that send 127 for every hard stroke). Of shape (2, 0, 0) for none.
    """

    edges: np.ndarray
    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray
    shares: Shares
    levels: tuple[float, float] = (0.0, 0.0)
    curves: np.ndarray = field(default_factory=lambda: np.zeros((2, 0, 0)))

    def bent(self, numbers: np.ndarray, voice: np.ndarray) -> np.ndarray:
        """The numbers along their voice's curve; float, shape (note,)."""
        out = numbers.copy()
        for which in np.unique(voice).tolist() if self.curves.size else ():
            out[voice == which] = np.interp(numbers[voice == which], *self.curves[:, which])
        return out

    def level(self, voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What one player adds to each note, float, shape (note,), from its voice (int)."""
        common, own = rng.uniform(-1, 1), rng.standard_normal(len(VOICES))
        return sqrt(3) * self.levels[0] * common + self.levels[1] * own[voice]

    def chances(self, features: np.ndarray) -> np.ndarray:
        """float, shape (note, bin), rows sum to one; features as from `feel_features.features`."""
        hidden = np.maximum(features @ self.inner + self.inner_bias, 0)
        logits = hidden @ self.outer + self.outer_bias
        grown = np.exp(logits - logits.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def drawn(self, chances: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The number at the quantile of each standard normal score; float, shape (note,), spread evenly in its bin."""
        reached = np.cumsum(chances, axis=1)
        wanted = np.clip(_normal_cdf(scores), 1e-6, 1 - 1e-6) * reached[:, -1]
        at = np.minimum((reached < wanted[:, None]).sum(axis=1), chances.shape[1] - 1)
        rows = np.arange(len(at))
        inside = 1 - (reached[rows, at] - wanted) / np.maximum(chances[rows, at], 1e-12)
        return self.edges[at] + np.clip(inside, 0, 1) * np.diff(self.edges)[at]


@dataclass(frozen=True, eq=False)
class Strum:
    """How guitarists spread a chord: `share` of chords that are spread at all, `upward` of these from the highest note
    down, and quantiles of the `seconds` from string to string, float, rising."""

    share: float
    upward: float
    seconds: np.ndarray


def hand_scores(notes: Sequence[Note], part: str, song: Song, shares: Shares, rng: np.random.Generator) -> np.ndarray:
    """Nearly normal numbers of mean 0 and variance 1, shape (note,), alike as far as `shares` says for one player."""
    ticks = np.array([note.start for note in notes], dtype=np.int64)
    bar, place = bar_places(song, ticks)
    place = place % (LONGEST_BAR * len(PLACES))
    voice = voices_of(notes, part)
    _, onset = np.unique(ticks, return_inverse=True)
    # As spread as a normal number but never far out: nobody wants the loudest drummer there is, all of whose ghost
    # notes are accents.
    of_player, of_voice = sqrt(3) * rng.uniform(-1, 1), rng.standard_normal(len(VOICES))
    of_pattern = rng.standard_normal((len(VOICES), LONGEST_BAR * len(PLACES)))
    of_bar = _drift(rng.standard_normal(len(song.bars)), shares.keep)
    of_onset, of_note = rng.standard_normal(onset.max() + 1), rng.standard_normal(len(notes))
    rest = 1 - shares.player - shares.voice - shares.pattern - shares.bar - shares.onset
    return (
        sqrt(shares.player) * of_player
        + sqrt(shares.voice) * of_voice[voice]
        + sqrt(shares.pattern) * of_pattern[voice, place]
        + sqrt(shares.bar) * of_bar[bar]
        + sqrt(shares.onset) * of_onset[onset]
        + sqrt(max(0.0, rest)) * of_note
    )


def voices_of(notes: Sequence[Note], part: str) -> np.ndarray:
    """Drum voice of each note, 0 for bass and guitar; int, shape (note,)."""
    return np.array([VOICE_OF_KEY[note.pitch] if part == "drums" else 0 for note in notes], dtype=np.int64)


def _drift(noise: np.ndarray, keep: float) -> np.ndarray:
    """A stationary AR(1) process with unit variance from white noise, shape (bar,)."""
    drift = noise.copy()
    for at in range(1, len(drift)):
        drift[at] = keep * drift[at - 1] + sqrt(1 - keep**2) * noise[at]
    return drift


def _normal_cdf(scores: np.ndarray) -> np.ndarray:
    return np.array([0.5 * (1 + erf(score / sqrt(2))) for score in scores.tolist()])


def habit_from(stored: dict[str, object]) -> Habit:
    """A habit from its JSON: weights are whole numbers times a `scale` for each matrix."""

    def matrix(name: str) -> np.ndarray:
        entry = stored[name]
        assert isinstance(entry, dict)
        return np.array(entry["values"], dtype=np.float32).reshape(entry["shape"]) * np.float32(entry["scale"])

    shares = stored["shares"]
    assert isinstance(shares, dict)
    edges = np.array(stored["edges"], dtype=float)
    names = ("inner", "inner_bias", "outer", "outer_bias")
    levels = stored["levels"]
    assert isinstance(levels, list)
    kept = Shares(**{each.name: shares[each.name] for each in fields(Shares)})
    curves = np.array(stored["curves"], dtype=float)
    inner, inner_bias, outer, outer_bias = (matrix(name) for name in names)
    spread = float(levels[0]), float(levels[1])
    return Habit(edges, inner, inner_bias, outer, outer_bias, kept, spread, curves)


@cache
def _stored() -> dict[str, dict]:
    stored: dict[str, dict] = json.loads(
        resources.files("arranger").joinpath("data/feel.json").read_text(encoding="utf-8")
    )
    return stored


@cache
def load_habits() -> dict[str, Habit]:
    """The shipped habits: `drums velocity`, `drums timing` and so on; a part without timing has no entry for it."""
    return {name: habit_from(entry) for name, entry in _stored()["habits"].items()}


@cache
def load_strum() -> Strum:
    """The shipped strum."""
    entry = _stored()["strum"]
    return Strum(float(entry["share"]), float(entry["upward"]), np.array(entry["seconds"], dtype=float))
