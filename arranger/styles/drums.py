"""Drums in a feel, without cymbals, with a side stick, with fills where they are asked."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from arranger.controls import PartControls
from arranger.grid import STEPS_PER_QUARTER
from arranger.rules.patterns import ROW
from arranger.styles.drum_fills import TOMS, fill_begins, fill_places, with_fills, without_fills
from arranger.styles.feel import with_feel, without_stray_snares
from arranger.styles.setting import Planes, Setting
from arranger.styles.strokes import asked_steps, beat_edges, made_playable, playing_bars

CYMBALS = tuple(ROW[name] for name in ("closed hat", "pedal hat", "open hat", "crash", "ride"))
QUARTERS_FROM = 150.0
"""From this tempo on a floor tom keeps time in quarters, not in eighths."""


def styled_drums(planes: Planes, setting: Setting, controls: PartControls) -> Planes:
    """The drums as the controls want them; the very planes that came in where nothing was asked."""
    asked = controls.feel or controls.fills or not controls.cymbals or controls.side_stick
    if not asked or not setting.bars:
        return planes
    inside = asked_steps(setting)
    onset, _ = made_playable("drums", (planes[0] & inside, planes[0] & inside), setting)
    if controls.fills:  # before anything else, while they can be told from a floor tom that keeps time
        places = fill_places(onset, setting, controls.fills)
        onset = without_fills(onset, setting, {bar - 1 for bar in places})
    if controls.feel:
        onset = with_feel(onset, setting, controls.feel)
    if not controls.cymbals:
        onset = without_cymbals(onset, setting)
    if controls.side_stick:
        onset = with_side_stick(onset, setting)
    if controls.fills:
        onset = with_fills(
            onset,
            setting,
            controls.fills,
            triplets=controls.feel == "shuffle",
            snare=not controls.side_stick,
            crash=controls.cymbals,
        )
    onset, _ = made_playable("drums", (onset, onset), setting)
    onset = without_stray_snares(onset, setting, controls.feel or "")
    return (planes[0] & ~inside) | onset, (planes[1] & ~inside) | onset


def without_cymbals(onset: np.ndarray, setting: Setting) -> np.ndarray:
    """Onsets without hats, ride and crash: the floor tom keeps their time where no other drum is struck by hand, in
    eighths, in quarters where it is fast. A crash that has no kick gets one."""
    out = onset.copy()
    inside = asked_steps(setting)
    time = onset[list(CYMBALS)].any(axis=0) & inside
    out[list(CYMBALS)] &= ~inside
    hands = onset[[ROW["snare"], ROW["side stick"], *TOMS]].any(axis=0)
    for bar in playing_bars(onset, setting):
        kept = np.zeros(setting.grid.steps, dtype=bool)
        begin, end = setting.grid.bar_steps[bar : bar + 2].tolist()
        edges = beat_edges(setting, bar)
        for first, last in pairwise(edges):
            unit = STEPS_PER_QUARTER // 2 if setting.tempo[bar] < QUARTERS_FROM else last - first
            swung = last - first == STEPS_PER_QUARTER and time[[first + 4, first + 8]].any()
            places = [first + 8] if swung and setting.tempo[bar] < QUARTERS_FROM else range(first + unit, last, unit)
            kept[[first, *places]] = True
        fill = fill_begins(onset, setting, bar)
        kept[end if fill is None else fill :] = False
        out[ROW["low tom"]] |= time & kept & ~hands
        out[ROW["kick"]] |= onset[ROW["crash"]] & kept
        if not out[:, begin:end].any():
            out[ROW["low tom"], begin + int(onset[:, begin:end].any(axis=0).argmax())] = True
    return out


def with_side_stick(onset: np.ndarray, setting: Setting) -> np.ndarray:
    """Onsets with side sticks for the snare; in fills a tom stands in for it, because nobody rolls on the rim."""
    out = onset.copy()
    for bar in playing_bars(onset, setting):
        begin, end = setting.grid.bar_steps[bar : bar + 2].tolist()
        fill = fill_begins(onset, setting, bar)
        until = end if fill is None else fill
        out[ROW["side stick"], begin:until] |= out[ROW["snare"], begin:until]
        out[ROW["high tom"], until:end] |= out[ROW["snare"], until:end]
        out[ROW["snare"], begin:end] = False
    return out
