"""Stem insertion around the models: windows, extraction, guides, levels, with models whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from latent_toys import RATE, TrueMix, Zero, band_noise, system_of, tone

from arranger.errors import FillRequestError
from arranger.excerpt import excerpt
from arranger.files import load_song
from audio_ext.band import Settings
from audio_ext.errors import AudioError
from audio_ext.latent.blend import blended, cut, spread
from audio_ext.latent.extract import (
    Gate,
    filtered,
    guide_gain,
    long_log_mel,
    sounding,
    stem_power,
)
from audio_ext.latent.guide import fitted, song_guide
from audio_ext.latent.insert import LEVEL_DB, Wish, decoded, encoded, insert
from audio_ext.latent.mel import MelConfig, log_mel
from audio_ext.latent.refine import lay
from audio_ext.recordings import Recording

MEL = MelConfig()


@pytest.mark.parametrize(("length", "size", "overlap"), [(1, 8, 2), (8, 8, 0), (9, 8, 2), (1000, 64, 16), (77, 10, 9)])
def test_windows_cover_every_place_and_their_shares_sum_to_one(length: int, size: int, overlap: int) -> None:
    windows = spread(length, size, overlap)
    total = np.zeros(length)
    for start, share in zip(windows.starts, windows.shares, strict=True):
        total[start : start + windows.width] += share
    assert np.allclose(total, 1, atol=1e-6)
    assert windows.starts[-1] + windows.width == length
    assert all(b - a <= windows.width - min(overlap, windows.width) for a, b in pairwise(windows.starts))


@pytest.mark.parametrize(("length", "size", "overlap"), [(0, 8, 2), (9, 8, 8), (9, 8, -1)])
def test_windows_that_make_no_sense_are_refused(length: int, size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="no windows"):
        spread(length, size, overlap)


def test_what_is_the_same_in_every_window_comes_back_as_it_was() -> None:
    whole = torch.randn(1, 3, 101, 5)
    windows = spread(101, 16, 4)
    sizes = []

    def give(numbers: tuple[int, ...]) -> torch.Tensor:
        sizes.append(len(numbers))
        return cut(whole, windows, numbers, 2)

    assert torch.allclose(blended(give, windows, 2, 3), whole, atol=1e-6)
    assert max(sizes) == 3


def test_a_seam_is_a_ramp_and_no_step() -> None:
    windows = spread(100, 40, 10)
    values = torch.arange(len(windows.starts), dtype=torch.float32)
    joined = blended(lambda numbers: values[list(numbers), None].expand(-1, 40), windows, 1, 1)[0]
    assert joined.diff().abs().max() <= 1 / 9
    assert (joined[0], joined[-1]) == (0, values[-1])


def test_a_long_log_mel_is_the_log_mel() -> None:
    for samples in (2_000, 160 * 1024 + 77, 160 * 2050, 160 * 2050 + 900):
        wave = 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(samples))
        assert torch.allclose(long_log_mel(wave, MEL), log_mel(wave, MEL), atol=1e-4)


def test_a_codec_over_windows_is_the_codec() -> None:
    wave = torch.from_numpy(band_noise(25.0, 100, 4000))
    system = system_of(Zero())
    back = decoded(encoded(wave, system), system)
    assert torch.allclose(back[: len(wave) // MEL.hop], log_mel(wave, MEL), atol=1e-4)


def test_powers_of_sounds_that_have_nothing_in_common_are_told_apart() -> None:
    low, high = (torch.from_numpy(one) for one in (band_noise(4.0, 100, 900), band_noise(4.0, 2500, 6000)))
    power = stem_power(log_mel(low + high, MEL), log_mel(low, MEL))
    true = (2 * log_mel(high, MEL)).exp()
    assert abs(float(power.sum() / true.sum()) - 1) < 0.05
    assert float(power[:, :18].sum()) < 1e-3 * float(power.sum())


def test_no_difference_is_no_stem() -> None:
    mel = log_mel(torch.from_numpy(band_noise(2.0, 100, 4000)), MEL)
    assert float(stem_power(mel, mel).sum()) == 0
    louder = mel + 0.05  # what a codec gets wrong: a tenth of the power
    wrong = float(stem_power(louder, mel).sum() / (2 * mel).exp().sum())
    assert wrong == pytest.approx(0.105**2 / (0.105 + 10**-0.6), rel=0.01)
    assert float(stem_power(louder, mel, Gate(-300.0)).sum() / (2 * mel).exp().sum()) == pytest.approx(0.105, rel=0.01)


def test_a_filter_that_changes_nothing_gives_the_guide_back() -> None:
    guide = np.random.default_rng(0).normal(0, 0.1, (2, 44_100 * 2 + 13)).astype(np.float32)
    assert np.abs(filtered(guide, 44_100, np.ones((200, MEL.mels), np.float32), MEL) - guide).max() < 1e-5


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_filter_turns_bands_up_and_down_where_it_is_told(rate: int) -> None:
    sounds = tone(500.0, 3.0, rate) + tone(3000.0, 3.0, rate)
    gain = np.ones((300, MEL.mels), np.float32)
    gain[:150, 40:], gain[150:, 40:] = 0.0, 2.0  # band 40 is above 2 kHz
    got = filtered(sounds[None], rate, gain, MEL)[0]
    quarter = rate // 4
    for span, wanted in ((slice(quarter, 5 * quarter), 0.0), (slice(7 * quarter, 11 * quarter), 2.0)):
        low, high = (2 * abs(np.mean(got[span] * wave[span])) / 0.01 for wave in _pair(rate))
        assert low == pytest.approx(1.0, abs=0.02)
        assert high == pytest.approx(wanted, abs=0.02)


def _pair(rate: int) -> tuple[np.ndarray, np.ndarray]:
    return tone(500.0, 3.0, rate), tone(3000.0, 3.0, rate)


def test_a_guide_is_asked_for_nothing_new_by_a_model_that_changes_nothing() -> None:
    power = torch.rand(20, MEL.mels)
    power[3:5] = 0
    assert np.allclose(guide_gain(power, power), 1)
    assert np.allclose(guide_gain(4 * power, power)[6:], 2, atol=1e-5)


def test_the_level_of_a_stem_is_that_of_its_power_over_pieces_too() -> None:
    wave = torch.from_numpy(band_noise(24.0, 200, 3000))
    mel = log_mel(wave, MEL)
    made = sounding((2 * mel).exp(), system_of(Zero()).vocoder, MEL)
    assert float((made**2).mean() / (wave[: len(made)] ** 2).mean()) == pytest.approx(1, abs=0.25)
    assert float((log_mel(made, MEL) - mel)[8:-8].abs().mean()) < 0.5
    assert float(sounding(torch.zeros(50, MEL.mels), system_of(Zero()).vocoder, MEL).abs().max()) == 0


@pytest.mark.parametrize(("rate", "channels", "level"), [(16_000, 1, 1.0), (44_100, 2, 0.05), (48_000, 1, 3.0)])
def test_a_model_that_knows_the_truth_puts_the_missing_stem_in(rate: int, channels: int, level: float) -> None:
    low, high = band_noise(3.0, 100, 900), band_noise(3.0, 2500, 6000)
    under = Recording(level * _at(low, rate, channels), rate)
    heard = LEVEL_DB - 20 * np.log10(np.sqrt(np.mean(low**2)))
    system = system_of(TrueMix(torch.from_numpy((low + high) * np.float32(10 ** (heard / 20)))))
    found = insert(under, system, Wish("drums"))
    assert found.way == "vocoder"
    assert found.stem.shape == under.frames.shape
    assert found.stem.dtype == np.float32
    true = level * _at(high, rate, channels)
    assert np.mean(found.stem**2) == pytest.approx(np.mean(true**2), rel=0.3)
    assert np.array_equal(lay(under, found).mix, under.frames + found.stem)


def _at(mono: np.ndarray, rate: int, channels: int) -> np.ndarray:
    from audio_ext.recordings import resampled

    return np.repeat(resampled(mono[None], RATE, rate), channels, axis=0)


def test_strength_nought_lays_the_guide_in_as_it_is() -> None:
    under = Recording(np.random.default_rng(1).normal(0, 0.1, (2, 44_100)).astype(np.float32), 44_100)
    guide = np.random.default_rng(2).normal(0, 0.1, (2, 44_100)).astype(np.float32)
    found = insert(under, system_of(None), Wish("bass", strength=0.0), guide)
    assert found.stem is guide


def test_a_model_that_keeps_the_guides_mix_keeps_the_guide() -> None:
    under, guide = _song_and_guide()
    found = insert(under, system_of(Zero(keeps_guide=True)), Wish("bass", strength=0.5), guide)
    assert found.way == "filtered"
    assert np.abs(found.stem - guide).max() < 1e-4


def test_strength_one_does_not_hear_the_guide() -> None:
    under, guide = _song_and_guide()
    mixer = Zero(keeps_guide=True)
    found = insert(under, system_of(mixer), Wish("bass", strength=1.0), guide)
    alone = insert(under, system_of(Zero()), Wish("bass"))
    assert mixer.guides == [False]
    assert np.array_equal(found.stem, alone.stem)
    assert "nothing in" in found.notes[0]


def _song_and_guide() -> tuple[Recording, np.ndarray]:
    rate = 44_100
    under = np.stack([tone(880.0, 3.0, rate), tone(1320.0, 3.0, rate)])
    guide = np.stack([tone(110.0, 3.0, rate), 0.5 * tone(110.0, 3.0, rate)])
    return Recording(under, rate), guide


def test_what_would_clip_is_turned_down_together_and_said() -> None:
    under = Recording(np.full((1, 8000), 0.9, np.float32), 16_000)
    guide = np.full((1, 8000), 0.5, np.float32)
    laid = lay(under, insert(under, system_of(None), Wish("bass", strength=0.0), guide))
    assert laid.mix.max() == pytest.approx(1.4)
    assert laid.gain_db == pytest.approx(20 * np.log10(0.98 / 1.4), abs=1e-4)
    assert "3.1 dB" in laid.notes[0]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"part": "tuba"}, "drums, bass"),
        ({"strength": 1.2}, "0 keeps"),
        ({"strength": float("nan")}, "0 keeps"),
        ({"steps": 0}, "20 are usual"),
        ({"text_scale": float("inf")}, "out of range"),
        ({"prompt": "x" * 500}, "at most 400"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(wish: dict[str, object], told: str) -> None:
    with pytest.raises(FillRequestError, match=told):
        replace(Wish("bass"), **wish)


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (np.zeros((1, 16_000), np.float32), "silent"),
        (np.ones((1, 100), np.float32), "too short"),
        (np.lib.stride_tricks.as_strided(np.ones(1, np.float32), (1, 16 * 60 * 16_000), (0, 0)), "at most 15"),
    ],
)
def test_a_submix_that_cannot_be_played_to_is_refused(frames: np.ndarray, told: str) -> None:
    with pytest.raises(AudioError, match=told):
        insert(Recording(frames, 16_000), system_of(Zero()), Wish("bass"))


def test_guides_come_to_the_submix_they_are_for() -> None:
    under = Recording(np.zeros((2, 1000), np.float32), 16_000, "demo.wav")
    assert np.array_equal(fitted(np.ones((1, 500), np.float32), 16_000, under)[:, 490:510].sum(axis=1), [10, 10])
    late = fitted(np.ones((3, 5000), np.float32), 16_000, under, 0.05)
    assert (late[:, :800].max(), late[:, 800:].min(), late.shape) == (0, 1, (2, 1000))
    early = fitted(np.arange(1000, dtype=np.float32)[None], 16_000, under, -0.01)
    assert early[0, 0] == 160
    with pytest.raises(AudioError, match="outside"):
        fitted(np.ones((1, 500), np.float32), 16_000, under, 1.0)


def test_a_songs_part_is_rendered_as_a_guide() -> None:
    song = excerpt(load_song(Path(__file__).parents[1] / "examples" / "night-bus.mid"), (8, 10))
    under = Recording(np.random.default_rng(0).normal(0, 0.1, (1, 4 * 44_100)).astype(np.float32), 44_100)
    guide = song_guide(song, under, "drums", settings=Settings(reverb=False))
    assert guide.shape == under.frames.shape
    assert np.abs(guide).max() > 0.01
    with pytest.raises(FillRequestError, match="no bass"):
        song_guide(song, under, "bass")
