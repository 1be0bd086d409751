"""The 3-D U-Net of stems: its size, where the mixture goes in, and what the stems' order means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from latent_stems import TINY, awake
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from audio_ext.errors import AudioError
from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.settings import parsed
from audio_ext.latent.unet3d import KIND, PRESETS, Block, StemNet, StemsConfig, open_stem_net, packed, time_features

TIMES = torch.tensor([3, 700])


def inputs(config: StemsConfig = TINY, frames: int = 8, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    stems = torch.randn(2, config.stems, config.latents, frames, config.bands, generator=generator)
    return stems, torch.randn(2, config.latents, frames, config.bands, generator=generator)


def test_the_papers_net_has_305_million_parameters_and_1855_gflop_over_ten_seconds() -> None:
    with torch.device("meta"):
        net = StemNet(PRESETS["msg-ld"])
        assert sum(one.numel() for one in net.parameters()) / 1e6 == pytest.approx(305.2, abs=0.05)
        stems, mixture = torch.zeros(1, 4, 8, 256, 16), torch.zeros(1, 8, 256, 16)
        with FlopCounterMode(display=False) as counter:
            out = net(packed(stems, mixture), torch.zeros(1, dtype=torch.long))
    assert out.shape == (1, 4, 8, 256, 16)
    # The figure that the authors' code gave.
    assert counter.get_total_flops() / 1e9 == pytest.approx(1855, abs=1)


def test_the_reduced_net_has_at_most_ten_million() -> None:
    with torch.device("meta"):
        assert sum(one.numel() for one in StemNet(PRESETS["reduced"]).parameters()) <= 10_000_000


@pytest.mark.parametrize("frames", [8, 7, 5, 1])
def test_any_number_of_frames_goes_through(frames: int) -> None:
    stems, mixture = inputs(frames=frames)
    assert awake()(packed(stems, mixture), TIMES).shape == stems.shape


def test_permuting_stems_in_data_and_weights_permutes_what_comes_out() -> None:
    net, order = awake(), [2, 0, 3, 1]
    other = StemNet(TINY).eval()
    state = dict(net.state_dict())
    for name, axis in (("first.weight", 1), ("last.2.weight", 0), ("last.2.bias", 0)):
        blocks = state[name].unflatten(axis, (TINY.stems, TINY.fold))
        state[name] = blocks.index_select(axis, torch.tensor(order)).flatten(axis, axis + 1)
    other.load_state_dict(state)
    stems, mixture = inputs()
    expected = net(packed(stems, mixture), TIMES)[:, order]
    found = other(packed(stems[:, order], mixture), TIMES)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert (expected - net(packed(stems, mixture), TIMES)).abs().max() > 0.1  # else anything would pass


def test_stems_hear_each_other_at_the_first_convolution() -> None:
    stems, mixture = inputs()
    net = awake()
    changed = stems.clone()
    changed[:, 3] += 1
    difference = net(packed(changed, mixture), TIMES) - net(packed(stems, mixture), TIMES)
    assert difference[:, 0].abs().max() > 1e-3


def test_no_mixture_is_a_mixture_of_zeros() -> None:
    stems, mixture = inputs()
    net = awake()
    assert torch.equal(net(packed(stems, None), TIMES), net(packed(stems, torch.zeros_like(mixture)), TIMES))
    assert not torch.allclose(net(packed(stems, None), TIMES), net(packed(stems, mixture), TIMES), atol=1e-2)


def test_the_mixture_is_added_before_every_block_but_those_of_the_middle() -> None:
    """What each block gets, with the mixture less without it, is the pooled mixture itself where nothing else differs.

    The blocks are stopped from passing it on: each gives what it would give without a mixture.
    """
    net = awake(replace(TINY, fold=1, widths=(1, 2), groups=4))
    stems, mixture = inputs(net.config)
    kept: dict[str, Tensor] = {}
    results: dict[str, Tensor] = {}
    seen: dict[str, Tensor] = {}

    def watch(name: str, first: bool) -> object:
        def hook(_: object, given: tuple[Tensor, ...], result: Tensor) -> Tensor | None:
            if first:
                kept[name], results[name] = given[0], result
                return None
            seen[name] = given[0] - kept[name]
            return results[name]

        return hook

    blocks = {f"down {at}": one for at, one in enumerate(net.down)} | {f"up {at}": one for at, one in enumerate(net.up)}
    blocks |= {"first": net.first, "middle": net.middle[0]}
    for without in (True, False):
        hooks = [one.register_forward_hook(watch(name, without)) for name, one in blocks.items()]  # type: ignore[arg-type]
        net(packed(stems, None if without else mixture), TIMES)
        for hook in hooks:
            hook.remove()
    whole, half = mixture[:, None], functional.avg_pool3d(mixture[:, None], (1, 2, 2))
    levels = {"first": whole, "down 0": whole, "down 1": whole, "down 2": half}
    levels |= {"up 0": half, "up 1": half, "up 2": whole, "up 3": whole}
    assert set(seen) == {*levels, "middle"}
    for name, level in levels.items():
        torch.testing.assert_close(seen[name], level.expand_as(seen[name]), atol=1e-5, rtol=1e-4, msg=name)
    assert not seen["middle"].any()
    assert isinstance(net.down[1], Block)


def test_only_frames_and_bands_shrink() -> None:
    net, sizes = awake(), []
    for block in net.down:
        block.register_forward_hook(lambda _, given, result: sizes.append(tuple(result.shape[2:])))
    stems, mixture = inputs()
    net(packed(stems, mixture), TIMES)
    assert sizes == [(2, 8, 8), (2, 4, 4), (2, 4, 4)]  # z: four numbers, two of them folded into channels


def test_features_of_times_are_those_of_the_transformer() -> None:
    found = time_features(torch.tensor([0, 5]), 8)
    assert torch.equal(found[0], torch.tensor([1.0] * 4 + [0.0] * 4))
    assert float(found[1, 1]) == pytest.approx(torch.cos(torch.tensor(0.5)).item(), abs=1e-6)


def test_a_checkpoint_comes_back_and_nonsense_is_refused(tmp_path: Path) -> None:
    net = awake()
    save_checkpoint(tmp_path / "msg-ld.safetensors", KIND, net.config, net.state_dict(), {})
    again = open_stem_net(tmp_path / "msg-ld.safetensors")
    assert again.config == net.config
    stems, mixture = inputs()
    torch.testing.assert_close(
        again(packed(stems, mixture), TIMES), net(packed(stems, mixture), TIMES), atol=0.02, rtol=0.02
    )
    for wrong in ({"fold": 3}, {"widths": [1]}, {"channels": 7}, {"channels": 10**9}, {"head": 5}, {"window": 0}):
        with pytest.raises(AudioError, match="makes no sense"):
            parsed(wrong, StemsConfig, "a file")
