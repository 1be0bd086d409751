"""Evaluations as a whole: same songs, same figures; what they add up to; tables and JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluate_songs import FAULTS, QUARTER, SONGS, band, load

from arranger.errors import ArrangerError, FillRequestError, SongFileError
from arranger.evaluation.evaluate import Heard, evaluate
from arranger.evaluation.fillers import as_fill, rules_filler
from arranger.evaluation.report import Report, Score, by_song, differences, strata, summarise, to_json
from arranger.evaluation.statistics import bootstrap_interval, paired_difference
from arranger.evaluation.tables import render_strata, render_table
from arranger.evaluation.tasks import Task
from arranger.fills import Fill
from arranger.song import Song


class TestEvaluate:
    def test_the_order_of_files_makes_no_difference(self) -> None:
        there = evaluate(list(SONGS), ["bass"], limit=3, load=load)
        back = evaluate(list(SONGS)[::-1], ["bass"], limit=3, load=load)
        assert there.songs == back.songs
        assert len(there.songs) == 3
        assert [str(score.measures) for score in there.scores] == [str(score.measures) for score in back.scores]
        assert evaluate(list(SONGS), ["bass"], limit=3, seed=1, load=load).songs != there.songs

    def test_the_other_song_is_another(self) -> None:
        two = dict(list(SONGS.items())[:2])
        report = evaluate(list(two), ["bass"], {}, load=load)
        assert report.fillers == ("another song", "bar before", "truth")
        sets = [{(note.start, note.pitch) for note in song.tracks[2].notes} for song in two.values()]
        matched = 2 * len(sets[0] & sets[1]) / (len(sets[0]) + len(sets[1]))
        for score in report.scores:
            if score.filler == "another song":
                assert score.measures["note_f1"] == pytest.approx(matched)

    def test_one_song_has_no_other(self) -> None:
        report = evaluate([Path("set/00.mid")], ["bass"], {}, load=load)
        assert [score.filler for score in report.scores] == ["bar before", "truth"]

    def test_metre(self) -> None:
        songs = {**SONGS, Path("set/waltz.mid"): band(9, (3, 4))}
        common = evaluate(list(songs), ["bass"], {}, all_metres=False, load=songs.__getitem__)
        assert "set/waltz.mid" not in common.songs
        assert ("set/waltz.mid", "not in 4/4 throughout") in common.skipped
        assert "set/waltz.mid" in evaluate(list(songs), ["bass"], {}, load=songs.__getitem__).songs

    def test_songs_without_the_part_count_in_the_others(self) -> None:
        song = SONGS[Path("set/00.mid")]
        songs = {**SONGS, Path("set/no bass.mid"): song.with_tracks([song.tracks[0], song.tracks[1]])}
        report = evaluate(list(songs), ["bass", "drums"], {}, load=songs.__getitem__)
        counts = {summary.part: summary.songs for summary in summarise(report) if summary.filler == "truth"}
        assert counts == {"bass": 6, "drums": 7}

    def test_unreadable_songs_are_skipped_and_named(self) -> None:
        def reader(path: Path) -> Song:
            if path.stem == "03":
                raise SongFileError("03.mid", "it stops in the middle")
            return SONGS[path]

        report = evaluate(list(SONGS), ["bass"], {}, load=reader)
        assert len(report.songs) == 5
        assert report.skipped == (("set/03.mid", "03.mid: it stops in the middle."),)
        assert "1 song was left out" in render_table(report)

    def test_nothing_to_score(self) -> None:
        drums = SONGS[Path("set/00.mid")].tracks[1]
        with pytest.raises(ArrangerError, match=r"None of 1 songs .*00.mid: no bass"):
            evaluate([Path("set/00.mid")], ["bass"], {}, load=lambda path: Song(QUARTER, (drums,)))
        with pytest.raises(FillRequestError, match="“kazoo” is no part"):
            evaluate(list(SONGS), ["kazoo"], load=load)
        with pytest.raises(FillRequestError, match="“third” is no mask"):
            evaluate(list(SONGS), masks=["third"], load=load)

    def test_a_refused_fill_is_silence(self) -> None:
        def refuse(task: Task, seed: int) -> Fill:
            raise FillRequestError("too long")

        report = evaluate(list(SONGS), ["bass"], {"model": refuse}, limit=2, load=load)
        assert [failure[2:] for failure in report.failed] == [("model", "too long")] * 2
        assert summarise(report)[0].values["empty_share"] == 1.0
        assert "2 fills were refused" in render_table(report)

    def test_progress_and_observers(self) -> None:
        seen: list[tuple[int, str]] = []
        heard: list[Heard] = []
        report = evaluate(
            list(SONGS), ["bass"], {}, load=load, progress=lambda *one: seen.append(one), observe=heard.append
        )
        assert seen == list(enumerate(report.songs))
        assert len(heard) == len(report.scores) == 3 * len(SONGS)

    def test_whole_parts_get_every_seed_and_other_masks_take_turns(self) -> None:
        asked: dict[str, set[int]] = {"whole": set(), "last": set()}

        def seeded(task: Task, seed: int) -> Fill:
            asked[task.mask].add(seed)
            return rules_filler(task, seed)

        masks = ("whole", "last")
        report = evaluate(list(SONGS), ["bass"], {"model": seeded}, masks=masks, seed=5, seeds=3, load=load)
        count = {mask: sum((s.filler, s.mask) == ("model", mask) for s in report.scores) for mask in masks}
        assert count == {"whole": 3 * len(SONGS), "last": len(SONGS)}
        assert asked == {"whole": {5, 6, 7}, "last": {5, 6, 7}}
        assert sum((s.filler, s.mask) == ("truth", "whole") for s in report.scores) == len(SONGS)

    def test_two_parts_hear_each_other_as_they_were_filled(self) -> None:
        def silent_bass(task: Task, seed: int) -> Fill:
            fill = FAULTS["perfect"](task, seed)
            return as_fill(task, {p: () if p == "bass" else fill.notes(p) for p in task.parts}, seed, "")

        report = evaluate(list(SONGS), ["drums", "bass"], {"model": silent_bass}, masks=("two",), load=load)
        locks = [
            score.measures["kick_bass_lock"]
            for score in report.scores
            if (score.filler, score.part) == ("model", "drums")
        ]
        assert len(locks) == len(SONGS)
        assert all(math.isnan(lock) for lock in locks)  # the true bass must not be heard
        both = [s for s in report.scores if (s.filler, s.part) == ("truth", "drums")]
        assert all(s.measures["kick_bass_lock"] > 0 for s in both)  # but the one that was filled


def report_of(*measures: dict[str, float], filler: str = "rules", seed: int = 0) -> Report:
    full = {
        "note_f1": 0.5,
        "density_ratio": 1.0,
        "empty_bars": 0,
        "playing_bars": 1,
        "extra_bars": 0,
        "resting_bars": 0,
    }
    scores = tuple(Score(f"{at}", "bass", filler, 0.5, {**full, **one}, seed=seed) for at, one in enumerate(measures))
    return Report(scores, ("bass",), (filler,), tuple(score.song for score in scores))


class TestReport:
    def test_means_medians_and_pooled_bars(self) -> None:
        report = report_of(
            {"note_f1": 0.2, "density_ratio": 0.5, "empty_bars": 1, "playing_bars": 1},
            {"note_f1": 0.2, "density_ratio": 1.0, "empty_bars": 0, "playing_bars": 9},
            {"note_f1": 0.8, "density_ratio": 9.0, "empty_bars": 0, "playing_bars": 10},
        )
        values = summarise(report)[0].values
        assert values["note_f1"] == pytest.approx(0.4)  # the median is 0.2
        assert values["density_ratio"] == 1.0  # the mean is 3.5
        assert values["empty_share"] == 1 / 20  # the mean of shares is a third
        assert math.isnan(values["extra_share"])

    def test_a_song_counts_once_whatever_its_seeds(self) -> None:
        one, two = report_of({"note_f1": 0.0}, {"note_f1": 0.4}), report_of({"note_f1": 0.3}, seed=1)
        report = replace(one, scores=(*one.scores, *two.scores))
        values = summarise(report)[0].values
        assert values["note_f1"] == pytest.approx((0.15 + 0.4) / 2)  # the mean of all three is 0.23
        assert summarise(report)[0].songs == 2
        assert by_song(report.scores, "note_f1") == {"0\0bass": 0.15, "1\0bass": 0.4}

    def test_what_cannot_be_judged_is_left_out(self) -> None:
        report = report_of({"in_key": math.nan}, {"in_key": 0.5})
        assert summarise(report)[0].values["in_key"] == 0.5

    def test_bootstrap_agrees_with_the_normal_interval(self) -> None:
        values = np.random.default_rng(0).beta(2, 3, 400)
        low, high = bootstrap_interval(values.tolist())
        half = 1.96 * values.std() / 20  # standard error of the mean of 400
        assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 8)
        assert bootstrap_interval([0.3, 0.3, math.nan]) == pytest.approx((0.3, 0.3))
        assert all(math.isnan(bound) for bound in bootstrap_interval([math.nan]))
        assert bootstrap_interval([0.0, 1.0, 0.5], seed=1) == bootstrap_interval([0.0, 1.0, 0.5], seed=1)

    def test_paired_test_by_hand_and_against_scipy(self) -> None:
        # Four pairs that all rise: 2 of 16 exchanges of signs give as much, either way.
        assert paired_difference([1, 2, 3, 4], [0, 0, 0, 0]).p == pytest.approx(2 / 16, abs=0.015)
        stats = pytest.importorskip("scipy.stats")
        rng = np.random.default_rng(2)
        ours = rng.normal(0.3, 1, 30)
        theirs = ours - rng.normal(0.25, 0.8, 30)
        found = paired_difference(ours.tolist(), theirs.tolist())
        oracle = stats.permutation_test(
            (ours - theirs,), lambda d, axis: d.mean(axis=axis), permutation_type="samples", n_resamples=9999, rng=0
        )
        assert found.p == pytest.approx(oracle.pvalue, abs=0.02)
        assert found.mean == pytest.approx((ours - theirs).mean())
        assert found.low < found.mean < found.high
        assert paired_difference([math.nan, 1.0], [0.0, 0.5]).pairs == 1  # and one pair proves nothing
        assert paired_difference([1.0], [0.5]).p == 1.0

    def test_the_lead_is_taken_song_by_song(self) -> None:
        ours, theirs = (
            report_of(*({"note_f1": at / 10 + lead} for at in range(10)), filler=name)
            for name, lead in (("model", 0.05), ("rules", 0.0))
        )
        report = replace(ours, scores=(*theirs.scores[::-1], *ours.scores))
        found = differences(report)["bass"]["note_f1"]
        assert (found.mean, found.low, found.high) == pytest.approx((0.05, 0.05, 0.05))  # unpaired it would be wide
        assert found.p < 0.01

    def test_strata(self) -> None:
        report = report_of({"note_f1": 0.2, "note_f1_last": 0.0}, {"note_f1": 0.4}, {"note_f1": 0.9})
        report = replace(report, kinds={"0": {"metre": "3/4"}, "1": {"metre": "4/4"}, "2": {"metre": "4/4"}})
        found = {(one.by, one.name): one for one in strata(report)}
        assert found["metre", "4/4"].note_f1 == {"rules": pytest.approx(0.65)}
        assert found["metre", "3/4"].songs == 1
        assert found["place in the song", "last"].note_f1["rules"] == 0.0
        thirds = evaluate(list(SONGS), ["bass"], load=load)
        assert {one.name: one.songs for one in strata(thirds) if one.by == "density"} == {
            "sparse third": 2,
            "middle third": 2,
            "dense third": 2,
        }
        assert "metre: 4/4" in render_strata(thirds)

    def test_table(self) -> None:
        report = evaluate(list(SONGS), ["bass", "drums"], masks=("whole", "last"), load=load)
        lines = render_table(report).splitlines()
        assert lines[0].split("  ")[0] == "bass, 6 songs"
        columns = [lines[0].index(name) for name in ("rules", "another song", "truth")]
        row = next(line for line in lines if line.startswith("note F1"))
        assert row[columns[2] :] == "1.00"
        assert row[columns[0] - 1] == " "
        assert "drums, 6 songs" in render_table(report)
        assert "a part's last bars, 6 songs" in render_table(report)
        assert "model - rules" not in render_table(report)

    def test_markdown(self) -> None:
        lines = render_table(evaluate(list(SONGS), ["bass"], load=load), markdown=True).splitlines()
        assert lines[0] == "**bass, 6 songs**"
        assert lines[2] == "|  | rules | another song | bar before | truth |"
        assert {line.count("|") for line in lines[2:]} == {6}

    def test_json_has_no_nan(self) -> None:
        report = evaluate(list(SONGS), ["bass"], {"silent": FAULTS["silent"]}, load=load)
        document = json.loads(to_json(report), parse_constant=lambda name: pytest.fail(name))
        assert document["scores"][0]["measures"]["in_key"] is None
        assert document["summary"][0]["values"]["empty_share"] == 1.0
        assert document["settings"]["seed"] == 0
        assert len(document["songs"]) == 6
        assert document["kinds"]["set/00.mid"]["metre"] == "4/4"
