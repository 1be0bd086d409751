"""`arranger presets`."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer


def presets_command(
    file: Annotated[Path | None, typer.Option("--presets", metavar="FILE", help="Also those of your file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, in the form that --presets reads.")] = False,
) -> None:
    """List the named sets of controls for fill --preset NAME."""
    from arranger.controls import PartControls
    from arranger.presets import presets

    found = presets(file)
    plain = asdict(PartControls())
    document: dict[str, Any] = {}
    for name, preset in found.items():
        entry: dict[str, Any] = {"about": preset.about}
        for whole in ("temperature", "guidance", "swing"):
            if getattr(preset.controls, whole) is not None:
                entry[whole] = getattr(preset.controls, whole)
        for part, own in preset.controls.parts.items():
            entry[part] = {key: value for key, value in asdict(own).items() if value != plain[key]}
        document[name] = entry
    if json:
        typer.echo(json_module.dumps(document, indent=1))
        return
    width = max(len(name) for name in document)
    for name, entry in document.items():
        typer.echo(f"{name:<{width}}  {entry['about']}")
