"""The mixing desk: which tracks make which stem, how loud each is and where it stands.

mix := sum of stems. Stems are put on the integer grid of the file's samples before they are summed, so the mix in a
16- or 24-bit file is the sum of the stems' files to the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from arranger.errors import FillRequestError
from arranger.parts import ROLES, Role
from arranger.song import Song

MAX_GAIN_DB = 40.0


@dataclass(frozen=True, slots=True)
class Strip:
    """A channel strip: gain in decibels; pan from -1 (left) to 1 (right)."""

    gain_db: float = 0.0
    pan: float = 0.0

    def applied(self, frames: np.ndarray) -> np.ndarray:
        """Frames, float32 (2, frames), as they leave the strip; the very same where it does nothing.

        The pan is a balance: the side that is turned away from gets softer, and nothing ever gets louder.
        """
        sides = 10 ** (self.gain_db / 20) * np.minimum(1.0, [1.0 - self.pan, 1.0 + self.pan])
        return frames if np.all(sides == 1) else frames * sides.astype(np.float32)[:, None]


@dataclass(frozen=True)
class Desk:
    """What the user set; keys are parts, names of tracks or their numbers from 1.

    Parameters
    ----------
    gains : decibels. pans : -1 to 1. A track's own setting is added to that of its part.
    mutes : what is not heard. only : what alone is heard; empty for all.
    """

    gains: Mapping[str, float] = field(default_factory=dict)
    pans: Mapping[str, float] = field(default_factory=dict)
    mutes: Sequence[str] = ()
    only: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stem:
    """A stem: its name, and groups of track indices that share a strip."""

    name: str
    groups: tuple[tuple[Strip, tuple[int, ...]], ...]

    @property
    def tracks(self) -> tuple[int, ...]:
        """All its tracks, in order."""
        return tuple(sorted(track for _, tracks in self.groups for track in tracks))


def plan_stems(song: Song, roles: Sequence[Role], desk: Desk, by: str = "part") -> tuple[Stem, ...]:
    """Stems of a song as the desk is set, in the order of `ROLES` or of the tracks; those without notes are left out.

    Parameters
    ----------
    by : "part" or "track".

    Raises
    ------
    FillRequestError
        if the desk names what the song doesn't have, a value is out of range, or nothing is left to hear.
    """
    if by not in ("part", "track"):
        raise FillRequestError(f"Stems are made by part or by track, not by “{by}”.")
    strips = _strips(song, roles, desk)
    heard = _heard(song, roles, desk)
    if not heard:
        raise FillRequestError("Nothing is left to hear: all that has notes is muted.")
    if by == "track":
        return tuple(Stem(_track_name(song, index), ((strips[index], (index,)),)) for index in heard)
    stems = []
    for part in ROLES:
        tracks = sorted((index for index in heard if roles[index].role == part), key=lambda i: _order(strips[i]))
        groups = groupby(tracks, key=lambda index: strips[index])
        if tracks:
            stems.append(Stem(part, tuple((strip, tuple(sorted(of_strip))) for strip, of_strip in groups)))
    return tuple(stems)


def _order(strip: Strip) -> tuple[float, float]:
    return strip.gain_db, strip.pan


def _strips(song: Song, roles: Sequence[Role], desk: Desk) -> list[Strip]:
    gains, pans = [0.0] * len(song.tracks), [0.0] * len(song.tracks)
    for key, gain in desk.gains.items():
        if not abs(gain) <= MAX_GAIN_DB:
            raise FillRequestError(f"A gain of {gain:g} dB for “{key}” is out of range; -40 to 40 can be set.")
        for index in named_tracks(song, roles, key):
            gains[index] += gain
    for key, pan in desk.pans.items():
        if not abs(pan) <= 1:
            raise FillRequestError(f"A pan of {pan:g} for “{key}” is out of range; -1 is left, 1 is right.")
        for index in named_tracks(song, roles, key):
            pans[index] += pan
    return [Strip(gain, max(-1.0, min(1.0, pan))) for gain, pan in zip(gains, pans, strict=True)]


def _heard(song: Song, roles: Sequence[Role], desk: Desk) -> list[int]:
    """Indices of the tracks that are heard and have notes."""
    alone = {index for key in desk.only for index in named_tracks(song, roles, key)}
    muted = {index for key in desk.mutes for index in named_tracks(song, roles, key)}
    wanted = (alone if desk.only else set(range(len(song.tracks)))) - muted
    return [index for index in sorted(wanted) if song.tracks[index].notes]


def named_tracks(song: Song, roles: Sequence[Role], key: str) -> tuple[int, ...]:
    """Tracks that a part, a track's name or its number means; a part goes before a track of that name.

    Raises
    ------
    FillRequestError
        if there is no such track.
    """
    wanted = key.strip().lower()
    found = tuple(role.track for role in roles if role.role == wanted)
    if not found:
        found = tuple(index for index, track in enumerate(song.tracks) if track.name.strip().lower() == wanted)
    if not found and wanted.isdecimal() and 1 <= int(wanted) <= len(song.tracks):
        found = (int(wanted) - 1,)
    if found:
        return found
    there = ", ".join(role for role in ROLES if any(one.role == role for one in roles))
    listing = ", ".join(f"{i + 1} “{track.name}”" for i, track in enumerate(song.tracks))
    raise FillRequestError(f"The song has no “{key}”; it has the parts {there} and the tracks {listing}.")


def _track_name(song: Song, index: int) -> str:
    """A name for a file: the track's number keeps it apart from others, letters that a file system minds are left."""
    readable = " ".join(re.sub(r"[^\w\-+&#']+", " ", song.tracks[index].name).split())[:60].strip()
    return f"{index + 1:02d} {readable}".strip()


def quantised(frames: np.ndarray, gain: float, bits: int) -> np.ndarray:
    """Frames times a gain, as whole steps of a file with so many bits: int32 (channel, frame), kept in range."""
    top = 1 << (bits - 1)
    steps = frames * np.float32(gain * top)
    np.rint(steps, out=steps)
    # As numbers of 32 bits: the highest of 24 bits is one of them, so nothing is rounded over the edge.
    return np.clip(steps, -top, top - 1, out=steps).astype(np.int32)
