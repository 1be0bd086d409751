"""Config dataclasses from JSON: an unknown key, a missing one or a value of another type is an error that says so."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from audio_ext.errors import AudioError, reason

MAX_JSON_BYTES = 1 << 20
"""A config is small; a file of a megabyte is none."""
MAX_LENGTH = 4096
"""Most values in one tuple of a config."""

T = TypeVar("T")


def to_json(config: Any) -> str:
    """A config dataclass as one line of JSON."""
    return json.dumps(asdict(config), sort_keys=True, allow_nan=False)


def read_config(path: Path, kind: type[T]) -> T:
    """A config of a JSON file; AudioError if it can't be read or doesn't fit."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError("it is larger than a megabyte")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        problem = f"it can't be read as a config ({reason(err)})"
        raise AudioError(path.name, problem, None, "Give a JSON file such as those in configs/audio.") from err
    return parsed(values, kind, path.name)


def parsed(values: Any, kind: type[T], file: str, place: str | None = None) -> T:
    """A dataclass of a JSON object, nested ones and tuples of numbers or words included.

    Raises
    ------
    AudioError
        if a key is unknown or missing, or a value is of another type or not finite, or the dataclass refuses it.
    """
    if not isinstance(values, Mapping):
        raise AudioError(file, f"{kind.__name__} is no JSON object", place)
    assert is_dataclass(kind)
    known = {entry.name: entry for entry in fields(kind)}
    if unknown := sorted(set(values) - set(known)):
        problem = f"the config has unknown keys: {', '.join(map(str, unknown[:5]))}"
        raise AudioError(file, problem, place, f"Known are: {', '.join(sorted(known))}.")
    needed = (name for name, entry in known.items() if entry.default is MISSING and entry.default_factory is MISSING)
    if lacking := sorted(set(needed) - set(values)):
        raise AudioError(file, f"the config lacks {', '.join(lacking)}", place)
    hints = get_type_hints(kind)
    made = {
        name: _value(value, hints[name], file, f"{place}.{name}" if place else name) for name, value in values.items()
    }
    try:
        return kind(**made)
    except ValueError as err:
        raise AudioError(file, f"the config makes no sense ({err})", place) from err


def _value(value: Any, hint: Any, file: str, place: str) -> Any:
    if is_dataclass(hint):
        return parsed(value, hint, file, place)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or len(value) > MAX_LENGTH:
            raise AudioError(file, "a list is needed", place)
        return tuple(_value(one, get_args(hint)[0], file, place) for one in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1 << 53 else math.inf
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise AudioError(file, f"{value!r:.40} is no {hint.__name__}", place)
    if isinstance(value, float) and not math.isfinite(value):
        raise AudioError(file, "the number is not finite", place)
    return value
