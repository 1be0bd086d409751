"""Broken files of every format: a Song or a SongFileError, soon, and nothing else. `benchmarks/fuzz.py` runs more."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from functools import cache

import pytest
from fuzz_seeds import KINDS, own_seeds
from midi_files import NEW, with_new
from mutations import mutant

from arranger.errors import SongFileError
from arranger.files import song_from_bytes
from arranger.formats.midi_read import MAX_FILE_BYTES
from arranger.formats.midi_write import write_midi
from arranger.song import Song

MUTANTS = 40
CPU_SECONDS = 5.0


@cache
def seeds() -> dict[str, list[bytes]]:
    return own_seeds()


def read(data: bytes) -> Song | None:
    """The song, or None for a SongFileError; anything else that is raised fails the test."""
    began = time.process_time()
    try:
        song = song_from_bytes(data, "broken")
    except SongFileError as err:
        assert str(err).startswith("broken")
        song = None
    assert time.process_time() - began < CPU_SECONDS
    return song


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_are_read_or_refused(kind: str) -> None:
    if not seeds()[kind]:
        pytest.skip(f"no seed of kind {kind}")
    for at, seed in enumerate(seeds()[kind]):
        song = read(seed)
        assert song is not None, f"seed {at} itself"
        assert song.source is not None
    for at in range(MUTANTS):
        song = read(mutant(random.Random(f"{kind}-{at}"), seeds()[kind]))
        assert song is None or song.bars


def test_mutants_of_one_seed_are_always_the_same_and_differ_from_each_other() -> None:
    made = [mutant(random.Random(f"x-{at}"), seeds()["mid"]) for at in range(50)]
    assert made == [mutant(random.Random(f"x-{at}"), seeds()["mid"]) for at in range(50)]
    assert len(set(made)) > 45


def test_a_part_goes_into_every_broken_midi_file_that_is_read() -> None:
    written = 0
    for at in range(150):
        song = read(mutant(random.Random(f"write-{at}"), seeds()["mid"]))
        if song is None:
            continue
        again = song_from_bytes(write_midi(with_new(song, NEW)), "again")
        assert [track.notes for track in again.tracks if track.notes] == [
            *(track.notes for track in song.tracks if track.notes),
            NEW.notes,
        ]
        written += 1
    assert written > 60


HEAD = b"MThd\0\0\0\6\0\1\0\1\0\x60"
NOTES = b"\0\x90\x3c\x40\1\x3c\0" + b"\1\x3c\x40\1\x3c\0" * 10
FULL = MAX_FILE_BYTES - 200


def track(body: bytes) -> bytes:
    return b"MTrk" + len(body).to_bytes(4, "big") + body


LARGEST: dict[str, Callable[[], bytes]] = {
    "notes": lambda: HEAD + track(b"\0\x90\x3c\x40" + b"\1\x3c\0\1\x3c\x40" * (FULL // 6)),
    "hanging notes": lambda: HEAD + track(b"\0\x90\x3c\x40" + b"\1\x3c\x40" * (FULL // 3)),
    "controllers": lambda: HEAD + track(NOTES + b"\0\xb0\7\1" + b"\0\7\1" * (FULL // 3)),
    "program changes": lambda: HEAD + track(NOTES + b"\0\xc0\1" + b"\0\1" * (FULL // 2)),
    "tempos": lambda: HEAD + track(NOTES + (b"\1\xff\x51\3\7\xa1\x20" + b"\1\xff\x51\3\7\xa1\x21") * (FULL // 14)),
    "time signatures": lambda: HEAD + track(NOTES + b"\1\xff\x58\2\4\2\1\xff\x58\2\3\2" * (FULL // 12)),
    "wrong time signatures": lambda: HEAD + track(NOTES + b"\1\xff\x58\0" * (FULL // 4)),
    "markers": lambda: HEAD + track(NOTES + b"\1\xff\6\1A" * (FULL // 5)),
    "one long text": lambda: HEAD + track(NOTES + b"\0\xff\6\x84\xc4\xb3\0" + b"\xe9" * 10_000_000),
    "empty messages": lambda: HEAD + track(NOTES + b"\0\xf8" * (FULL // 2)),
    "data without a status": lambda: HEAD + track(b"\0" + b"\x40" * FULL),
    "small chunks": lambda: HEAD + track(NOTES) + b"XFIH\0\0\0\0" * (FULL // 8),
    "chunks that are none": lambda: HEAD + track(NOTES) + b"MTrk" * (FULL // 4),
    "junk": lambda: HEAD + b"\xff" * FULL,
    "tracks": lambda: HEAD + track(NOTES) * (FULL // (len(NOTES) + 8)),
    "long song": lambda: HEAD + track(NOTES + b"\xff\xff\xff\x7f\xff\1\0" * (FULL // 7)),
    "changes that repeat": lambda: HEAD + track(NOTES + b"\xff\xff\xff\x7f\x90\x3c\x40" * (FULL // 7)),
}
"""MIDI files just under the size limit, each all of one thing."""


@pytest.mark.slow
@pytest.mark.parametrize("what", LARGEST)
def test_the_largest_files_are_soon_done_and_stay_small(what: str) -> None:
    data = LARGEST[what]()
    assert len(data) <= MAX_FILE_BYTES
    read(data)
    tracemalloc.start()
    try:
        read_anyhow(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 30
    finally:
        tracemalloc.stop()


def read_anyhow(data: bytes) -> None:
    """Read without a look at the clock, which tracing memory slows down."""
    try:
        song_from_bytes(data, "broken")
    except SongFileError:
        pass
