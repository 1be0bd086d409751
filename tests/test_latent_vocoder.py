"""Griffin-Lim by its promises, HiFi-GAN's generator on tiny nets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from audio_ext.errors import AudioError  # noqa: E402 - after importorskip
from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint  # noqa: E402
from audio_ext.latent.mel import MSG_LD, amplitude_mel, filterbank, log_mel, spectrum  # noqa: E402
from audio_ext.latent.settings import parsed  # noqa: E402
from audio_ext.latent.train_vocoder import (  # noqa: E402
    VocoderTraining,
    measure_vocoders,
    rivals,
    spectral_distance,
    train,
    vocoder_loss,
)
from audio_ext.latent.vocoder import (  # noqa: E402
    PRESETS,
    GriffinLim,
    HifiGan,
    HifiGanConfig,
    magnitudes_of,
    spectral_convergence,
)
from audio_ext.latent.windows import RATE, Facts, Window, Windows, write_windows  # noqa: E402

TINY = PRESETS["tiny"]


def _tones(*hz: float, seconds: float = 1.0) -> torch.Tensor:
    """Plucked tones, float32 (1, sample)."""
    at = torch.arange(int(seconds * RATE)) / RATE
    return sum(0.2 * torch.sin(2 * torch.pi * one * at) * torch.exp(-3 * (at % 0.5)) for one in hz)[None]


def _gan(config: HifiGanConfig = TINY) -> HifiGan:
    torch.manual_seed(0)
    return HifiGan(config).eval()


def _folder(path: Path) -> Path:
    rng = np.random.default_rng(0)
    stems = np.stack([_tones(hz)[0].numpy() for hz in (110, 220, 440, 880)]) * 0.5
    stems[0] = 0.1 * rng.standard_normal(stems.shape[1])
    write_windows(path / "windows", 0, [Window(np.clip(stems, -0.25, 0.25), Facts("song"))])
    return path / "windows"


def test_inverted_bands_are_the_bands_and_never_negative() -> None:
    mels = log_mel(_tones(220, 1500)).exp()
    found = magnitudes_of(mels)
    assert (found >= 0).all()
    assert (amplitude_mel(found).log() - mels.log()).abs().mean() < 0.08


def test_inversion_fits_no_worse_than_scipy() -> None:
    """Active-set least squares (Lawson and Hanson) is the best there is; pure tones are the worst case for ours."""
    optimise = pytest.importorskip("scipy.optimize")
    mels = log_mel(_tones(220, 1500)).exp()[0, ::25]
    bands = filterbank(MSG_LD)
    for frame, ours in zip(mels, magnitudes_of(mels), strict=True):
        best = optimise.nnls(bands.T.double().numpy(), frame.double().numpy())[1]
        assert float((ours @ bands - frame).norm()) < best + 0.06 * float(frame.norm())


def test_inversion_keeps_where_a_guide_has_its_energy() -> None:
    """A sine between the bins of a wide band: without a guide its place in the band is lost."""
    sound = _tones(3333.0)
    truth = spectrum(sound).abs()
    mels = amplitude_mel(truth)
    blind, told = magnitudes_of(mels), magnitudes_of(mels, start=truth)
    assert (told - truth).norm() < 0.02 * truth.norm()
    assert (blind - truth).norm() > 0.3 * truth.norm()


@pytest.mark.parametrize("hz", [220.0, 440.0, 2000.0])
def test_griffin_lim_finds_a_sines_frequency(hz: float) -> None:
    sound = 0.3 * torch.sin(2 * torch.pi * hz * torch.arange(RATE) / RATE)[None]
    made = GriffinLim().wave(log_mel(sound))[0]
    assert made.shape == (RATE,)
    peak = int(torch.fft.rfft(made * torch.hann_window(RATE)).abs().argmax())  # bins of 1 Hz
    band = filterbank(MSG_LD)[round(hz / 15.625)].argmax()
    inside = torch.nonzero(filterbank(MSG_LD)[:, band])[:, 0] * 15.625
    assert inside[0] - 16 <= peak <= inside[-1] + 16
    assert made.std().item() == pytest.approx(sound.std().item(), rel=0.25)


def test_griffin_lim_with_the_true_magnitudes_and_phases_is_the_sound() -> None:
    sound = _tones(220, 1500)
    found = spectrum(sound)
    made = GriffinLim().with_phases(found.abs(), found / found.abs().clamp(min=1e-8))
    assert torch.allclose(made, sound, atol=1e-3)


def test_iterations_and_momentum_help() -> None:
    sound = _tones(220, 331, 1500) + 0.02 * torch.randn(1, RATE, generator=torch.Generator().manual_seed(1))
    magnitudes = spectrum(sound).abs()
    turns = 2 * torch.pi * torch.rand(magnitudes.shape, generator=torch.Generator().manual_seed(0))
    start = torch.polar(torch.ones_like(turns), turns)

    def miss(iterations: int, momentum: float) -> float:
        made = GriffinLim(iterations=iterations, momentum=momentum).with_phases(magnitudes, start)
        return spectral_convergence(made, magnitudes)

    plain = [miss(count, 0.0) for count in (0, 4, 16)]
    assert plain == sorted(plain, reverse=True)  # Griffin and Lim's theorem: it never rises
    assert miss(32, 0.99) < miss(32, 0.0) < 0.5 * plain[0]


def test_a_guide_gives_its_phases() -> None:
    """Told the sound itself, the copy is the sound; told another one of the same notes, it is nearer to it in time."""
    sound = _tones(220, 1500)
    mels = log_mel(sound)
    blind, told = (GriffinLim().wave(mels, one) for one in (None, sound))
    assert (told - sound).norm() < 0.05 * sound.norm()
    assert (blind - sound).norm() > 0.5 * sound.norm()


def test_griffin_lim_is_the_same_every_time() -> None:
    mels = log_mel(torch.cat([_tones(220), _tones(660)]))
    assert torch.equal(GriffinLim().wave(mels), GriffinLim().wave(mels))
    assert not torch.equal(GriffinLim().wave(mels), GriffinLim(seed=1).wave(mels))
    assert GriffinLim().wave(torch.full((1, 40, 64), np.log(1e-5))).abs().max() < 1e-3


@pytest.mark.parametrize("frames", [1, 24])
def test_hifi_gan_gives_a_hop_a_frame(frames: int) -> None:
    made = _gan().wave(torch.full((2, frames, 64), -5.0))
    assert made.shape == (2, frames * 160)
    assert made.abs().max() <= 1


def test_hifi_gan_hears_its_input_alone() -> None:
    gan = _gan()
    mels = log_mel(torch.cat([_tones(220), _tones(660)]))
    both = gan.wave(mels)
    assert torch.allclose(gan.wave(mels[:1]), both[:1], atol=1e-5)
    assert torch.equal(both, gan.wave(mels, torch.randn(2, RATE)))
    assert not torch.allclose(both[0], both[1], atol=1e-3)


def test_the_paper_sized_preset_has_its_parameters() -> None:
    with torch.device("meta"):
        gan = HifiGan(PRESETS["msg-ld"])
    assert sum(p.numel() for p in gan.parameters()) / 1e6 == pytest.approx(55.3, abs=0.1)


@pytest.mark.parametrize(
    "wrong",
    [{"rates": [5, 4]}, {"channels": 100}, {"rates": [5, 4, 2, 2, 3]}, {"resblocks": [4]}, {"dilations": []}],
)
def test_impossible_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(AudioError, match="makes no sense"):
        parsed(wrong, HifiGanConfig, "vocoder.json")


def test_spectral_distance_is_a_distance() -> None:
    sound, other = _tones(220, 1500), _tones(247, 1700)
    assert spectral_distance(sound, sound).item() == 0
    assert spectral_distance(other, sound) > spectral_distance(0.9 * sound, sound) > 0.05
    assert spectral_distance(sound, torch.zeros_like(sound)).isfinite()
    # A polarity or a small delay is nothing that ears hear, nor what it counts.
    assert spectral_distance(-sound, sound).item() == pytest.approx(0, abs=1e-5)


def test_one_batch_is_learnt() -> None:
    gan = _gan(replace(TINY, mel=MSG_LD)).train()
    sound = _tones(220, 1500, seconds=0.32)
    optimiser = torch.optim.Adam(gan.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss, _ = vocoder_loss(gan, sound, 1.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_a_run_trains_and_measures(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    config = VocoderTraining(vocoder=TINY, frames=16, batch=2, steps=3, log_every=2, validate_every=2, save_every=2)
    found = load_checkpoint(train(config, folder, tmp_path / "run", folder), "vocoder")
    gan = HifiGan(config_of(found, HifiGanConfig))
    fill_module(gan, found)
    assert gan.config == TINY
    assert set(found.card["measured"]) == {"hifi-gan", *rivals(MSG_LD)}


def test_measures_tell_good_from_bad(tmp_path: Path) -> None:
    windows = Windows(_folder(tmp_path))[:]
    found = measure_vocoders(windows, MSG_LD, rivals(MSG_LD) | {"untrained": (_gan(), "nothing")})
    for column in ("log_mel_l1", "stft"):
        told, blind = found["griffin-lim told the truth"][column], found["griffin-lim"][column]
        assert told < 0.5 * blind < 0.5 * found["untrained"][column]
