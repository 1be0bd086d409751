"""The mel codec on tiny nets, and the shipped one on rendered songs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from audio_ext.errors import AudioError  # noqa: E402 - after importorskip
from audio_ext.latent.checkpoint import config_of, fill_module, load_checkpoint  # noqa: E402
from audio_ext.latent.codec import PRESETS, CodecConfig, LinearCodec, MelCodec  # noqa: E402
from audio_ext.latent.crops import Crops, blend  # noqa: E402
from audio_ext.latent.measure_codec import (  # noqa: E402
    codec_shrinker,
    mean_shrinker,
    measure,
    patches_of,
    pca_shrinker,
)
from audio_ext.latent.mel import MelConfig, log_mel  # noqa: E402
from audio_ext.latent.train_codec import CodecTraining, codec_loss, finished, train  # noqa: E402
from audio_ext.latent.windows import RATE, Facts, Window, Windows, write_windows  # noqa: E402

TINY = PRESETS["tiny"]
PLAIN = replace(TINY, linear=False)


def _pictures(count: int = 2, frames: int = 32, seed: int = 0) -> torch.Tensor:
    """Smooth pictures in the range of log-mel, float32 (count, frames, 64)."""
    rough = torch.randn(count, 1, frames // 4, 16, generator=torch.Generator().manual_seed(seed))
    return -5 + 1.5 * torch.nn.functional.interpolate(rough, size=(frames, 64), mode="bilinear")[:, 0]


def _codec(config: CodecConfig = TINY, seed: int = 0) -> MelCodec:
    torch.manual_seed(seed)
    return MelCodec(config).eval()


def _fitted(pictures: torch.Tensor, config: CodecConfig = TINY) -> MelCodec:
    codec = _codec(config)
    codec.linear.fit(((pictures - config.centre) / config.spread)[:, None])
    return finished(codec, [pictures])


def _window(seed: int, seconds: float = 1.28) -> Window:
    rng = np.random.default_rng(seed)
    at = np.arange(int(seconds * RATE)) / RATE
    tones = [0.1 * np.sin(2 * np.pi * rng.uniform(60, 2000) * at) * np.exp(-5 * (at % 0.3)) for _ in range(3)]
    drums = 0.1 * rng.standard_normal(len(at)) * np.exp(-30 * (at % 0.25))
    return Window(np.clip([drums, *tones], -0.25, 0.25).astype(np.float32), Facts(f"song {seed}"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_windows(tmp_path / "windows", 0, [_window(seed) for seed in range(3)])
    return tmp_path / "windows"


@pytest.mark.parametrize("name", ["tiny", "reduced"])
def test_shapes(name: str) -> None:
    config = PRESETS[name]
    codec = _codec(config)
    latent = codec.encode(_pictures(3, 48))
    assert latent.shape == (3, config.latents, 6, 8)
    assert (config.factor, config.latent_bands) == (8, 8)
    assert codec.decode(latent).shape == (3, 48, 64)


def test_the_paper_sized_preset_has_its_parameters() -> None:
    with torch.device("meta"):
        codec = MelCodec(PRESETS["msg-ld"])
    assert sum(p.numel() for p in codec.parameters()) / 1e6 == pytest.approx(55.4, abs=0.1)
    assert PRESETS["msg-ld"].factor == 4


@pytest.mark.parametrize("shape", [(1, 31, 64), (1, 0, 64), (1, 32, 63), (32, 64), (1, 1, 32, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        _codec().encode(torch.zeros(shape))


@pytest.mark.parametrize("config", [TINY, PLAIN])
def test_the_mode_is_the_same_every_time_and_alone(config: CodecConfig) -> None:
    codec, pictures = _codec(config), _pictures(3)
    together = codec.encode(pictures)
    assert torch.equal(together, codec.encode(pictures))
    for i in range(3):
        assert torch.allclose(codec.encode(pictures[i : i + 1])[0], together[i], atol=1e-5)
        assert torch.allclose(codec.decode(together[i : i + 1])[0], codec.decode(together)[i], atol=1e-4)


def test_decoded_pictures_stay_above_the_floor() -> None:
    codec = _codec()
    assert float(codec.decode(-100 * torch.randn(1, 4, 2, 8)).min()) >= np.log(1e-5) - 1e-5


def test_an_untrained_codec_is_the_pca_of_its_patches() -> None:
    """numpy's own decomposition is the oracle."""
    pictures = _pictures(40)
    made = codec_shrinker(_fitted(pictures))(pictures)
    cut = patches_of(pictures - pictures.mean(dim=(0, 1)), 8).reshape(-1, 64).double().numpy()
    parts = np.linalg.svd(cut, full_matrices=False)[2][:4]
    back = patches_of(made - pictures.mean(dim=(0, 1)), 8).reshape(-1, 64).numpy()
    assert np.allclose(back, cut @ parts.T @ parts, atol=1e-3)


def test_latents_have_mean_0_and_deviation_1() -> None:
    pictures = _pictures(40)
    latent = _fitted(pictures).encode(pictures)
    assert torch.allclose(latent.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert latent.std().item() == pytest.approx(1, abs=0.01)
    # Each channel has the root of its component's deviation: louder first, but not as in the picture.
    told = latent.std(dim=(0, 2, 3))
    raw = torch.linalg.svdvals(patches_of(pictures - pictures.mean(dim=(0, 1)), 8).reshape(-1, 64))[:4]
    assert torch.allclose((told / told[0]) ** 2, raw / raw[0], atol=0.03)


def test_latents_before_and_after_scaling_say_the_same() -> None:
    pictures = _pictures(8)
    scaled = _fitted(pictures)
    plain = MelCodec(TINY).eval()
    plain.load_state_dict(scaled.state_dict())
    assert torch.allclose(plain.decode(plain.encode(pictures)), scaled.decode(scaled.encode(pictures)), atol=1e-4)
    assert not torch.allclose(plain.encode(pictures), scaled.encode(pictures), atol=1e-2)


@pytest.mark.parametrize("config", [TINY, PLAIN])
def test_one_batch_is_learnt(config: CodecConfig) -> None:
    pictures = _pictures(2)
    codec = _fitted(pictures, config) if config.linear else _codec(config)
    codec.train()
    optimiser = torch.optim.Adam(codec.parameters(), lr=3e-3)
    errors = []
    for step in range(150):
        loss, parts = codec_loss(codec, pictures, 1e-4, torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(parts["l1"])
    assert np.mean(errors[-10:]) < 0.5 * errors[0]


def test_divergence_is_that_of_diffusers() -> None:
    codec, pictures = _codec(), _pictures(2)
    _, parts = codec_loss(codec, pictures, 1.0)
    posterior = codec.posterior(pictures)
    assert parts["kl"] == pytest.approx(float(posterior.kl().mean().detach() / posterior.mean[0].numel()), rel=1e-4)


def test_linear_codec_there_and_back_when_nothing_is_dropped() -> None:
    config = replace(TINY, latents=64)
    linear = LinearCodec(config)
    pictures = torch.randn(4, 1, 32, 64)
    linear.fit(pictures)
    assert torch.allclose(linear.decode(linear.encode(pictures)), pictures, atol=1e-3)


def test_baselines() -> None:
    pictures = _pictures(20)
    assert torch.allclose(pca_shrinker(pictures, 8, 64)(pictures), pictures, atol=1e-3)
    errors = [float((pca_shrinker(pictures, 8, kept)(pictures) - pictures).abs().mean()) for kept in (1, 4, 16)]
    assert errors == sorted(errors, reverse=True)
    assert torch.allclose(mean_shrinker(pictures)(pictures[:1])[0, 3], pictures.mean(dim=(0, 1)))


def test_measure_counts_what_plays() -> None:
    window = _window(0)
    window.stems[1] = 0
    louder = measure([window], MelConfig(), {"same": lambda mels: mels, "up": lambda mels: mels + 0.5})
    assert louder["same"]["all"] == 0
    assert louder["up"] == {kind: pytest.approx(0.5) for kind in ("mix", "submix", "drums", "guitar", "other", "all")}


def test_crops_are_the_same_for_the_same_step_and_never_too_loud(folder: Path) -> None:
    crops = Crops(folder, 4096, 6, seed=1)
    assert len(crops) == 3
    assert crops.at(5).shape == (6, 4096)
    assert np.array_equal(crops.at(5), Crops(folder, 4096, 6, seed=1).at(5))
    assert not np.array_equal(crops.at(5), crops.at(6))
    assert not np.array_equal(crops.at(5), Crops(folder, 4096, 6, seed=2).at(5))
    assert max(np.abs(crops.at(step)).max() for step in range(20)) <= 1
    with pytest.raises(AudioError, match="no windows"):
        Crops(folder.parent, 4096, 6, 1)


def test_crops_are_mixes_stems_and_sums_of_stems() -> None:
    """Stems of constant 1, 10, 100, 1000 (times 1e-5) tell from a crop's value which of them are in it."""
    stems = np.repeat(10.0 ** np.arange(-5, -1)[:, None], 64, axis=1).astype(np.float32)
    kinds = {"silence": 0, "mix": 0, "stem": 0, "some": 0}
    rng = np.random.default_rng(0)
    for _ in range(400):
        value = float(blend(stems, 16, rng)[0])
        digits = [one for one in range(4) if 10 ** (-18 / 20) < value / 10.0 ** (one - 5) < 10 ** (9 / 20) * 1.2]
        kinds["silence" if value == 0 else "some" if len(digits) != 1 else "stem"] += 1
    assert kinds["silence"] < 60
    assert kinds["stem"] > 150


def test_a_run_trains_stops_and_goes_on(folder: Path, tmp_path: Path) -> None:
    config = CodecTraining(codec=TINY, frames=64, batch=2, steps=4, log_every=2, validate_every=2, save_every=2)
    whole = load_checkpoint(train(config, folder, tmp_path / "whole", folder), "codec")
    train(replace(config, steps=2), folder, tmp_path / "halves")
    assert whole.card["steps"] == 4
    assert set(whole.card["measured"]) == {"codec", "pca of 8x8 patches, 4 numbers", "mean spectrum"}
    codec = MelCodec(config_of(whole, CodecConfig))
    fill_module(codec, whole)
    assert len(codec.config.shift) == 4
    # Going on at another length changes the learning rate of later steps, so a run of 4 goes on from its own state.
    again = load_checkpoint(train(config, folder, tmp_path / "whole", folder), "codec")
    assert all(torch.equal(one, again.tensors[name]) for name, one in whole.tensors.items())


@pytest.fixture(scope="module")
def shipped() -> MelCodec:
    found = load_checkpoint(Path("audio_ext/latent/weights/codec.safetensors"), "codec")
    codec = MelCodec(config_of(found, CodecConfig))
    fill_module(codec, found)
    return codec.eval()


def test_the_shipped_codec_on_songs_it_never_saw(shipped: MelCodec, data_pack) -> None:
    """It loses less than PCA with as many numbers does, and its latents have about the deviation they should."""
    folder = data_pack("windows") / "val"
    if not folder.is_dir():
        pytest.skip("no windows of val")
    windows = Windows(folder)
    some = []
    for at in range(0, len(windows), max(1, len(windows) // 4)):  # four seconds of a few songs
        whole = windows[at]
        some.append(Window(whole.stems[:, 40_960 : 40_960 + 61_440], whole.facts))
    sounds = [one for window in some for one in (window.mix, *(window.stem(part) for part in window.heard))]
    pictures = torch.cat([log_mel(torch.from_numpy(one)[None]) for one in sounds])
    factor, kept = shipped.config.factor, shipped.config.latents
    error = measure(
        some, shipped.config.mel, {"codec": codec_shrinker(shipped), "pca": pca_shrinker(pictures, factor, kept)}
    )
    assert error["codec"]["mix"] < error["pca"]["mix"]
    assert error["codec"]["all"] < error["pca"]["all"]
    assert 0.8 < shipped.encode(pictures).std().item() < 1.25
