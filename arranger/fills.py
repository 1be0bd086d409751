"""A fill: notes proposed for one or more parts, apart from the song until `apply_fill` puts them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from arranger.song import Note, Song, Track

MODES = ("new", "add", "replace", "complete")


@dataclass(frozen=True, slots=True)
class PartFill:
    """What one part gets.

    Parameters
    ----------
    part : `drums`, `bass` or `guitar`.
    notes : sorted; all start inside the bars of the fill.
    removed_tracks : tracks of the song that lose their notes in these bars (`replace`).
    into_track : track that the notes are written into, or None for a new track.
    program, channel, tuning, capo : of the new track.
    """

    part: str
    notes: tuple[Note, ...]
    removed_tracks: tuple[int, ...] = ()
    into_track: int | None = None
    name: str = ""
    program: int = 0
    channel: int | None = None
    tuning: tuple[int, ...] | None = None
    capo: int = 0


@dataclass(frozen=True)
class Fill:
    """One take for all the parts that were asked.

    Parameters
    ----------
    bars : (first, end) bars, half-open, counted from 0.
    only : the bars in them that are filled, sorted; empty where it is all of them.
    seed, take : what makes it again.
    card : the score card, measure name -> value, for each part.
    settings : what the sampler was told, for the record.
    distance : how far it is from the nearest better take or earlier offer, 0..1; None where nobody looked.
    """

    parts: tuple[PartFill, ...]
    bars: tuple[int, int]
    seed: int
    take: int
    score: float = 0.0
    source: str = "model"
    card: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[int, ...] = ()
    distance: float | None = None

    def holds(self, bar: int) -> bool:
        """Whether the fill speaks for this bar."""
        return self.bars[0] <= bar < self.bars[1] and (not self.only or bar in self.only)

    def notes(self, part: str) -> tuple[Note, ...]:
        """Notes proposed for `part`; KeyError if the fill has no such part."""
        for filled in self.parts:
            if filled.part == part:
                return filled.notes
        raise KeyError(part)


def apply_fill(song: Song, fill: Fill) -> Song:
    """The song with the fill in it; the input stays as it was, untouched tracks are the same objects."""
    tracks = list(song.tracks)
    for filled in fill.parts:
        for index in filled.removed_tracks:
            kept = tuple(note for note in tracks[index].notes if not fill.holds(song.bar_at(note.start)))
            tracks[index] = replace(tracks[index], notes=kept)
        if filled.into_track is not None:
            old = tracks[filled.into_track]
            tracks[filled.into_track] = replace(old, notes=tuple(sorted([*old.notes, *filled.notes])))
        else:
            tracks.append(
                Track(
                    name=filled.name,
                    program=filled.program,
                    is_drum=filled.part == "drums",
                    notes=filled.notes,
                    channel=filled.channel,
                    tuning=filled.tuning,
                    capo=filled.capo,
                )
            )
    return song.with_tracks(tracks)
