"""Bars of a Guitar Pro track written anew from notes: fingered, in one voice, spelled by `notation`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

import guitarpro as gp
from guitarpro.models import BeatStatus, NoteType

from arranger.formats.guitarpro_read import GRACE_TICKS, TICKS_PER_QUARTER
from arranger.formats.guitarpro_techniques import put_on_beat, put_techniques, transition_of
from arranger.formats.notation import Figure, spell_bar
from arranger.formats.playing_marks import SOFTER, Bend, bend_part, of_figure
from arranger.formats.score_voice import notes_by_bar
from arranger.song import Bar, Note
from arranger.voices import VOICE_OF_KEY, VOICES

MAX_KEY = 99
"""Highest number that Guitar Pro 3-5 takes for a fret or a drum key."""

_SCORE_TICKS = 20
"""Notes of a score start at multiples of this, down to triplet 128ths; a grace note is no such multiple long."""

_DRUM_STRING = {"crash": 1, "ride": 1, "open hat": 2, "closed hat": 2, "high tom": 3, "mid tom": 3, "low tom": 4}
_DRUM_STRING |= {"snare": 4, "side stick": 4, "kick": 5, "pedal hat": 6, "other percussion": 3}
"""String of each voice in a new drum track: cymbals on top, feet at the bottom."""


class Grace(NamedTuple):
    """The grace note of a note; `pitch` and `techniques` as in a Song."""

    pitch: int
    velocity: int
    on_beat: bool
    techniques: tuple[str, ...] = ()


def split_graces(notes: Sequence[Note]) -> tuple[tuple[Note, ...], dict[tuple[int, int], Grace]]:
    """(notes without the grace notes, (start, pitch) of a note -> its grace note).

    A grace note is as the reader makes it: at most `GRACE_TICKS` long, with a string, and ended by a longer note on it.
    """
    after = {(note.start, note.string): note for note in notes}
    ornaments = {
        note: main
        for note in notes
        if note.duration <= GRACE_TICKS
        and note.string is not None
        and (main := after.get((note.end, note.string))) is not None
        and main.duration > note.duration
    }
    mains = {main: note for note, main in ornaments.items()}
    kept, graces = [], {}
    for note in notes:
        if note in ornaments:
            continue
        if note in mains:
            start, grace = grace_of(note, mains[note])
            graces[start, note.pitch] = grace
            note = replace(note, start=start, duration=note.end - start)
        kept.append(note)
    return tuple(sorted(kept)), graces


def grace_of(note: Note, grace: Note) -> tuple[int, Grace]:
    """(start that the note has in the score, its grace note): one of the two stands where a score has notes."""
    on_beat = bool(note.start % _SCORE_TICKS) and not grace.start % _SCORE_TICKS
    return grace.start if on_beat else note.start, Grace(grace.pitch, grace.velocity, on_beat, grace.techniques)


def bar_of(tick: int, starts: Sequence[int]) -> int:
    """Index of the bar that holds `tick`; `starts` has one entry a bar and the end."""
    return min(bisect_right(starts, tick), len(starts) - 1) - 1


def write_bars(
    track: Any,
    notes: Sequence[Note],
    bars: Sequence[Bar],
    changed: set[int],
    graces: Mapping[tuple[int, int], Grace] = MappingProxyType({}),
) -> None:
    """Write the bars `changed` of a track anew from all its notes; `graces` as from `split_graces`."""
    line = _one_voice(notes, bars, changed)
    spelled = {
        bar.index: spell_bar(here, bar, TICKS_PER_QUARTER, drums=track.isPercussionTrack)
        for bar, here in notes_by_bar(line, bars, changed)
    }
    for index, figures in spelled.items():
        onward = spelled.get(index + 1, ())
        _write_bar(track, track.measures[index], figures, onward, bars[index].start, graces)


def _one_voice(notes: Sequence[Note], bars: Sequence[Bar], changed: set[int]) -> list[Note]:
    """Notes cut where the next ones start, and at the end of the bars that are written: the next one isn't ours."""
    onsets = sorted({note.start for note in notes})
    until = dict(zip(onsets, [*onsets, bars[-1].end][1:], strict=True))
    ends: dict[int, int] = {}
    for bar in reversed(bars):
        onward = bar.index + 1 in changed and bar.index + 1 in ends
        ends[bar.index] = ends[bar.index + 1] if onward else bar.end
    line = []
    starts = [*(bar.start for bar in bars), bars[-1].end]
    for note in sorted(notes):
        home = bar_of(note.start, starts)
        end = min(note.end, until[note.start], ends[home] if home in changed else note.end)
        line.append(replace(note, duration=max(1, end - note.start)))
    return line


def _write_bar(
    track: Any,
    measure: Any,
    figures: Sequence[Figure],
    onward: Sequence[Figure],
    bar_start: int,
    graces: Mapping[tuple[int, int], Grace],
) -> None:
    """`onward` are the figures of the next bar, where it is written too."""
    voice = measure.voices[0]
    old = [beat for line in measure.voices for beat in line.beats]
    origin = measure.start
    marks = [(beat.start - origin, beat) for beat in old if beat.start is not None]
    voice.beats = []
    for figure, after in zip(figures, [*figures[1:], *onward[:1], None], strict=False):
        duration = gp.Duration(figure.value, figure.dotted, gp.Tuplet(*figure.tuplet))
        status = BeatStatus.normal if figure.notes else BeatStatus.rest
        beat = gp.Beat(voice, duration=duration, status=status, start=origin + figure.start)
        held = after.notes if after is not None and after.tied else ()
        beat.notes = _gp_notes(track, beat, figure, held, bar_start + figure.start, graces)
        if not beat.notes:
            beat.status = BeatStatus.rest
        voice.beats.append(beat)
    for other in measure.voices[1:]:
        # Guitar Pro 5 wants a beat in an empty voice; 3 and 4 have one voice and never write this.
        other.beats = [gp.Beat(other, status=BeatStatus.empty, start=origin)]
    for at, beat in marks:
        _keep_marks(beat, min(voice.beats, key=lambda new: abs(new.start - origin - at)))


def _keep_marks(old: Any, new: Any) -> None:
    """What stands over the old beat is not its music: mix and tempo changes, text, chord diagram."""
    if new.effect.mixTableChange is None:
        new.effect.mixTableChange = old.effect.mixTableChange
    if new.effect.chord is None:
        new.effect.chord = old.effect.chord
    if new.text is None:
        new.text = old.text


def _gp_notes(
    track: Any,
    beat: Any,
    figure: Figure,
    held: Sequence[Note],
    start: Fraction,
    graces: Mapping[tuple[int, int], Grace],
) -> list[Any]:
    """Notes of a figure that begins at the tick `start`; those in `held` go on in the next one."""
    version = track.song.versionTuple[0]
    placed: dict[int, Any] = {}
    names: list[frozenset[str]] = []
    for note in sorted(figure.notes, key=_drum_order) if track.isPercussionTrack else figure.notes:
        string, value = note.string, note.fret
        if track.isPercussionTrack:
            string, value = _drum_string(note, placed, len(track.strings)), min(note.pitch, MAX_KEY)
        if string is None or value is None or string in placed:
            continue  # two notes that the bar's grid brought together on one string: the first one stands
        kind = NoteType.tie if figure.tied else NoteType.normal
        placed[string] = gp.Note(beat, value=value, velocity=_dynamic(note.velocity), string=string, type=kind)
        names.append(frozenset(of_figure(note, not figure.tied, note not in held)))
        put_techniques(placed[string], names[-1], _bend_of(note, figure, note in held, start), version)
        grace = graces.get((note.start, note.pitch))
        if grace is None and "flam" in names[-1]:
            grace = Grace(note.pitch, note.velocity - SOFTER, False)
        if grace is not None and not figure.tied:
            placed[string].effect.grace = _gp_grace(grace, value + grace.pitch - note.pitch, version)
    beat.notes = [placed[string] for string in sorted(placed)]
    put_on_beat(beat, names, version)
    return list(beat.notes)


def _bend_of(note: Note, figure: Figure, held: bool, start: Fraction) -> Bend:
    """The part of a note's bend that falls to one of its figures."""
    if not note.bend:
        return ()
    first = (start - note.start) / note.duration if figure.tied else Fraction(0)
    end = first + figure.quarters * TICKS_PER_QUARTER / note.duration
    return bend_part(note.bend, float(first), float(end) if held else 1.0)


def _gp_grace(grace: Grace, fret: int, version: int) -> Any:
    """None where the string doesn't have the pitch."""
    if not 0 <= fret <= MAX_KEY:
        return None
    return gp.GraceEffect(
        fret=fret,
        velocity=_dynamic(grace.velocity),
        duration=32,
        isOnBeat=grace.on_beat,
        transition=transition_of(grace.techniques),
        isDead=version >= 5 and "dead" in grace.techniques,
    )


def _drum_order(note: Note) -> tuple[int, int]:
    return _DRUM_STRING[VOICES[VOICE_OF_KEY[note.pitch]].name], -note.pitch


def _drum_string(note: Note, taken: dict[int, Any], strings: int) -> int | None:
    """The voice's string, or the free one nearest to it."""
    home = min(strings, _DRUM_STRING[VOICES[VOICE_OF_KEY[note.pitch]].name])
    free = [string for string in range(1, strings + 1) if string not in taken]
    return min(free, key=lambda string: (abs(string - home), string)) if free else None


def _dynamic(velocity: int) -> int:
    """The nearest of Guitar Pro's eight dynamics, ppp 15 to fff 127."""
    lowest, step = 15, 16
    return lowest + step * min(7, max(0, round((velocity - lowest) / step)))
