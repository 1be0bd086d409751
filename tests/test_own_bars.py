"""A part that was begun goes on like itself: leans of its own bars, and fills of real songs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arranger import load_song
from arranger.evaluation.examples import draw_songs
from arranger.evaluation.metrics_truth import note_f1
from arranger.evaluation.tasks import make_case, notes_to_planes
from arranger.filler import fill
from arranger.grid import ROWS, Grid
from arranger.own_bars import EVEN, FLOOR, MOST_NATS, UNSURE, own_lean
from arranger.parts import ROLES
from arranger.performing import one_at_a_time
from arranger.shaping import Shaper
from arranger.song import Bar

BASS, DRUMS = ROLES.index("bass"), ROLES.index("drums")


def grid_of(bars: int, role: int, notes: dict[int, list[tuple[int, int]]]) -> Grid:
    """Bars of 4/4; bar -> (row, step in bar) of quarters."""
    table = np.arange(bars + 1) * 48
    onset, sustain = np.zeros((2, len(ROLES), ROWS, bars * 48), dtype=bool)
    for bar, found in notes.items():
        for row, step in found:
            onset[role, row, bar * 48 + step] = True
            sustain[role, row, bar * 48 + step : bar * 48 + step + 12] = True
    return Grid(onset, sustain, table, tuple(Bar(i, i * 48, 48, 4, 4) for i in range(bars)), 12)


class TestLean:
    def test_the_bar_in_which_the_band_plays_the_same_decides(self) -> None:
        grid = grid_of(3, DRUMS, {0: [(0, 0)], 1: [(0, 24)]})
        alike = np.eye(3)
        alike[2, 0] = alike[0, 2] = 1.0  # bar 1 is nearer, bar 0 the same
        lean = own_lean(grid, "drums", [2], alike)
        assert lean is not None
        onset = lean[0][0]
        assert onset[96] > 0 > onset[96 + 24]
        assert not lean[0][:, :96].any()

    def test_of_two_alike_the_nearer_says_more(self) -> None:
        grid = grid_of(12, DRUMS, {0: [(0, 0)], 10: [(0, 24)]})
        lean = own_lean(grid, "drums", [11], np.ones((12, 12)))
        assert lean is not None
        assert lean[0][0, 11 * 48 + 24] > lean[0][0, 11 * 48]

    def test_one_bar_says_so_much_and_no_more(self) -> None:
        """By hand: a sure cell has log odds ln(.99 / .01) = 4.6, over EVEN 6.6, cut at 4; nearly all of it, since
        one bar that is the same and next to it has weight e^(2 (1 / (1 + 1/8) - 1)) = .80."""
        grid = grid_of(2, DRUMS, {0: [(0, 0)]})
        lean = own_lean(grid, "drums", [1], np.ones((2, 2)))
        assert lean is not None
        weight = np.exp(2 * (8 / 9 - 1))
        sure = weight / (weight + UNSURE)
        assert lean[0][0, 48] == pytest.approx(MOST_NATS * sure, rel=1e-5)
        empty = np.log(FLOOR / (1 - FLOOR)) - EVEN
        assert lean[0][0, 49] == pytest.approx(empty * sure, rel=1e-5)

    def test_a_bass_moves_with_the_root_and_the_short_way(self) -> None:
        grid = grid_of(2, BASS, {0: [(40, 0), (47, 24)]})
        root = np.repeat([4, 11], 48)  # from E to B: down a fourth
        lean = own_lean(grid, "bass", [1], np.ones((2, 2)), root)
        assert lean is not None
        assert sorted(np.flatnonzero((lean[0][:, 48:] > 0).any(axis=1))) == [35, 42]
        unknown = own_lean(grid, "bass", [1], np.ones((2, 2)), np.repeat([4, -1], 48))
        assert unknown is not None
        assert sorted(np.flatnonzero((unknown[0][:, 48:] > 0).any(axis=1))) == [40, 47]

    def test_no_bars_of_its_own_or_none_as_long_say_nothing(self) -> None:
        grid = grid_of(2, BASS, {0: [(40, 0)]})
        assert own_lean(grid, "bass", [0, 1], np.ones((2, 2))) is None
        assert own_lean(grid, "drums", [1], np.ones((2, 2))) is None
        table = np.array([0, 48, 96, 132])
        odd = replace(
            grid_of(3, BASS, {0: [(40, 0)]}),
            bar_steps=table,
            onset=np.pad(grid.onset, ((0, 0), (0, 0), (0, 36))),
            sustain=np.pad(grid.sustain, ((0, 0), (0, 0), (0, 36))),
        )
        lean = own_lean(odd, "bass", [2], np.ones((3, 3)))
        assert lean is not None
        assert not lean[0].any()


def test_a_bass_without_notes_is_played_without_trouble() -> None:
    assert one_at_a_time(()) == ()


def test_bars_left_out_of_real_songs_come_back_nearer_with_it(
    data_pack: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(data_pack("val").rglob("*.mid"))[20:60]
    examples, _ = draw_songs(files, ("bass",), seed=1, limit=4, all_metres=False)
    with_it, without = [], []
    for example in examples:
        bars = len(example.song.bars) * 2 // 3
        case = make_case(example, ["bass"], (bars, bars + 4), "last")
        if case is None:
            continue
        truth = notes_to_planes(case.truth["bass"], example.song, "bass")[0]

        def f1(case=case, truth=truth) -> float:  # type: ignore[no-untyped-def]
            made = fill(case.task.song, ["bass"], case.task.bars, takes=1, seed=1, mode="replace")[0]
            ours = notes_to_planes(made.parts[0].notes, case.example.song, "bass")[0]
            steps = case.steps
            return note_f1(ours[:, steps], truth[:, steps], case.bar_steps).f1

        with_it.append(f1())
        with monkeypatch.context() as patch:
            patch.setattr(Shaper, "_own", lambda self, part: None)
            without.append(f1())
    assert len(with_it) >= 2
    assert np.mean(with_it) > np.mean(without)


def test_a_further_track_is_not_led_by_the_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr("arranger.shaping.own_lean", lambda own, part, *rest: called.append(part))
    song = load_song("examples/night-bus.mid")
    fill(song, ["guitar"], (8, 10), takes=1, mode="add")
    assert not called
    fill(song, ["guitar"], (8, 10), takes=1, mode="replace")
    assert called == ["guitar"]
