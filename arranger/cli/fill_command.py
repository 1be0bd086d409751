"""`arranger fill`."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arranger.cli.options import parse_bars, parse_tracks, within

if TYPE_CHECKING:
    from arranger.fills import Fill

EXAMPLES = """\b
Examples:
  arranger fill song.mid --part bass
  arranger fill tab.gp5 --part drums --part bass --takes 16 -o full.gp5
  arranger fill song.mid --part guitar --bars 9-16 --replace
  arranger fill tab.gp --part bass --complete         the bars that are still empty
  arranger fill song.mid --part bass --part-only      only the new part, as a clip
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
        str | None, typer.Option(metavar="9-16", help="Only these bars, from 1: 9-16, 9-, -16 or 9.")
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
    temperature: Annotated[
        float | None, typer.Option(min=0.1, max=3, metavar="T", help="Below 0.5 safer, above it bolder.")
    ] = None,
    model: Annotated[Path | None, typer.Option(metavar="FILE", help="Another model, made by arranger train.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a part that the song is missing; every other track stays as it is."""
    modes = [name for name, said in (("add", add), ("replace", replace), ("complete", complete)) if said]
    if len(modes) > 1:
        raise typer.BadParameter(f"--{modes[0]} and --{modes[1]} exclude each other.")
    asked_bars, tracks = parse_bars(bars), parse_tracks(track)
    started = time.monotonic()
    from arranger.files import check_output, load_song, output_path, save_song
    from arranger.fills import apply_fill
    from arranger.formats.midi_write import part_only_song

    source = load_song(song)
    parts = list(dict.fromkeys(part))
    target = out or output_path(song, source, parts, part_only)
    check_output(target, song, source, overwrite=force)
    if not json:
        for warning in source.warnings:
            typer.echo(f"Note: {warning}", err=True)

    from dataclasses import replace as changed

    from arranger.diffusion.sampler import SamplerSettings
    from arranger.filler import fill, rule_fill
    from arranger.request import check_request

    mode = modes[0] if modes else "new"
    region = within(asked_bars, len(source.bars))
    if rule:
        fills = [rule_fill(check_request(source, parts, region, mode, tracks), seed)]
    else:
        settings = SamplerSettings()
        if temperature is not None:
            settings = changed(settings, temperature=temperature)
        with typer.progressbar(length=100, label="Filling", file=_stderr()) as shown:
            fills = fill(
                source,
                parts,
                region,
                takes,
                seed,
                mode=mode,
                tracks=tracks,
                settings=settings,
                model=str(model) if model else None,
                progress=lambda share: shown.update(max(0, round(100 * share) - shown.pos)),
            )
    best = fills[0]
    if part_only:
        alone = changed(best, parts=tuple(changed(one, into_track=None, removed_tracks=()) for one in best.parts))
        filled = part_only_song(apply_fill(source, alone), range(len(source.tracks), len(source.tracks) + len(parts)))
    else:
        filled = apply_fill(source, best)
    for note in save_song(filled, target, overwrite=force):
        typer.echo(f"Note: {note}", err=True)
    seconds = time.monotonic() - started
    if json:
        document = {
            "output": str(target),
            "seconds": round(seconds, 2),
            "best": _told(best),
            "takes": [_told(f) for f in fills],
        }
        typer.echo(json_module.dumps(document, indent=1))
    else:
        typer.echo(render_card(best, fills, takes))
        typer.echo(f"Wrote {target} ({seconds:.1f} s).")


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
