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
  arranger-audio eval data/windows/val --task separate                      all stems at once: separate, complete,
                                                                            generate, fit
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
    task: Annotated[
        str, typer.Option(metavar="TASK", help="insert; of all stems separate, complete, generate; or fit.")
    ] = "insert",
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
    madmom: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="madmom's weights, for BEAT; else ARRANGER_MADMOM.")
    ] = None,
    hdemucs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A net of train_hdemucs, as a baseline of separate.")
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
    if task != "insert":
        _of_all_stems(
            windows, task, model, number, steps, seed, madmom, hdemucs, embeddings or [], device, json, markdown
        )
        return
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


def _of_all_stems(
    windows: Path,
    task: str,
    model: str | None,
    number: int,
    steps: int,
    seed: int,
    madmom: Path | None,
    hdemucs: Path | None,
    embeddings: list[Path],
    device: str | None,
    json: bool,
    markdown: bool,
) -> None:
    from audio_ext.latent.evaluate_stems import TASKS, StemEvaluation, evaluate_stem_folder
    from audio_ext.latent.metrics.beat import weights_folder
    from audio_ext.latent.stem_tables import stem_document, told

    if task not in TASKS:
        raise typer.BadParameter(f"“{task}” is no task; insert, {', '.join(TASKS)} are.")
    config = StemEvaluation(task, windows=number, steps=steps, seed=seed)
    report = evaluate_stem_folder(
        windows,
        config,
        model,
        hdemucs,
        weights_folder(madmom),
        tuple(embeddings),
        device,
        lambda words: typer.echo(words, err=True),
    )
    if json:
        typer.echo(json_module.dumps(stem_document(report), indent=1, ensure_ascii=False))
    else:
        typer.echo(told(report, markdown))


evaluate.__doc__ = f"{evaluate.__doc__}\n\n{EXAMPLES}"
