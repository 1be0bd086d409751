"""The counted part of the rules: how likely a stroke is at each place, given what is heard.

Every voice has one logistic table: for each place of a beat a bias for each kind of beat and a weight for each feature.
`datasets/rule_patterns.py` fits them on a song corpus; `arranger/data/rules.json` holds the numbers, named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np

from arranger.parts import ROLES
from arranger.rules.context import DEFAULT_TEMPO, KINDS, PITCHED, PLACES, SIGNALS, Heard, near

FEATURES = (
    *SIGNALS,
    *(f"usual {name}" for name in SIGNALS),
    *(f"rate {name}" for name in SIGNALS),
    *(f"plays {name}" for name in ("drums", "bass", "guitar", "other")),
    "triplets",
    "tempo",
)
"""What is heard at a step: a stroke now, how usual it is here, strokes a beat, who plays in the bar, the share of
triplets, and the natural logarithm of the tempo over 120."""
REST_FEATURES = (
    *(f"plays {name}" for name in ("drums", "bass", "guitar", "other")),
    *(f"plays around {name}" for name in ("drums", "bass", "guitar", "other")),
    *(f"busy {name}" for name in ("drums", "bass", "guitar", "other")),
    "opening",
    "ending",
)
"""What is heard in a bar: who plays, how many of the bars around each plays in, its strokes over its usual number,
and how near the first and the last bar of the song are (1 there, 0 from the ninth on)."""
MARGIN = 8
NOTE_FEATURES = (
    "other sounds it",
    "bass sounds it",
    "other strikes the pitch",
    "other sounds the pitch",
    "bass sounds its octave",
    *(f"rate {name}" for name in ("kick", "time", "bass", "other")),
    *(f"plays {name}" for name in ("drums", "bass", "other")),
    "tempo",
)
"""What speaks for a pitch on a guitarist's stroke: its class sounds, it is struck, it sounds itself or an octave below,
and what the band is like."""
BANDS = 7


def step_features(heard: Heard, steps: np.ndarray) -> np.ndarray:
    """float, shape (step, `FEATURES`), of some steps."""
    bar = heard.grid.bar_of_step[steps]
    columns = [
        heard.strikes[:, steps],
        heard.usual[:, steps],
        heard.rate[:, bar],
        heard.plays[:, bar],
        heard.triplets[bar][None],
        np.log(heard.tempo[bar] / DEFAULT_TEMPO)[None],
    ]
    return np.concatenate(columns).T.astype(float)


def bar_features(heard: Heard) -> np.ndarray:
    """float, shape (bar, `REST_FEATURES`)."""
    plays = heard.plays.astype(float)
    count = plays.shape[1]
    onset = heard.grid.onset.any(axis=1)
    struck = np.add.reduceat(onset, heard.grid.bar_steps[:-1], axis=1) * plays
    usual = struck.sum(axis=1) / np.maximum(plays.sum(axis=1), 1)
    busy = np.minimum(struck / np.maximum(usual, 1e-9)[:, None], 3.0)
    around = near(plays) / near(np.ones(count))
    sounding = np.flatnonzero(heard.band)
    first, last = (int(sounding[0]), int(sounding[-1])) if len(sounding) else (0, count)
    at = np.arange(count)
    opening, ending = (np.clip(1 - distance / MARGIN, 0, 1) for distance in (at - first, last - at))
    return np.concatenate([plays, around, busy, opening[None], ending[None]]).T


def stroke_chances(heard: Heard, voices: Sequence[str]) -> dict[str, np.ndarray]:
    """Chance of a stroke of each voice at each step, float 0..1, shape (step,); 0 where the whole band rests."""
    steps = np.flatnonzero((heard.place >= 0) & heard.band[heard.grid.bar_of_step])
    place, kind, features = heard.place[steps], heard.kind[steps], step_features(heard, steps)
    chances = {voice: np.zeros(heard.grid.steps) for voice in voices}
    for at in range(len(PLACES)):
        here = place == at
        found = features[here]
        for voice in voices:
            bias, weight = load_tables()[voice]
            score = bias[at, kind[here]] + found @ weight[at]
            chances[voice][steps[here]] = 1 / (1 + np.exp(-score))
    return chances


def playing_chance(heard: Heard, part: str) -> np.ndarray:
    """Chance that a part plays in each bar, float 0..1, shape (bar,); 0 where the whole band rests."""
    bias, weight = load_tables()[f"{part} plays"]
    score = bias[0, 0] + bar_features(heard) @ weight[0]
    return np.where(heard.band, 1 / (1 + np.exp(-score)), 0.0)


def layout(name: str) -> tuple[tuple[str, ...], tuple[int, int]]:
    """(names of the features, shape of the bias) of a table."""
    if name.endswith(" plays"):
        return REST_FEATURES, (1, 1)
    if name == "guitar notes":
        return NOTE_FEATURES, (BANDS, 12)
    return FEATURES, (len(PLACES), len(KINDS))


@cache
def load_tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Table -> (bias, shape (place, kind); weight, shape (place, feature)); `... plays` have one place and kind."""
    stored = json.loads(resources.files("arranger").joinpath("data/rules.json").read_text(encoding="utf-8"))["tables"]
    found = {}
    for name, table in stored.items():
        features, shape = layout(name)
        weight = np.stack([table["weights"].get(feature, [0.0] * shape[0]) for feature in features], axis=1)
        found[name] = np.array(table["bias"], dtype=float).reshape(shape), weight
    return found


@cache
def load_roots() -> dict[str, np.ndarray]:
    """Part -> root weights, float, shape (72,): role, then sounds or lowest, then semitones above the root."""
    stored = json.loads(resources.files("arranger").joinpath("data/rules.json").read_text(encoding="utf-8"))["roots"]
    found = {}
    for part, roles in stored.items():
        weights = np.zeros((len(PITCHED), 2, 12))
        for at, role in enumerate(PITCHED):
            for kind, what in enumerate(("sounds", "lowest")):
                weights[at, kind] = roles.get(ROLES[role], {}).get(what, np.zeros(12))
        found[part] = weights.ravel()
    return found
