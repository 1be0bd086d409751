"""Windows, their shards, silence rules and triplets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from audio_ext.errors import AudioError
from audio_ext.latent.windows import (
    FORMAT,
    RATE,
    STEMS,
    WINDOW,
    Facts,
    Shard,
    Window,
    Windows,
    heard_stems,
    level_db,
    read_windows,
    triplet,
    write_windows,
)

FACTS = Facts(
    "a song.mid",
    12.34,
    120.0,
    "rock",
    {"drums": 4.0, "bass": 2.0},
    {"drums": 16, "bass": 33},
    {"bass": ((-0.5, 0.25, 40, 90), (1.0, 1.5, 43, 100))},
    ((0.16, 0), (0.66, 1)),
)


def noise(seed: int, samples: int = 1000) -> Window:
    stems = np.random.default_rng(seed).uniform(-0.25, 0.25, (len(STEMS), samples)).astype(np.float32)
    return Window(stems, FACTS)


def levels(*decibels: float) -> np.ndarray:
    """Four square waves that don't overlap in sign patterns; RMS levels in dB."""
    signs = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], np.float32)
    return np.tile(signs, 100) * (10 ** (np.array(decibels, np.float32) / 20))[:, None]


def test_a_window_is_ten_seconds_and_a_quarter() -> None:
    assert WINDOW / RATE == 10.24


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    first, second, third = noise(1), noise(2), noise(3)
    write_windows(tmp_path, 0, [first, second], {"next": 7})
    write_windows(tmp_path, 1, [third])
    found = list(read_windows(tmp_path))
    assert len(found) == 3
    for wrote, read in zip([first, second, third], found, strict=True):
        # Half a step of 16 bits, and what float32 rounds.
        assert np.abs(wrote.stems - read.stems).max() <= 0.5 / 32767 + 1e-7
        assert read.stems.dtype == np.float32
        assert read.facts == FACTS
    assert Shard(tmp_path / "windows-0000.safetensors").notes == {"next": 7}


def test_any_window_is_at_hand_by_its_number(tmp_path: Path) -> None:
    for number in range(3):
        write_windows(tmp_path, number, [noise(2 * number), noise(2 * number + 1)])
    windows = Windows(tmp_path)
    assert len(windows) == len(windows.facts) == 6
    for at in range(6):
        assert np.allclose(windows[at].stems, noise(at).stems, atol=2e-5)
        assert np.array_equal(windows[at - 6].stems, windows[at].stems)
    assert [np.argmax(one.stems) for one in windows[1:5:2]] == [np.argmax(windows[at].stems) for at in (1, 3)]
    with pytest.raises(IndexError):
        windows[6]


def test_an_interrupted_shard_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(tensors: object, path: str, metadata: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("safetensors.numpy.save_file", cut_off)
    with pytest.raises(OSError, match="disk full"):
        write_windows(tmp_path, 0, [noise(0)])
    assert not list(tmp_path.glob("windows-*.safetensors"))


@pytest.mark.parametrize("value", [1.01, -2.0, float("nan"), float("inf")])
def test_what_would_be_cut_off_is_refused(tmp_path: Path, value: float) -> None:
    window = noise(0)
    window.stems[2, 5] = value
    with pytest.raises(ValueError, match="beyond"):
        write_windows(tmp_path, 0, [window])


def shard(path: Path, **changes: object) -> Path:
    """A small shard with some of its contents changed."""
    given: dict[str, object] = {
        "stems": np.zeros((2, 4, 10), np.int16),
        "format": FORMAT,
        "facts": json.dumps([{"song": "a"}, {"song": "b"}]),
        **changes,
    }
    metadata = {key: value for key, value in given.items() if key != "stems" and isinstance(value, str)}
    stems = given["stems"]
    save_file({"stems": stems} if isinstance(stems, np.ndarray) else {"other": np.zeros(3)}, str(path), metadata)
    return path


def test_the_smallest_facts_are_a_songs_name(tmp_path: Path) -> None:
    assert Shard(shard(tmp_path / "windows-0000.safetensors"))[1].facts == Facts("b")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "something/1"},
        {"format": None},
        {"stems": None},
        {"stems": np.zeros((2, 3, 10), np.int16)},
        {"stems": np.zeros((2, 4, 10), np.float32)},
        {"stems": np.zeros((0, 4, 10), np.int16)},
        {"facts": "[{}"},
        {"facts": json.dumps([{"song": "a"}])},
        {"facts": json.dumps([{"song": "a"}, {"tempo": 3}])},
        {"facts": json.dumps([{"song": "a"}, {"song": "b", "taste": "good"}])},
        {"facts": json.dumps([{"song": "a"}, {"song": "b", "density": {"kazoo": 1}}])},
        {"facts": json.dumps([{"song": "a"}, {"song": "b", "notes": {"bass": [[0, 1, 40]]}}])},
        {"facts": json.dumps([{"song": "a"}, 5])},
        {"facts": "[" * 100_000},
    ],
)
def test_a_shard_that_is_none_is_told(tmp_path: Path, changes: dict[str, object]) -> None:
    path = shard(tmp_path / "windows-0000.safetensors", **changes)
    with pytest.raises(AudioError, match=r"windows-0000.*Make the windows again"):
        Shard(path)[0]


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"hello, this is no shard at all"])
def test_garbage_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "windows-0000.safetensors").write_bytes(data)
    with pytest.raises(AudioError, match="can't be read"):
        list(read_windows(tmp_path))


def test_a_cut_off_shard_is_told(tmp_path: Path) -> None:
    path = write_windows(tmp_path, 0, [noise(0)])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AudioError):
        Shard(path)


def test_a_folder_without_windows_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"datasets\.stems\.rendered"):
        Windows(tmp_path)


def test_a_level_is_that_of_its_rms() -> None:
    sine = 0.5 * np.sin(np.arange(16000) * 2 * np.pi * 100 / 16000)
    assert level_db(sine) == pytest.approx(-9.031, abs=1e-3)
    assert level_db(np.zeros(10)) == float("-inf")


def test_a_stem_plays_above_silence_and_near_the_mix() -> None:
    assert heard_stems(levels(-20, -20, -20, -20)) == STEMS
    assert heard_stems(levels(-20, -46, -48, -20)) == ("drums", "bass", "other")  # the mix is at -17
    assert heard_stems(levels(-20, -20, -20, -200)) == ("drums", "bass", "guitar")
    assert heard_stems(levels(-59, -61, -59, -59)) == ("drums", "guitar", "other")


def test_the_mix_is_the_sum() -> None:
    window = noise(4)
    assert np.array_equal(window.mix, window.stems.sum(axis=0))
    assert np.array_equal(window.stem("guitar"), window.stems[2])


@pytest.mark.parametrize("part", STEMS)
def test_a_triplet_is_mix_submix_and_stem(part: str) -> None:
    window = noise(5)
    found = triplet(window, part, np.random.default_rng(0))
    assert np.array_equal(found.mix, found.submix + found.stem)
    assert np.array_equal(found.stem, window.stem(part))
    assert np.allclose(found.mix, window.mix, atol=1e-6)
    assert np.allclose(found.submix, window.mix - window.stem(part), atol=1e-6)
    assert part.rstrip("s") in found.instruction.lower() or part == "other"
    assert found.facts is window.facts


def test_what_is_left_out_is_in_neither() -> None:
    window = Window(np.array([[0.5], [0.25], [0.125], [0.0625]], np.float32), FACTS)
    found = triplet(window, "drums", np.random.default_rng(0), "add drums", ("bass", "other"))
    assert (found.mix.tolist(), found.submix.tolist(), found.stem.tolist()) == ([0.625], [0.125], [0.5])
    assert found.instruction == "add drums"


def test_an_impossible_triplet_is_refused() -> None:
    rng = np.random.default_rng(0)
    for part, leave_out in (("vocals", ()), ("drums", ("kazoo",)), ("drums", ("drums",))):
        with pytest.raises(ValueError, match=r"no stem|put in and left out"):
            triplet(noise(0), part, rng, None, leave_out)


def test_windows_need_no_torch() -> None:
    code = "import sys, audio_ext.latent.instructions; print([n for n in sys.modules if n in ('torch', 'diffusers')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
