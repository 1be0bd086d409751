"""The drummer's styles: ways to keep time and to place the backbeat.

They are written down beat by beat, so that they fit every metre: a hit is a voice on a place of the beat, in twelfths
of it (0, 3, 6, 9 sixteenths; 0, 4, 8 triplets), on all beats or on some kinds of them. A dotted-quarter beat goes by
triplets of the beat, so 6/8 is kept by "hat in triplets" or "ride shuffle" as a slow blues in 4/4 is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arranger.rules.context import KINDS, PLACES
from arranger.voices import VOICES

ROW = {voice.name: row for row, voice in enumerate(VOICES)}


@dataclass(frozen=True, slots=True)
class Hit:
    """One voice on one place of the beats of some kinds; `KINDS` names the kinds."""

    voice: str
    place: int
    kinds: tuple[str, ...] = KINDS


@dataclass(frozen=True, slots=True)
class Style:
    """What one hand, or one limb, does throughout a section."""

    name: str
    hits: tuple[Hit, ...]


def _on(voice: str, *places: int) -> tuple[Hit, ...]:
    return tuple(Hit(voice, place) for place in places)


def _backbeat(name: str, kinds: tuple[str, ...], voice: str = "snare", place: int = 0) -> Style:
    return Style(name, (Hit(voice, place, kinds),) if kinds else ())


TIMES = (
    Style("hat in quarters", _on("closed hat", 0)),
    Style("hat in eighths", _on("closed hat", 0, 6)),
    Style("hat in sixteenths", _on("closed hat", 0, 3, 6, 9)),
    Style("hat shuffle", _on("closed hat", 0, 8)),
    Style("hat in triplets", _on("closed hat", 0, 4, 8)),
    Style("disco hat", (*_on("closed hat", 0), *_on("open hat", 6))),
    Style("open hat in quarters", _on("open hat", 0)),
    Style("open hat in eighths", _on("open hat", 0, 6)),
    Style("ride in quarters", _on("ride", 0)),
    Style("ride in eighths", _on("ride", 0, 6)),
    Style("ride shuffle", _on("ride", 0, 8)),
    Style("ride in triplets", _on("ride", 0, 4, 8)),
    Style("crash in quarters", _on("crash", 0)),
)

BACKBEATS = (
    Style("no backbeat", ()),
    _backbeat("backbeat", ("snare", "last snare")),
    _backbeat("half time", ("kick",)),
    _backbeat("last beat only", ("last snare",)),
    _backbeat("every beat", KINDS),
    _backbeat("double time", KINDS, place=6),
    _backbeat("side stick", ("snare", "last snare"), voice="side stick"),
)


def style_cells(style: Style, place: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows, steps) of a style's hits on steps of these places and kinds, both int, shape (step,)."""
    rows, steps = [], []
    for hit in style.hits:
        here = np.flatnonzero((place == PLACES.index(hit.place)) & np.isin(kind, [KINDS.index(k) for k in hit.kinds]))
        rows.append(np.full(len(here), ROW[hit.voice]))
        steps.append(here)
    if not rows:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    return np.concatenate(rows), np.concatenate(steps)
