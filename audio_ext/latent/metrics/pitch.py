"""The pitch of one voice by PESTO (Riou et al. 2023, arXiv 2309.02265), whose wheel carries its weights.

PESTO's package imports torchaudio only to load files, and torchaudio may be missing or broken where torch has no GPU;
so an empty module stands in for it while PESTO is imported, and for nobody else. Its confidence depends on the level (a
soft bass falls below any threshold), so waves are brought to a peak of 1 first. Even so it is unsure of some steady low
tones whose pitch it has right (an A1 of 55 Hz with eight overtones: confidence 0), so that a bass may be heard in
part only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from audio_ext.errors import AudioError
from audio_ext.latent.windows import RATE

STEP = 0.01
"""Seconds between pitches."""
WEIGHTS = "mir-1k_g7"
SILENT = 1e-4
"""A peak under which there is nothing to hear (-80 dB)."""
REMEDY = "Install it with: pip install --no-deps pesto-pitch; pip install omegaconf tqdm"


@dataclass(frozen=True, eq=False)
class Pitches:
    """What a voice plays: `midi` float (frame,), MIDI pitch with fractions, and how sure it is, `confidence` float
    (frame,) 0 to 1. Frame i is at `i * STEP` seconds."""

    midi: np.ndarray
    confidence: np.ndarray


def missing_pitch() -> str | None:
    """None if PESTO can run, else a sentence on what to install; imports nothing heavy."""
    missing = [name for name in ("pesto", "omegaconf", "tqdm") if find_spec(name) is None]
    return f"HAR needs PESTO ({', '.join(missing)} missing). {REMEDY}." if missing else None


def pitches(wave: np.ndarray, rate: int = RATE) -> Pitches:
    """Pitch of a wave (sample,) every `STEP` seconds; of silence the confidence is 0.

    Raises
    ------
    AudioError
        if PESTO is not installed.
    """
    import torch

    peak = float(np.abs(wave).max(initial=0.0))
    if peak < SILENT:
        count = int(len(wave) / rate / STEP) + 1
        return Pitches(np.zeros(count), np.zeros(count))
    model = _model(rate)
    loud = torch.from_numpy(np.ascontiguousarray(wave / np.float32(peak), dtype=np.float32))
    with torch.inference_mode():
        midi, confidence, *_ = model(loud, sr=rate, convert_to_freq=False, return_activations=True)
    return Pitches(midi.numpy().astype(np.float64), confidence.numpy().astype(np.float64))


@lru_cache(maxsize=2)
def _model(rate: int) -> Any:
    if missing_pitch():
        raise AudioError("", "HAR needs the package pesto-pitch, which is not installed", None, f"{REMEDY}.")
    with _stand_in("torchaudio"):
        from pesto.loader import load_model
    # The file lies in the package and is as trustworthy as its code; nothing from elsewhere is opened so.
    return load_model(WEIGHTS, step_size=STEP * 1000, sampling_rate=rate)


@contextmanager
def _stand_in(name: str) -> Iterator[None]:
    """An empty module of a name, unless the real one is loaded already; gone afterwards."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        sys.modules.pop(name, None)
