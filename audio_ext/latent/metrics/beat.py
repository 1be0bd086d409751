"""BEAT: does a stem keep the song's beat? (MusicGen-Stem, section IV-B, "Music editing".)

"... we use the beat tracking algorithm from madmom both on the original song and on the generated stem. Then, we report
the F-measure calculated with mir_eval using as reference the beats from the original song", stems zeroed below -35 dB.

madmom's nets are not in this package and must not be (CC BY-NC-SA: not for commercial use): a user names a local folder
with `downbeats_blstm_1.pkl` to `_8.pkl`, by --madmom or the environment variable ARRANGER_MADMOM. They are pickles, so
only files whose SHA-256 is known are opened, and by madmom-infer (numpy alone; its reader admits a few classes only).
madmom-infer has madmom's joint tracker of beats and downbeats (Böck et al. 2016); of its beats the downbeats' numbers
are dropped. mir_eval's customary cut of the first five seconds would halve a window of ten and is left out.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from audio_ext.errors import AudioError, reason
from audio_ext.latent.metrics.har import gated
from audio_ext.latent.windows import RATE
from audio_ext.recordings import resampled

VARIABLE = "ARRANGER_MADMOM"
TRACKER_RATE, FRAMES = 44_100, 100
"""Hz, and frames a second of the activations."""
BEATS_PER_BAR = (3, 4)
TOLERANCE = 0.07
"""Seconds; mir_eval's and the literature's."""
SILENT = 1e-4
HASHES = (
    "b02c4b8aa963069449422fd5cc55bd4077105fe268b0d83036b7d68b5520f38d",
    "6fa9d138ed84bed14ab5ef6f81f3a7e1a125ff8c571a255f6ce91ccf93390eee",
    "adf6a3e3bf345a9172e8252a511dae28622afe26ee653354c0d4c9e37de8f89a",
    "a4f9a09b1588ca74b0157251364650d3fe81e383019b5986941415e08b37fcde",
    "e40aea9b8221babaf14a9211a48dccc3ebcecdf8bcd6d62d60f0949445de9bb6",
    "89b6854c5d6b2381687731aedc9bce6c84894021d1c2eeb60d161cefe997d68c",
    "371a319a66d32bee6ab8d4a15f6ae9e4ee22ff97b4276736bab93d9a994c06c1",
    "a0d20e1922872a3e5b74df451d8b5701de6ca88d9f5739f313fb2991d7a84c77",
)
"""SHA-256 of `downbeats_blstm_1.pkl` to `_8.pkl`, as CPJKU/madmom_models and madmom 0.16.1 have them."""
MAX_BYTES = 4 << 20
REMEDY = (
    "Install madmom-infer and mir_eval, and name a folder with madmom's downbeats_blstm_1.pkl to _8.pkl (in the sdist "
    f"of madmom 0.16.1, CC BY-NC-SA) by --madmom or {VARIABLE}"
)


def weights_folder(named: str | os.PathLike[str] | None = None) -> Path | None:
    """The folder that is named, else the environment's; None if neither is."""
    told = str(named) if named is not None else os.environ.get(VARIABLE, "")
    return Path(told) if told.strip() else None


def missing_beat(folder: Path | None) -> str | None:
    """None if BEAT can be measured with a folder's weights, else why it is skipped and the way out, in a sentence."""
    lacking = [name for name in ("madmom_infer", "mir_eval") if find_spec(name) is None]
    if lacking:
        return f"BEAT is skipped ({', '.join(lacking)} missing). {REMEDY}."
    return None if folder is not None else f"BEAT is skipped (no weights of madmom). {REMEDY}."


def checked_weights(folder: Path) -> tuple[Path, ...]:
    """Paths of the eight nets in a folder, or in `downbeats/2016` below it, as madmom lays them out.

    Raises
    ------
    AudioError
        if one is missing or is not the file that madmom published.
    """
    places = [folder, folder / "downbeats" / "2016", folder / "models" / "downbeats" / "2016"]
    home = next((place for place in places if (place / "downbeats_blstm_1.pkl").is_file()), None)
    if home is None:
        raise AudioError(folder.name, "there are no weights of madmom in it", f"in {folder.parent}", f"{REMEDY}.")
    paths = []
    for number, wanted in enumerate(HASHES, 1):
        path = home / f"downbeats_blstm_{number}.pkl"
        try:
            with path.open("rb") as file:
                found = hashlib.sha256(file.read(MAX_BYTES)).hexdigest()
        except OSError as err:
            raise AudioError(path.name, f"it can't be read ({reason(err)})", f"in {home}", f"{REMEDY}.") from err
        if found != wanted:
            problem = "it is not the file that madmom published, and pickles from elsewhere are not opened"
            raise AudioError(path.name, problem, f"in {home}", f"{REMEDY}.")
        paths.append(path)
    return tuple(paths)


class BeatTracker:
    """madmom's beats; loads its nets once.

    Raises
    ------
    AudioError
        if madmom-infer or mir_eval is not installed or a weight file is missing or another.
    """

    def __init__(self, folder: Path | None):
        if problem := missing_beat(folder):
            raise AudioError("", problem.split(". ")[0], None, f"{REMEDY}.")
        assert folder is not None
        self._activate, self._track = _processors(checked_weights(folder))

    def beats(self, wave: np.ndarray, rate: int = RATE) -> np.ndarray:
        """Seconds of the beats, float (beat,), of a wave (sample,); none of silence."""
        if float(np.abs(wave).max(initial=0.0)) < SILENT:
            return np.empty(0)
        loud = resampled(np.asarray(wave, np.float32)[None], rate, TRACKER_RATE)[0]
        found = np.asarray(self._track(self._activate(loud)))
        return found.reshape(-1, 2)[:, 0] if found.size else np.empty(0)

    def beat(self, stem: np.ndarray, song: np.ndarray, rate: int = RATE) -> float:
        """BEAT of a stem in a song (stem and all), waves (sample,); NaN where the song has no beat."""
        return f_measure(self.beats(song, rate), self.beats(gated(stem, rate), rate))


def f_measure(song: np.ndarray, stem: np.ndarray) -> float:
    """mir_eval's F-measure of a stem's beats against the song's, seconds (beat,): within 70 ms.

    A stem without beats has 0: a tracker that hears none in it has heard that it keeps no time. NaN where the song has
    none either.
    """
    from mir_eval.beat import f_measure as measured

    if not len(song):
        return float("nan")
    return float(measured(song, stem, TOLERANCE)) if len(stem) else 0.0


@lru_cache(maxsize=1)
def _processors(paths: tuple[Path, ...]) -> tuple[Any, Any]:
    """What makes activations of a wave at `TRACKER_RATE`, and what makes beats of activations."""
    from madmom_infer import models
    from madmom_infer.features.downbeats import DBNDownBeatTrackingProcessor, RNNDownBeatProcessor

    # The processor asks this function for its nets, which would look in a cache of its own and else go online.
    theirs = models.downbeats_blstm
    models.downbeats_blstm = lambda *args, **kwargs: list(paths)
    try:
        activate = RNNDownBeatProcessor()
    finally:
        models.downbeats_blstm = theirs
    return activate, DBNDownBeatTrackingProcessor(beats_per_bar=list(BEATS_PER_BAR), fps=FRAMES)
