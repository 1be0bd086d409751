"""Full mixes with words, cut into stems by a separator, as the paper makes its training data.

The separator's residue is given to `other`, so that a window's mix is the recording itself, and only the cuts are the
separator's. They leak: a submix without drums has remains of them, which a model learns to use (the paper tests on
MUSDB18 for that reason). Use such windows for training, never for evaluation.

MusicCaps
    Licence: captions CC BY-SA 4.0; the audio is YouTube's, isn't part of it, and you need rights of your own to use it.
    `musiccaps-public.csv` with columns ytid, start_s, end_s, aspect_list, caption, ...; 5,521 clips of 10 s. Audio in a
    folder beside it, named `<ytid>.wav` or `[<ytid>]-[<start>-<end>].wav` (also flac, mp3, ogg), as common tools do.
    Citation: A. Agostinelli et al. MusicLM: Generating Music From Text. 2023. arXiv:2301.11325
MagnaTagATune
    Licence: research only; songs of magnatune.com, CC BY-NC-SA. `annotations_final.csv`, tab-separated: clip_id, 188
    tags as 0 or 1, mp3_path; folders 0-9, a-f with 25,863 MP3s of 29 s at 16 kHz mono, 32 kbit/s. Usual splits: 0-b
    train, c validation, d-f test. The archive is in three parts (`mp3.zip.001`-`003`); no checksum is known to us.
    Citation: E. Law, K. West, M. Mandel, M. Bay, J. S. Downie. Evaluation of Algorithms Using Games: The Case of Music
    Tagging. ISMIR 2009.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from audio_ext.errors import AudioError, reason
from audio_ext.latent.windows import RATE, STEMS, Facts, Window
from audio_ext.recordings import Recording, read_recording, resampled
from datasets.stems.folders import cut, wrong_layout
from datasets.stems.scenes import style_in

STEM_OF = {"drums": "drums", "bass": "bass", "guitar": "guitar", "other": "other", "vocals": "other", "piano": "other"}
"""Names that separators give -> our stems."""
MAX_CSV_BYTES = 100_000_000
MAX_CLIP_SECONDS = 600.0
MTT_SPLITS = {"train": "0123456789ab", "validation": "c", "test": "def"}
_AUDIO = (".wav", ".flac", ".mp3", ".ogg")


class Separator(Protocol):
    """Takes a mix apart."""

    rate: int
    """Hz, at which it works."""

    def separate(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
        """Stems by names of `STEM_OF`, each float32 (channel, sample), of a mix (channel, sample) at `rate`."""


@dataclass(frozen=True)
class Mix:
    """A recording and what is said of it: a caption in sentences, and tags."""

    name: str
    path: Path
    caption: str
    tags: tuple[str, ...]

    @property
    def style(self) -> str:
        return style_in(", ".join(self.tags))


def windows(mix: Mix, separator: Separator, full: bool = False) -> Iterator[Window]:
    """Windows of one mix; AudioError if it can't be read, or the separator gives what is no stem."""
    stems = separated(read_recording(mix.path, MAX_CLIP_SECONDS), separator)
    yield from cut(stems, lambda start: Facts(mix.name, start, 0.0, mix.style), full)


def separated(recording: Recording, separator: Separator) -> np.ndarray:
    """Our stems of a recording, float32 (4, sample) at `RATE`; their sum is the recording, made mono."""
    mix = resampled(recording.mono()[None], recording.rate, RATE)[0]
    found = separator.separate(resampled(recording.frames, recording.rate, separator.rate))
    stems = np.zeros((len(STEMS), len(mix)), np.float32)
    for name, frames in found.items():
        if name not in STEM_OF:
            raise AudioError(recording.name, f"the separator gives “{name}”, which is none of {', '.join(STEM_OF)}")
        mono = resampled(frames.mean(axis=0, keepdims=True, dtype=np.float32), separator.rate, RATE)[0]
        length = min(len(mono), len(mix))  # by a sample, after resampling there and back
        stems[STEMS.index(STEM_OF[name]), :length] += mono[:length]
    other = STEMS.index("other")
    stems[other] = mix - np.delete(stems, other, axis=0).sum(axis=0)
    return stems


def musiccaps(folder: Path, audio: str = "audio") -> Iterator[Mix]:
    """Clips of MusicCaps whose audio is there; those that YouTube no longer has are passed over.

    Raises
    ------
    AudioError
        if the table or every clip is missing.
    """
    layout = f"musiccaps/{{musiccaps-public.csv,{audio}/<ytid>.wav}}"
    home = folder / audio
    if not home.is_dir():
        raise wrong_layout(folder, "MusicCaps", f"it has no folder {audio}", layout)
    by_id = {_youtube_id(path): path for path in sorted(home.iterdir()) if path.suffix.lower() in _AUDIO}
    found = False
    for row in _rows(folder / "musiccaps-public.csv", ",", ("ytid", "aspect_list", "caption")):
        if path := by_id.get(row["ytid"]):
            found = True
            tags = tuple(tag for tag in (one.strip(" '\"[]") for one in row["aspect_list"].split(",")) if tag)
            yield Mix(f"musiccaps/{row['ytid']}", path, row["caption"], tags)
    if not found:
        raise wrong_layout(folder, "MusicCaps", f"none of its clips lies in {audio}", layout)


def _youtube_id(path: Path) -> str:
    """`abc` of `abc.wav` and of `[abc]-[30-40].wav`."""
    stem = path.stem
    return stem[1:].partition("]")[0] if stem.startswith("[") else stem


def magnatagatune(folder: Path, split: str = "train") -> Iterator[Mix]:
    """Clips of a split of MagnaTagATune.

    Raises
    ------
    AudioError
        if the table or a clip is missing.
    """
    layout = "magnatagatune/{annotations_final.csv,0/<clip>.mp3}"
    if split not in MTT_SPLITS:
        raise AudioError(folder.name, f"“{split}” is no split", None, f"There are {', '.join(MTT_SPLITS)}.")
    for row in _rows(folder / "annotations_final.csv", "\t", ("clip_id", "mp3_path")):
        name = row["mp3_path"]
        if name[:1] not in MTT_SPLITS[split] or not name:
            continue
        path = folder / name
        if ".." in Path(name).parts or not path.is_file():
            raise wrong_layout(folder, "MagnaTagATune", f"its table names {name}, which is missing", layout)
        tags = tuple(tag for tag, value in row.items() if value == "1" and tag not in ("clip_id", "mp3_path"))
        yield Mix(f"magnatagatune/{row['clip_id']}", path, ", ".join(tags), tags)


def _rows(path: Path, delimiter: str, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Rows of a table with a header line."""
    try:
        if path.stat().st_size > MAX_CSV_BYTES:
            raise AudioError(path.name, f"it is larger than {MAX_CSV_BYTES // 10**6} MB", f"in {path.parent}")
        text = path.read_text(encoding="utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        if missing := [name for name in needed if name not in (reader.fieldnames or ())]:
            problem = f"it has no column {missing[0]}"
            raise AudioError(path.name, problem, f"in {path.parent}", "Download it again.")
        for row in reader:
            # A short line has None where it ends, a long one a list under None.
            yield {key: value or "" for key, value in row.items() if isinstance(key, str)}
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        problem = f"it can't be read ({reason(err)})"
        raise AudioError(path.name, problem, f"in {path.parent}", "Download it again.") from err
