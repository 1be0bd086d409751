"""Adherence and recognisers: known onsets and notes, true rendered stems, and features that tell what they should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audio_ext.latent.metrics.adherence import (
    RANGES,
    adherence,
    can_judge,
    heard_notes,
    match_notes,
    match_onsets,
)
from audio_ext.latent.metrics.onsets import drum_onsets, merged
from audio_ext.latent.metrics.recognisers import accuracy, features, train_recogniser
from audio_ext.latent.windows import RATE, Facts

pytest.importorskip("mir_eval")
HITS = np.array([0.30, 0.62, 0.95, 1.2, 1.33, 2.0, 2.6])


def clicks(times: np.ndarray, seconds: float = 3.0, level: float = 0.3) -> np.ndarray:
    """Bursts of noise that die away within 60 ms."""
    rng = np.random.default_rng(0)
    out = rng.normal(0, 1e-4, round(seconds * RATE)).astype(np.float32)
    for time in times:
        begin = round(time * RATE)
        burst = rng.normal(0, level, RATE // 5) * np.exp(-np.arange(RATE // 5) / (0.015 * RATE))
        out[begin : begin + len(burst)] += burst[: len(out) - begin].astype(np.float32)
    return out


def test_hits_are_found_where_they_are() -> None:
    found = drum_onsets(clicks(HITS))
    assert len(found) == len(HITS)
    assert found == pytest.approx(HITS, abs=0.025)
    assert drum_onsets(clicks(HITS, level=0.003)) == pytest.approx(HITS, abs=0.025)  # whatever the level


def test_nothing_is_hit_in_silence_or_in_a_steady_tone() -> None:
    assert not len(drum_onsets(np.zeros(RATE, np.float32)))
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    found = drum_onsets(tone.astype(np.float32))
    assert not len(found[(found > 0.05) & (found < 1.95)])


def test_onsets_that_are_one_stroke_count_once() -> None:
    assert merged(np.array([1.0, 0.0, 0.02, 1.029, 1.031])) == pytest.approx([0.0, 1.0, 1.031])
    assert not len(merged(np.array([])))


def test_matching_by_hand() -> None:
    found = match_onsets(np.array([1.0, 2.0, 3.0]), np.array([1.04, 2.06, 3.0, 4.0]))
    assert (found.precision, found.recall) == (0.5, pytest.approx(2 / 3))
    assert found.f1 == pytest.approx(2 * 0.5 * (2 / 3) / (0.5 + 2 / 3))
    notes = match_notes(np.array([[1.0, 40], [2.0, 45]]), np.array([[1.04, 40.0], [2.0, 46.0]]))
    assert (notes.f1, notes.precision, notes.recall) == (0.5, 0.5, 0.5)
    # One onset can't be found twice.
    assert match_onsets(np.array([1.0]), np.array([1.0, 1.01])).precision == 0.5


def test_nothing_asked_and_nothing_heard_says_nothing() -> None:
    nothing = np.empty((0, 2))
    assert np.isnan(match_notes(nothing, nothing).f1)
    assert match_notes(np.array([[1.0, 40.0]]), nothing).f1 == 0
    assert np.isnan(match_onsets(np.empty(0), np.empty(0)).f1)
    assert match_onsets(np.empty(0), np.array([1.0])).f1 == 0


def test_drums_adhere_to_their_own_notes_alone() -> None:
    notes = [(time, time + 0.1, 38, 100) for time in HITS]
    assert adherence(clicks(HITS), notes, "drums").f1 == 1.0
    assert adherence(clicks(HITS + 0.11), notes, "drums").f1 < 0.4
    # Notes before the window and beyond its end are nobody's to play.
    assert adherence(clicks(HITS), [*notes, (-0.2, 0.4, 38, 100), (3.2, 3.3, 38, 100)], "drums").f1 == 1.0


@pytest.mark.parametrize("part", ["bass", "guitar"])
def test_notes_are_heard_with_their_pitch(part: str) -> None:
    if not can_judge(part):
        pytest.skip("basic-pitch is not installed")
    pytest.importorskip("scipy")
    from audio_ext.latent.metrics.guides import guide_stem
    from audio_ext.soundfonts import carried_soundfont

    if carried_soundfont() is None:
        pytest.skip("there is no SoundFont")
    low = {"bass": 36, "guitar": 52}[part]
    notes = [(0.1 + 0.4 * at, 0.45 + 0.4 * at, low + step, 100) for at, step in enumerate((0, 7, 5, 3, 10, 12, 7))]
    facts = Facts("made", notes={part: tuple(notes)}, programs={part: {"bass": 33, "guitar": 25}[part]})
    stem = guide_stem(facts, part, 3 * RATE)
    assert adherence(stem, notes, part).f1 > 0.8
    assert adherence(0.02 * stem, notes, part).f1 > 0.8  # whatever the level
    up = [(start, end, pitch + 1, velocity) for start, end, pitch, velocity in notes]
    assert adherence(stem, up, part).f1 < 0.3
    late = [(start + 0.15, end, pitch, velocity) for start, end, pitch, velocity in notes]
    assert adherence(stem, late, part).f1 < 0.4
    assert not len(heard_notes(np.zeros(RATE, np.float32), RANGES[part]))


def test_guides_play_on_time_with_another_sound() -> None:
    from audio_ext.latent.metrics.guides import guide_stem
    from audio_ext.latent.windows import level_db
    from audio_ext.soundfonts import carried_soundfont

    pytest.importorskip("scipy")
    if carried_soundfont() is None:
        pytest.skip("there is no SoundFont")
    notes = {"drums": tuple((time, time + 0.1, 38, 60) for time in HITS)}
    one, other = (guide_stem(Facts("a", notes=notes, programs={"drums": kit}), "drums", 3 * RATE) for kit in (0, 8))
    assert one.shape == (3 * RATE,)
    assert level_db(one) == pytest.approx(-24, abs=0.1)
    assert drum_onsets(one) == pytest.approx(HITS, abs=0.03)
    assert np.abs(one - other).max() > 0.01
    assert not guide_stem(Facts("a"), "drums", RATE).any()


def mels_of(waves: np.ndarray) -> np.ndarray:
    torch = pytest.importorskip("torch")
    from audio_ext.latent.mel import log_mel

    return np.asarray(log_mel(torch.from_numpy(waves)).numpy())


def test_features_are_of_what_was_added() -> None:
    rng = np.random.default_rng(1)
    under = 0.02 * rng.normal(size=(2, 2 * RATE)).astype(np.float32)
    stem = clicks(np.arange(0.1, 1.9, 0.2), 2.0)[None].repeat(2, axis=0)
    one = features(mels_of(under + stem), mels_of(under))
    assert np.isfinite(one).all()
    # Another submix, or a softer stem: nearly the same; no stem: nothing like it.
    assert np.abs(one[0] - one[1]).mean() < 0.15
    nothing = features(mels_of(under), mels_of(under))
    assert np.isfinite(nothing).all()
    assert np.abs(nothing - one).mean() > 0.5


def test_a_recogniser_learns_and_says_when_it_can_not() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(2)
    table = rng.normal(size=(90, 20)).astype(np.float32)
    names = ["drums", "bass", "guitar"] * 30
    table[::3, 0] += 4
    table[1::3, 1] += 4
    recogniser = train_recogniser(table[:60], names[:60])
    assert recogniser is not None
    assert recogniser.names == ("bass", "drums", "guitar")
    assert accuracy(recogniser, table[60:], names[60:])[1] > 0.8
    shares = recogniser.share_of(table[60:63], ["drums", "piano", "guitar"])
    assert shares[0] > 1 / 3
    assert np.isnan(shares[1])
    # Labels that mean nothing are guessed.
    guessing = train_recogniser(table[:60], list(rng.permutation(names[:60])))
    assert guessing is not None
    assert accuracy(guessing, table[60:], names[60:])[1] < 0.65
    assert train_recogniser(table, ["drums"] * 90) is None


def test_true_stems_adhere_and_others_do_not(data_pack: Callable[[str], Path]) -> None:
    """Rendered songs of the data pack: their own notes agree, those of another song don't."""
    from audio_ext.latent.windows import Windows

    folder = data_pack("val").parent / "windows" / "val"
    if not folder.is_dir():
        pytest.skip("there are no rendered windows")
    windows = Windows(folder)
    chosen = [one for at in range(0, len(windows), max(1, len(windows) // 9)) if "drums" in (one := windows[at]).heard][
        :8
    ]
    stems = [one.stem("drums")[:81_920] for one in chosen]
    own = [adherence(stem, one.facts.notes["drums"], "drums").f1 for stem, one in zip(stems, chosen, strict=True)]
    turned = [*chosen[1:], chosen[0]]
    other = [adherence(stem, one.facts.notes["drums"], "drums").f1 for stem, one in zip(stems, turned, strict=True)]
    assert np.nanmean(own) > 0.85
    assert np.nanmean(other) < 0.6
