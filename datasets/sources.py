"""Song files in folders and tar archives."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

MIDI_SUFFIXES = frozenset({".mid", ".midi", ".kar"})
GUITAR_PRO_SUFFIXES = frozenset({".gp3", ".gp4", ".gp5"})
SONG_SUFFIXES = MIDI_SUFFIXES | GUITAR_PRO_SUFFIXES
MAX_FILE_BYTES = 20_000_000


def iterate_songs(source: Path, suffixes: frozenset[str] = SONG_SUFFIXES) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every song file in a folder or a .tar.*, in the order of the names.

    Names are relative to the source. Raises FileNotFoundError for a source that isn't there and tarfile.ReadError for
    a file that is no archive.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if _suffix(path.name, suffixes) and path.is_file():
                yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    with tarfile.open(source) as archive:
        members = [member for member in archive if member.isfile() and _suffix(member.name, suffixes)]
    wanted = {member.name for member in members if member.size <= MAX_FILE_BYTES}
    # A compressed archive can only be read in one pass, so its own order stays.
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isfile() and member.name in wanted:
                handle = archive.extractfile(member)
                if handle is not None:
                    yield member.name, handle.read()


def _suffix(name: str, suffixes: frozenset[str]) -> bool:
    lowered = name.lower()
    return any(lowered.endswith(suffix) for suffix in suffixes)
