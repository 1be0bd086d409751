"""Loudness and true peak: closed forms of BS.1770 and pyloudnorm as a second opinion."""

from __future__ import annotations

import warnings
from math import inf

import numpy as np
import pyloudnorm
import pytest

from audio_ext.loudness import CEILING_DB, LoudnessMeter, PeakMeter, level_to

RATE = 48000


def measured(frames: np.ndarray, rate: int = RATE, block: int = 7777) -> float:
    meter = LoudnessMeter(rate, len(frames))
    for begin in range(0, frames.shape[1], block):
        meter.feed(frames[:, begin : begin + block])
    return meter.lufs()


def sine(hertz: float, seconds: float, rate: int = RATE, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate + phase)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_full_sine_in_one_channel_is_minus_three(rate: int) -> None:
    """BS.1770-4, end of annex 1: 0 dB at 997 Hz in one front channel reads -3.01 LUFS."""
    wave = sine(997, 5, rate)
    assert measured(np.stack([wave, 0 * wave]), rate) == pytest.approx(-3.01, abs=0.02)
    assert measured(np.stack([wave, wave]), rate) == pytest.approx(0.0, abs=0.02)


def test_soft_passages_do_not_count() -> None:
    """EBU Tech 3341, case 3: -36, -23 and -36 LUFS for 10, 60 and 10 seconds is -23.0 +- 0.1."""
    loud = [sine(1000, seconds) * 10 ** (level / 20) for level, seconds in ((-36, 10), (-23, 60), (-36, 10))]
    assert measured(np.stack([np.concatenate(loud)] * 2)) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_pyloudnorm_agrees(rate: int) -> None:
    rng = np.random.default_rng(0)
    noise = np.cumsum(rng.normal(size=(2, 12 * rate)), axis=1)
    noise -= np.linspace(noise[:, 0], noise[:, -1], noise.shape[1]).T
    noise *= (0.2 + np.abs(sine(0.3, 12, rate))) / np.abs(noise).max()
    assert measured(noise, rate) == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(noise.T), abs=0.1)


def test_blocks_do_not_matter() -> None:
    noise = np.random.default_rng(1).normal(size=(2, 3 * RATE)) * 0.1
    assert measured(noise, block=101) == pytest.approx(measured(noise, block=10**6), abs=1e-9)


def test_silence_and_a_click_have_no_loudness() -> None:
    assert measured(np.zeros((2, RATE))) == -inf
    assert measured(np.ones((2, 100))) == -inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert level_to(-14, -inf, 0.0).note == "The mix is silent."


@pytest.mark.parametrize("block", [1000, 100_000])
def test_true_peak_lies_between_the_samples(block: int) -> None:
    """A sine of a quarter of the rate, sampled at 45 degrees, shows 3.01 dB less than it has."""
    wave = 0.5 * sine(RATE / 4, 1, phase=np.pi / 4) * np.hanning(RATE)
    meter = PeakMeter()
    for begin in range(0, RATE, block):
        meter.feed(np.stack([wave, wave])[:, begin : begin + block])
    assert meter.sample == pytest.approx(0.5 * np.sqrt(0.5), rel=0.001)
    assert 20 * np.log10(meter.true / 0.5) == pytest.approx(0.0, abs=0.1)


def test_a_peak_on_the_seam_of_two_blocks_is_seen() -> None:
    wave = np.zeros((2, 20_000))
    wave[:, 9999:10001] = 0.9
    whole, halves = PeakMeter(), PeakMeter()
    whole.feed(wave)
    halves.feed(wave[:, :10_000])
    halves.feed(wave[:, 10_000:])
    assert whole.true == pytest.approx(halves.true, rel=1e-9)
    assert whole.true > 1.1


def test_the_level_reaches_its_target_or_the_ceiling() -> None:
    free = level_to(-14, -30.0, 0.05)
    assert (free.gain_db, free.lufs, free.note) == (16.0, -14.0, None)
    held = level_to(-14, -30.0, 0.5)
    assert held.true_peak_db == pytest.approx(CEILING_DB)
    assert held.lufs == pytest.approx(-30 + held.gain_db)
    assert held.note is not None
    assert "-25.0 LUFS, not -14" in held.note


def test_no_stem_is_cut_off_though_the_mix_has_room() -> None:
    """Two stems that take each other away: the mix is soft, they are not."""
    level = level_to(-14, -40.0, 0.01, stem_peak=0.5)
    assert 0.5 * 10 ** (level.gain_db / 20) <= 1.0


def test_as_it_is_but_never_over_the_ceiling() -> None:
    assert level_to(None, -40.0, 0.1).gain_db == 0.0
    assert level_to(None, -4.0, 2.0).true_peak_db == pytest.approx(CEILING_DB)
