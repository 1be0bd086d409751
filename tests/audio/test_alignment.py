"""A song in a recording of it: known places and paces found, other music refused, recordings of every kind read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("soundfile")
pytest.importorskip("pyloudnorm")

import soundfile
from additive import RATE, played, tune

from arranger.clock import clock_of
from arranger.song import Note, Song, Tempo, Track
from audio_ext.alignment import Offset, find_offset
from audio_ext.errors import AudioError
from audio_ext.overlay import BALANCE_DB, lay_over, loudness
from audio_ext.recordings import Recording, read_recording, resampled

CASES = [
    # seconds, drift, part that the recording lacks
    (-3.0, 0.0, "bass"),
    (-1.37, 0.005, "drums"),
    (0.0, -0.01, "guitar"),
    (0.8, 0.02, "bass"),
    (2.5, 0.0, "other"),
    (4.321, -0.02, "bass"),
    (6.0, 0.01, "drums"),
    (7.77, 0.0, "guitar"),
    (9.1, -0.005, "bass"),
    (10.0, 0.015, "drums"),
]


def noisy(sound: np.ndarray, seed: int, share: float = 0.3) -> np.ndarray:
    """With noise of so much of its own strength (0.3: 10 dB below)."""
    noise = np.random.default_rng(seed).normal(size=len(sound)).astype(np.float32)
    return sound + np.float32(share * sound.std()) * noise


def test_known_offsets_and_drifts_are_found() -> None:
    right = 0
    for seed, (late, drift, part) in enumerate(CASES):
        events = tune(seed)
        recording = noisy(played(events, timbre=1, stretch=1 + drift, without=part, late=late), seed)
        found = find_offset(played(events, without=part), recording, RATE)
        last = max(start for start, _, _, _ in events)
        errors = [abs(found.at(at) - (late + (1 + drift) * at)) for at in (0.0, last / 2, last)]
        right += max(errors) < 0.02 and found.check("demo.wav") is found
    assert right >= 9


def test_other_music_is_refused() -> None:
    refused = 0
    for seed in range(4):  # the same tempo, the same drums, other chords and another melody
        found = find_offset(played(tune(seed)), noisy(played(tune(seed + 50), timbre=1, late=1.0), seed), RATE)
        with pytest.raises(AudioError, match=r"demo\.wav: the song wasn't found in it for sure .* --offset"):
            found.check("demo.wav")
        refused += 1
    assert refused == 4


def test_noise_is_refused() -> None:
    noise = np.random.default_rng(0).normal(size=40 * RATE).astype(np.float32)
    with pytest.raises(AudioError, match="wasn't found"):
        find_offset(played(tune(1)), noise, RATE).check("x")


def test_an_excerpt_is_found_in_its_place() -> None:
    events = tune(3, bars=22)
    whole = played(events, timbre=1)
    found = find_offset(played(events), whole[12 * RATE : 36 * RATE], RATE).check("x")
    assert found.seconds == pytest.approx(-12.0, abs=0.02)


def test_the_recording_may_have_another_rate() -> None:
    events = tune(4)
    recording = resampled(played(events, timbre=1, late=1.5)[None], RATE, 22_050)[0]
    found = find_offset(played(events), recording, RATE, 22_050)
    assert found.seconds == pytest.approx(1.5, abs=0.02)
    assert abs(found.drift) < 2e-4


def test_a_tempo_that_jumps_is_refused() -> None:
    events = tune(5, bars=26)
    half = max(start for start, _, _, _ in events) / 2
    jumped = [(start + (0.35 if start > half else 0.0), length, pitch, part) for start, length, pitch, part in events]
    with pytest.raises(AudioError, match=r"not steady|wasn't found"):
        find_offset(played(events), played(jumped, timbre=1), RATE).check("x")


def test_every_refusal_names_the_way_out() -> None:
    for offset, words in (
        (Offset(1.0, 0.2), "confidence 20%, best guess 1.00 s"),
        (Offset(1.0, 0.9, 0.035), "3.5% slower than the song"),
        (Offset(1.0, 0.9, -0.035), "3.5% faster than the song"),
        (Offset(1.0, 0.9, 0.0, 0.1), "parts of the song are 100 ms off"),
    ):
        with pytest.raises(AudioError) as refusal:
            offset.check("demo.wav")
        assert words in str(refusal.value)
        assert "--offset" in str(refusal.value)
    for silent in (np.zeros(20 * RATE, np.float32), np.ones(RATE, np.float32)):
        with pytest.raises(AudioError, match=r"is silent|too short"):
            find_offset(played(tune(0)), silent, RATE)


def test_following_a_drift_moves_every_note_by_the_line() -> None:
    song = Song(480, (Track("a", 0, False, (Note(0, 1, 60),)),), tempos=(Tempo(0, 100.0), Tempo(4800, 140.0)))
    offset = Offset(2.0, drift=0.0123)
    ours, theirs = (clock_of(one.tempos, 480) for one in (song, offset.follow(song)))
    for tick in (0, 1000, 4800, 9000):
        assert 2.0 + theirs(tick) == pytest.approx(offset.at(ours(tick)), abs=1e-9)
    assert Offset(1.0).follow(song) is song


def sine(hz: float, seconds: float, rate: int, level: float = 0.1) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


class TestLayOver:
    def test_the_sum_to_the_sample(self) -> None:
        under, over = sine(300, 4, 44_100)[None], np.repeat(sine(700, 2, 44_100)[None], 2, axis=0)
        laid = lay_over(over, 44_100, Recording(under, 44_100), Offset(1.0), None)
        expected = np.repeat(under, 2, axis=0)
        expected[:, 44_100 : 3 * 44_100] += over
        assert np.array_equal(laid.frames, expected)
        assert laid.gain_db == 0.0
        assert not laid.notes

    def test_what_lies_before_is_cut_and_told(self) -> None:
        over = np.arange(44_100 * 2, dtype=np.float32)[None] * 1e-6
        laid = lay_over(over, 44_100, Recording(np.zeros((2, 44_100 * 3), np.float32), 44_100), Offset(-0.5), None)
        assert np.array_equal(laid.frames[0, : 44_100 * 3 // 2], over[0, 22_050:])
        assert not laid.frames[0, 44_100 * 3 // 2 :].any()
        assert any("begins 0.50 s before" in note for note in laid.notes)

    def test_a_longer_song_ends_with_the_recording(self) -> None:
        laid = lay_over(
            sine(500, 60, 8_000)[None], 8_000, Recording(sine(300, 5, 8_000)[None], 8_000), Offset(0.0), None
        )
        assert laid.frames.shape == (2, 8 * 8_000)
        assert abs(laid.frames[0, -1]) < 1e-6
        assert any("recording ends before the song" in note for note in laid.notes)

    def test_another_rate_keeps_time_and_pitch(self) -> None:
        under = Recording(sine(1000, 3, 48_000)[None], 48_000)
        laid = lay_over(np.zeros((1, 100), np.float32), 44_100, under, Offset(0.0), None)
        assert laid.frames.shape[1] == 3 * 44_100
        middle = slice(44_100, 2 * 44_100)
        assert np.abs(laid.frames[0, middle] - sine(1000, 3, 44_100)[middle]).max() < 1e-3

    def test_one_gain_for_both_where_it_would_clip(self) -> None:
        under, over = sine(300, 2, 8_000, 0.8)[None], sine(300, 2, 8_000, 0.8)[None]
        laid = lay_over(over, 8_000, Recording(under, 8_000), Offset(0.0), None)
        factor = 10 ** (laid.gain_db / 20)
        assert np.abs(laid.frames).max() == pytest.approx(0.98, abs=1e-3)
        assert np.allclose(laid.frames[0], factor * 2 * under[0], atol=1e-5)
        assert any("turned down by 4.3 dB" in note for note in laid.notes)

    def test_the_stem_takes_its_level_from_the_recording(self) -> None:
        for level in (0.3, 0.03):
            under, over = sine(1000, 5, 44_100, level)[None], sine(997, 5, 44_100, 0.5)[None]
            laid = lay_over(over, 44_100, Recording(under, 44_100), Offset(0.0))
            alone = laid.frames / 10 ** (laid.gain_db / 20) - np.repeat(under, 2, axis=0)
            heard = loudness(alone.astype(np.float32), 44_100)
            assert heard == pytest.approx(loudness(np.repeat(under, 2, axis=0), 44_100) + BALANCE_DB, abs=0.1)

    def test_a_soft_recording_is_told_of(self) -> None:
        for under in (np.zeros((1, 80_000), np.float32), sine(1000, 5, 16_000, 1e-3)[None]):
            laid = lay_over(sine(500, 5, 16_000)[None], 16_000, Recording(under, 16_000), Offset(0.0))
            assert any("very soft" in note for note in laid.notes)
            assert np.isfinite(laid.frames).all()

    def test_a_stem_outside_is_refused(self) -> None:
        for seconds in (-5.0, 4.5):
            with pytest.raises(AudioError, match=r"demo: the song would lie outside it .* --offset"):
                lay_over(
                    sine(500, 2, 8_000)[None], 8_000, Recording(sine(1, 4, 8_000)[None], 8_000, "demo"), Offset(seconds)
                )


class TestReading:
    @pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
    @pytest.mark.parametrize("channels", [1, 2])
    def test_kinds(self, tmp_path: Path, suffix: str, channels: int) -> None:
        sound = np.repeat(sine(440, 3, 44_100)[:, None], channels, axis=1)
        soundfile.write(tmp_path / f"a{suffix}", sound, 44_100)
        read = read_recording(tmp_path / f"a{suffix}")
        assert read.frames.shape[0] == channels
        assert read.seconds == pytest.approx(3.0, abs=0.1)
        peak = np.abs(np.fft.rfft(read.mono()[:44_100])).argmax()
        assert peak == 440

    def test_bad_files(self, tmp_path: Path) -> None:
        (tmp_path / "text.wav").write_text("RIFF but no sound")
        (tmp_path / "empty.wav").write_bytes(b"")
        soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 44_100)
        soundfile.write(tmp_path / "long.wav", np.zeros((50_000, 1)), 8_000)
        for name, words in (
            ("text.wav", "can't be read as audio"),
            ("empty.wav", "can't be read as audio"),
            ("none.wav", "no sound in it"),
            ("no.wav", "no such file"),
            ("long.wav", "longer than 0.1 minutes"),
            (".", "a folder"),
        ):
            with pytest.raises(AudioError, match=words):
                read_recording(tmp_path / name, max_seconds=6)

    def test_what_is_no_number_is_silence(self, tmp_path: Path) -> None:
        sound = np.full((1000, 1), np.nan, dtype=np.float32)
        soundfile.write(tmp_path / "nan.wav", sound, 8_000, subtype="FLOAT")
        assert not read_recording(tmp_path / "nan.wav").frames.any()
