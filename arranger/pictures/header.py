"""Over a system: sections as bands, chords where they change, bar numbers, changes of metre and tempo."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from arranger.pictures.canvas import Theme, readable
from arranger.pictures.reading import Reading, Symbol
from arranger.sections import Section
from arranger.song import Bar, Song

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHORD_SIZE, LEAST_CHORD_SIZE = 8.0, 5.5
WIDE = 0.0092
"""Inches that a character takes, a point of its size; a little more than the font's mean."""
SECTION_FROM, CHORD_AT, NUMBER_AT = 0.66, 0.42, 0.12
"""Where they stand, as shares of the header's height."""
MOST_TEMPOS = 4
"""Changes shown in a system; a tapped tempo has one at every beat."""


def draw_header(
    axis: Axes, song: Song, bars: tuple[int, int], reading: Reading, inch: float, theme: Theme, size: float
) -> None:
    """Draw it.

    Parameters
    ----------
    bars : [first, last) of the system. inch : ticks of an inch. size : factor on all text.
    """
    shown = song.bars[bars[0] : bars[1]]
    for section in reading.sections:
        if section.first < bars[1] and section.last > bars[0]:
            _section(axis, song, bars, section, inch, theme)
    for symbol, until in _changes(reading, shown):
        _chord(axis, symbol, until, inch, theme, size)
    for bar, text in _numbers(song, shown, inch):
        axis.text(bar.start, NUMBER_AT, text, fontsize=6.5, color=theme.quiet, va="center", ha="left")


def _section(axis: Axes, song: Song, bars: tuple[int, int], section: Section, inch: float, theme: Theme) -> None:
    from matplotlib.patches import Rectangle

    first, last = max(section.first, bars[0]), min(section.last, bars[1])
    begin, end = song.bars[first].start, song.bars[last - 1].end
    # A letter has a colour, so that what returns is seen without reading.
    colour = theme.bands[(ord(section.label[0]) - ord("A")) % len(theme.bands)]
    gap = 0.02 * inch
    axis.add_patch(
        Rectangle((begin, SECTION_FROM), max(gap, end - begin - gap), 1 - SECTION_FROM, facecolor=colour, linewidth=0)
    )
    room = int((end - begin) / inch / (7.5 * WIDE)) - 1
    name = readable(section.name, max(1, room - len(section.label) - 2)) if section.name else ""
    if name == section.label:
        name = ""
    text = f"{section.label}  {name}" if name and room > len(section.label) + 4 else section.label
    if first > section.first:
        text = f"({section.label})"
    axis.text(
        begin + 0.05 * inch,
        (1 + SECTION_FROM) / 2,
        text,
        fontsize=7.5,
        fontweight="bold",
        color=theme.ink,
        va="center",
        parse_math=False,
    )


def _changes(reading: Reading, bars: tuple[Bar, ...]) -> list[tuple[Symbol, int]]:
    """Chords where they change, and the first of the system, each with the tick at which the next one stands."""
    shown: list[Symbol] = []
    for symbol in reading.chords:
        if bars[0].index <= symbol.bar <= bars[-1].index and (not shown or shown[-1].name != symbol.name):
            shown.append(symbol)
    ends = [*(symbol.tick for symbol in shown[1:]), bars[-1].end]
    return list(zip(shown, ends, strict=False))


def _chord(axis: Axes, symbol: Symbol, until: int, inch: float, theme: Theme, factor: float) -> None:
    room = (until - symbol.tick) / inch
    name, size = symbol.name, CHORD_SIZE * factor
    if len(name) * size * WIDE > room:
        size = max(LEAST_CHORD_SIZE, room / (len(name) * WIDE))
    if len(name) * size * WIDE > room:  # rather without its bass than over its neighbour
        name = name.split("/")[0]
    if len(name) * size * WIDE > room * 1.2:
        return
    axis.text(symbol.tick, CHORD_AT, name, fontsize=size, color=theme.ink, va="center", ha="left", parse_math=False)


def _numbers(song: Song, bars: tuple[Bar, ...], inch: float) -> list[tuple[Bar, str]]:
    """Bar numbers, with the metre and the tempo where they change (and where the song begins)."""
    tempos: dict[int, float] = {}
    for before, tempo in pairwise((None, *song.tempos)):
        if tempo and (before is None or round(before.qpm) != round(tempo.qpm)):
            tempos[song.bar_at(tempo.tick)] = tempo.qpm
    inside = [bar for bar in sorted(tempos) if bars[0].index <= bar <= bars[-1].index][:MOST_TEMPOS]
    texts = []
    for bar in bars:
        former = song.bars[bar.index - 1] if bar.index else None
        told = [str(bar.index + 1)]
        if former is None or (former.numerator, former.denominator) != (bar.numerator, bar.denominator):
            told.append(f"{bar.numerator}/{bar.denominator}")
        if bar.index in inside:
            told.append(f"♩={tempos[bar.index]:.0f}")
        # A narrow bar rather tells its metre than its tempo.
        while len(told) > 1 and len(" ".join(told)) * 6.5 * WIDE > bar.length / inch:
            told.pop()
        texts.append((bar, " ".join(told)))
    return texts
