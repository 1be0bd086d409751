"""What was offered for a song before, so that another roll of the dice gives something else.

A small file for each song lies in the user's state folder (`ARRANGER_STATE`, else `XDG_STATE_HOME`, else
`~/.local/state/arranger`, on Windows `%LOCALAPPDATA%`), named by a hash of its bytes. It holds onsets and nothing
else of the song; losing it loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from arranger.fills import Fill
from arranger.song import Song

Onsets = frozenset[tuple[int, int]]
"""(tick, pitch) of what a part plays."""

MOST_OFFERS = 64
MOST_BYTES = 8_000_000


def onsets_of(fill: Fill, part: str) -> Onsets:
    """What a fill strikes in a part."""
    return frozenset((note.start, note.pitch) for note in fill.notes(part))


def distance(one: Mapping[str, Onsets], other: Mapping[str, Onsets]) -> float:
    """How far two takes are apart, 0 (the same) to 1 (nothing in common): 1 - F1 of their onsets, mean over parts."""
    found = []
    for part in one.keys() & other.keys():
        total = len(one[part]) + len(other[part])
        found.append(1 - 2 * len(one[part] & other[part]) / total if total else 0.0)
    return sum(found) / len(found) if found else 1.0


def differing(fills: Sequence[Fill], avoid: Sequence[Mapping[str, Onsets]], least: float) -> list[Fill]:
    """Of takes, best first, those that are at least so far from every better one and from what is to be avoided, each
    with its distance."""
    kept: list[Fill] = []
    seen = list(avoid)
    for fill in fills:
        own = {one.part: onsets_of(fill, one.part) for one in fill.parts}
        nearest = min((distance(own, other) for other in seen), default=1.0)
        if nearest >= least:
            kept.append(replace(fill, distance=nearest))
            seen.append(own)
    return kept


def state_folder() -> Path:
    """Where offers are remembered."""
    if said := os.environ.get("ARRANGER_STATE"):
        return Path(said)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "arranger"
    return Path(os.environ.get("XDG_STATE_HOME", str(Path.home() / ".local" / "state"))) / "arranger"


def _file(song: Song) -> Path | None:
    if song.source is None:
        return None
    return state_folder() / "offered" / f"{hashlib.sha256(song.source.data).hexdigest()[:32]}.json"


def offered(song: Song, parts: Sequence[str]) -> list[dict[str, Onsets]]:
    """What was offered for these parts of a song, oldest first; nothing where nothing can be read."""
    path = _file(song)
    try:
        if path is None or path.stat().st_size > MOST_BYTES:
            return []
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [
            {part: frozenset((int(tick), int(pitch)) for tick, pitch in offer["onsets"][part]) for part in parts}
            for offer in stored["offers"]
            if set(offer["onsets"]) == set(parts)
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def remember(song: Song, fills: Sequence[Fill]) -> bool:
    """Add fills to what was offered for a song; False where they can't be kept."""
    path = _file(song)
    if path is None:
        return False
    new = [{"onsets": {one.part: sorted(onsets_of(fill, one.part)) for one in fill.parts}} for fill in fills]
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["offers"] if path.exists() else []
    except (OSError, ValueError, KeyError, TypeError):
        stored = []
    text = json.dumps({"offers": [*stored, *new][-MOST_OFFERS:]}, separators=(",", ":"))
    if len(text) > MOST_BYTES:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError:
        return False
    return True
