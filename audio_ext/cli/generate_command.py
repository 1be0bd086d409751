"""`arranger-audio generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  arranger-audio generate --seconds 10 -o mix.wav                     music of drums, bass, guitar and others
  arranger-audio generate --seconds 10 -o mix.wav --stems parts --seed 3
"""


def generate_command(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="MIX", help="The mix.", show_default=False)],
    seconds: Annotated[float, typer.Option(metavar="S", help="How long it lasts.")] = 10.0,
    stems: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the stems, which sum to the mix.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="PATH|NAME", help="A folder of models, one of its files, or a name.")
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Steps of the sampler.")] = 50,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="The same seed gives the same music.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1; the GPU if there is one.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make music of nothing: drums, bass, guitar and the rest, which go together."""
    from audio_ext.cli.shown import run_shown
    from audio_ext.latent.msg_files import generate_file
    from audio_ext.latent.msg_sound import Sampling

    sampling = Sampling(steps, seed)
    run_shown(
        "Generating",
        json,
        lambda tell: generate_file(
            out, stems, seconds, sampling, model=model, device=device, overwrite=force, tell=tell
        ),
    )


generate_command.__doc__ = f"{generate_command.__doc__}\n\n{EXAMPLES}"
