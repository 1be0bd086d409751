"""Which notes of a song are new: those of a fill, or those that an older version of the song lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from arranger.fills import Fill
from arranger.song import Note, Song

Marks = Mapping[int, frozenset[Note]]
"""Track index -> notes of the track that are marked."""

GRID = 192
"""Places in a quarter that are told apart: thirty-seconds, triplets and most of what a player is early or late."""

_Key = tuple[bool, int, int]


def fill_marks(song: Song, fill: Fill) -> Marks:
    """Notes that `apply_fill(song, fill)` has from the fill, by the index of their track in the filled song."""
    marks: dict[int, frozenset[Note]] = {}
    following = len(song.tracks)
    for filled in fill.parts:
        index = filled.into_track
        if index is None:
            index, following = following, following + 1
        marks[index] = marks.get(index, frozenset()) | frozenset(filled.notes)
    return marks


def new_notes(song: Song, old: Song) -> Marks:
    """Notes of a song that an older version of it lacks, by the index of their track.

    A note is the same if it begins at the same place of the score (in quarters, whatever the resolution) and has the
    same pitch; length and loudness may differ. Tracks are paired first by name and program, then by how many notes they
    share; a track without a partner is new as a whole.
    """
    partner = _partners(song, old)
    marks = {}
    for index, track in enumerate(song.tracks):
        there = Counter(_keys(old, partner[index])) if index in partner else Counter()
        fresh = []
        for note, key in zip(track.notes, _keys(song, index), strict=True):
            if there[key] > 0:
                there[key] -= 1
            else:
                fresh.append(note)
        if fresh:
            marks[index] = frozenset(fresh)
    return marks


def _keys(song: Song, index: int) -> list[_Key]:
    track, quarter = song.tracks[index], song.ticks_per_quarter
    return [(track.is_drum, (2 * GRID * note.start + quarter) // (2 * quarter), note.pitch) for note in track.notes]


def _partners(song: Song, old: Song) -> dict[int, int]:
    """Track of the song -> track of the old one."""
    homes: dict[_Key, list[int]] = {}
    for index in range(len(old.tracks)):
        for key in set(_keys(old, index)):
            homes.setdefault(key, []).append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for index in range(len(song.tracks)):
        for key in set(_keys(song, index)):
            for home in homes.get(key, ()):
                shared[index, home] += 1

    def rank(pair: tuple[int, int]) -> tuple[bool, int, int]:
        new, former = song.tracks[pair[0]], old.tracks[pair[1]]
        same = (new.name, new.program) == (former.name, former.program)
        return not same, -shared[pair], abs(pair[0] - pair[1])

    found: dict[int, int] = {}
    taken: set[int] = set()
    for index, home in sorted(shared, key=lambda pair: (*rank(pair), pair)):
        if index not in found and home not in taken:
            found[index] = home
            taken.add(home)
    return found
