"""Take parts out of whole songs, have them filled in again, and measure what came back.

Every filler gets the same tasks in one run. Whole parts are filled with every seed, the other masks with one seed a
song (the seeds in turn), which keeps the run short and still spreads over the seeds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from arranger.errors import ArrangerError, FillRequestError
from arranger.evaluation.examples import Example, draw_songs
from arranger.evaluation.fillers import (
    ANOTHER_SONG,
    NEIGHBOURS,
    REFERENCES,
    RULES,
    SEEDLESS,
    TRUTH,
    Filler,
    as_fill,
    neighbour_filler,
    other_song_filler,
    rules_filler,
    truth_filler,
)
from arranger.evaluation.metrics import measure_part
from arranger.evaluation.metrics_form import same_section_similarity
from arranger.evaluation.metrics_notes import changed_outside, overlap_areas, playability_rate
from arranger.evaluation.report import Report, Score
from arranger.evaluation.tasks import MASKS, Case, Planes, make_cases, notes_to_planes, part_notes, played_notes
from arranger.fills import Fill
from arranger.parts import PARTS, ROLES, tracks_of
from arranger.profiles import song_profiles
from arranger.sections import Section, song_sections
from arranger.song import Song
from arranger.tunings import tuning_for

__all__ = ["Heard", "evaluate", "heard_fills", "score_fill"]


@dataclass(frozen=True, eq=False)
class Heard:
    """One fill of one case; `refusal` says why there is none (it is then scored as silence), `seconds` how long it
    took, nan for references."""

    case: Case
    filler: str
    seed: int
    fill: Fill
    seconds: float = math.nan
    refusal: str = ""


def evaluate(
    paths: Sequence[Path],
    parts: Sequence[str] = PARTS,
    fillers: Mapping[str, Filler] | None = None,
    *,
    masks: Sequence[str] = ("whole",),
    seed: int = 0,
    seeds: int = 1,
    limit: int | None = 40,
    all_metres: bool = True,
    load: Callable[[Path], Song] | None = None,
    progress: Callable[[int, str], None] | None = None,
    observe: Callable[[Heard], None] | None = None,
) -> Report:
    """Score fillers, another song's part, the bars before and the truth on the parts of a set of songs.

    Parameters
    ----------
    paths : song files; the same set in another order gives the same report.
    fillers : by the name of their column. Default is the rules alone.
    masks : of `tasks.MASKS`.
    seed : draws the songs, the masks and the other songs, and is the first that fillers get.
    seeds : how many seeds, `seed` and those after it, a filler is run with.
    limit : songs that are scored at most, or None for all.
    all_metres : False to leave out songs that are not in 4/4 throughout.
    load : what reads a song; default is `arranger.files.load_song`. Songs that it can't read are skipped.
    progress : called with the number of songs done and the name of the next one.
    observe : called with everything that was filled, for pictures and further studies.

    Raises
    ------
    ArrangerError
        if no song of the set can be used.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise FillRequestError(f"“{unknown[0]}” is no part; a part is one of {', '.join(PARTS)}.")
    strange = [mask for mask in masks if mask not in MASKS]
    if strange or not masks:
        raise FillRequestError(f"“{', '.join(strange)}” is no mask; a mask is one of {', '.join(MASKS)}.")
    fillers = {RULES: rules_filler} if fillers is None else fillers
    examples, skipped = draw_songs(paths, parts, seed=seed, limit=limit, all_metres=all_metres, load=load)
    if not examples:
        why = f"; {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise ArrangerError(f"None of {len(paths)} songs can be used for {', '.join(parts)}{why}.")
    scores: list[Score] = []
    failed: list[tuple[str, str, str, str]] = []
    for index, example in enumerate(examples):
        if progress:
            progress(index, example.name)
        for case in make_cases(example, parts, masks, np.random.default_rng([seed, index])):
            truth = _true_planes(case)
            for heard in heard_fills(case, fillers, examples, index, seed, seeds):
                if observe:
                    observe(heard)
                if heard.refusal:
                    failed.append((example.name, "+".join(case.task.parts), heard.filler, heard.refusal))
                scores += score_fill(heard, truth)
    return Report(
        scores=tuple(scores),
        parts=tuple(parts),
        fillers=(*fillers, *REFERENCES),
        songs=tuple(example.name for example in examples),
        skipped=tuple(skipped),
        failed=tuple(failed),
        settings={"seed": seed, "seeds": seeds, "songs": len(examples), "all_metres": all_metres},
        masks=tuple(masks),
        kinds={example.name: example.kind for example in examples},
    )


def heard_fills(
    case: Case, fillers: Mapping[str, Filler], examples: Sequence[Example], index: int, seed: int, seeds: int
) -> Iterator[Heard]:
    """Everything that is filled into one case: each filler with its seeds, then the references."""
    every = list(range(seed, seed + seeds))
    chosen = every if case.task.mask == "whole" else [every[index % seeds]]
    for name, filler in fillers.items():
        for one in chosen[:1] if name in SEEDLESS else chosen:
            begun, refusal = time.perf_counter(), ""
            try:
                fill = filler(case.task, one)
            except FillRequestError as error:
                fill, refusal = as_fill(case.task, dict.fromkeys(case.task.parts, ()), one, name), str(error)
            yield Heard(case, name, one, fill, time.perf_counter() - begun, refusal)
    for one in chosen:
        donors = {part: _other_song(examples, index, part, one) for part in case.task.parts}
        other = other_song_filler(case, {part: donor for part, donor in donors.items() if donor}, one)
        if other is not None:
            yield Heard(case, ANOTHER_SONG, one, other)
    yield Heard(case, NEIGHBOURS, seed, neighbour_filler(case))
    yield Heard(case, TRUTH, seed, truth_filler(case))


def score_fill(heard: Heard, truth: Mapping[str, Planes] | None = None) -> list[Score]:
    """A score for each part of a fill; what is judged is the hidden bars alone.

    Parameters
    ----------
    truth : onset and sustain of the full song's parts; worked out here where it isn't given.
    """
    case, task, song = heard.case, heard.case.task, heard.case.task.song
    truth = truth or _true_planes(case)
    played = {part: played_notes(case, heard.fill, part) for part in task.parts}
    planes = {part: notes_to_planes(notes, song, part) for part, notes in played.items()}
    band = case.grid.onset, case.grid.sustain
    if len(task.parts) > 1:  # each of them hears the other as it was filled
        band = case.grid.onset.copy(), case.grid.sustain.copy()
        for part, (onset, sustain) in planes.items():
            band[0][ROLES.index(part)], band[1][ROLES.index(part)] = onset, sustain
    run = case.steps
    context = band[0][..., run], band[1][..., run]
    changed = float(changed_outside(song, heard.fill))
    found = []
    for part in task.parts:
        filled = planes[part][0][:, run], planes[part][1][:, run]
        true = truth[part][0][:, run], truth[part][1][:, run]
        notes = heard.fill.notes(part)
        measures = measure_part(part, filled, true, context, case.bar_steps)
        measures |= overlap_areas(part, notes, case.truth[part], song.ticks_per_quarter)
        measures["unplayable"] = playability_rate(part, notes, song, _tuning(heard, part))
        measures["changed_outside"] = changed
        if task.mask == "whole":
            measures["same_sections"] = same_section_similarity(filled[0], case.bar_steps, _sections(case))
        # Two parts are filled in one go.
        seconds = heard.seconds / len(task.parts)
        found.append(Score(task.name, part, heard.filler, seconds, measures, task.mask, heard.seed))
    return found


@lru_cache(maxsize=2)
def _sections(case: Case) -> tuple[Section, ...]:
    """Sections of the song without the part."""
    return song_sections(case.task.song, case.grid, song_profiles(case.task.song, case.task.roles, case.grid))


def _true_planes(case: Case) -> dict[str, Planes]:
    song, roles = case.example.song, case.example.roles
    full = case.task.song  # has the same bars, also where the part is what makes the song this long
    return {part: notes_to_planes(part_notes(song, roles, part), full, part) for part in case.task.parts}


def _tuning(heard: Heard, part: str) -> tuple[int, ...] | None:
    """What the fill says its strings are, else those that its notes ask for."""
    said = next(filled.tuning for filled in heard.fill.parts if filled.part == part)
    notes = heard.fill.notes(part)
    return said or tuning_for(part, notes, heard.case.task.song, heard.case.task.roles) or None


def _other_song(examples: Sequence[Example], index: int, part: str, seed: int) -> Example | None:
    """A song drawn from the others that have the part."""
    others = [other for at, other in enumerate(examples) if at != index and tracks_of(other.roles, other.song, part)]
    if not others:
        return None
    return others[int(np.random.default_rng([seed, index, PARTS.index(part)]).integers(len(others)))]
