"""What every format needs to read and write how notes are played: marks on ties, courses of bends, strokes of flams.

A note of a Song is whole; in a score it may be several figures tied together. Some marks belong to its beginning, some
to its end, some to all of it. A bend's course is told in shares of the note, so it is cut and joined with the figures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from arranger.song import TECHNIQUES, Note

Bend = tuple[tuple[float, float], ...]
"""Points (share of the note 0..1, semitones above its pitch), sorted."""

MOST_POINTS = 64
"""More points of a bend are not read; no program draws so many."""
HIGHEST_BEND = 24.0
STROKE_SHARE = 32
"""The stroke before a flam is no longer than a 32nd of a quarter."""

SOFTER = 32
"""By how much that stroke is softer than its note: two of Guitar Pro's dynamics."""

_FIRST = frozenset({"accent", "dead", "flam", "ghost", "heavy accent", "pop", "slap", "slide in", "tap", "staccato"})
_LAST = frozenset({"hammer", "slide", "slide out"})
_KNOWN = frozenset(TECHNIQUES)


def marks(names: Iterable[str]) -> tuple[str, ...]:
    """The names as `Note.techniques` has them: sorted, each once, only those that are known."""
    return tuple(sorted(_KNOWN.intersection(names)))


def course(points: Iterable[tuple[float, float]]) -> Bend:
    """A bend from points of a file, in order and within bounds; empty if it never leaves the pitch."""
    found = [
        (round(min(1.0, max(0.0, share)), 4), round(min(HIGHEST_BEND, max(-HIGHEST_BEND, height)), 4))
        for share, height in list(points)[:MOST_POINTS]
        if share == share and height == height  # no NaN
    ]
    ordered = sorted(found, key=lambda point: point[0])
    return tuple(dict.fromkeys(ordered)) if any(height for _, height in found) else ()


def lengthened(note: Note, end: int, techniques: Iterable[str] = (), bend: Bend = ()) -> Note:
    """A note that a tied one goes on to the tick `end`; the marks and the bend are those of the tied one."""
    length = max(1, end - note.start)
    share = min(1.0, note.duration / length)
    points = [(at * share, height) for at, height in note.bend]
    points += [(share + at * (1 - share), height) for at, height in bend]
    names = marks([*note.techniques, *techniques])
    return replace(note, duration=length, techniques=names, bend=course(points))


def of_figure(note: Note, first: bool, last: bool) -> tuple[str, ...]:
    """The marks of one of the figures that a note is written as."""
    return tuple(
        name
        for name in note.techniques
        if name != "bend" and (first or name not in _FIRST) and (last or name not in _LAST)
    )


def bend_part(bend: Bend, start: float, end: float) -> Bend:
    """The course of a bend between two shares of its note, in shares of that part; empty where it is at the pitch."""
    if not bend or end <= start:
        return ()
    inside = [(at, height) for at, height in bend if start < at < end]
    edges = [(start, height_at(bend, start)), *inside, (end, height_at(bend, end))]
    if start <= 0 and end >= 1:
        edges = list(bend)
    return course(((at - start) / (end - start), height) for at, height in edges)


def height_at(bend: Bend, share: float) -> float:
    """Semitones above the pitch at a share of the note: straight between the points, level outside of them."""
    if share <= bend[0][0]:
        return bend[0][1]
    for (before, low), (after, high) in pairwise(bend):
        if share <= after:
            return low + (high - low) * (share - before) / (after - before) if after > before else high
    return bend[-1][1]


def landings(notes: Sequence[Note], kinds: Collection[str]) -> frozenset[tuple[int, int | None, int]]:
    """(start, string, pitch) of the notes that a mark of `kinds` leads to: the next on its string."""
    found = set()
    leading: dict[int, Note] = {}
    for note in sorted(notes):
        if note.string is None:
            continue
        before = leading.pop(note.string, None)
        if before is not None and before.start < note.start:
            found.add((note.start, note.string, note.pitch))
        if not set(kinds).isdisjoint(note.techniques):
            leading[note.string] = note
    return frozenset(found)


# --- flams: in a Song the short stroke before the beat is a note of its own, in a score an ornament


def stroke_places(notes: Sequence[Note], tpq: int) -> set[tuple[int, int]]:
    """(start, pitch) of the drum notes that a short stroke leads to."""
    return {(note.end, note.pitch) for note in notes if _is_stroke(note, tpq)}


def with_flams(notes: Sequence[Note], tpq: int) -> tuple[Note, ...]:
    """Drum notes, those marked `flam` that a stroke of the same drum leads to."""
    strokes = stroke_places(notes, tpq)
    if not strokes:
        return tuple(notes)
    return tuple(
        replace(note, techniques=marks([*note.techniques, "flam"]))
        if (note.start, note.pitch) in strokes and not _is_stroke(note, tpq)
        else note
        for note in notes
    )


def without_strokes(notes: Sequence[Note], tpq: int) -> tuple[Note, ...]:
    """Drum notes without the strokes before those marked `flam`, which stand where the score has them."""
    flams = {(note.start, note.pitch) for note in notes if "flam" in note.techniques}
    strokes = {
        (note.end, note.pitch): note for note in notes if _is_stroke(note, tpq) and (note.end, note.pitch) in flams
    }
    if not strokes:
        return tuple(notes)
    gone = set(strokes.values())
    unit = max(1, tpq // 48)
    kept = []
    for note in notes:
        if note in gone:
            continue
        stroke = strokes.get((note.start, note.pitch)) if "flam" in note.techniques else None
        if stroke is not None and note.start % unit and not stroke.start % unit:
            # The stroke is on the beat, and the note itself late.
            note = replace(note, start=stroke.start, duration=note.end - stroke.start)
        kept.append(note)
    return tuple(sorted(kept))


def _is_stroke(note: Note, tpq: int) -> bool:
    return note.duration * STROKE_SHARE <= tpq
