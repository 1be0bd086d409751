"""The algebra of guidance, and InstructPix2Pix's dropout by one uniform number."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from audio_ext.latent.condition import Condition, dropped, drops
from audio_ext.latent.guidance import double, double_weights, guided, single, single_weights
from audio_ext.latent.schedule import eps_from_v, v_from_eps

RNG = torch.Generator().manual_seed(0)
NOTHING, UNDER, BOTH = torch.randn(3, 2, 4, 3, 2, generator=RNG, dtype=torch.float64)


def test_scale_one_is_the_plain_conditional_net_and_zero_the_unconditional_one() -> None:
    torch.testing.assert_close(single(NOTHING, BOTH, 1.0), BOTH)
    torch.testing.assert_close(single(NOTHING, BOTH, 0.0), NOTHING)
    torch.testing.assert_close(double(NOTHING, UNDER, BOTH, 1.0, 1.0), BOTH)
    torch.testing.assert_close(double(NOTHING, UNDER, BOTH, 0.0, 0.0), NOTHING)
    torch.testing.assert_close(double(NOTHING, UNDER, BOTH, 0.0, 1.0), UNDER)


def test_equal_scales_are_single_guidance_of_both() -> None:
    torch.testing.assert_close(double(NOTHING, UNDER, BOTH, 3.0, 3.0), single(NOTHING, BOTH, 3.0))


def test_an_instruction_that_says_nothing_is_single_guidance_of_the_submix() -> None:
    torch.testing.assert_close(double(NOTHING, UNDER, UNDER, 7.5, 1.5), single(NOTHING, UNDER, 1.5))


def test_published_scales_by_hand() -> None:
    one, two, four = (torch.tensor(value) for value in (1.0, 2.0, 4.0))
    assert float(double(one, two, four, 7.5, 1.5)) == 1 + 7.5 * 2 + 1.5 * 1
    assert float(single(one, four, 7.5)) == 1 + 7.5 * 3


@pytest.mark.parametrize(("text", "audio"), [(7.5, 1.5), (1.0, 1.0), (0.0, 1.0), (2.0, 1.0)])
def test_weighted_sums_are_the_formulas(text: float, audio: float) -> None:
    parts, asked = {"u": NOTHING, "i": UNDER, "ti": BOTH}, Counter()

    def model(x: Tensor, time: int, condition: str) -> Tensor:
        asked[condition] += 1
        return parts[condition]

    weights = double_weights(text, audio)
    found = guided(model, ("u", "i", "ti"), weights)(NOTHING, 5)
    torch.testing.assert_close(found, double(NOTHING, UNDER, BOTH, text, audio))
    assert asked == Counter(name for name, weight in zip(parts, weights, strict=True) if weight)  # no pass for nothing
    if (text, audio) == (1.0, 1.0):
        assert found is BOTH
    torch.testing.assert_close(
        guided(model, ("u", "ti"), single_weights(text))(NOTHING, 5), single(NOTHING, BOTH, text)
    )


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        guided(lambda x, time, condition: x, ("a", "b"), (1.0, 1.0))


def test_guiding_eps_or_v_is_the_same() -> None:
    x, level = torch.randn(NOTHING.shape, generator=RNG, dtype=torch.float64), 0.3
    by_v = double(*(v_from_eps(x, one, level) for one in (NOTHING, UNDER, BOTH)), 7.5, 1.5)
    torch.testing.assert_close(eps_from_v(x, by_v, level), double(NOTHING, UNDER, BOTH, 7.5, 1.5))


def test_one_uniform_number_drops_five_per_cent_each() -> None:
    grid = (torch.arange(100_000) + 0.5) / 100_000
    text, audio = drops(grid)
    shares = [(text & ~audio), (text & audio), (~text & audio)]
    for one in shares:
        assert float(one.double().mean()) == pytest.approx(0.05, abs=1e-4)
    # The boundaries as InstructPix2Pix has them: text below 2p, audio from p to 3p.
    assert [bool(flag) for flag in drops(torch.tensor([0.0, 0.07, 0.12, 0.2]))[0]] == [True, True, False, False]
    assert [bool(flag) for flag in drops(torch.tensor([0.0, 0.07, 0.12, 0.2]))[1]] == [False, True, True, False]


def test_dropped_conditions_lose_exactly_what_they_should() -> None:
    tokens, mask = torch.ones(4, 3, 2), torch.ones(4, 3, dtype=torch.bool)
    submix = torch.full((4, 2, 3, 2), 5.0)
    null = Condition(torch.full((1, 1, 2), -1.0), torch.ones(1, 1, dtype=torch.bool))
    told = Condition(tokens, mask, submix)
    made = dropped(told, null, torch.tensor([0.01, 0.07, 0.12, 0.9]))
    assert made.submix is not None
    assert made.submix.amax((1, 2, 3)).tolist() == [5, 0, 0, 5]
    assert made.tokens[:, 0, 0].tolist() == [-1, -1, 1, 1]
    assert made.mask.sum(1).tolist() == [1, 1, 3, 3]
    assert float(submix.min()) == 5
    assert float(tokens.min()) == 1


def test_a_longer_empty_text_is_no_trouble() -> None:
    told = Condition(torch.ones(2, 1, 2), torch.ones(2, 1, dtype=torch.bool))
    null = Condition(torch.full((1, 4, 2), -1.0), torch.ones(1, 4, dtype=torch.bool))
    made = dropped(told, null, torch.tensor([0.01, 0.9]))
    assert made.submix is None
    assert made.mask.sum(1).tolist() == [4, 1]
