"""Take a part out of whole songs, have it filled in again, and measure what came back.

Two references stand beside the fillers, and need the truth, so they are made here: the true part itself (the best
score there is, and what people's own parts measure against their context) and the same part of another song (what no
listening at all gives).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arranger.errors import ArrangerError, FillRequestError, SongFileError
from arranger.evaluation.fillers import (
    Filler,
    Planes,
    Stripped,
    model_filler,
    part_planes,
    rules_filler,
    strip_part,
    tile_bars,
)
from arranger.evaluation.metrics import measure_part
from arranger.evaluation.report import Report, Score, render_table, summarise, to_json
from arranger.grid import bar_step_table, song_to_grid
from arranger.parts import PARTS, Role, detect_parts, tracks_of
from arranger.song import Song

__all__ = [
    "Example",
    "Filler",
    "Planes",
    "Report",
    "Score",
    "Stripped",
    "evaluate",
    "model_filler",
    "render_table",
    "rules_filler",
    "strip_part",
    "summarise",
    "tile_bars",
    "to_json",
]

ANOTHER_SONG, TRUTH = "another song", "truth"
"""Names of the two references."""


@dataclass(frozen=True)
class Example:
    """A whole song of the evaluation set."""

    name: str
    song: Song
    roles: tuple[Role, ...]


def evaluate(
    paths: Sequence[Path],
    parts: Sequence[str] = PARTS,
    fillers: Mapping[str, Filler] | None = None,
    *,
    seed: int = 0,
    limit: int | None = 40,
    all_metres: bool = False,
    load: Callable[[Path], Song] | None = None,
    progress: Callable[[int, str], None] | None = None,
) -> Report:
    """Score fillers, another song's part and the truth on the parts of a set of songs.

    Parameters
    ----------
    paths : song files; the same set in another order gives the same report.
    fillers : by the name of their column. Default is the rules alone.
    seed : draws the songs and the other songs; each filler gets it unchanged.
    limit : songs that are scored at most, or None for all.
    all_metres : score songs too that are not in 4/4 throughout.
    load : what reads a song; default is `arranger.files.load_song`. Songs that it can't read are skipped.
    progress : called with the number of songs done and the name of the next one.

    Returns
    -------
    Report
        Songs without one of the parts are scored in the others.

    Raises
    ------
    ArrangerError
        if no song of the set can be used.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise FillRequestError(f"“{unknown[0]}” is no part; a part is one of {', '.join(PARTS)}.")
    fillers = {"rules": rules_filler} if fillers is None else fillers
    examples, skipped = draw_songs(paths, parts, seed=seed, limit=limit, all_metres=all_metres, load=load)
    if not examples:
        why = f"; {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise ArrangerError(f"None of {len(paths)} songs can be used for {', '.join(parts)}{why}.")
    scores: list[Score] = []
    failed: list[tuple[str, str, str, str]] = []
    for index, example in enumerate(examples):
        if progress:
            progress(index, example.name)
        for part in parts:
            donor = _other_song(examples, index, part, seed)
            for score, refusal in _score_song(example, part, fillers, donor, seed):
                scores.append(score)
                if refusal:
                    failed.append((score.song, part, score.filler, refusal))
    return Report(
        scores=tuple(scores),
        parts=tuple(parts),
        fillers=(*fillers, ANOTHER_SONG, TRUTH),
        songs=tuple(example.name for example in examples),
        skipped=tuple(skipped),
        failed=tuple(failed),
        settings={"seed": seed, "songs": len(examples), "all_metres": all_metres},
    )


def draw_songs(
    paths: Sequence[Path],
    parts: Sequence[str],
    *,
    seed: int,
    limit: int | None,
    all_metres: bool,
    load: Callable[[Path], Song] | None = None,
) -> tuple[list[Example], list[tuple[str, str]]]:
    """The first `limit` usable songs of a seeded shuffle, and (song, reason) for those passed over on the way."""
    if load is None:
        from arranger.files import load_song

        load = load_song
    ordered = sorted(paths, key=lambda path: path.as_posix())
    examples: list[Example] = []
    skipped: list[tuple[str, str]] = []
    for at in np.random.default_rng(seed).permutation(len(ordered)).tolist():
        if limit is not None and len(examples) >= limit:
            break
        path = ordered[at]
        name = f"{path.parent.name}/{path.name}"
        try:
            song = load(path)
        except SongFileError as error:
            skipped.append((name, str(error)))
            continue
        roles = detect_parts(song)
        if not all_metres and not in_common_time(song):
            skipped.append((name, "not in 4/4 throughout"))
        elif not any(tracks_of(roles, song, part) for part in parts):
            skipped.append((name, f"no {' or '.join(parts)}"))
        else:
            examples.append(Example(name, song, roles))
    return examples, skipped


def in_common_time(song: Song) -> bool:
    """Whether every bar is a full bar of 4/4."""
    return all((bar.numerator, bar.denominator, bar.length) == (4, 4, 4 * song.ticks_per_quarter) for bar in song.bars)


def _other_song(examples: Sequence[Example], index: int, part: str, seed: int) -> Example | None:
    """A song drawn from the others that have the part."""
    others = [other for at, other in enumerate(examples) if at != index and tracks_of(other.roles, other.song, part)]
    if not others:
        return None
    return others[int(np.random.default_rng([seed, index, PARTS.index(part)]).integers(len(others)))]


def _score_song(
    example: Example, part: str, fillers: Mapping[str, Filler], donor: Example | None, seed: int
) -> Iterator[tuple[Score, str]]:
    """A score of each filler and reference, with the reason where a filler refused."""
    stripped = strip_part(example.song, example.roles, part)
    if stripped is None:
        return
    grid = song_to_grid(stripped.song, stripped.roles)
    filled: list[tuple[str, Planes, float, str]] = []
    for name, filler in fillers.items():
        begun, refusal = time.perf_counter(), ""
        try:
            planes = filler(stripped.song, stripped.roles, part, seed)
        except FillRequestError as error:
            silence = np.zeros_like(stripped.truth[0])
            planes, refusal = (silence, silence), str(error)
        filled.append((name, planes, time.perf_counter() - begun, refusal))
    if donor is not None:
        donor_steps = bar_step_table(donor.song.bars, donor.song.ticks_per_quarter)
        other = tile_bars(part_planes(donor.song, donor.roles, part), donor_steps, stripped.bar_steps)
        filled.append((ANOTHER_SONG, other, math.nan, ""))
    filled.append((TRUTH, stripped.truth, math.nan, ""))
    for name, planes, seconds, refusal in filled:
        measures = measure_part(part, planes, stripped.truth, (grid.onset, grid.sustain), stripped.bar_steps)
        yield Score(example.name, part, name, seconds, measures), refusal
