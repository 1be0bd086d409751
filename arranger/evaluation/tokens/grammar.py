"""What may come next inside an open bar, and tokens back to notes: whatever is drawn can be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from arranger.evaluation.tokens.songs import DRUMS
from arranger.evaluation.tokens.vocabulary import (
    DRUM_0,
    DURATION_0,
    DURATION_STEPS,
    DURATIONS,
    FILL_END,
    FILL_START,
    NAMES,
    PITCH_0,
    PITCHES,
    POSITION_0,
    POSITIONS,
)
from arranger.evaluation.tokens.windows import NO_STEP, Token
from arranger.voices import VOICES

MAX_BAR_NOTES = 48
"""Notes of one bar, after which it is closed: a net that has lost its way must not write for ever."""
MAX_CHORD = 6


@dataclass(frozen=True, slots=True)
class Open:
    """An open bar that is being written.

    Parameters
    ----------
    role, bar : as in `windows.Token`. steps : of the bar. shift : semitones that the pitches were moved by.
    step, row : where the last note stands; -1 before the first. waiting : "", "pitch" or "length", what must follow.
    notes, chord : written so far, in the bar and at this step.
    """

    role: int
    bar: int
    steps: int
    shift: int = 0
    step: int = -1
    row: int = -1
    waiting: str = ""
    notes: int = 0
    chord: int = 0

    @property
    def start(self) -> Token:
        """The token that opens the bar."""
        return FILL_START, self.role, self.bar, NO_STEP

    def allowed(self) -> np.ndarray:
        """Which tokens may come next, bool (token,): at least one.

        Positions and, at one of them, pitches only rise, so a bar has one way to be written and always an end. A
        position is only offered where another note may follow, a pitch only where it is on the keyboard when it is
        moved back.
        """
        out = np.zeros(len(NAMES), dtype=bool)
        if self.waiting == "length":
            out[DURATION_0 : DURATION_0 + DURATIONS] = True
            return out
        if self.chord < MAX_CHORD and self.notes < MAX_BAR_NOTES and self.step >= 0:
            if self.role == DRUMS:
                out[DRUM_0 + self.row + 1 : DRUM_0 + len(VOICES)] = True
            else:
                low, high = max(0, self.shift), min(PITCHES, PITCHES + self.shift)
                out[PITCH_0 + max(low, self.row + 1) : PITCH_0 + high] = True
        if self.waiting == "pitch":
            return out
        if self.notes < MAX_BAR_NOTES:
            out[POSITION_0 + self.step + 1 : POSITION_0 + min(self.steps, POSITIONS)] = True
        out[FILL_END] = True
        return out

    def after(self, token: int) -> tuple[Open | None, Token]:
        """The bar after one more token, None where that closes it; and the token with its place.

        Raises
        ------
        ValueError
            if the token is not allowed here.
        """
        if not 0 <= token < len(NAMES) or not self.allowed()[token]:
            raise ValueError(f"{token} may not come here")
        if token == FILL_END:
            return None, (token, self.role, self.bar, NO_STEP)
        step, row, waiting, notes, chord = self.step, self.row, "", self.notes, self.chord
        if POSITION_0 <= token < POSITION_0 + POSITIONS:
            step, row, waiting, chord = token - POSITION_0, -1, "pitch", 0
        elif not DURATION_0 <= token < DURATION_0 + DURATIONS:
            first = DRUM_0 if self.role == DRUMS else PITCH_0
            row, notes, chord = token - first, notes + 1, chord + 1
            waiting = "" if self.role == DRUMS else "length"
        after = Open(self.role, self.bar, self.steps, self.shift, step, row, waiting, notes, chord)
        return after, (token, self.role, self.bar, step)


def read_notes(tokens: Iterable[int]) -> list[tuple[int, int, int]]:
    """(step, row, length) of the tokens of one bar, between its two ends; drums have length 1. Strict on order.

    Raises
    ------
    ValueError
        if they can't be read.
    """
    found: list[tuple[int, int, int]] = []
    step, row = -1, -1
    for token in tokens:
        if POSITION_0 <= token < POSITION_0 + POSITIONS and row < 0:
            step = token - POSITION_0
        elif DRUM_0 <= token < DRUM_0 + len(VOICES) and step >= 0 and row < 0:
            found.append((step, token - DRUM_0, 1))
        elif PITCH_0 <= token < PITCH_0 + PITCHES and step >= 0 and row < 0:
            row = token - PITCH_0
        elif DURATION_0 <= token < DURATION_0 + DURATIONS and row >= 0:
            found.append((step, row, int(DURATION_STEPS[token - DURATION_0])))
            row = -1
        else:
            raise ValueError(f"{NAMES[token] if 0 <= token < len(NAMES) else token} has no place after step {step}")
    if row >= 0:
        raise ValueError("the last note has no length")
    return found


def notes_array(found: Sequence[tuple[int, int, int]], role: int, bar: int) -> np.ndarray:
    """Notes of one bar as `TokenSong.notes` has them, int (note, 5)."""
    return np.array([(bar, role, *note) for note in found], dtype=np.int64).reshape(-1, 5)
