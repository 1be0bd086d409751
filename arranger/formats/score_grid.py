"""The bars of any song as a score can hold them: 960 ticks a quarter, each bar a whole number of 64ths."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction

from arranger.formats.notation import DENOMINATORS
from arranger.song import Bar, Note, Song

TICKS_PER_QUARTER = 960
SHORTEST = TICKS_PER_QUARTER // 16
"""A 64th."""

MAX_METRE = 32
"""Largest number that Guitar Pro takes in a time signature."""


@dataclass(frozen=True, slots=True)
class ScoreGrid:
    """Bars of a score; `starts` and `lengths` are those of the song's own bars, in its own ticks."""

    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    bars: tuple[Bar, ...]

    def tick(self, tick: int) -> int:
        """A place of the song in ticks of the score; what lies in a bar stays in it, at the same part of it."""
        at = max(0, bisect_right(self.starts, tick) - 1)
        bar = self.bars[at]
        return bar.start + round(Fraction((tick - self.starts[at]) * bar.length, self.lengths[at]))

    def note(self, note: Note) -> Note:
        """A note of the song in ticks of the score."""
        start = self.tick(note.start)
        return replace(note, start=start, duration=max(1, self.tick(note.end) - start))


def score_grid(song: Song, warnings: list[str]) -> ScoreGrid:
    """The grid of a song; `warnings` gets a sentence if bars had to be rounded."""
    bars: list[Bar] = []
    at, odd = 0, []
    for bar in song.bars:
        exact = Fraction(bar.length * TICKS_PER_QUARTER, song.ticks_per_quarter)
        length = max(1, round(exact / SHORTEST)) * SHORTEST
        if length != exact:
            odd.append(bar.index + 1)
        bars.append(Bar(bar.index, at, length, *metre(length, bar)))
        at += length
    if odd:
        are, were = ("bar is", "was") if len(odd) == 1 else ("bars are", "were")
        first = f"(first: bar {odd[0]})"
        warnings.append(f"{len(odd)} {are} not a whole number of 64th notes long {first} and {were} rounded.")
    return ScoreGrid(tuple(bar.start for bar in song.bars), tuple(bar.length for bar in song.bars), tuple(bars))


def metre(length: int, bar: Bar) -> tuple[int, int]:
    """Time signature of a bar of `length` ticks: the song's if it is as long as that, else the plainest that is."""
    whole = 4 * TICKS_PER_QUARTER
    usual = DENOMINATORS[:-1]  # no program offers 64ths as beats
    if bar.denominator in usual and bar.numerator <= MAX_METRE and bar.numerator * whole == length * bar.denominator:
        return bar.numerator, bar.denominator
    for denominator in (4, 8, 16, 32, 2, 1):
        numerator, rest = divmod(length * denominator, whole)
        if not rest and numerator <= MAX_METRE:
            return numerator, denominator
    return length * 64 // whole, 64
