"""The parts of a band, and which track plays which.

A track is told by the strongest evidence it has: what it is in the file (percussion), its program, its tuning,
its name, and last its register. `detect_parts` always gives the reason, because the user may overrule it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from arranger.errors import FillRequestError
from arranger.song import Song, Track

PARTS = ("drums", "bass", "guitar")
"""What can be filled. Everything else that has pitch is `other`: context."""

ROLES = (*PARTS, "other")

GUITAR_PROGRAMS = range(24, 32)
BASS_PROGRAMS = range(32, 40)
EFFECT_PROGRAMS = range(119, 128)
"""Reverse cymbal, breath, birds, applause, gunshot: their pitches are not music."""

_NAMES = {
    "drums": r"\bdrums?\b|\bdrum ?kit\b|\bpercussions?\b|\bschlagzeug\b|\bbatter(ia|ie)\b",
    "bass": r"\bbass(o|e)?\b(?! ?drum)|\bbassline\b",
    "guitar": r"\bguitars?\b|\bgtrs?\b|\bgit(arre)?\b|\bguitarra\b|\bchitarra\b",
}
_KEYS_NAMES = re.compile(r"\b(piano|keys|keyboards?|klavier|organ|synth|vocals?|voice|melod(y|ie))\b", re.IGNORECASE)
"""In a tab everything has strings, and a piano has program 1, which is also that of a track nobody set."""
_NAME_PATTERNS = {part: re.compile(pattern, re.IGNORECASE) for part, pattern in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Role:
    """What a track was taken for, and why."""

    track: int
    role: str
    reason: str


def detect_parts(song: Song, overrides: Mapping[str, str] | None = None) -> tuple[Role, ...]:
    """Role of every track of a song, in track order.

    Parameters
    ----------
    overrides : track name or 1-based track number -> role, as the user said it.

    Raises
    ------
    FillRequestError
        if an override names no track of the song, several at once, or a role that doesn't exist.
    """
    forced = dict(_resolve(song, key, role) for key, role in (overrides or {}).items())
    return tuple(
        Role(index, forced[index], "you said so") if index in forced else _detect(index, track)
        for index, track in enumerate(song.tracks)
    )


def tracks_of(roles: tuple[Role, ...], song: Song, part: str) -> tuple[int, ...]:
    """Indices of the tracks that play `part`; a track without notes is no part."""
    return tuple(role.track for role in roles if role.role == part and song.tracks[role.track].notes)


def _resolve(song: Song, key: str, role: str) -> tuple[int, str]:
    if role not in ROLES:
        raise FillRequestError(f"“{role}” is no part; a track can be {', '.join(ROLES)}.")
    names = [index for index, track in enumerate(song.tracks) if track.name.strip().lower() == key.strip().lower()]
    if not names and key.isdecimal() and 1 <= int(key) <= len(song.tracks):
        names = [int(key) - 1]
    if len(names) == 1:
        return names[0], role
    listing = ", ".join(f"{i + 1} “{track.name}”" for i, track in enumerate(song.tracks))
    if names:
        numbers = ", ".join(str(i + 1) for i in names)
        raise FillRequestError(f"Several tracks are called “{key}” (numbers {numbers}); say the number instead.")
    raise FillRequestError(f"No track is called “{key}”; the song has {listing or 'no tracks'}.")


def _detect(index: int, track: Track) -> Role:
    if track.is_drum:
        return Role(index, "drums", "percussion track")
    if track.program in GUITAR_PROGRAMS:
        if _named(track) == "bass" and _register(track) < 48:
            return Role(index, "bass", f"named “{track.name}” and low (program says guitar)")
        return Role(index, "guitar", f"program {track.program + 1} is a guitar")
    if track.program in BASS_PROGRAMS:
        return Role(index, "bass", f"program {track.program + 1} is a bass")
    if track.tuning and track.program == 0 and not _KEYS_NAMES.search(track.name):
        return _detect_by_tuning(index, track)
    named = _named(track)
    if named and named != "drums" and not (named == "bass" and _register(track) >= 60):
        return Role(index, named, f"named “{track.name}”")
    if track.program in EFFECT_PROGRAMS:
        return Role(index, "other", f"program {track.program + 1} is a sound effect")
    if track.program == 0 and not named and track.notes and _register(track) < 41 and _is_line(track):
        return Role(index, "bass", "a single low line without a name or program")
    return Role(index, "other", f"program {track.program + 1}")


def _detect_by_tuning(index: int, track: Track) -> Role:
    assert track.tuning is not None
    if track.tuning[-1] < 36 and len(track.tuning) <= 6 and track.tuning[0] < 55:
        return Role(index, "bass", f"{len(track.tuning)} strings tuned like a bass")
    return Role(index, "guitar", f"{len(track.tuning)} strings tuned like a guitar")


def _named(track: Track) -> str | None:
    """Part that the name says; bass goes before guitar because “bass guitar” is a bass."""
    for part in ("bass", "guitar", "drums"):
        if _NAME_PATTERNS[part].search(track.name):
            return part
    return None


def _register(track: Track) -> float:
    return median(note.pitch for note in track.notes) if track.notes else 60.0


def _is_line(track: Track) -> bool:
    """True if hardly any notes begin together."""
    return len({note.start for note in track.notes}) > 0.9 * len(track.notes)
