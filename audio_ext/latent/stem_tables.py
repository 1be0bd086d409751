"""A report on all stems as text, as Markdown and as JSON, with the papers' own numbers beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

from audio_ext.latent.evaluate_stems import StemReport
from audio_ext.latent.evaluation_tables import _aligned, _figure, _marked, _plain
from audio_ext.latent.stem_tasks import StemClaim, Table

Rows = tuple[tuple[str, ...], ...]
PAPER: dict[str, tuple[tuple[str, Rows], ...]] = {
    "separate": (
        (
            "MGE-LDM's Table 3, Slakh2100 (its subset with these four stems), log-mel L1",
            (
                ("", "bass", "drums", "guitar", "piano"),
                ("MSDM", "1.90", "1.51", "3.32", "2.70"),
                ("MSG-LD", "1.20", "1.24", "2.24", "1.85"),
            ),
        ),
    ),
    "complete": (
        (
            "MGE-LDM's Table 2, the same subset of Slakh2100, sub-FAD of what is made (B, D, G, P for piano)",
            (
                ("", "B", "D", "G", "P", "BD", "BG", "BP", "DG", "DP", "GP", "BDG", "BDP", "BGP", "DGP"),
                (
                    *("MSDM", "0.56", "1.06", "0.49", "0.70", "2.23", "1.56", "1.95", "1.64", "1.83", "2.31"),
                    *("3.09", "3.53", "5.72", "3.86"),
                ),
                (
                    *("MSG-LD", "0.33", "0.34", "0.49", "0.48", "0.70", "1.08", "1.05", "0.86", "0.83", "1.47"),
                    *("1.43", "1.42", "2.31", "1.76"),
                ),
            ),
        ),
        (
            "MusicGen-Stem's Table II",
            (
                ("", "HAR bass", "HAR other", "BEAT bass", "BEAT drums", "BEAT other"),
                ("Ground Truth", "72%", "72%", "0.52", "0.87", "0.55"),
                ("MSDM RT", "48%", "47%", "0.28", "0.18", "0.45"),
                ("MSDM PT", "31%", "41%", "0.03", "0.20", "0.04"),
                ("MusicGen-Stem, text", "66%", "68%", "0.42", "0.69", "0.41"),
                ("MusicGen-Stem", "66%", "67%", "0.46", "0.67", "0.45"),
            ),
        ),
    ),
    "generate": (
        (
            "MSG-LD, section IV-B: FAD against mixtures of Slakh2100's test set",
            (("", "FAD"), ("MSDM", "6.55"), ("MSG-LD", "1.36")),
        ),
        (
            "MGE-LDM's Table 1, the subset with these four stems, and all of Slakh2100's test set",
            (("", "FAD", "FAD, all"), ("MSDM", "4.21", "6.04"), ("MSG-LD", "1.38", "1.55")),
        ),
    ),
}
PAPER["fit"] = PAPER["complete"][1:]
"""Rows as printed. MSG-LD's own Tables I and II are not in the text that we have, only what its prose says; MGE-LDM
(its section 4) measured MSG-LD again on the same data."""
DIFFERS = {
    "separate": (
        "The papers' songs are Slakh2100, by a net of 305 M parameters in 200 steps; their fourth stem is a piano, "
        "ours is all the rest. MSG-LD measures MSE after codec and vocoder; here MSE is of the log-mels that the model "
        "gives (rows with SI-SDR: of sound), so the vocoder's error is not in it. MGE-LDM's figures are L1, not MSE."
    ),
    "complete": (
        "The papers' FAD hears with VGGish; here MTT_vgg of musicnn does, on fewer windows, which makes it larger. "
        "MusicGen-Stem's HAR and BEAT are of 534 songs that Demucs took apart, `other` being all but bass and drums; "
        "here of windows of rendered stems, `other` being without guitars; the beats are those of madmom's tracker of "
        "downbeats. Only the order of the rows can be compared."
    ),
    "generate": (
        "VGGish against MTT_vgg, 16 kHz mixtures of other songs, far fewer windows: only the order of the rows can be "
        "compared, and the truth's halves say what chance alone gives."
    ),
}
DIFFERS["fit"] = DIFFERS["complete"]
ABOUT = {
    "mse": "MSE of the log-mel, mean over stems and of each",
    "sdr": "SI-SDR, dB",
    "sub_fad": "FAD of the new stems with the given ones against the true mix",
    "fad": "FAD against the true mixes",
    "har": "share of the time in which the bass plays a tone of the chord (MusicGen-Stem, IV-B)",
    "har_counted": "share of all the time that HAR speaks of",
    "beat": "F-measure of the stem's beats against the song's (MusicGen-Stem, IV-B)",
}


def stem_lines(report: StemReport) -> list[str]:
    """The report in lines of plain text."""
    lines = [_head(report)]
    for table in report.tables:
        lines += ["", *_aligned(_cells(table, False))]
    lines += ["", *_about(report), "", *(_sentence(one) for one in report.claims)]
    for title, rows in PAPER[report.config.task]:
        lines += ["", f"{title}:", *_aligned(rows)]
    return [*lines, "", DIFFERS[report.config.task], *report.notes]


def stem_markdown(report: StemReport) -> str:
    """The report in Markdown, with intervals."""
    lines = [f"{_head(report)}. 95 % intervals over songs."]
    for table in report.tables:
        lines += ["", *_marked(_cells(table, True))]
    lines += ["", *(f"- {one}" for one in _about(report)), "", *(f"- {_sentence(one)}" for one in report.claims)]
    for title, rows in PAPER[report.config.task]:
        lines += ["", f"{title}:", "", *_marked(rows)]
    return "\n".join([*lines, "", DIFFERS[report.config.task], *(f"\n{note}" for note in report.notes)])


def stem_document(report: StemReport) -> dict[str, Any]:
    """Everything as plain values; what can't be said is null."""
    return {
        "task": report.config.task,
        "model": report.model,
        "config": asdict(report.config),
        "windows": report.count,
        "songs": report.songs,
        "seconds": round(report.seconds, 1),
        "tables": [
            {
                "title": table.title,
                "rows": [
                    {
                        "name": row.name,
                        "figures": {k: [_plain(v) for v in (f.value, f.low, f.high)] for k, f in row.figures.items()},
                        "windows": {k: int((v == v).sum()) for k, v in row.windows.items()},
                    }
                    for row in table.rows
                ],
            }
            for table in report.tables
        ],
        "claims": [{key: _plain(value) for key, value in asdict(one).items()} for one in report.claims],
        "papers": [{"title": title, "rows": rows} for title, rows in PAPER[report.config.task]],
        "papers_differ": DIFFERS[report.config.task],
        "notes": list(report.notes),
    }


def _head(report: StemReport) -> str:
    length = f"{report.config.samples / 16_000:g} s"
    return f"{report.config.task}: {report.count} windows of {length} from {report.songs} songs; model: {report.model}"


def _cells(table: Table, wide: bool) -> list[list[str]]:
    head = [table.title, *table.columns]
    return [
        head,
        *([row.name, *(_figure(row.figures.get(name), wide) for name in table.columns)] for row in table.rows),
    ]


def _about(report: StemReport) -> list[str]:
    names = dict.fromkeys(column for table in report.tables for column in table.columns)
    known = dict.fromkeys(_known(name) for name in names)
    return [f"{name}: {ABOUT[name]}" for name in known]


def _known(column: str) -> str:
    """The measure that a column is of: `mse bass` and `mse`, `sub_fad_mtt`."""
    return max((name for name in ABOUT if column.startswith(name)), key=len)


def _sentence(claim: StemClaim) -> str:
    if isnan(claim.value) or isnan(claim.against):
        return f"{claim.winner} and {claim.loser} can't be compared on {claim.measure}: nothing could be counted"
    verdict = "beats" if claim.holds else "does NOT beat"
    sure = ""
    if claim.p is not None:
        sure = f", p = {claim.p:.4f}"
    elif claim.sure is not None:
        sure = f", in {claim.sure:.0%} of bootstrap draws"
    what = f"{claim.winner} {verdict} {claim.loser} on {claim.measure}"
    return f"{what}: {claim.value:.3f} against {claim.against:.3f}{sure}"


def told(report: StemReport, markdown: bool) -> str:
    """The report as the command prints it."""
    return stem_markdown(report) if markdown else "\n".join(stem_lines(report))


__all__: Sequence[str] = ("stem_document", "stem_lines", "stem_markdown", "told")
