"""Keys of plain scales and the shift that brings them to C major or A minor."""

from __future__ import annotations

import numpy as np
import pytest

from arranger.harmony import Key, estimate_key, pitch_class_weights

# Written out here, so that the module's own tables are not their own judge.
C_MAJOR = {0, 2, 4, 5, 7, 9, 11}
A_HARMONIC_MINOR = {9, 11, 0, 2, 4, 5, 8}


def scale(pitch_classes: set[int], up: int, tonic: int) -> np.ndarray:
    """Weights of a scale moved up; tonic and fifth sound longest, as they do in songs."""
    weights = np.zeros(12)
    for pitch_class in pitch_classes:
        weights[(pitch_class + up) % 12] = {tonic: 3.0, (tonic + 7) % 12: 2.0}.get(pitch_class, 1.0)
    return weights


@pytest.mark.parametrize("up", range(12))
def test_scales_have_their_key(up: int) -> None:
    major, minor = estimate_key(scale(C_MAJOR, up, 0)), estimate_key(scale(A_HARMONIC_MINOR, up, 9))
    assert (major.tonic, major.mode) == (up, "major")
    assert (minor.tonic, minor.mode) == ((9 + up) % 12, "minor")
    assert 0.5 < major.fit <= 1
    assert 0.5 < minor.fit <= 1


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("mode", "home"), [("major", 0), ("minor", 9)])
def test_shift_brings_the_tonic_home_by_the_shortest_way(tonic: int, mode: str, home: int) -> None:
    shift = Key(tonic, mode).shift
    assert -6 <= shift <= 5
    assert (tonic + shift) % 12 == home


@pytest.mark.parametrize("tonic", range(12))
def test_relative_keys_move_alike_and_have_the_same_notes(tonic: int) -> None:
    major, minor = Key(tonic, "major"), Key((tonic + 9) % 12, "minor")
    assert major.shift == minor.shift
    assert major.pitch_classes == minor.pitch_classes == {(pitch_class + tonic) % 12 for pitch_class in C_MAJOR}


@pytest.mark.parametrize("weights", [np.zeros(12), np.ones(12), np.full(12, 7.5)])
def test_nothing_and_everything_have_no_key(weights: np.ndarray) -> None:
    key = estimate_key(weights)
    assert (key.fit, key.shift) == (0.0, 0)


def test_names() -> None:
    assert Key(0, "major").name == "C major"
    assert Key(6, "minor").name == "F# minor"


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(12,\)"):
        estimate_key(np.ones(11))


def test_weights_count_steps_over_octaves_and_tracks() -> None:
    sustain = np.zeros((2, 128, 20), dtype=bool)
    sustain[0, 60, :5] = sustain[1, 72, 3:7] = sustain[1, 61, 0] = sustain[0, 127, 9] = True
    expected = np.zeros(12)
    expected[[0, 1, 7]] = 9, 1, 1
    np.testing.assert_array_equal(pitch_class_weights(sustain), expected)
