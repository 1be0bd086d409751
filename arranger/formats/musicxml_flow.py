"""Repeats, endings and jumps of MusicXML bars, and the order in which they are played.

An ending with the numbers 1, 2 is played in the first and the second pass; each ending that closes sends back. After
a jump, as musicians do, nothing is repeated again and only the last ending is played.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

from arranger.playing import MAX_PLAYED_BARS, BarFlow

MAX_PASSES = 64


def measure_flow(measure: ET.Element, open_ending: frozenset[int]) -> tuple[BarFlow, frozenset[int]]:
    """(what one measure of one part says of the way on, the ending that goes on behind it)."""
    flow = BarFlow()
    ending, goes_on = open_ending, open_ending
    for barline in measure.findall("barline"):
        for mark in barline.findall("ending"):
            kind = mark.get("type")
            if kind == "start":
                ending = goes_on = frozenset(
                    int(number) for number in re.findall(r"[0-9]{1,2}", mark.get("number", "1"))
                ) or frozenset({1})
            elif kind in ("stop", "discontinue"):
                goes_on = frozenset()
        for mark in barline.findall("repeat"):
            if mark.get("direction") == "forward":
                flow = replace(flow, opens=True)
            else:
                times = mark.get("times", "2")
                count = int(times) if re.fullmatch(r"[0-9]{1,3}", times) else 2
                flow = replace(flow, repeats=min(MAX_PASSES, max(2, count)))
    flow = replace(flow, endings=ending)
    for sound in measure.iter("sound"):
        flow = _sound(flow, sound)
    return flow, goes_on


def _sound(flow: BarFlow, sound: ET.Element) -> BarFlow:
    targets = set(flow.targets)
    for sign in ("segno", "coda", "fine"):
        if sound.get(sign) not in (None, "no"):
            targets.add(sign)
    jump = flow.jump
    if sound.get("tocoda") not in (None, "no"):
        jump = jump or "da coda"
    if sound.get("dacapo") == "yes":
        jump = "da capo"
    if sound.get("dalsegno") not in (None, "no"):
        jump = "da segno"
    return replace(flow, targets=frozenset(targets), jump=jump)


def played_order(flows: Sequence[BarFlow]) -> tuple[int, ...]:
    """Bars in the order in which MusicXML means them to be played; empty where that is as they stand."""
    order: list[int] = []
    bar = start = steps = 0
    number, total = 1, 0  # the pass that is being played, and how many there are as far as is known
    jumped = False
    while bar < len(flows) and len(order) < MAX_PLAYED_BARS and steps < 4 * MAX_PLAYED_BARS:
        steps += 1
        flow = flows[bar]
        if flow.opens and bar != start:
            start, number, total = bar, 1, 0
        plays = not flow.endings or (_is_last(flows, bar) if jumped else number in flow.endings)
        if plays:
            order.append(bar)
            if jumped and "fine" in flow.targets:
                break
            if jumped and flow.jump == "da coda":
                coda = [at for at in range(bar + 1, len(flows)) if "coda" in flows[at].targets]
                if coda:
                    bar = coda[0]
                    continue
            if not jumped and flow.repeats:
                total = max(total, flow.repeats, _passes(flows, start))
                if number < total:
                    bar, number = start, number + 1
                    continue
            if not jumped and flow.jump.startswith(("da capo", "da segno")):
                segnos = [at for at in range(bar + 1) if "segno" in flows[at].targets]
                bar, jumped = (segnos[-1] if flow.jump.startswith("da segno") and segnos else 0), True
                continue
        bar += 1
        if (flow.repeats and not flow.endings) or (flow.endings and (bar == len(flows) or not flows[bar].endings)):
            start, number, total = bar, 1, 0
    return () if order == list(range(len(flows))) else tuple(order)


def _passes(flows: Sequence[BarFlow], start: int) -> int:
    """The highest pass that an ending of the section names."""
    highest, seen = 0, False
    for at in range(start, len(flows)):
        flow = flows[at]
        if at > start and (flow.opens or (seen and not flow.endings)):
            break
        seen |= bool(flow.endings)
        highest = max([highest, *flow.endings])
        if flow.repeats and not flow.endings:
            break
    return min(highest, MAX_PASSES)


def _is_last(flows: Sequence[BarFlow], bar: int) -> bool:
    """True if no later ending of the same group of endings has a higher number."""
    at = bar
    while at < len(flows) and flows[at].endings:
        if max(flows[at].endings) > max(flows[bar].endings):
            return False
        at += 1
    return True
