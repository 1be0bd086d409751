"""Corpora of stems, each as a tiny folder of its layout with tones whose sum is known."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("yaml")
pytest.importorskip("scipy")

import soundfile
import yaml

from audio_ext.errors import AudioError
from audio_ext.latent.windows import RATE, STEMS, WINDOW, Facts, Windows
from datasets.stems import folders, moises, musdb, slakh
from datasets.stems.folders import Multitrack, checked, cut, read_stems, windows
from tests.stem_songs import band_file

SECONDS = 11.0


def tone(path: Path, hertz: float, rate: int = 44100, seconds: float = SECONDS, channels: int = 1) -> Path:
    """A tone of amplitude 0.1; on two channels it is on both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = 0.1 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    soundfile.write(str(path), np.tile(frames[:, None], (1, channels)), rate)
    return path


def amplitude(frames: np.ndarray, hertz: float) -> float:
    """Of a tone in frames at `RATE`, away from the ends."""
    middle = frames[RATE : 9 * RATE]
    return float(2 * np.abs(np.mean(middle * np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / RATE))))


def slakh_folder(home: Path) -> Path:
    track = home / "train" / "Track00001"
    fields = {"S00": ("Bass", False), "S01": ("Drums", True), "S02": ("Guitar", False), "S03": ("Piano", False),
              "S04": ("Strings", False), "S05": ("Sound Effects", False)}  # fmt: skip
    stems = {
        name: {"inst_class": kind, "is_drum": drum, "program_num": 1, "audio_rendered": name != "S05"}
        for name, (kind, drum) in fields.items()
    }
    for number, name in enumerate(fields):
        if name != "S05":
            tone(track / "stems" / f"{name}.flac", 200.0 * (number + 1))
    (track / "metadata.yaml").write_text(yaml.safe_dump({"UUID": "x", "stems": stems}))
    band_file(track / "MIDI" / "S00.mid", without=("drums", "guitar", "other"))
    return home


def test_slakh(tmp_path: Path) -> None:
    (song,) = slakh.songs(slakh_folder(tmp_path))
    assert song.name == "slakh/train/Track00001"
    assert {stem: [path.stem for path in files] for stem, files in song.files.items()} == {
        "bass": ["S00"],
        "drums": ["S01"],
        "guitar": ["S02"],
        "other": ["S03", "S04"],
    }
    (window,) = windows(song)
    assert window.stems.shape == (4, WINDOW)
    assert window.heard == STEMS
    for stem, hertz in (("bass", 200), ("drums", 400), ("guitar", 600), ("other", 800), ("other", 1000)):
        assert amplitude(window.stem(stem), hertz) == pytest.approx(0.1, rel=0.02)
        assert amplitude(window.mix, hertz) == pytest.approx(0.1, rel=0.02)
    assert amplitude(window.stem("drums"), 200) < 1e-4
    # What is known comes from the MIDI file of the stem.
    assert window.facts.tempo_qpm == 120.0
    assert set(window.facts.density) == {"bass"}
    assert window.facts.density["bass"] == pytest.approx(2, abs=0.1)
    assert window.facts.programs == {"bass": 33}


def test_babyslakh_has_no_splits(tmp_path: Path) -> None:
    slakh_folder(tmp_path)
    (tmp_path / "train" / "Track00001").rename(tmp_path / "Track00001")
    (tmp_path / "train").rmdir()
    assert [song.name for song in slakh.songs(tmp_path)] == ["slakh/train/Track00001"]


@pytest.mark.parametrize(
    "text",
    [
        "stems: [1, 2]",
        "nothing: 1",
        "stems: {S00: 5}",
        "stems: {../S00: {inst_class: Bass}}",
        "a: b: c",
        "&a [*a, *a",
        "",
    ],
)
def test_slakh_with_other_metadata_is_told(tmp_path: Path, text: str) -> None:
    slakh_folder(tmp_path)
    (tmp_path / "train" / "Track00001" / "metadata.yaml").write_text(text)
    with pytest.raises(AudioError, match=r"metadata.yaml .*no metadata of Slakh"):
        list(slakh.songs(tmp_path))


def test_metadata_runs_no_code(tmp_path: Path) -> None:
    slakh_folder(tmp_path)
    harm = tmp_path / "harm"
    text = f"stems: !!python/object/apply:os.mkdir ['{harm}']"
    (tmp_path / "train" / "Track00001" / "metadata.yaml").write_text(text)
    with pytest.raises(AudioError):
        list(slakh.songs(tmp_path))
    assert not harm.exists()


def test_slakh_without_a_file_is_told(tmp_path: Path) -> None:
    slakh_folder(tmp_path)
    (tmp_path / "train" / "Track00001" / "stems" / "S02.flac").unlink()
    with pytest.raises(AudioError, match=r"Track00001 .*names S02, but stems/ lacks it"):
        list(slakh.songs(tmp_path))


def musdb_folder(home: Path) -> Path:
    for number, name in enumerate(("drums", "bass", "other", "vocals")):
        tone(home / "test" / "Some One - A Song" / f"{name}.wav", 300.0 * (number + 1), channels=2)
    return home


def test_musdb(tmp_path: Path) -> None:
    (song,) = musdb.songs(musdb_folder(tmp_path), "test")
    assert song.name == "musdb18/test/Some One - A Song"
    (window,) = windows(song)
    assert window.heard == ("drums", "bass", "other")
    for stem, hertz in (("drums", 300), ("bass", 600), ("other", 900), ("other", 1200)):
        assert amplitude(window.stem(stem), hertz) == pytest.approx(0.1, rel=0.02)
    assert window.facts == Facts("musdb18/test/Some One - A Song")
    assert not list(windows(song, full=True))


def test_compressed_musdb_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A - B.stem.mp4").write_bytes(b"")
    with pytest.raises(AudioError, match=r"stem\.mp4.*MUSDB18-HQ.*stempeg"):
        list(musdb.songs(tmp_path))


def test_musdb_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="it has no folder train"):
        list(musdb.songs(tmp_path))
    musdb_folder(tmp_path)
    (tmp_path / "test" / "Some One - A Song" / "bass.wav").unlink()
    with pytest.raises(AudioError, match=r"it lacks bass\.wav"):
        list(musdb.songs(tmp_path, "test"))
    with pytest.raises(AudioError, match="There are train, test"):
        list(musdb.songs(tmp_path, "val"))


def moises_folder(home: Path, artist: str = "Somebody", **changes: object) -> Path:
    song = home / "moisesdb_v0.1" / f"uuid-{artist}"
    stems = []
    for number, name in enumerate(("drums", "guitar", "guitar", "vocals", "percussion", "bass")):
        tone(song / name / f"t{number}.wav", 200.0 * (number + 1), channels=2, seconds=SECONDS - 0.1 * number)
        stems.append({"id": f"s{number}", "stemName": name, "tracks": [{"id": f"t{number}", "extension": "wav"}]})
    data = {"song": "X", "artist": artist, "genre": "reggae", "stems": stems, **changes}
    (song / "data.json").write_text(json.dumps(data))
    return home


def test_moises(tmp_path: Path) -> None:
    (song,) = moises.songs(moises_folder(tmp_path), moises.split_of("Somebody"))
    assert song.style == "reggae"
    assert {stem: [path.stem for path in files] for stem, files in song.files.items()} == {
        "drums": ["t0"],
        "guitar": ["t1", "t2"],
        "other": ["t3", "t4"],
        "bass": ["t5"],
    }
    stems = read_stems(song)
    assert stems.shape == (4, round(SECONDS * RATE))
    assert amplitude(stems[2], 400) == pytest.approx(0.1, rel=0.02)
    assert amplitude(stems[2], 600) == pytest.approx(0.1, rel=0.02)
    assert np.abs(stems[1, round(10.6 * RATE) :]).max() < 1e-3
    (window,) = windows(song)
    assert window.facts.style == "reggae"


def test_an_artist_is_in_one_split() -> None:
    splits = [moises.split_of(f"artist {number}") for number in range(2000)]
    assert 150 < splits.count("val") < 250
    assert moises.split_of("ABBA ") == moises.split_of("abba")


@pytest.mark.parametrize(
    ("stems", "problem"),
    [
        ([{"stemName": "kazoo", "tracks": []}], "no stem “kazoo”"),
        ([{"stemName": "drums", "tracks": [{"id": "gone", "extension": "wav"}]}], "gone.wav, which is missing"),
        ([{"stemName": "drums", "tracks": [{"id": "../bass/t5", "extension": "wav"}]}], "missing"),
        ([{"stemName": "drums", "tracks": [{"id": 5, "extension": "wav"}]}], "no data.json of MoisesDB"),
        ("none", "no data.json of MoisesDB"),
    ],
)
def test_moises_that_is_none_is_told(tmp_path: Path, stems: object, problem: str) -> None:
    moises_folder(tmp_path, stems=stems)
    with pytest.raises(AudioError, match=problem):
        list(moises.songs(tmp_path, moises.split_of("Somebody")))


def test_loud_sums_are_turned_down_together() -> None:
    stems = np.zeros((4, WINDOW), np.float32)
    stems[0], stems[1], stems[3] = 0.9, 0.6, 0.3
    (window,) = cut(stems, lambda start: Facts("s", start))
    assert float(np.abs(window.mix).max()) == pytest.approx(0.999)
    assert np.allclose(window.stems[0], 1.5 * window.stems[1])
    # And what fits is left alone.
    (window,) = cut(stems / 2, lambda start: Facts("s", start))
    assert np.array_equal(window.stems, stems / 2)


def test_a_song_is_cut_to_its_end() -> None:
    stems = np.full((4, round(2.5 * WINDOW)), 0.1, np.float32)
    stems[3, : WINDOW + 100] = 0
    stems[2, WINDOW:] = 0
    found = list(cut(stems, lambda start: Facts("s", start), hop=WINDOW // 2))
    # Three stems are enough; two are not.
    assert [window.facts.start for window in found] == [0.0, 5.12, 10.24, 15.36]
    assert [window.heard for window in found][2:] == [("drums", "bass", "other")] * 2
    assert not list(cut(stems[:, : 8 * RATE], lambda start: Facts("s", start)))
    (short,) = cut(stems[:, : 10 * RATE], lambda start: Facts("s", start))
    assert short.stems.shape == (4, WINDOW)


def test_too_many_files_are_no_song(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="more than"):
        read_stems(Multitrack("s", {"drums": [tmp_path / "x.wav"] * (folders.MAX_FILES + 1)}))


def test_an_archive_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "corpus.zip"
    path.write_bytes(b"12345")
    checked(path, hashlib.md5(b"12345").hexdigest())
    with pytest.raises(AudioError, match="download it again"):
        checked(path, musdb.ARCHIVE_MD5)
    with pytest.raises(AudioError, match="can't be read"):
        checked(tmp_path / "missing.zip", musdb.ARCHIVE_MD5)


def test_the_command_writes_windows_and_passes_over_bad_songs(tmp_path: Path) -> None:
    home = musdb_folder(tmp_path / "musdb18hq")
    bad = home / "test" / "Bad - Song"
    bad.mkdir()
    for name in ("drums", "bass", "other", "vocals"):
        (bad / f"{name}.wav").write_bytes(b"no sound")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "datasets.stems.corpora", "musdb", str(home), "-o", str(out), "--split", "test"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    assert "1 windows" in done.stdout
    assert "skipped: drums.wav" in done.stderr
    assert len(Windows(out)) == 1
    again = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert again.returncode == 1
    assert "windows in it already" in again.stderr
