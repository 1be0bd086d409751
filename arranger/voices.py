"""The twelve drum voices that the grid knows, and the General MIDI keys behind them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of the kit: `key` is what is written, `keys` everything that is read as it."""

    name: str
    key: int
    keys: tuple[int, ...]
    limb: str


VOICES = (
    Voice("kick", 36, (35, 36), "foot"),
    Voice("snare", 38, (38, 40, 39), "hand"),
    Voice("side stick", 37, (37,), "hand"),
    Voice("closed hat", 42, (42,), "hand"),
    Voice("pedal hat", 44, (44,), "foot"),
    Voice("open hat", 46, (46,), "hand"),
    Voice("low tom", 43, (41, 43), "hand"),
    Voice("mid tom", 47, (45, 47), "hand"),
    Voice("high tom", 50, (48, 50), "hand"),
    Voice("crash", 49, (49, 52, 55, 57), "hand"),
    Voice("ride", 51, (51, 53, 59), "hand"),
    Voice("other percussion", 54, (), "hand"),
)
OTHER_VOICE = len(VOICES) - 1

VOICE_OF_KEY = tuple(
    next((index for index, voice in enumerate(VOICES) if key in voice.keys), OTHER_VOICE) for key in range(128)
)
"""Voice index of each of the 128 General MIDI keys; hand percussion and unknown keys are `other percussion`."""
