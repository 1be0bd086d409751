"""What every tab format needs of a voice before it is spelled: fingers, and the notes of each bar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from arranger.fretboard import assign_frets
from arranger.song import Bar, Note


def fingered(notes: Sequence[Note], tuning: Sequence[int], capo: int) -> tuple[Note, ...]:
    """The notes as they are if string and fret of all of them fit, else all fingered anew."""
    taken = set()
    for note in notes:
        if note.string is None or note.fret is None or not 1 <= note.string <= len(tuning):
            return assign_frets(notes, tuning, capo)
        if tuning[note.string - 1] + capo + note.fret != note.pitch or (note.start, note.string) in taken:
            return assign_frets(notes, tuning, capo)
        taken.add((note.start, note.string))
    return tuple(sorted(notes))


def notes_by_bar(
    line: Sequence[Note], bars: Sequence[Bar], changed: Collection[int]
) -> Iterator[tuple[Bar, list[Note]]]:
    """Each of the bars in `changed` with the notes that sound in it; `line` is one voice, sorted."""
    first = 0
    for bar in bars:
        while first < len(line) and line[first].end <= bar.start:
            first += 1
        if bar.index not in changed:
            continue
        here = []
        for note in line[first:]:
            if note.start >= bar.end:
                break
            here.append(note)
        yield bar, here
