"""Slakh2100: Lakh MIDI songs rendered with professional sample libraries, one file an instrument.

Licence: CC BY 4.0 (attribution). The MIDI files are of the Lakh dataset, whose songs have authors of their own.
Where: zenodo.org, record 4599666, `slakh2100_flac_redux.tar.gz` (104 GB; MD5 as `ARCHIVE_MD5`), FLAC, mono, 44.1 kHz.
The redux release is without the duplicates between splits; what it took out lies in `omitted`. BabySlakh (record
4603870, MD5 as `BABY_MD5`) has 20 songs as WAV at 16 kHz with no splits and is read as well. Checksums are those that
mirdata lists.

Citation: E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux. Cutting Music Source Separation Some Slakh: A Dataset to
Study the Impact of Training Data Quality and Quantity. WASPAA 2019.

Layout::

    slakh2100_flac_redux/{train,validation,test,omitted}/Track00001/
        metadata.yaml   stems: {S00: {inst_class: Bass, is_drum: false, audio_rendered: true, ...}, ...}
        stems/S00.flac  MIDI/S00.mid  mix.flac  all_src.mid
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from audio_ext.errors import AudioError, reason
from datasets.stems.folders import Multitrack, small_text, subfolders, wrong_layout

ARCHIVE_MD5 = "f4b71b6c45ac9b506f59788456b3f0c4"
BABY_MD5 = "311096dc2bde7d61c97e930edbfc7f78"
SPLITS = ("train", "validation", "test")
STEM_OF = {"Drums": "drums", "Bass": "bass", "Guitar": "guitar"}
"""Slakh's instrument classes -> our stems; every other class (Piano, Organ, Strings, Synth Pad, ...) is `other`."""
_LAYOUT = "slakh2100_flac_redux/train/Track00001/{metadata.yaml,stems/S00.flac}"
_SUFFIXES = (".flac", ".wav")


def songs(folder: Path, split: str = "train") -> Iterator[Multitrack]:
    """Songs of a split, by name; of BabySlakh, which has none, all.

    Raises
    ------
    AudioError
        if the folder is no Slakh, a song's metadata can't be read, or PyYAML is missing.
    """
    if split not in SPLITS:
        raise AudioError(folder.name, f"“{split}” is no split of Slakh", None, f"There are {', '.join(SPLITS)}.")
    if not folder.is_dir():
        raise wrong_layout(folder, "Slakh", "there is no such folder", _LAYOUT)
    home = folder / split if (folder / split).is_dir() else folder
    tracks = [path for path in subfolders(home) if path.name.startswith("Track")]
    if not tracks:
        raise wrong_layout(folder, "Slakh", f"there is no folder Track… in {home.name}", _LAYOUT)
    for track in tracks:
        yield _song(track, split)


def _song(track: Path, split: str) -> Multitrack:
    metadata = _metadata(track / "metadata.yaml")
    audio: dict[str, list[Path]] = {}
    midi: dict[str, list[Path]] = {}
    for name, stem in metadata.items():
        if not stem.get("audio_rendered", True):  # sound effects, mostly: Slakh has no patch for them
            continue
        path = next((track / "stems" / f"{name}{suffix}" for suffix in _SUFFIXES
                     if (track / "stems" / f"{name}{suffix}").is_file()), None)  # fmt: skip
        if path is None:
            raise wrong_layout(track, "a song of Slakh", f"metadata.yaml names {name}, but stems/ lacks it", _LAYOUT)
        ours = "drums" if stem.get("is_drum") else STEM_OF.get(str(stem.get("inst_class")), "other")
        audio.setdefault(ours, []).append(path)
        if (notes := track / "MIDI" / f"{name}.mid").is_file():
            midi.setdefault(ours, []).append(notes)
    if not audio:
        raise wrong_layout(track, "a song of Slakh", "none of its stems was rendered", _LAYOUT)
    return Multitrack(f"slakh/{split}/{track.name}", audio, "", midi)


def _metadata(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Stems as metadata.yaml has them: name -> fields."""
    try:
        import yaml
    except ImportError as err:
        raise AudioError("", "This needs the package pyyaml", None, "Install it with: pip install pyyaml") from err
    try:
        found = yaml.safe_load(small_text(path))
        stems = found["stems"]
        if not all(isinstance(one, dict) and Path(str(name)).name == str(name) for name, one in stems.items()):
            raise ValueError("its stems are not what Slakh's are")
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as err:
        problem = f"it is no metadata of Slakh ({reason(err).splitlines()[0]})"
        raise AudioError(path.name, problem, f"in {path.parent}", "Unpack it again.") from err
    return {str(name): one for name, one in stems.items()}
