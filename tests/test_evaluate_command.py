"""`arranger eval` from the command line: tables, JSON, report, further studies, same seed and same figures."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import pytest
import typer
from evaluate_songs import SONGS, load
from typer.testing import CliRunner

from arranger.cli.eval_command import eval_command, song_files
from arranger.errors import ArrangerError
from arranger.evaluation.evaluate import evaluate
from arranger.evaluation.fillers import RULES
from arranger.evaluation.pages import Gallery, write_report
from arranger.song import Song


def write_midi(song: Song, path: Path) -> None:
    """A plain type 1 file, one track a channel."""
    file = mido.MidiFile(ticks_per_beat=song.ticks_per_quarter)
    for index, track in enumerate(song.tracks):
        channel = 9 if track.is_drum else index
        events = [(note.end, 0, "note_off", note.pitch) for note in track.notes]
        events += [(note.start, 1, "note_on", note.pitch) for note in track.notes]
        out, now = mido.MidiTrack(), 0
        out.append(mido.Message("program_change", channel=channel, program=track.program))
        for tick, _, kind, pitch in sorted(events):
            out.append(mido.Message(kind, channel=channel, note=pitch, velocity=80, time=tick - now))
            now = tick
        file.tracks.append(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, song in list(SONGS.items())[:3]:
        write_midi(song, tmp_path / path)
    (tmp_path / "set" / "notes.txt").write_text("not a song")
    return tmp_path


def run(*words: str):
    app = typer.Typer()
    app.command()(eval_command)
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_table_on_stdout_progress_on_stderr(folder: Path) -> None:
    result = run(str(folder), "--rules-only", "--songs", "2", "--part", "bass", "--mask", "whole", "--strata")
    assert result.exit_code == 0
    assert result.stdout.startswith("bass, 2 songs")
    assert "bass, note F1 by kind of song" in result.stdout
    assert "song 1" not in result.stdout
    assert "song 2: set/" in result.stderr


def test_json_on_stdout_and_in_a_file(folder: Path) -> None:
    text = run(str(folder), "--rules-only", "--mask", "whole", "--seeds", "1", "--json").stdout
    document = json.loads(text)
    assert document["parts"] == ["drums", "bass", "guitar"]
    truths = [score for score in document["scores"] if score["filler"] == "truth"]
    assert len(truths) == 9
    assert all(score["measures"]["note_f1"] == 1.0 for score in truths)
    beside = run(
        str(folder), "--rules-only", "--part", "bass", "--mask", "whole", "--json-file", str(folder / "x.json")
    )
    assert beside.stdout.startswith("bass, 3 songs")
    assert json.loads((folder / "x.json").read_text())["summary"][0]["part"] == "bass"
    with pytest.raises(ArrangerError, match="can't be written"):
        run(str(folder), "--rules-only", "--part", "bass", "--mask", "last", "--json-file", str(folder / "no" / "x"))


def test_same_seed_same_figures(folder: Path) -> None:
    def figures(*words: str) -> list[dict]:
        asked = ("--part", "bass", "--mask", "half", "--mask", "whole", "--seeds", "2")
        scores = json.loads(run(str(folder), "--rules-only", "--json", *asked, *words).stdout)["scores"]
        return [{**score, "seconds": None} for score in scores]

    assert figures("--seed", "3") == figures("--seed", "3")
    assert figures("--seed", "3") != figures("--seed", "4")


def test_wrong_mask_and_no_songs(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArrangerError, match="“third” is no mask"):
        run(str(folder), "--rules-only", "--mask", "third")
    with pytest.raises(ArrangerError, match="nowhere: there is no such folder"):
        song_files(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ArrangerError, match="no song in it"):
        song_files(tmp_path / "bare")


def test_files_are_found_once_in_order(folder: Path) -> None:
    assert [path.name for path in song_files(folder)] == ["00.mid", "01.mid", "02.mid"]
    assert song_files(folder / "set/01.mid") == [folder / "set/01.mid"]


def test_report_stands_alone(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    out = folder / "report"
    result = run(str(folder), "--rules-only", "--part", "bass", "--mask", "whole", "--report", str(out))
    assert result.exit_code == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<img") == page.count('src="data:image/png;base64,') == 5  # two plots, three rolls
    assert "http" not in page.replace("data:image", "")
    for place in ("best", "median", "worst"):
        assert (out / f"bass-{place}.png").read_bytes().startswith(b"\x89PNG")
        assert f"bass, {place} of the rules" in page
    assert "note F1" in page
    assert "Real or fill" in page


def test_best_median_and_worst_are_that(tmp_path: Path) -> None:
    gallery = Gallery(RULES)
    report = evaluate(list(SONGS), ["bass"], load=load, observe=gallery.observe)
    values = sorted((s.measures["note_f1"] for s in report.scores if s.filler == RULES), reverse=True)
    picked = gallery.pick(report, "bass")
    assert [name for name, _, _ in picked] == ["best", "median", "worst"]
    assert [value for _, value, _ in picked] == [values[0], values[3], values[5]]


def test_names_of_songs_are_no_markup(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    songs = {Path(f"set/<script>{at}.mid"): song for at, song in enumerate(SONGS.values())}
    gallery = Gallery(RULES)
    report = evaluate(list(songs), ["bass"], limit=2, load=songs.__getitem__, observe=gallery.observe)
    page = write_report(tmp_path / "out", report, gallery).read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_real_songs(data_pack) -> None:
    songs = sorted(data_pack("val").rglob("*.mid"))[:40:20]
    report = evaluate(songs, ["drums", "bass"], masks=("whole", "two", "half", "last"))
    truths = [score for score in report.scores if score.filler == "truth"]
    assert {score.mask for score in truths} == {"whole", "two", "half", "last"}
    assert all(score.measures["note_f1"] == score.measures["note_f1_fine"] == 1.0 for score in truths)
    assert report.changed_outside == 0
