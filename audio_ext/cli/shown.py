"""What the commands with a stem model have in common: a progress bar, and what they say when they are done."""

from __future__ import annotations

import json as json_module
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from audio_ext.latent.msg_files import Written


def run_shown(label: str, json: bool, work: Callable[[Callable[[float], None]], Written]) -> None:
    """Do the work under a progress bar on stderr, then say what was written."""
    started = time.monotonic()
    with typer.progressbar(length=100, label=label, file=sys.stderr) as shown:
        done = work(lambda share: shown.update(max(0, round(100 * share) - shown.pos)))
    seconds = time.monotonic() - started
    if json:
        typer.echo(json_module.dumps({**done.document(), "took_seconds": round(seconds, 2)}, indent=1))
        return
    for note in done.notes:
        typer.echo(f"Note: {note}", err=True)
    for path in (*([done.mix] if done.mix else []), *done.stems.values()):
        typer.echo(f"Wrote {path}.")
    typer.echo(f"{done.seconds:.1f} s of sound, {seconds:.1f} s.")
