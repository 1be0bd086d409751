"""Samplers: plain functions from noise to latents.

A denoiser is a callable `(x, time) -> eps`; `alphas` is `alphas_bar(config)`, `times` falling indices into it (the
step to the clean latent follows the last). Randomness comes from a torch Generator alone, and always in x's own shape,
so that one seed gives one result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from audio_ext.latent.guidance import Denoiser
from audio_ext.latent.schedule import ScheduleConfig, alphas_bar, q_sample, timesteps, x0_from_eps

OnStep = Callable[[int, int], None]
"""Told (steps done, steps in all) after each step; may raise to stop."""


def noise_like(x: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=rng, dtype=x.dtype, device=rng.device).to(x.device)


def ddim_step(
    x: Tensor, eps: Tensor, now: float, then: float, eta: float = 0.0, rng: torch.Generator | None = None
) -> Tensor:
    """From alpha_bar `now` to `then` (DDIM, Song et al. 2021, eq. 12 and 16).

    eta 0 is deterministic, 1 has the variance of DDPM's posterior. To then = 1 the step is the clean latent itself.
    """
    x0 = x0_from_eps(x, eps, now)
    sigma = eta * ((1 - then) / (1 - now)) ** 0.5 * max(0.0, 1 - now / then) ** 0.5
    moved = then**0.5 * x0 + max(0.0, 1 - then - sigma * sigma) ** 0.5 * eps
    if sigma == 0:
        return moved
    if rng is None:
        raise ValueError("eta above 0 needs a random generator")
    return moved + sigma * noise_like(x, rng)


def _steps(alphas: Tensor, times: Sequence[int]) -> list[tuple[int, float, float]]:
    """(time, its alpha_bar, alpha_bar of the step's end) for each step."""
    now = [float(alphas[t]) for t in times]
    return list(zip(times, now, [*now, 1.0][1:], strict=True))


def ddim(
    model: Denoiser,
    x: Tensor,
    times: Sequence[int],
    alphas: Tensor,
    eta: float = 0.0,
    rng: torch.Generator | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """DDIM from x at `times[0]` to the clean latent; x itself where there are no times."""
    for done, (time, now, then) in enumerate(_steps(alphas, times), 1):
        x = ddim_step(x, model(x, time), now, then, eta, rng)
        if on_step:
            on_step(done, len(times))
    return x


def sigmas_of(alphas: Tensor, times: Sequence[int]) -> Tensor:
    """Noise levels as a variance-exploding process has them, sqrt(1 / alpha_bar - 1), then 0: float64 (steps + 1,)."""
    level = alphas[list(times)].double()
    return torch.cat([((1 - level) / level).sqrt(), level.new_zeros(1)])


def euler_ancestral(
    model: Denoiser,
    x: Tensor,
    times: Sequence[int],
    alphas: Tensor,
    rng: torch.Generator,
    eta: float = 1.0,
    on_step: OnStep | None = None,
) -> Tensor:
    """Ancestral Euler steps in sigma (Karras et al.'s view; the sampler of InstructPix2Pix).

    On the same times it is DDIM of the same eta, written in x / sqrt(alpha_bar): the tests hold that. x comes and goes
    variance-preserving, as in `ddim`.
    """
    sigmas = [float(sigma) for sigma in sigmas_of(alphas, times)]
    y = x * (1 + sigmas[0] ** 2) ** 0.5 if times else x
    for done, (time, now, then) in enumerate(zip(times, sigmas[:-1], sigmas[1:], strict=True), 1):
        eps = model(y / (1 + now * now) ** 0.5, time)
        up = min(then, eta * then * (max(0.0, now * now - then * then)) ** 0.5 / now)
        y = y + eps * ((then * then - up * up) ** 0.5 - now)
        if up:
            y = y + up * noise_like(x, rng)
        if on_step:
            on_step(done, len(times))
    return y


def sdedit_start(known: Tensor, noise: Tensor, times: Sequence[int], alphas: Tensor) -> Tensor:
    """What SDEdit begins with: `known` noised to the first time (Meng et al. 2022, algorithm 1).

    No times (strength 0): `known` as it is. The last time of all (strength 1): pure noise, so that nothing of `known`
    leaks through the little signal that Stable Diffusion's schedule leaves there.
    """
    if not times:
        return known
    if times[0] == len(alphas) - 1:
        return noise
    return q_sample(known, noise, float(alphas[times[0]]))


def sdedit(
    model: Denoiser,
    known: Tensor,
    strength: float,
    steps: int,
    config: ScheduleConfig,
    rng: torch.Generator,
    eta: float = 0.0,
    on_step: OnStep | None = None,
) -> Tensor:
    """Noise `known` to `strength` of the way and denoise it in `steps` steps; 0 is the identity, 1 free sampling."""
    alphas, times = alphas_bar(config), timesteps(steps, config, strength)
    start = sdedit_start(known, noise_like(known, rng), times, alphas)
    return ddim(model, start, times, alphas, eta, rng, on_step)


def inpaint(
    model: Denoiser,
    known: Tensor,
    keep: Tensor,
    times: Sequence[int],
    alphas: Tensor,
    rng: torch.Generator,
    eta: float = 1.0,
    resamples: int = 1,
    on_step: OnStep | None = None,
) -> Tensor:
    """Free sampling where `keep` (bool, broadcasts) is False, given `known` where it is True; kept cells stay exact.

    Before every step the kept cells are noised afresh to that step's level (RePaint, Lugmayr et al. 2022, algorithm 1).
    With `resamples` above 1 each step is gone back and done again so many times in all: replacement alone follows the
    context only in part, which the tests measure.
    """
    x = noise_like(known, rng)
    for done, (time, now, then) in enumerate(_steps(alphas, times), 1):
        for turn in range(resamples):
            x = torch.where(keep, q_sample(known, noise_like(known, rng), now), x)
            x = ddim_step(x, model(x, time), now, then, eta, rng)
            if turn < resamples - 1:  # back to this step's level, by the forward process from `then` to `now`
                x = q_sample(x, noise_like(x, rng), now / then)
        if on_step:
            on_step(done, len(times))
    return torch.where(keep, known, x)
