"""Tunings of MusicXML parts: said by the staff or the file, else told from the strings and frets of the notes.

Only a tablature staff may say its tuning in MusicXML. For parts on five lines we say it in a `miscellaneous-field`,
which other programs pass over.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from arranger.song import Note, Track

FIELD = "arranger-tuning-"
_GUITAR = (64, 59, 55, 50, 45, 40, 35, 30)
_BASSES = ((43, 38, 33, 28), (43, 38, 33, 28, 23), (48, 43, 38, 33, 28, 23))
_KNOWN = ((*_GUITAR[:6],), (*_GUITAR[:5], 38), *_BASSES, (*_GUITAR[:7],), _GUITAR)
_SHIFTS = (0, -1, -2, -3, -4, -5, 1, 2)


def tuning_field(track: Track, ident: str) -> str:
    """The field that says a track's tuning, empty without one."""
    if not track.tuning:
        return ""
    pitches = " ".join(map(str, track.tuning))
    capo = f" capo {track.capo}" if track.capo else ""
    return f'<miscellaneous-field name="{FIELD}{ident}">{pitches}{capo}</miscellaneous-field>'


def said_tunings(root: ET.Element) -> dict[str, tuple[tuple[int, ...], int]]:
    """Part id -> (tuning, capo) of our own fields."""
    found = {}
    for field in root.iterfind("identification/miscellaneous/miscellaneous-field"):
        ident = field.get("name", "").removeprefix(FIELD)
        said = re.fullmatch(r"((?:[0-9]{1,3} ?){1,12})(?:capo ([0-9]{1,2}))?", (field.text or "").strip())
        pitches = tuple(int(pitch) for pitch in said[1].split()) if said else ()
        if said and field.get("name", "").startswith(FIELD) and max(pitches) < 128:
            found[ident] = pitches, int(said[2] or 0)
    return found


def fitted(notes: Sequence[Note], tuning: Sequence[int], capo: int) -> tuple[tuple[int, ...], list[Note]]:
    """(tuning, notes): the tuning as it sounds, and strings and frets only where they give the pitch."""

    def off(note: Note) -> int | None:
        if note.string is None or note.fret is None or note.string > len(tuning):
            return None
        return note.pitch - tuning[note.string - 1] - capo - note.fret

    shifts = Counter(shift for note in notes if (shift := off(note)) is not None)
    # Some programs write the tuning as it is notated, an octave above what sounds.
    shift = next((shift for shift, _ in shifts.most_common(1) if shift % 12 == 0), 0)
    pitches = tuple(min(127, max(0, pitch + shift)) for pitch in tuning)
    return pitches, [note if off(note) == shift else replace(note, string=None, fret=None) for note in notes]


def told_by_frets(notes: Sequence[Note], bass: bool) -> tuple[int, ...] | None:
    """The usual tuning that all strings and frets fit, with the fewest strings; None if there is none."""
    opens: dict[int, set[int]] = {}
    for note in notes:
        if note.string is not None and note.fret is not None:
            opens.setdefault(note.string, set()).add(note.pitch - note.fret)
    if not opens or any(len(pitches) > 1 for pitches in opens.values()):
        return None
    wanted = {string: next(iter(pitches)) for string, pitches in opens.items()}
    known = sorted(_KNOWN, key=lambda tuning: (tuning in _BASSES) != bass)
    for shift in _SHIFTS:
        for tuning in known:
            if max(wanted) <= len(tuning) and all(tuning[s - 1] + shift == pitch for s, pitch in wanted.items()):
                return tuple(pitch + shift for pitch in tuning)
    return None
