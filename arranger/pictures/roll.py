"""Piano rolls of songs: a lane a part, systems of bars, sections and chords over them, new notes marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from arranger.errors import FillRequestError
from arranger.parts import Role
from arranger.pictures.canvas import FONT, LIGHT, Theme, new_figure, readable
from arranger.pictures.header import draw_header
from arranger.pictures.lanes import Stroke, draw_bar_lines, draw_notes, draw_techniques, octave_rows
from arranger.pictures.marks import Marks
from arranger.pictures.plan import (
    BETWEEN,
    FEW_BARS,
    GAP,
    HEADER,
    LEFT,
    MOST_NOTES,
    MOST_SYSTEMS,
    RIGHT,
    TOP,
    WIDTH,
    Lane,
    Page,
    check_bars,
    lane_heights,
    lanes_of,
    page_height,
    pages_of,
    within,
)
from arranger.pictures.reading import Reading, read_song
from arranger.song import Song
from arranger.voices import VOICES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES_SHOWN = 6
"""Of a lane's tracks."""
MIN_INCH = 0.03
"""No note is shorter."""


def roll_figure(
    song: Song,
    roles: Sequence[Role],
    marked: Marks | None = None,
    bars: tuple[int, int] | None = None,
    parts: Collection[str] = (),
    theme: Theme = LIGHT,
    title: str = "",
    reading: Reading | None = None,
) -> Figure:
    """All asked bars on one page, up to 320 of common time.

    Parameters
    ----------
    roles : of all tracks (`detect_parts`). marked : track index -> notes that stand out as new; other notes step back.
    bars : [first, last) from 0; None for all. parts : only these roles; empty for all.
    title : instead of the song's own. reading : sections and chords, if they are known already.

    Raises
    ------
    FillRequestError
        if there is nothing to draw in these bars, or too much.
    ArrangerError
        if matplotlib is missing.
    """
    pages = roll_pages(song, roles, marked, bars, parts, theme, title, reading, systems=4 * MOST_SYSTEMS)
    if len(pages) > 1:
        raise FillRequestError("The song is too long for one picture; ask for fewer bars.")
    return pages[0]


def roll_pages(
    song: Song,
    roles: Sequence[Role],
    marked: Marks | None = None,
    bars: tuple[int, int] | None = None,
    parts: Collection[str] = (),
    theme: Theme = LIGHT,
    title: str = "",
    reading: Reading | None = None,
    systems: int = MOST_SYSTEMS,
) -> tuple[Figure, ...]:
    """The same on as many pages as it takes, `systems` rows of bars on each."""
    bars = check_bars(song, bars)
    lanes = lanes_of(song, roles, bars, parts)
    pages = pages_of(song, bars, systems)
    reading = reading or read_song(song, roles)
    figures = []
    for number, page in enumerate(pages):
        words = _title(song, bars, page, reading, title)
        if len(pages) > 1:
            words = (words[0], f"{words[1]}   page {number + 1} of {len(pages)}")
        figures.append(
            _page(song, page, lanes, marked or {}, reading, theme, words, large=bars[1] - bars[0] <= FEW_BARS)
        )
    return tuple(figures)


def _title(song: Song, bars: tuple[int, int], page: Page, reading: Reading, title: str) -> tuple[str, str]:
    first, last = page.systems[0][0], page.systems[-1][1]
    told = [f"bars {first + 1}-{last}" + (f" of {len(song.bars)}" if last - first < len(song.bars) else "")]
    bar = song.bars[first]
    told.append(f"{bar.numerator}/{bar.denominator}")
    told.append(f"♩ = {song.tempo_at(bar.start):.0f}")
    if reading.key:
        told.append(reading.key)
    return readable(title or song.title or (song.source.name if song.source else "") or "song", 70), " · ".join(told)


def _page(
    song: Song,
    page: Page,
    lanes: Sequence[Lane],
    marked: Marks,
    reading: Reading,
    theme: Theme,
    words: tuple[str, str],
    large: bool,
) -> Figure:
    heights = [lane_heights(song, lanes, bars) for bars in page.systems]
    height = page_height(page, heights)
    figure = new_figure(WIDTH, height, theme, layout=None)
    common: dict[str, Any] = {"color": theme.ink, "family": FONT, "va": "baseline", "parse_math": False}
    figure.text(LEFT / WIDTH, 1 - 0.32 / height, words[0], fontsize=14, fontweight="bold", **common)
    figure.text(LEFT / WIDTH, 1 - 0.56 / height, words[1], fontsize=9, **{**common, "color": theme.quiet})
    if any(marked.values()):
        begin, end = song.bars[page.systems[0][0]].start, song.bars[page.systems[-1][1] - 1].end
        count = sum(within(note, begin, end) for notes in marked.values() for note in notes)
        told = f"■ new: {count} note{'s' * (count != 1)}"
        figure.text(
            1 - RIGHT / WIDTH, 1 - 0.32 / height, told, fontsize=11, ha="right", **{**common, "color": theme.new}
        )
    inch = page.width / (WIDTH - LEFT - RIGHT)
    drawn = 0
    top = height - TOP
    for number, bars in enumerate(page.systems):
        ticks = song.bars[bars[0]].start, song.bars[bars[1] - 1].end
        wide = (ticks[1] - ticks[0]) / inch

        def place(low: float, tall: float, wide: float = wide) -> Axes:
            return figure.add_axes((LEFT / WIDTH, low / height, wide / WIDTH, tall / height))

        axis = place(top - HEADER, HEADER)
        axis.set(xlim=ticks, ylim=(0, 1))
        axis.axis("off")
        draw_header(axis, song, bars, reading, inch, theme, 1.15 if large else 1.0)
        top -= HEADER
        for lane, tall in zip(lanes, heights[number], strict=True):
            axis = place(top - tall, tall)
            drawn += _lane(axis, song, bars, lane, marked, theme, inch)
            if drawn > MOST_NOTES:
                raise FillRequestError(f"More than {MOST_NOTES:,} notes are too many for a page; ask for fewer --bars.")
            _names(figure, song, lane, top / height, 1 / height, theme, marked, tall if number == 0 else 0)
            top -= tall + GAP
        top -= BETWEEN
    return figure


def _lane(axis: Axes, song: Song, bars: tuple[int, int], lane: Lane, marked: Marks, theme: Theme, inch: float) -> int:
    """Draw a part's notes in some bars; gives how many there are."""
    shown = song.bars[bars[0] : bars[1]]
    bounds = shown[0].start, shown[-1].end
    drums = lane.role == "drums"
    colours = theme.parts[lane.role]
    tracks = [
        [
            Stroke(note, lane.row_of(note), colours[at % len(colours)], note in marked.get(index, ()))
            for note in song.tracks[index].notes
            if within(note, *bounds)
        ]
        for at, index in enumerate(lane.tracks)
    ]
    axis.set_facecolor(theme.ground)
    axis.spines[:].set_color(theme.line)
    axis.spines[:].set_linewidth(0.6)
    axis.set(xlim=bounds, ylim=(-0.7, len(lane.rows) - 0.3))
    draw_bar_lines(axis, shown, theme, beats=True)
    shortest = max(MIN_INCH * inch, song.ticks_per_quarter / 8)
    strokes = [stroke for one in tracks for stroke in one]
    draw_notes(axis, strokes, bounds, shortest=shortest, drums=drums, muted=any(marked.values()), theme=theme)
    if not drums:
        for one in tracks:
            draw_techniques(axis, one, bounds, lane.row_of, theme)
    axis.set_xticks([])
    if not strokes:
        axis.set_yticks([])
        return 0
    if drums:
        axis.set_yticks(range(len(lane.rows)), [VOICES[voice].name for voice in lane.rows], fontsize=6)
        for row in range(len(lane.rows)):
            axis.axhline(row, color=theme.faint, linewidth=0.6, zorder=0)
    else:
        octave_rows(axis, lane.rows[0], lane.rows[-1], lane.rows[0], 6.5, theme)
    axis.tick_params(length=0, pad=2, colors=theme.quiet)
    return len(strokes)


def _names(
    figure: Figure, song: Song, lane: Lane, top: float, inch: float, theme: Theme, marked: Marks, tall: float
) -> None:
    """The part's name, and its tracks in their colours as far as `tall` inches have room for them."""
    left = 0.12 / WIDTH
    words: dict[str, Any] = {"family": FONT, "va": "top", "parse_math": False}
    new = all(marked.get(index) for index in lane.tracks)
    colour = theme.new if new else theme.parts[lane.role][0]
    figure.text(left, top - 0.02 * inch, lane.role, fontsize=9.5, fontweight="bold", color=colour, **words)
    room = min(NAMES_SHOWN, int((tall - 0.2) / 0.125))
    if room <= 0:
        return
    colours = theme.parts[lane.role]
    lines = [
        (
            readable(song.tracks[index].name or f"track {index + 1}", 11 if lane.role == "drums" else 19),
            colours[at % len(colours)],
            marked.get(index),
        )
        for at, index in enumerate(lane.tracks)
    ]
    if len(lines) > room:
        more = len(lines) - room + 1
        lines = [*lines[: room - 1], (f"and {more} more", theme.quiet, None)]
    for at, (name, shade, fresh) in enumerate(lines):
        own = {**words, "color": theme.new if fresh else shade}
        figure.text(left, top - (0.2 + 0.125 * at) * inch, name, fontsize=6.5, **own)
