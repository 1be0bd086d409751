"""Learn how people play: `python -m datasets.human_feel GROOVE_DIR TRAIN_DIR -o arranger/data/feel.json`.

For each of drums, bass and guitar a small net (one hidden layer) learns the whole distribution of velocity, and where
the data has it of delay, from `arranger.feel_features`, by cross-entropy over bins. Early stopping looks at a quarter
of the training sessions (songs), then the net is trained again on all of them for as long. From the deviations of the
training performances from those distributions come the `Shares`: what belongs to player, voice, pattern, bar, stroke.
How it compares with held-out drummers: `benchmarks/human_feel.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from arranger.feel import Habit, Shares, hand_scores, voices_of
from arranger.feel_features import bar_places, features
from arranger.voices import VOICES
from datasets.feel_data import STRUM_LEAST, Performance, groove_performances, pitched_performances

VELOCITY_EDGES = np.array([0.5, *np.arange(8.5, 124, 5), 126.5, 127.5])
TIMING_EDGES = np.arange(-0.060, 0.0601, 0.004)
HIDDEN, EPOCHS, BATCH, RATE, DECAY = 32, 5, 512, 2e-3, 5e-2
EXCERPT, PITCHED_EXCERPT, SONGS, SEED = 1000, 400, 200, 0
OWN_ACCENTS = 0.33
"""Of what drummers differ in by voice and by place in the bar, how much a take gets: the rest goes to the player as a
whole, so that takes are spread as drummers are, but each keeps the usual accents instead of inventing its own."""
CURVE_POINTS, CURVE_NOTES = 25, 200
LEVEL_NOTES = 30
"""Fewer strokes of a voice in a session say nothing about its level."""
OWN_STROKES = 0.7
"""Of what is left to the single stroke of a drum, how much of its loudness a take gets, the rest again going to the
player: the features know less about a groove than its drummer does, and what they don't know is no unsteadiness. So
chosen on training sessions that a bar resembles the other bars of its take about as it does in drummers' hands (a
correlation of .7, theirs .78; .56 with all of it)."""
LEVELS = 127
"""Weights are stored as whole numbers from -127 to 127."""


def train_net(
    inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray, dev: np.ndarray | None, epochs: int, bins: int
) -> tuple[list[np.ndarray], list[float]]:
    """The four matrices of a net, and its loss on the `dev` notes (bool, shape (note,)) after each epoch."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(inputs.shape[1], HIDDEN), nn.ReLU(), nn.Dropout(0.1), nn.Linear(HIDDEN, bins))
    known = np.ones(len(labels), dtype=bool) if dev is None else ~dev
    x, y, w = (torch.from_numpy(a[known]) for a in (inputs, labels, weights.astype(np.float32)))
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    steps = epochs * (len(y) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    entropy = nn.CrossEntropyLoss(reduction="none")
    losses = []
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(y))
        for at in range(0, len(y), BATCH):
            pick = order[at : at + BATCH]
            loss = (entropy(net(x[pick]), y[pick]) * w[pick]).sum() / w[pick].sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        if dev is not None:
            net.eval()
            with torch.no_grad():
                each = entropy(net(torch.from_numpy(inputs[dev])), torch.from_numpy(labels[dev])).numpy()
            losses.append(float((each * weights[dev]).sum() / weights[dev].sum()))
    learned = net.state_dict()
    matrices = [learned["0.weight"].T, learned["0.bias"], learned["3.weight"].T, learned["3.bias"]]
    return [np.array(matrix.numpy()) for matrix in matrices], losses


def learn_habit(
    performances: Sequence[Performance],
    described: Sequence[np.ndarray],
    values: Callable[[Performance], np.ndarray],
    edges: np.ndarray,
    own_strokes: float,
    levelled: bool,
) -> tuple[Habit, list[float]]:
    """A habit from performances and their features; `values` gives each note's number, NaN where there is none."""
    numbers = [values(one) for one in performances]
    levels = (0.0, 0.0)
    if levelled:
        numbers, levels = without_levels(performances, numbers)
    kept = [np.isfinite(number) for number in numbers]
    inputs = np.concatenate([rows[k] for rows, k in zip(described, kept, strict=True)])
    flat = np.concatenate([number[k] for number, k in zip(numbers, kept, strict=True)])
    labels = binned(flat, edges)
    players = np.concatenate([np.full(k.sum(), one.player) for one, k in zip(performances, kept, strict=True)])
    _, which, counts = np.unique(players, return_inverse=True, return_counts=True)
    # A session ten times as long is not ten times as many drummers.
    weights = 1 / np.sqrt(counts[which])
    weights /= weights.mean()
    dev = which % 4 == 1
    bins = len(edges) - 1
    _, losses = train_net(inputs, labels, weights, dev, EPOCHS, bins)
    matrices, _ = train_net(inputs, labels, weights, None, EPOCHS, bins)
    stored = [quantised(matrix) for matrix in matrices]
    inner, inner_bias, outer, outer_bias = stored
    habit = Habit(edges, inner, inner_bias, outer, outer_bias, Shares(0, 0, 0, 0, 0, 0), levels)
    scores = [normal_scores(habit, rows, number) for rows, number in zip(described, numbers, strict=True)]
    habit = replace(habit, shares=shares_of(performances, scores, own_strokes))
    if levelled:
        habit = replace(habit, curves=curves_of(habit, performances, described, values))
    return habit, losses


def without_levels(
    performances: Sequence[Performance], numbers: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], tuple[float, float]]:
    """Velocities with each player's level in each voice brought to that of all, and how these levels are spread.

    Pads differ more than drummers do: the mean kick of one session is 28, of another 112.
    """
    players = sorted({one.player for one in performances})
    total, count = np.zeros((len(players), len(VOICES))), np.zeros((len(players), len(VOICES)))
    rows = [players.index(one.player) for one in performances]
    voices = [voices_of(one.notes, one.part) for one in performances]
    for row, voice, number in zip(rows, voices, numbers, strict=True):
        total[row] += np.bincount(voice, number, len(VOICES))
        count[row] += np.bincount(voice, minlength=len(VOICES))
    weight = np.sqrt(count) * (count >= LEVEL_NOTES)
    mean = total / np.maximum(count, 1)
    usual = (weight * mean).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
    level = np.where(weight > 0, mean - usual, 0.0)
    common = (weight * level).sum(axis=1) / weight.sum(axis=1)
    own = np.where(weight > 0, level - common[:, None], 0.0)
    spread = float(common.std()), float(np.sqrt((weight * own**2).sum() / weight.sum()))
    centred = [np.clip(n - level[row, voice], 1, 127) for row, voice, n in zip(rows, voices, numbers, strict=True)]
    return centred, spread


def curves_of(
    habit: Habit,
    performances: Sequence[Performance],
    described: Sequence[np.ndarray],
    values: Callable[[Performance], np.ndarray],
) -> np.ndarray:
    """Quantiles of each voice as the habit plays the training performances and as they were played."""
    ours, theirs, voices = [], [], []
    for seed, (one, rows) in enumerate(zip(performances, described, strict=True)):
        rng = np.random.default_rng([SEED, seed])
        voice = voices_of(one.notes, one.part)
        scores = hand_scores(one.notes, one.part, one.song, habit.shares, rng)
        ours.append(habit.drawn(habit.chances(rows), scores) + habit.level(voice, rng))
        theirs.append(values(one))
        voices.append(voice)
    drawn, played, voice = (np.concatenate(several) for several in (ours, theirs, voices))
    curves = np.tile(np.linspace(1, 127, CURVE_POINTS), (2, len(VOICES), 1))
    for which in range(len(VOICES)):
        if (voice == which).sum() >= CURVE_NOTES:
            shares = np.linspace(0, 1, CURVE_POINTS)
            curves[0, which] = np.quantile(drawn[voice == which], shares) + 1e-3 * np.arange(CURVE_POINTS)
            curves[1, which] = np.quantile(played[voice == which], shares)
    return curves


def excerpt(one: Performance, rng: random.Random, size: int = EXCERPT) -> Performance:
    """At most `size` notes of a performance, one after the other: the longest go on in the same manner for minutes."""
    first = rng.randrange(max(1, len(one.notes) - size))
    cut = slice(first, first + size)
    return replace(one, notes=one.notes[cut], offset=one.offset[cut])


def binned(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each number, the outermost for what lies beyond; int, shape (note,)."""
    return np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)


def quantised(matrix: np.ndarray) -> np.ndarray:
    """The matrix as it comes back from the file."""
    scale = scale_of(matrix)
    return (np.rint(matrix / scale) * scale).astype(np.float32)


def scale_of(matrix: np.ndarray) -> float:
    return float(np.abs(matrix).max() / LEVELS) or 1.0


def normal_scores(habit: Habit, inputs: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Where in its distribution each number lies, as a standard normal number; NaN for NaN."""
    from scipy.stats import norm

    chances = habit.chances(inputs)
    at = binned(np.nan_to_num(numbers), habit.edges)
    rows = np.arange(len(at))
    below = np.cumsum(chances, axis=1)[rows, at] - chances[rows, at]
    inside = ((numbers - habit.edges[at]) / np.diff(habit.edges)[at]).clip(0, 1)
    return norm.ppf(np.clip(below + inside * chances[rows, at], 1e-3, 1 - 1e-3))


def shares_of(performances: Sequence[Performance], scores: Sequence[np.ndarray], own_strokes: float = 1.0) -> Shares:
    """Method of moments: mean products of the scores of two notes that share player, voice, place, bar or onset."""
    pairs = Pairs()
    for one, score in zip(performances, scores, strict=True):
        good = np.isfinite(score)
        if good.sum() < 8:
            continue
        ticks = np.array([note.start for note in one.notes])[good]
        bars, place = bar_places(one.song, ticks)
        voices = voices_of(one.notes, one.part)[good]
        z, weight = score[good], 1 / np.sqrt(good.sum())
        pairs.add("all", z, np.zeros_like(bars), weight)
        pairs.add("voice", z, voices, weight)
        pairs.add("pattern", z, voices * 10_000 + place, weight)
        pairs.add("bar", z, bars, weight)
        pairs.add("onset", z, ticks, weight)
        pairs.add("square", z, None, weight)
        pairs.lagged(z, bars, weight)
    c = pairs.mean()
    total = c["square"]
    player = max(0.0, c["all"])
    voice = max(0.0, c["voice"] - c["all"])
    pattern = max(0.0, c["pattern"] - c["voice"])
    bar = max(0.0, c["bar"] - c["all"])
    onset = max(0.0, c["onset"] - c["bar"])
    keep = (c["lag"] - c["all"]) / bar if bar > 0.005 else 0.0
    rest = max(0.0, total - player - voice - pattern - bar - onset)
    given = (1 - OWN_ACCENTS) * (voice + pattern) + (1 - own_strokes) * rest
    shares = (player + given, OWN_ACCENTS * voice, OWN_ACCENTS * pattern, bar, onset)
    parts = [round(float(x / total), 3) for x in shares]
    sys.stderr.write(f"  measured: {' '.join(f'{x / total:.3f}' for x in (player, voice, pattern, bar, onset))}\n")
    return Shares(parts[0], parts[1], parts[2], parts[3], parts[4], round(float(np.clip(keep, 0, 0.95)), 3))


class Pairs:
    """Weighted sums of products of two notes of one group, and how many there are."""

    def __init__(self) -> None:
        self.sums: dict[str, np.ndarray] = {}

    def add(self, kind: str, z: np.ndarray, group: np.ndarray | None, weight: float) -> None:
        if group is None:
            total, count = float((z**2).sum()), float(len(z))
        else:
            _, index = np.unique(group, return_inverse=True)
            total = float((np.bincount(index, z) ** 2).sum() - (z**2).sum())
            sizes = np.bincount(index).astype(float)
            count = float((sizes * (sizes - 1)).sum())
        if count > 0:
            # Each performance counts alike for its size's root, whatever the number of pairs.
            self.sums[kind] = self.sums.get(kind, np.zeros(2)) + np.array([total / count, 1.0]) / weight

    def lagged(self, z: np.ndarray, bar: np.ndarray, weight: float) -> None:
        """Pairs of notes in neighbouring bars."""
        sums, counts = np.bincount(bar, z), np.bincount(bar).astype(float)
        count = float((counts[1:] * counts[:-1]).sum())
        if count > 0:
            total = float((sums[1:] * sums[:-1]).sum())
            self.sums["lag"] = self.sums.get("lag", np.zeros(2)) + np.array([total / count, 1.0]) / weight

    def mean(self) -> dict[str, float]:
        found = {kind: float(total / count) for kind, (total, count) in self.sums.items()}
        # Where nothing is ever struck together, or no place is played twice, what is next wider says it.
        for kind, wider in (("voice", "all"), ("pattern", "voice"), ("bar", "all"), ("onset", "bar"), ("lag", "all")):
            found.setdefault(kind, found[wider])
        return found


def stored_habit(habit: Habit) -> dict[str, object]:
    """A habit ready for JSON; `arranger.feel.habit_from` reads it."""

    def matrix(values: np.ndarray) -> dict[str, object]:
        scale = scale_of(values)
        whole = np.rint(values / scale).astype(int).ravel().tolist()
        return {"shape": list(values.shape), "scale": scale, "values": whole}

    names = ("inner", "inner_bias", "outer", "outer_bias")
    return {
        "shares": asdict(habit.shares),
        "levels": [round(level, 2) for level in habit.levels],
        "curves": np.round(habit.curves, 2).tolist(),
        "edges": [round(float(edge), 4) for edge in habit.edges],
        **{name: matrix(getattr(habit, name)) for name in names},
    }


def habits_of(performances: Sequence[Performance]) -> dict[str, Habit]:
    """`PART velocity` and `PART timing` of performances of one part."""
    part, found = performances[0].part, {}
    described = [features(one.notes, one.part, one.song) for one in performances]
    for name, values, edges in (
        ("velocity", lambda p: p.velocity, VELOCITY_EDGES),
        ("timing", lambda p: p.offset, TIMING_EDGES),
    ):
        if not any(np.isfinite(values(one)).any() for one in performances):
            continue
        kit = (part, name) == ("drums", "velocity")
        own_strokes = OWN_STROKES if kit else 1.0
        habit, losses = learn_habit(performances, described, values, edges, own_strokes, kit)
        found[f"{part} {name}"] = habit
        shown = " ".join(f"{loss:.3f}" for loss in losses)
        sys.stderr.write(f"{part} {name}: {shown}\n  {habit.shares}\n")
    return found


def pitched_habits(train: Path, rng: random.Random) -> tuple[dict[str, Habit], dict[str, object]]:
    """Habits of bass and guitar, and how chords are strummed."""
    performances: dict[str, list[Performance]] = {"bass": [], "guitar": []}
    strums: list[tuple[float, int]] = []
    for one, found in pitched_performances(train, SONGS, SEED):
        performances[one.part].append(excerpt(one, rng, PITCHED_EXCERPT))
        strums += found
    habits: dict[str, Habit] = {}
    for part, several in performances.items():
        played = sum(bool(np.isfinite(one.offset).any()) for one in several)
        sys.stderr.write(f"{part}: {len(several)} tracks, {played} of them played\n")
        habits |= habits_of(several)
    seconds = np.array([gap for gap, _ in strums])
    spread = seconds > STRUM_LEAST
    ways = np.array([way for _, way in strums])[spread]
    strum = {
        "share": round(float(spread.mean()), 3),
        "upward": round(float((ways < 0).sum() / max(1, (ways != 0).sum())), 3),
        "seconds": np.quantile(seconds[spread], np.linspace(0.05, 0.95, 10)).round(4).tolist(),
    }
    sys.stderr.write(f"{len(strums)} chords: {strum}\n")
    return habits, strum


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groove", type=Path, metavar="GROOVE_DIR")
    parser.add_argument("train", type=Path, metavar="TRAIN_DIR")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    rng = random.Random(SEED)
    habits = habits_of([excerpt(one, rng) for one in groove_performances(arguments.groove, held=False)])
    pitched, strum = pitched_habits(arguments.train, random.Random(SEED))
    write(arguments.out, habits | pitched, strum)


def write(out: Path, habits: dict[str, Habit], strum: dict[str, object]) -> None:
    """The JSON file, a line for each habit."""
    source = "drums: Groove MIDI Dataset (CC BY 4.0), sessions not held out, 4/4 beats; bass, guitar: a song corpus"
    lines = [f"  {json.dumps(k)}: {json.dumps(stored_habit(h), separators=(',', ':'))}" for k, h in habits.items()]
    head = f'{{\n "source": {json.dumps(source)},\n "strum": {json.dumps(strum)},\n "habits": {{\n'
    text = head + ",\n".join(lines) + "\n }\n}\n"
    out.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(text) / 1000:.0f} kB -> {out}\n")


if __name__ == "__main__":
    main()
