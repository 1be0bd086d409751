"""The token model as a filler: bars in ticks, only where asked, the same for a seed; found, or said where from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluate_songs import BARS, QUARTER, SONGS, load
from hypothesis import given
from hypothesis import strategies as st
from test_evaluate_command import run, write_midi
from token_pieces import NET, small_net, task_of

from arranger.errors import ArrangerError, CheckpointError
from arranger.evaluation.evaluate import evaluate
from arranger.evaluation.fillers import MODEL, RULES, TOKENS, rules_filler
from arranger.evaluation.report import differences
from arranger.evaluation.tables import render_table
from arranger.evaluation.tokens import decode
from arranger.evaluation.tokens import filler as filling
from arranger.evaluation.tokens.checkpoint import write_tokens_model
from arranger.evaluation.tokens.filler import (
    GIVEN_BARS,
    draw_parts,
    most_agreed,
    to_notes,
    tokens_filler,
    tokens_model_path,
    windows,
)
from arranger.evaluation.tokens.songs import from_song
from arranger.evaluation.tokens.windows import WINDOW_BARS
from arranger.fills import apply_fill
from arranger.grid import notes_to_steps, song_to_grid
from arranger.song import Note, TimeSignature


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "small.safetensors"
    weights = {name: tensor.detach().numpy() for name, tensor in small_net(3, scale=3.0).named_parameters()}
    write_tokens_model(path, NET, weights, {})
    return path


@given(st.sets(st.integers(0, 40), min_size=1), st.integers(0, 8))
def test_windows_write_every_hidden_bar_once_after_bars_that_are_done(hidden: set[int], beyond: int) -> None:
    bars, done = max(hidden) + 1 + beyond, set(range(max(hidden) + 1 + beyond)) - hidden
    written: list[int] = []
    for first, run_of in windows(sorted(hidden), bars):
        assert first >= 0
        assert all(first <= bar < min(bars, first + WINDOW_BARS) for bar in run_of)
        before = set(range(first, run_of[0]))
        assert before <= done | set(written)
        assert first == 0 or len(before) >= GIVEN_BARS
        written += run_of
    assert written == sorted(hidden)


@pytest.mark.parametrize(
    ("parts", "bars", "only"),
    [
        (("bass",), (0, 8), ()),
        (("drums", "guitar"), (0, 8), ()),
        (("drums",), (2, 7), (2, 4, 6)),
        (("bass",), (6, 8), ()),
    ],
)
def test_fills_are_where_they_were_asked_and_on_the_grid(model: Path, parts, bars, only) -> None:
    task = task_of(1, parts, bars, only)
    fill = tokens_filler(2, model)(task, 0)
    assert [one.part for one in fill.parts] == [part for part in ("drums", "bass", "guitar") if part in parts]
    assert fill.source == TOKENS
    assert any(fill.notes(part) for part in parts)
    for part in parts:
        for note in fill.notes(part):
            assert task.song.bar_at(note.start) in task.hidden
            assert note.start % (QUARTER // 12) == 0
            assert note.end <= task.song.bars[-1].end
            assert 0 <= note.pitch <= 127
            assert 1 <= note.velocity <= 127
    assert apply_fill(task.song, fill).tracks[: len(task.song.tracks)] == task.song.tracks


def test_same_seed_same_fill(model: Path) -> None:
    task, fill = task_of(2, ("guitar",)), tokens_filler(2, model)
    assert fill(task, 4) == fill(task, 4)
    assert fill(task, 4).notes("guitar") != fill(task, 5).notes("guitar")


def test_hidden_notes_are_not_looked_at_and_given_ones_are(model: Path) -> None:
    net = small_net(3, scale=3.0)
    task = task_of(1, ("bass",), (4, 8))
    found = draw_parts(net, task, 0, 1)
    index = next(at for at, track in enumerate(task.song.tracks) if track.name == "Bass")
    bass = task.song.tracks[index]
    higher = replace(bass, notes=tuple(replace(note, pitch=note.pitch + 12) for note in bass.notes))
    tracks = [higher if at == index else track for at, track in enumerate(task.song.tracks)]
    assert draw_parts(net, replace(task, song=task.song.with_tracks(tracks)), 0, 1) != found
    late = Note(task.song.bars[4].start - 1, 60, 40)  # on the grid it is in the first hidden bar
    with_late = [
        replace(bass, notes=(*bass.notes, late)) if at == index else t for at, t in enumerate(task.song.tracks)
    ]
    assert draw_parts(net, replace(task, song=task.song.with_tracks(with_late)), 0, 1) == found


def test_songs_in_other_keys_are_the_same_song() -> None:
    for seed in range(4):
        song, roles = task_of(seed, ("drums",)).song, task_of(seed, ("drums",)).roles
        tracks = [
            replace(track, notes=tuple(replace(n, pitch=n.pitch + 2) for n in track.notes)) for track in song.tracks
        ]
        here, there = from_song(song, roles), from_song(song.with_tracks(tracks), roles)
        assert (here.shift - there.shift) % 12 == 2
        rows = [(one.shift + one.notes(0, 8)[:, 3]) % 12 for one in (here, there)]
        np.testing.assert_array_equal(*rows)


def test_what_is_written_in_c_comes_back_in_the_songs_key(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(0, ("bass",))
    tracks = [
        replace(track, notes=tuple(replace(n, pitch=n.pitch + 3) for n in track.notes)) for track in task.song.tracks
    ]
    task = replace(task, song=task.song.with_tracks(tracks))
    shift = from_song(task.song, task.roles).shift
    assert shift
    monkeypatch.setattr(
        decode, "draw_bars", lambda net, shared, owns, bars, *rest: [[[(6, 40, 12)]] * len(bars)] * len(owns)
    )
    found = draw_parts(small_net(), task, 0, 2)
    assert found[0] == found[1]
    assert [(note.start, note.end, note.pitch) for note in found[0]["bass"]] == [
        (QUARTER // 2 + bar.start, QUARTER * 3 // 2 + bar.start, 40 - shift) for bar in task.song.bars
    ]


def test_notes_go_back_to_the_ticks_they_came_from() -> None:
    song = replace(
        SONGS[Path("set/00.mid")], time_signatures=(TimeSignature(0, 3, 4), TimeSignature(QUARTER * 9, 7, 8))
    )
    task = replace(task_of(0, ("bass",)), song=song, bars=(0, len(song.bars)))
    grid = song_to_grid(song, ())
    bass = song.tracks[2].notes
    steps = notes_to_steps(bass, song.bars, QUARTER, False)
    bar_of = [int(grid.bar_of_step[first]) for _, first, _ in steps]
    rows = [
        (bar, 1, first - grid.bar_steps[bar], row, last - first)
        for bar, (row, first, last) in zip(bar_of, steps, strict=True)
    ]
    assert to_notes(np.array(rows), task, grid) == tuple(replace(note, velocity=80) for note in bass)


def test_notes_end_where_their_pitch_is_struck_again() -> None:
    task, grid = task_of(0, ("bass",)), song_to_grid(task_of(0, ("bass",)).song, ())
    found = to_notes(np.array([[0, 1, 0, 40, 90], [0, 1, 24, 40, 600], [1, 1, 0, 43, 12]]), task, grid)
    assert [(note.start, note.end, note.pitch) for note in found] == [
        (0, 2 * QUARTER, 40),
        (2 * QUARTER, 4 * QUARTER * BARS, 40),
        (4 * QUARTER, 5 * QUARTER, 43),
    ]


def test_of_three_takes_the_one_in_the_middle_is_taken() -> None:
    task = task_of(0, ("bass",))
    one, two, three = (
        tuple(Note(at * QUARTER, 60, 40) for at in run) for run in ((0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 6))
    )
    assert most_agreed([{"bass": one}, {"bass": two}, {"bass": three}], task) == 1
    assert most_agreed([{"bass": three}], task) == 0
    assert most_agreed([{"bass": ()}, {"bass": ()}], task) == 0


def test_a_missing_model_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Path) -> None:
    monkeypatch.delenv("ARRANGER_TOKENS", raising=False)
    monkeypatch.setattr(filling, "BESIDE", tmp_path / "none.safetensors")
    with pytest.raises(
        ArrangerError, match=r"none.safetensors: there is no token model.*--tokens-model or ARRANGER_TOKENS"
    ):
        tokens_filler(1)
    monkeypatch.setattr(filling, "BESIDE", model)
    assert tokens_model_path() == model
    monkeypatch.setenv("ARRANGER_TOKENS", str(tmp_path / "said.safetensors"))
    with pytest.raises(ArrangerError, match=r"said\.safetensors"):
        tokens_model_path()
    assert tokens_model_path(model) == model
    weights = {name: np.zeros((1, 1)) for name, _ in small_net().named_parameters()}
    write_tokens_model(tmp_path / "odd.safetensors", NET, weights, {})
    with pytest.raises(CheckpointError, match="don't fit"):
        tokens_filler(1, tmp_path / "odd.safetensors")


def test_the_table_has_the_token_model_and_the_lead_over_it(model: Path) -> None:
    fillers = {MODEL: rules_filler, TOKENS: tokens_filler(1, model), RULES: rules_filler}
    report = evaluate(list(SONGS)[:3], ["bass"], fillers, load=load)
    assert report.changed_outside == 0
    text = render_table(report)
    assert TOKENS in text.splitlines()[0]
    assert f"{MODEL} - {TOKENS}" in text
    leads = differences(report, MODEL, TOKENS)["bass"]
    scores = {name: [s.measures["note_f1"] for s in report.scores if s.filler == name] for name in (MODEL, TOKENS)}
    assert leads["note_f1"].mean == pytest.approx(np.mean(scores[MODEL]) - np.mean(scores[TOKENS]))


def test_against_on_the_command_line(model: Path, tmp_path: Path) -> None:
    for path, song in list(SONGS.items())[:2]:
        write_midi(song, tmp_path / path)
    asked = (str(tmp_path), "--rules-only", "--part", "bass", "--mask", "whole", "--seeds", "1", "--takes", "1")
    result = run(*asked, "--against", "tokens", "--tokens-model", str(model))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split()[3:5] == [TOKENS, RULES]
    with pytest.raises(ArrangerError, match="“magic” is nothing to compare with"):
        run(*asked, "--against", "magic")
    with pytest.raises(ArrangerError, match="no token model"):
        run(*asked, "--against", "tokens", "--tokens-model", str(tmp_path / "none"))
