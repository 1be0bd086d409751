"""Guitar parts: power chords, strummed or picked chords, a riff, chugs; chords of a rhythm guitar or a lead's line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arranger.controls import PartControls
from arranger.grid import STEPS_PER_QUARTER
from arranger.styles.lead import lead_line
from arranger.styles.lines import folded, nearest
from arranger.styles.picking import arpeggios, chugs, riffs
from arranger.styles.setting import Planes, Setting
from arranger.styles.strokes import Stroke, cut_at_next, made_playable, strokes_of, with_strokes
from arranger.styles.voicings import chord_at, full_chord, high_from, power_chord, strings_of

CHORDS_REACH = 6
"""Fret of the first string up to which chords lie: A#4 on most guitars."""
LEAD_REACH = 14
"""Fret of the first string up to which a lead goes: F#5."""
EIGHTH = STEPS_PER_QUARTER // 2
FAST_FROM = 105.0
"""From this tempo on nobody strums sixteenths."""


def styled_guitar(planes: Planes, setting: Setting, controls: PartControls) -> Planes:
    """The guitar in the asked style and role; the very planes that came in where none was asked."""
    strokes = cut_at_next(strokes_of(planes, setting))
    style, lead = controls.style, controls.role == "lead"
    if not strokes or (style is None and controls.role is None):
        return planes
    low, high = register(setting, controls)
    free = controls.follow is None
    if style == "power":
        kept = _without_rush(strokes, setting, sixteenths=True) if free else strokes
        played = [_power(stroke, setting, low, high) for stroke in kept]
    elif style == "strum":
        played = _strummed(strokes, setting, low, high, free)
    elif style == "arpeggio":
        played = arpeggios(planes, strokes, setting, low, high, lead)
    elif style == "chug":
        played = chugs(planes, strokes, setting, low, high)
    elif style == "riff" and not lead:
        played = riffs(planes, strokes, setting, low, high)
    elif lead:
        played = lead_line(strokes, setting, low, high, free)
    else:
        played = _rhythm(strokes, setting, low, high, free)
    return made_playable("guitar", with_strokes(planes, played, setting), setting, strings_of(setting))


def register(setting: Setting, controls: PartControls) -> tuple[int, int]:
    """(lowest, highest) pitch that a style or role uses: the asked range, as far as the instrument has it."""
    strings = strings_of(setting)
    lowest, lead = strings[-1], high_from(strings)
    usual = (lead, strings[0] + LEAD_REACH) if controls.role == "lead" else (lowest, strings[0] + CHORDS_REACH)
    if controls.range is None:
        return usual
    low = max(lowest, controls.range[0])
    if controls.role == "lead" and controls.range[1] - usual[0] >= 12:
        low = max(low, usual[0])
    return low, max(low, controls.range[1])


def _power(stroke: Stroke, setting: Setting, low: int, high: int) -> Stroke:
    """Root and fifth under a stroke of the take; without a chord, over the lowest note of the take."""
    chord = chord_at(setting, stroke.middle)
    root, above = chord or (stroke.rows[0] % 12, (0, 7))
    rows = power_chord(root, above, strings_of(setting), low, high)
    return replace(stroke, rows=rows or _single(stroke, root, low, high))


def _chord(stroke: Stroke, setting: Setting, low: int, high: int) -> tuple[int, ...]:
    """A full chord under a stroke, as far as there is room; where none is known, the take's own or a fifth."""
    chord = chord_at(setting, stroke.middle)
    if chord is None and len(stroke.rows) > 2:
        return tuple(sorted({folded(row, low, high) for row in stroke.rows}))
    root, above = chord or (stroke.rows[0] % 12, (0, 7))
    strings = strings_of(setting)
    return full_chord(root, above, strings, low, high) or power_chord(root, above, strings, low, high) or (
        _single(stroke, root, low, high)
    )  # fmt: skip


def _single(stroke: Stroke, root: int, low: int, high: int) -> tuple[int, ...]:
    pitch = nearest(root, low, high, stroke.rows[0])
    return (folded(stroke.rows[0], low, high) if pitch is None else pitch,)


def _strummed(strokes: Sequence[Stroke], setting: Setting, low: int, high: int, free: bool) -> list[Stroke]:
    """Full chords in the rhythm of the take; off the beat the hand comes up and leaves the lowest strings out."""
    played = []
    for stroke in _without_rush(strokes, setting) if free else strokes:
        rows = _chord(stroke, setting, low, high)
        upper = rows[-4:] if len(rows) > 4 else rows[-3:]
        up = _place(stroke, setting) % STEPS_PER_QUARTER and len({row % 12 for row in upper}) == len(
            {row % 12 for row in rows}
        )
        played.append(replace(stroke, rows=upper if up else rows))
    return played


def _rhythm(strokes: Sequence[Stroke], setting: Setting, low: int, high: int, free: bool) -> list[Stroke]:
    """The take with a chord wherever it has one or two high notes; low riffs and the chords that it has stay."""
    limit = high_from(strings_of(setting))
    high_notes = [stroke for stroke in strokes if len(stroke.rows) <= 2 and stroke.rows[0] >= limit]
    kept = {stroke.step for stroke in (_without_rush(high_notes, setting) if free else high_notes)}
    played: list[Stroke] = []
    for stroke in strokes:
        if len(stroke.rows) > 2 or stroke.rows[0] < limit:
            played.append(stroke)
        elif stroke.step in kept:
            played.append(replace(stroke, rows=_chord(stroke, setting, low, high)))
        elif played and played[-1].end == stroke.step:
            played[-1] = replace(played[-1], end=stroke.end)
    return played


def _without_rush(strokes: Sequence[Stroke], setting: Setting, sixteenths: bool = False) -> list[Stroke]:
    """The strokes without those between the sixteenths, which are a broken chord's, and without those between the
    eighths where the song is too fast to strum them and `sixteenths` are not wanted; what is left lasts on."""
    kept: list[Stroke] = []
    for stroke in strokes:
        bar = int(setting.grid.bar_of_step[stroke.step])
        gap = stroke.step - kept[-1].step if kept else STEPS_PER_QUARTER
        fast = not sixteenths and setting.tempo[bar] >= FAST_FROM
        if gap >= STEPS_PER_QUARTER // 3 or (gap >= STEPS_PER_QUARTER // 4 and not fast):
            kept.append(stroke)
        elif not _place(stroke, setting) % EIGHTH and _place(kept[-1], setting) % EIGHTH:
            kept[-1] = stroke  # the one on the eighth stays
        else:
            kept[-1] = replace(kept[-1], end=max(kept[-1].end, stroke.end))
    return kept


def _place(stroke: Stroke, setting: Setting) -> int:
    """Steps from the bar line."""
    return stroke.step - int(setting.grid.bar_steps[setting.grid.bar_of_step[stroke.step]])
