"""Is a fill copied? The longest run of notes that a part has in common with any training song.

A run matches if its notes have the same distances in time (in twelfths of a quarter, from onset to onset) and the same
intervals, whatever the key; drums, the same voices. Note lengths, tempo and bar lines don't count. People's own parts
share runs with other songs too, so the figure means something only beside the truth's.

Method: each step from note to note is a number; runs of n steps are hashed (Karp & Rabin, 1987, modulo 2^64) and looked
up among those of all training lines, for growing n; a run that matches contains shorter ones that do, so the longest is
found by bisection among the songs that still match.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arranger.diffusion.shards import BASS_LINE, DRUMS_LINE, FIRST_GUITAR_LINE, Piece
from arranger.grid import STEPS_PER_QUARTER
from arranger.song import Note
from arranger.voices import VOICE_OF_KEY

LEVELS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048)
"""Notes of the runs that are looked up first, in turn."""
FAR = 1023
"""Steps from onset to onset from here on (21 bars) count as the same rest."""

_BASE = 0x9E3779B97F4A7C15 | 1
_INVERSE = pow(_BASE, -1, 2**64)
LINES = {"drums": DRUMS_LINE, "bass": BASS_LINE, "guitar": FIRST_GUITAR_LINE}


@dataclass(frozen=True, slots=True)
class Match:
    """Notes of the longest common run (0 for none of at least four), of how many, and a song that has it."""

    notes: int
    total: int
    song: str


def note_steps(starts: np.ndarray, rows: np.ndarray, drums: bool) -> np.ndarray:
    """A number for each step from one note to the next, uint64 (note - 1,).

    Parameters
    ----------
    starts, rows : int (note,), in any order; rows are pitches, for drums voices. Notes that start together are taken
        from low to high, and doubles count once.
    """
    notes = np.unique(np.stack([starts, rows], axis=1).astype(np.int64), axis=0) if len(starts) else np.zeros((0, 2))
    if len(notes) < 2:
        return np.zeros(0, dtype=np.uint64)
    apart = np.minimum(np.diff(notes[:, 0]), FAR)
    if drums:
        steps = (apart * 128 + notes[:-1, 1]) * 128 + notes[1:, 1]
    else:
        steps = apart * 256 + np.diff(notes[:, 1]) + 128
    return _mixed(steps.astype(np.uint64) + np.uint64(1))


def part_steps(notes: Sequence[Note], part: str, ticks_per_quarter: int) -> np.ndarray:
    """`note_steps` of a part of a song."""
    drums = part == "drums"
    ticks = np.array([note.start for note in notes], dtype=np.int64)
    starts = np.floor(ticks * STEPS_PER_QUARTER / ticks_per_quarter + 0.5).astype(np.int64)
    rows = np.array([VOICE_OF_KEY[note.pitch] if drums else note.pitch for note in notes], dtype=np.int64)
    return note_steps(starts, rows, drums)


def piece_lines(piece: Piece, part: str) -> Iterator[np.ndarray]:
    """`note_steps` of each line of a training song that plays the part: all guitars together, and each alone."""
    table = np.concatenate([[0], np.cumsum(piece.bar_steps, dtype=np.int64)])
    starts = np.repeat(table[:-1], piece.bar_notes) + piece.note_step
    mine = piece.note_line >= FIRST_GUITAR_LINE if part == "guitar" else piece.note_line == LINES[part]
    chosen = [mine]
    if part == "guitar":
        each = np.unique(piece.note_line[mine]).tolist()
        chosen += [piece.note_line == line for line in each] if len(each) > 1 else []
    for line in chosen:
        yield note_steps(starts[line], piece.note_row[line].astype(np.int64), part == "drums")


def longest_matches(queries: Sequence[np.ndarray], songs: Iterable[tuple[str, Sequence[np.ndarray]]]) -> list[Match]:
    """The longest run that each query shares with any song.

    Parameters
    ----------
    queries : `note_steps` of fills and true parts.
    songs : (name, lines) of the training songs; gone through once.
    """
    hashes = [[np.unique(run_hashes(query, n - 1)) for n in LEVELS] for query in queries]
    nothing = np.zeros(0, dtype=np.uint64)
    everything = [np.unique(np.concatenate([nothing, *(one[level] for one in hashes)])) for level in range(len(LEVELS))]
    reached = [-1] * len(queries)
    holders: list[list[tuple[str, np.ndarray]]] = [[] for _ in queries]
    for name, lines in songs:
        for line in lines:
            for level, n in enumerate(LEVELS):
                found = np.intersect1d(run_hashes(line, n - 1), everything[level])
                if not len(found):
                    break
                for at in range(len(queries)):
                    if level < reached[at] or not _any_in(found, hashes[at][level]):
                        continue
                    if level > reached[at]:
                        reached[at], holders[at] = level, []
                    holders[at].append((name, line))
    return [_exact(query, reached[at], holders[at]) for at, query in enumerate(queries)]


def run_hashes(steps: np.ndarray, length: int) -> np.ndarray:
    """Hash of every run of `length` steps, uint64; the same run has the same hash wherever it stands."""
    count = len(steps) - length + 1
    if count <= 0:
        return np.zeros(0, dtype=np.uint64)
    powers, inverses = _powers(len(steps))
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(steps * powers, dtype=np.uint64)])
    return (sums[length:] - sums[:count]) * inverses[:count]


def _exact(query: np.ndarray, level: int, holders: Sequence[tuple[str, np.ndarray]]) -> Match:
    total = len(query) + 1 if len(query) else 0
    if level < 0:
        return Match(0, total, "")
    best, song = LEVELS[level], holders[0][0]
    top = LEVELS[level + 1] - 1 if level + 1 < len(LEVELS) else total
    for name, line in holders:
        low, high = best, min(top, len(line) + 1, total)
        while low < high:
            middle = (low + high + 1) // 2
            if _any_in(run_hashes(line, middle - 1), np.unique(run_hashes(query, middle - 1))):
                low = middle
            else:
                high = middle - 1
        if low > best:
            best, song = low, name
    return Match(best, total, song)


def _any_in(values: np.ndarray, ordered: np.ndarray) -> bool:
    """Whether any of the values stands in a sorted array."""
    if not len(ordered) or not len(values):
        return False
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return bool((ordered[at] == values).any())


def _mixed(values: np.ndarray) -> np.ndarray:
    """Numbers spread over 64 bits (splitmix64, Steele et al., 2014), so that no two steps are near each other."""
    z = values * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


_POWERS = (np.ones(1, dtype=np.uint64), np.ones(1, dtype=np.uint64))


def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `count` powers of the base and of its inverse, modulo 2^64; kept, because every line needs them."""
    global _POWERS
    if len(_POWERS[0]) < count:
        size = 2 * count
        factors = np.full((2, size), [[_BASE], [_INVERSE]], dtype=np.uint64)
        factors[:, 0] = 1
        powers = np.cumprod(factors, axis=1, dtype=np.uint64)
        _POWERS = powers[0], powers[1]
    return _POWERS[0][:count], _POWERS[1][:count]
