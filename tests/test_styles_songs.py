"""Styles on real songs: what people played there, shaped, is in the style and can be played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from style_settings import C_MAJOR
from test_styles_any_take import BASS, DRUMS, GUITAR

from arranger.chords import KINDS
from arranger.files import load_song
from arranger.grid import song_to_grid, steps_to_notes
from arranger.parts import ROLES, detect_parts, tracks_of
from arranger.playable_check import errors
from arranger.profiles import song_profiles
from arranger.rules import bar_tempos
from arranger.song import Note, Song, Track
from arranger.styles import Planes, Setting, adherence, setting_of, styled
from arranger.styles.setting import heard_chords


def hidden(song: Song, part: str) -> tuple[Setting, Planes] | None:
    """The setting of a song without a part, and what people play there."""
    roles = detect_parts(song)
    tracks = tracks_of(roles, song, part)
    if not tracks:
        return None
    without = [track if at not in tracks else replace(track, notes=()) for at, track in enumerate(song.tracks)]
    context = replace(song.with_tracks(without), length=song.end)
    full, grid = song_to_grid(song, roles), song_to_grid(context, roles)
    setting = setting_of(context, grid, roles, range(len(song.bars)), bar_tempos(song), part=part)
    at = ROLES.index(part)
    return setting, (full.onset[at], full.onset[at] if part == "drums" else full.sustain[at])


@pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
def test_what_people_play_is_brought_into_every_style(part: str, data_pack: Callable[[str], Path]) -> None:
    paths = sorted(data_pack("val").rglob("*.mid"))
    asked = {"drums": DRUMS, "bass": BASS, "guitar": GUITAR}[part]
    path = paths[{"drums": 41, "bass": 200, "guitar": 41}[part]]
    song = load_song(path)
    found = hidden(song, part)
    assert found is not None
    setting, planes = found
    for controls in asked:
        out = styled(part, planes, setting, controls)
        low = {k: v for k, v in adherence(part, out, setting, controls).items() if v < 0.93}
        assert not low, (path.name, controls, low)
        notes = steps_to_notes(*out, setting.grid, part == "drums")
        assert errors(notes, part, song.ticks_per_quarter, setting.strings or None, tempos=song.tempos) == ()


def chord_song() -> Song:
    """Two bars of C, two of A minor 7, one of silence, then G."""
    notes: list[Note] = []
    for bar, pitches in enumerate(((48, 52, 55), (48, 52, 55), (45, 52, 55, 60), (45, 52, 55, 60), (), (43, 50, 59))):
        notes += [Note(1920 * bar, 1920, pitch) for pitch in pitches]
    return Song(480, (Track("Piano", 0, False, tuple(notes)),))


def test_a_setting_has_the_chords_that_are_heard_and_keeps_them_through_silence() -> None:
    song = chord_song()
    roles = detect_parts(song)
    grid = song_to_grid(song, roles)
    setting = setting_of(song, grid, roles, range(2, 6), [120.0] * 6, part="bass")
    assert [int(setting.root[48 * bar]) for bar in range(6)] == [0, 0, 9, 9, 9, 7]
    assert set(np.flatnonzero(setting.tones[:, 100]).tolist()) == {(9 + above) % 12 for above in KINDS["m7"]}
    assert np.flatnonzero(setting.scale).tolist() == list(C_MAJOR)
    assert setting.bars == (2, 3, 4, 5)
    assert (setting.lowest, setting.strings) == (28, (43, 38, 33, 28))
    assert setting.section_starts[0] == 0
    root, _ = heard_chords(grid, song_profiles(song, roles, grid))
    assert np.array_equal(root, setting.root)


def test_a_chart_and_a_key_overrule_what_is_heard() -> None:
    song = chord_song()
    roles = detect_parts(song)
    grid = song_to_grid(song, roles)
    told = setting_of(song, grid, roles, range(6), [120.0] * 6, ("Dm", "- ", "F C"), (2, True), part="guitar")
    assert told.root[[0, 48, 96, 120]].tolist() == [2, -1, 5, 0]
    assert np.flatnonzero(told.scale).tolist() == [0, 2, 4, 5, 7, 9, 10]
    arrays = setting_of(song, grid, roles, range(6), [120.0] * 6, (told.root, told.tones), part="drums")
    assert np.array_equal(arrays.root, told.root)
    assert arrays.strings == ()


def test_a_low_band_has_low_strings_and_a_tuned_guitar_its_own() -> None:
    low = Track("Guitar", 30, False, tuple(Note(480 * at, 480, 36 + at % 3) for at in range(16)))
    song = Song(480, (low, Track("Drums", 0, True, (Note(0, 60, 36),))))
    roles = detect_parts(song)
    setting = setting_of(song, song_to_grid(song, roles), roles, range(4), [120.0] * 4, part="guitar")
    assert setting.lowest == 35, "seven strings for notes below low E"
    tuned = song.with_tracks([replace(low, tuning=(62, 57, 53, 48, 43, 36)), song.tracks[1]])
    setting = setting_of(tuned, song_to_grid(tuned, roles), roles, range(4), [120.0] * 4, part="guitar")
    assert setting.strings == (62, 57, 53, 48, 43, 36)
