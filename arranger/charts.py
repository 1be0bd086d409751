"""Chords and key as the user gives them: a chart, one entry a bar.

A chart is `Am F C G`, a bar each; with bar lines several chords share a bar: `| Am | F C | % | N.C. |`. `%` is the bar
before once more, `-` or `N.C.` no chord, `/` or `.` a beat on the chord before. Words in square brackets and all from a
`#` that begins a word are comments. A chart shorter than what is asked goes round again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arranger.chord_symbols import ACCIDENTALS, NATURALS, ChordSymbol, parse_symbol
from arranger.errors import FillRequestError
from arranger.grid import Grid
from arranger.harmony import MAJOR_SCALE, MINOR_SCALE
from arranger.rules.metre import beat_steps

MAX_CHART_BARS = 4_000
MAX_CHART_CHARACTERS = 200_000
MAX_CHORDS_A_BAR = 16
NO_CHORD = ("-", "–", "N.C.", "NC", "n.c.", "N.C")
REPEAT = "%"
HOLD = ("/", ".")

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*|//.*|\[[^\]\n]*\]", re.MULTILINE)
_BAR_LINE = re.compile(r"\|+\]?|\[\|")
_KEY = re.compile(r"\s*([A-Ga-g])\s*([#♯b♭]?)\s*[- ]?\s*(major|maj|minor|min|m|M|dur|moll)?\s*")


@dataclass(frozen=True, eq=False)
class Chart:
    """What is to sound at each step of a grid.

    root, bass : int (step,), pitch classes, -1 where the chart says nothing. tones : bool (12, step).
    changes : int, sorted, the steps at which another chord (or the same in a new bar) begins.
    """

    root: np.ndarray
    tones: np.ndarray
    bass: np.ndarray
    changes: np.ndarray


def parse_chords(text: str) -> tuple[str, ...]:
    """The chords of each bar as one text, repeats written out: `Am`, `F C` for two in a bar, `-` for none.

    Raises
    ------
    FillRequestError
        that names the chord, its bar and the way out.
    """
    if len(text) > MAX_CHART_CHARACTERS:
        raise FillRequestError(f"The chart is too long; {MAX_CHART_CHARACTERS} characters are read.")
    bars: list[str] = []
    for line in _COMMENT.sub("", text.replace("\r", "\n")).split("\n"):
        for cell in _cells(line):
            if len(bars) >= MAX_CHART_BARS:
                raise FillRequestError(f"The chart has more than {MAX_CHART_BARS} bars; write fewer, it goes round.")
            bars.append(_bar(cell, bars))
    if not bars:
        raise FillRequestError("The chart has no chord in it; write one a bar, as in “Am F C G”.")
    return tuple(bars)


def _cells(line: str) -> list[str]:
    """The bars of a line: what stands between bar lines, or every word where there are none."""
    if ":" in line and "|" in line:
        raise FillRequestError(
            f"Repeat signs are not read in a chart (“{line.strip()[:40]}”); write the bars out, % is the bar before."
        )
    if "|" not in line:
        return line.split()
    cells = _BAR_LINE.split(line)
    if not cells[0].strip():
        cells = cells[1:]
    if cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _bar(cell: str, before: list[str]) -> str:
    """One bar, checked; `before` are the bars in front of it."""
    words = cell.split()
    place = f"bar {len(before) + 1} of the chart"
    if not words:
        raise FillRequestError(
            f"Nothing stands between the bar lines of {place}; write % for the bar before, - for none."
        )
    if len(words) > MAX_CHORDS_A_BAR:
        raise FillRequestError(f"{len(words)} chords are too many for {place}; at most {MAX_CHORDS_A_BAR} are read.")
    if words == [REPEAT]:
        if not before:
            raise FillRequestError(f"There is no bar before the % in {place}; begin with a chord.")
        return before[-1]
    for at, word in enumerate(words):
        if word in NO_CHORD:
            words[at] = "-"
        elif word in (REPEAT, *HOLD):
            if not at:
                raise FillRequestError(f"“{word}” begins {place}; a bar begins with a chord, - or a single %.")
            words[at] = words[at - 1]
        else:
            _symbol(word, place)
    return " ".join(words) if len(set(words)) > 1 else words[0]


def _symbol(word: str, place: str) -> ChordSymbol:
    try:
        return parse_symbol(word)
    except ValueError as error:
        raise FillRequestError(
            f"“{word[:30]}” in {place} is no chord: {error}. "
            "Write it as in Am, F#m7b5, Bbmaj7, Dsus4, G7/B, or - for none."
        ) from error


def parse_key(text: str) -> tuple[int, bool]:
    """Pitch class of the tonic and whether the key is minor: `A minor`, `Am`, `F# major`, `Bb`, `c` for C minor.

    Raises
    ------
    FillRequestError
        if it is no key.
    """
    match = _KEY.fullmatch(text[:40])
    word = (match[3] or "") if match else ""
    if not match or (match[1].islower() and word in ("M", "maj", "dur")):
        raise FillRequestError(f"“{text[:30]}” is no key; write it as in A minor, Am, F# major or Bb.")
    tonic = (NATURALS[match[1].upper()] + ACCIDENTALS[match[2]]) % 12
    return tonic, word in ("minor", "min", "m", "moll") or (not word and match[1].islower())


def scale_of(key: tuple[int, bool]) -> np.ndarray:
    """Pitch classes of a key's (natural) scale, bool (12,)."""
    scale = np.zeros(12, dtype=bool)
    scale[[(key[0] + step) % 12 for step in (MINOR_SCALE if key[1] else MAJOR_SCALE)]] = True
    return scale


def chart_of(chords: Sequence[str], grid: Grid, bars: tuple[int, int]) -> Chart:
    """What a chart says of the bars [first, last) of a grid.

    Parameters
    ----------
    chords : as `parse_chords` gives them. A chart that reaches to the last asked bar of the song is one of the whole
        song; a shorter one begins with the first asked bar and goes round again.

    Raises
    ------
    FillRequestError
        if an entry is no chord.
    """
    first, last = bars
    begin = 0 if len(chords) >= last else first
    root, bass = np.full(grid.steps, -1), np.full(grid.steps, -1)
    tones = np.zeros((12, grid.steps), dtype=bool)
    changes: list[int] = []
    if not chords:
        return Chart(root, tones, bass, np.array(changes, dtype=np.int64))
    for bar in range(first, last):
        at = (bar - begin) % len(chords)
        words = chords[at].split() or ["-"]
        edges = _shares(grid, bar, len(words))
        for index, word in enumerate(words):
            run = slice(edges[index], edges[index + 1])
            if word == "-" or run.start >= run.stop:
                continue
            symbol = _symbol(word, f"bar {at + 1} of the chart")
            root[run], bass[run] = symbol.root, symbol.bass
            tones[sorted(symbol.tones), run] = True
            if not index or word != words[index - 1]:
                changes.append(int(edges[index]))
    return Chart(root, tones, bass, np.array(changes, dtype=np.int64))


def chart_arrays(chords: Sequence[str], grid: Grid, bars: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(root int (step,), tones bool (12, step), bass int (step,)) of `chart_of`."""
    chart = chart_of(chords, grid, bars)
    return chart.root, chart.tones, chart.bass


def _shares(grid: Grid, bar: int, count: int) -> list[int]:
    """First step of each of `count` chords in a bar, and the bar's end: on beats, as even as they go."""
    begin, end = int(grid.bar_steps[bar]), int(grid.bar_steps[bar + 1])
    beats = beat_steps(grid.bars[bar], end - begin)
    if count <= len(beats) - 1:
        return [begin + beats[at * (len(beats) - 1) // count] for at in range(count + 1)]
    return [begin + at * (end - begin) // count for at in range(count + 1)]
