"""Sections of a song: where something else begins, and which sections are the same.

Every bar is told by what it sounds like: pitch classes, bass, how busy each part is, and the drums' pattern. Where the
file has section names they are the sections; else a section begins where the bars before and behind differ most
(Foote's checkerboard novelty, ICME 2000), most readily four or eight bars after the last. Sections that are alike bar
for bar have one letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from arranger.grid import DRUMS, Grid
from arranger.parts import ROLES
from arranger.profiles import PITCHED, Profiles
from arranger.song import Song

KERNEL = 4
"""Bars to each side of a bar line that are compared."""
LEAST_BARS = 4
NOVELTY = 0.18
"""Least difference that begins a section, of 1 for nothing in common."""
SAME = 0.74
"""Least mean likeness of two sections, bar for bar, that get one letter."""
MAX_BARS = 1_500
"""Songs with more bars (nobody's sections) are one section."""
_MOST_LETTERS = 26
MAX_SECTIONS = 200
"""Sections that a user may name."""


@dataclass(frozen=True, slots=True)
class Section:
    """Bars [first, last) with a letter, and the name that the file has for them, if any."""

    first: int
    last: int
    label: str
    name: str = ""


def song_sections(song: Song, grid: Grid, profiles: Profiles) -> tuple[Section, ...]:
    """Sections of all bars, in order, without gaps."""
    bars = len(song.bars)
    if bars > MAX_BARS:
        return (Section(0, bars, "A"),)
    alike = likeness(bar_features(grid, profiles))
    names = {song.bar_at(marker.tick): marker.text for marker in song.markers}
    named = len(names) > 1
    spans = list(pairwise([*(sorted({0, *names}) if named else boundaries(alike)), bars]))
    letters = labels(alike, spans)
    if not named:  # a phrase that is played again at once begins nothing new
        heads = [at for at, letter in enumerate(letters) if not at or letter != letters[at - 1]]
        spans = list(pairwise([*(spans[at][0] for at in heads), bars]))
        letters = labels(alike, spans)
    return tuple(
        Section(first, last, letter, names.get(first, "")) for (first, last), letter in zip(spans, letters, strict=True)
    )


def bar_features(grid: Grid, profiles: Profiles) -> np.ndarray:
    """What each bar sounds like, float (bar, feature), blocks of equal weight; a silent block is zero."""
    bars = len(grid.bars)
    blocks = []
    for weight in (profiles.weight, profiles.bass):
        by_bar = np.zeros((bars, 12))
        np.add.at(by_bar, profiles.bar, weight)
        blocks.append(by_bar)
    starts = np.asarray(grid.bar_steps[:-1])
    busy = np.add.reduceat(grid.onset.sum(axis=1, dtype=np.int32), starts, axis=1).T.astype(float)  # (bar, role)
    loudest = np.maximum(busy.max(axis=0, keepdims=True), 1.0)
    blocks.append(np.sqrt(busy / loudest))
    blocks.append(_pattern(grid.onset[DRUMS, :12], grid, bars))
    register = np.zeros((bars, len(ROLES) * 4))
    for at, role in enumerate(PITCHED):
        rows = np.add.reduceat(grid.onset[role], starts, axis=1, dtype=np.int32).T  # (bar, pitch)
        for band, (low, high) in enumerate(((0, 48), (48, 60), (60, 72), (72, 128))):
            register[:, 4 * at + band] = rows[:, low:high].sum(axis=1)
    blocks.append(np.sqrt(register))
    return np.concatenate([_unit(block) for block in blocks], axis=1)


def _pattern(drums: np.ndarray, grid: Grid, bars: int) -> np.ndarray:
    """Hits of each voice in the eighths of each bar, the first sixteen at most, float (bar, 12 x 16)."""
    pattern = np.zeros((bars, 12, 16))
    voice, step = np.nonzero(drums)
    bar = grid.bar_of_step[step]
    eighth = np.minimum((step - np.asarray(grid.bar_steps)[bar]) // 6, 15)
    pattern[bar, voice, eighth] = 1.0
    return pattern.reshape(bars, -1)


def _unit(block: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(block, axis=1, keepdims=True)
    return block / np.where(size > 0, size, 1.0)


def likeness(features: np.ndarray) -> np.ndarray:
    """Cosine of every pair of bars, (bar, bar), 0..1; two silent bars are alike."""
    size = np.linalg.norm(features, axis=1)
    unit = features / np.where(size > 0, size, 1.0)[:, None]
    alike = np.clip(unit @ unit.T, 0.0, 1.0)
    silent = size == 0
    alike[np.ix_(silent, silent)] = 1.0
    return alike


def novelty(alike: np.ndarray) -> np.ndarray:
    """How likely something else begins with each bar, float (bar,), about 0..1.

    Half is contrast: the likeness inside the bars on both sides less the likeness across. Half is repetition: whether
    the bars from here on are those that came (or come) so many bars away, and the ones before were not (the time-lag
    matrix of Serra and others, IEEE Transactions on Multimedia 2014).
    """
    bars = len(alike)
    contrast = np.zeros(bars)
    for bar in range(1, bars):
        size = min(KERNEL, bar, bars - bar)
        before = alike[bar - size : bar, bar - size : bar]
        behind = alike[bar : bar + size, bar : bar + size]
        across = alike[bar - size : bar, bar : bar + size]
        contrast[bar] = float(((before + behind) / 2 - across).mean()) * size / KERNEL
    lag = np.zeros((bars, 2 * bars))
    for bar in range(bars):
        lag[bar, bars - bar : 2 * bars - bar] = alike[bar] > SAME + 0.1
    total = np.concatenate([np.zeros((1, 2 * bars)), np.cumsum(lag, axis=0)])
    repetition = np.zeros(bars)
    for bar in range(1, bars):
        size = min(KERNEL, bar, bars - bar)
        behind, before = total[bar + size] - total[bar], total[bar] - total[bar - size]
        # A whole run of alike bars that starts or ends here.
        repetition[bar] = float((np.abs(behind - before) >= size).sum()) * size / KERNEL
    return contrast / max(contrast.max(), 0.2) / 2 + repetition / max(repetition.max(), 2.0) / 2


def boundaries(alike: np.ndarray) -> list[int]:
    """First bars of sections: the cheapest way to cut, in which a cut gains its novelty and odd lengths cost."""
    curve = novelty(alike)
    bars = len(curve)
    best, back = np.full(bars + 1, -np.inf), np.zeros(bars + 1, dtype=np.int64)
    best[0] = 0.0
    for end in range(1, bars + 1):
        for length in range(1, min(end, 32) + 1):
            start = end - length
            gain = curve[start] - NOVELTY if start else 0.0
            score = best[start] + gain - _oddness(length)
            if score > best[end]:
                best[end], back[end] = score, start
        if end > 32:  # a section of any length, for songs in which nothing ever changes
            start = int(back[end - 1])
            score = best[end - 1]
            if score > best[end]:
                best[end], back[end] = score, start
    starts = []
    end = bars
    while end > 0:
        end = int(back[end])
        starts.append(end)
    return sorted(starts)


def _oddness(length: int) -> float:
    """Cost of a section's length: none for eights, little for fours, more for twos and odd ones."""
    if length < LEAST_BARS:
        return 0.25
    return 0.0 if length % 8 == 0 else 0.03 if length % 4 == 0 else 0.08 if length % 2 == 0 else 0.12


def labels(alike: np.ndarray, spans: Sequence[tuple[int, int]]) -> list[str]:
    """A letter for each span, A first; spans alike bar for bar share one."""
    letters: list[str] = []
    firsts: list[tuple[int, int]] = []
    for first, last in spans:
        scores = [_span_likeness(alike, span, (first, last)) for span in firsts]
        if scores and max(scores) >= SAME:
            letters.append(letter(int(np.argmax(scores))))
            continue
        letters.append(letter(len(firsts)))
        firsts.append((first, last))
    return letters


def _span_likeness(alike: np.ndarray, one: tuple[int, int], other: tuple[int, int]) -> float:
    """Mean likeness of two spans bar for bar from their starts; spans of very different length are not the same."""
    size = min(one[1] - one[0], other[1] - other[0])
    longer = max(one[1] - one[0], other[1] - other[0])
    if size < 0.6 * longer:
        return 0.0
    steps = np.arange(size)
    return float(alike[one[0] + steps, other[0] + steps].mean())


def letter(index: int) -> str:
    """A, B, ... Z, A2, B2, ..."""
    turn, at = divmod(index, _MOST_LETTERS)
    return chr(ord("A") + at) + (str(turn + 1) if turn else "")


def section_pairs(sections: Sequence[Section]) -> list[tuple[int, int]]:
    """Bars at the same place of any two sections with one letter; of longer sections as far as the shorter reaches."""
    by_letter: dict[str, list[Section]] = {}
    for section in sections:
        by_letter.setdefault(section.label, []).append(section)
    return [
        pair
        for same in by_letter.values()
        for one, other in combinations(same, 2)
        for pair in zip(range(one.first, one.last), range(other.first, other.last), strict=False)
    ]
