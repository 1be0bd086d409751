"""Note lengths as a person writes them: no rest shorter than an eighth after a note, no note that is over at once.

In the basses and guitars of seven human tabs (10,423 beats, `benchmarks/tab.py` has the songs) a sixteenth rest follows
0.4 % of the notes, while two thirds of a bass are plain eighths: how short a note is struck is left to the player.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from arranger.song import Bar, Note


def legible(notes: Sequence[Note], bars: Sequence[Bar], ticks_per_quarter: int) -> tuple[Note, ...]:
    """The notes, sorted, some of them lengthened, never into the next one and never over a bar line that they kept.

    A note that ends a sixteenth or less before the next one lasts until then; one that stands alone lasts to the next
    eighth of its bar, or, if it stands on a triplet, to the next triplet eighth.
    """
    quarter = ticks_per_quarter
    starts = sorted({note.start for note in notes})
    following = dict(pairwise(starts))
    bar_starts = [bar.start for bar in bars]
    done = []
    for note in sorted(notes):
        bar = bars[max(0, bisect_right(bar_starts, note.start) - 1)]
        until = following.get(note.start, bars[-1].end)
        at = note.start - bar.start
        unit = max(1, quarter // 2 if at % (quarter // 4 or 1) == 0 else quarter // 3)
        end = max(note.end, min(bar.start + (at // unit + 1) * unit, until, bar.end))
        if until - end <= quarter // 4 and end < bar.end:
            end = max(end, min(until, bar.end))
        done.append(replace(note, duration=end - note.start))
    return tuple(sorted(done))
