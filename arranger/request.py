"""What is asked of a fill, checked against the song before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from arranger.errors import FillRequestError
from arranger.fills import MODES
from arranger.parts import PARTS, Role, detect_parts, tracks_of
from arranger.song import Song, Track

MAX_TAKES = 64
MAX_FILL_BARS = 4_000


@dataclass(frozen=True)
class FillRequest:
    """A request that can be met.

    parts : in the order of `PARTS`. bars : [first, last), from 0. context : the song without what is to be replaced.
    context_roles : roles in it; a part that is added to is told as `other`. existing : part -> its tracks.
    asked : part -> the bars that are to be filled, sorted; of `bars` those that were named, for `complete` the silent
    ones of them. only : the bars that were named, empty where that is all of `bars`.
    """

    song: Song
    parts: tuple[str, ...]
    bars: tuple[int, int]
    mode: str
    roles: tuple[Role, ...]
    context: Song
    context_roles: tuple[Role, ...]
    existing: Mapping[str, tuple[int, ...]]
    asked: Mapping[str, tuple[int, ...]]
    only: tuple[int, ...] = ()


def check_request(
    song: Song,
    parts: Sequence[str],
    bars: tuple[int, int] | None = None,
    mode: str = "new",
    tracks: Mapping[str, str] | None = None,
    only: Sequence[int] = (),
) -> FillRequest:
    """Check what is asked.

    Parameters
    ----------
    bars : [first, last) from 0, or None for the whole song.
    only : single bars, from 0, instead of a run of them.
    mode : `new` (the part must be missing), `add` (a further track), `replace`, or `complete` (only the bars in which
        the part that is there is silent).
    tracks : track name or number -> role, where the user overrules the detection.

    Raises
    ------
    FillRequestError
        if it can't be met; the message says what could be.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        what = f"“{unknown[0]}” is no part" if unknown else "No part was asked for"
        raise FillRequestError(f"{what}; ask for {', '.join(PARTS)}.")
    if mode not in MODES:
        raise FillRequestError(f"“{mode}” is no way to fill; say {', '.join(MODES)}.")
    count = len(song.bars)
    named = tuple(sorted(set(only)))
    if named:
        bars = (named[0], named[-1] + 1)
        named = () if len(named) == bars[1] - bars[0] else named
    first, last = bars or (0, count)
    if not 0 <= first < last <= count:
        raise FillRequestError(f"Bars {first + 1}-{last} are not in this song; it has bars 1-{count}.")
    if last - first > MAX_FILL_BARS:
        raise FillRequestError(
            f"{last - first} bars are too many at once; ask for at most {MAX_FILL_BARS} with --bars."
        )
    ordered = tuple(part for part in PARTS if part in parts)
    roles = detect_parts(song, tracks)
    existing = {part: tracks_of(roles, song, part) for part in ordered}
    _check_existing(song, existing, mode)
    context, context_roles = _context(song, roles, existing, mode, named or range(first, last))
    if not any(context.tracks[role.track].notes for role in context_roles):
        raise FillRequestError(
            "Nothing else is in the song to go by; a fill needs at least one other track with notes."
        )
    asked = {part: _asked_bars(song, part, existing[part], named or range(first, last), mode) for part in ordered}
    return FillRequest(song, ordered, (first, last), mode, roles, context, context_roles, existing, asked, named)


def _check_existing(song: Song, existing: Mapping[str, tuple[int, ...]], mode: str) -> None:
    for part, tracks in existing.items():
        if tracks and mode == "new":
            names = ", ".join(f"track {index + 1} “{song.tracks[index].name}”" for index in tracks)
            raise FillRequestError(
                f"The song already has {part} ({names}). Say --replace to write it anew (with --bars only there), "
                f"--complete to fill the bars in which it is silent, --add for a further track, or "
                f"--track NUMBER=other if this is no {part}."
            )
        if not tracks and mode in ("replace", "complete"):
            raise FillRequestError(f"The song has no {part} to {mode}; leave out --{mode} to write one.")


def _asked_bars(song: Song, part: str, tracks: tuple[int, ...], bars: Sequence[int], mode: str) -> tuple[int, ...]:
    if mode != "complete":
        return tuple(bars)
    # What rings a grid step into a bar, or less, is no part of it.
    slack = song.ticks_per_quarter // 12
    played: set[int] = set()
    for note in (note for index in tracks for note in song.tracks[index].notes):
        last = song.bar_at(max(note.start, note.end - 1 - slack))
        played.update(range(song.bar_at(note.start), last + 1))
    silent = tuple(bar for bar in bars if bar not in played)
    if not silent:
        raise FillRequestError(
            f"The {part} plays in every bar of {bars[0] + 1}-{bars[-1] + 1} that was asked for; there is nothing "
            "to complete. Say --replace to write it anew."
        )
    return silent


def _context(
    song: Song, roles: tuple[Role, ...], existing: Mapping[str, tuple[int, ...]], mode: str, bars: Sequence[int]
) -> tuple[Song, tuple[Role, ...]]:
    """The song as the model is to see it, and its roles."""
    asked = {index for tracks in existing.values() for index in tracks}
    song = _with_length(song)
    if mode == "add":
        # What a part is added to is context; a second drummer has none, because drums have no place among pitches.
        told = (Role(r.track, "other", r.reason) if r.track in asked and r.role != "drums" else r for r in roles)
        return song, tuple(role for role in told if not (role.track in asked and role.role == "drums"))
    if mode == "complete":
        return song, roles
    tracks = [without_bars(song, track, bars) if i in asked else track for i, track in enumerate(song.tracks)]
    return song.with_tracks(tracks), roles


def _with_length(song: Song) -> Song:
    """The same bars, whatever is taken out."""
    return replace(song, length=song.end)


def without_bars(song: Song, track: Track, bars: Sequence[int]) -> Track:
    """The track without the notes that start in these bars."""
    gone = frozenset(bars)
    return replace(track, notes=tuple(note for note in track.notes if song.bar_at(note.start) not in gone))
