"""What a player would put right in a take: grips, strokes, grooves, crashes, fills, endings."""

from __future__ import annotations

import numpy as np
import pytest

from arranger.grid import DRUMS, ROWS, Grid
from arranger.parts import ROLES
from arranger.polish import Scene, dressed, lead_ins, no_holes, no_runaways, one_grip, tidied, time_kept
from arranger.polish.chances import GROOVE, one_pitch, steady
from arranger.rules.patterns import ROW
from arranger.song import Bar
from arranger.styles import Setting

ONE_SECTION = np.zeros(3, dtype=int)
GUITAR, OTHER = ROLES.index("guitar"), ROLES.index("other")


def grid_of(bars: int = 4) -> Grid:
    """Bars of 4/4 over a held C major."""
    table = np.arange(bars + 1) * 48
    onset, sustain = np.zeros((2, len(ROLES), ROWS, bars * 48), dtype=bool)
    for pitch in (48, 52, 55):
        onset[OTHER, pitch, table[:-1]] = True
        sustain[OTHER, pitch] = True
    return Grid(onset, sustain, table, tuple(Bar(i, i * 48, 48, 4, 4) for i in range(bars)), 12)


def empty(grid: Grid) -> np.ndarray:
    return np.zeros((ROWS, grid.steps), dtype=bool)


def scene(grid: Grid, *starts: int, asked: int = 0) -> Scene:
    """Bars from `asked` on are asked."""
    bars = len(grid.bars)
    root, tones = np.zeros(grid.steps, dtype=int), np.zeros((12, grid.steps), dtype=bool)
    tones[[0, 4, 7]] = True
    scale = np.isin(np.arange(12), [0, 2, 4, 5, 7, 9, 11])
    setting = Setting(grid, tuple(range(asked, bars)), root, tones, scale, np.full(bars, 120.0), 0, tuple(starts))
    return Scene(grid, setting)


class TestOnePitch:
    def test_a_stroke_split_between_two_pitches_is_a_stroke(self) -> None:
        logits = np.full((1, 1, 3), -4.0)
        logits[..., :2] = np.log(0.45 / 0.55), np.log(0.40 / 0.60)
        out = one_pitch(logits)
        chance = 1 / (1 + np.exp(-out))
        assert chance[0, 0, 0] == pytest.approx(0.45 + 0.40 + 1 / (1 + np.exp(4)), abs=1e-6)
        assert (chance[0, 0, 1:] < 1e-9).all()

    def test_what_cannot_be_stays_so(self) -> None:
        logits = np.full((1, 1, 2), -np.inf)
        logits[..., 1] = 0.0
        out = one_pitch(logits)
        assert np.isneginf(out[0, 0, 0])
        assert out[0, 0, 1] == pytest.approx(0.0, abs=1e-6)


class TestSteady:
    def test_a_bar_goes_by_its_neighbours(self) -> None:
        logits = np.zeros((3, 1, 1), dtype=np.float32)
        logits[1] = 3.0
        out = steady(logits, np.arange(3), np.zeros(3, dtype=int), np.ones(3, dtype=bool), ONE_SECTION)
        assert out[1, 0, 0] == pytest.approx((1 - GROOVE) * 3 + GROOVE * 1)
        assert out[0, 0, 0] == pytest.approx(GROOVE * 1)

    def test_bars_of_another_length_or_not_asked_have_no_say(self) -> None:
        bar, place = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 0])
        logits = np.array([0.0, 5.0, 5.0, 9.0]).reshape(4, 1, 1)
        out = steady(logits, bar, place, np.array([True, True, True, False]), ONE_SECTION)
        assert out[0, 0, 0] == 0.0
        assert out[1, 0, 0] == 5.0

    def test_the_next_section_has_no_say(self) -> None:
        logits = np.array([0.0, 4.0, 9.0]).reshape(3, 1, 1)
        out = steady(logits, np.arange(3), np.zeros(3, dtype=int), np.ones(3, dtype=bool), np.array([0, 0, 1]))
        assert out[:, 0, 0] == pytest.approx([GROOVE * 2, (1 - GROOVE) * 4 + GROOVE * 2, 9])

    def test_padding_stays_impossible(self) -> None:
        logits = np.array([-np.inf, 1.0]).reshape(2, 1, 1)
        out = steady(logits, np.arange(2), np.zeros(2, dtype=int), np.ones(2, dtype=bool), ONE_SECTION)
        assert np.isneginf(out[0, 0, 0])


class TestTimekeeper:
    def test_where_most_is_expected_on_open_hat_and_ride_the_likelier_keeps_the_time(self) -> None:
        grid = grid_of(2)
        onset, chance = empty(grid), np.zeros((ROWS, grid.steps))
        onset[ROW["closed hat"], ::6] = True
        onset[ROW["crash"], 0] = True
        chance[ROW["closed hat"], ::6], chance[ROW["open hat"], ::6], chance[ROW["ride"], ::6] = 0.5, 0.2, 0.3
        out = time_kept(onset, chance, grid, np.array([True, False]))
        assert np.flatnonzero(out[ROW["ride"]]).tolist() == list(range(6, 48, 6))  # the crash is the first stroke
        assert np.flatnonzero(out[ROW["closed hat"]]).tolist() == list(range(48, 96, 6))
        assert not out[ROW["open hat"]].any()

    def test_else_it_stays_on_the_closed_hat_however_it_is_split(self) -> None:
        grid = grid_of(1)
        onset, chance = empty(grid), np.zeros((ROWS, grid.steps))
        onset[ROW["closed hat"], ::6] = True
        chance[ROW["closed hat"], ::6], chance[ROW["open hat"], ::6], chance[ROW["ride"], ::6] = 0.5, 0.2, 0.2
        assert (time_kept(onset, chance, grid, np.array([True])) == onset).all()

    def test_a_bar_that_keeps_no_time_is_left_alone(self) -> None:
        grid = grid_of(1)
        onset, chance = empty(grid), np.zeros((ROWS, grid.steps))
        onset[ROW["closed hat"], [0, 24]] = True
        chance[ROW["ride"]] = 0.9
        assert (time_kept(onset, chance, grid, np.array([True])) == onset).all()


class TestGrip:
    def test_strokes_that_sound_alike_have_one_grip(self) -> None:
        grid = grid_of(1)
        onset, sure = empty(grid), np.zeros((ROWS, grid.steps))
        for step, rows in ((0, [48, 55]), (12, [48]), (24, [48, 55, 60]), (36, [48, 55])):
            onset[rows, step] = True
            sure[[48, 55, 60], step] = 0.9, 0.6, 0.4
        out = one_grip(onset, sure, grid)
        grips = [tuple(np.flatnonzero(out[:, step])) for step in (0, 12, 24, 36)]
        assert grips == [(48, 55)] * 4
        assert (out.any(axis=0) == onset.any(axis=0)).all()

    def test_a_low_note_and_a_chord_keep_their_own(self) -> None:
        grid = grid_of(1)
        onset, sure = empty(grid), np.zeros((ROWS, grid.steps))
        for step in (0, 24):
            onset[40, step], sure[40, step] = True, 0.9
            onset[[60, 64], step + 12], sure[[60, 64], step + 12] = True, 0.8
        out = one_grip(onset, sure, grid)
        assert [tuple(np.flatnonzero(out[:, step])) for step in (0, 12)] == [(40,), (60, 64)]


class TestTidied:
    def test_the_surer_of_snare_and_stick_stays(self) -> None:
        grid = grid_of(1)
        onset, sure = empty(grid), np.zeros((ROWS, grid.steps))
        onset[[ROW["snare"], ROW["side stick"]], 12] = True
        sure[ROW["snare"], 12], sure[ROW["side stick"], 12] = 0.4, 0.6
        out = tidied(onset, sure, grid)
        assert not out[ROW["snare"], 12]
        assert out[ROW["side stick"], 12]

    def test_a_lone_open_hat_is_closed_but_for_one_that_leads_on(self) -> None:
        grid = grid_of(2)
        onset = empty(grid)
        onset[ROW["closed hat"], ::6] = True
        for step in (6, 90):
            onset[ROW["closed hat"], step], onset[ROW["open hat"], step] = False, True
        out = tidied(onset, np.zeros(onset.shape), grid)
        assert out[ROW["closed hat"], 6]
        assert not out[ROW["open hat"], 6]
        assert out[ROW["open hat"], 90]

    def test_stray_percussion_goes_a_pattern_stays(self) -> None:
        grid = grid_of(2)
        onset = empty(grid)
        onset[ROW["other percussion"], [0, 12]] = True
        onset[ROW["other percussion"], 48:96:6] = True
        out = tidied(onset, np.zeros(onset.shape), grid)
        assert not out[ROW["other percussion"], :48].any()
        assert out[ROW["other percussion"], 48:].sum() == 8


class TestDressed:
    def beat(self, grid: Grid) -> np.ndarray:
        onset = empty(grid)
        onset[ROW["closed hat"], ::6] = True
        onset[ROW["kick"], ::24] = True
        onset[ROW["snare"], 12::24] = True
        return onset

    def test_crashes_stand_where_sections_begin_and_nowhere_else(self) -> None:
        grid = grid_of(8)
        onset = self.beat(grid)
        onset[ROW["crash"], [48, 100]] = True
        out = dressed(onset, np.zeros(onset.shape), scene(grid, 0, 4), np.ones(8, dtype=bool))
        assert np.flatnonzero(out[ROW["crash"]]).tolist() == [0, 4 * 48]
        assert not out[ROW["closed hat"], [0, 4 * 48]].any()

    def test_bars_that_are_not_asked_stay(self) -> None:
        grid = grid_of(8)
        onset = self.beat(grid)
        onset[ROW["crash"], 48] = True
        asked = np.arange(8) >= 6
        assert (
            dressed(onset, np.zeros(onset.shape), scene(grid, 0, 4, asked=6), asked)[:, : 6 * 48] == onset[:, : 6 * 48]
        ).all()

    def test_drums_that_go_on_do_not_arrive(self) -> None:
        grid = grid_of(8)
        before = self.beat(grid)
        before[:, 4 * 48 :] = False
        grid.onset.flags.writeable = True
        grid.onset[DRUMS] = before
        onset = self.beat(grid) & ~before
        onset[:, : 4 * 48] = False
        out = dressed(onset, np.zeros(onset.shape), scene(grid, 0, asked=4), np.arange(8) >= 4)
        assert not out[ROW["crash"]].any()

    def test_a_fill_leads_into_a_section_where_one_is_expected(self) -> None:
        grid = grid_of(16)
        onset, sure = self.beat(grid), np.zeros((ROWS, grid.steps))
        toms = [ROW[name] for name in ("low tom", "mid tom", "high tom")]
        asked = np.ones(16, dtype=bool)
        assert not dressed(onset, sure + 0.1, scene(grid, 0, 8), asked)[toms].any()
        sure[toms, 8 * 48 - 12 : 8 * 48] = 0.3
        filled = dressed(onset, sure + 0.01, scene(grid, 0, 8), asked)
        changed = np.flatnonzero((filled != onset).any(axis=0))
        assert changed.min() == 0
        assert ((changed == 0) | ((changed >= 7 * 48) & (changed <= 8 * 48))).all()
        assert len(changed) > 2

    def test_the_last_stroke_is_the_bands(self) -> None:
        grid = grid_of(4)
        onset = self.beat(grid)
        onset[:, 3 * 48 :] = False
        out = dressed(onset, np.zeros(onset.shape), scene(grid, 0), np.ones(4, dtype=bool))
        assert np.flatnonzero(out[:, 3 * 48 :].any(axis=0)).tolist() == [0]


class TestLine:
    def test_a_hole_is_filled_where_notes_were_expected(self) -> None:
        grid = grid_of(2)
        onset, sure = empty(grid), np.zeros((ROWS, grid.steps))
        onset[36, :48:12] = True
        sure[36, 48::24], sure[43, 48::24] = 0.45, 0.44
        out = no_holes(onset, sure, grid, "bass", np.ones(2, dtype=bool))
        assert np.flatnonzero(out[:, 48:].any(axis=0)).tolist() == [0, 24]
        assert np.flatnonzero(out[:, 48]).tolist() == [36]
        assert (no_holes(onset, sure, grid, "bass", np.zeros(2, dtype=bool)) == onset).all()

    def test_a_bar_in_which_little_is_expected_stays_empty(self) -> None:
        grid = grid_of(2)
        sure = np.zeros((ROWS, grid.steps))
        sure[36, [0, 24]] = 0.4
        assert not no_holes(empty(grid), sure, grid, "bass", np.ones(2, dtype=bool)).any()

    def test_a_repeated_note_leads_into_another_root(self) -> None:
        grid = grid_of(2)
        onset, sure = empty(grid), np.full((ROWS, grid.steps), 0.01)
        onset[36, [0, 24, 36]] = True
        onset[41, 48] = True
        sure[36, 36], sure[40, 36] = 0.5, 0.2
        out = lead_ins(onset, sure, grid, np.ones(2, dtype=bool))
        assert np.flatnonzero(out[:, 36]).tolist() == [40], "E before F"
        assert (lead_ins(onset, sure, grid, np.zeros(2, dtype=bool)) == onset).all()

    def test_a_note_ends_with_the_next_bar(self) -> None:
        grid = grid_of(4)
        onset, sustain = empty(grid), empty(grid)
        onset[36, 10], sustain[36, 10:] = True, True
        out = no_runaways(onset, sustain, grid)
        assert np.flatnonzero(out[36]).tolist() == list(range(10, 96))
