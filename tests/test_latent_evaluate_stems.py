"""The evaluation of all stems, on made-up bands and on models of which it is known how good they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("mir_eval")

import torch
from latent_bands import EARS, SAMPLES, LosslessCodec, hits
from torch import Tensor
from typer.testing import CliRunner

from audio_ext.errors import AudioError
from audio_ext.latent.evaluate_stems import StemEvaluation, StemReport, evaluate_stems
from audio_ext.latent.mel import MSG_LD
from audio_ext.latent.metrics.chords import Chord
from audio_ext.latent.metrics.pitch import Pitches
from audio_ext.latent.msg_sound import StemSystem
from audio_ext.latent.stem_bench import StemBench, StemCases, choose_stem_cases
from audio_ext.latent.stem_fit import FitEars, FitJudge
from audio_ext.latent.stem_tables import PAPER, stem_document, stem_lines, stem_markdown
from audio_ext.latent.stem_tasks import FOREIGN, MASKS, MIXTURE, MODEL, SUBSETS, TRUTH, separation
from audio_ext.latent.vocoder import GriffinLim
from audio_ext.latent.windows import RATE, STEMS, Facts, Window, write_windows
from audio_ext.soundfonts import carried_soundfont

if carried_soundfont() is None:
    pytest.skip("there is no SoundFont", allow_module_level=True)

ROOTS = (40, 43, 45, 48, 41, 46)


def band(number: int) -> Window:
    """Four stems at places of their own, on a root that is the song's."""
    root = ROOTS[number % 6]
    at = np.arange(SAMPLES) / RATE
    drums, times = hits(4.0, 0.05 + 0.05 * (number % 4))
    bass, guitar, other = (
        level * np.sin(2 * np.pi * 440 * 2 ** ((root + up - 69) / 12) * at) * (np.mod(at, 0.5) < 0.45)
        for level, up in ((0.2, 0), (0.1, 24), (0.08, 43))
    )
    stems = np.stack([drums, bass, guitar, other]).astype(np.float32)
    pitched = {name: ((0.0, 2.56, root + up, 90),) for name, up in (("bass", 0), ("guitar", 24), ("other", 43))}
    notes = {"drums": tuple((time, time + 0.1, 38, 100) for time in times), **pitched}
    return Window(stems, Facts(f"song {number % 6}", notes=notes))


class Oracle:
    """Knows the true latents of the cases in their order and gives them, with noise of a deviation."""

    def __init__(self, cases: StemCases, noise: float = 0.0):
        bench = StemBench(_system(self), 1, 0)
        self.known = torch.stack([bench.encoded(one) for one in cases.stems])
        self.mixes = bench.encoded(cases.mixes)
        self.noise, self.given = noise, list[tuple[bool, ...]]()

    def _noisy(self, latents: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return latents + self.noise * torch.randn(latents.shape, generator=generator)

    def _at(self, like: Tensor, among: Tensor) -> list[int]:
        return [int((among - one).abs().flatten(1).sum(1).argmin()) for one in like]

    def separate(self, mixture: Tensor, steps: int = 20, weight: float | None = None, seed: int = 0) -> Tensor:
        return self._noisy(self.known[self._at(mixture, self.mixes)])

    def complete(self, known: Tensor, given: Sequence[bool], steps: int = 20, seed: int = 0) -> Tensor:
        self.given.append(tuple(given))
        keep = list(given)
        return self._noisy(self.known[self._at(known[:, keep], self.known[:, keep])])

    def generate(self, frames: int, steps: int = 20, seed: int = 0, *, batch: int = 1) -> Tensor:
        return self._noisy(self.known[seed : seed + batch, :, :, :frames])


def _system(model: object) -> StemSystem:
    return StemSystem(LosslessCodec(), model, GriffinLim(iterations=2), MSG_LD, 8)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def _quick() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audio_ext.latent.vocoder.INVERSION_STEPS", 2)
        yield


@pytest.fixture(scope="module")
def cases() -> StemCases:
    return choose_stem_cases([band(number) for number in range(6)], 6, SAMPLES, 0)


def root_of(wave: np.ndarray) -> int:
    """Pitch class of the lowest frequency that is strong, 0 for silence."""
    power = np.abs(np.fft.rfft(wave))
    hertz = int((power >= power.max() / 3).argmax()) * RATE / len(wave)
    return round(69 + 12 * np.log2(hertz / 440)) % 12 if hertz > 0 else 0


def chord_of(wave: np.ndarray) -> tuple[Chord, ...]:
    return (Chord(0.0, 99.0, "?", frozenset({root_of(wave)})),)


EXACT = FitEars(
    lambda wave: Pitches(np.full(50, 36.0 + root_of(wave)), np.full(50, 0.9)),
    chord_of,
    lambda wave: np.arange(4) * 0.5 + 0.05 * int(np.abs(wave).argmax() % 7),
)


def made(task: str, cases: StemCases, noise: float | None = 0.0) -> StemReport:
    system = None if noise is None else _system(Oracle(cases, noise))
    config = StemEvaluation(task, seconds=2.56, steps=1, draws=3)
    return evaluate_stems(cases, system, config, EARS, EXACT, None, "made up", ("A note.",))


def test_cases_have_all_four_stems(cases: StemCases) -> None:
    assert np.allclose(cases.mixes, cases.stems.sum(axis=1))
    silent = band(0)
    silent.stems[2] = 0
    with pytest.raises(AudioError, match="all four"):
        choose_stem_cases([silent] * 9, 9, SAMPLES, 0)


def test_separation_knows_good_from_bad(cases: StemCases) -> None:
    good, bad = (separation(cases, StemBench(_system(Oracle(cases, n)), 1, 0), None, lambda w: None) for n in (0, 9.0))
    model, mixture = good.row(MODEL), good.row(MIXTURE)
    assert model is not None
    assert mixture is not None
    for stem in STEMS:
        # A lossless codec and an oracle: only the crop of the last frames could differ.
        assert model.figures[f"mse {stem}"].value == pytest.approx(0, abs=1e-6)
        assert mixture.figures[f"mse {stem}"].value > 0.1
        assert good.row(MASKS).figures[f"sdr {stem}"].value > mixture.figures[f"sdr {stem}"].value  # type: ignore[union-attr]
        assert bad.row(MODEL).figures[f"mse {stem}"].value > mixture.figures[f"mse {stem}"].value  # type: ignore[union-attr]
    notes = good.row("masks, true notes")
    assert notes is not None
    # The notes here are held where the sound is not, so nothing more is to be expected than that all is measured.
    assert all(np.isfinite(notes.figures[f"sdr {stem}"].value) for stem in STEMS)


def test_completion_runs_all_14_subsets_and_pastes_what_is_given(cases: StemCases) -> None:
    oracle = Oracle(cases)
    bench = StemBench(_system(oracle), 1, 0)
    for asked in SUBSETS:
        out = bench.completed(cases.stems, asked)
        for at, name in enumerate(STEMS):
            assert np.array_equal(out[:, at], cases.stems[:, at]) == (name not in asked)
    assert len({*oracle.given}) == len(SUBSETS) == 14


def test_a_completion_report_says_who_wins(cases: StemCases) -> None:
    report = made("complete", cases)
    assert [table.title for table in report.tables[:5]] == [*STEMS, "drums + bass"]
    for table in report.tables:
        codec = table.row("truth, codec")
        assert codec is not None
        assert {"given alone", FOREIGN, MODEL} <= {row.name for row in table.rows}
        # The oracle's stems are the codec's, but for the phases, which chance begins.
        model = table.row(MODEL)
        assert model is not None
        assert model.figures["sub_fad_levels"].value == pytest.approx(codec.figures["sub_fad_levels"].value, rel=0.3)
    bass = report.tables[1]
    true, strange = bass.row(TRUTH), bass.row(FOREIGN)
    assert true is not None
    assert strange is not None
    assert true.figures["sub_fad_levels"].value == pytest.approx(0, abs=1e-6)
    assert true.figures["beat"].value == pytest.approx(
        FitJudge(cases.stems, EXACT).scores(cases.stems, "bass")["beat"].mean()
    )
    assert not any(name.startswith("har") for name in report.tables[0].columns)  # drums
    assert {claim.measure for claim in report.claims} == {"sub_fad_levels", "har", "beat"}


def test_fit_tells_the_truth_from_another_song(cases: StemCases) -> None:
    scores = FitJudge(cases.stems, EXACT)
    assert scores.scores(cases.stems, "bass")["har"].tolist() == [1.0] * 6
    moved = np.roll(cases.stems, 1, axis=0)  # every root is another song's
    assert scores.scores(moved, "bass")["har"].tolist() == [0.0] * 6
    assert scores.scores(moved, "guitar")["har"].tolist() == [0.0] * 6
    report = made("fit", cases, None)
    assert next(one for one in report.claims if one.measure == "har").holds
    assert set(FitJudge(cases.stems, FitEars()).scores(cases.stems, "bass")) == set()


def test_total_generation_lies_between_silence_and_the_truth(cases: StemCases) -> None:
    good, bad = (made("generate", cases, noise).tables[0] for noise in (0.0, 9.0))
    value = {row.name: row.figures["fad_levels"].value for row in good.rows}
    assert value[MODEL] == pytest.approx(value["truth, codec"], rel=0.3)
    assert value[MODEL] < value["silence"]
    assert value["truth, two halves"] > 0
    worse = bad.row(MODEL)
    assert worse is not None
    assert worse.figures["fad_levels"].value > value[MODEL]


@pytest.mark.parametrize("task", ["separate", "fit"])
def test_reports_print_and_are_json(cases: StemCases, task: str) -> None:
    report = made(task, cases, None)
    text, marked = "\n".join(stem_lines(report)), stem_markdown(report)
    document = json.loads(json.dumps(stem_document(report), allow_nan=False))
    for out in (text, marked):
        assert "A note." in out
        assert PAPER[task][0][1][1][0] in out  # the paper's first row
    assert document["tables"][0]["rows"][0]["name"] in text
    assert document["windows"] == 6


def test_the_command_measures_baselines_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from audio_ext.cli import app

    write_windows(tmp_path / "val", 0, [Window(np.tile(one.stems, 4), one.facts) for one in map(band, range(4))])
    monkeypatch.setenv("ARRANGER_AUDIO_MODELS", str(tmp_path))
    call = ["eval", str(tmp_path / "val"), "--task", "separate", "--windows", "4", "--json"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["model"] == "none"
    assert any("Only baselines" in note for note in document["notes"])
    assert CliRunner().invoke(app, [*call[:3], "nonsense"]).exit_code == 2
