"""A song with repeats is heard in playing order and written in score order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arranger.diffusion.layout import BASS, DRUMS, STEPS, TARGET_PLANES
from arranger.diffusion.sampler import SamplerSettings, mean_prediction, sample, together
from arranger.filler import fill
from arranger.framing import frame_song, playing_order, read_part, written_steps
from arranger.grid import Grid, song_to_grid
from arranger.parts import detect_parts
from arranger.song import Note, Song, TimeSignature, Track

TPQ = 480
PRIOR = np.full(TARGET_PLANES, 0.05)


def band(order: tuple[int, ...] = (), metres: tuple[TimeSignature, ...] = (TimeSignature(0, 4, 4),)) -> Song:
    """Four bars; in each a kick and a bass note of its own, and a chord on the guitar."""
    bars = Song(TPQ, (), time_signatures=metres, length=4 * 4 * TPQ).bars
    drums = tuple(Note(bar.start + 120 * bar.index, 60, 36) for bar in bars)
    bass = tuple(Note(bar.start, bar.length, 36 + bar.index) for bar in bars)
    guitar = tuple(Note(bar.start, bar.length, 60 + bar.index) for bar in bars)
    tracks = (
        Track("Drums", 0, True, drums, channel=9),
        Track("Bass", 33, False, bass),
        Track("Guitar", 27, False, guitar),
    )
    return Song(TPQ, tracks, time_signatures=metres, length=bars[-1].end, order=order)


def grid_of(song: Song) -> Grid:
    return song_to_grid(song, detect_parts(song))


def test_bars_that_are_never_played_come_last() -> None:
    assert playing_order(band((0, 1, 0, 3))).tolist() == [0, 1, 0, 3, 2]
    assert playing_order(band()).tolist() == [0, 1, 2, 3]


def test_the_net_hears_the_bars_as_they_are_played() -> None:
    order = (0, 1, 0, 1, 2, 3)
    song = band(order)
    problem = frame_song(song, grid_of(song), ("guitar",), (0, 4)).problem
    kicks = problem.given[..., DRUMS.all.start].reshape(len(order), -1)
    # The kick of bar b stands 120 b ticks, 3 b steps, into it.
    assert [int(np.flatnonzero(bar)[0]) for bar in kicks] == [3 * bar for bar in order]
    assert problem.place[::4, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert problem.tied is not None
    assert problem.tied[:16].tolist() == [*problem.tied[:8], *problem.tied[:8]]
    assert len(np.unique(problem.tied)) == 4 * 4
    # Length of the song, a feature of every token, is that of the performance.
    assert frame_song(band(), grid_of(band()), ("guitar",), (0, 4)).problem.tied is None


def test_only_the_asked_written_bars_are_hidden_each_time_they_are_played() -> None:
    song = band((0, 1, 0, 1, 2, 3))
    problem = frame_song(song, grid_of(song), ("bass",), (1, 2)).problem
    hidden = problem.hidden[:, 1].reshape(-1, 4).all(axis=1)
    assert hidden.tolist() == [False, True, False, True, False, False]


def test_a_take_is_read_back_into_the_written_bars() -> None:
    metres = (TimeSignature(0, 4, 4), TimeSignature(4 * TPQ, 3, 4), TimeSignature(7 * TPQ, 4, 4))
    song = band((0, 1, 0, 1, 2, 3), metres)
    grid = grid_of(song)
    frame = frame_song(song, grid, ("bass",), (0, 4))
    steps = written_steps(grid, frame.order)
    assert steps[:84].tolist() == list(range(84))
    assert steps[84:168].tolist() == list(range(84))
    roll = np.zeros((len(frame.token_map.bar), STEPS, TARGET_PLANES), dtype=bool)
    # The lowest row, struck at the start of every written bar.
    for bar in range(4):
        at = np.flatnonzero((frame.order[frame.token_map.bar] == bar) & (frame.token_map.place == 0))
        roll[at, 0, BASS.onset.start + 10 + bar] = True
    onset, _ = read_part(frame, roll, "bass")
    rows, at = np.nonzero(onset)
    assert sorted(zip(at.tolist(), (rows - rows.min()).tolist(), strict=True)) == [
        (int(grid.bar_steps[bar]), bar) for bar in range(4)
    ]


def test_tied_logits_are_their_mean() -> None:
    logits = np.array([1.0, 5.0, 3.0, -np.inf], dtype=np.float32)[:, None, None]
    np.testing.assert_array_equal(together(logits, np.array([4, 2, 4, 9]))[:, 0, 0], [2.0, 5.0, 2.0, -np.inf])
    assert together(logits, None) is logits


def test_repeated_bars_get_one_part_whatever_the_net_says_of_each() -> None:
    """A net that wants something else each time a bar is played."""
    song = band((0, 1, 0, 1, 2, 3))
    frame = frame_song(song, grid_of(song), ("bass",), (0, 4))

    def denoise(noisy: np.ndarray, given: np.ndarray, features: np.ndarray, place: np.ndarray) -> np.ndarray:
        spread = np.random.default_rng(5).normal(size=noisy.shape[1:])
        return np.broadcast_to(4 * spread, noisy.shape)

    chance = mean_prediction(denoise, frame.problem, 64, PRIOR, SamplerSettings(), (0, 0))
    roll = sample(denoise, frame.problem, 64, PRIOR, SamplerSettings(steps=3), [(0, 0)])[0]
    assert roll[:8].any()
    for found in (chance, roll):
        np.testing.assert_array_equal(found[:8], found[8:16])
    untied = replace(frame.problem, tied=None)
    free = sample(denoise, untied, 64, PRIOR, SamplerSettings(steps=3), [(0, 0)])[0]
    assert (free[:8] != free[8:16]).any(), "or the test would hold without any tie"


@pytest.mark.parametrize("order", [(), (0, 1, 0, 1, 2, 3), (0, 1, 2, 0, 3)])
def test_a_song_with_repeats_is_filled_bar_for_bar_as_written(order: tuple[int, ...]) -> None:
    song = band(order)
    without = song.with_tracks([track for track in song.tracks if track.name != "Bass"])
    made = fill(without, ["bass"], takes=1, seed=1)[0].parts[0].notes
    assert made
    assert all(0 <= note.start < note.end <= song.bars[-1].end for note in made)
