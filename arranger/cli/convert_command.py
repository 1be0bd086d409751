"""`arranger convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  arranger convert song.gp5 song.mid            repeats are written out, as they are heard
  arranger convert song.mid song.gp5            tablature for every pitched track
  arranger convert tab.gpx tab.gp               Guitar Pro 6 to 7/8, nothing lost
  arranger convert song.gp song.musicxml        for MuseScore, Sibelius, Dorico
  arranger convert song.gp5 song.tokens.txt     DadaGP tokens, and back
"""


def convert_command(
    song: Annotated[
        Path,
        typer.Argument(
            metavar="SONG",
            help="MIDI, Guitar Pro (.gp3 .gp4 .gp5 .gpx .gp), MusicXML (.musicxml .xml .mxl) or DadaGP tokens.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The file to write: .mid .gp3 .gp4 .gp5 .gp .musicxml .xml .mxl, or .txt for DadaGP tokens.",
            show_default=False,
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output if it exists.")] = False,
) -> None:
    """Write a song as another kind of file; what the new kind can't hold is said."""
    from arranger.files import check_output, load_song, save_song

    source = load_song(song)
    check_output(out, song, source, overwrite=force)
    for warning in source.warnings:
        typer.echo(f"Note: {warning}", err=True)
    for note in save_song(source, out, overwrite=force):
        typer.echo(f"Note: {note}", err=True)
    typer.echo(f"Wrote {out}.")


convert_command.__doc__ = f"{convert_command.__doc__}\n\n{EXAMPLES}"
