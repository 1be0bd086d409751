"""Fréchet audio distances from what listeners heard."""

from __future__ import annotations

import numpy as np

from audio_ext.latent.metrics.distances import frechet
from audio_ext.latent.metrics.embeddings import PatchEmbedding


def pooled(patches: np.ndarray, windows: np.ndarray | None = None) -> np.ndarray:
    """Features (window, piece, width) as one set (window x piece, width), of some windows or all."""
    chosen = patches if windows is None else patches[windows]
    return np.asarray(chosen.reshape(-1, patches.shape[-1]))


def fad(result: np.ndarray, truth: np.ndarray) -> float:
    """Fréchet audio distance (Kilgour et al. 2019, arXiv 1812.08466) of features (window, piece, width): all pieces of
    all windows are one set, and no piece has a partner."""
    return frechet(pooled(result), pooled(truth))


def sub_fad(ear: PatchEmbedding, given: np.ndarray, generated: np.ndarray, truth: np.ndarray) -> float:
    """FAD of arrangements (MSDM, arXiv 2302.02257; MSG-LD, section IV-A; MGE-LDM, Table 2: "sub-FAD").

    Generated stems are mixed with the originals of the given ones, and the distance is that of these mixes to the true
    mixes. Plain FAD compares the model's own mix, in which the given stems went through the model as well.

    Parameters
    ----------
    given, generated, truth : waves (window, samples): sum of the given stems, sum of the generated ones, the true mix.
    """
    return fad(ear(given + generated), ear(truth))
