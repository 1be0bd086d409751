"""The cheapest path over the neck: which shape and which hand position for every chord of a line.

A *state* is (shape, hand): where each note of a chord is fretted, and the fret under the first finger. What a state
costs by itself is `own_cost`, what going from one to the next costs is `move_cost`; the path of least total cost is
found exactly, by dynamic programming over all states of every chord (Viterbi; Sayegh 1989, "Fingering for string
instruments with the optimum path paradigm", has the idea). Costs are in frets of hand movement.

What the costs are was fitted to human tablature, see `benchmarks/tab.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

HAND = 4
"""Frets under one hand without moving, a finger each."""

FINGERS = 4

Shape = tuple[tuple[int, int], ...]
"""(string, fret) of each note of a chord, in the order of its pitches from high to low."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a player avoids, in frets of hand movement.

    Parameters
    ----------
    height : for each fret that the hand is up the neck; low positions are home.
    stretch : for each fret beyond the four under the hand. span : for each fret from a chord's lowest to its highest.
    finger : for each fret between the first finger and the lowest fretted note.
    open : for a single note on an open string. open_chord : for each open string of a chord.
    open_high : for an open string, for each fret that the hand is above the fifth.
    gap : for each unused string inside a chord.
    barre : for each further string under one finger.
    crossed : for each pair of notes of which the higher sounds on the lower string.
    move : for each fret that the hand moves. shift : for moving it at all.
    string : for each string that the line crosses.
    again : for holding a chord otherwise than it is mostly held in the song.
    rest : what is left of `move` and `shift` where there is time, as a share.
    """

    height: float = 0.1
    stretch: float = 1.5
    span: float = 0.1
    finger: float = 0.15
    open: float = 0.1
    open_chord: float = 0.05
    open_high: float = 0.25
    gap: float = 0.2
    barre: float = 0.1
    crossed: float = 2.0
    move: float = 1.0
    shift: float = 0.1
    string: float = 0.35
    again: float = 1.0
    rest: float = 0.5


@dataclass(frozen=True, eq=False)
class _States:
    """All states of one chord as arrays of one length: shape index, hand, mean string, own cost, open strings."""

    shapes: tuple[Shape, ...]
    shape: np.ndarray
    hand: np.ndarray
    centre: np.ndarray
    own: np.ndarray


def cheapest_path(
    options: Sequence[tuple[Shape, ...]], times: Sequence[float], frets: int, costs: Costs
) -> list[Shape]:
    """One shape of each chord, so that the whole costs least.

    Parameters
    ----------
    options : the shapes in which each chord can be held; at least one each.
    times : seconds from each chord's onset to the next one; they make moving cheaper where there is time.
    frets : frets of the neck.

    A second pass holds every chord as it was mostly held in the first.
    """
    if not options:
        return []
    first = _viterbi(options, times, frets, costs, {})
    if not costs.again:
        return first
    usual: dict[tuple[Shape, ...], Counter[Shape]] = {}
    for choice, shape in zip(options, first, strict=True):
        if len(shape) > 1 and len(choice) > 1:
            usual.setdefault(choice, Counter())[shape] += 1
    mixed = {choice: count.most_common(1)[0][0] for choice, count in usual.items() if len(count) > 1}
    return _viterbi(options, times, frets, costs, mixed) if mixed else first


def own_cost(shape: Shape, hand: int, costs: Costs) -> float:
    """Cost of a shape with the hand there, whatever comes before."""
    fretted = [fret for _, fret in shape if fret]
    opens = len(shape) - len(fretted)
    total = opens * (costs.open if len(shape) == 1 else costs.open_chord)
    total += costs.open_high * max(0, hand - 5) if opens else 0.0
    total += costs.height * hand
    strings = [string for string, _ in shape]
    total += costs.gap * (max(strings) - min(strings) + 1 - len(strings))
    total += costs.crossed * sum(b < a for a, b in pairwise(strings))
    if fretted:
        total += costs.stretch * max(0, max(fretted) - hand + 1 - HAND)
        total += costs.span * (max(fretted) - min(fretted))
        total += costs.finger * (min(fretted) - hand)
        total += costs.barre * max(0, len(fretted) - fingers(shape))
    return total


def move_cost(before: tuple[Shape, int], after: tuple[Shape, int], seconds: float, costs: Costs) -> float:
    """Cost of going from one (shape, hand) to the next, `seconds` after it began."""
    distance = abs(after[1] - before[1])
    moving = (costs.move * distance + costs.shift * (distance > 0)) * _haste(seconds, costs)
    return moving + costs.string * abs(_centre(after[0]) - _centre(before[0]))


def hands(shape: Shape, frets: int) -> range:
    """Hand positions from which a shape can be held; any for open strings."""
    fretted = [fret for _, fret in shape if fret]
    if not fretted:
        return range(1, max(2, frets - HAND + 2))
    low, high = min(fretted), max(fretted)
    return range(max(1, min(low, high - HAND + 1)), low + 1)


def fingers(shape: Shape) -> int:
    """Fingers that hold a shape at least: one may lie over several strings of one fret if none between is lower."""
    held = sorted(shape)
    count = 0
    for at, (_, fret) in enumerate(held):
        if not fret:
            continue
        before = [other for _, other in held[:at]]
        # Reached from an earlier note on the same fret without passing a lower or an open one: the same finger.
        since = next((i for i in range(at - 1, -1, -1) if before[i] <= fret), -1)
        count += since < 0 or before[since] != fret
    return count


def _haste(seconds: float, costs: Costs) -> float:
    """1 in fast passages, less where there is time to move."""
    return min(1.0, max(costs.rest, 0.35 / max(seconds, 0.01)))


def _centre(shape: Shape) -> float:
    return sum(string for string, _ in shape) / len(shape)


@lru_cache(maxsize=8192)
def _states(shapes: tuple[Shape, ...], frets: int, costs: Costs) -> _States:
    pairs = [(index, shape, hand) for index, shape in enumerate(shapes) for hand in hands(shape, frets)]
    return _States(
        shapes,
        np.array([index for index, _, _ in pairs]),
        np.array([hand for _, _, hand in pairs], dtype=float),
        np.array([_centre(shape) for _, shape, _ in pairs]),
        np.array([own_cost(shape, hand, costs) for _, shape, hand in pairs]),
    )


def _viterbi(
    options: Sequence[tuple[Shape, ...]],
    times: Sequence[float],
    frets: int,
    costs: Costs,
    usual: dict[tuple[Shape, ...], Shape],
) -> list[Shape]:
    layers = [_states(shapes, frets, costs) for shapes in options]
    moves: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    best = _with_habit(layers[0], usual, costs)
    back: list[np.ndarray] = []
    for before, after, seconds in zip(layers, layers[1:], times, strict=False):
        key = id(before), id(after)
        if key not in moves:
            distance = np.abs(before.hand[:, None] - after.hand[None, :])
            crossing = costs.string * np.abs(before.centre[:, None] - after.centre[None, :])
            moves[key] = costs.move * distance + costs.shift * (distance > 0), crossing
        moving, crossing = moves[key]
        total = moving * _haste(seconds, costs)
        total += crossing
        total += best[:, None]
        chosen = total.argmin(axis=0)
        back.append(chosen)
        best = total[chosen, np.arange(len(chosen))] + _with_habit(after, usual, costs)
    at = int(best.argmin())
    path = [layers[-1].shapes[layers[-1].shape[at]]]
    for layer, chosen in zip(layers[-2::-1], reversed(back), strict=True):
        at = int(chosen[at])
        path.append(layer.shapes[layer.shape[at]])
    return path[::-1]


def _with_habit(states: _States, usual: dict[tuple[Shape, ...], Shape], costs: Costs) -> np.ndarray:
    habit = usual.get(states.shapes)
    if habit is None:
        return states.own
    return states.own + costs.again * (states.shape != states.shapes.index(habit))
