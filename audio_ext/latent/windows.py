"""Windows of multi-stem audio: what the latent models learn from.

A window is 10.24 s of four stems at 16 kHz, mono, with what is known of its music. The mix is always the sum of the
stems, with no limiter; whoever makes windows chooses gains so that neither the mix nor a stem leaves -1..1.

Windows lie in shards `windows-0000.safetensors`: the tensor `stems`, int16 (window, stem, sample) scaled by 32767, and
in the header's metadata `format`, `facts` (JSON, one object a window) and `notes` (JSON, whatever the maker says of the
shard). Shards are mapped, not read: a window costs what is used of it.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from audio_ext.errors import AudioError, reason

RATE = 16_000
"""Hz."""
STEMS = ("drums", "bass", "guitar", "other")
WINDOW = 163_840
"""Samples: 10.24 s."""
FORMAT = "arranger-windows/1"
SCALE = 32767
SILENCE_DB = -60.0
"""A stem whose level over the window is below this (dB of full scale) does not play."""
BURIED_DB = -30.0
"""Nor does one that is so far below the mix: nobody would hear it come or go."""
MAX_WINDOWS = 4096
"""Of one shard."""
MAX_NOTES = 20_000
"""Of one window."""

Note = tuple[float, float, int, int]
"""Start and end in seconds after the window's start, MIDI pitch, velocity. A note that began before the window has a
negative start, one that goes on after it an end beyond it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a window.

    Parameters
    ----------
    song : name of the song; windows of one song share it. start : of the window, seconds into the song.
    tempo_qpm : in the window; 0 where it is unknown. style : "rock", "reggae", ...; empty where it is unknown.
    density : onsets a second of each stem. programs : General MIDI program of the loudest track of each stem, for drums
        the kit. notes : of each stem, by their starts. A stem of which nothing is known is in none of the three.
    beats : (seconds after the window's start, number of the quarter in its bar from 0); empty where unknown.
    """

    song: str
    start: float = 0.0
    tempo_qpm: float = 0.0
    style: str = ""
    density: Mapping[str, float] = field(default_factory=dict)
    programs: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    beats: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Window:
    """Stems, float32 (4, sample) in the order of `STEMS`, and what is known of them."""

    stems: np.ndarray
    facts: Facts

    def stem(self, part: str) -> np.ndarray:
        """One stem, float32 (sample,)."""
        return np.asarray(self.stems[STEMS.index(part)])

    @property
    def mix(self) -> np.ndarray:
        """Sum of the stems, float32 (sample,)."""
        return np.asarray(self.stems.sum(axis=0, dtype=np.float32))

    @property
    def heard(self) -> tuple[str, ...]:
        """Names of the stems that play; see `heard_stems`."""
        return heard_stems(self.stems)


@dataclass(frozen=True, eq=False)
class Triplet:
    """What a model learns from: a mix, the mix without one stem, and what to say to have that stem put back.

    Parameters
    ----------
    mix, submix, stem : float32 (sample,); mix is submix + stem to the last bit.
    part : name of the stem. facts : of the window.
    """

    mix: np.ndarray
    submix: np.ndarray
    stem: np.ndarray
    part: str
    instruction: str
    facts: Facts


def triplet(
    window: Window, part: str, rng: np.random.Generator, instruction: str | None = None, leave_out: Sequence[str] = ()
) -> Triplet:
    """One stem of a window taken away, with the instruction that asks for it.

    Parameters
    ----------
    instruction : None to have one built of the window's facts by chance.
    leave_out : further stems that are in neither mix nor submix. Where more than one stem is missing, only the
        instruction tells which is to come; the paper's triplets lack just one.

    Raises
    ------
    ValueError
        for a stem that doesn't exist or is itself left out.
    """
    if unknown := {part, *leave_out} - set(STEMS):
        raise ValueError(f"there is no stem {', '.join(sorted(unknown))}; there are {', '.join(STEMS)}")
    if part in leave_out:
        raise ValueError(f"{part} can't be put in and left out")
    if instruction is None:
        from audio_ext.latent import instructions  # which knows this module

        instruction = instructions.instruction(window.facts, part, rng)
    kept = [at for at, stem in enumerate(STEMS) if stem != part and stem not in leave_out]
    submix = window.stems[kept].sum(axis=0, dtype=np.float32)
    stem = window.stem(part)
    return Triplet(submix + stem, submix, stem, part, instruction, window.facts)


def level_db(frames: np.ndarray) -> float:
    """RMS level over all samples in dB of full scale; -inf for silence."""
    power = float(np.mean(np.square(frames, dtype=np.float64))) if frames.size else 0.0
    return float(10 * np.log10(power)) if power > 0 else float("-inf")


def heard_stems(stems: np.ndarray) -> tuple[str, ...]:
    """Names of the stems (stem, sample) that play: above `SILENCE_DB`, and not `BURIED_DB` or more below their sum."""
    least = max(SILENCE_DB, level_db(stems.sum(axis=0)) + BURIED_DB)
    return tuple(name for name, frames in zip(STEMS, stems, strict=True) if level_db(frames) > least)


def write_windows(folder: str | os.PathLike[str], number: int, windows: Sequence[Window], notes: Any = None) -> Path:
    """Write a shard, whole or not at all.

    Parameters
    ----------
    windows : at least one; all of the same length (in a corpus `WINDOW`, tests take less).
    notes : anything JSON can say, for the maker's own use.

    Raises
    ------
    ValueError
        for stems of another shape or outside -1..1.
    """
    from safetensors.numpy import save_file

    stems = np.stack([window.stems for window in windows])
    if stems.ndim != 3 or stems.shape[1] != len(STEMS):
        raise ValueError(f"stems are (4, sample), not {stems.shape[1:]}")
    if not np.abs(stems).max(initial=0.0) <= 1:
        raise ValueError("stems reach beyond -1..1")
    path = Path(folder, f"windows-{number:04d}.safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = json.dumps([asdict(window.facts) for window in windows], separators=(",", ":"))
    metadata = {"format": FORMAT, "facts": facts, "notes": json.dumps(notes)}
    beside = path.with_suffix(".part")
    save_file({"stems": np.rint(stems * np.float32(SCALE)).astype(np.int16)}, str(beside), metadata)
    beside.replace(path)
    return path


class Shard(Sequence[Window]):
    """One mapped shard; facts are parsed when they are first asked for.

    Raises
    ------
    AudioError
        if the file is no shard, or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]):
        from safetensors import SafetensorError, safe_open

        self.path = Path(path)
        try:
            self._file = safe_open(str(self.path), framework="np")
            metadata = self._file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise self._bad(f"its format is {metadata.get('format', 'not said')}, not {FORMAT}")
            self._stems = self._file.get_slice("stems")
            shape, kind = self._stems.get_shape(), self._stems.get_dtype()
        except (SafetensorError, OSError) as err:
            raise self._bad(f"it can't be read ({reason(err)})") from err
        if kind != "I16" or len(shape) != 3 or shape[1] != len(STEMS) or not 1 <= shape[0] <= MAX_WINDOWS:
            raise self._bad(f"its stems are {kind} {shape}, not I16 (window, 4, sample)")
        self._length = int(shape[0])
        self._facts_text: str = metadata.get("facts", "")
        self._notes_text: str = metadata.get("notes", "null")
        self._facts: tuple[Facts, ...] | None = None

    def _bad(self, problem: str) -> AudioError:
        return AudioError(self.path.name, problem, f"in {self.path.parent}", "Make the windows again.")

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        stems = np.asarray(self._stems[at : at + 1])[0]
        return Window(stems.astype(np.float32) / np.float32(SCALE), self.facts[at])

    def stems(self, at: int) -> np.ndarray:
        """Sound of one window, float32 (4, sample), without a look at the facts."""
        return np.asarray(self._stems[at : at + 1])[0].astype(np.float32) / np.float32(SCALE)

    @property
    def facts(self) -> tuple[Facts, ...]:
        """Of all windows, without their sound."""
        if self._facts is None:
            try:
                entries = json.loads(self._facts_text)
                self._facts = tuple(facts_from_json(entry) for entry in entries)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
                raise self._bad(f"its facts can't be read ({reason(err)})") from err
            if len(self._facts) != len(self):
                self._facts = None
                raise self._bad(f"it has {len(self)} windows but facts of {len(entries)}")
        return self._facts

    @property
    def notes(self) -> Any:
        """What the maker said of the shard."""
        try:
            return json.loads(self._notes_text)
        except (ValueError, RecursionError) as err:
            raise self._bad(f"its notes can't be read ({reason(err)})") from err


class Windows(Sequence[Window]):
    """All windows of a folder, by number; shards that are written later are not seen."""

    def __init__(self, folder: str | os.PathLike[str]):
        paths = sorted(Path(folder).glob("windows-*.safetensors"))
        if not paths:
            remedy = "Make some with: python -m datasets.stems.rendered SONGS -o FOLDER --windows N"
            raise AudioError(Path(folder).name, "there are no windows in it", None, remedy)
        self.shards = tuple(Shard(path) for path in paths)
        self._ends = list(accumulate(len(shard) for shard in self.shards))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        shard = bisect_right(self._ends, at)
        return self.shards[shard][at - (self._ends[shard - 1] if shard else 0)]

    @property
    def facts(self) -> tuple[Facts, ...]:
        """Of all windows, without their sound."""
        return tuple(facts for shard in self.shards for facts in shard.facts)


def read_windows(folder: str | os.PathLike[str]) -> Iterator[Window]:
    """Windows of a folder, in the order of its shards; AudioError as `Windows` and `Shard`."""
    yield from Windows(folder)


def facts_from_json(entry: Mapping[str, Any]) -> Facts:
    """Facts from what JSON made of them; ValueError, TypeError or KeyError for anything else."""
    known = {one.name for one in fields(Facts)}
    if unknown := set(entry) - known:
        raise ValueError(f"unknown facts: {', '.join(sorted(unknown))}")
    notes = {
        _stem(stem): tuple((float(a), float(b), int(pitch), int(velocity)) for a, b, pitch, velocity in of[:MAX_NOTES])
        for stem, of in entry.get("notes", {}).items()
    }
    return Facts(
        str(entry["song"]),
        float(entry.get("start", 0.0)),
        float(entry.get("tempo_qpm", 0.0)),
        str(entry.get("style", "")),
        {_stem(stem): float(value) for stem, value in entry.get("density", {}).items()},
        {_stem(stem): int(value) for stem, value in entry.get("programs", {}).items()},
        notes,
        tuple((float(seconds), int(beat)) for seconds, beat in entry.get("beats", ())),
    )


def _stem(name: str) -> str:
    if name not in STEMS:
        raise ValueError(f"there is no stem {name}")
    return name
