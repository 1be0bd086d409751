"""Samplers against distributions whose denoiser is known exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from audio_ext.latent.guidance import Denoiser
from audio_ext.latent.sampler import ddim, euler_ancestral, inpaint, sdedit, sdedit_start
from audio_ext.latent.schedule import LATENT_DIFFUSION, STABLE_DIFFUSION, alphas_bar, q_sample, timesteps

ALPHAS = alphas_bar(STABLE_DIFFUSION)
SPREAD = 0.5


def gaussian(covariance: Tensor, alphas: Tensor = ALPHAS) -> Denoiser:
    """The exact eps of data ~ N(0, covariance), data (batch, dimension): sqrt(1 - a) (a C + (1 - a) 1)^-1 x."""

    def eps(x: Tensor, time: int) -> Tensor:
        level = alphas[time]
        noisy = level * covariance + (1 - level) * torch.eye(len(covariance), dtype=torch.float64)
        return (1 - level).sqrt() * x @ torch.linalg.inv(noisy)

    return eps


def start(count: int, dimension: int = 1, seed: int = 0) -> tuple[Tensor, torch.Generator]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimension, generator=rng, dtype=torch.float64), rng


ONE = torch.tensor([[SPREAD**2]], dtype=torch.float64)


def reached(steps: int) -> float:
    """Deviation that DDIM reaches, exactly: with a linear denoiser all samples are multiples of the first."""
    begun = float((ALPHAS[-1] * SPREAD**2 + 1 - ALPHAS[-1]).sqrt())
    x = torch.tensor([[begun]], dtype=torch.float64)
    return float(ddim(gaussian(ONE), x, timesteps(steps, STABLE_DIFFUSION), ALPHAS))


def test_ddim_reaches_the_datas_deviation_as_steps_grow() -> None:
    found = {steps: reached(steps) for steps in (5, 10, 20, 50, 1000)}
    errors = [abs(one - SPREAD) for one in found.values()]
    assert errors == sorted(errors, reverse=True), found
    assert found[1000] == pytest.approx(SPREAD, abs=3e-3)
    # First order: twice the steps, half the error.
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.2)


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_noisy_ddim_reaches_the_datas_deviation(eta: float) -> None:
    """From as far as possible: random steps halve their error with twice as many of them, too."""
    errors = []
    for steps in (50, 100, 200):
        x, rng = start(20_000)
        found = ddim(gaussian(ONE), x, timesteps(steps, STABLE_DIFFUSION), ALPHAS, eta, rng)
        errors.append(SPREAD - float(found.std()))
        assert float(found.mean()) == pytest.approx(0, abs=0.015)
    assert 0.6 * errors[0] > errors[1] > errors[2] > -0.01
    assert errors[2] < 0.02


def test_eta_needs_a_generator_and_times_none_is_the_identity() -> None:
    x, _ = start(3)
    assert ddim(gaussian(ONE), x, (), ALPHAS) is x
    with pytest.raises(ValueError, match="generator"):
        ddim(gaussian(ONE), x, (900, 500), ALPHAS, 1.0)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ancestral_euler_is_ddim_of_the_same_eta(eta: float) -> None:
    """Two ways to write one step; the noise is the same, as the seed is."""
    x, _ = start(50)
    times = timesteps(13, STABLE_DIFFUSION)
    one = ddim(gaussian(ONE), x, times, ALPHAS, eta, torch.Generator().manual_seed(7))
    other = euler_ancestral(gaussian(ONE), x, times, ALPHAS, torch.Generator().manual_seed(7), eta)
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_one_ddim_step_is_diffusers_own() -> None:
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(
        1000, 0.00085, 0.012, "scaled_linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing"
    )
    theirs.set_timesteps(10)
    x, _ = start(20)
    y, denoise = x.clone(), gaussian(ONE)
    for time in theirs.timesteps:
        y = theirs.step(denoise(y, int(time)), int(time), y, eta=0.0).prev_sample
    found = ddim(denoise, x, timesteps(10, STABLE_DIFFUSION), ALPHAS)
    torch.testing.assert_close(found, y, rtol=1e-4, atol=1e-5)


def test_sdedit_of_strength_zero_gives_back_what_it_got() -> None:
    known, rng = start(40)
    assert torch.equal(sdedit(gaussian(ONE), known, 0.0, 20, STABLE_DIFFUSION, rng), known)


def test_sdedit_of_strength_one_is_free_sampling() -> None:
    known, _ = start(40)
    made = sdedit(gaussian(ONE), known * 100, 1.0, 20, STABLE_DIFFUSION, torch.Generator().manual_seed(3))
    noise = torch.randn(known.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    free = ddim(gaussian(ONE), noise, timesteps(20, STABLE_DIFFUSION), ALPHAS)
    assert torch.equal(made, free)


def likeness(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one[:, 0], other[:, 0]]))[0, 1])


def test_sdedit_between_keeps_the_more_the_weaker_it_is() -> None:
    known, rng = start(20_000)
    known = known * SPREAD
    kept = [
        likeness(known, sdedit(gaussian(ONE), known, far, 50, STABLE_DIFFUSION, rng)) for far in (0.1, 0.4, 0.7, 1.0)
    ]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.8
    assert abs(kept[-1]) < 0.05


def test_sdedit_starts_at_the_right_level() -> None:
    known, _ = start(5)
    noise, times = torch.ones_like(known), timesteps(10, LATENT_DIFFUSION, 0.5)
    alphas = alphas_bar(LATENT_DIFFUSION)
    assert torch.equal(sdedit_start(known, noise, times, alphas), q_sample(known, noise, float(alphas[499])))


def test_inpainting_follows_what_is_kept_the_better_the_more_it_resamples() -> None:
    """Two Gaussians of deviation .5 and correlation .9, the first kept at 1: the other's mean is .9, deviation .218."""
    covariance = SPREAD**2 * torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
    known = torch.zeros(4_000, 2, dtype=torch.float64)
    known[:, 0] = 1.0
    keep, found = torch.tensor([True, False]), {}
    for turns in (1, 4, 10):
        rng = torch.Generator().manual_seed(turns)
        times = timesteps(40, STABLE_DIFFUSION)
        made = inpaint(gaussian(covariance), known, keep, times, ALPHAS, rng, 1.0, turns)
        assert torch.equal(made[:, 0], known[:, 0])
        found[turns] = float(made[:, 1].mean())
    assert found[1] < found[4] < found[10] + 0.02, found
    assert found[10] == pytest.approx(0.9, abs=0.1)


def test_steps_are_told_and_may_be_stopped() -> None:
    x, _ = start(2)
    told: list[tuple[int, int]] = []
    ddim(gaussian(ONE), x, timesteps(3, STABLE_DIFFUSION), ALPHAS, on_step=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
