"""`arranger eval`: how well parts taken out of a folder of songs are filled in again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arranger.errors import ArrangerError

if TYPE_CHECKING:
    from arranger.evaluation.evaluate import Filler

SUFFIXES = (".mid", ".midi", ".gp3", ".gp4", ".gp5", ".gpx", ".gp")


def eval_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of whole songs, searched with its subfolders; or one song.")
    ],
    part: Annotated[list[str] | None, typer.Option(help="Part to take out and fill in; all three by default.")] = None,
    songs: Annotated[int, typer.Option(min=1, help="How many songs, drawn at random.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Draws the songs and the takes.")] = 0,
    takes: Annotated[int, typer.Option(min=1, help="Takes of the model, of which the best is scored.")] = 8,
    all_metres: Annotated[bool, typer.Option("--all-metres", help="Not only songs in 4/4 throughout.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document with every song's scores.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table in Markdown.")] = False,
    model: Annotated[Path | None, typer.Option(help="Model file; the one in the package by default.")] = None,
    rules_only: Annotated[bool, typer.Option("--rules-only", help="Leave the model out; takes seconds.")] = False,
) -> None:
    """Take parts out of whole songs, fill them in again, and compare with what was there.

    The table shows the model, the rules of thumb, the same part of another song, and the true part, side by side.
    """
    from arranger.evaluation.evaluate import evaluate, model_filler, render_table, rules_filler, to_json
    from arranger.parts import PARTS

    fillers: dict[str, Filler] = {}
    if not rules_only:
        fillers["model"] = model_filler(takes, **({"model": str(model)} if model else {}))
    fillers["rules"] = rules_filler
    report = evaluate(
        song_files(folder),
        list(dict.fromkeys(part or PARTS)),
        fillers,
        seed=seed,
        limit=songs,
        all_metres=all_metres,
        progress=lambda done, name: typer.echo(f"song {done + 1}: {name}", err=True),
    )
    typer.echo(to_json(report) if json else render_table(report, markdown=markdown), nl=json)


def song_files(folder: Path) -> list[Path]:
    """Song files of a folder and its subfolders, by their endings; a song file stands for itself.

    Raises
    ------
    ArrangerError
        if there is no such folder, or no song in it.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise ArrangerError(f"{folder}: there is no such folder.")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise ArrangerError(f"{folder}: there is no song in it; songs end in {', '.join(SUFFIXES)}.")
    return found
