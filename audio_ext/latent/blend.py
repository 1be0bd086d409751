"""Long audio by overlapping windows whose results are cross-faded, so that memory is bounded and no seam is heard.

What is blended is what a net gives (a noise estimate, a latent, a log-mel), never two finished sounds: windows that
are denoised together, their estimates averaged at every step, agree where they overlap (MultiDiffusion, Bar-Tal et al.
2023, arXiv 2302.08113, equation 5), whereas two independent drum parts faded into each other would both be heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """Windows of `width` places over `length`, beginning at `starts`; made by `spread`. `ramp` : places of a fade."""

    length: int
    width: int
    starts: tuple[int, ...]
    ramp: int

    @cached_property
    def shares(self) -> np.ndarray:
        """Weight of each window at each of its places, float32 (window, width); at every place they sum to 1."""
        places = np.arange(self.width) + 0.5
        shape = np.minimum(1.0, np.minimum(places, self.width - places) / self.ramp)
        total = np.zeros(self.length)
        for start in self.starts:
            total[start : start + self.width] += shape
        return np.stack([shape / total[start : start + self.width] for start in self.starts]).astype(np.float32)

    def finer(self, factor: int) -> Windows:
        """The same windows where every place is `factor` places, as frames are to the places of a latent."""
        starts = tuple(start * factor for start in self.starts)
        return Windows(self.length * factor, self.width * factor, starts, self.ramp * factor)

    def batches(self, most: int) -> list[tuple[int, ...]]:
        """Numbers of the windows, `most` at a time."""
        numbers = tuple(range(len(self.starts)))
        return [numbers[at : at + most] for at in range(0, len(numbers), most)]


def spread(length: int, size: int, overlap: int) -> Windows:
    """Evenly spaced windows that overlap by at least `overlap`, the last ending at the end; a short length has one.

    Raises
    ------
    ValueError
        if a number is out of range: 0 < length, 0 <= overlap < size.
    """
    if length < 1 or not 0 <= overlap < size:
        raise ValueError(f"no windows of {size} with an overlap of {overlap} over {length}")
    width = min(size, length)
    count = ceil((length - overlap) / (size - overlap)) if length > size else 1
    starts = tuple(int(start) for start in np.floor(np.linspace(0, length - width, count)))
    return Windows(length, width, starts, max(1, min(overlap, width // 2)))


def cut(whole: Tensor, windows: Windows, numbers: Sequence[int], axis: int) -> Tensor:
    """Windows of a tensor of one song, (1, ...), stacked on the first axis: (window, ...)."""
    import torch

    return torch.cat([whole.narrow(axis, windows.starts[number], windows.width) for number in numbers])


def blended(
    give: Callable[[Sequence[int]], Tensor],
    windows: Windows,
    axis: int,
    batch: int,
    tell: Callable[[], None] | None = None,
) -> Tensor:
    """What `give` gives for all windows, cross-faded: (1, ...) with `windows.length` places on `axis`.

    Parameters
    ----------
    give : numbers of windows -> their results, (window, ...) with `windows.width` places on `axis`.
    batch : windows at once, which bounds memory. tell : called after each batch.
    """
    import torch

    whole: Tensor | None = None
    for numbers in windows.batches(batch):
        results = give(numbers)
        if whole is None:
            shape = list(results.shape)
            shape[0], shape[axis] = 1, windows.length
            whole = torch.zeros(shape, dtype=results.dtype, device=results.device)
        along = [1] * results.dim()
        along[axis] = windows.width
        for number, result in zip(numbers, results, strict=True):
            share = torch.from_numpy(windows.shares[number]).to(results).view(along)
            whole.narrow(axis, windows.starts[number], windows.width).add_(result[None] * share)
        if tell is not None:
            tell()
    assert whole is not None
    return whole
