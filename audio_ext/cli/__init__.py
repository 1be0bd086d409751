"""The command line of the latent audio models: `arranger-audio insert submix.wav --part drums`.

Data goes to stdout, messages and progress to stderr. Exit codes as `arranger` has them: 0 done, 1 a bug, 2 wrong usage,
3 a recording, a song or a model can't be read or written, 4 the request can't be met.
"""

from __future__ import annotations

import typer

from arranger.cli.running import run
from audio_ext.cli.eval_command import evaluate
from audio_ext.cli.generate_command import generate_command
from audio_ext.cli.insert_command import insert_command
from audio_ext.cli.models_command import models_command
from audio_ext.cli.separate_command import separate_command
from audio_ext.cli.train_commands import train

app = typer.Typer(
    name="arranger-audio",
    help="Put a missing stem into a recording; train and judge the models that do it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("insert")(insert_command)
app.command("separate")(separate_command)
app.command("generate")(generate_command)
app.add_typer(train, name="train")
app.command("eval")(evaluate)
app.command("models")(models_command)


@app.callback()
def root() -> None:
    """Put a missing stem into a recording; train and judge the models that do it."""


def main() -> None:
    """Run the command line."""
    run(app)
