"""`arranger train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def train_command(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="Config of the run, JSON; examples in configs/.", show_default=False),
    ],
    shards: Annotated[Path, typer.Option(help="Folder made by python -m datasets.prepare.", show_default=False)],
    run: Annotated[Path, typer.Option(help="Folder of the run; a run that was stopped goes on.", show_default=False)],
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:1; the GPU if there is one.")] = None,
    begin: Annotated[Path | None, typer.Option(help="Checkpoint whose weights a new run begins with.")] = None,
) -> None:
    """Train a denoiser; needs the extra: pip install 'arranger[train]'."""
    from arranger.errors import TrainingError

    try:
        from arranger.diffusion.export import write_graph
        from arranger.diffusion.train import train
    except ImportError as err:
        raise TrainingError(f"Training needs {err.name}; install it with pip install 'arranger[train]'.") from err
    from arranger.diffusion.checkpoint import read_checkpoint
    from arranger.diffusion.config import train_config

    try:
        values = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise TrainingError(f"{config}: not a readable config ({err}).") from err
    last = train(train_config(values), shards, run, device, begin)
    for path in (last, last.with_name("best.safetensors")):
        write_graph(path.with_suffix(".onnx"), read_checkpoint(path))
        typer.echo(f"Wrote {path} and its graph.")
