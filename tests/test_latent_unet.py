"""The denoisers: sizes, the zero-initialised submix channels, masks, and folders in Stable Diffusion's layout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from audio_ext.errors import AudioError
from audio_ext.latent.checkpoint import save_checkpoint
from audio_ext.latent.condition import Condition
from audio_ext.latent.schedule import STABLE_DIFFUSION, ScheduleConfig, alphas_bar, eps_from_v
from audio_ext.latent.unet import PRESETS, Denoiser, UNetConfig, open_unet, with_condition
from audio_ext.latent.unet_folder import open_folder

TINY = PRESETS["tiny"]
RNG = torch.Generator().manual_seed(0)
X = torch.randn(2, 4, 8, 4, generator=RNG)
TIMES = torch.tensor([10, 900])
TOLD = Condition(torch.randn(2, 3, 16, generator=RNG), torch.ones(2, 3, dtype=torch.bool))
UNDER = replace(TOLD, submix=torch.randn(2, 4, 8, 4, generator=RNG))


@pytest.fixture(scope="module")
def base() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(TINY).eval()


def sized(config: UNetConfig) -> float:
    """Millions of parameters, counted without memory for them."""
    with torch.device("meta"):
        return sum(p.numel() for p in Denoiser(config).parameters()) / 1e6


def test_the_papers_net_has_its_published_size() -> None:
    assert sized(PRESETS["paper"]) == pytest.approx(859.5, abs=0.05)


def test_the_reduced_nets_fit_the_package() -> None:
    assert sized(PRESETS["reduced"]) * 2 <= 12.2  # MB as fp16
    assert sized(replace(PRESETS["reduced"], conditional=True)) * 2 <= 12.2


@torch.no_grad()
def test_a_new_subtractive_net_is_the_base_net_whatever_the_submix(base: Denoiser) -> None:
    made = with_condition(base).eval()
    assert made.config == replace(TINY, conditional=True)
    wanted = base(X, TIMES, TOLD)
    for submix in (torch.zeros_like(X), UNDER.submix, 1000 * torch.ones_like(X)):
        assert torch.equal(made(X, TIMES, replace(TOLD, submix=submix)), wanted)
    with pytest.raises(ValueError, match="already"):
        with_condition(made)


def test_the_new_channels_can_learn(base: Denoiser) -> None:
    made = with_condition(base)
    made(X, TIMES, UNDER).square().mean().backward()
    gradient = made.net.conv_in.weight.grad
    assert float(gradient[:, 4:].abs().sum()) > 0


@torch.no_grad()
def test_padding_words_change_nothing_and_words_do(base: Denoiser) -> None:
    longer = Condition(
        torch.cat([TOLD.tokens, 9 * torch.ones(2, 2, 16)], 1), torch.tensor([[1, 1, 1, 0, 0]] * 2).bool()
    )
    torch.testing.assert_close(base(X, TIMES, longer), base(X, TIMES, TOLD))
    other = replace(longer, mask=torch.ones(2, 5, dtype=torch.bool))
    assert not torch.allclose(base(X, TIMES, other), base(X, TIMES, TOLD), atol=1e-4)


@torch.no_grad()
def test_eps_is_converted_from_what_the_net_predicts(base: Denoiser) -> None:
    assert TINY.schedule.prediction == "v"
    v = base(X, torch.tensor([500, 500]), TOLD)
    torch.testing.assert_close(base.eps()(X, 500, TOLD), eps_from_v(X, v, float(alphas_bar(TINY.schedule)[500])))
    same = Denoiser(replace(TINY, schedule=STABLE_DIFFUSION), base.net)
    torch.testing.assert_close(same.eps()(X, 500, TOLD), v)


def test_a_missing_or_superfluous_submix_is_refused(base: Denoiser) -> None:
    with pytest.raises(ValueError, match="submix"):
        base(X, TIMES, UNDER)
    with pytest.raises(ValueError, match="submix"):
        with_condition(base)(X, TIMES, TOLD)


def test_configs_out_of_bounds_are_refused() -> None:
    for values in (
        {"channels": (16, 30)}, {"heads": (3, 2)}, {"cross": (True,)}, {"layers": 9}, {"latents": 0}, {"window": 0},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"possible|multiples|most|window"):
            replace(TINY, **values)


@torch.no_grad()
def test_a_checkpoint_brings_the_same_net_back(base: Denoiser, tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    save_checkpoint(path, "unet", TINY, base.state_dict(), {"steps": 0})
    found = open_unet(path)
    assert found.config == TINY
    torch.testing.assert_close(found(X, TIMES, TOLD), base(X, TIMES, TOLD), rtol=0.05, atol=0.01)  # fp16
    broken = dict(base.state_dict())
    broken.pop("net.conv_in.bias")
    save_checkpoint(path, "unet", TINY, broken, {})
    with pytest.raises(AudioError, match="missing"):
        open_unet(path)


def foreign(folder: Path, **config: object) -> Path:
    """A folder as diffusers writes it, with a tiny net and a scheduler."""
    from diffusers import DDIMScheduler, UNet2DConditionModel

    torch.manual_seed(1)
    net = UNet2DConditionModel(
        sample_size=8, in_channels=8, out_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), block_out_channels=(8, 16), layers_per_block=1,
        norm_num_groups=8, cross_attention_dim=16, attention_head_dim=2,
    )  # fmt: skip
    net.save_pretrained(folder / "unet", safe_serialization=True)
    DDIMScheduler(500, 0.0015, 0.0195, "scaled_linear", prediction_type="v_prediction").save_pretrained(
        folder / "scheduler"
    )
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return folder


@torch.no_grad()
def test_a_folder_in_stable_diffusions_layout_is_that_net(tmp_path: Path) -> None:
    from diffusers import UNet2DConditionModel

    found = open_folder(foreign(tmp_path))
    assert found.config.conditional
    assert found.config.latents == 4
    assert found.config.text == 16
    assert found.config.schedule == ScheduleConfig(0.0015, 0.0195, 500, "scaled", "v")
    theirs = UNet2DConditionModel.from_pretrained(tmp_path / "unet", local_files_only=True).eval()
    scaled = torch.cat([X, UNDER.submix / 0.18215], 1)  # type: ignore[operator]
    torch.testing.assert_close(found(X, TIMES, UNDER), theirs(scaled, TIMES, UNDER.tokens).sample)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"_class_name": "AutoencoderKL"}, "describes AutoencoderKL"),
        ({"layers_per_block": 10_000}, "out of bounds"),
        ({"block_out_channels": [8, 10**9]}, "out of bounds"),
        ({"in_channels": 5}, "channels come in"),
        ({"block_out_channels": [8, 32]}, "shape"),
        ({"down_block_types": ["Nothing", "DownBlock2D"]}, "no net can be built"),
    ],
)
def test_a_hostile_folder_is_an_error_with_a_place(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        open_folder(foreign(tmp_path, **changed))


def test_missing_and_damaged_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="can't be read"):
        open_folder(tmp_path)
    weights = foreign(tmp_path) / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(AudioError, match="can't be read"):
        open_folder(tmp_path)
    weights.unlink()
    with pytest.raises(AudioError, match="there is no unet"):
        open_folder(tmp_path)
