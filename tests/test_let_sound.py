"""How long the notes of a take last, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from arranger.framing import let_sound

STEPS = 24


def heard(begins: list[tuple[int, int]], sustain: list[tuple[int, int]], chance: np.ndarray) -> list[list[int]]:
    """Sounding steps of rows 40 and 45; `begins` are (row, step), `sustain` are (row, step) that the take drew."""
    onset, drawn = (np.zeros((128, STEPS), dtype=bool) for _ in range(2))
    for row, step in begins:
        onset[row, step] = drawn[row, step] = True
    for row, step in sustain:
        drawn[row, step] = True
    out = let_sound(onset, drawn, chance)
    assert not np.delete(out, [40, 45], axis=0).any()
    return [np.flatnonzero(out[row]).tolist() for row in (40, 45)]


def chances(total: list[float], share: float = 1.0) -> np.ndarray:
    """Of all that sounds with these chances, `share` on row 40 and the rest on row 52, which is never struck."""
    out = np.zeros((128, STEPS))
    out[40], out[52] = share * np.array(total), (1 - share) * np.array(total)
    return out


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_a_note_is_held_while_the_part_is_likely_to_sound(share: float) -> None:
    """Whether the net is sure of the pitch or not: it is the only one that was struck."""
    chance = chances([0.9] * 10 + [0.5] * 14, share)
    assert heard([(40, 0)], [], chance)[0] == list(range(10))


def test_the_next_onset_of_the_part_ends_what_was_open() -> None:
    assert heard([(40, 0), (45, 7)], [], chances([1.0] * STEPS)) == [list(range(7)), list(range(7, STEPS))]


def test_what_the_take_drew_stays() -> None:
    chance = chances([0.9] * 4 + [0.0] * 20)
    assert heard([(40, 0), (45, 6)], [(40, step) for step in range(9)], chance)[0] == list(range(9))


def test_no_note_is_shorter_than_a_sixteenth_unless_the_next_comes_first() -> None:
    silent = chances([0.9] + [0.0] * 23)
    assert heard([(40, 0)], [], silent)[0] == [0, 1, 2]
    assert heard([(40, 0), (45, 2)], [], silent)[0] == [0, 1]
    assert heard([(40, 22)], [], chances([1.0] * STEPS))[0] == [22, 23]
