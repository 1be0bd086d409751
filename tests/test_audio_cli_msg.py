"""`arranger-audio separate`, `generate` and `insert --model msg-ld` as a user meets them; torch is not always there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("diffusers")
import soundfile
from latent_stems import WEAK, tiny_stem_folder

from audio_ext.cli import main
from audio_ext.latent.windows import STEMS

FOUND = util.find_spec
RATE = 22_050


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process; `blocked` packages look as if they were not installed."""

    def done(*arguments: str | Path | int, blocked: Sequence[str] = (), models: Path | None = None) -> Result:
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["arranger-audio", *map(str, arguments)])
            patched.setenv("ARRANGER_AUDIO_MODELS", str(models or ""))
            patched.setattr(util, "find_spec", lambda name, *more: None if name in blocked else FOUND(name, *more))
            try:
                main()
                code = 0
            except SystemExit as left:
                code = int(left.code or 0)
        shown = capsys.readouterr()
        return Result(code, shown.out, shown.err)

    return done


def refused(result: Result, code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_stem_folder(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of stereo in 16 bits."""
    path = tmp_path_factory.mktemp("sound") / "demo.wav"
    rng, times = np.random.default_rng(0), np.arange(RATE * 3 // 2) / RATE
    left = 0.2 * np.sin(2 * np.pi * 220 * times) + rng.normal(0, 0.02, len(times))
    soundfile.write(path, np.stack([left, 0.5 * left[::-1]], axis=1), RATE, "PCM_16")
    return path


def steps(path: Path) -> np.ndarray:
    """A file's samples as whole steps of 24 bits, (sample, channel)."""
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64) >> 8


def test_separated_stems_sum_to_the_recording_to_the_last_bit(
    run: Run, tmp_path: Path, mix: Path, models: Path
) -> None:
    folder = tmp_path / "parts"
    result = run("separate", mix, "--stems", folder, "--steps", 2, "--json", models=models)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["model"], told["rate"], told["gain_db"], told["mix"]) == ("msg-ld", RATE, 0.0, None)
    assert WEAK in told["notes"][0]
    assert sorted(one.name for one in folder.iterdir()) == sorted(f"{name}.wav" for name in STEMS)
    stems = [steps(folder / f"{name}.wav") for name in STEMS]
    assert np.array_equal(sum(stems), steps(mix))
    assert all(one.any() for one in stems)
    # Nothing is overwritten unless it is allowed, and the same seed gives the same.
    refused(run("separate", mix, "--stems", folder, models=models), 3, "exists already", "--force")
    again = run("separate", mix, "--stems", folder, "--steps", 2, "--force", "--model", models)
    assert again.returncode == 0, again.stderr
    assert np.array_equal(steps(folder / "drums.wav"), stems[0])
    assert f"Wrote {folder / 'drums.wav'}." in again.stdout
    assert "too weak to be useful" in again.stderr


def test_the_vocoders_stems_are_a_choice_and_stand_beside_the_mix(
    run: Run, tmp_path: Path, mix: Path, models: Path
) -> None:
    demo = tmp_path / "demo.wav"
    demo.write_bytes(mix.read_bytes())
    result = run("separate", demo, "--steps", 1, "--vocoder", models=models)
    assert result.returncode == 0, result.stderr
    stems = [steps(tmp_path / "demo.stems" / f"{name}.wav") for name in STEMS]
    assert all(one.shape == steps(mix).shape for one in stems)
    assert not np.array_equal(sum(stems), steps(mix))


def test_generated_stems_sum_to_their_mix(run: Run, tmp_path: Path, models: Path) -> None:
    out, folder = tmp_path / "mix.wav", tmp_path / "parts"
    result = run("generate", "--seconds", 1.5, "-o", out, "--stems", folder, "--steps", 2, "--seed", 3, models=models)
    assert result.returncode == 0, result.stderr
    stems = [steps(folder / f"{name}.wav") for name in STEMS]
    assert np.array_equal(sum(stems), steps(out))
    assert steps(out).shape == (24_000, 1)
    assert steps(out).any()
    refused(run("generate", "-o", out, models=models), 3, "exists already")
    refused(run("generate", "--seconds", 1e6, "-o", tmp_path / "b.wav", models=models), 4, "out of range")


@pytest.mark.parametrize("asked", ["drums", "bass+other"])
def test_given_stems_stay_to_the_sample_and_the_asked_ones_come_in(
    run: Run, tmp_path: Path, models: Path, asked: str
) -> None:
    folder, times = tmp_path / "given", np.arange(RATE) / RATE
    folder.mkdir()
    for at, name in enumerate(one for one in STEMS if one not in asked and one != "guitar"):
        soundfile.write(folder / f"{name}.wav", 0.1 * np.sin(2 * np.pi * (at + 1) * 150 * times), RATE, "PCM_16")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    out, stem = tmp_path / "mix.wav", tmp_path / "made.wav"
    given = ("--part", asked, "-o", out, "--stem", stem, "--steps", 2, "--model", models / "msg-ld.safetensors")
    result = run("insert", folder, *given, "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    made = [steps(Path(told["stems"][name])) for name in asked.split("+")]
    names = {"made.wav"} if asked == "drums" else {"made.bass.wav", "made.other.wav"}
    assert {Path(one).name for one in told["stems"].values()} == names
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    if told["gain_db"] == 0:
        assert np.array_equal(steps(out), sum(made) + sum(steps(path) for path in before))
    else:
        gain = 10 ** (told["gain_db"] / 20)
        over = steps(out) - sum(made) - gain * sum(steps(path) for path in before)
        assert np.abs(over).max() <= 3
    assert all(one.any() for one in made)


def test_a_recording_is_completed_too_and_says_how(run: Run, tmp_path: Path, mix: Path, models: Path) -> None:
    out = tmp_path / "out.wav"
    result = run("insert", mix, "-p", "bass", "-o", out, "--steps", 1, "--model", "msg-ld", models=models)
    assert result.returncode == 0, result.stderr
    assert "separated from the recording" in result.stderr
    assert steps(out).shape == steps(mix).shape


def test_wrong_requests_are_refused_in_a_sentence(run: Run, tmp_path: Path, mix: Path, models: Path) -> None:
    file, out = models / "msg-ld.safetensors", ("-o", tmp_path / "out.wav", "--model", models / "msg-ld.safetensors")
    refused(run("insert", mix, "-p", "tuba", *out), 4, "tuba", "drums+bass")
    refused(run("insert", mix, "-p", "bass", "--prompt", "loud", *out), 2, "stems alone")
    refused(run("insert", tmp_path, "-p", "bass", *out), 3, "no stems in it", "drums.wav")
    refused(run("insert", mix, "-p", "bass", "-o", mix, "--force", "--model", file), 3, "it is a file that was read")
    refused(run("separate", tmp_path / "none.wav", models=models), 3, "no such file")
    refused(run("separate", mix, "--steps", 0, models=models), 4, "steps")
    refused(run("separate", mix, "--stems", tmp_path / "a" / "b", models=models), 3, "no folder can be made")
    refused(run("separate", mix, "--model", models / "codec.safetensors"), 3, "holds a codec")
    assert not list(tmp_path.iterdir())


def test_where_no_weights_are_it_is_said_with_the_way_out(run: Run, tmp_path: Path, mix: Path) -> None:
    empty, out = tmp_path / "empty", tmp_path / "out.wav"
    empty.mkdir()
    said = (3, "There is no model “msg-ld”", "arranger-audio train")
    refused(run("separate", mix, "--stems", tmp_path / "s", models=empty), *said)
    refused(run("generate", "-o", out, models=empty), *said)
    refused(run("insert", mix, "-p", "bass", "-o", out, "--model", "msg-ld", models=empty), *said)
    refused(run("generate", "-o", out, blocked=["torch"]), 3, "arranger[latent]")
    assert [one.name for one in tmp_path.iterdir()] == ["empty"]
