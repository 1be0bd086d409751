"""Cache of stems' latents: what MSG-LD is trained on. `python -m audio_ext.latent.stem_latents WINDOWS CODEC OUT`.

Of each window its four stems and their mixture are encoded once, or `takes` times, each with other gains. Shards
`stems-0000.safetensors` hold `stems` fp16 (row, stem, z, frame, band) in the order of STEMS and `mixture` fp16 (row, z,
frame, band); in the header `facts` (JSON: song and start of each row) and `codec` (hash of the codec's file). Training
from them needs neither windows nor codec. A row of 10.24 s takes 0.2 MB.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from audio_ext.errors import AudioError, reason
from audio_ext.latent.latent_shards import codec_of
from audio_ext.latent.latents import GAIN_DB, fingerprint
from audio_ext.latent.windows import STEMS, Window, Windows

FORMAT = "arranger-stem-latents/1"
REMEDY = "Make some with: python -m audio_ext.latent.stem_latents WINDOWS CODEC OUT"

Encode = Callable[[Tensor], Tensor]
"""Waves float32 (batch, sample) to latents (batch, z, frame, band)."""


def drawn(window: Window, rng: np.random.Generator) -> np.ndarray:
    """Stems and their sum, float32 (5, sample), within -1..1: the stems at random gains, up to `GAIN_DB` either way."""
    gains = 10 ** (rng.uniform(-GAIN_DB, GAIN_DB, len(STEMS)) / 20)
    stems = (window.stems * gains[:, None]).astype(np.float32)
    stems /= max(1.0, float(np.abs(stems.sum(axis=0)).max()), float(np.abs(stems).max()))
    return np.concatenate([stems, stems.sum(axis=0, keepdims=True)])


def write_stem_latents(
    path: Path, windows: Sequence[Window], encode: Encode, rng: np.random.Generator, codec: str = "", takes: int = 1
) -> int:
    """Write one shard, whole or not at all; the number of its rows."""
    stems, mixtures, facts = [], [], []
    for window in (one for _ in range(takes) for one in windows):
        found = encode(torch.from_numpy(drawn(window, rng))).cpu().to(torch.float16)
        stems.append(found[:-1])
        mixtures.append(found[-1])
        facts.append({"song": window.facts.song, "start": window.facts.start})
    header = {"format": FORMAT, "facts": json.dumps(facts), "codec": codec}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    save_file({"stems": torch.stack(stems), "mixture": torch.stack(mixtures)}, str(beside), header)
    beside.replace(path)
    return len(stems)


def make_stem_latents(
    folder: Path, codec_path: Path, out: Path, most: int | None = None, seed: int = 0, takes: int = 1
) -> int:
    """Encode a folder of windows, one shard for each of its shards; those there already stay as they are.

    Parameters
    ----------
    most : windows at most, counted from the first. takes : how often each window is drawn.

    Returns
    -------
    Rows written.

    Raises
    ------
    AudioError
        if windows or codec can't be read, or `out` has latents of another codec.
    """
    from audio_ext.latent.mel import log_mel
    from audio_ext.latent.system import open_codec

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    codec = open_codec(codec_path).to(device)
    mark, written, left = fingerprint(codec_path), 0, most

    @torch.no_grad()
    def encode(waves: Tensor) -> Tensor:
        return torch.cat([codec.encode(log_mel(one[None].to(device), codec.config.mel)) for one in waves])

    for number, shard in enumerate(Windows(folder).shards):
        some = shard[: len(shard) if left is None else left]
        if not some:
            break
        left = None if left is None else left - len(some)
        path = out / shard.path.name.replace("windows-", "stems-")
        if path.exists():
            if codec_of(path) != mark:
                raise AudioError(path.name, "it was made by another codec", f"in {out}", "Use a new folder.")
            continue
        began = time.monotonic()
        written += write_stem_latents(path, some, encode, np.random.default_rng([seed, number]), mark, takes)
        sys.stderr.write(f"{path.name}: {len(some) * takes} rows in {time.monotonic() - began:.0f} s\n")
    return written


class StemLatents:
    """All shards of a folder, in memory (1,000 rows: 0.2 GB).

    Parameters
    ----------
    stems : fp16 (row, stem, z, frame, band). mixture : fp16 (row, z, frame, band). codec : hash of the codec's file.

    Raises
    ------
    AudioError
        if there are none, one is damaged, or they come from different codecs.
    """

    def __init__(self, folder: Path):
        paths = sorted(folder.glob("stems-*.safetensors"))
        if not paths:
            raise AudioError(folder.name, "there are no latents of stems in it", None, REMEDY)
        parts = [_read(path) for path in paths]
        if len({(codec, stems.shape[1:]) for codec, stems, _ in parts}) > 1:
            raise AudioError(folder.name, "its latents come from different codecs", None, "Make them again.")
        self.codec = parts[0][0]
        self.stems = torch.cat([stems for _, stems, _ in parts])
        self.mixture = torch.cat([mixture for _, _, mixture in parts])

    def __len__(self) -> int:
        return len(self.stems)

    def batch(self, size: int, frames: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Random crops: stems float32 (size, stem, z, frames, band), and their mixtures (size, z, frames, band)."""
        rows = rng.integers(len(self), size=size)
        starts = rng.integers(self.stems.shape[3] - frames + 1, size=size)
        places = list(zip(rows.tolist(), starts.tolist(), strict=True))
        stems = torch.stack([self.stems[row, :, :, at : at + frames] for row, at in places])
        return stems.float(), torch.stack([self.mixture[row, :, at : at + frames] for row, at in places]).float()


def _read(path: Path) -> tuple[str, Tensor, Tensor]:
    """(codec, stems, mixture) of a shard."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r:.40}, not {FORMAT}")
            stems, mixture = file.get_tensor("stems"), file.get_tensor("mixture")
        if stems.ndim != 5 or not len(stems) or (*stems.shape[:1], *stems.shape[2:]) != tuple(mixture.shape):
            raise ValueError("its tensors have other shapes")
        if not (stems.is_floating_point() and torch.isfinite(stems).all() and torch.isfinite(mixture).all()):
            raise ValueError("not all of its numbers are finite")
    except (OSError, SafetensorError, ValueError) as err:
        problem = f"it is no readable shard of stems' latents ({reason(err)})"
        raise AudioError(path.name, problem, f"in {path.parent}", "Make the latents again.") from err
    return str(header.get("codec", "")), stems, mixture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("windows", type=Path, help="folder of windows")
    parser.add_argument("codec", type=Path, help="codec.safetensors")
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=None, help="windows at most")
    parser.add_argument("--takes", type=int, default=1, help="how often each window is drawn")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    make_stem_latents(asked.windows, asked.codec, asked.out, asked.most, asked.seed, asked.takes)


if __name__ == "__main__":
    main()
