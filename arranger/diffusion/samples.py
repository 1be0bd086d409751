"""Samples drawn while training, as PNG piano rolls; numpy and the standard library alone."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from arranger.diffusion.config import TrainConfig
from arranger.diffusion.layout import (
    BASS,
    DRUMS,
    GUITAR,
    MODES,
    OTHER,
    PART_OF_PLANE,
    STATIC_FEATURES,
    STEPS,
    TARGET_PLANES,
)
from arranger.diffusion.runtime import Denoise
from arranger.diffusion.sampler import Problem, SamplerSettings, sample
from arranger.diffusion.windows import Batch, IndexedPiece, Trial, make_batch
from arranger.parts import PARTS

SAMPLE_STEPS = 16
GIVEN_COLOUR, FOUND_COLOUR, PAPER = (150, 160, 175), (200, 70, 40), (255, 255, 255)
RULE_COLOUR = (225, 228, 232)


def torch_denoiser(net: nn.Module, device: torch.device) -> Denoise:
    """A net as the sampler's callable."""

    @torch.no_grad()
    def denoise(noisy: np.ndarray, given: np.ndarray, features: np.ndarray, place: np.ndarray) -> np.ndarray:
        arrays = (noisy.astype(np.float32), given.astype(np.float32), features.astype(np.float32), place)
        return net(*(torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in arrays)).float().cpu().numpy()

    return denoise


def window_problem(batch: Batch, index: int, part: int) -> Problem:
    """One window of a batch as a problem of the sampler: `part` is hidden in all of it."""
    there = batch.place[index, :, 2] == 1
    tokens = int(there.sum())
    given = batch.given[index, :tokens].astype(bool)
    return Problem(
        given,
        np.tile(np.arange(3) == part, (tokens, 1)),
        np.tile(np.where(np.arange(3) == part, MODES["unknown"], MODES["given"]), (tokens, 1)),
        batch.features[index, :tokens, :STATIC_FEATURES],
        batch.place[index, :tokens],
        np.any(batch.weight[index, :tokens][..., part == PART_OF_PLANE], axis=-1),
        np.full((tokens, 3), np.nan),
        np.arange(tokens),
        np.zeros((tokens, STEPS, TARGET_PLANES), dtype=np.float32),
    )


def draw_samples(
    net: nn.Module,
    songs: list[IndexedPiece],
    config: TrainConfig,
    prior: np.ndarray,
    device: torch.device,
    folder: Path,
    step: int,
) -> list[Path]:
    """One picture a part: what is given in grey; above the true part, below it a sample. Always the same windows."""
    folder.mkdir(exist_ok=True)
    written = []
    for part in range(len(PARTS)):
        rng = np.random.default_rng([11, part])
        batch = make_batch(songs, np.full(len(songs), 1 / len(songs)), config, prior, rng, Trial(part, 1.0))
        problem = window_problem(batch, 0, part)
        settings = SamplerSettings(steps=SAMPLE_STEPS)
        roll = sample(torch_denoiser(net, device), problem, config.net.window, prior, settings, [(0,)])[0]
        truth = batch.truth[0, : len(roll)].astype(bool) & (part == PART_OF_PLANE)
        strips = [_strip(problem.given, part_roll) for part_roll in (truth, roll)]
        rule = np.full((3, strips[0].shape[1], 3), RULE_COLOUR, dtype=np.uint8)
        path = folder / f"{PARTS[part]}-{step:06d}.png"
        path.write_bytes(png(np.concatenate([strips[0], rule, strips[1]])))
        written.append(path)
    return written


def _strip(given: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Context and one part as pixels, uint8 (row, step, 3): other tracks on top, then guitar, bass, drum onsets."""
    bands = []
    for cells, first, planes, height in (
        (None, TARGET_PLANES, OTHER.sustain, 2),
        (part, 0, GUITAR.sustain, 2),
        (part, 0, BASS.sustain, 2),
        (part, 0, DRUMS.onset, 4),
    ):
        shown = slice(first + planes.start, first + planes.stop)
        band = np.full((planes.stop - planes.start, given.shape[0] * STEPS, 3), PAPER, dtype=np.uint8)
        band[given[..., shown].reshape(-1, len(band)).T[::-1]] = GIVEN_COLOUR
        if cells is not None:
            band[cells[..., planes].reshape(-1, len(band)).T[::-1]] = FOUND_COLOUR
        line = np.full((1, band.shape[1], 3), RULE_COLOUR, dtype=np.uint8)
        bands += [band.repeat(height, axis=0), line]
    return np.concatenate(bands)


def png(image: np.ndarray) -> bytes:
    """RGB picture as a PNG file, from uint8 (row, column, 3) (W3C PNG, colour type 2, filter 0)."""
    height, width, _ = image.shape
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), image.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )
