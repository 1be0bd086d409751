"""How much a codec loses, beside baselines that learn little: the mean spectrum and a PCA of patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from audio_ext.latent.codec import MelCodec
from audio_ext.latent.mel import MelConfig, log_mel
from audio_ext.latent.windows import STEMS, Window

Shrinker = Callable[[Tensor], Tensor]
"""Log-mel (batch, frames, mels) to what is left of it after a round trip, of the same shape."""


def codec_shrinker(codec: MelCodec) -> Shrinker:
    """The codec there and back."""
    return lambda mels: codec.decode(codec.encode(mels))


def mean_shrinker(pictures: Tensor) -> Shrinker:
    """Says the mean spectrum of `pictures` (batch, frames, mels) whatever it is given."""
    mean = pictures.mean(dim=(0, 1))
    return lambda mels: mean.expand_as(mels)


def patches_of(pictures: Tensor, size: int) -> Tensor:
    """Log-mel (batch, frames, mels) as patches (batch, frames // size, mels // size, size * size)."""
    return pictures.unfold(1, size, size).unfold(2, size, size).flatten(3)


def pca_shrinker(pictures: Tensor, size: int, kept: int) -> Shrinker:
    """The best linear codec of patches: each `size` x `size` patch of a mel band keeps `kept` numbers.

    Parameters
    ----------
    pictures : log-mel (batch, frames, mels) to fit means and components on, one set for each row of patches, since a
        codec too knows where in the spectrum it is.
    """
    found = patches_of(pictures, size).permute(2, 0, 1, 3).flatten(1, 2).double()  # (row, patch, number)
    mean = found.mean(dim=1, keepdim=True)
    spread = (found - mean).mT @ (found - mean)
    parts = torch.linalg.eigh(spread).eigenvectors[..., -kept:]  # (row, number, component), the largest last
    onto = parts @ parts.mT

    def shrink(mels: Tensor) -> Tensor:
        batch, frames, bands = mels.shape
        patches = patches_of(mels, size).double()
        centred = patches - mean[:, 0]
        back = torch.einsum("bfrn,rnm->bfrm", centred, onto) + mean[:, 0]
        tiles = back.reshape(batch, frames // size, bands // size, size, size).transpose(2, 3)
        return tiles.reshape(batch, frames, bands).to(mels.dtype)

    return shrink


@torch.no_grad()
def measure(
    windows: Sequence[Window], config: MelConfig, shrinkers: Mapping[str, Shrinker]
) -> dict[str, dict[str, float]]:
    """Mean |log-mel difference| in nats of each shrinker: of mixes, mixes without a stem, and stems that play.

    Returns
    -------
    name -> {"mix", "submix", each of `STEMS`, "all": mean of those}; a kind that never occurs is left out.
    """
    sums: dict[str, dict[str, list[float]]] = {name: {} for name in shrinkers}
    for window in windows:
        sounds = [("mix", window.mix)]
        for part in window.heard:
            sounds += [("submix", window.mix - window.stem(part)), (part, window.stem(part))]
        for kind, sound in sounds:
            truth = log_mel(torch.from_numpy(sound)[None], config)
            for name, shrink in shrinkers.items():
                sums[name].setdefault(kind, []).append(float((shrink(truth) - truth).abs().mean()))
    kinds = ("mix", "submix", *STEMS)
    tables = {}
    for name, lists in sums.items():
        row = {kind: round(sum(lists[kind]) / len(lists[kind]), 4) for kind in kinds if lists.get(kind)}
        tables[name] = row | {"all": round(sum(row.values()) / max(1, len(row)), 4)}
    return tables
