"""The token model's sequences: they are MidiTok's, they keep what they are given, and open bars are truly open."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from evaluate_songs import band
from hypothesis import given, settings
from hypothesis import strategies as st
from token_pieces import TINY, both, everything, pieces

from arranger.evaluation.tokens.batches import draw_asked, draw_sequence
from arranger.evaluation.tokens.grammar import read_notes
from arranger.evaluation.tokens.songs import from_piece, from_song
from arranger.evaluation.tokens.vocabulary import (
    BAR_FILL,
    DURATION_0,
    DURATION_STEPS,
    DURATIONS,
    FILL_END,
    FILL_START,
    METRE_0,
    METRES,
    MIDITOK,
    NAMES,
    TRACK_START,
    duration_token,
    metre_token,
    tempo_token,
)
from arranger.evaluation.tokens.windows import OTHER, encode_context, encode_fill, moved
from arranger.parts import detect_parts
from arranger.voices import VOICES

SONG = from_piece(pieces()[0])
NOTHING_OPEN = np.zeros((8, 3), dtype=bool)


@pytest.fixture(scope="module")
def miditok():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("miditok")
        return found.MMM(found.TokenizerConfig(**MIDITOK))


def test_every_name_is_one_of_miditoks(miditok) -> None:
    assert not set(NAMES) - set(miditok.vocab)
    assert len(set(NAMES)) == len(NAMES)


def test_miditok_reads_a_window_as_the_notes_that_are_in_it(miditok) -> None:
    notes = everything(SONG)
    context = encode_context(SONG, 0, notes, NOTHING_OPEN, 10_000)
    assert context.own == ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = miditok([miditok.vocab[NAMES[token[0]]] for token in context.shared])
    quarter, found = score.ticks_per_quarter, []
    for track in score.tracks:
        role = 0 if track.is_drum else {33: 1, 27: 2, 0: 3}[track.program]
        for note in track.notes:
            step, length = note.time * 12 / quarter, note.duration * 12 / quarter
            row = next(at for at, v in enumerate(VOICES) if v.key == note.pitch) if role == 0 else note.pitch
            found.append((int(step // 48), role, step % 48, row, length if role else 0))
    wanted = [(bar, role, step, row, length if role else 0) for bar, role, step, row, length in notes.tolist()]
    assert sorted(found) == sorted(wanted)
    assert score.tempos[0].tempo == pytest.approx(120, abs=3.5)


def test_a_song_is_the_same_from_the_shards_and_from_the_evaluation() -> None:
    for seed in range(3):
        packed, asked = both(seed)
        np.testing.assert_array_equal(everything(packed), everything(asked))
        assert packed.shift == asked.shift
        np.testing.assert_array_equal(packed.bar_steps, asked.bar_steps)
        np.testing.assert_array_equal(packed.metre, asked.metre)


@given(st.integers(1, 400))
def test_durations_are_the_nearest_there_are(steps: int) -> None:
    token = duration_token(steps) - DURATION_0
    assert 0 <= token < DURATIONS
    assert abs(DURATION_STEPS[token] - steps) == np.abs(DURATION_STEPS - steps).min()


def test_duration_names_say_their_steps() -> None:
    for name, steps in zip(NAMES[DURATION_0 : DURATION_0 + DURATIONS], DURATION_STEPS.tolist(), strict=True):
        quarters, parts, resolution = map(int, name.removeprefix("Duration_").split("."))
        assert (quarters + parts / resolution) * 12 == pytest.approx(steps)


def test_metres_and_tempos_without_a_token_get_the_nearest() -> None:
    assert NAMES[metre_token(7, 8)] == "TimeSig_7/8"
    assert METRES[metre_token(13, 8) - METRE_0] == (6, 4)  # 6.5 quarters: 6/4 is the first of the nearest
    assert NAMES[tempo_token(1.0)] == "Tempo_40.0"
    assert NAMES[tempo_token(121.0)] == "Tempo_121.29"


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_a_training_sequence_has_each_open_bar_once_with_its_notes_and_nowhere_else(seed: int) -> None:
    config, rng = TINY, np.random.default_rng(seed)
    tokens, weight = draw_sequence(SONG, config, rng)
    assert len(tokens) <= config.max_tokens
    assert weight[0] == 0
    first_fill = int(np.argmax(weight == 2.0))
    assert set(weight[1:first_fill].tolist()) <= {1.0}
    assert tokens[first_fill, 0] == FILL_START
    given_tokens, fills = tokens[:first_fill], tokens[first_fill:]
    opened = [(role, bar) for token, role, bar, _ in given_tokens.tolist() if token == BAR_FILL]
    written = [(role, bar) for token, role, bar, _ in fills.tolist() if token == FILL_START]
    assert written == opened[: len(written)]
    assert len(written) == len(opened) or len(tokens) == config.max_tokens
    for role, bar in opened:  # nothing of an open bar is told: bar, metre, at the track's start the tempo, and the sign
        told = given_tokens[(given_tokens[:, 1] == role) & (given_tokens[:, 2] == bar)]
        assert len(told) == (5 if bar == 0 else 3)


def test_open_bars_hold_the_hidden_notes() -> None:
    notes = everything(SONG)
    for part in range(3):
        for bar in range(8):
            tokens = [token for token, *_ in encode_fill(notes, part, bar)]
            assert tokens[0] == FILL_START
            assert tokens[-1] == FILL_END
            mine = notes[(notes[:, 0] == bar) & (notes[:, 1] == part)]
            wanted = [(step, row, length if part else 1) for _, _, step, row, length in mine.tolist()]
            assert read_notes(tokens[1:-1]) == wanted


def test_tracks_with_open_bars_come_last_and_what_is_before_does_not_depend_on_them() -> None:
    notes = everything(SONG)
    asked = NOTHING_OPEN.copy()
    asked[4:, 0] = True
    context = encode_context(SONG, 0, notes, asked, 10_000)
    assert {role for _, role, _, _ in context.own} == {0}
    assert [role for token, role, _, _ in context.shared if token == TRACK_START] == [1, 2]
    without = encode_context(SONG, 0, notes[notes[:, 1] != 0], asked, 10_000)
    assert without.shared == context.shared
    assert len(without.own) < len(context.own)
    assert context.open_bars == ((0, 4), (0, 5), (0, 6), (0, 7))
    hidden = (notes[:, 1] == 0) & (notes[:, 0] >= 4)
    tight = len(context.shared) - 40  # nor does what is left out of a window that is too long
    assert encode_context(SONG, 0, notes[~hidden], asked, tight) == encode_context(SONG, 0, notes, asked, tight)


def test_of_notes_that_begin_together_on_one_pitch_the_longest_stays() -> None:
    song = band(0)
    bass = song.tracks[2]
    short = tuple(replace(note, duration=note.duration // 4) for note in bass.notes)
    doubled = tuple(sorted([*bass.notes, *short]))
    roles = detect_parts(song)
    tracks = [replace(track, notes=doubled) if track is bass else track for track in song.tracks]
    np.testing.assert_array_equal(
        everything(from_song(song.with_tracks(tracks), roles)), everything(from_song(song, roles))
    )


def test_dense_windows_lose_inner_notes_of_other_tracks_first() -> None:
    chords = np.array([(bar, OTHER, step, 40 + 5 * k, 6) for bar in range(8) for step in (0, 6, 9) for k in range(5)])
    line = np.array([(bar, 1, step, 36, 12) for bar in range(8) for step in (0, 12)])
    notes = np.concatenate([chords, line])
    notes = notes[np.lexsort(notes.T[::-1])]
    full = encode_context(SONG, 0, notes, NOTHING_OPEN, 10_000)
    budget = len(full.shared) - 60
    thin = encode_context(SONG, 0, notes, NOTHING_OPEN, budget)
    assert len(thin.shared) <= budget
    assert thin == encode_context(SONG, 0, notes, NOTHING_OPEN, budget)
    assert [t for t in thin.shared if t[1] == 1] == [t for t in full.shared if t[1] == 1]
    lost = set(full.shared) - set(thin.shared)
    assert {NAMES[token] for token, *_ in lost if NAMES[token].startswith("Pitch")} == {
        "Pitch_45",
        "Pitch_50",
        "Pitch_55",
    }
    tiny = encode_context(SONG, 0, notes, NOTHING_OPEN, 10)  # never for ever, and never less than the bars
    assert len(tiny.shared) < len(thin.shared)


@given(st.integers(-6, 5))
def test_moving_keeps_drums_and_pitch_classes(shift: int) -> None:
    notes = np.array([[0, 0, 0, 3, 1], [0, 1, 0, 2, 4], [0, 2, 0, 125, 4]])
    there = moved(notes, shift)
    assert (there[0] == notes[0]).all()
    assert ((there[1:, 3] - notes[1:, 3] - shift) % 12 == 0).all()
    assert there[:, 3].min() >= 0
    assert there[:, 3].max() <= 127


@given(st.integers(0, 1000), st.integers(1, 8), st.sets(st.integers(0, 2), min_size=1))
def test_masks_open_only_parts_that_are_there_and_at_least_one_bar(seed: int, bars: int, there: set[int]) -> None:
    asked = draw_asked(bars, sorted(there), np.random.default_rng(seed))
    assert asked.shape == (bars, 3)
    assert asked.any()
    assert set(np.flatnonzero(asked.any(axis=0)).tolist()) <= there
