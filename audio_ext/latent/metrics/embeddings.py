"""What listens: nets that turn sound into features and tags, behind two small protocols.

A metric carries its listener's name (`fad_mtt`, `fad_vggish`), for the papers' figures (VGGish's FAD, PANNs' FD, KLD
and IS, CLAP's FAD) can't be compared with those of another net. What can be had without a download is musicnn
(`MTT_vgg` stands where VGGish does, `MTT_musicnn` where PANNs does). A user's own files:

- VGGish: one safetensors file (see `vggish`); adds `fad_vggish`.
- PANNs' Cnn14 (a `Classifier`) and CLAP (a `PatchEmbedding`): their nets are not built here. A class with the
  protocol's one method and a place in `load_ears` is all that is missing; until then such a file is refused, and said
  to be what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from audio_ext.errors import AudioError, reason

if TYPE_CHECKING:
    from audio_ext.latent.metrics.musicnn import Musicnn, Vgg
    from audio_ext.latent.metrics.vggish import Vggish

BATCH = 8
"""Windows that a net hears at once; some 300 MB with musicnn."""


class PatchEmbedding(Protocol):
    """Features of short pieces, for FAD."""

    @property
    def name(self) -> str: ...

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        """Features float32 (batch, pieces, width) of waves (batch, samples) at 16 kHz."""
        ...


class Classifier(Protocol):
    """Features and class logits of whole windows, for FD, KLD and IS."""

    @property
    def name(self) -> str: ...

    def __call__(self, waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (batch, width) and logits (batch, classes) of waves (batch, samples) at 16 kHz."""
        ...


@dataclass(frozen=True, eq=False)
class MttPatches:
    """`MTT_vgg`'s 256 features of each 3 s."""

    net: Vgg
    name: str = "mtt"

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        from audio_ext.latent.metrics.musicnn import front_end, patches

        cut = patches(front_end(waves))
        features, _ = self.net(cut.flatten(0, 1))
        return features.unflatten(0, cut.shape[:2]).numpy()


@dataclass(frozen=True, eq=False)
class MttTags:
    """`MTT_musicnn`'s 200 features and 50 tags of a window as a whole."""

    net: Musicnn
    name: str = "mtt"

    def __call__(self, waves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from audio_ext.latent.metrics.musicnn import front_end

        features, logits = self.net(front_end(waves))
        return features.numpy(), logits.numpy()


@dataclass(frozen=True, eq=False)
class VggishPatches:
    """VGGish's 128 features of each 0.96 s."""

    net: Vggish
    name: str = "vggish"

    def __call__(self, waves: np.ndarray) -> np.ndarray:
        import torch

        from audio_ext.latent.metrics.vggish import front_end

        examples = front_end(waves)
        with torch.inference_mode():
            found = self.net(examples.flatten(0, 1))
        return found.unflatten(0, examples.shape[:2]).numpy()


@dataclass(frozen=True, eq=False)
class Heard:
    """What all listeners make of windows: for each name features (window, piece, width), (window, width), logits."""

    patches: dict[str, np.ndarray]
    features: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Ears:
    """The listeners that there are; none of either kind is allowed."""

    embeddings: tuple[PatchEmbedding, ...] = ()
    classifiers: tuple[Classifier, ...] = ()

    def hear(self, waves: np.ndarray) -> Heard:
        """Listen to waves (window, samples), a few at a time."""
        cuts = range(0, len(waves), BATCH)
        patches = {ear.name: np.concatenate([ear(waves[at : at + BATCH]) for at in cuts]) for ear in self.embeddings}
        features, logits = {}, {}
        for ear in self.classifiers:
            both = [ear(waves[at : at + BATCH]) for at in cuts]
            features[ear.name] = np.concatenate([one for one, _ in both])
            logits[ear.name] = np.concatenate([other for _, other in both])
        return Heard(patches, features, logits)


def load_ears(paths: Sequence[Path] = ()) -> Ears:
    """Listeners from a user's files; musicnn from its package if no path is its folder, and left out if it is not
    there.

    Raises
    ------
    AudioError
        if a path is no file or folder that is known, or damaged.
    """
    from audio_ext.latent.metrics.musicnn import installed_folder, load_taggers

    folders = [path for path in paths if path.is_dir()]
    embeddings: list[PatchEmbedding] = []
    classifiers: list[Classifier] = []
    home = folders[0] if folders else installed_folder()
    if home:
        vgg, musicnn = load_taggers(home)
        embeddings.append(MttPatches(vgg))
        classifiers.append(MttTags(musicnn))
    for path in paths:
        if not path.is_dir():
            embeddings.append(_from_file(path))
    return Ears(tuple(embeddings), tuple(classifiers))


def _from_file(path: Path) -> PatchEmbedding:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            names = set(file.keys())
    except (OSError, SafetensorError, ValueError) as err:
        remedy = "Name a safetensors file of VGGish's weights or musicnn's folder."
        raise AudioError(path.name, f"it can't be read as safetensors ({reason(err)})", None, remedy) from err
    for mark, net in (("fc_audioset.weight", "PANNs' Cnn14"), ("logit_scale_a", "CLAP")):
        if mark in names or f"module.{mark}" in names:
            problem = f"these are weights of {net}, whose net is not built here"
            remedy = "audio_ext/latent/metrics/embeddings.py says what a class for it needs."
            raise AudioError(path.name, problem, None, remedy)
    from audio_ext.latent.metrics.vggish import load_vggish

    return VggishPatches(load_vggish(path))
