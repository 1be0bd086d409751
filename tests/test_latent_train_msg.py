"""The cache of stems' latents, and the training of MSG-LD on a tiny net."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from latent_stems import TINY
from torch import Tensor

from audio_ext.errors import AudioError
from audio_ext.latent.msg import StemModel
from audio_ext.latent.settings import read_config
from audio_ext.latent.stem_latents import StemLatents, drawn, write_stem_latents
from audio_ext.latent.train_msg import Batch, StemsTraining, draw_batch, stems_loss, train, validate
from audio_ext.latent.unet3d import StemNet, open_stem_net
from audio_ext.latent.windows import Facts, Window

ROOT = Path(__file__).parents[1]
SAMPLES = 640
SMALL = replace(TINY, bands=2, widths=(1, 2))
QUICK = StemsTraining(
    SMALL, frames=8, batch=4, steps=4, learning_rate=3e-3, warmup=2, log_every=2, validate_every=4, save_every=2
)


def encode(sounds: Tensor) -> Tensor:
    """A linear stand-in for the codec: means of 40 samples, as 16 frames of 2 bands, in 4 copies."""
    return sounds.reshape(len(sounds), 1, 16, 1, 40).mean(-1).expand(-1, 4, -1, 2).contiguous()


def window(seed: int) -> Window:
    stems = 0.1 * np.random.default_rng(seed).standard_normal((4, SAMPLES))
    return Window(np.clip(stems, -1, 1).astype(np.float32), Facts(f"song {seed}", 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stem-latents")
    for number in range(2):
        windows = [window(10 * number + at) for at in range(5)]
        path = made / f"stems-{number:04d}.safetensors"
        assert write_stem_latents(path, windows, encode, np.random.default_rng(number), "abc", takes=2) == 10
    return made


def test_what_is_drawn_is_the_stems_at_other_gains_and_their_sum() -> None:
    found = drawn(window(3), np.random.default_rng(3))
    assert np.abs(found).max() <= 1
    np.testing.assert_allclose(found[:4].sum(axis=0), found[4], atol=1e-6)
    ratios = found[:4].std(axis=1) / window(3).stems.std(axis=1)
    assert len(set(ratios.round(3))) == 4
    assert (np.abs(20 * np.log10(ratios)) <= 3.01).all()


def test_batches_are_crops_of_stems_with_their_mixtures(folder: Path) -> None:
    data = StemLatents(folder)
    assert (len(data), data.codec) == (20, "abc")
    stems, mixture = data.batch(200, 8, np.random.default_rng(0))
    assert stems.shape == (200, 4, 4, 8, 2)
    # The stand-in is linear: the mixture's latent is the sum of the stems', up to 16 bits.
    torch.testing.assert_close(stems.sum(1), mixture, atol=1e-3, rtol=1e-2)
    assert len({float(one) for one in stems[:, 0, 0, 0, 0]}) > 60  # rows and places vary


def test_damaged_and_mixed_shards_are_errors(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no latents of stems"):
        StemLatents(tmp_path)
    source = folder / "stems-0000.safetensors"
    (tmp_path / source.name).write_bytes(source.read_bytes()[:500])
    with pytest.raises(AudioError, match="no readable shard"):
        StemLatents(tmp_path)
    (tmp_path / source.name).write_bytes(source.read_bytes())
    write_stem_latents(tmp_path / "stems-0001.safetensors", [window(0)], encode, np.random.default_rng(0), "other")
    with pytest.raises(AudioError, match="different codecs"):
        StemLatents(tmp_path)


def test_mixtures_are_dropped_at_the_rate_that_is_asked(folder: Path) -> None:
    data = StemLatents(folder)
    for share in (0.0, 0.1, 0.5, 1.0):
        config = replace(QUICK, drop=share, batch=500)
        batches = [draw_batch(data, config, step) for step in range(4)]
        dropped = torch.cat([(one.mixture == 0).flatten(1).all(1) for one in batches]).float()
        assert float(dropped.mean()) == pytest.approx(share, abs=4 * (share * (1 - share) / 2000) ** 0.5)
        # What is not dropped is the mixture itself, and stems are never dropped.
        whole = draw_batch(data, replace(config, drop=0.0), 0)
        kept = ~dropped[:500].bool()
        assert torch.equal(batches[0].mixture[kept], whole.mixture[kept])
        assert torch.equal(batches[0].stems, whole.stems)
    times = torch.cat([one.times for one in batches])
    assert (int(times.min()) < 20, int(times.max()) > 980) == (True, True)


def test_the_loss_of_a_net_that_knows_nothing_is_the_power_of_its_target(folder: Path) -> None:
    batch = draw_batch(StemLatents(folder), replace(QUICK, batch=64), 0)
    net = StemNet(replace(SMALL, schedule=replace(SMALL.schedule, prediction="eps")))  # its last layer is zero
    assert float(stems_loss(net, net.config, batch).detach()) == pytest.approx(
        float(batch.noise.square().mean()), rel=1e-5
    )


def test_one_batch_is_learnt_and_then_separated() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(5)
    stems = torch.randn(2, 4, 4, 4, 2, generator=generator)
    mixture = torch.randn(2, 4, 4, 2, generator=generator)  # only by heart can these be told apart
    net = StemNet(SMALL)
    optimiser = torch.optim.Adam(net.parameters(), lr=6e-3)
    for _ in range(160):
        times = torch.randint(1000, (8,), generator=generator)
        noise = torch.randn(8, *stems.shape[1:], generator=generator)
        rows = torch.arange(8) % 2
        loss = stems_loss(net, SMALL, Batch(stems[rows], mixture[rows], times, noise))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = StemModel(net.eval()).separate(mixture, 10, weight=1.0)
    error = float((found - stems).square().mean() / stems.square().mean())
    swapped = float((found.flip(0) - stems).square().mean() / stems.square().mean())
    # A net that is deaf to the mixture has 1 for both.
    assert error < 0.6
    assert swapped > 1.7


def test_a_run_trains_stops_goes_on_and_is_the_same(folder: Path, tmp_path: Path) -> None:
    path = train(QUICK, folder, tmp_path / "whole", folder)

    assert path.name == "msg-ld.safetensors"
    again = train(QUICK, folder, tmp_path / "whole", folder)  # a finished run stays as it is
    first, second = open_stem_net(path), open_stem_net(again)
    for name, one in first.state_dict().items():
        assert torch.equal(one, second.state_dict()[name])
    lines = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert lines[0]["examples"] == 20
    assert {"val", "as_mixture", "free_0.5", "drums", "other"} <= set().union(*lines)
    with pytest.raises(AudioError, match="another drop"):
        train(replace(QUICK, drop=0.3), folder, tmp_path / "whole")
    with pytest.raises(AudioError, match="the config wants"):
        train(replace(QUICK, net=replace(SMALL, latents=8)), folder, tmp_path / "wrong")


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(folder: Path, tmp_path: Path) -> None:
    """The learning rate hangs on the length, so the run is stopped by an error in its third step."""
    whole = train(QUICK, folder, tmp_path / "whole")
    config, seen = QUICK, 0

    class Stopped(StemLatents):
        def batch(self, *given: object) -> tuple[Tensor, Tensor]:
            nonlocal seen
            seen += 1
            if seen == 3:
                raise KeyboardInterrupt
            return super().batch(*given)  # type: ignore[arg-type]

    from audio_ext.latent import train_msg

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_msg, "StemLatents", Stopped)
        with pytest.raises(KeyboardInterrupt):
            train(config, folder, tmp_path / "stopped")
    resumed = train(config, folder, tmp_path / "stopped")
    for name, one in open_stem_net(whole).state_dict().items():
        assert torch.equal(one, open_stem_net(resumed).state_dict()[name]), name


def test_validation_of_a_silent_net_is_what_it_must_be(folder: Path) -> None:
    data = StemLatents(folder)
    figures = validate(StemNet(SMALL).eval(), data, QUICK)
    # Its v is 0 everywhere, so x0 is found as a times the noisy latent, whatever it is told.
    assert figures["x0_0.5"] == figures["free_0.5"]
    assert figures["as_mixture"] > 0
    assert np.mean([figures[name] for name in ("drums", "bass", "guitar", "other")]) == pytest.approx(
        figures["x0_0.95"], rel=1e-5
    )


def test_the_shipped_config_is_read_and_training_needs_no_diffusers() -> None:
    assert read_config(ROOT / "configs" / "audio" / "msg.json", StemsTraining).net == StemsTraining().net
    code = "import sys, audio_ext.latent.train_msg; assert not {'diffusers', 'transformers'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
