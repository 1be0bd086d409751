"""Notes on the grid as somebody plays them: dynamics, swing, and (in MIDI) a hand that is not a machine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arranger.controls import Controls
from arranger.grid import STEPS_PER_QUARTER, bar_step_table
from arranger.microtiming import humanised
from arranger.request import FillRequest
from arranger.rules import beat_steps
from arranger.song import Note, Song
from arranger.techniques import with_techniques
from arranger.velocity import LOUDEST, SOFTEST, evenly, steady, with_velocities

TAB_FORMATS = ("gp3", "gp4", "gp5", "gpx", "gp")
SOFT, LOUD = 64, 100
"""Least and most that the middle of a part is as loud as."""
PLAYED, TIGHTEST, FURTHEST = 7.0, 0.3, 12.0
"""Milliseconds that played onsets are from the grid in the middle, the share of a player's freedom that is left among
machines, and the milliseconds that a note is moved at most: the few bass players that this was learned from are looser
than their bands."""
MOST_HEARD = 20_000
TRIPLET_SWING = 2 / 3
"""The only swing that a tab's notes can stand at."""


def is_tab(song: Song) -> bool:
    """Whether the song came from a Guitar Pro file, whose notes stand exactly on the grid."""
    return song.source is not None and song.source.format in TAB_FORMATS


@dataclass(frozen=True, slots=True)
class Band:
    """How the others play, which is worked out once for all takes.

    loud : their velocity in the middle, None where nobody plays. loose : how far their onsets are from the grid in the
    middle, in milliseconds. section_starts : bars in which a section begins, to slide or crash into.
    """

    loud: float | None
    loose: float
    section_starts: tuple[int, ...] = ()


def band_of(song: Song, section_starts: Sequence[int] = ()) -> Band:
    """How the tracks of a song play."""
    velocities = [note.velocity for track in song.tracks for note in track.notes]
    return Band(float(np.median(velocities)) if velocities else None, looseness(song), tuple(section_starts))


def performed(
    notes: Sequence[Note], part: str, request: FillRequest, controls: Controls, band: Band, seed: int
) -> tuple[Note, ...]:
    """The notes as they are written into the song: the same seed, the same hand."""
    song = request.context
    tab = is_tab(request.song)
    played = in_the_mix(with_velocities(notes, part, song, seed), band) if controls.human else evenly(notes)
    if tab and part != "drums":
        played = steady(played, song)
    if controls.swing is not None:
        played = swung(played, song, controls.swing)
    if tab and controls.techniques:
        style = controls.of(part).style
        roles = request.context_roles
        return with_techniques(played, part, song, roles, style, seed=seed, section_starts=band.section_starts)
    follow = controls.of(part).follow
    if controls.human and not tab and follow is None:
        played = as_loose_as(song, band, played, humanised(played, part, song, seed))
    played = tuple(sorted(played))
    return one_at_a_time(played) if part == "bass" else played


def one_at_a_time(notes: Sequence[Note]) -> tuple[Note, ...]:
    """The sorted notes, each let go when the next begins, on whatever string that is."""
    following = [note.start for note in notes[1:]]
    return tuple(
        note if then <= note.start or note.end <= then else replace(note, duration=then - note.start)
        for note, then in zip(notes, [*following, notes[-1].end] if notes else [], strict=True)
    )


def in_the_mix(notes: Sequence[Note], band: Band) -> tuple[Note, ...]:
    """The notes all so much louder or softer that they are as loud as the band, in the middle.

    Whose pads drummers were recorded on counts for more than how they play; what is kept is how the strokes stand to
    each other.
    """
    if not notes or band.loud is None:
        return tuple(notes)
    wanted = min(LOUD, max(SOFT, band.loud))
    shift = round(wanted - float(np.median([note.velocity for note in notes])))
    return tuple(replace(note, velocity=min(LOUDEST, max(SOFTEST, note.velocity + shift))) for note in notes)


def as_loose_as(song: Song, band: Band, written: Sequence[Note], played: Sequence[Note]) -> tuple[Note, ...]:
    """Notes that depart from the grid as far as the band does: a player among machines keeps their time.

    Parameters
    ----------
    written, played : the same notes on the grid and as a player has them, in one order.
    """
    share = min(1.0, max(TIGHTEST, band.loose / PLAYED))
    out = []
    for note, loose in zip(written, played, strict=True):
        most = FURTHEST * song.tempo_at(note.start) * song.ticks_per_quarter / 60_000
        start, end = (
            round(at + min(most, max(-most, share * (moved - at))))
            for at, moved in ((note.start, loose.start), (note.end, loose.end))
        )
        out.append(replace(loose, start=start, duration=max(1, end - start)))
    return tuple(out)


def looseness(song: Song) -> float:
    """How far the band's onsets are from the grid of `grid`, in the middle, in milliseconds."""
    ticks = np.array([note.start for track in song.tracks for note in track.notes][:MOST_HEARD], dtype=float)
    if not len(ticks):
        return 0.0
    step = song.ticks_per_quarter / STEPS_PER_QUARTER
    away = np.abs(ticks / step - np.rint(ticks / step)) * step
    pace = np.array([song.tempo_at(int(tick)) for tick in ticks]) * song.ticks_per_quarter / 60_000
    return float(np.median(away / pace))


def swung(notes: Sequence[Note], song: Song, share: float) -> tuple[Note, ...]:
    """Notes between the beats moved so that the first half of each beat gets `share` of it.

    Notes on triplets stay; everything else is stretched with its beat, so that order and lengths go with it.

    Parameters
    ----------
    share : 0.5 (as it was) to 0.75.
    """
    edges = beat_edges(song)

    def moved(tick: int) -> int:
        at = int(np.searchsorted(edges, tick, side="right")) - 1
        if not 0 <= at < len(edges) - 1:
            return tick
        first, last = edges[at], edges[at + 1]
        place = (tick - first) / (last - first)
        if min(abs(place - 1 / 3), abs(place - 2 / 3)) < 1e-3:
            return tick
        bent = place * share / 0.5 if place < 0.5 else share + (place - 0.5) * (1 - share) / 0.5
        return round(first + bent * (last - first))

    out = []
    for note in notes:
        start, end = moved(note.start), moved(note.end)
        out.append(replace(note, start=start, duration=max(1, end - start)))
    return tuple(sorted(out))


def beat_edges(song: Song) -> np.ndarray:
    """Ticks of all beats and of the end, float (beat + 1,); beats are those of `rules.metre`."""
    lengths = np.diff(bar_step_table(song.bars, song.ticks_per_quarter)).tolist()
    edges: list[float] = []
    for bar, steps in zip(song.bars, lengths, strict=True):
        edges += [bar.start + beat * bar.length / steps for beat in beat_steps(bar, steps)[:-1]]
    return np.array([*edges, song.bars[-1].end])
