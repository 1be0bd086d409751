"""From noise to a part: the exact Bernoulli posterior over a whole song, window by window.

The denoiser is any callable of `runtime.Denoise`; torch, ONNX Runtime and closed-form toys are a choice at the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arranger.diffusion.layout import MODES, PART_OF_PLANE, STEPS, TARGET_PLANES, noise_features
from arranger.diffusion.noise import posterior, xor_revert
from arranger.diffusion.runtime import Denoise

MAX_WINDOWS = 16
"""Windows in one call of the denoiser; more cost memory and are no faster on a few cores."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A song with a hole; letters as in `layout`, T tokens of the whole song.

    given : bool (T, S, P + C), what is known, 0 elsewhere.
    hidden : bool (T, 3), where each part is to be found.
    mode : int (T, 3), see `layout.MODES`.
    static : float32 (T, static features).
    place : int64 (T, 3).
    valid : bool (T, S).
    density : float (T, 3), onsets a beat that are asked for, NaN = free.
    slot : int (T,), tokens with the same slot get the same random numbers, so that the same context gives the same fill.
    """

    given: np.ndarray
    hidden: np.ndarray
    mode: np.ndarray
    static: np.ndarray
    place: np.ndarray
    valid: np.ndarray
    density: np.ndarray
    slot: np.ndarray

    @property
    def cells(self) -> np.ndarray:
        """Cells to be found, bool (T, S, P)."""
        return self.hidden[:, None, PART_OF_PLANE] & self.valid[:, :, None]


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How takes are drawn.

    steps : denoising steps. temperature : divides the logits; below 1 is safer. bias : added to the logits of drums,
    bass and guitar (calibrates density). guidance : 1 = off; above it, the context counts more (Ho & Salimans 2022).
    xor : the paper's sampler instead of the exact posterior.
    """

    steps: int = 16
    temperature: float = 0.8
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    guidance: float = 1.0
    xor: bool = False


def noise_levels(steps: int) -> np.ndarray:
    """Levels from 1 to 0, float (steps + 1,)."""
    return np.linspace(1, 0, steps + 1)


def windows(place: np.ndarray, size: int, phase: int) -> list[tuple[int, int]]:
    """Runs of whole bars of at most `size` tokens that cover the song, (first, last) tokens.

    Odd phases begin with half a window, so that the joints of one step lie inside the windows of the next: windows
    that are denoised in turn overlap in effect and agree, for the price of none. (What is read round a short window
    is the business of `surroundings`.)
    """
    starts = np.flatnonzero(place[:, 1] == 0)
    ends = np.append(starts[1:], len(place))
    cuts, room = [0], size // 2 if phase % 2 else size
    for start, end in zip(starts, ends, strict=True):
        while end - cuts[-1] > room:
            if start > cuts[-1]:
                cuts.append(int(start))
            elif room == size:
                cuts.append(cuts[-1] + size)  # a bar longer than a window is cut inside
            room = size
    return [(a, b) for a, b in zip(cuts, [*cuts[1:], len(place)], strict=True) if b > a]


def surroundings(place: np.ndarray, size: int, first: int, last: int) -> tuple[int, int]:
    """Whole bars round the tokens [first, last), at most `size` tokens in all, (first, last).

    Windows are padded to `size` in any case, so what stands before and behind a short one costs nothing; and the net
    was trained on full windows, hardly ever on the two bars that may be left over at the end of a song.
    """
    starts = np.flatnonzero(place[:, 1] == 0)
    ends = np.append(starts[1:], len(place))
    # Half of the room before, the rest behind, and what is not used there before again.
    spare = size - (last - first)
    begin = min([first, *starts[(starts >= first - spare // 2) & (starts < first)].tolist()])
    end = max([last, *ends[(ends > last) & (ends <= begin + size)].tolist()])
    return min([begin, *starts[(starts >= end - size) & (starts < begin)].tolist()]), end


def sample(
    denoise: Denoise,
    problem: Problem,
    window: int,
    prior: np.ndarray,
    settings: SamplerSettings,
    seeds: Sequence[Sequence[int]],
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Takes of the hidden cells, bool (take, T, S, P), 0 where nothing was hidden.

    Parameters
    ----------
    prior : float (P,), density of the noise.
    seeds : one sequence of ints a take; a take depends on its own seed alone, not on how many there are.
    progress : called with the share done, 0..1.
    """
    cells = problem.cells
    generators = [np.random.default_rng(list(seed)) for seed in seeds]
    x = np.stack([_uniform(rng, problem.slot) < prior for rng in generators]) & cells
    x1 = x.copy()
    levels = noise_levels(settings.steps)
    for step, (level, lower) in enumerate(zip(levels[:-1], levels[1:], strict=True)):
        draws = [_uniform(rng, problem.slot) for rng in generators]
        runs = windows(problem.place, window, step)
        for take, first, last, logits in _denoised(denoise, problem, x, runs, float(level), window, settings):
            run = slice(first, last)
            bias = np.array(settings.bias, dtype=np.float32)[PART_OF_PLANE]
            chance = 1 / (1 + np.exp(-(logits + bias) / settings.temperature))
            if lower == 0:
                clean = chance > 0.5
            elif settings.xor:
                clean = xor_revert(chance > 0.5, x1[take, run], lower, draws[take][run])
            else:
                clean = draws[take][run] < posterior(chance, x[take, run], level, lower, prior)
            x[take, run] = clean & cells[run]
        if progress:
            progress((step + 1) / settings.steps)
    return x


def mean_prediction(
    denoise: Denoise, problem: Problem, window: int, prior: np.ndarray, settings: SamplerSettings, seed: Sequence[int]
) -> np.ndarray:
    """Chance of each hidden cell as the denoiser sees it from pure noise, float32 (T, S, P)."""
    cells = problem.cells
    x = (_uniform(np.random.default_rng(list(seed)), problem.slot) < prior)[None] & cells
    chance = np.zeros(cells.shape, dtype=np.float32)
    plain = SamplerSettings(guidance=settings.guidance)
    runs = windows(problem.place, window, 0)
    for _, first, last, logits in _denoised(denoise, problem, x, runs, 1.0, window, plain):
        chance[first:last] = 1 / (1 + np.exp(-logits))
    return chance * cells


def _uniform(rng: np.random.Generator, slot: np.ndarray) -> np.ndarray:
    """Random numbers in [0, 1), float32 (T, S, P), the same for tokens of one slot."""
    return rng.random((int(slot.max()) + 1, STEPS, TARGET_PLANES), dtype=np.float32)[slot]


def _denoised(
    denoise: Denoise,
    problem: Problem,
    x: np.ndarray,
    runs: list[tuple[int, int]],
    level: float,
    window: int,
    settings: SamplerSettings,
) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """(take, first token, last token, logits (tokens, S, P)) of every window in which something is hidden."""
    x = x.copy()  # the caller writes into x between our answers, and windows see beyond their own tokens
    seen = {(a, b): surroundings(problem.place, window, a, b) for a, b in runs if problem.hidden[a:b].any()}
    jobs = [(take, *own, *seen[own]) for own in seen for take in range(len(x))]
    levels = np.where(problem.hidden, level, 0.0)
    features = np.concatenate([problem.static, noise_features(levels, problem.mode, problem.density)], axis=1)
    for at in range(0, len(jobs), MAX_WINDOWS):
        batch = jobs[at : at + MAX_WINDOWS]
        noisy = np.stack([_padded(x[take, a:b], window) for take, _, _, a, b in batch])
        given = np.stack([_padded(problem.given[a:b], window) for *_, a, b in batch])
        place = np.stack([_padded(problem.place[a:b], window) for *_, a, b in batch])
        told = np.stack([_padded(features[a:b], window) for *_, a, b in batch])
        logits = denoise(noisy, given, told, place)
        if settings.guidance != 1:
            absent = np.where(problem.hidden, problem.mode, MODES["absent"])
            blind = np.concatenate([problem.static, noise_features(levels, absent, problem.density)], axis=1)
            alone = denoise(noisy, np.zeros_like(given), np.stack([_padded(blind[a:b], window) for *_, a, b in batch]), place)
            logits = alone + settings.guidance * (logits - alone)
        for (take, first, last, a, _), one in zip(batch, logits, strict=True):
            yield take, first, last, one[first - a : last - a]


def _padded(array: np.ndarray, length: int) -> np.ndarray:
    """Zeros after the end up to `length` tokens."""
    return np.pad(array, [(0, length - len(array)), *[(0, 0)] * (array.ndim - 1)]) if len(array) < length else array
