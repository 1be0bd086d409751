"""Controls as they are typed: `--density bass=busy`, `--style walking`, `--feel half-time`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arranger.errors import FillRequestError

if TYPE_CHECKING:
    from arranger.controls import Controls
    from arranger.song import Song

_PART_VALUE = "[PART=]VALUE"

Density = Annotated[
    list[str] | None,
    typer.Option("--density", metavar=_PART_VALUE, help="sparse, light, normal, busy, dense, or onsets a bar."),
]
Complexity = Annotated[
    list[str] | None, typer.Option("--complexity", metavar=_PART_VALUE, help="plain, normal or syncopated.")
]
Range = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="[PART=]E1-G2", help="Lowest and highest pitch."),
]
Follow = Annotated[
    list[str] | None,
    typer.Option("--follow", metavar="[PART=]TRACK", help="Strike exactly with the kick (“kick”), or with a track."),
]
Feel = Annotated[
    list[str] | None,
    typer.Option(
        "--feel", metavar="FEEL", help="Drums: straight, shuffle, half-time, double-time; no-cymbals, side-stick."
    ),
]
DrumFills = Annotated[
    str | None, typer.Option("--fills", metavar="WHERE", help="Drum fills: none, sparse (section ends), 4 or 8 (bars).")
]
Style = Annotated[
    list[str] | None,
    typer.Option(
        "--style",
        metavar=_PART_VALUE,
        help="Bass: roots, octaves, walking, riff. Guitar: power, strum, arpeggio, riff, chug.",
    ),
]
GuitarRole = Annotated[str | None, typer.Option("--role", metavar="ROLE", help="Guitar: rhythm or lead.")]
Swing = Annotated[
    float | None,
    typer.Option("--swing", metavar="S", help="First half of each beat: 0.5 straight, 0.67 triplets."),
]
Temperature = Annotated[
    float | None, typer.Option("--temperature", metavar="T", help="Below 0.5 safer, above it bolder.")
]
Guidance = Annotated[
    float | None, typer.Option("--guidance", metavar="G", help="Above 1 the rest of the band counts more.")
]
KeyText = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help='The key, if it is heard wrongly: "A minor".')
]
Chords = Annotated[
    str | None, typer.Option("--chords", metavar="CHART", help='Chords, a bar each: "Am F C G", or a file of them.')
]
Like = Annotated[str | None, typer.Option("--like", metavar="5-8", help="Play in the manner of these bars.")]
Variation = Annotated[
    float | None, typer.Option("--variation", metavar="V", help="0: the same where the band is, 1: every bar its own.")
]
Preset = Annotated[str | None, typer.Option("--preset", metavar="NAME", help="Named controls; see arranger presets.")]
PresetFile = Annotated[Path | None, typer.Option("--presets", metavar="FILE", help="A file with presets of your own.")]
Human = Annotated[bool, typer.Option("--human/--no-human", help="Dynamics and timing of a player, or even ones.")]
Techniques = Annotated[
    bool, typer.Option("--techniques/--no-techniques", help="Palm mutes, slides, ghost notes and the like in tabs.")
]
Sections = Annotated[
    str | None, typer.Option("--sections", metavar="LIST", help='Sections by hand: "Verse 1-8, Chorus 9-16".')
]

_FOR = {"range": ("bass", "guitar"), "follow": ("bass", "guitar"), "role": ("guitar",), "style": ("bass", "guitar")}
"""Parts that a value without a part is meant for."""


def build_controls(song: Song, parts: Sequence[str], asked: dict[str, Any]) -> Controls:
    """Controls from what was typed.

    Parameters
    ----------
    asked : option name -> what typer gave. parts : those that are filled.

    Raises
    ------
    FillRequestError
        if something can't be meant so; the message says what can.
    """
    from arranger.charts import parse_chords, parse_key
    from arranger.controls import Controls, PartControls
    from arranger.presets import over, presets

    values: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name in ("density", "complexity", "range", "follow", "style"):
        for text in asked.get(name) or []:
            for part, value in _shared(name, text, parts):
                values[part][name] = _value(name, value, song)
    for text in asked.get("feel") or []:
        _drums_only(values, "--feel")
        if text == "no-cymbals":
            values["drums"]["cymbals"] = False
        elif text == "side-stick":
            values["drums"]["side_stick"] = True
        else:
            values["drums"]["feel"] = text
    if asked.get("fills"):
        _drums_only(values, "--fills")["fills"] = asked["fills"]
    if asked.get("role"):
        if "guitar" not in values:
            raise FillRequestError("--role is for guitars; ask for --part guitar, or leave it out.")
        values["guitar"]["role"] = asked["role"]
    chords = asked.get("chords")
    controls = Controls(
        {part: PartControls(**own) for part, own in values.items() if own},
        asked.get("temperature"),
        asked.get("guidance"),
        asked.get("swing"),
        parse_key(asked["key"]) if asked.get("key") else None,
        parse_chords(_chart_text(chords)) if chords else (),
        Controls().variation if asked.get("variation") is None else asked["variation"],
        asked.get("sections") or "",
        _run(asked["like"], song) if asked.get("like") else None,
        asked.get("human", True),
        asked.get("techniques", True),
    )
    if asked.get("preset") is None:
        return controls
    known = presets(asked.get("presets"))
    if asked["preset"] not in known:
        raise FillRequestError(f"There is no preset “{asked['preset']}”; there are {', '.join(known)}.")
    base = known[asked["preset"]].controls
    from dataclasses import replace

    mine = {part: own for part, own in base.parts.items() if part in parts}
    return over(replace(base, parts=mine), controls)


def _drums_only(values: dict[str, dict[str, Any]], option: str) -> dict[str, Any]:
    if "drums" not in values:
        raise FillRequestError(f"{option} is for drums; ask for --part drums, or leave it out.")
    return values["drums"]


def _shared(name: str, text: str, parts: Sequence[str]) -> list[tuple[str, str]]:
    """`bass=busy` for the bass; `busy` for every part that it can be meant for."""
    from arranger.controls import STYLES
    from arranger.parts import PARTS

    part, sign, value = text.partition("=")
    if sign and part.strip() in PARTS:
        if part.strip() not in parts:
            raise FillRequestError(f"--{name} {text}: the {part.strip()} is not asked for; add --part {part.strip()}.")
        return [(part.strip(), value.strip())]
    meant = [one for one in parts if one in _FOR.get(name, PARTS)]
    if name == "style":
        fitting = [one for one in meant if text in STYLES[one]]
        meant = fitting or meant
    if name == "range" and len(meant) > 1:
        raise FillRequestError(f"--range {text}: say of which part, as in --range bass={text}.")
    if not meant:
        raise FillRequestError(f"--{name} {text} has no meaning for {', '.join(parts)}; leave it out.")
    return [(one, text.strip()) for one in meant]


def _value(name: str, text: str, song: Song) -> Any:
    if name == "density":
        try:
            return float(text)
        except ValueError:
            return text
    if name == "range":
        from arranger.wishes import parse_pitch

        low, sign, high = text.partition("-")
        if not sign:
            raise FillRequestError(f"“{text}” is no range; write E1-G2, or 28-43.")
        return parse_pitch(low), parse_pitch(high)
    if name == "follow":
        return _followed(text, song)
    return text


def _followed(text: str, song: Song) -> str:
    """`kick`, or the number of the track from 0, as text."""
    if text.casefold() == "kick":
        return "kick"
    if text.isdecimal():
        return str(int(text) - 1) if int(text) else "none"
    found = [
        index for index, track in enumerate(song.tracks) if track.name.casefold() == text.casefold() and track.notes
    ]
    return str(found[0]) if found else text


def _chart_text(text: str) -> str:
    path = Path(text)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        return text
    try:
        return path.read_text(encoding="utf-8")[:1_000_000]
    except (OSError, UnicodeDecodeError) as err:
        raise FillRequestError(f"{path}: the chart can't be read ({err}); it should be a text file.") from err


def _run(text: str, song: Song) -> tuple[int, int]:
    bars = asked_bars(text, None, song)
    if bars[-1] - bars[0] + 1 != len(bars):
        raise FillRequestError(f"--like {text}: name one run of bars, as in 5-8.")
    return bars[0], bars[-1] + 1


def asked_bars(text: str, sections: str | None, song: Song) -> tuple[int, ...]:
    """Bars by number or by the name of a section, counted from 0, sorted.

    Parameters
    ----------
    sections : the user's own, as text; None for those of the song, which are looked for only if a name is meant.
    """
    from arranger.places import parse_places, parse_sections

    if sections is not None:
        return parse_places(text, song, parse_sections(sections, song))
    if not any(letter.isalpha() for letter in text):
        return parse_places(text, song, ())
    from arranger.grid import song_to_grid
    from arranger.parts import detect_parts
    from arranger.profiles import song_profiles
    from arranger.sections import song_sections

    roles = detect_parts(song)
    grid = song_to_grid(song, roles)
    return parse_places(text, song, song_sections(song, grid, song_profiles(song, roles, grid)))
