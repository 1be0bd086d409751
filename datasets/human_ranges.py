"""What human parts measure: `python -m datasets.human_ranges SHARDS -o arranger/data/human_ranges.json`.

The 5th and 95th percentile of each of the critic's measures over whole parts of the songs in the shards. With
`--densities arranger/data/densities.json` also the percentiles by which parts are called sparse or busy.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from arranger.amount import strokes_a_bar
from arranger.critic import part_measures
from arranger.diffusion.shards import BASS_LINE, DRUMS_LINE, OTHER_LINE, Piece, read_shards
from arranger.grid import ROWS, Grid
from arranger.parts import PARTS, ROLES
from arranger.song import Bar

LOW, HIGH = 5, 95


def piece_to_grid(piece: Piece) -> Grid:
    """The piece's grid; ticks are steps."""
    table = np.concatenate([[0], np.cumsum(piece.bar_steps, dtype=np.int64)])
    onset, sustain = (np.zeros((len(ROLES), ROWS, int(table[-1])), dtype=bool) for _ in range(2))
    bar = np.repeat(np.arange(len(piece.bar_notes)), piece.bar_notes)
    first = table[bar] + piece.note_step
    plane_of = {DRUMS_LINE: "drums", BASS_LINE: "bass", OTHER_LINE: "other"}
    for line, row, at, length in zip(piece.note_line, piece.note_row, first, piece.note_length, strict=True):
        plane = ROLES.index(plane_of.get(int(line), "guitar"))
        onset[plane, row, at] = True
        sustain[plane, row, at : at + int(length)] = True
    metres = piece.bar_metre.tolist()
    bars = tuple(Bar(i, int(table[i]), int(piece.bar_steps[i]), *metres[i]) for i in range(len(metres)))
    return Grid(onset, sustain, table, bars, 12)


def ranges(pieces: list[Piece]) -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, list[float]]] = {part: defaultdict(list) for part in PARTS}
    for piece in pieces:
        grid = piece_to_grid(piece)
        for part in PARTS:
            at = ROLES.index(part)
            if not grid.onset[at].any():
                continue
            measured = part_measures(part, (grid.onset[at], grid.sustain[at]), grid, (0, len(grid.bars)))
            for name, value in measured.items():
                if not math.isnan(value):
                    found[part][name].append(value)
    return {
        part: {name: tuple(np.round(np.percentile(run, [LOW, HIGH]), 4).tolist()) for name, run in sorted(by.items())}
        for part, by in found.items()
    }


def densities(pieces: list[Piece]) -> dict[str, list[float]]:
    """part -> the 10th, 20th, ... 90th percentile of strokes a bar."""
    found: dict[str, list[float]] = {part: [] for part in PARTS}
    for piece in pieces:
        grid = piece_to_grid(piece)
        for part in PARTS:
            strokes = strokes_a_bar(grid.onset[ROLES.index(part)], grid, range(len(grid.bars)))
            if strokes:
                found[part].append(strokes)
    return {part: np.round(np.percentile(run, range(10, 100, 10)), 3).tolist() for part, run in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--densities", type=Path, help="file for the percentiles of strokes a bar")
    parser.add_argument("--songs", type=int, default=400)
    arguments = parser.parse_args()
    pieces = read_shards(arguments.shards, "train")
    chosen = np.random.default_rng(0).permutation(len(pieces))[: arguments.songs]
    drawn = [pieces[pick] for pick in chosen]
    arguments.out.write_text(json.dumps(ranges(drawn), indent=1) + "\n")
    if arguments.densities:
        arguments.densities.write_text(json.dumps(densities(drawn)) + "\n")


if __name__ == "__main__":
    main()
