"""MSG-LD's three modes, in the latent (Karchkhadze et al. 2024, II-B to II-D): one net, told apart by guidance.

- Separation: the mixture is given, `e = w e_c + (1 - w) e_u` with w = 2 (1 is the plain conditional net).
- Total generation: w = 0, all stems from noise.
- Partial generation: w = 0 and inpainting, the given stems noised afresh to the level of each step, eta 1.

Latents are (batch, stem, z, frame, band). Long ones are denoised in overlapping windows of the length that the net was
trained on, their noise estimates averaged at every step (see `blend`), so that one long song is made and not several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from audio_ext.latent.blend import blended, cut, spread
from audio_ext.latent.guidance import Denoiser, guided, single_weights
from audio_ext.latent.sampler import OnStep, ddim, inpaint, noise_like
from audio_ext.latent.schedule import alphas_bar, timesteps
from audio_ext.latent.unet3d import StemNet

Progress = Callable[[float], None]
STEPS = 20
"""Of the sampler; the paper has 200, on a GPU."""


@dataclass(frozen=True, eq=False)
class StemModel:
    """A net with how it is sampled.

    Parameters
    ----------
    overlap : share of a window, at least, that it has in common with the next.
    at_once : windows that go through the net together, which bounds memory.
    """

    net: StemNet
    overlap: float = 0.25
    at_once: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1 or self.at_once < 1:
            raise ValueError("the overlap is a share, and at least one window goes at once")

    @property
    def stems(self) -> int:
        return self.net.config.stems

    def separate(
        self,
        mixture: Tensor,
        steps: int = STEPS,
        weight: float | None = None,
        seed: int = 0,
        eta: float = 0.0,
        tell: Progress | None = None,
    ) -> Tensor:
        """Latents of the stems that a mixture is the sum of.

        Parameters
        ----------
        mixture : float (batch, z, frame, band), as the codec gives it. weight : w; None for the model's own.
        seed : of the noise; the same gives the same. tell : called after each step with the share that is done.
        """
        if mixture.ndim != 4 or mixture.shape[1] != self.net.config.latents:
            raise ValueError(f"a mixture is (batch, z, frame, band), not {tuple(mixture.shape)}")
        weight = self.net.config.weight if weight is None else weight
        shape = (len(mixture), self.stems, *mixture.shape[1:])
        return self._free(mixture.new_zeros(shape), mixture, weight, steps, seed, eta, tell)

    def generate(
        self,
        frames: int,
        steps: int = STEPS,
        seed: int = 0,
        eta: float = 0.0,
        tell: Progress | None = None,
        batch: int = 1,
    ) -> Tensor:
        """Latents of `frames` frames of stems that go together, from nothing."""
        config = self.net.config
        empty = next(self.net.parameters()).new_zeros(batch, config.stems, config.latents, frames, config.bands)
        return self._free(empty, None, 0.0, steps, seed, eta, tell)

    def complete(
        self,
        known: Tensor,
        given: Sequence[bool],
        steps: int = STEPS,
        seed: int = 0,
        eta: float = 1.0,
        resamples: int = 1,
        tell: Progress | None = None,
    ) -> Tensor:
        """Latents of all stems: the given ones as they are, the others made to go with them.

        Parameters
        ----------
        known : float (batch, stem, z, frame, band); what it has for stems that aren't given doesn't count.
        given : of each stem, whether it is. At least one is, and at least one is not.
        resamples : how often each step is gone (RePaint); 1 is the paper's.
        """
        if known.ndim != 5 or known.shape[1] != self.stems or len(given) != self.stems:
            raise ValueError(f"latents are (batch, {self.stems}, z, frame, band), not {tuple(known.shape)}")
        if all(given) or not any(given):
            raise ValueError("some stems must be given and some not")
        keep = torch.tensor(list(given), device=known.device).view(1, -1, 1, 1, 1)
        rng = torch.Generator().manual_seed(seed)
        model = guided(self._windowed(), (None, None), single_weights(0.0))
        return inpaint(model, known, keep, *self._levels(steps), rng, eta, resamples, _on_step(tell))

    def _free(
        self,
        empty: Tensor,
        mixture: Tensor | None,
        weight: float,
        steps: int,
        seed: int,
        eta: float,
        tell: Progress | None,
    ) -> Tensor:
        """DDIM from noise of `empty`'s shape."""
        rng = torch.Generator().manual_seed(seed)
        start = noise_like(empty, rng)
        return ddim(self.guided(mixture, weight), start, *self._levels(steps), eta, rng, _on_step(tell))

    def guided(self, mixture: Tensor | None, weight: float) -> Denoiser:
        """`(x, time) -> eps` under a mixture; a weight of 0 or 1 costs one pass of the net, others two."""
        return guided(self._windowed(), (None, mixture), single_weights(weight))

    def _levels(self, steps: int) -> tuple[tuple[int, ...], Tensor]:
        schedule = self.net.config.schedule
        return timesteps(steps, schedule), alphas_bar(schedule)

    def _windowed(self) -> Callable[[Tensor, int, Tensor | None], Tensor]:
        """The net's noise estimate for latents of any length and any number."""
        plain, width, most = self.net.eps(), self.net.config.window, self.at_once

        def model(x: Tensor, time: int, mixture: Tensor | None) -> Tensor:
            places = spread(x.shape[3], width, int(width * self.overlap))
            if len(places.starts) == 1:
                some = (slice(at, at + most) for at in range(0, len(x), most))
                return torch.cat([plain(x[one], time, None if mixture is None else mixture[one]) for one in some])

            def long(at: int) -> Tensor:
                mine, told = x[at : at + 1], None if mixture is None else mixture[at : at + 1]

                def give(numbers: Sequence[int]) -> Tensor:
                    under = None if told is None else cut(told, places, numbers, 2)
                    return plain(cut(mine, places, numbers, 3), time, under)

                return blended(give, places, 3, most)

            return torch.cat([long(at) for at in range(len(x))])

        return model


def _on_step(tell: Progress | None) -> OnStep | None:
    return (lambda done, of: tell(done / of)) if tell else None
