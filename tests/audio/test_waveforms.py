"""Waveforms and spectrograms: extremes kept, bands where the sound is, powers that add up, and pictures that open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("soundfile")

import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.pictures.canvas import DARK, to_png
from audio_ext.errors import AudioError
from audio_ext.recordings import Recording
from audio_ext.spectra import banded, bin_hz, frame_count, mel, mel_bands, pitch_class_bands, power_frames
from audio_ext.waveforms import envelope_of, file_figure, mel_decibels, spectrogram_figure, waveform_figure

RATE = 22_050


def sine(hz: float, seconds: float, rate: int = RATE, level: float = 1.0) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=300), st.integers(1, 50))
def test_no_peak_is_lost(samples: list[float], columns: int) -> None:
    values = np.array(samples, dtype=np.float32)
    low, high = envelope_of(values, columns)
    assert len(low) == len(high) == min(columns, len(values))
    assert low.min() == values.min()
    assert high.max() == values.max()
    assert (low <= high).all()


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("hz", [110.0, 440.0, 1760.0])
def test_a_sine_has_power_one_in_its_bin_its_band_and_its_pitch_class(rate: int, hz: float) -> None:
    window, hop = 0.186, 0.02
    frames = np.concatenate(list(power_frames(sine(hz, 2, rate), rate, window, hop)))
    middle = frames[len(frames) // 2]
    assert bin_hz(rate, window)[middle.argmax()] == pytest.approx(hz, abs=1 / window / 2 + 0.5)
    assert middle.max() == pytest.approx(1.0, rel=0.35)  # between two bins Hann's window loses 1.4 dB
    bands = banded(sine(hz, 2, rate), rate, window, hop, mel_bands(rate, window, 40))
    centres = np.linspace(float(mel(40)), float(mel(min(11_000, rate / 2))), 42)[1:-1]
    assert abs(centres[bands[50].argmax()] - float(mel(hz))) < np.diff(centres)[0]
    classes = banded(sine(hz, 2, rate), rate, window, hop, pitch_class_bands(rate, window))
    assert classes[50].argmax() == 9  # A


def test_bands_are_full_whatever_the_window() -> None:
    for rate, window, count in ((8_000, 0.02, 64), (44_100, 0.064, 128), (96_000, 0.046, 8)):
        weight = mel_bands(rate, window, count)
        assert np.allclose(weight.sum(axis=0), 1.0, atol=1e-5)
        assert (weight >= 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30_000), st.sampled_from([8_000, 11_025, 22_050]), st.sampled_from([0.005, 0.02]))
def test_frames_keep_time_whatever_the_rate(samples: int, rate: int, hop: float) -> None:
    frames = np.concatenate(list(power_frames(np.zeros(samples, np.float32), rate, 0.02, hop)))
    assert len(frames) == frame_count(samples, rate, hop) == max(1, int(np.ceil(samples / rate / hop)))
    click = np.zeros(3 * rate, np.float32)
    click[round(1.7 * rate)] = 1.0
    power = np.concatenate(list(power_frames(click, rate, 0.02, hop))).sum(axis=1)
    assert power.argmax() * hop == pytest.approx(1.7, abs=hop)


def test_decibels_are_below_the_loudest() -> None:
    sound = Recording(np.concatenate([sine(440, 1), sine(440, 1, level=0.1), np.zeros(RATE, np.float32)])[None], RATE)
    decibels, hop = mel_decibels(sound)
    at = [decibels[int(seconds / hop)].max() for seconds in (0.5, 1.5, 2.5)]
    assert at[0] == pytest.approx(0.0, abs=0.5)
    assert at[1] == pytest.approx(-20.0, abs=0.5)
    assert at[2] == -80.0
    assert (mel_decibels(Recording(np.zeros((1, 1000), np.float32), RATE))[0] == -80).all()


def test_pictures_open(tmp_path: Path) -> None:
    stems = {
        "bass": Recording(sine(55, 2, level=0.5)[None], RATE),
        "$drums$ 日": Recording(np.repeat(sine(200, 1, level=1.0)[None], 2, axis=0), RATE),
    }
    figure = waveform_figure(stems, DARK, "a $title")
    assert to_png(figure).startswith(b"\x89PNG")
    assert len(figure.axes) == 2
    assert figure.axes[1].get_xlim() == (0.0, 2.0)
    soundfile.write(tmp_path / "a.wav", sine(440, 1, level=0.3), RATE)
    assert to_png(file_figure(tmp_path / "a.wav")).startswith(b"\x89PNG")
    assert to_png(spectrogram_figure(Recording(np.zeros((2, 10), np.float32), RATE))).startswith(b"\x89PNG")
    with pytest.raises(AudioError, match="0 sounds"):
        waveform_figure({})
