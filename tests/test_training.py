"""Training, tiny: what it leaves behind, that a killed run goes on as if nothing had been, and what it refuses."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from arranger.diffusion import train as training
from arranger.diffusion.checkpoint import read_checkpoint
from arranger.diffusion.config import NetConfig, TrainConfig, net_config, to_json, train_config
from arranger.diffusion.layout import (
    BASS,
    BASS_ROWS,
    DRUM_ROWS,
    DRUMS,
    FEATURES,
    GUITAR,
    MODES,
    SOUNDS,
    STATIC_FEATURES,
    TARGET_PLANES,
)
from arranger.diffusion.noise import add_noise
from arranger.diffusion.shards import Piece, read_shards, write_shard
from arranger.diffusion.train import denoising_loss, learning_rate, train
from arranger.diffusion.windows import index_piece, make_batch
from arranger.errors import TrainingError
from arranger.evaluation.tokens.config import train_config as token_config

TINY = TrainConfig(
    net=NetConfig(width=16, blocks=1, heads=2, step_width=8, window=8),
    batch=2,
    steps=8,
    warmup=2,
    threads=1,
    log_every=2,
    validate_every=4,
    save_every=4,
)
ROOT = Path(__file__).parents[1]


def synthetic_piece(seed: int, bars: int = 10) -> Piece:
    """Random notes on drums, bass, two guitars and others; bars of 4/4 and 7/8 in turn."""
    rng = np.random.default_rng(seed)
    steps = np.where(np.arange(bars) % 2, 42, 48).astype(np.uint8)
    notes = np.concatenate(
        [
            np.stack(
                [
                    np.full(12, bar),
                    np.arange(12) % 5,
                    rng.integers(0, 42, 12),
                    rng.integers(36, 60, 12),
                    rng.integers(1, 20, 12),
                ],
                1,
            )
            for bar in range(bars)
        ]
    )
    notes[notes[:, 1] == 0, 3] %= DRUM_ROWS
    notes = np.unique(notes, axis=0)
    return Piece(
        f"piece {seed}",
        int(rng.integers(-6, 6)),
        rng.integers(0, 50, SOUNDS).astype(np.uint32),
        steps,
        np.where(np.arange(bars)[:, None] % 2, [[7, 8]], [[4, 4]]).astype(np.uint8),
        np.full(bars, 120, dtype=np.uint16),
        np.bincount(notes[:, 0], minlength=bars).astype(np.uint16),
        *(notes[:, column].astype(np.uint8) for column in (1, 2, 3, 4)),
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shard(folder / "train-a.shard", [synthetic_piece(k) for k in range(3)])
    write_shard(folder / "train-b.shard", [synthetic_piece(3)])
    write_shard(folder / "val-a.shard", [synthetic_piece(4), synthetic_piece(5)])
    return folder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PRIOR_SAMPLES", 20)
    monkeypatch.setattr("arranger.diffusion.validate.BATCHES", 1)


@pytest.fixture(scope="module")
def finished(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that was never stopped."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "PRIOR_SAMPLES", 20)
        patch.setattr("arranger.diffusion.validate.BATCHES", 1)
        assert train(TINY, shards, run, "cpu") == run / "last.safetensors"
    return run


def entries(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_what_it_says(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {"config.json", "log.jsonl", "state.safetensors", "best.safetensors", "last.safetensors", "samples"}
    drawn = sorted(path.name for path in (finished / "samples").iterdir())
    assert drawn == [f"{part}-{step:06d}.png" for part in ("bass", "drums", "guitar") for step in (4, 8)]
    assert all((finished / "samples" / name).read_bytes().startswith(b"\x89PNG") for name in drawn)
    log = entries(finished)
    assert [e["step"] for e in log if "loss" in e] == [2, 4, 6, 8]
    assert all(math.isfinite(e["loss"]) for e in log if "loss" in e)
    judged = [e for e in log if "val" in e]
    assert [e["step"] for e in judged] == [4, 8]
    assert set(judged[0]) == {
        *("step", "val"),
        *(f"val/{part}/{level}" for part in ("drums", "bass", "guitar") for level in (0.25, 0.5, 0.75, 1.0)),
        *(f"f1/{part}" for part in ("drums", "bass", "guitar")),
    }
    assert train_config(json.loads((finished / "config.json").read_text())) == TINY
    last, best = (read_checkpoint(finished / f"{name}.safetensors") for name in ("last", "best"))
    assert last.config == TINY.net
    assert last.info["step"] == 8
    assert best.info["val"] == min(last.info["val"], best.info["val"])
    assert ((last.prior >= 2e-4 * 0.999) & (last.prior < 1)).all()


class Killed(Exception):
    """Stands for a kill."""


def killed_at(step: int, shards: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = training._log

    def die(folder: Path, entry: dict) -> None:
        log(folder, entry)
        if entry["step"] == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training, "_log", die)
        with pytest.raises(Killed):
            train(TINY, shards, run, "cpu")


@pytest.mark.parametrize("step", [2, 6])
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    step: int, finished: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its first state (2) and two steps after it (6): the same bits as the run that was never stopped."""
    run = tmp_path / "run"
    killed_at(step, shards, run, monkeypatch)
    torch.manual_seed(99)  # whatever the process did before
    train(TINY, shards, run, "cpu")
    for name in ("state", "last", "best"):
        whole, resumed = (load_file(folder / f"{name}.safetensors") for folder in (finished, run))
        assert set(whole) == set(resumed)
        for key, array in whole.items():
            np.testing.assert_array_equal(resumed[key], array, err_msg=key)
    assert [e["step"] for e in entries(run) if "val" in e][-1] == 8


def test_a_finished_run_is_left_alone_and_a_longer_one_goes_on(shards: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for path in finished.glob("*.*"):
        (run / path.name).write_bytes(path.read_bytes())
    lines = len(entries(run))
    train(TINY, shards, run, "cpu")
    assert len(entries(run)) == lines
    train(replace(TINY, steps=10), shards, run, "cpu")
    assert read_checkpoint(run / "last.safetensors").info["step"] == 10


def test_the_best_checkpoint_survives_a_worse_continuation(
    shards: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for path in finished.glob("*.*"):
        (run / path.name).write_bytes(path.read_bytes())
    best = (run / "best.safetensors").read_bytes()
    monkeypatch.setattr(training, "validate", lambda *_: {"val": 1e9})
    train(replace(TINY, steps=9), shards, run, "cpu")
    assert read_checkpoint(run / "last.safetensors").info == {"step": 9, "val": 1e9}
    assert (run / "best.safetensors").read_bytes() == best


def test_another_seed_is_another_run(shards: Path, finished: Path, tmp_path: Path) -> None:
    train(replace(TINY, seed=1, steps=2, validate_every=9, save_every=9), shards, tmp_path / "run", "cpu")
    first, other = entries(finished)[0], entries(tmp_path / "run")[0]
    assert first["step"] == other["step"] == 2
    assert first["loss"] != other["loss"]


def test_a_changed_config_needs_a_new_folder(shards: Path, finished: Path) -> None:
    for changed in (replace(TINY, learning_rate=1e-3), replace(TINY, net=replace(TINY.net, blocks=2))):
        with pytest.raises(TrainingError, match="new run folder") as caught:
            train(changed, shards, finished, "cpu")
        assert "learning_rate" in str(caught.value) or "net" in str(caught.value)
    assert train_config(json.loads((finished / "config.json").read_text())) == TINY


def test_missing_and_broken_shards_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no train-\*\.shard.*datasets\.prepare"):
        train(TINY, tmp_path, tmp_path / "run", "cpu")
    for content in (b"", b"not xz", b"\xfd7zXZ\x00cut"):
        (tmp_path / "train-a.shard").write_bytes(content)
        with pytest.raises(TrainingError, match=r"train-a\.shard is not a readable shard"):
            read_shards(tmp_path, "train")


def test_unknown_and_nested_unknown_keys_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"unknown keys dropout, epochs.*learning_rate"):
        train_config({"epochs": 3, "dropout": 0.1})
    with pytest.raises(TrainingError, match=r"unknown keys depth.*blocks"):
        train_config({"net": {"depth": 3}})
    with pytest.raises(TrainingError, match="depth"):
        net_config({"depth": 3})
    assert train_config(json.loads(to_json(TINY))) == TINY


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.json")), ids=lambda path: path.stem)
def test_configs_of_the_project_are_readable(path: Path) -> None:
    values = json.loads(path.read_text())
    if path.stem == "tokens":
        assert token_config(values).net.width == 320
    else:
        assert train_config(values).net.window == 64


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (69, 1.0), (85, 0.5), (99, 1 / 30), (100, 0.0)]
)
def test_learning_rate(step: int, rate: float) -> None:
    """Ten steps up, the last thirty of a hundred down."""
    assert learning_rate(step, TrainConfig(steps=100, warmup=10, decay_share=0.3, learning_rate=1.0)) == pytest.approx(
        rate
    )


def test_loss_is_the_sum_over_the_cells_of_a_step_of_a_part() -> None:
    """All logits 0: ln 2 a cell, sustain cells at 0.3, whatever the number of hidden steps."""
    for part, cells in ((DRUMS, DRUM_ROWS), (BASS, BASS_ROWS * 1.3)):
        weight = torch.zeros(2, 3, 12, TARGET_PLANES)
        weight[0, 1, :5, part.all] = 1
        batch = {"truth": torch.randint(0, 2, weight.shape).float(), "weight": weight}
        assert float(denoising_loss(torch.zeros(weight.shape), batch, 0.3)) == pytest.approx(
            cells * math.log(2), rel=1e-5
        )
    # What is not hidden does not count, however wrong.
    weight[..., GUITAR.all] = 0
    assert float(denoising_loss(torch.where(weight > 0, 0.0, 50.0), batch, 0.3)) == pytest.approx(
        cells * math.log(2), rel=1e-5
    )


def test_batches_hide_what_is_to_be_learned_and_noise_nothing_else() -> None:
    songs = [index_piece(synthetic_piece(k)) for k in range(3)]
    config = replace(TINY, batch=150)
    prior = np.full(TARGET_PLANES, 0.05)
    batch = make_batch(songs, np.full(3, 1 / 3), config, prior, np.random.default_rng(0))
    hidden = batch.weight.astype(bool)
    assert not batch.given[..., :TARGET_PLANES][hidden].any()
    assert not batch.noisy[~hidden].any()
    there = batch.place[..., 2] == 1
    assert not batch.truth[~there].any()
    assert not hidden[~there].any()
    assert hidden.any(axis=(1, 2, 3)).all()
    # What is given is the truth, if it is given at all.
    given = batch.given[..., :TARGET_PLANES].astype(bool)
    assert batch.truth[given].all()
    # At full noise nothing of the truth is left: on and off cells are noise alike.
    full = hidden & (batch.level.max(axis=(1, 2)) == 1)[:, None, None, None]
    for value in (0, 1):
        assert batch.noisy[full & (batch.truth == value)].mean() == pytest.approx(0.05, abs=0.02)
    # Modes in the features: a hidden part is unknown, and only then has it a level.
    modes = batch.features[..., STATIC_FEATURES:].reshape(*there.shape, 3, 10)[..., 7:].argmax(axis=-1)
    np.testing.assert_array_equal((modes == MODES["unknown"])[there], (batch.level > 0)[there])
    for mode in MODES.values():
        assert (modes[there] == mode).any()
    assert batch.features.shape[-1] == FEATURES


def test_noise_of_a_batch_has_the_level_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []

    def listen(x0: np.ndarray, level: float, prior: np.ndarray, draw: np.ndarray) -> np.ndarray:
        levels.append(level)
        return add_noise(x0, level, prior, draw)

    monkeypatch.setattr("arranger.diffusion.windows.add_noise", listen)
    songs = [index_piece(synthetic_piece(0))]
    batch = make_batch(
        songs, np.ones(1), replace(TINY, batch=60), np.full(TARGET_PLANES, 0.05), np.random.default_rng(0)
    )
    np.testing.assert_allclose(batch.level.max(axis=(1, 2)), levels, rtol=1e-6)
    assert np.mean(np.array(levels) == 1) == pytest.approx(TINY.full_noise, abs=0.15)


def test_a_lost_loss_is_reported(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no longer finite at step 2"):
        train(replace(TINY, learning_rate=math.nan), shards, tmp_path / "run", "cpu")


def test_training_needs_torch_numpy_and_safetensors_alone() -> None:
    """Everything that torch itself brings is loaded first; after that only the standard library may come."""
    code = """
import sys
import numpy, torch, safetensors.numpy, safetensors.torch
brought = {name.split(".")[0] for name in sys.modules}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in brought and top != "arranger":
            raise ImportError(f"training must not need {name}")
sys.meta_path.insert(0, Refuse())
import arranger.diffusion.train
mine = {name for name in sys.modules if name.startswith("arranger.")}
assert not mine & {"arranger.files", "arranger.grid", "arranger.diffusion.export"}, mine
print("ok")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr
