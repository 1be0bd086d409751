"""Running a command line: every error that is not a bug is one sentence on stderr, with an exit code of its kind."""

from __future__ import annotations

import os
import sys

import typer

from arranger.errors import ArrangerError, FillRequestError

BUG, UNREADABLE, IMPOSSIBLE, INTERRUPTED = 1, 3, 4, 130


def run(app: typer.Typer) -> None:
    """Run it with what was typed, and leave with its exit code."""
    try:
        app()
    except FillRequestError as err:
        _stop(str(err), IMPOSSIBLE)
    except ArrangerError as err:
        _stop(str(err), UNREADABLE)
    except KeyboardInterrupt:
        _stop("Stopped.", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as err:
        if os.environ.get("ARRANGER_DEBUG"):
            raise
        _stop(f"This is a bug in arranger ({type(err).__name__}: {err}). Set ARRANGER_DEBUG=1 to see where.", BUG)


def _stop(message: str, code: int) -> None:
    typer.echo(message, err=True)
    sys.exit(code)
