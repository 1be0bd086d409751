"""Where the beats of a GPIF score stand in time.

Grace beats take no time of their own in the score. Here a grace note is a short note that leaves its beat's grid step
alone and never leaves its bar: just before its beat at the cost of the beat before, or on it, with the beat a little
later, if the file says so or the bar begins there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from arranger.formats.gpif_model import QUARTER, Score, WrittenBeat, beats_of_voice, sounding_bars, voices_of_bar

GRACE_TICKS = 30
"""Longest grace note."""
GRACES_TICKS = 60
"""Longest group of grace notes before one beat: less than a step of the grid, a twelfth of a quarter."""
MAX_BEATS = 400_000
"""Of all staves and voices, played out: a song of 9 tracks and 224 bars has 13,000."""


class TooManyBeats(Exception):
    """A score in which everything is shared can be far larger than its file."""


@dataclass(frozen=True, slots=True)
class PlacedBeat:
    """A beat of one staff in exact ticks.

    `start` and `end` are as it is played; `at` and `until` as it is written, without regard to grace notes.
    """

    bar: int
    voice: int
    start: Fraction
    end: Fraction
    at: Fraction
    until: Fraction
    beat: WrittenBeat


def bar_starts(score: Score, name: str) -> list[int]:
    """First tick of every bar and the end of the last. Only a pickup bar is as short as what stands in it."""
    starts = [0]
    for at, bar in enumerate(score.master_bars):
        # The same rounding as `Song.bars`, so that both agree on every bar.
        length = max(1, 4 * QUARTER * bar.numerator // bar.denominator)
        if at == 0 and score.anacrusis:
            length = min(length, _content(score, name) or length)
        starts.append(starts[-1] + length)
    return starts


def _content(score: Score, name: str) -> int:
    """Ticks of the longest voice in the first bar."""
    longest = Fraction(0)
    for bar in score.master_bars[0].bars:
        for _, voice in voices_of_bar(score, bar, name):
            beats = beats_of_voice(score, voice, name)
            longest = max(longest, sum((beat.ticks for beat in beats if not beat.grace), Fraction(0)))
    return round(longest)


class StaffReader:
    """Places the beats of one staff after the other, and counts them all."""

    def __init__(self, score: Score, name: str):
        self.score, self.name = score, name
        self.starts = bar_starts(score, name)
        self._beats = 0

    def beats(self, staff: int) -> list[PlacedBeat]:
        """The beats of a staff, counted over all tracks, bar by bar and voice by voice.

        Raises
        ------
        SongFileError
            if the score refers to something that is not there.
        TooManyBeats
            if all staves together have more than `MAX_BEATS`.
        """
        placed: list[PlacedBeat] = []
        for index, bar in enumerate(sounding_bars(self.score, staff)):
            for number, voice in voices_of_bar(self.score, bar, self.name):
                beats = beats_of_voice(self.score, voice, self.name)
                self._beats += len(beats) + 1
                if self._beats > MAX_BEATS:
                    raise TooManyBeats
                placed += place_voice(beats, index, number, self.starts[index])
        return placed


def place_voice(beats: tuple[WrittenBeat, ...], bar: int, voice: int, start: int) -> list[PlacedBeat]:
    """The beats of one voice of one bar that begins at tick `start`."""
    placed: list[PlacedBeat] = []
    graces: list[WrittenBeat] = []
    at = Fraction(start)
    before: int | None = None  # where in `placed` the last beat that takes time stands
    for beat in beats:
        if beat.grace:
            graces.append(beat)
            continue
        until = at + beat.ticks
        begin = at
        if graces:
            begin = _place_graces(graces, placed, before, at, beat.ticks, bar, voice)
            graces = []
        before = len(placed)
        placed.append(PlacedBeat(bar, voice, begin, until, at, until, beat))
        at = until
    if graces:
        _place_graces(graces, placed, before, at, Fraction(QUARTER), bar, voice)
    return placed


def _place_graces(
    graces: list[WrittenBeat],
    placed: list[PlacedBeat],
    before: int | None,
    at: Fraction,
    ticks: Fraction,
    bar: int,
    voice: int,
) -> Fraction:
    """Append grace beats to `placed`; returns where their beat, written at `at` with so many ticks, begins now."""
    steals = graces[0].grace == "before" and before is not None
    room = placed[before].end - placed[before].start if steals and before is not None else ticks
    each = min(Fraction(GRACE_TICKS), min(Fraction(GRACES_TICKS), room / 2) / len(graces))
    begin = at - each * len(graces) if steals else at
    if steals and before is not None:
        placed[before] = replace(placed[before], end=begin)
    for grace in graces:
        placed.append(PlacedBeat(bar, voice, begin, begin + each, at, at, grace))
        begin += each
    return begin
