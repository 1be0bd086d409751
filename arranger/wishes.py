"""Whether what is wished for can be had: controls checked against each other and against the song."""

from __future__ import annotations

from arranger.controls import COMPLEXITIES, DENSITIES, FEELS, FILLS, ROLES, STYLES, Controls, PartControls
from arranger.errors import FillRequestError
from arranger.grid import DRUMS
from arranger.parts import PARTS
from arranger.parts import ROLES as TRACK_ROLES
from arranger.performing import TRIPLET_SWING, is_tab
from arranger.request import FillRequest
from arranger.styles import conflicts
from arranger.voices import VOICE_OF_KEY, VOICES

MOST_STROKES = 32.0
"""Onsets in a bar of four quarters."""
REACH = {"bass": (23, 67), "guitar": (33, 91)}
"""Lowest and highest pitch that a part may be asked for: five strings, and a guitar in drop A."""
DRUMS_ONLY = ("feel", "side_stick", "fills")
SWINGS = (0.5, 0.75)


def check_controls(request: FillRequest, controls: Controls) -> None:
    """Refuse what contradicts itself or the song.

    Raises
    ------
    FillRequestError
        with every conflict in a sentence, and what would be possible.
    """
    found = [
        f"“{part}” is no part, so it has no controls; parts are {', '.join(PARTS)}."
        for part in controls.parts
        if part not in PARTS
    ]
    for part in request.parts:
        asked = controls.of(part)
        found += _words(part, asked) + _against_song(part, asked, request)
        found += conflicts(part, asked, controls.swing)
    found += _whole(request, controls)
    if found:
        raise FillRequestError(" ".join(found))


def _words(part: str, asked: PartControls) -> list[str]:
    """Values that a control can't have."""
    found = []
    choices = (("complexity", COMPLEXITIES), ("feel", FEELS), ("fills", FILLS), ("role", ROLES))
    for name, words in choices:
        value = getattr(asked, name)
        if value is not None and value not in words:
            found.append(f"“{value}” is no {name}; say {', '.join(words)}.")
    if isinstance(asked.density, str) and asked.density not in DENSITIES:
        found.append(f"“{asked.density}” is no density; say {', '.join(DENSITIES)} or a number of onsets a bar.")
    elif isinstance(asked.density, (int, float)) and not 0 < asked.density <= MOST_STROKES:
        found.append(f"{asked.density:g} onsets a bar can't be played; ask for 1 to {MOST_STROKES:g}.")
    if asked.style is not None and asked.style not in STYLES[part]:
        told = f"styles of {part} are {', '.join(STYLES[part])}" if STYLES[part] else f"{part} have a --feel instead"
        found.append(f"“{asked.style}” is no style of {part}; {told}.")
    if asked.role is not None and part != "guitar":
        found.append(f"Only a guitar is rhythm or lead, not {part}.")
    if part != "drums":
        said = [name.replace("_", " ") for name in DRUMS_ONLY if getattr(asked, name)]
        found += [f"Only drums have {name}, not {part}." for name in said]
        if not asked.cymbals:
            found.append(f"Only drums have cymbals, not {part}.")
    return found


def _against_song(part: str, asked: PartControls, request: FillRequest) -> list[str]:
    found = []
    if asked.range is not None:
        found += _range(part, asked.range)
    if asked.follow == "kick":
        if part == "drums":
            found.append("Drums can't follow their own kick; let them follow a track, as in --follow drums=Bass.")
        elif not any(_kicks(request)):
            found.append(
                "No kick drum plays in this song, so it can't be followed; fill drums first, or follow a track."
            )
    elif asked.follow is not None:
        index = int(asked.follow) if asked.follow.isdecimal() else -1
        if not 0 <= index < len(request.song.tracks) or not request.song.tracks[index].notes:
            names = ", ".join(f"{i + 1} “{t.name}”" for i, t in enumerate(request.song.tracks) if t.notes)
            found.append(f"There is no such track with notes to follow; there are {names}.")
        elif index in request.existing[part] and request.mode == "replace":
            found.append(f"Track {index + 1} is the {part} that is to be replaced; follow another one.")
    return found


def _range(part: str, limits: tuple[int, int]) -> list[str]:
    if part == "drums":
        return ["Drums have no range; leave cymbals out with --feel no-cymbals."]
    low, high = REACH[part]
    if limits[0] > limits[1]:
        return [f"The range ends below its beginning; say it the other way round ({limits[1]} to {limits[0]})."]
    if limits[0] < low or limits[1] > high:
        return [f"A {part} reaches from {pitch_name(low)} to {pitch_name(high)}; the range has to lie in that."]
    if limits[1] - limits[0] < 4:
        return ["A range of fewer than five semitones is no room for a part; ask for a wider one."]
    return []


def _kicks(request: FillRequest) -> list[bool]:
    kick = [voice.name for voice in VOICES].index("kick")
    return [
        any(VOICE_OF_KEY[note.pitch] == kick for note in request.context.tracks[role.track].notes)
        for role in request.context_roles
        if role.role == TRACK_ROLES[DRUMS]
    ]


def _whole(request: FillRequest, controls: Controls) -> list[str]:
    found = []
    if controls.temperature is not None and not 0.1 <= controls.temperature <= 3:
        found.append(f"A temperature of {controls.temperature:g} is too far out; ask for 0.1 to 3 (0.5 is usual).")
    if controls.guidance is not None and not 0 <= controls.guidance <= 4:
        found.append(f"A guidance of {controls.guidance:g} is too far out; ask for 0 to 4 (1 is usual).")
    if not 0 <= controls.variation <= 1:
        found.append(f"A variation of {controls.variation:g} is too far out; ask for 0 to 1 (every bar its own).")
    if controls.swing is not None:
        low, high = SWINGS
        if not low <= controls.swing <= high:
            found.append(f"A swing of {controls.swing:g} is no swing; ask for {low:g} (straight) to {high:g} (hard).")
        elif is_tab(request.song) and min(abs(controls.swing - one) for one in (low, TRIPLET_SWING)) > 0.01:
            found.append("A tab has no place for that swing; ask for 0.67, which is written as triplets, or 0.5.")
    if controls.like is not None and not 0 <= controls.like[0] < controls.like[1] <= len(request.song.bars):
        found.append(
            f"There are no bars {controls.like[0] + 1}-{controls.like[1]}; there are 1-{len(request.song.bars)}."
        )
    return found


def pitch_name(pitch: int) -> str:
    """`E1` for 28: octaves as in scientific pitch, sharps."""
    return f"{('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')[pitch % 12]}{pitch // 12 - 1}"


def parse_pitch(text: str) -> int:
    """A pitch from `E1`, `Bb2`, `F#3` or a MIDI number.

    Raises
    ------
    FillRequestError
        if it is neither.
    """
    text = text.strip()
    if text.isdecimal() and int(text) <= 127:
        return int(text)
    letters = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    name, octave = text[:-1].rstrip("-"), text[-1:]
    steps = letters.get(name[:1].upper())
    signs = name[1:]
    if steps is None or not octave.isdecimal() or signs not in ("", "#", "b", "##", "bb") or text.count("-"):
        raise FillRequestError(f"“{text}” is no pitch; write E1, Bb2, F#3 or a MIDI number.")
    return steps + signs.count("#") - signs.count("b") + 12 * (int(octave) + 1)
