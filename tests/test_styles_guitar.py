"""Guitar styles and roles: chords that a guitarist would hold, in the rhythm of the take."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from rule_grids import line, repeated
from style_settings import setting_for, take

from arranger.chords import KINDS
from arranger.controls import PartControls
from arranger.fretboard import GUITAR_6, GUITAR_7, GUITAR_8, GUITAR_DROP_D, chord_shapes
from arranger.styles import adherence, styled
from arranger.styles.voicings import full_chord, power_chord, strings_of

QUARTERS = [(60, 0, 12), (64, 12, 24), (60, 24, 36), (67, 36, 48)]


def chords_of(onset: np.ndarray) -> list[tuple[int, list[int]]]:
    return [(int(step), np.flatnonzero(onset[:, step]).tolist()) for step in np.flatnonzero(onset.any(axis=0))]


# What every chord book has, open or as a barre (string 6 to 1).
BOOK = {
    ("E", ""): "022100", ("E", "m"): "022000", ("A", ""): "x02220", ("A", "m"): "x02210", ("D", ""): "xx0232",
    ("D", "m"): "xx0231", ("F", ""): "133211", ("F", "m"): "133111", ("B", "m"): "x24432", ("A", "7"): "x02020",
    ("E", "7"): "020100", ("E", "m7"): "020000", ("A", "m7"): "x02010", ("A", "sus4"): "x02230",
}  # fmt: skip


@pytest.mark.parametrize(("name", "shape"), BOOK.items())
def test_chords_are_those_of_the_book(name: tuple[str, str], shape: str) -> None:
    root = {"A": 9, "B": 11, "D": 2, "E": 4, "F": 5}[name[0]]
    expected = [open_ + int(fret) for open_, fret in zip(GUITAR_6[::-1], shape, strict=True) if fret != "x"]
    assert list(full_chord(root, KINDS[name[1]], GUITAR_6, 40, 70)) == expected


@pytest.mark.parametrize("strings", [GUITAR_6, GUITAR_DROP_D, GUITAR_7, GUITAR_8, tuple(p - 3 for p in GUITAR_6)])
def test_every_chord_can_be_held_on_every_neck(strings: tuple[int, ...]) -> None:
    for root in range(12):
        for above in KINDS.values():
            pitches = full_chord(root, above, strings, strings[-1], strings[0] + 6)
            assert pitches[0] % 12 == root
            assert {(p - root) % 12 for p in pitches} == set(above)
            assert len(pitches) >= 3
            assert chord_shapes(pitches[::-1], strings)
            power = power_chord(root, above, strings, strings[-1], strings[0] + 6)
            fifth = 6 if 7 not in above else 7
            assert [p - power[0] for p in power] == [0, fifth, 12]
            assert power[0] < strings[-1] + 12 or fifth == 6, "a diminished fifth may need another place"
            assert chord_shapes(power[::-1], strings)


def test_strings_are_guessed_from_the_lowest_one() -> None:
    setting = replace(setting_for([(4, 4)], part="guitar"), strings=())
    guessed = {low: strings_of(replace(setting, lowest=low)) for low in (0, 40, 38, 39, 35, 33, 30)}
    assert guessed[0] == guessed[40] == GUITAR_6
    assert guessed[38] == GUITAR_DROP_D
    assert guessed[35] == GUITAR_7
    assert guessed[30] == GUITAR_8
    assert all(strings[-1] == low for low, strings in guessed.items() if low)


def test_power_chords_in_the_rhythm_of_the_take() -> None:
    setting = setting_for([(4, 4)] * 2, "E Am", "guitar")
    out = styled("guitar", take(setting, repeated(QUARTERS, 2)), setting, PartControls(style="power"))
    chords = chords_of(out[0])
    assert chords[:4] == [(step, [40, 47, 52]) for step in (0, 12, 24, 36)]
    assert chords[4] == (48, [45, 52, 57])
    narrow = styled("guitar", take(setting, QUARTERS), setting, PartControls(style="power", range=(40, 50)))
    assert chords_of(narrow[0])[0] == (0, [40, 47]), "two notes where there is no room for three"


def test_strums_leave_the_low_strings_out_on_the_way_up() -> None:
    setting = setting_for([(4, 4)], "Em", "guitar")
    eighths = [(64, at, at + 6) for at in range(0, 48, 6)]
    chords = chords_of(styled("guitar", take(setting, eighths), setting, PartControls(style="strum"))[0])
    assert [step for step, _ in chords] == list(range(0, 48, 6))
    assert chords[0][1] == [40, 47, 52, 55, 59, 64]
    assert chords[1][1] == [52, 55, 59, 64]


def test_nobody_strums_sixteenths_when_it_is_fast() -> None:
    sixteenths = [(64, at, at + 3) for at in range(0, 48, 3)]
    found = {}
    for tempo in (80.0, 160.0):
        setting = setting_for([(4, 4)], "C", "guitar", tempo=tempo)
        chords = chords_of(styled("guitar", take(setting, sixteenths), setting, PartControls(style="strum"))[0])
        found[tempo] = [step for step, _ in chords]
    assert found[80.0] == list(range(0, 48, 3))
    assert found[160.0] == list(range(0, 48, 6))
    setting = setting_for([(4, 4)], "C", "guitar", tempo=160.0)
    held = PartControls(style="strum", follow="kick")
    assert len(chords_of(styled("guitar", take(setting, sixteenths), setting, held)[0])) == 16


def test_an_arpeggio_goes_up_and_down_the_chord_and_rings() -> None:
    setting = setting_for([(4, 4)] * 2, "Am", "guitar")
    played = take(setting, [(57, 0, 24), (57, 24, 48), (60, 48, 72), (60, 72, 96)])
    onset, sustain = styled("guitar", played, setting, PartControls(style="arpeggio"))
    rows = [row for _, row in line(onset)]
    assert rows[:8] == [45, 52, 57, 60, 64, 60, 57, 52]
    assert [step for step, _ in line(onset)] == list(range(0, 96, 6))
    assert sustain[45, :48].all(), "the bass rings through the bar"
    assert sustain[57, 12:36].all(), "until it comes again"


def test_an_arpeggio_goes_by_triplets_where_the_take_does() -> None:
    setting = setting_for([(4, 4)], "C", "guitar")
    played = take(setting, [(60, beat + at, beat + at + 4) for beat in (0, 12, 24, 36) for at in (0, 4, 8)])
    steps = [step for step, _ in line(styled("guitar", played, setting, PartControls(style="arpeggio"))[0])]
    assert steps == list(range(0, 48, 4))


def test_a_chug_repeats_the_root_under_a_chord_at_its_start() -> None:
    setting = setting_for([(4, 4)] * 2, "E G", "guitar")
    played = take(setting, [(64, 0, 48), (67, 48, 51), (67, 51, 54), (67, 54, 96)])
    chords = chords_of(styled("guitar", played, setting, PartControls(style="chug"))[0])
    assert chords[0] == (0, [40, 47, 52])
    assert chords[1:8] == [(step, [40]) for step in range(6, 48, 6)]
    assert chords[8:11] == [(48, [43, 50, 55]), (51, [43]), (54, [43])], "with the sixteenths of the take"


def test_a_riff_is_the_lowest_line_of_the_take_and_borrows_the_bass_where_that_is_bare() -> None:
    bass = [(33, 48, 60), (36, 60, 72), (38, 72, 84), (33, 84, 96)]
    setting = setting_for([(4, 4)] * 3, "Am", "guitar", notes={"bass": bass})
    played = take(
        setting, [(69, 0, 12), (76, 0, 12), (72, 12, 24), (73, 24, 48), (69, 48, 96), (71, 96, 120), (72, 120, 144)]
    )
    rows = line(styled("guitar", played, setting, PartControls(style="riff"))[0])
    assert rows[:3] == [(0, 57), (12, 48), (24, 48)] or rows[:3] == [(0, 57), (12, 48), (24, 52)]
    assert rows[3:7] == [(48, 45), (60, 48), (72, 50), (84, 45)], "an octave above the bass"


def test_a_rhythm_guitar_has_chords_for_high_notes_and_keeps_its_riffs() -> None:
    setting = setting_for([(4, 4)], "C", "guitar")
    played = take(setting, [(43, 0, 12), (72, 12, 24), (48, 24, 36), (52, 24, 36), (79, 36, 48)])
    chords = chords_of(styled("guitar", played, setting, PartControls(role="rhythm"))[0])
    assert chords[0] == (0, [43])
    assert chords[2] == (24, [48, 52])
    assert len(chords[1][1]) >= 4
    assert chords[1][1] == chords[3][1]


def test_a_lead_is_the_takes_own_line_an_octave_up_where_it_has_one() -> None:
    setting = setting_for([(4, 4)], "C", "guitar")
    tune = [(48, 0, 12), (50, 12, 24), (52, 24, 36), (55, 36, 48)]
    rows = [row for _, row in line(styled("guitar", take(setting, tune), setting, PartControls(role="lead"))[0])]
    assert [row - rows[0] for row in rows] == [0, 2, 4, 7]
    assert rows[0] in (60, 72)


def test_a_lead_finds_a_line_over_chords() -> None:
    setting = setting_for([(4, 4)] * 4, "C Am F G7", "guitar")
    strums = [(row, at, at + 12) for row in (48, 52, 55, 60) for at in (0, 12, 24, 36)]
    onset, sustain = styled("guitar", take(setting, repeated(strums, 4)), setting, PartControls(role="lead"))
    rows = [row for _, row in line(onset)]
    assert len(rows) == 16
    assert min(rows) >= 57
    assert all(setting.scale[row % 12] for row in rows)
    assert sum(a == b for a, b in pairwise(rows)) <= 2, "a line, not a note that is struck again"
    assert max(abs(a - b) for a, b in pairwise(rows)) <= 7
    assert sustain.sum(axis=0).max() == 1
    free = adherence("guitar", (onset, sustain), setting, PartControls(role="lead"))
    assert free == {"lead": 1.0}
