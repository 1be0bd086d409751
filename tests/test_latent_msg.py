"""MSG-LD's three modes: what they promise whatever the net is, and that a net that was taught separates."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch
from latent_bands import LosslessCodec
from latent_stems import TINY, awake
from torch import Tensor

from arranger.errors import FillRequestError
from audio_ext.errors import AudioError
from audio_ext.latent.mel import MSG_LD
from audio_ext.latent.msg import StemModel
from audio_ext.latent.msg_sound import Sampling, StemSystem, complete, generate, separate, shares
from audio_ext.latent.schedule import alphas_bar, as_eps
from audio_ext.latent.unet3d import packed
from audio_ext.latent.vocoder import GriffinLim
from audio_ext.latent.windows import STEMS
from audio_ext.recordings import Recording

MODEL = StemModel(awake())
SHAPE = (1, TINY.stems, TINY.latents, 8, TINY.bands)
SUBSETS = [one for one in product([True, False], repeat=4) if any(one) and not all(one)]


def latents(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_weight_one_is_the_plain_conditional_net_and_nought_the_net_without_a_mixture() -> None:
    x, mixture, time = latents(), latents(1)[:, 0], 400
    alpha, times = float(alphas_bar(TINY.schedule)[time]), torch.tensor([time])
    with torch.no_grad():
        told, free = (as_eps(x, MODEL.net(packed(x, one), times), alpha, "v") for one in (mixture, None))
    assert torch.equal(MODEL.guided(mixture, 1.0)(x, time), told)
    assert torch.equal(MODEL.guided(mixture, 0.0)(x, time), free)
    torch.testing.assert_close(MODEL.guided(mixture, 2.0)(x, time), 2 * told - free, atol=1e-4, rtol=1e-4)
    assert (told - free).abs().max() > 0.05


def test_separation_hears_the_mixture_and_generation_none() -> None:
    mixture = latents(1)[:, 0]
    made = MODEL.separate(mixture, 3)
    assert made.shape == SHAPE
    assert torch.equal(made, MODEL.separate(mixture, 3))
    assert not torch.allclose(made, MODEL.separate(mixture + 1, 3), atol=1e-2)
    assert not torch.allclose(made, MODEL.separate(mixture, 3, seed=1), atol=1e-2)
    # With the same noise, weight 0 is total generation.
    assert torch.equal(MODEL.separate(mixture, 3, weight=0.0), MODEL.generate(8, 3))


@pytest.mark.parametrize("given", SUBSETS)
def test_given_stems_come_back_as_they_are_and_the_others_go_by_them(given: tuple[bool, ...]) -> None:
    known = latents(2)
    made = MODEL.complete(known, given, 3)
    keep = torch.tensor(given)
    assert torch.equal(made[:, keep], known[:, keep])
    assert torch.isfinite(made).all()
    # What stands where nothing is given doesn't count; what is given does.
    elsewhere = torch.where(keep.view(1, -1, 1, 1, 1), known, known + 5)
    assert torch.equal(MODEL.complete(elsewhere, given, 3), made)
    others = torch.where(keep.view(1, -1, 1, 1, 1), known + 1, known)
    assert (MODEL.complete(others, given, 3) - made)[:, ~keep].abs().max() > 1e-3


def test_long_latents_are_windows_that_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A net that gives the same for the same place, whatever the window, gives the same in one piece and in windows."""
    x, mixture = latents(3, (2, 4, 4, 21, 8)), latents(4, (2, 4, 21, 8))
    sizes = []

    def plain(x: Tensor, time: int, told: Tensor | None) -> Tensor:
        sizes.append(x.shape[3])
        return 2 * x + (0 if told is None else told[:, None])

    monkeypatch.setattr(MODEL.net.__class__, "eps", lambda net: plain)
    torch.testing.assert_close(MODEL.guided(mixture, 1.0)(x, 5), 2 * x + mixture[:, None], atol=1e-5, rtol=1e-5)
    assert set(sizes) == {TINY.window}


def test_nonsense_is_refused() -> None:
    for given in ((True,) * 4, (False,) * 4, (True, False)):
        with pytest.raises(ValueError, match=r"given|latents are"):
            MODEL.complete(latents(), given, 2)
    with pytest.raises(ValueError, match="a mixture is"):
        MODEL.separate(latents(), 2)
    with pytest.raises(FillRequestError):
        Sampling(0)


# --- with sound -----------------------------------------------------------------------------------------------------


class Oracle:
    """In the model's place: the true latents for separation, and chosen ones otherwise."""

    def __init__(self, stems: Tensor):
        self.stems, self.known = stems, torch.zeros(0)

    def separate(self, mixture: Tensor, *_: object, **__: object) -> Tensor:
        return self.stems

    def complete(self, known: Tensor, given: list[bool], *_: object, **__: object) -> Tensor:
        self.known = known
        return torch.where(torch.tensor(given).view(1, -1, 1, 1, 1), known, self.stems)

    def generate(self, frames: int, *_: object, **__: object) -> Tensor:
        return self.stems[:, :, :, :frames]


def tones(rate: int, seconds: float = 1.0) -> np.ndarray:
    """Four stems of a tone each, far apart, float32 (stem, 2, sample), the right channel at half the level."""
    times = np.arange(round(seconds * rate)) / rate
    mono = [0.15 * np.sin(2 * np.pi * hz * times) for hz in (200, 700, 2000, 5000)]
    return np.stack([np.stack([one, 0.5 * one]) for one in mono]).astype(np.float32)


def system_for(stems: np.ndarray, rate: int) -> tuple[StemSystem, Oracle]:
    from audio_ext.latent.insert import encoded
    from audio_ext.recordings import resampled

    system = StemSystem(LosslessCodec(), MODEL, GriffinLim(MSG_LD, 8), MSG_LD, 8)
    monos = [torch.from_numpy(resampled(one.mean(axis=0)[None], rate, 16_000)[0]) for one in stems]
    oracle = Oracle(torch.stack([encoded(one, system) for one in monos], dim=1))
    return StemSystem(LosslessCodec(), oracle, GriffinLim(MSG_LD, 8), MSG_LD, 8), oracle  # type: ignore[arg-type]


def error_db(found: np.ndarray, true: np.ndarray, rate: int) -> float:
    inner = slice(rate // 10, -rate // 10)
    return float(10 * np.log10(np.square(found - true)[..., inner].mean() / np.square(true)[..., inner].mean()))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_masks_by_the_truth_take_a_mixture_apart_and_the_stems_sum_to_it(rate: int) -> None:
    stems = tones(rate)
    mix = Recording(stems.sum(axis=0), rate)
    system, _ = system_for(stems, rate)
    found = separate(mix, system, Sampling())
    assert found.shape == stems.shape
    np.testing.assert_allclose(found.sum(axis=0), mix.frames, atol=2e-7)
    for mine, true in zip(found, stems, strict=True):
        assert error_db(mine, true, rate) < -20


def test_masks_are_shares_of_power() -> None:
    logs = torch.log(torch.tensor([1.0, 2.0, 3.0, 1e-5])).view(4, 1, 1).expand(4, 3, 2)
    found = shares(logs)
    assert torch.allclose(found.sum(0), torch.ones(3, 2))
    assert found[:3, 0, 0].tolist() == pytest.approx([1 / 14, 4 / 14, 9 / 14], abs=1e-6)


def test_an_untrained_model_still_gives_stems_that_sum_to_the_mixture() -> None:
    stems, noise = tones(22_050), np.random.default_rng(0).normal(0, 0.1, (2, 22_050)).astype(np.float32)
    mix = Recording(stems.sum(axis=0) + noise, 22_050)
    _, oracle = system_for(stems, 22_050)
    oracle.stems = 3 * torch.randn(oracle.stems.shape, generator=torch.Generator().manual_seed(0)) - 5
    system = StemSystem(LosslessCodec(), oracle, GriffinLim(MSG_LD, 8), MSG_LD, 8)  # type: ignore[arg-type]
    found = separate(mix, system, Sampling())
    np.testing.assert_allclose(found.sum(axis=0), mix.frames, atol=5e-7)
    assert all(np.abs(one).max() > 1e-3 for one in found)


def test_all_fourteen_subsets_are_completed_with_what_was_asked() -> None:
    stems = tones(16_000)
    system, oracle = system_for(stems, 16_000)
    for size in (1, 2, 3):
        for asked in combinations(STEMS, size):
            given = {name: stems[at] for at, name in enumerate(STEMS) if name not in asked}
            submix = Recording(np.sum(list(given.values()), axis=0), 16_000)
            made = complete(submix, given, asked, system, Sampling())
            assert list(made) == list(asked)
            assert all(one.shape == submix.frames.shape and np.abs(one).max() > 0.01 for one in made.values())
    # The last one was given drums alone, and heard three that rest: their latents are those of silence.
    assert torch.allclose(oracle.known[:, 0], oracle.known[:, 0].clamp(min=-20))
    assert oracle.known[:, 1:].unique().tolist() == pytest.approx([float(np.log(1e-5))])


def test_a_recording_alone_is_separated_first() -> None:
    stems = tones(16_000)
    system, oracle = system_for(stems, 16_000)
    made = complete(Recording(stems[1:].sum(axis=0), 16_000), None, ("drums",), system, Sampling())
    assert list(made) == ["drums"]
    assert torch.equal(oracle.known, oracle.stems)


def test_requests_that_make_no_sense_are_refused() -> None:
    stems = tones(16_000)
    system, _ = system_for(stems, 16_000)
    submix = Recording(stems[0], 16_000)
    with pytest.raises(FillRequestError, match="already"):
        complete(submix, {"drums": stems[0]}, ("drums",), system, Sampling())
    with pytest.raises(FillRequestError, match="At least one"):
        complete(submix, {}, STEMS, system, Sampling())
    with pytest.raises(FillRequestError, match="out of range"):
        generate(1e9, system, Sampling())
    with pytest.raises(AudioError, match="silent"):
        separate(Recording(np.zeros((1, 16_000), np.float32), 16_000), system, Sampling())
    with pytest.raises(AudioError, match="minutes"):
        separate(Recording(np.zeros((1, 4000 * 601), np.float32), 4_000), system, Sampling())


def test_generated_stems_last_as_long_as_was_asked() -> None:
    system, _ = system_for(tones(16_000, 1.5), 16_000)
    made = generate(1.25, system, Sampling())
    assert made.shape == (4, 1, 20_000)
    assert all(np.abs(one).max() > 0.01 for one in made)
