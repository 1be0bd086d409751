"""Pictures of an evaluation: how the fillers compare, and piano rolls of fills beside the truth. Needs matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arranger.evaluation.fillers import TRUTH
from arranger.evaluation.report import Report, summarise
from arranger.evaluation.tables import LABELS
from arranger.pictures.canvas import new_figure, to_png
from arranger.pictures.lanes import Stroke, draw_bar_lines, draw_notes, octave_rows
from arranger.pictures.plan import within
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

BARS_SHOWN = 8
COLOURS = ("#1b6ca8", "#7fb2d9", "#d1813f", "#b9b9b9", "#7a9e5f", "#444444")
"""One for each filler in the order of the columns; they differ in brightness too."""

SHOWN = ("note_f1", "pitch_class_f1", "onset_f1")
AGAINST_TRUTH = (
    "chord_tones",
    "root_at_change",
    "kick_bass_lock",
    "distinct_bars",
    "groove_consistency",
    "oa_duration",
    "oa_ioi",
    "structure",
)


@dataclass(frozen=True)
class Roll:
    """A fill to be shown: notes of the part in the song's ticks, and of the truth."""

    song: Song
    part: str
    filled: Sequence[Note]
    true: Sequence[Note]
    bars: tuple[int, int]


def plot_scores(report: Report) -> bytes:
    """F1 of whole parts, a panel a part, bars of the fillers side by side with their intervals; PNG."""
    summaries = [one for one in summarise(report) if one.mask == "whole" and one.filler != TRUTH]
    parts = list(dict.fromkeys(one.part for one in summaries))
    figure = new_figure(4.6 * max(1, len(parts)), 3.8)
    axes = figure.subplots(1, max(1, len(parts)), sharey=True, squeeze=False)[0]
    names = list(dict.fromkeys(one.filler for one in summaries))
    for axis, part in zip(axes, parts, strict=False):
        columns = [one for one in summaries if one.part == part]
        shown = [name for name in SHOWN if name in columns[0].values]
        width = 0.8 / len(columns)
        for at, column in enumerate(columns):
            places = np.arange(len(shown)) + (at - (len(columns) - 1) / 2) * width
            heights = np.array([column.values[name] for name in shown])
            ends = np.array([column.intervals[name] for name in shown]).T
            colour = COLOURS[names.index(column.filler) % len(COLOURS)]
            axis.bar(places, heights, width * 0.92, color=colour, label=column.filler)
            axis.errorbar(
                places, heights, np.abs(ends - heights), fmt="none", ecolor="#222222", elinewidth=0.9, capsize=1.5
            )
        axis.set_title(f"{part}, {max(one.songs for one in columns)} songs", fontsize=11)
        axis.set_xticks(range(len(shown)), [LABELS[name] for name in shown], fontsize=9)
        _plain(axis)
    if parts:
        axes[0].set_ylim(0, 1)
        axes[0].set_ylabel("F1 against the true part (95 % interval)", fontsize=9)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    return to_png(figure)


def plot_manner(report: Report) -> bytes:
    """What fills are like where the truth's own value is the mark to meet: a dot a filler, the truth as a line; PNG."""
    summaries = [one for one in summarise(report) if one.mask == "whole"]
    parts = list(dict.fromkeys(one.part for one in summaries))
    figure = new_figure(4.6 * max(1, len(parts)), 4.4)
    axes = figure.subplots(1, max(1, len(parts)), sharex=True, squeeze=False)[0]
    names = list(dict.fromkeys(one.filler for one in summaries if one.filler != TRUTH))
    for axis, part in zip(axes, parts, strict=False):
        columns = {one.filler: one for one in summaries if one.part == part}
        shown = [name for name in AGAINST_TRUTH if not math.isnan(columns[TRUTH].values.get(name, math.nan))][::-1]
        for at, name in enumerate(shown):
            mark = columns[TRUTH].values[name]
            axis.plot([mark, mark], [at - 0.38, at + 0.38], color="#222222", linewidth=2.2, zorder=1)
            for filler in names:
                if filler in columns:
                    colour = COLOURS[names.index(filler) % len(COLOURS)]
                    place = at + 0.12 * (names.index(filler) - len(names) / 2 + 0.5)
                    axis.plot(columns[filler].values[name], place, "o", color=colour, markersize=6, zorder=2)
        axis.set_yticks(range(len(shown)), [LABELS[name] for name in shown], fontsize=9)
        axis.set_xlim(-0.05, 1.05)
        axis.set_title(part, fontsize=11)
        _plain(axis)
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=COLOURS[at % len(COLOURS)], marker="o", linestyle="", label=name)
        for at, name in enumerate(names)
    ]
    handles.append(Line2D([], [], color="#222222", linewidth=2.2, label="truth"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9, frameon=False)
    return to_png(figure)


def plot_roll(roll: Roll) -> bytes:
    """The fill above, the truth below, bar lines, the same pitches; PNG."""
    drums = roll.part == "drums"
    figure = new_figure(11, 4.2 if drums else 4.6)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    song, (first, last) = roll.song, roll.bars
    begin, end = song.bars[first].start, song.bars[last - 1].end
    sides = (("fill", roll.filled, "#1b6ca8"), ("truth", roll.true, "#444444"))
    used = [_row(note, drums) for _, notes, _ in sides for note in notes if begin <= note.start < end]
    low, high = (0, len(VOICES) - 1) if drums else (min(used, default=36) - 2, max(used, default=60) + 2)
    for axis, (name, notes, colour) in zip(axes, sides, strict=True):
        axis.set_ylim(low - 0.6, high + 0.6)
        strokes = [Stroke(note, _row(note, drums), colour) for note in notes if within(note, begin, end)]
        # A drum stroke has no length: it is drawn as long as a thirty-second.
        draw_notes(axis, strokes, (begin, end), shortest=song.ticks_per_quarter / 8, drums=drums)
        draw_bar_lines(axis, song.bars[first:last])
        axis.set_ylabel(name, fontsize=10)
        if drums:
            axis.set_yticks(range(len(VOICES)), [voice.name for voice in VOICES], fontsize=7)
        else:
            octave_rows(axis, low, high, size=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[1].set_xlim(begin, end)
    bars = song.bars[first:last]
    axes[1].set_xticks([bar.start for bar in bars], [str(bar.index + 1) for bar in bars], fontsize=8)
    axes[1].set_xlabel("bar", fontsize=9)
    return to_png(figure)


def shown_bars(roll_bars: tuple[int, int], song: Song, true: Sequence[Note]) -> tuple[int, int]:
    """Eight bars from the middle of those in which the truth plays."""
    played = sorted({song.bar_at(note.start) for note in true}) or [roll_bars[0]]
    middle = played[len(played) // 2]
    first = max(roll_bars[0], min(middle, roll_bars[1] - BARS_SHOWN))
    return first, min(first + BARS_SHOWN, roll_bars[1])


def _row(note: Note, drums: bool) -> int:
    return VOICE_OF_KEY[note.pitch] if drums else note.pitch


def _plain(axis: object) -> None:
    axis.spines[["top", "right"]].set_visible(False)  # type: ignore[attr-defined]
    axis.grid(axis="both", color="#eeeeee", linewidth=0.8)  # type: ignore[attr-defined]
    axis.set_axisbelow(True)  # type: ignore[attr-defined]
