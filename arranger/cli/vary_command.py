"""`arranger vary`."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import Annotated

import typer

from arranger.cli import control_options as options
from arranger.cli.options import parse_tracks


def vary_command(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="Any song file.", show_default=False)],
    part: Annotated[str, typer.Option("--part", "-p", metavar="PART", help="drums, bass or guitar.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="OUT", help="Output; NAME.PART.EXT.")] = None,
    bars: Annotated[
        str | None, typer.Option(metavar="9-16", help="Only these bars: 9-16, 1-4,9-12, or a section: chorus, B.")
    ] = None,
    strength: Annotated[float, typer.Option(metavar="S", help="0 leaves the part as it is, 1 writes a new one.")] = 0.4,
    takes: Annotated[int, typer.Option(metavar="N", help="Takes to draw; the best one is written.")] = 8,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same takes.")] = 0,
    track: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PART", help="What a track is; or NUMBER: which track of the part to vary."),
    ] = None,
    sections: options.Sections = None,
    temperature: options.Temperature = None,
    human: options.Human = True,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Another model, made by arranger train.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a variation of a part that is there, in its own track; everything else stays as it is."""
    numbers = [text for text in track or [] if text.isdecimal()]
    tracks = parse_tracks([text for text in track or [] if not text.isdecimal()])
    started = time.monotonic()
    from arranger.cli.control_options import asked_bars, build_controls
    from arranger.files import check_output, load_song, output_path, save_song
    from arranger.fills import apply_fill
    from arranger.variation import changed_share, vary

    source = load_song(song)
    target = out or output_path(song, source, [part])
    check_output(target, song, source, overwrite=force)
    only = asked_bars(bars, sections, source) if bars else ()
    fills = vary(
        source,
        part,
        None,
        strength,
        takes,
        seed,
        track=int(numbers[0]) - 1 if numbers else None,
        only=only,
        tracks=tracks,
        controls=build_controls(source, [part], {"temperature": temperature, "human": human}),
        model=str(model) if model else None,
    )
    best = fills[0]
    for note in save_song(apply_fill(source, best), target, overwrite=force):
        typer.echo(f"Note: {note}", err=True)
    share, seconds = changed_share(source, best, part), time.monotonic() - started
    if json:
        told = {"output": str(target), "seconds": round(seconds, 2), "strength": strength, "changed": round(share, 3)}
        takes_told = [{"take": one.take, "changed": round(changed_share(source, one, part), 3)} for one in fills]
        typer.echo(json_module.dumps({**told, "takes": takes_told}, indent=1))
    else:
        typer.echo(f"{part}: {share:.0%} of its notes in bars {best.bars[0] + 1}-{best.bars[1]} are others now.")
        typer.echo(f"Wrote {target} ({seconds:.1f} s).")
