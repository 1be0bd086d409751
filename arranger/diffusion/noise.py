"""Bernoulli noise: the forward process and its exact posterior, in numpy.

Conventions
-----------
`level` t in [0, 1]: each cell keeps its value with probability k(t) = 1 - t and is else redrawn from the prior rho, so
q(x_t = 1 | x_0) = (1 - t) x_0 + t rho. t = 0 is clean, t = 1 is the prior alone (Sohl-Dickstein et al. 2015, section
2.4; Atassi, arXiv 2303.08385, uses the same marginals with a linear schedule).
"""

from __future__ import annotations

import numpy as np


def add_noise(x0: np.ndarray, level: np.ndarray | float, prior: np.ndarray | float, draw: np.ndarray) -> np.ndarray:
    """x_t given x_0, bool; `level` and `prior` broadcast against `x0`, `draw` is uniform in [0, 1), of its shape."""
    chance = np.broadcast_to((1 - np.asarray(level)) * x0 + np.asarray(level) * prior, x0.shape)
    return draw < chance


def posterior(
    probability: np.ndarray,
    xt: np.ndarray,
    level: np.ndarray | float,
    lower: np.ndarray | float,
    prior: np.ndarray | float,
) -> np.ndarray:
    """Chance that a cell is 1 at level `lower`, given x_t at `level` and p(x_0 = 1 | x_t).

    With one step from s = `lower` to t = `level` keeping a cell with probability r = (1 - t) / (1 - s):
    q(x_s = 1 | x_t, x_0) is proportional to q(x_t | x_s = 1) q(x_s = 1 | x_0); the chance is the mean of that over
    p(x_0 | x_t). At lower = 0 it is the probability itself.
    """
    level, lower = np.asarray(level), np.asarray(lower)
    stay = np.where(lower < 1, (1 - level) / np.maximum(1 - lower, 1e-12), 0.0)
    seen_if_on = np.where(xt, stay + (1 - stay) * prior, (1 - stay) * (1 - prior))
    seen_if_off = np.where(xt, (1 - stay) * prior, stay + (1 - stay) * (1 - prior))

    def on_given(x0: float) -> np.ndarray:
        on = (1 - lower) * x0 + lower * prior
        joint_on, joint_off = seen_if_on * on, seen_if_off * (1 - on)
        return joint_on / np.maximum(joint_on + joint_off, 1e-30)

    return probability * on_given(1.0) + (1 - probability) * on_given(0.0)


def xor_revert(x0: np.ndarray, x1: np.ndarray, level: np.ndarray | float, draw: np.ndarray) -> np.ndarray:
    """The paper's step: cells in which the prediction and the one fixed initial noise differ go back to the noise
    with probability `level` (Atassi, arXiv 2303.08385). `draw` is uniform in [0, 1), of the shape of x0."""
    return x0 ^ ((x0 != x1) & (draw < level))
