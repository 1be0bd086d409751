"""`arranger fill`."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arranger.cli import control_options as options
from arranger.cli.options import parse_tracks

if TYPE_CHECKING:
    from arranger.fills import Fill
    from arranger.song import Song

EXAMPLES = """\b
Examples:
  arranger fill song.mid --part bass
  arranger fill tab.gp5 --part drums --part bass --takes 16 -o full.gp5
  arranger fill song.mid --part guitar --bars 9-16 --replace
  arranger fill tab.gp --part bass --complete         the bars that are still empty
  arranger fill song.mid --part bass --part-only      only the new part, as a clip
  arranger fill song.mid -p bass --style walking --density busy
  arranger fill tab.gp5 -p drums --feel half-time --fills 8 --bars chorus --replace
  arranger fill song.mid -p bass -p drums --preset punk --takes-dir takes
"""


def fill_command(
    song: Annotated[
        Path,
        typer.Argument(metavar="SONG", help="Any song file: MIDI, Guitar Pro, MusicXML, DadaGP.", show_default=False),
    ],
    part: Annotated[
        list[str],
        typer.Option("--part", "-p", metavar="PART", help="drums, bass or guitar; several are filled together."),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT", help="Output file; NAME.PART.EXT beside the song.")
    ] = None,
    bars: Annotated[
        str | None,
        typer.Option(metavar="9-16", help="Only these bars: 9-16, 9-, 1-4,9-12, or a section: chorus, “Verse 2”, B."),
    ] = None,
    takes: Annotated[int, typer.Option(metavar="N", help="Takes to draw; the best one is written.")] = 8,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same takes.")] = 0,
    add: Annotated[bool, typer.Option("--add", help="A further track, beside the one the song has.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write the part anew in these bars.")] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="Fill only the bars in which the part is silent, in its own track.")
    ] = False,
    part_only: Annotated[bool, typer.Option("--part-only", help="Write the new part alone (MIDI).")] = False,
    track: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PART", help='What a track is: --track "Rhythm Gtr"=guitar.')
    ] = None,
    rule: Annotated[bool, typer.Option("--rule", help="Take the rule of thumb instead of the model.")] = False,
    preset: options.Preset = None,
    density: options.Density = None,
    complexity: options.Complexity = None,
    style: options.Style = None,
    role: options.GuitarRole = None,
    feel: options.Feel = None,
    fills: options.DrumFills = None,
    follow: options.Follow = None,
    pitch_range: options.Range = None,
    swing: options.Swing = None,
    key: options.KeyText = None,
    chords: options.Chords = None,
    like: options.Like = None,
    variation: options.Variation = None,
    sections: options.Sections = None,
    temperature: options.Temperature = None,
    guidance: options.Guidance = None,
    human: options.Human = True,
    techniques: options.Techniques = True,
    presets: options.PresetFile = None,
    takes_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write every take, best first: NAME.PART.1.EXT and so on.")
    ] = None,
    reroll: Annotated[
        bool, typer.Option("--reroll", help="Takes that differ from all that were offered for this song before.")
    ] = False,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Another model, made by arranger train.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a part that the song is missing; every other track stays as it is."""
    modes = [name for name, said in (("add", add), ("replace", replace), ("complete", complete)) if said]
    if len(modes) > 1:
        raise typer.BadParameter(f"--{modes[0]} and --{modes[1]} exclude each other.")
    tracks = parse_tracks(track)
    started = time.monotonic()
    from arranger.files import check_output, load_song, output_path

    source = load_song(song)
    parts = list(dict.fromkeys(part))
    target = out or output_path(song, source, parts, part_only)
    check_output(target, song, source, overwrite=force)
    if not json:
        for warning in source.warnings:
            typer.echo(f"Note: {warning}", err=True)

    from arranger.cli.control_options import asked_bars, build_controls
    from arranger.filler import fill, rule_fill
    from arranger.offered import offered, remember
    from arranger.request import check_request

    only = asked_bars(bars, sections, source) if bars else ()
    mode = modes[0] if modes else "new"
    controls = build_controls(
        source,
        parts,
        {
            **{"density": density, "complexity": complexity, "style": style, "role": role, "feel": feel},
            **{"fills": fills, "follow": follow, "range": pitch_range, "swing": swing, "key": key, "chords": chords},
            **{"like": like, "variation": variation, "temperature": temperature, "guidance": guidance, "human": human},
            **{"techniques": techniques, "preset": preset, "presets": presets},
        },
    )
    before = offered(source, parts)
    if rule:
        found = [rule_fill(check_request(source, parts, None, mode, tracks, only), seed, controls)]
    else:
        with typer.progressbar(length=100, label="Filling", file=_stderr()) as shown:
            found = fill(
                source,
                parts,
                None,
                takes,
                seed + len(before) if reroll else seed,
                mode=mode,
                tracks=tracks,
                only=only,
                controls=controls,
                avoid=before if reroll else [] if takes_dir else None,
                model=str(model) if model else None,
                progress=lambda share: shown.update(max(0, round(100 * share) - shown.pos)),
            )
    best = found[0]
    for note in write_fill(source, best, target, part_only, force):
        typer.echo(f"Note: {note}", err=True)
    written = _write_takes(source, found, target, takes_dir, part_only, force) if takes_dir else []
    remember(source, found if takes_dir else [best])
    seconds = time.monotonic() - started
    if json:
        document = {
            "output": str(target),
            "seconds": round(seconds, 2),
            "best": _told(best),
            "takes": [_told(f) for f in found],
            **({"files": [str(path) for path in written]} if written else {}),
        }
        typer.echo(json_module.dumps(document, indent=1))
    else:
        typer.echo(render_card(best, found, takes))
        typer.echo(f"Wrote {target} ({seconds:.1f} s).")
        if written:
            typer.echo(f"Wrote {len(written)} takes into {takes_dir}.")


def write_fill(source: Song, best: Fill, target: Path, part_only: bool, force: bool) -> list[str]:
    """Write the song with a fill in it, or the fill's part alone; sentences on what couldn't be written as it is."""
    from dataclasses import replace

    from arranger.files import save_song
    from arranger.fills import apply_fill
    from arranger.formats.midi_write import part_only_song

    if not part_only:
        return list(save_song(apply_fill(source, best), target, overwrite=force))
    alone = replace(best, parts=tuple(replace(one, into_track=None, removed_tracks=()) for one in best.parts))
    own = range(len(source.tracks), len(source.tracks) + len(best.parts))
    return list(save_song(part_only_song(apply_fill(source, alone), own), target, overwrite=force))


def _write_takes(
    source: Song, fills: list[Fill], target: Path, folder: Path, part_only: bool, force: bool
) -> list[Path]:
    from arranger.errors import SongFileError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        problem = f"the folder can't be made ({err.strerror or err})"
        raise SongFileError(str(folder), problem, None, "Name another one with --takes-dir.") from err
    written = []
    for rank, one in enumerate(fills, 1):
        path = folder / f"{target.stem}.{rank}{target.suffix}"
        write_fill(source, one, path, part_only, force)
        written.append(path)
    return written


fill_command.__doc__ = f"{fill_command.__doc__}\n\n{EXAMPLES}"


def _stderr() -> Any:
    import sys

    return sys.stderr


def _told(fill: Fill) -> dict[str, Any]:
    return {
        "take": fill.take,
        "seed": fill.seed,
        "source": fill.source,
        "score": round(fill.score, 4),
        "bars": [fill.bars[0] + 1, fill.bars[1]],
        "notes": {filled.part: len(filled.notes) for filled in fill.parts},
        **({} if fill.distance is None else {"distance": round(fill.distance, 3)}),
        "card": fill.card,
    }


_LINES = {
    "density": ("onsets a bar", "{:.1f}"),
    "key_fit": ("in key", "{:.0%}"),
    "chord_fit": ("fits the chords", "{:.0%}"),
    "lock": ("rhythm lock", "{:.0%}"),
    "variety": ("different bars", "{:.0%}"),
    "steadiness": ("steadiness", "{:.0%}"),
    "coverage": ("bars played", "{:.0%}"),
}


def render_card(best: Fill, fills: list[Fill], takes: int) -> str:
    """Score card of the best take, part by part, beside the rule's."""
    lines = []
    for filled in best.parts:
        card = best.card[filled.part]
        origin = "rule of thumb" if best.source == "rule" else f"take {best.take + 1} of {takes}"
        lines.append(f"{filled.part}: {len(filled.notes)} notes, {origin}, bars {best.bars[0] + 1}-{best.bars[1]}")
        lines.append(f"  {'':<16}{'fill':>8}{'rule':>8}")
        for name, (label, form) in _LINES.items():
            pair = [card[column].get(name) for column in ("measures", "rule")]
            if any(value is not None for value in pair):
                shown = ["-" if value is None else form.format(value) for value in pair]
                lines.append(f"  {label:<16}{shown[0]:>8}{shown[1]:>8}")
        human, rule, judged = card["in_human_range"], card["rule_in_human_range"], card["judged"]
        lines.append(f"  {'as human parts':<16}{f'{human}/{judged}':>8}{f'{rule}/{judged}':>8}")
        if best.source == "model" and rule > human:
            lines.append("  More of the rule's measures are in the range of human parts; --rule writes it.")
        if card["notes_changed_to_be_playable"]:
            lines.append(f"  {card['notes_changed_to_be_playable']} notes were changed to be playable.")
    return "\n".join(lines)
