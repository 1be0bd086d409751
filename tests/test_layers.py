"""Who may import whom, as the design has it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 400
# Every package may use those on its right, and itself.
MAY_USE = {
    "arranger": set(),
    "audio_ext": {"arranger"},
    "app": {"audio_ext", "arranger"},
    "datasets": {"audio_ext", "arranger"},
}
DIFFUSION_MAY_USE = ("arranger.diffusion", "arranger.errors", "arranger.parts", "arranger.voices")


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Dotted names that a module imports, wherever in it, without those for type checkers alone."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            home = ".".join([*base, *([node.module] if node.module else [])])
            # `from arranger import critic` names the module critic.
            yield from (f"{home}.{alias.name}" for alias in node.names)


def within(name: str, homes: tuple[str, ...] | set[str]) -> bool:
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def offenders(paths: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in imported(path)
        if within(name, forbidden)
    ]


@pytest.mark.parametrize("package", MAY_USE)
def test_packages_import_only_what_stands_below_them(package: str) -> None:
    found = offenders(modules(package), set(MAY_USE) - MAY_USE[package] - {package})
    # The command line may reach for sound; that nothing else does is the next test's business.
    assert not [one for one in found if not (one.startswith("arranger/cli/") and " imports audio_ext" in one)]


def test_audio_is_reached_from_the_command_line_alone() -> None:
    inner = [path for path in modules("arranger") if path.parent != ROOT / "arranger" / "cli"]
    assert not offenders(inner, {"audio_ext"})


def test_diffusion_knows_no_songs_and_no_files() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("arranger/diffusion")
        for name in imported(path)
        if within(name, {"arranger"}) and not within(name, DIFFUSION_MAY_USE)
    ]
    assert not found


def test_only_the_command_line_imports_typer_and_nothing_but_the_app_streamlit() -> None:
    inner = [path for package in MAY_USE for path in modules(package) if "cli" not in path.relative_to(ROOT).as_posix()]
    assert not offenders(inner, {"typer"})
    assert not offenders([path for path in inner if not path.is_relative_to(ROOT / "app")], {"streamlit"})


def test_the_song_needs_the_standard_library_alone() -> None:
    names = set(imported(ROOT / "arranger" / "song.py"))
    assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)


@pytest.mark.parametrize("package", MAY_USE)
def test_modules_are_small(package: str) -> None:
    long = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(package)
    }
    assert not {name: lines for name, lines in long.items() if lines > MAX_LINES}


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that are loaded after a statement in a fresh interpreter."""
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"numpy", "torch", "music21", "streamlit", "onnxruntime", "guitarpro", "safetensors", "typer", "mido"}
    assert not loaded_by("import arranger") & heavy


def test_filling_needs_no_torch() -> None:
    assert not loaded_by("import arranger; arranger.fill, arranger.load_song") & {
        "torch",
        "music21",
        "streamlit",
        "onnx",
    }


def test_the_audio_extra_is_loaded_by_rendering_alone() -> None:
    libraries = {"audio_ext", "soundfile", "pyloudnorm", "scipy", "fluidsynth", "pretty_midi"}
    assert not loaded_by("import arranger.cli; arranger.load_song, arranger.fill") & libraries
    # pretty_midi is there for its SoundFont; it is never imported, which would take a second.
    assert not loaded_by("import audio_ext.band, audio_ext.overlay") & {"pretty_midi", "soundfile", "pyloudnorm"}


def test_latent_models_are_loaded_by_those_that_run_them_alone() -> None:
    doors = "import audio_ext.cli, audio_ext.latent.models, audio_ext.latent.insert, audio_ext.latent.refine"
    assert not loaded_by(f"{doors}, app.refining") & {"torch", "diffusers", "transformers", "streamlit"}


def test_the_checker_sees_what_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    module = tmp_path / "arranger" / "diffusion" / "x.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.main\n"
        "from . import nets\nfrom ..song import Song\nfrom arranger import files\ndef f():\n    import audio_ext.clip\n"
    )
    assert set(imported(module)) == {
        "typing.TYPE_CHECKING",
        "arranger.diffusion.nets",
        "arranger.song.Song",
        "arranger.files",
        "audio_ext.clip",
    }
    assert offenders([module], {"audio_ext", "app"}) == ["arranger/diffusion/x.py imports audio_ext.clip"]
