"""Baselines on sounds whose parts are known, and the small HDemucs learning one batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

import torch

from audio_ext.errors import AudioError
from audio_ext.latent.baselines import hdemucs as hdemucs_module
from audio_ext.latent.baselines.hdemucs import HdemucsConfig, build, missing_hdemucs, open_hdemucs, separate
from audio_ext.latent.baselines.midi_masks import _held, fitted_gains, masked, shares_of
from audio_ext.latent.baselines.plain import foreign, levelled_as, mixture_as_estimate, shuffled
from audio_ext.latent.metrics.distances import si_sdr
from audio_ext.latent.windows import RATE, STEMS, Facts, Window, write_windows

SAMPLES = 2 * RATE


def sine(hertz: float, level: float = 0.2) -> np.ndarray:
    at = np.arange(SAMPLES) / RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


@pytest.fixture
def parts() -> np.ndarray:
    """Four sounds far apart in frequency, (4, sample); the second rests in the second half."""
    found = np.stack([sine(3000), sine(100), sine(500), sine(1200)])
    found[1, SAMPLES // 2 :] = 0
    return found


def test_the_mixture_as_estimate_has_the_ratio_of_the_powers(parts: np.ndarray) -> None:
    mix = parts[2:].sum(axis=0)
    whole, quarter = (mixture_as_estimate(mix[None], share) for share in (1.0, 0.25))
    assert whole.shape == (1, 4, SAMPLES)
    assert np.allclose(quarter.sum(axis=1), mix, atol=1e-6)
    # Two equally loud sounds that have nothing in common: 0 dB, at any scale.
    for estimate in (whole, quarter):
        assert si_sdr(estimate[:, 2], parts[None, 2])[0] == pytest.approx(0, abs=0.01)


def test_gains_are_those_that_were_put_in() -> None:
    rng = np.random.default_rng(0)
    templates = rng.random((3, 50, 5))
    true = rng.random((3, 5))
    true[1, 2] = 0
    whole = np.einsum("sb,sfb->fb", true, templates)
    assert np.allclose(fitted_gains(whole, templates), true, atol=1e-9)
    templates[0] = 0  # a part that rests
    assert not fitted_gains(whole, templates)[0].any()


def test_masks_of_known_parts_take_a_mixture_apart_at_any_level(parts: np.ndarray) -> None:
    mix = parts.sum(axis=0)
    wrong_levels = parts * np.array([0.1, 3, 1, 0.5], np.float32)[:, None]
    shares = shares_of(mix, wrong_levels)
    assert np.allclose(shares.sum(axis=0), 1, atol=1e-5)
    found = masked(mix, shares)
    assert np.abs(found.sum(axis=0) - mix)[2000:-2000].max() < 1e-3  # nothing is lost
    inner = slice(4000, SAMPLES - 4000)
    ratios = si_sdr(found[:, inner], parts[:, inner])
    assert (ratios > 15).all()
    assert (ratios > si_sdr(np.repeat(mix[None], 4, axis=0)[:, inner], parts[:, inner]) + 10).all()


def test_a_part_without_notes_gets_nothing(parts: np.ndarray) -> None:
    silent = parts.copy()
    silent[3] = 0
    shares = shares_of(parts.sum(axis=0), silent)
    nobody = (shares == 0.25).all(axis=0)  # where no part plays all get the same
    assert not shares[3][~nobody].any()
    assert not nobody[20:80, 1:3].any()  # bands of the bass, while it plays


def test_heard_notes_are_held_until_the_next_of_their_voice() -> None:
    found = np.array([[0.0, 40.0], [0.25, 43.0], [0.5, 40.0]])
    assert [note[1] for note in _held(found, 0.7, alone=True)] == pytest.approx([0.25, 0.5, 0.7])
    assert [note[1] for note in _held(found, 5.0, alone=False)] == pytest.approx([0.4, 0.65, 0.9])


def test_another_songs_stem_has_the_true_ones_level() -> None:
    rng = np.random.default_rng(0)
    stems = rng.normal(0, 0.1, (4, 4, 800)).astype(np.float32) * np.arange(1, 5)[:, None, None].astype(np.float32)
    songs = ("a", "a", "b", "b")
    found = foreign(stems, songs, ("bass", "other"))
    for at in range(4):
        assert np.array_equal(found[at, [0, 2]], stems[at, [0, 2]])
        for column in (1, 3):
            assert np.sqrt(np.mean(found[at, column] ** 2)) == pytest.approx(np.sqrt(np.mean(stems[at, column] ** 2)))
            likeness = [abs(np.corrcoef(found[at, column], stems[one, column])[0, 1]) for one in range(4)]
            assert songs[int(np.argmax(likeness))] != songs[at]
            assert max(likeness) > 0.999
    assert np.array_equal(foreign(stems, ("a",) * 4, ("bass",)), stems)
    assert not levelled_as(np.zeros(5, np.float32), stems[0, 0]).any()


def test_shuffled_stems_come_of_four_songs() -> None:
    stems = np.zeros((6, 4, 3), np.float32) + np.arange(6, dtype=np.float32)[:, None, None]
    for window in shuffled(stems, tuple("abcdef")):
        assert len({float(stem[0]) for stem in window}) == 4


def test_without_demucs_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdemucs_module, "find_spec", lambda name: None)
    assert "pip install --no-deps demucs" in str(missing_hdemucs())
    with pytest.raises(AudioError, match="demucs"):
        build(HdemucsConfig(4))
    with pytest.raises(ValueError, match="channels"):
        HdemucsConfig(5)


@pytest.mark.skipif(missing_hdemucs() is not None, reason="demucs is not installed")
def test_hdemucs_learns_is_kept_and_goes_on(tmp_path: Path, parts: np.ndarray) -> None:
    from dataclasses import replace

    from audio_ext.latent.train_hdemucs import HdemucsTraining, draw_batch, separation_loss, train
    from audio_ext.latent.windows import Windows

    write_windows(tmp_path / "windows", 0, [Window(parts, Facts("one"))] * 2)
    config = HdemucsTraining(HdemucsConfig(4), steps=3, batch=1, seconds=1.0, learning_rate=3e-3, warmup=1, log_every=3)
    path = train(replace(config, steps=1), tmp_path / "windows", tmp_path / "run")
    path = train(config, tmp_path / "windows", tmp_path / "run")
    net = open_hdemucs(path)
    batch = draw_batch(Windows(tmp_path / "windows"), config, 0)
    assert batch.shape == (1, len(STEMS), RATE)
    torch.manual_seed(0)
    with torch.inference_mode():
        fresh = float(separation_loss(build(config.model), batch))
        learnt = float(separation_loss(net, batch))
    assert learnt < fresh
    mix = parts.sum(axis=0)[None]
    found = separate(net, np.concatenate([mix, 0.1 * mix, 0 * mix]))
    assert found.shape == (3, 4, SAMPLES)
    assert np.allclose(found[1], 0.1 * found[0], atol=1e-5)  # the level doesn't matter
    assert not found[2].any() or np.abs(found[2]).max() < 1e-6
