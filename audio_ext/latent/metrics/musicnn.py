"""musicnn's two MagnaTagATune taggers (Pons & Serra 2019, arXiv 1909.06654), run by torch.

The package `musicnn` (ISC licence) carries the weights and wants TensorFlow 1 and librosa to use them. Here its files
are read (`tensor_bundle`), never its code. Both nets were trained on 29 s excerpts of MagnaTagATune cut to 3 s patches
and tell 50 tags, several of which may hold at once (a sigmoid each).

- `MTT_vgg`: five 3x3 convolutions on a patch of exactly 187 frames; the last pooling gives 256 numbers.
- `MTT_musicnn`: wide and tall filters, dense layers, pooling over all the time there is, so that a window is heard as a
  whole; the layer before the last has 200 numbers.

Front end of both: 16 kHz, Hann window of 512, hop 256, frames centred with mirrored ends, power, 96 Slaney mel bands of
unit area, log10(1 + 10000 x), rounded to half precision before the logarithm as in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from audio_ext.errors import AudioError
from audio_ext.latent.mel import MelConfig, filterbank
from audio_ext.latent.metrics.tensor_bundle import read_bundle

RATE, FFT, HOP, MELS = 16_000, 512, 256, 96
PATCH = 187
"""Frames of a patch: 3 s."""
_BANDS = MelConfig(RATE, FFT, HOP, FFT, MELS, 0.0, RATE / 2)
"""Only its filters are used: they multiply powers here."""
_EPSILON = 1e-3
"""TensorFlow's default for batch normalisation."""
# fmt: off
TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano",
    "ambient", "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals",
    "no vocals", "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft",
    "sitar", "solo", "man", "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal",
    "beats", "harp", "cello", "no voice", "weird", "country", "metal", "female voice", "choral",
)
# fmt: on
_INSTALL = "Install it with: pip install --no-deps musicnn==0.1.0 (30 MB), or name its folder with --embeddings."


def installed_folder() -> Path | None:
    """Folder of the installed package, found without importing it; None if it is not there."""
    spec = find_spec("musicnn")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def front_end(waves: np.ndarray) -> torch.Tensor:
    """Log-mel of waves float32 (batch, samples at 16 kHz): float32 (batch, 1 + samples // 256, 96)."""
    tensor = torch.from_numpy(np.ascontiguousarray(waves, dtype=np.float32))
    spectra = torch.stft(tensor, FFT, HOP, window=torch.hann_window(FFT), center=True, return_complex=True)
    mel = (spectra.real**2 + spectra.imag**2).mT @ filterbank(_BANDS)
    return torch.log10(10_000 * mel.clamp(max=65_504).half().float() + 1)  # the largest number of half precision


def patches(mel: torch.Tensor) -> torch.Tensor:
    """Patches (batch, count, 187, mels) that cover (batch, frames, mels) evenly; a short one is repeated to fill its
    patch."""
    frames = mel.shape[1]
    if frames < PATCH:
        mel = mel.repeat(1, -(-PATCH // frames), 1)[:, :PATCH]
        frames = PATCH
    count = max(1, round(frames / PATCH))
    starts = np.rint(np.linspace(0, frames - PATCH, count)).astype(int)
    return torch.stack([mel[:, start : start + PATCH] for start in starts], dim=1)


@dataclass(frozen=True, eq=False)
class Tagger:
    """The weights of one of the two nets, as TensorFlow names and lays them out."""

    weights: dict[str, np.ndarray]
    name: str

    def _tensor(self, name: str) -> torch.Tensor:
        try:
            return torch.from_numpy(np.array(self.weights[name], dtype=np.float32))
        except KeyError:
            remedy = "Install musicnn 0.1.0 anew."
            raise AudioError(self.name, f"the tensor {name} is missing", None, remedy) from None

    @cached_property
    def _norms(self) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
        """Scale and shift of each batch normalisation, from the statistics of training."""
        found = {}
        for number in range(sum(name.endswith("/moving_mean") for name in self.weights)):
            layer = f"batch_normalization_{number}" if number else "batch_normalization"
            gamma, beta = self._tensor(f"{layer}/gamma"), self._tensor(f"{layer}/beta")
            mean, variance = self._tensor(f"{layer}/moving_mean"), self._tensor(f"{layer}/moving_variance")
            scale = gamma / torch.sqrt(variance + _EPSILON)
            found[number] = scale, beta - mean * scale
        return found

    def _norm(self, number: int, x: torch.Tensor) -> torch.Tensor:
        """Batch normalisation over the channels (axis 1)."""
        scale, shift = self._norms[number]
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + shift.view(shape)

    @cached_property
    def _kernels(self) -> dict[str, torch.Tensor]:
        """Convolution kernels, from (height, width, in, out) to (out, in, height, width)."""
        names = [name for name in self.weights if name.endswith("/kernel") and self.weights[name].ndim == 4]
        return {name.removesuffix("/kernel"): self._tensor(name).permute(3, 2, 0, 1).contiguous() for name in names}

    def _convolved(self, layer: str, x: torch.Tensor, padding: int | tuple[int, int] = 0) -> torch.Tensor:
        return F.relu(F.conv2d(x, self._kernels[layer], self._tensor(f"{layer}/bias"), padding=padding))

    def _dense(self, layer: str, x: torch.Tensor) -> torch.Tensor:
        return x @ self._tensor(f"{layer}/kernel") + self._tensor(f"{layer}/bias")


class Vgg(Tagger):
    @torch.inference_mode()
    def __call__(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (batch, 256) and logits (batch, 50) of patches (batch, 187, 96)."""
        x = self._norm(0, mel[:, None])
        pools: list[tuple[int | tuple[int, int], int]] = [((4, 1), 2), (2, 2), (2, 2), (2, 2), (4, 4)]
        for number, (size, stride) in enumerate(pools, 1):
            x = self._norm(number, self._convolved(f"{number}CNN", x, padding=1))
            x = F.max_pool2d(x, size, stride)
        features = x.permute(0, 2, 3, 1).flatten(1)  # TensorFlow flattens (height, width, channel)
        return features, self._dense("dense", features)


class Musicnn(Tagger):
    @torch.inference_mode()
    def __call__(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (batch, 200) and logits (batch, 50) of log-mels (batch, frames, 96) of any length."""
        x = self._norm(0, mel[:, None])
        front = []
        for number in range(5):
            layer = f"conv2d_{number}" if number else "conv2d"
            height = self._kernels[layer].shape[2]
            # Padding in time only; of an even height TensorFlow puts the odd frame at the end.
            padded = F.pad(x, (0, 0, (height - 1) // 2, height // 2))
            front.append(self._norm(number + 1, self._convolved(layer, padded)).amax(dim=3))
        features = [torch.cat(front, dim=1)]
        mid = features[0]
        for number in range(3):
            x = self._convolved(f"conv2d_{number + 5}", mid.transpose(1, 2)[:, None], padding=(3, 0))[..., 0]
            x = self._norm(number + 6, x)
            mid = x + mid if number else x
            features.append(mid)
        sequence = torch.cat(features, dim=1)
        # Largest and mean of each feature stand side by side.
        pooled = torch.stack([sequence.amax(dim=2), sequence.mean(dim=2)], dim=2).flatten(1)
        dense = self._norm(10, F.relu(self._dense("dense", self._norm(9, pooled))))
        return dense, self._dense("dense_1", dense)


def load_taggers(folder: Path | None = None) -> tuple[Vgg, Musicnn]:
    """Both nets, from the installed package or from its folder.

    Raises
    ------
    AudioError
        if it is not there or damaged.
    """
    home = folder or installed_folder()
    if home is None:
        raise AudioError("", "musicnn's weights, which the embeddings come from, are not there", None, _INSTALL)
    names = ("MTT_vgg", "MTT_musicnn")
    for name in names:
        if not (home / name).is_dir():
            raise AudioError(home.name, f"there is no folder {name} in it", None, _INSTALL)
    vgg, musicnn = (read_bundle(home / name) for name in names)
    return Vgg(vgg, names[0]), Musicnn(musicnn, names[1])
