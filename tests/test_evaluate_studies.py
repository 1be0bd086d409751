"""Real or fill, and memorisation: known answers on made-up parts, and an independent slow search."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from evaluate_songs import FAULTS, SONGS, load
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.diffusion.shards import Piece, write_shard
from arranger.errors import ArrangerError
from arranger.evaluation.copies import Collector, render_copies, sample_pieces
from arranger.evaluation.evaluate import evaluate
from arranger.evaluation.memorisation import (
    LEVELS,
    Match,
    longest_matches,
    note_steps,
    part_steps,
    piece_lines,
    run_hashes,
)
from arranger.evaluation.realness import Listener, Windows, render_verdicts, tell, verdicts
from arranger.evaluation.traits import traits
from arranger.parts import ROLES
from arranger.song import Note


def windows(difference: float, songs: int = 10, each: int = 8, of_song: float = 0.0) -> Windows:
    """Two features; the first is `difference` higher in fills, the second says nothing but which song it is."""
    rng = np.random.default_rng(0)
    count = songs * each
    song = np.tile(np.repeat(np.arange(songs), each), 2)
    fillers = np.repeat(["model", "truth"], count)
    x = rng.normal(size=(2 * count, 2))
    x[:count, 0] += difference
    x[:, 1] += of_song * song
    return Windows(("told", "idle"), x, np.array([f"s{at:02}" for at in song]), fillers)


class TestRealOrFill:
    def test_auc_is_that_of_the_difference(self) -> None:
        pytest.importorskip("sklearn")
        # Two normal distributions `d` apart: AUC = Phi(d / sqrt 2) for the best possible classifier.
        for d in (0.0, 1.5, 4.0):
            best = 0.5 * (1 + math.erf(d / 2))
            assert tell("bass", windows(d), "model").auc == pytest.approx(best, abs=0.09)

    def test_the_telling_feature_is_named(self) -> None:
        pytest.importorskip("sklearn")
        found = tell("bass", windows(2.0), "model")
        name, lost, fill, true = found.signs[0]
        assert name == "told"
        assert lost > 0.2
        assert fill - true == pytest.approx(2.0, abs=0.4)
        assert "bass, model" in render_verdicts([found])
        assert tell("bass", windows(2.0), "model") == found

    def test_songs_are_not_split_between_learning_and_judging(self) -> None:
        pytest.importorskip("sklearn")
        # The fills of each song differ from its truth by the song's own sign: learnt by heart it would be told.
        rng = np.random.default_rng(0)
        songs, each = 10, 12
        song = np.tile(np.repeat(np.arange(songs), each), 2)
        fillers = np.repeat(["model", "truth"], songs * each)
        sign = np.where(rng.permutation(songs) % 2, 1.0, -1.0)[song] * np.where(fillers == "model", 1, -1)
        x = np.stack([song + 0.0, sign + 0.1 * rng.normal(size=len(song))], axis=1)
        told = tell("bass", Windows(("song", "sign"), x, np.array([f"s{at}" for at in song]), fillers), "model")
        assert told.auc < 0.75

    def test_too_few_songs(self) -> None:
        pytest.importorskip("sklearn")
        assert math.isnan(tell("bass", windows(1.0, songs=2), "model").auc)

    def test_a_broken_filler_is_told_and_the_truth_is_not(self) -> None:
        pytest.importorskip("sklearn")
        listener = Listener()
        fillers = {"semitone": FAULTS["semitone up"], "perfect": FAULTS["perfect"]}
        songs = {Path(f"set/{at}.mid"): song for at, song in enumerate([*SONGS.values()] * 2)}
        evaluate(list(songs), ["bass"], fillers, load=songs.__getitem__, observe=listener.observe)
        found = {one.filler: one.auc for one in verdicts(listener, ["bass"])}
        assert found["semitone"] > 0.8
        assert found["perfect"] < 0.6
        assert "bar before" not in found

    def test_traits_by_hand(self) -> None:
        onset, sustain = np.zeros((2, 128, 96), dtype=bool)
        for pitch, first, last in ((36, 0, 12), (36, 18, 24), (43, 24, 48), (36, 48, 60)):
            onset[pitch, first], sustain[pitch, first:last] = True, True
        silent = np.zeros((len(ROLES), 128, 96), dtype=bool)
        found = traits("bass", (onset, sustain), (silent, silent), np.array([0, 48, 96]))
        assert found["notes a bar"] == 2.0
        assert found["on the beat"] == 3 / 4
        assert found["on off-eighths"] == 1 / 4
        assert found["bars begun"] == 1.0
        assert found["same note again"] == 1 / 3
        assert found["fourths and fifths"] == 2 / 3
        assert found["steps a note"] == (12 + 6 + 24 + 12) / 4
        assert found["held to the next"] == 2 / 3
        assert math.isnan(found["in key"])
        kit = traits("drums", (onset[36:], sustain[36:]), (silent, silent), np.array([0, 48, 96]))
        assert kit["share of kick"] == 3 / 4
        assert kit["kick on one"] == 1.0


def slow_longest(query: list[tuple[int, int]], line: list[tuple[int, int]]) -> int:
    """Notes of the longest run that two lists of (start, pitch) share, by trying every pair of places."""
    best = 0
    for a in range(len(query)):
        for b in range(len(line)):
            n = 1
            while a + n < len(query) and b + n < len(line):
                (t0, p0), (t1, p1) = query[a + n - 1], query[a + n]
                (u0, q0), (u1, q1) = line[b + n - 1], line[b + n]
                if (t1 - t0, p1 - p0) != (u1 - u0, q1 - q0):
                    break
                n += 1
            best = max(best, n)
    return best if best >= LEVELS[0] else 0


NOTES = st.lists(st.tuples(st.integers(1, 2), st.integers(40, 42)), max_size=40)


def line_of(moves: list[tuple[int, int]]) -> list[tuple[int, int]]:
    at, out = 0, []
    for gap, pitch in moves:
        at += gap
        out.append((at, pitch))
    return out


def steps_of(line: list[tuple[int, int]], drums: bool = False) -> np.ndarray:
    starts, rows = np.array(line, dtype=np.int64).reshape(-1, 2).T
    return note_steps(starts, rows, drums)


class TestMemorisation:
    @settings(max_examples=60, deadline=None)
    @given(NOTES, NOTES, st.integers(-5, 5), st.integers(0, 50), st.data())
    def test_against_a_slow_search(self, ours, theirs, semitones: int, late: int, data) -> None:
        first = data.draw(st.integers(0, len(ours)))
        last = data.draw(st.integers(first, len(ours)))
        query, line = line_of(ours), line_of([*theirs, *ours[first:last]])  # a piece of it is copied
        moved = [(start + late, pitch + semitones) for start, pitch in line]
        (found,) = longest_matches([steps_of(query)], [("song", [steps_of(moved)])])
        assert found.notes == slow_longest(query, line)
        assert found.total == (len(query) if len(query) > 1 else 0)

    def test_long_runs_are_measured_to_the_note(self) -> None:
        rng = np.random.default_rng(0)
        gaps, pitches = rng.integers(1, 9, 900).tolist(), rng.integers(30, 60, 900).tolist()
        notes = line_of(list(zip(gaps, pitches, strict=True)))
        for count in (4, 5, 64, 65, 127, 300, 513, 899):
            query = notes[900 - count :]
            others = line_of([(7, 3 * at % 50) for at in range(300)])
            songs = [("other", [steps_of(others)]), ("source", [steps_of(notes)])]
            assert longest_matches([steps_of(query)], songs) == [Match(count, count, "source")]
        assert longest_matches([steps_of(notes[:3])], songs) == [Match(0, 3, "")]

    def test_rhythm_counts_and_drums_have_no_key(self) -> None:
        line = line_of([(1 + at % 3, 40 + at * at % 7) for at in range(40)])
        stretched = [(2 * start, pitch) for start, pitch in line]
        assert longest_matches([steps_of(line)], [("slow", [steps_of(stretched)])])[0].notes == 0
        up = [(start, pitch + 1) for start, pitch in line]
        assert longest_matches([steps_of(line)], [("up", [steps_of(up)])])[0].notes == 40
        assert longest_matches([steps_of(line, True)], [("up", [steps_of(up, True)])])[0].notes < 10

    def test_hashes_do_not_depend_on_the_place(self) -> None:
        run = np.random.default_rng(1).integers(0, 2**63, 20).astype(np.uint64)
        before = np.random.default_rng(2).integers(0, 2**63, 33).astype(np.uint64)
        assert run_hashes(np.concatenate([before, run]), 20)[-1] == run_hashes(run, 20)[0]
        assert len(np.unique(run_hashes(before, 1))) == 33
        assert len(run_hashes(run, 21)) == 0

    def test_ticks_and_shards_speak_of_the_same_steps(self) -> None:
        notes = [Note(0, 10, 40), Note(241, 10, 47), Note(480, 10, 40), Note(1920 + 160, 10, 52)]
        piece = piece_of([(1, 0, 40), (1, 6, 47), (1, 12, 40)], [(1, 4, 52)])
        (line,) = piece_lines(piece, "bass")
        assert part_steps(notes, "bass", 480).tolist() == line.tolist()

    def test_all_guitars_together_and_each_alone(self) -> None:
        piece = piece_of([(3, 0, 40), (4, 6, 47), (3, 12, 50)], [(4, 4, 52)])
        assert [len(line) for line in piece_lines(piece, "guitar")] == [3, 1, 1]

    def test_the_command_beside_the_truth(self, tmp_path: Path) -> None:
        collector = Collector()
        fillers = {"model": FAULTS["octave up"], "short": FAULTS["half dropped"]}
        evaluate(list(SONGS), ["bass"], fillers, load=load, observe=collector.observe)
        song = SONGS[Path("set/00.mid")]
        steps = [(note.start // 40, note.pitch) for note in song.tracks[2].notes]
        bars = [[(1, start % 48, row) for start, row in steps if start // 48 == bar] for bar in range(8)]
        write_shard(tmp_path / "train-0000.shard", [piece_of(*bars)])
        found = {(copy.song, copy.filler): copy.match for copy in collector.copies(sample_pieces(tmp_path, 5))}
        assert found["set/00.mid", "truth"].notes == found["set/00.mid", "model"].notes == len(steps)
        assert found["set/00.mid", "short"].notes < len(steps)
        assert "bass, truth" in render_copies(collector.copies(sample_pieces(tmp_path, 5)), 1)
        with pytest.raises(ArrangerError, match="no train-"):
            sample_pieces(tmp_path / "nowhere")


def piece_of(*bars: list[tuple[int, int, int]]) -> Piece:
    """Bars of 4/4 with (line, step, row) notes."""
    notes = [note for bar in bars for note in bar]
    line, step, row = np.array(notes, dtype=np.uint8).reshape(-1, 3).T
    count = len(bars)
    return Piece(
        "piece",
        0,
        np.zeros(23, dtype=np.uint32),
        np.full(count, 48, dtype=np.uint8),
        np.full((count, 2), 4, dtype=np.uint8),
        np.full(count, 120, dtype=np.uint16),
        np.array([len(bar) for bar in bars], dtype=np.uint16),
        line,
        step,
        row,
        np.full(len(notes), 3, dtype=np.uint8),
    )
