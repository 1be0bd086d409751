"""A stem model from files, with codec and vocoder: what separation, generation and completion need. Loads torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from audio_ext.errors import AudioError
from audio_ext.latent.models import beside, find_model
from audio_ext.latent.msg import StemModel
from audio_ext.latent.msg_sound import StemSystem
from audio_ext.latent.system import device_of, open_codec, open_vocoder
from audio_ext.latent.unet3d import open_stem_net
from audio_ext.latent.vocoder import GriffinLim
from audio_ext.latent.windows import STEMS


def open_stem_system(folder: Path, name: str, device: str | None = None) -> StemSystem:
    """The stem model `name` of a folder with codec and vocoder beside it, or the package's where the folder has none.

    Without a vocoder Griffin and Lim's algorithm makes the sound. What was opened last is kept.

    Parameters
    ----------
    device : "cpu", "cuda" or "cuda:1"; None for the GPU if there is one.

    Raises
    ------
    AudioError
        if a model is missing or damaged, they don't fit together, or there is no such device.
    """
    vocoder = beside(folder, "vocoder")
    paths = [find_model(folder, name).path, beside(folder, "codec") or find_model(folder, "codec").path]
    stamps = tuple((path, path.stat().st_mtime_ns) for path in [*paths, *([vocoder] if vocoder else [])])
    return _opened(stamps, str(device_of(device)))


@lru_cache(maxsize=1)
def _opened(stamps: tuple[tuple[Path, int], ...], device: str) -> StemSystem:
    """The system of (file, when it was written): net, codec and perhaps a vocoder."""
    paths = [path for path, _ in stamps]
    net, codec = open_stem_net(paths[0]).to(device), open_codec(paths[1]).to(device)
    wanted, had = net.config, codec.config
    if (wanted.stems, wanted.latents, wanted.bands) != (len(STEMS), had.latents, had.latent_bands):
        problem = (
            f"it was trained for {wanted.stems} stems of {wanted.latents} x {wanted.bands} numbers a place, "
            f"the codec beside it has {len(STEMS)} of {had.latents} x {had.latent_bands}"
        )
        raise AudioError(paths[0].name, problem, None, "Put the codec that it was trained with beside it.")
    mel = had.mel
    made = open_vocoder(paths[2]) if len(paths) > 2 else GriffinLim(mel)
    return StemSystem(codec, StemModel(net), made, mel, had.factor, net.config.window, device)
