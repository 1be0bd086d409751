"""Separation by masks from notes: what is known to be played is played again, and the mixture is shared out by it.

Score-informed separation with synthesised templates (Ewert, Pardo, Müller and Plumbley 2014, IEEE Signal Processing
Magazine 31(3)). Each stem's notes are rendered with a SoundFont and a program that are not the mixture's. How loud each
stem is in each mel band is not known: gains of stem and band are fitted to the mixture's power, so that neither level
nor timbre of the truth is used. Then each stem gets its share of the power (a ratio mask, exponent 2).

With the true notes this is an oracle of what notes alone can do. With `heard_in` they are a transcriber's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from audio_ext.latent.windows import RATE, STEMS, Facts, Note

FLOOR = 1e-10
"""Power in a band that is nothing."""
BASS_BELOW = 50
"""Notes under D3 are taken for the bass's."""
HELD = 0.4
"""Seconds that a heard note is held, if no other of its part comes first."""
HIT_KEY = 38
"""The drum that is struck where a hit is heard: a snare has all bands."""


def played(facts: Facts, samples: int) -> np.ndarray:
    """All stems played anew from their notes, float32 (4, sample), each with another sound than the facts' own.

    Raises
    ------
    AudioError
        if there is no SoundFont.
    """
    from audio_ext.latent.metrics.guides import guide_stem

    return np.stack([guide_stem(facts, stem, samples) for stem in STEMS])


def shares_of(mix: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Share of each stem in the mixture's power, float32 (4, frame, mel), summing to 1 where anything plays.

    Parameters
    ----------
    mix : (sample,). templates : stems that play the same notes at any level and of any timbre, (4, sample).
    """
    import torch

    from audio_ext.latent.mel import MSG_LD, log_mel

    waves = torch.from_numpy(np.ascontiguousarray(np.concatenate([mix[None], templates]), dtype=np.float32))
    power = np.exp(2 * log_mel(waves, MSG_LD).numpy().astype(np.float64))
    whole, parts = power[0], power[1:]
    parts = np.where(parts > 2 * MSG_LD.floor**2, parts, 0.0)
    heard = fitted_gains(whole, parts)[:, None] * parts
    total = heard.sum(axis=0)
    return np.where(total > FLOOR, heard / np.maximum(total, FLOOR), 1 / len(parts)).astype(np.float32)


def fitted_gains(whole: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Gains, not negative, of each part in each band, float (part, band), with which powers (part, frame, band) sum to
    `whole` (frame, band) best in least squares."""
    from scipy.optimize import nnls

    gains = np.zeros((len(parts), whole.shape[1]))
    for band in range(whole.shape[1]):
        matrix = parts[:, :, band].T
        size = np.linalg.norm(matrix, axis=0)
        there = size > 0
        if there.any():
            gains[there, band] = nnls(matrix[:, there] / size[there], whole[:, band])[0] / size[there]
    return gains


def masked(mix: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The mixture shared out, float32 (4, sample): mix (sample,) at 16 kHz through the filters of shares of power."""
    from audio_ext.latent.extract import filtered
    from audio_ext.latent.mel import MSG_LD

    # The share of power is also the gain of the Wiener filter, as amplitude (Liutkus and Badeau 2015, equation 3).
    return np.stack([filtered(mix[None], RATE, one, MSG_LD)[0] for one in shares])


def heard_in(mix: np.ndarray, facts: Facts) -> Facts:
    """Facts with the notes that a transcriber hears in the mixture instead of the true ones.

    basic-pitch's notes are the bass's below `BASS_BELOW`, else the guitar's: from a mixture nobody can say which of two
    chordal parts plays, so `other` is left without notes. Hits are a snare's.
    """
    from audio_ext.latent.metrics.adherence import RANGES, heard_notes
    from audio_ext.latent.metrics.onsets import drum_onsets

    seconds = len(mix) / RATE
    found = heard_notes(mix, (RANGES["bass"][0], RANGES["guitar"][1]))
    low = found[:, 1] < BASS_BELOW
    notes: Mapping[str, tuple[Note, ...]] = {
        "drums": tuple((float(at), float(at) + 0.1, HIT_KEY, 100) for at in drum_onsets(mix)),
        "bass": _held(found[low], seconds, alone=True),
        "guitar": _held(found[~low], seconds, alone=False),
    }
    return replace(facts, notes={part: of for part, of in notes.items() if of})


def _held(found: np.ndarray, seconds: float, alone: bool) -> tuple[Note, ...]:
    """Rows (seconds, pitch) as notes; one voice `alone` ends where the next note begins."""
    rows: Sequence[tuple[float, int]] = sorted((float(at), int(pitch)) for at, pitch in found)
    notes = []
    for number, (start, pitch) in enumerate(rows):
        later = [at for at, other in rows[number + 1 :] if at > start and (alone or other == pitch)]
        end = min([start + HELD, seconds, *later[:1]])
        notes.append((start, max(end, start + 0.05), pitch, 100))
    return tuple(notes)
