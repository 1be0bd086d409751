"""Corpora to shards: nothing is lost without a word, nothing counts twice, nothing is done twice."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from arranger.diffusion.shards import read_shards
from arranger.files import load_song
from arranger.formats.midi_write import write_midi
from arranger.song import Note, Song, Tempo, Track
from datasets import prepare as preparing
from datasets.dadagp import METADATA, choose, iterate_dadagp, read_metadata
from datasets.pieces import Skip, _read_midi, piece_from_file, piece_from_song
from datasets.prepare import main, prepare
from datasets.sources import iterate_songs

QUARTER = 480
COLUMNS = ("bar_steps", "bar_metre", "bar_tempo", "bar_notes", "note_line", "note_step", "note_row", "note_length")
TOKENS = "\n".join(
    ["artist:x", "downtune:0", "tempo:120", "start"]
    + ["new_measure", *["bass:note:s5:f3", "drums:note:36", "wait:960"] * 4] * 4
    + ["end"]
)


def midi(pitch: int, tempo: float = 120.0) -> bytes:
    """Eight bars of bass on one pitch, one bar a fifth higher, and a kick drum."""
    bass = [Note(k * QUARTER, QUARTER, pitch + (7 if 4 <= k < 8 else 0)) for k in range(32)]
    kick = [Note(k * QUARTER, QUARTER // 4, 36) for k in range(32)]
    tracks = (Track("Bass", 33, False, tuple(bass)), Track("Drums", 0, True, tuple(kick)))
    return write_midi(Song(QUARTER, tracks, tempos=(Tempo(0, tempo),)))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six songs, one of them twice under other names and at another tempo, and three files that are none."""
    folder = tmp_path / "corpus"
    (folder / "sub").mkdir(parents=True)
    for number in range(6):
        (folder / f"song{number}.mid").write_bytes(midi(30 + number))
    (folder / "sub" / "again.midi").write_bytes(midi(32, tempo=90))
    (folder / "cut.mid").write_bytes(midi(40)[:30])
    (folder / "empty.mid").write_bytes(b"")
    (folder / "noise.gp5").write_bytes(bytes(range(256)) * 4)
    (folder / "readme.txt").write_text("no song")
    return folder


def report(out: Path) -> dict[str, str]:
    return dict(line.split("\t") for line in (out / "report.tsv").read_text().splitlines())


def splits(out: Path) -> dict[str, str]:
    """File name without folders -> train or val."""
    return {name.split("/")[-1]: what for name, what in report(out).items() if what in ("train", "val")}


def test_every_file_of_a_folder_is_counted_or_reported(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    totals = prepare([corpus], out, 0.0, 1)
    assert dict(totals) == {"train": 6, "duplicates": 1, "skipped": 3, "bars": 48, "notes": 6 * 64}
    lines = report(out)
    assert set(lines) == {f"corpus/{path.relative_to(corpus).as_posix()}" for path in corpus.rglob("*.[mg]*")}
    assert lines["corpus/empty.mid"] == "skipped: empty or not readable"
    assert lines["corpus/cut.mid"].startswith("skipped: unreadable: ")
    assert lines["corpus/noise.gp5"].startswith("skipped: unreadable: ")
    assert lines["corpus/sub/again.midi"] == "duplicate of corpus/song2.mid"
    pieces = read_shards(out, "train")
    assert [piece.name for piece in pieces] == [f"song{number}.mid" for number in range(6)]
    assert [int(piece.note_row[piece.note_line == 1].min()) for piece in pieces] == list(range(30, 36))


@pytest.mark.parametrize("kind", ["tar", "tar.xz", "tar.gz"])
def test_an_archive_gives_what_its_folder_gives(corpus: Path, tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"corpus.{kind}"
    with tarfile.open(archive, f"w:{kind.partition('.')[2]}") as tar:
        for path in sorted(corpus.rglob("*.*")):
            tar.add(path, path.relative_to(corpus).as_posix())
    assert prepare([archive], tmp_path / "a", 0.5, 1) == prepare([corpus], tmp_path / "b", 0.5, 1)
    assert report(tmp_path / "a") == report(tmp_path / "b")


def test_the_split_depends_on_the_content_alone(corpus: Path, tmp_path: Path) -> None:
    backwards = tmp_path / "backwards.tar"
    with tarfile.open(backwards, "w") as tar:
        for path in sorted(corpus.glob("song*.mid"), reverse=True):
            tar.add(path, f"other/{path.name}")
    prepare([corpus], tmp_path / "a", 0.5, 1)
    prepare([backwards], tmp_path / "b", 0.5, 2, chunk=2)
    assert splits(tmp_path / "a") == splits(tmp_path / "b")
    assert set(splits(tmp_path / "a").values()) == {"train", "val"}


def test_a_second_run_does_nothing_again(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    first = prepare([corpus], out, 0.5, 1, chunk=4)
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*.shard")}
    monkeypatch.setattr(preparing, "_prepare_chunk", None)
    assert prepare([corpus], out, 0.5, 1, chunk=4) == first
    assert before == {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*.shard")}


def test_what_has_changed_is_done_again_and_nothing_counts_twice(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare([corpus], out, 0.5, 1, chunk=3)
    next(iter(sorted(out.glob("*.shard")))).unlink()  # a shard that was lost
    (corpus / "song5.mid").write_bytes(midi(50))  # the same name, another song
    (corpus / "song0.mid").unlink()
    (corpus / "song1.mid").unlink()
    changed, fresh = prepare([corpus], out, 0.0, 1, chunk=3), prepare([corpus], tmp_path / "fresh", 0.0, 1, chunk=3)
    assert changed == fresh
    assert not list(out.glob("val-*.shard"))
    assert [p.name for p in read_shards(out, "train")] == [p.name for p in read_shards(tmp_path / "fresh", "train")]
    assert {path.name for path in out.iterdir()} == {path.name for path in (tmp_path / "fresh").iterdir()}


def test_a_ledger_that_was_cut_off_is_made_again(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = prepare([corpus], out, 0.0, 1)
    ledger = next(out.glob("*.json"))
    ledger.write_text(ledger.read_text()[:50])
    assert prepare([corpus], out, 0.0, 1) == first


def test_two_sources_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for place, pitch in (("a", 30), ("b", 31)):
        (tmp_path / place / "train").mkdir(parents=True)
        (tmp_path / place / "train" / "song.mid").write_bytes(midi(pitch))
        (tmp_path / place / "train" / "same.mid").write_bytes(midi(35))
    out = tmp_path / "out"
    totals = prepare([tmp_path / "a" / "train", tmp_path / "b" / "train"], out, 0.0, 1)
    assert (totals["train"], totals["duplicates"]) == (3, 1)
    assert len(read_shards(out, "train")) == 3
    assert report(out)["train-2/same.mid"] == "duplicate of train/same.mid"


def test_an_archive_that_ends_too_early_is_reported_and_the_next_source_read(corpus: Path, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(corpus.glob("song*.mid")):
            tar.add(path, path.name)
    broken, none = tmp_path / "broken.tar", tmp_path / "none.tar"
    broken.write_bytes(packed.getvalue()[:2000])
    none.write_bytes(b"this is no archive")
    out = tmp_path / "out"
    totals = prepare([broken, none, corpus], out, 0.0, 1)
    assert totals["broken sources"] == 2
    assert totals["train"] == 6
    assert "could not be read on" in report(out)["broken/"]
    assert "could not be read on" in report(out)["none/"]


def test_a_bug_in_the_reading_of_one_file_ends_there(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = preparing.piece_from_file

    def failing(name: str, data: bytes) -> object:
        if name == "song3.mid":
            raise IndexError("nobody foresaw this")
        return real(name, data)

    monkeypatch.setattr(preparing, "piece_from_file", failing)
    totals = prepare([corpus], tmp_path / "out", 0.0, 1)
    assert totals["train"] == 5
    assert report(tmp_path / "out")["corpus/song3.mid"] == "skipped: failed: IndexError: nobody foresaw this"


def test_chunks_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "CHUNK_BYTES", 10)
    items = [("a", b"1" * 9), ("b", b"1"), ("c", b"1" * 30), ("d", b""), ("e", b"")]
    assert [[name for name, _ in run] for run in preparing._chunks(items, 2)] == [["a", "b"], ["c"], ["d", "e"]]


def test_a_file_that_is_too_large_is_skipped_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("datasets.sources", "datasets.pieces"):
        monkeypatch.setattr(f"{module}.MAX_FILE_BYTES", 100)
    (tmp_path / "song.mid").write_bytes(midi(30))
    ((name, data),) = iterate_songs(tmp_path)
    assert len(data) == 101
    with pytest.raises(Skip, match="larger than"):
        piece_from_file(name, data)


def test_the_command_line(corpus: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["prepare", str(corpus), "-o", str(tmp_path / "out"), "--workers", "1"])
    main()
    assert capsys.readouterr().out.startswith("6 train, 0 val, 1 duplicates, 3 skipped, 48 bars")
    monkeypatch.setattr("sys.argv", ["prepare", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as info:
        main()
    assert info.value.code == 2


def test_one_form_of_each_song_of_the_dadagp_release_is_read(tmp_path: Path) -> None:
    release = tmp_path / "DadaGP-v1.1"
    artist = release / "A" / "Artist"
    artist.mkdir(parents=True)
    (artist / "both.gp4").write_bytes(b"gp")
    (artist / "both.gp4.tokens.txt").write_text(TOKENS)
    (artist / "text only.gp5.tokens.txt").write_text(TOKENS.replace("f3", "f2"))
    (artist / "file only.gp3").write_bytes(b"gp")
    (release / METADATA).write_text('{"A/Artist/both.gp4.tokens.txt": {"genre_tokens": ["genre:metal"]}}')
    files = {name: data[:2] for name, data in iterate_dadagp(release)}
    assert files == {
        "A/Artist/both.gp4": b"gp",
        "A/Artist/file only.gp3": b"gp",
        "A/Artist/text only.gp5.tokens.txt": b"ar",
    }
    assert choose(["a.GP5", "a.GP5.tokens.txt"], tokens=True) == {"a.GP5.tokens.txt"}
    assert read_metadata(release) == {"A/Artist/both.gp4": {"genre_tokens": ["genre:metal"]}}
    assert read_metadata(tmp_path) == {}
    out = tmp_path / "out"
    totals = prepare([], out, 0.0, 1, dadagp=[release], tokens=True)
    assert (totals["train"], totals["skipped"]) == (2, 1)
    assert {tuple(np.unique(piece.note_row[piece.note_line == 1])) for piece in read_shards(out, "train")} == {
        (30,),
        (31,),
    }


def test_the_quick_way_through_midi_gives_the_same_piece(data_pack: Callable[[str], Path]) -> None:
    paths = sorted(data_pack("val").rglob("*.mid"))[::24][:10]
    quick = 0
    for path in paths:
        data = path.read_bytes()
        got, want = piece_from_file(path.name, data), piece_from_song(path.name, load_song(path))
        quick += _read_midi(data) is not None
        assert got.shift == want.shift, path.name
        for column in COLUMNS:
            np.testing.assert_array_equal(getattr(got, column), getattr(want, column), f"{path.name}: {column}")
    assert quick >= 3  # otherwise this compares the slow way with itself
