"""Song -> what is struck when, in seconds: repeats played out, tempo map followed, techniques played.

Conventions
-----------
A *sound* is one stroke of one pitch. A *lane* is a run of sounds that share a program and a pitch wheel: a track has as
many lanes as it needs, because a wheel bends everything on its channel and a guitarist bends one string of several.
Times are seconds from the start of the song; pitch courses are in semitones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from arranger.playing import played_out
from arranger.song import Note, Song
from audio_ext.articulation import Course, Stroke, strokes
from audio_ext.errors import AudioError
from audio_ext.midi_controls import NO_CONTROLS, Control, TrackControls, source_controls

MAX_SECONDS = 3 * 3600.0
"""Longer than any song; a tempo of 1 in a damaged file makes days of one."""
MAX_BENT_LANES = 6
"""A guitar has so many strings to bend at once."""
WHEEL_REST = 0.25
"""Seconds after a sound's end in which its lane's wheel is left alone if another lane is free: it still rings."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One stroke; `course` has points (seconds after the start, semitones above `pitch`), straight between them."""

    start: float
    end: float
    pitch: int
    velocity: int
    course: Course = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """Sounds in order of their starts; `controls` are those of the whole track."""

    program: int
    is_drum: bool
    sounds: tuple[Sound, ...]
    controls: tuple[Control, ...] = ()


@dataclass(frozen=True)
class Performance:
    """What a song sounds like.

    Parameters
    ----------
    tracks : lanes of each track of the song, in its order; empty for a track without notes.
    seconds : when the last sound has been let go.
    """

    tracks: tuple[tuple[Lane, ...], ...]
    seconds: float


def perform(song: Song, tracks: Iterable[int] | None = None) -> Performance:
    """Everything that is struck when a song is played.

    Parameters
    ----------
    tracks : indices of the tracks that are played; None for all. Length and places are those of the whole song.

    Raises
    ------
    AudioError
        if the song would last longer than `MAX_SECONDS`.
    """
    wanted = set(range(len(song.tracks)) if tracks is None else tracks)
    played = played_out(song)
    clock = tempo_clock(played)
    seconds = clock(max((note.end for track in played.tracks for note in track.notes), default=0))
    if seconds > MAX_SECONDS:
        name = song.source.name if song.source else song.title
        problem = f"as its tempo says, it would last {seconds / 3600:.1f} hours; the limit is {MAX_SECONDS / 3600:.0f}"
        raise AudioError(name, problem, None, "Check its tempo map, or cut the song.")
    controls = source_controls(song, clock)
    lanes = tuple(
        _lanes(played, index, clock, controls.get(index, NO_CONTROLS)) if index in wanted else ()
        for index in range(len(played.tracks))
    )
    return Performance(lanes, max([seconds, *(s.end for track in lanes for lane in track for s in lane.sounds)]))


def tempo_clock(song: Song) -> Callable[[float], float]:
    """Tick -> seconds, by the song's tempo map."""
    ticks, starts, rates = [0], [0.0], [60 / (120.0 * song.ticks_per_quarter)]
    for tempo in song.tempos:
        starts.append(starts[-1] + (tempo.tick - ticks[-1]) * rates[-1])
        ticks.append(tempo.tick)
        rates.append(60 / (tempo.qpm * song.ticks_per_quarter))

    def seconds(tick: float) -> float:
        at = max(0, bisect_right(ticks, tick) - 1)
        return starts[at] + (tick - ticks[at]) * rates[at]

    return seconds


def _lanes(song: Song, index: int, clock: Callable[[float], float], controls: TrackControls) -> tuple[Lane, ...]:
    track = song.tracks[index]
    notes: Sequence[Note] = sorted(track.notes)
    sounds: dict[int, list[Sound]] = defaultdict(list)
    for stroke in strokes(notes, track, song.ticks_per_quarter, clock):
        default = controls.program_at(stroke.tick, track.program)
        sounds[stroke.program if stroke.program is not None else default].append(_sound(stroke, controls))
    lanes = []
    for program, of_program in sorted(sounds.items()):
        for lane in _spread(sorted(of_program, key=lambda sound: (sound.start, sound.pitch))):
            lanes.append(Lane(program, track.is_drum, _unhooked(lane), controls.changes))
    return tuple(lanes)


def _sound(stroke: Stroke, controls: TrackControls) -> Sound:
    end = controls.pedal_until(stroke.end)
    return Sound(stroke.start, max(end, stroke.start + 0.001), stroke.pitch, stroke.velocity, stroke.course)


def _spread(sounds: Sequence[Sound]) -> list[list[Sound]]:
    """Straight sounds on one lane, those with a course on lanes where nothing else sounds meanwhile."""
    straight = [sound for sound in sounds if not sound.course]
    bent: list[list[Sound]] = []
    for sound in sounds:
        if not sound.course:
            continue
        free = [lane for lane in bent if lane[-1].end + WHEEL_REST <= sound.start]
        if free:
            free[0].append(sound)
        elif len(bent) < MAX_BENT_LANES:
            bent.append([sound])
        else:
            min(bent, key=lambda lane: lane[-1].end).append(sound)
    return [lane for lane in (straight, *bent) if lane]


def _unhooked(sounds: Sequence[Sound]) -> tuple[Sound, ...]:
    """Each sound ended where its own pitch is struck again, as on the instrument: a channel knows a key only once."""
    by_pitch: dict[int, list[int]] = defaultdict(list)
    for at, sound in enumerate(sounds):
        by_pitch[sound.pitch].append(at)
    ended = list(sounds)
    for places in by_pitch.values():
        for one, following in pairwise(places):
            if ended[one].end > ended[following].start:
                ended[one] = replace(ended[one], end=max(ended[following].start, ended[one].start))
    return tuple(ended)
