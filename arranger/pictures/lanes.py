"""Notes of one part in one axis: rectangles in ticks and rows, the lines behind them, and how they are played.

The rolls of songs and those of evaluation reports are drawn by the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arranger.pictures.canvas import LIGHT, Theme, blend
from arranger.song import Bar, Note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 0.84
"""Of a note, in rows."""
SOFTEST = 0.4
"""Share of its colour that the softest note has."""
BESIDE_NEW = 0.62
"""Share of their colour that other notes keep where new ones are to stand out."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A note to be drawn: where, in which colour, and whether it stands out."""

    note: Note
    row: int
    colour: str
    marked: bool = False


def draw_notes(
    axis: Axes,
    strokes: Sequence[Stroke],
    bounds: tuple[int, int],
    *,
    shortest: float,
    drums: bool = False,
    muted: bool = False,
    theme: Theme = LIGHT,
) -> None:
    """Draw notes as far as they lie within `bounds` (ticks); the louder, the stronger the colour.

    Parameters
    ----------
    shortest : ticks; no note is drawn shorter, so that none is invisible. A drum stroke has no length but this one.
    muted : whether notes that aren't marked step back.
    """
    from matplotlib.collections import PolyCollection

    begin, end = bounds
    boxes, faces, edges, widths = [], [], [], []
    # Long ones first, so that a short one over a long one is seen; what is marked comes last.
    for stroke in sorted(strokes, key=lambda one: (one.marked, -one.note.duration, one.note)):
        note = stroke.note
        left = max(note.start, begin)
        # A little air at the end, so that a note struck again is two.
        right = min(max(left + shortest, left if drums else min(note.end, end) - shortest / 4), end)
        half = HEIGHT / 2
        low, high = stroke.row - half, stroke.row + half
        boxes.append(((left, low), (left, high), (right, high), (right, low)))
        strength = SOFTEST + (1 - SOFTEST) * note.velocity / 127
        if stroke.marked:
            strength = 0.6 + 0.4 * note.velocity / 127
        elif muted:
            strength *= BESIDE_NEW
        face = blend(theme.new if stroke.marked else stroke.colour, theme.ground, strength)
        hollow = bool({"dead", "ghost"} & set(note.techniques))
        faces.append(theme.ground if hollow else face)
        edges.append(face if hollow else theme.ink if stroke.marked else theme.ground)
        widths.append(0.9 if hollow else 0.5 if stroke.marked else 0.35)
    axis.add_collection(
        PolyCollection(boxes, facecolors=faces, edgecolors=edges, linewidths=widths, zorder=3), autolim=False
    )


def draw_techniques(
    axis: Axes, strokes: Sequence[Stroke], bounds: tuple[int, int], row_at: Callable[[Note], int], theme: Theme = LIGHT
) -> None:
    """Bends as their curve, slides and hammers as a line to the next note on the string, palm mutes as a line below."""
    from matplotlib.collections import LineCollection

    begin, end = bounds
    heavy: list[list[tuple[float, float]]] = []
    light: list[list[tuple[float, float]]] = []
    following: dict[int, Note] = {}
    lowest: dict[int, Stroke] = {}  # of each chord that is muted
    for stroke in sorted(strokes, key=lambda one: (one.note.start, one.note.pitch), reverse=True):
        note, how = stroke.note, stroke.note.techniques
        if begin <= note.start < end:
            if note.bend:
                heavy.append([(note.start + at * note.duration, stroke.row + up) for at, up in note.bend])
            target = following.get(note.string or 0)
            if target and {"slide", "hammer"} & set(how) and target.start < end:
                line = [(note.start + note.duration / 2, stroke.row), (target.start, row_at(target))]
                heavy.append([(float(tick), float(row)) for tick, row in line])
            if "palm mute" in how:
                lowest[note.start] = stroke
        if note.string:
            following[note.string] = note
    for start, stroke in lowest.items():
        below = stroke.row - 0.9
        light.append([(float(start), below), (float(min(stroke.note.end, end)), below)])
    axis.add_collection(LineCollection(heavy, colors=theme.ink, linewidths=0.8, zorder=4), autolim=False)
    axis.add_collection(
        LineCollection(light, colors=theme.ink, linewidths=0.9, linestyles=":", zorder=4), autolim=False
    )


def draw_bar_lines(axis: Axes, bars: Sequence[Bar], theme: Theme = LIGHT, beats: bool = False) -> None:
    """A line where each bar begins, and fainter ones at its beats."""
    from matplotlib.collections import LineCollection

    low, high = axis.get_ylim()
    if beats:
        places = [bar.start + bar.length * beat / bar.numerator for bar in bars for beat in range(1, bar.numerator)]
        lines = [[(place, low), (place, high)] for place in places]
        axis.add_collection(LineCollection(lines, colors=theme.faint, linewidths=0.6, zorder=0), autolim=False)
    lines = [[(float(bar.start), low), (float(bar.start), high)] for bar in bars]
    axis.add_collection(LineCollection(lines, colors=theme.line, linewidths=0.8, zorder=1), autolim=False)


def octave_rows(axis: Axes, lowest: int, highest: int, first: int = 0, size: float = 7, theme: Theme = LIGHT) -> None:
    """Name the Cs among the pitches `lowest`..`highest`; the pitch `first` stands in row 0."""
    octaves = [pitch for pitch in range(lowest, highest + 1) if pitch % 12 == 0]
    axis.set_yticks([p - first for p in octaves], [f"C{p // 12 - 1}" for p in octaves], fontsize=size)
    for pitch in octaves:
        axis.axhline(pitch - first, color=theme.faint, linewidth=0.8, zorder=0)
