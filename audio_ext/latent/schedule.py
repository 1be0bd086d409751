"""The forward process of a variance-preserving diffusion, and what a net may predict of it.

Written for any shape: `alpha_bar` is a number or a tensor that broadcasts against the latents. With a = sqrt(alpha_bar)
and s = sqrt(1 - alpha_bar), a noisy latent is x = a x0 + s eps (Ho et al. 2020, eq. 4), and v = a eps - s x0 (Salimans
and Ho 2022, section 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Level = float | Tensor
MAX_TIMES = 10_000


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Noise levels of a diffusion.

    `shape` "scaled" is linear in sqrt(beta): what Stable Diffusion calls scaled_linear and the older latent diffusion
    code (and so MSG-LD) "linear". "linear" is linear in beta itself, as in DDPM. `prediction`: "eps" or "v".
    """

    first_beta: float = 0.00085
    last_beta: float = 0.012
    times: int = 1000
    shape: str = "scaled"
    prediction: str = "eps"

    def __post_init__(self) -> None:
        if not 0 < self.first_beta <= self.last_beta < 1:
            raise ValueError(f"betas must rise within 0-1, not {self.first_beta}-{self.last_beta}")
        if not 1 <= self.times <= MAX_TIMES:
            raise ValueError(f"a schedule has 1-{MAX_TIMES} times, not {self.times}")
        if self.shape not in ("scaled", "linear") or self.prediction not in ("eps", "v"):
            raise ValueError(f"{self.shape!r} is no shape of betas, or {self.prediction!r} none of eps and v")


STABLE_DIFFUSION = ScheduleConfig()
"""Of Stable Diffusion 1.x and Riffusion."""
LATENT_DIFFUSION = ScheduleConfig(0.0015, 0.0195)
"""Of the first latent diffusion models; MSG-LD has it too."""


def betas(config: ScheduleConfig) -> Tensor:
    """Variance that each time adds: float64 (times,)."""
    if config.shape == "linear":
        return torch.linspace(config.first_beta, config.last_beta, config.times, dtype=torch.float64)
    first, last = math.sqrt(config.first_beta), math.sqrt(config.last_beta)
    return torch.linspace(first, last, config.times, dtype=torch.float64).square()


def alphas_bar(config: ScheduleConfig) -> Tensor:
    """Share of the signal's variance that is left at each time: float64 (times,), falling."""
    return (1 - betas(config)).cumprod(0)


def timesteps(steps: int, config: ScheduleConfig, strength: float = 1.0) -> tuple[int, ...]:
    """`steps` falling times, evenly spread below `strength` of all; the step to the clean latent follows the last one.

    Strength 1 begins at the very last time ("trailing" spacing: Lin et al. 2024, section 3.3), strength 0 has no time
    at all. Where there are fewer times than steps, each comes once.
    """
    if steps < 1:
        raise ValueError(f"at least one step is needed, not {steps}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength is 0-1, not {strength}")
    top = strength * config.times
    times = (round(top * (steps - k) / steps) - 1 for k in range(steps))
    return tuple(dict.fromkeys(t for t in times if t >= 0))


def _sides(alpha_bar: Level, like: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(alpha_bar) and sqrt(1 - alpha_bar), in double until they meet the latents."""
    level = torch.as_tensor(alpha_bar, dtype=torch.float64, device=like.device)
    return level.sqrt().to(like.dtype), (1 - level).sqrt().to(like.dtype)


def levels(alphas: Tensor, times: Tensor, like: Tensor) -> Tensor:
    """alpha_bar at (batch,) times, shaped (batch, 1, ...) to broadcast against `like`."""
    return alphas.to(times.device)[times].reshape(-1, *[1] * (like.ndim - 1))


def q_sample(x0: Tensor, noise: Tensor, alpha_bar: Level) -> Tensor:
    """The noisy latent: a x0 + s eps."""
    a, s = _sides(alpha_bar, x0)
    return a * x0 + s * noise


def v_target(x0: Tensor, noise: Tensor, alpha_bar: Level) -> Tensor:
    a, s = _sides(alpha_bar, x0)
    return a * noise - s * x0


def x0_from_eps(x: Tensor, eps: Tensor, alpha_bar: Level) -> Tensor:
    a, s = _sides(alpha_bar, x)
    return (x - s * eps) / a


def x0_from_v(x: Tensor, v: Tensor, alpha_bar: Level) -> Tensor:
    a, s = _sides(alpha_bar, x)
    return a * x - s * v


def eps_from_x0(x: Tensor, x0: Tensor, alpha_bar: Level) -> Tensor:
    a, s = _sides(alpha_bar, x)
    return (x - a * x0) / s


def eps_from_v(x: Tensor, v: Tensor, alpha_bar: Level) -> Tensor:
    a, s = _sides(alpha_bar, x)
    return s * x + a * v


def v_from_eps(x: Tensor, eps: Tensor, alpha_bar: Level) -> Tensor:
    a, s = _sides(alpha_bar, x)
    return (eps - s * x) / a


def as_eps(x: Tensor, predicted: Tensor, alpha_bar: Level, prediction: str) -> Tensor:
    """What a net predicted, as the noise that samplers ask for."""
    return predicted if prediction == "eps" else eps_from_v(x, predicted, alpha_bar)


def as_x0(x: Tensor, predicted: Tensor, alpha_bar: Level, prediction: str) -> Tensor:
    """What a net predicted, as the clean latent."""
    return x0_from_eps(x, predicted, alpha_bar) if prediction == "eps" else x0_from_v(x, predicted, alpha_bar)


def target(x0: Tensor, noise: Tensor, alpha_bar: Level, prediction: str) -> Tensor:
    """What a net is to predict."""
    return noise if prediction == "eps" else v_target(x0, noise, alpha_bar)
