"""From files to files: a submix is read, a stem made, and the stem laid over the submix, which stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audio_ext.errors import AudioError
from audio_ext.latent.guide import read_guide
from audio_ext.latent.insert import MAX_SECONDS, Inserted, Wish, insert
from audio_ext.latent.models import find_model, located, missing_latent
from audio_ext.mix import quantised
from audio_ext.recordings import Recording, read_recording
from audio_ext.writing import AudioWriter, check_target

CEILING = 0.98
"""Where the mix would clip, submix and stem are turned down together until its highest sample is here."""
_BLOCK = 1 << 18
WAYS = {
    "guide": "the guide as it is",
    "filtered": "the guide with another timbre",
    "vocoder": "a stem of the model's own",
}

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a guide begins in the submix: found by itself (`align`), or at `seconds`; else where the submix begins."""

    align: bool = False
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Laid:
    """A stem over its submix: `mix = submix + stem`, float32 (channel, sample), exactly; all by `gain` in the files.

    Parameters
    ----------
    gain_db : what submix and stem are turned down by together when they are written; 0 where nothing clips.
    """

    submix: Recording
    inserted: Inserted
    mix: np.ndarray
    gain_db: float
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Refined:
    """What was written, and how."""

    mix: Path
    stem: Path | None
    wish: Wish
    way: str
    model: str
    seconds: float
    rate: int
    gain_db: float
    notes: tuple[str, ...]

    def told_way(self) -> str:
        return WAYS[self.way]

    def document(self) -> dict[str, Any]:
        """As plain values."""
        wish = self.wish
        return {
            "mix": str(self.mix),
            "stem": str(self.stem) if self.stem else None,
            "part": wish.part,
            "prompt": wish.instruction,
            "strength": wish.strength,
            "steps": wish.steps,
            "seed": wish.seed,
            "way": self.way,
            "model": self.model,
            "seconds": round(self.seconds, 3),
            "rate": self.rate,
            "gain_db": round(self.gain_db, 3),
            "notes": list(self.notes),
        }


def lay(submix: Recording, inserted: Inserted) -> Laid:
    """The stem over the submix; see `Laid`."""
    mix = submix.frames + inserted.stem
    peak = max(float(np.abs(one).max(initial=0.0)) for one in (mix, inserted.stem))
    gain = 1.0 if peak <= 1 else CEILING / peak
    notes = inserted.notes
    if gain < 1:
        down = (
            f"Submix and stem were turned down together by {-20 * np.log10(gain):.1f} dB, so that the mix doesn't clip."
        )
        notes = (*notes, down)
    return Laid(submix, inserted, mix, float(20 * np.log10(gain)), notes)


def refine(
    submix: Recording,
    wish: Wish,
    guide: np.ndarray | None = None,
    *,
    model: str | None = None,
    device: str | None = None,
    tell: Progress | None = None,
) -> tuple[Laid, str]:
    """The stem over the submix, and the model that made it, by its name; as `insert`, with models from files.

    What its card says against the model is among the notes. Raises AudioError if the models can't be had.
    """
    if guide is not None and wish.strength == 0:  # nothing is asked of a model
        return lay(submix, Inserted(guide, "guide")), "none"
    if problem := missing_latent():
        raise AudioError("", problem.rstrip("."))
    folder, name = located(model)
    card = find_model(folder, name)
    from audio_ext.latent.system import open_system

    laid = lay(submix, insert(submix, open_system(folder, name, device), wish, guide, tell=tell))
    warning = (f"The model “{name}” is too weak to be useful: {card.too_weak}",) if card.too_weak else ()
    return Laid(laid.submix, laid.inserted, laid.mix, laid.gain_db, (*warning, *laid.notes)), name


def refine_file(
    submix: Path,
    wish: Wish,
    mix: Path,
    stem: Path | None = None,
    *,
    guide: Path | None = None,
    place: Place | None = None,
    model: str | None = None,
    device: str | None = None,
    overwrite: bool = False,
    tell: Progress | None = None,
) -> Refined:
    """Read, insert, write; in .wav and .flac the mix is the submix plus the stem to the last of 24 bits.

    Raises
    ------
    AudioError
        if something can't be read, made or written; nothing half-written stays.
    FillRequestError
        if the guide has no such part.
    """
    place = place or Place()
    _check_targets(submix, mix, stem, guide, overwrite)
    under = read_recording(submix, MAX_SECONDS)
    over = None
    if guide is not None:
        over = read_guide(guide, under, wish.part, align=place.align, seconds=place.seconds)
    told = tell or (lambda share: None)
    laid, name = refine(under, wish, over, model=model, device=device, tell=lambda share: told(0.97 * share))
    write(laid, mix, stem, overwrite)
    told(1.0)
    return Refined(mix, stem, wish, laid.inserted.way, name, under.seconds, under.rate, laid.gain_db, laid.notes)


def _check_targets(submix: Path, mix: Path, stem: Path | None, guide: Path | None, overwrite: bool) -> None:
    for target in (mix, *([stem] if stem else [])):
        check_target(target, overwrite)
        for source in (submix, *([guide] if guide else [])):
            if target.exists() and source.exists() and target.samefile(source):
                raise AudioError(target.name, "it is a file that was read", None, "Choose another name.")
    if stem is not None and mix.resolve() == stem.resolve():
        raise AudioError(mix.name, "the mix and the stem would be one file", None, "Name one of them otherwise.")


def write(laid: Laid, mix: Path, stem: Path | None, overwrite: bool = False) -> None:
    """Write the mix, and the stem if a name is given; each block is rounded once, so that the files add up."""
    rate, (channels, length) = laid.submix.rate, laid.mix.shape
    gain = 10 ** (laid.gain_db / 20)
    with ExitStack() as files:
        bits = check_target(mix, overwrite).bits
        wide = files.enter_context(AudioWriter(mix, rate, length, overwrite, channels))
        alone = files.enter_context(AudioWriter(stem, rate, length, overwrite, channels)) if stem else None
        top = 1 << (bits - 1)
        for first in range(0, length, _BLOCK):
            span = slice(first, first + _BLOCK)
            over = quantised(laid.inserted.stem[:, span], gain, bits)
            under = quantised(laid.submix.frames[:, span], gain, bits)
            wide.write(np.clip(under.astype(np.int64) + over, -top, top - 1).astype(np.int32))
            if alone is not None:
                alone.write(over)
