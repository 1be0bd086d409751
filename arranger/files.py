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
from arranger.formats.smf import find_header
from arranger.formats.targets import SUFFIX_OF_KIND, serialised, target_kind
from arranger.song import Song

SUFFIXES_OF_KIND = {"mid": (".mid", ".midi"), "musicxml": (".musicxml", ".xml", ".mxl")}
"""Extensions that may stay as they are when a file of that kind is written beside its source."""
SONG_KINDS = "MIDI, Guitar Pro, MusicXML or DadaGP tokens"

_GUITAR_PRO = b"FICHIER GUITAR PRO"
_GUITAR_PRO_OLD = b"FICHIER GUITARE PRO"
_ZIP = b"PK\x03\x04"
_NEWER_GUITAR_PRO = (b"PK\x03\x04", b"BCFZ", b"BCFS")


def load_song(path: str | os.PathLike[str]) -> Song:
    """Read a song: MIDI, Guitar Pro, MusicXML or DadaGP tokens; its name's extension plays no role.

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
            raise SongFileError(name, "it is no ordinary file", None, "Name a song file.")
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


def save_song(song: Song, path: str | os.PathLike[str], *, overwrite: bool = False) -> tuple[str, ...]:
    """Write a song in the format that the extension says, whole or not at all.

    A song goes back into the kind of file that it was read from with nothing in it written anew; any other kind is
    written new.

    Parameters
    ----------
    path : ends in `.mid`, `.midi`, `.gp3`, `.gp4`, `.gp5`, `.gp`, `.musicxml`, `.xml`, `.mxl` or
        `.txt` (DadaGP tokens).
    overwrite : True to replace a file that exists.

    Returns
    -------
    tuple of str
        what of the song the file doesn't hold, in sentences; empty if it was written into a copy of its source.

    Raises
    ------
    SongFileError
        if the format can't hold this song, the file exists, or the disk refuses.
    """
    path = Path(path)
    name = path.name or str(path)
    try:
        check_place(path, name, overwrite)
        written = serialised(song, target_kind(path))
        replace_file(path, written.data, overwrite)
        return written.notes
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
    check_place(path, name, overwrite)
    if path.exists() and os.path.samefile(path, source):
        raise SongFileError(
            name, "it is the song that was read", None, "Choose another name; the input is never changed."
        )
    target_kind(path)
    if not os.access(path.parent, os.W_OK):
        problem = "no file can be written there"
        raise SongFileError(name, problem, f"in {path.parent}", "Choose another folder, with -o.")


def output_path(input_path: str | os.PathLike[str], song: Song, parts: Sequence[str], part_only: bool = False) -> Path:
    """Where a fill goes without `-o`: NAME.bass+drums.EXT beside the input, in the format that was read.

    The parts stand in alphabetical order, so that one request has one name. A part alone is always a `.mid`.
    """
    path = Path(input_path)
    # The content says what the file is: a .gp4 that holds gp5 data is written as .gp5.
    kind = song.source.format if song.source and not part_only else "mid"
    suffix = SUFFIX_OF_KIND[kind]
    keeps = path.suffix.lower() in SUFFIXES_OF_KIND.get(kind, (suffix,))
    stem = (
        path.name[: -len(".tokens.txt")] if kind == "txt" and path.name.lower().endswith(".tokens.txt") else path.stem
    )
    ending = ".tokens.txt" if stem != path.stem else path.suffix if keeps else suffix
    return path.with_name(f"{stem}.{'+'.join(sorted(parts))}{ending}")


def _parse(data: bytes, name: str) -> Song:
    head = data[1:32]
    if head.startswith(_GUITAR_PRO):
        from arranger.formats.guitarpro_read import read_guitarpro  # only those who need it pay for the import

        return read_guitarpro(data, name)
    if head.startswith(_GUITAR_PRO_OLD):
        problem = "files of Guitar Pro 1 and 2 are not read"
        raise SongFileError(name, problem, None, "Save it as .gp5 in Guitar Pro, or export it as MIDI.")
    if data.startswith(_ZIP) and _is_mxl(data):
        from arranger.formats.musicxml import read_mxl

        return read_mxl(data, name)
    if data.startswith(_NEWER_GUITAR_PRO):
        from arranger.formats.gpif_read import read_gpif

        return read_gpif(data, name)
    if find_header(data) >= 0:
        return read_midi(data, name)
    if _is_text(data):
        from arranger.formats.dadagp import looks_like_tokens, read_token_file

        if looks_like_tokens(data):
            return read_token_file(data, name)
        from arranger.formats.musicxml import looks_like_musicxml, read_musicxml

        if looks_like_musicxml(data):
            return read_musicxml(data, name)
    remedy = "Songs are read from .mid, .gp3, .gp4, .gp5, .gpx, .gp, .musicxml, .mxl and DadaGP .txt files."
    raise SongFileError(name, f"not {SONG_KINDS}", None, remedy)


def _is_mxl(data: bytes) -> bool:
    """A zip of MusicXML names its score in META-INF/container.xml; names stand readable in a zip."""
    return b"META-INF/container.xml" in data


def _is_text(data: bytes) -> bool:
    return data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" not in data[:4096]


def check_place(path: Path, name: str, overwrite: bool) -> None:
    """Refuse a folder, a file that exists (without `overwrite`) and a folder that doesn't; SongFileError."""
    if path.is_dir():
        raise SongFileError(name, "it is a folder, not a file", None, "Name a file inside it.")
    if not overwrite and os.path.lexists(path):
        remedy = "Choose another name, or allow it to be overwritten (--force)."
        raise SongFileError(name, "the file exists already", None, remedy)
    if not path.parent.is_dir():
        raise SongFileError(name, f"the folder {path.parent} does not exist", None, "Create it or choose another.")


def replace_file(path: Path, data: bytes, overwrite: bool) -> None:
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
