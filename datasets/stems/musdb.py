"""MUSDB18-HQ: 150 full songs as drums, bass, vocals and the rest; the paper's test set.

Licence: for education and research only (most songs CC BY-NC-SA, some with licences of their own): models trained on it
must not be sold, and its audio is never passed on.
Where: zenodo.org, record 3338373, `musdb18hq.zip` (22.7 GB; MD5 as `ARCHIVE_MD5`, as Zenodo states it), WAV, stereo,
44.1 kHz; 100 songs in `train`, 50 in `test`.

The older MUSDB18 has the same songs as `.stem.mp4` (AAC, five audio streams in one file). That is not read: it is lossy
above 16 kHz, and it needs a video library. There is no guitar among the stems; it is part of `other`.

Citation: Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner. MUSDB18-HQ - an uncompressed version of
MUSDB18. 2019. doi:10.5281/zenodo.3338373

Layout::

    musdb18hq/{train,test}/Artist - Title/{drums,bass,other,vocals,mixture}.wav
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from audio_ext.errors import AudioError
from datasets.stems.folders import Multitrack, subfolders, wrong_layout

ARCHIVE_MD5 = "12d4f2ecd55245a4688754dd76363103"
SPLITS = ("train", "test")
STEM_OF = {"drums": "drums", "bass": "bass", "other": "other", "vocals": "other"}
"""MUSDB18's stems -> ours."""
_LAYOUT = "musdb18hq/train/Artist - Title/{drums,bass,other,vocals}.wav"


def songs(folder: Path, split: str = "train") -> Iterator[Multitrack]:
    """Songs of a split, by name.

    Raises
    ------
    AudioError
        if the folder is no MUSDB18-HQ; for the compressed MUSDB18 with what to do.
    """
    if split not in SPLITS:
        raise AudioError(folder.name, f"“{split}” is no split of MUSDB18", None, f"There are {', '.join(SPLITS)}.")
    home = folder / split
    if not home.is_dir():
        raise wrong_layout(folder, "MUSDB18-HQ", f"it has no folder {split}", _LAYOUT)
    if next(home.glob("*.stem.mp4"), None) is not None:
        problem = "these are the .stem.mp4 files of MUSDB18, which are compressed"
        remedy = "Take MUSDB18-HQ (zenodo.org, record 3338373), or write their stems as WAV files with stempeg."
        raise AudioError(folder.name, problem, f"in {home}", remedy)
    found = subfolders(home)
    if not found:
        raise wrong_layout(folder, "MUSDB18-HQ", f"{split} is empty", _LAYOUT)
    for song in found:
        if missing := [name for name in STEM_OF if not (song / f"{name}.wav").is_file()]:
            raise wrong_layout(song, "a song of MUSDB18-HQ", f"it lacks {missing[0]}.wav", _LAYOUT)
        files: dict[str, list[Path]] = {}
        for name, ours in STEM_OF.items():
            files.setdefault(ours, []).append(song / f"{name}.wav")
        yield Multitrack(f"musdb18/{split}/{song.name}", files)
