"""How the players of a song like to play: measured on its other tracks that have tablature.

Some players take every open string that the line offers, others close the hand around fretted notes and stay there.
Both are good; within one song they hardly mix, so a new part is fingered as the others are.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from arranger.clock import clock_of
from arranger.fretboard import costs_for, finger
from arranger.fretboard_path import Costs
from arranger.parts import Role, tracks_of
from arranger.song import Song, Tempo, Track
from arranger.tunings import STANDARD

MAX_NOTES = 600
"""Notes of each track that are looked at."""

MIN_NOTES = 30
"""A track with fewer has no taste."""


def costs_like(song: Song, roles: tuple[Role, ...], tuning: tuple[int, ...]) -> Costs:
    """Costs for a part with `tuning`, as the song's guitars and basses suggest; the usual ones where they don't.

    Tracks are fingered both ways and compared with what is written. A song without strings and frets says nothing.
    """
    usual = costs_for(tuning)
    votes = []
    for part in STANDARD:
        for index in tracks_of(roles, song, part):
            track = song.tracks[index]
            if _written(track):
                votes.append(_leaning(track, song.tempos, song.ticks_per_quarter))
    return closed(usual) if sum(votes) > 0 else usual


def closed(costs: Costs) -> Costs:
    """The taste of those who avoid open strings, and don't mind going up the neck for it."""
    return replace(costs, open=costs.open + 1.5, height=0.3 * costs.height)


def agreement(track: Track, costs: Costs, tempos: tuple[Tempo, ...], ticks_per_quarter: int) -> float:
    """Share of a track's notes that get the string and fret that they have."""
    assert track.tuning
    notes = track.notes[:MAX_NOTES]
    clock = clock_of(tempos, ticks_per_quarter)
    made = finger(notes, track.tuning, track.capo, clock=clock, costs=costs).notes
    places = {(note.start, note.string, note.fret) for note in made}
    return sum((note.start, note.string, note.fret) in places for note in notes) / len(notes)


def _written(track: Track) -> bool:
    """True if the track has enough notes with strings and frets, on a neck that we know how to finger."""
    if not track.tuning or not 0 <= track.capo < 24 or len(track.notes) < MIN_NOTES:
        return False
    return all(note.string is not None and note.fret is not None for note in track.notes[:MAX_NOTES])


@lru_cache(maxsize=64)
def _leaning(track: Track, tempos: tuple[Tempo, ...], ticks_per_quarter: int) -> float:
    """By how much avoiding open strings agrees better with what is written; asked once for every take, hence kept."""
    assert track.tuning
    usual = costs_for(track.tuning)
    avoiding = agreement(track, closed(usual), tempos, ticks_per_quarter)
    return avoiding - agreement(track, usual, tempos, ticks_per_quarter)
