"""A small HDemucs (Défossez 2021, arXiv 2111.03600): waveform and spectrogram in one net, trained the plain way.

The class is the package demucs's (MIT), imported from its own module, which needs neither torchaudio nor the package's
other requirements: `pip install --no-deps demucs==4.1.0; pip install einops julius`. Its depth and transform belong
together; only the channels are made fewer. No weights come with it; `train_hdemucs` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audio_ext.errors import AudioError
from audio_ext.latent.windows import RATE, STEMS

if TYPE_CHECKING:
    from torch import nn

KIND = "separator"
REMEDY = "Install it with: pip install --no-deps demucs==4.1.0; pip install einops julius tqdm"
SILENT = 1e-8
BATCH = 2


@dataclass(frozen=True, slots=True)
class HdemucsConfig:
    """`channels` of the first layer; 48 are the paper's (83.6 M parameters), 4 are 0.6 M."""

    channels: int = 8

    def __post_init__(self) -> None:
        if self.channels % 4 or not 4 <= self.channels <= 96:
            raise ValueError("4 to 96 channels, a multiple of 4, are possible")


def missing_hdemucs() -> str | None:
    """None if the class is there, else what to install, in a sentence."""
    missing = [name for name in ("demucs", "einops", "julius") if find_spec(name) is None]
    return f"HDemucs is left out ({', '.join(missing)} missing). {REMEDY}." if missing else None


def build(config: HdemucsConfig) -> nn.Module:
    """An untrained net: (batch, 1, sample) to (batch, 4, 1, sample).

    Raises
    ------
    AudioError
        if demucs is not installed.
    """
    if missing_hdemucs():
        raise AudioError("", "This needs the package demucs, which is not installed", None, f"{REMEDY}.")
    from demucs.hdemucs import HDemucs

    net: nn.Module = HDemucs(list(STEMS), audio_channels=1, channels=config.channels, samplerate=RATE)
    return net


def open_hdemucs(path: Path) -> nn.Module:
    """A trained net of a checkpoint; AudioError if the file is none or demucs is not installed."""
    from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint

    checkpoint = load_checkpoint(path, KIND)
    net = build(config_of(checkpoint, HdemucsConfig))
    fill_module(net, checkpoint)
    return net.eval()


def normalised(mixes: Any) -> tuple[Any, Any]:
    """Mixes, a tensor (batch, sample), brought to mean square 1, and the root that was divided by (batch, 1)."""
    root = mixes.square().mean(dim=1, keepdim=True).sqrt().clamp(min=SILENT)
    return mixes / root, root


def separate(net: nn.Module, mixes: np.ndarray) -> np.ndarray:
    """Stems, float32 (window, 4, sample), of mixes (window, sample) at 16 kHz, a few at a time."""
    import torch

    out = []
    with torch.inference_mode():
        for at in range(0, len(mixes), BATCH):
            level, root = normalised(torch.from_numpy(np.ascontiguousarray(mixes[at : at + BATCH], dtype=np.float32)))
            out.append((net(level[:, None])[:, :, 0] * root[:, None]).numpy())
    return np.concatenate(out)
