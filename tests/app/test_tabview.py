"""The tab view: what the browser is given, judged by alphaTab in Node; and what it shows, in headless Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("streamlit")

from alphatab_oracle import dump, notes_of
from streamlit.testing.v1 import AppTest

from app.tabview import view
from app.tabview.handover import hand_over, handover
from arranger.errors import SongFileError
from arranger.files import load_song
from arranger.song import Note, Song, Track

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FOLDER = ROOT / "app" / "tabview"


def test_alphatab_is_the_version_that_judges_our_files() -> None:
    ours, judge = (
        json.loads((folder / "package-lock.json").read_text())["packages"]["node_modules/@coderline/alphatab"]
        for folder in (FOLDER, ROOT / "tests" / "alphatab")
    )
    assert ours["integrity"].startswith("sha512-")
    assert ours == judge


def test_the_page_names_no_other_host_and_forbids_all() -> None:
    page = (view.STATIC / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy"\s+content="([^"]+)"', page)
    assert policy
    sources = {source for rule in policy[1].split(";") for source in rule.split()[1:]}
    assert policy[1].startswith("default-src 'none'")
    assert sources == {"'none'", "'self'", "blob:", "'unsafe-inline'"}
    assert "'unsafe-inline'" not in re.findall(r"script-src[^;]*", policy[1])[0]
    for path in view.STATIC.glob("*.*"):
        assert "//" not in re.sub(r"(^|\s)//\s.*", "", path.read_text()).replace("</", "<"), path.name


@pytest.mark.parametrize("name", ["conversion__full-song.gp5", "conversion__full-song.gp", "conversion__full-song.gpx"])
def test_guitar_pro_goes_as_it_is(data_pack: Callable[[str], Path], name: str) -> None:
    data = (data_pack("guitarpro") / "alphatab" / name).read_bytes()
    given_over = handover(data, Path(name).suffix)
    assert given_over.data == data
    assert given_over.bars == 96
    # Names in a .gp5 are in the encoding of Windows, of which alphaTab has to be told.
    assert given_over.encoding == ("windows-1252" if name.endswith("gp5") else "utf-8")


def test_a_midi_file_comes_to_alphatab_with_its_bars_tracks_and_notes(tmp_path: Path) -> None:
    path = EXAMPLES / "three-four.mid"
    song = load_song(path)
    given_over = handover(path.read_bytes(), ".mid")
    (tmp_path / "song.gp").write_bytes(given_over.data)
    (read,) = dump([tmp_path / "song.gp"]).values()
    assert read["bars"] == given_over.bars == len(song.bars)
    assert [track["name"] for track in read["tracks"]] == [track.name for track in song.tracks]
    assert given_over.columns == tuple(range(len(song.tracks)))
    bass = next(index for index, track in enumerate(song.tracks) if track.name == "Bass")
    shown = [note for note in notes_of(read["tracks"][bass]) if not note.tied]
    assert [note.pitch for note in shown] == [note.pitch for note in song.tracks[bass].notes]
    assert all(note.string for note in shown)  # so there is a tablature


def test_tracks_are_counted_as_alphatab_counts_them(data_pack: Callable[[str], Path]) -> None:
    folder = data_pack("guitarpro") / "alphatab"
    files = [*sorted(folder.glob("*.gp"))[::9], folder / "visual-tests__special-tracks__grand-staff.gp"]
    several = 0
    for path, read in dump(files).items():
        if not any(track["notes"] for track in read["tracks"]):
            continue
        song = load_song(path)
        columns = hand_over(song).columns
        assert set(columns) == set(range(len(read["tracks"]))), path
        for track, column in zip(song.tracks, columns, strict=True):
            assert track.name.startswith(read["tracks"][column]["name"]), path
        several += len(columns) > len(read["tracks"])
        assert len(song.bars) == read["bars"]
    assert several


def test_repeats_that_can_not_be_written_leave_the_bars_as_they_are() -> None:
    song = Song(480, (Track("Bass", 33, False, (Note(0, 480, 40),)),), order=(0, 1, 0, 2, 0, 2, 1), length=3 * 1920)
    assert hand_over(song).bars == 3


@pytest.mark.parametrize("data", [b"", b"not a song", b"MThd\0\0\0\6", b"PK\3\4 no zip"])
def test_what_is_no_song_is_never_handed_over(data: bytes) -> None:
    with pytest.raises(SongFileError):
        handover(data, ".mid")


class Recorder:
    """Stands for the component; keeps what it is given."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def __call__(self, **values: Any) -> None:
        self.given = values


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    kept = Recorder()
    monkeypatch.setattr(view, "available", lambda: True)
    monkeypatch.setattr(view, "_component", lambda: kept)
    return kept


def test_what_the_component_is_told(recorder: Recorder) -> None:
    data = (EXAMPLES / "paper-boats.gp5").read_bytes()
    view.show_tab(
        data, ".gp5", tracks=[2, 0, 9], marked_bars=[7, 4, 4, 9999, -1], dark=True, key="k", marked_tracks=[2]
    )
    told = recorder.given
    assert (told["data"], told["tracks"], told["marked"], told["bars"]) == (data, [0, 2], [2], [4, 7])
    assert (told["dark"], told["key"]) == (True, "k")
    view.show_tab(data, ".gp5", tracks=[1], marked_bars=[], dark=False, key="k")
    assert (recorder.given["marked"], recorder.given["bars"]) == ([1], [])
    assert recorder.given["song"] == told["song"]


@given(st.lists(st.integers(-3, 30)), st.lists(st.integers(0, 6), max_size=12))
def test_no_track_is_named_that_the_file_does_not_have(tracks: list[int], columns: list[int]) -> None:
    found = view._columns(tracks, columns)
    assert found == sorted(set(found))
    assert set(found) == {columns[track] for track in tracks if track in range(len(columns))}


def test_without_its_files_the_app_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in view.ALPHATAB:
        (tmp_path / "alphatab" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "alphatab" / name).touch()
    monkeypatch.setattr(view, "STATIC", tmp_path)
    assert view.available()
    (tmp_path / "alphatab" / view.ALPHATAB[-1]).unlink()
    assert not view.available()

    def page() -> None:
        from app.tabview import show_tab

        show_tab(b"", ".mid", tracks=[], marked_bars=[], dark=False, key="tab")

    run = AppTest.from_function(page).run()
    assert not run.exception
    assert [info.value for info in run.info] == [view.HOW_TO_GET]
    assert "npm ci --prefix app/tabview" in view.HOW_TO_GET
