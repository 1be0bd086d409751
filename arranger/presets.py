"""Named sets of controls: the shipped ones and a user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from arranger.controls import Controls, PartControls
from arranger.errors import FillRequestError
from arranger.parts import PARTS

MOST_BYTES = 1_000_000
_WHOLE = ("temperature", "guidance", "swing")
_OF_PART = tuple(entry.name for entry in fields(PartControls))


@dataclass(frozen=True, slots=True)
class Preset:
    """A name, what it is in a sentence, and the controls."""

    name: str
    about: str
    controls: Controls


def presets(path: Path | None = None) -> dict[str, Preset]:
    """Shipped presets by name, and those of a user's file, which go before them.

    Raises
    ------
    FillRequestError
        if the file can't be read or says what no preset can; the message says where.
    """
    found = dict(_shipped())
    if path is None:
        return found
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FillRequestError(f"{path}: {MOST_BYTES} bytes are the most that a file of presets may have.")
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise FillRequestError(f"{path}: the presets can't be read ({err.strerror or err}).") from err
    except ValueError as err:
        raise FillRequestError(
            f"{path}: this is no JSON ({err}); `arranger presets --json` prints an example."
        ) from err
    return found | parse_presets(stored, str(path))


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Preset]:
    stored = json.loads((resources.files("arranger") / "data" / "presets.json").read_text(encoding="utf-8"))
    return parse_presets(stored, "presets.json")


def parse_presets(stored: Any, place: str) -> dict[str, Preset]:
    """Presets of a JSON document: name -> {about, swing, temperature, guidance, drums | bass | guitar: {...}}."""
    if not isinstance(stored, dict):
        raise FillRequestError(f"{place}: presets are an object, name -> controls.")
    return {
        name: Preset(name, str(_about(one, place, name)), _controls(one, place, name)) for name, one in stored.items()
    }


def _about(stored: Any, place: str, name: str) -> Any:
    if not isinstance(stored, dict):
        raise FillRequestError(f"{place}: “{name}” should be an object with controls.")
    return stored.get("about", "")


def _controls(stored: Mapping[str, Any], place: str, name: str) -> Controls:
    known = {"about", *_WHOLE, *PARTS}
    strange = sorted(set(stored) - known)
    if strange:
        raise FillRequestError(f"{place}: “{name}” has “{strange[0]}”; what it may have is {', '.join(sorted(known))}.")
    for entry in _WHOLE:
        if entry in stored and (isinstance(stored[entry], bool) or not isinstance(stored[entry], (int, float))):
            raise FillRequestError(f"{place}: {entry} of “{name}” should be a number.")
    parts = {part: _part(stored[part], f"{place}: {part} of “{name}”") for part in PARTS if part in stored}
    whole: dict[str, Any] = {entry: float(stored[entry]) for entry in _WHOLE if entry in stored}
    return Controls(parts, **whole)


def _part(stored: Any, place: str) -> PartControls:
    if not isinstance(stored, dict) or set(stored) - set(_OF_PART):
        raise FillRequestError(f"{place} may have {', '.join(_OF_PART)}.")
    values = dict(stored)
    for entry, value in values.items():
        if entry in ("cymbals", "side_stick"):
            good = isinstance(value, bool)
        elif entry == "range":
            good = isinstance(value, list) and len(value) == 2 and all(isinstance(end, int) for end in value)
        else:
            good = isinstance(value, str) or (entry == "density" and isinstance(value, (int, float)))
        if not good:
            raise FillRequestError(f"{place}: {entry} can't be {json.dumps(value)}.")
    if "range" in values:
        values["range"] = tuple(values["range"])
    return PartControls(**values)


def over(base: Controls, asked: Controls) -> Controls:
    """The controls of a preset with what was asked for beside it put over them."""
    parts = dict(base.parts)
    for part, own in asked.parts.items():
        plain = PartControls()
        said = {e.name: getattr(own, e.name) for e in fields(own) if getattr(own, e.name) != getattr(plain, e.name)}
        parts[part] = replace(parts.get(part, plain), **said)
    plain_whole = Controls()
    names = [entry.name for entry in fields(Controls) if entry.name != "parts"]
    said = {name: getattr(asked, name) for name in names if getattr(asked, name) != getattr(plain_whole, name)}
    return replace(base, parts=parts, **said)
