"""`arranger-audio models`."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from audio_ext.latent.models import ModelFile

ABOUT = {
    "codec": "log-mel to latent and back",
    "vocoder": "log-mel to sound",
    "base": "text to mix; SDEdit uses it",
    "subtractive": "submix and instruction to mix",
    "msg-ld": "all stems at once: to separate, to generate, to complete",
}


def models_command(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A folder of models; those of the package without it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, whole cards.")] = False,
) -> None:
    """List the models: size, licence, what they were trained on and how much, how good they are."""
    from audio_ext.latent.models import SHIPPED, listed, model_folder

    where = model_folder(folder)
    found = listed(where)
    if json:
        typer.echo(json_module.dumps([_document(one) for one in found], indent=1, ensure_ascii=False))
        return
    if not found:
        place = "this installation" if where == SHIPPED else str(where)
        typer.echo(f"There are no models in {place}. Train your own with `arranger-audio train`, see docs/audio.md.")
    for one in found:
        for line in described(one):
            typer.echo(line)


def described(one: ModelFile) -> list[str]:
    """A model in some lines of plain text."""
    card = one.card
    head = f"{one.name}: {ABOUT.get(one.name, one.kind)}; {one.parameters / 1e6:.1f} M parameters, {_size(one.bytes)}"
    lines = [head, f"  licence     {card.get('licence') or 'not said in its card'}"]
    lines.append(f"  trained on  {card.get('trained_on') or 'not said in its card'}")
    amount = [f"{card['steps']:,} steps"] if isinstance(card.get("steps"), int) else []
    amount += [f"{card['hours']:.1f} hours of audio"] if isinstance(card.get("hours"), (int, float)) else []
    amount += [str(card["compute"])] if card.get("compute") else []
    lines.append(f"  training    {', '.join(amount) or 'not said in its card'}")
    measured = card.get("measured")
    if isinstance(measured, dict) and measured:
        lines.append("  measured    " + ", ".join(f"{name} {_figure(value)}" for name, value in measured.items()))
    if card.get("limits"):
        lines.append(f"  limits      {card['limits']}")
    if one.too_weak:
        lines.append(f"  TOO WEAK    {one.too_weak}")
    return lines


def _figure(value: Any) -> str:
    """A figure of a card; figures within figures in brackets."""
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_figure(one)}" for name, one in value.items()) + ")"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _document(one: ModelFile) -> dict[str, Any]:
    return {
        "name": one.name,
        "path": str(one.path),
        "kind": one.kind,
        "parameters": one.parameters,
        "bytes": one.bytes,
        "too_weak": one.too_weak,
        "card": dict(one.card),
        "config": dict(one.config),
    }
