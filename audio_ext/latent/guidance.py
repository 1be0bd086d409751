"""Classifier-free guidance: how far a sample follows its condition.

A weighted sum of the net's predictions under several conditions, with weights that sum to 1. Because of that sum it
makes no difference whether the predictions are eps or v (one is affine in the other at a given x and time).

A conditional model is a callable `(x, time, condition) -> eps`; guided it is `(x, time) -> eps`, as samplers take it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from torch import Tensor

Condition = TypeVar("Condition")
Denoiser = Callable[[Tensor, int], Tensor]
"""(x, time) -> eps of x's shape."""


def single(uncond: Tensor, cond: Tensor, scale: float) -> Tensor:
    """`e_u + w (e_c - e_u)` (Ho and Salimans 2022, eq. 6 with w = 1 + their w)."""
    return uncond + scale * (cond - uncond)


def double(uncond: Tensor, audio: Tensor, both: Tensor, text_scale: float, audio_scale: float) -> Tensor:
    """`e_u + s_T (e_TI - e_I) + s_I (e_I - e_u)` (InstructPix2Pix, eq. 3), I being the submix, T the instruction."""
    return uncond + text_scale * (both - audio) + audio_scale * (audio - uncond)


def single_weights(scale: float) -> tuple[float, float]:
    """Weights of (nothing, condition) in `single`."""
    return 1 - scale, scale


def double_weights(text_scale: float, audio_scale: float) -> tuple[float, float, float]:
    """Weights of (nothing, submix alone, submix and instruction) in `double`."""
    return 1 - audio_scale, audio_scale - text_scale, text_scale


def guided(
    model: Callable[[Tensor, int, Condition], Tensor], conditions: Sequence[Condition], weights: Sequence[float]
) -> Denoiser:
    """The weighted sum of a model's predictions; conditions of weight 0 cost no pass of the net.

    So scale 1, where one weight is 1 and the others are 0, is exactly the plain conditional model.
    """
    if abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"guidance weights must sum to 1, not {sum(weights)}")
    used = [(one, weight) for one, weight in zip(conditions, weights, strict=True) if weight]

    def denoise(x: Tensor, time: int) -> Tensor:
        if len(used) == 1:  # its weight is 1, and a product with 1 would only lose the exactness
            return model(x, time, used[0][0])
        total = used[0][1] * model(x, time, used[0][0])
        for condition, weight in used[1:]:
            total = total + weight * model(x, time, condition)
        return total

    return denoise
