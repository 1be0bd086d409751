"""A small token net and small songs, for the tests of the token model."""

from __future__ import annotations

import numpy as np
import torch
from evaluate_songs import SONGS, band

from arranger.diffusion.shards import Piece
from arranger.evaluation.tasks import Task, strip
from arranger.evaluation.tokens.config import NetConfig, TrainConfig
from arranger.evaluation.tokens.model import TokenNet
from arranger.evaluation.tokens.songs import TokenSong, from_piece, from_song
from arranger.parts import detect_parts
from datasets.pieces import piece_from_song

NET = NetConfig(width=32, blocks=2, heads=2)
TINY = TrainConfig(
    net=NET, max_tokens=320, steps=6, warmup=2, log_every=2, validate_every=3, save_every=3, learning_rate=3e-3
)


def small_net(seed: int = 0, scale: float = 8.0) -> TokenNet:
    """An untrained net whose weights are so large that it has opinions."""
    torch.manual_seed(seed)
    net = TokenNet(NET).eval()
    with torch.no_grad():
        for weight in net.parameters():
            if weight.ndim == 2:
                weight *= scale
    return net


def pieces() -> list[Piece]:
    return [piece_from_song(path.name, song) for path, song in SONGS.items()]


def task_of(seed: int, parts: tuple[str, ...], bars: tuple[int, int] = (0, 8), only: tuple[int, ...] = ()) -> Task:
    """A song of `evaluate_songs` with parts of it taken out."""
    song = band(seed)
    task = strip(song, detect_parts(song), parts, bars, only)
    assert task is not None
    return task


def both(seed: int) -> tuple[TokenSong, TokenSong]:
    """The same song by way of the training shards and by way of the evaluation."""
    song = band(seed)
    return from_piece(piece_from_song("song", song)), from_song(song, detect_parts(song))


def everything(song: TokenSong) -> np.ndarray:
    return song.notes(0, len(song.bar_steps))
