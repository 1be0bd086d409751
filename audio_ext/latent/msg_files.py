"""From files to files with MSG-LD: a recording to its stems, nothing to a song, stems to the stems that lack.

What is written adds up to the last of 24 bits: the separated stems to the recording, the generated ones to their mix,
and a completed mix is what was given plus what was made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arranger.errors import FillRequestError
from audio_ext.errors import AudioError, reason
from audio_ext.latent import msg_sound
from audio_ext.latent.guide import fitted
from audio_ext.latent.models import DEFAULT, SUFFIX, find_model, located, missing_latent
from audio_ext.latent.msg_sound import MAX_SECONDS, Sampling, StemSystem
from audio_ext.latent.windows import STEMS
from audio_ext.mix import quantised
from audio_ext.recordings import Recording, read_recording
from audio_ext.writing import AudioWriter, check_target

NAME, KIND = "msg-ld", "stems"
CEILING = 0.98
"""Where something would clip, everything is turned down together until its highest sample is here."""
GIVEN_SUFFIXES = (".wav", ".flac")
_BLOCK = 1 << 18

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    mix : None where only stems were asked for. stems : by name. gain_db : what all was turned down by together.
    """

    mix: Path | None
    stems: Mapping[str, Path]
    model: str
    seconds: float
    rate: int
    gain_db: float
    notes: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """As plain values."""
        return {
            "mix": str(self.mix) if self.mix else None,
            "stems": {name: str(path) for name, path in self.stems.items()},
            "model": self.model,
            "seconds": round(self.seconds, 3),
            "rate": self.rate,
            "gain_db": round(self.gain_db, 3),
            "notes": list(self.notes),
        }


def is_stem_model(named: str | None) -> bool:
    """Whether what a user names is a stem model and no inserter; AudioError if it is a damaged one."""
    if named is None or not named.strip() or Path(named).is_dir():
        return False
    folder, name = located(named)
    return name == NAME or ((folder / f"{name}{SUFFIX}").is_file() and find_model(folder, name).kind == KIND)


def open_named(named: str | None, device: str | None) -> tuple[StemSystem, str, tuple[str, ...]]:
    """(system, its name, what its card says against it) of a folder, a file or a name; `NAME` where none is named."""
    if problem := missing_latent():
        raise AudioError("", problem.rstrip("."))
    folder, name = located(named)
    if name == DEFAULT and (named is None or not named.strip() or Path(named).is_dir()):
        name = NAME
    card = find_model(folder, name)
    if card.kind != KIND:
        problem = f"it holds a {card.kind}, not a model of all stems"
        raise AudioError(card.path.name, problem, f"in {folder}", f"Name {NAME}, or a model of its kind.")
    from audio_ext.latent.msg_system import open_stem_system

    weak = (f"The model “{name}” is too weak to be useful: {card.too_weak}",) if card.too_weak else ()
    return open_stem_system(folder, name, device), name, weak


def separate_file(
    mix: Path,
    folder: Path,
    sampling: Sampling,
    *,
    model: str | None = None,
    vocoded: bool = False,
    device: str | None = None,
    overwrite: bool = False,
    tell: Progress | None = None,
) -> Written:
    """A recording to `drums|bass|guitar|other.wav` in a folder, which is made if it is missing.

    Raises
    ------
    AudioError
        if something can't be read, made or written; nothing half-written stays.
    """
    paths = _in_folder(folder, overwrite)
    _not_read(paths.values(), [mix])
    recording = read_recording(mix, MAX_SECONDS)
    system, name, notes = open_named(model, device)
    told = tell or (lambda share: None)
    stems = msg_sound.separate(recording, system, sampling, vocoded=vocoded, tell=lambda share: told(0.97 * share))
    made = dict(zip(STEMS, stems, strict=True))
    _make(folder)
    gain = _write(paths, made, recording.rate, overwrite, whole=None if vocoded else recording.frames)
    told(1.0)
    return Written(None, paths, name, recording.seconds, recording.rate, gain, (*notes, *_turned(gain)))


def generate_file(
    mix: Path,
    folder: Path | None,
    seconds: float,
    sampling: Sampling,
    *,
    model: str | None = None,
    device: str | None = None,
    overwrite: bool = False,
    tell: Progress | None = None,
) -> Written:
    """Music made of nothing: a mix, and its stems if a folder is given. Raises as `separate_file` and `generate`."""
    check_target(mix, overwrite)
    paths = {} if folder is None else _in_folder(folder, overwrite)
    system, name, notes = open_named(model, device)
    told = tell or (lambda share: None)
    stems = msg_sound.generate(seconds, system, sampling, tell=lambda share: told(0.97 * share))
    if folder is not None:
        _make(folder)
    gain = _write(paths, dict(zip(STEMS, stems, strict=True)), system.mel.rate, overwrite, mix=mix)
    told(1.0)
    return Written(mix, paths, name, seconds, system.mel.rate, gain, (*notes, *_turned(gain)))


def complete_file(
    source: Path,
    asked: Sequence[str],
    mix: Path,
    stem: Path | None,
    sampling: Sampling,
    *,
    model: str | None = None,
    device: str | None = None,
    overwrite: bool = False,
    tell: Progress | None = None,
) -> Written:
    """The asked stems, made to go with a folder of stems, or with a recording, which is separated for that.

    Parameters
    ----------
    source : a recording, or a folder with any of `drums|bass|guitar|other.wav`.
    stem : where the made stem is written too; of several, `NAME.PART.wav` each.
    """
    msg_sound.check_asked(asked, None)
    check_target(mix, overwrite)
    paths = {}
    if stem is not None:
        paths = {one: stem if len(asked) == 1 else stem.with_name(f"{stem.stem}.{one}{stem.suffix}") for one in asked}
    for path in paths.values():
        check_target(path, overwrite)
    if mix.resolve() in [path.resolve() for path in paths.values()]:
        raise AudioError(mix.name, "the mix and a stem would be one file", None, "Name one of them otherwise.")
    sources = [*_given_paths(source).values()] if source.is_dir() else [source]
    _not_read([mix, *paths.values()], sources)
    submix, given = read_given(source) if source.is_dir() else (read_recording(source, MAX_SECONDS), None)
    msg_sound.check_asked(asked, given)
    system, name, notes = open_named(model, device)
    told = tell or (lambda share: None)
    stems = msg_sound.complete(submix, given, asked, system, sampling, tell=lambda share: told(0.97 * share))
    if given is None:
        notes = (*notes, "The stems that it goes by were separated from the recording; a folder of stems tells more.")
    gain = _write(paths, stems, submix.rate, overwrite, mix=mix, under=submix.frames)
    told(1.0)
    return Written(mix, paths, name, submix.seconds, submix.rate, gain, (*notes, *_turned(gain)))


def read_given(folder: Path) -> tuple[Recording, dict[str, np.ndarray]]:
    """(sum of the stems of a folder, the stems by name), all float32 (channel, sample) and as long as the longest.

    Raises
    ------
    AudioError
        if there are none, one can't be read, or their rates differ.
    """
    found = {name: read_recording(path, MAX_SECONDS) for name, path in _given_paths(folder).items()}
    rates = {one.rate for one in found.values()}
    if len(rates) > 1:
        problem = f"its stems have different rates: {', '.join(f'{one} Hz' for one in sorted(rates))}"
        raise AudioError(folder.name, problem, None, "Export them at one rate.")
    shape = max(len(one.frames) for one in found.values()), max(one.frames.shape[1] for one in found.values())
    under = Recording(np.zeros(shape, np.float32), rates.pop(), folder.name)
    stems = {name: fitted(one.frames, one.rate, under) for name, one in found.items()}
    return Recording(np.stack(list(stems.values())).sum(axis=0, dtype=np.float32), under.rate, folder.name), stems


def _given_paths(folder: Path) -> dict[str, Path]:
    there = {name: [folder / f"{name}{end}" for end in GIVEN_SUFFIXES] for name in STEMS}
    paths = {name: next((one for one in some if one.is_file()), None) for name, some in there.items()}
    if not any(paths.values()):
        wanted = ", ".join(f"{name}.wav" for name in STEMS)
        raise AudioError(folder.name, "there are no stems in it", None, f"Name them {wanted}; any of them will do.")
    return {name: path for name, path in paths.items() if path is not None}


def _in_folder(folder: Path, overwrite: bool) -> dict[str, Path]:
    """Paths of all stems in a folder that is there or can be made, checked before the work."""
    paths = {name: folder / f"{name}.wav" for name in STEMS}
    if folder.is_dir():
        for path in paths.values():
            check_target(path, overwrite)
    elif os.path.lexists(folder):
        raise AudioError(folder.name, "it is a file, not a folder for stems", None, "Choose another name.")
    elif not folder.parent.is_dir() or not os.access(folder.parent, os.W_OK):
        raise AudioError(folder.name, f"no folder can be made in {folder.parent}", None, "Choose another place.")
    return paths


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as err:
        problem = f"the folder for the stems can't be made ({reason(err)})"
        raise AudioError(folder.name, problem, f"in {folder.parent}", "Choose another folder.") from err


def _not_read(targets: Iterable[Path], sources: Sequence[Path]) -> None:
    for target in targets:
        if any(target.exists() and source.exists() and target.samefile(source) for source in sources):
            raise AudioError(target.name, "it is a file that was read", None, "Choose another name.")


def _turned(gain_db: float) -> tuple[str, ...]:
    return (f"Everything was turned down together by {-gain_db:.1f} dB, so that nothing clips.",) if gain_db else ()


def _write(
    paths: Mapping[str, Path],
    stems: Mapping[str, np.ndarray],
    rate: int,
    overwrite: bool,
    *,
    mix: Path | None = None,
    under: np.ndarray | None = None,
    whole: np.ndarray | None = None,
) -> float:
    """Write stems and mix, each block rounded once, so that the files add up; the gain in decibels.

    Parameters
    ----------
    paths : of the stems that are written. under : what the mix has besides the stems. whole : what the stems sum to;
        the last of them gets what rounding leaves.
    """
    total = np.sum([*stems.values(), *([] if under is None else [under])], axis=0, dtype=np.float32)
    peak = max(float(np.abs(one).max(initial=0.0)) for one in [total, *stems.values()])
    gain = 1.0 if peak <= 1 else CEILING / peak
    channels, length = total.shape
    last = list(stems)[-1]
    with ExitStack() as files:
        wide = files.enter_context(AudioWriter(mix, rate, length, overwrite, channels)) if mix else None
        alone = {
            name: files.enter_context(AudioWriter(path, rate, length, overwrite, channels))
            for name, path in paths.items()
        }
        for first in range(0, length, _BLOCK):
            span = slice(first, first + _BLOCK)
            steps = {name: quantised(one[:, span], gain, 24).astype(np.int64) for name, one in stems.items()}
            if whole is not None:
                rest = sum(one for name, one in steps.items() if name != last)
                steps[last] = quantised(whole[:, span], gain, 24).astype(np.int64) - rest
            if wide is not None:
                everything = sum(steps.values())
                if under is not None:
                    everything = everything + quantised(under[:, span], gain, 24)
                wide.write(_held(everything))
            for name, writer in alone.items():
                writer.write(_held(steps[name]))
    return float(20 * np.log10(gain)) if gain < 1 else 0.0


def _held(steps: np.ndarray | int) -> np.ndarray:
    top = 1 << 23
    return np.clip(steps, -top, top - 1).astype(np.int32)


def parts_of(text: str) -> tuple[str, ...]:
    """ "drums+bass" as names of stems, each once; FillRequestError for others."""
    names = tuple(dict.fromkeys(one.strip().lower() for one in text.split("+")))
    if unknown := [name for name in names if name not in STEMS]:
        raise FillRequestError(f"“{unknown[0]}” can't be put in; {', '.join(STEMS)} can, several as drums+bass.")
    return names
