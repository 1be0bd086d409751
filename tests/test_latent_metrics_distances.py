"""Distances: worked by hand, in closed form, against libraries; wrong formulas give other values."""

from __future__ import annotations

import numpy as np
import pytest

from audio_ext.latent.metrics.distances import (
    frechet,
    frechet_gaussians,
    inception_score,
    kld_bernoulli,
    kld_softmax,
    log_mel_l1,
    mel_mse,
    si_sdr,
)
from audio_ext.latent.metrics.fad import fad, sub_fad


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_log_mels_by_hand() -> None:
    truth = np.zeros((2, 2, 2))
    result = np.array([[[1.0, -3.0], [0.0, 0.0]], [[2.0, 2.0], [2.0, 2.0]]])
    assert log_mel_l1(result, truth) == pytest.approx([1.0, 2.0])
    assert mel_mse(result, truth) == pytest.approx([2.5, 4.0])  # the root of it would be 1.58 and 2
    weight = np.zeros((2, 2, 2))
    weight[0, 0] = (3.0, 1.0)
    found = log_mel_l1(result, truth, weight)
    assert found[0] == pytest.approx((3 * 1 + 1 * 3) / 4)  # over the weights, not over the cells
    assert np.isnan(found[1])


def test_si_sdr_by_hand() -> None:
    truth = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    result = np.array([[3.0, 0.3, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    found = si_sdr(result, truth)
    assert found[0] == pytest.approx(20.0)  # plain SDR would be -6 dB
    assert found[1] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(found[2])
    assert si_sdr(result[:2] * 7, truth[:2]) == pytest.approx(found[:2])


def test_frechet_of_gaussians_in_closed_form() -> None:
    one, zero = np.eye(2), np.zeros(2)
    # |3, 4|^2 = 25; with equal covariances nothing is added.
    assert frechet_gaussians(zero, one, np.array([3.0, 4.0]), one) == pytest.approx(25)
    # Covariances that commute: the sum of (standard deviation - standard deviation)^2.
    assert frechet_gaussians(zero, np.diag([4.0, 1.0]), zero, np.diag([1.0, 9.0])) == pytest.approx(1 + 4)
    # Ones that don't: [[2, 1], [1, 2]] and diag(1, 4) have a product with trace 10 and determinant 12, whose root has
    # the trace sqrt(10 + 2 sqrt 12). The product of the roots' traces would give another value.
    shared = np.sqrt(10 + 2 * np.sqrt(12))
    found = frechet_gaussians(zero, np.array([[2.0, 1.0], [1.0, 2.0]]), zero, np.diag([1.0, 4.0]))
    assert found == pytest.approx(4 + 5 - 2 * shared)


def test_frechet_agrees_with_scipys_matrix_root(rng: np.random.Generator) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    one = rng.normal(size=(300, 12)) @ rng.normal(size=(12, 12)) + 1
    other = rng.normal(size=(200, 12)) @ rng.normal(size=(12, 12))
    cov1, cov2 = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = linalg.sqrtm(cov1 @ cov2).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(cov1 + cov2 - 2 * root)
    assert frechet(one, other) == pytest.approx(expected, rel=1e-6)
    assert frechet(other, one) == pytest.approx(expected, rel=1e-6)


def test_frechet_of_fewer_windows_than_features(rng: np.random.Generator) -> None:
    few = rng.normal(size=(5, 40))
    assert frechet(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet(few, few + 2) == pytest.approx(4 * 40, rel=1e-6)
    other = 2 * rng.normal(size=(30, 40))  # the short way gives what the covariances give
    covariances = [np.cov(one, rowvar=False) for one in (few, other)]
    expected = frechet_gaussians(few.mean(0), covariances[0], other.mean(0), covariances[1])
    assert frechet(few, other) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="two rows"):
        frechet(few[:1], few)


def test_fad_takes_all_pieces_as_one_set(rng: np.random.Generator) -> None:
    truth = rng.normal(size=(30, 4, 3))
    shuffled = rng.permutation(truth.reshape(-1, 3)).reshape(30, 4, 3)
    assert fad(shuffled, truth) == pytest.approx(0, abs=1e-9)
    # Means of the windows would be four times nearer to one another.
    assert fad(2 * truth, truth) == pytest.approx(frechet(2 * truth.reshape(-1, 3), truth.reshape(-1, 3)))


def test_sub_fad_is_of_given_and_generated_together(rng: np.random.Generator) -> None:
    class Ear:
        name = "two pieces of two samples"

        def __call__(self, waves: np.ndarray) -> np.ndarray:
            return waves.reshape(len(waves), 2, 2)

    given, stem = rng.normal(size=(2, 50, 4))
    assert sub_fad(Ear(), given, stem, given + stem) == pytest.approx(0, abs=1e-9)
    assert sub_fad(Ear(), given, stem + 3, given + stem) == pytest.approx(2 * 9)
    assert sub_fad(Ear(), given, 0 * stem, given + stem) > 0.1


def test_kld_by_hand() -> None:
    truth, result = np.log([[0.5, 0.25, 0.25]]), np.log([[0.25, 0.25, 0.5]])
    expected = 0.5 * np.log(2) + 0.25 * np.log(0.5)
    assert kld_softmax(result, truth) == pytest.approx(expected, rel=1e-4)
    # The direction: truth || result. The other way round a certain result would cost little.
    certain = np.log([[1 - 2e-9, 1e-9, 1e-9]])
    assert kld_softmax(certain, truth)[0] == pytest.approx(
        0.5 * np.log(0.5) + 0.5 * (np.log(0.25) - np.log(1e-6)), rel=0.01
    )
    assert kld_softmax(truth, certain)[0] == pytest.approx(np.log(2), rel=1e-3)


def test_kld_against_scipy(rng: np.random.Generator) -> None:
    stats = pytest.importorskip("scipy.stats")
    truth, result = rng.normal(size=(2, 6, 50)) * 2
    p, q = (np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in (truth, result))
    assert kld_softmax(result, truth) == pytest.approx(stats.entropy(p, q, axis=1), rel=5e-3)


def test_kld_of_tags_is_a_divergence(rng: np.random.Generator) -> None:
    half, sure = np.zeros((1, 1)), np.full((1, 1), np.log(9.0))  # probabilities 0.5 and 0.9
    expected = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    # audioldm_eval's sigmoid variant gives the first half alone, which is negative.
    assert kld_bernoulli(sure, half) == pytest.approx([expected], rel=1e-4)
    truth, result = rng.normal(size=(2, 20, 50)) * 3
    assert (kld_bernoulli(result, truth) > 0).all()
    assert kld_bernoulli(truth, truth) == pytest.approx(np.zeros(20), abs=1e-9)


def test_inception_score_by_hand() -> None:
    certain = np.kron(np.eye(4), np.ones((5, 1))) * 100  # four classes, five windows each, no doubt
    assert inception_score(certain, 1) == (pytest.approx(4.0), 0.0)
    assert inception_score(np.zeros((20, 4)), 1)[0] == pytest.approx(1.0)
    assert inception_score(certain[:5], 1)[0] == pytest.approx(1.0)  # sure of each, but always the same
    # Two classes of probability 3/4 and 1/4, the one or the other way round: exp(1 - h(1/4)) in bits as a power of 2.
    pairs = np.log([[0.75, 0.25], [0.25, 0.75]] * 4)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert inception_score(pairs, 1)[0] == pytest.approx(np.exp(np.log(2) - entropy))
    # Splits see fewer classes each; a split of one window would say 1.
    assert inception_score(certain, 5)[0] < 4.0
    assert inception_score(certain[:3], 10)[0] == inception_score(certain[:3], 1)[0]
