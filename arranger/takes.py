"""A drawn roll as a take: shaped as asked, playable, fingered, with velocities and a score card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from arranger import critic
from arranger.clock import clock_of
from arranger.controls import Controls
from arranger.diffusion.layout import IS_ONSET, PART_OF_PLANE
from arranger.errors import FillRequestError
from arranger.fills import Fill, PartFill
from arranger.framing import Frame, let_sound, read_part
from arranger.fretboard import Neck, assign_frets, neck_for
from arranger.fretboard_taste import costs_like
from arranger.grid import Grid, notes_to_steps, song_to_grid, steps_to_notes
from arranger.legible import legible
from arranger.parts import PARTS, ROLES
from arranger.performing import performed
from arranger.playable import let_go, make_playable
from arranger.polish import no_runaways
from arranger.request import FillRequest
from arranger.rules import bar_tempos, rule_part
from arranger.shaping import Shaper
from arranger.song import Note

PROGRAMS = {"drums": 0, "bass": 33, "guitar": 27}
"""Finger bass and clean electric guitar, counted from 0; drums have none."""


@dataclass(frozen=True, eq=False)
class Job:
    """A request with what all its takes share.

    rules : part -> what the rule plays. chance : float (T, S, P), the model's mean prediction. told : for the record.
    polish : whether what was drawn is put right as a player would; not where a take is to stay near to something.
    """

    request: FillRequest
    frame: Frame
    controls: Controls
    shaper: Shaper
    rules: Mapping[str, critic.Planes]
    chance: np.ndarray
    told: Mapping[str, object]
    polish: bool = True


def make_take(
    job: Job, roll: np.ndarray, sure: np.ndarray, agreement: Mapping[str, float], seed: int, take: int
) -> tuple[Fill, bool]:
    """One roll, bool (T, S, P), as a Fill, and whether its density is plausible.

    Parameters
    ----------
    sure : float (T, S, P), the chances that it was drawn from.
    """
    request, grid = job.request, job.frame.grid
    cards, filled, plausible = {}, [], True
    for part in request.parts:
        onsets = (PARTS.index(part) == PART_OF_PLANE) & IS_ONSET
        expected = float(job.chance[..., onsets].sum())
        amount = job.frame.problem.amount
        expected *= 1.0 if amount is None else float(amount[PARTS.index(part)])
        ratio = float(roll[..., onsets].sum()) / expected if expected else 1.0
        plausible &= critic.SPARSEST <= ratio <= critic.DENSEST
        onset, sustain = read_part(job.frame, roll, part)
        chance = read_part(job.frame, job.chance, part)
        if job.polish:
            onset, sustain = job.shaper.polished(part, (onset, sustain), read_part(job.frame, sure, part)[0], chance[0])
        sounding = onset if part == "drums" else let_sound(onset, sustain, chance[1])
        if job.polish and part != "drums":
            sounding = no_runaways(onset, sounding, grid)
        shaped = job.shaper.shaped(part, (onset, sounding), chance[0])
        one, whole, changed = _part_fill(request, grid, shaped, part, job.shaper, seed + take)
        ruled = _with_existing(grid, job.rules[part], part)
        cards[part] = critic.judge(part, whole, ruled, grid, request.bars, agreement[part], changed)
        filled.append(one)
    card = {part: one.as_dict() for part, one in cards.items()}
    score = critic.score(cards)
    made = Fill(tuple(filled), request.bars, seed, take, score, "model", card, job.told, request.only)
    return made, plausible


def rule_fill(request: FillRequest, seed: int, controls: Controls | None = None) -> Fill:
    """What the rules play, as a Fill like any other.

    Raises
    ------
    FillRequestError
        if the band rests in all of the bars.
    """
    controls = controls or Controls()
    grid = song_to_grid(request.context, request.context_roles)
    shaper = Shaper(request, grid, controls)
    cards, filled = {}, []
    for part in request.parts:
        planes = shaper.shaped(part, rule_planes(request, grid, part), None)
        one, whole, changed = _part_fill(request, grid, planes, part, shaper, seed)
        cards[part] = critic.judge(part, whole, whole, grid, request.bars, 0.0, changed)
        filled.append(one)
    card = {part: one.as_dict() for part, one in cards.items()}
    if not any(one.notes for one in filled):
        raise FillRequestError("The band rests in all of these bars; ask for bars in which something plays.")
    return Fill(tuple(filled), request.bars, seed, 0, critic.score(cards), "rule", card, only=request.only)


def rule_planes(request: FillRequest, grid: Grid, part: str) -> critic.Planes:
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


def _with_existing(grid: Grid, planes: critic.Planes, part: str) -> critic.Planes:
    """What is judged: the planes, with what the part already plays round them."""
    at = ROLES.index(part)
    return planes[0] | grid.onset[at], planes[1] | grid.sustain[at]


def _part_fill(
    request: FillRequest, grid: Grid, planes: critic.Planes, part: str, shaper: Shaper, seed: int
) -> tuple[PartFill, critic.Planes, int]:
    """The part as it is written, what of it is judged, and how many notes had to be changed to be playable."""
    notes, changed, neck = _playable_notes(request, grid, planes, part)
    whole = _with_existing(grid, _planes(notes, grid, part), part)
    notes = performed(notes, part, request, shaper.controls, shaper.band, seed)
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
    return replace(filled, removed_tracks=removed, into_track=_into_track(request, part)), whole, changed


def _playable_notes(
    request: FillRequest, grid: Grid, planes: critic.Planes, part: str
) -> tuple[tuple[Note, ...], int, Neck]:
    """Notes that a player can play and read, for strings with frets; how many had to be changed; and the strings that
    they are for."""
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
    return tuple(notes), changed, neck


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
