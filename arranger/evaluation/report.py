"""What an evaluation found: scores of single songs, and what they add up to.

How songs are put together: a song's scores under several seeds are averaged first, so that a song counts once. F1 and
shares are means over songs, F1 with a 95 % percentile-bootstrap interval; the density ratio and the seconds are
medians, because one long or empty song would rule a mean; bars are pooled, because a song may have none of a kind.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from arranger.evaluation.fillers import MEAN, MODEL, RULES, TRUTH
from arranger.evaluation.statistics import Difference, bootstrap_interval, paired_difference

WITH_INTERVAL = ("note_f1", "pitch_class_f1", "onset_f1")
PAIRED = ("note_f1", "pitch_class_f1", "onset_f1", "note_f1_fine", "chord_tones", "kick_bass_lock", "structure")
"""Measures of which the model's lead is tested."""

POOLED = {"empty_share": ("empty_bars", "playing_bars"), "extra_share": ("extra_bars", "resting_bars")}
MEDIANS = ("density_ratio", "seconds")
SUMS = ("changed_outside",)


@dataclass(frozen=True)
class Score:
    """What one filler reached in one part of one song.

    Parameters
    ----------
    seconds : time it took to fill; nan for a reference that fills nothing.
    measures : see `metrics.measure_part` and `metrics_notes`.
    """

    song: str
    part: str
    filler: str
    seconds: float
    measures: Mapping[str, float]
    mask: str = "whole"
    seed: int = 0


@dataclass(frozen=True)
class Report:
    """All scores of an evaluation.

    Parameters
    ----------
    songs : names of the songs scored, in the order drawn.
    skipped : (song, reason) for songs that were drawn but not used.
    failed : (song, part, filler, reason) for fills that were refused; they are scored as silence.
    settings : what is needed to run it again.
    kinds : song -> stratification -> stratum.
    studies : further results by name, for the JSON: real or fill, memorisation.
    """

    scores: tuple[Score, ...]
    parts: tuple[str, ...]
    fillers: tuple[str, ...]
    songs: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str, str, str], ...] = ()
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)
    masks: tuple[str, ...] = ("whole",)
    kinds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    studies: Mapping[str, object] = field(default_factory=dict)

    @property
    def changed_outside(self) -> int:
        """Notes that any fill changed where it had no business."""
        return int(sum(score.measures.get("changed_outside", 0) for score in self.scores))


@dataclass(frozen=True)
class Summary:
    """One column of the table: a filler in a part under a mask, over all songs.

    Parameters
    ----------
    part : a part, or `all parts`.
    values : by measure; nan where nothing could be judged.
    intervals : (low, high) of the measures in `WITH_INTERVAL`.
    counts : (bars, of bars) behind `empty_share` and `extra_share`.
    """

    part: str
    filler: str
    songs: int
    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    counts: Mapping[str, tuple[int, int]]
    mask: str = "whole"


@dataclass(frozen=True)
class Stratum:
    """One measure of several fillers in songs of one kind, or in one place of all songs."""

    part: str
    by: str
    name: str
    songs: int
    note_f1: Mapping[str, float]


ALL_PARTS = "all parts"


def summarise(report: Report) -> tuple[Summary, ...]:
    """One summary for each mask, part and filler that has scores, in the report's order; the masks that are drawn once
    a song have too few of each part, so theirs are over all parts together."""
    seed = int(report.settings.get("seed", 0))
    found = []
    for mask in report.masks:
        for part in report.parts if mask == "whole" else (ALL_PARTS,):
            for filler in report.fillers:
                scores = [
                    score
                    for score in report.scores
                    if (score.mask, score.filler) == (mask, filler) and part in (score.part, ALL_PARTS)
                ]
                if scores:
                    found.append(_summary(mask, part, filler, scores, seed))
    return tuple(found)


def by_song(scores: Sequence[Score], measure: str) -> dict[str, float]:
    """A measure of each song and part, the mean over its seeds, nan left out (nan where all are)."""
    values: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        value = score.seconds if measure == "seconds" else score.measures.get(measure, math.nan)
        values[f"{score.song}\0{score.part}"].append(value)
    return {song: _mean(found) for song, found in values.items()}


def differences(report: Report, ours: str = MODEL, theirs: str = RULES) -> dict[str, dict[str, Difference]]:
    """How much more one filler has than another, whole parts, part -> measure -> paired difference over songs."""
    found: dict[str, dict[str, Difference]] = {}
    for part in report.parts:
        scores = [score for score in report.scores if (score.mask, score.part) == ("whole", part)]
        one, other = ([score for score in scores if score.filler == name] for name in (ours, theirs))
        if not one or not other:
            continue
        found[part] = {}
        for measure in PAIRED:
            if measure in one[0].measures:
                a, b = by_song(one, measure), by_song(other, measure)
                songs = sorted(set(a) & set(b))
                seed = int(report.settings.get("seed", 0))
                found[part][measure] = paired_difference([a[song] for song in songs], [b[song] for song in songs], seed)
    return found


def strata(report: Report) -> tuple[Stratum, ...]:
    """Note F1 of whole parts by metre, tempo, genre, density of the true part (thirds of the songs) and place."""
    found = []
    names = [name for name in report.fillers if name != TRUTH]
    for part in report.parts:
        scores = [score for score in report.scores if (score.mask, score.part) == ("whole", part)]
        kinds: dict[str, dict[str, str]] = {song: dict(report.kinds.get(song, {})) for song in report.songs}
        for song, name in _density_thirds(scores).items():
            kinds[song]["density"] = name
        for by in sorted({by for kind in kinds.values() for by in kind}):
            for name in sorted({kind[by] for kind in kinds.values() if by in kind}):
                inside = [score for score in scores if kinds[score.song].get(by) == name]
                if inside:
                    found.append(_stratum(part, by, name, inside, names, "note_f1"))
        for place in ("first", "middle", "last"):
            if scores:
                found.append(_stratum(part, "place in the song", place, scores, names, f"note_f1_{place}"))
    return tuple(found)


def to_json(report: Report) -> str:
    """The report and what it adds up to as one JSON document; what could not be judged is null."""
    pairs = {f"{MODEL} - {other}": differences(report, theirs=other) for other in (RULES, MEAN)}
    document = {
        **asdict(report),
        "summary": [asdict(summary) for summary in summarise(report)],
        "differences": {
            name: {part: {measure: asdict(one) for measure, one in by.items()} for part, by in found.items()}
            for name, found in pairs.items()
            if found
        },
        "strata": [asdict(stratum) for stratum in strata(report)],
    }
    return json.dumps(finite(document), indent=1, allow_nan=False)


def finite(value: object) -> object:
    """The same document with null for every nan and infinity, which JSON doesn't have."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return value


def _summary(mask: str, part: str, filler: str, scores: Sequence[Score], seed: int) -> Summary:
    names = dict.fromkeys(name for score in scores for name in score.measures)
    columns = {name: by_song(scores, name) for name in (*names, "seconds")}
    counts = {
        name: tuple(int(sum(score.measures[one] for score in scores)) for one in pair) for name, pair in POOLED.items()
    }
    values: dict[str, float] = {name: some / of if of else math.nan for name, (some, of) in counts.items()}
    for name, column in columns.items():
        judged = [value for value in column.values() if not math.isnan(value)]
        middle = np.median if name in MEDIANS else np.sum if name in SUMS else np.mean
        values[name] = float(middle(judged)) if judged else math.nan
    intervals = {
        name: bootstrap_interval(list(columns[name].values()), seed) for name in WITH_INTERVAL if name in columns
    }
    songs = len({score.song for score in scores})
    return Summary(part, filler, songs, values, intervals, {k: (a, b) for k, (a, b) in counts.items()}, mask)


def _density_thirds(scores: Sequence[Score]) -> dict[str, str]:
    """song -> which third of the songs it is in by the density of its true part."""
    density = {
        score.song: score.measures["true_density"]
        for score in scores
        if score.filler == TRUTH and "true_density" in score.measures
    }
    ordered = sorted(density, key=lambda song: (density[song], song))
    thirds = ("sparse third", "middle third", "dense third")
    return {song: thirds[3 * at // len(ordered)] for at, song in enumerate(ordered)}


def _stratum(part: str, by: str, name: str, scores: Sequence[Score], fillers: Sequence[str], measure: str) -> Stratum:
    found = {}
    for filler in fillers:
        values = by_song([score for score in scores if score.filler == filler], measure).values()
        found[filler] = _mean(list(values))
    return Stratum(part, by, name, len({score.song for score in scores}), found)


def _mean(values: Sequence[float]) -> float:
    judged = [value for value in values if not math.isnan(value)]
    return float(np.mean(judged)) if judged else math.nan
