"""`arranger-audio` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
import soundfile

from audio_ext.cli import main

ROOT = Path(__file__).parents[1]
FOUND = util.find_spec
SONG = ROOT / "examples" / "night-bus.mid"


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process; `blocked` packages look as if they were not installed."""

    def done(*arguments: str | Path, blocked: Sequence[str] = (), models: Path | None = None) -> Result:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["arranger-audio", *map(str, arguments)])
            patched.setenv("ARRANGER_AUDIO_MODELS", str(models or ""))
            patched.setattr(util, "find_spec", lambda name, *more: None if name in blocked else FOUND(name, *more))
            for name in blocked:
                patched.setitem(sys.modules, name, None)
            try:
                main()
                code = 0
            except SystemExit as left:
                code = int(left.code or 0)
        shown = capsys.readouterr()
        return Result(code, shown.out, shown.err)

    return done


def test_the_command_is_a_program_of_its_own_that_loads_no_torch() -> None:
    code = "import sys\nfrom audio_ext.cli import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "models", "nowhere"], cwd=ROOT, capture_output=True, text=True)
    refused(Result(done.returncode, done.stdout, done.stderr), 3, "no such folder of models")


def refused(result: Result, code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture(scope="module")
def submix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of stereo at 44.1 kHz in 16 bits: a chord."""
    path = tmp_path_factory.mktemp("sound") / "demo.wav"
    times = np.arange(2 * 44_100) / 44_100
    left = 0.2 * np.sin(2 * np.pi * 220 * times) + 0.1 * np.sin(2 * np.pi * 330 * times)
    soundfile.write(path, np.stack([left, 0.5 * left], axis=1), 44_100, "PCM_16")
    return path


def stem_of(path: Path, peak: float = 0.2) -> Path:
    soundfile.write(path, peak * np.sin(2 * np.pi * 55 * np.arange(2 * 44_100) / 44_100), 44_100, "PCM_24")
    return path


def steps(path: Path) -> np.ndarray:
    """A file's samples as whole steps of 24 bits, (sample, channel)."""
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64) >> 8


def test_a_guide_at_strength_nought_is_laid_over_the_submix_as_it_is(run: Run, tmp_path: Path, submix: Path) -> None:
    guide, mix, stem = stem_of(tmp_path / "bass.wav"), tmp_path / "mix.wav", tmp_path / "stem.wav"
    given = ("--part", "bass", "--guide", guide, "--strength", "0", "-o", mix, "--stem", stem, "--json")
    # Nothing is asked of a model, so that none is needed.
    result = run("insert", submix, *given, blocked=["torch"])
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["way"], told["gain_db"], told["notes"], told["rate"]) == ("guide", 0, [], 44_100)
    assert np.array_equal(steps(mix), steps(submix) + steps(stem))
    assert np.array_equal(steps(stem), np.repeat(steps(guide), 2, axis=1))


def test_what_would_clip_is_turned_down_and_said(run: Run, tmp_path: Path, submix: Path) -> None:
    guide, mix, stem = stem_of(tmp_path / "bass.wav", 0.95), tmp_path / "mix.wav", tmp_path / "stem.wav"
    result = run("insert", submix, "-p", "bass", "--guide", guide, "--strength", "0", "-o", mix, "--stem", stem)
    assert result.returncode == 0, result.stderr
    assert "turned down together" in result.stderr
    top = 1 << 23
    assert np.abs(steps(mix)).max() == pytest.approx(0.98 * top, abs=2)
    gain = np.abs(steps(stem)).max() / np.abs(steps(guide)).max()
    assert np.abs(steps(mix) - steps(stem) - gain * steps(submix)).max() <= 2


def test_without_a_name_the_mix_stands_beside_the_submix(run: Run, tmp_path: Path, submix: Path) -> None:
    demo = tmp_path / "demo.wav"
    demo.write_bytes(submix.read_bytes())
    before = demo.read_bytes()
    given = ("--part", "bass", "--guide", stem_of(tmp_path / "bass.wav"), "--strength", "0")
    result = run("insert", demo, *given)
    assert f"Wrote {tmp_path / 'demo.bass.wav'}." in result.stdout
    assert demo.read_bytes() == before
    refused(run("insert", demo, *given), 3, "demo.bass.wav: the file exists already", "--force")
    refused(run("insert", demo, *given, "-o", demo, "--force"), 3, "it is a file that was read")


def test_wrong_requests_are_refused_in_a_sentence(run: Run, tmp_path: Path, submix: Path) -> None:
    out = ("-o", tmp_path / "mix.wav")
    refused(run("insert", submix, *out), 2, "--part")
    refused(run("insert", submix, "--part", "tuba", *out), 4, "drums, bass, guitar, other")
    refused(run("insert", submix, "--part", "bass", "--strength", "2", *out), 4, "0 keeps the guide")
    refused(run("insert", submix, "--part", "bass", "--align", *out), 2, "--guide")
    refused(run("insert", tmp_path / "none.wav", "--part", "bass", *out), 3, "no such file")
    refused(run("insert", ROOT / "README.md", "--part", "bass", *out), 3, "can't be read as audio")
    refused(run("insert", submix, "--part", "bass", "--guide", SONG, *out), 4, "The guide has no bass")
    assert not list(tmp_path.iterdir())


def test_missing_models_and_libraries_are_named_with_the_way_out(run: Run, tmp_path: Path, submix: Path) -> None:
    out = ("--part", "bass", "-o", tmp_path / "mix.wav")
    refused(run("insert", submix, *out, blocked=["diffusers"]), 3, "diffusers", "arranger[latent]")
    refused(run("insert", submix, *out, models=tmp_path), 3, "no model “subtractive”", "arranger-audio train")
    refused(run("insert", submix, *out, "--model", tmp_path / "none"), 3, "no such folder")
    refused(run("train", "codec", "c.json", "d", "-o", "r", blocked=["torch"]), 3, "arranger[latent]")
    refused(run("train", "codec", tmp_path / "c.json", tmp_path, "-o", tmp_path / "r"), 3, "c.json")
    assert "no models in" in run("models", tmp_path).stdout


def test_models_are_listed_with_what_they_are_and_how_weak(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from latent_tiny import WEAK, tiny_model_folder

    folder = tiny_model_folder(tmp_path / "models", measured={"log-mel L1": 1.25}, steps=1500)
    shown = run("models", folder, blocked=["torch"]).stdout
    for words in ("codec: log-mel", "subtractive: submix", f"TOO WEAK    {WEAK}", "1,500 steps", "log-mel L1 1.25"):
        assert words in shown
    told = {one["name"]: one for one in json.loads(run("models", folder, "--json").stdout)}
    assert list(told) == ["codec", "base", "subtractive"]
    assert told["subtractive"]["too_weak"] == WEAK
    assert told["codec"]["parameters"] > 1000
    (folder / "broken.safetensors").write_bytes(b"\xff" * 100)
    refused(run("models", folder), 3, "broken.safetensors")


def test_a_model_of_files_puts_a_stem_in(run: Run, tmp_path: Path, submix: Path) -> None:
    pytest.importorskip("diffusers")
    from latent_tiny import tiny_model_folder

    folder = tiny_model_folder(tmp_path / "models")
    shown = {}
    for name, further in (("a", ()), ("b", ()), ("other", ("--seed", "1")), ("base", ())):
        mix, stem = tmp_path / f"{name}.wav", tmp_path / f"{name}.stem.wav"
        model = folder / "base.safetensors" if name == "base" else folder
        result = run(
            "insert", submix, "-p", "drums", "--prompt", "add rock drums", "--model", model, "--steps", "2",
            "-o", mix, "--stem", stem, "--device", "cpu", *further,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert ("too weak to be useful" in result.stderr) == (name != "base")
        shown[name] = steps(stem)
        assert len(shown[name]) == 2 * 44_100
        assert np.abs(shown[name]).max() > 0
    assert np.array_equal(shown["a"], shown["b"])
    assert not np.array_equal(shown["a"], shown["other"])
