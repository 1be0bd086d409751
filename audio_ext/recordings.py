"""Recordings that a user has: read within bounds, made mono, brought to another rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from audio_ext.errors import AudioError, missing_extra, reason
from audio_ext.writing import sound_library

MAX_SECONDS = 30 * 60
"""Longest recording that is read."""
RATES = (4_000, 384_000)
MAX_CHANNELS = 16
_BLOCK = 1 << 18


@dataclass(frozen=True, eq=False)
class Recording:
    """Sound as a file has it: float32 (channel, sample), 1.0 is full scale; `rate` in Hz."""

    frames: np.ndarray
    rate: int
    name: str = "recording"

    @property
    def seconds(self) -> float:
        return self.frames.shape[1] / self.rate

    def mono(self) -> np.ndarray:
        """Mean of the channels, float32 (sample,)."""
        return np.asarray(self.frames.mean(axis=0, dtype=np.float32))


def read_recording(path: str | os.PathLike[str], max_seconds: float = MAX_SECONDS) -> Recording:
    """Read WAV, FLAC, OGG, MP3 or whatever else libsndfile knows.

    Raises
    ------
    AudioError
        if there is no such file, it is no audio, damaged, empty, longer than `max_seconds`, or the library is missing.
    """
    path = Path(path)
    name = path.name or str(path)
    library = sound_library()
    if not path.is_file():
        problem = "it is a folder, not a file" if path.is_dir() else "there is no such file"
        raise AudioError(name, problem, f"in {path.parent}", "Check the spelling of the path.")
    try:
        with library.SoundFile(str(path)) as file:
            _check(name, file.samplerate, file.channels, file.frames, max_seconds)
            blocks, count = [], 0
            # A header can promise less than there is: what comes is counted.
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                count += len(block)
                _check(name, file.samplerate, file.channels, count, max_seconds)
                blocks.append(block.T)
            rate = file.samplerate
    except (RuntimeError, OSError, ValueError, MemoryError) as err:
        remedy = "WAV, FLAC, OGG and MP3 are read; export it again as one of these."
        raise AudioError(name, f"it can't be read as audio ({reason(err)})", None, remedy) from err
    if not count:
        raise AudioError(name, "there is no sound in it", None, "Export it again.")
    frames = np.concatenate(blocks, axis=1)
    np.nan_to_num(frames, copy=False, posinf=1.0, neginf=-1.0)
    return Recording(frames, rate, name)


def _check(name: str, rate: int, channels: int, frames: int, max_seconds: float) -> None:
    if not RATES[0] <= rate <= RATES[1] or not 1 <= channels <= MAX_CHANNELS:
        problem = f"{channels} channels at {rate} Hz are not what recordings have"
        raise AudioError(name, problem, None, "Export it as a stereo WAV file at 44100 Hz.")
    if frames > max_seconds * rate:
        problem = f"it is longer than {max_seconds / 60:g} minutes"
        raise AudioError(name, problem, None, "Cut it to the song.")


def stereo(frames: np.ndarray) -> np.ndarray:
    """Two channels, (2, sample): mono on both sides, of more channels the first two (front left and right)."""
    return np.repeat(frames, 2, axis=0) if len(frames) == 1 else frames[:2]


def resampled(frames: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Frames (channel, sample) at another rate, float32; the very same if it is the same rate."""
    if rate == target:
        return frames
    try:
        from scipy.signal import resample_poly
    except ImportError as err:
        raise missing_extra("scipy") from err
    common = gcd(rate, target)
    return np.asarray(resample_poly(frames, target // common, rate // common, axis=1), dtype=np.float32)
