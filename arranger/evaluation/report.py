"""What an evaluation found: scores of single songs, and the table they add up to.

How songs are put together: F1 and shares are means over songs, F1 with a 95 % percentile-bootstrap interval (Efron,
1979; songs are drawn with replacement, because the bars of one song are not independent); the density ratio and the
seconds are medians, because one long or empty song would rule a mean; bars are pooled, because a song may have none of
a kind.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

RESAMPLES = 2000
INTERVAL = (2.5, 97.5)
"""Percentiles of the bootstrap interval."""

LABELS = {
    "note_f1": "note F1",
    "pitch_class_f1": "pitch-class F1",
    "onset_f1": "onset F1",
    "note_precision": "note precision",
    "note_recall": "note recall",
    "density_ratio": "notes filled / true, median",
    "empty_share": "empty bars",
    "extra_share": "bars filled in rests",
    "in_key": "notes in key",
    "chord_tones": "chord tones",
    "kick_bass_lock": "kick-bass lock",
    "distinct_bars": "distinct bars",
    "groove_consistency": "groove consistency",
    "seconds": "seconds a song, median",
}
"""Rows of the table, in order."""

WITH_INTERVAL = ("note_f1", "pitch_class_f1", "onset_f1")
_POOLED = {"empty_share": ("empty_bars", "playing_bars"), "extra_share": ("extra_bars", "resting_bars")}
_MEDIANS = ("density_ratio", "seconds")


@dataclass(frozen=True)
class Score:
    """What one filler reached in one part of one song.

    Parameters
    ----------
    seconds : time it took to fill; nan for a reference that fills nothing.
    measures : see `arranger.evaluation.metrics.measure_part`.
    """

    song: str
    part: str
    filler: str
    seconds: float
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Report:
    """All scores of an evaluation.

    Parameters
    ----------
    songs : names of the songs scored, in the order drawn.
    skipped : (song, reason) for songs that were drawn but not used.
    failed : (song, part, filler, reason) for fills that were refused; they are scored as silence.
    settings : what is needed to run it again.
    """

    scores: tuple[Score, ...]
    parts: tuple[str, ...]
    fillers: tuple[str, ...]
    songs: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str, str, str], ...] = ()
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """One column of the table: a filler in a part, over all songs.

    Parameters
    ----------
    values : by the keys of `LABELS`, without those that the part doesn't have; nan where nothing could be judged.
    intervals : (low, high) of the measures in `WITH_INTERVAL`.
    counts : (bars, of bars) behind `empty_share` and `extra_share`.
    """

    part: str
    filler: str
    songs: int
    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    counts: Mapping[str, tuple[int, int]]


def summarise(report: Report) -> tuple[Summary, ...]:
    """One summary for each part and filler that has scores, in the report's order."""
    seed = int(report.settings.get("seed", 0))
    found = []
    for part in report.parts:
        for filler in report.fillers:
            scores = [score for score in report.scores if (score.part, score.filler) == (part, filler)]
            if scores:
                found.append(_summary(part, filler, scores, seed))
    return tuple(found)


def bootstrap_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % percentile-bootstrap interval of the mean of values, nan left out; (nan, nan) for none."""
    finite = np.array([value for value in values if not math.isnan(value)])
    if not len(finite):
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(len(finite), size=(RESAMPLES, len(finite)))
    low, high = np.percentile(finite[drawn].mean(axis=1), INTERVAL)
    return float(low), float(high)


def render_table(report: Report, markdown: bool = False) -> str:
    """Fillers side by side, one block a part, as plain text or Markdown; ends with a newline."""
    summaries = summarise(report)
    blocks = []
    for part in report.parts:
        columns = [summary for summary in summaries if summary.part == part]
        if not columns:
            blocks.append(f"{part}: no song of the set has it\n")
            continue
        rows = [
            [label, *(_cell(column, name) for column in columns)]
            for name, label in LABELS.items()
            if any(name in column.values for column in columns)
        ]
        count = max(column.songs for column in columns)
        title = f"{part}, {count} {'song' if count == 1 else 'songs'}"
        table = [[title if not markdown else "", *(column.filler for column in columns)], *rows]
        blocks.append(f"**{title}**\n\n{_markdown(table)}" if markdown else _plain(table))
    left_out, refused = len(report.skipped), len(report.failed)
    notes = [f"{left_out} {'song was' if left_out == 1 else 'songs were'} left out"] if left_out else []
    notes += [f"{refused} {'fill was' if refused == 1 else 'fills were'} refused, scored as silence"] if refused else []
    return "\n".join(blocks) + ("\n" + "; ".join(notes) + ".\n" if notes else "")


def to_json(report: Report) -> str:
    """The report and its summary as one JSON document; what could not be judged is null."""
    document = {**asdict(report), "summary": [asdict(summary) for summary in summarise(report)]}
    return json.dumps(_finite(document), indent=1, allow_nan=False)


def _summary(part: str, filler: str, scores: Sequence[Score], seed: int) -> Summary:
    columns = {name: [score.measures[name] for score in scores] for name in scores[0].measures}
    columns["seconds"] = [score.seconds for score in scores]
    counts = {name: (int(sum(columns[some])), int(sum(columns[of]))) for name, (some, of) in _POOLED.items()}
    values = {}
    for name in LABELS:
        if name in counts:
            count, total = counts[name]
            values[name] = count / total if total else math.nan
        elif name in columns:
            judged = [value for value in columns[name] if not math.isnan(value)]
            middle = np.median if name in _MEDIANS else np.mean
            values[name] = float(middle(judged)) if judged else math.nan
    intervals = {name: bootstrap_interval(columns[name], seed) for name in WITH_INTERVAL if name in columns}
    return Summary(part, filler, len(scores), values, intervals, counts)


def _cell(summary: Summary, name: str) -> str:
    value = summary.values.get(name, math.nan)
    if math.isnan(value):
        return "-"
    if name in summary.counts:
        count, total = summary.counts[name]
        return f"{value:.2f} ({count}/{total})"
    low, high = summary.intervals.get(name, (value, value))
    return f"{value:.2f}" + (f" ({low:.2f}-{high:.2f})" if high > low else "")


def _plain(table: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]]) + "\n"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]]) + "\n"


def _finite(value: object) -> object:
    """The same document with null for every nan and infinity, which JSON doesn't have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value
