"""Variations, takes that differ, and the memory of what was offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from arranger.errors import FillRequestError
from arranger.evaluation.metrics_notes import changed_outside
from arranger.files import load_song
from arranger.filler import DIFFERENT, fill
from arranger.fills import Fill, PartFill, apply_fill
from arranger.offered import differing, distance, offered, onsets_of, remember
from arranger.parts import detect_parts, tracks_of
from arranger.song import Note, Song
from arranger.variation import changed_share, vary

EXAMPLES = Path(__file__).parents[1] / "examples"
BARS = (4, 20)


@pytest.fixture(scope="module")
def boats() -> Song:
    return load_song(EXAMPLES / "paper-boats.gp5")


class TestVary:
    def test_strength_zero_is_the_part_itself(self, boats: Song) -> None:
        made = vary(boats, "bass", BARS, 0.0)[0]
        after = apply_fill(boats, made)
        assert [sorted(track.notes) for track in after.tracks] == [sorted(track.notes) for track in boats.tracks]
        assert changed_share(boats, made, "bass") == 0

    @pytest.mark.parametrize(("name", "part"), [("night-bus.mid", "drums"), ("paper-boats.gp5", "bass")])
    def test_more_strength_is_more_change(self, name: str, part: str) -> None:
        song = load_song(EXAMPLES / name)
        shares = [changed_share(song, vary(song, part, BARS, s, takes=1, seed=2)[0], part) for s in (0.1, 0.5, 1.0)]
        assert shares[0] <= shares[1] <= shares[2]
        assert shares[0] < 0.1
        assert shares[2] > shares[0]

    def test_nothing_else_changes(self, boats: Song) -> None:
        made = vary(boats, "bass", BARS, 0.6, takes=1)[0]
        assert changed_outside(boats, made) == 0
        after = apply_fill(boats, made)
        own = tracks_of(detect_parts(boats), boats, "bass")[0]
        assert len(after.tracks) == len(boats.tracks)
        assert all(after.tracks[i] is boats.tracks[i] for i in range(len(boats.tracks)) if i != own)

    def test_bars_that_come_back_keep_their_very_notes(self, boats: Song) -> None:
        made = vary(boats, "bass", BARS, 0.3, takes=1, seed=1)[0]
        own = tracks_of(detect_parts(boats), boats, "bass")[0]
        before = {n for n in boats.tracks[own].notes if made.holds(boats.bar_at(n.start))}
        struck = {(n.start, n.pitch) for n in before}
        kept = [n for n in made.notes("bass") if (n.start, n.pitch) in struck]
        assert kept
        velocity = {(n.start, n.pitch): n.velocity for n in before}
        assert all(n.velocity == velocity[n.start, n.pitch] for n in kept)

    def test_a_bar_of_rest_stays_one(self, boats: Song) -> None:
        own = tracks_of(detect_parts(boats), boats, "bass")[0]
        played = {boats.bar_at(n.start) for n in boats.tracks[own].notes}
        made = vary(boats, "bass", None, 0.7, takes=1)[0]
        assert {boats.bar_at(n.start) for n in made.notes("bass")} <= played

    @pytest.mark.parametrize(
        ("part", "strength", "words"),
        [("bass", 1.5, "strength"), ("bass", -0.1, "strength"), ("flute", 0.4, "no part")],
    )
    def test_what_cannot_be(self, boats: Song, part: str, strength: float, words: str) -> None:
        with pytest.raises(FillRequestError, match=words):
            vary(boats, part, BARS, strength)

    def test_a_missing_part_is_to_be_filled_first(self) -> None:
        with pytest.raises(FillRequestError, match="no bass to vary"):
            vary(load_song(EXAMPLES / "night-bus.mid"), "bass")


def take(number: int, score: float, *ticks: int) -> Fill:
    return Fill((PartFill("bass", tuple(Note(tick, 10, 40) for tick in ticks)),), (0, 1), 0, number, score)


class TestDiffering:
    def test_distance_is_one_minus_f1(self) -> None:
        one, other = (onsets_of(take(0, 1, *ticks), "bass") for ticks in ((0, 10, 20), (0, 10, 30, 40)))
        assert distance({"bass": one}, {"bass": other}) == pytest.approx(1 - 4 / 7)
        assert distance({"bass": one}, {"bass": one}) == 0

    def test_near_ones_are_left_out(self) -> None:
        first, same, far = take(0, 0.9, 0, 10, 20), take(1, 0.8, 0, 10, 20), take(2, 0.7, 5, 15, 25)
        kept = differing([first, same, far], [], 0.1)
        assert [(one.take, one.distance) for one in kept] == [(0, 1.0), (2, 1.0)]
        assert [one.take for one in differing([first, far], [{"bass": onsets_of(first, "bass")}], 0.1)] == [2]

    def test_takes_that_are_asked_to_differ_do(self) -> None:
        song = load_song(EXAMPLES / "night-bus.mid")
        takes = fill(song, ["bass"], (0, 16), takes=4, avoid=[])
        told = [{"bass": onsets_of(one, "bass")} for one in takes]
        assert len(takes) > 1
        assert all(distance(a, b) >= DIFFERENT for i, a in enumerate(told) for b in told[:i])

    def test_what_was_offered_is_not_offered_again(self) -> None:
        song = load_song(EXAMPLES / "night-bus.mid")
        first = fill(song, ["bass"], (0, 16), takes=1)[0]
        before = {"bass": onsets_of(first, "bass")}
        again = fill(song, ["bass"], (0, 16), takes=1, avoid=[before])[0]
        assert distance(before, {"bass": onsets_of(again, "bass")}) >= DIFFERENT


class TestMemory:
    def test_offers_come_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boats: Song) -> None:
        monkeypatch.setenv("ARRANGER_STATE", str(tmp_path))
        assert offered(boats, ["bass"]) == []
        assert remember(boats, [take(0, 1, 0, 10)])
        assert offered(boats, ["bass"]) == [{"bass": frozenset({(0, 40), (10, 40)})}]
        assert offered(boats, ["drums"]) == []
        assert remember(boats, [take(1, 1, 5)])
        assert len(offered(boats, ["bass"])) == 2

    def test_a_broken_or_unwritable_memory_is_no_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boats: Song
    ) -> None:
        monkeypatch.setenv("ARRANGER_STATE", str(tmp_path))
        remember(boats, [take(0, 1, 0)])
        (file,) = (tmp_path / "offered").iterdir()
        file.write_text('{"offers": [{"onsets": 3}]}')
        assert offered(boats, ["bass"]) == []
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("ARRANGER_STATE", str(tmp_path / "file"))
        assert not remember(boats, [take(0, 1, 0)])
        assert offered(boats, ["bass"]) == []
