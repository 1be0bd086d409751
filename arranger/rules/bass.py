"""The bassist."""

from __future__ import annotations

import numpy as np

from arranger.grid import ROWS
from arranger.rules.context import BASS, GUITAR, OTHER, Heard, around_bars
from arranger.rules.playing_bars import playing_bars, sounding_end
from arranger.rules.roots import find_roots
from arranger.rules.tables import stroke_chances

STRIKE_FROM = 0.4
STEADY = 0.5
LOWEST = 29
RIFF_BELOW = 53

DOUBLE_GUITAR, DOUBLE_OTHER = 50, 48
LEAP = 0.12
REGISTER = {}
USE=0.5
def play_bass(heard: Heard):
    grid = heard.grid
    chance = stroke_chances(heard, ("bass",))["bass"]
    steady = around_bars(chance[None], heard.band[None], np.diff(grid.bar_steps))[0]
    bar = grid.bar_of_step
    plays = playing_bars(heard, "bass")
    begins = ((1 - STEADY) * chance + STEADY * steady > STRIKE_FROM) & plays[bar]
    begins &= np.arange(grid.steps) < sounding_end(heard)[bar]
    roots = find_roots(grid, "bass")
    onset, sustain = np.zeros((2, ROWS, grid.steps), dtype=bool)
    at = np.flatnonzero(begins)
    if not len(at): return onset, sustain
    ends = np.minimum(np.append(at[1:], grid.steps), grid.bar_steps[1:][bar[at]])
    glow = grid.sustain[GUITAR].argmax(axis=0); gs = heard.strikes[5] > 0
    olow = grid.sustain[OTHER].argmax(axis=0); os_ = heard.strikes[7] > 0
    doubled = np.where(gs & (glow < DOUBLE_GUITAR), glow, np.where(os_ & (olow < DOUBLE_OTHER), olow, -1))[at]
    pcs = np.where(doubled >= 0, doubled % 12, roots[at])
    for first, last, row in zip(at.tolist(), ends.tolist(), pitches(pcs, doubled).tolist(), strict=True):
        onset[row, first] = True
        sustain[row, first:last] = True
    return onset, sustain

LO, HI = 28, 52
HIST = np.zeros(128)
GBONUS = 1.5
def pitches(pcs, doubled):
    cand = np.arange(LO, HI)
    n = len(pcs)
    prior = HIST[cand]
    sc = np.where(cand[None] % 12 == pcs[:, None], prior[None], -1e3)
    d = doubled[:, None]
    sc = sc + GBONUS * ((d >= 0) & (cand[None] == np.where(d >= 40, d - 12, d)))
    cost = -LEAP * np.abs(cand[:, None] - cand[None])
    back = np.zeros((n, len(cand)), int); tot = sc[0]
    for i in range(1, n):
        m = tot[:, None] + cost
        back[i] = m.argmax(0); tot = m.max(0) + sc[i]
    out = np.zeros(n, int); k = int(tot.argmax())
    for i in range(n - 1, -1, -1):
        out[i] = cand[k]; k = back[i, k]
    return out
