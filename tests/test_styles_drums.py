"""Feels, fills, cymbals and side sticks on grooves that can be read off the page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rule_grids import ROW, repeated, rock_drums, steps
from style_settings import METRES, setting_for, take

from arranger.controls import PartControls
from arranger.styles import Planes, Setting, moved_to_swing, styled
from arranger.styles.drum_fills import FILLS, TRIPLET_FILLS, fill_begins, fill_places
from arranger.styles.feel import backbeat_steps

TOMS = [ROW[name] for name in ("low tom", "mid tom", "high tom")]


def rock(bars: int = 4, tempo: float = 120.0, sections: tuple[int, ...] = (0,)) -> tuple[Setting, Planes]:
    setting = setting_for([(4, 4)] * bars, tempo=tempo, sections=sections)
    return setting, take(setting, rock_drums(bars))


def onset_of(case: tuple[Setting, Planes], **asked: object) -> np.ndarray:
    setting, planes = case
    return styled("drums", planes, setting, PartControls(**asked))[0]  # type: ignore[arg-type]


def test_half_time_has_the_snare_on_three_and_the_kick_on_one() -> None:
    bar = onset_of(rock(), feel="half-time")[:, 48:96]
    assert steps(bar, ROW["snare"]) == [24]
    assert steps(bar, ROW["kick"]) == [0], "the kick on three makes room"
    assert steps(bar, ROW["closed hat"]) == [0, 6, 12, 18, 24, 30, 36, 42], "the hat is left alone"


def test_double_time_has_the_snare_between_the_beats() -> None:
    bar = onset_of(rock(), feel="double-time")[:, 48:96]
    assert steps(bar, ROW["snare"]) == [6, 18, 30, 42]
    assert steps(bar, ROW["kick"]) == [0, 12, 24, 36]


@pytest.mark.parametrize(
    ("metre", "first", "second"),
    [
        ((4, 4), [24], [24]), ((3, 4), [], [0]), ((6, 8), [], [0]), ((2, 4), [], [0]), ((5, 4), [36], [36]),
        ((12, 8), [36], [36]), ((7, 8), [24], [24]), ((6, 4), [36], [36]), ((8, 4), [24, 72], [24, 72]),
    ],
)  # fmt: skip
def test_half_time_backbeats_of_every_metre(metre: tuple[int, int], first: list[int], second: list[int]) -> None:
    setting = setting_for([metre] * 2)
    found = [
        [s - int(setting.grid.bar_steps[bar]) for s in backbeat_steps(setting, bar, "half-time")] for bar in (0, 1)
    ]
    assert found == [first, second]


def test_pairs_of_bars_are_counted_from_the_section() -> None:
    setting = setting_for([(3, 4)] * 5, sections=(0, 3))
    assert [bool(backbeat_steps(setting, bar, "half-time")) for bar in range(5)] == [False, True, False, False, True]


def test_a_shuffle_moves_eighths_and_sixteenths_to_triplets() -> None:
    bar = onset_of(rock(), feel="shuffle")[:, 48:96]
    assert steps(bar, ROW["closed hat"]) == [0, 8, 12, 20, 24, 32, 36, 44]
    setting, _ = rock(1)
    kick = take(setting, [(ROW["kick"], at, at + 1) for at in (0, 3, 9, 18, 21)])
    assert steps(moved_to_swing(kick, setting, "shuffle")[0], ROW["kick"]) == [0, 4, 8, 20], "18 and 21 fall together"


def test_a_fast_shuffle_keeps_long_and_short_a_slow_one_triplets() -> None:
    hats = [(ROW["closed hat"], at, at + 1) for at in range(0, 48, 3)] + [(ROW["kick"], 0, 1)]
    found = {}
    for tempo in (70.0, 130.0):
        setting = setting_for([(4, 4)], tempo=tempo)
        found[tempo] = steps(onset_of((setting, take(setting, hats)), feel="shuffle"), ROW["closed hat"])
    assert found[70.0] == [beat + at for beat in (0, 12, 24, 36) for at in (0, 4, 8)]
    assert found[130.0] == [beat + at for beat in (0, 12, 24, 36) for at in (0, 8)]


def test_a_hat_in_quarters_gets_the_off_beats_by_which_a_shuffle_is_heard() -> None:
    setting = setting_for([(4, 4)])
    quarters = take(setting, [(ROW["closed hat"], at, at + 1) for at in (0, 12, 24, 36)])
    assert steps(onset_of((setting, quarters), feel="shuffle"), ROW["closed hat"]) == [0, 8, 12, 20, 24, 32, 36]


def test_straight_is_the_way_back_and_compound_metres_are_left_alone() -> None:
    setting, planes = rock(2)
    swung = styled("drums", planes, setting, PartControls(feel="shuffle"))
    assert np.array_equal(styled("drums", swung, setting, PartControls(feel="straight"))[0], planes[0])
    compound = setting_for([(6, 8)])
    eighths = take(compound, [(ROW["closed hat"], at, at + 1) for at in range(0, 36, 3)])
    assert np.array_equal(onset_of((compound, eighths), feel="shuffle"), eighths[0])


def test_a_line_that_is_swung_loses_what_falls_together_and_keeps_its_order() -> None:
    setting = setting_for([(4, 4)], part="bass")
    line = take(setting, [(33, 0, 6), (35, 6, 9), (36, 9, 12), (38, 12, 48)])
    onset, sustain = moved_to_swing(line, setting, "shuffle", line=True)
    assert [(int(s), int(r)) for s, r in np.argwhere(onset.T)] == [(0, 33), (8, 35), (12, 38)]
    assert np.flatnonzero(sustain[33]).tolist() == list(range(8))
    assert np.flatnonzero(sustain[38]).tolist() == list(range(12, 48))


def test_without_cymbals_the_floor_tom_keeps_time_round_the_snare() -> None:
    bar = onset_of(rock(), cymbals=False)[:, 48:96]
    assert steps(bar, ROW["low tom"]) == [0, 6, 18, 24, 30, 42]
    assert steps(bar, ROW["snare"]) == [12, 36]
    assert not bar[[ROW[name] for name in ("closed hat", "open hat", "pedal hat", "ride", "crash")]].any()
    fast = onset_of(rock(tempo=180.0), cymbals=False)[:, 48:96]
    assert steps(fast, ROW["low tom"]) == [0, 24], "in quarters where it is fast"


def test_a_side_stick_stands_in_for_the_snare_but_not_in_a_roll() -> None:
    setting = setting_for([(4, 4)] * 2)
    roll = [(ROW["snare"], 84 + at, 85 + at) for at in (0, 3, 6, 9)]
    onset = onset_of((setting, take(setting, [*rock_drums(1), (ROW["kick"], 48, 49), *roll])), side_stick=True)
    assert steps(onset, ROW["side stick"]) == [12, 36]
    assert steps(onset, ROW["high tom"]) == [84, 87, 90, 93]
    assert not onset[ROW["snare"]].any()


def test_fills_stand_every_four_bars_and_lead_into_a_crash() -> None:
    onset = onset_of(rock(12), fills="4")
    setting = rock(12)[0]
    assert [bar for bar in range(12) if fill_begins(onset, setting, bar) is not None] == [3, 7]
    for bar in (4, 8):
        assert onset[[ROW["crash"], ROW["kick"]], 48 * bar].all()
        assert not onset[ROW["closed hat"], 48 * bar], "one hand is at the crash"
    assert not onset[TOMS, : 3 * 48].any()
    quiet = onset_of(rock(12), fills="4", cymbals=False)
    assert not quiet[ROW["crash"]].any()
    assert quiet[ROW["kick"], 4 * 48]


def test_sparse_fills_stand_at_section_ends_only_and_none_nowhere() -> None:
    case = rock(16, sections=(0, 6))
    sparse = onset_of(case, fills="sparse")
    assert [bar for bar in range(16) if fill_begins(sparse, case[0], bar) is not None] == [5]
    busy = onset_of(case, fills="4")
    out = styled("drums", (busy, busy), case[0], PartControls(fills="none"))[0]
    assert np.array_equal(out[:, 48 * 5 : 48 * 6], case[1][0][:, 48 * 5 : 48 * 6]), "the groove goes on instead"
    assert not out[TOMS].any()


def test_short_sections_have_no_fill_after_a_fill() -> None:
    setting, planes = rock(12, sections=(0, 5, 6, 10))
    assert fill_places(planes[0], setting, "sparse") == [5, 10]


def test_no_fill_leads_into_a_rest_or_out_of_one() -> None:
    setting, planes = rock(12)
    onset = planes[0].copy()
    onset[:, 4 * 48 : 5 * 48] = False
    assert fill_places(onset, setting, "4") == [8]
    onset[:, 7 * 48 : 8 * 48] = False
    assert fill_places(onset, setting, "4") == []


def test_a_fill_may_lead_into_bars_that_are_not_asked() -> None:
    setting, _ = rock(8)
    grid = setting_for([(4, 4)] * 8, notes={"drums": repeated([(ROW["kick"], 0, 1)], 8)}).grid
    part = replace(setting, grid=grid, bars=(2, 3))
    mine = take(part, [(row, at, end) for row, at, end in rock_drums(8) if 96 <= at < 192])
    out = styled("drums", mine, part, PartControls(fills="4"))[0]
    assert fill_begins(out, part, 3) is not None
    assert not out[:, 192:].any(), "no crash where nothing was asked"


def test_the_takes_own_fill_at_a_place_stays() -> None:
    setting, _ = rock(5)
    own = [(row, at, end) for row, at, end in rock_drums(5) if not 180 <= at < 192]
    own += [(ROW["mid tom"], at, at + 1) for at in (180, 184, 188)]
    out = onset_of((setting, take(setting, own)), fills="4")
    assert steps(out, ROW["mid tom"]) == [180, 184, 188]


@pytest.mark.parametrize("metre", METRES)
def test_every_metre_has_fills_that_last_to_its_end(metre: tuple[int, int]) -> None:
    setting = setting_for([metre] * 6)
    length = 48 * metre[0] // metre[1]
    groove = repeated(
        [(ROW["kick"], 0, 1), *((ROW["closed hat"], at, at + 1) for at in range(0, length, 6))], 6, length
    )
    out = onset_of((setting, take(setting, groove)), fills="4")
    begins = fill_begins(out, setting, 3)
    assert begins is not None
    assert begins > 3 * length, "some groove is left before it"
    assert out[[ROW["crash"], ROW["kick"]], 4 * length].all()


def test_fills_differ_from_section_to_section_and_fit_the_tempo() -> None:
    assert len(FILLS) >= 5
    assert len(TRIPLET_FILLS) >= 5
    for tempo in (70.0, 110.0, 200.0):
        case = rock(41, tempo=tempo, sections=tuple(range(0, 41, 8)))
        onset = onset_of(case, fills="4")
        seen = {onset[:, 48 * bar + 24 : 48 * bar + 48].tobytes() for bar in range(3, 40, 4)}
        assert len(seen) >= (5 if tempo < 150 else 3)
        hands = onset[[ROW["snare"], *TOMS]].any(axis=0)
        apart = np.diff(np.flatnonzero(hands))
        assert apart.min() * 5 / tempo >= 0.06, "no stroke faster than a hand"
    shuffled = onset_of(rock(9), feel="shuffle", fills="4")
    assert {int(at) % 12 for at in np.flatnonzero(shuffled[[*TOMS, ROW["snare"]]].any(axis=0))} <= {0, 4, 8}
