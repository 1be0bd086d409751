"""Song files in folders and tar archives, in one pass and one file at a time."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

MIDI_SUFFIXES = frozenset({".mid", ".midi", ".kar"})
GUITAR_PRO_SUFFIXES = frozenset({".gp3", ".gp4", ".gp5"})
SONG_SUFFIXES = MIDI_SUFFIXES | GUITAR_PRO_SUFFIXES
MAX_FILE_BYTES = 20_000_000


def has_suffix(name: str, suffixes: frozenset[str]) -> bool:
    """True if the name ends in one of the suffixes, in any case."""
    return name.lower().endswith(tuple(suffixes))


def iterate_songs(source: Path, suffixes: frozenset[str] = SONG_SUFFIXES) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every song file in a folder or a .tar.*; see `iterate_files`."""
    return iterate_files(source, lambda name: has_suffix(name, suffixes))


def iterate_files(source: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files whose name is wanted, in a folder or a .tar.*.

    Names are relative to the source. A folder is walked in the order of the names, an archive in its own, because a
    compressed one can only be read in one pass. Of a file that is too large come the first `MAX_FILE_BYTES` + 1 bytes,
    of one that can't be read none, so that whoever takes them can say so. Raises FileNotFoundError for a source that
    isn't there, and tarfile.TarError, EOFError or OSError for an archive that is none or damaged.
    """
    if source.is_dir():
        for name in list_files(source):
            if wanted(name):
                try:
                    with (source / name).open("rb") as file:
                        data = file.read(MAX_FILE_BYTES + 1)
                except OSError:
                    data = b""
                yield name, data
        return
    for archive, member in _members(source):
        if wanted(member.name):
            handle = archive.extractfile(member)
            if handle is not None:
                yield member.name, handle.read(MAX_FILE_BYTES + 1)


def list_files(source: Path) -> list[str]:
    """Names of all files in a folder (sorted) or a .tar.* (in its order)."""
    if source.is_dir():
        return sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    return [member.name for _, member in _members(source)]


def _members(source: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Files of an archive in one pass."""
    with tarfile.open(source) as archive:
        while (member := archive.next()) is not None:
            if member.isfile():
                yield archive, member
            archive.members.clear()  # tarfile remembers every member: much, where there are hundreds of thousands
