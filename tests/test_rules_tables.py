"""What is heard of a band, counted out by hand, and the tables that are looked up with it."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
from rule_grids import ROW, Notes, eighths, grid_of, repeated, rock_drums

from arranger.parts import ROLES
from arranger.rules import tables
from arranger.rules.context import KINDS, PLACES, SIGNALS, bar_places, listen, near
from arranger.rules.guitar import LOW, note_cells, note_features
from arranger.rules.tables import FEATURES, NOTE_FEATURES, REST_FEATURES, bar_features, load_tables, step_features


def test_places_and_kinds_of_a_bar() -> None:
    place, kind, beats = bar_places(4, 4, 48)
    assert beats == 4
    assert np.flatnonzero(place >= 0).tolist() == [12 * beat + at for beat in range(4) for at in PLACES]
    assert [KINDS[kind[12 * beat]] for beat in range(4)] == ["first", "snare", "kick", "last snare"]
    assert [KINDS[bar_places(3, 4, 36)[1][12 * beat]] for beat in range(3)] == ["first", "between", "last snare"]


def test_eighths_of_a_dotted_quarter_are_triplets_of_the_beat() -> None:
    place, _, beats = bar_places(6, 8, 36)
    assert beats == 2
    assert [PLACES[place[step]] for step in range(0, 36, 6)] == [0, 4, 8, 0, 4, 8]


def test_near_is_the_sum_over_four_on_either_side() -> None:
    values = np.arange(12.0)
    assert near(values).tolist() == [values[max(0, at - 4) : at + 5].sum() for at in range(12)]


def test_what_is_heard_of_a_band() -> None:
    # The guitar strikes a low and a high note together on one, the high one alone on two.
    guitar = [(40, 0, 48), (52, 0, 6), (55, 12, 18)]
    notes: Notes = {"guitar": repeated(guitar, 2), "drums": rock_drums(2), "bass": eighths(33, 1)}
    heard = listen(grid_of([(4, 4)] * 2, notes), ROLES.index("bass"))

    def at(name: str, rows: np.ndarray) -> list[int]:
        return np.flatnonzero(rows[SIGNALS.index(name)]).tolist()

    assert at("guitar", heard.strikes) == [0, 12, 48, 60]
    assert at("guitar low", heard.strikes) == [0, 48], "the high note begins over a lower one"
    assert at("kick", heard.strikes) == [0, 24, 48, 72]
    assert at("time", heard.strikes) == list(range(0, 96, 6))
    assert at("bass", heard.strikes) == []
    assert heard.plays.tolist() == [[True, True], [False, False], [True, True], [False, False]]
    assert heard.rate[SIGNALS.index("time")].tolist() == [2.0, 2.0]
    assert heard.triplets.tolist() == [0.0, 0.0]


def test_usual_is_the_share_of_the_bars_around_in_which_it_plays() -> None:
    # Kick on one in bars 0 and 1, drums but no kick in bar 2, no drums in bar 3.
    drums = [(ROW["kick"], 0, 1), (ROW["kick"], 48, 49), (ROW["snare"], 108, 109)]
    grid = grid_of([(4, 4)] * 4, {"drums": drums, "other": [(60, 0, 192)]})
    usual = listen(grid, ROLES.index("bass")).usual[SIGNALS.index("kick")]
    assert usual[[0, 48, 96, 144]].tolist() == pytest.approx([2 / 3] * 4)
    assert usual.sum() == pytest.approx(8 / 3)


def test_a_shuffle_is_heard_as_triplets() -> None:
    shuffle = repeated([(60, 12 * beat + at, 12 * beat + at + 4) for beat in range(4) for at in (0, 8)], 4)
    assert set(listen(grid_of([(4, 4)] * 4, {"other": shuffle}), 0).triplets.tolist()) == {1.0}


def test_features_stand_in_the_order_of_their_names() -> None:
    grid = grid_of([(4, 4)] * 2, {"guitar": eighths(45, 2), "drums": rock_drums(2)})
    heard = listen(grid, ROLES.index("bass"), [60.0, 240.0])
    found = dict(zip(FEATURES, step_features(heard, np.array([72]))[0], strict=True))
    assert found["kick"] == found["guitar low"] == found["usual guitar"] == found["plays guitar"] == 1.0
    assert found["snare"] == found["plays bass"] == found["triplets"] == found["other"] == 0.0
    assert found["rate guitar"] == 2.0
    assert found["tempo"] == pytest.approx(np.log(2))
    bars = bar_features(heard)
    assert bars.shape == (2, len(REST_FEATURES))
    assert dict(zip(REST_FEATURES, bars[0], strict=True))["opening"] == 1.0
    assert dict(zip(REST_FEATURES, bars[0], strict=True))["ending"] == 0.875


def test_features_of_a_pitch_on_a_stroke() -> None:
    notes: Notes = {"bass": [(33, 0, 48)], "other": [(57, 0, 48), (64, 12, 24)]}
    heard = listen(grid_of([(4, 4)], notes), ROLES.index("guitar"))
    found = note_features(heard, np.array([12]))[0]

    def named(pitch: int) -> dict[str, float]:
        return dict(zip(NOTE_FEATURES, found[pitch - LOW], strict=True))

    assert named(45)["bass sounds its octave"] == named(69)["bass sounds it"] == named(52)["other sounds it"] == 1.0
    assert named(64)["other strikes the pitch"] == named(57)["other sounds the pitch"] == 1.0
    assert named(57)["other strikes the pitch"] == named(57)["bass sounds its octave"] == 0.0
    band, above = note_cells(np.array([9]))
    assert above[0, 45 - LOW] == 0
    assert above[0, 52 - LOW] == 7
    assert band[0, [0, 5, 6]].tolist() == [0, 0, 1]


def test_the_stored_tables_name_what_the_code_knows() -> None:
    stored = json.loads(resources.files("arranger").joinpath("data/rules.json").read_text(encoding="utf-8"))
    for name, table in stored["tables"].items():
        features, shape = tables.layout(name)
        assert set(table["weights"]) <= set(features), name
        assert np.shape(table["bias"]) == shape, name
        bias, weight = load_tables()[name]
        assert np.isfinite(bias).all()
        assert np.abs(weight).max() < 15, name
        assert weight.shape == (shape[0], len(features))


def test_a_chance_is_the_logistic_of_bias_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    bias, weight = np.full((len(PLACES), len(KINDS)), -1.0), np.zeros((len(PLACES), len(FEATURES)))
    bias[0, KINDS.index("last snare")] = 0.0
    weight[0, FEATURES.index("kick")] = 3.0
    monkeypatch.setattr(tables, "load_tables", lambda: {"bass": (bias, weight)})
    grid = grid_of([(4, 4), (4, 4)], {"drums": [(ROW["kick"], 24, 25)]})
    chance = tables.stroke_chances(listen(grid, ROLES.index("bass")), ("bass",))["bass"]
    for step, score in ((0, -1), (24, 2), (36, 0), (6, -1)):
        assert chance[step] == pytest.approx(1 / (1 + np.exp(-score)))
    assert not chance[[1, 2, 5]].any(), "between the places"
    assert not chance[48:].any(), "where the band rests"
