"""What all corpora of stems share: files summed into our four stems, songs cut into windows, archives checked.

A corpus says which files belong to which of our stems; this module reads them (any rate, any channels), sums them and
cuts them. Sums come first: the mix of a window is the sum of its stems, not the corpus's own mix, which may be limited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from arranger import load_song
from audio_ext.errors import AudioError, reason
from audio_ext.latent.windows import RATE, STEMS, WINDOW, Facts, Window
from audio_ext.performance import Lane, perform
from audio_ext.recordings import read_recording, resampled
from datasets.stems.playback import facts_of
from datasets.stems.scenes import Scene, beats_of, enough

MAX_FILES = 200
"""Of one song."""
MAX_TEXT_BYTES = 4_000_000
"""Of a file that says what a song consists of."""
PEAK = 0.999
SHORTEST = 9 * RATE
"""Samples: MusicCaps has clips of 10 s."""

FactsAt = Callable[[float], Facts]
"""Start of a window in seconds -> what is known of it."""


@dataclass(frozen=True)
class Multitrack:
    """One song of a corpus.

    Parameters
    ----------
    name : split and name in the corpus. files : stem of ours -> files that are summed to it.
    style : as the corpus says it, in our words; empty where it doesn't. midi : stem of ours -> aligned MIDI files.
    """

    name: str
    files: Mapping[str, Sequence[Path]]
    style: str = ""
    midi: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def windows(song: Multitrack, full: bool = False) -> Iterator[Window]:
    """Windows of a song of a corpus; AudioError if one of its files can't be read."""
    yield from cut(read_stems(song), facts_of_song(song), full)


def facts_of_song(song: Multitrack) -> FactsAt:
    """What is known of a song: its style, and of its MIDI files, where it has some, all that a rendered song has."""
    lanes: dict[str, list[Lane]] = {}
    beats, counts, seconds = np.zeros(0), np.zeros(0, np.int64), 0.0
    for stem, paths in song.midi.items():
        for path in paths:
            played = load_song(path)
            performance = perform(played)
            seconds = max(seconds, performance.seconds)
            of = [lane for track in performance.tracks for lane in track]
            # The corpus knows better than a file with one track, whose channel says nothing.
            lanes.setdefault(stem, []).extend(replace(lane, is_drum=stem == "drums") for lane in of)
            if not len(beats):
                beats, counts = beats_of(played)
    scene = Scene(song.name, song.style, {stem: tuple(of) for stem, of in lanes.items()}, seconds, beats, counts)
    return lambda start: facts_of(scene, start, scene.stems)


def read_stems(song: Multitrack) -> np.ndarray:
    """Stems of a whole song, float32 (4, sample) at `RATE`, mono; shorter files are silent at their end.

    Raises
    ------
    AudioError
        if a file can't be read, or there are too many.
    """
    if sum(len(files) for files in song.files.values()) > MAX_FILES:
        raise AudioError(song.name, f"it has more than {MAX_FILES} files", None, "Is this one song?")
    stems: dict[str, np.ndarray] = {}
    for stem, files in song.files.items():
        for path in files:
            recording = read_recording(path)
            frames = resampled(recording.mono()[None], recording.rate, RATE)[0]
            stems[stem] = padded_sum(stems[stem], frames) if stem in stems else frames
    length = max((len(frames) for frames in stems.values()), default=0)
    out = np.zeros((len(STEMS), length), np.float32)
    for at, stem in enumerate(STEMS):
        if stem in stems:
            out[at, : len(stems[stem])] = stems[stem]
    return out


def padded_sum(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Sum of two mono signals, as long as the longer."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total


def cut(stems: np.ndarray, facts_at: FactsAt, full: bool = False, hop: int = WINDOW) -> Iterator[Window]:
    """Windows of a song in which enough is heard; one that is a little shorter than a window is silent at its end.

    Parameters
    ----------
    stems : float32 (4, sample). full : True if all four must be heard; else three are enough.
    hop : samples from one window to the next.
    """
    if SHORTEST <= stems.shape[1] < WINDOW:
        stems = np.pad(stems, ((0, 0), (0, WINDOW - stems.shape[1])))
    for begin in range(0, stems.shape[1] - WINDOW + 1, hop):
        part = stems[:, begin : begin + WINDOW]
        peak = max(float(np.abs(part.sum(axis=0)).max()), float(np.abs(part).max()))
        # One gain for the window, and only where it would not fit: levels are what the corpus has.
        part = part * np.float32(PEAK / peak) if peak > PEAK else part.copy()
        window = Window(part, facts_at(begin / RATE))
        if enough(window.heard, full):
            yield window


def checked(path: Path, md5: str) -> None:
    """Check an archive before it is unpacked.

    Raises
    ------
    AudioError
        if it can't be read or is not the file of that checksum.
    """
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as err:
        raise AudioError(path.name, f"it can't be read ({reason(err)})", f"in {path.parent}") from err
    if digest.hexdigest() != md5:
        problem = f"its MD5 is {digest.hexdigest()}, not {md5}"
        raise AudioError(path.name, problem, None, "It is cut off or another version; download it again.")


def subfolders(folder: Path) -> list[Path]:
    """Folders in a folder, by name; hidden ones are passed over."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def wrong_layout(folder: Path, corpus: str, problem: str, layout: str) -> AudioError:
    """The error for a folder that is not what it is said to be."""
    return AudioError(
        folder.name, f"this is not {corpus}: {problem}", f"in {folder.parent}", f"It looks like {layout}."
    )


def small_text(path: Path) -> str:
    """A text file of a corpus; AudioError if it can't be read or is larger than it can be."""
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise AudioError(path.name, f"it is larger than {MAX_TEXT_BYTES // 10**6} MB", f"in {path.parent}")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise AudioError(
            path.name, f"it can't be read ({reason(err)})", f"in {path.parent}", "Unpack it again."
        ) from err
