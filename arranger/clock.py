"""Ticks as seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from arranger.song import Tempo


def clock_of(tempos: Sequence[Tempo], ticks_per_quarter: int) -> Callable[[int], float]:
    """tick -> seconds from tick 0, by a song's tempo map; before its first tempo, that one holds."""
    known = [tempo for tempo in sorted(tempos, key=lambda tempo: tempo.tick) if tempo.qpm > 0] or [Tempo(0, 120.0)]
    ticks = [tempo.tick for tempo in known]
    pace = [60.0 / (tempo.qpm * ticks_per_quarter) for tempo in known]
    passed = [ticks[0] * pace[0]]
    for at in range(1, len(known)):
        passed.append(passed[-1] + (ticks[at] - ticks[at - 1]) * pace[at - 1])

    def seconds(tick: int) -> float:
        at = max(0, bisect_right(ticks, tick) - 1)
        return passed[at] + (tick - ticks[at]) * pace[at]

    return seconds
