"""What the user types, as values; wrong spelling is a usage error (exit code 2)."""

from __future__ import annotations

import re

import typer


def parse_bars(text: str | None) -> tuple[int | None, int | None] | None:
    """`9-16`, `9-`, `-16` or `9`, counted from 1, as (first, last) counted from 0, last exclusive; None = open end."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d*)\s*(-?)\s*(\d*)\s*", text)
    if not match or not (match[1] or match[3]):
        raise typer.BadParameter(f"“{text}” is no run of bars; write 9-16, 9-, -16 or 9.")
    first = int(match[1]) - 1 if match[1] else None
    last = int(match[3]) if match[3] else (first + 1 if first is not None and not match[2] else None)
    return first, last


def within(bars: tuple[int | None, int | None] | None, count: int) -> tuple[int, int] | None:
    """Bars with their open ends closed for a song of `count` bars."""
    if bars is None:
        return None
    first, last = bars
    return first if first is not None else 0, last if last is not None else count


def parse_tracks(entries: list[str] | None) -> dict[str, str]:
    """`NAME=ROLE` entries as a mapping."""
    tracks = {}
    for entry in entries or []:
        name, sign, role = entry.rpartition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f'“{entry}” should be a track and its part, as in --track "Rhythm Gtr"=guitar.')
        tracks[name.strip().strip('"')] = role.strip().lower()
    return tracks
