"""The contract of a fill: what was asked, nothing else, the same again for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import arranger
from arranger import filler
from arranger.diffusion.layout import TARGET_PLANES
from arranger.diffusion.runtime import Model
from arranger.errors import FillRequestError
from arranger.parts import detect_parts, tracks_of
from arranger.playable import playability_errors
from arranger.song import Note, Song, TimeSignature, Track

EXAMPLES = Path(__file__).parents[1] / "examples"
WALTZ = arranger.load_song(EXAMPLES / "three-four.mid")  # piano, bass, drums in 3/4
BARS = (4, 12)


def without_model(monkeypatch: pytest.MonkeyPatch, logit: float | Callable[[np.ndarray], np.ndarray]) -> None:
    """A denoiser that thinks the same of every cell, so that a fill costs milliseconds."""

    def denoise(noisy: np.ndarray, given: np.ndarray, features: np.ndarray, place: np.ndarray) -> np.ndarray:
        return logit(noisy) if callable(logit) else np.full(noisy.shape, logit, dtype=np.float32)

    model = Model(denoise, 64, np.full(TARGET_PLANES, 0.02), "toy")
    monkeypatch.setattr(filler, "shipped_model", lambda path=None: model)


def test_a_fill_stays_inside_its_bars_and_is_playable() -> None:
    fills = arranger.fill(WALTZ, ["guitar"], BARS, takes=3, seed=1)
    first, last = WALTZ.bars[BARS[0]].start, WALTZ.bars[BARS[1] - 1].end
    for one in fills:
        notes = one.notes("guitar")
        assert notes
        assert all(first <= note.start and note.end <= last for note in notes)
        assert playability_errors(notes, "guitar", WALTZ.ticks_per_quarter, one.parts[0].tuning) == ()
        assert all(note.string and note.fret is not None for note in notes)
        assert len({note.velocity for note in notes}) > 1
    assert [one.score for one in fills] == sorted((one.score for one in fills), reverse=True)


def test_the_song_is_not_touched() -> None:
    before = replace(WALTZ)
    best = arranger.fill(WALTZ, ["guitar"], BARS, takes=1)[0]
    filled = arranger.apply_fill(WALTZ, best)
    assert before == WALTZ
    assert len(filled.tracks) == len(WALTZ.tracks) + 1
    assert all(new is old for new, old in zip(filled.tracks, WALTZ.tracks, strict=False))


def test_a_take_depends_on_its_seed_and_number_alone() -> None:
    by_take = [
        {one.take: one.parts for one in arranger.fill(WALTZ, ["guitar"], BARS, takes=takes, seed=5)}
        for takes in (3, 2, 3)
    ]
    shared = set(by_take[0]) & set(by_take[1])
    assert shared
    assert all(by_take[0][take] == by_take[1][take] for take in shared)
    assert by_take[0] == by_take[2]
    other = arranger.fill(WALTZ, ["guitar"], BARS, takes=1, seed=6)[0]
    assert all(other.parts != parts for parts in by_take[0].values())


def test_two_parts_are_one_fill() -> None:
    alone = WALTZ.with_tracks(t for t in WALTZ.tracks if not t.is_drum)
    best = arranger.fill(alone, ["guitar", "drums"], BARS, takes=1)[0]
    assert [filled.part for filled in best.parts] == ["drums", "guitar"]
    added = arranger.apply_fill(alone, best).tracks[-2:]
    assert added[0].is_drum
    assert added[0].channel == 9
    assert 24 <= added[1].program < 32


def test_what_was_there_is_kept_when_a_track_is_added() -> None:
    best = arranger.fill(WALTZ, ["bass"], BARS, takes=1, mode="add")[0]
    filled = arranger.apply_fill(WALTZ, best)
    assert filled.tracks[: len(WALTZ.tracks)] == WALTZ.tracks
    assert filled.tracks[-1].name == "Bass 2"
    assert tracks_of(detect_parts(filled), filled, "bass")[-1] == len(WALTZ.tracks)


def test_replacing_takes_notes_out_of_the_asked_bars_only() -> None:
    (bass,) = tracks_of(detect_parts(WALTZ), WALTZ, "bass")
    best = arranger.fill(WALTZ, ["bass"], BARS, takes=1, mode="replace")[0]
    filled = arranger.apply_fill(WALTZ, best)
    assert len(filled.tracks) == len(WALTZ.tracks)
    first, last = WALTZ.bars[BARS[0]].start, WALTZ.bars[BARS[1] - 1].end

    def outside(track: Track) -> list[Note]:
        return [note for note in track.notes if not first <= note.start < last]

    assert outside(filled.tracks[bass]) == outside(WALTZ.tracks[bass])
    inside = [note for note in filled.tracks[bass].notes if first <= note.start < last]
    assert inside == list(best.notes("bass"))


def test_the_fill_rests_where_the_band_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    without_model(monkeypatch, 6.0)  # wants to play everything everywhere
    start, stop = WALTZ.bars[6].start, WALTZ.bars[7].end
    silent = WALTZ.with_tracks(
        replace(t, notes=tuple(n for n in t.notes if n.end <= start or n.start >= stop)) for t in WALTZ.tracks
    )
    notes = arranger.fill(silent, ["guitar"], BARS, takes=1)[0].notes("guitar")
    assert not [note for note in notes if start <= note.start < stop]
    assert [note for note in notes if note.start < start]


def test_a_silent_model_is_replaced_by_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    without_model(monkeypatch, -60.0)
    (best,) = arranger.fill(WALTZ, ["guitar"], BARS, takes=4)
    assert best.source == "rule"
    assert best.notes("guitar")


def test_density_far_from_what_the_model_expects_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def uneven(noisy: np.ndarray) -> np.ndarray:
        """At full noise 2 %, later nothing for the first window of a batch, which is take 0."""
        nonlocal calls
        calls += 1
        logits = np.full(noisy.shape, -3.9, dtype=np.float32)
        if calls > 1:
            logits[0] = -60.0
            logits[1:] = np.where(np.arange(TARGET_PLANES) % 50 == 0, 5.0, -60.0)
        return logits

    without_model(monkeypatch, uneven)
    fills = arranger.fill(WALTZ, ["guitar"], BARS, takes=2)
    assert [one.take for one in fills] == [1]


def test_requests_that_cannot_be_met() -> None:
    def asked(*args: object, **kwargs: object) -> str:
        with pytest.raises(FillRequestError) as caught:
            arranger.fill(*args, **kwargs)  # type: ignore[arg-type]
        return str(caught.value)

    assert "--replace" in asked(WALTZ, ["bass"])
    assert "drums, bass, guitar" in asked(WALTZ, ["cello"])
    assert "No part" in asked(WALTZ, [])
    assert "1-24" in asked(WALTZ, ["guitar"], (0, 25))
    assert "1 to 64" in asked(WALTZ, ["guitar"], takes=65)
    only_bass = WALTZ.with_tracks(t for t in WALTZ.tracks if t.program in range(32, 40) and not t.is_drum)
    assert "Nothing else" in asked(only_bass, ["bass"], mode="replace")


@pytest.mark.parametrize("metre", [(5, 4), (7, 8), (12, 8), (2, 2)])
def test_any_metre(monkeypatch: pytest.MonkeyPatch, metre: tuple[int, int]) -> None:
    without_model(monkeypatch, -2.0)
    bar = 4 * 96 * metre[0] // metre[1]
    piano = Track("Piano", 0, False, tuple(Note(k * 48, 48, 60 + k % 7) for k in range(8 * bar // 48)))
    song = Song(96, (piano,), time_signatures=(TimeSignature(0, *metre),))
    assert {b.length for b in song.bars} == {bar}
    notes = arranger.fill(song, ["drums"], takes=1)[0].notes("drums")
    assert notes
    assert max(note.end for note in notes) <= song.bars[-1].end


def test_val_songs_get_bass_and_drums(data_pack: Callable[[str], Path]) -> None:
    paths = sorted(data_pack("val").rglob("*.mid"))[40:280:80]
    for path in paths:
        song = arranger.load_song(path)
        keep = song.with_tracks(song.tracks[r.track] for r in detect_parts(song) if r.role in ("guitar", "other"))
        if not any(track.notes for track in keep.tracks):
            continue
        best = arranger.fill(keep, ["drums", "bass"], (0, min(16, len(keep.bars))), takes=1)[0]
        for filled in best.parts:
            assert filled.notes
            assert playability_errors(filled.notes, filled.part, keep.ticks_per_quarter, filled.tuning) == ()
