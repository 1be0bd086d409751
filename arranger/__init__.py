"""Fill the missing part of a song, and touch nothing else.

The public names are loaded on first use, so `import arranger` is quick and needs no numpy, torch or format library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arranger.errors import ArrangerError, FillRequestError, SongFileError
    from arranger.files import load_song, save_song
    from arranger.filler import fill
    from arranger.fills import Fill, apply_fill
    from arranger.song import Note, Song, Track

__all__ = [
    "ArrangerError",
    "Fill",
    "FillRequestError",
    "Note",
    "Song",
    "SongFileError",
    "Track",
    "apply_fill",
    "fill",
    "load_song",
    "save_song",
]

_HOME = {
    "ArrangerError": "errors",
    "FillRequestError": "errors",
    "SongFileError": "errors",
    "Note": "song",
    "Song": "song",
    "Track": "song",
    "Fill": "fills",
    "apply_fill": "fills",
    "fill": "filler",
    "load_song": "files",
    "save_song": "files",
}
"""Public name -> module that has it. No module may bear the name of a public function: importing it would hide that."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module “arranger” has no attribute “{name}”")
    value = getattr(import_module(f"arranger.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
