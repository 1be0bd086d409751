"""Songs to what the net sees and back; and that the net sees in use what it saw in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from framing_songs import COMMON, ODD_LENGTH, SONGS, STEP, TPQ, as_piece, band, first_bar, grid_of, key_with
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.diffusion.config import NetConfig, TrainConfig
from arranger.diffusion.layout import (
    BASS,
    CONTEXT_PLANES,
    DRUMS,
    FEATURES,
    GUITAR,
    IS_ONSET,
    LOWEST,
    MODES,
    OTHER,
    SOUNDS,
    STATIC_FEATURES,
    STEPS,
    TARGET_PLANES,
    Bars,
    lowest_planes,
    map_tokens,
    song_features,
    static_features,
)
from arranger.diffusion.sampler import SamplerSettings, mean_prediction
from arranger.diffusion.shards import Piece
from arranger.diffusion.windows import Batch, IndexedPiece, Trial, _fill_window, draw_window
from arranger.files import load_song
from arranger.framing import RULE_WEIGHT, context_key, frame_song, grid_to_planes, read_part, song_bars
from arranger.grid import Grid, notes_to_steps, song_to_grid
from arranger.harmony import Key
from arranger.parts import PARTS, ROLES, Role, detect_parts
from arranger.song import Note, Song, Tempo, Track

REAL_SONGS = 5


# --- what training draws is what the grid gives


@pytest.mark.parametrize("shift", [0, 3, -5])
@pytest.mark.parametrize("name", SONGS)
@pytest.mark.parametrize("lead", [0, 3])
def test_training_draws_what_the_grid_gives(name: str, shift: int, lead: int) -> None:
    metres, length = SONGS[name]
    song = band(1, metres, length, lead=lead * 40 * STEP)
    assert_same_planes(song, shift)


def assert_same_planes(song: Song, shift: int) -> None:
    piece, grid = as_piece(song), grid_of(song)
    first, bars = first_bar(grid), len(piece.bars.steps)
    target, context = draw_window(piece, 0, bars, shift, None)
    planes = grid_to_planes(grid, shift)[grid.bar_slice(first, first + bars)]
    np.testing.assert_array_equal(np.concatenate([target, context]).T.astype(bool), planes)
    # Windows in the middle: the same, but for notes that were begun before and still sound.
    for begin in range(1, bars, max(1, bars // 3)):
        end = min(begin + 5, bars)
        target, context = draw_window(piece, begin, end, shift, None)
        run = grid_to_planes(begun_from(song, grid, first + begin), shift)[grid.bar_slice(first + begin, first + end)]
        np.testing.assert_array_equal(np.concatenate([target, context]).T.astype(bool), run)


def begun_from(song: Song, grid: Grid, bar: int, without: str | None = None) -> Grid:
    """Grid of the notes that begin in a bar or later; training windows have no others."""
    step, tracks = int(grid.bar_steps[bar]), []
    for track in song.tracks:
        steps = notes_to_steps(track.notes, song.bars, song.ticks_per_quarter, track.is_drum)
        kept = [note for note, (_, first, _) in zip(track.notes, steps, strict=True) if first >= step]
        tracks.append(replace(track, notes=tuple(kept)))
    roles = [role for role in detect_parts(song) if role.role != without]
    return song_to_grid(replace(song.with_tracks(tracks), length=song.end), roles)


def test_one_of_several_guitars_alone_is_a_part_beside_a_context_of_guitars() -> None:
    """Training's way to learn `--add`: the other guitar and the keys are what the net is given."""
    song = band(2, *SONGS["common"])
    piece = as_piece(song)
    lines = np.unique(piece.piece.note_line)
    target, context = draw_window(piece, 0, len(piece.bars.steps), 0, int(lines[-1]))
    roles = [
        Role(0, "drums", ""),
        Role(1, "bass", ""),
        Role(2, "other", ""),
        Role(3, "guitar", ""),
        Role(4, "other", ""),
    ]
    grid = song_to_grid(song, roles)
    run = grid.bar_slice(first_bar(grid), first_bar(grid) + len(piece.bars.steps))
    np.testing.assert_array_equal(np.concatenate([target, context]).T.astype(bool), grid_to_planes(grid, 0)[run])


@pytest.mark.parametrize("lead", [0, 100])
def test_training_and_use_tell_the_same_of_a_place(lead: int) -> None:
    song = band(3, *SONGS["odd"], lead=lead * STEP)
    assert_same_features(song)


def assert_same_features(song: Song) -> None:
    piece, grid = as_piece(song), grid_of(song)
    bars = piece.bars
    frame = frame_song(song, grid, ("drums",), (0, len(song.bars)), key_with(piece.piece.shift))
    told = song_features(piece.piece.shift, piece.piece.sounds, np.array([True, False, False]))
    trained = static_features(bars, map_tokens(bars, 0, len(bars.steps)), told)
    at = (frame.token_map.bar >= first_bar(grid)) & (frame.token_map.bar < first_bar(grid) + len(bars.steps))
    np.testing.assert_array_equal(frame.problem.static[at], trained)
    assert np.isfinite(frame.problem.static).all()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", SONGS)
def test_the_net_is_given_in_use_what_it_was_given_in_training(name: str, part: str) -> None:
    """Every window that the sampler shows the net against the training window of the same bars, in all its inputs."""
    assert_same_windows(band(4, *SONGS[name], lead=50 * STEP), part)


def assert_same_windows(song: Song, part: str) -> None:
    config = TrainConfig(net=NetConfig(window=64), batch=1)
    piece, grid = as_piece(song), grid_of(song, without=part)
    prior = np.full(TARGET_PLANES, 0.1)
    frame = frame_song(song, grid, (part,), (0, len(song.bars)), key_with(piece.piece.shift))
    seen: list[tuple[np.ndarray, ...]] = []

    def denoise(*arrays: np.ndarray) -> np.ndarray:
        seen.extend(zip(*arrays, strict=True))
        return np.zeros(arrays[0].shape)

    mean_prediction(denoise, frame.problem, 64, prior, SamplerSettings(), (0, 0))
    origin = first_bar(grid)
    assert origin == first_bar(grid_of(song)), "the part must not begin the song, or training counts other bars"
    assert seen
    table = np.concatenate([[0], np.cumsum(np.diff(grid.bar_steps))])
    for noisy, given_, features, place in seen:
        first = max(origin, int(place[0, 0]))  # training cuts off the silence before a song
        window = training_window(piece, first - origin, PARTS.index(part), config, prior)
        mine = (place[:, 2] == 1) & (place[:, 0] >= origin) & (place[:, 0] < origin + len(piece.bars.steps))
        count = min(int(mine.sum()), int(window.place[:, 2].sum()))
        assert count >= 12
        at = np.flatnonzero(mine)[:count]
        valid = frame.problem.valid[frame.problem.place[:, 0] >= first][:count]
        run = slice(int(table[first]), int(table[first]) + int(valid.sum()))
        # What stands in the first bars of a window from notes before it is all that training did not have.
        np.testing.assert_array_equal(given_[at][valid][:, : -LOWEST.rows], grid_to_planes(grid, frame.shift)[run])
        later = grid_to_planes(begun_from(song, grid, first, part), frame.shift)
        np.testing.assert_array_equal(window.given[:count][valid][:, : -LOWEST.rows].astype(bool), later[run])
        for shown in (given_[at], window.given[:count]):
            np.testing.assert_array_equal(shown[..., -LOWEST.rows :], lowest_planes(shown))
        np.testing.assert_array_equal(features[at], window.features[:count])
        np.testing.assert_array_equal(place[at] - [origin, 0, 0], window.place[:count])
        # Noise is drawn anew, but in the same cells.
        assert not noisy[at][window.weight[:count] == 0].any()
        assert noisy[at][window.weight[:count] == 1].mean() == pytest.approx(0.1, abs=0.03)


class FixedStart:
    """A generator whose first integer, the window's first bar, is chosen."""

    def __init__(self, first: int):
        self.first, self.rng = first, np.random.default_rng(0)

    def integers(self, *args: int) -> int:
        self.integers = self.rng.integers  # type: ignore[method-assign]
        return self.first

    def __getattr__(self, name: str) -> object:
        return getattr(self.rng, name)


def training_window(piece: IndexedPiece, first: int, part: int, config: TrainConfig, prior: np.ndarray) -> Batch:
    tokens = config.net.window
    cells = (tokens, STEPS, TARGET_PLANES)
    out = Batch(
        np.zeros(cells, dtype=np.uint8),
        np.zeros(cells, dtype=np.uint8),
        np.zeros((tokens, STEPS, TARGET_PLANES + CONTEXT_PLANES), dtype=np.uint8),
        np.zeros((tokens, FEATURES), dtype=np.float32),
        np.zeros((tokens, 3), dtype=np.int64),
        np.zeros(cells, dtype=np.uint8),
        np.zeros((tokens, 3), dtype=np.float32),
    )
    _fill_window(out, piece, config, prior, FixedStart(first), Trial(part, 1.0))  # type: ignore[arg-type]
    return out


def test_real_songs_are_the_same_in_training_and_in_use(data_pack: Callable[[str], Path]) -> None:
    paths = sorted(data_pack("val").rglob("*.mid"))
    for path in paths[:: len(paths) // REAL_SONGS][:REAL_SONGS]:
        song = load_song(path)
        longest = 255 * song.ticks_per_quarter // 12
        cut = [
            replace(t, notes=tuple(replace(n, duration=min(n.duration, longest)) for n in t.notes)) for t in song.tracks
        ]
        song = replace(song.with_tracks(cut), length=song.end)
        assert_same_planes(song, as_piece(song).piece.shift)
        assert_same_features(song)


def test_a_very_long_note_is_the_one_thing_that_training_has_shorter() -> None:
    song = band(5, *SONGS["common"])
    held = replace(song.tracks[4], notes=(Note(0, 300 * STEP, 60),))
    song = song.with_tracks([*song.tracks[:4], held])
    row = TARGET_PLANES + OTHER.sustain.start + 60 - OTHER.low
    assert grid_to_planes(grid_of(song), 0)[:, row].sum() == 300
    piece = as_piece(song)
    assert draw_window(piece, 0, len(piece.bars.steps), 0, None)[1][row - TARGET_PLANES].sum() == 255


# --- to the planes and back


@pytest.mark.parametrize("shift", [-6, 0, 5])
@pytest.mark.parametrize("name", SONGS)
def test_parts_come_back_from_the_planes(name: str, shift: int) -> None:
    song = band(6, *SONGS[name])
    grid = grid_of(song)
    # The hole is in another part, so that the planes of this one are given whole.
    for part, hole in (("drums", "bass"), ("bass", "drums"), ("guitar", "drums")):
        frame = frame_song(song, grid, (hole,), (0, len(song.bars)), key_with(shift))
        onset, sustain = read_part(frame, frame.problem.given[..., :TARGET_PLANES], part)
        at = ROLES.index(part)
        np.testing.assert_array_equal(onset, grid.onset[at])
        np.testing.assert_array_equal(sustain, grid.onset[at] if part == "drums" else grid.sustain[at])


def test_tokens_begin_with_their_bars_and_nothing_stands_past_a_bar_line() -> None:
    song = band(7, *SONGS["odd"])
    problem = frame_song(song, grid_of(song), ("bass",), (0, len(song.bars))).problem
    # 42 steps are 4 tokens, 12 are 1, 15 are 2, 36 are 3.
    lengths = np.bincount(problem.place[:, 0])
    assert lengths.tolist() == [4] * 9 + [1] + [2] * 8 + [3] * 10
    assert problem.valid.sum() == ODD_LENGTH // STEP
    assert not problem.given[~problem.valid].any()
    assert not problem.cells[~problem.valid].any()


@settings(max_examples=25, deadline=None)
@given(st.integers(-4, 4), st.integers(-3, 3), st.integers(0, 50))
def test_a_transposed_song_in_its_key_looks_the_same(up: int, shift: int, seed: int) -> None:
    """Where nothing is folded: 7 semitones of room on either side."""
    rng = np.random.default_rng(seed)

    def track(name: str, program: int, low: int, high: int) -> Track:
        places = zip(rng.integers(0, 90, 12).tolist(), rng.integers(low + 7, high - 7, 12).tolist(), strict=True)
        return Track(name, program, False, tuple(sorted(Note(at * STEP, 3 * STEP, pitch) for at, pitch in places)))

    low = [track("Bass", 33, 20, 68), track("Gtr", 27, 28, 92), track("Keys", 0, 32, 96)]
    high = [replace(t, notes=tuple(replace(n, pitch=n.pitch + up) for n in t.notes)) for t in low]
    one, two = (grid_of(Song(TPQ, tuple(tracks), length=96 * STEP)) for tracks in (low, high))
    np.testing.assert_array_equal(grid_to_planes(two, shift - up), grid_to_planes(one, shift))
    assert (context_key(one).shift - up - context_key(two).shift) % 12 == 0


def test_pitches_outside_the_planes_keep_their_pitch_class() -> None:
    keys = Track("Keys", 0, False, tuple(Note(k * STEP, STEP, pitch) for k, pitch in enumerate((0, 31, 96, 127))))
    planes = grid_to_planes(song_to_grid(Song(TPQ, (keys,), length=48 * STEP), [Role(0, "other", "")]), 0)
    for step, pitch in enumerate((0, 31, 96, 127)):
        rows = np.flatnonzero(planes[step, TARGET_PLANES:][OTHER.onset])
        assert len(rows) == 1
        assert (rows[0] + OTHER.low - pitch) % 12 == 0


# --- what the net is told of the parts


def modes(song: Song, grid: Grid, parts: tuple[str, ...], bars: tuple[int, int]) -> np.ndarray:
    return frame_song(song, grid, parts, bars).problem.mode


def test_modes_say_given_absent_and_unknown() -> None:
    song = band(8, *SONGS["common"])
    whole = modes(song, grid_of(song), ("bass",), (8, 16))
    assert (whole[: 8 * 4, 1] == MODES["given"]).all()
    assert (whole[8 * 4 : 16 * 4, 1] == MODES["unknown"]).all()
    assert (whole[:, [0, 2]] == MODES["given"]).all()
    # A part that the song lacks is absent round the hole as well: "given" would say that it rests there.
    for without, column in (("bass", 1), ("drums", 0)):
        lacking = modes(song, grid_of(song, without), ("bass",), (8, 16))
        assert (lacking[: 8 * 4, column] == MODES["absent"]).all()
        assert (lacking[16 * 4 :, column] == MODES["absent"]).all()


def test_nothing_is_given_in_the_hole_not_even_a_note_that_rings_into_it() -> None:
    bars = 48 * STEP
    bass = Track("Bass", 33, False, (Note(0, bars, 40), Note(bars, 2 * bars, 45), Note(2 * bars - 1, 30, 50)))
    keys = Track("Keys", 0, False, (Note(0, 4 * bars, 60),))
    song = Song(TPQ, (bass, keys), length=4 * bars)
    problem = frame_song(song, song_to_grid(song, detect_parts(song)), ("bass",), (2, 3)).problem
    assert not problem.given[8:12, :, BASS.all].any()
    assert problem.given[:8, :, BASS.all].any()
    assert problem.given[8:12, :, TARGET_PLANES:].any()


def test_notes_in_the_hole_do_not_make_a_part_present() -> None:
    """A note that begins a tick before the hole and is put into it by the grid is all that there is of the bass."""
    bars = 48 * STEP
    tracks = (
        Track("Bass", 33, False, (Note(2 * bars - 1, 30, 50),)),
        Track("Keys", 0, False, (Note(0, 4 * bars, 60),)),
    )
    song = Song(TPQ, tracks, length=4 * bars)
    problem = frame_song(song, grid_of(song), ("bass",), (2, 3)).problem
    assert not problem.given[..., BASS.all].any()
    assert (np.delete(problem.mode[:, 1], np.s_[8:12]) == MODES["absent"]).all()


def test_asked_density_is_said_of_its_part_alone() -> None:
    song = band(9, *SONGS["short"])
    wanted = frame_song(song, grid_of(song, "bass"), ("bass",), (0, 6), density={"bass": 1.5}).problem.density
    assert (wanted[:, 1] == 1.5).all()
    assert np.isnan(wanted[:, [0, 2]]).all()


def test_silence_round_a_song_is_not_counted() -> None:
    """The same song after two empty bars, and before three, is told the same of every bar that sounds."""
    song = band(10, COMMON, 12 * 48 * STEP)
    later = [replace(t, notes=tuple(replace(n, start=n.start + 96 * STEP) for n in t.notes)) for t in song.tracks]
    moved = replace(
        song.with_tracks(later),
        length=17 * 48 * STEP,
        tempos=tuple(Tempo(t.tick and t.tick + 96 * STEP, t.qpm) for t in song.tempos),
    )
    plain = frame_song(song, grid_of(song), ("drums",), (0, 12)).problem.static
    padded = frame_song(moved, grid_of(moved), ("drums",), (0, 17)).problem.static
    np.testing.assert_array_equal(padded[8 : 8 + len(plain)], plain)


# --- random numbers and roots


def test_the_same_place_in_any_bar_has_the_same_slot() -> None:
    """Bars of a take share their random numbers, beat by beat, whatever their metre."""
    song = band(12, *SONGS["odd"])
    problem = frame_song(song, grid_of(song), ("drums",), (0, len(song.bars))).problem
    starts = np.flatnonzero(problem.place[:, 1] == 0)
    for begin, end in pairwise([*starts.tolist(), len(problem.place)]):
        assert problem.slot[begin:end].tolist() == list(range(end - begin))


def test_rules_lean_on_the_pitches_of_the_rule_in_the_asked_bars_only() -> None:
    """Keys hold a C for two bars: the bass rule plays C2, and leans on it at every step of the second bar."""
    song = Song(TPQ, (Track("Keys", 0, False, (Note(0, 96 * STEP, 60),)),), length=96 * STEP)
    frame = frame_song(song, song_to_grid(song, [Role(0, "other", "")]), ("bass",), (1, 2), key=Key(0, "major"))
    lean = frame.problem.lean.reshape(-1, TARGET_PLANES)
    assert not lean[:48].any()
    row = 36 - BASS.low
    for planes in (BASS.onset, BASS.sustain):
        np.testing.assert_array_equal(lean[48:, planes.start + row], RULE_WEIGHT["bass"])
    assert np.count_nonzero(lean[48:]) == 2 * 48


def test_song_bars_are_those_of_the_song() -> None:
    song = band(11, *SONGS["odd"])
    bars = song_bars(song, grid_of(song))
    assert bars.steps.tolist() == [42] * 9 + [12] + [15] * 8 + [36] * 10
    assert set(bars.tempo_qpm.tolist()) == {118, 93}
    assert bars.tokens.sum() == 36 + 1 + 16 + 30


def test_layout_of_this_file_is_the_layouts() -> None:
    """The planes that these tests speak of cover the roll."""
    assert DRUMS.all.stop == BASS.all.start
    assert BASS.all.stop == GUITAR.all.start
    assert GUITAR.all.stop == TARGET_PLANES == len(IS_ONSET)
    assert STATIC_FEATURES < FEATURES
    assert isinstance(as_piece(band(1, *SONGS["short"])).piece, Piece)


def test_features_of_a_token_are_what_checkpoints_were_trained_on() -> None:
    """Third beat of the tenth of twenty bars of 4/4 at 120, and the short last beat of a bar of 7/8, by hand."""
    count = 20
    bars = Bars(np.full(count, 48), np.full(count, 4), np.full(count, 4), np.full(count, 120.0))
    told = song_features(-3, np.arange(SOUNDS), np.array([True, False, True]))
    token, about = np.split(static_features(bars, map_tokens(bars, 0, count), told)[9 * 4 + 2], [45])
    # Token 3 of 8, length 4 of 8, phase 9 % 8 of 8; both edges say "further in", the last of four; then the tempo bin.
    groups = np.split(token, np.cumsum([8, 8, 8, 4, 4, 8]))
    assert [int(group.argmax()) for group in groups[:-1]] == [2, 3, 1, 3, 3, 5]
    assert [float(group.sum()) for group in groups[:-1]] == [1.0] * 6
    np.testing.assert_allclose(groups[-1], [0.0, 9.5 / 20, 0.0, 1.0, 1.0], atol=1e-6)
    odd = Bars(np.full(3, 42), np.full(3, 7), np.full(3, 8), np.full(3, 240.0))
    # Moved by -3: the tenth of twelve. Guitars are not known, so none is told; a bass of class 9 is.
    assert about[:12].tolist() == [0.0] * 9 + [1.0] + [0.0] * 2
    assert not about[12:20].any()
    np.testing.assert_allclose(about[21] ** 2, 9 / sum(range(8, SOUNDS)), rtol=1e-6)
    last = static_features(odd, map_tokens(odd, 0, 3), told)[-1][:45]
    np.testing.assert_allclose(last[-5:], [1.0, 2.5 / 3, 0.0, 0.5, 42 / 48], atol=1e-6)
    assert last[24 + 4 :][:4].tolist() == [1.0, 0.0, 0.0, 0.0]
