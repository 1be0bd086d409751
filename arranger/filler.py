"""Song and request to takes: grid, sampler, shaping and critic joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from arranger import critic
from arranger.amount import strokes_a_bar, wanted_strokes
from arranger.coherence import tied, untied_rests
from arranger.controls import Controls
from arranger.diffusion.layout import IS_ONSET, MODES, PART_OF_PLANE
from arranger.diffusion.runtime import Model, load_model
from arranger.diffusion.sampler import Problem, SamplerSettings, Start, draw, mean_prediction, sample
from arranger.errors import FillRequestError
from arranger.fills import Fill
from arranger.framing import Frame, frame_song, read_part
from arranger.grid import song_to_grid
from arranger.harmony import Key
from arranger.offered import Onsets, differing
from arranger.parts import PARTS
from arranger.polish import settled
from arranger.request import MAX_TAKES, FillRequest, check_request
from arranger.shaping import Shaper
from arranger.song import Song
from arranger.steer import steering
from arranger.takes import Job, make_take, rule_fill, rule_planes
from arranger.wishes import check_controls

SHIPPED_MODEL = "denoiser.safetensors"
REST_BELOW = {"drums": 0.5, "bass": 0.25, "guitar": 0.25}
"""A part also rests in a bar for which the model expects fewer than this many times the notes of its median bar."""
AMOUNT_ROUNDS, AMOUNT_NEAR = 4, 0.06
"""So many draws, at most, until the number of strokes is within this share of what was asked for."""
DIFFERENT, REDRAWS, BOLDER = 0.1, 3, 1.6
"""Takes nearer to each other than this are one and the same; how often others are drawn in their place, and how many
times the temperature rises each time."""
MOST, LEAST = 8.0, 0.05
"""Times the notes that the model expects, at most and at least."""


@lru_cache(maxsize=2)
def shipped_model(path: str | None = None) -> Model:
    """The model in the package, or the one at `path`; loaded once."""
    return load_model(Path(path) if path else Path(str(resources.files("arranger") / "weights" / SHIPPED_MODEL)))


def fill(
    song: Song,
    parts: Sequence[str],
    bars: tuple[int, int] | None = None,
    takes: int = 8,
    seed: int = 0,
    *,
    mode: str = "new",
    tracks: Mapping[str, str] | None = None,
    only: Sequence[int] = (),
    controls: Controls | None = None,
    avoid: Sequence[Mapping[str, Onsets]] | None = None,
    settings: SamplerSettings | None = None,
    model: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Fill]:
    """Takes of the asked parts, best first; one Fill covers all of them.

    Parameters
    ----------
    bars : [first, last), counted from 0; None for the whole song. only : single bars instead.
    takes : 1..64. seed : the same seed gives the same takes.
    mode : `new`, `add`, `replace` or `complete`. tracks : track name or number -> role.
    controls : what else is wanted.
    avoid : what was offered before (`offered`): takes too near to it, or to a better take, are drawn again more
        boldly, so that what comes back differs; None not to look.
    model : path of another checkpoint. progress : called with 0..1.

    Raises
    ------
    FillRequestError
        if the request can't be met.
    CheckpointError
        if the model can't be loaded.
    """
    if not 1 <= takes <= MAX_TAKES:
        raise FillRequestError(f"{takes} takes are not possible; ask for 1 to {MAX_TAKES}.")
    request = check_request(song, parts, bars, mode, tracks, only)
    desk = prepare(request, controls or Controls(), settings or SamplerSettings(), model, seed)
    fills = _usable(desk.draw([(seed, take) for take in range(takes)], progress))
    if avoid is not None:
        fills = _different(desk, fills, avoid, takes, seed)
    return fills or [rule_fill(request, seed, controls)]


def _usable(made: Sequence[tuple[Fill, bool]]) -> list[Fill]:
    """Takes of plausible density in which every part plays, best first."""
    kept = [one for one, plausible in made if plausible] or [one for one, _ in made]
    heard = [one for one in kept if all(filled.notes for filled in one.parts)]
    return sorted(heard, key=lambda one: (-one.score, one.take))


def _different(
    desk: Desk, fills: list[Fill], avoid: Sequence[Mapping[str, Onsets]], takes: int, seed: int
) -> list[Fill]:
    """Takes that differ from each other and from what is to be avoided, as many as were asked for if that can be."""
    kept = differing(fills, avoid, DIFFERENT)
    for again in range(1, REDRAWS + 1):
        if len(kept) >= takes:
            break
        bolder = replace(desk.settings, temperature=desk.settings.temperature * BOLDER**again)
        more = replace(desk, settings=bolder).draw([(seed, again * MAX_TAKES + take) for take in range(takes)])
        kept = differing([*kept, *_usable(more)], avoid, DIFFERENT)
    return sorted(kept[:takes], key=lambda one: (-one.score, one.take)) or fills


@dataclass(frozen=True, eq=False)
class Desk:
    """A request made ready: takes can be drawn from it again and again."""

    job: Job
    problem: Problem
    model: Model
    settings: SamplerSettings

    def draw(
        self,
        seeds: Sequence[tuple[int, int]],
        progress: Callable[[float], None] | None = None,
        start: Start | None = None,
    ) -> list[tuple[Fill, bool]]:
        """A take for each (seed, take) number, and whether its density is plausible."""
        job = self.job
        letters = job.shaper.letters()
        drawn = draw(
            self.model.denoise,
            self.problem,
            self.model.window,
            self.model.prior,
            self.settings,
            seeds,
            progress,
            None if start else job.chance,
            start,
            (lambda logits, planes: settled(logits, planes, job.frame, self.problem, letters)) if job.polish else None,
        )
        rolls = drawn.rolls
        agreed = {}
        for part in job.request.parts:
            onsets = (PARTS.index(part) == PART_OF_PLANE) & IS_ONSET
            agreed[part] = critic.agreement(rolls[..., onsets].reshape(len(seeds), -1), job.chance[..., onsets].ravel())
        made = []
        for index, ((seed, take), roll) in enumerate(zip(seeds, rolls, strict=True)):
            agreement = {part: agreed[part][index] for part in job.request.parts}
            made.append(make_take(job, roll, drawn.sure(index), agreement, seed, take))
        return made


def prepare(request: FillRequest, controls: Controls, settings: SamplerSettings, model: str | None, seed: int) -> Desk:
    """Everything that comes before the first draw.

    Raises
    ------
    FillRequestError
        if the controls contradict each other or the song.
    """
    check_controls(request, controls)
    denoiser = shipped_model(model)
    for name in ("temperature", "guidance"):
        if (asked := getattr(controls, name)) is not None:
            settings = replace(settings, **{name: asked})
    grid = song_to_grid(request.context, request.context_roles)
    key = Key(controls.key[0], "minor" if controls.key[1] else "major") if controls.key else None
    frame = frame_song(request.context, grid, request.parts, request.bars, key, asked=request.asked)
    shaper = Shaper(request, grid, controls)
    frame = tied(frame, shaper.same_bars(controls.variation))
    beside = (denoiser.window, denoiser.prior, settings)
    chance = mean_prediction(denoiser.denoise, frame.problem, *beside, (seed, 0))
    problem = untied_rests(with_rests(frame, chance))
    problem = replace(problem, lean=problem.lean + steering(frame, request, controls, shaper.leans()))
    if any(shaper.density(part) is not None for part in request.parts):
        problem = replace(problem, density=_said_density(frame, problem, chance, shaper))
        chance = mean_prediction(denoiser.denoise, problem, *beside, (seed, 0))
        problem = _with_amount(frame, problem, chance, shaper, denoiser, settings, seed)
    frame = replace(frame, problem=problem)
    rules = {part: rule_planes(request, grid, part) for part in request.parts}
    told = {"steps": settings.steps, "temperature": settings.temperature, "guidance": settings.guidance}
    return Desk(Job(request, frame, controls, shaper, rules, chance, told), problem, denoiser, settings)


def _expected_strokes(frame: Frame, chance: np.ndarray, part: str, request: FillRequest) -> float:
    """Strokes a bar that the model expects of a part, as the amount module counts them."""
    onset, _ = read_part(frame, chance, part)
    struck = 1 - np.prod(1 - onset, axis=0)
    bars = list(request.asked[part])
    by_bar = np.bincount(frame.grid.bar_of_step, weights=struck, minlength=len(frame.grid.bars))[bars]
    played = by_bar > 0.5
    return float(48 * by_bar[played].sum() / max(1, np.diff(frame.grid.bar_steps)[bars][played].sum()))


def _said_density(frame: Frame, problem: Problem, chance: np.ndarray, shaper: Shaper) -> np.ndarray:
    """What the net is told of density, onsets a beat, float (T, 3): its own times what is asked for."""
    said = problem.density.copy()
    for part in shaper.request.parts:
        density = shaper.density(part)
        if density is None:
            continue
        at = PARTS.index(part)
        onsets = (at == PART_OF_PLANE) & IS_ONSET
        by_token = chance[..., onsets].sum(axis=(1, 2))
        playing = problem.hidden[:, at] & (by_token > 0.5)
        usual = _expected_strokes(frame, chance, part, shaper.request)
        if playing.any() and usual:
            said[:, at] = by_token[playing].mean() * wanted_strokes(part, density) / usual
    return said


def _with_amount(
    frame: Frame,
    problem: Problem,
    chance: np.ndarray,
    shaper: Shaper,
    denoiser: Model,
    settings: SamplerSettings,
    seed: int,
) -> Problem:
    """The problem with the amounts at which a trial take has the strokes that are asked for."""
    amount = np.ones(len(PARTS))
    for _ in range(AMOUNT_ROUNDS):
        problem = replace(problem, amount=amount.copy())
        (roll,) = sample(
            denoiser.denoise, problem, denoiser.window, denoiser.prior, settings, [(seed, 0)], chance=chance
        )
        near = True
        for part in shaper.request.parts:
            density = shaper.density(part)
            if density is None:
                continue
            onset, _ = read_part(frame, roll, part)
            ratio = wanted_strokes(part, density) / max(
                0.25, strokes_a_bar(onset, frame.grid, shaper.request.asked[part])
            )
            near &= abs(ratio - 1) <= AMOUNT_NEAR
            at = PARTS.index(part)
            amount[at] = float(np.clip(amount[at] * ratio, LEAST, MOST))
        if near:
            break
    return problem


def with_rests(frame: Frame, chance: np.ndarray) -> Problem:
    """The problem with silence given in the bars in which a part is to rest: where the whole band does, where the rule
    does, which was counted from when people rest (`rules.resting`), and where the model expects far fewer notes than it
    does in the other bars. A part never rests in all of them.

    Parameters
    ----------
    chance : the model's mean prediction, float (T, S, P).
    """
    problem, bar = frame.problem, frame.token_map.bar
    heard = np.bincount(bar, weights=problem.given.any(axis=(1, 2))) > 0
    hidden, mode = problem.hidden.copy(), problem.mode.copy()
    for index, part in enumerate(PARTS):
        if not hidden[:, index].any():
            continue
        onsets = (index == PART_OF_PLANE) & IS_ONSET
        expected = np.bincount(bar, weights=chance[..., onsets].sum(axis=(1, 2)))
        asked = np.bincount(bar, weights=hidden[:, index]) > 0
        usual = float(np.median(expected[asked & heard])) if (asked & heard).any() else 0.0
        ruled = np.bincount(bar, weights=(problem.lean[..., index == PART_OF_PLANE] > 0).any(axis=(1, 2))) > 0
        plays = heard & ruled & (expected >= REST_BELOW[part] * usual)
        if (asked & plays).any():
            resting = hidden[:, index] & ~plays[bar]
            hidden[:, index] &= ~resting
            mode[resting, index] = MODES["given"]
    return replace(problem, hidden=hidden, mode=mode)
