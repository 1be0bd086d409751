"""What renders: a player turns the lanes of a stem into frames, block after block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from audio_ext.errors import AudioError, missing_extra
from audio_ext.performance import Lane
from audio_ext.sf2 import SoundFont
from audio_ext.soundfonts import Choice

ENGINES = ("fluidsynth", "built-in")
NO_LIBRARY = (
    "FluidSynth's C library is not installed, so the built-in renderer plays (no reverb, a plainer sound). "
    "Debian and Ubuntu: apt install libfluidsynth3; macOS: brew install fluid-synth."
)


class Player(Protocol):
    """Plays one stem from its start."""

    def render(self, frames: int) -> np.ndarray:
        """The next frames, float32 (2, frames)."""

    def close(self) -> None:
        """Free what the player holds; it can't render any more."""


class Engine(Protocol):
    """Opens players; `rate` in Hz."""

    name: str

    def open(self, soundfont: SoundFont, choice: Choice, lanes: Sequence[Lane], rate: int, reverb: bool) -> Player:
        """A player for some lanes. AudioError if the SoundFont can't be loaded."""


def find_engine(name: str | None = None) -> tuple[Engine, tuple[str, ...]]:
    """FluidSynth where its library is there, else the built-in renderer, with a line that says so.

    Parameters
    ----------
    name : one of `ENGINES`, to have that one and no other.

    Raises
    ------
    AudioError
        if the named engine is not there.
    """
    if name not in (None, *ENGINES):
        raise AudioError("", f"“{name}” is no renderer", None, f"There are {' and '.join(ENGINES)}.")
    if name != "built-in":
        from audio_ext.fluid import load_fluidsynth

        found = load_fluidsynth()
        if found is not None:
            return found, ()
        if name is not None:
            raise AudioError("", "FluidSynth's C library is not installed", None, NO_LIBRARY.partition(". ")[2])
    try:
        from audio_ext.fallback import BuiltIn
    except ImportError as err:  # scipy
        raise missing_extra(err.name or "scipy") from err

    return BuiltIn(), () if name else (NO_LIBRARY,)
