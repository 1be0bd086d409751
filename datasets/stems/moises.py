"""MoisesDB: 240 songs of 47 artists with eleven kinds of stems, guitar among them.

Licence: CC BY-NC-SA 4.0: not for sale, and what is made of it has the same licence.
Where: on request from developer.moises.ai/research, `moisesdb.zip`, WAV, stereo, 44.1 kHz. No checksum is known to us;
`data.json` of each song names every file, so a missing one is found. There are no splits: `split_of` makes them by the
artist, so that nobody is heard in two.

Citation: I. Pereira, F. Araújo, F. Korzeniowski, R. Vogl. MoisesDB: A Dataset for Source Separation Beyond 4-Stems.
ISMIR 2023. arXiv:2307.15913

Layout::

    moisesdb/moisesdb_v0.1/<uuid>/
        data.json   {"song", "artist", "genre", "stems": [{"stemName", "tracks": [{"id", "extension", ...}]}]}
        <stemName>/<track id>.wav
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audio_ext.errors import AudioError, reason
from datasets.stems.folders import Multitrack, small_text, subfolders, wrong_layout
from datasets.stems.scenes import style_in

SPLITS = ("train", "val")
VAL_SHARE = 0.1
STEM_OF = {
    "drums": "drums",
    "bass": "bass",
    "guitar": "guitar",
    "vocals": "other",
    "piano": "other",
    "other_keys": "other",
    "other_plucked": "other",
    "bowed_strings": "other",
    "wind": "other",
    "percussion": "other",  # claps, congas, glockenspiel: not a drum kit, and not in MoisesDB's own mix of four stems
    "other": "other",
}
"""MoisesDB's stems -> ours."""
_LAYOUT = "moisesdb/moisesdb_v0.1/<uuid>/{data.json,drums/<id>.wav}"


def songs(folder: Path, split: str = "train") -> Iterator[Multitrack]:
    """Songs of a split, by name.

    Raises
    ------
    AudioError
        if the folder is no MoisesDB, or a song lacks what its data.json names.
    """
    if split not in SPLITS:
        raise AudioError(
            folder.name, f"“{split}” is no split of MoisesDB here", None, f"There are {', '.join(SPLITS)}."
        )
    home = folder / "moisesdb_v0.1" if (folder / "moisesdb_v0.1").is_dir() else folder
    found = [path for path in subfolders(home) if (path / "data.json").is_file()] if home.is_dir() else []
    if not found:
        raise wrong_layout(folder, "MoisesDB", "no folder in it has a data.json", _LAYOUT)
    for song in found:
        data = _data(song / "data.json")
        if split_of(str(data.get("artist", ""))) == split:
            yield _song(song, data)


def split_of(artist: str) -> str:
    """“train” or “val”, the same for all songs of an artist."""
    digest = hashlib.blake2b(artist.strip().lower().encode(), digest_size=8).digest()
    return "val" if int.from_bytes(digest, "little") / 2**64 < VAL_SHARE else "train"


def _song(song: Path, data: dict[str, Any]) -> Multitrack:
    files: dict[str, list[Path]] = {}
    for stem in data["stems"]:
        name = stem["stemName"]
        if name not in STEM_OF:
            raise wrong_layout(song, "a song of MoisesDB", f"there is no stem “{name}” in MoisesDB", _LAYOUT)
        for track in stem["tracks"]:
            path = song / name / f"{track['id']}.{track['extension']}"
            if path.parent != song / name or not path.is_file():
                raise wrong_layout(
                    song, "a song of MoisesDB", f"data.json names {name}/{path.name}, which is missing", _LAYOUT
                )
            files.setdefault(STEM_OF[name], []).append(path)
    return Multitrack(f"moisesdb/{song.name}", files, style_in(str(data.get("genre", ""))))


def _data(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(small_text(path))
        for stem in found["stems"]:
            if not all(isinstance(track[key], str) for track in stem["tracks"] for key in ("id", "extension")):
                raise ValueError("a track has no id")
            if not isinstance(stem["stemName"], str):
                raise ValueError("a stem has no name")
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        problem = f"it is no data.json of MoisesDB ({reason(err)})"
        raise AudioError(path.name, problem, f"in {path.parent}", "Unpack it again.") from err
    return dict(found)
