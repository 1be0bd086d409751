"""`arranger inspect`."""

from __future__ import annotations

import json as json_module
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arranger.cli.options import parse_tracks

if TYPE_CHECKING:
    from arranger.chords import Chord


def inspect_command(
    song: Annotated[
        Path,
        typer.Argument(
            metavar="SONG", help="Any song file; arranger convert --help lists the kinds.", show_default=False
        ),
    ],
    track: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PART", help='What a track is: --track "Rhythm Gtr"=guitar.')
    ] = None,
    sections: Annotated[
        str | None,
        typer.Option(metavar="LIST", help='Sections as you know them: --sections "Verse 1-8, Chorus 9-16".'),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show a song's tracks and parts, bars, metre, tempo, key, chords, sections, and what is missing."""
    from arranger.files import load_song

    found = inspect(load_song(song), parse_tracks(track), sections)
    typer.echo(json_module.dumps(found, indent=1, ensure_ascii=False) if json else render(found))


def inspect(song: Any, tracks: dict[str, str] | None = None, sections: str | None = None) -> dict[str, Any]:
    """What there is to know of a song, as plain values; bars are counted from 1.

    Parameters
    ----------
    tracks : track name or number -> role, where the user overrules the detection. sections : likewise, as
        `places.parse_sections` reads them.
    """
    from arranger.chords import song_chords
    from arranger.grid import song_to_grid
    from arranger.keys import song_key, song_keys
    from arranger.parts import PARTS, detect_parts, tracks_of
    from arranger.places import parse_sections
    from arranger.profiles import song_profiles
    from arranger.sections import song_sections

    roles = detect_parts(song, tracks)
    grid = song_to_grid(song, roles)
    profiles = song_profiles(song, roles, grid)
    whole, keys = song_key(profiles), song_keys(profiles)
    return {
        "title": song.title,
        "format": song.source.format if song.source else None,
        "bars": len(song.bars),
        "metre": _runs([(bar.index, f"{bar.numerator}/{bar.denominator}") for bar in song.bars], "metre"),
        "tempo_qpm": _runs([(song.bar_at(tempo.tick), round(tempo.qpm, 2)) for tempo in song.tempos], "qpm"),
        "key": {
            "name": whole.name,
            "fit": round(whole.key.fit, 2),
            "confidence": round(whole.confidence, 2),
            "written": [
                {"bar": song.bar_at(key.tick) + 1, "sharps": key.sharps, "minor": key.minor} for key in song.keys
            ],
        },
        "key_changes": [
            {"bar": run.bar + 1, "name": run.name, "confidence": round(run.confidence, 2)} for run in keys[1:]
        ],
        "chords": _chords(song_chords(profiles), [run.bar for run in keys], [run.sharps for run in keys]),
        "sections": [
            {"bars": [one.first + 1, one.last], "label": one.label, **({"name": one.name} if one.name else {})}
            for one in (parse_sections(sections, song) if sections else song_sections(song, grid, profiles))
        ],
        "played_bars": len(song.order) or len(song.bars),
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


def _chords(chords: Sequence[Chord], key_bars: list[int], sharps: list[int]) -> list[dict[str, Any]]:
    """Bars with their chords, one or two each, spelled in the key that holds there."""
    bars: dict[int, list[str]] = {}
    for chord in chords:
        bars.setdefault(chord.bar, []).append(chord.name(sharps[bisect_right(key_bars, chord.bar) - 1]))
    return [{"bar": bar + 1, "chords": names} for bar, names in bars.items()]


def _runs(entries: list[tuple[int, Any]], name: str) -> list[dict[str, Any]]:
    """Values with the bar from which they hold, without repeats."""
    runs: list[dict[str, Any]] = []
    for bar, value in entries:
        if not runs or runs[-1][name] != value:
            runs.append({"bar": bar + 1, name: value})
    return runs


SHOWN_RUNS = 8
"""So many changes of metre or tempo are shown; songs recorded to a tapped tempo have thousands."""


SHOWN_SECTIONS = 40
SHOWN_BARS = 8
"""Of each section so many bars' chords are shown."""


def _key_line(found: dict[str, Any]) -> str:
    """The key with how sure it is, and the changes."""
    sure = found["key"]["confidence"]
    if not sure:
        return "key: none can be told"
    how = "surely" if sure >= 0.8 else "probably" if sure >= 0.5 else "perhaps"
    changes = [f"{run['name']} from bar {run['bar']}" for run in found["key_changes"]]
    return f"key: {how} {found['key']['name']} ({sure:.0%})" + "".join(f", {change}" for change in changes)


def _progression(found: dict[str, Any], first: int, last: int) -> str:
    """Chords of a section's first bars, | between bars, - where nothing sounds."""
    by_bar = {entry["bar"]: " ".join(entry["chords"]) for entry in found["chords"]}
    shown = [by_bar.get(bar, "-") for bar in range(first, min(last, first + SHOWN_BARS - 1) + 1)]
    return " | ".join(shown) + (" | ..." if last - first + 1 > SHOWN_BARS else "")


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
    if found["played_bars"] != found["bars"]:
        lines[-1] += f"; {found['played_bars']} bars when repeats are played"
    lines.append(_key_line(found))
    sections = found["sections"]
    for number, one in enumerate(sections[:SHOWN_SECTIONS]):
        name = f" “{one['name']}”" if "name" in one else ""
        place = f"{one['label']}{name}, bars {one['bars'][0]}-{one['bars'][1]}"
        lines.append(f"{'sections: ' if not number else '          '}{place}: {_progression(found, *one['bars'])}")
    if len(sections) > SHOWN_SECTIONS:
        lines.append(f"          and {len(sections) - SHOWN_SECTIONS} more; --json has them all")
    width = max([4, *(len(track["name"]) for track in found["tracks"])])
    lines.append("")
    for track in found["tracks"]:
        what = f"{track['role']:<7}{track['notes']:>6} notes   {track['reason']}"
        lines.append(f"{track['number']:>3}  {track['name']:<{width}}  {what}")
    lines.append("")
    lines.append(f"missing: {', '.join(found['missing']) or 'nothing'}")
    lines += [f"note: {warning}" for warning in found["warnings"]]
    return "\n".join(lines)
