"""The evaluation on made-up bands and models of which it is known how good they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("sklearn")
pytest.importorskip("mir_eval")

import typer
from latent_bands import EARS, SAMPLES, Blurring, Drummer, band, system
from typer.testing import CliRunner

from audio_ext.errors import AudioError
from audio_ext.latent.evaluate import GUIDED, SYSTEM, EvaluationConfig, Report, evaluate
from audio_ext.latent.evaluation_cases import Cases, choose_cases, exchanged, full_instruction
from audio_ext.latent.evaluation_instructions import ask, ask_for_part, learn
from audio_ext.latent.evaluation_measures import Judge
from audio_ext.latent.evaluation_systems import Bench, foreign_stem, laid_over, truth, unchanged
from audio_ext.latent.evaluation_tables import document_of, lines_of, markdown_of
from audio_ext.latent.instructions import instruction
from audio_ext.latent.mel import MSG_LD
from audio_ext.latent.metrics.embeddings import Ears
from audio_ext.latent.vocoder import GriffinLim
from audio_ext.latent.windows import write_windows
from audio_ext.soundfonts import carried_soundfont

if carried_soundfont() is None:
    pytest.skip("there is no SoundFont", allow_module_level=True)

CONFIG = EvaluationConfig(
    windows=12, seconds=2.56, strengths=(3.0, 0.3), sweep=6, asked=12, learnt=30, draws=4, long_steps=2, steps=1
)
WINDOWS = [band(number) for number in range(60)]


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Sound need not be good here: fewer steps of the mel inversion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audio_ext.latent.vocoder.INVERSION_STEPS", 3)
        patch.setattr("audio_ext.latent.system.GriffinLim", lambda mel: GriffinLim(mel, iterations=1))
        yield


@pytest.fixture(scope="module")
def cases() -> Cases:
    return choose_cases(WINDOWS[:24], "drums", 12, SAMPLES, 0, instruction)


@pytest.fixture(scope="module")
def report(cases: Cases) -> Report:
    bench = Bench(system(Drummer()), Blurring())
    return evaluate(cases, bench, EARS, CONFIG, WINDOWS[24:], "made up")


def value(report: Report, row: str, measure: str) -> float:
    return next(one for one in report.rows if one.name == row).figures[measure].value


def test_cases_add_up(cases: Cases) -> None:
    assert np.array_equal(cases.mix, cases.submix + cases.stem)
    assert cases.stem.any(axis=1).all()
    assert not cases.without("drums").stem.any()
    assert np.array_equal(cases.without("drums").submix, cases.submix)
    levels = [np.sqrt(np.mean(one**2, axis=1)) for one in (cases.stem, cases.guide)]
    assert levels[1] == pytest.approx(levels[0], rel=0.02)
    assert np.abs(cases.guide - cases.stem).max() > 0.05  # the guide is not the answer
    with pytest.raises(AudioError, match="guitar"):
        choose_cases(WINDOWS[:12], "guitar", 12, SAMPLES, 0, instruction)


def test_exchanged_instructions_ask_for_something_else(cases: Cases) -> None:
    swap = exchanged(cases, 0)
    assert all(cases.songs[at] != song for at, song in zip(swap, cases.songs, strict=True))
    density = cases.labels("density")
    assert all(density[at] != mine for at, mine in zip(swap, density, strict=True))
    assert full_instruction(cases.facts[0], "drums") == f"Add a {density[0]} rock drum part"


def test_the_truth_is_perfect_and_the_submix_is_not(report: Report) -> None:
    for measure in (
        "l1",
        "mse",
        "rest",
        "fd_levels",
        "fad_levels",
        "sub_fad_levels",
        "kld_levels",
        "tags_levels",
    ):
        assert value(report, "truth", measure) == pytest.approx(0, abs=2e-5)
    assert value(report, "truth", "lost") < 0.01  # where waves are opposed a stem may take away
    assert value(report, "truth", "f1") > 0.95
    assert value(report, "submix", "rest") < 0.1 < value(report, "submix", "l1")
    assert value(report, "submix", "lost") == 0
    assert value(report, "submix", "fd_levels") > 0.1


def test_a_good_system_beats_one_that_blurs(report: Report) -> None:
    for measure in ("l1", "lost", "fd_levels", "fad_levels", "sub_fad_levels", "kld_levels"):
        assert value(report, SYSTEM, measure) < value(report, "SDEdit 1", measure)
    claims = {(one.winner, one.loser, one.measure): one for one in report.claims}
    won = claims[SYSTEM, "SDEdit 1", "l1"]
    assert won.holds
    assert won.p is not None
    assert won.p < 0.1  # eight songs
    assert claims[SYSTEM, "SDEdit 1", "fd_levels"].sure == 1.0
    assert not replace(won, value=9.0).holds


def test_a_guide_brings_the_notes(report: Report) -> None:
    assert value(report, GUIDED, "f1") > 0.9
    claim = next(one for one in report.claims if one.winner == GUIDED)
    assert claim.holds
    assert value(report, "guide alone", "f1") > 0.9


def test_the_best_strength_of_the_baseline_is_taken(report: Report) -> None:
    assert report.strength == 0.3  # this one only adds noise
    assert [strength for strength, _ in report.sweep] == [3.0, 0.3]


def test_an_instruction_that_is_heeded_is_recognised(report: Report) -> None:
    density = next(one for one in report.asked if one.kind == "density")
    assert density.sure > 0.8
    assert density.asked > 0.8
    assert density.other < 0.2
    assert density.p < 0.05


def test_one_that_is_not_heeded_is_not_recognised(cases: Cases) -> None:
    bench = Bench(system(Drummer(deaf=True)), None)
    learnt = learn(WINDOWS[24:], "drums", 36, SAMPLES, lambda waves: bench.decoded(bench.encoded(waves)).numpy())
    density = next(one for one in ask(bench, cases, learnt, 1, 0) if one.kind == "density")
    assert density.asked == density.other
    assert density.p > 0.5
    # Asked for bass it plays drums all the same: half of what is asked for comes.
    part = ask_for_part(bench, cases, learnt, 1, 0)
    assert part is not None
    assert part.asked == pytest.approx(0.5, abs=0.1)
    assert part.sure > 0.8


def test_another_songs_stem_is_of_another_song(cases: Cases) -> None:
    result = foreign_stem(cases)
    assert result.stem is not None
    same = [np.array_equal(a, b) for a, b in zip(result.stem, cases.stem, strict=True)]
    assert not any(same)
    assert np.sqrt(np.mean(result.stem**2, axis=1)) == pytest.approx(np.sqrt(np.mean(cases.stem**2, axis=1)), rel=1e-3)
    assert np.array_equal(laid_over(cases, truth(cases)).mix, cases.mix)


def test_lost_counts_what_is_missing_and_rest_what_is_changed(cases: Cases) -> None:
    judge = Judge(cases, Ears(), MSG_LD, 0)
    halved = replace(unchanged(cases), mix=0.5 * cases.submix)
    scores = judge.scores(halved)
    assert scores.windows["lost"] == pytest.approx(np.log(2), rel=0.02)
    doubled = judge.scores(replace(unchanged(cases), mix=2 * cases.submix))
    assert doubled.windows["lost"] == pytest.approx(0, abs=1e-6)
    assert doubled.windows["rest"] == pytest.approx(np.log(2), rel=0.1)
    assert not scores.sets  # nobody listens


def test_the_report_is_printed_whole(report: Report) -> None:
    text = "\n".join(lines_of(report))
    for word in (SYSTEM, "SDEdit 2", "truth, halves", "beats", "density", "33.25", "MUSDB18", "0.3 was taken"):
        assert word in text
    table = markdown_of(report)
    rows = [line for line in table.splitlines() if line.startswith(f"| {SYSTEM} |")]
    assert len(rows) == 1
    assert " to " in rows[0]
    document = json.loads(json.dumps(document_of(report), allow_nan=False))
    assert [one["name"] for one in document["rows"]] == [one.name for one in report.rows]
    assert document["paper"][2] == {"model": "S.T. (Ours)", "fd": 5.55, "fad": 0.62, "kld": 1.1, "is": 1.41}


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From files, with tiny untrained models: it runs through, and says that nobody listened."""
    from latent_tiny import tiny_model_folder

    from audio_ext.cli.eval_command import evaluate as command

    monkeypatch.setattr("audio_ext.latent.metrics.musicnn.installed_folder", lambda: None)
    short = EvaluationConfig(strengths=(0.5,), draws=0, long_steps=3, seconds=2.56)
    monkeypatch.setattr("audio_ext.latent.evaluate.EvaluationConfig", lambda: short)
    write_windows(tmp_path / "val", 0, [band(number) for number in range(6)])
    models = tiny_model_folder(tmp_path / "models")
    app = typer.Typer()
    app.command()(command)
    asked = [str(tmp_path / "val"), "--model", str(models), "--windows", "4", "--steps", "2", "--asked", "0", "--json"]
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["windows"] == 4
    assert {"l1", "f1"} <= document["rows"][-2]["figures"].keys()
    assert any("musicnn" in note for note in document["notes"])
    assert CliRunner().invoke(app, [*asked, "--markdown"]).exit_code == 2
    assert CliRunner().invoke(app, [*asked, "--part", "violin"]).exit_code == 2
