"""Roots: the path against every path there is, weights against harmony that is beyond doubt."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_grids import Notes, grid_of

from arranger.parts import ROLES
from arranger.rules.metre import span_steps
from arranger.rules.roots import best_path, chroma, find_roots, rotated, song_beats
from arranger.song import Bar


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 3))
def test_no_path_is_better_than_the_best(seed: int, beats: int, choices: int) -> None:
    rng = np.random.default_rng(seed)
    scores, stay = rng.normal(size=(beats, choices)), rng.random(beats)

    def worth(path: tuple[int, ...]) -> float:
        kept = sum(stay[beat] for beat in range(1, beats) if path[beat] == path[beat - 1])
        return float(sum(scores[beat, choice] for beat, choice in enumerate(path)) + kept)

    best = max(worth(path) for path in product(range(choices), repeat=beats))
    assert worth(tuple(best_path(scores, stay).tolist())) == pytest.approx(best)


def test_chroma_is_the_share_of_the_beat() -> None:
    # In the first quarter C and E sound for 12 and 6 steps, an octave's C above; E lies lowest for its 6 steps.
    grid = grid_of([(2, 4)], {"guitar": [(48, 6, 12), (60, 0, 12), (40, 0, 6)]})
    found = chroma(grid, ROLES.index("bass"), np.array([0, 12, 24]))
    sounds, lowest = found[0, 2], found[0, 3]
    assert sounds[[0, 4]].tolist() == [1.0, 0.5]
    assert lowest[[0, 4]].tolist() == [0.5, 0.5]
    assert sounds.sum() + lowest.sum() == 2.5
    assert not found[1].any()
    assert not chroma(grid, ROLES.index("guitar"), np.array([0, 12, 24])).any(), "the hidden part is not heard"


def test_a_candidate_sees_the_chroma_from_itself_upwards() -> None:
    found = np.zeros((1, 6, 12))
    found[0, 2, 7] = 1.0  # G in the guitar
    seen = rotated(found).reshape(12, 6, 12)
    assert [int(seen[candidate, 2].argmax()) for candidate in (7, 0, 9)] == [0, 7, 10]


TRIADS = {"C": (60, 64, 67), "a minor, inverted": (60, 64, 69), "G": (55, 59, 62), "F, inverted": (60, 65, 69)}
ROOTS = {"C": 0, "a minor, inverted": 9, "G": 7, "F, inverted": 5}


@pytest.mark.parametrize("part", ["bass", "guitar"])
@pytest.mark.parametrize("name", ["C", "G"])
@pytest.mark.parametrize("shift", range(12))
def test_a_triad_in_root_position_has_its_root_in_every_key(part: str, name: str, shift: int) -> None:
    grid = grid_of([(4, 4)], {"other": [(pitch + shift, 0, 48) for pitch in TRIADS[name]]})
    assert set(find_roots(grid, part).tolist()) == {(ROOTS[name] + shift) % 12}


def test_a_chord_over_its_fifth_keeps_its_root() -> None:
    # E5 as it stands, and E major with B in the bass: the lowest note alone would say B.
    for chord in ((40, 47, 52), (47, 52, 56, 59, 64)):
        grid = grid_of([(4, 4)], {"guitar": [(pitch, 0, 48) for pitch in chord]})
        assert set(find_roots(grid, "bass").tolist()) == {4}


def test_chords_that_change_at_the_half_bar_are_followed() -> None:
    other = [(pitch, 0, 24) for pitch in TRIADS["C"]] + [(pitch, 24, 48) for pitch in TRIADS["G"]]
    roots = find_roots(grid_of([(4, 4)], {"other": other}), "bass")
    assert roots.tolist() == [0] * 24 + [7] * 24


def test_silence_keeps_the_root_and_nothing_at_all_gives_e() -> None:
    notes: Notes = {"other": [(pitch, 48, 96) for pitch in TRIADS["G"]]}
    assert set(find_roots(grid_of([(4, 4)] * 3, notes), "bass").tolist()) == {7}
    assert set(find_roots(grid_of([(4, 4)], {"drums": [(0, 0, 1)]}), "bass").tolist()) == {4}


@pytest.mark.parametrize(
    ("metre", "spans"),
    [((4, 4), [0, 24, 48]), ((3, 4), [0, 36]), ((5, 4), [0, 36, 60]), ((7, 4), [0, 24, 48, 84]), ((6, 8), [0, 18, 36])],
)
def test_how_often_chords_change(metre: tuple[int, int], spans: list[int]) -> None:
    length = spans[-1]
    assert span_steps(Bar(0, 0, length, *metre), length) == spans
    edges, halves = song_beats(grid_of([metre], {}))
    assert edges[:-1][halves].tolist() == spans[:-1]
