"""What goes where in a piano roll: pages, systems (rows of bars) and lanes (one a part). Plain values, no drawing.

Lengths are inches, on a page as wide as a landscape sheet; how long it gets depends on its systems.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

from arranger.errors import FillRequestError
from arranger.parts import ROLES, Role
from arranger.song import Bar, Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

WIDTH, LEFT, RIGHT = 15.0, 1.55, 0.2
"""Of the page, of the names on its left, and of what is free on its right."""
TOP, BOTTOM = 0.75, 0.25
"""Of the title, and of what is free below."""
HEADER, GAP, BETWEEN = 0.52, 0.06, 0.3
"""Of sections, chords and bar numbers over a system; between lanes; between systems."""
DRUM_ROW = 0.115
PITCH_ROW, LEAST_LANE, MOST_LANE = 0.042, 0.68, 1.5
RESTING = 0.22
"""A lane's height where it has no notes in the whole system."""
BARS_IN_ROW = (16, 8, 4, 2, 1)
MOST_QUARTERS = 72
"""In a system; more of them and sixteenths run together."""
FEW_BARS = 32
"""So many bars are drawn large, eight in a row."""
MOST_SYSTEMS = 5
"""On a page."""
MOST_PAGES = 20
MOST_NOTES = 60_000
"""On a page; more is a black picture that takes minutes to draw."""


@dataclass(frozen=True)
class Lane:
    """One part: its tracks, and the rows in which their notes stand.

    rows : pitches, low to high without gaps, or the drum voices that are played (indices into `VOICES`).
    """

    role: str
    tracks: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def height(self) -> float:
        if self.role == "drums":
            return max(LEAST_LANE, DRUM_ROW * len(self.rows))
        return min(MOST_LANE, max(LEAST_LANE, PITCH_ROW * len(self.rows)))

    def row_of(self, note: Note) -> int:
        """Row of a note that is in the lane, from 0 at the bottom."""
        return self.rows.index(VOICE_OF_KEY[note.pitch]) if self.role == "drums" else note.pitch - self.rows[0]


@dataclass(frozen=True)
class Page:
    """Systems of one page, each some bars [first, last); `width` is the ticks that every system of the page has."""

    systems: tuple[tuple[int, int], ...]
    width: int


def lanes_of(song: Song, roles: Sequence[Role], bars: tuple[int, int], parts: Collection[str] = ()) -> tuple[Lane, ...]:
    """Lanes from top to bottom: other, guitar, bass, drums, as far as they have notes in the bars.

    Parameters
    ----------
    parts : only these of `ROLES`; empty for all.

    Raises
    ------
    FillRequestError
        if nothing is left to draw; the message says what there is.
    """
    lanes, elsewhere = [], []
    begin, end = song.bars[bars[0]].start, song.bars[bars[1] - 1].end
    for role in reversed(ROLES):
        tracks = tuple(one.track for one in roles if one.role == role and song.tracks[one.track].notes)
        shown = [note for index in tracks for note in song.tracks[index].notes if within(note, begin, end)]
        if tracks and (not shown or (parts and role not in parts)):
            elsewhere.append(role)
        elif role == "drums" and shown:
            voices = {VOICE_OF_KEY[note.pitch] for note in shown}
            lanes.append(Lane(role, tracks, tuple(at for at in range(len(VOICES)) if at in voices)))
        elif shown:
            pitches = {note.pitch for note in shown}
            lanes.append(Lane(role, tracks, tuple(range(min(pitches) - 1, max(pitches) + 2))))
    if not lanes:
        what = " or ".join(parts) if parts else "notes"
        there = f"it has {', '.join(reversed(elsewhere))}" if elsewhere else "it has no notes at all"
        raise FillRequestError(f"Bars {bars[0] + 1}-{bars[1]} of the song have no {what} to draw; {there}.")
    return tuple(lanes)


def check_bars(song: Song, bars: tuple[int, int] | None) -> tuple[int, int]:
    """Bars [first, last) that a song has, all of them for None; FillRequestError if it doesn't have them."""
    first, last = bars or (0, len(song.bars))
    if not 0 <= first < last <= len(song.bars):
        raise FillRequestError(f"Bars {first + 1}-{last} are not in this song; it has bars 1-{len(song.bars)}.")
    return first, last


def within(note: Note, begin: int, end: int) -> bool:
    """Whether a note begins or sounds in [begin, end) ticks."""
    return note.start < end and max(note.end, note.start + 1) > begin


def pages_of(song: Song, bars: tuple[int, int], most: int = MOST_SYSTEMS) -> tuple[Page, ...]:
    """Bars cut into systems and pages, at most `most` systems a page.

    Raises
    ------
    FillRequestError
        if that is more than `MOST_PAGES`.
    """
    shown = song.bars[bars[0] : bars[1]]
    size = bars_in_row(shown, song.ticks_per_quarter)
    systems = [(first, min(first + size, bars[1])) for first in range(bars[0], bars[1], size)]
    if len(systems) > 1 and systems[-1][1] - systems[-1][0] <= size // 8:  # no row for a last bar alone
        systems[-2:] = [(systems[-2][0], bars[1])]
    # Pages of like length: a song of six systems is two pages of three, not one of five and a lonely rest.
    count = -(-len(systems) // most)
    if count > MOST_PAGES:
        allowed = MOST_PAGES * most * size
        raise FillRequestError(f"{len(shown)} bars are too many to draw; ask for at most {allowed} with --bars.")
    each = -(-len(systems) // count)
    # All pages of a song have one scale.
    width = max(song.bars[last - 1].end - song.bars[first].start for first, last in systems)
    return tuple(Page(tuple(systems[at : at + each]), width) for at in range(0, len(systems), each))


def bars_in_row(bars: Sequence[Bar], ticks_per_quarter: int) -> int:
    """Bars in a system: sixteen of common time, eight in a short song, fewer of long ones."""
    quarters = median(bar.length for bar in bars) / ticks_per_quarter
    fitting = [size for size in BARS_IN_ROW if size * quarters <= MOST_QUARTERS]
    size = fitting[0] if fitting else 1
    return min(size, 8) if len(bars) <= FEW_BARS else size


def lane_heights(song: Song, lanes: Sequence[Lane], bars: tuple[int, int]) -> tuple[float, ...]:
    """Inches of each lane in a system; one that rests there is a strip."""
    begin, end = song.bars[bars[0]].start, song.bars[bars[1] - 1].end
    playing = (
        any(within(note, begin, end) for index in lane.tracks for note in song.tracks[index].notes) for lane in lanes
    )
    return tuple(lane.height if plays else RESTING for lane, plays in zip(lanes, playing, strict=True))


def page_height(page: Page, heights: Sequence[Sequence[float]]) -> float:
    """Inches, of the lanes' heights in each of the page's systems."""
    inside = sum(HEADER + sum(height + GAP for height in system) for system in heights)
    return TOP + BOTTOM + inside + (len(page.systems) - 1) * BETWEEN
