"""`arranger eval`: how well parts taken out of a folder of songs are filled in again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arranger.errors import ArrangerError, FillRequestError

if TYPE_CHECKING:
    from arranger.evaluation.copies import Collector
    from arranger.evaluation.evaluate import Heard
    from arranger.evaluation.fillers import Filler
    from arranger.evaluation.realness import Listener
    from arranger.evaluation.report import Report

SUFFIXES = (".mid", ".midi", ".gp3", ".gp4", ".gp5", ".gpx", ".gp")
SONGS, SEEDS, TAKES = 40, 3, 3
QUICK_SONGS, QUICK_SEEDS, QUICK_TAKES = 6, 1, 2


def eval_command(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of whole songs, searched with its subfolders; or one song.")
    ],
    part: Annotated[list[str] | None, typer.Option(help="Part to take out and fill in; all three by default.")] = None,
    mask: Annotated[
        list[str] | None, typer.Option(help="What is taken out: whole, two, half, last; all four by default.")
    ] = None,
    songs: Annotated[int | None, typer.Option(min=1, help=f"How many songs, drawn at random; {SONGS}.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the songs and the takes.")] = 0,
    seeds: Annotated[
        int | None, typer.Option(min=1, help=f"How many seeds whole parts are filled with; {SEEDS}.")
    ] = None,
    takes: Annotated[
        int | None, typer.Option(min=1, help=f"Takes of the model, of which the best is scored; {TAKES}.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help=f"{QUICK_SONGS} songs, {QUICK_SEEDS} seed, {QUICK_TAKES} takes: a first look."),
    ] = False,
    four_four: Annotated[bool, typer.Option("--four-four", help="Only songs in 4/4 throughout.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document with every song's scores.")] = False,
    json_file: Annotated[Path | None, typer.Option(help="The JSON document in a file, beside the table.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The table in Markdown.")] = False,
    strata: Annotated[bool, typer.Option("--strata", help="Also by metre, tempo, genre, density and place.")] = False,
    report: Annotated[Path | None, typer.Option(help="Folder for an HTML page with plots and piano rolls.")] = None,
    real: Annotated[bool, typer.Option("--real", help="Also: can trees tell fills from people's parts?")] = False,
    shards: Annotated[
        Path | None, typer.Option(help="Folder of training shards: also look for runs copied from them.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Model file; the one in the package by default.")] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="A further filler beside the others: tokens, a transformer on MidiTok tokens."),
    ] = None,
    tokens_model: Annotated[
        Path | None, typer.Option(help="Token model; ARRANGER_TOKENS or benchmarks/weights by default.")
    ] = None,
    rules_only: Annotated[bool, typer.Option("--rules-only", help="Leave the model out; takes seconds.")] = False,
) -> None:
    """Take parts out of whole songs, fill them in again, and compare with what was there.

    The table shows the model, the net's mean prediction, the rules of thumb, the same part of another song, the same
    part's bar before, and the true part, side by side, with intervals over songs and the model's lead; with --against
    tokens also a token model of the same size.
    """
    from arranger.evaluation.copies import Collector
    from arranger.evaluation.evaluate import evaluate
    from arranger.evaluation.fillers import MODEL, RULES
    from arranger.evaluation.pages import Gallery, write_report
    from arranger.evaluation.realness import Listener
    from arranger.evaluation.report import to_json
    from arranger.evaluation.tables import render_strata, render_table
    from arranger.evaluation.tasks import MASKS
    from arranger.parts import PARTS

    gallery, listener, collector = Gallery(RULES if rules_only else MODEL), Listener(), Collector()
    observers: list[Callable[[Heard], None]] = [gallery.observe] if report else []
    observers += [listener.observe] if real or report else []
    observers += [collector.observe] if shards else []

    def observe(heard: Heard) -> None:
        for observer in observers:
            observer(heard)

    takes = takes or (QUICK_TAKES if quick else TAKES)
    found = evaluate(
        song_files(folder),
        list(dict.fromkeys(part or PARTS)),
        _fillers(takes, model, rules_only, against or (), tokens_model),
        masks=[one for one in MASKS if one in mask] if mask and set(mask) <= set(MASKS) else mask or MASKS,
        seed=seed,
        seeds=seeds or (QUICK_SEEDS if quick else SEEDS),
        limit=songs or (QUICK_SONGS if quick else SONGS),
        all_metres=not four_four,
        progress=lambda done, name: typer.echo(f"song {done + 1}: {name}", err=True),
        observe=observe,
    )
    found = replace(found, settings={**found.settings, "takes": takes, "model": str(model or "shipped")})
    found, texts = _studied(found, listener if real or report else None, collector, shards)
    if json_file:
        _write(json_file, to_json(found))
    if report:
        typer.echo(f"report: {write_report(report, found, gallery, texts)}", err=True)
    if json:
        typer.echo(to_json(found))
    else:
        blocks = [render_table(found, markdown=markdown), render_strata(found, markdown) if strata else ""]
        typer.echo("\n".join([block for block in [*blocks, *(text for _, text in texts)] if block]), nl=False)
    if found.changed_outside:
        typer.echo(f"{found.changed_outside} notes were changed outside of what was asked: that is a bug.", err=True)
        raise typer.Exit(1)


def _fillers(
    takes: int, model: Path | None, rules_only: bool, against: Sequence[str], tokens_model: Path | None
) -> dict[str, Filler]:
    from arranger.evaluation.fillers import MEAN, MODEL, RULES, TOKENS, mean_filler, model_filler, rules_filler

    strange = [name for name in against if name != TOKENS]
    if strange:
        raise FillRequestError(f"“{strange[0]}” is nothing to compare with; --against takes {TOKENS}.")

    fillers: dict[str, Filler] = {}
    if not rules_only:
        fillers[MODEL] = model_filler(takes, **({"model": str(model)} if model else {}))
        fillers[MEAN] = mean_filler(str(model) if model else None)
    if against:
        from arranger.evaluation.tokens.filler import tokens_filler

        fillers[TOKENS] = tokens_filler(takes, tokens_model)
    return {**fillers, RULES: rules_filler}


def _studied(
    report: Report, listener: Listener | None, collector: Collector, shards: Path | None
) -> tuple[Report, list[tuple[str, str]]]:
    """The report with the further studies that were asked for, and their (heading, text)."""
    from arranger.evaluation.copies import render_copies, sample_pieces
    from arranger.evaluation.realness import render_verdicts, verdicts

    studies: dict[str, object] = {}
    texts: list[tuple[str, str]] = []
    seed = int(report.settings["seed"])
    if listener:
        told = verdicts(listener, report.parts, seed)
        studies["real or fill"] = [asdict(one) for one in told]
        texts.append(("Real or fill", render_verdicts(told)))
    if shards:
        pieces = sample_pieces(shards, seed=seed)
        copies = collector.copies(pieces)
        studies["memorisation"] = {"training songs": len(pieces), "copies": [asdict(copy) for copy in copies]}
        texts.append(("Memorisation", render_copies(copies, len(pieces))))
    return replace(report, studies=studies), texts


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as err:
        raise ArrangerError(f"{path}: it can't be written ({err.strerror or err}).") from err


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
