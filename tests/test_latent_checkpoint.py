"""The checkpoint format: what it keeps, and that whatever is damaged is an AudioError."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from safetensors.torch import save_file  # noqa: E402 - after importorskip

from audio_ext.errors import AudioError  # noqa: E402
from audio_ext.latent.checkpoint import (  # noqa: E402
    config_of,
    fill_module,
    load_checkpoint,
    read_header,
    save_checkpoint,
)
from audio_ext.latent.codec import PRESETS, CodecConfig, MelCodec  # noqa: E402
from audio_ext.latent.optimise import Ema, RunFolder, learning_rate, step_with, weights_of  # noqa: E402
from audio_ext.latent.settings import parsed, read_config, to_json  # noqa: E402
from audio_ext.latent.train_codec import CodecTraining  # noqa: E402

CARD = {"trained_on": "nothing", "steps": 0}


def _codec() -> MelCodec:
    torch.manual_seed(0)
    return MelCodec(PRESETS["tiny"]).eval()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "codec.safetensors"
    codec = _codec()
    save_checkpoint(path, "codec", codec.config, weights_of(codec), CARD)
    return path


def _changed(path: Path, **header: str | None) -> Path:
    """The same tensors with another header; None takes an entry away."""
    found = load_checkpoint(path, "codec")
    kind, config, card = read_header(path)
    old = {"format": "arranger-audio/1", "kind": kind, "config": json.dumps(config), "card": json.dumps(card)}
    save_file(dict(found.tensors), path, {k: v for k, v in (old | header).items() if v is not None})
    return path


def test_there_and_back(saved: Path) -> None:
    found = load_checkpoint(saved, "codec")
    assert config_of(found, CodecConfig) == PRESETS["tiny"]
    assert found.card == CARD
    assert read_header(saved) == ("codec", json.loads(to_json(PRESETS["tiny"])), CARD)
    fresh = MelCodec(PRESETS["tiny"]).eval()
    fill_module(fresh, found)
    for (name, one), other in zip(_codec().state_dict().items(), fresh.state_dict().values(), strict=True):
        assert torch.equal(one.half().float(), other), name
    assert not list(saved.parent.glob("*.part"))


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ({"format": "arranger-audio/2"}, "format"),
        ({"format": None}, "format"),
        ({"kind": "unet"}, "not a codec"),
        ({"kind": "soup"}, "unknown"),
        ({"kind": None}, "unknown"),
        ({"config": None}, "header"),
        ({"config": "[1]"}, "header"),
        ({"config": "{"}, "readable"),
        ({"config": "[" * 100_000}, "readable"),
        ({"card": None}, "header"),
    ],
)
def test_other_headers_are_refused(saved: Path, header: dict, word: str) -> None:
    with pytest.raises(AudioError, match=word):
        load_checkpoint(_changed(saved, **header), "codec")


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"width": 3}, "unknown keys: width"),
        ({"channels": "many"}, "list"),
        ({"channels": [8, 12.5]}, "12.5"),
        ({"layers": True}, "True"),
        ({"channels": [9]}, "groups"),
        ({"patch": 3}, "patch"),
        ({"mel": {"hop": -1}}, "hop"),
        ({"mel": {"fmin": 1e999}}, "finite"),
        ({"channels": [8] * 9000}, "list"),
        ({"shift": [0.0]}, "latent channel"),
        ({"layers": 10**400}, "layers"),
    ],
)
def test_configs_are_checked(config: dict, word: str) -> None:
    with pytest.raises(AudioError, match=word):
        parsed(config, CodecConfig, "codec.safetensors")


def test_tensors_must_be_those_of_the_model(saved: Path) -> None:
    found = load_checkpoint(saved, "codec")
    some = next(iter(found.tensors))
    for tensors, word in (
        ({k: v for k, v in found.tensors.items() if k != some}, "missing"),
        ({**found.tensors, "extra": torch.zeros(1)}, "no such tensor"),
        ({**found.tensors, some: torch.zeros(1, 2)}, "shape"),
    ):
        save_checkpoint(saved, "codec", PRESETS["tiny"], tensors, CARD)
        with pytest.raises(AudioError, match=word):
            fill_module(_codec(), load_checkpoint(saved, "codec"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_what_is_not_finite_is_not_written(tmp_path: Path, value: float) -> None:
    with pytest.raises(AudioError, match="not finite"):
        save_checkpoint(tmp_path / "x.safetensors", "codec", PRESETS["tiny"], {"a": torch.tensor([value])}, CARD)
    assert not list(tmp_path.iterdir())


def test_nor_read(saved: Path) -> None:
    found = load_checkpoint(saved, "codec")
    header = {"format": "arranger-audio/1", "kind": "codec", "config": "{}", "card": "{}"}
    for bad in (torch.tensor([float("nan")]), torch.tensor([1])):
        save_file({**found.tensors, "a": bad}, saved, header)
        with pytest.raises(AudioError, match="damaged"):
            load_checkpoint(saved, "codec")


def test_damaged_files_are_said(saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for name, content in (("cut", whole[: len(whole) // 2]), ("empty", b""), ("text", b"hello " * 40)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(AudioError, match=name):
            load_checkpoint(path, "codec")
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(AudioError):
            load_checkpoint(path, "codec")


def test_config_files(tmp_path: Path) -> None:
    for name in ("codec", "vocoder"):
        assert (Path("configs/audio") / f"{name}.json").is_file()
    assert read_config(Path("configs/audio/codec.json"), CodecTraining).codec.latents == 16
    (tmp_path / "bad.json").write_text('{"stepz": 3}')
    with pytest.raises(AudioError, match="stepz"):
        read_config(tmp_path / "bad.json", CodecTraining)


def test_learning_rate_rises_and_falls() -> None:
    config = CodecTraining(steps=1000, warmup=100, learning_rate=0.1)
    rates = [learning_rate(step, config) for step in range(1001)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) in (99, 100)
    assert rates[550] == pytest.approx(0.05)
    assert rates[1000] == pytest.approx(0, abs=1e-12)


def test_ema_is_the_average_of_a_constant() -> None:
    module = torch.nn.Linear(1, 1)
    ema = Ema(module, 0.9)
    with torch.no_grad():
        module.weight.fill_(3.0)
    for step in range(100):
        ema.update(module, step)
    assert ema.weights["weight"].item() == pytest.approx(3.0, abs=1e-3)
    other = torch.nn.Linear(1, 1)
    ema.copy_to(other)
    assert other.weight.item() == pytest.approx(3.0, abs=1e-3)


def test_a_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    def begin() -> tuple[torch.nn.Module, Ema, torch.optim.Optimizer]:
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 1)
        return net, Ema(net), torch.optim.Adam(net.parameters())

    def go(net: torch.nn.Module, ema: Ema, optimiser: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            data = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            step_with(optimiser, net, (net(data) ** 2).mean(), 0.01)
            ema.update(net, step)

    straight = begin()
    go(*straight, range(10))
    stopped = begin()
    go(*stopped, range(5))
    RunFolder(tmp_path / "run", CodecTraining()).save(5, *stopped)
    again = begin()
    assert RunFolder(tmp_path / "run", CodecTraining(steps=9)).resume(*again) == 5
    go(*again, range(5, 10))
    for name in ("weight", "bias"):
        assert torch.equal(getattr(straight[0], name), getattr(again[0], name))
        assert torch.equal(straight[1].weights[name], again[1].weights[name])


def test_a_run_keeps_its_config_and_stops_at_nan(tmp_path: Path) -> None:
    keep = RunFolder(tmp_path, CodecTraining())
    with pytest.raises(AudioError, match="another kl"):
        RunFolder(tmp_path, CodecTraining(kl=0.5))
    keep.log(step=1, loss=0.5)
    with pytest.raises(AudioError, match="no longer finite"):
        keep.log(step=2, loss=float("nan"))
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0]) == {"step": 1, "loss": 0.5}
    keep.state.write_bytes(b"broken")
    codec = _codec()
    with pytest.raises(AudioError, match="Delete it"):
        keep.resume(codec, Ema(codec), torch.optim.Adam(codec.parameters()))
