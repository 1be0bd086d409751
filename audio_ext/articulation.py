"""How notes are struck: a note and its techniques -> strokes with times, loudness and a pitch course.

General MIDI has few words for what a hand does; what can be said with length, velocity, another program and the pitch
wheel is said. A harmonic keeps its pitch: whether a file writes the fretted or the sounding pitch is the reader's
business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sin, tau

from arranger.song import Note, Track

Course = tuple[tuple[float, float], ...]
Clock = Callable[[float], float]

CLEAN_ELECTRIC = (26, 27)
MUTED_GUITAR = 28
BASSES = range(32, 40)
SLAP_BASS = {"slap": 36, "pop": 37}

DEAD_SECONDS = 0.06
MUTED_SHARE, MUTED_SECONDS = 0.7, 0.22
"""A palm-muted string dies away by itself, however long the note is written."""
LET_RING_QUARTERS = 4
"""How long a string that nothing stops is left to ring after its written end."""
FLAM_SECONDS, FLAM_SHARE = 0.03, 0.6
SLIDE_SECONDS, SLIDE_SHARE = 0.12, 0.5
"""A slide leaves its note this long before the next, but not before half of it."""
SCOOP_SECONDS, SCOOP_SEMITONES = 0.09, -3.0
FALL_SECONDS, FALL_SEMITONES = 0.15, -5.0
VIBRATO_HERTZ, VIBRATO_SEMITONES, VIBRATO_DELAY = 5.5, 0.3, 0.12
MAX_VIBRATO = 8.0
MAX_COURSE_SEMITONES = 24.0
MAX_COURSE_POINTS = 64
TREMOLO_TO_QUARTER = 8
"""Tremolo picking in 32nd notes, which is what files mean where they say nothing else."""
MAX_TREMOLO = 64
VELOCITIES = {"ghost": 0.55, "accent": 1.2, "heavy accent": 1.35, "dead": 0.85, "palm mute": 0.9, "tap": 0.9}
SOFTER_AFTER_HAMMER = 0.8


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke: `tick` is where its note stands, times are seconds; `program` None for that of the track."""

    tick: int
    start: float
    end: float
    pitch: int
    velocity: int
    program: int | None = None
    course: Course = ()


def strokes(notes: Sequence[Note], track: Track, ticks_per_quarter: int, clock: Clock) -> Iterator[Stroke]:
    """Strokes of a track's notes, which must be sorted.

    Parameters
    ----------
    clock : tick -> seconds.
    """
    strings = _Strings(notes)
    for at, note in enumerate(notes):
        start, end = clock(note.start), clock(note.end)
        if not note.techniques and not note.bend:
            yield Stroke(note.start, start, end, note.pitch, strings.velocity(at, note))
            continue
        yield from _played(note, at, strings, track, ticks_per_quarter, clock)


def _played(note: Note, at: int, strings: _Strings, track: Track, tpq: int, clock: Clock) -> Iterator[Stroke]:
    done = frozenset(note.techniques)
    following = strings.following(at)
    start, end = clock(note.start), clock(_ring_until(note, done, following, tpq))
    program = None if track.is_drum else _program(done, track.program)
    if "staccato" in done:
        end = start + (end - start) / 2
    if "palm mute" in done and program != MUTED_GUITAR:
        end = start + min(MUTED_SHARE * (end - start), MUTED_SECONDS)
    if "dead" in done and not track.is_drum:
        end = start + min(end - start, DEAD_SECONDS)
    stroke = Stroke(note.start, start, end, note.pitch, strings.velocity(at, note), program)
    if not track.is_drum:
        stroke = replace(stroke, course=_course(note, done, following, start, end))
    if "flam" in done:
        before = max(0.0, start - FLAM_SECONDS)
        soft = max(1, round(FLAM_SHARE * stroke.velocity))
        if before < start:
            yield replace(stroke, start=before, end=start, velocity=soft, course=())
    if "tremolo" in done:
        yield from _tremolo(stroke, note, tpq, clock)
    else:
        yield stroke


class _Strings:
    """Which note comes next on a note's string, and which notes a hammer or a slide leads to."""

    def __init__(self, notes: Sequence[Note]):
        self._notes = notes
        self._next: dict[int, int] = {}
        self._soft: set[int] = set()
        last: dict[int, int] = {}
        for at, note in enumerate(notes):
            if note.string is None:
                continue
            if note.string in last:
                before = last[note.string]
                self._next[before] = at
                if "hammer" in notes[before].techniques and note.start <= notes[before].end + 1:
                    self._soft.add(at)
            last[note.string] = at

    def following(self, at: int) -> Note | None:
        return self._notes[self._next[at]] if at in self._next else None

    def velocity(self, at: int, note: Note) -> int:
        factor = SOFTER_AFTER_HAMMER if at in self._soft else 1.0
        for technique in note.techniques:
            factor *= VELOCITIES.get(technique, 1.0)
        return min(127, max(1, round(note.velocity * factor)))


def _ring_until(note: Note, done: frozenset[str], following: Note | None, tpq: int) -> int:
    """Tick at which a note is stopped: let ring, it sounds on until its string is struck again."""
    if "let ring" not in done:
        return note.end
    longest = note.end + LET_RING_QUARTERS * tpq
    return max(note.end, min(longest, following.start)) if following else longest


def _program(done: frozenset[str], program: int) -> int | None:
    if program in BASSES:
        return next((SLAP_BASS[one] for one in ("slap", "pop") if one in done), None)
    return MUTED_GUITAR if program in CLEAN_ELECTRIC and done & {"palm mute", "dead"} else None


def _tremolo(stroke: Stroke, note: Note, tpq: int, clock: Clock) -> Iterator[Stroke]:
    count = min(MAX_TREMOLO, max(1, round(note.duration * TREMOLO_TO_QUARTER / tpq)))
    edges = [clock(note.start + note.duration * i / count) for i in range(count + 1)]
    for i in range(count):
        course = _part(stroke.course, edges[i] - edges[0], edges[i + 1] - edges[0]) if stroke.course else ()
        last = i + 1 == count
        yield replace(stroke, start=edges[i], end=max(stroke.end, edges[-1]) if last else edges[i + 1], course=course)


def _course(note: Note, done: frozenset[str], following: Note | None, start: float, end: float) -> Course:
    """Pitch course of a note; empty for a straight one."""
    length = end - start
    points = [
        (min(1.0, max(0.0, share)) * length, max(-MAX_COURSE_SEMITONES, min(MAX_COURSE_SEMITONES, semitones)))
        for share, semitones in sorted(note.bend)[:MAX_COURSE_POINTS]
    ]
    if not points and not done & {"slide", "slide in", "slide out", "vibrato"}:
        return ()
    if not points or points[0][0] > 0:
        points.insert(0, (0.0, points[0][1] if points else 0.0))
    if "slide in" in done:
        scoop = min(SCOOP_SECONDS, length / 2)
        points = [(0.0, points[0][1] + SCOOP_SEMITONES), *_from(points, scoop)]
    if "vibrato" in done:
        points = _shaken(points, length)
    if "slide" in done and following is not None and 0 < abs(following.pitch - note.pitch) <= MAX_COURSE_SEMITONES:
        leave = max(length - SLIDE_SECONDS, SLIDE_SHARE * length)
        points = [*_until(points, leave), (length, float(following.pitch - note.pitch))]
    elif "slide out" in done:
        leave = max(length - FALL_SECONDS, SLIDE_SHARE * length)
        before = _until(points, leave)
        points = [*before, (length, before[-1][1] + FALL_SEMITONES)]
    return tuple(points)


def course_at(course: Course, seconds: float) -> float:
    """Semitones of a course at a time; its ends are held."""
    if not course:
        return 0.0
    at = bisect_right([time for time, _ in course], seconds)
    if at == 0:
        return course[0][1]
    if at == len(course):
        return course[-1][1]
    (t0, low), (t1, high) = course[at - 1], course[at]
    return low + (high - low) * (seconds - t0) / (t1 - t0)


def _from(points: list[tuple[float, float]], first: float) -> list[tuple[float, float]]:
    return [(first, course_at(tuple(points), first)), *(point for point in points if point[0] > first)]


def _until(points: list[tuple[float, float]], last: float) -> list[tuple[float, float]]:
    return [*(point for point in points if point[0] < last), (last, course_at(tuple(points), last))]


def _part(course: Course, first: float, last: float) -> Course:
    cut = _until(_from(list(course), first), last)
    return tuple((time - first, semitones) for time, semitones in cut)


def _shaken(points: list[tuple[float, float]], length: float) -> list[tuple[float, float]]:
    """A course with vibrato on it, from a moment after the stroke on."""
    steps = int(max(0.0, min(length, MAX_VIBRATO) - VIBRATO_DELAY) * VIBRATO_HERTZ * 8)
    shaken = []
    for i in range(1, steps + 1):
        time = VIBRATO_DELAY + i / (8 * VIBRATO_HERTZ)
        depth = VIBRATO_SEMITONES * sin(tau * VIBRATO_HERTZ * (time - VIBRATO_DELAY))
        shaken.append((time, course_at(tuple(points), time) + depth))
    ends = shaken[-1][0] if shaken else VIBRATO_DELAY
    kept = [point for point in points if point[0] <= VIBRATO_DELAY or point[0] > ends]
    return sorted([*kept, (VIBRATO_DELAY, course_at(tuple(points), VIBRATO_DELAY)), *shaken])
