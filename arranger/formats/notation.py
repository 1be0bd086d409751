"""Rhythm as a musician writes it: the notes of one bar as figures that fill the bar exactly.

Conventions
-----------
Inside this module time is in units of 1/48 quarter: sixteenths (12), triplet sixteenths (8), 32nds (6), triplet 32nds
(4) and 64ths (3) are all whole. One voice: notes that start together are one figure, and a note that still sounds when
the next one starts ends there.

A bar falls into *groups* (what a beam joins: quarters, dotted quarters, 2+2+3 eighths), a group into *cells* (a quarter
or less), and each cell is counted either in binary or in triplets: an eighth and a triplet never share a cell. Three
quarters in the time of two are counted over two cells. A pickup bar ends with its beats, any other short bar begins
with them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product

from arranger.song import Bar, Note

UNITS_PER_QUARTER = 48
EIGHTH, SIXTEENTH = 24, 12
STEP = 4
"""One grid step, 1/12 quarter, in units."""

DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)

_HALF, _THIRD = 96, 32
"""Two quarters, and one of three notes in their time."""

BINARY, TRIPLET = (1, 1), (3, 2)


@dataclass(frozen=True, slots=True)
class Figure:
    """One written duration with what sounds in it.

    Parameters
    ----------
    start : Fraction, ticks from the start of the bar.
    value : 1 whole .. 64 sixty-fourth.
    tuplet : (n, m), n in the time of m.
    notes : what sounds; empty for a rest. They are the notes given, whole.
    tied : True if the notes go on from the figure before (perhaps in the bar before).
    """

    start: Fraction
    value: int
    dotted: bool
    tuplet: tuple[int, int]
    notes: tuple[Note, ...]
    tied: bool

    @property
    def quarters(self) -> Fraction:
        """Exact length in quarters."""
        plain = Fraction(4, self.value) * (Fraction(3, 2) if self.dotted else 1)
        return plain * self.tuplet[1] / self.tuplet[0]


@dataclass(frozen=True, slots=True)
class _Zone:
    """A stretch of the bar counted in one way; `grid` are the places where a figure may begin, from the bar's start."""

    start: int
    end: int
    tuplet: tuple[int, int]
    grid: tuple[int, ...]


def spell_bar(notes: Sequence[Note], bar: Bar, ticks_per_quarter: int, drums: bool = False) -> tuple[Figure, ...]:
    """Figures of one bar; their lengths sum to the bar's, exactly.

    Parameters
    ----------
    notes : those that sound in the bar, in song ticks; what started before the bar comes back as a tied figure.
    drums : True to write each hit as long as the beat lets it, without ties: a drum's length means nothing.

    Places are rounded to the grid of their cell, at most one step of 1/12 quarter away; where that would make two
    onsets one, to a finer grid.

    Raises
    ------
    ValueError
        if the bar's length can't be written in 64ths.
    """
    exact = Fraction(bar.length * UNITS_PER_QUARTER, ticks_per_quarter)
    if exact.denominator != 1 or exact % 3 or bar.denominator not in DENOMINATORS:
        raise ValueError(f"bar {bar.index + 1} ({bar.numerator}/{bar.denominator}) can't be written in 64th notes")
    length = int(exact)

    def place(tick: int) -> Fraction:
        return Fraction((tick - bar.start) * UNITS_PER_QUARTER, ticks_per_quarter)

    sounding = [note for note in notes if note.end > bar.start and note.start < bar.end]
    if drums:
        sounding = [note for note in sounding if note.start >= bar.start]
    full = 4 * UNITS_PER_QUARTER * bar.numerator // bar.denominator
    before = max(0, full - length) if bar.index == 0 else 0
    groups = tuple((a - before, b - before) for a, b in beat_groups(bar.numerator, bar.denominator, length + before))
    onsets = [place(note.start) for note in sounding if note.start >= bar.start]
    ends = [] if drums else [place(note.end) for note in sounding if note.end < bar.end]
    cells = _cells([(max(start, 0), end) for start, end in groups if end > 0])
    zones = _zones(cells if drums else _wide_cells(cells, onsets), onsets, ends)
    figures: list[Figure] = []
    at = 0
    for start, end, chord, tied in _segments(sounding, place, zones, length, bar.start, groups if drums else None):
        figures += _figures(at, start, (), False, zones, groups, length)
        figures += _figures(start, end, chord, tied, zones, groups, length)
        at = end
    figures += _figures(at, length, (), False, zones, groups, length)
    scale = Fraction(ticks_per_quarter, UNITS_PER_QUARTER)
    return tuple(
        Figure(figure.start * scale, figure.value, figure.dotted, figure.tuplet, figure.notes, figure.tied)
        for figure in figures
    )


def beat_groups(numerator: int, denominator: int, length: int) -> tuple[tuple[int, int], ...]:
    """(start, end) of the beat groups of a bar, in units; clipped to `length` where the bar is short."""
    unit = 4 * UNITS_PER_QUARTER // denominator
    if denominator >= 8 and numerator % 3 == 0:
        sizes = [3 * unit] * (numerator // 3)
    elif denominator <= 4 or numerator * unit % UNITS_PER_QUARTER == 0:
        sizes = [UNITS_PER_QUARTER] * (numerator * unit // UNITS_PER_QUARTER)
    elif numerator == 1:
        sizes = [unit]
    elif numerator % 2:
        sizes = [2 * unit] * ((numerator - 3) // 2) + [3 * unit]
    else:
        sizes = [2 * unit] * (numerator // 2)
    groups, at = [], 0
    for size in sizes:
        if at < length:
            groups.append((at, min(at + size, length)))
        at += size
    while groups[-1][1] < length:  # a bar longer than its metre says
        groups.append((groups[-1][1], min(groups[-1][1] + UNITS_PER_QUARTER, length)))
    return tuple(groups)


def _cells(groups: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Groups cut into pieces that one count holds for: a quarter, or equal thirds, or what is left."""
    cells = []
    for start, end in groups:
        size = end - start
        third = size // 3
        cell = size if size in (48, 24, 12, 6, 3) else third if third in (24, 12, 6, 3) and size % 3 == 0 else 0
        while start < end:
            take = cell or next(plain for plain in (48, 24, 12, 6, 3) if plain <= end - start)
            cells.append((start, start + take))
            start += take
    return cells


def _wide_cells(cells: Sequence[tuple[int, int]], onsets: Sequence[Fraction]) -> list[tuple[int, int]]:
    """The cells, two quarters made one where they hold nothing but three notes in the time of two."""
    wide: list[tuple[int, int]] = []
    at = 0
    while at < len(cells):
        start, end = cells[at]
        pair = (
            start % _HALF == 0 and end - start == UNITS_PER_QUARTER and cells[at + 1 : at + 2] == [(end, start + _HALF)]
        )
        if pair:
            here = {(onset - start) / _THIRD for onset in onsets if start <= onset < start + _HALF}
            pair = here in ({Fraction(1), Fraction(2)}, {Fraction(0), Fraction(1), Fraction(2)})
        wide.append((start, start + _HALF) if pair else (start, end))
        at += 2 if pair else 1
    return wide


def _zones(cells: Sequence[tuple[int, int]], onsets: Sequence[Fraction], ends: Sequence[Fraction]) -> tuple[_Zone, ...]:
    """The cheapest way to count each cell, given what begins and ends in it."""
    zones: list[_Zone] = []
    for start, end in cells:
        here = tuple(sorted({at - start for at in onsets if start <= at < end}))
        stops = tuple(sorted(at - start for at in ends if start < at < end))
        for zone in _counted(end - start, here, stops):
            grid = tuple(at + start for at in zone.grid)
            zones.append(_Zone(zone.start + start, zone.end + start, zone.tuplet, grid))
    return tuple(zones)


@lru_cache(maxsize=4096)
def _counted(size: int, onsets: tuple[Fraction, ...], ends: tuple[Fraction, ...]) -> tuple[_Zone, ...]:
    """Zones of one cell that starts at 0; patterns come again and again, hence the cache."""
    return min(_ways(0, size), key=lambda way: _cost(way, onsets, ends))


def _ways(start: int, end: int) -> Sequence[tuple[_Zone, ...]]:
    """Ways to count one cell, plainest first."""
    size = end - start

    def zone(first: int, last: int, unit: int, tuplet: tuple[int, int]) -> _Zone:
        return _Zone(first, last, tuplet, tuple(range(first, last, unit)))

    if size == _HALF:
        return [(zone(start, end, _THIRD, TRIPLET),)]

    def both(first: int, last: int) -> list[_Zone]:
        third = (last - first) // 3
        return [zone(first, last, (last - first) // 2, BINARY), zone(first, last, third, TRIPLET)]

    if size == 48:
        middle = start + 24
        halves = [
            way for way in product(both(start, middle), both(middle, end)) if TRIPLET in (way[0].tuplet, way[1].tuplet)
        ]
        fine = list(product(_fine(start, middle), _fine(middle, end)))
        return [(zone(start, end, 12, BINARY),), (zone(start, end, 16, TRIPLET),), *halves, *fine]
    if size == 24:
        return [(one,) for one in both(start, end)] + [(one,) for one in _fine(start, end)]
    if size == 12:
        return [(zone(start, end, 12, BINARY),), (zone(start, end, 6, BINARY),), (zone(start, end, 4, TRIPLET),)]
    return [(zone(start, end, size, BINARY),)]


def _fine(start: int, end: int) -> list[_Zone]:
    """Counts in 32nds and triplet 32nds, for what sixteenths and triplets can't hold apart."""
    binary, triplet = tuple(range(start, end, 6)), tuple(range(start, end, 4))
    return [_Zone(start, end, BINARY, binary), _Zone(start, end, TRIPLET, triplet)]


def _cost(way: Sequence[_Zone], onsets: Sequence[Fraction], ends: Sequence[Fraction]) -> tuple[float, ...]:
    """Lost onsets first, then onsets more than a step away, then how hard it is to read and how far all is moved."""
    grid = [at for zone in way for at in zone.grid]
    placed = [_nearest(at, grid) for at in onsets]
    lost = len(placed) - len(set(placed))
    moved = [float(abs(at - to)) for at, to in zip(onsets, placed, strict=True)]
    far = sum(distance > STEP for distance in moved)
    fine = sum(zone.end - zone.start > SIXTEENTH and zone.grid[1] - zone.grid[0] < 8 for zone in way)
    triplets = sum(zone.tuplet == TRIPLET for zone in way)
    stop_error = sum(float(abs(at - _nearest(at, [*grid, way[-1].end]))) for at in ends)
    return lost, far, fine, sum(moved) + stop_error / 8 + triplets, len(way)


def _nearest(at: Fraction, grid: Sequence[int]) -> int:
    return min(grid, key=lambda to: (abs(at - to), to))


def _segments(
    sounding: Sequence[Note],
    place: Callable[[int], Fraction],
    zones: Sequence[_Zone],
    length: int,
    bar_start: int,
    groups: Sequence[tuple[int, int]] | None,
) -> Iterator[tuple[int, int, tuple[Note, ...], bool]]:
    """(start, end, notes, tied) of all that sounds, in units, in order and apart.

    With `groups` (drums) each lasts to the next one or to the end of its beat, whatever its length says.
    """
    grid = [at for zone in zones for at in zone.grid]
    firsts = [zone.start for zone in zones]
    starts: dict[int, list[Note]] = {}
    carried = tuple(note for note in sounding if note.start < bar_start)
    for note in sounding:
        if note.start >= bar_start:
            exact = place(note.start)
            zone = zones[bisect_right(firsts, exact) - 1]
            starts.setdefault(_nearest(exact, zone.grid), []).append(note)
    order = sorted(starts)
    chords = [(at, tuple(starts[at]), False) for at in order]
    if carried and 0 not in starts:
        chords.insert(0, (0, carried, True))
    for index, (at, chord, tied) in enumerate(chords):
        bound = chords[index + 1][0] if index + 1 < len(chords) else length
        if groups is not None:
            beat_end = next(end for start, end in groups if start <= at < end)
            yield at, min(bound, beat_end), chord, tied
            continue
        stop = max(place(note.end) for note in chord)
        if tied and stop < STEP:  # a tail too short to write
            continue
        if stop >= bound or bound - stop < (SIXTEENTH if bound < length else STEP):
            end = bound  # a gap shorter than a sixteenth is a way of playing, not a rest
        else:
            end = min(bound, _nearest(stop, [*(to for to in grid if to > at), length]))
        yield at, end, chord, tied


def _figures(
    start: int,
    end: int,
    notes: tuple[Note, ...],
    tied: bool,
    zones: Sequence[_Zone],
    groups: Sequence[tuple[int, int]],
    length: int,
) -> list[Figure]:
    """Figures from `start` to `end` (units), tied to each other; rests where `notes` is empty."""
    figures = []
    while start < end:
        zone = next(zone for zone in zones if zone.start <= start < zone.end)
        whole = start == zone.start and end >= zone.end
        room = min(end, zone.end) - start
        span = _longest_triplet(start - zone.start, room) if zone.tuplet == TRIPLET and not whole else 0
        if span:
            value, dotted, tuplet = UNITS_PER_QUARTER * 4 * 2 // (span * 3), False, TRIPLET
        else:
            stop = end if whole or zone.tuplet != TRIPLET else start + room  # a plain value that fills a triplet's zone
            for later in zones:
                if later.start > start and later.tuplet == TRIPLET and not end >= later.end:
                    stop = min(stop, later.start)
            span = _longest_plain(start, stop, groups, length, rest=not notes)
            dotted = span % 9 == 0
            value, tuplet = UNITS_PER_QUARTER * 4 // (span * 2 // 3 if dotted else span), BINARY
        figures.append(Figure(Fraction(start), value, dotted, tuplet, notes, tied and bool(notes)))
        start, tied = start + span, True
    return figures


def _longest_triplet(offset: int, room: int) -> int:
    """Longest undotted triplet value that fits, not straddling a longer one's place; 0 off the triplet's own places."""
    for span in (64, 32, 16, 8, 4):
        if span <= room and offset % (span // 2 if span >= 32 else span) == 0:
            return span
    return 0


def _longest_plain(start: int, end: int, groups: Sequence[tuple[int, int]], length: int, rest: bool) -> int:
    """Longest value, dotted or not, that may begin at `start` and keeps the beats visible."""
    if rest and start == 0 and end == length and length in _PLAIN:
        return length
    for span in _PLAIN:
        if start + span <= end and _readable(start, span, end, groups, length, rest):
            return span
    raise AssertionError(f"nothing fits at {start} before {end}")


_PLAIN = (288, 192, 144, 96, 72, 48, 36, 24, 18, 12, 9, 6, 3)


def _readable(start: int, span: int, end: int, groups: Sequence[tuple[int, int]], length: int, rest: bool) -> bool:
    index = bisect_right([group[0] for group in groups], start) - 1
    first, last = groups[index]
    offset, size, dotted = start - first, last - first, span % 9 == 0
    if start + span <= last:
        return _readable_inside(offset, span, size, dotted, rest)
    simple = all(b - a == UNITS_PER_QUARTER for a, b in groups)
    if offset:
        # Eighth - quarter - eighth, and its dotted cousins, as long as the middle of a four-beat bar stays visible.
        half = 2 * UNITS_PER_QUARTER if len(groups) % 4 == 0 else length - groups[0][0]
        at = start - groups[0][0]
        inside = at // half == (at + span - 1) // half
        return simple and not rest and offset == EIGHTH and span in (48, 72) and inside
    if simple and not rest and start + span == end and span in (72, 96):
        # A dotted quarter, or a half on 2, is read at a glance when it is all there is; not as a link of a chain.
        return True
    return _spans_groups(index, start + span, groups, simple, rest and dotted)


def _readable_inside(offset: int, span: int, size: int, dotted: bool, rest: bool) -> bool:
    """Inside one group: on a multiple of its own size, or of half of it for a note."""
    if offset == 0 and span == size:
        return True
    if size in (72, 36) and not dotted and span == size // 3 * 2:  # two thirds of a compound beat
        return offset == 0 if rest else offset % (size // 3) == 0
    plain = span * 2 // 3 if dotted else span
    if rest:
        return not dotted and offset % span == 0
    return offset % max(3, plain // 2) == 0 and (not dotted or offset == 0 or offset + span == size)


def _spans_groups(index: int, end: int, groups: Sequence[tuple[int, int]], simple: bool, dotted_rest: bool) -> bool:
    """From the start of a group over whole groups: halves on 1 and 3, dotted halves on 1, wholes on 1."""
    last = next((at for at, group in enumerate(groups) if group[1] == end), None)
    if last is None or dotted_rest:
        return False
    count = last + 1 - index
    if len(groups) == 3 and simple:
        return count in (2, 3)
    if count == 3:
        return index % (3 if len(groups) % 3 == 0 else 4) == 0
    return index % count == 0
