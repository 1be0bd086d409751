"""Distances between sounds and between sets of sounds, as plain formulas on numpy arrays (float64 inside).

Pairs: `log_mel_l1`, `mel_mse`, `si_sdr`, `kld_softmax`, `kld_bernoulli`; each gives one number a pair, so that
intervals and paired tests can follow. Sets: `frechet`, `inception_score`.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-6
"""Added to the generated side's probabilities before the logarithm (audioldm_eval)."""
MOST_DB = 100.0
"""A ratio beyond which two waves are the same, or have nothing in common."""


def log_mel_l1(result: np.ndarray, truth: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Mean absolute difference of log-mels, float (batch,), in nepers (1 is 8.7 dB), of (batch, frames, mels).

    `weight` (batch, frames, mels), not negative, says which cells count and how much; NaN where none does.
    """
    difference = np.abs(np.asarray(result, np.float64) - truth)
    if weight is None:
        return difference.mean(axis=(1, 2))
    total = weight.sum(axis=(1, 2), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(total > 0, (difference * weight).sum(axis=(1, 2)) / np.where(total > 0, total, 1), np.nan)


def mel_mse(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean squared difference of the log-mel arrays as they are (MSG-LD, section IV-A), float (batch,)."""
    return ((np.asarray(result, np.float64) - truth) ** 2).mean(axis=(1, 2))


def si_sdr(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio in dB, float (batch,), of waves (batch, samples).

    10 log10(|a s|^2 / |a s - x|^2) with a = <x, s> / |s|^2 (Le Roux et al. 2019, arXiv 1811.02508, equation 3); the
    mean is not taken off. Between -100 and 100 dB; NaN where either is silent.
    """
    result, truth = np.asarray(result, np.float64), np.asarray(truth, np.float64)
    energy = (truth**2).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        target = (result * truth).sum(axis=1, keepdims=True) / energy * truth
        ratio = (target**2).sum(axis=1) / ((target - result) ** 2).sum(axis=1)
        found = np.clip(10 * np.log10(ratio), -MOST_DB, MOST_DB)
    return np.where((result**2).sum(axis=1) > 0, found, np.nan)


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Fréchet distance of the Gaussians through two sets of features (n, width) and (m, width).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson & Landau 1982; Heusel et al. 2017), covariances with n - 1.
    Small sets make it larger: compare only what was measured with the same counts.

    Raises
    ------
    ValueError
        if a set has less than two rows, or numbers that are not finite.
    """
    if min(len(one), len(other)) < 2:
        raise ValueError("two rows at least are needed on either side")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError("features that are not finite have no distance")
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    means, roots = zip(*((x.mean(0), (x - x.mean(0)) / np.sqrt(len(x) - 1)) for x in (one, other)), strict=True)
    if max(len(one), len(other)) > one.shape[1]:
        return frechet_gaussians(means[0], roots[0].T @ roots[0], means[1], roots[1].T @ roots[1])
    # With C = A^T A the eigenvalues of C1 C2 are the squared singular values of A1 A2^T, which is small here.
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    distance = ((means[0] - means[1]) ** 2).sum() + (roots[0] ** 2).sum() + (roots[1] ** 2).sum() - 2 * shared
    return float(max(distance, 0.0))


def frechet_gaussians(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """Fréchet distance of two Gaussians: means (width,), covariances (width, width).

    tr((C1 C2)^(1/2)) is the sum of the square roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric and
    has the same ones. Unlike a matrix root of C1 C2 it stays real where fewer windows than features leave C1 singular.
    """
    values, vectors = np.linalg.eigh(cov1)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    eigenvalues = np.linalg.eigvalsh(root @ cov2 @ root)
    shared = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    distance = ((mean1 - mean2) ** 2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * shared
    return float(max(distance, 0.0))


def kld_softmax(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """KL(truth || result) of the softmax of a classifier's logits, float (batch,), from (batch, classes).

    sum p_truth (log p_truth - log(p_result + 1e-6)): audioldm_eval's `kullback_leibler_divergence_softmax` is its mean.
    The tags of MagnaTagATune exclude one another no more than AudioSet's classes do, for which the papers use the same
    softmax; `kld_bernoulli` is the divergence that fits such tags.
    """
    p, q = _softmax(truth), _softmax(result)
    return (p * (np.log(np.maximum(p, 1e-300)) - np.log(q + EPSILON))).sum(axis=1)


def kld_bernoulli(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """KL(truth || result) of independent yes-or-no tags, summed over them, float (batch,), from logits (batch, tags).

    Both halves are there: p log(p / q) + (1 - p) log((1 - p) / (1 - q)). audioldm_eval's sigmoid variant has the first
    alone, which is no divergence: it falls below zero where the result is too sure.
    """
    p, q = _sigmoid(truth), _sigmoid(result)
    yes = p * (np.log(p + EPSILON) - np.log(q + EPSILON))
    no = (1 - p) * (np.log(1 - p + EPSILON) - np.log(1 - q + EPSILON))
    return (yes + no).sum(axis=1)


def inception_score(logits: np.ndarray, splits: int = 10, seed: int = 2020) -> tuple[float, float]:
    """Mean and standard deviation over splits of exp(mean KL(p(y|x) || p(y))) (Salimans et al. 2016, section 4).

    Parameters
    ----------
    logits : (windows, classes). The windows are shuffled by `seed`, then cut in `splits` runs, each with its own p(y).
        A split of one window has the score 1, so there are never more splits than half the windows.
    """
    p = _softmax(np.random.default_rng(seed).permutation(np.asarray(logits)))
    splits = max(1, min(splits, len(p) // 2))
    scores = []
    for index in range(splits):
        part = p[index * len(p) // splits : (index + 1) * len(p) // splits]
        divergence = part * (np.log(np.maximum(part, 1e-300)) - np.log(part.mean(axis=0)))
        scores.append(float(np.exp(divergence.sum(axis=1).mean())))
    return float(np.mean(scores)), float(np.std(scores))


def _softmax(logits: np.ndarray) -> np.ndarray:
    logits = np.asarray(logits, np.float64)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(logits, np.float64) / 2)))
