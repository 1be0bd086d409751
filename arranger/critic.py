"""The critic: how well a take fits its song, and how it stands against the rule and against human parts.

A take's score is its agreement with the other takes (mean F1 of their onsets: the best is their medoid, the take that
a committee of all of them would choose; a single take is held against the model's mean prediction), and how many of its
measures lie in the range of human parts (5th to 95th percentile over a training corpus, `data/human_ranges.json`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from arranger.evaluation.metrics import (
    chord_tone_share,
    distinct_bar_share,
    groove_consistency,
    in_key_share,
    kick_bass_lock,
    onset_f1,
)
from arranger.evaluation.metrics_truth import bars_playing
from arranger.grid import DRUMS, Grid
from arranger.parts import ROLES
from arranger.voices import VOICES

Planes = tuple[np.ndarray, np.ndarray]
BASS, GUITAR = ROLES.index("bass"), ROLES.index("guitar")
KICK = [voice.name for voice in VOICES].index("kick")
AGREEMENT_WEIGHT, RANGE_WEIGHT = 0.7, 0.3
SPARSEST, DENSEST = 0.6, 1.6
"""Takes whose number of notes is outside these multiples of what the model expects are rejected while others remain."""

MEASURES = {
    "density": "onsets a bar where it plays",
    "key_fit": "share of notes in the song's key",
    "chord_fit": "share of its sound that the band plays in the same beat",
    "lock": "agreement with the band's rhythm (kick and bass; guitar with the rest)",
    "variety": "share of its bars that differ from each other",
    "steadiness": "likeness of neighbouring bars' rhythm",
    "coverage": "share of the band's bars in which it plays",
}


@dataclass(frozen=True, slots=True)
class Card:
    """Score card of one part of one take; shares 0..1, `human` and `rule_human` of `judged` measures in range."""

    measures: Mapping[str, float]
    rule: Mapping[str, float]
    human: int
    rule_human: int
    judged: int
    agreement: float
    changed: int

    def as_dict(self) -> dict[str, object]:
        def clean(values: Mapping[str, float]) -> dict[str, float | None]:
            return {name: None if math.isnan(value) else round(value, 3) for name, value in values.items()}

        return {
            "measures": clean(self.measures),
            "rule": clean(self.rule),
            "in_human_range": self.human,
            "rule_in_human_range": self.rule_human,
            "judged": self.judged,
            "agreement": round(self.agreement, 3),
            "notes_changed_to_be_playable": self.changed,
        }


def part_measures(part: str, planes: Planes, grid: Grid, bars: tuple[int, int]) -> dict[str, float]:
    """`MEASURES` of a part in the bars [first, last); nan where there is nothing to judge.

    Parameters
    ----------
    planes : onset and sustain of the part, bool (row, step) on the grid; the grid's own planes of `part` don't count.
    """
    run = grid.bar_slice(*bars)
    steps = grid.bar_steps[bars[0] : bars[1] + 1] - grid.bar_steps[bars[0]]
    onset, sustain = planes[0][:, run], planes[1][:, run]
    others = [role for role, name in enumerate(ROLES) if name != part]
    band_onset, band_sustain = grid.onset[others][:, :, run], grid.sustain[others][:, :, run]
    playing = bars_playing(onset, steps)
    with_band = bars_playing(np.any(band_sustain, axis=0), steps)
    count = int(playing.sum())
    found = {
        "density": float(onset.sum() / count) if count else math.nan,
        "variety": distinct_bar_share(onset, steps),
        "steadiness": groove_consistency(onset, steps),
        "coverage": float(playing[with_band].mean()) if with_band.any() else math.nan,
        "key_fit": math.nan,
        "chord_fit": math.nan,
    }
    if part == "drums":
        found["lock"] = kick_bass_lock(onset[KICK], grid.onset[BASS][:, run], steps).f1
        return found
    pitched = [role for role in others if role != DRUMS]
    everywhere = np.any(grid.sustain[pitched], axis=0)
    found["key_fit"] = in_key_share(onset, everywhere)
    found["chord_fit"] = chord_tone_share(sustain, everywhere[:, run], steps)
    if part == "bass":
        found["lock"] = kick_bass_lock(grid.onset[DRUMS, KICK, run], onset, steps).f1
    else:
        rest = np.any(band_onset, axis=0)
        found["lock"] = onset_f1(onset, rest, steps).f1 if rest.any() else math.nan
    return found


@lru_cache(maxsize=1)
def human_ranges() -> dict[str, dict[str, tuple[float, float]]]:
    """part -> measure -> (5th, 95th percentile) over human parts; made by `datasets.human_ranges`."""
    return json.loads((resources.files("arranger") / "data" / "human_ranges.json").read_text())


def in_human_range(part: str, measures: Mapping[str, float]) -> tuple[int, int]:
    """(measures in the human range, measures that could be judged)."""
    ranges = human_ranges()[part]
    judged = {name: value for name, value in measures.items() if name in ranges and not math.isnan(value)}
    inside = sum(ranges[name][0] <= value <= ranges[name][1] for name, value in judged.items())
    return inside, len(judged)


def expected_f1(take: np.ndarray, chance: np.ndarray) -> float:
    """Expected F1 of a take if every cell is on with its `chance`: 2 sum(take chance) / (sum take + sum chance)."""
    total = float(take.sum() + chance.sum())
    return 2 * float(chance[take].sum()) / total if total else 1.0


def agreement(takes: np.ndarray, chance: np.ndarray) -> list[float]:
    """Agreement of each take, 0..1.

    Parameters
    ----------
    takes : bool (take, cell), onsets. chance : float (cell,), the model's mean prediction, for a take that is alone.
    """
    if len(takes) == 1:
        return [expected_f1(takes[0], chance)]
    cells = takes.astype(np.float32)
    common, sizes = cells @ cells.T, cells.sum(axis=1)
    f1 = 2 * common / np.maximum(1, sizes[:, None] + sizes[None, :])
    return ((f1.sum(axis=1) - np.diag(f1)) / (len(takes) - 1)).tolist()


def judge(
    part: str, planes: Planes, rule: Planes, grid: Grid, bars: tuple[int, int], agreed: float, changed: int
) -> Card:
    """Score card of a part."""
    measures, ruled = part_measures(part, planes, grid, bars), part_measures(part, rule, grid, bars)
    inside, judged = in_human_range(part, measures)
    return Card(measures, ruled, inside, in_human_range(part, ruled)[0], judged, agreed, changed)


def score(cards: Mapping[str, Card]) -> float:
    """Score of a take, 0..1, the mean over its parts."""
    return float(
        np.mean([AGREEMENT_WEIGHT * c.agreement + RANGE_WEIGHT * c.human / max(1, c.judged) for c in cards.values()])
    )
