"""A drummer's manners: nothing struck twice over, crashes where sections begin, fills before them, a last stroke."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from arranger.grid import DRUMS, STEPS_PER_QUARTER, Grid
from arranger.polish.timekeeper import TIME_KEPT
from arranger.rules.patterns import ROW
from arranger.styles import Setting
from arranger.styles.drum_fills import with_fills

STRAY = 4
"""So few strokes of percussion in a bar are nobody's idea."""
LONE = 2
"""So few open or pedal hats in a bar that is kept on the closed one are closed."""
PICK_UP = 6
"""The last steps of a bar, in which an open hat leads into the next."""
FILL_NEAR, FILL_FROM = 8, 1.2
"""A fill stands where this many times the strokes of snare and toms are expected that are usual in the bars about."""
_DRUMMED = [ROW[name] for name in ("snare", "low tom", "mid tom", "high tom")]
_HATS = [ROW[name] for name in ("closed hat", "open hat", "ride", "pedal hat")]


@dataclass(frozen=True, eq=False)
class Scene:
    """Where a drummer is: the song round the drums, and the bars in which a section begins."""

    grid: Grid
    setting: Setting


def tidied(onset: np.ndarray, sure: np.ndarray, grid: Grid) -> np.ndarray:
    """Onsets, bool (row, step), without what no drummer strikes together, or once for no reason.

    Parameters
    ----------
    sure : float (row, step), the chances that were drawn from: of snare and side stick the surer stays.
    """
    out = onset.copy()
    snare, stick = ROW["snare"], ROW["side stick"]
    both, less = out[snare] & out[stick], sure[snare] < sure[stick]
    out[snare] &= ~(both & less)
    out[stick] &= ~(both & ~less)
    closed = ROW["closed hat"]
    out[closed] &= ~(out[ROW["open hat"]] | out[ROW["ride"]] | out[ROW["crash"]])
    for first, last in zip(grid.bar_steps[:-1].tolist(), grid.bar_steps[1:].tolist(), strict=True):
        bar = out[:, first:last]
        if bar[closed].sum() >= TIME_KEPT:
            for name in ("open hat", "pedal hat"):
                at = np.flatnonzero(bar[ROW[name]])
                if len(at) <= LONE:
                    at = at[at < last - first - PICK_UP] if name == "open hat" else at
                    bar[ROW[name], at], bar[closed, at] = False, True
        percussion = bar[ROW["other percussion"]]
        if percussion.sum() <= STRAY:
            percussion[:] = False
    return out


def dressed(onset: np.ndarray, sure: np.ndarray, scene: Scene, asked: np.ndarray) -> np.ndarray:
    """Onsets with a crash and the kick where a section or the drums begin and no other crash, a fill before a section,
    and a last stroke with the band's.

    Parameters
    ----------
    sure : float (row, step), the chances that were drawn from. asked : bool (bar,), the bars that may be changed.
    """
    grid, out = scene.grid, onset.copy()
    starts = grid.bar_steps[:-1]
    whole = out | grid.onset[DRUMS]  # with what the drums already play round the asked bars
    plays = np.logical_or.reduceat(whole.any(axis=0), starts)
    enters = plays & ~np.concatenate([[False], plays[:-1]])
    enters[[bar for bar in scene.setting.section_starts if plays[bar]]] = True
    arrivals = np.flatnonzero(enters & asked)
    crash, kick = ROW["crash"], ROW["kick"]
    out[crash] &= ~np.isin(grid.bar_of_step, np.flatnonzero(asked))
    out[:, starts[arrivals]] = _struck(out[:, starts[arrivals]], crash, kick)
    wished = [bar for bar in scene.setting.section_starts if _leads_in(sure, grid, bar)]
    out = with_fills(out, replace(scene.setting, section_starts=tuple(wished)), "sparse")
    band = np.flatnonzero(grid.onset.any(axis=(0, 1)))
    if len(band):
        last = int(grid.bar_of_step[band[-1]])
        if last and asked[last] and plays[last - 1] and not plays[last] and starts[last] in band:
            out[[crash, kick], starts[last]] = True
    return out


def _leads_in(sure: np.ndarray, grid: Grid, bar: int) -> bool:
    """Whether more of snare and toms is expected in the last beat before a bar than there in the bars about."""
    if not bar:
        return False
    near = [other for other in range(bar - FILL_NEAR, bar + FILL_NEAR) if 0 < other < len(grid.bar_steps)]
    ends = grid.bar_steps[near][:, None] - np.arange(1, STEPS_PER_QUARTER + 1)
    expected = sure[_DRUMMED][:, ends].sum(axis=(0, 2))
    return bool(expected[near.index(bar)] >= FILL_FROM * expected.mean())


def _struck(columns: np.ndarray, crash: int, kick: int) -> np.ndarray:
    """The columns with crash and kick, and no hat or ride with them."""
    columns = columns.copy()
    columns[_HATS] = False
    columns[[crash, kick]] = True
    return columns
