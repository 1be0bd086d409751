"""The same section, the same part; an end where the band ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arranger.coherence import ALLOWANCE, ended, same_bars, tied, untied_rests
from arranger.diffusion.layout import IS_ONSET, PART_OF_PLANE
from arranger.diffusion.sampler import SamplerSettings, mean_prediction, sample
from arranger.filler import shipped_model
from arranger.framing import frame_song, read_part
from arranger.grid import Grid, song_to_grid
from arranger.parts import PARTS, Role
from arranger.sections import Section
from arranger.song import Note, Song, TimeSignature, Track

BAR = 3840
SECTIONS = (Section(0, 4, "A"), Section(4, 8, "B"), Section(8, 12, "A"))


def band(bars: int = 12, signatures: tuple[TimeSignature, ...] = (TimeSignature(0, 4, 4),)) -> Song:
    """A piano that plays Am F C G round and round, with an ornament in bar 10 alone."""
    roots = (57, 53, 48, 55)
    notes = [
        Note(BAR * bar + at, 960, roots[bar % 4] + up) for bar in range(bars) for at in (0, 1920) for up in (0, 4, 7)
    ]
    if bars > 9:
        notes += [Note(BAR * 9 + 960 * at, 480, pitch) for at, pitch in ((1, 76), (3, 79), (1, 61), (3, 63))]
    return Song(960, (Track("P", 0, False, tuple(sorted(notes))),), time_signatures=signatures, length=bars * BAR)


def heard(song: Song) -> Grid:
    return song_to_grid(song, (Role(0, "other", ""),))


class TestSameBars:
    alike = np.full((12, 12), 0.5)
    alike[0, 8] = alike[1, 9] = alike[2, 10] = 1.0
    alike[3, 11] = 1 - ALLOWANCE / 2
    alike = np.maximum(alike, alike.T)

    def test_as_much_as_the_variation_leaves(self) -> None:
        grid = heard(band())
        assert same_bars(grid, SECTIONS, self.alike, range(12), 0.0).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]
        assert same_bars(grid, SECTIONS, self.alike, range(12), 0.6).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 11]
        assert same_bars(grid, SECTIONS, self.alike, range(12), 1.0).tolist() == list(range(12))

    def test_only_asked_bars_of_one_metre_are_tied(self) -> None:
        assert same_bars(heard(band()), SECTIONS, self.alike, range(9), 0.0)[8:].tolist() == [0, 9, 10, 11]
        changed = band(signatures=(TimeSignature(0, 4, 4), TimeSignature(BAR * 8, 2, 2)))
        assert same_bars(heard(changed), SECTIONS, self.alike, range(12), 0.0).tolist() == list(range(12))

    def test_three_sections_share_the_first(self) -> None:
        sections = tuple(Section(4 * at, 4 * at + 4, "A") for at in range(3))
        assert same_bars(heard(band()), sections, np.ones((12, 12)), range(12)).tolist() == [0, 1, 2, 3] * 3


def drawn(ties: bool) -> tuple[np.ndarray, Grid]:
    """A take's bass and its grid."""
    song = band()
    grid = heard(song)
    frame = frame_song(song, grid, ("bass",), (0, 12))
    if ties:
        frame = tied(frame, same_bars(grid, SECTIONS, np.ones((12, 12)), range(12)))
    model = shipped_model()
    beside = (model.window, model.prior, SamplerSettings())
    chance = mean_prediction(model.denoise, frame.problem, *beside, (0, 0))
    (roll,) = sample(model.denoise, untied_rests(frame.problem), *beside, [(0, 0)], None, chance)
    return read_part(frame, roll, "bass")[0], grid


def test_tied_bars_are_equal_whatever_differs_in_the_band() -> None:
    onset, grid = drawn(ties=True)
    assert onset.any()
    for one in range(4):
        assert np.array_equal(onset[:, grid.bar_slice(one, one + 1)], onset[:, grid.bar_slice(one + 8, one + 9)])
    assert not np.array_equal(onset[:, grid.bar_slice(0, 1)], onset[:, grid.bar_slice(1, 2)])


def test_a_rest_does_not_silence_the_bars_it_was_tied_to() -> None:
    song = band()
    frame = tied(frame_song(song, heard(song), ("bass",), (0, 12)), np.arange(12) % 4)
    hidden = frame.problem.hidden.copy()
    hidden[frame.token_map.bar == 8] = False
    problem = untied_rests(replace(frame.problem, hidden=hidden))
    assert problem.tied is not None
    bar = frame.token_map.bar
    assert set(problem.tied[bar == 8]).isdisjoint(problem.tied[bar == 0])
    assert set(problem.tied[bar == 4]) == set(problem.tied[bar == 0])
    onsets = (PARTS.index("bass") == PART_OF_PLANE) & IS_ONSET

    def louder(noisy: np.ndarray, given: np.ndarray, told: np.ndarray, place: np.ndarray) -> np.ndarray:
        del given, told, place
        return np.where(onsets, 3.0, -3.0) * np.ones_like(noisy)

    beside = (16, np.full(len(onsets), 0.03, dtype=np.float32))
    (roll,) = sample(louder, problem, *beside, SamplerSettings(calibrated=False), [(0, 0)])
    played = roll[..., onsets].any(axis=(1, 2))
    assert not played[bar == 8].any()
    assert played[bar != 8].all()


def test_tied_bars_share_the_mean_of_what_leans_on_them() -> None:
    song = band()
    frame = frame_song(song, heard(song), ("bass",), (0, 12))
    bar = frame.token_map.bar
    lean = frame.problem.lean.copy()
    lean[bar == 0], lean[bar == 8] = 1.0, 3.0
    shared = tied(replace(frame, problem=replace(frame.problem, lean=lean)), np.array([*range(8), 0, 9, 10, 11]))
    assert np.all(shared.problem.lean[(bar == 0) | (bar == 8)] == 2.0)
    assert np.array_equal(shared.problem.lean[bar == 1], lean[bar == 1])


def test_untied_problems_stay_as_they_are() -> None:
    song = band(4)
    frame = frame_song(song, heard(song), ("bass",), (0, 4))
    assert tied(frame, np.arange(4)).problem is frame.problem
    assert untied_rests(frame.problem) is frame.problem


class TestEnded:
    grid = heard(Song(960, (Track("P", 0, False, (Note(0, 960, 60), Note(BAR, BAR, 60))),), length=3 * BAR))
    """A last stroke on the second bar, held through it; then an empty bar."""

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        onset, sustain = np.zeros((128, 144), dtype=bool), np.zeros((128, 144), dtype=bool)
        for row, first, last in ((40, 0, 40), (40, 48, 54), (43, 72, 80), (40, 100, 130)):
            onset[row, first], sustain[row, first:last] = True, True
        return onset, sustain

    def test_nothing_after_the_last_stroke_and_that_is_held(self) -> None:
        onset, sustain = ended(self.planes(), self.grid, "bass")
        assert np.argwhere(onset).tolist() == [[40, 0], [40, 48]]
        assert np.flatnonzero(sustain.any(axis=0)).tolist() == [*range(40), *range(48, 96)]

    def test_drums_stop_too(self) -> None:
        onset, sustain = ended(self.planes(), self.grid, "drums")
        assert np.argwhere(onset).tolist() == [[40, 0], [40, 48]]
        assert not (sustain & ~onset).any()

    @pytest.mark.parametrize("last", [960, 1800])
    def test_a_band_that_just_stops_changes_nothing(self, last: int) -> None:
        grid = heard(Song(960, (Track("P", 0, False, (Note(0, last, 60),)),), length=3 * BAR))
        planes = self.planes()
        assert ended(planes, grid, "bass") is planes
