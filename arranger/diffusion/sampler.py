"""From noise to a part: the exact Bernoulli posterior over a whole song, window by window.

The denoiser is any callable of `runtime.Denoise`; torch, ONNX Runtime and closed-form toys are a choice at the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arranger.diffusion.layout import IS_ONSET, MODES, PART_OF_PLANE, STEPS, TARGET_PLANES, noise_features
from arranger.diffusion.noise import add_noise, posterior, xor_revert
from arranger.diffusion.runtime import Denoise

MAX_SHIFT, MOST_SHIFT = 4.0, 14.0
"""Nats by which logits are shifted to hold the number of notes; where a number is asked for, also the surest yield."""
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
    slot : int (T,), tokens with the same slot get the same random numbers: the same context, the same fill.
    lean : float32 (T, S, P), added to the logits: what is known beside what the net was told.
    tied : int (T,), tokens with the same number are one and the same, found together; None where each is its own.
        They must also have the same slot.
    amount : float (3,), of each part so many times the notes that the net expects; None for as many.
    """

    given: np.ndarray
    hidden: np.ndarray
    mode: np.ndarray
    static: np.ndarray
    place: np.ndarray
    valid: np.ndarray
    density: np.ndarray
    slot: np.ndarray
    lean: np.ndarray
    tied: np.ndarray | None = None
    amount: np.ndarray | None = None

    @property
    def cells(self) -> np.ndarray:
        """Cells to be found, bool (T, S, P)."""
        return self.hidden[:, None, PART_OF_PLANE] & self.valid[:, :, None]


@dataclass(frozen=True, eq=False)
class Start:
    """What a variation starts from instead of pure noise.

    cells : bool (T, S, P), what is there now. strength : (0, 1], the noise level that it is taken to; 1 keeps nothing.
    """

    cells: np.ndarray
    strength: float


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How takes are drawn.

    steps : denoising steps.
    temperature : divides the logits; below 1 is safer.
    calibrated : at every step the logits are shifted so that as many notes are expected as the net expected from pure
        noise; neither temperature nor lean nor the sampler's own drift then thins or thickens the part.
    density : times so many.
    guidance : 1 = off; above it, the context counts more (Ho & Salimans 2022).
    xor : the paper's sampler instead of the exact posterior.
    """

    steps: int = 2
    temperature: float = 0.5
    calibrated: bool = True
    density: float = 1.0
    guidance: float = 1.0
    xor: bool = False


@dataclass(frozen=True, eq=False)
class Drawn:
    """Takes, and what they were drawn from.

    rolls : bool (take, T, S, P). logits : float32 (take, T, S, asked planes), the net's of the last step. planes : int
    (asked planes,). lean : float32 (T, S, asked planes).
    """

    rolls: np.ndarray
    logits: np.ndarray
    planes: np.ndarray
    lean: np.ndarray

    def sure(self, take: int) -> np.ndarray:
        """Chances that a take was drawn from, before they were sharpened, float32 (T, S, P)."""
        return _all_planes(sigmoid(self.logits[take] + self.lean).astype(np.float32), self.planes)


Settle = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(logits (T, S, asked planes), asked planes) -> logits: what is done to the last step's before it is drawn from."""


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
    chance: np.ndarray | None = None,
    start: Start | None = None,
) -> np.ndarray:
    """The rolls of `draw`, bool (take, T, S, P)."""
    return draw(denoise, problem, window, prior, settings, seeds, progress, chance, start).rolls


def draw(
    denoise: Denoise,
    problem: Problem,
    window: int,
    prior: np.ndarray,
    settings: SamplerSettings,
    seeds: Sequence[Sequence[int]],
    progress: Callable[[float], None] | None = None,
    chance: np.ndarray | None = None,
    start: Start | None = None,
    settle: Settle | None = None,
) -> Drawn:
    """Takes of the hidden cells, bool (take, T, S, P), 0 where nothing was hidden.

    Parameters
    ----------
    prior : float (P,), density of the noise.
    seeds : one sequence of ints a take; a take depends on its own seed alone, not on how many there are.
    progress : called with the share done, 0..1.
    chance : float (T, S, P), what `mean_prediction` gave; then the first step of all takes is known. Pure noise says
        nothing of the part, so what the net makes of it is the same for each. Not for a variation.
    start : of a variation; None to begin with noise alone.
    """
    planes = _asked_planes(problem)
    cells = problem.cells[:, :, planes]
    density = np.asarray(prior, dtype=np.float32)[planes]
    lean = problem.lean[..., planes]
    kinds = 2 * PART_OF_PLANE[planes] + IS_ONSET[planes]
    groups = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]  # onsets and sustains of each part
    generators = [np.random.default_rng(list(seed)) for seed in seeds]
    now, strength = (start.cells[..., planes], start.strength) if start else (np.zeros_like(cells), 1.0)
    uniform = (_uniform(rng, problem.slot, len(planes)) for rng in generators)
    x = np.stack([add_noise(now, strength, density, draw) for draw in uniform]) & cells
    x1 = x.copy()
    logits = np.full((*x.shape,), -np.inf, dtype=np.float32)
    targets: list[list[float]] = []
    levels = strength * noise_levels(settings.steps)
    amount = (
        np.ones(len(groups))
        if problem.amount is None
        else problem.amount[PART_OF_PLANE[planes[[g[0] for g in groups]]]]
    )
    most = MAX_SHIFT if problem.amount is None else MOST_SHIFT
    for step, (level, lower) in enumerate(zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True)):
        draws = [_uniform(rng, problem.slot, len(planes)) for rng in generators]
        runs = windows(problem.place, window, step)
        if chance is not None and not step:
            logits[:] = np.where(cells, logit(chance[..., planes]), -np.inf)
            runs = []
        for take, first, last, found in _denoised(denoise, problem, x, planes, runs, level, window, settings.guidance):
            logits[take, first:last] = np.where(cells[first:last], found, -np.inf)
        for take, draw in enumerate(draws):
            logits[take] = together(logits[take], problem.tied)
            if not step:
                expected = [expected_count(logits[take][..., group]) for group in groups]
                targets.append([settings.density * many * one for many, one in zip(amount, expected, strict=True)])
            meant = logits[take] + lean
            sharp = (settle(meant, planes) if settle and lower == 0 else meant) / settings.temperature
            for group, target in zip(groups, targets[take], strict=True):
                sharp[..., group] += count_shift(sharp[..., group], target, most) if settings.calibrated else 0.0
            chance = sigmoid(sharp)
            if lower == 0:
                clean = chance > 0.5
            elif settings.xor:
                clean = xor_revert(chance > 0.5, x1[take], lower, draw)
            else:
                clean = draw < posterior(chance, x[take], level, lower, density)
            x[take] = clean & cells
        if progress:
            progress((step + 1) / settings.steps)
    return Drawn(_all_planes(x, planes), logits, planes, lean)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logits)), without overflow for -inf and the like."""
    return 1 / (1 + np.exp(-np.clip(logits, -MOST_CERTAIN, MOST_CERTAIN)))


def logit(chance: np.ndarray) -> np.ndarray:
    """The inverse of `sigmoid`, -inf for 0."""
    with np.errstate(divide="ignore"):
        return np.log(chance) - np.log1p(-np.minimum(chance, 1 - 1e-7))


MOST_CERTAIN = 60.0
LOGIT_RANGE, BINS_A_NAT = 15, 10


def _logit_counts(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres and counts of a histogram of the finite logits: a sum over half a million cells becomes one over 300."""
    finite = logits[np.isfinite(logits)]
    bins = ((np.clip(finite, -LOGIT_RANGE, LOGIT_RANGE) + LOGIT_RANGE) * BINS_A_NAT).astype(np.int16)
    counts = np.bincount(bins, minlength=2 * LOGIT_RANGE * BINS_A_NAT + 1)
    return (np.arange(len(counts)) + 0.5) / BINS_A_NAT - LOGIT_RANGE, counts


def expected_count(logits: np.ndarray) -> float:
    """How many cells are on if each is with the chance of its logit; -inf never."""
    centres, counts = _logit_counts(logits)
    return float((counts / (1 + np.exp(-centres))).sum())


def count_shift(logits: np.ndarray, target: float, most: float = MAX_SHIFT) -> float:
    """What to add to all logits so that `target` cells are expected, within +-`most`.

    A temperature below 1 pushes every chance under one half towards silence; in a sparse roll those are nearly all.
    """
    centres, counts = _logit_counts(logits)
    low, high = -most, most
    for _ in range(20):
        middle = (low + high) / 2
        if (counts / (1 + np.exp(-centres - middle))).sum() < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mean_prediction(
    denoise: Denoise, problem: Problem, window: int, prior: np.ndarray, settings: SamplerSettings, seed: Sequence[int]
) -> np.ndarray:
    """Chance of each hidden cell as the denoiser alone sees it from pure noise, float32 (T, S, P)."""
    planes = _asked_planes(problem)
    cells = problem.cells[:, :, planes]
    noise = _uniform(np.random.default_rng(list(seed)), problem.slot, len(planes))
    x = (noise < np.asarray(prior)[planes])[None] & cells
    found = np.full(cells.shape, -np.inf, dtype=np.float32)
    runs = windows(problem.place, window, 0)
    for _, first, last, logits in _denoised(denoise, problem, x, planes, runs, 1.0, window, settings.guidance):
        found[first:last] = logits
    return _all_planes(np.where(cells, sigmoid(together(found, problem.tied)), 0), planes)


def together(logits: np.ndarray, tied: np.ndarray | None) -> np.ndarray:
    """Logits (T, S, planes) with those of tied tokens replaced by their mean.

    Their context is the same but for what comes before and after; the mean, a product of experts, is what fits every
    time that they are played.
    """
    if tied is None:
        return logits
    order = np.argsort(tied, kind="stable")
    _, first, index, counts = np.unique(tied[order], return_index=True, return_inverse=True, return_counts=True)
    means = np.add.reduceat(logits[order], first, axis=0) / counts[:, None, None].astype(logits.dtype)
    out = np.empty_like(logits)
    out[order] = means[index]
    return out


def _asked_planes(problem: Problem) -> np.ndarray:
    """Planes of the parts that are hidden anywhere, int; all work on cells is done on these alone."""
    return np.flatnonzero(np.any(problem.hidden, axis=0)[PART_OF_PLANE])


def _all_planes(cells: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """(..., asked planes) -> (..., P), 0 elsewhere."""
    out = np.zeros((*cells.shape[:-1], TARGET_PLANES), dtype=cells.dtype)
    out[..., planes] = cells
    return out


def _uniform(rng: np.random.Generator, slot: np.ndarray, planes: int) -> np.ndarray:
    """Random numbers in [0, 1), float32 (T, S, planes), the same for tokens of one slot."""
    return rng.random((int(slot.max()) + 1, STEPS, planes), dtype=np.float32)[slot]


def _denoised(
    denoise: Denoise,
    problem: Problem,
    x: np.ndarray,
    planes: np.ndarray,
    runs: list[tuple[int, int]],
    level: float,
    window: int,
    guidance: float,
) -> Iterator[tuple[int, int, int, np.ndarray]]:
    """(take, first token, last token, logits (tokens, S, asked planes)) of windows in which something is hidden."""
    x = x.copy()  # the caller writes into x between our answers, and windows see beyond their own tokens
    seen = {run: surroundings(problem.place, window, *run) for run in runs if problem.hidden[slice(*run)].any()}
    jobs = [(take, run, *seen[run]) for run in seen for take in range(len(x))]
    levels = np.where(problem.hidden, level, 0.0)
    features = np.concatenate([problem.static, noise_features(levels, problem.mode, problem.density)], axis=1)
    absent = np.where(problem.hidden, problem.mode, MODES["absent"])
    blind = np.concatenate([problem.static, noise_features(levels, absent, problem.density)], axis=1)
    for at in range(0, len(jobs), MAX_WINDOWS):
        batch = jobs[at : at + MAX_WINDOWS]
        noisy = np.zeros((len(batch), window, STEPS, TARGET_PLANES), dtype=np.float32)
        given = np.zeros((len(batch), window, *problem.given.shape[1:]), dtype=np.float32)
        place = np.zeros((len(batch), window, problem.place.shape[1]), dtype=np.int64)
        told, untold = (np.zeros((len(batch), window, features.shape[1]), dtype=np.float32) for _ in range(2))
        for index, (take, _, a, b) in enumerate(batch):
            noisy[index, : b - a, :, planes] = np.moveaxis(x[take, a:b], -1, 0)
            given[index, : b - a], place[index, : b - a] = problem.given[a:b], problem.place[a:b]
            told[index, : b - a], untold[index, : b - a] = features[a:b], blind[a:b]
        logits = denoise(noisy, given, told, place)
        if guidance != 1:
            alone = denoise(noisy, np.zeros_like(given), untold, place)
            logits = alone + guidance * (logits - alone)
        for (take, (first, last), a, _), one in zip(batch, logits, strict=True):
            yield take, first, last, one[first - a : last - a, :, planes]
