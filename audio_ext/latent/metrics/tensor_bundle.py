"""TensorFlow's checkpoint format ("tensor bundle"), read without TensorFlow.

A bundle is two files: `.index`, a LevelDB table (leveldb/doc/table_format.md) from a tensor's name to a small protocol
buffer that says where it lies (tensorflow/core/protobuf/tensor_bundle.proto), and `.data-00000-of-00001`, the raw
little-endian numbers. What is needed of both is little: uncompressed blocks, one shard, float32. Everything else is an
error. The checksums are not looked at; every size and place is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from audio_ext.errors import AudioError, reason

MAX_INDEX = 1 << 20
MAX_DATA = 1 << 28
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 8
_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_FLOAT32, _UNCOMPRESSED = 1, 0
_REMEDY = "Install the package anew, or name another file."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies in the data file: bytes [offset, offset + size)."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


class _Damaged(ValueError):
    """What is wrong with the bytes; the caller adds the file's name."""


def read_bundle(folder: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """All float32 tensors of `folder/PREFIX.index`, by name; other kinds (counters) are left out.

    Raises
    ------
    AudioError
        if a file is missing, larger than `MAX_INDEX` or `MAX_DATA`, or not what the format says.
    """
    index = folder / f"{prefix}.index"
    data = folder / f"{prefix}.data-00000-of-00001"
    name = f"{folder.name}/{index.name}"
    table, raw = _bytes(index, MAX_INDEX), _bytes(data, MAX_DATA)
    try:
        places = {key: _place(value) for key, value in _entries(table) if key}
        return {key: _tensor(key, place, raw) for key, place in places.items() if place.dtype == _FLOAT32}
    except (_Damaged, IndexError, UnicodeDecodeError, RecursionError) as err:
        problem = f"it is no TensorFlow checkpoint that can be read ({reason(err)})"
        raise AudioError(name, problem, None, _REMEDY) from err


def _bytes(path: Path, most: int) -> bytes:
    name = f"{path.parent.name}/{path.name}"
    try:
        if path.stat().st_size > most:
            raise AudioError(name, f"it is larger than {most >> 20} MiB", None, _REMEDY)
        return path.read_bytes()
    except OSError as err:
        raise AudioError(name, f"it can't be read ({reason(err)})", f"in {path.parent}", _REMEDY) from err


def _tensor(key: str, place: _Place, raw: bytes) -> np.ndarray:
    if place.shard or place.size != 4 * prod(place.shape) or place.offset + place.size > len(raw):
        raise _Damaged(f"the tensor {key[:80]} lies outside its file")
    return np.frombuffer(raw, "<f4", prod(place.shape), place.offset).reshape(place.shape)


# The table: a footer that says where the index block is, an index block of data blocks, data blocks of entries.


def _entries(table: bytes) -> Iterator[tuple[str, bytes]]:
    if len(table) < _FOOTER or int.from_bytes(table[-8:], "little") != _MAGIC:
        raise _Damaged("the table's mark is missing")
    footer = table[-_FOOTER:]
    at = 0
    handles = []
    for _ in range(4):  # offset and size of the meta block's index, then of the data blocks' index
        number, at = _varint(footer, at)
        handles.append(number)
    count = 0
    for _, handle in _block(table, handles[2], handles[3]):
        offset, at = _varint(handle, 0)
        size, _ = _varint(handle, at)
        for key, value in _block(table, offset, size):
            count += 1
            if count > MAX_TENSORS:
                raise _Damaged("there are too many tensors")
            yield key.decode("utf-8"), value


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block: a key is given as how much it shares with the one before, and the rest."""
    if size < 4 or offset + size + 1 > len(table):
        raise _Damaged("a block lies outside the file")
    if table[offset + size] != _UNCOMPRESSED:
        raise _Damaged("a block is compressed")
    block = table[offset : offset + size]
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    key, at = b"", 0
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(key) or at + fresh + length > end:
            raise _Damaged("an entry lies outside its block")
        key = key[:shared] + block[at : at + fresh]
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, low ones first, and the place after it."""
    value = 0
    for shift in range(0, 64, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _Damaged("a number is too long")


# Protocol buffers, as far as BundleEntryProto needs them.


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values: whole numbers for the kinds varint and fixed, bytes for the nested."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise _Damaged("a field is of no kind that is known")
        if at + length > len(data):
            raise _Damaged("a field lies outside its message")
        part = data[at : at + length]
        yield tag >> 3, part if kind == 2 else int.from_bytes(part, "little")
        at += length


def _place(message: bytes) -> _Place:
    """BundleEntryProto: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size, 6 checksum, 7 slices."""
    numbers = {1: 0, 3: 0, 4: 0, 5: 0}
    shape: tuple[int, ...] = ()
    for field, value in _fields(message):
        if field in numbers and isinstance(value, int):
            numbers[field] = value
        elif field == 2 and isinstance(value, bytes):
            shape = tuple(
                _dimension(part) for number, part in _fields(value) if number == 2 and isinstance(part, bytes)
            )
        elif field == 7:
            raise _Damaged("a tensor is cut in slices")
    if len(shape) > MAX_DIMENSIONS:
        raise _Damaged("a tensor has too many dimensions")
    return _Place(numbers[1], shape, numbers[3], numbers[4], numbers[5])


def _dimension(message: bytes) -> int:
    return next((value for field, value in _fields(message) if field == 1 and isinstance(value, int)), 0)
