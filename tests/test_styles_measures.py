"""The measures on takes whose shares can be counted by hand."""

from __future__ import annotations

import math

import pytest
from rule_grids import ROW, repeated, rock_drums
from style_settings import setting_for, take

from arranger.controls import PartControls
from arranger.styles import Planes, Setting, adherence

HALF_TIME = [(ROW["kick"], 0, 1), (ROW["snare"], 24, 25), (ROW["ride"], 36, 37)]


def measured(part: str, planes: Planes, setting: Setting, **asked: object) -> dict[str, float]:
    return adherence(part, planes, setting, PartControls(**asked))  # type: ignore[arg-type]


def test_half_time_is_counted_by_bars() -> None:
    setting = setting_for([(4, 4)] * 4)
    drums = repeated(HALF_TIME, 3) + [(row, 144 + at, 144 + end) for row, at, end in rock_drums(1)]
    found = measured("drums", take(setting, drums), setting, feel="half-time")
    assert found == {"half-time backbeat": 0.75}
    assert measured("drums", take(setting, []), setting, feel="half-time") != found


def test_a_stray_snare_spoils_a_bar_but_a_fill_does_not() -> None:
    setting = setting_for([(4, 4)] * 2)
    stray = [*HALF_TIME, (ROW["snare"], 12, 13)]
    fill = [(ROW["snare"], 36, 37), (ROW["high tom"], 39, 40), (ROW["low tom"], 42, 43)]
    second = [(row, 48 + at, 48 + end) for row, at, end in [*HALF_TIME, *fill]]
    found = measured("drums", take(setting, [*stray, *second]), setting, feel="half-time")
    assert found == {"half-time backbeat": 0.5}


def test_off_beats_are_counted_by_strokes() -> None:
    setting = setting_for([(4, 4)])
    strokes = take(setting, [(ROW["ride"], at, at + 1) for at in (0, 8, 12, 16, 20, 30, 36)])
    assert measured("drums", strokes, setting, feel="shuffle") == {"shuffle off-beats": 0.75}
    assert measured("drums", strokes, setting, feel="straight") == {"straight off-beats": 0.25}


def test_cymbals_and_side_sticks_are_counted_by_strokes() -> None:
    setting = setting_for([(4, 4)])
    strokes = [(ROW["kick"], 0, 1), (ROW["crash"], 0, 1), (ROW["snare"], 12, 13), (ROW["side stick"], 36, 37)]
    found = measured("drums", take(setting, strokes), setting, cymbals=False, side_stick=True)
    assert found == {"no cymbals": 0.75, "side stick": 0.5}


def test_fills_are_counted_at_their_places_and_elsewhere() -> None:
    setting = setting_for([(4, 4)] * 9)
    fill = [(ROW["snare"], 36, 37), (ROW["mid tom"], 39, 40), (ROW["low tom"], 42, 43)]
    drums = rock_drums(9) + [(row, 48 * bar + at, 48 * bar + end) for bar in (3, 5) for row, at, end in fill]
    found = measured("drums", take(setting, drums), setting, fills="4")
    assert found["fills at their places"] == 0.5, "bars 4 and 8 lead into the next four, one of them has a fill"
    assert found["no fills elsewhere"] == pytest.approx(6 / 7)
    assert measured("drums", take(setting, drums), setting, fills="none")["no fills elsewhere"] == pytest.approx(7 / 9)


def test_roots_and_octaves() -> None:
    setting = setting_for([(4, 4)] * 2, "C F", "bass")
    line = take(setting, [(36, 0, 12), (48, 12, 24), (36, 24, 48), (41, 48, 60), (43, 60, 96)])
    assert measured("bass", line, setting, style="roots") == {"on roots": 0.8}
    assert measured("bass", line, setting, style="octaves") == {"on roots": 0.8, "octaves": 0.5}


def test_walking() -> None:
    setting = setting_for([(4, 4)] * 3, "C F C", "bass")
    walk = [(36, 0, 12), (40, 12, 24), (43, 24, 36), (40, 36, 48)]
    second = [(41, 48, 60), (41, 60, 66), (41, 66, 72), (39, 84, 96)]
    third = [(36, 96, 108), (38, 108, 120), (40, 120, 132), (43, 132, 144)]
    found = measured("bass", take(setting, [*walk, *second, *third]), setting, style="walking")
    assert found["walking"] == pytest.approx(10 / 12), "one beat with two strokes, one with none"
    assert found["leading in"] == pytest.approx(1 / 2), "E to F leads, D# down to C does not"


def test_a_doubled_riff() -> None:
    riff = [(40, 0, 12), (43, 12, 24), (45, 24, 36)]
    setting = setting_for([(4, 4)], "Em", "bass", notes={"guitar": riff})
    line = take(setting, [(28, 0, 12), (31, 12, 24), (28, 24, 36), (28, 36, 48)])
    assert measured("bass", line, setting, style="riff") == {"riff doubled": 0.5}


def test_guitar_strokes() -> None:
    setting = setting_for([(4, 4)], "C", "guitar")
    power, triad = [(48, 0, 12), (55, 0, 12)], [(48, 12, 24), (52, 12, 24), (55, 12, 24)]
    single, high = [(40, 24, 36)], [(72, 36, 48)]
    mixed = take(setting, [*power, *triad, *single, *high])
    assert measured("guitar", mixed, setting, style="power") == {"power": 0.25}
    assert measured("guitar", mixed, setting, style="strum") == {"strum": 0.25}
    assert measured("guitar", mixed, setting, style="arpeggio") == {"arpeggio": 0.5}
    assert measured("guitar", mixed, setting, style="riff") == {"riff": 0.5}
    assert measured("guitar", mixed, setting, style="chug") == {"chug": 0.25}
    assert measured("guitar", mixed, setting, role="rhythm") == {"rhythm": 0.75}
    assert measured("guitar", mixed, setting, role="lead") == {"lead": 0.25}


def test_nothing_to_judge_by_is_no_number() -> None:
    setting = setting_for([(4, 4)], "-", "bass")
    assert math.isnan(measured("bass", take(setting, [(36, 0, 12)]), setting, style="roots")["on roots"])
    assert measured("bass", take(setting, [(36, 0, 12)]), setting) == {}
