"""BEAT: its formula, its care with weights, and madmom's tracker where its weights are in a local folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mir_eval")

from audio_ext.errors import AudioError
from audio_ext.latent.metrics import beat as beat_module
from audio_ext.latent.metrics.beat import (
    HASHES,
    VARIABLE,
    BeatTracker,
    checked_weights,
    f_measure,
    missing_beat,
    weights_folder,
)
from audio_ext.latent.windows import RATE

BEATS = np.arange(0.2, 5, 0.5)


def test_the_f_measure_is_that_of_matched_beats() -> None:
    assert f_measure(BEATS, BEATS) == 1.0
    assert f_measure(BEATS, BEATS + 0.06) == 1.0  # within 70 ms
    assert f_measure(BEATS, BEATS + 0.08) == 0.0
    # Every second beat: precision 1, recall a half.
    assert f_measure(BEATS, BEATS[::2]) == pytest.approx(2 / 3)
    # The first beats count as well: nothing is cut off.
    assert f_measure(BEATS, BEATS[:2]) == pytest.approx(2 * 0.2 / 1.2)


def test_no_beats() -> None:
    assert f_measure(BEATS, np.empty(0)) == 0.0
    assert np.isnan(f_measure(np.empty(0), BEATS))


def test_the_folder_is_named_or_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert weights_folder() is None
    monkeypatch.setenv(VARIABLE, "there")
    assert weights_folder() == Path("there")
    assert weights_folder("here") == Path("here")


def test_without_weights_it_is_skipped_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat_module, "find_spec", lambda name: object())
    problem = missing_beat(None)
    assert problem is not None
    assert problem.startswith("BEAT is skipped")
    assert VARIABLE in problem
    with pytest.raises(AudioError, match="BEAT is skipped"):
        BeatTracker(None)
    monkeypatch.setattr(beat_module, "find_spec", lambda name: None)
    assert "madmom_infer" in str(missing_beat(Path("x")))


def test_only_weights_that_are_known_are_opened(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no weights of madmom"):
        checked_weights(tmp_path)
    home = tmp_path / "downbeats" / "2016"
    home.mkdir(parents=True)
    for number in range(1, 9):
        (home / f"downbeats_blstm_{number}.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(AudioError, match="not the file that madmom published"):
        checked_weights(tmp_path)
    assert len(set(HASHES)) == 8


def test_all_eight_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    monkeypatch.setattr(beat_module, "HASHES", (hashlib.sha256(b"1").hexdigest(), "0" * 64))
    (tmp_path / "downbeats_blstm_1.pkl").write_bytes(b"1")
    with pytest.raises(AudioError, match="can't be read") as caught:
        checked_weights(tmp_path)
    assert "downbeats_blstm_2.pkl" in str(caught.value)


def test_the_tracker_never_goes_online(monkeypatch: pytest.MonkeyPatch) -> None:
    downbeats = pytest.importorskip("madmom_infer.features.downbeats")
    models = pytest.importorskip("madmom_infer.models")
    asked: list[object] = []
    monkeypatch.setattr(
        downbeats, "NeuralNetworkEnsemble", type("Nets", (), {"load": lambda paths: asked.extend(paths) or sum})
    )
    before = models.downbeats_blstm
    beat_module._processors.cache_clear()
    beat_module._processors((Path("a"), Path("b")))
    beat_module._processors.cache_clear()
    assert asked == [Path("a"), Path("b")]
    assert models.downbeats_blstm is before


@pytest.mark.skipif(missing_beat(weights_folder()) is not None, reason="madmom's weights are not here")
def test_madmom_finds_the_beats_of_a_song_and_of_its_drums() -> None:
    times = np.arange(0.25, 6, 0.5)
    wave = np.zeros(round(6.2 * RATE), np.float32)
    rng = np.random.default_rng(0)
    for number, time in enumerate(times):
        length, begin = RATE // 10, round(time * RATE)
        fall = np.exp(-np.arange(length) / (0.02 * RATE))
        burst = np.sin(2 * np.pi * 60 * np.arange(length) / RATE) if number % 2 == 0 else rng.normal(0, 0.4, length)
        wave[begin : begin + length] += (0.5 * burst * fall).astype(np.float32)
    tracker = BeatTracker(weights_folder())
    assert f_measure(times, tracker.beats(wave)) > 0.9
    assert tracker.beat(wave, wave) == 1.0
    assert tracker.beat(np.zeros_like(wave), wave) == 0.0
    assert np.isnan(tracker.beat(wave, np.zeros_like(wave)))
