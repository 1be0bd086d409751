"""SoundFont files: bytes -> presets, instruments, samples; every count and span is checked before it is used.

Reads SoundFont 2 (16-bit samples in the file) and SoundFont 3, whose samples are Ogg Vorbis. The sample data are
mapped, not read: a large SoundFont costs what is used of it.

References: SoundFont Technical Specification 2.04 (E-mu, 2006), sections 4-8; MuseScore's notes on SF3.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from audio_ext.errors import AudioError, reason

MAX_BYTES = 2_000_000_000
MAX_RECORDS = 2_000_000
MAX_TABLE_BYTES = 64_000_000
MAX_SAMPLE_FRAMES = 20_000_000
"""Of one sample; the longest known (a concert grand's low strings) have a tenth of it."""

SAMPLE_ID, INSTRUMENT, KEY_RANGE, VEL_RANGE = 53, 41, 43, 44
_ROM, _VORBIS = 0x8000, 0x10
ELSEWHERE = "Take another SoundFont with --soundfont, or download this one again."

_BAG = np.dtype([("gen", "<u2"), ("mod", "<u2")])
_GEN = np.dtype([("oper", "<u2"), ("amount", "<i2")])
_PRESET = np.dtype(
    [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("unused", "<u4", (3,))]  # 38 bytes
)
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_SAMPLE = np.dtype(
    [
        ("name", "S20"),
        ("span", "<u4", (4,)),  # start, end, loop start, loop end
        ("rate", "<u4"),
        ("pitch", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ]
)
_TABLES = {
    "phdr": _PRESET,
    "pbag": _BAG,
    "pgen": _GEN,
    "inst": _INSTRUMENT,
    "ibag": _BAG,
    "igen": _GEN,
    "shdr": _SAMPLE,
}


@dataclass(frozen=True, slots=True)
class Zone:
    """A sample as a preset plays it in a range of keys and velocities; `generators` are summed up over all levels."""

    sample: int
    keys: tuple[int, int]
    velocities: tuple[int, int]
    generators: dict[int, int] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """Samples of one recording: `frames` float32 (frame,), loop [start, end) within them, Hz, and its pitch."""

    frames: np.ndarray
    loop: tuple[int, int]
    rate: int
    pitch: int
    correction: int


@dataclass(frozen=True)
class SoundFont:
    """An open SoundFont.

    Parameters
    ----------
    presets : (bank, program) -> index into the table of presets.
    """

    path: Path
    presets: dict[tuple[int, int], int]
    names: tuple[str, ...]
    _tables: dict[str, Any] = field(repr=False)
    _data_at: int = 0
    _data_bytes: int = 0
    _samples: dict[int, Sample | None] = field(default_factory=dict, repr=False)

    def zones(self, bank: int, program: int) -> list[Zone]:
        """Every zone of a preset."""
        return list(_zones(self._tables, self.presets[bank, program]))

    @cached_property
    def _data(self) -> np.ndarray:
        return np.memmap(self.path, np.uint8, "r", self._data_at, (self._data_bytes,))

    def sample(self, index: int) -> Sample | None:
        """One sample; None where the file has nothing that could be played: a ROM sample, a span outside the data."""
        if index not in self._samples:
            self._samples[index] = self._read_sample(index)
        return self._samples[index]

    def _read_sample(self, index: int) -> Sample | None:
        head = self._tables["shdr"][index]
        start, end, loop_start, loop_end = (int(value) for value in head["span"])
        rate, kind = int(head["rate"]), int(head["type"])
        if kind & _ROM or not 0 <= start < end or not 400 <= rate <= 400_000:
            return None
        if kind & _VORBIS:
            frames = _decoded(bytes(self._data[start:end]))
            loop = (loop_start, loop_end)
        else:
            if end * 2 > self._data_bytes or end - start > MAX_SAMPLE_FRAMES:
                return None
            frames = self._data[2 * start : 2 * end].view("<i2").astype(np.float32) / 32768
            loop = (loop_start - start, loop_end - start)
        if frames is None or not len(frames):
            return None
        if not 0 <= loop[0] < loop[1] <= len(frames):
            loop = (0, 0)
        pitch = int(head["pitch"])
        return Sample(frames, loop, rate, pitch if pitch <= 127 else 60, int(head["correction"]))


def open_soundfont(path: str | os.PathLike[str]) -> SoundFont:
    """Read the tables of a SoundFont.

    Raises
    ------
    AudioError
        if there is no such file, it is no SoundFont, or its tables are damaged.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise AudioError(path.name, "it is a folder, not a SoundFont", None, "Name a .sf2 or .sf3 file in it.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AudioError(path.name, f"it is larger than {MAX_BYTES // 10**9} GB", None, ELSEWHERE)
        with path.open("rb") as file:
            return _read(path, file, size)
    except FileNotFoundError as err:
        raise AudioError(str(path), "there is no such SoundFont", None, "Check the spelling of the path.") from err
    except (OSError, ValueError) as err:
        raise AudioError(path.name, f"it can't be read ({reason(err)})", None, ELSEWHERE) from err


def _read(path: Path, file: BinaryIO, size: int) -> SoundFont:
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise AudioError(path.name, "it is not a SoundFont (.sf2 or .sf3)", None, ELSEWHERE)
    found: dict[str, tuple[int, int]] = {}
    for kind, at, length in _chunks(file, 12, size):
        if kind == b"LIST" and length >= 4:
            file.seek(at)
            if file.read(4) in (b"sdta", b"pdta"):
                for inner, start, inside in _chunks(file, at + 4, at + length):
                    found.setdefault(inner.decode("ascii", "replace"), (start, inside))
    missing = [name for name in (*_TABLES, "smpl") if name not in found]
    if missing:
        raise _damaged(path, f"its chunk “{missing[0]}” is missing or cut off")
    tables: dict[str, Any] = {}
    for name, record in _TABLES.items():
        at, length = found[name]
        if length % record.itemsize or length > MAX_TABLE_BYTES:
            raise _damaged(path, f"its chunk “{name}” has {length:,} bytes, which is no whole number of records")
        file.seek(at)
        tables[name] = np.frombuffer(file.read(length), record)
    _check(path, tables)
    heads = tables["phdr"][:-1]
    presets: dict[tuple[int, int], int] = {}
    for index, (bank, program) in enumerate(zip(heads["bank"].tolist(), heads["program"].tolist(), strict=True)):
        presets.setdefault((bank, program), index)
    names = tuple(name.decode("latin-1").strip() for name in heads["name"].tolist())
    return SoundFont(path, presets, names, tables, *found["smpl"])


def _chunks(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, where its body begins, bytes) of the chunks in a span; one that reaches out of it ends the walk."""
    while at + 8 <= end:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        name, length = struct.unpack("<4sI", head)
        if at + 8 + length > end:
            return
        yield name, at + 8, length
        at += 8 + length
        if length % 2:
            # A byte of padding, which MuseScore leaves out; no name of a chunk begins with a zero.
            file.seek(at)
            at += file.read(1) == b"\0"


def _check(path: Path, tables: dict[str, Any]) -> None:
    """Indices rise and stay within the table that they point into; the last record of each table only closes it."""
    for name, column, inner in (("phdr", "bag", "pbag"), ("inst", "bag", "ibag"), ("pbag", "gen", "pgen"),
                                ("ibag", "gen", "igen")):  # fmt: skip
        places = tables[name][column].astype(np.int64)
        if len(places) < 2 or np.any(np.diff(places) < 0) or places[-1] > len(tables[inner]):
            raise _damaged(path, f"its table “{name}” points outside of “{inner}”")
    if len(tables["shdr"]) < 2:
        raise _damaged(path, "it has no samples")


def _zones(tables: dict[str, Any], preset: int) -> Iterator[Zone]:
    instruments, samples = len(tables["inst"]) - 1, len(tables["shdr"]) - 1
    for outer, keys, velocities, instrument in _levels(tables, "phdr", "pbag", "pgen", preset, INSTRUMENT):
        if instrument >= instruments:
            continue
        for inner, low, soft, sample in _levels(tables, "inst", "ibag", "igen", instrument, SAMPLE_ID):
            both = (max(keys[0], low[0]), min(keys[1], low[1]))
            either = (max(velocities[0], soft[0]), min(velocities[1], soft[1]))
            if sample < samples and both[0] <= both[1] and either[0] <= either[1]:
                total = dict(inner)
                for oper, amount in outer.items():
                    total[oper] = total.get(oper, DEFAULTS.get(oper, 0)) + amount
                yield Zone(sample, both, either, total)


DEFAULTS = {8: 13500, 21: -12000, 23: -12000, 25: -12000, 26: -12000, 27: -12000, 28: -12000, 30: -12000,
            33: -12000, 34: -12000, 35: -12000, 36: -12000, 38: -12000, 46: -1, 47: -1, 56: 100, 58: -1}  # fmt: skip
"""Generators that are not 0 where nothing is said (section 8.1.3)."""


def _levels(
    tables: dict[str, Any], heads: str, bags: str, gens: str, index: int, target: int
) -> Iterator[tuple[dict[int, int], tuple[int, int], tuple[int, int], int]]:
    """(generators, keys, velocities, what the zone leads to) of each zone of a preset or instrument.

    A first zone that leads nowhere holds for all others; any other such zone is passed over (section 7.3, 7.7).
    """
    first, last = int(tables[heads]["bag"][index]), int(tables[heads]["bag"][index + 1])
    common: dict[int, int] = {}
    for at in range(first, min(last, len(tables[bags]) - 1)):
        begin, end = int(tables[bags]["gen"][at]), int(tables[bags]["gen"][at + 1])
        records = tables[gens][begin:end]
        own = dict(zip(records["oper"].tolist(), records["amount"].tolist(), strict=True))
        if target not in own:
            common = own if at == first else common
            continue
        merged = {**common, **own}
        goal = merged.pop(target) & 0xFFFF
        keys, velocities = (_range(merged.pop(oper, None)) for oper in (KEY_RANGE, VEL_RANGE))
        yield merged, keys, velocities, goal


def _range(amount: int | None) -> tuple[int, int]:
    return (0, 127) if amount is None else (amount & 0xFF, (amount >> 8) & 0xFF)


def _decoded(data: bytes) -> np.ndarray | None:
    """Frames of an Ogg Vorbis sample; None if it can't be decoded."""
    import soundfile  # only SoundFont 3 needs it here

    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            frames = file.read(MAX_SAMPLE_FRAMES, dtype="float32", always_2d=True)
    except (RuntimeError, OSError, ValueError):
        return None
    return np.ascontiguousarray(frames[:, 0])


def _damaged(path: Path, what: str) -> AudioError:
    return AudioError(path.name, f"the SoundFont is damaged: {what}", None, ELSEWHERE)
