"""How near our drummer comes to drummers that it has never heard.

    python benchmarks/human_feel.py GROOVE_DIR

From each performance of the held-out sessions (`datasets.feel_data`) velocities and timing are taken away: what is
left is what a fill is, notes on the grid. They are played again by `with_velocities` and `humanised`, with several
seeds, and by two baselines: `constant`, every stroke 90 and on the grid, and `random`, Gaussian noise with the mean and
spread of all held-out strokes, as a DAW's humanise button set as well as can be.

Overlap area is the sum over bins of the lesser of the two shares (histograms, velocity in bins of 8, timing in bins of
5 ms), of all strokes of a voice at a place of the bar (sixteenths), for cells of `MIN_CELL` strokes or more; means over
cells, weighted by strokes. Beside it the same from Gaussian kernel densities (Scott's rule), as mgeval has it.
`ours` is in the scale of the drummers' pads, `with kick curve` what a fill has (`velocity.KICK_CURVE`).
`halves` is what human drumming reaches: the held-out performances dealt out into two, sessions kept whole (`sessions`)
or not (`halves`), and `trained on`: the sessions that the nets were learned from against the held-out ones.

Accent pattern: correlation of the mean velocities of (voice, sixteenth), over all performances (`pattern`), within each
performance (`performance`) and within each bar (`bar`), the last two as means. Timing likewise for offsets. What humans
reach: `drummers trained on` for the whole pattern, `same groove` for two drummers who play the same of the ten grooves
of the evaluation sessions, and the drummer himself, a bar against the other bars of the same performance.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from arranger.clock import clock_of
from arranger.feel import voices_of
from arranger.microtiming import humanised
from arranger.song import Note
from arranger.velocity import with_velocities
from arranger.voices import VOICES
from datasets.feel_data import Performance, groove_performances

VELOCITY_BINS = np.arange(0, 129, 8)
TIMING_BINS = np.arange(-100, 101, 5)
MIN_CELL, MIN_BAR = 100, 6
TAKES = 3
SIXTEENTHS = 16


@dataclass(frozen=True, eq=False)
class Strokes:
    """Many strokes: voice, sixteenth of the bar, bar (counted through everything) and performance; velocity and
    milliseconds late; all float or int, shape (stroke,)."""

    voice: np.ndarray
    place: np.ndarray
    bar: np.ndarray
    performance: np.ndarray
    velocity: np.ndarray
    late: np.ndarray

    def of(self, chosen: np.ndarray) -> Strokes:
        return Strokes(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def cell(self) -> np.ndarray:
        return self.voice * SIXTEENTHS + self.place


def together(parts: Sequence[Strokes]) -> Strokes:
    return Strokes(*(np.concatenate([getattr(p, name) for p in parts]) for name in Strokes.__dataclass_fields__))


def strokes(one: Performance, number: int, velocity: np.ndarray, late: np.ndarray) -> Strokes:
    """Strokes of a performance in 4/4; `late` in seconds."""
    ticks = np.array([note.start for note in one.notes])
    length = 4 * one.song.ticks_per_quarter
    place = np.floor((ticks % length) * SIXTEENTHS / length).astype(int)
    bar = number * 10_000 + ticks // length
    return Strokes(
        voices_of(one.notes, "drums"), place, bar, np.full(len(ticks), number), velocity.astype(float), 1000 * late
    )


def human(performances: Sequence[Performance]) -> Strokes:
    return together([strokes(p, n, p.velocity, p.offset) for n, p in enumerate(performances)])


def ours(performances: Sequence[Performance], seed: int) -> tuple[Strokes, Strokes]:
    """The same notes by `with_velocities` and `humanised`, a seed for each performance; and for the first seed with the
    kick's curve."""
    found: tuple[list[Strokes], list[Strokes]] = ([], [])
    for number, one in enumerate(performances):
        plain = tuple(Note(n.start, n.duration, n.pitch) for n in one.notes)
        hand = 1000 * seed + number
        moved = humanised(plain, "drums", one.song, hand)
        clock = clock_of(one.song.tempos, one.song.ticks_per_quarter)
        late = np.array([clock(b.start) - clock(a.start) for a, b in zip(plain, moved, strict=True)])
        for balanced, into in enumerate(found[: 2 if seed == 0 else 1]):
            loud = with_velocities(plain, "drums", one.song, hand, balanced=bool(balanced))
            into.append(strokes(one, number, np.array([note.velocity for note in loud]), late))
    return together(found[0]), together(found[1] or found[0])


def flat(truth: Strokes, spread: bool, seed: int = 0) -> Strokes:
    """The baselines: 90 on the grid, or Gaussian around the drummers' own mean."""
    rng = np.random.default_rng(seed)
    count = len(truth.cell)
    velocity, late = np.full(count, 90.0), np.zeros(count)
    if spread:
        velocity = np.clip(rng.normal(truth.velocity.mean(), truth.velocity.std(), count), 1, 127)
        late = rng.normal(truth.late.mean(), truth.late.std(), count)
    return Strokes(truth.voice, truth.place, truth.bar, truth.performance, velocity, late)


def overlap(a: np.ndarray, b: np.ndarray, bins: np.ndarray) -> float:
    """Overlap area of two histograms, 0..1."""
    p, q = (np.histogram(np.clip(x, bins[0], bins[-1]), bins)[0] for x in (a, b))
    return float(np.minimum(p / p.sum(), q / q.sum()).sum())


def kernel_overlap(a: np.ndarray, b: np.ndarray, bins: np.ndarray) -> float:
    """Overlap area of two Gaussian kernel densities (Scott's rule), 0..1; constants count as half a bin wide."""
    grid = np.linspace(bins[0] - 20, bins[-1] + 20, 200)
    densities = []
    for x in (a, b):
        x = x[:: max(1, len(x) // 500)]
        width = max(x.std() * len(x) ** -0.2, (bins[1] - bins[0]) / 2)
        density = np.exp(-0.5 * ((grid[:, None] - x) / width) ** 2).sum(axis=1)
        densities.append(density / density.sum())
    return float(np.minimum(*densities).sum())


def overlaps(
    a: Strokes, b: Strokes, what: str, bins: np.ndarray, area: Callable[..., float]
) -> dict[int, tuple[float, int]]:
    """Cell -> overlap and strokes, where both have `MIN_CELL` strokes."""
    found = {}
    for cell in np.unique(a.cell):
        x, y = getattr(a, what)[a.cell == cell], getattr(b, what)[b.cell == cell]
        if len(x) >= MIN_CELL and len(y) >= MIN_CELL:
            found[int(cell)] = (area(x, y, bins), min(len(x), len(y)))
    return found


def weighted(cells: dict[int, tuple[float, int]], voice: int | None = None) -> float:
    chosen = [entry for cell, entry in cells.items() if voice is None or cell // SIXTEENTHS == voice]
    return sum(area * n for area, n in chosen) / max(1, sum(n for _, n in chosen)) if chosen else float("nan")


def accent_correlation(a: Strokes, b: Strokes, group: str | None, what: str = "velocity") -> float:
    """Correlation of mean velocities of (voice, sixteenth), over everything or as the mean over groups; a group that
    one of the two plays entirely evenly counts 0."""
    groups = np.zeros(len(a.cell), dtype=np.int64) if group is None else getattr(a, group)
    least = MIN_CELL if group is None else 1
    found = []
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        _, index, counts = np.unique(a.cell[members], return_inverse=True, return_counts=True)
        x, y = (np.bincount(index, getattr(s, what)[members])[counts >= least] for s in (a, b))
        means = x / counts[counts >= least], y / counts[counts >= least]
        if len(x) < MIN_BAR or means[0].std() < 1e-9:
            continue
        found.append(0.0 if means[1].std() < 1e-9 else float(np.corrcoef(*means)[0, 1]))
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groove", type=Path, metavar="GROOVE_DIR")
    parser.add_argument("--every", type=int, default=1, help="take every Nth held-out performance only")
    arguments = parser.parse_args()
    held = list(groove_performances(arguments.groove, held=True))[:: arguments.every]
    truth = human(held)
    known = human(list(groove_performances(arguments.groove, held=False))[:: arguments.every])
    takes, delivered = zip(*(ours(held, seed) for seed in range(TAKES)), strict=True)
    players = np.array([one.player for one in held])
    sys.stdout.write(f"{len(held)} performances of {len(set(players))} sessions, {len(truth.cell)} strokes\n\n")
    session = np.unique(players, return_inverse=True)[1][truth.performance]
    rows = {
        "ours": (truth, together(takes)),
        "with kick curve": (truth, delivered[0]),
        "constant": (truth, flat(truth, spread=False)),
        "random": (truth, flat(truth, spread=True)),
        "trained on": (truth, known),
        "halves": (truth.of(truth.performance % 2 == 0), truth.of(truth.performance % 2 == 1)),
        "sessions": (truth.of(session % 2 == 0), truth.of(session % 2 == 1)),
    }
    for what, bins in (("velocity", VELOCITY_BINS), ("late", TIMING_BINS)):
        shown = [v for v in range(len(VOICES)) if (truth.voice == v).sum() >= 3 * MIN_CELL]
        sys.stdout.write(
            f"{'overlap, ' + what:18}   all  kernel  >= .8" + "".join(f"{VOICES[v].name:>12}" for v in shown)
        )
        sys.stdout.write("\n")
        for name, (a, b) in rows.items():
            cells = overlaps(a, b, what, bins, overlap)
            kernel = weighted(overlaps(a, b, what, bins, kernel_overlap))
            good = sum(n for area, n in cells.values() if area >= 0.8) / max(1, sum(n for _, n in cells.values()))
            each = "".join(f"{weighted(cells, v):12.2f}" for v in shown)
            sys.stdout.write(f"{name:18}  {weighted(cells):.2f}    {kernel:.2f}    {good:.2f}{each}\n")
        sys.stdout.write("\n")
    sys.stdout.write("correlation           pattern  performance   bar   timing pattern\n")
    for name, others in (("ours", takes), ("constant", [rows["constant"][1]]), ("random", [rows["random"][1]])):
        columns = [
            np.mean([accent_correlation(truth, other, group) for other in others])
            for group in (None, "performance", "bar")
        ]
        late = np.mean([accent_correlation(truth, other, None, "late") for other in others])
        sys.stdout.write(f"{name:20}{columns[0]:9.2f}{columns[1]:13.2f}{columns[2]:6.2f}{late:12.2f}\n")
    usual = pattern_correlation(truth, known)
    sys.stdout.write(f"{'drummers trained on':20}{usual:9.2f}\n")
    sys.stdout.write(f"{'same groove':20}{'':9}{same_groove(held, truth):13.2f}\n")
    hand = float(np.mean([bar_against_usual(take) for take in takes]))
    sys.stdout.write(f"{'our own hand':20}{'':9}{'':13}{hand:6.2f}   a bar against the other bars of the take\n")
    own = bar_against_usual(truth)
    sys.stdout.write(f"{'the drummer himself':20}{'':9}{'':13}{own:6.2f}   a bar against his other bars\n")


def pattern_correlation(a: Strokes, b: Strokes) -> float:
    """Correlation of mean velocities of the (voice, sixteenth) that both have `MIN_CELL` times."""
    means = []
    for one in (a, b):
        count = np.bincount(one.cell, minlength=len(VOICES) * SIXTEENTHS)
        means.append(
            np.where(count >= MIN_CELL, np.bincount(one.cell, one.velocity, len(count)) / np.maximum(count, 1), -1)
        )
    both = (means[0] >= 0) & (means[1] >= 0)
    return float(np.corrcoef(means[0][both], means[1][both])[0, 1])


def same_groove(performances: Sequence[Performance], truth: Strokes) -> float:
    """Mean correlation of the accents of two drummers who play the same groove in the evaluation sessions."""
    grooves: dict[str, list[np.ndarray]] = {}
    size = len(VOICES) * SIXTEENTHS
    for number, one in enumerate(performances):
        if one.player.endswith("eval_session"):
            played = truth.of(truth.performance == number)
            count = np.bincount(played.cell, minlength=size)
            mean = np.where(count > 1, np.bincount(played.cell, played.velocity, size) / np.maximum(count, 1), np.nan)
            grooves.setdefault(one.name.split("/")[-1], []).append(mean)
    found = []
    for several in grooves.values():
        for a, b in combinations(several, 2):
            both = np.isfinite(a) & np.isfinite(b)
            if both.sum() >= MIN_BAR:
                found.append(float(np.corrcoef(a[both], b[both])[0, 1]))
    return float(np.mean(found)) if found else float("nan")


def bar_against_usual(truth: Strokes) -> float:
    """Mean correlation of each bar with what the same drummer does in the same performance's other bars."""
    usual = np.zeros(len(truth.cell))
    key = truth.performance * 1000 + truth.cell
    _, index = np.unique(key, return_inverse=True)
    _, in_bar = np.unique(truth.bar * 1000 + truth.cell, return_inverse=True)
    total, count = np.bincount(index, truth.velocity), np.bincount(index)
    own_total, own_count = np.bincount(in_bar, truth.velocity), np.bincount(in_bar)
    rest = count[index] - own_count[in_bar]
    usual = (total[index] - own_total[in_bar]) / np.maximum(rest, 1)
    known = rest > 0
    chosen = truth.of(known)
    other = Strokes(chosen.voice, chosen.place, chosen.bar, chosen.performance, usual[known], chosen.late)
    return accent_correlation(chosen, other, "bar")


if __name__ == "__main__":
    main()
