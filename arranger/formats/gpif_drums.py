"""Drums of GPIF scores as General MIDI keys.

Guitar Pro 7 and 8 write of each note which of its track's articulations is struck: an index into the track's own list.
Guitar Pro 6 writes a kind of instrument and one of three ways to strike it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from arranger.formats.gpif_master import number

DRUM_CHANNEL = 9
MAX_ARTICULATIONS = 1_000

_KICK, _SIDE_STICK, _SNARE, _CLOSED_HAT, _PEDAL_HAT, _OPEN_HAT = 36, 37, 38, 42, 44, 46
_RIDE, _CHINA, _RIDE_BELL, _SPLASH, _COWBELL, _CRASH_1, _CRASH_2 = 51, 52, 53, 55, 56, 49, 57

GP6_KEYS: tuple[tuple[int, int, int], ...] = (
    (_KICK,) * 3,
    (_SNARE, _SNARE, _SIDE_STICK),  # hit, rim shot, side stick
    *((_COWBELL,) * 3 for _ in ("low", "medium", "high")),
    *((tom,) * 3 for tom in (43, 45, 47, 48, 50)),
    (_CLOSED_HAT, _OPEN_HAT, _OPEN_HAT),  # closed, half open, open
    (_PEDAL_HAT,) * 3,
    (_CRASH_2,) * 3,  # the second way is choked, here and below
    (_CRASH_1,) * 3,
    (_SPLASH,) * 3,
    (_RIDE, _RIDE, _RIDE_BELL),  # middle, edge, bell
    (_CHINA,) * 3,
)
"""General MIDI key of each (element, variation) of Guitar Pro 6, as Guitar Pro 7 takes the same songs over."""


@dataclass(frozen=True, slots=True)
class Articulations:
    """What a track's notes can strike; `outputs[index]` is a General MIDI key, or below 0 where the file says none."""

    outputs: tuple[int, ...] = ()
    inputs: tuple[tuple[int, ...], ...] = ()


def articulations_of(track: ET.Element) -> Articulations:
    """The articulations in a track's instrument set, in the order of their indices."""
    outputs: list[int] = []
    inputs: list[tuple[int, ...]] = []
    for entry in track.iterfind("InstrumentSet/Elements/Element/Articulations/Articulation"):
        if len(outputs) == MAX_ARTICULATIONS:
            break
        outputs.append(number(entry.findtext("OutputMidiNumber"), -1))
        inputs.append(tuple(number(text, -1) for text in entry.findtext("InputMidiNumbers", "").split()))
    return Articulations(tuple(outputs), tuple(inputs))


def is_drum_track(track: ET.Element, channel: int | None, articulations: Articulations) -> bool:
    """Whether the notes of a track are drums: it says so, or it plays unpitched instruments on channel 10."""
    general = track.find("GeneralMidi")
    if general is not None and general.get("table") == "Percussion":
        return True
    if track.findtext("InstrumentSet/Type", "").strip() == "drumKit":
        return True
    return channel == DRUM_CHANNEL and any(output > 0 for output in articulations.outputs)


def drum_key(drum: tuple[int, int | None], articulations: Articulations) -> int | None:
    """General MIDI key of a note.

    Parameters
    ----------
    drum : (articulation index, None) or, in Guitar Pro 6, (element, variation).
    articulations : of its track.

    Returns
    -------
    key : None if there is nothing of that number.
    """
    first, variation = drum
    if variation is not None:
        ways = GP6_KEYS[first] if 0 <= first < len(GP6_KEYS) else (_SNARE,) * 3
        return ways[variation] if 0 <= variation < len(ways) else ways[0]
    if 0 <= first < len(articulations.outputs):
        output = articulations.outputs[first]
        if output < 0 and articulations.inputs[first]:
            output = articulations.inputs[first][0]
        return output if 0 <= output <= 127 else None
    # Beyond the list, the number is the key itself: so do programs that convert older files.
    return first if 27 <= first <= 87 else None
