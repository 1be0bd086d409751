"""The cache of latents, its batches, and the training loop on a tiny net."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from audio_ext.errors import AudioError
from audio_ext.latent.latent_shards import Latents, TextTable
from audio_ext.latent.latents import bits, draw, names_of, waves, write_latents
from audio_ext.latent.settings import read_config
from audio_ext.latent.train_diffusion import DiffusionTraining, diffusion_loss, train, validate
from audio_ext.latent.unet import PRESETS, Denoiser, open_unet, with_condition
from audio_ext.latent.windows import STEMS, Facts, Window

TINY = PRESETS["tiny"]
SAMPLES = 640


class Lengths:
    """A text encoder whose states say the sentence: as many words as it has, each a 1, its length first."""

    width = 16

    def encode(self, sentences: list[str]) -> tuple[Tensor, Tensor]:
        counts = [len(one.split()) + 1 for one in sentences]
        mask = torch.arange(max(counts))[None] < torch.tensor(counts)[:, None]
        states = torch.ones(len(sentences), max(counts), 16) * mask[..., None]
        states[:, 0, 0] = torch.tensor([float(len(one)) for one in sentences])
        return states, mask


def encode(sounds: Tensor) -> Tensor:
    """A linear stand-in for the codec: means of 40 samples, as 16 frames of 1 band, in 4 copies."""
    means = sounds.reshape(len(sounds), 1, 16, 1, 40).mean(-1)
    return means.expand(-1, 4, -1, 2).contiguous()


def window(seed: int, levels: tuple[float, ...] = (0.1, 0.1, 0.1, 0.1)) -> Window:
    rng = np.random.default_rng(seed)
    stems = rng.standard_normal((4, SAMPLES)) * np.array(levels)[:, None]
    return Window(np.clip(stems, -1, 1).astype(np.float32), Facts(f"song {seed}", 1.0, 100.0, "rock"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("latents")
    for number in range(2):
        windows = [window(10 * number + at) for at in range(6)]
        path = made / f"latents-{number:04d}.safetensors"
        assert write_latents(path, windows, encode, Lengths(), np.random.default_rng(number), "abc") >= 6
    return made


def test_bits_name_stems() -> None:
    assert names_of(bits(("guitar", "drums"))) == ("drums", "guitar")
    assert names_of(bits(STEMS)) == STEMS


def test_examples_lack_one_part_and_a_third_lack_another_stem_altogether() -> None:
    rng, missing, parts = np.random.default_rng(0), 0, []
    for seed in range(200):
        drawn = draw(window(seed), rng)
        full = drawn.sums[0]
        missing += full != bits(STEMS)
        for under, part in drawn.examples:
            parts.append(part)
            assert under | bits((part,)) == full
            assert not under & bits((part,))
            assert under in drawn.sums
        assert full & 1  # drums stay
    assert missing / 200 == pytest.approx(1 / 3, abs=0.1)
    assert parts.count("drums") / len(parts) == pytest.approx(0.5, abs=0.02)


def test_sums_are_sums_and_mix_less_part_is_the_submix() -> None:
    drawn = draw(window(3), np.random.default_rng(3))
    sounds = waves(drawn)
    assert float(sounds.abs().max()) <= 1
    under, part = drawn.examples[0]
    stem = drawn.stems[STEMS.index(part)]
    found = sounds[0] - sounds[drawn.sums.index(under)]
    np.testing.assert_allclose(found.numpy(), stem, atol=1e-6)


def test_windows_with_nothing_to_put_in_are_passed_over(tmp_path: Path) -> None:
    empty = window(0, (0, 0, 0, 0.1))  # other alone
    assert (
        write_latents(tmp_path / "latents-0000.safetensors", [empty], encode, Lengths(), np.random.default_rng(0)) == 0
    )


def test_batches_are_crops_of_the_right_rows_with_their_texts(folder: Path) -> None:
    data = Latents(folder)
    assert data.codec == "abc"
    assert data.latents.shape[1:] == (4, 16, 2)
    numbers, starts = np.arange(len(data)), np.full(len(data), 3)
    example = data.insertion(numbers, starts, 8)
    for at, (mix, under, _, text) in enumerate(data.examples):
        assert torch.equal(example.x0[at], data.latents[mix, :, 3:11].float())
        assert torch.equal(example.condition.submix[at], data.latents[under, :, 3:11].float())  # type: ignore[index]
        states = example.condition.tokens[at][example.condition.mask[at]]
        assert torch.equal(states, data.text(int(text)).float())
        # The mix holds the stems of the submix and the part.
        assert data.rows[mix, 1] == data.rows[under, 1] | 1 << data.examples[at, 2]
        assert data.rows[mix, 0] == data.rows[under, 0]
    captioned = data.captioned(np.array([0, 5]), np.array([0, 1]), 8)
    assert captioned.condition.submix is None
    assert captioned.x0.shape == (2, 4, 8, 2)
    assert float(data.null.tokens[0, 0, 0]) == 0  # the empty text has length 0
    half = data.batch(True, 4000, 8, np.random.default_rng(0))
    assert len(half.x0) == 4000


def test_a_text_is_kept_once(folder: Path) -> None:
    table = TextTable()
    assert [table.add(one) for one in ("a b", "c", "a b", "")] == [1, 2, 1, 0]
    states, ends = table.encoded(Lengths())
    assert ends.tolist() == [1, 4, 6]
    assert len(states) == 6


def test_damaged_and_mixed_shards_are_errors(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no latents"):
        Latents(tmp_path)
    source = folder / "latents-0000.safetensors"
    (tmp_path / source.name).write_bytes(source.read_bytes()[:500])
    with pytest.raises(AudioError, match="no readable shard"):
        Latents(tmp_path)
    (tmp_path / source.name).write_bytes(source.read_bytes())
    write_latents(
        tmp_path / "latents-0001.safetensors", [window(0)], encode, Lengths(), np.random.default_rng(0), "other"
    )
    with pytest.raises(AudioError, match="different codecs"):
        Latents(tmp_path)


QUICK = DiffusionTraining(
    TINY, frames=8, batch=4, steps=4, learning_rate=3e-3, warmup=2, log_every=2, validate_every=4, save_every=2
)


def test_a_run_trains_stops_goes_on_and_is_the_same(folder: Path, tmp_path: Path) -> None:
    path = train(QUICK, folder, tmp_path / "whole", folder)
    train(replace(QUICK, steps=2), folder, tmp_path / "parts", folder)
    other = train(QUICK, folder, tmp_path / "parts", folder)
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert any("val" in entry for entry in log)
    assert log[-1]["step"] == 4
    # The learning rate of the shorter run fell sooner, so its weights differ, but not its batches; from the start:
    assert open_unet(path).config == open_unet(other).config == TINY
    again = train(QUICK, folder, tmp_path / "again", folder)
    assert path.read_bytes()[-2000:] == again.read_bytes()[-2000:]
    with pytest.raises(AudioError, match="another batch"):
        train(replace(QUICK, batch=3), folder, tmp_path / "whole", folder)


def test_a_killed_run_ends_as_if_it_had_not_been(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(QUICK, folder, tmp_path / "whole")
    import audio_ext.latent.train_diffusion as module

    drawn = module._drawn

    def killed(data: Latents, config: DiffusionTraining, step: int, rank: int, device: torch.device) -> object:
        if step == 3:
            raise KeyboardInterrupt
        return drawn(data, config, step, rank, device)

    monkeypatch.setattr(module, "_drawn", killed)
    with pytest.raises(KeyboardInterrupt):
        train(QUICK, folder, tmp_path / "killed")
    monkeypatch.setattr(module, "_drawn", drawn)
    after = train(QUICK, folder, tmp_path / "killed")
    for name, one in open_unet(whole).state_dict().items():
        torch.testing.assert_close(open_unet(after).state_dict()[name], one)


def test_the_subtractive_run_begins_as_its_base_model(folder: Path, tmp_path: Path) -> None:
    base = train(QUICK, folder, tmp_path / "base")
    config = replace(QUICK, unet=replace(TINY, conditional=True), steps=1, learning_rate=0.0)
    made = open_unet(train(config, folder, tmp_path / "sub", begin=base))
    begun = with_condition(open_unet(base)).state_dict()
    for name, one in made.state_dict().items():
        torch.testing.assert_close(one, begun[name], rtol=1e-3, atol=1e-4)
    with pytest.raises(AudioError, match="another net"):
        train(replace(config, unet=replace(config.unet, channels=(16, 48))), folder, tmp_path / "no", begin=base)


def test_latents_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="the config wants"):
        train(replace(QUICK, frames=64), folder, tmp_path)


@pytest.mark.parametrize("prediction", ["eps", "v"])
def test_the_loss_of_an_oracle_is_nothing(folder: Path, prediction: str) -> None:
    """A net that knows the answer has no loss, and no error in validation's terms."""
    from audio_ext.latent.schedule import alphas_bar, levels, target

    data = Latents(folder)
    config = replace(TINY, schedule=replace(TINY.schedule, prediction=prediction))
    example = data.batch(False, 4, 8, np.random.default_rng(0))
    noise, times = torch.randn(example.x0.shape), torch.tensor([0, 300, 700, 999])
    at = levels(alphas_bar(config.schedule), times, noise)
    oracle = target(example.x0, noise, at, prediction)
    assert float(diffusion_loss(lambda *_: oracle, config, example, times, noise)) == 0  # type: ignore[arg-type]
    wrong = float(diffusion_loss(lambda *_: oracle + 1, config, example, times, noise))  # type: ignore[arg-type]
    assert wrong == pytest.approx(1)


def test_validation_is_the_same_twice_and_knows_the_submixs_error(folder: Path) -> None:
    torch.manual_seed(0)
    data, net = Latents(folder), Denoiser(replace(TINY, conditional=True)).eval()
    config = replace(QUICK, unet=net.config)
    found = validate(net, data, config)
    assert found == validate(net, data, config)
    assert found["as_submix"] > 0
    assert set(found) > {"val", "x0_0.05", "x0_0.95"}


@pytest.mark.parametrize("name", ["base", "subtractive"])
def test_the_configs_that_come_along_are_read(name: str) -> None:
    config = read_config(Path(__file__).parents[1] / "configs" / "audio" / f"{name}.json", DiffusionTraining)
    assert config.name == name
    assert config.unet.latents == 16
    assert replace(config.unet, conditional=False) == replace(PRESETS["reduced"], schedule=config.unet.schedule)


def test_a_window_drawn_twice_gives_twice_the_examples_of_the_same_window(tmp_path: Path) -> None:
    path = tmp_path / "latents-0000.safetensors"
    windows = [window(1), window(2)]
    assert write_latents(path, windows, encode, Lengths(), np.random.default_rng(0), takes=2) == 8
    data = Latents(tmp_path)
    assert set(data.rows[:, 0]) == {0, 1}
    first = data.examples[[0, 4]]  # the same window, other gains
    assert not torch.equal(data.latents[first[0, 0]], data.latents[first[1, 0]])


def test_windows_become_latents_by_the_codec_and_stay_of_one_codec(tmp_path: Path) -> None:
    """The whole way from a folder of windows, with a tiny codec that has learnt nothing."""
    from audio_ext.latent.checkpoint import save_checkpoint
    from audio_ext.latent.codec import PRESETS as CODECS
    from audio_ext.latent.codec import MelCodec
    from audio_ext.latent.latents import make_latents
    from audio_ext.latent.windows import write_windows

    rng = np.random.default_rng(0)
    stems = (rng.standard_normal((2, 4, 10_240)) * 0.05).astype(np.float32)
    write_windows(tmp_path / "windows", 0, [Window(one, Facts(f"song {at}")) for at, one in enumerate(stems)])
    for name in ("codec", "other"):
        codec = MelCodec(CODECS["tiny"])
        save_checkpoint(tmp_path / f"{name}.safetensors", "codec", codec.config, codec.state_dict(), {})
    folder, out = tmp_path / "windows", tmp_path / "latents"
    assert make_latents(folder, tmp_path / "codec.safetensors", out, Lengths()) == 4
    assert Latents(out).latents.shape == (6, 4, 8, 8)
    assert make_latents(folder, tmp_path / "codec.safetensors", out, Lengths()) == 0  # they are there
    with pytest.raises(AudioError, match="another codec"):
        make_latents(folder, tmp_path / "other.safetensors", out, Lengths())
