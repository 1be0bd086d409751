"""The report as one HTML page that needs nothing beside it: tables, plots, and piano rolls to be read as a musician.

Of each part the best, the median and the worst fill of the model by note F1 are shown (of the first filler of the
report where the model was left out), whole parts with the first seed.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from pathlib import Path

from arranger.errors import ArrangerError
from arranger.evaluation.evaluate import Heard
from arranger.evaluation.fillers import MODEL
from arranger.evaluation.pictures import Roll, plot_manner, plot_roll, plot_scores, shown_bars
from arranger.evaluation.report import Report
from arranger.evaluation.tables import render_strata, render_table

PLACES = ("best", "median", "worst")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
pre { font: 12.5px/1.45 ui-monospace, monospace; overflow-x: auto; background: #f7f7f7; padding: 1rem; }
img { max-width: 100%; } figure { margin: 1.5rem 0; } figcaption { color: #555; font-size: 14px; }
"""


class Gallery:
    """Keeps the fills that a report may show; hand `Gallery.observe` to `evaluate`."""

    def __init__(self, filler: str = MODEL) -> None:
        self.filler = filler
        self.heard: dict[tuple[str, str], Heard] = {}

    def observe(self, heard: Heard) -> None:
        """Keep the filler's first fill of each whole part."""
        if heard.filler == self.filler and heard.case.task.mask == "whole":
            self.heard.setdefault((heard.case.task.name, heard.case.task.parts[0]), heard)

    def pick(self, report: Report, part: str) -> list[tuple[str, float, Heard]]:
        """(place, note F1, fill) of the best, the median and the worst; fewer where there are fewer songs."""
        found = []
        for score in report.scores:
            heard = self.heard.get((score.song, part))
            right = (score.part, score.mask, score.filler) == (part, "whole", self.filler)
            if right and heard and heard.seed == score.seed and not math.isnan(score.measures["note_f1"]):
                found.append((score.measures["note_f1"], score.song, heard))
        found.sort(key=lambda one: (-one[0], one[1]))
        places = dict(zip(PLACES, (0, len(found) // 2, len(found) - 1), strict=True)) if found else {}
        chosen = {at: name for name, at in reversed(places.items())}
        return [(name, found[at][0], found[at][2]) for at, name in sorted(chosen.items())]


def write_report(folder: Path, report: Report, gallery: Gallery, studies: Sequence[tuple[str, str]] = ()) -> Path:
    """Write `index.html` and the plots as PNG files into a folder, which is made; gives the page's path.

    Parameters
    ----------
    studies : (heading, text) of further sections.

    Raises
    ------
    ArrangerError
        if the folder can't be written or matplotlib is missing.
    """
    pictures = {"scores.png": plot_scores(report), "manner.png": plot_manner(report)}
    rolls: list[tuple[str, str]] = []
    for part in report.parts:
        for place, f1, heard in gallery.pick(report, part):
            name = f"{part}-{place}.png"
            pictures[name] = plot_roll(_roll(heard, part))
            rolls.append((name, f"{part}, {place} of the {gallery.filler}: {heard.case.task.name}, note F1 {f1:.2f}"))
    page = _page(report, pictures, rolls, studies)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in pictures.items():
            (folder / name).write_bytes(data)
        path = folder / "index.html"
        path.write_text(page, encoding="utf-8")
    except OSError as err:
        raise ArrangerError(f"{folder}: the report can't be written there ({err.strerror or err}).") from err
    return path


def _roll(heard: Heard, part: str) -> Roll:
    case = heard.case
    bars = shown_bars(case.task.bars, case.task.song, case.truth[part])
    return Roll(case.task.song, part, heard.fill.notes(part), case.truth[part], bars)


def _page(
    report: Report,
    pictures: dict[str, bytes],
    rolls: Sequence[tuple[str, str]],
    studies: Sequence[tuple[str, str]],
) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in report.settings.items())
    captions = [
        ("scores.png", "F1 against the true part."),
        ("manner.png", "Where people's own parts are the mark: the line is the truth, nearer to it is better."),
    ]
    sections = [
        "<h1>How well missing parts are filled</h1>",
        f"<p>{len(report.songs)} songs; {html.escape(settings)}.</p>",
        *(_figure(pictures[name], caption) for name, caption in captions),
        "<h2>Fills beside the truth</h2>",
        *(_figure(pictures[name], caption) for name, caption in rolls),
        "<h2>All measures</h2>",
        f"<pre>{html.escape(render_table(report))}</pre>",
        "<h2>Kinds of songs</h2>",
        f"<pre>{html.escape(render_strata(report))}</pre>",
        *(f"<h2>{html.escape(heading)}</h2><pre>{html.escape(text)}</pre>" for heading, text in studies),
        "<h2>Songs</h2>",
        f"<pre>{html.escape(chr(10).join(report.songs))}</pre>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>arranger eval</title>'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _figure(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = html.escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'
