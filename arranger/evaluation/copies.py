"""Memorisation in an evaluation: the longest common run with training songs, of the fills and of what was hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arranger.diffusion.shards import Piece, read_shard
from arranger.errors import ArrangerError
from arranger.evaluation.evaluate import Heard
from arranger.evaluation.fillers import NEIGHBOURS
from arranger.evaluation.memorisation import Match, longest_matches, part_steps, piece_lines
from arranger.evaluation.tables import plain_table

SAMPLED_SONGS = 1000


@dataclass(frozen=True)
class Copy:
    """The longest run that one filler's part of one song shares with the training songs looked at."""

    song: str
    part: str
    filler: str
    match: Match


class Collector:
    """Gathers whole parts during an evaluation; hand `Collector.observe` to `evaluate`."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str, str], np.ndarray] = {}

    def observe(self, heard: Heard) -> None:
        """Take a filler's first fill of each whole part."""
        task = heard.case.task
        if task.mask != "whole" or heard.filler == NEIGHBOURS or heard.refusal:
            return
        part = task.parts[0]
        key = (task.name, part, heard.filler)
        if key not in self.parts:
            self.parts[key] = part_steps(heard.fill.notes(part), part, task.song.ticks_per_quarter)

    def copies(self, pieces: Sequence[Piece]) -> list[Copy]:
        """The longest run of each part gathered in the training songs."""
        found = []
        for part in dict.fromkeys(part for _, part, _ in self.parts):
            keys = [key for key in self.parts if key[1] == part]
            lines = ((piece.name, list(piece_lines(piece, part))) for piece in pieces)
            matches = longest_matches([self.parts[key] for key in keys], lines)
            found += [Copy(*key, match) for key, match in zip(keys, matches, strict=True)]
        return found


def sample_pieces(folder: Path, count: int = SAMPLED_SONGS, seed: int = 0) -> list[Piece]:
    """Training songs drawn from a folder of shards, the same for the same seed.

    Raises
    ------
    ArrangerError
        if there are no shards in the folder; TrainingError if one can't be read.
    """
    paths = sorted(folder.glob("train-*.shard"))
    if not paths:
        raise ArrangerError(f"{folder}: there is no train-*.shard in it; python -m datasets.prepare makes them.")
    rng = np.random.default_rng(seed)
    drawn: list[Piece] = []
    for at, share in enumerate(_shares(count, len(paths))):
        pieces = read_shard(paths[at])
        drawn += [pieces[pick] for pick in sorted(rng.permutation(len(pieces))[:share].tolist())]
    return drawn


def render_copies(copies: Sequence[Copy], songs: int) -> str:
    """Median and longest run of each filler beside the truth's, and how often it is longer than the truth's."""
    if not copies:
        return ""
    truth = {(copy.song, copy.part): copy.match.notes for copy in copies if copy.filler == "truth"}
    title = f"longest run shared with any of {songs} training songs"
    rows = [[title, "median notes", "longest", "of a part's notes, median", "longer than the truth's"]]
    for part, filler in dict.fromkeys((copy.part, copy.filler) for copy in copies):
        mine = [copy for copy in copies if (copy.part, copy.filler) == (part, filler)]
        lengths = [copy.match.notes for copy in mine]
        shares = [copy.match.notes / max(1, copy.match.total) for copy in mine]
        longer = sum(copy.match.notes > truth.get((copy.song, part), 0) for copy in mine)
        longest = max(mine, key=lambda copy: copy.match.notes)
        rows.append(
            [
                f"{part}, {filler}",
                f"{np.median(lengths):.0f}",
                f"{longest.match.notes} ({longest.song})",
                f"{np.median(shares):.0%}",
                f"{longer}/{len(mine)}",
            ]
        )
    return plain_table(rows)


def _shares(count: int, shards: int) -> Iterator[int]:
    """`count` spread over the shards, the first ones taking one more."""
    return (count // shards + (at < count % shards) for at in range(shards))
