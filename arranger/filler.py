"""Song and request to takes: grid, sampler, playability, velocity and critic joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np

from arranger import critic
from arranger.clock import clock_of
from arranger.diffusion.layout import IS_ONSET, MODES, PART_OF_PLANE
from arranger.diffusion.runtime import Model, load_model
from arranger.diffusion.sampler import Problem, SamplerSettings, mean_prediction, sample
from arranger.errors import FillRequestError
from arranger.fills import Fill, PartFill
from arranger.framing import Frame, frame_song, let_sound, read_part
from arranger.fretboard import Neck, assign_frets, neck_for
from arranger.fretboard_taste import costs_like
from arranger.grid import Grid, notes_to_steps, song_to_grid, steps_to_notes
from arranger.legible import legible
from arranger.parts import PARTS, ROLES
from arranger.playable import let_go, make_playable
from arranger.request import MAX_TAKES, FillRequest, check_request
from arranger.rules import bar_tempos, rule_part
from arranger.song import Note, Song
from arranger.velocity import steady, with_velocities

SHIPPED_MODEL = "denoiser.safetensors"
REST_BELOW = {"drums": 0.5, "bass": 0.25, "guitar": 0.25}
"""A part also rests in a bar for which the model expects fewer than this many times the notes of its median bar."""
TAB_FORMATS = ("gp3", "gp4", "gp5", "gpx", "gp")
PROGRAMS = {"drums": 0, "bass": 33, "guitar": 27}
"""Finger bass and clean electric guitar, counted from 0; drums have none."""


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
    settings: SamplerSettings | None = None,
    density: Mapping[str, float] | None = None,
    model: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Fill]:
    """Takes of the asked parts, best first; one Fill covers all of them.

    Parameters
    ----------
    bars : [first, last), counted from 0; None for the whole song.
    takes : 1..64. seed : the same seed gives the same takes.
    mode : `new`, `add`, `replace` or `complete`. tracks : track name or number -> role.
    density : part -> onsets a beat. model : path of another checkpoint. progress : called with 0..1.

    Raises
    ------
    FillRequestError
        if the request can't be met.
    CheckpointError
        if the model can't be loaded.
    """
    if not 1 <= takes <= MAX_TAKES:
        raise FillRequestError(f"{takes} takes are not possible; ask for 1 to {MAX_TAKES}.")
    request = check_request(song, parts, bars, mode, tracks)
    denoiser = shipped_model(model)
    grid = song_to_grid(request.context, request.context_roles)
    frame = frame_song(request.context, grid, request.parts, request.bars, density=density, asked=request.asked)
    settings = settings or SamplerSettings()
    beside = (denoiser.window, denoiser.prior, settings)
    chance = mean_prediction(denoiser.denoise, frame.problem, *beside, (seed, 0))
    problem = with_rests(frame, chance)
    rolls = sample(denoiser.denoise, problem, *beside, [(seed, take) for take in range(takes)], progress, chance)
    rules = {part: _rule(request, grid, part) for part in request.parts}
    agreed = {}
    for part in request.parts:
        onsets = (PARTS.index(part) == PART_OF_PLANE) & IS_ONSET
        agreed[part] = critic.agreement(rolls[..., onsets].reshape(takes, -1), chance[..., onsets].ravel())
    made = []
    for take, roll in enumerate(rolls):
        agreement = {part: agreed[part][take] for part in request.parts}
        made.append(_take(request, frame, roll, chance, agreement, rules, seed, take, settings))
    kept = [one for one, plausible in made if plausible] or [one for one, _ in made]
    heard = [one for one in kept if all(filled.notes for filled in one.parts)]
    if not heard:
        heard = [rule_fill(request, seed)]
    return sorted(heard, key=lambda one: (-one.score, one.take))


def rule_fill(request: FillRequest, seed: int) -> Fill:
    """What the rules play, as a Fill like any other."""
    grid = song_to_grid(request.context, request.context_roles)
    cards, filled = {}, []
    for part in request.parts:
        planes = _rule(request, grid, part)
        notes, changed, neck = _playable_notes(request, grid, planes, part, seed)
        whole = _with_existing(request, grid, planes, part)
        cards[part] = critic.judge(part, whole, whole, grid, request.bars, 0.0, changed)
        filled.append(_part_fill(request, part, notes, neck))
    card = {part: one.as_dict() for part, one in cards.items()}
    if not any(one.notes for one in filled):
        raise FillRequestError("The band rests in all of these bars; ask for bars in which something plays.")
    return Fill(tuple(filled), request.bars, seed, 0, critic.score(cards), "rule", card)


def _take(
    request: FillRequest,
    frame: Frame,
    roll: np.ndarray,
    chance: np.ndarray,
    agreement: Mapping[str, float],
    rules: Mapping[str, critic.Planes],
    seed: int,
    take: int,
    settings: SamplerSettings,
) -> tuple[Fill, bool]:
    """One take as a Fill, and whether its density is plausible."""
    cards, filled, plausible = {}, [], True
    for part in request.parts:
        onsets = (PARTS.index(part) == PART_OF_PLANE) & IS_ONSET
        expected = float(chance[..., onsets].sum())
        ratio = float(roll[..., onsets].sum()) / expected if expected else 1.0
        plausible &= critic.SPARSEST <= ratio <= critic.DENSEST
        onset, sustain = read_part(frame, roll, part)
        sounding = sustain if part == "drums" else let_sound(onset, sustain, read_part(frame, chance, part)[1])
        notes, changed, neck = _playable_notes(request, frame.grid, (onset, sounding), part, seed + take)
        whole, ruled = (
            _with_existing(request, frame.grid, planes, part)
            for planes in (_planes(notes, frame.grid, part), rules[part])
        )
        cards[part] = critic.judge(part, whole, ruled, frame.grid, request.bars, agreement[part], changed)
        filled.append(_part_fill(request, part, notes, neck))
    card = {part: one.as_dict() for part, one in cards.items()}
    told = {"steps": settings.steps, "temperature": settings.temperature, "guidance": settings.guidance}
    return Fill(tuple(filled), request.bars, seed, take, critic.score(cards), "model", card, told), plausible


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


def _rule(request: FillRequest, grid: Grid, part: str) -> critic.Planes:
    """What the rule plays in the bars that are asked. It may rest in some bars, not in all: where it would, as in the
    gaps of a part that is to be completed, each gap is a request of its own."""
    tempos, asked = bar_tempos(request.context), np.array(request.asked[part])
    steps = np.isin(grid.bar_of_step, asked)
    onset, sustain = (plane & steps for plane in rule_part(grid, part, request.bars, tempos))
    if not onset.any():
        for gap in np.split(asked, np.flatnonzero(np.diff(asked) > 1) + 1):
            alone = rule_part(grid, part, (int(gap[0]), int(gap[-1]) + 1), tempos)
            onset, sustain = onset | alone[0], sustain | alone[1]
    return onset, sustain


def _with_existing(request: FillRequest, grid: Grid, planes: critic.Planes, part: str) -> critic.Planes:
    """What is judged: the planes, with what the part already plays round them where a part is completed."""
    if request.mode != "complete":
        return planes
    at = ROLES.index(part)
    return planes[0] | grid.onset[at], planes[1] | grid.sustain[at]


def _playable_notes(
    request: FillRequest, grid: Grid, planes: critic.Planes, part: str, seed: int
) -> tuple[tuple[Note, ...], int, Neck]:
    """Notes that a player can play and read, with velocities and, for strings, frets; how many had to be changed; and
    the strings that they are for."""
    song = request.context
    notes: Sequence[Note] = steps_to_notes(*planes, grid, part == "drums")
    ends = _run_ends(request.asked[part], grid)
    lasts = [ends[song.bar_at(n.start)] for n in notes]
    notes = [Note(n.start, max(1, min(n.end, end) - n.start), n.pitch) for n, end in zip(notes, lasts, strict=True)]
    neck = neck_for(part, notes, request.song, request.roles, _into_track(request, part))
    strings = neck.sounding or None
    notes, changed = make_playable(notes, part, song.ticks_per_quarter, strings, frets=neck.frets, tempos=song.tempos)
    if strings:
        notes = legible(notes, song.bars[: request.bars[1]], song.ticks_per_quarter)
        clock = clock_of(song.tempos, song.ticks_per_quarter)
        costs = costs_like(request.song, request.roles, neck.tuning)
        fingered = assign_frets(notes, neck.tuning, neck.capo, clock=clock, costs=costs)
        notes = let_go(fingered)
        changed += sum(a != b for a, b in zip(fingered, notes, strict=True))
    played = with_velocities(notes, part, song, seed)
    is_tab = request.song.source is not None and request.song.source.format in TAB_FORMATS
    return (steady(played, song) if is_tab and strings else played), changed, neck


def _run_ends(asked: Sequence[int], grid: Grid) -> dict[int, int]:
    """Asked bar -> tick at which the run of asked bars that it stands in is over; no note sounds on beyond it."""
    ends: dict[int, int] = {}
    for bar in reversed(asked):
        ends[bar] = ends.get(bar + 1, grid.bars[bar].end)
    return ends


def _into_track(request: FillRequest, part: str) -> int | None:
    """The track that is written into: of several, the one that plays most in the asked bars; None for a new one."""
    song, existing = request.song, request.existing[part]
    if request.mode not in ("replace", "complete"):
        return None
    first, last = song.bars[request.bars[0]].start, song.bars[request.bars[1] - 1].end

    def weight(index: int) -> tuple[int, int]:
        held = song.tracks[index].notes
        return sum(first <= note.start < last for note in held), len(held)

    return max(existing, key=weight)


def _planes(notes: Sequence[Note], grid: Grid, part: str) -> critic.Planes:
    onset, sustain = (np.zeros(grid.onset.shape[1:], dtype=bool) for _ in range(2))
    for row, first, last in notes_to_steps(notes, grid.bars, grid.ticks_per_quarter, part == "drums"):
        onset[row, first], sustain[row, first:last] = True, True
    return onset, sustain


def _part_fill(request: FillRequest, part: str, notes: tuple[Note, ...], neck: Neck) -> PartFill:
    song, existing = request.song, request.existing[part]
    # A further track sounds like the first one of its kind.
    program = song.tracks[existing[0]].program if existing else PROGRAMS[part]
    further = len(existing) + 1 if request.mode == "add" and existing else None
    filled = PartFill(
        part,
        notes,
        name=f"{part.capitalize()} {further}" if further else part.capitalize(),
        program=program,
        channel=9 if part == "drums" else None,
        tuning=neck.tuning or None,
        capo=neck.capo,
    )
    removed = existing if request.mode == "replace" else ()
    return replace(filled, removed_tracks=removed, into_track=_into_track(request, part))
