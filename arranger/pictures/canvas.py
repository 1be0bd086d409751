"""What all pictures share: themes, figures that are drawn to files only, and their bytes.

matplotlib is loaded by the first figure. Whatever comes from a file goes through `readable` and is drawn with
`parse_math=False`, because a dollar sign or a character that the font lacks must not stop a picture.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from arranger.errors import ArrangerError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("png", "svg", "pdf")
"""Kinds of picture files, by the suffix."""
DPI = 110
FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a song looks the same everywhere."""


@dataclass(frozen=True)
class Theme:
    """Colours as `#rrggbb`.

    ground, ink : behind everything, and text. line, faint : bar lines, and the lines of beats and octaves.
    new : notes that are marked. parts : role -> a colour for each of its tracks, then from the first again.
    bands : behind section names, one for each letter in turn.
    """

    ground: str
    ink: str
    quiet: str
    line: str
    faint: str
    new: str
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bands: tuple[str, ...] = ()


LIGHT = Theme(
    ground="#ffffff",
    ink="#222222",
    quiet="#666666",
    line="#b4b4b4",
    faint="#ececec",
    new="#d6006c",
    parts={
        "drums": ("#4a4a58", "#8a6d8f", "#6d8f8a"),
        "bass": ("#1b6ca8", "#5a4fa3", "#1b9aa8"),
        "guitar": ("#c46f1d", "#8a4b08", "#e0a23c", "#a8442a", "#6f5a33"),
        "other": ("#3f8f57", "#7a9e2f", "#1f6b62", "#7d8b99", "#8f7a3f", "#57b894", "#5b6f3f"),
    },
    bands=("#dbe7f3", "#f3e6d3", "#dff0df", "#eee0f0", "#f3dede", "#dff0f0", "#ececd6", "#e4e4e4"),
)
DARK = Theme(
    ground="#14161a",
    ink="#eceff4",
    quiet="#9aa3b2",
    line="#4b515c",
    faint="#262a31",
    new="#ff5fae",
    parts={
        "drums": ("#c3c7d6", "#c9a6cf", "#9fcfc6"),
        "bass": ("#5fb0ee", "#a59bf0", "#54d0de"),
        "guitar": ("#f0a04f", "#d07a2a", "#f5cf7a", "#ef8668", "#bfa673"),
        "other": ("#6fcf8b", "#b9d865", "#4fbdb0", "#aab8c6", "#cfb76f", "#8fe5c6", "#a3bd7c"),
    },
    bands=("#243447", "#473a24", "#24402a", "#3f2a45", "#472828", "#244343", "#40401f", "#333333"),
)
THEMES = {"light": LIGHT, "dark": DARK}


def new_figure(
    width: float, height: float, theme: Theme = LIGHT, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """A figure in inches that is drawn to a file; no window, no global state.

    Raises
    ------
    ArrangerError
        if matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as err:
        raise ArrangerError("Pictures need matplotlib: pip install 'arranger[plot]'.") from err
    figure = Figure(figsize=(width, height), layout=layout, facecolor=theme.ground)
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure, dpi: int = 100) -> bytes:
    """The figure as PNG; the same figure gives the same bytes with every version of the library's name left out."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def to_files(figures: Sequence[Figure], kind: str) -> tuple[bytes, ...]:
    """Figures as the content of files: one each for PNG and SVG, one with a page each for PDF."""
    from matplotlib import rc_context

    if kind == "png":
        return tuple(to_png(figure, DPI) for figure in figures)
    # Text stays text, to be searched and copied; without dates the same song gives the same bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "arranger"}):
        if kind == "pdf":
            return (_pdf(figures),)
        pages = []
        for figure in figures:
            out = io.BytesIO()
            figure.savefig(out, format="svg", metadata={"Date": None})
            pages.append(out.getvalue())
        return tuple(pages)


def _pdf(figures: Sequence[Figure]) -> bytes:
    from matplotlib.backends.backend_pdf import PdfPages

    out = io.BytesIO()
    with PdfPages(out, metadata={"CreationDate": None}) as pages:
        for figure in figures:
            pages.savefig(figure)
    return out.getvalue()


def blend(colour: str, ground: str, share: float) -> str:
    """`share` of a colour on a ground, `#rrggbb`: a lighter note that doesn't let others shine through."""
    mixed = (
        round(share * int(colour[at : at + 2], 16) + (1 - share) * int(ground[at : at + 2], 16)) for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def readable(text: str, longest: int = 80) -> str:
    """Text that the font can show, on one line: other characters become `?`, too long a text ends in an ellipsis."""
    known = _known_characters()
    shown = "".join(char if ord(char) in known and char.isprintable() else "?" for char in " ".join(text.split()))
    return shown if len(shown) <= longest else f"{shown[: max(1, longest - 1)].rstrip()}…"


@lru_cache(maxsize=1)
def _known_characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont(FontProperties(family=FONT))).get_charmap())
