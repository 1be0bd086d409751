"""Listeners: the checkpoint reader on files made by hand, taggers on sounds, VGGish on random weights."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from audio_ext.errors import AudioError
from audio_ext.latent.metrics.tensor_bundle import read_bundle

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from audio_ext.latent.metrics import musicnn, vggish  # noqa: E402
from audio_ext.latent.metrics.embeddings import Ears, VggishPatches, load_ears  # noqa: E402

RATE = 16_000


# A bundle written from the format's description, by other means than the reader's.


def varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value % 0x80 + 0x80])
        value //= 0x80
    return found + bytes([value])


def entry(shape: tuple[int, ...], offset: int, size: int, dtype: int = 1) -> bytes:
    dimensions = b"".join(b"\x12" + varint(len(one)) + one for one in (b"\x08" + varint(size) for size in shape))
    told = b"\x08" + varint(dtype) + b"\x12" + varint(len(dimensions)) + dimensions
    return told + b"\x20" + varint(offset) + b"\x28" + varint(size) + b"\x35" + struct.pack("<I", 123)


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    body, before = b"", b""
    for key, value in entries:
        shared = next(
            (at for at, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), min(len(before), len(key))
        )
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return body + struct.pack("<II", 0, 1)


def write_bundle(folder: Path, tensors: dict[str, np.ndarray], **faults: int) -> Path:
    folder.mkdir(exist_ok=True)
    places, data = [(b"", b"\x08\x01")], b""
    for name in sorted(tensors):
        raw = tensors[name].astype("<f4").tobytes()
        shape = tensors[name].shape
        places.append(
            (name.encode(), entry(shape, len(data) + faults.get("offset", 0), len(raw), faults.get("dtype", 1)))
        )
        data += raw
    first = block(places)
    index = block([(b"~", varint(0) + varint(len(first)))])
    kind = bytes([faults.get("compression", 0)])
    at = len(first) + 5
    table = first + kind + b"\0\0\0\0" + index + b"\0\0\0\0\0"
    footer = varint(0) + varint(0) + varint(at) + varint(len(index))
    magic = 0xDB4775248B80FB57 if not faults.get("magic") else 1
    (folder / ".index").write_bytes(table + footer.ljust(40, b"\0") + struct.pack("<Q", magic))
    (folder / ".data-00000-of-00001").write_bytes(data)
    return folder


TENSORS = {
    "conv/bias": np.arange(3.0),
    "conv/kernel": np.arange(24.0).reshape(2, 3, 4),
    "conv/kernel/Adam": np.ones((200, 1)),
    "scalar": np.array(7.0),
}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    found = read_bundle(write_bundle(tmp_path / "net", TENSORS))
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].shape == tensor.shape
        assert np.array_equal(found[name], tensor)


@pytest.mark.parametrize("fault", [{"magic": 1}, {"compression": 1}, {"offset": 1 << 40}, {"offset": 900}])
def test_faults_are_told(tmp_path: Path, fault: dict[str, int]) -> None:
    with pytest.raises(AudioError, match="no TensorFlow checkpoint"):
        read_bundle(write_bundle(tmp_path / "net", TENSORS, **fault))


def test_other_kinds_of_numbers_are_left_out(tmp_path: Path) -> None:
    assert read_bundle(write_bundle(tmp_path / "net", TENSORS, dtype=9)) == {}


def test_no_byte_of_the_index_breaks_the_reader(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "net", TENSORS)
    good = (folder / ".index").read_bytes()
    rng = np.random.default_rng(5)
    for cut in range(0, len(good), 7):
        (folder / ".index").write_bytes(good[:cut])
        with pytest.raises(AudioError):
            read_bundle(folder)
    for at in range(len(good)):
        changed = bytearray(good)
        changed[at] = int(rng.integers(256))
        (folder / ".index").write_bytes(bytes(changed))
        try:
            read_bundle(folder)
        except AudioError:
            continue


def test_a_missing_or_oversized_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match="can't be read"):
        read_bundle(tmp_path)
    folder = write_bundle(tmp_path / "net", TENSORS)
    monkeypatch.setattr("audio_ext.latent.metrics.tensor_bundle.MAX_DATA", 10)
    with pytest.raises(AudioError, match="larger"):
        read_bundle(folder)


# The taggers.


@pytest.fixture(scope="module")
def taggers() -> tuple[musicnn.Vgg, musicnn.Musicnn]:
    if musicnn.installed_folder() is None:
        pytest.skip("musicnn is not installed")
    return musicnn.load_taggers()


def plucked(hertz: list[float], seconds: float = 3.2) -> np.ndarray:
    """A line of plucked strings (Karplus and Strong 1983): a sound with a tag of its own, made without a SoundFont."""
    rng = np.random.default_rng(1)
    out = np.zeros(round(seconds * RATE), np.float32)
    for number, pitch in enumerate(hertz):
        line = rng.uniform(-1, 1, round(RATE / pitch))
        tone = np.empty(RATE, np.float32)
        for at in range(0, RATE, len(line)):
            piece = tone[at : at + len(line)]
            piece[:] = line[: len(piece)]
            line = 0.498 * (line + np.roll(line, -1))
        begin = number * RATE // 3
        out[begin : begin + RATE] += 0.2 * tone[: len(out) - begin]
    return out


def test_the_front_end_is_that_of_training() -> None:
    """Bands against transformers' filters, powers and frames by numpy."""
    filters = pytest.importorskip("transformers.audio_utils")
    wave = np.random.default_rng(2).normal(0, 0.1, RATE).astype(np.float32)
    bank = filters.mel_filter_bank(257, 96, 0.0, 8000.0, RATE, norm="slaney", mel_scale="slaney")
    padded = np.pad(wave, 256, mode="reflect")
    window = np.hanning(513)[:-1]
    found = musicnn.front_end(wave[None])[0].numpy()
    assert found.shape == (1 + RATE // 256, 96)
    for frame in (0, 17, 62):
        power = np.abs(np.fft.rfft(padded[frame * 256 : frame * 256 + 512] * window)) ** 2
        assert found[frame] == pytest.approx(np.log10(1 + 10_000 * power @ bank), abs=3e-3)


def test_plucked_strings_are_a_guitar_or_the_like(taggers: tuple[musicnn.Vgg, musicnn.Musicnn]) -> None:
    vgg, net = taggers
    mel = musicnn.front_end(plucked([196, 247, 294, 392, 294, 247, 196, 165])[None])
    for _, logits in (vgg(musicnn.patches(mel)[0]), net(mel)):
        best = [musicnn.TAGS[at] for at in logits.mean(0).argsort(descending=True)[:6]]
        assert {"guitar", "harp", "sitar", "harpsichord"} & set(best)
        assert not {"female vocal", "opera", "choir", "techno"} & set(best)


def test_musicnn_is_the_same_by_another_way(taggers: tuple[musicnn.Vgg, musicnn.Musicnn]) -> None:
    """One filter of each kind of the front layer, by numpy from the checkpoint as it is: padding, order of activation
    and normalisation, and pooling. A mistake in any gives another number."""
    _, net = taggers
    raw = net.weights
    mel = np.random.default_rng(3).uniform(0, 3, (187, 96))

    def norm(name: str, x: np.ndarray, at: int = 0) -> np.ndarray:
        mean, var, gamma, beta = (raw[f"{name}/{k}"][at] for k in ("moving_mean", "moving_variance", "gamma", "beta"))
        return (x - mean) / np.sqrt(var + 0.001) * gamma + beta

    x = norm("batch_normalization", mel)
    with torch.inference_mode():
        plain = torch.from_numpy(mel[None, None]).float()
        ours = net._norm(0, plain)
        tall = net._norm(3, net._convolved("conv2d_2", torch.nn.functional.pad(ours, (0, 0, 63, 64)))).amax(dim=3)
    kernel = raw["conv2d_2/kernel"][:, 0, 0, 5]
    padded = np.pad(x, ((63, 64), (0, 0)))
    frame = 100
    one = np.maximum(kernel @ padded[frame : frame + 128] + raw["conv2d_2/bias"][5], 0)
    assert float(tall[0, 5, frame]) == pytest.approx(norm("batch_normalization_3", one, 5).max(), rel=1e-4)


def test_windows_are_heard_alone(taggers: tuple[musicnn.Vgg, musicnn.Musicnn]) -> None:
    ears = load_ears()
    waves = np.random.default_rng(4).normal(0, 0.1, (2, 81_920)).astype(np.float32)
    waves[1] *= 0.1
    both, alone = ears.hear(waves), ears.hear(waves[1:])
    assert both.patches["mtt"].shape == (2, 2, 256)
    assert both.features["mtt"].shape == (2, 200)
    assert both.logits["mtt"].shape == (2, 50)
    assert both.patches["mtt"][1] == pytest.approx(alone.patches["mtt"][0], abs=1e-4)
    assert both.logits["mtt"][1] == pytest.approx(alone.logits["mtt"][0], abs=1e-4)


def test_patches_cover_the_window_evenly() -> None:
    mel = torch.arange(321.0)[None, :, None].expand(1, 321, 96)
    cut = musicnn.patches(mel)
    assert cut[0, :, 0, 0].tolist() == [0, 134]
    assert cut[0, :, -1, 0].tolist() == [186, 320]
    short = musicnn.patches(mel[:, :100])
    assert short.shape == (1, 1, 187, 96)
    assert short[0, 0, 100, 0] == 0


# VGGish.


def test_vggish_front_end() -> None:
    """A tone falls in its HTK band; frames are counted as the original counts them; 0.96 s an example."""
    seconds = np.arange(2 * RATE) / RATE
    examples = vggish.front_end(np.sin(2 * np.pi * 1000 * seconds)[None].astype(np.float32))
    assert examples.shape == (1, 2, 96, 64)
    edges = np.linspace(1127 * np.log(1 + 125 / 700), 1127 * np.log(1 + 7500 / 700), 66)
    assert int(examples[0, 0, 50].argmax()) == int(np.abs(edges[1:-1] - 1127 * np.log(1 + 1000 / 700)).argmin())
    assert vggish.front_end(np.zeros((1, 100), np.float32)).numpy() == pytest.approx(np.log(0.01))


@pytest.fixture
def small_vggish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of random weights for a net with narrow dense layers, so that the test is quick; the loader is the real
    one."""
    from safetensors.torch import save_file

    plain = torch.nn.Linear
    narrow = {4096: 8}
    monkeypatch.setattr(
        vggish.nn, "Linear", lambda inner, outer: plain(narrow.get(inner, inner), narrow.get(outer, outer))
    )
    torch.manual_seed(0)
    path = tmp_path / "vggish.safetensors"
    save_file(vggish.Vggish().state_dict(), path)
    return path


def test_vggish_loads_what_fits_and_nothing_else(small_vggish: Path) -> None:
    from safetensors.torch import load_file, save_file

    ear = VggishPatches(vggish.load_vggish(small_vggish))
    heard = Ears((ear,)).hear(np.random.default_rng(0).normal(0, 0.1, (3, 2 * RATE)).astype(np.float32))
    assert heard.patches["vggish"].shape == (3, 2, 128)
    assert (heard.patches["vggish"] < 0).any()  # no ReLU at the end
    tensors = load_file(small_vggish)
    assert {name for name in tensors if name.startswith("features")} == {
        f"features.{at}.{kind}" for at in (0, 3, 6, 8, 11, 13) for kind in ("weight", "bias")
    }
    broken = {
        "missing": {name: one for name, one in tensors.items() if name != "features.0.bias"},
        "more": {**tensors, "further": torch.zeros(1)},
        "shape": {**tensors, "features.0.bias": torch.zeros(3)},
        "nan": {**tensors, "features.0.bias": torch.full((64,), torch.nan)},
    }
    for one in broken.values():
        save_file(one, small_vggish)
        with pytest.raises(AudioError):
            vggish.load_vggish(small_vggish)
    small_vggish.write_bytes(b"no weights")
    with pytest.raises(AudioError, match="safetensors"):
        load_ears([small_vggish])


def test_weights_of_nets_that_are_not_built_are_named(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "cnn14.safetensors"
    save_file({"fc_audioset.weight": torch.zeros(527, 2048)}, path)
    with pytest.raises(AudioError, match="Cnn14"):
        load_ears([path])
    with pytest.raises(AudioError, match="MTT_vgg"):
        load_ears([tmp_path])
