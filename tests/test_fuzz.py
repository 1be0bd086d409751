"""Broken files of every format: a Song or a SongFileError, soon, and nothing else. `benchmarks/fuzz.py` runs more."""

from __future__ import annotations

import random
import time
from functools import cache

import pytest
from fuzz_seeds import KINDS, own_seeds
from large_midi import LARGEST
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
        song = None
        message = str(err)
        if not message.startswith("broken"):
            pytest.fail(f"the message does not begin with the file's name: {message}")
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


@pytest.mark.parametrize(
    "what", ["most notes", "most of all", "tempos", "chunks that are none", "data without a status"]
)
def test_the_largest_files_are_soon_done(what: str) -> None:
    data = LARGEST[what]()
    assert len(data) <= MAX_FILE_BYTES
    read(data)
