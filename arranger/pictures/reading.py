"""What stands over a roll: sections, chords and key of a song, told as `arranger inspect` tells them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from arranger.chords import song_chords
from arranger.grid import song_to_grid
from arranger.keys import song_key, song_keys
from arranger.parts import Role
from arranger.profiles import song_profiles
from arranger.sections import Section, song_sections
from arranger.song import Song


@dataclass(frozen=True)
class Symbol:
    """A chord's name at a tick; `bar` is the bar it is in."""

    tick: int
    bar: int
    name: str


@dataclass(frozen=True)
class Reading:
    """Sections of all bars in order, chords where they begin and again at each bar line, the key's name or nothing."""

    sections: tuple[Section, ...]
    chords: tuple[Symbol, ...]
    key: str


def read_song(song: Song, roles: Sequence[Role]) -> Reading:
    """The reading of a whole song."""
    grid = song_to_grid(song, roles)
    profiles = song_profiles(song, roles, grid)
    keys = song_keys(profiles)
    key_bars = [run.bar for run in keys]
    chords = []
    for chord in song_chords(profiles):
        bar = song.bars[chord.bar]
        sharps = keys[max(0, bisect_right(key_bars, chord.bar) - 1)].sharps
        chords.append(Symbol(bar.start + chord.half * bar.length // 2, chord.bar, chord.name(sharps)))
    whole = song_key(profiles)
    return Reading(song_sections(song, grid, profiles), tuple(chords), whole.name if whole.confidence else "")
