"""Parts by rule of thumb: what any fill has to beat, and the floor under every score card.

Three players who hear the other parts and nothing else: a drummer with a handful of styles, a bassist on roots and
riffs, a guitarist on chords. They go by what was counted in a song corpus (`tables`, `roots`: logistic tables of a few
features, no net), rest where the band rests and mostly where people would, and cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arranger.grid import Grid
from arranger.parts import PARTS, ROLES
from arranger.rules.bass import play_bass
from arranger.rules.context import listen
from arranger.rules.drums import play_drums
from arranger.rules.guitar import play_guitar
from arranger.rules.metre import beat_pattern, beat_steps
from arranger.rules.resting import playing_bars
from arranger.song import Song

__all__ = [
    "bar_tempos",
    "bass_rule",
    "beat_pattern",
    "beat_steps",
    "drum_rule",
    "guitar_rule",
    "rule_part",
]

Planes = tuple[np.ndarray, np.ndarray]


def rule_part(grid: Grid, part: str, bars: tuple[int, int], tempo: Sequence[float] | None = None) -> Planes:
    """What the rule plays for `part` in the bars [first, last).

    Parameters
    ----------
    grid : the song; its planes of `part` are not looked at. A bar sounds the same whichever bars are asked
        for, except that a part never rests in all bars that are asked for while others play in them.
    part : `drums`, `bass` or `guitar`.
    tempo : quarters a minute of each bar of the grid (`bar_tempos`); 120 throughout where nobody says.

    Returns
    -------
    onset, sustain : bool, shape (row, step), the steps of the whole grid; set inside the bars only.

    Raises
    ------
    ValueError
        if there is no such part, the bars are not bars of the grid, or there is not one tempo a bar.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    if not 0 <= bars[0] <= bars[1] <= len(grid.bars):
        raise ValueError(f"bars must lie in 0..{len(grid.bars)}, not {bars}")
    if tempo is not None and len(tempo) != len(grid.bars):
        raise ValueError(f"tempo must have one entry for each of {len(grid.bars)} bars, not {len(tempo)}")
    heard = listen(grid, ROLES.index(part), tempo)
    if not heard.band.any():
        return np.zeros_like(grid.onset[0]), np.zeros_like(grid.onset[0])
    plays, asked = playing_bars(heard, part), slice(*bars)
    if not plays[asked].any():
        plays[asked] = heard.band[asked]
    if part == "drums":
        onset = play_drums(heard, plays)
        sustain = onset.copy()
    else:
        onset, sustain = (play_bass if part == "bass" else play_guitar)(heard, plays)
    inside = np.zeros(grid.steps, dtype=bool)
    inside[grid.bar_slice(*bars)] = True
    return onset & inside, sustain & inside


def drum_rule(grid: Grid, bars: tuple[int, int], tempo: Sequence[float] | None = None) -> Planes:
    """The drummer; see `rule_part`."""
    return rule_part(grid, "drums", bars, tempo)


def bass_rule(grid: Grid, bars: tuple[int, int], tempo: Sequence[float] | None = None) -> Planes:
    """The bassist; see `rule_part`."""
    return rule_part(grid, "bass", bars, tempo)


def guitar_rule(grid: Grid, bars: tuple[int, int], tempo: Sequence[float] | None = None) -> Planes:
    """The guitarist; see `rule_part`."""
    return rule_part(grid, "guitar", bars, tempo)


def bar_tempos(song: Song) -> list[float]:
    """Quarters a minute at each bar line of a song."""
    return [song.tempo_at(bar.start) for bar in song.bars]
