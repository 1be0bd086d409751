"""A variation of what is there: the sampler starts from the part itself, taken part of the way to noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from arranger.controls import Controls
from arranger.diffusion.layout import PART_OF_PLANE
from arranger.diffusion.sampler import SamplerSettings, Start
from arranger.errors import FillRequestError
from arranger.filler import Desk, prepare
from arranger.fills import Fill, PartFill
from arranger.grid import notes_to_steps, song_to_grid
from arranger.parts import PARTS, Role, detect_parts, tracks_of
from arranger.request import MAX_TAKES, FillRequest, check_request
from arranger.song import Note, Song
from arranger.steer import cells_of

KEEP = 1.0
"""Nats at strength 1/2 that hold every cell to what it is: times (1 - strength) / strength, so none at strength 1."""
STEPS = 4


def vary(
    song: Song,
    part: str,
    bars: tuple[int, int] | None = None,
    strength: float = 0.4,
    takes: int = 8,
    seed: int = 0,
    *,
    track: int | None = None,
    only: Sequence[int] = (),
    tracks: Mapping[str, str] | None = None,
    controls: Controls | None = None,
    model: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Fill]:
    """Variations of a part of a song, in its own track, best first.

    Parameters
    ----------
    bars : [first, last), from 0; None for the whole song. only : single bars instead.
    strength : 0 (nothing changes) to 1 (a new part).
    track : the track to be varied, from 0, where several play the part; else the one that plays most there.
    Other parameters are those of `arranger.fill`. Bars that come back as they were keep their very notes.

    Raises
    ------
    FillRequestError
        if there is no such part in these bars, or the request can't be met.
    """
    if not 0 <= strength <= 1:
        raise FillRequestError(f"A strength of {strength:g} is not possible; ask for 0 (as it is) to 1 (a new part).")
    if not 1 <= takes <= MAX_TAKES:
        raise FillRequestError(f"{takes} takes are not possible; ask for 1 to {MAX_TAKES}.")
    if part not in PARTS:
        raise FillRequestError(f"“{part}” is no part; ask for {', '.join(PARTS)}.")
    request = _request(song, part, bars, only, tracks, track)
    own = request.existing[part][0]
    there = tuple(n for n in song.tracks[own].notes if song.bar_at(n.start) in frozenset(request.asked[part]))
    if not there:
        raise FillRequestError(f"The {part} plays nothing in these bars; there is nothing to vary. Fill them instead.")
    if strength == 0:
        return [_as_it_is(request, part, there, seed)]
    # Like bars are not tied to each other: each is to stay near to what it was.
    desk = prepare(request, replace(controls or Controls(), variation=1.0), SamplerSettings(steps=STEPS), model, seed)
    desk, start = _begin(desk, request, part, there, strength)
    fills = [one for one, _ in desk.draw([(seed, take) for take in range(takes)], progress, start)]
    kept = [_with_originals(one, request, part, there, strength) for one in fills]
    heard = [one for one in kept if one.notes(part)] or [_as_it_is(request, part, there, seed)]
    return sorted(heard, key=lambda one: (-one.score, one.take))


def changed_share(song: Song, fill: Fill, part: str) -> float:
    """How much of a part a variation changes, 0..1: 1 - F1 of the onsets (tick and pitch) before and after."""
    asked = [bar for bar in range(*fill.bars) if fill.holds(bar)]
    index = next(one.into_track for one in fill.parts if one.part == part)
    if index is None:
        return 1.0
    before = {(n.start, n.pitch) for n in song.tracks[index].notes if song.bar_at(n.start) in asked}
    after = {(n.start, n.pitch) for n in fill.notes(part)}
    total = len(before) + len(after)
    return 1 - 2 * len(before & after) / total if total else 0.0


def _request(
    song: Song,
    part: str,
    bars: tuple[int, int] | None,
    only: Sequence[int],
    tracks: Mapping[str, str] | None,
    track: int | None,
) -> FillRequest:
    """A request to replace one track of a part; others of its kind are context."""
    roles = detect_parts(song, tracks)
    playing = tracks_of(roles, song, part)
    if not playing:
        raise FillRequestError(f"The song has no {part} to vary; fill it first: arranger fill SONG --part {part}.")
    if track is not None and track not in playing:
        names = ", ".join(f"{index + 1} “{song.tracks[index].name}”" for index in playing)
        raise FillRequestError(f"Track {track + 1} does not play the {part}; what does is {names}.")
    request = check_request(song, [part], bars, "replace", tracks, only)
    asked = frozenset(request.asked[part])

    def weight(index: int) -> int:
        return sum(song.bar_at(note.start) in asked for note in song.tracks[index].notes)

    own = track if track is not None else max(playing, key=weight)
    others = [index for index in playing if index != own]
    context = request.context
    if others and part != "drums":
        restored = [song.tracks[i] if i in others else one for i, one in enumerate(context.tracks)]
        context = context.with_tracks(restored)
    told = tuple(
        Role(r.track, "other", r.reason) if r.track in others and part != "drums" else r for r in request.roles
    )
    return replace(request, context=context, context_roles=told, existing={part: (own,)})


def _begin(desk: Desk, request: FillRequest, part: str, there: Sequence[Note], strength: float) -> tuple[Desk, Start]:
    """The desk with a hold on what is there, and the start of the chain."""
    frame = desk.job.frame
    grid = frame.grid
    onset, sustain = np.zeros((2, *grid.onset.shape[1:]), dtype=bool)
    for row, first, last in notes_to_steps(there, grid.bars, grid.ticks_per_quarter, part == "drums"):
        onset[row, first], sustain[row, first:last] = True, True
    now = cells_of(frame, part, onset, sustain) > 0
    own = PARTS.index(part) == PART_OF_PLANE
    hold = KEEP * (1 - strength) / strength
    lean = desk.problem.lean * strength
    lean[..., own] += np.where(now[..., own], hold, -hold)
    # The part rests where it rested, and has as many notes as it had.
    silent = ~np.logical_or.reduceat(onset.any(axis=0), grid.bar_steps[:-1])
    rests = silent[frame.order[frame.token_map.bar]]
    hidden = desk.problem.hidden.copy()
    hidden[rests] = False
    expected = float(desk.job.chance[..., own].sum())
    amount = np.ones(len(PARTS))
    amount[PARTS.index(part)] = np.clip(now[..., own].sum() / max(expected, 1.0), 0.05, 8)
    problem = replace(desk.problem, lean=lean.astype(np.float32), hidden=hidden, amount=amount)
    job = replace(desk.job, frame=replace(frame, problem=problem), polish=False)
    return replace(desk, job=job, problem=problem), Start(now, strength)


def _with_originals(fill: Fill, request: FillRequest, part: str, there: Sequence[Note], strength: float) -> Fill:
    """What is struck as it was keeps the exact time and dynamics it had; bars in which nothing else is struck get the
    very notes that were there, with their lengths and fingers."""
    song = request.song
    before, (filled,) = _by_cell(there, song, part), fill.parts
    after = _by_cell(filled.notes, song, part)
    bars_before: dict[int, set[tuple[int, int]]] = {}
    bars_after: dict[int, set[tuple[int, int]]] = {}
    bar_of_step = song_to_grid(song.with_tracks(()), ()).bar_of_step  # a player may be ahead of the bar line
    for cells, bars in ((before, bars_before), (after, bars_after)):
        for cell in cells:
            bars.setdefault(int(bar_of_step[cell[1]]), set()).add(cell)
    same = {bar for bar, cells in bars_after.items() if cells == bars_before.get(bar)}
    notes = [note for cell, note in before.items() if int(bar_of_step[cell[1]]) in same]
    for cell, note in after.items():
        if int(bar_of_step[cell[1]]) in same:
            continue
        old = before.get(cell)
        if old is not None:
            pitch = old.pitch if part == "drums" else note.pitch
            length = max(1, note.end - old.start)
            note = replace(note, start=old.start, duration=length, velocity=old.velocity, pitch=pitch)
        notes.append(note)
    told = {**fill.settings, "strength": strength}
    return replace(fill, parts=(replace(filled, notes=tuple(sorted(notes))),), source="variation", settings=told)


def _by_cell(notes: Sequence[Note], song: Song, part: str) -> dict[tuple[int, int], Note]:
    """(row, step) -> the note that begins there."""
    found: dict[tuple[int, int], Note] = {}
    for note in notes:
        for row, first, _ in notes_to_steps([note], song.bars, song.ticks_per_quarter, part == "drums"):
            found[row, first] = note
    return found


def _as_it_is(request: FillRequest, part: str, there: Sequence[Note], seed: int) -> Fill:
    (own,) = request.existing[part]
    filled = PartFill(part, tuple(there), removed_tracks=(own,), into_track=own, name=request.song.tracks[own].name)
    return Fill((filled,), request.bars, seed, 0, 1.0, "variation", {part: {}}, {"strength": 0.0}, request.only)
