"""Chords of a song by bars or half bars, told from what sounds and what lies lowest.

A chord explains a stretch by how likely it makes the pitch classes in it: its own tones share most of the weight, the
others are passing. The bass is mostly on the root. The best path through all stretches (Viterbi) pays for every change,
more inside a bar than at a bar line, so that a passing note doesn't make a chord.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arranger.profiles import Profiles

KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "dim": (0, 3, 6),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "5": (0, 7),
}
"""What is written behind the root, and the tones above it."""

TONES = {2: (0.55, 0.45), 3: (0.36, 0.33, 0.31), 4: (0.30, 0.26, 0.22, 0.22)}
"""Share of the weight that a chord's tones have among themselves, root first."""
PASSING = 0.14
"""Share of the weight that is no tone of the chord."""
BASS_ON_ROOT, BASS_ON_TONE = 0.70, 0.22
"""Share of the bass on the root, and on the chord's other tones together."""
EVIDENCE, BASS_EVIDENCE = 3.0, 1.5
"""So many independent notes a whole bar is worth, and its bass."""
CHANGE, CHANGE_INSIDE = 2.5, 4.5
"""Cost of a change of chord at a bar line and inside a bar, in nats."""
RARE = {"dim": 1.0, "sus4": 0.8, "sus2": 1.2, "maj7": 0.4, "5": 0.8, "7": 0.6, "m7": 0.2}
"""Nats against kinds that are rarer than plain triads."""
SLASH = 0.6
"""Share of the bass that another tone must have to be written behind a slash."""

_NATURAL = "FCGDAEB"


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord from a stretch on: pitch class of the root, kind (a key of `KINDS`), pitch class of the bass."""

    bar: int
    half: int
    root: int
    kind: str
    bass: int

    def name(self, sharps: int = 0) -> str:
        """As it stands over the notes, spelled in a key of so many sharps (flats below 0)."""
        slash = f"/{pitch_class_name(self.bass, sharps)}" if self.bass != self.root else ""
        return f"{pitch_class_name(self.root, sharps)}{self.kind}{slash}"


def pitch_class_name(pitch_class: int, sharps: int) -> str:
    """Name of a pitch class in a key: of the twelve on the line of fifths from its flat sixth to its raised fourth."""
    lowest = sharps - 4
    fifth = lowest + (7 * pitch_class - lowest) % 12
    alter = (fifth + 1) // 7
    return _NATURAL[(fifth + 1) % 7] + ("#" * alter if alter > 0 else "b" * -alter)


def song_chords(profiles: Profiles) -> tuple[Chord, ...]:
    """Chords where they begin, and again at every bar line; bars in which hardly anything sounds have none.

    Of two halves of a bar with one chord only the first is told.
    """
    states = _states()
    tones, basses, prior = _likelihoods(states)
    loud = profiles.weight.sum(axis=1)
    low = profiles.bass.sum(axis=1)
    halves = np.bincount(profiles.bar, minlength=1)[profiles.bar]
    share = profiles.weight / np.maximum(loud, 1e-9)[:, None]
    bass_share = profiles.bass / np.maximum(low, 1e-9)[:, None]
    # A stretch with little in it says little: four quarters of sound say as much as a stretch can.
    trust = np.minimum(1.0, loud / 2.0) / halves
    bass_trust = np.minimum(1.0, low) / halves
    scores = EVIDENCE * 4 * trust[:, None] * (share @ tones.T) + BASS_EVIDENCE * bass_trust[:, None] * (
        bass_share @ basses.T
    )
    scores += prior[None, :] * (trust > 0)[:, None]
    path = _best_path(scores, np.diff(profiles.bar, prepend=-1) > 0)
    chords: list[Chord] = []
    for at, (state, bar) in enumerate(zip(path.tolist(), profiles.bar.tolist(), strict=True)):
        if loud[at] <= 0.1:
            continue
        root, kind = states[state]
        half = at - int(np.searchsorted(profiles.bar, bar))
        if half and chords and chords[-1].bar == bar and (chords[-1].root, chords[-1].kind) == (root, kind):
            continue
        lowest = int(bass_share[at].argmax())
        on_tone = (lowest - root) % 12 in KINDS[kind]
        bass = lowest if low[at] > 0.25 and bass_share[at, lowest] >= SLASH and on_tone else root
        chords.append(Chord(bar, half, root, kind, bass))
    return tuple(chords)


def _states() -> list[tuple[int, str]]:
    return [(root, kind) for kind in KINDS for root in range(12)]


def _likelihoods(states: list[tuple[int, str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood of each pitch class and each bass under each chord, (state, 12) both, and log prior (state,)."""
    tones, basses = np.zeros((len(states), 12)), np.zeros((len(states), 12))
    for row, (root, kind) in enumerate(states):
        members = [(root + step) % 12 for step in KINDS[kind]]
        tones[row] = PASSING / (12 - len(members))
        basses[row] = (1 - BASS_ON_ROOT - BASS_ON_TONE) / (12 - len(members))
        for member, part in zip(members, TONES[len(members)], strict=True):
            tones[row, member] = (1 - PASSING) * part
            basses[row, member] = BASS_ON_TONE / (len(members) - 1)
        basses[row, root] = BASS_ON_ROOT
    prior = -np.array([RARE.get(kind, 0.0) for _, kind in states])
    return np.log(tones), np.log(basses), prior


def _best_path(scores: np.ndarray, at_bar_line: np.ndarray) -> np.ndarray:
    """State of each stretch, int, so that scores less the cost of changes are greatest."""
    steps, count = scores.shape
    back = np.zeros((steps, count), dtype=np.int64)
    best = scores[0].copy()
    own = np.arange(count)
    for at in range(1, steps):
        leader = int(best.argmax())
        changed = best[leader] - (CHANGE if at_bar_line[at] else CHANGE_INSIDE)
        back[at] = np.where(best >= changed, own, leader)
        best = np.maximum(best, changed) + scores[at]
    path = np.zeros(steps, dtype=np.int64)
    path[-1] = int(best.argmax())
    for at in range(steps - 1, 0, -1):
        path[at - 1] = back[at, path[at]]
    return path
