"""How well stems fit a song, over windows: HAR and BEAT of what is put in, of the truth, and of another song's stem.

HAR is always of a bass and of the harmony beside it (see `metrics.har`). Where the bass is what was put in, the harmony
is guitar and others as they truly are; where it is guitar or others, the true bass is held against the new stem alone.
Drums have no HAR. BEAT is of the new stem against the song as it truly is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio_ext.latent.metrics.beat import BeatTracker, f_measure, missing_beat
from audio_ext.latent.metrics.chords import Chord, chords
from audio_ext.latent.metrics.har import gated, match, missing_har
from audio_ext.latent.metrics.pitch import Pitches, pitches
from audio_ext.latent.windows import STEMS

HARMONY = ("guitar", "other")


@dataclass(frozen=True, eq=False)
class FitEars:
    """What listens; None where it is missing. `beats` : seconds of the beats of a wave (sample,)."""

    line: Callable[[np.ndarray], Pitches] | None = None
    harmony: Callable[[np.ndarray], tuple[Chord, ...]] | None = None
    beats: Callable[[np.ndarray], np.ndarray] | None = None


def fit_ears(madmom: Path | None) -> tuple[FitEars, tuple[str, ...]]:
    """The listeners that there are, and for those that are missing a sentence each, with the way out.

    Raises
    ------
    AudioError
        if a folder is named for madmom's weights and they are not in it.
    """
    lacking = [missing_har(), missing_beat(madmom)]
    har_too, beat_too = lacking[0] is None, lacking[1] is None
    tracker = BeatTracker(madmom) if beat_too else None
    ears = FitEars(
        (lambda wave: pitches(gated(wave))) if har_too else None,
        (lambda wave: chords(gated(wave))) if har_too else None,
        (lambda wave: tracker.beats(gated(wave))) if tracker else None,
    )
    return ears, tuple(one for one in lacking if one)


class FitJudge:
    """Measures stems put into songs; what is heard in the true stems is heard once.

    Parameters
    ----------
    truth : float32 (window, 4, sample).
    """

    def __init__(self, truth: np.ndarray, ears: FitEars):
        self._truth, self._ears = truth, ears
        self._known: dict[tuple[int, str], object] = {}

    def scores(self, stems: np.ndarray, part: str) -> dict[str, np.ndarray]:
        """Of each window `har` and `har_counted`, the share of the time that HAR speaks of (neither for drums), and
        `beat`; NaN where it can't be said. What no listener is there for is left out.

        Parameters
        ----------
        stems : float32 (window, 4, sample), of which the part's is judged.
        """
        column, found = STEMS.index(part), {}
        if self._ears.line and self._ears.harmony and part != "drums":
            both = [self._har(at, one[column], part) for at, one in enumerate(stems)]
            found["har"], found["har_counted"] = (np.array([pair[i] for pair in both]) for i in (0, 1))
        if self._ears.beats:
            found["beat"] = np.array([self._beat(at, one[column], part) for at, one in enumerate(stems)])
        return found

    def _har(self, at: int, stem: np.ndarray, part: str) -> tuple[float, float]:
        if part == "bass":
            found = match(self._heard(at, "line", "bass", stem), self._heard(at, "harmony", "beside", None))
        else:
            found = match(self._heard(at, "line", "bass", None), self._heard(at, "harmony", part, stem))
        return found.value, found.counted

    def _beat(self, at: int, stem: np.ndarray, part: str) -> float:
        return f_measure(self._heard(at, "beats", "song", None), self._heard(at, "beats", part, stem))

    def _heard(self, at: int, what: str, which: str, stem: np.ndarray | None):  # type: ignore[no-untyped-def]
        """What a listener hears in a stem; of the true one, or where none is given, it is kept."""
        true = self._true(at, which)
        listen = getattr(self._ears, what)
        if stem is not None and not np.array_equal(stem, true):
            return listen(stem)
        key = (at, f"{what} {which}")
        if key not in self._known:
            self._known[key] = listen(true)
        return self._known[key]

    def _true(self, at: int, which: str) -> np.ndarray:
        stems = self._truth[at]
        if which == "song":
            return np.asarray(stems.sum(axis=0))
        return np.asarray(stems[[STEMS.index(one) for one in (HARMONY if which == "beside" else (which,))]].sum(axis=0))
