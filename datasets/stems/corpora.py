"""Corpora to windows: `python -m datasets.stems.corpora {slakh,musdb,moises,musiccaps,magnatagatune} FOLDER -o OUT`.

Full mixes (the last two) need a separator's weights: `--separator htdemucs.safetensors`; beside the windows their
words are written, one JSON line a window: song, start, caption, tags. From these a language model can write
instructions, which `audio_ext.latent.instructions.read_instructions` reads back.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from arranger.errors import ArrangerError
from audio_ext.errors import AudioError
from audio_ext.latent.windows import Window, write_windows
from datasets.stems import folders, mixes, moises, musdb, slakh

SHARD = 50
CAPTIONS = "captions.jsonl"
Found = Iterator[tuple[Window, mixes.Mix | None]]
MULTITRACKS: dict[str, Callable[[Path, str], Iterator[folders.Multitrack]]] = {
    "slakh": slakh.songs,
    "musdb": musdb.songs,
    "moises": moises.songs,
}
CORPORA = (*MULTITRACKS, "musiccaps", "magnatagatune")


def find(corpus: str, folder: Path, split: str, separator: mixes.Separator | None, full: bool) -> Found:
    """Windows of a corpus, song by song, with the words of its mixes; a song that can't be read is told and left out.

    Raises
    ------
    AudioError
        if the folder isn't that corpus, or a separator is needed and missing.
    """
    if corpus in MULTITRACKS:
        for song in MULTITRACKS[corpus](folder, split):
            yield from _told((window, None) for window in folders.windows(song, full))
        return
    if separator is None:
        remedy = "Name its weights with --separator; datasets/stems/separators.py says how to get them."
        raise AudioError(folder.name, "full mixes need a separator", None, remedy)
    found = mixes.musiccaps(folder) if corpus == "musiccaps" else mixes.magnatagatune(folder, split)
    for mix in found:
        yield from _told((window, mix) for window in mixes.windows(mix, separator, full))


def _told(windows: Found) -> Found:
    try:
        yield from windows
    except ArrangerError as err:
        sys.stderr.write(f"skipped: {err}\n")


def write(found: Found, out: Path, count: int | None = None, shard: int = SHARD) -> int:
    """Write windows to shards and the words of mixes beside them; the number of windows.

    Raises
    ------
    AudioError
        if there are windows in the folder already.
    """
    if next(out.glob("windows-*.safetensors"), None) is not None:
        raise AudioError(out.name, "there are windows in it already", None, "Name another folder, or empty this one.")
    limited = islice(found, count)
    number = total = 0
    while held := list(islice(limited, shard)):
        write_windows(out, number, [window for window, _ in held])
        _add_captions(out / CAPTIONS, held)
        number, total = number + 1, total + len(held)
        sys.stderr.write(f"{total} windows\n")
    return total


def _add_captions(path: Path, held: Sequence[tuple[Window, mixes.Mix | None]]) -> None:
    lines = [
        json.dumps({"song": mix.name, "start": window.facts.start, "caption": mix.caption, "tags": mix.tags})
        for window, mix in held
        if mix is not None
    ]
    if lines:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the windows")
    parser.add_argument("--split", default="train")
    parser.add_argument("--windows", type=int, metavar="N", help="at most so many")
    parser.add_argument("--full", action="store_true", help="only where all four stems are heard, not three")
    parser.add_argument("--separator", type=Path, metavar="F", help="weights as datasets.stems.separators writes them")
    arguments = parser.parse_args()
    try:
        separator = None
        if arguments.separator is not None:
            from datasets.stems.separators import load_demucs

            separator = load_demucs(arguments.separator)
        found = find(arguments.corpus, arguments.folder, arguments.split, separator, arguments.full)
        total = write(found, arguments.out, arguments.windows)
    except ArrangerError as err:
        sys.exit(str(err))
    sys.stdout.write(f"{total} windows -> {arguments.out}\n")


if __name__ == "__main__":
    main()
