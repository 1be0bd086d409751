"""Drum fills: found, taken out, and played where they are asked.

A fill is written down beat by beat, so that it fits every metre in which it has beats enough: a letter for each
sixteenth of a quarter, or for each triplet (the eighths of a dotted quarter): Snare, High, Mid and Low tom, Kick.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from arranger.grid import DRUMS, STEPS_PER_QUARTER
from arranger.rules.metre import beat_pattern
from arranger.rules.patterns import ROW
from arranger.styles.setting import Setting
from arranger.styles.strokes import asked_steps, beat_edges, playing_bars

TOMS = tuple(ROW[name] for name in ("high tom", "mid tom", "low tom"))
SNARES = (ROW["snare"], ROW["side stick"])
LETTERS = {"S": ROW["snare"], "H": ROW["high tom"], "M": ROW["mid tom"], "L": ROW["low tom"], "K": ROW["kick"]}
PHRASES = {"none": 0, "sparse": 0, "4": 4, "8": 8}
"""Bars from fill to fill inside a section; 0 for none."""
APART = {"sparse": 4, "4": 2, "8": 4}
"""Bars that are between two places at least: where sections are short, not each has a fill of its own."""


@dataclass(frozen=True, slots=True)
class DrumFill:
    """A fill of as many beats as it has words, for tempos from `slowest` to `fastest`, in quarters a minute."""

    name: str
    words: tuple[str, ...]
    slowest: float
    fastest: float


FILLS = (
    DrumFill("down the toms", ("SHML",), 50, 185),
    DrumFill("two by two", ("SSHH", "MMLL"), 50, 165),
    DrumFill("in eighths", ("S.H.", "M.LL"), 95, 220),
    DrumFill("snare roll", ("SSSS",), 50, 165),
    DrumFill("three three two", ("S.KH", ".KLL"), 50, 150),
    DrumFill("pick-up", ("..HL",), 50, 125),
    DrumFill("answer", ("S.SS", "H.LL"), 70, 185),
    DrumFill("fast eighths", ("S.S.", "H.L."), 150, 400),
    DrumFill("fast toms", ("H.L.",), 150, 400),
)
TRIPLET_FILLS = (
    DrumFill("triplets down", ("SHL",), 30, 260),
    DrumFill("two triplets", ("SSH", "MLL"), 30, 220),
    DrumFill("snare triplets", ("SSS",), 30, 220),
    DrumFill("shuffled", ("S.H", "M.L"), 80, 400),
    DrumFill("triplet pick-up", (".HL",), 30, 160),
    DrumFill("shuffled toms", ("H.L",), 140, 400),
)


def fill_places(onset: np.ndarray, setting: Setting, fills: str) -> list[int]:
    """Bars that a fill is to lead into: those in which a section begins, and every four or eight bars within it.

    The drummer plays on its first beat and before the last one of the bar before, an asked one of two beats or more.
    """
    if fills == "none":
        return []
    onset = onset & asked_steps(setting)
    played = onset.any(axis=0) | setting.grid.onset[DRUMS].any(axis=0)
    asked, phrase = set(playing_bars(onset, setting)), PHRASES[fills]
    places: list[int] = []
    for bar in range(1, len(setting.grid.bars)):
        at = bisect_right(setting.section_starts, bar) - 1
        into = bar - (setting.section_starts[at] if at >= 0 else 0)
        if bar - 1 not in asked or not (into == 0 or (phrase and into % phrase == 0)):
            continue
        edges, before = beat_edges(setting, bar), beat_edges(setting, bar - 1)
        if places and bar - places[-1] < APART[fills]:
            continue
        if len(before) >= 3 and played[edges[0] : edges[1]].any() and onset[:, before[0] : before[-2]].any():
            places.append(bar)
    return places


def fill_begins(onset: np.ndarray, setting: Setting, bar: int) -> int | None:
    """Step at which a fill begins that lasts to the end of the bar; None if there is none.

    A beat belongs to a fill if snare and toms have three strokes in it, or two with a tom among them. Where the low tom
    keeps time in the rest of the bar it counts for nothing.
    """
    edges = beat_edges(setting, bar)
    toms, found = _toms(onset, edges), None
    for first, end in zip(edges[-2::-1], edges[:0:-1], strict=True):
        drums = int(onset[[*SNARES, *toms], first:end].any(axis=0).sum())
        if not (drums >= 3 or (drums >= 2 and onset[list(toms), first:end].any())):
            break
        found = first
    return found


def _toms(onset: np.ndarray, edges: list[int]) -> tuple[int, ...]:
    """The toms that are heard as such: not the low one where it stands on at least every beat but the last."""
    early = onset[ROW["low tom"], edges[0] : edges[-2]]
    return TOMS[:-1] if len(edges) > 2 and early.sum() >= len(edges) - 2 else TOMS


def with_fills(
    onset: np.ndarray, setting: Setting, fills: str, *, triplets: bool = False, snare: bool = True, crash: bool = True
) -> np.ndarray:
    """Onsets, bool (row, step), with fills before the places that are asked, and nowhere else.

    Parameters
    ----------
    triplets : whether quarters go by triplets throughout; else where the take does. snare : whether the snare may be
        struck; a tom stands in for it. crash : whether the kick on the first beat after a fill has a crash with it.
    """
    places = set(fill_places(onset, setting, fills))
    plain = without_fills(onset, setting, {bar - 1 for bar in places})
    out = plain.copy()
    for bar in sorted(places):
        begins = bar in setting.section_starts
        turn = sum(other < bar and (other in setting.section_starts) == begins for other in places)
        if fill_begins(plain, setting, bar - 1) is None:
            _play_fill(out, setting, bar, turn, triplets or _in_triplets(onset, setting, bar), snare)
        if bar in setting.bars:
            first = int(setting.grid.bar_steps[bar])
            out[ROW["kick"], first] = True
            if crash:
                out[[ROW[name] for name in ("closed hat", "open hat", "ride")], first] = False
                out[ROW["crash"], first] = True
    return out


def without_fills(onset: np.ndarray, setting: Setting, but: set[int]) -> np.ndarray:
    """Onsets with the groove in the place of fills, but for those in some bars: as the nearest bar of the same metre
    goes on there, or, where none does, without toms and with the snare on the backbeat alone."""
    out = onset.copy()
    grid, plays = setting.grid, playing_bars(onset, setting)
    begins = {bar: fill_begins(onset, setting, bar) for bar in plays}
    lengths = np.diff(grid.bar_steps)
    grooves = [bar for bar in plays if begins[bar] is None]
    for bar in plays:
        begin = begins[bar]
        if begin is None or bar in but:
            continue
        first, end = grid.bar_steps[bar : bar + 2].tolist()
        metre = lengths[bar], grid.bars[bar].numerator
        alike = [other for other in grooves if (lengths[other], grid.bars[other].numerator) == metre]
        if alike:
            donor = min(alike, key=lambda other: (abs(other - bar), other > bar))
            shift = int(grid.bar_steps[donor]) - first
            out[:, begin:end] = onset[:, begin + shift : end + shift]
        if not alike or fill_begins(out, setting, bar) is not None:
            edges = beat_edges(setting, bar)
            backbeat = [s for s, name in zip(edges, beat_pattern(len(edges) - 1), strict=False) if name == "s"]
            kept = onset[ROW["snare"]] & np.isin(np.arange(grid.steps), backbeat)
            out[[*TOMS, *SNARES], begin:end] = False
            out[ROW["snare"], begin:end] = kept[begin:end]
        if not out[:, first:end].any():
            out[ROW["kick"], first + int(onset[:, first:end].any(axis=0).argmax())] = True
    return out


def _in_triplets(onset: np.ndarray, setting: Setting, bar: int) -> bool:
    """Whether the drummer, or else the band, plays triplets rather than sixteenths in the bars before a place."""
    first = setting.grid.bar_steps[max(0, bar - 4)]
    struck = np.asarray(onset.any(axis=0) | setting.grid.onset.any(axis=(0, 1)))
    inside = np.concatenate([np.arange(n) for n in np.diff(setting.grid.bar_steps)]) % STEPS_PER_QUARTER
    near = inside[first : setting.grid.bar_steps[bar]][struck[first : setting.grid.bar_steps[bar]]]
    return bool(np.isin(near, (4, 8)).sum() > np.isin(near, (3, 6, 9)).sum())


def _play_fill(onset: np.ndarray, setting: Setting, bar: int, turn: int, triplets: bool, snare: bool) -> None:
    """A fill in the last beats of the bar before; in place. They take turns; longer ones lead into sections."""
    edges = beat_edges(setting, bar - 1)
    quarter = edges[-1] - edges[-2] == STEPS_PER_QUARTER
    known = FILLS if quarter and not triplets else TRIPLET_FILLS
    tempo = float(setting.tempo[bar - 1])
    lengths = np.diff(edges)[::-1].tolist()
    fits = [
        fill
        for fill in known
        if len(fill.words) < len(edges) - 1
        and len(set(lengths[: len(fill.words)])) == 1
        and lengths[0] % len(fill.words[0]) == 0
        and fill.slowest <= tempo <= fill.fastest
    ] or [known[0]]
    # Longer ones first where a section begins, shorter ones first within it.
    begins = bar in setting.section_starts
    fits.sort(key=lambda fill: (len(fill.words) > 1) != begins)
    preferred = sum((len(fill.words) > 1) == begins for fill in fits) or len(fits)
    turn = turn % preferred
    for fill in (*fits[turn:preferred], *fits[:turn], *fits[preferred:]):
        trial = onset.copy()
        _strike(trial, fill, edges, snare)
        if fill_begins(trial, setting, bar - 1) is not None:
            break
    onset[:] = trial


def _strike(onset: np.ndarray, fill: DrumFill, edges: list[int], snare: bool) -> None:
    first = edges[-1 - len(fill.words)]
    kicks = [step for step in edges[:-1] if step >= first and onset[ROW["kick"], step]]
    onset[:, first : edges[-1]] = False
    onset[ROW["kick"], kicks] = True
    for word, begin, end in zip(fill.words, edges[-1 - len(fill.words) :], edges[-len(fill.words) :], strict=False):
        for at, letter in enumerate(word):
            if letter in LETTERS:
                row = LETTERS["H"] if letter == "S" and not snare else LETTERS[letter]
                onset[row, begin + at * (end - begin) // len(word)] = True
