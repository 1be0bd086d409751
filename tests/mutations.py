"""Files broken at random, with a fixed seed: what the fuzz test and `benchmarks/fuzz.py` feed to the readers.

Plain mutations work on the bytes of a file. Where a file is a container (zip, BCFS, BCFZ), half of the mutants are
made of what is inside, which is then packed again, so that they get past the container; in texts (XML, tokens) numbers
and elements are changed, so that they get past the parser.
"""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress

Mutation = Callable[[random.Random, bytes, bytes], bytes]
"""(random numbers, a file, another file) -> a broken file."""

MAX_GROWTH = 200_000
"""Bytes that one mutation may add."""

_INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_NUMBERS = (
    b"2",
    b"3",
    b"12",
    b"64",
    b"480",
    b"0",
    b"-1",
    b"1",
    b"7",
    b"255",
    b"65536",
    b"-2147483648",
    b"99999999999",
    b"1e308",
    b"NaN",
    b"",
    b"1/0",
    b"x",
)
_DIGITS = re.compile(rb"-?\d+")
_ELEMENT = re.compile(rb"<(\w[\w-]*)[^<>]*>[^<>]*</\1>|<(\w[\w-]*)[^<>]*/>")
_NESTED = re.compile(
    rb"<(Bar|Bars|Beat|Voice|Note|Track|MasterBar|Rhythm|measure|note|part|forward)\b[^<>]*>.*?</\1>", re.DOTALL
)
_SECTOR = 4096


def mutant(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A file made of one of the seeds by one to four mutations."""
    data = rng.choice(seeds)
    other = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        inner = _unpacked(data)
        if inner is not None and rng.random() < 0.8:
            data = _packed(data, _mutate(rng, inner, _unpacked(other) or other))
        else:
            data = _mutate(rng, data, other)
    return data


def _mutate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    if not data:
        return other
    is_text = data.lstrip()[:1] in b"<a" and b"\0" not in data[:4096]
    kinds = TEXT_MUTATIONS if is_text and rng.random() < 0.8 else BYTE_MUTATIONS
    return rng.choice(kinds)(rng, data, other)


def flip_bits(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Up to 16 bits flipped."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 16)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def overwrite(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A run of bytes replaced by zeros, ones, or noise."""
    at, size = rng.randrange(len(data)), rng.randint(1, 64)
    fill = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return data[:at] + fill + data[at + size :]


def truncate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The end cut off, or the beginning."""
    at = rng.randrange(len(data))
    return data[:at] if rng.random() < 0.8 else data[at:]


def delete(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A piece taken out."""
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 200) :]


def repeat(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A piece standing there several times."""
    at, size = rng.randrange(len(data)), rng.randint(1, 2000)
    piece = data[at : at + size]
    return data[:at] + piece * rng.choice((2, 3, 100, MAX_GROWTH // size)) + data[at + size :]


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other) or 1) :]


def change_integer(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A field set to a number that is often forgotten: lengths, counts, sizes."""
    size = rng.choice((1, 2, 4))
    at = rng.randrange(max(1, min(len(data), rng.choice((64, 1 << 12, len(data))))))
    value = rng.choice((*_INTEGERS, len(data), len(data) - at)) & ((1 << 8 * size) - 1)
    return data[:at] + value.to_bytes(size, rng.choice(("big", "little"))) + data[at + size :]


def repeat_chunk(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A track chunk twice, swapped with others, or in another file."""
    pieces = data.split(b"MTrk")
    if len(pieces) < 2:
        return repeat(rng, data, other)
    piece = rng.choice(pieces[1:])
    pieces[1:] = rng.sample(pieces[1:], len(pieces) - 1)
    for _ in range(rng.choice((1, 2, 40))):
        pieces.insert(rng.randint(1, len(pieces)), piece)
    return b"MTrk".join(pieces)


def change_chunk_length(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The length of a track chunk set wrong."""
    places = [match.end() for match in re.finditer(b"MTrk", data)]
    if not places:
        return change_integer(rng, data, other)
    at = rng.choice(places)
    return data[:at] + struct.pack(">I", rng.choice((*_INTEGERS, rng.randrange(len(data))))) + data[at + 4 :]


def change_number(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Some numbers of a text replaced."""
    found = list(_DIGITS.finditer(data))
    for match in sorted(rng.sample(found, min(len(found), rng.randint(1, 6))), key=lambda m: -m.start()):
        data = data[: match.start()] + rng.choice(_NUMBERS) + data[match.end() :]
    return data


def swap_numbers(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """References turned round: a number of the text in the place of another."""
    found = list(_DIGITS.finditer(data))
    if len(found) < 2:
        return flip_bits(rng, data, other)
    one, two = sorted(rng.sample(found, 2), key=lambda m: m.start())
    return data[: one.start()] + two[0] + data[one.end() : two.start()] + one[0] + data[two.end() :]


def change_element(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """An element, or a word of a text without any, taken out, repeated, or put into another place."""
    pattern = rng.choice((_ELEMENT, _NESTED))
    start = rng.randrange(len(data))
    match = pattern.search(data, start, start + 50_000) or _ELEMENT.search(data) or re.search(rb"\S+\s*", data)
    if match is None:
        return delete(rng, data, other)
    piece = match[0]
    action = rng.randrange(4)
    if action == 0:
        return data[: match.start()] + data[match.end() :]
    if action == 1:
        times = rng.choice((2, 10, max(2, MAX_GROWTH // len(piece))))
        return data[: match.start()] + piece * times + data[match.end() :]
    if action == 2:
        at = rng.randrange(len(data))
        at = data.find(b"<", at) if b"<" in data[at:] else at
        return data[:at] + piece + data[at:]
    return data[: match.start()] + re.sub(rb">[^<>]*<", b">" + rng.choice(_NUMBERS) + b"<", piece) + data[match.end() :]


def nest(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Elements within elements within elements."""
    at = max(0, data.find(b"<", rng.randrange(len(data))))
    depth = rng.choice((10, 1000, 20_000))
    return data[:at] + b"<a>" * depth + b"</a>" * depth + data[at:]


BYTE_MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits,
    overwrite,
    truncate,
    delete,
    repeat,
    splice,
    change_integer,
    change_integer,
    repeat_chunk,
    change_chunk_length,
)
TEXT_MUTATIONS: tuple[Mutation, ...] = (
    change_number,
    change_number,
    change_number,
    swap_numbers,
    change_element,
    change_element,
    change_element,
    nest,
    splice,
    truncate,
)


# ---- containers ------------------------------------------------------------------------------------------------------


def _unpacked(data: bytes) -> bytes | None:
    """The score inside a container that can be opened, else None."""
    if data[:4] in (b"BCFS", b"BCFZ"):
        from arranger.errors import SongFileError
        from arranger.formats.gpif_container import open_container

        try:
            return open_container(data, "x").score
        except SongFileError:
            return None
    if data[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return archive.read(_score_name(archive))
        except Exception:
            return None
    return None


def _score_name(archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist() if not info.filename.startswith("META-INF")]
    return next((name for name in names if name.endswith((".gpif", ".xml", ".musicxml"))), names[0])


def _packed(data: bytes, score: bytes) -> bytes:
    """The container again with another score in it."""
    if data[:3] == b"BCF":
        image = bcfs({"score.gpif": score})
        return image if data[:4] == b"BCFS" else bcfz(image)
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        name = _score_name(old)
        for info in old.infolist():
            with suppress(Exception):  # an entry that an earlier mutation broke is left out
                new.writestr(info.filename, score if info.filename == name else old.read(info))
    return stream.getvalue()


def bcfs(files: dict[str, bytes]) -> bytes:
    """A Guitar Pro 6 container that is not packed: of each file an entry sector, then its data."""
    image = bytearray(_SECTOR)
    for name, data in files.items():
        count = -(-len(data) // _SECTOR)
        first = len(image) // _SECTOR + 1
        pointers = struct.pack(f"<{count}I", *range(first, first + count))
        entry = struct.pack("<I", 2) + name.encode().ljust(0x88, b"\0") + struct.pack("<II", len(data), 0) + pointers
        image += entry.ljust(_SECTOR, b"\0")[:_SECTOR] + data.ljust(count * _SECTOR, b"\0")
    return b"BCFS" + bytes(image)


def bcfz(image: bytes) -> bytes:
    """A Guitar Pro 6 container packed without a gain: runs of three bytes as they are."""
    bits = []
    for at in range(0, len(image), 3):
        run = image[at : at + 3]
        bits.append("0" + f"{len(run):02b}"[::-1] + "".join(f"{byte:08b}" for byte in run))
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return b"BCFZ" + struct.pack("<I", len(image)) + int(text, 2).to_bytes(len(text) // 8, "big")
