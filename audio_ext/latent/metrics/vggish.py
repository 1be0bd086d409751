"""VGGish (Hershey et al. 2017, arXiv 1609.09430), the net of the Fréchet audio distance, for weights that a user has.

No package carries its weights. A file that has them as `torchvggish` names them (`features.0.weight` to
`embeddings.4.bias`, 72 M numbers), saved as safetensors, is loaded strictly. The embedding is the 128 numbers after the
last layer, before PCA and quantisation; FAD (Kilgour et al. 2019, arXiv 1812.08466) takes it without a last ReLU, as
google-research's code does.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from audio_ext.errors import AudioError, reason

RATE, WINDOW, HOP, FFT, MELS = 16_000, 400, 160, 512, 64
LOWEST, HIGHEST = 125.0, 7_500.0
EXAMPLE = 96
"""Frames of one example: 0.96 s, without overlap."""
MAX_BYTES = 400 << 20
_REMEDY = "Convert torchvggish's state dict to safetensors, all names kept."


def front_end(waves: np.ndarray) -> torch.Tensor:
    """Examples float32 (batch, count, 96, 64) of waves (batch, samples at 16 kHz); short ones are filled with
    silence."""
    tensor = torch.from_numpy(np.ascontiguousarray(waves, dtype=np.float32))
    least = WINDOW + (EXAMPLE - 1) * HOP
    tensor = nn.functional.pad(tensor, (0, max(0, least - tensor.shape[1])))
    frames = tensor.unfold(1, WINDOW, HOP) * torch.hann_window(WINDOW)
    mel = torch.fft.rfft(frames, FFT).abs() @ _bank()
    count = mel.shape[1] // EXAMPLE
    return torch.log(mel[:, : count * EXAMPLE] + 0.01).unflatten(1, (count, EXAMPLE))


@cache
def _bank() -> torch.Tensor:
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(FFT // 2 + 1, MELS, LOWEST, HIGHEST, RATE, mel_scale="htk", triangularize_in_mel_space=True)
    return torch.from_numpy(bank).float()


class Vggish(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 1
        for wide in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0):
            if wide:
                layers += [nn.Conv2d(width, wide, 3, padding=1), nn.ReLU()]
                width = wide
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        sizes = (512 * 6 * 4, 4096, 4096, 128)
        dense: list[nn.Module] = []
        for inner, outer in pairwise(sizes):
            dense += [nn.Linear(inner, outer), nn.ReLU()]
        self.embeddings = nn.Sequential(*dense[:-1])

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """Embeddings (batch, 128) of examples (batch, 96, 64)."""
        found = self.features(examples[:, None])
        # The dense layers were trained on (height, width, channel).
        return self.embeddings(found.permute(0, 2, 3, 1).flatten(1))


def load_vggish(path: Path) -> Vggish:
    """The net with a file's weights: every tensor there, none more, all finite.

    Raises
    ------
    AudioError
        if the file is missing, larger than `MAX_BYTES` or not these weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.stat().st_size > MAX_BYTES:
            raise AudioError(path.name, f"it is larger than {MAX_BYTES >> 20} MiB", None, _REMEDY)
        tensors = load_file(path)
    except (OSError, SafetensorError, ValueError) as err:
        raise AudioError(path.name, f"it can't be read as safetensors ({reason(err)})", None, _REMEDY) from err
    with torch.device("meta"):
        net = Vggish()
    expected = {name: tensor.shape for name, tensor in net.state_dict().items()}
    if wrong := sorted(expected.keys() ^ tensors.keys()):
        raise AudioError(path.name, f"tensors are missing or too many ({', '.join(wrong[:3])})", None, _REMEDY)
    for name, tensor in tensors.items():
        if tensor.shape != expected[name] or not tensor.isfinite().all():
            raise AudioError(path.name, f"the tensor {name} has another shape or no finite numbers", None, _REMEDY)
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True, assign=True)
    return net.eval()
