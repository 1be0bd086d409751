"""`arranger app`: what it starts, and what it says where it can't."""

from __future__ import annotations

import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arranger.cli import app as commands
from arranger.errors import ArrangerError

app_command = import_module("arranger.cli.app_command")  # the name in `arranger.cli` is the function
ROOT = Path(__file__).parents[2]
RUNNER = CliRunner()


def started(monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[list[str], str]:
    """The command line that would be started, and what is said on the way."""
    run: list[list[str]] = []

    def record(command: list[str], **told: object) -> subprocess.CompletedProcess[bytes]:
        run.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(app_command.subprocess, "run", record)
    monkeypatch.setattr(app_command, "find_spec", lambda name: object() if name == "streamlit" else None)
    done = RUNNER.invoke(commands, ["app", *options])
    assert done.exit_code == 0, done.output
    return run[0], done.output


def test_it_answers_this_machine_alone_and_tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    command, _ = started(monkeypatch)
    flags = dict(flag.removeprefix("--").split("=") for flag in command if flag.startswith("--server.address"))
    assert flags == {"server.address": "127.0.0.1"}
    assert "--browser.gatherUsageStats=false" in command
    assert "--server.enableXsrfProtection=true" in command
    assert "--client.showErrorDetails=none" in command
    assert "--server.allowedHosts=127.0.0.1" in command
    assert Path(command[4]) == ROOT / "app" / "main.py"


def test_another_address_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    command, told = started(monkeypatch, "--address", "0.0.0.0", "--port", "9000")
    assert "--server.port=9000" in command
    assert not [flag for flag in command if "allowedHosts" in flag]
    assert "no password" in told


def test_without_streamlit_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_command, "find_spec", lambda name: None)
    done = RUNNER.invoke(commands, ["app"])
    assert isinstance(done.exception, ArrangerError)
    assert "pip install 'arranger[app]'" in str(done.exception)


def test_the_configuration_beside_the_app_is_as_strict_as_the_command() -> None:
    config = tomllib.loads((ROOT / "app" / ".streamlit" / "config.toml").read_text())
    for flag in app_command.app_flags("127.0.0.1", 8501, False):
        section, _, rest = flag.removeprefix("--").partition(".")
        name, _, value = rest.partition("=")
        if name in ("port", "allowedHosts"):
            continue
        assert str(config[section][name]).lower() == value.lower(), flag
    assert {"light", "dark"} <= config["theme"].keys()


def test_every_option_is_one_that_streamlit_knows() -> None:
    pytest.importorskip("streamlit")
    from streamlit import config

    known = set(config.get_config_options())
    for flag in app_command.app_flags("127.0.0.1", 8501, True):
        assert flag.removeprefix("--").partition("=")[0] in known
    written = tomllib.loads((ROOT / "app" / ".streamlit" / "config.toml").read_text())
    names = {f"{section}.{name}" for section, options in written.items() for name in options}
    assert {name for name in names if name not in known} == {"theme.light", "theme.dark"}
