"""Piano rolls: every note once and in its place, new notes told, pages whole, hostile names harmless, the command."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from evaluate_songs import band
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

pytest.importorskip("matplotlib")

from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.image import imread

from arranger.cli.plot_command import plot_command
from arranger.errors import ArrangerError, FillRequestError, SongFileError
from arranger.files import load_song, save_song
from arranger.fills import Fill, PartFill, apply_fill
from arranger.parts import detect_parts
from arranger.pictures import canvas
from arranger.pictures.canvas import DARK, LIGHT, blend, readable, to_files, to_png
from arranger.pictures.files import page_paths, save_pictures
from arranger.pictures.marks import fill_marks, new_notes
from arranger.pictures.plan import MOST_QUARTERS, MOST_SYSTEMS, lanes_of, pages_of
from arranger.pictures.roll import roll_figure, roll_pages
from arranger.song import Marker, Note, Song, TimeSignature, Track

SONG = band(1)
ROLES = detect_parts(SONG)
EXAMPLES = Path(__file__).parents[1] / "examples"


def boxes(figure) -> list[tuple[float, float, str]]:
    """(left, right, edge colour) of every note drawn, in ticks."""
    found = []
    for axis in figure.axes:
        for collection in axis.collections:
            if isinstance(collection, PolyCollection):
                for path, edge in zip(collection.get_paths(), collection.get_edgecolors(), strict=True):
                    xs = path.vertices[:, 0]
                    found.append((float(xs.min()), float(xs.max()), to_hex(edge)))
    return found


def texts(figure) -> list[str]:
    return [text.get_text() for axis in (figure, *figure.axes) for text in axis.texts]


def test_every_note_is_drawn_once_where_it_starts() -> None:
    figure = roll_figure(SONG, ROLES)
    starts = sorted(round(left) for left, _, _ in boxes(figure))
    assert starts == sorted(note.start for track in SONG.tracks for note in track.notes)
    assert len([axis for axis in figure.axes if axis.collections]) == 3  # guitar, bass, drums in one system


def test_bars_and_parts_choose_what_is_drawn() -> None:
    figure = roll_figure(SONG, ROLES, bars=(2, 4), parts=("bass",))
    begin, end = SONG.bars[2].start, SONG.bars[3].end
    bass = [note for note in SONG.tracks[2].notes if begin <= note.start < end]
    drawn = boxes(figure)
    assert sorted(round(left) for left, _, _ in drawn) == sorted(note.start for note in bass)
    assert all(begin <= left < right <= end for left, right, _ in drawn)
    assert {"3 4/4 ♩=120", "4"} & set(texts(figure)) or "3" in texts(figure)


def test_a_note_is_as_long_as_it_sounds_and_cut_at_the_row() -> None:
    notes = (Note(0, 960, 60), Note(960, 2, 62), Note(1920, 7680, 64))
    song = Song(480, (Track("Lead", 30, False, notes),))
    figure = roll_figure(song, detect_parts(song), bars=(0, 2))
    left, right, _ = next(box for box in boxes(figure) if box[0] == 0)
    assert right - left == pytest.approx(960, rel=0.05)
    assert max(right for _, right, _ in boxes(figure)) <= song.bars[1].end
    assert min(right - left for left, right, _ in boxes(figure)) > 10  # nothing is too thin to be seen


class TestMarks:
    def test_marked_notes_have_their_own_colour_in_the_picture(self) -> None:
        marked = {2: frozenset(SONG.tracks[2].notes[:3])}
        for theme in (LIGHT, DARK):
            pictures = [
                imread(io.BytesIO(to_png(roll_figure(SONG, ROLES, marks, (0, 2), theme=theme))))
                for marks in ({}, marked)
            ]
            faces = [int(blend(theme.new, theme.ground, 0.6 + 0.4 * 80 / 127)[at : at + 2], 16) for at in (1, 3, 5)]
            counts = [int((np.abs(np.round(255 * one[..., :3]) - faces).max(axis=-1) <= 2).sum()) for one in pictures]
            assert counts[0] == 0
            assert counts[1] > 100

    def test_a_fill_marks_its_notes_where_they_land(self) -> None:
        new = (Note(0, 240, 40), Note(480, 240, 43))
        into = PartFill("bass", (Note(5 * 1920, 240, 45),), into_track=2)
        fill = Fill((PartFill("drums", new[:1]), into, PartFill("guitar", new)), (0, 8), 0, 0)
        filled, marks = apply_fill(SONG, fill), fill_marks(SONG, fill)
        assert marks == {4: frozenset(new[:1]), 2: frozenset(into.notes), 5: frozenset(new)}
        for index, notes in marks.items():
            assert notes <= set(filled.tracks[index].notes)

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_what_an_older_version_lacks(self, data) -> None:
        gone, tracks = {}, []
        for index, track in enumerate(SONG.tracks):
            keep = data.draw(st.lists(st.booleans(), min_size=len(track.notes), max_size=len(track.notes)))
            kept = tuple(note for note, kept in zip(track.notes, keep, strict=True) if kept)
            gone[index] = sorted((note.start, note.pitch) for note in set(track.notes) - set(kept))
            tracks.append(replace(track, notes=tuple(replace(one, start=2 * one.start, velocity=1) for one in kept)))
        order = data.draw(st.permutations(range(len(tracks))))
        old = replace(SONG, ticks_per_quarter=2 * SONG.ticks_per_quarter, tracks=tuple(tracks[at] for at in order))
        found = new_notes(SONG, old)
        for index in gone:  # two drum strokes at one place are alike: which of them is the new one can't be told
            marked = sorted((note.start, note.pitch) for note in found.get(index, ()))
            assert set(gone[index]) == set(marked)

    def test_one_old_note_is_one_of_two_that_are_alike(self) -> None:
        both = (Note(0, 240, 60), Note(0, 480, 60))
        old, song = (Song(480, (Track("Keys", 4, False, notes),)) for notes in (both[:1], both))
        assert [len(notes) for notes in new_notes(song, old).values()] == [1]

    def test_a_doubling_track_is_new_as_a_whole(self) -> None:
        double = replace(SONG.tracks[2], name="Bass 2")
        found = new_notes(SONG.with_tracks([*SONG.tracks, double]), SONG)
        assert set(found) == {4}
        assert found[4] == frozenset(double.notes)
        assert not new_notes(SONG, SONG)


METRES = st.tuples(st.integers(1, 15), st.sampled_from([2, 4, 8, 16]))


@settings(max_examples=60, deadline=None)
@given(METRES, st.integers(1, 400), st.data())
def test_pages_hold_every_bar_once(metre: tuple[int, int], count: int, data) -> None:
    length = count * (4 * 96 * metre[0] // metre[1])
    song = Song(96, (), time_signatures=(TimeSignature(0, *metre),), length=length)
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first + 1, count))
    pages = pages_of(song, (first, last), 100)
    bars = [bar for page in pages for a, b in page.systems for bar in range(a, b)]
    assert bars == list(range(first, last))
    assert all(
        len(page.systems) <= MOST_SYSTEMS for page in pages_of(song, (first, min(last, first + 80)), MOST_SYSTEMS)
    )
    longest = max(song.bars[b - 1].end - song.bars[a].start for page in pages for a, b in page.systems)
    assert {page.width for page in pages} == {longest}
    assert longest <= MOST_QUARTERS * 96 * 9 / 8 or longest <= 2 * song.bars[0].length


def test_what_stands_over_the_notes() -> None:
    marks = (Marker(0, "Verse"), Marker(4 * 1920, "Chorus $1"))
    lead = tuple(Note(bar * 1920, 1920, pitch) for bar in range(8) for pitch in ((57, 60, 64), (53, 57, 60))[bar % 2])
    song = Song(480, (Track("Keys", 4, False, lead),), markers=marks, length=8 * 1920, title="Two Chords")
    shown = texts(roll_figure(song, detect_parts(song)))
    assert "Two Chords" in shown
    assert any("Verse" in text for text in shown)
    assert any("Chorus $1" in text for text in shown)
    assert [text for text in shown if text in ("Am", "F")] == ["Am", "F"] * 4
    assert [text.split()[0] for text in shown if text.split()[0].isdigit()] == [str(bar) for bar in range(1, 9)]


def test_names_from_a_file_do_no_harm() -> None:
    name = "$\\frac{1}{$ 日本\x00\x1b[31m \U0001f3b8 <b>&amp;" + "x" * 400
    tracks = tuple(replace(track, name=name) for track in SONG.tracks)
    song = replace(SONG, tracks=tracks, title=name, markers=(Marker(0, name), Marker(1920, name)))
    for kind in canvas.KINDS:
        (data,) = to_files([roll_figure(song, detect_parts(song), bars=(0, 2))], kind)
        assert data.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert readable("a\x00b\n日") == "a?b ?"
    assert len(readable("y" * 500, 20)) == 20


def test_the_same_song_gives_the_same_bytes() -> None:
    for kind in canvas.KINDS:
        once, again = (to_files(roll_pages(SONG, ROLES, bars=(0, 1)), kind) for _ in range(2))
        assert once == again


def test_nothing_to_draw_says_what_there_is() -> None:
    with pytest.raises(FillRequestError, match="no other to draw; it has drums, bass, guitar"):
        lanes_of(SONG, ROLES, (0, 8), ("other",))
    with pytest.raises(FillRequestError, match="it has no notes at all"):
        roll_figure(replace(SONG, tracks=()), ())
    with pytest.raises(FillRequestError, match="it has bars 1-8"):
        roll_figure(SONG, ROLES, bars=(5, 9))
    endless = replace(SONG, length=20_000 * 1920)
    with pytest.raises(FillRequestError, match="too many to draw; ask for at most 1600 with --bars"):
        roll_pages(endless, ROLES)


def test_too_many_notes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arranger.pictures.roll.MOST_NOTES", 100)
    with pytest.raises(FillRequestError, match="More than 100 notes"):
        roll_figure(SONG, ROLES)


class TestFiles:
    def test_pages_have_numbers_and_a_pdf_has_pages(self, tmp_path: Path) -> None:
        figures = [roll_figure(SONG, ROLES, bars=bars) for bars in ((0, 1), (1, 2))]
        assert page_paths(tmp_path / "a.b.png", 2) == (tmp_path / "a.b-1.png", tmp_path / "a.b-2.png")
        assert save_pictures(figures, tmp_path / "a.svg") == (tmp_path / "a-1.svg", tmp_path / "a-2.svg")
        assert save_pictures(figures, tmp_path / "a.pdf") == (tmp_path / "a.pdf",)
        assert (tmp_path / "a.pdf").read_bytes().count(b"/Type /Page ") == 2
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.svg", "a-2.svg", "a.pdf"]

    def test_nothing_is_overwritten_unasked(self, tmp_path: Path) -> None:
        target = tmp_path / "roll.png"
        target.write_bytes(b"mine")
        figure = roll_figure(SONG, ROLES, bars=(0, 1))
        with pytest.raises(SongFileError, match="exists already"):
            save_pictures([figure], target)
        assert target.read_bytes() == b"mine"
        save_pictures([figure], target, overwrite=True)
        assert target.read_bytes().startswith(b"\x89PNG")
        with pytest.raises(SongFileError, match=r"not written as “\.bmp”"):
            save_pictures([figure], tmp_path / "roll.bmp")
        with pytest.raises(SongFileError, match="does not exist"):
            save_pictures([figure], tmp_path / "no" / "roll.png")


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ArrangerError, match=r"pip install 'arranger\[plot\]'"):
        roll_figure(SONG, ROLES)


def test_matplotlib_is_loaded_only_to_draw() -> None:
    code = "import sys, arranger.cli.plot_command, arranger.pictures.roll, arranger.pictures.files\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('matplotlib' in sys.modules)"], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


class TestCommand:
    @staticmethod
    def run(*words: str | Path):
        app = typer.Typer()
        app.command()(plot_command)
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)

    def test_a_song_becomes_a_picture_beside_it(self, tmp_path: Path) -> None:
        song = tmp_path / "song.mid"
        before = (EXAMPLES / "three-four.mid").read_bytes()
        song.write_bytes(before)
        result = self.run(song, "--bars", "1-4")
        assert result.exit_code == 0
        assert result.stdout == f"Wrote {tmp_path / 'song.png'}.\n"
        assert song.read_bytes() == before
        with pytest.raises(SongFileError, match="exists already"):
            self.run(song)
        assert self.run(song, "--bars", "1-4", "--force", "--dark").exit_code == 0
        with pytest.raises(SongFileError):  # a picture never takes the song's place
            self.run(song, "-o", song, "--force")

    def test_a_fill_is_shown_and_not_written(self, tmp_path: Path) -> None:
        out = tmp_path / "roll.svg"
        result = self.run(EXAMPLES / "three-four.mid", "--fill", "guitar", "--bars", "1-4", "--takes", "1", "-o", out)
        assert result.exit_code == 0
        assert [path.name for path in tmp_path.iterdir()] == ["roll.svg"]
        picture = out.read_text(encoding="utf-8")
        assert ">■ new: " in picture
        assert ">guitar<" in picture
        with pytest.raises(FillRequestError, match="already has bass"):
            self.run(EXAMPLES / "three-four.mid", "--fill", "bass", "-o", tmp_path / "x.png")

    def test_before_marks_what_is_new(self, tmp_path: Path) -> None:
        song = load_song(EXAMPLES / "three-four.mid")
        added = replace(song.tracks[-1], name="Guitar", program=27, is_drum=False, channel=None, source_id=None)
        lines = tuple(Note(bar.start, song.ticks_per_quarter, 52) for bar in song.bars[:5])
        full = song.with_tracks([*song.tracks, replace(added, notes=lines)])
        save_song(full, tmp_path / "full.mid")
        words = (tmp_path / "full.mid", "--before", EXAMPLES / "three-four.mid", "--bars", "1-8")
        assert self.run(*words, "-o", tmp_path / "a.svg").exit_code == 0
        assert ">■ new: 5 notes<" in (tmp_path / "a.svg").read_text(encoding="utf-8")
        same = self.run(EXAMPLES / "three-four.mid", "--before", EXAMPLES / "three-four.mid", "-o", tmp_path / "b.svg")
        assert "none is marked" in same.stderr

    def test_wrong_use(self, tmp_path: Path) -> None:
        song = EXAMPLES / "three-four.mid"
        for words in (("--fill", "bass", "--before", song), ("--replace",), ("--part", "flute"), ("--bars", "x")):
            assert self.run(song, "-o", tmp_path / "a.png", *words).exit_code == 2
        with pytest.raises(SongFileError, match=r"Name it \.png, \.svg or \.pdf"):
            self.run(song, "-o", tmp_path / "a.bmp")


def test_real_songs(data_pack) -> None:
    for path in sorted(data_pack("val").rglob("*.mid"))[7:300:290]:
        song = load_song(path)
        bars = (0, min(10, len(song.bars)))
        (figure,) = roll_pages(song, detect_parts(song), bars=bars)
        end = song.bars[bars[1] - 1].end
        expected = sum(note.start < end for track in song.tracks for note in track.notes)
        assert (
            len([box for box in boxes(figure) if box[0] < end]) >= expected
        )  # a note over a row's end is in both rows
        assert to_png(figure).startswith(b"\x89PNG")
