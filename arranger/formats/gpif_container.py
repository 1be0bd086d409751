"""What holds the score of Guitar Pro 6 to 8: a zip (.gp) or a small file system, mostly packed (.gpx), with XML inside.

The layout of .gpx is undocumented. BCFZ is a bit stream, most significant bit first: a set bit, four bits `width`, and
two numbers of `width` bits, least significant first, say how far back and how much to copy; a clear bit and two such
bits say how many whole bytes follow. Unpacked, it is BCFS: sectors of 4 KiB, of which those that begin with 2 name a
file (name at 4, size at 0x8C, list of its sectors at 0x94).
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from arranger.errors import SongFileError

MAX_SCORE_BYTES = 16_000_000
"""Of the score's XML; the largest in 236 test files has 1.9 MB."""
MAX_TOTAL_BYTES = 64_000_000
"""Of all entries unpacked: a score with its audio track has a few."""
MAX_PACKED_BYTES = 2_000_000
"""Of a BCFZ stream, nine times what a song of 11 tracks has: as many one-byte tokens are unpacked in 2 s."""
MAX_EMPTY_RUNS = 1_000
"""Tokens of a BCFZ stream that give nothing; Guitar Pro writes one now and then."""
MAX_ENTRIES = 1_000
MAX_ELEMENTS = 500_000
"""Of the score's XML: a song of 10,000 notes has 40,000."""
MAX_DEPTH = 32

SCORE_NAME = "score.gpif"
SCORE_ENTRY = "Content/score.gpif"
ZIP_HEAD, PACKED_HEAD, SECTORS_HEAD = b"PK\x03\x04", b"BCFZ", b"BCFS"

_SECTOR = 4096
_COUNTS = {"10": 1, "01": 2, "11": 3}
_CHUNK = 1 << 20
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_SAVE_AGAIN = "Open it in Guitar Pro and save it again."


@dataclass(frozen=True)
class Container:
    """A .gp or .gpx file, unpacked.

    Parameters
    ----------
    format : "gp" (Guitar Pro 7 and 8) or "gpx" (6).
    score : the XML of the score.
    entries : (name, bytes) of all files inside in their order, the score among them; folders end in "/". Each name
        once, relative and without "..": others are left out on reading.
    """

    format: Literal["gp", "gpx"]
    score: bytes
    entries: tuple[tuple[str, bytes], ...]


def open_container(data: bytes, name: str) -> Container:
    """Unpack a .gp or .gpx file, told apart by its first bytes.

    Raises
    ------
    SongFileError
        if it is damaged, is over the limits of this module, or holds no score; `name` is for the message.
    """
    if data.startswith(ZIP_HEAD):
        entries, kind = _zip_entries(data, name), "gp"
    elif data.startswith((PACKED_HEAD, SECTORS_HEAD)):
        image = data[4:] if data.startswith(SECTORS_HEAD) else _sectors_inside(data, name)
        entries, kind = _named_once(_sector_files(image, name)), "gpx"
    else:
        raise SongFileError(name, "it isn't a Guitar Pro 6, 7 or 8 file", None, _SAVE_AGAIN)
    at = _score_index(entries)
    if at is None:
        problem = f"it holds no {SCORE_NAME}, so it isn't a Guitar Pro file"
        raise SongFileError(name, problem, None, "Choose a .gp or .gpx file.")
    return Container("gp" if kind == "gp" else "gpx", entries[at][1], entries)


def pack_container(container: Container) -> bytes:
    """Bytes of a .gp file: the entries in their order, the score replaced by `container.score`; the same every time.

    Of a .gpx file only what Guitar Pro 7 takes goes in: a VERSION, the score, and entries that were put under
    "Content/".
    """
    if container.format == "gpx":
        entries = [("VERSION", b"7.0"), (SCORE_ENTRY, container.score)]
        taken = {name for name, _ in entries}
        entries += [entry for entry in container.entries if entry[0].startswith("Content/") and entry[0] not in taken]
    else:
        entries = list(container.entries)
        at = _score_index(tuple(entries))
        if at is None:
            entries.append((SCORE_ENTRY, container.score))
        else:
            entries[at] = entries[at][0], container.score
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name, _FIXED_TIME)
            info.create_system = 0  # the same bytes on every system
            info.compress_type = zipfile.ZIP_STORED if name.endswith("/") else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return stream.getvalue()


def parse_score(container: Container, name: str) -> ET.Element:
    """The GPIF element of the score.

    Raises
    ------
    SongFileError
        if it is no XML, declares a document type or entities, or has too many or too deep elements.
    """
    try:
        text = container.score.decode("utf-8-sig").lstrip().rstrip("\0")
    except UnicodeDecodeError as err:
        raise _damaged(name, "its text isn't UTF-8") from err
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        problem = "it declares a document type, which no score has and which can be an attack"
        raise SongFileError(name, problem, SCORE_NAME, _SAVE_AGAIN)
    if text.count("<") - text.count("</") > MAX_ELEMENTS:
        raise _too_large(name, f"it has more than {MAX_ELEMENTS:,} elements")
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError) as err:
        raise _damaged(name, f"{err}") from err
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            break
    else:
        raise _damaged(name, f"elements are nested more than {MAX_DEPTH} deep")
    if root.tag != "GPIF":
        raise _damaged(name, f"its root is “{root.tag[:40]}”, not “GPIF”")
    return root


# --- zip


def _zip_entries(data: bytes, name: str) -> tuple[tuple[str, bytes], ...]:
    if data.count(b"PK\x01\x02") > MAX_ENTRIES:  # before zipfile makes an object of each
        raise _too_large(name, f"it holds more than {MAX_ENTRIES:,} files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > MAX_TOTAL_BYTES:
                raise _too_large(name, f"it unpacks to more than {MAX_TOTAL_BYTES // 1_000_000} MB")
            return _named_once(_zip_files(archive, infos, name))
    except SongFileError:
        raise
    except Exception as err:  # zipfile, zlib and struct each have their own
        raise _damaged(name, str(err) or type(err).__name__) from err


def _zip_files(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str) -> Iterator[tuple[str, bytes]]:
    left = MAX_TOTAL_BYTES
    for info in infos:
        if info.flag_bits & 0x1:
            raise SongFileError(name, "it is locked with a password", info.filename, "Unlock it and save it again.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _damaged(name, f"“{info.filename[:40]}” is packed in a way that Guitar Pro doesn't use")
        limit = min(left, MAX_SCORE_BYTES) if _is_score(info.filename) else left
        content = bytearray()
        with archive.open(info) as file:
            while chunk := file.read(_CHUNK):  # in chunks, because the declared size can lie
                content += chunk
                if len(content) > limit:
                    raise _too_large(name, f"“{info.filename[:40]}” unpacks to more than {limit // 1_000_000} MB")
        left -= len(content)
        yield info.filename, bytes(content)


# --- gpx


def _sectors_inside(data: bytes, name: str) -> bytes:
    """The BCFS image in a BCFZ file, without its head."""
    if len(data) > MAX_PACKED_BYTES:
        raise _too_large(name, f"it has more than {MAX_PACKED_BYTES // 1_000_000} MB")
    size = int.from_bytes(data[4:8], "little")
    if size > MAX_TOTAL_BYTES:
        raise _too_large(name, f"it says that it unpacks to {size // 1_000_000} MB")
    image = _inflate(data[8:], size, name)
    if not image.startswith(SECTORS_HEAD):
        raise _damaged(name, "what it unpacks to has no BCFS head")
    return image[4:]


def _inflate(packed: bytes, size: int, name: str) -> bytes:
    """Unpack a BCFZ stream to at most `size` bytes; a stream that ends too early gives what there is."""
    # A leading 1 keeps leading zeros; slices of a string of bits are faster than shifting, and int(..., 2) is linear.
    bits = bin(int.from_bytes(b"\1" + packed, "big"))[3:]
    total, out, at, empty = len(bits), bytearray(), 0, 0
    while len(out) < size and at < total:
        if bits[at] == "1":
            width = int(bits[at + 1 : at + 5] or "0", 2)
            end = at + 5 + 2 * width
            if end > total:
                break
            if not width:
                raise _damaged(name, "a copy in its packed data has no length")
            distance = int(bits[at + 4 + width : at + 4 : -1], 2)
            length = int(bits[end - 1 : end - 1 - width : -1], 2)
            start = len(out) - distance
            if start < 0 or not distance:
                raise _damaged(name, "its packed data copies from before its beginning")
            out += out[start : start + length]
        else:
            count = _COUNTS.get(bits[at + 1 : at + 3], 0)
            if not count:
                empty += 1
                if empty > MAX_EMPTY_RUNS:
                    raise _damaged(name, "its packed data is full of empty runs")
            end = at + 3 + 8 * count
            if end > total:
                count, end = (total - at - 3) // 8, total
            if count > 0:
                out += int(bits[at + 3 : at + 3 + 8 * count], 2).to_bytes(count, "big")
        at = end
    return bytes(out[:size])


def _sector_files(image: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the files in a BCFS image without its head."""

    def word(at: int) -> int:
        return int.from_bytes(image[at : at + 4], "little")

    taken: set[int] = set()
    left = MAX_TOTAL_BYTES
    for number in range(1, -(-len(image) // _SECTOR)):
        start = number * _SECTOR
        if number in taken or word(start) != 2:
            continue
        content = bytearray()
        chain: set[int] = set()
        for at in range(start + 0x94, len(image) - 3, 4):
            sector = word(at)
            if not sector:
                break
            if sector in chain or sector * _SECTOR >= len(image):
                raise _damaged(name, "its list of sectors runs in a circle or out of the file")
            chain.add(sector)
            content += image[sector * _SECTOR : (sector + 1) * _SECTOR]
        taken |= chain
        left -= len(content)
        if left < 0:
            raise _too_large(name, f"it unpacks to more than {MAX_TOTAL_BYTES // 1_000_000} MB")
        yield image[start + 4 : start + 131].split(b"\0")[0].decode("latin-1"), bytes(content[: word(start + 0x8C)])


# --- names and errors


def _named_once(files: Iterator[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """The files with harmless names; of several with one name the first, which is what Guitar Pro's kind of reader
    takes."""
    entries: dict[str, bytes] = {}
    for name, content in files:
        if _harmless(name):
            entries.setdefault(name, content)
    return tuple(entries.items())


def _harmless(name: str) -> bool:
    path = PurePosixPath(name)
    parts = path.parts
    if not parts or path.is_absolute() or ".." in parts:
        return False
    return name.isprintable() and "\\" not in name and ":" not in name


def _is_score(name: str) -> bool:
    return name == SCORE_NAME or name.endswith("/" + SCORE_NAME)


def _score_index(entries: tuple[tuple[str, bytes], ...]) -> int | None:
    """Where the score stands among the entries: in its own place if it is there."""
    names = [name for name, _ in entries]
    if SCORE_ENTRY in names:
        return names.index(SCORE_ENTRY)
    return next((at for at, name in enumerate(names) if _is_score(name)), None)


def _damaged(name: str, what: str) -> SongFileError:
    return SongFileError(name, f"it is damaged ({what})", None, _SAVE_AGAIN)


def _too_large(name: str, what: str) -> SongFileError:
    return SongFileError(name, f"{what}, more than a song has", None, "Is it the right file?")
