"""Cache of latents: what the denoisers are trained on. `python -m audio_ext.latent.latents WINDOWS CODEC OUT`.

From each window of stems some sums of stems are encoded once (a row each), and examples point at them: submix row, mix
row (the submix and one part more), instruction. A third of the windows first loses a stem altogether, so that the
instruction and not the gap says what comes in. Half of the examples add drums.

Shards `latents-0000.safetensors` hold `latents` fp16 (row, channel, frame, band), `rows` int32 (row, [window, stems as
bits in the order of STEMS, caption]), `examples` int32 (example, [mix row, submix row, part, instruction]), and the
texts' states: `tokens` fp16 (word of all texts, width), `ends` int32 (text,). Text 0 is the empty one. In the header:
`facts` (JSON: song, start, style, tempo of each window), `texts` (JSON), and `codec` (hash of the codec's weights).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from audio_ext.errors import AudioError
from audio_ext.latent.instructions import caption, instruction
from audio_ext.latent.latent_shards import FORMAT, TextTable, codec_of
from audio_ext.latent.text import TextEncoder
from audio_ext.latent.windows import STEMS, Window, Windows, heard_stems

PARTS = ("drums", "bass", "guitar")
LEFT_OUT = 1 / 3
"""Share of windows that lose a stem before anything else."""
GAIN_DB = 3.0
"""Stems are raised or lowered by up to so much, each window anew."""
BATCH = 4
"""Pictures that the codec gets at once."""

Encode = Callable[[Tensor], Tensor]
"""Waves float32 (batch, samples) to latents (batch, channel, frame, band)."""


@dataclass
class Drawn:
    """What a window becomes: sums of stems (bits of STEMS), and examples (bits of the submix, part)."""

    stems: np.ndarray
    sums: list[int] = field(default_factory=list)
    examples: list[tuple[int, str]] = field(default_factory=list)


def bits(names: Sequence[str]) -> int:
    return sum(1 << STEMS.index(name) for name in names)


def names_of(sum_bits: int) -> tuple[str, ...]:
    return tuple(name for at, name in enumerate(STEMS) if sum_bits >> at & 1)


def draw(window: Window, rng: np.random.Generator) -> Drawn:
    """Choose gains, what is left out, and which parts are taken away: drums if they play, and one further part."""
    gains = 10 ** (rng.uniform(-GAIN_DB, GAIN_DB, len(STEMS)) / 20)
    stems = (window.stems * gains[:, None]).astype(np.float32)
    stems /= max(1.0, float(np.abs(stems.sum(axis=0)).max()), float(np.abs(stems).max()))
    heard = list(heard_stems(stems))
    if len(heard) > 2 and rng.random() < LEFT_OUT:
        # Drums stay: they are half of the work, and not every window has them.
        heard.remove(str(rng.choice([name for name in heard if name != "drums"])))
    drawn = Drawn(stems)
    others = [part for part in PARTS if part in heard and part != "drums"]
    taken = (["drums"] if "drums" in heard else []) + ([str(rng.choice(others))] if others else [])
    if len(heard) < 2 or not taken:
        return drawn
    drawn.sums.append(bits(heard))
    for part in taken:
        under = bits([name for name in heard if name != part])
        drawn.sums.append(under)
        drawn.examples.append((under, part))
    return drawn


def waves(drawn: Drawn) -> Tensor:
    """The sums of a window, float32 (sum, samples)."""
    chosen = np.array([[one >> at & 1 for at in range(len(STEMS))] for one in drawn.sums], dtype=np.float32)
    return torch.from_numpy(chosen @ drawn.stems)


def write_latents(
    path: Path,
    windows: list[Window],
    encode: Encode,
    text: TextEncoder,
    rng: np.random.Generator,
    codec: str = "",
    takes: int = 1,
) -> int:
    """Write one shard, whole or not at all; the number of its examples. `takes` : how often each window is drawn."""
    latents: list[Tensor] = []
    rows: list[tuple[int, int, int]] = []
    examples: list[tuple[int, int, int, int]] = []
    texts = TextTable()
    for number, window in enumerate(windows * takes):
        drawn = draw(window, rng)
        if not drawn.examples:
            continue
        sums = waves(drawn)
        latents += [encode(sums[at : at + BATCH]).cpu() for at in range(0, len(sums), BATCH)]
        place = {}
        for one in drawn.sums:
            place[one] = len(rows)
            rows.append((number % len(windows), one, texts.add(caption(window.facts, names_of(one)))))
        for under, part in drawn.examples:
            told = texts.add(instruction(window.facts, part, rng))
            examples.append((place[drawn.sums[0]], place[under], STEMS.index(part), told))
    if not examples:
        return 0
    tokens, ends = texts.encoded(text)
    tensors = {
        "latents": torch.cat(latents).to(torch.float16),
        "rows": torch.tensor(rows, dtype=torch.int32),
        "examples": torch.tensor(examples, dtype=torch.int32),
        "tokens": tokens,
        "ends": ends,
    }
    facts = [
        {"song": one.song, "start": one.start, "style": one.style, "tempo_qpm": one.tempo_qpm}
        for one in (window.facts for window in windows)
    ]
    header = {"format": FORMAT, "facts": json.dumps(facts), "texts": json.dumps(texts.sentences), "codec": codec}
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    save_file(tensors, str(beside), header)
    beside.replace(path)
    return len(examples)


def fingerprint(path: Path) -> str:
    """Sixteen hex digits of a file's SHA-256, so that latents of one codec are not decoded by another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def make_latents(
    folder: Path,
    codec_path: Path,
    out: Path,
    text: TextEncoder,
    most: int | None = None,
    seed: int = 0,
    takes: int = 1,
) -> int:
    """Encode a folder of windows, one shard of latents for each shard of windows; those there already stay as they are.

    So more windows can come later, and what was stopped goes on.

    Parameters
    ----------
    most : shards at most, counted from the first. takes : how often each window is drawn, each time with other gains,
        other parts taken away and other words.

    Returns
    -------
    Examples written.

    Raises
    ------
    AudioError
        if windows or codec can't be read, or `out` has latents of another codec.
    """
    from audio_ext.latent.mel import log_mel
    from audio_ext.latent.system import open_codec

    codec = open_codec(codec_path)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    codec.to(device)
    mark, written = fingerprint(codec_path), 0

    @torch.no_grad()
    def encode(waves: Tensor) -> Tensor:
        return codec.encode(log_mel(waves.to(device), codec.config.mel))

    for number, shard in enumerate(Windows(folder).shards[:most]):
        path = out / shard.path.name.replace("windows-", "latents-")
        if path.exists():
            if codec_of(path) != mark:
                raise AudioError(path.name, "it was made by another codec", f"in {out}", "Use a new folder.")
            continue
        began = time.monotonic()
        made = write_latents(path, list(shard), encode, text, np.random.default_rng([seed, number]), mark, takes)
        written += made
        sys.stderr.write(f"{path.name}: {made} examples in {time.monotonic() - began:.0f} s\n")
    return written


def main() -> None:
    from audio_ext.latent.text import MiniLm

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("windows", type=Path, help="folder of windows")
    parser.add_argument("codec", type=Path, help="codec.safetensors")
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=None, help="shards at most")
    parser.add_argument("--takes", type=int, default=1, help="how often each window is drawn")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    make_latents(asked.windows, asked.codec, asked.out, MiniLm(), asked.most, asked.seed, asked.takes)


if __name__ == "__main__":
    main()
