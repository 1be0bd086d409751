"""Score order and playing order: repeats, endings and jumps.

A Song stands in score order, as its file does; `Song.order` says how its bars follow each other when it is played.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from arranger.song import KeySignature, Note, Song, Tempo, TimeSignature, Track

MAX_PLAYED_BARS = 20_000
"""More than any song has; where jumps run in circles, playing stops here."""


@dataclass(frozen=True, slots=True)
class BarFlow:
    """What one bar of a score says about where to go on.

    Parameters
    ----------
    opens : True if a repeated section begins with the bar.
    repeats : how often the section that ends with the bar is played in all; 0 where none ends, else at least 2.
    endings : passes, counted from 1, in which the bar is played; empty for all.
    targets : signs that stand here: any of `segno`, `segno segno`, `coda`, `double coda`, `fine`.
    jump : what is done after the bar, as `da capo`, `da capo al coda`, `da capo al double coda`, `da capo al fine`,
        `da segno ...`, `da segno segno ...` (the same four), `da coda`, `da double coda`; empty for nothing.
    """

    opens: bool = False
    repeats: int = 0
    endings: frozenset[int] = frozenset()
    targets: frozenset[str] = frozenset()
    jump: str = ""


def playing_order(flows: Sequence[BarFlow]) -> tuple[int, ...]:
    """Bars in the order in which they are played; empty where that is the order in which they stand.

    Sections may be nested and may close several times; an ending without a mark goes on with the ending before it.
    After a jump, repeats are not played again, as musicians do. Guitar Pro says nothing of odd cases; where it doesn't,
    this follows alphaTab, with which most players will hear the tab.
    """
    order: list[int] = []
    walk = _Walk(flows)
    while walk.bar < len(flows) and len(order) < MAX_PLAYED_BARS and walk.steps < 4 * MAX_PLAYED_BARS:
        if walk.plays():
            order.append(walk.bar)
        walk.go_on()
    return () if order == list(range(len(flows))) else tuple(order)


_SIGNS = ("segno segno", "segno")
_UNTIL = {"al coda": "da coda", "al double coda": "da double coda", "al fine": "fine", "": ""}
"""What a jump says -> what ends the second pass."""


@dataclass(eq=False)
class _Section:
    """A repeated section: first bar, bars that close it, and how often each of them was passed."""

    first: int
    closings: list[int]
    passes: list[int]
    at: int = 0


class _Walk:
    """The place in a score that is being played."""

    def __init__(self, flows: Sequence[BarFlow]):
        self.flows = flows
        self.sections = _sections(flows)
        self.bar = self.steps = 0
        self.open: list[_Section] = []
        self.endings: frozenset[int] = frozenset()
        self.until: str | None = None  # None before the first jump

    def plays(self) -> bool:
        """True if the bar is played in this pass; enters the section that begins with it."""
        if self.until is not None:
            return True
        endings = self.flows[self.bar].endings
        closings = self.sections.get(self.bar)
        if closings and all(section.first != self.bar for section in self.open):
            self.open.append(_Section(self.bar, closings, [0] * len(closings)))
            self.endings = frozenset()
        endings = endings or self.endings
        if not self.open or not endings:
            return True
        self.endings = endings
        section = self.open[-1]
        return section.passes[section.at] + 1 in endings

    def go_on(self) -> None:
        """To the next bar: by a jump, back to the start of the section, or on."""
        self.steps += 1
        flow = self.flows[self.bar]
        if self.until is None and flow.jump:
            if self._jump(flow.jump):
                return
        elif self.until is not None:
            self._second_pass(flow)
            return
        self._repeat(flow)

    def _jump(self, jump: str) -> bool:
        kind, _, until = jump.partition(" al ")
        until = _UNTIL.get(f"al {until}" if until else "", "")
        if kind == "da capo":
            target: int | None = 0
        elif kind in {f"da {sign}" for sign in _SIGNS}:
            target = self._find(kind.removeprefix("da "), backwards=True)
        else:
            return False
        if target is None:
            return False
        self.bar, self.until, self.open, self.endings = target, until, [], frozenset()
        return True

    def _second_pass(self, flow: BarFlow) -> None:
        if self.until == "fine" and "fine" in flow.targets:
            self.bar = len(self.flows)
            return
        if self.until and self.until == flow.jump:
            coda = self._find(flow.jump.removeprefix("da "), backwards=False)
            if coda is not None and coda != self.bar:
                self.bar, self.until = coda, None
                return
        self.bar += 1

    def _repeat(self, flow: BarFlow) -> None:
        if not self.open or flow.repeats < 2:
            self.bar += 1
            return
        section = self.open[-1]
        if section.passes[section.at] < flow.repeats - 1:
            section.passes[section.at] += 1
            section.passes[: section.at] = [0] * section.at
            section.at, self.bar, self.endings = 0, section.first, frozenset()
            return
        if section.at < len(section.closings) - 1:
            section.at += 1
        else:
            self.open.pop()
        self.bar += 1

    def _find(self, sign: str, backwards: bool) -> int | None:
        """The bar with a sign that is nearest in one direction, else in the other."""
        places = [bar for bar, flow in enumerate(self.flows) if sign in flow.targets]
        before = [bar for bar in places if bar <= self.bar]
        behind = [bar for bar in places if bar >= self.bar]
        first, second = (before[-1:], behind[:1]) if backwards else (behind[:1], before[-1:])
        return next(iter([*first, *second]), None)


def _sections(flows: Sequence[BarFlow]) -> dict[int, list[int]]:
    """First bar of each repeated section -> the bars that close it. One that nothing opens begins with the song."""
    closings: dict[int, list[int]] = {}
    stack: list[int] = []
    opened = 0
    for bar, flow in enumerate(flows):
        if flow.opens:
            if stack and closings.get(stack[-1]):
                stack.pop()
                opened -= 1
            stack.append(bar)
            opened += 1
        elif not stack:
            stack.append(bar)
        if flow.repeats > 1:
            closings.setdefault(stack[-1], []).append(bar)
            if opened > 1:
                stack.pop()
                opened -= 1
    return closings


def played_out(song: Song) -> Song:
    """The song as it sounds: bars in playing order, swing played; without a source.

    A note that is held past the end of its bar goes on only where the next bar follows.
    """
    if not song.order and not song.feels:
        return song
    bars = song.bars
    order = song.order or tuple(range(len(bars)))
    starts, at = [], 0
    for bar in order:
        starts.append(at)
        at += bars[bar].length
    return replace(
        song,
        tracks=tuple(
            replace(track, notes=_played_notes(song, track, order, starts), source_id=None) for track in song.tracks
        ),
        tempos=tuple(_played_changes(song.tempos, song, order, starts)),
        time_signatures=_played_signatures(song, order, starts),
        markers=tuple(
            replace(marker, tick=start + marker.tick - bars[bar].start)
            for bar, start in zip(order, starts, strict=True)
            for marker in song.markers
            if bars[bar].start <= marker.tick < bars[bar].end
        ),
        keys=tuple(_played_changes(song.keys, song, order, starts)),
        feels=(),
        order=(),
        length=at,
        source=None,
    )


Changes = TypeVar("Changes", Tempo, TimeSignature, KeySignature)


def _runs(song: Song, order: Sequence[int], starts: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(first tick, end tick, tick when played) of each run of bars that follow each other in the score too."""
    bars = song.bars
    begin = 0
    for at in range(1, len(order) + 1):
        if at == len(order) or order[at] != order[at - 1] + 1:
            yield bars[order[begin]].start, bars[order[at - 1]].end, starts[begin]
            begin = at


def _played_notes(song: Song, track: Track, order: Sequence[int], starts: Sequence[int]) -> tuple[Note, ...]:
    notes = sorted(_swung(song, track.notes))
    begins = [note.start for note in notes]
    played = []
    for first, end, at in _runs(song, order, starts):
        for note in notes[bisect_left(begins, first) : bisect_left(begins, end)]:
            length = min(note.end, end) - note.start
            played.append(replace(note, start=note.start - first + at, duration=length))
    return tuple(sorted(played))


def _played_changes(
    changes: Sequence[Changes], song: Song, order: Sequence[int], starts: Sequence[int]
) -> list[Changes]:
    """Changes in playing order; what holds at the start of a run is said again where it differs."""
    played: list[Any] = []
    for first, end, at in _runs(song, order, starts):
        before: list[Changes] = [change for change in changes if change.tick <= first][-1:]
        within: list[Changes] = [change for change in changes if first < change.tick < end]
        for change in (*before, *within):
            here = replace(change, tick=max(change.tick, first) - first + at)
            if not played or replace(played[-1], tick=here.tick) != here:
                played.append(here)
    return played


def _played_signatures(song: Song, order: Sequence[int], starts: Sequence[int]) -> tuple[TimeSignature, ...]:
    """Said again after every bar that is cut short, so that the next begins where it is played."""
    bars, tpq = song.bars, song.ticks_per_quarter
    played: list[TimeSignature] = []
    for at, (bar, start) in enumerate(zip(order, starts, strict=True)):
        metre = bars[bar].numerator, bars[bar].denominator
        before = bars[order[at - 1]] if at else None
        cut = before is not None and before.length != max(1, 4 * tpq * before.numerator // before.denominator)
        if cut or not played or metre != (played[-1].numerator, played[-1].denominator):
            played.append(TimeSignature(start, *metre))
    return tuple(played)


_LATER = {"triplet": (4, 3), "dotted": (3, 2), "scottish": (1, 2)}
"""Where the second note of a pair stands, in units of one of its notes."""


def _swung(song: Song, notes: Sequence[Note]) -> Sequence[Note]:
    """Notes with the second of each written pair moved as the feel says. A pair in which anything else begins is left
    as it is: nobody swings the sixteenths between swung eighths."""
    if not any(feel.kind != "straight" for feel in song.feels):
        return notes
    tpq, ticks = song.ticks_per_quarter, [feel.tick for feel in song.feels]
    starts = sorted({note.start for note in notes})

    def moved(tick: int) -> int:
        at = bisect_right(ticks, tick) - 1
        kind, _, unit_name = song.feels[at].kind.partition("-") if at >= 0 else ("straight", "", "")
        if kind == "straight":
            return tick
        unit = tpq // 2 if unit_name == "eighths" else tpq // 4
        first = tick - unit
        if (tick - song.bars[song.bar_at(tick)].start) % (2 * unit) != unit:
            return tick
        inside = starts[bisect_right(starts, first) : bisect_left(starts, first + 2 * unit)]
        if any(start != tick for start in inside):
            return tick
        numerator, denominator = _LATER[kind]
        return first + unit * numerator // denominator

    swung = []
    for note in notes:
        start = moved(note.start)
        swung.append(replace(note, start=start, duration=max(1, moved(note.end) - start)))
    return swung
