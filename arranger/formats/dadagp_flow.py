"""`measure:...` tokens of DadaGP texts: repeats, endings, jumps and swing of one bar.

The tokens carry PyGuitarPro's values: `repeat_close:1` is a section played twice, `repeat_alternative` a bit for each
pass (5 = the first and the third), and directions are Guitar Pro's names without their spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from arranger.playing import BarFlow

MAX_PASSES = 255
_TARGETS = {"Coda": "coda", "DoubleCoda": "double coda", "Segno": "segno", "SegnoSegno": "segno segno", "Fine": "fine"}
_JUMPS = {
    f"Da{sign}{until}": f"{words}{until_words}"
    for sign, words in (("Capo", "da capo"), ("Segno", "da segno"), ("SegnoSegno", "da segno segno"))
    for until, until_words in (
        ("", ""),
        ("alCoda", " al coda"),
        ("alDoubleCoda", " al double coda"),
        ("alFine", " al fine"),
    )
} | {"DaCoda": "da coda", "DaDoubleCoda": "da double coda"}
_TRIPLET_FEELS = {"1": "triplet-eighths", "2": "triplet-sixteenths"}


def read_flow(tails: Iterable[str]) -> tuple[BarFlow, str]:
    """(what the `measure:` tokens of a bar say of the way on, how its pairs are played); unknown ones say nothing."""
    flow, feel = BarFlow(), "straight"
    for tail in tails:
        kind, _, value = tail.partition(":")
        number = int(value) if re.fullmatch(r"[0-9]{1,3}", value) else 0
        if kind == "repeat_open":
            flow = replace(flow, opens=True)
        elif kind == "repeat_close" and 0 < number <= MAX_PASSES:
            flow = replace(flow, repeats=number + 1)
        elif kind == "repeat_alternative" and 0 < number < 256:
            flow = replace(flow, endings=frozenset(bit + 1 for bit in range(8) if number >> bit & 1))
        elif kind == "direction" and value in _TARGETS:
            flow = replace(flow, targets=flow.targets | {_TARGETS[value]})
        elif kind == "from_direction" and value in _JUMPS:
            flow = replace(flow, jump=_JUMPS[value])
        elif kind == "triplet_feel":
            feel = _TRIPLET_FEELS.get(value, "straight")
    return flow, feel


def write_flow(flow: BarFlow, feel: str = "straight") -> list[str]:
    """The tokens of one bar, in the order of the published encoder; endings past the eighth have none."""
    tokens = [f"measure:triplet_feel:{number}" for number, kind in _TRIPLET_FEELS.items() if kind == feel]
    if flow.opens:
        tokens.append("measure:repeat_open")
    bits = sum(1 << (ending - 1) for ending in flow.endings if ending <= 8)
    if bits:
        tokens.append(f"measure:repeat_alternative:{bits}")
    if flow.repeats > 1:
        tokens.append(f"measure:repeat_close:{min(MAX_PASSES, flow.repeats - 1)}")
    tokens += [f"measure:direction:{token}" for token, sign in _TARGETS.items() if sign in flow.targets]
    tokens += [f"measure:from_direction:{token}" for token, jump in _JUMPS.items() if jump == flow.jump]
    return tokens
