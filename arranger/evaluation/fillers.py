"""What an evaluation fills parts with: a task goes in, a `Fill` comes out.

The fillers see the task alone. The references need the full song: another song's part (what no listening at all
gives), the bars before the hidden ones (what copying gives, an oracle for whole parts), and the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from arranger.evaluation.examples import Example
from arranger.evaluation.tasks import Case, Task, part_notes
from arranger.fills import Fill, PartFill
from arranger.grid import song_to_grid, steps_to_notes
from arranger.parts import tracks_of
from arranger.song import Note, Song

Filler = Callable[[Task, int], Fill]
"""(task, seed) -> the fill. May raise FillRequestError."""

MODEL, MEAN, RULES, TOKENS = "model", "net's mean", "rules", "tokens"
ANOTHER_SONG, NEIGHBOURS, TRUTH = "another song", "bar before", "truth"
REFERENCES = (ANOTHER_SONG, NEIGHBOURS, TRUTH)
SEEDLESS = (MEAN, RULES, NEIGHBOURS, TRUTH)
"""Fillers for which the seed makes no difference worth a second run."""


def as_fill(task: Task, notes: Mapping[str, Sequence[Note]], seed: int, source: str) -> Fill:
    """Notes that were proposed somehow, as a Fill into new tracks; those outside the task's bars are left out."""
    hidden = frozenset(task.hidden)
    parts = tuple(
        PartFill(part, tuple(sorted(note for note in notes[part] if task.song.bar_at(note.start) in hidden)), name=part)
        for part in task.parts
    )
    return Fill(parts, task.bars, seed, 0, source=source, only=task.only)


def rules_filler(task: Task, seed: int) -> Fill:
    """The rules of thumb of `arranger.rules`, as they come: what is unplayable in them counts."""
    from arranger.rules import bar_tempos, rule_part
    from arranger.velocity import with_velocities

    grid = song_to_grid(task.song, task.roles)
    tempo = bar_tempos(task.song)
    notes = {}
    for part in task.parts:
        drums = part == "drums"
        found = tuple(steps_to_notes(*rule_part(grid, part, task.bars, tempo), grid, drums))
        notes[part] = with_velocities(found, part, task.song, seed)
    return as_fill(task, notes, seed, RULES)


def fill_mode(task: Task) -> str:
    """The mode in which `arranger.fill` is asked: `replace` where other bars of the part are still there."""
    return "replace" if any(tracks_of(task.roles, task.song, part) for part in task.parts) else "new"


def model_filler(takes: int = 8, **options: Any) -> Filler:
    """The best of `takes` takes that `arranger.fill` gives; `options` go to it as they are."""

    def fill_task(task: Task, seed: int) -> Fill:
        from arranger.filler import fill

        bars = None if task.bars == (0, len(task.song.bars)) else task.bars
        asked: dict[str, Any] = {"bars": bars, "only": task.only, "takes": takes, "seed": seed, "mode": fill_mode(task)}
        return fill(task.song, list(task.parts), **asked, **options)[0]

    return fill_task


def mean_filler(model: str | None = None) -> Filler:
    """The net's mean prediction from pure noise, thresholded where it expects as many onsets: no sampling, no critic.

    F1 rewards it: the blurred mean of all parts that would fit is nearer to the truth than most of them. A sampler
    that does not reach it loses notes on the way; one that does is still not better music for it.
    """

    def fill_task(task: Task, seed: int) -> Fill:
        from arranger.diffusion.layout import IS_ONSET, PART_OF_PLANE
        from arranger.diffusion.sampler import SamplerSettings, mean_prediction
        from arranger.filler import shipped_model
        from arranger.framing import frame_song, let_sound, read_part
        from arranger.parts import PARTS
        from arranger.request import check_request
        from arranger.velocity import with_velocities

        request = check_request(task.song, task.parts, task.bars, fill_mode(task), only=task.only)
        denoiser = shipped_model(model)
        grid = song_to_grid(request.context, request.context_roles)
        frame = frame_song(request.context, grid, request.parts, request.bars, asked=request.asked)
        chance = mean_prediction(
            denoiser.denoise, frame.problem, denoiser.window, denoiser.prior, SamplerSettings(), (seed, 0)
        )
        roll = chance > 0.5
        notes = {}
        for part in request.parts:
            onsets = (PARTS.index(part) == PART_OF_PLANE) & IS_ONSET
            roll[..., onsets] = most_likely(chance[..., onsets])
            onset, sustain = read_part(frame, roll, part)
            drums = part == "drums"
            if not drums:
                sustain = let_sound(onset, sustain, read_part(frame, chance, part)[1])
            notes[part] = with_velocities(steps_to_notes(onset, sustain, grid, drums), part, task.song, seed)
        return as_fill(task, notes, seed, MEAN)

    return fill_task


def most_likely(chance: np.ndarray) -> np.ndarray:
    """The round(sum) cells with the highest chance, bool, same shape; of equal ones the first."""
    count = min(round(float(chance.sum())), int((chance > 0).sum()))
    chosen = np.zeros(chance.size, dtype=bool)
    chosen[np.argsort(-chance.ravel(), kind="stable")[:count]] = True
    return chosen.reshape(chance.shape)


def truth_filler(case: Case) -> Fill:
    """What was hidden."""
    return as_fill(case.task, case.truth, 0, TRUTH)


def neighbour_filler(case: Case) -> Fill:
    """In each hidden bar what the true part plays in the bar before; in the first bar of the song, in the second."""
    song = case.example.song
    before = [max(bar - 1, 0) if bar else min(1, len(song.bars) - 1) for bar in range(*case.task.bars)]
    notes = {
        part: copy_bars(part_notes(song, case.example.roles, part), song, before, song, case.task.bars)
        for part in case.task.parts
    }
    return as_fill(case.task, notes, 0, NEIGHBOURS)


def other_song_filler(case: Case, donors: Mapping[str, Example], seed: int) -> Fill | None:
    """The same parts of other songs, bar by bar from their first note on, around again when they run out.

    None where no other song has one of the parts.
    """
    notes = {}
    for part in case.task.parts:
        donor = donors.get(part)
        if donor is None:
            return None
        lent = part_notes(donor.song, donor.roles, part)
        begin = donor.song.bar_at(lent[0].start)
        count = len(donor.song.bars) - begin
        bars = [begin + at % count for at in range(case.task.bars[1] - case.task.bars[0])]
        notes[part] = copy_bars(lent, donor.song, bars, case.task.song, case.task.bars)
    return as_fill(case.task, notes, seed, ANOTHER_SONG)


def copy_bars(
    notes: Sequence[Note], source: Song, source_bars: Sequence[int], target: Song, bars: tuple[int, int]
) -> list[Note]:
    """Notes of the given bars of one song, put into the bars [first, last) of another in turn.

    A bar that is too long for its place is cut, one that is too short is followed by silence.
    """
    starts = np.array([note.start for note in notes], dtype=np.int64)
    ratio = target.ticks_per_quarter / source.ticks_per_quarter
    copied = []
    for at, bar in zip(range(*bars), source_bars, strict=True):
        begin, place = source.bars[bar], target.bars[at]
        first, last = np.searchsorted(starts, [begin.start, begin.end]).tolist()
        for note in notes[first:last]:
            start = place.start + round((note.start - begin.start) * ratio)
            if start < place.end:
                copied.append(replace(note, start=start, duration=max(1, round(note.duration * ratio))))
    return _unoverlapped(copied)


def _unoverlapped(notes: Sequence[Note]) -> list[Note]:
    """Notes cut where their pitch is struck again, as it can happen where bars are joined."""
    done = []
    by_pitch: dict[int, list[Note]] = {}
    for note in sorted(notes):
        by_pitch.setdefault(note.pitch, []).append(note)
    for line in by_pitch.values():
        for note, later in pairwise(line):
            if later.start > note.start:
                done.append(replace(note, duration=min(note.duration, later.start - note.start)))
        done.append(line[-1])
    return sorted(done)
