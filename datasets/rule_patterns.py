"""Count what the rules go by: `python -m datasets.rule_patterns TRAIN_DIR -o arranger/data/rules.json`.

Three kinds of numbers, all of whole songs' worth of evidence and none of any one song: logistic tables of how likely
a stroke of each voice is at each place given what the band plays (`arranger.rules.tables`), the same for whether a part
plays at all in a bar, and the weights by which what sounds speaks for a root (`arranger.rules.roots`). Fitted by
Newton's method with a ridge penalty; a few hundred places are drawn from each song, so that long songs weigh no more.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arranger.diffusion.shards import Piece
from arranger.errors import ArrangerError
from arranger.grid import DRUMS, Grid
from arranger.parts import PARTS, ROLES
from arranger.rules.context import Heard, listen
from arranger.rules.guitar import HIGH, LOW, note_cells, note_features
from arranger.rules.roots import chroma, find_roots, rotated, song_beats
from arranger.rules.tables import bar_features, layout, step_features
from arranger.voices import VOICES
from datasets.human_ranges import piece_to_grid
from datasets.pieces import piece_from_file

DRUM_VOICES = ("kick", "snare", "side stick", "closed hat", "open hat", "ride", "crash")
STEPS_A_SONG, BEATS_A_SONG, STROKES_A_SONG = 600, 40, 40
RIDGE, ROUNDS = 3.0, 8
SONGS, SEED = 800, 0

Song = tuple[Grid, np.ndarray]
"""A grid, and the tempo of each of its bars in quarters a minute."""


def songs_of(folder: Path, count: int, seed: int) -> Iterator[Song]:
    """`count` songs of a folder of MIDI files, drawn at random; unreadable ones are passed over."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
    random.Random(seed).shuffle(paths)
    for path in paths:
        if count == 0:
            return
        try:
            piece: Piece = piece_from_file(path.name, path.read_bytes())
        except ArrangerError:
            continue
        yield piece_to_grid(piece), piece.bar_tempo
        count -= 1


class Evidence:
    """Rows of features and answers, table by table."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[np.ndarray, ...]]] = defaultdict(list)
        self.roots: dict[str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)

    def add(self, grid: Grid, tempo: np.ndarray, rng: np.random.Generator) -> None:
        """What one song says about each part that it has."""
        for part in PARTS:
            hidden = ROLES.index(part)
            if not grid.onset[hidden].any():
                continue
            heard = listen(grid, hidden, tempo)
            sounds = np.logical_or.reduceat(grid.sustain[hidden].any(axis=0), grid.bar_steps[:-1])
            bars = np.flatnonzero(heard.band)
            self.rows[f"{part} plays"].append((bar_features(heard)[bars], np.zeros((len(bars), 2), int), sounds[bars]))
            self._strokes(part, heard, sounds, rng)
            if part != "drums":
                self._roots(part, grid, rng)
            if part == "guitar":
                self._notes(heard, rng)

    def _strokes(self, part: str, heard: Heard, sounds: np.ndarray, rng: np.random.Generator) -> None:
        """Places of the bars in which the part plays, and whether each of its voices strikes there."""
        grid = heard.grid
        steps = np.flatnonzero((heard.place >= 0) & (heard.band & sounds)[grid.bar_of_step])
        steps = np.sort(rng.permutation(steps)[:STEPS_A_SONG])
        found, cells = step_features(heard, steps), np.stack([heard.place[steps], heard.kind[steps]], axis=1)
        onset = grid.onset[heard.hidden]
        names = [voice.name for voice in VOICES]
        if heard.hidden == DRUMS:
            for name in DRUM_VOICES:
                self.rows[name].append((found, cells, onset[names.index(name), steps]))
        else:
            self.rows[part].append((found, cells, onset[:, steps].any(axis=0)))

    def _roots(self, part: str, grid: Grid, rng: np.random.Generator) -> None:
        """Beats in which the part has a lowest pitch class for most of the time, and which one."""
        edges, _ = song_beats(grid)
        hidden = ROLES.index(part)
        found = chroma(grid, hidden, edges)
        own = chroma(Grid(*_only(grid, hidden)), -1, edges)[:, 2 * (hidden - 1) + 1]
        beats = np.flatnonzero((own.max(axis=1) > 0.5) & found.any(axis=(1, 2)))
        beats = rng.permutation(beats)[:BEATS_A_SONG]
        self.roots[part].append((found[beats].astype(np.float32), own[beats].argmax(axis=1)))

    def _notes(self, heard: Heard, rng: np.random.Generator) -> None:
        """Strokes of the guitar, and which pitches they have; the root is that of the bass or the lowest note."""
        grid = heard.grid
        strokes = np.flatnonzero(grid.onset[heard.hidden].any(axis=0) & heard.band[grid.bar_of_step])
        strokes = np.sort(rng.permutation(strokes)[:STROKES_A_SONG])
        roots = find_roots(grid, "guitar")[strokes]
        found = note_features(heard, strokes)
        cells = np.stack(note_cells(roots), axis=2)
        struck = grid.onset[heard.hidden, LOW:HIGH][:, strokes].T
        rows = found.reshape(-1, found.shape[2]), cells.reshape(-1, 2), struck.ravel()
        self.rows["guitar notes"].append(rows)


def _only(grid: Grid, role: int) -> tuple[Any, ...]:
    """The fields of a grid with nothing but one role."""
    keep = (np.arange(len(ROLES)) == role)[:, None, None]
    return grid.onset & keep, grid.sustain & keep, grid.bar_steps.copy(), grid.bars, grid.ticks_per_quarter


def fit_logistic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights, shape (feature,), of a logistic regression with a ridge penalty, by Newton's method."""
    weights = np.zeros(x.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (y - chance) - RIDGE * weights
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        weights = weights + np.linalg.solve(curve, slope)
    return weights


def fit_roots(found: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Weights, shape (72,), of the softmax over candidate roots; `found` is chroma, `root` the right answer.

    Newton's steps are halved until they gain, since a full one can overshoot where a root is all but certain.
    """
    x = rotated(found)
    flat, at = x.reshape(-1, x.shape[2]), np.arange(len(root))

    def chances(weights: np.ndarray) -> tuple[np.ndarray, float]:
        score = (x @ weights).astype(float)
        score -= score.max(axis=1, keepdims=True)
        total = np.exp(score).sum(axis=1, keepdims=True)
        gain = float((score[at, root] - np.log(total[:, 0])).sum()) - RIDGE / 2 * float(weights @ weights)
        return np.exp(score) / total, gain

    weights = np.zeros(x.shape[2], dtype=x.dtype)
    chance, gain = chances(weights)
    for _ in range(ROUNDS):
        weighted = (flat * chance.reshape(-1, 1).astype(x.dtype)).reshape(x.shape)
        mean = weighted.sum(axis=1)
        slope = (x[at, root] - mean).sum(axis=0) - RIDGE * weights
        curve = weighted.reshape(flat.shape).T @ flat - mean.T @ mean + RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curve.astype(float), slope.astype(float)).astype(x.dtype)
        for _ in range(ROUNDS):
            moved = chances(weights + step)
            if moved[1] > gain:
                weights, (chance, gain) = weights + step, moved
                break
            step = step / 2
    return weights


def fit_table(rows: list[tuple[np.ndarray, ...]], names: tuple[str, ...], shape: tuple[int, int]) -> dict[str, Any]:
    """One table as it is stored: a bias for each place and kind, weights by feature for each place."""
    x, cells, y = (np.concatenate(column) for column in zip(*rows, strict=True))
    places, kinds = shape
    bias, weight = np.zeros(shape), np.zeros((places, len(names)))
    for place in range(places):
        run = cells[:, 0] == place
        kind = np.eye(kinds)[cells[run, 1]]
        fitted = fit_logistic(np.concatenate([kind, x[run]], axis=1), y[run].astype(float))
        bias[place], weight[place] = fitted[:kinds], fitted[kinds:]
    weights = {name: np.round(weight[:, at], 2).tolist() for at, name in enumerate(names) if weight[:, at].any()}
    return {"strokes": int(y.sum()), "bias": np.round(bias, 2).tolist(), "weights": weights}


def learn(songs: Iterable[Song], seed: int = SEED) -> dict[str, Any]:
    """All numbers of the rules, ready for JSON."""
    evidence, rng, count = Evidence(), np.random.default_rng(seed), 0
    for grid, tempo in songs:
        evidence.add(grid, tempo, rng)
        count += 1
    tables = {name: fit_table(rows, *layout(name)) for name, rows in evidence.rows.items()}
    roots = {}
    for part, pairs in evidence.roots.items():
        found, root = (np.concatenate(column) for column in zip(*pairs, strict=True))
        weights = fit_roots(found, root).reshape(3, 2, 12)
        roots[part] = {
            name: {what: np.round(weights[role, at], 2).tolist() for at, what in enumerate(("sounds", "lowest"))}
            for role, name in enumerate(ROLES[1:])
            if name != part
        }
    return {"source": f"statistics of {count} songs of a song corpus", "tables": tables, "roots": roots}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, metavar="TRAIN_DIR")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--songs", type=int, default=SONGS)
    arguments = parser.parse_args()
    learned = learn(songs_of(arguments.train, arguments.songs, SEED))
    write_rules(learned, arguments.out)
    sys.stdout.write(f"{learned['source']} -> {arguments.out}\n")


def write_rules(learned: dict[str, Any], out: Path) -> None:
    """As JSON with a line for each row of numbers."""
    text = json.dumps(learned, indent=1)
    lines: list[str] = []
    depth = 0
    for line in text.splitlines():
        bare = line.strip()
        if depth:
            lines[-1] += bare if bare in ("]", "],") or lines[-1].endswith("[") else f" {bare}"
        else:
            lines.append(line)
        depth += bare.count("[") - bare.count("]")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
