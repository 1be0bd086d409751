"""A report as tables, in plain text or Markdown: fillers side by side, leads with their tests, kinds of songs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from arranger.evaluation.fillers import MEAN, MODEL, RULES, TOKENS
from arranger.evaluation.report import Report, Summary, differences, strata, summarise

LABELS = {
    "note_f1": "note F1",
    "pitch_class_f1": "pitch-class F1",
    "onset_f1": "onset F1",
    "note_f1_fine": "note F1, 12 steps",
    "pitch_class_f1_fine": "pitch-class F1, 12 steps",
    "onset_f1_fine": "onset F1, 12 steps",
    "f1_kick": "kick F1",
    "f1_snare": "snare F1",
    "f1_closed hat": "closed hat F1",
    "f1_open hat": "open hat F1",
    "f1_crash": "crash F1",
    "f1_ride": "ride F1",
    "note_precision": "note precision",
    "note_recall": "note recall",
    "density_ratio": "notes filled / true, median",
    "empty_share": "empty bars",
    "extra_share": "bars filled in rests",
    "oa_pitch": "overlap of pitches",
    "oa_duration": "overlap of durations",
    "oa_ioi": "overlap of intervals in time",
    "oa_velocity": "overlap of velocities",
    "in_key": "notes in key",
    "chord_tones": "chord tones",
    "root_at_change": "root at chord change",
    "kick_bass_lock": "kick-bass lock",
    "distinct_bars": "distinct bars",
    "groove_consistency": "groove consistency",
    "structure": "structure like the truth's",
    "form_shared": "form shared with the band",
    "same_sections": "likeness of same sections",
    "unplayable": "unplayable, per 100 notes",
    "changed_outside": "notes changed outside",
    "seconds": "seconds a part, median",
}
"""Rows of the table, in order."""

SHORT = (
    "note_f1",
    "pitch_class_f1",
    "onset_f1",
    "density_ratio",
    "empty_share",
    "extra_share",
    "chord_tones",
    "kick_bass_lock",
    "changed_outside",
    "seconds",
)
"""Rows of the masks that are drawn once a song."""

MASK_TITLES = {
    "whole": "",
    "two": "two parts at once",
    "half": "half of a part's bars",
    "last": "a part's last bars",
}


def render_table(report: Report, markdown: bool = False) -> str:
    """Fillers side by side, one block a mask and part, then the model's leads; ends with a newline."""
    summaries = summarise(report)
    blocks = []
    for mask in report.masks:
        for part in dict.fromkeys([*report.parts, *(one.part for one in summaries)]):
            columns = [one for one in summaries if (one.mask, one.part) == (mask, part)]
            if columns:
                blocks.append(_block(columns, mask, part, markdown))
            elif mask == "whole" and part in report.parts:
                blocks.append(f"{part}: no song of the set has it\n")
    blocks += [render_differences(report, other, markdown) for other in (RULES, MEAN, TOKENS)]
    left_out, refused = len(report.skipped), len(report.failed)
    notes = [f"{left_out} {'song was' if left_out == 1 else 'songs were'} left out"] if left_out else []
    notes += [f"{refused} {'fill was' if refused == 1 else 'fills were'} refused, scored as silence"] if refused else []
    return "\n".join(block for block in blocks if block) + ("\n" + "; ".join(notes) + ".\n" if notes else "")


def render_differences(report: Report, other: str = RULES, markdown: bool = False) -> str:
    """How much more the model has than another filler, with intervals and p; empty if either is not there."""
    found = differences(report, MODEL, other)
    if not found:
        return ""
    title = f"{MODEL} - {other}"
    names = dict.fromkeys(name for by in found.values() for name in by)
    rows = [["" if markdown else title, *found]]
    for name in names:
        cells = [
            f"{one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f}), p = {one.p:.2g}" if one and one.pairs else "-"
            for one in (by.get(name) for by in found.values())
        ]
        rows.append([LABELS[name], *cells])
    return f"**{title}**\n\n{markdown_table(rows)}" if markdown else plain_table(rows)


def render_strata(report: Report, markdown: bool = False) -> str:
    """Note F1 of whole parts in songs of each kind, one block a part."""
    found, blocks = strata(report), []
    for part in report.parts:
        mine = [one for one in found if one.part == part]
        if not mine:
            continue
        title = f"{part}, note F1 by kind of song"
        rows = [["" if markdown else title, "songs", *mine[0].note_f1]]
        for one in mine:
            rows.append([f"{one.by}: {one.name}", str(one.songs), *(_number(value) for value in one.note_f1.values())])
        blocks.append(f"**{title}**\n\n{markdown_table(rows)}" if markdown else plain_table(rows))
    return "\n".join(blocks)


def _block(columns: Sequence[Summary], mask: str, part: str, markdown: bool) -> str:
    rows = [
        [label, *(_cell(column, name) for column in columns)]
        for name, label in LABELS.items()
        if (mask == "whole" or name in SHORT)
        and any(not math.isnan(column.values.get(name, math.nan)) or name in column.counts for column in columns)
    ]
    count = max(column.songs for column in columns)
    title = f"{MASK_TITLES[mask] or part}, {count} {'song' if count == 1 else 'songs'}"
    table = [[title if not markdown else "", *(column.filler for column in columns)], *rows]
    return f"**{title}**\n\n{markdown_table(table)}" if markdown else plain_table(table)


def _cell(summary: Summary, name: str) -> str:
    value = summary.values.get(name, math.nan)
    if math.isnan(value):
        return "-"
    if name in summary.counts:
        count, total = summary.counts[name]
        return f"{value:.2f} ({count}/{total})"
    if name == "changed_outside":
        return f"{value:.0f}"
    low, high = summary.intervals.get(name, (value, value))
    return f"{value:.2f}" + (f" ({low:.2f}-{high:.2f})" if high > low else "")


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def plain_table(table: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns, a line under the first row."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]]) + "\n"


def markdown_table(table: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([lines[0], "|---" * len(table[0]) + "|", *lines[1:]]) + "\n"
