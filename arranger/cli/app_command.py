"""`arranger app`."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

PACKAGES = ("arranger_app", "app")
"""The app's package in a wheel, and in a checkout."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def app_command(
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="Port on this machine.")] = 8501,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Another address lets other machines in, and anybody on them.")
    ] = LOOPBACK[0],
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Open the app: drop a song in the browser, hear takes, keep one, download. Nothing leaves this machine."""
    from arranger.errors import ArrangerError

    entry = app_entry()
    if entry is None or find_spec("streamlit") is None:
        raise ArrangerError("The app needs Streamlit: pip install 'arranger[app]'.")
    if address not in LOOPBACK:
        typer.echo(f"Note: whoever reaches {address}:{port} can use the app; there is no password.", err=True)
    typer.echo(f"The app is at http://{address}:{port} – Ctrl-C ends it.", err=True)
    command = [sys.executable, "-m", "streamlit", "run", str(entry), *app_flags(address, port, browser)]
    # Streamlit's own process: its event loop and signal handlers want the main thread to themselves.
    environment = os.environ | {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def app_entry() -> Path | None:
    """The app's script: in the wheel's own package, or in a checkout beside this one."""
    spec = find_spec(PACKAGES[0])
    folders = [Path(spec.origin).parent] if spec is not None and spec.origin else []
    folders.append(Path(__file__).resolve().parents[2] / PACKAGES[1])
    return next((folder / "main.py" for folder in folders if (folder / "main.py").is_file()), None)


def app_flags(address: str, port: int, browser: bool) -> list[str]:
    """What Streamlit is told; the look stands in the configuration beside the app, its safety here too, so that no
    configuration of the user's loosens it."""
    options = {
        "server.address": address,
        "server.port": str(port),
        "server.headless": str(not browser).lower(),
        "server.maxUploadSize": "64",
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
    }
    # A page elsewhere that lets its name mean 127.0.0.1 is refused: only these names are answered.
    hosts = [f"--server.allowedHosts={name}" for name in LOOPBACK] if address in LOOPBACK else []
    return [*(f"--{name}={value}" for name, value in options.items()), *hosts]
