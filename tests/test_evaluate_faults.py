"""The evaluation catches what it should: every broken filler fails the measure that is about its fault."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluate_songs import BARS, FAULTS, QUARTER, SONGS, load

from arranger.evaluation.evaluate import evaluate
from arranger.evaluation.fillers import as_fill
from arranger.evaluation.report import summarise
from arranger.evaluation.tasks import Task
from arranger.fills import Fill
from arranger.song import Note

Means = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def means() -> Means:
    """Summary values of bass and drums for every fault, by "part filler"."""
    report = evaluate(list(SONGS), ["bass", "drums"], FAULTS, load=load)
    return {f"{summary.part} {summary.filler}": dict(summary.values) for summary in summarise(report)}


def test_truth_is_perfect(means: Means) -> None:
    for name in ("bass truth", "bass perfect", "drums truth"):
        found = means[name]
        for measure in ("note_f1", "onset_f1", "density_ratio", "note_f1_fine", "oa_ioi", "oa_velocity"):
            assert found[measure] == pytest.approx(1.0), measure
        assert found["structure"] == pytest.approx(1.0)
        assert found["empty_share"] == found["changed_outside"] == 0.0
        assert math.isnan(found["extra_share"]) if name.startswith("drums") else found["extra_share"] == 0.0
    assert means["bass truth"]["pitch_class_f1"] == means["bass truth"]["oa_duration"] == 1.0
    assert means["bass truth"]["in_key"] > 0.9  # some are heard in G, where F is outside
    assert means["bass truth"]["chord_tones"] > 0.95
    assert means["drums truth"]["f1_kick"] == 1.0
    assert math.isnan(means["drums truth"]["f1_ride"])  # nobody has one


def test_semitone_up(means: Means) -> None:
    found = means["bass semitone up"]
    assert found["note_f1"] < 0.1
    assert found["pitch_class_f1"] < 0.1
    assert found["in_key"] < 0.5
    assert found["chord_tones"] < 0.5
    assert found["root_at_change"] == 0.0 < means["bass truth"]["root_at_change"]
    assert found["oa_pitch"] < 0.6
    # And nothing else is to blame.
    assert found["onset_f1"] == found["density_ratio"] == found["oa_duration"] == 1.0
    assert found["structure"] == pytest.approx(1.0)


def test_octave_up(means: Means) -> None:
    found = means["bass octave up"]
    assert found["note_f1"] < 0.1
    assert found["pitch_class_f1"] == found["oa_pitch"] == 1.0
    assert found["in_key"] == means["bass truth"]["in_key"]


def test_sixteenth_late(means: Means) -> None:
    for part in ("bass", "drums"):
        found = means[f"{part} sixteenth late"]
        assert found["note_f1"] == found["onset_f1"] == found["note_f1_fine"] == 0.0
        assert found["kick_bass_lock"] == 0.0 < means[f"{part} truth"]["kick_bass_lock"]
        assert found["oa_ioi"] > 0.9
    assert means["drums sixteenth late"]["f1_kick"] == means["drums sixteenth late"]["f1_snare"] == 0.0
    assert means["bass sixteenth late"]["in_key"] == means["bass truth"]["in_key"]


def test_a_twelfth_late_is_seen_by_the_fine_grid_alone(means: Means) -> None:
    found = means["bass triplet late"]
    assert found["note_f1"] == 1.0
    assert found["note_f1_fine"] == found["onset_f1_fine"] == found["pitch_class_f1_fine"] == 0.0


def test_half_dropped(means: Means) -> None:
    found = means["bass half dropped"]
    assert found["density_ratio"] == pytest.approx(0.5, abs=0.02)
    assert found["note_precision"] == 1.0
    assert found["note_recall"] == pytest.approx(0.5, abs=0.02)
    assert found["oa_ioi"] < 0.8


def test_lengths_and_velocities(means: Means) -> None:
    assert means["bass short"]["oa_duration"] == means["bass loud"]["oa_velocity"] == 0.0
    assert means["bass short"]["note_f1"] == means["bass loud"]["note_f1"] == 1.0


def test_one_bar_over_and_over(means: Means) -> None:
    for part in ("bass", "drums"):
        found = means[f"{part} first bar looped"]
        assert found["distinct_bars"] == 1 / BARS < means[f"{part} truth"]["distinct_bars"]
        assert found["structure"] == 0.0
        assert found["groove_consistency"] == 1.0


def test_silent(means: Means) -> None:
    found = means["bass silent"]
    assert found["empty_share"] == 1.0
    assert found["note_f1"] == found["density_ratio"] == 0.0
    assert math.isnan(found["in_key"])


def test_always(means: Means) -> None:
    found = means["bass always"]
    assert found["extra_share"] == 1.0
    assert found["empty_share"] == 0.0
    assert found["density_ratio"] > 3
    assert found["note_precision"] < 0.2


def test_another_song(means: Means) -> None:
    bass, truth = means["bass another song"], means["bass truth"]
    assert bass["note_f1"] < 0.35
    assert bass["chord_tones"] < truth["chord_tones"] - 0.2
    assert bass["root_at_change"] < truth["root_at_change"] - 0.2
    assert bass["structure"] < 0.5
    assert means["drums another song"]["note_f1"] < 0.9


def test_the_bar_before(means: Means) -> None:
    assert 0 < means["drums bar before"]["note_f1"] < 1
    assert means["bass bar before"]["density_ratio"] == pytest.approx(1.0, abs=0.15)


def test_unplayable() -> None:
    def two_at_once(task: Task, seed: int) -> Fill:
        notes = [Note(at, QUARTER, pitch) for at in range(0, 4 * QUARTER, QUARTER) for pitch in (40, 45)]
        return as_fill(task, {"bass": notes}, seed, "two")

    report = evaluate(list(SONGS), ["bass"], {"two": two_at_once}, limit=2, load=load)
    values = {summary.filler: summary.values["unplayable"] for summary in summarise(report)}
    assert values["two"] >= 50  # every second note sounds beside another
    assert values["truth"] == 0


def test_a_filler_that_touches_something_else_is_caught() -> None:
    def vandal(task: Task, seed: int) -> Fill:
        fill = as_fill(task, {"bass": [Note(0, 60, 40)]}, seed, "vandal")
        guitar = next(role.track for role in task.roles if role.role == "guitar")
        spoilt = (Note(4 * QUARTER, 60, 40),)
        from dataclasses import replace

        return replace(fill, parts=(replace(fill.parts[0], notes=spoilt, into_track=guitar),), bars=(0, 1))

    report = evaluate(list(SONGS), ["bass"], {"vandal": vandal}, limit=1, load=load)
    assert report.changed_outside == 1


def test_the_order_of_faults_is_that_of_a_musician(means: Means) -> None:
    ladder = ["perfect", "half dropped", "semitone up", "silent"]
    values = [means[f"bass {name}"]["note_f1"] for name in ladder]
    assert values == sorted(values, reverse=True)
    assert np.ptp(values) > 0.9
