"""Does a stem play the notes it was to play? What a transcriber hears in it is matched with the notes.

Bass and guitar: basic-pitch (Bittner et al. 2022, arXiv 2203.09893; Apache 2.0), whose net is ONNX in its wheel and is
run without the rest of the package. Drums: onsets by spectral flux, without saying of which drum. Matching is
mir_eval's: one to one, 50 ms, and for notes the same semitone; ends don't count. True stems don't reach 1: a
transcriber errs, so a figure is to be held against that of the true stem.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from audio_ext.latent.metrics.onsets import drum_onsets, merged
from audio_ext.latent.windows import RATE, Note
from audio_ext.recordings import resampled

TOLERANCE = 0.05
PITCH_RATE, HOP, PIECE, OVERLAP = 22_050, 256, 43_844, 30
"""basic-pitch's: hertz, samples a frame, samples a piece, frames that pieces overlap by."""
LOWEST = 21
ONSET, SOUNDING, HELD = 0.65, 0.45, 6
"""Probability of an onset, mean probability of the note in the frames after it, and how many these are (of 11.6 ms).
Stricter than basic-pitch's own 0.5, 0.3 and 11: so the true stems of rendered songs agree best with their notes."""
RANGES = {"bass": (24, 67), "guitar": (36, 91), "other": (24, 103)}
"""Pitches that are listened for: what is outside is an overtone or rumble."""


@dataclass(frozen=True, slots=True)
class Match:
    """How well notes agree; NaN where there are none on either side."""

    f1: float
    precision: float
    recall: float


NOTHING = Match(float("nan"), float("nan"), float("nan"))


def basic_pitch_net() -> Path | None:
    """basic-pitch's net in its package, found without importing it; None if it is not installed."""
    spec = find_spec("basic_pitch")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0], "saved_models", "icassp_2022", "nmp.onnx") if places else None
    return path if path and path.is_file() else None


def can_judge(part: str) -> bool:
    """Whether what is needed to judge a part is installed."""
    return find_spec("mir_eval") is not None and (part == "drums" or basic_pitch_net() is not None)


def adherence(stem: np.ndarray, notes: Sequence[Note], part: str) -> Match:
    """How well a stem (sample,) at 16 kHz plays notes of `Facts`. Within 50 ms of its ends nothing counts: a cut
    through a sound looks like an onset."""

    def inside(seconds: np.ndarray) -> np.ndarray:
        return (seconds >= TOLERANCE) & (seconds < len(stem) / RATE - TOLERANCE)

    asked = np.array([[note[0], note[2]] for note in notes]).reshape(-1, 2)
    asked = asked[inside(asked[:, 0])]
    if part == "drums":
        heard = drum_onsets(stem)
        return match_onsets(merged(asked[:, 0]), heard[inside(heard)])
    found = heard_notes(stem, RANGES[part])
    return match_notes(asked, found[inside(found[:, 0])])


def match_onsets(asked: np.ndarray, heard: np.ndarray) -> Match:
    """mir_eval.onset's F1, precision and recall of seconds (onset,) within 50 ms."""
    import mir_eval

    if not len(asked) and not len(heard):
        return NOTHING
    if not len(asked) or not len(heard):
        return Match(0.0, 0.0, 0.0)
    return Match(*(float(one) for one in mir_eval.onset.f_measure(asked, heard, window=TOLERANCE)))


def match_notes(asked: np.ndarray, heard: np.ndarray) -> Match:
    """mir_eval.transcription's F1, precision and recall of rows (seconds, MIDI pitch): 50 ms and the same semitone."""
    import mir_eval

    if not len(asked) and not len(heard):
        return NOTHING
    if not len(asked) or not len(heard):
        return Match(0.0, 0.0, 0.0)
    spans = [np.stack([rows[:, 0], rows[:, 0] + 0.1], axis=1) for rows in (asked, heard)]
    hertz = [mir_eval.util.midi_to_hz(rows[:, 1]) for rows in (asked, heard)]
    found = mir_eval.transcription.precision_recall_f1_overlap(
        spans[0], hertz[0], spans[1], hertz[1], onset_tolerance=TOLERANCE, offset_ratio=None
    )
    precision, recall, f1, _ = (float(one) for one in found)
    return Match(f1, precision, recall)


def heard_notes(stem: np.ndarray, pitches: tuple[int, int]) -> np.ndarray:
    """Notes that basic-pitch hears, float (note, 2): seconds and MIDI pitch, of a stem (sample,) at 16 kHz.

    A note begins where a key's onset is a peak in time and above `ONSET`, and its note stays above `SOUNDING` for
    `HELD` frames. The stem is brought to a peak of 0.5 first: how loud a stem is mixed says nothing of its notes.
    """
    peak = float(np.abs(stem).max(initial=0.0))
    if peak < 1e-4:
        return np.empty((0, 2))
    onsets, notes = _posteriors(resampled(stem[None] * np.float32(0.5 / peak), RATE, PITCH_RATE)[0])
    keys = np.arange(pitches[0] - LOWEST, pitches[1] - LOWEST + 1)
    onsets, notes = onsets[:, keys], notes[:, keys]
    before = np.pad(onsets, ((1, 1), (0, 0)))
    peaks = (onsets > ONSET) & (onsets >= before[:-2]) & (onsets > before[2:])
    held = np.pad(notes, ((0, HELD), (0, 0)))
    steady = np.lib.stride_tricks.sliding_window_view(held, HELD, axis=0)[: len(notes)].mean(axis=2) > SOUNDING
    frames, columns = np.nonzero(peaks & steady)
    return np.stack([frames * HOP / PITCH_RATE, columns + pitches[0]], axis=1).astype(np.float64)


def _posteriors(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of onsets and of notes, float (frame, 88), of a wave (sample,) at 22,050 Hz."""
    session, name = _session()
    step, half = PIECE - OVERLAP * HOP, OVERLAP // 2
    padded = np.concatenate([np.zeros(half * HOP, np.float32), wave, np.zeros(PIECE, np.float32)])
    pieces = np.stack([padded[begin : begin + PIECE] for begin in range(0, len(wave), step)])[..., None]
    notes, onsets = session.run(["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"], {name: pieces})
    count = len(wave) // HOP
    return tuple(one[:, half:-half].reshape(-1, one.shape[2])[:count] for one in (onsets, notes))


@cache
def _session() -> tuple[Any, str]:
    import onnxruntime

    path = basic_pitch_net()
    assert path is not None  # `can_judge` is asked first
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name
