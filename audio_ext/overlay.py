"""Laying a rendered stem over the user's own recording: one time, one rate, one level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

import numpy as np

from arranger.errors import FillRequestError
from arranger.song import Song
from audio_ext.alignment import Offset, find_offset
from audio_ext.band import Settings
from audio_ext.errors import AudioError
from audio_ext.loudness import LoudnessMeter
from audio_ext.mix import Desk, quantised
from audio_ext.recordings import Recording, read_recording, resampled, stereo
from audio_ext.render import Progress, render_frames
from audio_ext.writing import AudioWriter, check_target

BALANCE_DB = -4.0
"""Loudness of the stem against the recording, in LU: one player heard well among several."""
QUIET_LUFS = -45.0
"""A recording softer than this has mostly noise to show for it."""
TAIL_SECONDS = 3.0
"""So long a stem may ring on after the recording's end; the last half of it fades."""
CEILING = 0.98
_BLOCK = 1 << 18


@dataclass(frozen=True, eq=False)
class Overlay:
    """A recording with a stem over it.

    Parameters
    ----------
    frames : float32 (2, sample), at `rate`, beginning where the recording begins. gain_db : what both were turned down
        by, so that nothing clips. notes : what the user should know, in sentences.
    """

    frames: np.ndarray
    rate: int
    offset: Offset
    gain_db: float
    notes: tuple[str, ...]


def lay_over(
    stem: np.ndarray, rate: int, recording: Recording, offset: Offset, balance_db: float | None = BALANCE_DB
) -> Overlay:
    """Add a stem to a recording.

    Parameters
    ----------
    stem : float (channel, sample) at `rate` Hz, mono or stereo, rendered at the recording's pace (`Offset.follow`).
    recording : of any rate and length, mono or stereo; comes out at `rate`.
    balance_db : loudness of the stem against the recording; None leaves the stem's level as it is.

    Raises
    ------
    AudioError
        if the stem lies wholly outside the recording.
    """
    under = stereo(resampled(recording.frames, recording.rate, rate))
    over = stereo(stem)
    notes = []
    begin = round(offset.seconds * rate)
    if begin >= under.shape[1] or begin + over.shape[1] <= 0:
        problem = f"the song would lie outside it (it begins at {offset.seconds:.2f} s of {recording.seconds:.2f} s)"
        raise AudioError(recording.name, problem, None, "Say where it begins with --offset SECONDS.")
    if begin < 0:
        notes.append(f"The song begins {-offset.seconds:.2f} s before the recording; what comes before is left out.")
        over, begin = over[:, -begin:], 0
    limit = under.shape[1] + round(TAIL_SECONDS * rate)
    if begin + over.shape[1] > limit:
        over = _faded(over[:, : limit - begin], rate)
        notes.append("The recording ends before the song; the rest of the song is left out.")
    gain, level_note = _balance(over, under, rate, balance_db)
    notes += [level_note] if level_note else []
    frames = np.zeros((2, max(under.shape[1], begin + over.shape[1])), dtype=np.float32)
    frames[:, : under.shape[1]] = under
    frames[:, begin : begin + over.shape[1]] += over * np.float32(gain)
    peak = float(np.abs(frames).max(initial=0.0))
    common = 1.0
    if peak > CEILING:
        common = CEILING / peak
        frames *= np.float32(common)
        notes.append(f"Both were turned down by {-20 * np.log10(common):.1f} dB, so that nothing clips.")
    return Overlay(frames, rate, offset, float(20 * np.log10(common)), tuple(notes))


def _faded(frames: np.ndarray, rate: int) -> np.ndarray:
    length = min(frames.shape[1], round(TAIL_SECONDS / 2 * rate))
    fade = np.ones(frames.shape[1], dtype=np.float32)
    fade[frames.shape[1] - length :] = np.linspace(1, 0, length, dtype=np.float32)
    return frames * fade


def _balance(over: np.ndarray, under: np.ndarray, rate: int, balance_db: float | None) -> tuple[float, str]:
    """(factor on the stem, what is to be said)."""
    ours, theirs = loudness(over, rate), loudness(under, rate)
    note = ""
    if theirs < QUIET_LUFS:
        level = f"{theirs:.0f} LUFS" if isfinite(theirs) else "silence"
        note = f"The recording is very soft ({level}); turn it up and lay the song over it again."
    if balance_db is None or not isfinite(ours) or not isfinite(theirs):
        return 1.0, note
    return float(10 ** ((max(theirs, QUIET_LUFS) + balance_db - ours) / 20)), note


def loudness(frames: np.ndarray, rate: int) -> float:
    """Integrated loudness (ITU-R BS.1770) in LUFS; minus infinity for silence or less than 0.4 s."""
    meter = LoudnessMeter(rate)
    for first in range(0, frames.shape[1], _BLOCK):
        meter.feed(frames[:, first : first + _BLOCK].astype(np.float64))
    return meter.lufs()


def place_song(song: Song, recording: Recording, settings: Settings, *, seconds: float | None = None) -> Offset:
    """Where a song is in a recording of it: as the user says, or found and checked.

    What the desk lets hear alone is taken to be missing from the recording, so the song is compared without it, unless
    nothing else is there.

    Raises
    ------
    AudioError
        if the song isn't found for sure; see `Offset.check`.
    """
    if seconds is not None:
        return Offset(seconds)
    desk = settings.desk
    others = Desk(desk.gains, desk.pans, (*desk.mutes, *desk.only))
    plain = replace(settings, reverb=False, lufs=None)
    try:
        stems = render_frames(song, replace(plain, desk=others))
    except FillRequestError:  # nothing else plays
        stems = render_frames(song, replace(plain, desk=Desk()))
    mix = np.sum(list(stems.values()), axis=0).mean(axis=0)
    return find_offset(mix, recording.mono(), settings.rate, recording.rate).check(recording.name)


def render_over(
    song: Song,
    recording: Path,
    out: Path,
    settings: Settings,
    *,
    seconds: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Overlay:
    """Render what the desk lets hear of a song, lay it over a recording and write both as one file.

    Parameters
    ----------
    seconds : where the song begins in the recording; None to find it.

    Raises
    ------
    AudioError
        if something can't be read, found, rendered or written; nothing half-written stays.
    FillRequestError
        if the desk names what the song doesn't have.
    """
    kind = check_target(out, overwrite)
    if out.exists() and recording.exists() and out.samefile(recording):
        raise AudioError(out.name, "it is the recording that was read", None, "Choose another name with -o.")
    tell = progress or (lambda share: None)
    under = read_recording(recording)
    tell(0.1)
    offset = place_song(song, under, settings, seconds=seconds)
    tell(0.6)
    stems = render_frames(offset.follow(song), settings)
    tell(0.8)
    # One gain for all that is heard would be lost when the level is set, so it is given back.
    wished = max((settings.desk.gains.get(name, 0.0) for name in settings.desk.only), default=0.0)
    laid = lay_over(np.sum(list(stems.values()), axis=0), settings.rate, under, offset, BALANCE_DB + wished)
    count = laid.frames.shape[1]
    with AudioWriter(out, settings.rate, count, overwrite) as writer:
        for first in range(0, count, _BLOCK):
            writer.write(quantised(laid.frames[:, first : first + _BLOCK], 1.0, kind.bits))
            tell(0.8 + 0.2 * min(1.0, (first + _BLOCK) / count))
    return laid
