"""Keys: plain scales, our own songs, planted changes, and what MIDI files say of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from arranger.errors import SongFileError
from arranger.files import load_song
from arranger.keys import KeyRun, song_key, song_keys
from arranger.parts import detect_parts
from arranger.profiles import Profiles, song_profiles
from arranger.song import Note, Song, Track

EXAMPLES = Path(__file__).parents[1] / "examples"
C_MAJOR = {0: 3.0, 2: 1.0, 4: 1.5, 5: 1.0, 7: 2.0, 9: 1.0, 11: 1.0}


def profiles_of(name: str | Path) -> Profiles:
    song = load_song(EXAMPLES / name)
    return song_profiles(song, detect_parts(song))


def plain(shifts: list[int]) -> Profiles:
    """A bar of C major for each shift, moved up by it."""
    weight = np.zeros((len(shifts), 12))
    for bar, shift in enumerate(shifts):
        for pitch_class, value in C_MAJOR.items():
            weight[bar, (pitch_class + shift) % 12] = value
    return Profiles(weight, np.zeros_like(weight), np.arange(len(shifts)))


@pytest.mark.parametrize(
    ("shift", "name", "sharps"),
    [(0, "C major", 0), (1, "Db major", -5), (6, "F# major", 6), (7, "G major", 1), (10, "Bb major", -2)],
)
def test_scales_have_their_key(shift: int, name: str, sharps: int) -> None:
    run = song_key(plain([shift] * 8))
    assert (run.name, run.sharps) == (name, sharps)
    assert 0.5 < run.confidence <= 1


def test_silence_has_no_key() -> None:
    nothing = Profiles(np.zeros((4, 12)), np.zeros((4, 12)), np.arange(4))
    assert song_key(nothing).confidence == 0
    assert len(song_keys(nothing)) == 1


def test_a_last_chorus_a_tone_higher_is_a_change_and_a_bar_is_none() -> None:
    assert [(run.bar, run.name) for run in song_keys(plain([0] * 24 + [2] * 16))] == [(0, "C major"), (24, "D major")]
    assert len(song_keys(plain([0] * 24 + [2] * 2 + [0] * 14))) == 1


@pytest.mark.parametrize(("name", "signature"), [("night-bus.mid", 1), ("paper-boats.gp5", 2), ("three-four.mid", -1)])
def test_our_own_songs_are_in_the_key_that_they_were_composed_in(name: str, signature: int) -> None:
    profiles = profiles_of(name)
    assert song_key(profiles).sharps == signature
    assert len(song_keys(profiles)) == 1


def verdict(run: KeyRun, sharps: int, minor: bool) -> str:
    if (run.sharps - sharps) % 12:
        return "fifth" if (run.sharps - sharps) % 12 in (1, 11) else "other"
    return "exact" if (run.key.mode == "minor") == minor else "relative"


def test_midi_files_agree_with_the_signatures_that_they_state(data_pack: Callable[[str], Path]) -> None:
    found: Counter[str] = Counter()
    for path in sorted(data_pack("val").rglob("*.mid")):
        if b"\xff\x59\x02" not in path.read_bytes() or path.stat().st_size > 40_000 or found.total() == 10:
            continue
        try:
            song = load_song(path)
        except SongFileError:
            continue
        if len(song.keys) == 1 and song.keys[0].sharps:  # C is what programs write when nobody chose
            run = song_key(song_profiles(song, detect_parts(song)))
            found[verdict(run, song.keys[0].sharps, song.keys[0].minor)] += 1
    assert found.total() == 10
    assert found["exact"] + found["relative"] >= 7, found


def test_notes_weigh_by_how_long_they_sound_and_low_ones_are_bass() -> None:
    bass = Track("B", 33, False, (Note(0, 1920, 36), Note(1920, 1920, 43)))
    song = Song(960, (bass, Track("P", 0, False, (Note(0, 3840, 64),))), length=3840)
    profiles = song_profiles(song, detect_parts(song))
    assert profiles.bar.tolist() == [0, 0]
    assert [dict(zip(np.flatnonzero(row).tolist(), row[row > 0].tolist(), strict=True)) for row in profiles.weight] == [
        {0: 2.0, 4: 2.0}, {4: 2.0, 7: 2.0},
    ]  # fmt: skip
    assert [int(row.argmax()) for row in profiles.bass] == [0, 7]
