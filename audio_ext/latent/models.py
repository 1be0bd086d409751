"""Which latent models there are and what they say of themselves; reads headers alone, so torch is not needed.

A set of models is a folder with `codec.safetensors`, `vocoder.safetensors`, `base.safetensors` (text to mix) and
`subtractive.safetensors` (submix and text to mix), `msg-ld.safetensors` (all stems at once), or some of them: those of
the package, or a folder by path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audio_ext.errors import AudioError, reason

SHIPPED = Path(__file__).with_name("weights")
ENVIRONMENT = "ARRANGER_AUDIO_MODELS"
"""Names a folder of models that stands for the package's."""
FORMAT = "arranger-audio/1"
KINDS = {"codec": "codec", "vocoder": "vocoder", "base": "unet", "subtractive": "unet", "msg-ld": "stems"}
"""Name of a file without its suffix -> kind of checkpoint in it."""
DEFAULT = "subtractive"
SUFFIX = ".safetensors"
MAX_BYTES = 16 << 30
MAX_FILES = 64
_TRAIN = "Train your own with `arranger-audio train`, or name a folder of models with --model."


@dataclass(frozen=True)
class ModelFile:
    """A checkpoint by its header.

    Parameters
    ----------
    card : what its training says of it; every key is optional: `trained_on`, `licence`, `steps`, `hours` of audio,
        `loss`, `measured` (name -> figure), `too_weak` (a sentence, if it is too weak to be useful).
    parameters : numbers in its tensors. bytes : size of the file.
    """

    path: Path
    kind: str
    config: Mapping[str, Any] = field(repr=False)
    card: Mapping[str, Any]
    parameters: int
    bytes: int

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(SUFFIX)

    @property
    def too_weak(self) -> str | None:
        """Why the model is of no use, in a sentence; None if its card doesn't say that it is."""
        told = self.card.get("too_weak")
        return str(told) if told else None


def read_header(path: Path) -> ModelFile:
    """A checkpoint's header.

    Raises
    ------
    AudioError
        if it is no checkpoint of ours.
    """
    from safetensors import SafetensorError, safe_open

    name = path.name
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise AudioError(name, "it is larger than any model", None, _TRAIN)
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            parameters = sum(_count(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
    except (OSError, SafetensorError) as err:
        raise AudioError(name, f"it can't be read as a model ({reason(err)})", f"in {path.parent}", _TRAIN) from err
    if metadata.get("format") != FORMAT:
        told = metadata.get("format")
        problem = f"its format is {told!r}, not {FORMAT!r}" if told else "it is no model of arranger-audio"
        raise AudioError(name, problem, f"in {path.parent}", _TRAIN)
    try:
        config, card = (json.loads(metadata.get(key, "{}")) for key in ("config", "card"))
    except (ValueError, RecursionError) as err:
        raise AudioError(name, "its header is damaged", f"in {path.parent}", _TRAIN) from err
    if not isinstance(config, dict) or not isinstance(card, dict):
        raise AudioError(name, "its header is damaged", f"in {path.parent}", _TRAIN)
    return ModelFile(path, str(metadata.get("kind")), config, card, parameters, size)


def _count(shape: list[int]) -> int:
    total = 1
    for width in shape:
        total *= width
    return total


def own_folder() -> Path:
    """The folder of models that is used where none is named."""
    return Path(os.environ.get(ENVIRONMENT) or SHIPPED)


def model_folder(where: str | os.PathLike[str] | None = None) -> Path:
    """Folder of a set of models: the one that is named, or that of the package. AudioError if there is none."""
    if where is None:
        return own_folder()
    folder = Path(where)
    if not folder.is_dir():
        problem = "it is a file, not a folder of models" if folder.exists() else "there is no such folder of models"
        raise AudioError(folder.name, problem, None, "Name the folder that codec.safetensors is in.")
    return folder


def located(named: str | None) -> tuple[Path, str]:
    """(folder, name of the model in it) of what a user says: a folder, a file, or the name of a model of the package.

    Without a word it is `DEFAULT` of the package. AudioError if it is a path to nothing.
    """
    if named is None or not named.strip():
        return own_folder(), DEFAULT
    path = Path(named)
    if path.is_dir():
        return path, DEFAULT
    if path.suffix == SUFFIX or path.is_file():
        if not path.is_file():
            raise AudioError(
                path.name, "there is no such model", f"in {path.parent}", "Check the spelling of the path."
            )
        if path.suffix != SUFFIX:
            raise AudioError(path.name, "it is no model of arranger-audio", None, _TRAIN)
        return path.parent, path.name.removesuffix(SUFFIX)
    if path.name != named:
        raise AudioError(path.name, "there is no such folder of models", f"in {path.parent}", "Check the spelling.")
    return own_folder(), named


def listed(folder: Path) -> tuple[ModelFile, ...]:
    """All models of a folder, in the order of `KINDS`, further ones by name. AudioError if one is damaged."""
    order = list(KINDS)
    paths = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (_place(order, path), path.name))[:MAX_FILES]
    return tuple(read_header(path) for path in paths)


def _place(order: list[str], path: Path) -> int:
    name = path.name.removesuffix(SUFFIX)
    return order.index(name) if name in order else len(order)


def find_model(folder: Path, name: str) -> ModelFile:
    """One of the models of a folder.

    Raises
    ------
    AudioError
        if it isn't there, with those that are, or is another kind than its name says.
    """
    path = folder / f"{name}{SUFFIX}"
    if not path.is_file():
        there = ", ".join(one.name.removesuffix(SUFFIX) for one in sorted(folder.glob(f"*{SUFFIX}"))[:8]) or "none"
        where = "this installation" if folder == SHIPPED else f"the folder {folder.name}"
        raise AudioError("", f"There is no model “{name}” in {where}; there are: {there}", None, _TRAIN)
    found = read_header(path)
    if name in KINDS and found.kind != KINDS[name]:
        raise AudioError(path.name, f"it holds a {found.kind}, not a {KINDS[name]}", f"in {folder}", _TRAIN)
    return found


def beside(folder: Path, name: str) -> Path | None:
    """A model in a folder, or else the package's; None if there is none."""
    places = (place / f"{name}{SUFFIX}" for place in (folder, own_folder(), SHIPPED))
    return next((path for path in places if path.is_file()), None)


def missing_latent() -> str | None:
    """None if latent models can run here, else a sentence on what to install; imports nothing heavy."""
    from importlib.util import find_spec

    for package in ("torch", "diffusers", "transformers"):
        if find_spec(package) is None:
            return f"This needs the package {package}: pip install 'arranger[latent]'."
    return None
