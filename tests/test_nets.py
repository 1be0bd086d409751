"""The denoisers: one interface, windows that don't see each other, padding that isn't seen, and something to learn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from arranger.diffusion.config import NetConfig
from arranger.diffusion.layout import CONTEXT_PLANES, FEATURES, STEPS, TARGET_PLANES
from arranger.diffusion.nets import build_net

TINY = NetConfig(width=16, blocks=2, heads=2, step_width=8, window=8, channels=2)
KINDS = ("beat", "flat", "unet")
MAX_PARAMETERS = 12_000_000


def inputs(batch: int, tokens: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random rolls at three per cent density, random features, bars of four beats."""
    rng = torch.Generator().manual_seed(seed)
    token = torch.arange(tokens)
    place = torch.stack([token // 4, token % 4, torch.ones_like(token)], dim=1).repeat(batch, 1, 1)
    return (
        (torch.rand(batch, tokens, STEPS, TARGET_PLANES, generator=rng) < 0.03).float(),
        (torch.rand(batch, tokens, STEPS, TARGET_PLANES + CONTEXT_PLANES, generator=rng) < 0.03).float(),
        torch.randn(batch, tokens, FEATURES, generator=rng),
        place,
    )


def net_of(kind: str) -> torch.nn.Module:
    torch.manual_seed(1)
    net = build_net(replace(TINY, kind=kind))
    # The branches of a fresh net are nearly shut; open them, so that nothing passes a test by not being heard.
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 3])
def test_one_interface(kind: str, batch: int) -> None:
    logits = net_of(kind)(*inputs(batch, TINY.window))
    assert logits.shape == (batch, TINY.window, STEPS, TARGET_PLANES)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_net_expects_silence(kind: str) -> None:
    """The output begins near the density of a roll, not at one half."""
    with torch.no_grad():
        chance = torch.sigmoid(build_net(replace(TINY, kind=kind))(*inputs(2, TINY.window)))
    assert 0.005 < chance.mean() < 0.06


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_windows_of_a_batch_do_not_see_each_other(kind: str) -> None:
    net, both = net_of(kind), inputs(3, TINY.window)
    alone = net(*(array[1:2] for array in both))
    torch.testing.assert_close(net(*both)[1:2], alone, atol=1e-5, rtol=1e-5)
    assert (net(*both)[0] - alone[0]).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["beat", "flat"])
@torch.no_grad()
def test_padding_is_not_seen(kind: str) -> None:
    """Five tokens give the same alone and before three tokens of padding, whatever stands in the padding.

    The U-Net has no attention to mask; its padding is zeros in training and in use alike.
    """
    net, arrays = net_of(kind), list(inputs(2, 8))
    arrays[3][:, 5:] = 0
    short = net(*(array[:, :5] for array in arrays))
    padded = net(*arrays)[:, :5]
    torch.testing.assert_close(padded, short, atol=1e-5, rtol=1e-5)
    other = [*(array.clone() for array in arrays[:3]), arrays[3]]
    for array in other[:3]:
        array[:, 5:] = 7.0
    torch.testing.assert_close(net(*other)[:, :5], short, atol=1e-5, rtol=1e-5)
    # The same change in a token that exists is seen everywhere.
    other[3] = other[3].clone()
    other[3][:, 5:, 2] = 1
    assert (net(*other)[:, :5] - short).abs().max() > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_learns(kind: str) -> None:
    net = net_of(kind)
    net(*inputs(2, TINY.window)).square().mean().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_every_input_is_heard(kind: str) -> None:
    net, arrays = net_of(kind), inputs(1, TINY.window)
    base = net(*arrays)
    for changed in range(3):
        other = list(arrays)
        other[changed] = other[changed].clone()
        other[changed][0, 3] = 1 - other[changed][0, 3]
        assert (net(*other) - base).abs().max() > 1e-3, changed


@torch.no_grad()
def test_only_distances_between_bars_count() -> None:
    """A window is the same wherever in the song it stands, but for the features that say so."""
    net, (noisy, given, features, place) = net_of("beat"), inputs(2, TINY.window)
    moved = place + torch.tensor([40, 0, 0])
    torch.testing.assert_close(net(noisy, given, features, moved), net(noisy, given, features, place))


def test_beat_net_learns_one_batch_by_heart() -> None:
    torch.manual_seed(0)
    net = build_net(NetConfig(width=64, blocks=1, heads=2, step_width=48, window=4))
    noisy, given, features, place = inputs(2, 4)
    truth = inputs(2, 4, seed=9)[0]
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3)
    losses = []
    for _ in range(250):
        loss = functional.binary_cross_entropy_with_logits(net(noisy, given, features, place), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if losses[-1] < 0.1 * losses[0]:
            break
    assert losses[-1] < 0.1 * losses[0]


def test_shipped_size_is_within_its_promise() -> None:
    with torch.device("meta"):
        count = sum(p.numel() for p in build_net(NetConfig()).parameters())
    assert MAX_PARAMETERS / 2 < count <= MAX_PARAMETERS


def test_unknown_kind_says_which_there_are() -> None:
    with pytest.raises(ValueError, match="beat, flat, unet"):
        build_net(replace(TINY, kind="transformer"))
