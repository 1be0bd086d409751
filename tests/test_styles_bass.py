"""Bass styles over chords that can be read off the page."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from rule_grids import line, repeated
from style_settings import METRES, setting_for, take

from arranger.controls import PartControls
from arranger.rules.metre import beat_steps
from arranger.styles import adherence, styled

EIGHTHS = [(at, at + 6) for at in range(0, 48, 6)]


def test_roots_keep_the_rhythm_and_take_every_note_to_the_root() -> None:
    setting = setting_for([(4, 4)] * 2, "C Am", "bass")
    played = take(setting, [(40, 0, 12), (43, 18, 24), (35, 30, 48), (36, 48, 60), (40, 66, 96)])
    onset, sustain = styled("bass", played, setting, PartControls(style="roots"))
    assert line(onset) == [(0, 36), (18, 36), (30, 36), (48, 33), (66, 33)]
    assert np.flatnonzero(sustain[33]).tolist() == [*range(48, 60), *range(66, 96)]


def test_a_note_held_over_the_bar_line_belongs_to_the_chord_it_sounds_in() -> None:
    setting = setting_for([(4, 4)] * 2, "C F", "bass")
    onset, _ = styled("bass", take(setting, [(31, 42, 96)]), setting, PartControls(style="roots"))
    assert line(onset) == [(42, 29)]


def test_roots_lie_in_the_range_that_was_asked() -> None:
    setting = setting_for([(4, 4)] * 4, "C D E F", "bass")
    played = take(setting, repeated([(30, *span) for span in EIGHTHS], 4))
    onset, _ = styled("bass", played, setting, PartControls(style="roots", range=(40, 51)))
    rows = {row for _, row in line(onset)}
    assert rows == {48, 50, 40, 41}


def test_octaves_go_up_off_the_beat_or_in_turn() -> None:
    setting = setting_for([(4, 4)] * 2, "C", "bass")
    played = take(setting, [(36, *span) for span in EIGHTHS] + [(36, at, at + 12) for at in (48, 60, 72, 84)])
    onset, _ = styled("bass", played, setting, PartControls(style="octaves"))
    assert [row for _, row in line(onset)] == [36, 48] * 4 + [36, 48] * 2


@pytest.mark.parametrize("metre", METRES)
def test_a_walk_has_a_note_on_every_beat_and_steps_into_each_chord(metre: tuple[int, int]) -> None:
    setting = setting_for([metre] * 6, "C F G7 C Am Dm", "bass")
    length = 48 * metre[0] // metre[1]
    played = take(
        setting,
        repeated([(36, 0, length)], 6, length)[:-1] + repeated([(36, at, at + 6) for at in (0, 12)], 6, length)[-2:],
    )
    onset, sustain = styled("bass", played, setting, PartControls(style="walking"))
    beats = beat_steps(setting.grid.bars[0], length)[:-1]
    walked = line(onset)
    assert [step for step, _ in walked][: 5 * len(beats)] == [length * bar + beat for bar in range(5) for beat in beats]
    by_step = dict(walked)
    for bar, root in enumerate((0, 5, 7, 0, 9)):
        assert by_step[length * bar] % 12 == root
    if len(beats) > 1:
        for bar in range(1, 5):
            into = abs(by_step[length * bar] - by_step[length * (bar - 1) + beats[-1]])
            assert into in (1, 2, 5, 7)
    assert sustain[:, : 5 * length].sum(axis=0).tolist() == [1] * (5 * length), "legato, one note at a time"


def test_a_walk_takes_chord_tones_on_the_strong_beats_and_does_not_stand_still() -> None:
    setting = setting_for([(4, 4)] * 8, "C C F F", "bass")
    played = take(setting, repeated([(36, 0, 24), (36, 24, 48)], 8))
    walked = dict(line(styled("bass", played, setting, PartControls(style="walking"))[0]))
    for bar in range(8):
        assert walked[48 * bar + 24] % 12 in ((0, 4, 7) if bar % 4 < 2 else (5, 9, 0))
    pitches = [walked[step] for step in sorted(walked)]
    assert all(a != b for a, b in pairwise(pitches))
    assert max(abs(a - b) for a, b in pairwise(pitches)) <= 12
    bars = [tuple(pitches[4 * bar : 4 * bar + 4]) for bar in range(8)]
    assert len(set(bars)) >= 4, "not one pattern all along"


def test_a_walk_comes_to_rest_with_the_take() -> None:
    setting = setting_for([(4, 4)] * 3, "C", "bass")
    played = take(setting, [(36, 0, 24), (36, 24, 48), (43, 48, 96)])
    onset, sustain = styled("bass", played, setting, PartControls(style="walking"))
    assert line(onset)[4:] == [(48, 48)] or line(onset)[4:] == [(48, 36)], "a last held note is held on the root"
    assert sustain[:, 48:96].any(axis=0).all()
    assert not onset[:, 96:].any()


def test_a_walk_stops_where_the_band_stops() -> None:
    notes = {"guitar": [(60, 0, 48), (60, 48, 60)]}
    setting = setting_for([(4, 4)] * 3, "C", "bass", notes=notes)
    played = take(setting, [(36, 0, 24), (36, 24, 48), (36, 48, 54), (36, 96, 108), (36, 108, 144)])
    steps = [step for step, _ in line(styled("bass", played, setting, PartControls(style="walking"))[0])]
    assert steps == [0, 12, 24, 36, 48, 96, 108, 120, 132]


def test_a_riff_is_doubled_an_octave_down_and_the_take_stays_where_there_is_none() -> None:
    riff = [(40, 0, 6), (43, 6, 12), (45, 12, 24), (40, 30, 36)]
    setting = setting_for([(4, 4)] * 2, "Em", "bass", notes={"guitar": [*riff, (64, 48, 96)]})
    played = take(setting, [(28, 0, 48), (33, 48, 60), (31, 60, 96)])
    out = styled("bass", played, setting, PartControls(style="riff"))
    assert line(out[0]) == [(0, 28), (6, 31), (12, 33), (30, 28), (48, 33), (60, 31)]
    assert np.flatnonzero(out[1][33]).tolist() == [*range(12, 24), *range(48, 60)], "as long as the guitar holds it"
    assert adherence("bass", out, setting, PartControls(style="riff")) == {"riff doubled": 1.0}


def test_without_a_chord_the_take_is_left_its_notes() -> None:
    setting = setting_for([(4, 4)], "-", "bass")
    played = take(setting, [(35, 0, 12), (37, 12, 48)])
    for style in ("roots", "octaves", "walking"):
        assert line(styled("bass", played, setting, PartControls(style=style))[0]) == [(0, 35), (12, 37)]


def test_a_long_chord_is_not_one_bar_again_and_again() -> None:
    setting = setting_for([(4, 4)] * 12, "C", "bass")
    played = take(setting, repeated([(36, 0, 24), (36, 24, 48)], 12))
    pitches = [row for _, row in line(styled("bass", played, setting, PartControls(style="walking"))[0])]
    assert len({tuple(pitches[4 * bar : 4 * bar + 4]) for bar in range(12)}) >= 3
