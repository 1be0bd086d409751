"""Where a song begins in a recording of it, and how much faster or slower the recording runs.

Both sides, the song as rendered and the recording, are described by where notes begin in bands of the spectrum
(spectral flux) and by pitch classes. Segments of the song are looked for in the recording by correlation; the straight
line (time in the song -> time in the recording) on which most of them agree is the answer, then it is made exact by
the onsets around it. A band doesn't play like a clock: how far the segments are from the line is reported too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from arranger.song import Song
from audio_ext.alignment_search import envelope, features, refined, search
from audio_ext.errors import AudioError

DRIFT_LIMIT = 0.03
"""Larger drifts are refused: the recording has another tempo."""
CONFIDENT = 0.5
"""Least confidence to be used without being asked."""
SPREAD_LIMIT = 0.06
"""Seconds; segments further from a straight line than this hear two tempos, and a straight line won't do."""
LEAST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Offset:
    """How a song lies over a recording: what is at `t` in the song is at `at(t)` in the recording, both in seconds.

    Parameters
    ----------
    seconds : where the song's beginning is in the recording; negative if the recording starts later.
    confidence : 0 to 1: how far this place stands out from every other one.
    drift : how much slower the recording runs; 0.01 is 1 % slower.
    spread : seconds; how far the segments are from this line, as a standard deviation.
    """

    seconds: float
    confidence: float = 1.0
    drift: float = 0.0
    spread: float = 0.0

    def at(self, seconds: float) -> float:
        """Time in the recording of a time in the song."""
        return self.seconds + (1 + self.drift) * seconds

    def follow(self, song: Song) -> Song:
        """The song at the recording's pace: the same notes, the tempo map stretched by the drift."""
        if not self.drift:
            return song
        return replace(song, tempos=tuple(replace(one, qpm=one.qpm / (1 + self.drift)) for one in song.tempos))

    def check(self, name: str) -> Offset:
        """Itself, if it is to be trusted.

        Raises
        ------
        AudioError
            if the place isn't sure, the tempo too different or not steady; the message names the recording and the way
            out.
        """
        by_hand = "Say where the song begins in it with --offset SECONDS."
        if self.confidence < CONFIDENT:
            guess = f"confidence {self.confidence:.0%}, best guess {self.seconds:.2f} s"
            problem = f"the song wasn't found in it for sure ({guess})"
            raise AudioError(name, problem, None, f"Is it a recording of this song, with its tempos? {by_hand}")
        if abs(self.drift) > DRIFT_LIMIT:
            how = "slower" if self.drift > 0 else "faster"
            problem = f"it is {abs(self.drift):.1%} {how} than the song"
            raise AudioError(name, problem, None, f"Set the song's tempo to that of the recording. {by_hand}")
        if self.spread > SPREAD_LIMIT:
            problem = f"its tempo is not steady (parts of the song are {self.spread * 1000:.0f} ms off)"
            remedy = "Play to a click, or write the recording's tempo changes into the song."
            raise AudioError(name, problem, None, f"{remedy} {by_hand}")
        return self


def find_offset(rendered: np.ndarray, recording: np.ndarray, rate: int, recording_rate: int | None = None) -> Offset:
    """Find where a rendered song lies in a recording; look at its confidence, or let `Offset.check` do so.

    Parameters
    ----------
    rendered, recording : mono, float (sample,). The song should be rendered without the part that the recording lacks.
    rate : Hz, of both unless `recording_rate` says otherwise.

    Raises
    ------
    AudioError
        if one of them is silent or shorter than five seconds.
    """
    rates = rate, recording_rate or rate
    for mono, hz, name in ((rendered, rates[0], "The rendered song"), (recording, rates[1], "The recording")):
        if len(mono) < LEAST_SECONDS * hz:
            raise AudioError("", f"{name} is too short to be aligned ({len(mono) / hz:.1f} s)", None, _BY_HAND)
        if not np.isfinite(mono).all() or np.abs(mono).max() < 1e-4:
            raise AudioError("", f"{name} is silent", None, _BY_HAND)
    pair = list(zip((rendered, recording), rates, strict=True))
    found = search(*(features(mono, hz) for mono, hz in pair))
    fine = [envelope(mono, hz) for mono, hz in pair]
    seconds, drift, spread = found.seconds, found.drift, 0.0
    for _ in range(3):
        seconds, drift, spread = refined(fine[0], fine[1], seconds, drift)
    return Offset(seconds, found.confidence, drift, spread)


_BY_HAND = "Say where the song begins with --offset SECONDS."
