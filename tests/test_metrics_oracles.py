"""Our measures against those of published packages where they measure the same thing; skipped where they are absent."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from arranger.evaluation.metrics import note_f1
from arranger.evaluation.metrics_notes import overlap_area
from arranger.harmony import MAJOR_SCALE

mido = pytest.importorskip("mido")


def quietly(name: str) -> ModuleType:
    """A package that warns of its own future on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def draw(seed: int, count: int = 70) -> np.ndarray:
    """Notes (sixteenth, pitch, sixteenths long), no pitch twice on one sixteenth."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(64 * 12)[:count]
    return np.stack([places // 12, 50 + places % 12, rng.integers(1, 5, count)], axis=1)


def plane(notes: np.ndarray) -> np.ndarray:
    out = np.zeros((128, 48 * 4), dtype=bool)
    out[notes[:, 1], 3 * notes[:, 0]] = True
    return out


def write(notes: np.ndarray, path: Path) -> Path:
    file, track, now = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack(), 0
    # Notes of one pitch must not overlap in a file: each is written as a sixteenth on its own.
    events = [(120 * int(at), 1, int(pitch)) for at, pitch, _ in notes]
    events += [(120 * int(at) + 119, 0, int(pitch)) for at, pitch, _ in notes]
    for tick, on, pitch in sorted(events):
        track.append(mido.Message("note_on", note=pitch, velocity=80 * on, time=tick - now))
        now = tick
    file.tracks.append(track)
    file.save(path)
    return path


@pytest.mark.parametrize("seed", range(4))
def test_note_f1_is_that_of_smg_metrics(seed: int, tmp_path: Path) -> None:
    smg = quietly("smg_metrics.note_f1")
    ours, theirs = draw(seed), np.concatenate([draw(seed)[::2], draw(seed + 50, 30)])
    theirs = np.unique(theirs[:, :2], axis=0)
    theirs = np.concatenate([theirs, np.ones((len(theirs), 1), dtype=int)], axis=1)
    expected = smg.compute_all(write(ours, tmp_path / "a.mid"), write(theirs, tmp_path / "b.mid")).note_f1
    found = note_f1(plane(ours), plane(theirs), np.arange(5) * 48).f1
    assert found == pytest.approx(expected)
    assert 0.2 < expected < 0.95


@pytest.mark.parametrize("seed", range(4))
def test_overlap_area_is_that_of_smg_metrics(seed: int, tmp_path: Path) -> None:
    smg = quietly("smg_metrics.distribution")
    ours, theirs = draw(seed), draw(seed + 50, 40)
    expected = smg.compute_all(write(ours, tmp_path / "a.mid"), write(theirs, tmp_path / "b.mid")).pd
    assert overlap_area(ours[:, 1], theirs[:, 1]) == pytest.approx(expected)
    assert 0.5 < expected < 1


@pytest.mark.parametrize("seed", range(3))
def test_notes_in_a_scale_are_those_of_muspy(seed: int) -> None:
    muspy = quietly("muspy")
    from arranger.evaluation.metrics_context import in_key_share

    notes = draw(seed)
    context = np.zeros((128, 48 * 4), dtype=bool)
    for degree in (*MAJOR_SCALE, 0, 0, 7, 4):  # C major beyond doubt
        context[60 + degree, : 40 if degree in (0, 4, 7) else 10] = True
    track = muspy.Track(notes=[muspy.Note(time=int(at), pitch=int(pitch), duration=1) for at, pitch, _ in notes])
    music = muspy.Music(resolution=4, tracks=[track])
    assert in_key_share(plane(notes), context) == pytest.approx(muspy.pitch_in_scale_rate(music, 0, "major"))
