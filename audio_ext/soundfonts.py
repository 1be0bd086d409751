"""Which SoundFont is played, and with which of its presets.

In this order: what the user names, the environment variable ARRANGER_SOUNDFONT, TimGM6mb.sf2 that the package
pretty_midi carries (found without importing it).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from audio_ext.errors import AudioError
from audio_ext.performance import Performance
from audio_ext.sf2 import SoundFont, open_soundfont

VARIABLE = "ARRANGER_SOUNDFONT"
DRUM_BANK = 128
FAMILY = 8
"""General MIDI's programs stand in families of eight: pianos, chromatic percussion, organs, guitars, basses, ..."""


@dataclass(frozen=True)
class Choice:
    """(program, is drum?) -> (bank, program) of the SoundFont, None for silence; and what had to be replaced."""

    presets: dict[tuple[int, bool], tuple[int, int] | None]
    notes: tuple[str, ...]


def find_soundfont(asked: str | os.PathLike[str] | None = None) -> SoundFont:
    """The SoundFont to play with.

    Raises
    ------
    AudioError
        if it is missing or broken; a named one is never silently replaced.
    """
    if asked is not None:
        return open_soundfont(asked)
    if named := os.environ.get(VARIABLE):
        try:
            return open_soundfont(named)
        except AudioError as err:
            remedy = f"The environment variable {VARIABLE} names it; set it anew or unset it."
            raise AudioError(err.file, err.problem, err.place, remedy) from err
    carried = carried_soundfont()
    if carried is None:
        remedy = f"Install one with pip install 'arranger[audio]', or name a .sf2 with --soundfont or {VARIABLE}."
        raise AudioError("", "There is no SoundFont to play with", None, remedy)
    return open_soundfont(carried)


def carried_soundfont() -> Path | None:
    """The SoundFont in the installed package pretty_midi; None where that is not installed."""
    spec = find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("TimGM6mb.sf2")
    return path if path.is_file() else None


def choose_presets(soundfont: SoundFont, performance: Performance) -> Choice:
    """A preset for every program that is played; where the SoundFont lacks it, the nearest that it has."""
    name = soundfont.path.name
    presets: dict[tuple[int, bool], tuple[int, int] | None] = {}
    notes = []
    for asked in sorted({(lane.program, lane.is_drum) for lanes in performance.tracks for lane in lanes}):
        program, is_drum = asked
        chosen = _kit(soundfont, program) if is_drum else _melodic(soundfont, program)
        presets[asked] = chosen
        if chosen is None:
            what = "drum kit; drums are silent" if is_drum else "preset for pitched notes; they are silent"
            notes.append(f"{name} has no {what}.")
        elif is_drum and program and chosen == (DRUM_BANK, 0):
            continue  # most SoundFonts have one kit, and most files ask for another by mistake
        elif chosen[1] != program:
            said = soundfont.names[soundfont.presets[chosen]]
            kind = "kit" if is_drum else "program"
            notes.append(f"{name} has no {kind} {program + 1}; {kind} {chosen[1] + 1} ({said}) plays it.")
    if presets and all(one is None for one in presets.values()):
        remedy = "Take a General MIDI SoundFont with --soundfont."
        raise AudioError(name, "the SoundFont has no preset that could play this song", None, remedy)
    return Choice(presets, tuple(dict.fromkeys(notes)))


def _kit(soundfont: SoundFont, program: int) -> tuple[int, int] | None:
    kits = sorted(kit for bank, kit in soundfont.presets if bank == DRUM_BANK)
    if not kits:
        return None
    return DRUM_BANK, next((kit for kit in (program, 0) if kit in kits), kits[0])


def _melodic(soundfont: SoundFont, program: int) -> tuple[int, int] | None:
    """The program itself, else the nearest of its family, else a piano, else whatever there is."""
    banks = sorted({bank for bank, _ in soundfont.presets if bank != DRUM_BANK})
    if not banks:
        return None
    bank = banks[0]
    there = sorted(preset for of_bank, preset in soundfont.presets if of_bank == bank)
    family = [preset for preset in there if preset // FAMILY == program // FAMILY]
    if family:
        return bank, min(family, key=lambda preset: abs(preset - program))
    return bank, 0 if 0 in there else there[0]
