"""The only door to disk for songs: what a file is, is told from its content; all trouble is a SongFileError."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from arranger.errors import SongFileError
from arranger.formats.midi_read import MAX_FILE_BYTES, read_midi
from arranger.formats.midi_write import write_midi
from arranger.formats.smf import find_header
from arranger.song import Song

MIDI_SUFFIXES = (".mid", ".midi")
GUITAR_PRO_SUFFIXES = (".gp3", ".gp4", ".gp5")

_GUITAR_PRO = b"FICHIER GUITAR PRO"
_GUITAR_PRO_OLD = b"FICHIER GUITARE PRO"
_NEWER_GUITAR_PRO = (b"PK\x03\x04", b"BCFZ", b"BCFS")


def load_song(path: str | os.PathLike[str]) -> Song:
    """Read a MIDI or Guitar Pro 3-5 file; its name's extension plays no role.

    Raises
    ------
    SongFileError
        whatever goes wrong: no such file, no permission, too large, not a song, damaged.
    """
    path = Path(path)
    name = path.name or str(path)
    try:
        if path.is_dir():
            raise SongFileError(name, "it is a folder, not a file", None, "Name a song file inside it.")
        if not path.exists():
            raise SongFileError(name, "there is no such file", f"in {path.parent}", "Check the spelling of the path.")
        if not path.is_file():
            raise SongFileError(name, "it is no ordinary file", None, "Name a MIDI or Guitar Pro file.")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as err:  # ValueError: a null character in the path
        problem = f"it can't be read ({_reason(err)})"
        raise SongFileError(name, problem, None, "Check the path and the permissions.") from err
    return song_from_bytes(data, name)


def song_from_bytes(data: bytes, name: str) -> Song:
    """Read a song from the content of a file, with `name` for messages. Errors as in `load_song`."""
    if not data:
        raise SongFileError(name, "the file is empty", None, "Export or download it again.")
    if len(data) > MAX_FILE_BYTES:
        problem = f"it is larger than {MAX_FILE_BYTES // 1_000_000} MB"
        raise SongFileError(name, problem, None, "Song files are far smaller; is it the right file?")
    try:
        return _parse(data, name)
    except SongFileError:
        raise
    except Exception as err:  # what a parser did not foresee is still the file's trouble, not the user's
        problem = f"it is damaged or of an unknown kind ({_reason(err)})"
        remedy = "Open it in the program that it comes from and export it again."
        raise SongFileError(name, problem, None, remedy) from err


def save_song(song: Song, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a song in the format that the extension says, whole or not at all.

    Parameters
    ----------
    path : `.mid` or `.midi` for any song; `.gp3`, `.gp4`, `.gp5` for one that was read from that very version.
    overwrite : True to replace a file that exists.

    Raises
    ------
    SongFileError
        if the format can't be written from this song, the file exists, or the disk refuses.
    """
    path = Path(path)
    name = path.name or str(path)
    try:
        _check_place(path, name, overwrite)
        _replace_file(path, _serialised(song, path.suffix.lower(), name), overwrite)
    except FileExistsError as err:
        remedy = "Choose another name, or allow it to be overwritten (--force)."
        raise SongFileError(name, "the file exists already", None, remedy) from err
    except (OSError, ValueError) as err:
        problem = f"it can't be written ({_reason(err)})"
        raise SongFileError(name, problem, f"in {path.parent}", "Choose another folder or file name.") from err


def check_output(path: str | os.PathLike[str], source: str | os.PathLike[str], song: Song, *, overwrite: bool) -> None:
    """Refuse before the work what `save_song` would refuse after it, and ever to write over the input.

    Parameters
    ----------
    source : the file that `song` was read from.

    Raises
    ------
    SongFileError
        if `path` can't be written or is the input itself.
    """
    path = Path(path)
    name = path.name or str(path)
    _check_place(path, name, overwrite)
    if path.exists() and os.path.samefile(path, source):
        raise SongFileError(
            name, "it is the song that was read", None, "Choose another name; the input is never changed."
        )
    _check_format(song, path.suffix.lower(), name)
    if not os.access(path.parent, os.W_OK):
        problem = "no file can be written there"
        raise SongFileError(name, problem, f"in {path.parent}", "Choose another folder, with -o.")


def output_path(input_path: str | os.PathLike[str], song: Song, parts: Sequence[str], part_only: bool = False) -> Path:
    """Where a fill goes without `-o`: NAME.bass+drums.EXT beside the input, in the format that was read.

    The parts stand in alphabetical order, so that one request has one name. A part alone is always a `.mid`.
    """
    path = Path(input_path)
    # The content says what the file is: a .gp4 that holds gp5 data is written as .gp5.
    read = f".{song.source.format}" if song.source and not part_only else ".mid"
    keeps = path.suffix.lower() == read or (read == ".mid" and path.suffix.lower() in MIDI_SUFFIXES)
    return path.with_name(f"{path.stem}.{'+'.join(sorted(parts))}{path.suffix if keeps else read}")


def _parse(data: bytes, name: str) -> Song:
    head = data[1:32]
    if head.startswith(_GUITAR_PRO):
        from arranger.formats.guitarpro_read import read_guitarpro  # only those who need it pay for the import

        return read_guitarpro(data, name)
    if head.startswith(_GUITAR_PRO_OLD):
        problem = "files of Guitar Pro 1 and 2 are not read"
        raise SongFileError(name, problem, None, "Save it as .gp5 in Guitar Pro, or export it as MIDI.")
    if data.startswith(_NEWER_GUITAR_PRO):
        problem = "files of Guitar Pro 6 to 8 are not read yet"
        raise SongFileError(name, problem, None, "Export it from Guitar Pro as .gp5 or MIDI.")
    if find_header(data) >= 0:
        return read_midi(data, name)
    remedy = "Songs are read from .mid, .gp3, .gp4 and .gp5 files."
    raise SongFileError(name, "not a MIDI or Guitar Pro file", None, remedy)


def _check_place(path: Path, name: str, overwrite: bool) -> None:
    if path.is_dir():
        raise SongFileError(name, "it is a folder, not a file", None, "Name a file inside it.")
    if not overwrite and os.path.lexists(path):
        remedy = "Choose another name, or allow it to be overwritten (--force)."
        raise SongFileError(name, "the file exists already", None, remedy)
    if not path.parent.is_dir():
        raise SongFileError(name, f"the folder {path.parent} does not exist", None, "Create it or choose another.")


def _check_format(song: Song, suffix: str, name: str) -> None:
    """Raise SongFileError if the song can't be written in the format of that extension."""
    if suffix in MIDI_SUFFIXES:
        return
    if suffix not in GUITAR_PRO_SUFFIXES:
        problem = f"files of the kind “{suffix}” can't be written" if suffix else "the name has no extension"
        raise SongFileError(name, problem, None, "Write .mid or the version that was read.")
    read = song.source.format if song.source else None
    if read != suffix[1:]:
        origin = f"the song was read from a .{read} file" if read else "the song was not read from a file"
        problem = f"a {suffix} file can only be written from a {suffix} file, and {origin}"
        raise SongFileError(name, problem, None, "Write .mid or the version that was read.")


def _serialised(song: Song, suffix: str, name: str) -> bytes:
    _check_format(song, suffix, name)
    if suffix in MIDI_SUFFIXES:
        return write_midi(song)
    from arranger.formats.guitarpro_write import write_guitarpro

    return write_guitarpro(song)


def _replace_file(path: Path, data: bytes, overwrite: bool) -> None:
    """Write beside the target and move, so that a full disk or a crash never leaves half a file."""
    temporary = path.with_name(f".arranger-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        if not overwrite and os.path.lexists(path):  # it may have come while we wrote
            raise FileExistsError(path)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _reason(err: BaseException) -> str:
    if isinstance(err, OSError) and err.strerror:
        return err.strerror.lower()
    return str(err) or type(err).__name__
