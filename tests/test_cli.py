"""The command line as a user meets it: exit codes, one sentence on stderr, outputs whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mido
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SONG = EXAMPLES / "three-four.mid"  # short, without guitar
WITH_BASS = SONG


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arranger", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd or Path(__file__).parents[1])


def fill(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run("fill", *arguments, "--takes", "1", "--bars", "1-4")


def refused(result: subprocess.CompletedProcess[str], code: int, words: Sequence[str]) -> None:
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def test_help_lists_what_there_is_and_loads_nothing_heavy() -> None:
    result = run("--help")
    assert result.returncode == 0
    for command in ("fill", "inspect", "convert", "eval", "train"):
        assert command in result.stdout
    code = "import sys; sys.argv = ['arranger', '--help']\nimport arranger.cli\n"
    code += "print([m for m in ('numpy', 'torch', 'onnxruntime', 'guitarpro', 'rich', 'mido') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_fill_adds_one_track_and_keeps_the_others(tmp_path: Path) -> None:
    out = tmp_path / "full.mid"
    result = fill(SONG, "--part", "guitar", "-o", out)
    assert result.returncode == 0, result.stderr
    assert f"Wrote {out}" in result.stdout
    assert "guitar:" in result.stdout
    before, after = mido.MidiFile(SONG), mido.MidiFile(out)
    assert len(after.tracks) == len(before.tracks) + 1
    assert [list(t) for t in after.tracks[:-1]] == [list(t) for t in before.tracks]
    new = after.tracks[-1]
    assert any(message.type == "note_on" for message in new)
    assert {m.program for m in new if m.type == "program_change"} <= set(range(24, 32))


def test_default_output_stands_beside_the_song(tmp_path: Path) -> None:
    song = tmp_path / "waltz.mid"
    song.write_bytes(SONG.read_bytes())
    assert fill(song, "--part", "guitar").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["waltz.guitar.mid", "waltz.mid"]
    assert song.read_bytes() == SONG.read_bytes()
    refused(fill(song, "--part", "guitar"), 3, ["waltz.guitar.mid", "exists", "--force"])
    assert fill(song, "--part", "guitar", "--force").returncode == 0


def test_json_is_one_document_with_the_card(tmp_path: Path) -> None:
    out = tmp_path / "a.mid"
    result = run("fill", SONG, "--part", "guitar", "-o", out, "--json", "--takes", "2", "--bars", "5-8")
    document = json.loads(result.stdout)
    assert document["output"] == str(out)
    assert document["best"]["bars"] == [5, 8]
    assert document["best"]["card"]["guitar"]["judged"] > 0
    scores = [take["score"] for take in document["takes"]]
    assert scores == sorted(scores, reverse=True)


def test_same_seed_same_file(tmp_path: Path) -> None:
    outs = [tmp_path / name for name in ("a.mid", "b.mid", "c.mid")]
    for out, seed in zip(outs, ("3", "3", "4"), strict=True):
        assert fill(SONG, "--part", "guitar", "-o", out, "--seed", seed).returncode == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert outs[0].read_bytes() != outs[2].read_bytes()


def test_part_only_is_the_new_part_alone(tmp_path: Path) -> None:
    out = tmp_path / "clip.mid"
    assert fill(SONG, "--part", "guitar", "-o", out, "--part-only").returncode == 0
    sounding = [track for track in mido.MidiFile(out).tracks if any(m.type == "note_on" for m in track)]
    assert len(sounding) == 1


def test_replace_changes_only_the_asked_bars(tmp_path: Path) -> None:
    import arranger

    out = tmp_path / "a.mid"
    result = run("fill", WITH_BASS, "--part", "bass", "--replace", "--bars", "5-8", "--takes", "1", "-o", out)
    assert result.returncode == 0, result.stderr
    before, after = arranger.load_song(WITH_BASS), arranger.load_song(out)
    first, last = before.bars[4].start, before.bars[7].end
    assert len(after.tracks) == len(before.tracks)
    changed = 0
    for old, new in zip(before.tracks, after.tracks, strict=True):
        if old.program in range(32, 40):
            changed += 1
            outside = [[n for n in t.notes if not first <= n.start < last] for t in (old, new)]
            assert outside[0] == outside[1]
            assert any(first <= n.start < last for n in new.notes)
        else:
            assert old.notes == new.notes
    assert changed == 1


def test_guitar_pro_stays_guitar_pro(tmp_path: Path) -> None:
    guitarpro = pytest.importorskip("guitarpro")
    song = tmp_path / "boats.gp5"
    song.write_bytes((EXAMPLES / "paper-boats.gp5").read_bytes())
    assert fill(song, "--part", "drums").returncode == 0
    before, after = guitarpro.parse(str(song)), guitarpro.parse(str(tmp_path / "boats.drums.gp5"))
    assert after.versionTuple == before.versionTuple
    assert len(after.tracks) == len(before.tracks) + 1
    assert after.tracks[-1].isPercussionTrack


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere.mid", "--part", "bass"], 3, ["nowhere.mid", "no such file"]),
        ([SONG, "--part", "tuba"], 4, ["tuba", "drums, bass, guitar"]),
        ([SONG, "--part", "bass"], 4, ["already has bass", "--replace", "--add", "track"]),
        ([SONG, "--part", "guitar", "--bars", "20-99"], 4, ["20-99", "1-24"]),
        ([SONG, "--part", "guitar", "--bars", "9-5"], 4, ["9-5", "1-24"]),
        ([SONG, "--part", "guitar", "--bars", "nine"], 4, ["nine", "1-24"]),
        ([SONG, "--part", "guitar", "--replace"], 4, ["no guitar to replace"]),
        ([SONG, "--part", "guitar", "--takes", "0"], 4, ["1 to 64"]),
        ([SONG, "--part", "guitar", "--track", "Kazoo=bass"], 4, ["Kazoo"]),
        ([SONG, "--part", "guitar", "--track", "Kazoo"], 2, ["Kazoo"]),
        ([SONG, "--part", "guitar", "--add", "--replace"], 2, ["exclude"]),
        ([SONG, "--part", "guitar", "--model", "nowhere.safetensors"], 3, ["nowhere.safetensors"]),
        ([SONG], 2, ["--part"]),
    ],
)
def test_bad_requests_get_a_sentence(tmp_path: Path, arguments: list[str | Path], code: int, words: list[str]) -> None:
    extra = [] if code == 2 and len(arguments) == 1 else ["-o", tmp_path / "out.mid"]
    refused(run("fill", *arguments, *extra), code, words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("empty.mid", b"", "empty"),
        ("text.mid", b"these are not notes", "not MIDI, Guitar Pro, MusicXML or DadaGP tokens"),
        ("cut.gp5", (EXAMPLES / "paper-boats.gp5").read_bytes()[:2000], "cut.gp5"),
        ("smpte.mid", bytes.fromhex("4d546864 00000006 0000 0001 e728 4d54726b 00000004 00ff2f00"), "smpte.mid"),
        ("silent.mid", bytes.fromhex("4d546864 00000006 0000 0001 0060 4d54726b 00000004 00ff2f00"), "no notes"),
        (
            "many.mid",
            bytes.fromhex("4d546864 00000006 0001 1388 0060") + bytes.fromhex("4d54726b 00000004 00ff2f00") * 5000,
            "track",
        ),
    ],
)
def test_bad_songs_get_a_sentence(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    song = tmp_path / name
    song.write_bytes(content)
    refused(run("fill", song, "--part", "bass"), 3, [name, word])
    assert song.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    song = tmp_path / "song.mid"
    song.write_bytes(SONG.read_bytes())
    refused(run("fill", song, "--part", "guitar", "-o", tmp_path / "no" / "a.mid"), 3, ["does not exist"])
    refused(run("fill", song, "--part", "guitar", "-o", tmp_path), 3, ["folder"])
    refused(run("fill", song, "--part", "guitar", "-o", tmp_path / "a.gpx"), 3, ["a.gpx", ".gp"])
    refused(run("fill", song, "--part", "guitar", "-o", song, "--force"), 3, ["never changed"])
    assert song.read_bytes() == SONG.read_bytes()
    if os.geteuid() != 0:  # root may write everywhere
        tmp_path.chmod(0o500)
        refused(run("fill", song, "--part", "guitar"), 3, ["no file can be written"])
        tmp_path.chmod(0o700)


def test_inspect_says_what_is_missing_and_why() -> None:
    result = run("inspect", SONG)
    assert result.returncode == 0
    assert "missing: guitar" in result.stdout
    assert "percussion track" in result.stdout
    assert "24 bars, 3/4" in result.stdout
    assert "key: surely F major" in result.stdout or "key: probably F major" in result.stdout
    assert "sections: A “A”, bars 1-8: F | C/E | Dm | Bb | F/A | Gm7 | C7 | F" in result.stdout
    found = json.loads(run("inspect", SONG, "--json").stdout)
    assert found["key"]["name"] == "F major"
    assert found["chords"][3] == {"bar": 4, "chords": ["Bb"]}
    assert [(one["bars"], one["label"]) for one in found["sections"]] == [
        ([1, 8], "A"),
        ([9, 16], "B"),
        ([17, 24], "A"),
    ]
    assert found["missing"] == ["guitar"]
    assert found["parts"]["guitar"] == []
    overruled = json.loads(run("inspect", SONG, "--json", "--track", f"{found['parts']['bass'][0]}=guitar").stdout)
    assert overruled["missing"] == ["bass"]


def test_train_leaves_models_that_fill_can_use(tmp_path: Path) -> None:
    import numpy as np

    from arranger.diffusion.layout import SOUNDS
    from arranger.diffusion.shards import Piece, write_shard

    notes = [np.tile(np.array(column, dtype=np.uint8), 8) for column in ([0, 1], [0, 0], [0, 36], [3, 12])]
    bars = [
        np.full(8, 48, np.uint8),
        np.full((8, 2), 4, np.uint8),
        np.full(8, 120, np.uint16),
        np.full(8, 2, np.uint16),
    ]
    shards, run_folder, config = tmp_path / "shards", tmp_path / "run", tmp_path / "config.json"
    shards.mkdir()
    for split in ("train", "val"):
        write_shard(shards / f"{split}-a.shard", [Piece("a", 0, np.zeros(SOUNDS, dtype=np.uint32), *bars, *notes)])
    net = {"width": 16, "blocks": 1, "heads": 2, "step_width": 8, "window": 16}
    config.write_text(json.dumps({"net": net, "batch": 1, "steps": 1, "warmup": 1, "validate_every": 1}))
    trained = run("train", config, "--shards", shards, "--run", run_folder, "--device", "cpu")
    assert trained.returncode == 0, trained.stderr
    for name in ("last", "best"):
        assert f"{name}.safetensors" in trained.stdout
        out = tmp_path / f"{name}.mid"
        result = fill(SONG, "--part", "guitar", "-o", out, "--model", run_folder / f"{name}.safetensors")
        assert result.returncode == 0, result.stderr
    (run_folder / "best.onnx").unlink()
    lost = fill(SONG, "--part", "guitar", "-o", tmp_path / "x.mid", "--model", run_folder / "best.safetensors")
    refused(lost, 3, ["best.onnx", "arranger train"])
