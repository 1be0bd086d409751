"""The command line: `arranger fill song.mid --part bass`.

Data goes to stdout, messages and progress to stderr. Exit codes: 0 done, 1 a bug, 2 wrong usage, 3 the song (or model)
can't be read or written, 4 the request can't be met.
"""

from __future__ import annotations

import typer

from arranger.cli.app_command import app_command
from arranger.cli.convert_command import convert_command
from arranger.cli.eval_command import eval_command
from arranger.cli.fill_command import fill_command
from arranger.cli.inspect_command import inspect_command
from arranger.cli.plot_command import plot_command
from arranger.cli.presets_command import presets_command
from arranger.cli.render_command import render_command
from arranger.cli.running import run
from arranger.cli.train_command import train_command
from arranger.cli.vary_command import vary_command

app = typer.Typer(
    name="arranger",
    help="Fill the missing bass, drums or guitar of a song, and touch nothing else.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich costs a third of the start-up time
    pretty_exceptions_enable=False,
)
app.command("fill")(fill_command)
app.command("vary")(vary_command)
app.command("presets")(presets_command)
app.command("inspect")(inspect_command)
app.command("convert")(convert_command)
app.command("plot")(plot_command)
app.command("render")(render_command)
app.command("app")(app_command)
app.command("eval")(eval_command)
app.command("train")(train_command)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"arranger {installed('arranger')}")
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    run(app)
