"""Full mixes cut by a separator: a toy one with a closed form, and demucs with small random weights."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile")
pytest.importorskip("scipy")

import soundfile

from audio_ext.errors import AudioError
from audio_ext.latent.windows import RATE, WINDOW, Windows
from audio_ext.recordings import Recording
from datasets.stems import corpora
from datasets.stems.mixes import Mix, magnatagatune, musiccaps, separated, windows

LOW, HIGH = 150.0, 3000.0


class Halves:
    """Bass is what lies below 1 kHz, drums half of what lies above; it sees the bins of the whole recording."""

    rate = 22050

    def separate(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
        bins = np.fft.rfft(frames, axis=1)
        low = np.fft.rfftfreq(frames.shape[1], 1 / self.rate) < 1000
        parts = {"bass": bins * low, "drums": 0.5 * bins * ~low, "vocals": 0.25 * bins * ~low}
        return {name: np.fft.irfft(part, frames.shape[1]).astype(np.float32) for name, part in parts.items()}


def recording(rate: int = 44100, seconds: float = 11.0) -> Recording:
    time = np.arange(round(rate * seconds)) / rate
    frames = 0.2 * np.sin(2 * np.pi * LOW * time) + 0.2 * np.sin(2 * np.pi * HIGH * time)
    return Recording(np.stack([frames, frames]).astype(np.float32), rate)


def level(frames: np.ndarray, hertz: float) -> float:
    middle = frames[RATE : 9 * RATE]
    return float(2 * np.abs(np.mean(middle * np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / RATE))))


def test_the_stems_sum_to_the_recording() -> None:
    given = recording(RATE)
    stems = separated(given, Halves())
    assert np.abs(stems.sum(axis=0) - given.mono()).max() < 1e-6
    drums, bass, guitar, other = stems
    assert level(bass, LOW) == pytest.approx(0.2, rel=0.02)
    assert level(bass, HIGH) < 1e-3
    assert level(drums, HIGH) == pytest.approx(0.1, rel=0.05)
    assert not np.any(guitar)
    # The voice and what the separator gave to nobody.
    assert level(other, HIGH) == pytest.approx(0.1, rel=0.05)


def test_any_rate_comes_to_ours() -> None:
    stems = separated(recording(44100), Halves())
    assert stems.shape == (4, 11 * RATE)
    assert level(stems[1], LOW) == pytest.approx(0.2, rel=0.02)


def test_a_stem_that_we_do_not_know_is_told() -> None:
    class Odd(Halves):
        def separate(self, frames: np.ndarray) -> Mapping[str, np.ndarray]:
            return {"kazoo": frames}

    with pytest.raises(AudioError, match="kazoo"):
        separated(recording(), Odd())


def clip(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    given = recording(RATE, 10.0)
    soundfile.write(str(path), given.frames.T, given.rate)
    return path


def musiccaps_folder(home: Path) -> Path:
    clip(home / "audio" / "abc-_1.wav")
    clip(home / "audio" / "[def]-[30-40].wav")
    rows = [
        "ytid,start_s,end_s,audioset_positive_labels,aspect_list,caption,author_id,is_balanced_subset,is_audioset_eval",
        """abc-_1,30,40,"/m/x","['rock', 'electric guitar', ""driving drums""]","A rock song, loud.",4,False,True""",
        """gone,30,40,"/m/x","['jazz']","Gone from YouTube.",4,False,True""",
        """def,30,40,"/m/x","['slow']","A slow
song.",4,False,True""",
    ]
    (home / "musiccaps-public.csv").write_text("\n".join(rows), encoding="utf-8")
    return home


def test_musiccaps(tmp_path: Path) -> None:
    first, second = musiccaps(musiccaps_folder(tmp_path))
    assert (first.name, first.caption, first.style) == ("musiccaps/abc-_1", "A rock song, loud.", "rock")
    assert first.tags == ("rock", "electric guitar", "driving drums")
    assert (second.path.name, second.caption) == ("[def]-[30-40].wav", "A slow\nsong.")
    (window,) = windows(first, Halves())
    assert window.stems.shape == (4, WINDOW)
    assert window.heard == ("drums", "bass", "other")
    assert window.facts.style == "rock"
    assert not np.any(window.stems[:, 10 * RATE :])


def test_musiccaps_without_clips_or_columns_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no folder audio"):
        list(musiccaps(tmp_path))
    (tmp_path / "audio").mkdir()
    with pytest.raises(AudioError, match=r"musiccaps-public\.csv .*can't be read"):
        list(musiccaps(tmp_path))
    (tmp_path / "musiccaps-public.csv").write_text("ytid,caption\n")
    with pytest.raises(AudioError, match="no column aspect_list"):
        list(musiccaps(tmp_path))
    (tmp_path / "musiccaps-public.csv").write_text("ytid,aspect_list,caption\nabc,[],x\n")
    with pytest.raises(AudioError, match="none of its clips"):
        list(musiccaps(tmp_path))


def test_magnatagatune(tmp_path: Path) -> None:
    rows = ["clip_id\tjazz\tdrums\tno drums\tmp3_path", "2\t1\t1\t0\tb/x-0-29.mp3", "6\t0\t0\t1\tf/y-0-29.mp3"]
    (tmp_path / "annotations_final.csv").write_text("\n".join(rows))
    for name in ("b/x-0-29.mp3", "f/y-0-29.mp3"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    (mix,) = magnatagatune(tmp_path, "train")
    assert (mix.name, mix.tags, mix.style) == ("magnatagatune/2", ("jazz", "drums"), "jazz")
    assert [mix.tags for mix in magnatagatune(tmp_path, "test")] == [("no drums",)]
    assert not list(magnatagatune(tmp_path, "validation"))
    (tmp_path / "b/x-0-29.mp3").unlink()
    with pytest.raises(AudioError, match=r"names b/x-0-29\.mp3, which is missing"):
        list(magnatagatune(tmp_path, "train"))
    (tmp_path / "annotations_final.csv").write_text("clip_id\tmp3_path\n2\tb/../../../etc/passwd\n")
    with pytest.raises(AudioError, match="missing"):
        list(magnatagatune(tmp_path, "train"))


def test_windows_of_mixes_keep_their_words(tmp_path: Path) -> None:
    home = musiccaps_folder(tmp_path / "musiccaps")
    with pytest.raises(AudioError, match="need a separator"):
        list(corpora.find("musiccaps", home, "train", None, False))
    found = corpora.find("musiccaps", home, "train", Halves(), False)
    assert corpora.write(found, tmp_path / "out", shard=1) == 2
    lines = (tmp_path / "out" / corpora.CAPTIONS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["caption"] for line in lines] == ["A rock song, loud.", "A slow\nsong."]
    assert [facts.song for facts in Windows(tmp_path / "out").facts] == ["musiccaps/abc-_1", "musiccaps/def"]


def test_a_mix_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"x\.mp3"):
        list(windows(Mix("x", tmp_path / "x.mp3", "", ()), Halves()))


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from datasets.stems.separators import load_demucs

    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.mkdir, (tmp_path / "harm",))

    (tmp_path / "model.th").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(AudioError, match="converted once"):
        load_demucs(tmp_path / "model.th")
    assert not (tmp_path / "harm").exists()
    with pytest.raises(AudioError, match="can't be read"):
        load_demucs(tmp_path / "missing.th")


@pytest.fixture(scope="module")
def tiny() -> object:
    torch = pytest.importorskip("torch")
    hdemucs = pytest.importorskip("demucs.hdemucs")
    torch.manual_seed(0)
    return hdemucs.HDemucs(
        ["drums", "bass", "other", "vocals"], audio_channels=1, samplerate=RATE, channels=4, depth=6, segment=4
    )


def test_demucs_from_a_local_file(tiny: object, tmp_path: Path) -> None:
    from demucs.apply import apply_model

    from datasets.stems.separators import load_demucs, save_demucs

    save_demucs(tiny, tmp_path / "tiny.safetensors")
    separator = load_demucs(tmp_path / "tiny.safetensors")
    assert (separator.rate, separator.sources) == (RATE, ("drums", "bass", "other", "vocals"))
    frames = recording(RATE, 3.0).frames
    found = separator.separate(frames)
    # The same as demucs's own way of doing it.
    import torch

    wave = torch.from_numpy(frames).mean(0, keepdim=True)
    with torch.no_grad():
        whole = apply_model(tiny.eval(), ((wave - wave.mean()) / wave.std())[None], shifts=0)[0]  # type: ignore[attr-defined]
    expected = (whole * wave.std() + wave.mean()).numpy()
    for at, name in enumerate(separator.sources):
        assert found[name].shape == (1, frames.shape[1])
        assert np.allclose(found[name], expected[at], atol=1e-5)
    stems = separated(recording(RATE, 3.0), separator)
    assert np.abs(stems.sum(axis=0) - recording(RATE, 3.0).mono()).max() < 1e-5
    assert not any(np.any(one) for one in separator.separate(np.zeros((2, RATE), np.float32)).values())


def test_weights_that_do_not_fit_are_told(tiny: object, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from datasets.stems.separators import FORMAT, load_demucs

    path = tmp_path / "x.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in tiny.state_dict().items()}  # type: ignore[attr-defined]
    good = {"sources": ["drums"], "audio_channels": 1, "samplerate": RATE, "channels": 4}
    for config in (good, {**good, "sources": []}, {**good, "channels": 100_000}, {"sources": ["a"], "taste": 1}, [1]):
        save_file(tensors, str(path), {"format": FORMAT, "class": "HDemucs", "config": json.dumps(config)})
        with pytest.raises(AudioError, match="its weights can't be used"):
            load_demucs(path)
    save_file(tensors, str(path), {"format": FORMAT, "class": "System", "config": "{}"})
    with pytest.raises(AudioError, match="no weights of demucs"):
        load_demucs(path)
