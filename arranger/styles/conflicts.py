"""Styles that contradict what else is asked: refused before anything runs, with what would be possible."""

from __future__ import annotations

from arranger.controls import PartControls
from arranger.styles.setting import Setting
from arranger.styles.strokes import beat_edges

STRAIGHT_UNTIL, SWUNG_FROM = 0.55, 0.6
"""Shares of a beat for its first half: up to which it is straight, and from which on it swings."""
ROOM = {"roots": 11, "octaves": 23, "walking": 11, "power": 18, "strum": 24, "arpeggio": 24, "chug": 11}
"""Semitones from the lowest to the highest note of a range that a style needs to have every chord in it."""
OWN_RHYTHM = {
    "walking": "a note on every beat",
    "arpeggio": "a steady stream of eighths",
    "chug": "a steady stream of eighths",
}
STREAM_LEAST = 8.0
"""Onsets in a bar of four quarters that a stream of eighths has."""


def conflicts(
    part: str, controls: PartControls, swing: float | None = None, setting: Setting | None = None
) -> list[str]:
    """What can't be had together, a sentence or two each; empty if all can.

    Parameters
    ----------
    swing : share of a beat that its first half gets, if it was asked for. setting : the song, to see whether it has
        what a style needs; without it only the controls are looked at.
    """
    found = [*_rhythm(part, controls), *_range(controls)]
    if part == "drums":
        found += _drums(controls, swing)
    if part == "guitar" and controls.role == "lead" and controls.style in ("power", "strum", "chug"):
        found.append(
            f"A lead guitar plays single high notes, {controls.style} is for a rhythm guitar; "
            "ask for role rhythm, or for a lead with style arpeggio or riff."
        )
    if setting is not None:
        found += _song(controls, setting)
    return found


def _rhythm(part: str, controls: PartControls) -> list[str]:
    style, found = controls.style, []
    if controls.follow is not None:
        if style in OWN_RHYTHM:
            other = "roots or octaves" if part == "bass" else "power or strum"
            found.append(
                f"Style {style} is {OWN_RHYTHM[style]}, so it can't follow a rhythm; ask for {other} to do that."
            )
        elif style == "riff" and part == "bass":
            found.append(
                "A riff has the guitar's rhythm, so it can't follow another; follow the guitar, or ask for roots."
            )
        if part == "drums" and controls.feel is not None:
            found.append(
                f"Drums that follow a rhythm have its feel, so they can't be {controls.feel} too; ask for one of them."
            )
        if part == "drums" and controls.fills not in (None, "none"):
            found.append("Drums that follow a rhythm have no room for fills; ask for fills none, or don't follow.")
    found += _density(controls)
    if controls.complexity == "syncopated" and style in OWN_RHYTHM:
        found.append(
            f"Style {style} is {OWN_RHYTHM[style]}, which is not syncopated; "
            "ask for another style, or leave the complexity out."
        )
    return found


def _density(controls: PartControls) -> list[str]:
    density, style = controls.density, controls.style
    told = density if isinstance(density, str) else f"{density:g} onsets a bar" if density is not None else ""
    if style == "walking" and (
        density in ("sparse", "busy", "dense") or (isinstance(density, (int, float)) and not 3 <= density <= 5)
    ):
        return [f"A walking bass has four notes in a bar of four, so it can't be {told}; leave the density out."]
    if style in ("arpeggio", "chug") and (
        density in ("sparse", "light") or (isinstance(density, (int, float)) and density < STREAM_LEAST - 1)
    ):
        other = "strum" if style == "arpeggio" else "power"
        return [f"Style {style} has at least eight notes in a bar of four, not {told}; ask for {other} for fewer."]
    return []


def _range(controls: PartControls) -> list[str]:
    if controls.range is None:
        return []
    low, high = controls.range
    needed = ROOM.get(controls.style or "")
    if controls.role == "lead" and controls.style is None:
        needed = 11
    if needed is None or high - low >= needed:
        return []
    what = f"Style {controls.style}" if controls.style else "A lead"
    return [
        f"{what} needs {needed + 1} semitones to have every chord in its range, not {max(0, high - low + 1)}; "
        f"ask for {low}-{low + needed}, or leave the range out."
    ]


def _drums(controls: PartControls, swing: float | None) -> list[str]:
    if swing is None:
        return []
    if controls.feel == "shuffle" and swing < SWUNG_FROM:
        return [f"A shuffle swings, so a swing of {swing:g} contradicts it; ask for 0.67, or leave the swing out."]
    if controls.feel == "straight" and swing > STRAIGHT_UNTIL:
        return [f"A straight feel has a swing of 0.5, not {swing:g}; ask for feel shuffle, or leave the swing out."]
    return []


def _song(controls: PartControls, setting: Setting) -> list[str]:
    beats = [len(beat_edges(setting, bar)) - 1 for bar in setting.bars]
    if controls.fills not in (None, "none") and not any(count >= 2 for count in beats):
        return ["No asked bar has two beats, so there is no room for fills; ask for fills none."]
    if controls.style not in (None, "riff") and setting.bars and not _has_chords(setting):
        return [f"Style {controls.style} needs chords, and nothing with a pitch plays; give them with --chords."]
    return []


def _has_chords(setting: Setting) -> bool:
    first, last = setting.grid.bar_steps[setting.bars[0]], setting.grid.bar_steps[setting.bars[-1] + 1]
    return bool((setting.root[first:last] >= 0).any())
