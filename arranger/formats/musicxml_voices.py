"""The notes of a track as voices of written figures, bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from arranger.formats.notation import Figure, spell_bar
from arranger.formats.playing_marks import without_strokes
from arranger.song import Bar, Note, Track

MAX_VOICES = 4
GRACE_SHARE = 32
"""A grace note is no longer than a 32nd of a quarter."""
SLACK = Fraction(1, 8)
"""Quarters by which a note may sound into the next and still be the same voice: legato playing."""
GRID = 24
"""Places in a quarter that recorded notes are moved to before they are spelled."""
SHORTEST = Fraction(1, 16)
"""Quarters of a 64th: lengths of bars are rounded to it where they can't be written."""


@dataclass(frozen=True, slots=True)
class VoiceBar:
    """One voice of one bar.

    Parameters
    ----------
    figures : fill the bar exactly.
    ties : for each figure the notes that go on in the next figure of the voice.
    tuplets : for each figure `start`, `stop` or empty: where a tuplet's bracket begins and ends.
    """

    figures: tuple[Figure, ...]
    ties: tuple[frozenset[Note], ...]
    tuplets: tuple[str, ...]


def grace_notes(track: Track, tpq: int) -> dict[int, list[Note]]:
    """Tick -> the grace notes before what begins there, in order: notes of a 32nd of a quarter that lead to it."""
    short = [note for note in track.notes if note.duration <= tpq // GRACE_SHARE] if not track.is_drum else []
    if not short:
        return {}
    mains = {note.start for note in track.notes if note.duration > tpq // GRACE_SHARE}
    onward = {note.start: note.end for note in short}
    graces: dict[int, list[Note]] = {}
    for note in sorted(short):
        at = note.end
        while at not in mains and at in onward:
            at = onward[at]
        if at in mains and note.start not in mains:
            graces.setdefault(at, []).append(note)
    return graces


def written_voices(track: Track, bars: Sequence[Bar], tpq: int) -> list[tuple[VoiceBar, ...]]:
    """Voices of every bar; the first is always there, others where they have notes. Grace notes are not in them."""
    graces = {note for those in grace_notes(track, tpq).values() for note in those}
    whole = without_strokes(track.notes, tpq) if track.is_drum else track.notes
    notes = _settled([note for note in whole if note not in graces], tpq)
    lines = [notes] if track.is_drum else split_voices(notes, tpq)
    spelled = [_figures(line, bars, tpq, track.is_drum) for line in lines or [()]]
    return [
        tuple(voice[index] for number, voice in enumerate(spelled) if not number or _sounds(voice[index]))
        for index in range(len(bars))
    ]


def _settled(notes: Sequence[Note], tpq: int) -> tuple[Note, ...]:
    """Notes of a recording on a grid of 1/24 quarter; those of a score, most of which stand on one, as they are.

    Only places that come again and again are spelled quickly.
    """
    grid = Fraction(tpq, GRID)
    off = sum(Fraction(note.start) % (grid / 2) != 0 for note in notes)
    if off <= len(notes) / 5 or grid <= 1:
        return tuple(notes)

    def place(tick: int) -> int:
        return round(round(tick / grid) * grid)

    settled = []
    for note in notes:
        start = place(note.start)
        settled.append(replace(note, start=start, duration=max(int(grid), place(note.end) - start)))
    return tuple(sorted(settled))


def split_voices(notes: Sequence[Note], tpq: int) -> list[tuple[Note, ...]]:
    """Notes as lines in which nothing overlaps but chords; what four lines can't hold is cut by the next note."""
    slack = int(SLACK * tpq)
    chords: list[list[Note]] = []
    for note in sorted(notes):
        last = chords[-1] if chords else None
        together = last and last[0].start == note.start and abs(last[0].end - note.end) <= slack
        if last and together and note != last[-1]:
            last.append(note)
        else:
            chords.append([note])
    lines: list[list[Note]] = []
    ends: list[int] = []
    for chord in chords:
        end = max(note.end for note in chord)
        home = next((at for at, until in enumerate(ends) if until <= chord[0].start + slack), None)
        if home is None and len(lines) < MAX_VOICES:
            lines.append([])
            ends.append(0)
            home = len(lines) - 1
        if home is None:
            home = min(range(len(ends)), key=ends.__getitem__)
            if lines[home][-1].start == chord[0].start:  # one figure: the chord takes the longer length
                end = max(end, ends[home])
        lines[home] += chord
        ends[home] = end
    return [tuple(line) for line in lines]


def _figures(notes: Sequence[Note], bars: Sequence[Bar], tpq: int, drums: bool) -> list[VoiceBar]:
    first = 0
    all_figures: list[tuple[Figure, ...]] = []
    for bar in bars:
        while first < len(notes) and notes[first].end <= bar.start:
            first += 1
        here = []
        for note in notes[first:]:
            if note.start >= bar.end:
                break
            if note.end > bar.start:
                here.append(note)
        all_figures.append(spell_bar(_cut(here, bar, tpq), _writable(bar, tpq), tpq, drums=drums))
    return [_voice_bar(figures, after) for figures, after in zip(all_figures, [*all_figures[1:], ()], strict=True)]


def _cut(notes: Sequence[Note], bar: Bar, tpq: int) -> list[Note]:
    """Notes that sounded before the bar and are cut by one that begins with it don't count."""
    return [note for note in notes if note.start >= bar.start or note.end > bar.start + int(SLACK * tpq)]


def _writable(bar: Bar, tpq: int) -> Bar:
    """The bar, its length rounded to 64ths if it must be."""
    units = Fraction(bar.length, tpq) / SHORTEST
    if units.denominator == 1:
        return bar
    length = max(1, round(units)) * SHORTEST * tpq
    return replace(bar, length=int(length)) if length.denominator == 1 else bar


def _voice_bar(figures: tuple[Figure, ...], after: tuple[Figure, ...]) -> VoiceBar:
    following = [*figures[1:], *after[:1]]
    ties = [
        frozenset(figure.notes) & frozenset(then.notes) if then.tied else frozenset[Note]()
        for figure, then in zip(figures, following, strict=False)
    ]
    ties += [frozenset()] * (len(figures) - len(ties))
    return VoiceBar(figures, tuple(ties), _brackets(figures))


def _brackets(figures: Sequence[Figure]) -> tuple[str, ...]:
    """Where tuplets begin and end: a bracket closes when its figures fill a plain value."""
    marks = [""] * len(figures)
    begun: int | None = None
    filled = Fraction(0)
    for at, figure in enumerate(figures):
        if figure.tuplet == (1, 1):
            begun = None
            continue
        if begun is None:
            begun, filled = at, Fraction(0)
        filled += figure.quarters
        ends = at + 1 == len(figures) or figures[at + 1].tuplet != figure.tuplet
        if at > begun and (ends or filled % Fraction(1, 2) == 0):
            marks[begun], marks[at] = "start", "stop"
            begun = None
    return tuple(marks)


def _sounds(voice: VoiceBar) -> bool:
    return any(figure.notes for figure in voice.figures)
