"""What the pages call things: labels for controls, and a score card in a musician's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from arranger.critic import human_ranges
from arranger.fills import Fill

PART_LABELS = {"drums": "Drums", "bass": "Bass", "guitar": "Guitar", "other": "Other"}
VIEW_LABELS = {"song": "1 Song", "part": "2 Part", "takes": "3 Takes", "save": "4 Save", "refine": "5 Refine"}
WAY_LABELS = {
    "new": "Write it",
    "replace": "Write it anew",
    "complete": "Only where it rests",
    "add": "Add a second one",
    "vary": "A variation of it",
}
DENSITY_LABELS = {
    "": "as it comes",
    "sparse": "sparse",
    "light": "light",
    "normal": "medium",
    "busy": "busy",
    "dense": "full",
}
COMPLEXITY_LABELS = {"plain": "On the beat", "normal": "Mixed", "syncopated": "Syncopated"}
STYLE_LABELS = {
    "roots": "Root notes",
    "octaves": "Octaves",
    "walking": "Walking",
    "riff": "Riff",
    "power": "Power chords",
    "strum": "Strummed",
    "arpeggio": "Broken chords",
    "chug": "Chugging",
}
FEEL_LABELS = {"straight": "Straight", "shuffle": "Shuffle", "half-time": "Half-time", "double-time": "Double-time"}
FILLS_LABELS = {"none": "None", "sparse": "At section ends", "8": "Every 8 bars", "4": "Every 4 bars"}
ROLE_LABELS = {"rhythm": "Rhythm", "lead": "Lead"}
KIND_LABELS = {
    "mid": "MIDI (.mid)",
    "gp": "Guitar Pro 7 and 8 (.gp)",
    "gp5": "Guitar Pro 5 (.gp5)",
    "gp4": "Guitar Pro 4 (.gp4)",
    "gp3": "Guitar Pro 3 (.gp3)",
    "musicxml": "MusicXML (.musicxml)",
    "txt": "DadaGP tokens (.txt)",
}
MEASURES = {
    "density": ("Notes a bar", "{:.1f}"),
    "key_fit": ("In the key", "{:.0%}"),
    "chord_fit": ("With the chords", "{:.0%}"),
    "lock": ("With the band's rhythm", "{:.0%}"),
    "variety": ("Different bars", "{:.0%}"),
    "steadiness": ("Steady groove", "{:.0%}"),
    "coverage": ("Bars it plays in", "{:.0%}"),
}
_OPTIONS = {
    "--replace": "“Write it anew”",
    "--complete": "“Only where it rests”",
    "--add": "“Add a second one”",
    "--like": "“Play it like bars”",
    "--bars": "“Bars”",
    "--feel no-cymbals": "“No cymbals”",
    "--feel": "“Feel”",
    "--fills": "“Fills”",
    "--role": "“Rhythm or lead”",
    "--rule": "a rule of thumb",
    "--density": "“How busy”",
    "--complexity": "“Rhythm”",
    "--style": "“Style”",
    "--follow": "“Lock to”",
    "--range": "“Lowest and highest note”",
    "--track NUMBER=other": "correct what the track plays, on the first page,",
}


def said(message: object) -> str:
    """An error's message with the page's words for the command line's options."""
    text = str(message)
    for option, label in sorted(_OPTIONS.items(), key=lambda pair: -len(pair[0])):
        text = re.sub(rf"(?<![\w-]){re.escape(option)}(?![\w-])", label, text)
    return text


def card_rows(part: str, card: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines of a score card: label, value of the take and of the rule of thumb, what people play, and whether the value
    lies in that; None where there is nothing to tell."""
    measures, rule, ranges = card.get("measures") or {}, card.get("rule") or {}, human_ranges().get(part, {})
    rows = []
    for name, (label, form) in MEASURES.items():
        value, ruled = _number(measures.get(name)), _number(rule.get(name))
        if value is None and ruled is None:
            continue
        low, high = ranges.get(name, (None, None))
        rows.append(
            {
                "label": label,
                "take": "–" if value is None else form.format(value),
                "rule": "–" if ruled is None else form.format(ruled),
                "people": "" if low is None or high is None else f"{form.format(low)} to {form.format(high)}",
                "good": None if value is None or low is None or high is None else low <= value <= high,
            }
        )
    return rows


def card_line(card: Mapping[str, Any]) -> str:
    """A card in a sentence."""
    inside, judged, ruled = (card.get(name) for name in ("in_human_range", "judged", "rule_in_human_range"))
    if not isinstance(judged, int) or not judged:
        return ""
    line = f"{inside} of {judged} measures are as people play it; of a rule of thumb {ruled}."
    changed = card.get("notes_changed_to_be_playable")
    return line + (f" {changed} notes were changed to be playable." if changed else "")


def take_label(number: int, fill: Fill) -> str:
    """`1 · 82 %`: the take's place and score."""
    return f"{number} · {fill.score:.0%}"


def bars_label(fill: Fill) -> str:
    """The bars of a fill, from 1."""
    first, last = fill.bars[0] + 1, fill.bars[1]
    run = f"bar {first}" if first == last else f"bars {first}–{last}"
    return f"{len(fill.only)} of {run}" if fill.only else run


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
