"""Tunings: the usual ones, and the one that a new part should have in a song.

A tuning is a tuple of open-string pitches, string 1 (the highest sounding) first, capo not included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from arranger.parts import Role, tracks_of
from arranger.song import Note, Song

BASS_4 = (43, 38, 33, 28)
BASS_DROP_D = (43, 38, 33, 26)
BASS_5 = (43, 38, 33, 28, 23)
BASS_6 = (48, 43, 38, 33, 28, 23)
GUITAR_6 = (64, 59, 55, 50, 45, 40)
GUITAR_DROP_D = (64, 59, 55, 50, 45, 38)
GUITAR_7 = (64, 59, 55, 50, 45, 40, 35)
GUITAR_8 = (64, 59, 55, 50, 45, 40, 35, 30)

STANDARD = {"bass": BASS_4, "guitar": GUITAR_6}
LOWER = {"bass": (BASS_DROP_D, BASS_5), "guitar": (GUITAR_DROP_D, GUITAR_7)}

FRETS = 24

MAX_SHIFT = 7
"""Semitones by which a whole instrument is tuned up or down at most; beyond, it is another instrument."""

_BY_STRINGS: dict[str, dict[int, tuple[int, ...]]] = {
    "bass": {len(tuning): tuning for tuning in (BASS_4, BASS_5, BASS_6)},
    "guitar": {len(tuning): tuning for tuning in (GUITAR_6, GUITAR_7, GUITAR_8)},
}


@dataclass(frozen=True, slots=True)
class Neck:
    """Strings and capo of a part; no strings for drums."""

    tuning: tuple[int, ...] = ()
    capo: int = 0

    @property
    def sounding(self) -> tuple[int, ...]:
        """Open strings as they sound, capo included."""
        return tuple(pitch + self.capo for pitch in self.tuning)

    @property
    def frets(self) -> int:
        """Frets above the capo."""
        return FRETS - self.capo

    def outside(self, notes: Sequence[Note]) -> int:
        """Number of notes that no string has."""
        low, high = min(self.sounding), max(self.sounding) + self.frets
        return sum(not low <= note.pitch <= high for note in notes)


def neck_for(part: str, notes: Sequence[Note], song: Song, roles: tuple[Role, ...], track: int | None = None) -> Neck:
    """Strings and capo for notes of `part`.

    Parameters
    ----------
    track : the track that the notes go into, if it is one of the song's.

    That track's neck, or the neck of one of the song's own tracks of the part. Where there is none, the tuning that
    the song's other guitars and basses suggest (all a semitone down, drop D), else standard. A lower one is taken only
    if it brings at least a twentieth of the notes into range; fewer are moved by an octave.
    """
    if part not in STANDARD:
        return Neck()
    if track is not None and song.tracks[track].tuning:
        return _neck(song, track)
    own = [_neck(song, index) for index in tracks_of(roles, song, part) if song.tracks[index].tuning]
    if own:
        return min(own, key=lambda neck: neck.outside(notes))
    best = Neck(STANDARD[part])
    shift, drop = suggested_by(song, roles)
    wanted = Neck(_retuned(STANDARD[part], shift, drop))
    if 20 * (wanted.outside(notes) - best.outside(notes)) <= len(notes):
        best = wanted
    for tuning in LOWER[part]:
        lower = Neck(_retuned(tuning, shift, 0))
        if 20 * (best.outside(notes) - lower.outside(notes)) >= max(1, len(notes)):
            best = lower
    return best


def tuning_for(part: str, notes: Sequence[Note], song: Song, roles: tuple[Role, ...]) -> tuple[int, ...]:
    """Tuning of `neck_for`; `()` for drums."""
    return neck_for(part, notes, song, roles).tuning


def suggested_by(song: Song, roles: tuple[Role, ...]) -> tuple[int, int]:
    """(semitones by which the song's guitars and basses are tuned from standard, further ones of the lowest string).

    What most of them have, counted by track; (0, 0) where they have no tunings or none that is known.
    """
    seen: Counter[tuple[int, int]] = Counter()
    for part in STANDARD:
        for index in tracks_of(roles, song, part):
            told = shift_and_drop(song.tracks[index].tuning or (), part)
            if told is not None:
                seen[told] += 1
    if not seen:
        return 0, 0
    # Of equally many, the one nearest to standard: the mistake costs least there.
    return max(seen, key=lambda told: (seen[told], -abs(told[0]) - abs(told[1])))


def shift_and_drop(tuning: tuple[int, ...], part: str) -> tuple[int, int] | None:
    """How a tuning departs from the standard one: all strings, and the lowest beyond that; None for an open tuning.

    The lowest string of seven, eight or five is not dropped for the sake of a bass or a guitar with fewer strings: its
    drop is told as 0.
    """
    usual = _BY_STRINGS[part].get(len(tuning))
    if usual is None:
        return None
    shifts = [pitch - standard for pitch, standard in zip(tuning, usual, strict=True)]
    shift = median_low(shifts[:-1])
    drop = shifts[-1] - shift
    if any(other != shift for other in shifts[:-1]) or abs(shift) > MAX_SHIFT or drop not in (0, -2):
        return None
    return shift, drop if usual == STANDARD[part] else 0


def _retuned(tuning: tuple[int, ...], shift: int, drop: int) -> tuple[int, ...]:
    return (*(pitch + shift for pitch in tuning[:-1]), tuning[-1] + shift + drop)


def _neck(song: Song, index: int) -> Neck:
    track = song.tracks[index]
    return Neck(track.tuning or (), track.capo if 0 <= track.capo < FRETS else 0)
