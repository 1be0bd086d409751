"""Inserter on tiny nets behind the real interface: identity, free sampling, seeds, long latents, an overfit batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audio_ext.errors import AudioError
from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.condition import Condition
from audio_ext.latent.latent_shards import Example
from audio_ext.latent.pipeline import Inserter, InserterConfig, open_inserter
from audio_ext.latent.sampler import ddim
from audio_ext.latent.schedule import alphas_bar, timesteps
from audio_ext.latent.text import Labels
from audio_ext.latent.train_diffusion import diffusion_loss
from audio_ext.latent.unet import PRESETS, Denoiser, with_condition

TINY = PRESETS["tiny"]
TEXT = Labels(("add drums", "add bass"))
RNG = torch.Generator().manual_seed(0)
UNDER, GUIDE = torch.randn(2, 2, 4, 8, 4, generator=RNG)


@pytest.fixture(scope="module")
def inserter() -> Inserter:
    torch.manual_seed(0)
    base = Denoiser(TINY).eval()
    sub = with_condition(base).eval()
    torch.nn.init.normal_(sub.net.conv_in.weight, std=0.1)
    return Inserter(sub, TEXT, base)


def test_strength_zero_gives_the_guide_back_exactly(inserter: Inserter) -> None:
    assert torch.equal(inserter.mix_latent(UNDER, "add drums", GUIDE, 0.0), GUIDE)
    assert torch.equal(inserter.sdedit_latent(UNDER, "add drums", 0.0), UNDER)


def test_strength_one_samples_freely(inserter: Inserter) -> None:
    free = inserter.mix_latent(UNDER, "add drums", steps=3, seed=5)
    assert torch.equal(inserter.mix_latent(UNDER, "add drums", GUIDE, 1.0, 3, seed=5), free)
    one = inserter.sdedit_latent(UNDER, "add drums", 1.0, 3, seed=5)
    assert torch.equal(one, inserter.sdedit_latent(GUIDE, "add drums", 1.0, 3, seed=5))
    assert not torch.equal(one, inserter.sdedit_latent(GUIDE, "add drums", 0.5, 3, seed=5))


def test_a_guide_is_followed_the_more_the_weaker_the_change(inserter: Inserter) -> None:
    far = [
        float((inserter.mix_latent(UNDER, "add drums", GUIDE, strength, 4) - GUIDE).square().mean())
        for strength in (0.05, 0.3, 1.0)
    ]
    assert far == sorted(far)
    assert far[0] < 0.2


def test_a_seed_gives_the_same_and_another_something_else(inserter: Inserter) -> None:
    first = inserter.mix_latent(UNDER, "add drums", steps=2, seed=1)
    assert torch.equal(first, inserter.mix_latent(UNDER, "add drums", steps=2, seed=1))
    assert not torch.equal(first, inserter.mix_latent(UNDER, "add drums", steps=2, seed=2))
    assert not torch.equal(first[0], first[1])  # each of a batch has noise of its own


def test_prompt_and_submix_matter_and_nothing_global_does(inserter: Inserter) -> None:
    told = inserter.mix_latent(UNDER, "add drums", steps=2)
    torch.manual_seed(99)
    assert torch.equal(told, inserter.mix_latent(UNDER, "add drums", steps=2))
    assert not torch.allclose(told, inserter.mix_latent(UNDER, "add bass", steps=2))
    assert not torch.allclose(told, inserter.mix_latent(GUIDE, "add drums", steps=2))
    each = inserter.mix_latent(UNDER, ["add drums", "add bass"], steps=2)
    torch.testing.assert_close(each[0], told[0])
    assert not torch.allclose(each[1], told[1])


def test_scales_of_one_are_the_plain_conditional_net(inserter: Inserter) -> None:
    net = inserter.subtractive
    assert net is not None
    tokens, mask = TEXT.encode(["add drums"] * 2)
    told, eps = Condition(tokens, mask, UNDER), net.eps()
    noise = torch.randn(UNDER.shape, generator=torch.Generator().manual_seed(0))
    schedule = net.config.schedule
    wanted = ddim(lambda x, time: eps(x, time, told), noise, timesteps(3, schedule), alphas_bar(schedule))
    found = inserter.mix_latent(UNDER, "add drums", steps=3, text_scale=1.0, audio_scale=1.0)
    torch.testing.assert_close(found, wanted)
    other = inserter.mix_latent(UNDER, "add drums", steps=3, text_scale=4.0, audio_scale=1.0)
    assert not torch.allclose(found, other)


def test_the_given_latents_are_never_changed(inserter: Inserter) -> None:
    kept = UNDER.clone(), GUIDE.clone()
    inserter.mix_latent(UNDER, "add drums", GUIDE, 0.5, 2)
    assert torch.equal(UNDER, kept[0])
    assert torch.equal(GUIDE, kept[1])


def test_long_latents_go_in_windows_and_progress_is_told(inserter: Inserter) -> None:
    long = torch.randn(2, 4, 29, 4, generator=RNG)
    told: list[float] = []
    made = inserter.mix_latent(long, "add drums", steps=2, tell=told.append)
    assert made.shape == long.shape
    assert bool(torch.isfinite(made).all())
    assert told == [0.5, 1.0]
    few = Inserter(inserter.subtractive, TEXT, config=InserterConfig(at_once=1))
    torch.testing.assert_close(few.mix_latent(long, "add drums", steps=2), made)
    # What lies beyond all windows that hold a place does not reach it in one step: memory and context are bounded.
    changed = long.clone()
    changed[:, :, 20:] += 1
    one, other = (inserter.mix_latent(x, "add drums", steps=1) for x in (long, changed))
    torch.testing.assert_close(one[:, :, :8], other[:, :, :8])


def test_what_does_not_fit_is_refused(inserter: Inserter) -> None:
    with pytest.raises(ValueError, match="prompts"):
        inserter.mix_latent(UNDER, ["add drums"])
    with pytest.raises(ValueError, match="guide"):
        inserter.mix_latent(UNDER, "add drums", GUIDE[:1])
    with pytest.raises(ValueError, match="latents are"):
        inserter.mix_latent(UNDER[:, :2], "add drums")
    with pytest.raises(AudioError, match="base model"):
        Inserter(inserter.subtractive, TEXT).sdedit_latent(UNDER, "add drums")
    with pytest.raises(AudioError, match="text encoder"):
        Inserter(inserter.subtractive, Labels((), width=8))


def test_checkpoints_open_as_an_inserter(inserter: Inserter, tmp_path: Path) -> None:
    for name, net in (("sub", inserter.subtractive), ("base", inserter.base)):
        assert net is not None
        save_checkpoint(tmp_path / f"{name}.safetensors", "unet", net.config, net.state_dict(), {})
    found = open_inserter(tmp_path / "sub.safetensors", tmp_path / "base.safetensors", TEXT)
    made = found.mix_latent(UNDER, "add drums", steps=2)
    torch.testing.assert_close(made, inserter.mix_latent(UNDER, "add drums", steps=2), rtol=0.05, atol=0.05)


def overfit(target: Tensor, under: Tensor, steps: int) -> Denoiser:
    """A tiny subtractive net that has seen one batch alone, all of it told "add drums"."""
    torch.manual_seed(1)
    config = replace(TINY, channels=(32, 32), conditional=True)
    net = Denoiser(config)
    tokens, mask = TEXT.encode(["add drums"] * len(target))
    example = Example(target, Condition(tokens, mask, under))
    optimiser, rng = torch.optim.Adam(net.parameters(), lr=3e-3), torch.Generator().manual_seed(2)
    for _ in range(steps):
        times = torch.randint(1000, (len(target),), generator=rng)
        loss = diffusion_loss(net, config, example, times, torch.randn(target.shape, generator=rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


def test_a_net_that_saw_one_batch_puts_its_stem_in(inserter: Inserter) -> None:
    """The mixes are the submixes and a further pattern; after training, what is inserted is near it."""
    under = torch.randn(2, 4, 8, 4, generator=RNG)
    pattern = torch.zeros_like(under)
    pattern[:, :, ::2] = 2.0
    target = under + pattern
    net = overfit(target, under, 250)
    made = Inserter(net, TEXT).mix_latent(under, "add drums", steps=10, text_scale=1.0, audio_scale=1.0)
    missing = float((under - target).square().mean())
    left = float((made - target).square().mean())
    assert left < 0.2 * missing, (left, missing)
    assert float(torch.corrcoef(torch.stack([(made - under).flatten(), pattern.flatten()]))[0, 1]) > 0.9
