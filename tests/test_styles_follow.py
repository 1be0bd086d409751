"""Rhythm lock, and requests that contradict themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_grids import line
from style_settings import Case, setting_for, settings_and_takes, take

from arranger.controls import PartControls
from arranger.styles import conflicts, follow_onsets

NO_CHANCE = np.zeros((128, 1))


def steps_at(total: int, *steps: int) -> np.ndarray:
    return np.isin(np.arange(total), steps)


def test_strokes_move_to_what_is_followed_with_the_notes_that_are_nearest() -> None:
    setting = setting_for([(4, 4)] * 3, part="bass")
    played = take(setting, [(36, 0, 12), (43, 20, 30), (40, 48, 60), (41, 100, 144)])
    followed = steps_at(144, 0, 18, 30, 100, 110)
    onset, sustain = follow_onsets(played, followed, np.zeros((128, 144)), setting.grid)
    assert line(onset) == [(0, 36), (18, 43), (30, 43), (48, 40), (100, 41), (110, 41)]
    assert np.flatnonzero(sustain[36]).tolist() == list(range(12))
    assert np.flatnonzero(sustain[43]).tolist() == [*range(18, 28), *range(30, 40)], "as long as they were"
    assert np.flatnonzero(sustain[40]).tolist() == list(range(48, 60)), "a bar in which nothing is followed stays"
    assert np.flatnonzero(sustain[41]).tolist() == list(range(100, 144)), "to the next stroke"


def test_where_the_take_has_nothing_near_the_model_is_asked() -> None:
    setting = setting_for([(4, 4)] * 4, part="bass")
    played = take(setting, [(36, 0, 12)])
    chance = np.zeros((128, 192))
    chance[38, 150], chance[45, 150] = 0.2, 0.1
    onset, _ = follow_onsets(played, steps_at(192, 0, 150, 160), chance, setting.grid)
    assert line(onset) == [(0, 36), (150, 38), (160, 36)], "and where that is silent too, the nearest note of the take"


def test_chords_move_as_they_are() -> None:
    setting = setting_for([(4, 4)], part="guitar")
    played = take(setting, [(48, 0, 12), (55, 0, 24), (60, 30, 36)])
    onset, _ = follow_onsets(played, steps_at(48, 6, 24), np.zeros((128, 48)), setting.grid)
    assert line(onset) == [(6, 48), (6, 55), (24, 60)]


@settings(max_examples=60, deadline=None)
@given(settings_and_takes("bass"), st.data())
def test_the_rhythm_is_exactly_what_is_followed(case: Case, data: st.DataObject) -> None:
    grid, (onset, sustain) = case.setting.grid, case.planes
    steps = steps_at(grid.steps, *data.draw(st.lists(st.integers(0, grid.steps - 1), max_size=20)))
    chance = np.zeros((128, grid.steps))
    chance[40] = 0.5
    out, sounding = follow_onsets(case.planes, steps, chance, grid)
    follows = np.logical_or.reduceat(steps, grid.bar_steps[:-1])[grid.bar_of_step]
    assert np.array_equal(out.any(axis=0)[follows], steps[follows])
    assert np.array_equal(out[:, ~follows], onset[:, ~follows])
    assert not (out & ~sounding).any()
    assert not (sounding & ~sustain)[:, ~follows].any()


@pytest.mark.parametrize(
    ("part", "asked", "word"),
    [
        ("bass", PartControls(style="walking", follow="kick"), "roots"),
        ("bass", PartControls(style="riff", follow="kick"), "roots"),
        ("bass", PartControls(style="walking", density="sparse"), "density"),
        ("bass", PartControls(style="walking", density=9.0), "density"),
        ("bass", PartControls(style="walking", complexity="syncopated"), "complexity"),
        ("bass", PartControls(style="octaves", range=(28, 40)), "28-51"),
        ("guitar", PartControls(style="chug", role="lead"), "rhythm"),
        ("guitar", PartControls(style="power", role="lead"), "rhythm"),
        ("guitar", PartControls(style="power", range=(40, 45)), "40-58"),
        ("guitar", PartControls(style="arpeggio", density="light"), "strum"),
        ("guitar", PartControls(style="chug", follow="1"), "power"),
        ("guitar", PartControls(role="lead", range=(60, 65)), "60-71"),
        ("drums", PartControls(feel="shuffle", follow="1"), "one of them"),
        ("drums", PartControls(fills="4", follow="1"), "fills none"),
    ],
)
def test_contradictions_are_told_with_what_would_be_possible(part: str, asked: PartControls, word: str) -> None:
    found = conflicts(part, asked)
    assert len(found) == 1
    assert word in found[0]
    assert found[0].endswith(".")


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        ("bass", PartControls()),
        ("bass", PartControls(style="roots", follow="kick", range=(28, 45))),
        ("bass", PartControls(style="walking", density=4.0)),
        ("guitar", PartControls(style="arpeggio", role="lead")),
        ("guitar", PartControls(style="power", density="sparse", range=(40, 64))),
        ("drums", PartControls(feel="shuffle", fills="8", cymbals=False, side_stick=True)),
        ("drums", PartControls(follow="1", fills="none")),
    ],
)
def test_what_goes_together_is_let_through(part: str, asked: PartControls) -> None:
    assert conflicts(part, asked, 0.67, setting_for([(4, 4)] * 2)) == []


def test_swing_has_to_go_with_the_feel() -> None:
    assert conflicts("drums", PartControls(feel="shuffle"), 0.67) == []
    assert "0.67" in conflicts("drums", PartControls(feel="shuffle"), 0.5)[0]
    assert "shuffle" in conflicts("drums", PartControls(feel="straight"), 0.67)[0]


def test_the_song_has_to_have_room_and_chords() -> None:
    short = setting_for([(1, 4)] * 4)
    assert "fills none" in conflicts("drums", PartControls(fills="4"), None, short)[0]
    assert conflicts("drums", PartControls(fills="none"), None, short) == []
    bare = setting_for([(4, 4)], "-", "bass")
    assert "--chords" in conflicts("bass", PartControls(style="roots"), None, bare)[0]
    assert conflicts("bass", PartControls(style="roots"), None, replace(bare, root=np.zeros(48, dtype=int))) == []
