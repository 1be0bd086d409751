"""The token model as a filler: a song in windows of eight bars, each beginning with four that are done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arranger.errors import ArrangerError
from arranger.evaluation.fillers import TOKENS, Filler, as_fill
from arranger.evaluation.tasks import Task
from arranger.evaluation.tokens.checkpoint import read_tokens_model
from arranger.evaluation.tokens.grammar import Open, notes_array
from arranger.evaluation.tokens.songs import DRUMS, TokenSong, from_song
from arranger.evaluation.tokens.windows import WINDOW_BARS, Context, encode_context, moved
from arranger.fills import Fill
from arranger.grid import Grid, song_to_grid
from arranger.parts import PARTS
from arranger.song import Note
from arranger.voices import VOICES

if TYPE_CHECKING:
    from arranger.evaluation.tokens.decode import DrawSettings
    from arranger.evaluation.tokens.model import TokenNet

VARIABLE = "ARRANGER_TOKENS"
BESIDE = Path(__file__).parents[3] / "benchmarks" / "weights" / "tokens.safetensors"
"""Where a checkout has the weights; they are no part of the package."""
CONTEXT_TOKENS = 1024 - 192
"""Of a window: what training leaves of its longest sequences."""
GIVEN_BARS = WINDOW_BARS // 2


def tokens_model_path(path: Path | None = None) -> Path:
    """The model file: the one asked for, else that of the environment, else the checkout's.

    Raises
    ------
    ArrangerError
        if there is none, with the way to one.
    """
    said = path or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    found = said or BESIDE
    if not found.is_file():
        raise ArrangerError(
            f"{found}: there is no token model. Train one with python -m arranger.evaluation.tokens.train"
            f" configs/tokens.json SHARDS RUN, and name RUN/last.safetensors by --tokens-model or {VARIABLE}."
        )
    return found


@lru_cache(maxsize=1)
def load_tokens_model(path: Path) -> TokenNet:
    """The net of a model file.

    Raises
    ------
    CheckpointError
        if it can't be read; ArrangerError if torch is missing.
    """
    if find_spec("torch") is None:
        raise ArrangerError("The token model needs torch; install it with pip install 'arranger[train]'.")
    import torch

    from arranger.errors import CheckpointError
    from arranger.evaluation.tokens.model import TokenNet

    config, weights, _ = read_tokens_model(path)
    net = TokenNet(config).eval()
    try:
        net.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except RuntimeError as err:
        raise CheckpointError(f"{path}: the weights don't fit the net that its header tells of.") from err
    return net


def tokens_filler(takes: int = 8, model: Path | None = None, settings: DrawSettings | None = None) -> Filler:
    """Of `takes` takes the one that agrees most with the others: what a most likely part would be if it could be found.

    As they come, like the rules: what is unplayable in them counts.

    Raises
    ------
    ArrangerError
        at once if there is no model.
    """
    net = load_tokens_model(tokens_model_path(model).resolve())

    def fill_task(task: Task, seed: int) -> Fill:
        found = draw_parts(net, task, seed, takes, settings)
        return as_fill(task, found[most_agreed(found, task)], seed, TOKENS)

    return fill_task


def draw_parts(
    net: TokenNet, task: Task, seed: int, takes: int, settings: DrawSettings | None = None
) -> list[dict[str, tuple[Note, ...]]]:
    """Takes of the task's parts, notes by part, with velocities as for all fillers."""
    from arranger.evaluation.tokens.decode import DrawSettings, draw_bars
    from arranger.velocity import with_velocities

    song = from_song(task.song, task.roles)
    rngs = [np.random.default_rng([seed, take]) for take in range(takes)]
    parts = [PARTS.index(part) for part in task.parts]
    made: list[list[np.ndarray]] = [[] for _ in range(takes)]
    for first, run in windows(task.hidden, len(song.bar_steps)):
        last = min(first + WINDOW_BARS, len(song.bar_steps))
        asked = np.zeros((last - first, len(PARTS)), dtype=bool)
        asked[np.ix_([bar - first for bar in run], parts)] = True
        given = moved(song.notes(first, last), song.shift)
        contexts = [_context(song, first, given, mine, asked) for mine in made]
        bars = [Open(part, bar, int(song.bar_steps[first + bar]), song.shift) for part, bar in contexts[0].open_bars]
        # Where one take's own bars are so dense that all is thinned, what is given is no longer the same for all.
        alike = all(context.shared == contexts[0].shared for context in contexts)
        shared = contexts[0].shared if alike else ()
        owns = [context.own if alike else (*context.shared, *context.own) for context in contexts]
        drawn = draw_bars(net, shared, owns, bars, rngs, settings or DrawSettings())
        for mine, found in zip(made, drawn, strict=True):
            for bar, notes in zip(bars, found, strict=True):
                mine.append(notes_array(notes, bar.role, first + bar.bar))
    grid = song_to_grid(task.song, ())  # empty: its way back to ticks is what is needed
    filled = []
    for mine in made:
        back = moved(np.concatenate(mine), -song.shift)
        by_part = {part: to_notes(back[back[:, 1] == PARTS.index(part)], task, grid) for part in task.parts}
        filled.append({part: with_velocities(n, part, task.song, seed) for part, n in by_part.items()})
    return filled


def windows(hidden: Sequence[int], bars: int) -> list[tuple[int, list[int]]]:
    """First bar of each window and the hidden bars that are written in it: each hidden bar once, in order, and every
    window but the song's first with bars before them that are done."""
    found, todo = [], list(hidden)
    while todo:
        first = max(0, min(todo[0] - GIVEN_BARS, bars - WINDOW_BARS))
        found.append((first, [bar for bar in todo if bar < first + WINDOW_BARS]))
        todo = [bar for bar in todo if bar >= first + WINDOW_BARS]
    return found


def _context(song: TokenSong, first: int, given: np.ndarray, mine: Sequence[np.ndarray], asked: np.ndarray) -> Context:
    """What is given of a window: `given` and what the take wrote before, both in the net's key."""
    own = [notes - np.array([first, 0, 0, 0, 0]) for notes in mine]
    notes = np.concatenate([given, *(notes[(notes[:, 0] >= 0) & (notes[:, 0] < len(asked))] for notes in own)])
    return encode_context(song, first, notes[np.lexsort(notes.T[::-1])], asked, CONTEXT_TOKENS)


def to_notes(notes: np.ndarray, task: Task, grid: Grid) -> tuple[Note, ...]:
    """Notes of one part in ticks; each ends at the latest where its pitch is struck again, and where the task's last
    bar does. Drum notes last a sixteenth, as everywhere on the grid.

    Parameters
    ----------
    notes : int (note, 5), bars of the song. grid : of the song, for the way back to ticks.
    """
    last, found = int(grid.bar_steps[task.bars[1]]), []
    struck: dict[int, int] = {}
    for bar, role, step, row, length in notes[np.lexsort(notes.T[::-1])][::-1].tolist():
        start = int(grid.bar_steps[bar]) + step
        end = min(start + (3 if role == DRUMS else length), struck.get(row, last), last)
        struck[row] = start
        tick = grid.tick_of(start)
        found.append(Note(tick, max(1, grid.tick_of(end) - tick), VOICES[row].key if role == DRUMS else row))
    return tuple(sorted(found))


def most_agreed(takes: Sequence[dict[str, tuple[Note, ...]]], task: Task) -> int:
    """The take whose onsets have, on average, the most in common with those of the others (F1, parts together): the
    least Bayes risk of what was drawn (Eikema & Aziz, arXiv 2005.10283)."""
    cells = [{(part, note.start, note.pitch) for part in task.parts for note in take[part]} for take in takes]
    scores = [
        sum(2 * len(mine & other) / max(1, len(mine) + len(other)) for at, other in enumerate(cells) if at != index)
        for index, mine in enumerate(cells)
    ]
    return int(np.argmax(scores))
