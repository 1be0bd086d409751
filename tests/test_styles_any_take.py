"""Whatever take goes in: what comes out is in the style, can be played, rests where the take rests, and is only new in
the asked bars."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from style_settings import Case, setting_for, settings_and_takes, struck_bars, take, troubles

from arranger.controls import PartControls
from arranger.styles import adherence, styled

DRUMS = [
    PartControls(feel="straight"),
    PartControls(feel="shuffle"),
    PartControls(feel="half-time"),
    PartControls(feel="double-time"),
    PartControls(cymbals=False),
    PartControls(side_stick=True),
    PartControls(fills="none"),
    PartControls(fills="4"),
    PartControls(feel="shuffle", fills="sparse", cymbals=False, side_stick=True),
    PartControls(feel="half-time", fills="8", cymbals=False),
]
BASS = [PartControls(style=style) for style in ("roots", "octaves", "walking", "riff")]
GUITAR = [
    *(PartControls(style=style) for style in ("power", "strum", "arpeggio", "riff", "chug")),
    PartControls(role="rhythm"),
    PartControls(role="lead"),
    PartControls(role="lead", style="arpeggio"),
]
EXACT = {
    *("straight off-beats", "shuffle off-beats", "half-time backbeat", "double-time backbeat", "no cymbals"),
    *("side stick", "fills at their places", "on roots", "octaves", "walking", "riff doubled"),
    *("power", "strum", "riff", "rhythm", "lead"),
}


def check(part: str, case: Case, controls: PartControls) -> None:
    setting, planes = case.setting, case.planes
    out = styled(part, planes, setting, controls)
    asked = np.isin(setting.grid.bar_of_step, setting.bars)
    for before, after in zip(planes, out, strict=True):
        assert np.array_equal(before[:, ~asked], after[:, ~asked]), "only asked bars change"
    assert struck_bars(out[0], setting) == struck_bars(planes[0], setting), "rests stay rests, and nothing else rests"
    assert not (out[0] & ~out[1]).any(), "what is struck sounds"
    inside = out[0] & asked, out[1] & asked
    assert troubles(part, inside, setting) == ()
    for name, share in adherence(part, out, setting, controls).items():
        assert math.isnan(share) or share >= (1.0 if name in EXACT else 0.85), (name, share)


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(settings_and_takes("drums"), st.sampled_from(DRUMS))
def test_drums(case: Case, controls: PartControls) -> None:
    check("drums", case, controls)


@quick
@given(settings_and_takes("bass"), st.sampled_from(BASS))
def test_bass(case: Case, controls: PartControls) -> None:
    check("bass", case, controls)


@quick
@given(settings_and_takes("guitar"), st.sampled_from(GUITAR))
def test_guitar(case: Case, controls: PartControls) -> None:
    check("guitar", case, controls)


@settings(max_examples=15, deadline=None)
@given(settings_and_takes("guitar"))
def test_nothing_asked_gives_the_very_planes(case: Case) -> None:
    setting, planes = case.setting, case.planes
    for part in ("drums", "bass", "guitar"):
        assert styled(part, planes, setting, PartControls(density="busy")) is planes


@pytest.mark.parametrize(
    ("part", "controls"), [("drums", DRUMS[3]), ("bass", BASS[2]), ("guitar", GUITAR[2]), ("guitar", GUITAR[4])]
)
def test_a_silent_take_stays_silent(part: str, controls: PartControls) -> None:
    setting = setting_for([(4, 4)] * 3, "C G", part)
    out = styled(part, take(setting, []), setting, controls)
    assert not out[0].any()
    assert not out[1].any()
