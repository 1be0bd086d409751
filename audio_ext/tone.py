"""One voice of the built-in renderer: a zone of a SoundFont, struck and let go, as frames.

The generator model of the SoundFont 2 specification (section 9) without its low-frequency oscillators: sample with
loop, tuning, volume envelope in decibels, modulation envelope on pitch and filter, a two-pole lowpass. Attenuation
counts 0.4 of what is written, as in the sound cards that SoundFonts were made on, and in FluidSynth.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import cos, exp2, log2, pi, sin

import numpy as np
from scipy.signal import lfilter

from audio_ext.sf2 import DEFAULTS, Sample, Zone

STEP = 64
"""Frames between two values of whatever moves within a voice."""
SILENT_DB = 96.0
PIECE = 4096
"""Frames that are read at a time, so that they stay in the processor's cache."""
MAX_SECONDS = 60.0
"""A voice ends here; only drones of a minute are shorter than FluidSynth's."""
SHORTEST_RELEASE = 0.008
OPEN_FILTER = 13500
MAX_RATIO = 64.0
EMU_ATTENUATION = 0.4

(FILTER, RESONANCE, PITCH_BY_ENVELOPE, FILTER_BY_ENVELOPE, PAN, ATTENUATION) = (8, 9, 7, 11, 17, 48)
(START, LOOPS, COARSE, FINE, SCALE, CLASS, ROOT, KEY) = (0, 54, 51, 52, 56, 57, 58, 46)
VOLUME_ENVELOPE, MODULATION_ENVELOPE = 33, 25
"""First of six: delay, attack, hold, decay, sustain, release; what holds by key stands two behind the last."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Six stages, in seconds; `sustain` is decibels below the top (volume) or a share (modulation)."""

    delay: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float


def generator(zone: Zone, number: int) -> int:
    """Value of a generator, its default where nothing is said."""
    return zone.generators.get(number, DEFAULTS.get(number, 0))


def envelope(zone: Zone, first: int, key: int) -> Envelope:
    """The volume or modulation envelope of a zone for a key."""
    delay, attack, hold, decay = (generator(zone, first + stage) for stage in range(4))
    hold += generator(zone, first + 6) * (60 - key)
    decay += generator(zone, first + 7) * (60 - key)
    sustain = max(0, generator(zone, first + 4))
    level = min(SILENT_DB, sustain / 10) if first == VOLUME_ENVELOPE else max(0.0, 1 - sustain / 1000)
    release = generator(zone, first + 5)
    return Envelope(
        _time(delay), _time(attack), _time(hold), _time(decay), level, max(SHORTEST_RELEASE, _time(release))
    )


def _time(timecents: int) -> float:
    return exp2(max(-12000, min(8000, timecents)) / 1200) if timecents > -12000 else 0.0


def ratio(zone: Zone, sample: Sample, key: int, rate: int) -> float:
    """Sample frames for a frame of output at the key's own pitch."""
    root = generator(zone, ROOT)
    root = root if 0 <= root <= 127 else sample.pitch
    played = generator(zone, KEY)
    played = played if 0 <= played <= 127 else key
    cents = (played - root) * generator(zone, SCALE) + 100 * generator(zone, COARSE) + generator(zone, FINE)
    return min(MAX_RATIO, exp2((cents + sample.correction) / 1200) * sample.rate / rate)


def tone(zone: Zone, sample: Sample, key: int, held: int, rate: int, bend: np.ndarray | None = None) -> np.ndarray:
    """A voice at full velocity.

    Parameters
    ----------
    held : frames from the stroke to the release.
    rate : Hz.
    bend : semitones above the key at every `STEP`-th frame from the stroke on, its last value held; None for none.

    Returns
    -------
    float32 (frame,), release included; empty where the sample has nothing.
    """
    held = min(held, int(MAX_SECONDS * rate))
    looped = generator(zone, LOOPS) & 1 == 1 and sample.loop[1] > sample.loop[0]
    level = _volume(envelope(zone, VOLUME_ENVELOPE, key), held, rate)
    steps = len(level) // STEP + 2
    shape = _modulation(zone, key, held, rate, steps)
    cents = np.zeros(steps)
    if bend is not None:
        cents += 100 * np.pad(bend[:steps], (0, max(0, steps - len(bend))), mode="edge")
    if shape is not None:
        cents += generator(zone, PITCH_BY_ENVELOPE) * shape
    places = _places(ratio(zone, sample, key, rate), cents, len(level))
    if not looped:
        places = places[: int(np.searchsorted(places, len(sample.frames) - 1))]
    heard = _read(sample, places, looped) * level[: len(places)]
    return _filtered(heard, zone, shape, rate).astype(np.float32)


def _volume(stages: Envelope, held: int, rate: int) -> np.ndarray:
    """Loudness of each frame, until it can't be heard any more: exact at every `STEP`, straight between."""
    at = np.arange(-(-held // STEP) + 1) * STEP / rate
    attack_ends = stages.delay + stages.attack
    fallen = np.clip((at - attack_ends - stages.hold) * (SILENT_DB / max(stages.decay, 1e-4)), 0, stages.sustain)
    level = 10 ** (fallen / -20)
    if stages.attack > 0:
        level *= np.clip((at - stages.delay) / stages.attack, 0, 1)
    level[at < stages.delay] = 0
    if fallen[-1] >= SILENT_DB:
        return _straight(level[: int(np.argmax(fallen >= SILENT_DB)) + 1])
    last = float(level[-1])
    left = SILENT_DB + 20 * (log2(last) / log2(10)) if last > 1e-5 else 0.0
    length = int(min(stages.release * left / SILENT_DB, MAX_SECONDS) * rate) // STEP + 1
    release = last * 10 ** (np.arange(1, length + 1) * (STEP / rate * -SILENT_DB / stages.release / 20))
    return _straight(np.concatenate([level, release]))


def _straight(level: np.ndarray) -> np.ndarray:
    """Values at every `STEP`-th frame -> float32 at every frame."""
    ramp = np.arange(STEP, dtype=np.float32) / STEP
    values = level.astype(np.float32)
    return (values[:-1, None] + np.diff(values)[:, None] * ramp).reshape(-1)


def _modulation(zone: Zone, key: int, held: int, rate: int, steps: int) -> np.ndarray | None:
    """Modulation envelope at every `STEP`-th frame, 0 to 1; None where it moves nothing."""
    if not generator(zone, PITCH_BY_ENVELOPE) and not generator(zone, FILTER_BY_ENVELOPE):
        return None
    stages = envelope(zone, MODULATION_ENVELOPE, key)
    ends = stages.delay + stages.attack
    at = np.arange(steps) * STEP / rate
    rising = np.clip((at - stages.delay) / max(stages.attack, 1e-4), 0, 1)
    falling = np.maximum(1 - np.maximum(at - ends - stages.hold, 0) / max(stages.decay, 1e-4), stages.sustain)
    shape = np.where(at < ends, rising, falling)
    after = at > held / rate
    if after.any():
        at_release = shape[min(held // STEP, steps - 1)]
        shape[after] = np.maximum(at_release - (at[after] - held / rate) / stages.release, 0)
    return np.asarray(shape)


def _places(per_frame: float, cents: np.ndarray, frames: int) -> np.ndarray:
    """Place in the sample of each frame."""
    if not cents.any():
        return np.arange(frames) * per_frame
    speed = np.minimum(per_frame * 2 ** (cents / 1200), MAX_RATIO)
    steps = np.concatenate([[0.0], np.repeat(speed, STEP)[: frames - 1]])
    return np.cumsum(steps[:frames])


def _read(sample: Sample, places: np.ndarray, looped: bool) -> np.ndarray:
    """The sample at fractional places, by a cubic through four frames (Catmull-Rom)."""
    if not len(places):
        return np.zeros(0)
    wanted = np.arange(-1, int(places[-1]) + 3)
    begin, end = sample.loop
    if looped:
        over = wanted >= end
        wanted[over] = begin + (wanted[over] - begin) % (end - begin)
    frames = sample.frames[np.clip(wanted, 0, len(sample.frames) - 1)]
    whole = places.astype(np.int64)
    part = (places - whole).astype(np.float32)
    heard = np.empty(len(places), np.float32)
    for begin in range(0, len(places), PIECE):
        at, t = whole[begin : begin + PIECE], part[begin : begin + PIECE]
        a, b, c, d = (frames.take(at + ahead) for ahead in range(4))
        cube = np.float32(3) * (b - c) + d - a
        square = np.float32(2) * a - np.float32(5) * b + np.float32(4) * c - d
        heard[begin : begin + PIECE] = b + np.float32(0.5) * t * (c - a + t * (square + t * cube))
    return heard


def _filtered(frames: np.ndarray, zone: Zone, shape: np.ndarray | None, rate: int) -> np.ndarray:
    """The lowpass of a zone; where the envelope moves it, in pieces that grow, as the ear is quickest at the start."""
    cutoff, moved = generator(zone, FILTER), generator(zone, FILTER_BY_ENVELOPE)
    if not len(frames) or (cutoff >= OPEN_FILTER and not moved):
        return frames
    resonance = generator(zone, RESONANCE)
    if not moved or shape is None:
        return np.asarray(lfilter(*_lowpass(cutoff, resonance, rate), frames))
    edges = [0]
    moving = STEP * (int(np.flatnonzero(np.diff(shape))[-1]) + 1) if np.any(np.diff(shape)) else 0
    while edges[-1] < min(moving, len(frames)):
        edges.append(min(len(frames), edges[-1] + max(STEP, edges[-1] // 4 // STEP * STEP)))
    if edges[-1] < len(frames):
        edges.append(len(frames))
    state = np.zeros(2)
    pieces = []
    for first, last in pairwise(edges):
        share = shape[min(first // STEP, len(shape) - 1)]
        b, a = _lowpass(cutoff + moved * share, resonance, rate)
        piece, state = lfilter(b, a, frames[first:last], zi=state)
        pieces.append(piece)
    return np.concatenate(pieces)


def _lowpass(cents: float, resonance: int, rate: int) -> tuple[list[float], list[float]]:
    """Coefficients for a cutoff in absolute cents and a resonance in centibels (as FluidSynth reads 8.1.3)."""
    hertz = min(0.45 * rate, max(20.0, 8.1758 * exp2(cents / 1200)))
    q = 10 ** ((max(0, min(960, resonance)) / 10 - 3.01) / 20)
    omega = 2 * pi * hertz / rate
    alpha = sin(omega) / (2 * q)
    top = (1 - cos(omega)) / (1 + alpha) / max(1.0, q) ** 0.5
    return [top / 2, top, top / 2], [1.0, -2 * cos(omega) / (1 + alpha), (1 - alpha) / (1 + alpha)]
