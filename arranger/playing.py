"""Score order and playing order: repeats, endings and jumps.

A Song stands in score order, as its file does; `Song.order` says how its bars follow each other when it is played.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arranger.song import Song

MAX_PLAYED_BARS = 20_000
"""More than any song has; where jumps run in circles, playing stops here."""


@dataclass(frozen=True, slots=True)
class BarFlow:
    """What one bar of a score says about where to go on.

    Parameters
    ----------
    opens : True if a repeated section begins with the bar.
    repeats : how often the section that ends with the bar is played in all; 0 where none ends, else at least 2.
    endings : passes, counted from 1, in which the bar is played; empty for all.
    targets : signs that stand here: any of `segno`, `segno segno`, `coda`, `double coda`, `fine`.
    jump : what is done after the bar, as `da capo`, `da capo al coda`, `da capo al double coda`, `da capo al fine`,
        `da segno ...`, `da segno segno ...` (the same four), `da coda`, `da double coda`; empty for nothing.
    """

    opens: bool = False
    repeats: int = 0
    endings: frozenset[int] = frozenset()
    targets: frozenset[str] = frozenset()
    jump: str = ""


def playing_order(flows: Sequence[BarFlow]) -> tuple[int, ...]:
    """Bars in the order in which they are played; empty where that is the order in which they stand."""
    raise NotImplementedError


def played_out(song: Song) -> Song:
    """The song as it sounds: bars in playing order, swing played; without a source."""
    raise NotImplementedError
