"""Denoisers in Stable Diffusion's layout: a local folder with `unet/config.json` and `unet/*.safetensors`.

So Riffusion, InstructPix2Pix and everything else of that family can be used where the user has it; nothing is fetched.
The config is checked before a net is built of it, and the shapes before a weight is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from audio_ext.errors import AudioError, reason
from audio_ext.latent.schedule import STABLE_DIFFUSION, ScheduleConfig
from audio_ext.latent.settings import MAX_JSON_BYTES
from audio_ext.latent.unet import Denoiser, UNetConfig

WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors")
MAX_NUMBER, MAX_LIST = 4096, 8
_REMEDY = "Give a folder as diffusers' save_pretrained writes it, with safetensors."
_SMALL = {"layers_per_block": 8, "transformer_layers_per_block": 16, "mid_block_layers": 8}
"""Numbers that say how many modules are made; anything large here would keep the machine busy for hours."""
_SHAPES = {"scaled_linear": "scaled", "linear": "linear"}
_PREDICTIONS = {"epsilon": "eps", "v_prediction": "v"}


def open_folder(folder: Path) -> Denoiser:
    """A denoiser from a folder, in float32 on the CPU, for inference.

    With `scheduler/scheduler_config.json` beside `unet` its betas and what is predicted are taken from there, else they
    are Stable Diffusion's. A net with twice as many channels in as out takes the submix (or image) as its second half,
    in InstructPix2Pix's scale (before the factor .18215).

    Raises
    ------
    AudioError
        if something is missing, damaged, out of bounds, or no UNet2DConditionModel.
    """
    config_file = folder / "unet" / "config.json"
    values = _read_json(config_file)
    config = _described(values, _schedule(folder), config_file)
    path = next((config_file.parent / name for name in WEIGHTS if (config_file.parent / name).is_file()), None)
    if path is None:
        raise AudioError(folder.name, f"there is no unet/{WEIGHTS[0]} in it", None, _REMEDY)
    net = _empty(values, config_file)
    _check_shapes(net, path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as err:
        raise AudioError(path.name, f"it can't be read ({reason(err)})", "in unet", _REMEDY) from err
    net.load_state_dict(tensors, assign=True)
    return Denoiser(config, net).eval()


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError("it is larger than a megabyte")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        raise AudioError(path.name, f"it can't be read ({reason(err)})", f"in {path.parent.name}", _REMEDY) from err
    if not isinstance(values, dict):
        raise AudioError(path.name, "it is no JSON object", f"in {path.parent.name}", _REMEDY)
    return values


def _described(values: Mapping[str, Any], schedule: ScheduleConfig, path: Path) -> UNetConfig:
    """What we need to know of a foreign net, after a check of every number in its config."""

    def check(name: str, value: Any) -> None:
        if isinstance(value, list):
            if len(value) > MAX_LIST:
                raise AudioError(path.name, f"{name} has {len(value)} entries", "in unet", _REMEDY)
            for one in value:
                check(name, one)
        elif isinstance(value, int | float) and not 0 <= value <= _SMALL.get(name, MAX_NUMBER):
            raise AudioError(path.name, f"{name} is {value:g}, out of bounds", "in unet", _REMEDY)

    if values.get("_class_name") != "UNet2DConditionModel":
        told = str(values.get("_class_name", "nothing"))
        raise AudioError(path.name, f"it describes {told:.40}, not a UNet2DConditionModel", "in unet", _REMEDY)
    for name, value in values.items():
        check(name, value)
    ins, outs = values.get("in_channels", 4), values.get("out_channels", 4)
    if ins not in (outs, 2 * outs):
        problem = f"{ins} channels come in and {outs} go out; as many or twice as many are understood"
        raise AudioError(path.name, problem, "in unet", _REMEDY)
    text = values.get("cross_attention_dim", 1280)
    if not isinstance(text, int):
        raise AudioError(path.name, "the text's width differs from block to block", "in unet", _REMEDY)
    size = values.get("sample_size") or 64
    return replace(
        UNetConfig(),
        latents=outs,
        conditional=ins != outs,
        text=text,
        window=size if isinstance(size, int) else size[0],
        schedule=schedule,
        text_scale=7.5,
        audio_scale=1.5,
        condition_scale=1 / 0.18215 if ins != outs else 1.0,
    )


def _schedule(folder: Path) -> ScheduleConfig:
    path = folder / "scheduler" / "scheduler_config.json"
    if not path.is_file():
        return STABLE_DIFFUSION
    values = _read_json(path)
    try:
        return ScheduleConfig(
            float(values.get("beta_start", STABLE_DIFFUSION.first_beta)),
            float(values.get("beta_end", STABLE_DIFFUSION.last_beta)),
            int(values.get("num_train_timesteps", STABLE_DIFFUSION.times)),
            _SHAPES[values.get("beta_schedule", "scaled_linear")],
            _PREDICTIONS[values.get("prediction_type", "epsilon")],
        )
    except (ValueError, TypeError, KeyError, OverflowError) as err:
        problem = f"its noise schedule is not understood ({reason(err)})"
        raise AudioError(path.name, problem, "in scheduler", _REMEDY) from err


def _empty(values: Mapping[str, Any], path: Path) -> nn.Module:
    """The net without memory for its weights."""
    from diffusers import UNet2DConditionModel

    try:
        with torch.device("meta"):
            return UNet2DConditionModel.from_config({k: v for k, v in values.items() if k != "_name_or_path"})
    except Exception as err:  # what a config can make diffusers raise has no end
        raise AudioError(path.name, f"no net can be built of it ({reason(err)})", "in unet", _REMEDY) from err


def _check_shapes(net: nn.Module, path: Path) -> None:
    own: dict[str, Tensor] = net.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as err:
        raise AudioError(path.name, f"it can't be read ({reason(err)})", "in unet", _REMEDY) from err
    for name in sorted(set(own) ^ set(found)):
        problem = "a tensor is missing" if name in own else "a tensor is unknown to the net"
        raise AudioError(path.name, problem, f"{name:.80}", _REMEDY)
    for name, one in own.items():
        if list(one.shape) != list(found[name]):
            raise AudioError(path.name, f"a tensor has the shape {found[name]}, not {list(one.shape)}", name, _REMEDY)
