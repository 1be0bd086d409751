"""The promise on real songs: what was not asked for comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from midi_promise import check_adding, check_replacing

from arranger.errors import SongFileError
from arranger.formats.midi_read import read_midi
from arranger.song import Song

SAMPLED = slice(3, None, 8)
"""40 of the 318 songs of `val`; `benchmarks/midi_promise.py` takes them all."""


@pytest.mark.parametrize("check", [check_adding, check_replacing])
@pytest.mark.parametrize(("pack", "every", "at_least"), [("val", SAMPLED, 35), ("odd-midi", slice(None), 40)])
def test_the_promise(
    data_pack: Callable[[str], Path], check: Callable[[Song], bool], pack: str, every: slice, at_least: int
) -> None:
    seen = 0
    for path in sorted(data_pack(pack).rglob("*.mid"))[every]:
        try:
            song = read_midi(path.read_bytes(), path.name)
        except SongFileError:
            continue
        seen += check(song)
    assert seen >= at_least
