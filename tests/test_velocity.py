"""Velocities: what players do, a steady seed, and a band that gets louder together."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from arranger.song import Note, Song, TimeSignature, Track
from arranger.velocity import EVEN, LOUDEST, SOFTEST, bar_loudness, evenly, steady, with_velocities

TPQ = 480
KICK, SNARE, HAT = 36, 38, 42


def empty(bars: int, numerator: int = 4, denominator: int = 4) -> Song:
    length = bars * 4 * TPQ * numerator // denominator
    return Song(TPQ, (), time_signatures=(TimeSignature(0, numerator, denominator),), length=length)


def rock(bars: int) -> list[Note]:
    """Eighth-note rock with a ghost note a sixteenth after the backbeat on two."""
    notes = []
    for at in range(0, bars * 4 * TPQ, 4 * TPQ):
        notes += [Note(at + step * TPQ // 2, 100, HAT) for step in range(8)]
        notes += [Note(at, 100, KICK), Note(at + 2 * TPQ, 100, KICK)]
        notes += [Note(at + beat * TPQ, 100, SNARE) for beat in (1, 3)] + [Note(at + 5 * TPQ // 4, 100, SNARE)]
    return sorted(notes)


def velocities(notes: tuple[Note, ...], pitch: int, where: Callable[[int], bool]) -> list[int]:
    return [note.velocity for note in notes if note.pitch == pitch and where(note.start % (4 * TPQ))]


def test_the_backbeat_is_loud_the_ghost_soft_and_the_hat_swings_with_the_beat() -> None:
    takes = [with_velocities(rock(8), "drums", empty(8), seed) for seed in range(13)]
    played = tuple(note for take in takes for note in take)
    backbeat = velocities(played, SNARE, lambda tick: tick % TPQ == 0)
    ghost = velocities(played, SNARE, lambda tick: tick % TPQ != 0)
    assert np.mean(backbeat) > np.mean(ghost) + 25
    clear = 0  # in nearly every take, not only over all
    for take in takes:
        on = velocities(take, SNARE, lambda t: t % TPQ == 0)
        off = velocities(take, SNARE, lambda t: t % TPQ != 0)
        assert np.mean(on) > np.mean(off)
        clear += np.mean(on) > np.mean(off) + 10
    assert clear >= 11
    on, off = velocities(played, HAT, lambda t: t % TPQ == 0), velocities(played, HAT, lambda t: t % TPQ == TPQ // 2)
    assert np.mean(on) > np.mean(off) + 5


def test_a_player_keeps_accents_from_bar_to_bar() -> None:
    def table(seed: int) -> np.ndarray:
        hats = velocities(with_velocities(rock(32), "drums", empty(32), seed), HAT, lambda tick: True)
        return np.array(hats, dtype=float).reshape(32, 8)

    within = [np.corrcoef(t[:16].mean(axis=0), t[16:].mean(axis=0))[0, 1] for t in map(table, range(8))]
    assert np.mean(within) > 0.8
    # Takes are players: their levels differ more than the halves of one take do.
    levels = np.array([[table(seed)[:16].mean(), table(seed)[16:].mean()] for seed in range(8)])
    assert levels.mean(axis=1).std() > 2 * np.abs(levels[:, 0] - levels[:, 1]).mean()


def test_the_kick_is_brought_to_the_band_and_keeps_its_order() -> None:
    plain, curved = (with_velocities(rock(8), "drums", empty(8), 1, balanced=b) for b in (False, True))
    for soft, loud in zip(plain, curved, strict=True):
        expected = 127 * (soft.velocity / 127) ** 0.5 if soft.pitch == KICK else soft.velocity
        assert abs(loud.velocity - expected) <= 2.5


@pytest.mark.parametrize("part", ["drums", "bass", "guitar"])
def test_only_velocity_changes_and_it_is_never_one_value(part: str) -> None:
    notes = [replace(note, string=2, fret=3) for note in rock(4)]
    played = with_velocities(notes, part, empty(4), seed=3)
    assert tuple(replace(note, velocity=80) for note in played) == tuple(notes)
    values = {note.velocity for note in played}
    assert len(values) >= 5
    assert min(values) >= SOFTEST
    assert max(values) <= LOUDEST


def test_a_seed_is_a_hand() -> None:
    notes, song = rock(8), empty(8)
    assert with_velocities(notes, "bass", song, 1) == with_velocities(notes, "bass", song, 1)
    assert with_velocities(notes, "bass", song, 1) != with_velocities(notes, "bass", song, 2)


def test_the_part_follows_the_band() -> None:
    def band(level: Callable[[int], int]) -> Song:
        notes = tuple(Note(bar * 4 * TPQ, 4 * TPQ, 60, level(bar)) for bar in range(8))
        return empty(8).with_tracks([Track("Piano", 0, False, notes)])

    line = [Note(at, 200, 40) for at in range(0, 32 * TPQ, TPQ // 2)]
    for part in ("drums", "bass", "guitar"):
        played = with_velocities(line, part, band(lambda bar: 50 if bar < 4 else 100), seed=0)
        soft, loud = (np.mean([n.velocity for n in run]) for run in (played[:32], played[32:]))
        assert 15 < loud - soft < 50, part
        # How loud the whole song is recorded is no dynamics.
        low = with_velocities(line, part, band(lambda bar: 30), seed=0)
        assert low == with_velocities(line, part, band(lambda bar: 120), seed=0)


def test_loudness_is_the_mean_of_tracks_not_of_notes() -> None:
    # Two bars; the shaker has many soft notes in both, the singer enters loudly in the second.
    shaker = Track("Shaker", 0, True, tuple(Note(at, 60, 70, 40) for at in range(0, 8 * TPQ, TPQ // 4)))
    singer = Track("Voice", 53, False, (Note(4 * TPQ, TPQ, 60, 100),))
    first, second = bar_loudness(empty(2).with_tracks([shaker, singer]))
    # Bars are 40 and (40 + 100) / 2 = 70 loud, 55 on average.
    assert (first, second) == pytest.approx((-0.7 * 15, 0.7 * 15))
    assert not bar_loudness(empty(2)).any()


def test_loud_bars_stay_in_range() -> None:
    notes = tuple(Note(bar * 4 * TPQ, TPQ, 60, 127 if bar else 1) for bar in range(2))
    song = empty(2).with_tracks([Track("Piano", 0, False, notes)])
    values = [note.velocity for note in with_velocities(rock(2), "drums", song, 0)]
    assert min(values) >= SOFTEST
    assert max(values) <= LOUDEST


def test_without_human_feel_everything_is_as_loud() -> None:
    plain = evenly(rock(2))
    assert {note.velocity for note in plain} == {EVEN}
    assert [replace(note, velocity=80) for note in plain] == rock(2)


def test_the_strings_of_a_stroke_are_alike() -> None:
    chords = [Note(at, 100, pitch) for at in range(0, 64 * TPQ, TPQ) for pitch in (40, 47, 52)]
    takes = [with_velocities(chords, "guitar", empty(16), seed) for seed in range(6)]
    table = np.array([note.velocity for take in takes for note in take]).reshape(-1, 3)
    assert table.std(axis=1).mean() < table.mean(axis=1).std()


def test_no_notes_and_no_such_part() -> None:
    assert with_velocities([], "bass", empty(1), 0) == ()
    with pytest.raises(ValueError, match="part must be one of"):
        with_velocities(rock(1), "other", empty(1), 0)


def test_agrees_with_drummers_that_it_has_not_heard(data_pack: Callable[[str], Path]) -> None:
    index = next(data_pack("groove").rglob("info.csv"))
    with index.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "test"]
    beats = [row for row in rows if row["beat_type"] == "beat" and row["time_signature"] == "4-4"]
    agreement = {KICK: [], SNARE: [], HAT: []}  # type: dict[int, list[float]]
    for row in beats[::4]:
        if not row["session"].endswith("eval_session"):
            continue
        ours, theirs = _ours_and_theirs(index.parent / row["midi_filename"])
        for pitch, found in agreement.items():
            chosen = [(our, their.velocity) for our, their in zip(ours, theirs, strict=True) if their.pitch == pitch]
            if len(chosen) >= 30:
                found.append(float(np.corrcoef(np.array(chosen).T)[0, 1]))
    means = {pitch: float(np.nanmean(found)) for pitch, found in agreement.items()}
    for pitch, least in ((SNARE, 0.35), (HAT, 0.2), (KICK, 0.2)):
        assert means[pitch] > least, means


def _ours_and_theirs(path: Path) -> tuple[list[float], list[Note]]:
    """Mean velocity of each stroke over a few of our players, and the drummer's strokes."""
    file = mido.MidiFile(path)
    keys = {22: HAT, 26: 46, 40: SNARE}
    now, notes = 0, []
    for message in mido.merge_tracks(file.tracks):
        now += message.time
        if message.type == "note_on" and message.velocity:
            notes.append(Note(now, 60, keys.get(message.note, message.note), message.velocity))
    notes.sort()
    song = Song(file.ticks_per_beat, (), length=now)
    takes = [with_velocities(notes, "drums", song, seed) for seed in range(4)]
    return [float(np.mean([note.velocity for note in several])) for several in zip(*takes, strict=True)], notes


def test_a_tab_has_one_dynamic_for_a_bar_and_accents_apart() -> None:
    loud = [80, 85, 78, 83, 110, 82] + [50, 52, 49, 51, 53, 50] * 3
    notes = tuple(Note(1920 * (k // 6) + 240 * (k % 6), 200, 40, v) for k, v in enumerate(loud))
    song = Song(480, (Track("Bass", 33, False, notes),), length=4 * 1920)
    steadied = [note.velocity for note in steady(notes, song)]
    # 79 is mf, 47 is p; the first bar hears the second, which is softer, but keeps the accent.
    assert steadied[4] == 110
    assert {steadied[k] for k in (12, 13, 14, 15, 16, 17)} == {47}
    assert len(set(steadied[6:])) == 1
    assert [replace(note, velocity=0) for note in steady(notes, song)] == [replace(n, velocity=0) for n in notes]
