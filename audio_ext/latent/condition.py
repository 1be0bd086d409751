"""What a denoiser is told: the text's tokens and the submix latent, and how training leaves them out at times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

DROP = 0.05
"""InstructPix2Pix's share of examples without text, without audio, and without both: each."""


@dataclass(frozen=True, eq=False)
class Condition:
    """Text and submix of a batch.

    Parameters
    ----------
    tokens : float (batch, words, width), states of the text encoder.
    mask : bool (batch, words), True where there is a word. At least one a row.
    submix : float (batch, channels, frames, rows), the submix's clean latent in the codec's unit scale; None for the
        base model. (InstructPix2Pix gives its net the latent before Stable Diffusion's factor .18215 and the noisy
        one after it; our codec's latents have unit variance already, so both are on one scale.)
    """

    tokens: Tensor
    mask: Tensor
    submix: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def rows(self, which: slice) -> Condition:
        """Some of the batch."""
        return Condition(self.tokens[which], self.mask[which], None if self.submix is None else self.submix[which])

    def without_text(self, null: Condition) -> Condition:
        """The same submix with the text of `null`, a batch of one."""
        return replace(null.expanded(len(self)), submix=self.submix)

    def without_audio(self) -> Condition:
        """Silence in the net's sense: zeros, InstructPix2Pix's null image."""
        return replace(self, submix=None if self.submix is None else torch.zeros_like(self.submix))

    def expanded(self, batch: int) -> Condition:
        """A batch of one, `batch` times over."""
        submix = None if self.submix is None else self.submix.expand(batch, *self.submix.shape[1:])
        return Condition(self.tokens.expand(batch, -1, -1), self.mask.expand(batch, -1), submix)

    def to(self, device: torch.device) -> Condition:
        submix = None if self.submix is None else self.submix.to(device)
        return Condition(self.tokens.to(device), self.mask.to(device), submix)


def drops(uniform: Tensor, share: float = DROP) -> tuple[Tensor, Tensor]:
    """Which examples lose their text and which their submix: two bools of `uniform`'s shape.

    One uniform number u an example decides both (InstructPix2Pix, ddpm_edit): text if u < 2p, audio if p <= u < 3p. So
    p lose the text alone, p both, p the submix alone.
    """
    return uniform < 2 * share, (uniform >= share) & (uniform < 3 * share)


def dropped(condition: Condition, null: Condition, uniform: Tensor, share: float = DROP) -> Condition:
    """A batch's condition with some of it left out, as `drops` says.

    Parameters
    ----------
    null : batch of one, the encoded empty text.
    uniform : (batch,) uniform numbers in 0-1.
    """
    no_text, no_audio = drops(uniform, share)
    plain = condition.without_text(null)
    tokens, mask = padded([condition.tokens, plain.tokens], [condition.mask, plain.mask])
    row = no_text.reshape(-1, 1)
    submix = condition.submix
    if submix is not None:
        submix = submix * (~no_audio).reshape(-1, *[1] * (submix.ndim - 1)).to(submix.dtype)
    return Condition(torch.where(row[..., None], tokens[1], tokens[0]), torch.where(row, mask[1], mask[0]), submix)


def padded(tokens: list[Tensor], masks: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Batches of texts brought to the longest's number of words, with zeros and False."""
    words = max(mask.shape[1] for mask in masks)
    longer = [torch.nn.functional.pad(one, (0, 0, 0, words - one.shape[1])) for one in tokens]
    return longer, [torch.nn.functional.pad(mask, (0, words - mask.shape[1])) for mask in masks]
