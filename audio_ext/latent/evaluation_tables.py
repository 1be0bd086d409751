"""A report as text, as Markdown and as JSON, with the paper's own numbers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

from audio_ext.latent.evaluate import Report, Row
from audio_ext.latent.metrics.statistics import Figure

PAPER = (
    ("SDEdit [20 Steps]", 33.25, 4.40, 3.79, 1.35),
    ("SDEdit [50 Steps]", 27.64, 3.40, 3.34, 1.38),
    ("S.T. (Ours)", 5.55, 0.62, 1.10, 1.41),
)
"""Table I of the paper: model, FD, FAD, KLD, ISc."""
PAPER_DIFFERS = (
    "The paper's Table I is of 2,160 clips of 5 s of MUSDB18 test songs (recordings, drums taken out), by a model "
    "that began with Riffusion's weights and learnt for 300,000 steps; FD, KLD and IS by PANNs' Cnn14, FAD by VGGish. "
    "Here: rendered songs, 16 kHz, small nets, musicnn's taggers as listeners. Only the order of the systems can be "
    "compared, not the numbers; Fréchet distances of so few windows are also larger than those of many."
)
ABOUT = {
    "l1": "log-mel L1, nepers",
    "mse": "log-mel MSE",
    "rest": "log-mel L1 where the true stem is not",
    "lost": "what the mix lost of the submix, nepers",
    "sdr": "SI-SDR of the stem, dB",
    "f1": "onset F1 of the stem against the notes (drums: onsets; else with pitch), 50 ms",
    "fd": "Fréchet distance of MTT_musicnn's features of windows",
    "fad": "Fréchet audio distance of MTT_vgg's features of 3 s",
    "sub_fad": "the same of the stem laid over the untouched submix",
    "kld": "KL(truth || result) of the tags' softmax",
    "tags": "KL of independent tags",
    "is": "Inception Score of the tags",
}
COLUMNS = ("l1", "rest", "lost", "fd_mtt", "fad_mtt", "sub_fad_mtt", "kld_mtt", "tags_mtt", "is_mtt", "f1")
"""Those printed; JSON has all."""


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Columns that some row has, the usual ones first, then those of further listeners."""
    there = {name for row in rows for name in row.figures}
    further = sorted(
        name for name in there if name.startswith(("fd_", "fad_", "sub_fad_", "kld_")) and name not in COLUMNS
    )
    return [name for name in COLUMNS if name in there] + further


def lines_of(report: Report) -> list[str]:
    """The report in lines of plain text."""
    columns = columns_of(report.rows)
    length = f"{report.config.samples / 16_000:g} s"
    head = f"{report.config.part}, {report.count} windows of {length} from {report.songs} songs"
    lines = [f"{head}; model {report.model}; {report.seconds / 60:.1f} minutes", ""]
    lines += _aligned([["", *columns, "s"], *(_cells(row, columns) for row in report.rows)])
    lines += ["", *(f"{name}: {ABOUT[_stem(name)]}" for name in columns)]
    if report.sweep:
        tried = [["SDEdit at", *columns], *([f"{at:g}", *_cells(row, columns)[1:-1]] for at, row in report.sweep)]
        lines += ["", *_aligned(tried), f"{report.strength:g} was taken: the best places over L1, FD, FAD and KLD."]
    lines += _claim_lines(report)
    lines += _asked_lines(report)
    lines += [
        "",
        *_aligned([["the paper", "FD", "FAD", "KLD", "ISc"], *([n, *(f"{v:.2f}" for v in of)] for n, *of in PAPER)]),
    ]
    return [*lines, PAPER_DIFFERS, *report.notes]


def _claim_lines(report: Report) -> list[str]:
    lines = [""] if report.claims else []
    for claim in report.claims:
        sure = f"p = {claim.p:.4f}" if claim.p is not None else f"in {claim.sure:.0%} of bootstrap draws"
        verdict = "beats" if claim.holds else "does NOT beat"
        what = f"{claim.winner} {verdict} {claim.loser} on {claim.measure}"
        lines.append(f"{what}: {claim.value:.3f} against {claim.against:.3f}, {sure}")
    return lines


def _asked_lines(report: Report) -> list[str]:
    if not report.asked:
        return []
    rows = [
        [
            "asked for",
            "names",
            "windows",
            "recognised",
            "when another is asked",
            "probability",
            "else",
            "p",
            "true windows",
        ]
    ]
    for one in report.asked:
        shares = [f"{one.asked:.0%}", f"{one.other:.0%}", f"{one.asked_share:.3f}", f"{one.other_share:.3f}"]
        rows.append([one.kind, "/".join(one.names), str(one.count), *shares, f"{one.p:.4f}", f"{one.sure:.0%}"])
    return ["", *_aligned(rows)]


def markdown_of(report: Report) -> str:
    """The tables in Markdown, with intervals."""
    columns = columns_of(report.rows)
    rows = [["", *columns, "s a window"], *(_cells(row, columns, wide=True) for row in report.rows)]
    lines = [_head(report), "", *_marked(rows), ""]
    lines += [f"- `{name}`: {ABOUT[_stem(name)]}" for name in columns]
    if report.asked:
        asked = [["asked for", "windows", "recognised", "when another is asked", "p", "on true windows"]]
        asked += [
            [one.kind, str(one.count), f"{one.asked:.0%}", f"{one.other:.0%}", f"{one.p:.4f}", f"{one.sure:.0%}"]
            for one in report.asked
        ]
        lines += ["", *_marked(asked)]
    lines += ["", *(f"- {line}" for line in _claim_lines(report) if line), "", "The paper (Table I):", ""]
    lines += [*_marked([["", "FD", "FAD", "KLD", "ISc"], *([n, *(f"{v:.2f}" for v in of)] for n, *of in PAPER)]), ""]
    return "\n".join([*lines, PAPER_DIFFERS, *(f"\n{note}" for note in report.notes)])


def _head(report: Report) -> str:
    words = f"{report.count} windows of {report.config.samples / 16_000:g} s from {report.songs} held-out songs"
    strength = "" if report.strength is None else f"; SDEdit at strength {report.strength:g}"
    return f"Part: {report.config.part}; {words}; model: {report.model}{strength}. 95 % intervals over songs."


def document_of(report: Report) -> dict[str, Any]:
    """Everything as plain values; what can't be said is null."""
    return {
        "part": report.config.part,
        "model": report.model,
        "config": asdict(report.config),
        "windows": report.count,
        "songs": report.songs,
        "seconds": round(report.seconds, 1),
        "rows": [_row(row) for row in report.rows],
        "sweep": [{"strength": strength, **_row(row)} for strength, row in report.sweep],
        "sdedit_strength": report.strength,
        "instructions": [{key: _plain(value) for key, value in asdict(one).items()} for one in report.asked],
        "claims": [{**{k: _plain(v) for k, v in asdict(one).items()}, "holds": one.holds} for one in report.claims],
        "paper": [dict(zip(("model", "fd", "fad", "kld", "is"), one, strict=True)) for one in PAPER],
        "paper_differs": PAPER_DIFFERS,
        "notes": list(report.notes),
    }


def _row(row: Row) -> dict[str, Any]:
    figures = {
        name: [_plain(figure.value), _plain(figure.low), _plain(figure.high)] for name, figure in row.figures.items()
    }
    return {"name": row.name, "seconds_a_window": round(row.seconds, 3), "figures": figures}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and isnan(value) else round(value, 6) if isinstance(value, float) else value


def _stem(column: str) -> str:
    return column if column in ABOUT else column.rpartition("_")[0]


def _cells(row: Row, columns: Sequence[str], wide: bool = False) -> list[str]:
    seconds = f"{row.seconds:.2f}" if row.seconds else ""
    return [row.name, *(_figure(row.figures.get(name), wide) for name in columns), seconds]


def _figure(figure: Figure | None, wide: bool) -> str:
    if figure is None or isnan(figure.value):
        return ""
    digits = 1 if abs(figure.value) >= 100 else 2 if abs(figure.value) >= 10 else 3
    text = f"{figure.value:.{digits}f}"
    return text if not wide or isnan(figure.low) else f"{text} ({figure.low:.{digits}f} to {figure.high:.{digits}f})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(wide) for cell, wide in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _marked(rows: Sequence[Sequence[str]]) -> list[str]:
    ruler = ["---", *(["---:"] * (len(rows[0]) - 1))]
    return [f"| {' | '.join(row)} |" for row in (rows[0], ruler, *rows[1:])]
