"""`arranger fill`."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arranger.cli import control_options as options
from arranger.cli.fill_output import check_render, render_card, render_fills, told_of, write_fill, write_takes
from arranger.cli.options import parse_tracks

if TYPE_CHECKING:
    pass

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
    render: Annotated[
        Path | None, typer.Option(metavar="MIX.wav", help="Also hear it: the song with the fill as .wav, .flac, .mp3.")
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
    if render is not None:
        check_render(render, force)
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
            **{
                "like": like,
                "variation": variation,
                "sections": sections,
                "temperature": temperature,
                "guidance": guidance,
                "human": human,
            },
            **{
                "temperature": temperature,
                "guidance": guidance,
                "techniques": techniques,
                "preset": preset,
                "presets": presets,
            },
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
    heard: list[Path] = []
    written = write_takes(source, found, target, takes_dir, part_only, force) if takes_dir else []
    if render is not None:
        ranked = [render.with_name(f"{render.stem}.{rank}{render.suffix}") for rank in range(1, len(written) + 1)]
        heard = render_fills(source, found if takes_dir else [best], ranked if takes_dir else [render], force)
    remember(source, found if takes_dir else [best])
    seconds = time.monotonic() - started
    if json:
        document = {
            "output": str(target),
            "seconds": round(seconds, 2),
            "best": told_of(best),
            "takes": [told_of(f) for f in found],
            **({"files": [str(path) for path in written]} if written else {}),
            **({"audio": [str(path) for path in heard]} if heard else {}),
        }
        typer.echo(json_module.dumps(document, indent=1))
    else:
        typer.echo(render_card(best, found, takes))
        typer.echo(f"Wrote {target} ({seconds:.1f} s).")
        if written:
            typer.echo(f"Wrote {len(written)} takes into {takes_dir}.")
        for path in heard:
            typer.echo(f"Wrote {path}.")


fill_command.__doc__ = f"{fill_command.__doc__}\n\n{EXAMPLES}"


def _stderr() -> Any:
    import sys

    return sys.stderr
