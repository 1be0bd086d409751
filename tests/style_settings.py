"""Settings and takes written out by hand, and random ones, for the tests of the styles."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from rule_grids import Notes, grid_of

from arranger.chords import KINDS
from arranger.grid import steps_to_notes
from arranger.playable_check import errors
from arranger.song import Bar, Tempo
from arranger.styles import Planes, Setting
from arranger.tunings import STANDARD

METRES = ((4, 4), (3, 4), (6, 8), (5, 4), (7, 8), (12, 8), (2, 4))
C_MAJOR = (0, 2, 4, 5, 7, 9, 11)
CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def setting_for(
    metres: list[tuple[int, int]],
    chords: str = "C",
    part: str = "drums",
    *,
    tempo: float = 120.0,
    sections: tuple[int, ...] = (0,),
    bars: tuple[int, ...] | None = None,
    notes: Notes | None = None,
) -> Setting:
    """One bar for each metre, one chord for each bar (again from the first when they run out; `-` for none)."""
    grid = grid_of(metres, notes or {})
    root, tones = np.full(grid.steps, -1), np.zeros((12, grid.steps), dtype=bool)
    words = chords.split()
    for bar in range(len(metres)):
        word, steps = words[bar % len(words)], grid.bar_slice(bar, bar + 1)
        if word != "-":
            root[steps] = CLASSES[word[0]]
            for above in KINDS[word[1:]]:
                tones[(CLASSES[word[0]] + above) % 12, steps] = True
    scale = np.isin(np.arange(12), C_MAJOR)
    strings = STANDARD.get(part, ())
    asked = tuple(range(len(metres))) if bars is None else bars
    pace = np.full(len(metres), tempo)
    return Setting(grid, asked, root, tones, scale, pace, min(strings, default=0), sections, strings)


def take(setting: Setting, notes: list[tuple[int, int, int]]) -> Planes:
    """Planes of (row, first step, end step)."""
    onset, sustain = np.zeros((2, 128, setting.grid.steps), dtype=bool)
    for row, first, end in notes:
        onset[row, first] = True
        sustain[row, first:end] = True
    return onset, sustain


def struck_bars(onset: np.ndarray, setting: Setting) -> set[int]:
    return set(setting.grid.bar_of_step[np.flatnonzero(onset.any(axis=0))].tolist())


def troubles(part: str, planes: Planes, setting: Setting) -> tuple[object, ...]:
    """What can't be played of a take, by the independent check."""
    grid = setting.grid
    steps = grid.bar_steps.tolist()
    bars = tuple(
        Bar(b.index, first, end - first, b.numerator, b.denominator)
        for b, first, end in zip(grid.bars, steps, steps[1:], strict=False)
    )
    notes = steps_to_notes(*planes, type(grid)(grid.onset, grid.sustain, grid.bar_steps, bars, 12), part == "drums")
    tempos = [Tempo(first, qpm) for first, qpm in zip(steps, setting.tempo.tolist(), strict=False)]
    return errors(notes, part, 12, setting.strings or None, tempos=tempos)


class Case:
    """A setting and a take, told in a line when a test fails."""

    def __init__(self, setting: Setting, planes: Planes) -> None:
        self.setting, self.planes = setting, planes

    def __repr__(self) -> str:
        bars = [(bar.numerator, bar.denominator) for bar in self.setting.grid.bars]
        roots = self.setting.root[self.setting.grid.bar_steps[:-1]].tolist()
        notes = [(int(step), int(row)) for step, row in np.argwhere(self.planes[0].T)]
        return f"{bars} roots {roots} asked {self.setting.bars} {self.setting.section_starts} {notes}"


CHORDS = ["C", "Am", "Dm", "G7", "F", "Em", "-", "Bdim", "A5", "Fmaj7"]


@st.composite
def settings_and_takes(draw: st.DrawFn, part: str) -> Case:
    """A few bars in mixed metres under random chords, and anything at all as a take, some bars of it silent."""
    metres = draw(st.lists(st.sampled_from(METRES), min_size=2, max_size=6))
    chords = " ".join(draw(st.lists(st.sampled_from(CHORDS), min_size=1, max_size=4)))
    count = len(metres)
    bars = tuple(sorted(draw(st.sets(st.integers(0, count - 1), min_size=1))))
    sections = (0, *sorted(draw(st.sets(st.integers(1, count - 1), max_size=2))))
    tempo = draw(st.sampled_from([60.0, 95.0, 130.0, 180.0, 240.0]))
    total = sum(48 * a // b for a, b in metres)
    low, high = {"drums": (0, 11), "bass": (24, 55), "guitar": (38, 84)}[part]
    unit = draw(st.sampled_from([1, 3, 4, 6]))
    places = st.tuples(st.integers(low, high), st.integers(0, total // unit - 1), st.integers(1, 30))
    rests = draw(st.sets(st.integers(0, count - 1), max_size=2))
    setting = setting_for(metres, chords, part, tempo=tempo, sections=sections, bars=bars)
    notes = [
        (row, at * unit, min(total, at * unit + (1 if part == "drums" else length)))
        for row, at, length in draw(st.lists(places, max_size=60))
        if setting.grid.bar_of_step[at * unit] not in rests
    ]
    return Case(setting, take(setting, notes))
