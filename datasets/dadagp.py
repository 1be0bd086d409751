"""The DadaGP data set: 26,181 songs as Guitar Pro files and as token text.

The release is a folder: artist's letter / artist / `song.gp3` (or .gp4, .gp5), beside it `song.gp3.tokens.txt`, and at
the top `_DadaGP_all_metadata.json`. A song is taken in one of its two forms. The Guitar Pro file says more (loudness,
exact tempo, tunings), the token text is what language models on this data have seen; where one is missing the other is
taken.

Licence: none is stated for the songs, which are fans' transcriptions of copyrighted music; the data is given on request
for research and must not be passed on. The encoder (github.com/dada-bots/dadaGP) is MIT. Nothing is downloaded here.

`python -m datasets.prepare --dadagp FOLDER [--tokens] -o SHARDS` makes training shards of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from datasets.sources import GUITAR_PRO_SUFFIXES, has_suffix, iterate_files, list_files

BIBTEX = """
@inproceedings{dadagp2021,
  author = {Sarmento, Pedro and Kumar, Adarsh and Carr, CJ and Zukowski, Zack and Barthet, Mathieu and Yang, Yi-Hsuan},
  title = {{DadaGP: a Dataset of Tokenized GuitarPro Songs for Sequence Models}},
  booktitle = {Proceedings of the 22nd International Society for Music Information Retrieval Conference},
  url = {https://archives.ismir.net/ismir2021/paper/000076.pdf},
  year = {2021}
}
"""
LICENSE = "research only, on request from the authors; not for redistribution"

TOKENS_SUFFIX = ".tokens.txt"
METADATA = "_DadaGP_all_metadata.json"


def iterate_dadagp(source: Path, tokens: bool = False) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each song of the release, a folder or a .tar.*, in one form.

    Parameters
    ----------
    tokens : True to take the token text, False the Guitar Pro file, of songs that have both.

    Names, order, limits and errors are those of `datasets.sources.iterate_files`.
    """
    yield from iterate_files(source, choose(list_files(source), tokens).__contains__)


def choose(names: Iterable[str], tokens: bool = False) -> frozenset[str]:
    """Of all names in the release one for each song."""
    texts, files = {}, set()
    for name in names:
        if has_suffix(name, frozenset({TOKENS_SUFFIX})):
            texts[name[: -len(TOKENS_SUFFIX)]] = name
        elif has_suffix(name, GUITAR_PRO_SUFFIXES):
            files.add(name)
    if tokens:
        return frozenset(texts.values()) | (files - texts.keys())
    return frozenset(files) | {text for song, text in texts.items() if song not in files}


def read_metadata(folder: Path) -> dict[str, dict[str, Any]]:
    """Name of the Guitar Pro file -> what the release says of the song (artist, genres), empty where it has no list.

    Its own validation flag is better not used: many songs stand on both sides of it in another version.
    """
    path = folder / METADATA
    if not path.is_file():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {name.removesuffix(TOKENS_SUFFIX): facts for name, facts in entries.items()}
