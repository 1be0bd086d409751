"""Noise schedules against their definitions, and the conversions between what a net may predict."""

from __future__ import annotations

import pytest
import torch

from audio_ext.latent.schedule import (
    LATENT_DIFFUSION,
    STABLE_DIFFUSION,
    ScheduleConfig,
    alphas_bar,
    as_eps,
    as_x0,
    betas,
    eps_from_v,
    eps_from_x0,
    levels,
    q_sample,
    target,
    timesteps,
    v_from_eps,
    v_target,
    x0_from_eps,
    x0_from_v,
)


@pytest.mark.parametrize(
    ("config", "ends"), [(STABLE_DIFFUSION, (0.00085, 0.012)), (LATENT_DIFFUSION, (0.0015, 0.0195))]
)
def test_published_betas_are_linear_in_their_roots(config: ScheduleConfig, ends: tuple[float, float]) -> None:
    found = betas(config)
    assert len(found) == 1000
    assert (float(found[0]), float(found[-1])) == pytest.approx(ends)
    gaps = found.sqrt().diff()
    assert float(gaps.max() - gaps.min()) < 1e-12


@pytest.mark.parametrize("shape", ["scaled", "linear"])
def test_signal_left_agrees_with_diffusers(shape: str) -> None:
    """An independent library has the same product, for the three schedules that the papers use."""
    from diffusers import DDIMScheduler

    config = ScheduleConfig(0.0015, 0.0195, 1000, shape)
    name = {"scaled": "scaled_linear", "linear": "linear"}[shape]
    theirs = DDIMScheduler(1000, 0.0015, 0.0195, name).alphas_cumprod
    torch.testing.assert_close(alphas_bar(config), theirs.double(), rtol=2e-4, atol=1e-7)


def test_signal_left_is_the_product_of_what_each_time_leaves() -> None:
    config, left = ScheduleConfig(0.1, 0.4, 3, "linear"), 1.0
    for beta, found in zip((0.1, 0.25, 0.4), alphas_bar(config), strict=True):
        left *= 1 - beta
        assert float(found) == pytest.approx(left, abs=1e-12)


def test_a_schedule_out_of_bounds_is_refused() -> None:
    for values in ((0.0, 0.1), (0.2, 0.1), (0.1, 1.0), (0.1, 0.2, 0), (0.1, 0.2, 10, "cosine")):
        with pytest.raises(ValueError, match=r"betas|schedule|shape"):
            ScheduleConfig(*values)
    with pytest.raises(ValueError, match="eps and v"):
        ScheduleConfig(prediction="x0")


def test_noised_latents_keep_the_variance_of_unit_data() -> None:
    rng = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 200_000, generator=rng, dtype=torch.float64)
    for level in (0.99, 0.5, 0.01):
        x = q_sample(x0, noise, level)
        assert float(x.var()) == pytest.approx(1.0, abs=0.02)
        assert float((x * x0).mean()) == pytest.approx(level**0.5, abs=0.01)


def test_conversions_undo_each_other_at_every_level() -> None:
    rng = torch.Generator().manual_seed(1)
    x0, noise = torch.randn(2, 5, 4, 3, 2, generator=rng, dtype=torch.float64)
    at = levels(alphas_bar(STABLE_DIFFUSION), torch.tensor([0, 10, 500, 900, 999]), x0)
    assert at.shape == (5, 1, 1, 1)
    x, v = q_sample(x0, noise, at), v_target(x0, noise, at)
    for found, wanted in (
        (x0_from_eps(x, noise, at), x0),
        (x0_from_v(x, v, at), x0),
        (eps_from_v(x, v, at), noise),
        (eps_from_x0(x, x0, at), noise),
        (v_from_eps(x, noise, at), v),
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    for kind in ("eps", "v"):
        predicted = target(x0, noise, at, kind)
        torch.testing.assert_close(as_eps(x, predicted, at, kind), noise, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(as_x0(x, predicted, at, kind), x0, rtol=1e-9, atol=1e-9)


def test_v_at_the_ends_is_noise_and_minus_the_signal() -> None:
    x0, noise = torch.tensor([2.0]), torch.tensor([3.0])
    assert float(v_target(x0, noise, 1.0)) == 3.0
    assert float(v_target(x0, noise, 0.0)) == -2.0


def test_times_fall_evenly_from_the_last_one() -> None:
    assert timesteps(4, STABLE_DIFFUSION) == (999, 749, 499, 249)
    assert timesteps(2, STABLE_DIFFUSION, 0.5) == (499, 249)
    assert timesteps(20, STABLE_DIFFUSION, 0.0) == ()
    assert timesteps(1000, STABLE_DIFFUSION) == tuple(range(999, -1, -1))
    assert timesteps(50, STABLE_DIFFUSION, 0.003) == (2, 1, 0)  # fewer times than steps: each once
    with pytest.raises(ValueError, match="strength"):
        timesteps(4, STABLE_DIFFUSION, 1.5)
    with pytest.raises(ValueError, match="step"):
        timesteps(0, STABLE_DIFFUSION)
