"""The token net: causal, the same with a cache as without, trained, resumed, and read back from a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from token_pieces import NET, TINY, pieces, small_net

from arranger.diffusion.shards import write_shard
from arranger.errors import CheckpointError, TrainingError
from arranger.evaluation.tokens import train as training
from arranger.evaluation.tokens.batches import draw_sequence
from arranger.evaluation.tokens.checkpoint import read_tokens_model, write_tokens_model
from arranger.evaluation.tokens.config import net_config, train_config
from arranger.evaluation.tokens.model import Cache, TokenNet
from arranger.evaluation.tokens.songs import from_piece
from arranger.evaluation.tokens.train import learning_rate, token_losses, train
from arranger.evaluation.tokens.vocabulary import NAMES
from arranger.evaluation.tokens.windows import NO_BAR, NO_ROLE, NO_STEP

ROOT = Path(__file__).parents[1]


def some_tokens(count: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    highest = (len(NAMES), NO_ROLE + 1, NO_BAR + 1, NO_STEP + 1)
    return torch.from_numpy(np.stack([rng.integers(0, high, (batch, count)) for high in highest], axis=-1))


@torch.no_grad()
def test_no_token_sees_a_later_one() -> None:
    net, tokens = small_net(), some_tokens(30)
    before = net(tokens)[0, :20]
    changed = tokens.clone()
    changed[0, 20:] = some_tokens(10, seed=5)[0]
    torch.testing.assert_close(net(changed)[0, :20], before)
    changed[0, 3] = some_tokens(1, seed=6)[0, 0]
    assert (net(changed)[0, 19] - before[19]).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("cuts", [(1,) * 24, (10, 1, 1, 12), (24,), (7, 9, 8)])
def test_a_cache_changes_nothing(cuts: tuple[int, ...]) -> None:
    net, tokens = small_net(), some_tokens(24, batch=3)
    whole = net(tokens)
    cache, found, at = Cache.empty(NET, 3, 40), [], 0
    for cut in cuts:
        found.append(net(tokens[:, at : at + cut], cache))
        at += cut
    torch.testing.assert_close(torch.cat(found, dim=1), whole, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_shared_beginning_is_the_same_as_one_of_each() -> None:
    net, tokens = small_net(), some_tokens(20, batch=3)
    tokens[:, :12] = tokens[:1, :12]
    cache = Cache.empty(NET, 1, 12)
    net(tokens[:1, :12], cache)
    spread = cache.spread(3, 8)
    found = [net(tokens[:, 12:17], spread), *(net(tokens[:, at : at + 1], spread) for at in range(17, 20))]
    torch.testing.assert_close(torch.cat(found, dim=1), net(tokens)[:, 12:], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_distances_count_not_places() -> None:
    """Rotary positions: attention depends on how far apart tokens are, so a longer past that nobody heeds moves
    nothing. Scores of a query and a key at places (5, 3) and (25, 23) are the same."""
    from arranger.evaluation.tokens.model import _turned, _turns

    query, key = torch.randn(2, 1, 1, 1, 16, generator=torch.Generator().manual_seed(1))
    near = (_turned(query, _turns(5, 1, 16)) * _turned(key, _turns(3, 1, 16))).sum()
    far = (_turned(query, _turns(25, 1, 16)) * _turned(key, _turns(23, 1, 16))).sum()
    other = (_turned(query, _turns(25, 1, 16)) * _turned(key, _turns(24, 1, 16))).sum()
    torch.testing.assert_close(near, far)
    assert abs(float(near - other)) > 1e-3


def test_it_learns_one_sequence_by_heart() -> None:
    torch.manual_seed(0)
    net = TokenNet(NET)
    tokens = draw_sequence(from_piece(pieces()[0]), TINY, np.random.default_rng(1))[0][:60]
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-2)
    first = last = float(token_losses(net, tokens).detach().mean())
    for _ in range(40):
        optimiser.zero_grad()
        loss = token_losses(net, tokens).mean()
        loss.backward()
        optimiser.step()
        last = float(loss.detach())
    assert first > 5.5  # ln 440 = 6.1: it knows nothing
    assert last < 2.0


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    write_shard(tmp_path / "train-a-0000.shard", pieces()[:5])
    write_shard(tmp_path / "val-a-0000.shard", pieces()[5:])
    return tmp_path


def test_a_stopped_run_goes_on_as_if_nothing_had_been(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "VALIDATED", 2)
    whole = train(TINY, shards, shards / "whole")
    train(replace(TINY, steps=3, decay_share=0.0), shards, shards / "parts")
    train(replace(TINY, decay_share=0.0), shards, shards / "parts")
    straight = train(replace(TINY, decay_share=0.0), shards, shards / "straight")
    there, again = load_file(straight), load_file(shards / "parts" / "last.safetensors")
    for name, array in there.items():
        np.testing.assert_array_equal(array, again[name])
    log = [json.loads(line) for line in (whole.parent / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == [2, 4, 6]
    assert {"val", "val/drums", "val/bass", "val/guitar"} < set(log[-1])
    with pytest.raises(TrainingError, match="begun with another seed"):
        train(replace(TINY, seed=9), shards, shards / "whole")


def test_the_model_file_is_what_was_trained(tmp_path: Path) -> None:
    net = small_net()
    weights = {name: tensor.detach().numpy() for name, tensor in net.named_parameters()}
    write_tokens_model(tmp_path / "x.safetensors", NET, weights, {"step": 3})
    config, read, info = read_tokens_model(tmp_path / "x.safetensors")
    assert (config, info) == (NET, {"step": 3})
    for name, array in weights.items():
        np.testing.assert_allclose(read[name], array, rtol=1e-3, atol=1e-3)
        assert read[name].dtype == np.float32


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a readable token model"):
        read_tokens_model(tmp_path / "none.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(CheckpointError, match="other tokens"):
        read_tokens_model(tmp_path / "x.safetensors")
    (tmp_path / "y.safetensors").write_bytes(b"no such thing")
    with pytest.raises(CheckpointError, match="not a readable token model"):
        read_tokens_model(tmp_path / "y.safetensors")


@pytest.mark.parametrize("values", [{"width": 33}, {"width": 0}, {"blocks": "many"}, {"depth": 3}])
def test_nets_that_make_no_sense_are_refused(values: dict) -> None:
    with pytest.raises(TrainingError):
        net_config(values)


def test_the_config_in_the_repository_is_about_the_denoisers_size() -> None:
    config = train_config(json.loads((ROOT / "configs" / "tokens.json").read_text()))
    count = sum(weight.numel() for weight in TokenNet(config.net).parameters())
    assert 6e6 < count < 9.5e6


def test_learning_rate_rises_stays_and_falls() -> None:
    config = replace(TINY, steps=100, warmup=10, decay_share=0.5, learning_rate=1.0)
    assert [round(learning_rate(step, config), 3) for step in (0, 9, 40, 75, 100)] == [0.1, 1.0, 1.0, 0.5, 0.0]
