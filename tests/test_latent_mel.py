"""The mel front end: closed forms, and scipy as the oracle of the short-time transform."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
signal = pytest.importorskip("scipy.signal")

from audio_ext.latent.mel import (  # noqa: E402 - after importorskip
    MSG_LD,
    RIFFUSION,
    MelConfig,
    filterbank,
    hz_to_mel,
    log_mel,
    mel_to_hz,
    spectrum,
    waveform,
)


def _sine(hz: float, config: MelConfig, seconds: float = 0.6, amplitude: float = 0.5) -> torch.Tensor:
    at = torch.arange(int(seconds * config.rate), dtype=torch.float64) / config.rate
    return (amplitude * torch.sin(2 * torch.pi * hz * at)).float()


def _noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 0.1


@pytest.mark.parametrize("config", [MSG_LD, RIFFUSION])
@pytest.mark.parametrize("frames", [40, 41])
def test_a_hop_gives_a_frame(config: MelConfig, frames: int) -> None:
    for spare in (0, config.hop - 1):
        assert log_mel(torch.zeros(2, frames * config.hop + spare), config).shape == (2, frames, config.mels)
    assert MSG_LD.frames_a_second == 100


def test_ten_seconds_are_1024_frames() -> None:
    assert log_mel(torch.zeros(163_840)).shape == (1024, 64)


@pytest.mark.parametrize("config", [MSG_LD, RIFFUSION])
def test_silence_is_the_floor(config: MelConfig) -> None:
    found = log_mel(torch.zeros(config.hop * 50), config)
    assert torch.allclose(found, torch.full_like(found, math.log(config.floor)))


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_mel_scales_have_their_published_points(scale: str) -> None:
    hz = np.array([0.0, 440.0, 999.0, 1000.0, 1001.0, 7999.0])
    assert np.allclose(mel_to_hz(hz_to_mel(hz, scale), scale), hz)
    if scale == "slaney":  # 15 steps of 66.7 Hz to 1 kHz, then 27 for a factor of 6.4
        assert np.allclose(hz_to_mel(np.array([200 / 3, 1000.0, 6400.0]), scale), [1, 15, 42])
    else:  # 1000 Hz is 1000 mel (O'Shaughnessy), but for rounding
        assert hz_to_mel(1000.0, scale) == pytest.approx(1000, abs=0.1)


@pytest.mark.parametrize("config", [MSG_LD, RIFFUSION])
def test_bands_are_triangles_without_holes(config: MelConfig) -> None:
    bands = filterbank(config).double()
    assert bands.shape == (config.n_fft // 2 + 1, config.mels)
    assert (bands >= 0).all()
    assert (bands.sum(dim=0) > 0).all()
    width = config.rate / config.n_fft
    if config.equal_area:  # the area of a triangle sampled in steps of a bin
        assert torch.allclose(bands.sum(dim=0)[8:] * width, torch.ones(1, dtype=torch.float64), atol=0.05)
    else:  # heights of neighbours add up to 1 between the first and the last peak
        peaks = bands.argmax(dim=0)
        assert torch.allclose(bands[peaks[0] + 1 : peaks[-1]].sum(dim=1), torch.ones(1, dtype=torch.float64), atol=1e-4)


@pytest.mark.parametrize("hz", [110.0, 440.0, 1000.0, 3000.0, 6500.0])
def test_a_sine_lands_in_its_band(hz: float) -> None:
    edges = mel_to_hz(np.linspace(0, float(hz_to_mel(8000.0, "slaney")), 66), "slaney")
    loudest = log_mel(_sine(hz, MSG_LD))[10:-10].mean(dim=0).argmax().item()
    assert edges[loudest] < hz < edges[loudest + 2]


def test_twice_as_loud_is_log_2_more() -> None:
    wave = _noise(16_000)
    assert torch.allclose(log_mel(2 * wave) - log_mel(wave), torch.tensor(math.log(2)), atol=1e-3)


def test_the_spectrum_is_that_of_scipy() -> None:
    """scipy centres its window on the sample it is asked for; our frame i is centred at (i + 1/2) hop."""
    wave = _noise(8_000)
    window = signal.windows.hann(1024, sym=False)
    transform = signal.ShortTimeFFT(window, 160, 16_000, fft_mode="onesided")
    padded = np.pad(wave.numpy(), 432, mode="reflect")
    # Slice p of scipy begins at sample 160 p - 512, so the padding is made a whole number of hops.
    slices = transform.stft(np.pad(padded, (640 - 512, 0)), p0=4, p1=4 + 50)
    assert np.allclose(np.abs(spectrum(wave).numpy().T), np.abs(slices), atol=1e-3)


def test_energy_is_kept() -> None:
    """Parseval: the energy of the frames is that of the windowed samples, which is 3/8 n_fft / hop of the wave's."""
    wave = _noise(64_000)
    power = spectrum(wave).abs() ** 2
    energy = (2 * power.sum(dim=1) - power[:, 0] - power[:, -1]).sum() / 1024
    assert float(energy) == pytest.approx(float((wave**2).sum()) * 3 / 8 * 1024 / 160, rel=0.02)


@pytest.mark.parametrize("config", [MSG_LD, MelConfig(n_fft=2048, window=800, hop=200)])
def test_there_and_back(config: MelConfig) -> None:
    wave = _noise(3, 2, config.hop * 60)
    assert torch.allclose(waveform(spectrum(wave, config), config), wave, atol=1e-4)


def test_gradients_are_finite_at_silence() -> None:
    wave = torch.zeros(3_200, requires_grad=True)
    log_mel(wave).sum().backward()
    assert wave.grad is not None
    assert torch.isfinite(wave.grad).all()


def test_too_short_is_said() -> None:
    with pytest.raises(ValueError, match="too few"):
        log_mel(torch.zeros(432))


@pytest.mark.parametrize("wrong", [{"hop": 0}, {"window": 2048}, {"fmax": 9_000.0}, {"scale": "bark"}, {"floor": 0.0}])
def test_impossible_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        MelConfig(**wrong)
