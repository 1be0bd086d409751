"""The desk: what makes which stem, and that a sum is a sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arranger.errors import FillRequestError
from arranger.parts import detect_parts
from arranger.song import Note, Song, Track
from audio_ext.mix import Desk, Stem, Strip, plan_stems, quantised


def song() -> Song:
    notes = (Note(0, 480, 50),)
    return Song(
        480,
        (
            Track("Kit", 0, True, notes),
            Track("Low", 33, False, notes),
            Track("Left", 29, False, notes),
            Track("Right: a/b\\c", 29, False, notes),
            Track("Piano", 0, False, notes),
            Track("Nothing", 27, False, ()),
        ),
    )


def planned(desk: Desk, by: str = "part") -> tuple[Stem, ...]:
    return plan_stems(song(), detect_parts(song()), desk, by)


def tracks(desk: Desk, by: str = "part") -> dict[str, tuple[int, ...]]:
    return {stem.name: stem.tracks for stem in planned(desk, by)}


def test_stems_by_part_and_by_track() -> None:
    assert tracks(Desk()) == {"drums": (0,), "bass": (1,), "guitar": (2, 3), "other": (4,)}
    assert tracks(Desk(), "track") == {
        "01 Kit": (0,),
        "02 Low": (1,),
        "03 Left": (2,),
        "04 Right a b c": (3,),
        "05 Piano": (4,),
    }


def test_mute_and_only() -> None:
    assert set(tracks(Desk(mutes=("drums", "4")))) == {"bass", "guitar", "other"}
    assert tracks(Desk(mutes=("4",)))["guitar"] == (2,)
    assert tracks(Desk(only=("guitar",), mutes=("Left",))) == {"guitar": (3,)}
    assert tracks(Desk(only=("piano", "bass"))) == {"bass": (1,), "other": (4,)}


def test_a_track_has_its_own_gain_beside_that_of_its_part() -> None:
    guitar = next(stem for stem in planned(Desk({"guitar": -3, "Left": 1}, {"3": -0.5})) if stem.name == "guitar")
    assert {tracks: strip for strip, tracks in guitar.groups} == {(2,): Strip(-2, -0.5), (3,): Strip(-3, 0)}


@pytest.mark.parametrize(
    ("desk", "said"),
    [
        (Desk({"violin": 1}), "no “violin”; it has the parts drums, bass, guitar, other and the tracks 1 “Kit”"),
        (Desk({"bass": 41}), "-40 to 40"),
        (Desk({"bass": float("nan")}), "out of range"),
        (Desk(pans={"bass": 1.5}), "-1 is left, 1 is right"),
        (Desk(only=("Nothing",)), "Nothing is left to hear"),
        (Desk(mutes=("drums", "bass", "guitar", "other")), "Nothing is left to hear"),
    ],
)
def test_impossible_wishes_are_told(desk: Desk, said: str) -> None:
    with pytest.raises(FillRequestError, match=said.replace("(", r"\(")):
        planned(desk)


def test_a_strip_does_what_it_says() -> None:
    frames = np.ones((2, 4), np.float32)
    assert Strip().applied(frames) is frames
    assert Strip(-6.0206, 0).applied(frames) == pytest.approx(0.5 * frames, rel=1e-5)
    assert Strip(0, 1).applied(frames).tolist() == [[0.0] * 4, [1.0] * 4]
    assert Strip(0, -0.25).applied(frames).tolist() == [[1.0] * 4, [0.75] * 4]


@given(st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=20), st.sampled_from([16, 24]))
def test_quantised_frames_are_the_nearest_steps_in_range(values: list[float], bits: int) -> None:
    frames = np.array([values, values], np.float32)
    top = 1 << (bits - 1)
    steps = quantised(frames, 1.0, bits).astype(np.float64)
    assert np.abs(steps - np.clip(frames.astype(np.float64) * top, -top, top - 1)).max() <= 0.5
