"""HAR on what is known: tones and chords by arithmetic, and PESTO and Chordino on rendered songs where they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audio_ext.errors import AudioError
from audio_ext.latent.metrics import chords as chords_module
from audio_ext.latent.metrics import har as har_module
from audio_ext.latent.metrics import pitch as pitch_module
from audio_ext.latent.metrics.chords import Chord, chords, missing_chords, sounding_tones, tones_of
from audio_ext.latent.metrics.har import gated, har, match, missing_har
from audio_ext.latent.metrics.pitch import STEP, Pitches, missing_pitch, pitches
from audio_ext.latent.windows import RATE, Windows

C, F = frozenset({0, 4, 7}), frozenset({5, 9, 0})


def tone(*pitches_: float, seconds: float = 3.0, level: float = 0.2) -> np.ndarray:
    """Notes with eight overtones, as a plucked string has them."""
    at = np.arange(round(seconds * RATE)) / RATE
    hertz = [440 * 2 ** ((pitch - 69) / 12) for pitch in pitches_]
    waves = [np.sin(2 * np.pi * f * n * at) / n for f in hertz for n in range(1, 9) if f * n < RATE / 2]
    return (level * np.sum(waves, axis=0)).astype(np.float32)


@pytest.mark.parametrize(
    ("label", "tones"),
    [
        ("C", {0, 4, 7}),
        ("F#m", {6, 9, 1}),
        ("Bb7", {10, 2, 5, 8}),
        ("Am7b5", {9, 0, 3, 7}),
        ("Cb", {11, 3, 6}),
        ("Emaj7", {4, 8, 11, 3}),
        ("C/Bb", {0, 4, 7, 10}),
        ("N", set()),
    ],
)
def test_tones_of_chords(label: str, tones: set[int]) -> None:
    assert tones_of(label) == tones


@pytest.mark.parametrize("label", ["", "H", "Csus", "C/", "n"])
def test_what_is_no_chord(label: str) -> None:
    with pytest.raises(ValueError, match="no chord"):
        tones_of(label)


def test_chords_sound_from_their_start_to_their_end() -> None:
    found = (Chord(0.0, 1.0, "N", frozenset()), Chord(1.0, 2.0, "C", C), Chord(2.0, 3.0, "F", F))
    table = sounding_tones(found, np.array([0.5, 1.0, 1.99, 2.0, 3.0]))
    assert [frozenset(np.flatnonzero(row)) for row in table] == [frozenset(), C, C, F, frozenset()]
    assert not sounding_tones((), np.array([0.0, 1.0])).any()


def line(*midi: float, confidence: float = 0.9) -> Pitches:
    """Each pitch for a second."""
    held = np.repeat(np.array(midi, float), round(1 / STEP))
    return Pitches(held, np.full(len(held), confidence))


def test_the_ratio_counts_confident_pitches_under_chords() -> None:
    harmony = (Chord(0.0, 1.0, "N", frozenset()), Chord(1.0, 4.0, "C", C))
    # Under no chord; a third of C; not of C; a fifth, a quarter tone off but nearest to it.
    found = match(line(36, 40, 41, 43.4), harmony)
    assert found.value == pytest.approx(2 / 3, abs=0.02)
    assert found.counted == pytest.approx(0.75, abs=0.02)
    unsure = match(Pitches(line(36, 40, 41, 43).midi, np.repeat([0.9, 0.9, 0.75, 0.9], 100)), harmony)
    assert unsure.value == 1.0  # 0.75 is not above 0.75
    assert unsure.counted == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("confidence", [0.0, 0.75])
def test_nothing_to_count_is_no_zero(confidence: float) -> None:
    found = match(line(40, 40, confidence=confidence), (Chord(0.0, 2.0, "C", C),))
    assert np.isnan(found.value)
    assert found.counted == 0
    assert np.isnan(match(line(40, 40), (Chord(0.0, 2.0, "N", frozenset()),)).value)


def test_the_gate_zeroes_what_is_soft_and_leaves_the_rest() -> None:
    loud = np.full(RATE, 10 ** (-34 / 20), np.float32)
    assert np.array_equal(gated(loud), loud)
    assert not gated(loud * np.float32(10 ** (-2 / 20))).any()
    both = np.concatenate([loud, np.full(2 * RATE, 1e-3, np.float32)])
    kept = gated(both)
    assert np.array_equal(kept[: RATE - 3200], loud[: RATE - 3200])
    assert not kept[RATE + 3200 :].any()
    assert gated(np.zeros(0, np.float32)).size == 0


def test_what_is_missing_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pitch_module, "find_spec", lambda name: None)
    problem = missing_pitch()
    assert problem is not None
    assert "pip install" in problem
    pitch_module._model.cache_clear()
    with pytest.raises(AudioError, match="pesto-pitch") as caught:
        pitches(tone(40))
    assert "pip install --no-deps pesto-pitch" in str(caught.value)
    monkeypatch.setattr(chords_module, "find_spec", lambda name: None)
    with pytest.raises(AudioError, match="vamp") as caught:
        chords(tone(60, 64, 67))
    assert "autochord" in str(caught.value)
    monkeypatch.setattr(har_module, "missing_pitch", lambda: None)
    assert "vamp" in str(missing_har())


needs_pesto = pytest.mark.skipif(missing_pitch() is not None, reason="PESTO is not installed")
needs_chordino = pytest.mark.skipif(missing_chords() is not None, reason="Chordino is not installed")


@needs_pesto
def test_pesto_hears_a_bass_at_any_level() -> None:
    loaded = "torchaudio" in sys.modules
    for level in (0.2, 0.002):
        found = pitches(tone(40, level=level, seconds=1.5))
        assert np.median(found.midi) == pytest.approx(40, abs=0.3)
        assert np.median(found.confidence) > 0.75
    assert ("torchaudio" in sys.modules) == loaded
    assert not pitches(np.zeros(RATE, np.float32)).confidence.any()


@needs_chordino
def test_chordino_hears_chords_one_after_another() -> None:
    before = os.environ.get(chords_module.VARIABLE)
    wave = np.concatenate([tone(60, 64, 67), tone(65, 69, 72)])
    found = chords(wave)
    at = np.array([1.5, 4.5])
    assert [frozenset(np.flatnonzero(row)) for row in sounding_tones(found, at)] == [C, F]
    assert found[0].start == 0
    assert found[-1].end == pytest.approx(6.0)
    assert os.environ.get(chords_module.VARIABLE) == before
    assert chords(np.zeros(RATE, np.float32)) == (Chord(0.0, 1.0, "N", frozenset()),)


@needs_pesto
@needs_chordino
def test_a_bass_that_fits_and_one_that_does_not() -> None:
    other = np.concatenate([tone(60, 64, 67), tone(65, 69, 72)])
    right, wrong = np.concatenate([tone(36), tone(41)]), np.concatenate([tone(37), tone(42)])
    assert har(right, other).value > 0.85
    assert har(wrong, other).value < 0.1
    assert np.isnan(har(right * np.float32(1e-3), other).value)  # below the gate


@needs_pesto
@needs_chordino
def test_true_songs_are_told_from_strange_ones(data_pack: Callable[[str], Path]) -> None:
    folder = data_pack("val").parent / "windows" / "val"
    if not folder.is_dir():
        pytest.skip("there are no windows of it")
    chosen, songs = [], set()
    for window in Windows(folder):
        if window.facts.song not in songs and len(window.heard) == 4 and len(chosen) < 3:
            songs.add(window.facts.song)
            chosen.append(window)
    lines = [pitches(gated(window.stem("bass"))) for window in chosen]
    beside = [chords(gated(window.stem("guitar") + window.stem("other"))) for window in chosen]
    table = np.array([[match(bass, harmony).value for harmony in beside] for bass in lines])
    assert np.nanmean(np.diag(table)) > np.nanmean(table[~np.eye(3, dtype=bool)]) + 0.1
