"""A folder of songs to shards of windows: what is chosen, what is counted, and that it can be stopped at any time."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("pretty_midi")  # for its SoundFont

from audio_ext.errors import AudioError
from audio_ext.latent.windows import STEMS, Facts, Shard, Window, Windows
from datasets.stems import rendered
from datasets.stems.rendered import Job, in_order, render, windows_of
from tests.stem_songs import band_file

SONGS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("songs")
    for number in range(SONGS):
        band_file(home / f"song{number}.mid", bars=18, qpm=100.0 + 10 * number)
    (home / "bad.mid").write_bytes(b"MThd but no song")
    band_file(home / "short.mid", bars=2)
    band_file(home / "duo.mid", without=("guitar", "other"))
    (home / "readme.txt").write_text("no song")
    return home


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[str]]:
    out = tmp_path_factory.mktemp("whole")
    return out, render(folder, out, 100, seed=1, shard=2)


def test_all_good_songs_give_their_windows(whole: tuple[Path, Counter[str]]) -> None:
    out, totals = whole
    windows = Windows(out)
    assert totals["songs"] == SONGS + 3
    assert totals["windows"] == len(windows) == 2 * SONGS
    assert [len(shard) for shard in windows.shards] == [2, 2]
    assert Counter(facts.song for facts in windows.facts) == {f"song{number}.mid": 2 for number in range(SONGS)}
    assert totals["skipped: SongFileError"] == 1
    assert totals["skipped: no window in which enough stems play"] == 2
    for window in windows:
        assert window.heard == STEMS
        assert float(np.abs(window.mix).max()) <= 1


def test_what_was_stopped_goes_on_to_the_same_end(
    folder: Path, whole: tuple[Path, Counter[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rendered.in_order

    def stopped(jobs: Sequence[Job], workers: int) -> Iterator[tuple[list[Window], str]]:
        for one in real(jobs, workers):
            yield one
            if one[0]:
                raise KeyboardInterrupt

    monkeypatch.setattr(rendered, "in_order", stopped)
    with pytest.raises(KeyboardInterrupt):
        render(folder, tmp_path, 100, seed=1, shard=2)
    assert len(Windows(tmp_path)) == 2
    monkeypatch.setattr(rendered, "in_order", real)
    totals = render(folder, tmp_path, 100, seed=1, workers=2, shard=2)
    out, expected = whole
    assert totals == expected
    for one, other in zip(Windows(tmp_path), Windows(out), strict=True):
        assert np.array_equal(one.stems, other.stems)
        assert one.facts == other.facts


def test_other_windows_are_not_mixed_in(folder: Path, whole: tuple[Path, Counter[str]]) -> None:
    out, _ = whole
    with pytest.raises(AudioError, match="Name another folder, or empty this one"):
        render(folder, out, 100, seed=2, shard=2)


def test_a_folder_without_songs_is_told(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "missing"):
        with pytest.raises(AudioError, match="no songs"):
            render(name, tmp_path / "out", 1)


def crafted(song: str, *heard: str) -> Window:
    """A window in which these stems are heard."""
    stems = np.zeros((4, 100), np.float32)
    for name in heard:
        stems[STEMS.index(name)] = 0.1
    return Window(stems, Facts(song))


@pytest.mark.parametrize(("full", "lacking", "kept"), [(8, 10, 2), (0, 10, 0), (10, 1, 1), (4, 9, 1)])
def test_at_most_a_fifth_lacks_a_stem(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: int, lacking: int, kept: int
) -> None:
    given = [([crafted("a", *STEMS)], "")] * full + [([crafted("b", *STEMS[:3])], "")] * lacking
    monkeypatch.setattr(rendered, "in_order", lambda jobs, workers: (one for one in given))
    totals = render(folder, tmp_path, 100)
    assert (totals["windows"], totals["incomplete"]) == (full + kept, kept)
    assert totals["left out: incomplete"] == lacking - kept


def test_no_more_windows_than_asked(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [([crafted("a", *STEMS), crafted("a", *STEMS)], "")] * 9
    monkeypatch.setattr(rendered, "in_order", lambda jobs, workers: (one for one in given))
    assert render(folder, tmp_path, 5, shard=3)["windows"] == 5
    shard = Shard(tmp_path / "windows-0001.safetensors")
    assert len(shard) == 1
    assert shard.notes["next"] == 3


@pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="the stand-in reaches forked workers alone")
def test_a_song_that_kills_its_process_is_one_song(monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(job: Job) -> tuple[list[Window], str]:
        if job.name == "b":
            os._exit(1)
        return [], job.name

    monkeypatch.setattr(rendered, "windows_of", deadly)
    deadly.__module__, deadly.__qualname__ = rendered.__name__, "windows_of"
    jobs = [Job(Path(), name, 0, ()) for name in "abcde"]
    assert [why for _, why in in_order(jobs, 2)] == ["a", "its process died", "c", "d", "e"]


def test_an_unforeseen_fault_is_one_song(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(rendered, "read_scene", fails)
    assert windows_of(Job(folder, "song0.mid", 0, ())) == ([], "failed: ZeroDivisionError: oh")


def test_the_command(folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "datasets.stems.rendered",
        str(folder),
        "-o",
        str(tmp_path / "out"),
        "--windows",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    assert "1 windows" in done.stdout
    assert len(Windows(tmp_path / "out")) == 1
    wrong = subprocess.run(
        [*command, "--soundfont", "none.sf2"], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert wrong.returncode == 1
    assert "no such SoundFont" in wrong.stderr
    assert "Traceback" not in wrong.stderr
