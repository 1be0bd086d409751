"""Strings for tracks that come without: a tuning that holds their notes, and a place on it for each.

Guitar Pro wants a string and a fret of every note, a pianist's too. What is played on a fretboard is fingered as a
player would; of all else only the staff is read, so there any string will do that no other note of the chord has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from arranger.formats.gpif_track import is_fretted
from arranger.fretboard import BASS_4, BASS_5, FRETS, GUITAR_6, GUITAR_7, GUITAR_DROP_D, finger, into_range
from arranger.parts import BASS_PROGRAMS
from arranger.song import Note, Track

EIGHT_WIDE = (84, 76, 67, 58, 49, 40, 31, 21)
TEN_WIDE = (84, 77, 70, 63, 56, 49, 42, 35, 28, 21)
"""The whole piano on as many strings as Guitar Pro takes."""

SEVEN_WIDE = (84, 74, 64, 54, 44, 34, 21)
"""As much of the piano on seven strings, for formats that take no more; its chords have less choice."""

MANY = 10
"""More than one note in so many out of reach, and it is no part for this instrument."""

_FREE = (GUITAR_6, GUITAR_7, EIGHT_WIDE, TEN_WIDE)


@dataclass(frozen=True, slots=True)
class Strung:
    """Notes with string and fret for a tuning; how many were moved by octaves, how many left out.

    `playable` is False where no hand was thought of, so that tablature would mean nothing.
    """

    tuning: tuple[int, ...]
    notes: tuple[Note, ...]
    moved: int
    dropped: int
    playable: bool = True


def strung(track: Track, most_strings: int = len(TEN_WIDE)) -> Strung:
    """String and fret for every note of a pitched track, on at most so many strings (7 or more).

    A track with a tuning keeps it, and its strings and frets if they all fit. Others get the first tuning that holds
    them, else the one that loses least.
    """
    if track.tuning:
        kept = _as_they_are(track)
        if kept is not None:
            return kept
        return _fingered(track, track.tuning)
    best = None
    if is_fretted(track):
        choice = (BASS_4, BASS_5) if track.program in BASS_PROGRAMS else (GUITAR_6, GUITAR_DROP_D, GUITAR_7)
        options = [_fingered(track, tuning) for tuning in choice]
        # A few notes an octave higher, or left out, are less strange than a string more for their sake.
        best = options[0]
        for other in options[1:]:
            if 20 * (best.moved + best.dropped - other.moved - other.dropped) >= max(1, len(track.notes)):
                best = other
        if MANY * (best.moved + best.dropped) <= len(track.notes):
            return best
    # Other instruments, and what only calls itself a guitar: better all its notes than a tenth less and a tablature.
    options = [] if best is None else [best]
    wide = _FREE if most_strings >= len(EIGHT_WIDE) else (*_FREE, SEVEN_WIDE)
    for tuning in (tuning for tuning in wide if len(tuning) <= most_strings):
        options.append(_placed(track.notes, tuning))
        if not options[-1].moved and not options[-1].dropped:
            break
    return min(options, key=lambda option: (option.dropped, option.moved))


def _as_they_are(track: Track) -> Strung | None:
    """The notes with the strings and frets that they have, None if they don't fit the tuning."""
    tuning, taken = track.tuning or (), set()
    for note in track.notes:
        if note.string is None or note.fret is None or not 1 <= note.string <= len(tuning):
            return None
        if tuning[note.string - 1] + track.capo + note.fret != note.pitch or (note.start, note.string) in taken:
            return None
        taken.add((note.start, note.string))
    return Strung(tuning, tuple(sorted(track.notes)), 0, 0)


def _fingered(track: Track, tuning: tuple[int, ...]) -> Strung:
    found = finger(track.notes, tuning, track.capo)
    return Strung(tuning, found.notes, found.moved, found.dropped)


def _placed(notes: Sequence[Note], tuning: tuple[int, ...]) -> Strung:
    """Every note on some string of its own, without regard to hands."""
    placed: list[Note] = []
    moved = dropped = 0
    for _, together in groupby(sorted(notes), key=lambda note: note.start):
        chord: dict[int, Note] = {}
        for note in together:
            pitch = into_range(note.pitch, tuning, FRETS)
            if pitch in chord:
                dropped += 1
                continue
            moved += pitch != note.pitch
            chord[pitch] = replace(note, pitch=pitch)
        strings = _matched(sorted(chord), tuning)
        dropped += len(chord) - len(strings)
        placed += [
            replace(chord[pitch], string=string, fret=pitch - tuning[string - 1]) for pitch, string in strings.items()
        ]
    return Strung(tuning, tuple(sorted(placed)), moved, dropped, playable=False)


def _matched(pitches: Sequence[int], tuning: Sequence[int]) -> dict[int, int]:
    """A string of its own for as many pitches as there can be one; a maximum matching by augmenting paths."""
    owner: dict[int, int] = {}

    def seat(pitch: int, tried: set[int]) -> bool:
        for string in range(len(tuning), 0, -1):
            if string in tried or not 0 <= pitch - tuning[string - 1] <= FRETS:
                continue
            tried.add(string)
            if string not in owner or seat(owner[string], tried):
                owner[string] = pitch
                return True
        return False

    # From the outside in: if one must go, bass and top stay.
    for pitch in sorted(pitches, key=lambda pitch: -abs(2 * pitch - pitches[0] - pitches[-1])):
        seat(pitch, set())
    return {pitch: string for string, pitch in sorted(owner.items())}
