"""`arranger-audio eval`."""

from __future__ import annotations

import json as json_module
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  arranger-audio eval data/windows/val --train data/windows/train           the whole table for drums
  arranger-audio eval data/windows/val --part bass --windows 40 --json
  arranger-audio eval data/windows/val --model runs/mine --markdown > table.md
"""


def evaluate(
    windows: Annotated[
        Path,
        typer.Argument(
            metavar="WINDOWS",
            help="Folder of held-out windows (python -m datasets.stems.rendered).",
            show_default=False,
        ),
    ],
    part: Annotated[str, typer.Option("--part", "-p", metavar="PART", help="drums, bass, guitar or other.")] = "drums",
    model: Annotated[
        str | None, typer.Option(metavar="PATH|NAME", help="A folder of models, one of its files, or a name.")
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(metavar="WINDOWS", help="Training windows, for the test of instructions; `train` beside WINDOWS."),
    ] = None,
    number: Annotated[int, typer.Option("--windows", "-n", min=4, max=10_000, help="Windows that are judged.")] = 100,
    steps: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Steps of the sampler.")] = 20,
    strength: Annotated[float, typer.Option(min=0.01, max=1.0, help="How far the guide may be changed.")] = 0.5,
    asked: Annotated[
        int, typer.Option(min=0, metavar="N", help="Windows of the test of instructions; 0 for none.")
    ] = 24,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="musicnn's folder, or VGGish's weights as safetensors; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Chooses windows and noise.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1; the GPU if there is one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables, with intervals.")] = False,
) -> None:
    """Judge the models on held-out windows: baselines, ceilings, metrics, tests, and the paper's numbers."""
    if json and markdown:
        raise typer.BadParameter("--json and --markdown are two ways to print; give one of them.")
    from audio_ext.errors import AudioError
    from audio_ext.latent.insert import PARTS
    from audio_ext.latent.models import missing_latent

    if part not in PARTS:
        raise typer.BadParameter(f"“{part}” can't be judged; {', '.join(PARTS)} can.")
    if problem := missing_latent():
        raise AudioError("", problem.rstrip("."))
    from audio_ext.latent.evaluate import EvaluationConfig, evaluate_folder
    from audio_ext.latent.evaluation_tables import document_of, lines_of, markdown_of

    beside = windows.resolve().parent / "train"
    training = train or (beside if beside.is_dir() and beside != windows.resolve() else None)
    config = replace(
        EvaluationConfig(), part=part, windows=number, steps=steps, strength=strength, asked=asked, seed=seed
    )
    report = evaluate_folder(
        windows, config, model, training, embeddings or (), device, lambda words: typer.echo(words, err=True)
    )
    if json:
        typer.echo(json_module.dumps(document_of(report), indent=1, ensure_ascii=False))
    else:
        typer.echo(markdown_of(report) if markdown else "\n".join(lines_of(report)))


evaluate.__doc__ = f"{evaluate.__doc__}\n\n{EXAMPLES}"
