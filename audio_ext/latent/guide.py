"""What leads an insertion: a fill (MIDI or tab), rendered, or a stem that was recorded; made as long as the submix."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path

import numpy as np

from arranger.errors import FillRequestError
from arranger.parts import ROLES, detect_parts
from arranger.song import Song
from audio_ext.band import Settings
from audio_ext.errors import AudioError
from audio_ext.mix import Desk
from audio_ext.overlay import BALANCE_DB, QUIET_LUFS, loudness, place_song
from audio_ext.recordings import Recording, read_recording, resampled, stereo
from audio_ext.render import render_frames

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
RENDER_RATE = 44_100


def read_guide(
    path: Path, under: Recording, part: str, *, align: bool = False, seconds: float | None = None
) -> np.ndarray:
    """A guide from a file: a recorded stem as it is, or a song's part rendered; see `song_guide` and `fitted`.

    Raises
    ------
    AudioError
        if it can't be read or rendered, or a recording is to be aligned.
    SongFileError
        if it is a song that can't be read.
    FillRequestError
        if the song has no such part.
    """
    if path.suffix.lower() in AUDIO_SUFFIXES:
        if align:
            problem = "a recorded stem can't be aligned; it begins where the submix begins"
            raise AudioError(path.name, problem, None, "Say with --offset SECONDS where it begins.")
        stem = read_recording(path)
        return fitted(stem.frames, stem.rate, under, seconds or 0.0)
    from arranger.files import load_song

    return song_guide(load_song(path), under, part, align=align, seconds=seconds)


def song_guide(
    song: Song,
    under: Recording,
    part: str,
    *,
    align: bool = False,
    seconds: float | None = None,
    settings: Settings | None = None,
) -> np.ndarray:
    """A part of a song, rendered over a submix and 4 LU softer than it; float32 (channel, sample) like the submix.

    Parameters
    ----------
    part : where the song has just one part, as a clip has, that one is taken whatever it is.
    align : look for the song in the submix (`audio_ext.alignment`). seconds : where it begins; 0 unless `align`.
    """
    settings = replace(settings or Settings(), rate=RENDER_RATE, lufs=None)
    desk = Desk(only=_keys(song, part, settings))
    settings = replace(settings, desk=desk)
    offset = place_song(song, under, settings, seconds=seconds if seconds is not None or align else 0.0)
    stems = render_frames(offset.follow(song), settings)
    stem = np.asarray(np.sum(list(stems.values()), axis=0), dtype=np.float32)
    ours, theirs = loudness(stem, settings.rate), loudness(stereo(under.frames), under.rate)
    if isfinite(ours) and isfinite(theirs):
        stem = stem * np.float32(10 ** ((max(theirs, QUIET_LUFS) + BALANCE_DB - ours) / 20))
    return fitted(stem, settings.rate, under, offset.seconds)


def _keys(song: Song, part: str, settings: Settings) -> tuple[str, ...]:
    """What the desk is to let through: tracks, by number, of the part, or of a clip's only part."""
    playing = [role for role in detect_parts(song, settings.roles) if song.tracks[role.track].notes]
    parts = {role.role for role in playing}
    if part not in parts and len(parts) != 1:
        there = ", ".join(name for name in ROLES if name in parts) or "nothing"
        raise FillRequestError(f"The guide has no {part}; it has {there}. Choose another --part or --guide.")
    wanted = part if part in parts else next(iter(parts))
    return tuple(str(role.track + 1) for role in playing if role.role == wanted)


def fitted(frames: np.ndarray, rate: int, under: Recording, seconds: float = 0.0) -> np.ndarray:
    """Frames at the submix's rate, channels and length, float32 (channel, sample), beginning at `seconds` of it.

    Mono goes to all channels; of more channels than the submix has, the mean goes to its one or the first to its two.
    Raises AudioError if nothing of it lies over the submix.
    """
    count, length = under.frames.shape
    over = resampled(frames, rate, under.rate)
    if len(over) != count:
        over = over[:count] if 1 < count <= len(over) else over.mean(axis=0, dtype=np.float32)[None]
        over = np.repeat(over, count, axis=0) if len(over) != count else over
    begin = round(seconds * under.rate)
    if begin >= length or begin + over.shape[1] <= 0:
        problem = f"the guide would lie outside it (it begins at {seconds:.2f} s of {under.seconds:.2f} s)"
        raise AudioError(under.name, problem, None, "Say where it begins with --offset SECONDS.")
    over = over[:, max(0, -begin) :]
    begin = max(0, begin)
    laid = np.zeros((count, length), dtype=np.float32)
    part = over[:, : length - begin]
    laid[:, begin : begin + part.shape[1]] = part
    return laid
