"""Stem insertion in the latent: submix latent and instruction in, full-mix latent out; and SDEdit, its baseline.

Latents of any length are denoised in overlapping windows of the length that the net was trained on, their noise
estimates averaged at every step (see `blend`), so that one long part is made and not several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from audio_ext.errors import AudioError
from audio_ext.latent.blend import Windows, blended, cut, spread
from audio_ext.latent.condition import Condition
from audio_ext.latent.guidance import double_weights, guided, single_weights
from audio_ext.latent.sampler import OnStep, sdedit
from audio_ext.latent.text import MiniLm, TextEncoder
from audio_ext.latent.unet import Denoiser, open_unet

Progress = Callable[[float], None]
OVERLAP = 0.25
"""Of a window, at least, with the next."""
WINDOWS_AT_ONCE = 8
"""Windows of a long song that go through the net together."""


@dataclass(frozen=True, slots=True)
class InserterConfig:
    """How an Inserter samples. `eta` : of DDIM; 0 depends on the starting noise alone."""

    overlap: float = OVERLAP
    at_once: int = WINDOWS_AT_ONCE
    eta: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.overlap < 1 and self.at_once >= 1 and 0 <= self.eta <= 1):
            raise ValueError("overlap and eta are shares, and at least one window goes at once")


class Inserter:
    """The subtractive model, the base model, or both, with the text encoder they were trained with.

    Parameters
    ----------
    subtractive : conditional denoiser, for `mix_latent`. base : unconditional one, for `sdedit_latent`.

    Raises
    ------
    AudioError
        if the text encoder's width is not what a net attends to.
    """

    def __init__(
        self,
        subtractive: Denoiser | None,
        text: TextEncoder,
        base: Denoiser | None = None,
        config: InserterConfig | None = None,
    ):
        for net in (subtractive, base):
            if net is not None and net.config.text != text.width:
                problem = f"The net attends to {net.config.text} numbers a word, the text encoder gives {text.width}"
                raise AudioError("", problem, None, "Use the text encoder that the net was trained with.")
        self.subtractive, self.base, self.text, self.config = subtractive, base, text, config or InserterConfig()

    def mix_latent(
        self,
        submix_latent: Tensor,
        prompt: str | Sequence[str],
        guide_latent: Tensor | None = None,
        strength: float = 1.0,
        steps: int = 20,
        text_scale: float | None = None,
        audio_scale: float | None = None,
        seed: int = 0,
        tell: Progress | None = None,
    ) -> Tensor:
        """Latent of the full mix, of the submix latent's shape.

        Parameters
        ----------
        submix_latent : float (batch, channels, frames, bands), as the codec gives it; any number of frames.
        prompt : the instruction, one for all or one for each of the batch.
        guide_latent : latent of a mix to begin with, of the same shape (submix with the rendered fill over it).
        strength : how far from the guide: 0 gives it back as it is, 1 samples freely. Without a guide it is 1.
        text_scale, audio_scale : guidance; None for those of the net. Both 1 is the plain conditional net.
        seed : the same gives the same, and gives each of a batch its own noise.
        tell : called after each step with the share that is done.
        """
        net = _needed(self.subtractive, "subtractive")
        text_scale = net.config.text_scale if text_scale is None else text_scale
        audio_scale = net.config.audio_scale if audio_scale is None else audio_scale
        weights = double_weights(text_scale, audio_scale)

        def conditions(told: Condition, null: Condition) -> list[Condition]:
            no_text = told.without_text(null)
            return [no_text.without_audio(), no_text, told]

        start = submix_latent if guide_latent is None else guide_latent
        if start.shape != submix_latent.shape:
            raise ValueError(f"a guide of shape {tuple(start.shape)} over a submix of {tuple(submix_latent.shape)}")
        far = 1.0 if guide_latent is None else strength
        return self._sample(net, start, submix_latent, prompt, far, steps, conditions, weights, seed, tell)

    def sdedit_latent(
        self,
        latent: Tensor,
        prompt: str | Sequence[str],
        strength: float = 0.5,
        steps: int = 20,
        text_scale: float | None = None,
        seed: int = 0,
        tell: Progress | None = None,
    ) -> Tensor:
        """The baseline: the latent noised to `strength` and denoised by the base model towards a caption.

        Parameters as for `mix_latent`; strength 0 is the identity, 1 text-to-mix alone.
        """
        net = _needed(self.base, "base")
        weights = single_weights(net.config.text_scale if text_scale is None else text_scale)

        def conditions(told: Condition, null: Condition) -> list[Condition]:
            return [told.without_text(null), told]

        return self._sample(net, latent, None, prompt, strength, steps, conditions, weights, seed, tell)

    def _sample(
        self,
        net: Denoiser,
        start: Tensor,
        submix: Tensor | None,
        prompt: str | Sequence[str],
        strength: float,
        steps: int,
        conditions: Callable[[Condition, Condition], list[Condition]],
        weights: Sequence[float],
        seed: int,
        tell: Progress | None,
    ) -> Tensor:
        if start.ndim != 4 or start.shape[1] != net.config.latents:
            raise ValueError(f"latents are (batch, {net.config.latents}, frames, bands), not {tuple(start.shape)}")
        prompts = [prompt] * len(start) if isinstance(prompt, str) else list(prompt)
        if len(prompts) != len(start):
            raise ValueError(f"{len(prompts)} prompts for {len(start)} latents")
        distinct = list(dict.fromkeys(["", *prompts]))
        tokens, mask = (one.to(start.device) for one in self.text.encode(distinct))
        rows = torch.tensor([distinct.index(one) for one in prompts], device=start.device)
        told = Condition(tokens[rows], mask[rows], submix)
        given = conditions(told, Condition(tokens[:1], mask[:1]))
        model = guided(self._windowed(net), given, weights)
        rng = torch.Generator().manual_seed(seed)
        on_step: OnStep | None = (lambda done, of: tell(done / of)) if tell else None
        return sdedit(model, start, strength, steps, net.config.schedule, rng, self.config.eta, on_step)

    def _windowed(self, net: Denoiser) -> Callable[[Tensor, int, Condition], Tensor]:
        """The net's noise estimate for latents of any length and any number."""
        plain, width, most = net.eps(), net.config.window, self.config.at_once

        def model(x: Tensor, time: int, condition: Condition) -> Tensor:
            places = spread(x.shape[2], width, int(width * self.config.overlap))
            if len(places.starts) == 1:
                some = (slice(at, at + most) for at in range(0, len(x), most))
                return torch.cat([plain(x[one], time, condition.rows(one)) for one in some])
            ones = (slice(at, at + 1) for at in range(len(x)))
            return torch.cat([_long(plain, x[one], time, condition.rows(one), places, most) for one in ones])

        return model


def _long(
    plain: Callable[[Tensor, int, Condition], Tensor],
    x: Tensor,
    time: int,
    condition: Condition,
    places: Windows,
    most: int,
) -> Tensor:
    """The noise estimate of one long latent (1, channels, frames, bands): that of its windows, blended."""

    def give(numbers: Sequence[int]) -> Tensor:
        told = condition.expanded(len(numbers))
        if condition.submix is not None:
            told = replace(told, submix=cut(condition.submix, places, numbers, 2))
        return plain(cut(x, places, numbers, 2), time, told)

    return blended(give, places, 2, most)


def _needed(net: Denoiser | None, name: str) -> Denoiser:
    if net is None:
        raise AudioError("", f"This needs the {name} model, which is not there", None, "Train it, or name its folder.")
    return net


def open_inserter(
    subtractive: Path | None, base: Path | None = None, text: TextEncoder | None = None, device: str = "cpu"
) -> Inserter:
    """An Inserter of checkpoint files, with MiniLM where no other text encoder is given; AudioError if one is none."""
    nets = [None if path is None else open_unet(path).to(device) for path in (subtractive, base)]
    return Inserter(nets[0], text or MiniLm(), nets[1])
