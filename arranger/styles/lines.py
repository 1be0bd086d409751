"""The line of notes that costs least: what a walking bass and a lead have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cheapest_line(own: Sequence[np.ndarray], between: Sequence[np.ndarray]) -> list[int]:
    """Which option to take at each place, so that all costs together are least (Viterbi).

    Parameters
    ----------
    own : for each place the cost of each of its options, float (option,), at least one.
    between : for each place but the last the cost of going from its options to the next one's, float (option, next).
    """
    if not own:
        return []
    total, back = own[0], []
    for costs, pair in zip(own[1:], between, strict=True):
        ways = total[:, None] + pair
        back.append(ways.argmin(axis=0))
        total = ways.min(axis=0) + costs
    path = [int(total.argmin())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return path[::-1]


def in_register(pitch_class: int, low: int, high: int) -> list[int]:
    """Pitches of a class from `low` to `high`, both included."""
    return list(range(low + (pitch_class - low) % 12, high + 1, 12))


def nearest(pitch_class: int, low: int, high: int, to: float) -> int | None:
    """The pitch of a class in a register that is nearest to another; None if the register has none."""
    options = in_register(pitch_class, low, high)
    return min(options, key=lambda pitch: (abs(pitch - to), pitch)) if options else None


def folded(pitch: int, low: int, high: int) -> int:
    """The pitch, moved by octaves into a register; at its edge if the register is narrower than an octave."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return max(low, pitch)
