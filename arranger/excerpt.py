"""Some bars of a song as a song of their own, to be heard without the rest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from arranger.errors import FillRequestError
from arranger.song import Song, Track


class _Change(Protocol):
    @property
    def tick(self) -> int: ...


Change = TypeVar("Change", bound=_Change)


def excerpt(song: Song, bars: tuple[int, int]) -> Song:
    """The bars [first, last), from 0, played once each; without a source.

    Notes that begin in them are in it, cut where the last bar ends; tempo, metre, key and swing are those that hold
    there. The tracks are all there, in their order, whether they play or not.

    Raises
    ------
    FillRequestError
        if the song has no such bars.
    """
    first, last = bars
    if not 0 <= first < last <= len(song.bars):
        raise FillRequestError(f"Bars {first + 1}-{last} are not in this song; it has bars 1-{len(song.bars)}.")
    begin, end = song.bars[first].start, song.bars[last - 1].end
    return replace(
        song,
        tracks=tuple(_cut(track, begin, end) for track in song.tracks),
        tempos=_moved(song.tempos, begin, end),
        time_signatures=_moved(song.time_signatures, begin, end),
        keys=_moved(song.keys, begin, end),
        feels=_moved(song.feels, begin, end),
        markers=tuple(replace(one, tick=one.tick - begin) for one in song.markers if begin <= one.tick < end),
        order=(),
        length=end - begin,
        source=None,
    )


def _cut(track: Track, begin: int, end: int) -> Track:
    notes = tuple(
        replace(note, start=note.start - begin, duration=min(note.end, end) - note.start)
        for note in track.notes
        if begin <= note.start < end
    )
    return replace(track, notes=notes, source_id=None)


def _moved(changes: Sequence[Change], begin: int, end: int) -> tuple[Change, ...]:
    """Changes in [begin, end), and the one that holds at its beginning, from there on."""
    at = max(0, bisect_right([one.tick for one in changes], begin) - 1)
    return tuple(
        replace(one, tick=max(0, one.tick - begin))  # type: ignore[type-var]
        for one in changes[at:]
        if one.tick < end and (one.tick >= begin or one is changes[at])
    )
