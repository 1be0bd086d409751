"""What Guitar Pro 3-5 writes over the bars: repeats, endings, signs and jumps, keys, swing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guitarpro.models import TripletFeel

from arranger.formats.guitarpro_file import Parsed
from arranger.playing import BarFlow
from arranger.song import Feel, KeySignature

_TARGETS = frozenset({"segno", "segno segno", "coda", "double coda", "fine"})
_FEELS = {TripletFeel.eighth: "triplet-eighths", TripletFeel.sixteenth: "triplet-sixteenths"}
_MAX_ENDINGS = 8


def bar_flows(parsed: Parsed) -> tuple[BarFlow, ...]:
    """How the bars of a file follow each other, one entry a bar."""
    headers = parsed.model.measureHeaders
    endings = _endings(parsed)
    targets: dict[int, set[str]] = {}
    jumps: dict[int, str] = {}
    for name, bar in parsed.layout.signs:
        if name in _TARGETS:
            targets.setdefault(bar, set()).add(name)
        else:
            jumps.setdefault(bar, name)
    return tuple(
        BarFlow(
            opens=header.isRepeatOpen,
            # The library counts how often one goes back; 0 times is no repeat.
            repeats=header.repeatClose + 1 if header.repeatClose > 0 else 0,
            endings=endings[bar],
            targets=frozenset(targets.get(bar, ())),
            jump=jumps.get(bar, ""),
        )
        for bar, header in enumerate(headers)
    )


def _endings(parsed: Parsed) -> list[frozenset[int]]:
    """Passes in which each bar is played. Guitar Pro 3 and 4 say “up to pass n”: what other endings leave of that."""
    headers, marks = parsed.model.measureHeaders, parsed.layout.endings
    found: list[frozenset[int]] = []
    for bar in range(len(headers)):
        mark = marks.get(bar, 0)
        if parsed.model.versionTuple[0] >= 5:
            found.append(frozenset(n + 1 for n in range(_MAX_ENDINGS) if mark >> n & 1))
            continue
        taken: set[int] = set()
        if mark:
            for before in range(bar - 1, -1, -1):
                if before < bar - 1 and headers[before].repeatClose >= 0:
                    break
                if headers[before].isRepeatOpen:
                    break
                taken |= found[before]
        found.append(frozenset(n for n in range(1, min(mark, _MAX_ENDINGS) + 1) if n not in taken))
    return found


def keys(model: Any, starts: Sequence[int]) -> tuple[KeySignature, ...]:
    """Key signatures where they change; none if all the score is in C major, where it is when nobody said anything."""
    found: list[KeySignature] = []
    for start, header in zip(starts, model.measureHeaders, strict=False):
        sharps, minor = header.keySignature.value
        key = max(-7, min(7, sharps)), bool(minor)
        if not found or key != (found[-1].sharps, found[-1].minor):
            found.append(KeySignature(start, *key))
    if [(key.sharps, key.minor) for key in found] == [(0, False)]:
        return ()
    return tuple(found)


def feels(model: Any, starts: Sequence[int]) -> tuple[Feel, ...]:
    """Swing where it changes; none if all is played straight."""
    found: list[Feel] = []
    for start, header in zip(starts, model.measureHeaders, strict=False):
        kind = _FEELS.get(header.tripletFeel, "straight")
        if kind != (found[-1].kind if found else "straight"):
            found.append(Feel(start, kind))
    return tuple(found)
