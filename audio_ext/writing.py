"""Audio files, written beside their target and moved there when they are whole."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from audio_ext.errors import AudioError, missing_extra, reason

RATES = (44100, 48000)


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of file is written: libsndfile's names, bits, and `exact` if samples come back as they were."""

    container: str
    subtype: str
    bits: int
    exact: bool


FORMATS = {
    ".wav": Format("WAV", "PCM_24", 24, True),
    ".flac": Format("FLAC", "PCM_24", 24, True),
    ".ogg": Format("OGG", "VORBIS", 24, False),
    ".mp3": Format("MP3", "MPEG_LAYER_III", 24, False),
}
MAX_WAV_BYTES = (1 << 32) - (1 << 16)
"""A WAV file counts its bytes with 32 bits."""


def sound_library() -> Any:
    """The module soundfile; AudioError if it is not installed."""
    try:
        import soundfile
    except (ImportError, OSError) as err:  # OSError: the C library in it doesn't load
        raise missing_extra("soundfile") from err
    return soundfile


def format_of(path: Path) -> Format:
    """What an extension stands for; AudioError if nothing."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        problem = f"“{path.suffix}” is no kind of audio file that can be written"
        raise AudioError(path.name, problem, None, "Use .wav, .flac, .ogg or .mp3.")
    return found


def check_target(path: Path, overwrite: bool) -> Format:
    """Refuse before the work what would be refused after it; its format."""
    kind = format_of(path)
    if path.is_dir():
        raise AudioError(path.name, "it is a folder, not a file", None, "Name a file inside it.")
    if os.path.lexists(path) and not overwrite:
        remedy = "Choose another name, or allow it to be overwritten (--force)."
        raise AudioError(path.name, "the file exists already", None, remedy)
    if not path.parent.is_dir():
        raise AudioError(path.name, f"the folder {path.parent} does not exist", None, "Create it or choose another.")
    if not os.access(path.parent, os.W_OK):
        raise AudioError(path.name, "no file can be written there", f"in {path.parent}", "Choose another folder.")
    return kind


class AudioWriter:
    """Writes one file; a `with` block that ends in an error leaves nothing behind.

    Parameters
    ----------
    path : where it will stand, checked with `check_target`.
    rate : Hz. frames : how many will come, to see before the work whether a WAV file can hold them.
    """

    def __init__(self, path: Path, rate: int, frames: int, overwrite: bool, channels: int = 2):
        self.path, self.kind = path, format_of(path)
        if self.kind.container == "WAV" and frames * channels * 3 > MAX_WAV_BYTES:
            raise AudioError(path.name, "the song is too long for a WAV file", None, "Write .flac or .ogg instead.")
        self._library, self._overwrite = sound_library(), overwrite
        self._temporary = path.with_name(f".arranger-{secrets.token_hex(8)}.part")
        self._file: Any = None
        try:
            self._file = self._library.SoundFile(
                str(self._temporary), "w", rate, channels, self.kind.subtype, None, self.kind.container
            )
        except Exception as err:
            self._drop()
            raise self._trouble(err) from err

    def write(self, steps: np.ndarray) -> None:
        """Write the next frames.

        Parameters
        ----------
        steps : int32 (channel, frame), whole steps of `kind.bits` bits.
        """
        try:
            if self.kind.exact:
                # libsndfile takes the upper bits of 32.
                self._file.write((steps << (32 - self.kind.bits)).T)
            else:
                self._file.write((steps / (1 << (self.kind.bits - 1))).astype(np.float32).T)
        except (RuntimeError, OSError) as err:
            raise self._trouble(err) from err

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._drop()
            return
        self.finish()

    def finish(self) -> None:
        """Close the file and move it to its place."""
        try:
            self._file.close()
            with self._temporary.open("rb+") as file:
                os.fsync(file.fileno())
            if not self._overwrite and os.path.lexists(self.path):  # it may have come while we wrote
                raise FileExistsError(None, "the file exists already")
            os.replace(self._temporary, self.path)
        except (RuntimeError, OSError) as err:
            self._drop()
            raise self._trouble(err) from err
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._file is not None:
            with suppress(RuntimeError, OSError):
                self._file.close()
        with suppress(OSError):
            self._temporary.unlink()

    def _trouble(self, err: BaseException) -> AudioError:
        problem = f"it can't be written ({reason(err)})"
        remedy = "Is the disk full? Choose another folder or file name."
        return AudioError(self.path.name, problem, f"in {self.path.parent}", remedy)
