"""`arranger inspect`."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from arranger.cli.options import parse_tracks


def inspect_command(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="MIDI or Guitar Pro file.", show_default=False)],
    track: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PART", help='What a track is: --track "Rhythm Gtr"=guitar.')
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show a song's tracks and which parts they are taken for, its bars, metre, tempo and key, and what is missing."""
    from arranger.files import load_song

    found = inspect(load_song(song), parse_tracks(track))
    typer.echo(json_module.dumps(found, indent=1, ensure_ascii=False) if json else render(found))


def inspect(song: Any, tracks: dict[str, str] | None = None) -> dict[str, Any]:
    """What there is to know of a song, as plain values; bars are counted from 1."""
    from arranger.framing import context_key
    from arranger.grid import song_to_grid
    from arranger.parts import PARTS, detect_parts, tracks_of

    roles = detect_parts(song, tracks)
    key = context_key(song_to_grid(song, roles))
    return {
        "title": song.title,
        "format": song.source.format if song.source else None,
        "bars": len(song.bars),
        "metre": _runs([(bar.index, f"{bar.numerator}/{bar.denominator}") for bar in song.bars], "metre"),
        "tempo_qpm": _runs([(song.bar_at(tempo.tick), round(tempo.qpm, 2)) for tempo in song.tempos], "qpm"),
        "key": {"name": key.name, "fit": round(key.fit, 2)},
        "markers": [{"bar": song.bar_at(marker.tick) + 1, "text": marker.text} for marker in song.markers],
        "tracks": [
            {
                "number": role.track + 1,
                "name": song.tracks[role.track].name,
                "role": role.role,
                "reason": role.reason,
                "program": None if song.tracks[role.track].is_drum else song.tracks[role.track].program + 1,
                "notes": len(song.tracks[role.track].notes),
            }
            for role in roles
        ],
        "parts": {part: [index + 1 for index in tracks_of(roles, song, part)] for part in PARTS},
        "missing": [part for part in PARTS if not tracks_of(roles, song, part)],
        "warnings": list(song.warnings),
    }


def _runs(entries: list[tuple[int, Any]], name: str) -> list[dict[str, Any]]:
    """Values with the bar from which they hold, without repeats."""
    runs: list[dict[str, Any]] = []
    for bar, value in entries:
        if not runs or runs[-1][name] != value:
            runs.append({"bar": bar + 1, name: value})
    return runs


SHOWN_RUNS = 8
"""So many changes of metre or tempo are shown; songs recorded to a tapped tempo have thousands."""


def render(found: dict[str, Any]) -> str:
    """The same as lines to read."""
    lines = [found["title"] or "(no title)"]

    def changes(runs: list[dict[str, Any]], name: str, unit: str) -> str:
        first, rest = runs[0], runs[1 : 1 + SHOWN_RUNS]
        told = [f"{run[name]}{unit} from bar {run['bar']}" for run in rest]
        more = len(runs) - 1 - len(rest)
        return ", ".join([f"{first[name]}{unit}", *told, *([f"{more} more changes"] if more > 0 else [])])

    lines.append(
        f"{found['bars']} bars, {changes(found['metre'], 'metre', '')}, {changes(found['tempo_qpm'], 'qpm', ' qpm')}"
    )
    lines.append(f"key: {found['key']['name']}")
    if found["markers"]:
        lines.append("sections: " + ", ".join(f"{marker['text']} (bar {marker['bar']})" for marker in found["markers"]))
    width = max([4, *(len(track["name"]) for track in found["tracks"])])
    lines.append("")
    for track in found["tracks"]:
        what = f"{track['role']:<7}{track['notes']:>6} notes   {track['reason']}"
        lines.append(f"{track['number']:>3}  {track['name']:<{width}}  {what}")
    lines.append("")
    lines.append(f"missing: {', '.join(found['missing']) or 'nothing'}")
    lines += [f"note: {warning}" for warning in found["warnings"]]
    return "\n".join(lines)
