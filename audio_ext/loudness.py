"""Loudness and true peak of a long piece of audio, block by block.

The filters are pyloudnorm's; blocks and gates follow ITU-R BS.1770-4 on running sums, so that nothing but a number for
every tenth of a second is kept. True peak is read off the signal at four times its rate (annex 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log10

import numpy as np

from audio_ext.errors import missing_extra

GATE_SHARE = 4
"""A gating block of 0.4 s is made of so many tenths; the next begins a tenth later."""
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
_OFFSET = -0.691
OVERSAMPLING, TAPS = 4, 12
PIECE = 512
"""Frames that are oversampled together, if they can hold a new peak at all."""
CEILING_DB = -1.0
"""Highest true peak of a finished mix, in decibels of full scale: encoders add up to a decibel."""


class LoudnessMeter:
    """Measures what is fed to it.

    Parameters
    ----------
    rate : Hz. channels : 1 or 2.
    """

    def __init__(self, rate: int, channels: int = 2):
        try:
            from pyloudnorm import IIRfilter
        except ImportError as err:
            raise missing_extra("pyloudnorm") from err
        # The K weighting: a shelf for the head, a high-pass for the low end.
        filters = (
            IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate, "high_shelf_DeMan"),
            IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate, "high_pass_DeMan"),
        )
        self._sections = np.array([[*one.b, *one.a] for one in filters])
        self._state = np.zeros((len(filters), channels, 2))
        self._tenth = rate // 10
        self._left = np.zeros((channels, 0))
        self._powers: list[float] = []

    def feed(self, frames: np.ndarray) -> None:
        """Take the next frames, float (channel, frame)."""
        from scipy.signal import sosfilt

        heard, self._state = sosfilt(self._sections, frames, axis=1, zi=self._state)
        heard = np.concatenate([self._left, heard], axis=1)
        whole = heard.shape[1] // self._tenth
        used, self._left = heard[:, : whole * self._tenth], heard[:, whole * self._tenth :]
        squares = (used * used).reshape(len(used), whole, self._tenth)
        self._powers += squares.mean(axis=2).sum(axis=0).tolist()

    def lufs(self) -> float:
        """Integrated loudness in LUFS; minus infinity for silence and for less than 0.4 s."""
        powers = np.array(self._powers)
        if len(powers) < GATE_SHARE:
            return -inf
        blocks = np.convolve(powers, np.full(GATE_SHARE, 1 / GATE_SHARE), mode="valid")
        loud = blocks[blocks > _power(ABSOLUTE_GATE)]
        if not len(loud):
            return -inf
        loud = loud[loud > loud.mean() * 10 ** (RELATIVE_GATE / 10)]
        return _OFFSET + 10 * log10(float(loud.mean())) if len(loud) else -inf


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET) / 10))


class PeakMeter:
    """True peak of what is fed to it, as a linear value; `sample` is the highest sample."""

    def __init__(self, channels: int = 2):
        from scipy.signal import firwin

        filters = firwin(OVERSAMPLING * TAPS + 1, 1 / OVERSAMPLING, window=("kaiser", 7.0)) * OVERSAMPLING
        self._filter = filters
        # No sample between the others can be higher than the highest of them times this.
        self._reach = max(float(np.abs(filters[phase::OVERSAMPLING]).sum()) for phase in range(OVERSAMPLING))
        self._before = np.zeros((channels, 2 * TAPS))
        self.true = 0.0
        self.sample = 0.0

    def feed(self, frames: np.ndarray) -> None:
        """Take the next frames, float (channel, frame)."""
        from scipy.signal import upfirdn

        joined = np.concatenate([self._before, frames], axis=1)
        self._before = joined[:, -2 * TAPS :]
        size = joined.shape[1]
        loud = np.abs(joined).max(axis=0, initial=0.0)
        self.sample = max(self.sample, float(loud.max(initial=0.0)))
        begins = np.arange(0, size, PIECE)
        tops = np.maximum.reduceat(loud, begins) if size else loud
        before = np.concatenate([[0.0], tops[:-1]])  # a piece is heard with the end of the one before it
        for at in np.flatnonzero(np.maximum(tops, before) * self._reach > self.true).tolist():
            begin = int(begins[at])
            highest = float(max(tops[at], before[at]))
            if highest * self._reach <= self.true:
                continue  # a piece before this one was higher
            piece = joined[:, max(0, begin - 2 * TAPS) : begin + PIECE]
            between = upfirdn(self._filter, piece, OVERSAMPLING, axis=1)
            # Only where the filter sees nothing but the piece; the next one begins far enough before this ends.
            between = between[:, len(self._filter) - 1 : OVERSAMPLING * piece.shape[1]]
            self.true = max(self.true, float(tops[at]), float(np.abs(between).max(initial=0.0)))


@dataclass(frozen=True, slots=True)
class Level:
    """The one gain of all stems, what it leads to, and a line where the wish could not be met."""

    gain_db: float
    lufs: float
    true_peak_db: float
    note: str | None = None


def decibels(value: float) -> float:
    """A linear value in decibels."""
    return 20 * log10(value) if value > 0 else -inf


def level_to(target: float | None, lufs: float, true_peak: float, stem_peak: float = 0.0) -> Level:
    """The gain that brings a mix to a loudness without its true peak going over the ceiling.

    Parameters
    ----------
    target : LUFS; None to leave the level as it is, unless it is over the ceiling.
    true_peak : of the mix, linear. stem_peak : highest sample of any stem, linear; it stays under full scale.
    """
    if true_peak <= 0:
        return Level(0.0, -inf, -inf, "The mix is silent.")
    wanted = 0.0 if target is None or lufs == -inf else target - lufs
    room = CEILING_DB - decibels(max(true_peak, stem_peak * 10 ** (CEILING_DB / 20)))
    gain = min(wanted, room)
    reached = Level(gain, lufs + gain, decibels(true_peak) + gain)
    if target is None or gain == wanted:
        return reached
    note = (
        f"The mix is at {reached.lufs:.1f} LUFS, not {target:g}: "
        f"louder, its true peak would be over the ceiling of {CEILING_DB:g} dB."
    )
    return Level(gain, reached.lufs, reached.true_peak_db, note)
