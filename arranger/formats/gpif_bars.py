"""Bars of a score of Guitar Pro 6 to 8 written from notes: new elements with new ids, never an old one changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

from arranger.formats.gpif_drums import Articulations
from arranger.formats.gpif_kit import index_of, old_drum
from arranger.formats.gpif_techniques import beat_marks, element_marks, louder, note_properties
from arranger.formats.notation import Figure, spell_bar
from arranger.formats.playing_marks import SOFTER, Bend, bend_part, landings, of_figure, without_strokes
from arranger.formats.score_voice import notes_by_bar
from arranger.song import Bar, Note

DYNAMICS = ("PPP", "PP", "P", "MP", "MF", "F", "FF", "FFF")
SILENT = "MF"
"""Dynamic of a rest, as Guitar Pro writes it."""

_VALUES = {1: "Whole", 2: "Half", 4: "Quarter", 8: "Eighth", 16: "16th", 32: "32nd", 64: "64th"}
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

NO_KIT = Articulations()


@dataclass
class Pool:
    """The new elements of a score, section by section. Equal notes, beats and rhythms are one, as in Guitar Pro.

    Parameters
    ----------
    first : the first free id of each section.
    lost : notes that could not be written, as (bar index, what).
    """

    first: Mapping[str, int]
    elements: dict[str, list[str]] = field(default_factory=dict)
    lost: list[tuple[int, str]] = field(default_factory=list)
    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, section: str, body: str, attributes: str = "", shared: bool = True) -> int:
        """Id of an element with this content."""
        key = section, attributes + body
        if shared and key in self._known:
            return self._known[key]
        made = self.elements.setdefault(section, [])
        number = self.first[section] + len(made)
        tag = section.removesuffix("s")
        made.append(f'<{tag} id="{number}"{attributes}>\n{body}</{tag}>')
        self._known[key] = number
        return number

    def voice(self, beats: Sequence[int | str]) -> int:
        ids = " ".join(str(beat) for beat in beats)
        return self.add("Voices", f"<Beats>{ids}</Beats>\n", shared=False)

    def bar(self, body: str, attributes: str = "") -> int:
        """A bar; no two places share one, because not every reader copes."""
        return self.add("Bars", body, attributes, shared=False)


@dataclass(frozen=True, slots=True)
class StaffStyle:
    """What has to be known of a staff to write its notes.

    Parameters
    ----------
    tuning : open strings, string 1 first; empty where the staff has none (Guitar Pro 6).
    transpose : semitones by which it sounds higher than it is written.
    kit : articulations of a drum staff.
    old : True for a score of Guitar Pro 6.
    """

    tuning: tuple[int, ...]
    capo: int = 0
    is_drum: bool = False
    transpose: int = 0
    kit: Articulations = NO_KIT
    old: bool = False


Key = tuple[int, int]
"""(string as the file counts it, fret), or (-1, pitch) on a staff without strings: what a tie goes on with."""


Mark = tuple[Fraction, str, str]
"""(ticks from the start of the bar, tag, the element as text)."""


@dataclass(frozen=True, slots=True)
class NewVoice:
    """A voice that was written: its id, the keys that it holds from the bar before, and those it ends with."""

    number: int
    held: frozenset[Key]
    last: frozenset[Key]


@dataclass(frozen=True, slots=True)
class _Here:
    """Where notes are written: the bar, whether its key has flats, where hammer-ons lead to."""

    bar: Bar
    flat: bool
    landed: frozenset[tuple[int, int | None, int]]
    ticks_per_quarter: int


def bar_of(tick: int, bars: Sequence[Bar]) -> int:
    """Index of the bar that holds `tick`; the last one for what lies behind."""
    return max(0, bisect_right([bar.start for bar in bars], tick) - 1)


def one_voice(notes: Sequence[Note], bars: Sequence[Bar], changed: Collection[int]) -> list[Note]:
    """Notes cut where the next ones start, and at the end of the bars that are written: the next one isn't ours."""
    onsets = sorted({note.start for note in notes})
    until = dict(pairwise([*onsets, bars[-1].end]))
    ends: dict[int, int] = {}
    for bar in reversed(bars):
        onward = bar.index + 1 in changed and bar.index + 1 in ends
        ends[bar.index] = ends[bar.index + 1] if onward else bar.end
    starts = [bar.start for bar in bars]
    line = []
    for note in sorted(notes):
        home = max(0, bisect_right(starts, note.start) - 1)
        end = min(note.end, until[note.start], ends[home] if home in changed else note.end)
        line.append(replace(note, duration=max(1, end - note.start)))
    return line


def write_voices(
    pool: Pool,
    staff: StaffStyle,
    notes: Sequence[Note],
    bars: Sequence[Bar],
    changed: Collection[int],
    ticks_per_quarter: int,
    flats: Sequence[bool] = (),
    marks: Mapping[int, Sequence[Mark]] = MappingProxyType({}),
) -> dict[int, NewVoice]:
    """A new voice for each bar in `changed`, by bar index.

    Parameters
    ----------
    notes : all of the staff, those outside `changed` too; with string and fret.
    flats : of each bar, True if its key has flats; sharps where it is missing.
    marks : by bar index, what stands over its beats; each goes to the new beat that is nearest.

    Raises
    ------
    ValueError
        if a bar's length can't be written in notes.
    """
    line = one_voice(without_strokes(notes, ticks_per_quarter) if staff.is_drum else notes, bars, changed)
    spelled = _spelled(staff, line, bars, changed, ticks_per_quarter)
    landed = landings(line, ("hammer",))
    voices = {}
    for index, figures in spelled.items():
        onward = spelled.get(index + 1, ())
        here = _Here(bars[index], index < len(flats) and flats[index], landed, ticks_per_quarter)
        over = _over(figures, marks.get(index, ()))
        beats = []
        for at, figure in enumerate(figures):
            rest = (*figures[at + 1 :], *onward)
            held = frozenset(rest[0].notes) if rest and rest[0].tied else frozenset()
            strokes = [] if figure.tied else [note for note in figure.notes if "flam" in note.techniques]
            if strokes and staff.is_drum:
                beats.append(_stroke(pool, staff, figure, strokes, here))
            beats.append(_beat(pool, staff, figure, held, here, over.get(at, "")))
        first_notes = figures[0].notes if figures[0].tied else ()
        number = pool.voice(beats)
        voices[index] = NewVoice(number, note_keys(staff, first_notes), note_keys(staff, figures[-1].notes))
    return voices


def on_grid(staff: StaffStyle, notes: Sequence[Note], bars: Sequence[Bar], ticks_per_quarter: int) -> tuple[Note, ...]:
    """Notes with their starts where they will be written, so that what becomes one chord is fingered as one.

    Ends stay where they are; a note without length gets one tick.
    """
    # Cut to one tick where they start: only the places of the onsets are wanted, and notes still tell them apart.
    onsets = sorted({note.start for note in notes})
    marks = [Note(start, 1, 0, 1) for start in onsets]
    places: dict[int, int] = {}
    for index, figures in _spelled(staff, marks, bars, range(len(bars)), ticks_per_quarter).items():
        for figure in figures:
            for mark in figure.notes if not figure.tied else ():
                places[mark.start] = bars[index].start + round(figure.start)
    moved = (replace(note, start=places.get(note.start, note.start)) for note in notes)
    return tuple(
        sorted(replace(new, duration=max(1, old.end - new.start)) for old, new in zip(notes, moved, strict=True))
    )


def _spelled(
    staff: StaffStyle, line: Sequence[Note], bars: Sequence[Bar], changed: Collection[int], ticks_per_quarter: int
) -> dict[int, tuple[Figure, ...]]:
    """The figures of each bar in `changed`, from notes that follow each other."""
    return {
        bar.index: spell_bar(here, bar, ticks_per_quarter, drums=staff.is_drum)
        for bar, here in notes_by_bar(line, bars, changed)
    }


def _over(figures: Sequence[Figure], marks: Sequence[Mark]) -> dict[int, str]:
    """Marks as text by the index of their figure; of two of a kind at one place the first stays."""
    over: dict[tuple[int, str], str] = {}
    for at, tag, text in marks:
        nearest = min(range(len(figures)), key=lambda index: abs(figures[index].start - at))
        over.setdefault((nearest, tag), text)
    return {place: "".join(over[key] for key in sorted(over) if key[0] == place) for place, _ in over}


def note_keys(staff: StaffStyle, notes: Sequence[Note]) -> frozenset[Key]:
    """Keys of notes; none on drums, which are never tied."""
    return frozenset() if staff.is_drum else frozenset(note_key(staff, note) for note in notes)


def note_key(staff: StaffStyle, note: Note) -> Key:
    if note.string is None or note.fret is None or not staff.tuning:
        return -1, note.pitch
    return len(staff.tuning) - note.string, note.fret


def rhythm(pool: Pool, figure: Figure) -> int:
    """Id of a figure's written duration."""
    body = f"<NoteValue>{_VALUES[figure.value]}</NoteValue>\n"
    if figure.dotted:
        body += '<AugmentationDot count="1" />\n'
    if figure.tuplet != (1, 1):
        body += f'<PrimaryTuplet num="{figure.tuplet[0]}" den="{figure.tuplet[1]}" />\n'
    return pool.add("Rhythms", body)


def dynamic(velocity: int) -> str:
    """The nearest of Guitar Pro's eight dynamics, PPP 15 to FFF 127."""
    return DYNAMICS[min(7, max(0, round((velocity - 15) / 16)))]


def _beat(
    pool: Pool, staff: StaffStyle, figure: Figure, held: frozenset[Note], here: _Here, over: str, grace: str = ""
) -> int:
    placed: dict[int, tuple[Note, str]] = {}
    for note in sorted(figure.notes, key=lambda note: (note.string or 0, -note.pitch)):
        place = _place(staff, note, placed)
        if place is None:
            if not figure.tied:
                pool.lost.append((here.bar.index, f"pitch {note.pitch}"))
            continue
        slot, where = place
        placed[slot] = note, _note_body(staff, note, where, figure, note in held, here)
    ids = [pool.add("Notes", body) for _, (_, body) in sorted(placed.items(), reverse=True)]
    loudest = max((note.velocity - louder(note.techniques) for note, _ in placed.values()), default=None)
    elements, properties = beat_marks({name for note, _ in placed.values() for name in note.techniques})
    body = f"{grace}<Dynamic>{SILENT if loudest is None else dynamic(loudest)}</Dynamic>\n"
    body += f'<Rhythm ref="{rhythm(pool, figure)}" />\n'
    if not staff.old:
        body += "<TransposedPitchStemOrientation>Undefined</TransposedPitchStemOrientation>\n"
        body += "<ConcertPitchStemOrientation>Undefined</ConcertPitchStemOrientation>\n"
    body += over + elements
    if ids:
        body += f"<Notes>{' '.join(str(number) for number in ids)}</Notes>\n"
    if not staff.old:
        pickups = "".join(
            f'<Property name="{name}">\n<Float>0.500000</Float>\n</Property>\n'
            for name in ("PrimaryPickupVolume", "PrimaryPickupTone")
        )
        properties = pickups + properties
    if properties:
        body += f"<Properties>\n{properties}</Properties>\n"
    return pool.add("Beats", body)


def _stroke(pool: Pool, staff: StaffStyle, figure: Figure, notes: Sequence[Note], here: _Here) -> int:
    """The short strokes before the beat of a figure's flams."""
    soft = tuple(replace(note, velocity=max(1, note.velocity - SOFTER), techniques=()) for note in notes)
    short = replace(figure, value=32, dotted=False, tuplet=(1, 1), notes=soft)
    return _beat(pool, staff, short, frozenset(), here, "", "<GraceNotes>BeforeBeat</GraceNotes>\n")


def _place(staff: StaffStyle, note: Note, taken: Mapping[int, object]) -> tuple[int, dict[str, str]] | None:
    """(slot of the beat, properties that say what is played); None where it can't be written.

    Two notes that the bar's grid brought together on one string: the first one stands.
    """
    if staff.is_drum and staff.old:
        element, way = old_drum(note.pitch)
        if element in taken:
            return None
        return element, _properties(("Element", "Element", element), ("Variation", "Variation", way))
    if staff.is_drum:
        index = index_of(note.pitch, staff.kit)
        if index is None or index in taken:
            return None
        line = min(5, len(taken))
        return index, _properties(
            ("Fret", "Fret", note.pitch), ("Midi", "Number", note.pitch), ("String", "String", line)
        )
    if not staff.tuning:
        if note.pitch in taken:
            return None
        return note.pitch, _properties(("Tone", "Step", note.pitch % 12), ("Octave", "Number", note.pitch // 12))
    if note.string is None or note.fret is None or note.string in taken:
        return None
    string = len(staff.tuning) - note.string
    midi = () if staff.old else (("Midi", "Number", note.pitch),)
    return note.string, _properties(("Fret", "Fret", note.fret), *midi, ("String", "String", string))


def _note_body(staff: StaffStyle, note: Note, place: Mapping[str, str], figure: Figure, held: bool, here: _Here) -> str:
    tied, names = figure.tied, of_figure(note, not figure.tied, not held)
    body = element_marks(names)
    landing = (note.start, note.string, note.pitch) in here.landed and not tied
    how = note_properties(names, _bend_of(note, figure, held, here), note.fret, landing)
    properties = "".join(text for _, text in (sorted((how | dict(place)).items()) if how else place.items()))
    if tied or held:
        body += f'<Tie origin="{str(held).lower()}" destination="{str(tied).lower()}" />\n'
    if staff.old:
        return f"{body}<Properties>\n{properties}</Properties>\n"
    index = index_of(note.pitch, staff.kit) if staff.is_drum else 0
    body += f"<InstrumentArticulation>{index or 0}</InstrumentArticulation>\n"
    sounding = _pitch("ConcertPitch", note.pitch, here.flat, staff.is_drum)
    written = _pitch("TransposedPitch", note.pitch - staff.transpose, here.flat, staff.is_drum)
    return f"{body}<Properties>\n{sounding}{properties}{written}</Properties>\n"


def _bend_of(note: Note, figure: Figure, held: bool, here: _Here) -> Bend:
    """The part of a note's bend that falls to one of its figures."""
    if not note.bend:
        return ()
    first = (here.bar.start + figure.start - note.start) / note.duration if figure.tied else Fraction(0)
    end = first + figure.quarters * here.ticks_per_quarter / note.duration
    return bend_part(note.bend, float(first), float(end) if held else 1.0)


def _pitch(name: str, pitch: int, flat: bool, is_drum: bool) -> str:
    spelled = "C" if is_drum else (_FLATS if flat else _SHARPS)[pitch % 12]
    step, accidental = spelled[0], spelled[1:]
    octave = -1 if is_drum else pitch // 12
    return (
        f'<Property name="{name}">\n<Pitch>\n<Step>{step}</Step>\n<Accidental>{accidental}</Accidental>\n'
        f"<Octave>{octave}</Octave>\n</Pitch>\n</Property>\n"
    )


def _properties(*entries: tuple[str, str, int]) -> dict[str, str]:
    """Name -> text of properties with one number each."""
    return {name: f'<Property name="{name}">\n<{tag}>{value}</{tag}>\n</Property>\n' for name, tag, value in entries}
