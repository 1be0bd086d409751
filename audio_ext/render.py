"""The door of this package: a song becomes a mix and stems, on disk or in memory.

Rendering goes in two rounds, because one gain for all stems can be known only when the whole mix has been heard: the
first plays and keeps the frames in files beside the output, the second sets the level and writes. Neither holds more
than a block in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from arranger.song import Song
from audio_ext.band import BLOCK, Band, Settings, open_band
from audio_ext.errors import AudioError, reason
from audio_ext.loudness import Level, LoudnessMeter, PeakMeter, level_to
from audio_ext.mix import quantised
from audio_ext.writing import AudioWriter, check_target, format_of, sound_library

Progress = Callable[[float], None]
PLAYING_SHARE = 0.85
"""Part of the time that the first round takes."""
MAX_MEMORY_SECONDS = 30 * 60
"""Longest song that is rendered into memory."""


@dataclass(frozen=True)
class Rendering:
    """What was rendered.

    Parameters
    ----------
    mix : the file, or None if only stems were asked for. stems : name -> file.
    seconds : length of every file. engine, soundfont : what played.
    lufs, true_peak_db : of the mix as written. gain_db : what all stems were turned up or down by.
    notes : what a user should know, in sentences.
    """

    mix: Path | None
    stems: dict[str, Path]
    seconds: float
    rate: int
    engine: str
    soundfont: str
    lufs: float
    true_peak_db: float
    gain_db: float
    notes: tuple[str, ...]


def render_song(
    song: Song,
    out: str | os.PathLike[str] | None = None,
    *,
    stems: str | os.PathLike[str] | None = None,
    settings: Settings | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Rendering:
    """Render a song to files.

    Parameters
    ----------
    out : the mix; .wav, .flac, .ogg or .mp3. stems : a folder for one file a stem, of the mix's kind, made if missing.
        At least one of the two.
    progress : called with the share that is done, 0 to 1.

    Returns
    -------
    Rendering
        every file written is whole, all have the same length, and in .wav and .flac the mix is the sum of the stems.

    Raises
    ------
    AudioError
        if something can't be read, rendered or written; nothing half-written stays.
    FillRequestError
        if the desk or the roles name what the song doesn't have.
    """
    if out is None and stems is None:
        raise AudioError("", "There is nothing to write", None, "Name a file for the mix or a folder for the stems.")
    sound_library()  # rather now than after minutes of playing
    settings = settings or Settings()
    mix_path, folder = (Path(out) if out is not None else None), (Path(stems) if stems is not None else None)
    if mix_path is not None:
        check_target(mix_path, overwrite)
    suffix = mix_path.suffix if mix_path is not None else ".wav"
    band = open_band(song, settings)
    paths = {stem.name: folder / f"{stem.name}{suffix}" for stem in band.stems} if folder is not None else {}
    if mix_path is not None and mix_path.resolve() in {path.resolve() for path in paths.values()}:
        raise AudioError(mix_path.name, "the mix and a stem would be one file", None, "Name the mix otherwise.")
    tell = progress or (lambda share: None)
    with ExitStack() as undo:
        if folder is not None:
            undo.callback(_forget, _made(folder))
        for path in paths.values():
            check_target(path, overwrite)
        level = _write(band, mix_path, paths, settings.lufs, overwrite, tell)
        undo.pop_all()
    notes = (*band.notes, *([level.note] if level.note else []))
    return Rendering(
        mix_path,
        paths,
        band.frames / band.rate,
        band.rate,
        band.engine.name,
        band.soundfont.path.name,
        level.lufs,
        level.true_peak_db,
        level.gain_db,
        notes,
    )


def render_frames(song: Song, settings: Settings | None = None) -> dict[str, np.ndarray]:
    """A song's stems in memory, at the mix's loudness; their sum is the mix.

    Returns
    -------
    dict
        stem name -> float32 (2, frames) at `settings.rate`.

    Raises
    ------
    AudioError
        as `render_song`, and for songs over `MAX_MEMORY_SECONDS`.
    """
    settings = settings or Settings()
    band = open_band(song, settings)
    if band.frames > MAX_MEMORY_SECONDS * band.rate:
        problem = f"the song lasts {band.frames / band.rate / 60:.0f} minutes, too long to be held in memory"
        raise AudioError(song.title, problem, None, "Render it to a file.")
    meters = _Meters(band.rate)
    played = []
    for block in band.blocks():
        meters.feed(block)
        played.append(block)
    gain = np.float32(10 ** (meters.level(settings.lufs).gain_db / 20))
    return {stem.name: np.concatenate([one[at] for one in played], axis=1) * gain for at, stem in enumerate(band.stems)}


class _Meters:
    """Loudness and peaks of a mix that passes by."""

    def __init__(self, rate: int):
        self._loudness, self._peak, self._stem_peak = LoudnessMeter(rate), PeakMeter(), 0.0

    def feed(self, stems: Sequence[np.ndarray]) -> np.ndarray:
        """Take a block of every stem; the mix."""
        mix = np.asarray(np.sum(stems, axis=0, dtype=np.float64))
        self._loudness.feed(mix)
        self._peak.feed(mix)
        self._stem_peak = max(self._stem_peak, *(float(np.abs(stem).max(initial=0.0)) for stem in stems))
        return mix.astype(np.float32)

    def level(self, target: float | None) -> Level:
        return level_to(target, self._loudness.lufs(), self._peak.true, self._stem_peak)


def _write(
    band: Band, mix: Path | None, stems: dict[str, Path], lufs: float | None, overwrite: bool, tell: Progress
) -> Level:
    """Both rounds; the level that was set."""
    home = (mix or next(iter(stems.values()))).parent
    try:
        with TemporaryDirectory(prefix=".arranger-", dir=home) as scratch, ExitStack() as files:
            kept = Path(scratch, "frames")
            level = _play(band, kept, bool(stems), lufs, tell)
            writers = {
                name: files.enter_context(AudioWriter(path, band.rate, band.frames, overwrite))
                for name, path in stems.items()
            }
            sum_of = files.enter_context(AudioWriter(mix, band.rate, band.frames, overwrite)) if mix else None
            bits = format_of(mix or next(iter(stems.values()))).bits
            gain = 10 ** (level.gain_db / 20)
            count = len(stems) or 1
            for done, block in enumerate(_read(kept, band.frames, count)):
                steps = [quantised(frames, gain, bits) for frames in block]
                for writer, of_stem in zip(writers.values(), steps, strict=False):
                    writer.write(of_stem)
                if sum_of is not None:
                    top = 1 << (bits - 1)
                    sum_of.write(np.clip(np.sum(steps, axis=0, dtype=np.int64), -top, top - 1).astype(np.int32))
                tell(PLAYING_SHARE + (1 - PLAYING_SHARE) * min(1.0, (done + 1) * BLOCK / band.frames))
            return level
    except OSError as err:
        name = mix.name if mix else home.name
        problem = f"it can't be written ({reason(err)})"
        raise AudioError(name, problem, f"in {home}", "Is the disk full? Choose another folder.") from err


def _play(band: Band, kept: Path, separate: bool, lufs: float | None, tell: Progress) -> Level:
    """First round: frames of all stems, or of the mix alone, into a file; the level that they need."""
    meters = _Meters(band.rate)
    with kept.open("xb") as file:
        for done, stems in enumerate(band.blocks() if separate else band.mix_blocks()):
            mix = meters.feed(stems)
            for frames in stems if separate else [mix]:
                file.write(np.ascontiguousarray(frames, np.float32).data)
            tell(PLAYING_SHARE * min(1.0, (done + 1) * BLOCK / band.frames))
    return meters.level(lufs)


def _read(kept: Path, frames: int, stems: int) -> Iterator[list[np.ndarray]]:
    """The blocks of `_play` again."""
    with kept.open("rb") as file:
        for begin in range(0, frames, BLOCK):
            count = min(BLOCK, frames - begin)
            yield [np.fromfile(file, np.float32, 2 * count).reshape(2, count) for _ in range(stems)]


def _made(folder: Path) -> Path | None:
    """Make a folder if it is missing; the folder if it was made, for undoing."""
    if folder.is_dir():
        return None
    try:
        folder.mkdir()
    except OSError as err:
        problem = f"the folder for the stems can't be made ({reason(err)})"
        raise AudioError(folder.name, problem, f"in {folder.parent}", "Choose another folder.") from err
    return folder


def _forget(folder: Path | None) -> None:
    if folder is not None:
        with suppress(OSError):
            folder.rmdir()
