"""Staves of a score that the song has changed: the bars that differ written anew, all others left where they are."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from fractions import Fraction

from arranger.formats.gpif_bars import Mark, Pool, StaffStyle, bar_of, note_key, write_voices
from arranger.formats.gpif_model import Score, sounding_bars
from arranger.formats.gpif_text import ScoreText
from arranger.formats.gpif_ties import Ties, content
from arranger.formats.score_voice import fingered
from arranger.fretboard import assign_frets
from arranger.song import Bar, Note

VOICES = 4


def changed_bars(before: Sequence[Note], after: Sequence[Note], bars: Sequence[Bar]) -> set[int]:
    """Indices of the bars in which notes begin that only one of both has.

    Bars into which a new note lasts are among them if nothing sounds there in the source; else the note ends before.
    """
    old, new = Counter(before), Counter(after)
    changed = {bar_of(note.start, bars) for note in [*(old - new), *(new - old)]}
    for note in new - old:
        for bar in bars[bar_of(note.start, bars) + 1 :]:
            if note.end <= bar.start or any(other.start < bar.end and bar.start < other.end for other in before):
                break
            changed.add(bar.index)
    return changed


def edited_bars(
    text: ScoreText,
    pool: Pool,
    staff: StaffStyle,
    score: Score,
    column: int,
    before: Sequence[Note],
    after: Sequence[Note],
    bars: Sequence[Bar],
    ticks_per_quarter: int,
    flats: Sequence[bool],
    clef: str,
) -> dict[int, int]:
    """New bars of a staff by bar index: those in which the notes differ, and neighbours whose ties do.

    Parameters
    ----------
    score, column : the source, and which of its staves this is, counted over all tracks.
    before, after : the notes of the source and those of the song.
    clef : for bars that the source doesn't have.

    Raises
    ------
    ValueError
        if a bar's length can't be written in notes.
    """
    changed = changed_bars(before, after, bars)
    if not changed:
        return {}
    sounding = sounding_bars(score, column)
    sources = [master.bars[column] for master in score.master_bars]
    ties = Ties(text, sounding)
    notes = after if staff.is_drum or not staff.tuning else refingered(staff, before, after, changed, bars)
    notes = _without_loose_ends(staff, ties, notes, changed, bars)
    marks = {bar: _marks(text, score, sounding[bar]) for bar in changed}
    voices = write_voices(pool, staff, notes, bars, changed, ticks_per_quarter, flats, marks)
    starts = [bar.start for bar in bars]

    def sounds(bar: int, key: tuple[int, int]) -> bool:
        at = starts[bar]
        return any(note.start < at < note.end and note_key(staff, note) == key for note in notes)

    new = {bar: [str(voice.number)] for bar, voice in voices.items()}
    new |= ties.mended(pool, voices, sounds)
    new |= _played_similes(text, pool, score, sources, sounding, new)
    return {bar: _bar(text, pool, sources[bar], ids, clef) for bar, ids in sorted(new.items())}


def refingered(
    staff: StaffStyle, before: Sequence[Note], after: Sequence[Note], changed: Collection[int], bars: Sequence[Bar]
) -> tuple[Note, ...]:
    """The notes with new ones fingered; old ones keep their strings unless a new one needs theirs."""
    new = set(Counter(after) - Counter(before))
    notes = [
        *(note for note in after if note not in new),
        *fingered(sorted(new), staff.tuning, staff.capo),
    ]
    places = Counter((note.start, note.string) for note in notes if bar_of(note.start, bars) in changed)
    if places and max(places.values()) > 1:
        here = [note for note in notes if bar_of(note.start, bars) in changed]
        others = [note for note in notes if bar_of(note.start, bars) not in changed]
        notes = [*others, *assign_frets(here, staff.tuning, staff.capo)]
    return tuple(sorted(notes))


def _without_loose_ends(
    staff: StaffStyle, ties: Ties, notes: Sequence[Note], changed: Collection[int], bars: Sequence[Bar]
) -> tuple[Note, ...]:
    """Notes cut where they go on from a bar that stays into one that is written anew, but from another voice than
    the first, in which it is written: a tie can't change its voice."""
    for bar in sorted(changed):
        if bar == 0 or bar - 1 in changed:
            continue
        at, there = bars[bar].start, ties.ends(bar - 1).get(0, frozenset())
        notes = [
            replace(note, duration=at - note.start)
            if note.start < at < note.end and note_key(staff, note) not in there
            else note
            for note in notes
        ]
    return tuple(notes)


def _marks(text: ScoreText, score: Score, bar: str) -> list[Mark]:
    """Texts and chord names over the beats of a bar: they are not its notes, and stay."""
    marks: list[Mark] = []
    written = score.bars.get(bar)
    for voice in written.voices if written is not None else ():
        at = Fraction(0)
        for beat in score.voices.get(voice, ()):
            element = text.element("Beats", beat)
            for child in element if element is not None else ():
                if child.tag in ("Chord", "FreeText"):
                    marks.append((at, child.tag, ET.tostring(child, encoding="unicode").strip() + "\n"))
            if beat in score.beats and not score.beats[beat].grace:
                at += score.beats[beat].ticks
    return marks


def _played_similes(
    text: ScoreText, pool: Pool, score: Score, sources: Sequence[str], sounding: Sequence[str], new: Collection[int]
) -> dict[int, list[str]]:
    """Voices of bars that only say “as before”, where what was before has changed: they get it in writing."""
    written: dict[int, list[str]] = {}
    for at, (source, sounds) in enumerate(zip(sources, sounding, strict=True)):
        if at in new or source == sounds or not {at - score.bars[source].simile} & {*new, *written}:
            continue
        bar = text.element("Bars", sounds)
        voices = "" if bar is None else bar.findtext("Voices", "")
        written[at] = [voice if voice == "-1" else str(_copied_voice(text, pool, voice)) for voice in voices.split()]
    return written


def _copied_voice(text: ScoreText, pool: Pool, voice: str) -> int:
    element = text.element("Voices", voice)
    return pool.voice("" if element is None else element.findtext("Beats", "").split())


def _bar(text: ScoreText, pool: Pool, source: str, voices: Sequence[str], clef: str) -> int:
    """A bar like one of the source, with other voices; what it says of its clef and looks is kept."""
    ids = [*voices, *["-1"] * VOICES][: max(VOICES, len(voices))]
    listed = f"<Voices>{' '.join(ids)}</Voices>\n"
    old = text.element("Bars", source)
    if old is None:
        return pool.bar(f"<Clef>{clef}</Clef>\n{listed}")
    kept = ET.Element("Bar", old.attrib)
    # “As the bar before” is no more true of a bar that has notes of its own.
    kept.extend(child for child in old if child.tag not in ("Voices", "SimileMark"))
    body, attributes = content(kept)
    return pool.bar(body + listed, attributes)
