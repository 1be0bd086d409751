"""`--complete`: a part that was begun is filled where it is silent, in its own track, the rest of it untouched."""

from __future__ import annotations

from pathlib import Path

import pytest

from arranger import apply_fill, fill, load_song, save_song
from arranger.errors import FillRequestError
from arranger.filler import rule_fill
from arranger.parts import detect_parts, tracks_of
from arranger.request import check_request
from arranger.song import Note, Song, Track

EXAMPLES = Path(__file__).parents[1] / "examples"


def begun(*bars: int, tail: int = 0) -> Song:
    """Twelve bars of a band; the bass holds one note through each of `bars`, `tail` ticks longer than the bar."""
    bar = 1920
    drums = tuple(Note(960 * beat, 120, 36 + 2 * (beat % 2)) for beat in range(24))
    guitar = tuple(Note(bar * k, bar, 52 + p) for k in range(12) for p in (0, 7))
    bass = tuple(Note(bar * k, bar + tail, 40) for k in bars)
    tracks = (
        Track("Drums", 0, True, drums, channel=9),
        Track("Bass", 33, False, bass, channel=1),
        Track("Guitar", 29, False, guitar, channel=2),
    )
    return Song(480, tracks, length=12 * bar)


def test_only_silent_bars_are_asked() -> None:
    assert check_request(begun(0, 1, 5), ["bass"], mode="complete").asked["bass"] == (2, 3, 4, 6, 7, 8, 9, 10, 11)
    assert check_request(begun(0, 1, 5), ["bass"], (4, 8), mode="complete").asked["bass"] == (4, 6, 7)


@pytest.mark.parametrize(("tail", "asked"), [(40, (1, 2)), (41, (2,))])
def test_what_rings_a_grid_step_into_a_bar_does_not_fill_it(tail: int, asked: tuple[int, ...]) -> None:
    assert check_request(begun(0, tail=tail), ["bass"], (0, 3), mode="complete").asked["bass"] == asked


def test_nothing_to_complete_is_said_with_what_could_be_asked() -> None:
    with pytest.raises(FillRequestError, match=r"plays in every bar of 1-2.*--replace"):
        check_request(begun(0, 1), ["bass"], (0, 2), mode="complete")
    without = begun(0).with_tracks(track for track in begun(0).tracks if track.name != "Bass")
    with pytest.raises(FillRequestError, match="no bass to complete"):
        check_request(without, ["bass"], mode="complete")


@pytest.mark.parametrize("by", ["model", "rule"])
def test_the_notes_that_were_there_stay_and_the_new_ones_stand_between(by: str) -> None:
    song = begun(0, 1, 5)
    if by == "model":
        made = fill(song, ["bass"], takes=2, seed=3, mode="complete")[0]
    else:
        made = rule_fill(check_request(song, ["bass"], mode="complete"), 0)
    done = apply_fill(song, made)
    assert [track.name for track in done.tracks] == [track.name for track in song.tracks]
    assert done.tracks[0] is song.tracks[0]
    assert done.tracks[2] is song.tracks[2]
    new = set(done.tracks[1].notes) - set(song.tracks[1].notes)
    assert set(song.tracks[1].notes) <= set(done.tracks[1].notes)
    assert new == set(made.notes("bass"))
    assert len(new) >= 5
    bars = song.bars
    for note in new:
        assert song.bar_at(note.start) not in (0, 1, 5)
        # None sounds on into bar 6, which is played already.
        assert not (note.start < bars[5].start < note.end)


def test_a_file_that_was_begun_is_completed_in_its_own_track(tmp_path: Path) -> None:
    source = load_song(EXAMPLES / "paper-boats.gp5")
    bass = tracks_of(detect_parts(source), source, "bass")[0]
    last = source.bars[7].end
    start = tmp_path / "begun.gp5"
    kept = tuple(note for note in source.tracks[bass].notes if note.end <= last)
    tracks = list(source.tracks)
    from dataclasses import replace

    tracks[bass] = replace(tracks[bass], notes=kept)
    save_song(source.with_tracks(tracks), start)
    song = load_song(start)
    save_song(apply_fill(song, fill(song, ["bass"], takes=1, mode="complete")[0]), tmp_path / "done.gp5")
    done = load_song(tmp_path / "done.gp5")
    assert len(done.tracks) == len(song.tracks)
    for index, (old, new) in enumerate(zip(song.tracks, done.tracks, strict=True)):
        if index == bass:
            assert [n for n in new.notes if n.start < last] == list(old.notes)
            assert any(n.start >= last for n in new.notes)
        else:
            assert new.notes == old.notes


def test_a_gap_that_the_rule_would_rest_in_is_filled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule never rests in all the bars it is asked for; asked for the whole song it might, in the gap."""
    from arranger import takes

    plain = takes.rule_part

    def resting(grid, part, bars, tempo=None):
        onset, sustain = plain(grid, part, bars, tempo)
        if bars[1] - bars[0] > 2:
            gap = grid.bar_slice(3, 5)
            onset, sustain = onset.copy(), sustain.copy()
            onset[:, gap] = sustain[:, gap] = False
        return onset, sustain

    monkeypatch.setattr(takes, "rule_part", resting)
    song = begun(*(bar for bar in range(12) if bar not in (3, 4)))
    made = rule_fill(check_request(song, ["bass"], mode="complete"), 0)
    assert {song.bar_at(note.start) for note in made.notes("bass")} == {3, 4}
