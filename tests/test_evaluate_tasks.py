"""What fillers are asked and see: stripping, masks, references."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from evaluate_songs import BARS, QUARTER, SONGS, band, load
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.evaluation.evaluate import evaluate
from arranger.evaluation.examples import Example, song_kind
from arranger.evaluation.fillers import copy_bars, model_filler, most_likely, neighbour_filler, rules_filler
from arranger.evaluation.metrics_notes import changed_outside
from arranger.evaluation.tasks import (
    Case,
    Task,
    hidden_notes,
    make_case,
    make_cases,
    notes_to_planes,
    part_notes,
    strip,
)
from arranger.fills import Fill, PartFill
from arranger.parts import PARTS, detect_parts
from arranger.song import Note, Song, Tempo, TimeSignature, Track

EVERYTHING = (0, BARS)
BAR = 4 * QUARTER


def example(seed: int = 0) -> Example:
    return Example(f"song {seed}", band(seed), detect_parts(band(seed)))


def task_of(part: str, bars: tuple[int, int] = EVERYTHING) -> Task:
    task = strip(band(0), detect_parts(band(0)), [part], bars)
    assert task is not None
    return task


class TestStrip:
    def test_the_part_is_gone_and_the_bars_are_not(self) -> None:
        song = band(0)
        # A last guitar note that alone makes the song longer.
        longer = replace(song.tracks[3], notes=(*song.tracks[3].notes, Note(BAR * 11, 60, 72)))
        song = replace(song.with_tracks([*song.tracks[:3], longer]), source=SimpleNamespace(format="mid", data=b""))
        task = strip(song, detect_parts(song), ["guitar"], (0, 12))
        assert task is not None
        assert [track.name for track in task.song.tracks] == ["Drums", "Bass"]
        assert [(role.track, role.role) for role in task.roles] == [(0, "drums"), (1, "bass")]
        assert task.song.source is None
        assert task.song.bars == song.bars
        assert len(song.bars) == 12
        assert len(song.tracks) == 4

    def test_only_the_hidden_bars_are_emptied(self) -> None:
        song, task = band(0), task_of("bass", (2, 4))
        bass = next(track for track in task.song.tracks if track.name == "Bass")
        kept = [note for note in song.tracks[2].notes if not 2 * BAR <= note.start < 4 * BAR]
        assert list(bass.notes) == kept
        assert len(kept) < len(song.tracks[2].notes)
        assert [track for track in task.song.tracks if track.name != "Bass"] == [
            song.tracks[0],
            song.tracks[1],
            song.tracks[3],
        ]

    def test_truth_is_all_tracks_of_the_part(self) -> None:
        case = make_case(example(), ["guitar"], EVERYTHING, "whole")
        assert case is not None
        onset, sustain = notes_to_planes(case.truth["guitar"], case.task.song, "guitar")
        assert onset.shape == sustain.shape == (128, BARS * 48)
        assert onset.sum() == BARS * 3 + BARS
        root = band(0).tracks[3].notes[0].pitch - 24
        assert np.flatnonzero(onset[:, 0]).tolist()[0] == root + 12
        assert np.flatnonzero(sustain[root + 24, :48]).tolist()[-6:] == list(range(12, 18))

    def test_drum_rows_are_voices(self) -> None:
        onset, _ = notes_to_planes(part_notes(band(0), detect_parts(band(0)), "drums"), band(0), "drums")
        assert onset.any(axis=1).nonzero()[0].max() < 12

    def test_no_such_part_or_nothing_else(self) -> None:
        song = band(0)
        alone = song.with_tracks([song.tracks[1]])
        assert strip(alone, detect_parts(alone), ["bass"], EVERYTHING) is None
        assert strip(alone, detect_parts(alone), ["drums"], EVERYTHING) is None
        assert strip(song, detect_parts(song), ["bass"], (5, 6)) is None  # the bass rests there anyway

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 5), st.sampled_from(PARTS), st.integers(0, BARS - 1), st.integers(1, BARS))
    def test_what_is_left_and_what_is_hidden_is_the_song(self, seed: int, part: str, first: int, length: int) -> None:
        song, bars = band(seed), (first, min(BARS, first + length))
        roles = detect_parts(song)
        task = strip(song, roles, [part], bars)
        hidden = hidden_notes(song, roles, part, range(*bars))
        if task is None:
            assert not hidden
            return
        left = part_notes(task.song, task.roles, part)
        assert sorted([*left, *hidden]) == list(part_notes(song, roles, part))
        assert not set(left) & set(hidden)


class TestMasks:
    def test_every_mask_asks_what_it_says(self) -> None:
        cases = make_cases(example(), PARTS, ("whole", "two", "half", "last"), np.random.default_rng(0))
        by_mask: dict[str, list[Case]] = {}
        for case in cases:
            by_mask.setdefault(case.task.mask, []).append(case)
        assert [case.task.parts for case in by_mask["whole"]] == [("drums",), ("bass",), ("guitar",)]
        (two,) = by_mask["two"]
        assert len(two.task.parts) == 2
        assert {role.role for role in two.task.roles} == {"drums", "bass", "guitar"} - set(two.task.parts)
        (half,), (last,) = by_mask["half"], by_mask["last"]
        assert len(half.task.hidden) == BARS // 2
        assert set(half.task.hidden) <= set(range(*half.task.bars))
        assert last.task.bars == (4, 8)
        assert all(case.truth[part] for case in cases for part in case.task.parts)

    def test_a_mask_is_the_same_whatever_else_is_asked(self) -> None:
        every = make_cases(example(), PARTS, ("whole", "two", "half", "last"), np.random.default_rng(3))
        alone = make_cases(example(), PARTS, ("last",), np.random.default_rng(3))
        assert [(case.task.parts, case.task.bars) for case in alone] == [
            (case.task.parts, case.task.bars) for case in every if case.task.mask == "last"
        ]

    def test_halves_lie_at_other_places_in_other_songs(self) -> None:
        found = set()
        for seed in range(12):
            for case in make_cases(example(), PARTS, ("half",), np.random.default_rng(seed)):
                found.add(case.task.hidden)
        assert len(found) > 2
        assert any(len(bars) < bars[-1] + 1 - bars[0] for bars in found), "they are no runs"


class TestFillers:
    def test_a_filler_never_sees_the_part(self) -> None:
        def spy(task: Task, seed: int) -> Fill:
            def at(note: Note) -> int:
                return task.song.bar_at(note.start)

            for role in (*task.roles, *detect_parts(task.song)):
                inside = [note for note in task.song.tracks[role.track].notes if at(note) in task.hidden]
                assert role.role not in task.parts or not inside
            assert task.song.source is None
            assert seed == 7
            return Fill(tuple(PartFill(part, ()) for part in task.parts), task.bars, seed, 0)

        masks = ("whole", "two", "half", "last")
        report = evaluate(list(SONGS), PARTS, {"spy": spy}, masks=masks, seed=7, load=load)
        spied = [score for score in report.scores if score.filler == "spy"]
        assert len(spied) == (3 + 2 + 1 + 1) * len(SONGS)

    def test_rules(self) -> None:
        fill = rules_filler(task_of("bass"), 0)
        assert fill.notes("bass")
        assert changed_outside(task_of("bass").song, fill) == 0
        some = rules_filler(task_of("bass", (2, 4)), 0).notes("bass")
        assert some
        assert all(2 * BAR <= note.start < 4 * BAR for note in some)

    def test_model_gives_its_best_take(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def fill(song: Song, parts: list[str], **options: object) -> list[Fill]:
            asked.append((parts, options))
            return [Fill((PartFill("bass", (Note(QUARTER * take, 60, 40),)),), (0, BARS), 3, take) for take in (1, 2)]

        monkeypatch.setitem(sys.modules, "arranger.filler", SimpleNamespace(fill=fill))
        best = model_filler(takes=2, model="x")(task_of("bass"), 3)
        model_filler(takes=2)(task_of("bass", (2, 4)), 3)
        assert [note.start for note in best.notes("bass")] == [QUARTER]
        assert asked[0] == (["bass"], {"bars": None, "only": (), "takes": 2, "seed": 3, "mode": "new", "model": "x"})
        assert asked[1] == (["bass"], {"bars": (2, 4), "takes": 2, "seed": 3, "mode": "replace", "only": ()})

    def test_most_likely_keeps_the_expected_count(self) -> None:
        chance = np.array([[0.4, 0.1], [0.0, 0.3], [0.2, 0.9]])
        assert most_likely(chance).tolist() == [[True, False], [False, False], [False, True]]  # 1.9 -> 2; > 0.5 gives 1
        assert not most_likely(np.zeros(3)).any()

    def test_the_bar_before_and_for_the_first_bar_the_second(self) -> None:
        case = make_case(example(), ["bass"], EVERYTHING, "whole")
        assert case is not None
        truth, copied = case.truth["bass"], neighbour_filler(case).notes("bass")

        def inside(notes: tuple[Note, ...], bar: int) -> list[tuple[int, int]]:
            return [(note.start - bar * BAR, note.pitch) for note in notes if bar * BAR <= note.start < (bar + 1) * BAR]

        for bar in range(1, BARS):
            assert inside(copied, bar) == inside(truth, bar - 1)
        assert inside(copied, 0) == inside(truth, 1)

    def test_copied_bars_are_cut_and_scaled(self) -> None:
        waltz = (TimeSignature(0, 3, 4), TimeSignature(3 * 96, 4, 4))
        source = Song(96, (Track("Bass", 33, False, ()),), time_signatures=waltz, length=7 * 96)
        target = Song(480, (), time_signatures=(TimeSignature(0, 4, 4), TimeSignature(BAR, 3, 4)), length=BAR + 3 * 480)
        notes = [Note(0, 48, 40), Note(3 * 96, 48, 41), Note(6 * 96, 48, 42)]
        # 3/4 into 4/4 leaves a quarter of silence, 4/4 into 3/4 loses its last quarter; ticks are five times as many.
        copied = copy_bars(notes, source, [0, 1], target, (0, 2))
        assert [(note.start, note.duration, note.pitch) for note in copied] == [(0, 240, 40), (BAR, 240, 41)]

    def test_what_sounds_on_is_cut_where_it_is_struck_again(self) -> None:
        song = Song(480, (), length=2 * BAR)
        copied = copy_bars([Note(480, 5000, 40)], song, [0, 0], song, (0, 2))
        assert [(note.start, note.end) for note in copied] == [(480, BAR + 480), (BAR + 480, BAR + 5480)]


def test_kinds_of_songs(tmp_path) -> None:
    song = replace(band(0, (3, 4)), tempos=(Tempo(0, 140.0),))
    assert song_kind(song, tmp_path / "rock" / "x.mid") == {"metre": "3/4", "tempo": "fast (≥ 130)", "genre": "rock"}
    assert song_kind(band(0), tmp_path / "songs" / "rock.mid")["genre"] == "not told"  # a file's name is no folder
    assert song_kind(band(0), tmp_path / "riddim-archive" / "LakhSubset" / "x.mid")["genre"] == "reggae"
