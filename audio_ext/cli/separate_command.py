"""`arranger-audio separate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  arranger-audio separate song.wav --stems song-stems     drums, bass, guitar and other.wav, which sum to the song
  arranger-audio separate song.wav --vocoder              made anew by the vocoder instead of cut out of the song
"""


def separate_command(
    mix: Annotated[Path, typer.Argument(metavar="MIX", help="A recording: WAV, FLAC, OGG, MP3.", show_default=False)],
    stems: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the stems; NAME.stems beside the mix without it.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="PATH|NAME", help="A folder of models, one of its files, or a name.")
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of the sampler.")] = 20,
    weight: Annotated[
        float | None, typer.Option(metavar="W", help="Weight of the mixture: 1 as learnt, 2 as the paper has it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same stems.")] = 0,
    vocoder: Annotated[
        bool, typer.Option("--vocoder", help="Make the stems anew; they don't sum to the mix then.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1; the GPU if there is one.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite stems that exist.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Take a recording apart: drums, bass, guitar and the rest."""
    from audio_ext.cli.shown import run_shown
    from audio_ext.latent.msg_files import separate_file
    from audio_ext.latent.msg_sound import Sampling

    folder = stems if stems is not None else mix.with_name(f"{mix.stem}.stems")
    sampling = Sampling(steps, seed, weight)
    run_shown(
        "Separating",
        json,
        lambda tell: separate_file(
            mix, folder, sampling, model=model, vocoded=vocoder, device=device, overwrite=force, tell=tell
        ),
    )


separate_command.__doc__ = f"{separate_command.__doc__}\n\n{EXAMPLES}"
