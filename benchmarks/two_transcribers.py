"""How alike do two people write down one recording? `python benchmarks/two_transcribers.py data/train [--pairs 300]`.

A ceiling for note F1: a filler has not heard the part that it is judged by; two transcribers have. Pairs are files of
a corpus with one title. The second is laid on the first at the bar offset and transposition at which the *other* parts
agree best, so that the part that is measured has no say; pairs whose other parts hardly agree are other arrangements,
and pairs that agree by more than .9 in the part are copies. Songs that are not 4/4 nearly throughout are left out. F1
is that of `evaluation.metrics_truth.note_f1` (sixteenths), over the bars in which both play.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path

import numpy as np

from arranger import load_song
from arranger.cli.eval_command import song_files
from arranger.errors import SongFileError
from arranger.evaluation.metrics_truth import bar_sixteenths, to_sixteenths
from arranger.grid import DRUMS, STEPS_PER_QUARTER, song_to_grid
from arranger.parts import PARTS, ROLES, detect_parts

OFFSETS, SHIFTS = range(-12, 13), range(-6, 7)
MOST_BARS, FEWEST_SHARED = 250, 16
COPY = 0.9
CONTEXTS = (0.15, 0.25, 0.35)


@dataclass(frozen=True, eq=False)
class Written:
    """Onsets of each role, bool (role, bar, row, sixteenth)."""

    onset: np.ndarray


@dataclass(frozen=True, slots=True)
class Agreement:
    """F1 of a part, mean F1 of the other roles where they agree best, and the bars in which both play the part."""

    part: float
    context: float
    bars: int


def title(path: Path) -> str:
    """Letters of a file's name, without numbers, brackets and hashes."""
    name = re.sub(r"__[0-9a-f]{6,}$", "", path.stem.lower())
    name = re.sub(r"[(\[].*?[)\]]", "", name)
    return " ".join(re.sub(r"[^a-z ]", "", re.sub(r"[_\-.]+", " ", name)).split())


def read(path: Path) -> Written | None:
    """A song on sixteenths; None if it can't be read, is long, or not in 4/4."""
    try:
        song = load_song(path)
    except SongFileError:
        return None
    grid = song_to_grid(song, detect_parts(song))
    if len(grid.bars) > MOST_BARS or np.mean(np.diff(grid.bar_steps) == 4 * STEPS_PER_QUARTER) < 0.95:
        return None
    table = bar_sixteenths(grid.bar_steps)
    out = np.zeros((len(ROLES), len(table) - 1, grid.onset.shape[1], 16), dtype=bool)
    for role in range(len(ROLES)):
        struck = to_sixteenths(grid.onset[role], grid.bar_steps) > 0
        for bar, first in enumerate(table[:-1].tolist()):
            last = min(int(table[bar + 1]), first + 16)
            out[role, bar, :, : last - first] = struck[:, first:last]
    return Written(out)


def shared(one: Written, other: Written, role: int, offset: int, shift: int) -> tuple[float, int]:
    """F1 of a role over the bars in which both play it, and how many those are."""
    first, last = max(0, -offset), min(one.onset.shape[1], other.onset.shape[1] - offset)
    if last - first < FEWEST_SHARED:
        return 0.0, 0
    ours, theirs = one.onset[role, first:last], other.onset[role, first + offset : last + offset]
    if role != DRUMS and shift:
        theirs = np.roll(theirs, shift, axis=1)
    both = ours.any(axis=(1, 2)) & theirs.any(axis=(1, 2))
    notes = int(ours[both].sum() + theirs[both].sum())
    return (2 * float((ours[both] & theirs[both]).sum()) / notes if notes else 0.0), int(both.sum())


def compare(one: Written, other: Written) -> dict[str, Agreement]:
    """Agreement in each part, laid where the other roles agree best."""
    places = [(offset, shift) for offset in OFFSETS for shift in SHIFTS]
    table = np.array([[shared(one, other, role, *place)[0] for role in range(len(ROLES))] for place in places])
    found = {}
    for role, part in enumerate(PARTS):
        context = np.delete(table, role, axis=1).mean(axis=1)
        best = int(context.argmax())
        f1, bars = shared(one, other, role, *places[best])
        found[part] = Agreement(f1, float(context[best]), bars)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=300)
    arguments = parser.parse_args()
    by_title = defaultdict(list)
    for path in song_files(arguments.folder):
        by_title[title(path)].append(path)
    twins = [pair for name, paths in sorted(by_title.items()) if len(name) > 8 for pair in combinations(paths[:3], 2)]
    rows: dict[str, list[Agreement]] = defaultdict(list)
    for one, other in islice(twins, arguments.pairs):
        ours, theirs = read(one), read(other)
        if ours is None or theirs is None:
            continue
        for part, agreement in compare(ours, theirs).items():
            rows[part].append(agreement)
    print(f"{'part':<8}{'others agree':>13}{'pairs':>7}{'copies':>8}{'mean':>7}{'quartiles of the rest':>24}")
    for part, found in rows.items():
        for least in CONTEXTS:
            f1 = np.array([a.part for a in found if a.context >= least and a.bars >= FEWEST_SHARED])
            rest = f1[f1 <= COPY]
            if len(rest):
                quartiles = " ".join(f"{value:.2f}" for value in np.quantile(rest, (0.25, 0.5, 0.75)))
                print(f"{part:<8}{least:>13.2f}{len(f1):>7}{np.sum(f1 > COPY):>8}{rest.mean():>7.3f}{quartiles:>24}")


if __name__ == "__main__":
    main()
