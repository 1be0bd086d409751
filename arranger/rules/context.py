"""What a player hears of the band: who strikes when, how densely, what comes back bar after bar.

A rule decides on places: a step together with its kind of beat and its place in the beat. The places of a beat are its
sixteenths and triplets, `PLACES` twelfths after its begin; a dotted quarter is taken as a quarter of triplets, so its
eighths are places 0, 4 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from arranger.grid import DRUMS, STEPS_PER_QUARTER, Grid
from arranger.parts import ROLES
from arranger.rules.metre import beat_pattern, beat_steps
from arranger.song import Bar
from arranger.voices import VOICES

BASS, GUITAR, OTHER = (ROLES.index(role) for role in ("bass", "guitar", "other"))
PITCHED = (BASS, GUITAR, OTHER)

SIGNALS = ("kick", "snare", "time", "bass", "guitar", "guitar low", "other", "other low")
"""Who is listened to; `time` is hats and ride, `low` the lowest note that sounds."""
SIGNAL_ROLE = np.array([DRUMS, DRUMS, DRUMS, BASS, GUITAR, GUITAR, OTHER, OTHER])
_TIME = ("closed hat", "pedal hat", "open hat", "ride")

PLACES = (0, 3, 4, 6, 8, 9)
SIXTEENTHS, TRIPLETS = (1, 5), (2, 4)
"""Indices into `PLACES` that only straight and only swung bars have."""
KINDS = ("first", "kick", "snare", "last snare", "between")
"""What a beat is in its bar: the first one, a further kick, a backbeat, the last backbeat, none of these."""

NEIGHBOURS = 4
"""Bars on either side that are taken for the same section."""
DEFAULT_TEMPO, SLOWEST, FASTEST = 120.0, 40.0, 300.0


@dataclass(frozen=True, eq=False)
class Heard:
    """The band without one of its parts.

    Parameters
    ----------
    strikes : float 0 or 1, shape (signal, step), where one begins; what the hidden role would play is silent.
    usual : float 0..1, shape (signal, step), how often it begins at this place in the bars around.
    rate : float, shape (signal, bar), strikes a beat in the bars around.
    plays : bool, shape (role, bar), whether anything sounds.
    beats : float, shape (bar,), number of beats.
    triplets : float 0..1, shape (bar,), share of triplets in the strikes off the eighths in the bars around.
    place : int, shape (step,), index into `PLACES`, -1 between them.
    kind : int, shape (step,), index into `KINDS`.
    tempo : float, shape (bar,), quarters a minute.
    """

    grid: Grid
    hidden: int
    strikes: np.ndarray
    usual: np.ndarray
    rate: np.ndarray
    plays: np.ndarray
    beats: np.ndarray
    triplets: np.ndarray
    place: np.ndarray
    kind: np.ndarray
    tempo: np.ndarray

    @property
    def band(self) -> np.ndarray:
        """Whether anybody plays in each bar, bool, shape (bar,)."""
        return np.asarray(self.plays.any(axis=0))


def listen(grid: Grid, hidden: int, tempo: Sequence[float] | np.ndarray | None = None) -> Heard:
    """What the player of the role `hidden` hears; its own planes are not looked at.

    Parameters
    ----------
    tempo : quarters a minute of each bar; 120 throughout where nobody says.
    """
    strikes = _strikes(grid)
    strikes[hidden == SIGNAL_ROLE] = 0
    starts = grid.bar_steps[:-1]
    plays = np.logical_or.reduceat(grid.sustain.any(axis=1), starts, axis=1)
    plays[hidden] = False
    place, kind, beats = _places(grid)
    usual = around_bars(strikes, plays[SIGNAL_ROLE], np.diff(grid.bar_steps))
    rate = near(np.add.reduceat(strikes, starts, axis=1)) / np.maximum(near(beats), 1e-9)
    struck = strikes.max(axis=0)
    swung = near(np.add.reduceat(struck * np.isin(place, TRIPLETS), starts))
    straight = near(np.add.reduceat(struck * np.isin(place, SIXTEENTHS), starts))
    triplets = swung / np.maximum(swung + straight, 1.0)
    told = np.full(len(grid.bars), DEFAULT_TEMPO) if tempo is None else np.asarray(tempo, dtype=float)
    return Heard(
        grid, hidden, strikes, usual, rate, plays, beats, triplets, place, kind, np.clip(told, SLOWEST, FASTEST)
    )


def _strikes(grid: Grid) -> np.ndarray:
    names = [voice.name for voice in VOICES]
    lowest = grid.sustain.argmax(axis=1)
    low = np.take_along_axis(grid.onset, lowest[:, None, :], axis=1)[:, 0]
    drums = grid.onset[DRUMS]
    rows = (
        drums[names.index("kick")],
        drums[names.index("snare")],
        drums[[names.index(name) for name in _TIME]].any(axis=0),
        grid.onset[BASS].any(axis=0),
        grid.onset[GUITAR].any(axis=0),
        low[GUITAR],
        grid.onset[OTHER].any(axis=0),
        low[OTHER],
    )
    return np.stack(rows).astype(float)


def around_bars(values: np.ndarray, plays: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean of each place over the bars of equal length around, those counted in which the row plays; like `values`.

    Parameters
    ----------
    values : float, shape (row, step). plays : bool, shape (row, bar). lengths : int, shape (bar,), steps of the bars.
    """
    out = np.zeros(values.shape)
    first = np.cumsum(lengths) - lengths
    for length in np.unique(lengths).tolist():
        bars = np.flatnonzero(lengths == length)
        steps = first[bars][:, None] + np.arange(length)
        weight = plays[:, bars].astype(float)
        total = near((values[:, steps] * weight[..., None]).transpose(0, 2, 1)).transpose(0, 2, 1)
        out[:, steps] = total / np.maximum(near(weight), 1.0)[..., None]
    return out


def near(values: np.ndarray) -> np.ndarray:
    """Sum over each entry of the last axis and its neighbours, `NEIGHBOURS` on either side."""
    size = values.shape[-1]
    total = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    at = np.arange(size)
    return np.asarray(total[..., np.minimum(size, at + NEIGHBOURS + 1)] - total[..., np.maximum(0, at - NEIGHBOURS)])


def _places(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place and kind of each step, and the number of beats of each bar."""
    lengths = np.diff(grid.bar_steps).tolist()
    bars = [bar_places(bar.numerator, bar.denominator, n) for bar, n in zip(grid.bars, lengths, strict=True)]
    place, kind, beats = zip(*bars, strict=True)
    return np.concatenate(place), np.concatenate(kind), np.array(beats, dtype=float)


@lru_cache(maxsize=256)
def bar_places(numerator: int, denominator: int, steps: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(place and kind of each step of a bar, number of its beats)."""
    edges = beat_steps(Bar(0, 0, steps, numerator, denominator), steps)
    names = beat_pattern(len(edges) - 1)
    place, kind = np.full(steps, -1), np.zeros(steps, dtype=int)
    for index, (first, last) in enumerate(pairwise(edges)):
        if index == 0:
            kind[first:last] = 0
        elif index == names.rfind("s"):
            kind[first:last] = 3
        else:
            kind[first:last] = {"k": 1, "s": 2, "-": 4}[names[index]]
        twelfths = np.arange(last - first) * STEPS_PER_QUARTER / (last - first)
        for at, twelfth in enumerate(PLACES):
            place[first:last][twelfths == twelfth] = at
    return place, kind, len(edges) - 1
