"""Checkpoints: what is written is read, all else is refused by name; the graph gives what torch gives."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from arranger.diffusion.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from arranger.diffusion.config import NetConfig
from arranger.diffusion.export import graph_bytes, write_graph
from arranger.diffusion.layout import CONTEXT_PLANES, FEATURES, STEPS, TARGET_PLANES
from arranger.diffusion.nets import build_net
from arranger.diffusion.runtime import load_model
from arranger.errors import CheckpointError

TINY = NetConfig(width=16, blocks=1, heads=2, step_width=8, window=8)


def tiny(kind: str = "beat") -> Checkpoint:
    """A checkpoint of random weights, far enough from the initial ones that every weight is heard."""
    torch.manual_seed(3)
    config = replace(TINY, kind=kind)
    weights = {name: p.detach() + 0.1 * torch.randn_like(p) for name, p in build_net(config).named_parameters()}
    prior = np.linspace(0.001, 0.1, TARGET_PLANES, dtype=np.float32)
    return Checkpoint(config, {name: w.numpy() for name, w in weights.items()}, prior, {"step": 12, "val": 0.5})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    write_checkpoint(path, tiny())
    return path


def rewrite(path: Path, change: dict[str, str | None] | None = None, **tensors: np.ndarray | None) -> None:
    """Change entries of the header and tensors of a file; None takes one away."""
    with safe_open(path, framework="numpy") as file:
        header = file.metadata()
    for entries, new in ((header, change or {}), (arrays := load_file(path), tensors)):
        for key, value in new.items():
            entries.pop(key, None)
            if value is not None:
                entries[key] = value
    save_file(arrays, path, metadata=header)


@pytest.mark.parametrize("half", [True, False])
def test_round_trip(tmp_path: Path, half: bool) -> None:
    path, checkpoint = tmp_path / "model.safetensors", tiny()
    write_checkpoint(path, checkpoint, half)
    back = read_checkpoint(path)
    assert back.config == checkpoint.config
    assert back.info == checkpoint.info
    np.testing.assert_array_equal(back.prior, checkpoint.prior)
    assert set(back.weights) == set(checkpoint.weights)
    for name, array in checkpoint.weights.items():
        assert back.weights[name].dtype == np.float32
        expected = array.astype(np.float16).astype(np.float32) if half else array
        np.testing.assert_array_equal(back.weights[name], expected)
    stored = {array.dtype for name, array in load_file(path).items() if name != "prior"}
    assert stored == {np.dtype(np.float16 if half else np.float32)}
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_header_says_what_it_is(written: Path) -> None:
    with safe_open(written, framework="numpy") as file:
        header = file.metadata()
    assert header["format_version"] == "1"
    assert json.loads(header["net"]) == asdict(TINY)
    assert json.loads(header["info"])["step"] == 12


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"format_version": "2"}, "format 2"),
        ({"format_version": None}, "format None"),
        ({"layout": "1,2"}, "layout"),
        ({"net": json.dumps({"kind": "beat", "depth": 4})}, "depth"),
        ({"net": "{"}, "header is damaged"),
        ({"net": "3"}, "header is damaged"),
        ({"net": None}, "header is damaged"),
        ({"info": "nothing"}, "header is damaged"),
    ],
)
def test_other_headers_are_refused(written: Path, header: dict[str, str | None], message: str) -> None:
    rewrite(written, header)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_checkpoint(written)
    assert "model.safetensors" in str(caught.value)


@pytest.mark.parametrize("prior", [None, np.zeros(3, dtype=np.float32)])
def test_prior_must_be_there_and_fit(written: Path, prior: np.ndarray | None) -> None:
    rewrite(written, prior=prior)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: .*prior"):
        read_checkpoint(written)


@pytest.mark.parametrize("content", ["cut", "cut in the header", "empty", "text"])
def test_damaged_files_are_refused(written: Path, content: str) -> None:
    whole = written.read_bytes()
    written.write_bytes(
        {"cut": whole[:-100], "cut in the header": whole[:60], "empty": b"", "text": b"MThd" * 30}[content]
    )
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not a readable model"):
        read_checkpoint(written)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match=path.name):
            read_checkpoint(path)


def random_inputs(batch: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(batch)
    token = np.arange(TINY.window)
    place = np.stack([token // 3, token % 3, token < 6], axis=1).astype(np.int64)
    return (
        rng.random((batch, TINY.window, STEPS, TARGET_PLANES)) < 0.03,
        rng.random((batch, TINY.window, STEPS, TARGET_PLANES + CONTEXT_PLANES)) < 0.03,
        rng.standard_normal((batch, TINY.window, FEATURES)),
        np.tile(place, (batch, 1, 1)),
    )


@pytest.fixture(scope="module", params=["beat", "flat"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / f"{request.param}.safetensors"
    write_checkpoint(path, tiny(request.param))
    write_graph(path.with_suffix(".onnx"), read_checkpoint(path))
    return path


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_graph_gives_what_torch_gives(exported: Path) -> None:
    checkpoint, model = read_checkpoint(exported), load_model(exported, threads=1)
    assert (model.window, model.name) == (TINY.window, exported.stem)
    net = build_net(checkpoint.config)
    net.load_state_dict({name: torch.from_numpy(array) for name, array in checkpoint.weights.items()})
    for batch in (1, 2, 5):
        noisy, given, features, place = arrays = random_inputs(batch)
        with torch.no_grad():
            expected = net(
                *(torch.from_numpy(a).float() for a in (noisy, given, features)), torch.from_numpy(place)
            ).numpy()
        found = model.denoise(*arrays)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4)
    # The weights stand in the checkpoint alone.
    graph = exported.with_suffix(".onnx").read_bytes()
    assert not any(w.tobytes() in graph for w in checkpoint.weights.values() if w.ndim > 1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("change", ["missing", "foreign shape", "no graph", "no graph file"])
def test_graph_and_checkpoint_must_belong_together(exported: Path, tmp_path: Path, change: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(exported.read_bytes())
    graph = path.with_suffix(".onnx")
    graph.write_bytes(exported.with_suffix(".onnx").read_bytes())
    if change == "missing":
        rewrite(path, **{"net.read.weight": None})
    elif change == "foreign shape":
        rewrite(path, **{"net.read.weight": np.zeros((3, 5), dtype=np.float16)})
    elif change == "no graph":
        graph.write_bytes(b"nothing")
    else:
        graph.unlink()
    with pytest.raises(CheckpointError, match="model"):
        load_model(path)


@pytest.mark.filterwarnings("ignore")
def test_a_weight_that_the_graph_does_not_know_is_refused(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(exported.read_bytes())
    path.with_suffix(".onnx").write_bytes(exported.with_suffix(".onnx").read_bytes())
    rewrite(path, **{"net.more.weight": np.zeros((2, 2), dtype=np.float16)})
    with pytest.raises(CheckpointError, match="model"):
        load_model(path)


def test_export_refuses_weights_of_another_net() -> None:
    checkpoint = tiny()
    foreign = {name: array for name, array in checkpoint.weights.items() if name != "write.bias"}
    with pytest.raises(CheckpointError, match="write"):
        graph_bytes(replace(checkpoint, weights=foreign))
