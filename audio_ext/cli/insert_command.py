"""`arranger-audio insert`."""

from __future__ import annotations

import json as json_module
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  arranger-audio insert demo.wav --part drums -o mix.wav                          drums made for the recording
  arranger-audio insert demo.wav --part drums --prompt "add busy rock drums"
  arranger-audio insert demo.wav --part bass --guide song.bass.mid --strength 0.4 --stem bass.wav
  arranger-audio insert demo.wav --part bass --guide my-bass.wav --model runs/mine
  arranger-audio insert demo-stems --part drums+bass -o mix.wav --model msg-ld     a folder with guitar and other.wav
"""


def insert_command(
    submix: Annotated[
        Path,
        typer.Argument(
            metavar="SUBMIX",
            help="A recording that lacks the part: WAV, FLAC, OGG, MP3; with msg-ld also a folder of stems.",
            show_default=False,
        ),
    ],
    part: Annotated[
        str,
        typer.Option(
            "--part",
            "-p",
            metavar="PART",
            help="drums, bass, guitar or other; with msg-ld also drums+bass.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="MIX", help="The mix; NAME.PART.wav beside the submix without it."),
    ] = None,
    stem: Annotated[Path | None, typer.Option(metavar="STEM", help="Also the stem alone.")] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="How it should sound.")] = None,
    guide: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A song with the part (MIDI, tab), or a recorded stem.")
    ] = None,
    strength: Annotated[
        float, typer.Option(help="How far the guide may be changed: 0 leaves it as it is, 1 ignores it.")
    ] = 0.5,
    align: Annotated[bool, typer.Option("--align", help="Look for the guide's song in the submix.")] = False,
    offset: Annotated[
        float | None, typer.Option(metavar="S", help="Where the guide begins in the submix, in seconds; 0.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="PATH|NAME", help="A folder of models, one of its files, or a name.")
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of the sampler.")] = 20,
    text_scale: Annotated[float | None, typer.Option(metavar="X", help="Weight of the instruction.")] = None,
    audio_scale: Annotated[float | None, typer.Option(metavar="X", help="Weight of the submix.")] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same stem.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1; the GPU if there is one.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Put a stem into a recording: the recording as it is, and what a model adds to it."""
    if guide is None and (align or offset is not None):
        raise typer.BadParameter("--align and --offset say where a guide begins; give one with --guide.")
    if align and offset is not None:
        raise typer.BadParameter("--align looks for what --offset says; give one of them.")
    from audio_ext.latent.msg_files import is_stem_model

    if is_stem_model(model):
        if guide is not None or prompt is not None:
            raise typer.BadParameter("This model goes by the stems alone; leave --guide and --prompt away.")
        _with_stem_model(submix, part, out, stem, model, steps, seed, device, force, json)
        return
    started = time.monotonic()
    from audio_ext.latent.insert import Wish
    from audio_ext.latent.refine import Place, refine_file

    wish = Wish(part.strip().lower(), prompt, strength, steps, text_scale, audio_scale, seed)
    target = out if out is not None else submix.with_name(f"{submix.stem}.{wish.part}.wav")
    with typer.progressbar(length=100, label="Inserting", file=sys.stderr) as shown:

        def progress(share: float) -> None:
            shown.update(max(0, round(100 * share) - shown.pos))

        done = refine_file(
            submix, wish, target, stem,
            guide=guide, place=Place(align, offset), model=model, device=device, overwrite=force, tell=progress,
        )  # fmt: skip
    seconds = time.monotonic() - started
    if json:
        typer.echo(json_module.dumps({**done.document(), "took_seconds": round(seconds, 2)}, indent=1))
        return
    for note in done.notes:
        typer.echo(f"Note: {note}", err=True)
    for path in (done.mix, *([done.stem] if done.stem else [])):
        typer.echo(f"Wrote {path}.")
    typer.echo(f"{done.seconds / 60:.1f} minutes, {done.told_way()}, {seconds:.1f} s.")


def _with_stem_model(
    source: Path,
    part: str,
    out: Path | None,
    stem: Path | None,
    model: str | None,
    steps: int,
    seed: int,
    device: str | None,
    force: bool,
    json: bool,
) -> None:
    """Any stems for any others: MSG-LD's partial generation."""
    from audio_ext.cli.shown import run_shown
    from audio_ext.latent.msg_files import complete_file, parts_of
    from audio_ext.latent.msg_sound import Sampling

    asked, sampling = parts_of(part), Sampling(steps, seed)
    stub = source.name if source.is_dir() else source.stem
    target = out if out is not None else source.with_name(f"{stub}.{'+'.join(asked)}.wav")
    run_shown(
        "Inserting",
        json,
        lambda tell: complete_file(
            source, asked, target, stem, sampling, model=model, device=device, overwrite=force, tell=tell
        ),
    )


insert_command.__doc__ = f"{insert_command.__doc__}\n\n{EXAMPLES}"
