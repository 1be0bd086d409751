"""One part of a MusicXML score, read measure by measure into the notes of a track."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from arranger.formats.musicxml_techniques import techniques_of
from arranger.formats.musicxml_text import MAX_WORDS
from arranger.formats.musicxml_tuning import fitted, told_by_frets
from arranger.formats.playing_marks import lengthened, with_flams
from arranger.song import Note, Track

if TYPE_CHECKING:
    from arranger.formats.musicxml import Score

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
DYNAMICS = {"pppp": 8, "ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 122, "ffff": 127}
"""Velocities of the dynamic marks, as MuseScore has them."""
PLAIN_VELOCITY = 80
FORTE = 90
"""The velocity that 100 per cent of MusicXML's loudness stands for."""
DRUM_PLACES = {
    "E4": 44,
    "F4": 36,
    "G4": 41,
    "A4": 45,
    "B4": 47,
    "C5": 38,
    "D5": 48,
    "E5": 50,
    "F5": 51,
    "G5": 42,
    "A5": 49,
}
"""General MIDI key of a place on the five lines, for percussion that doesn't say its key."""
BEATS = {name: Fraction(4, 1 << power) for power, name in enumerate(("whole", "half", "quarter", "eighth", "16th"))}

DRUM_CHANNEL = 9
SLOWEST_QPM, FASTEST_QPM = 1.0, 2000.0

GRACE_SHARE = 32
"""A grace note lasts a 32nd of a quarter, before its main note."""
MAX_NUMBER = 1_000_000

_Key = tuple[int, int, str, int | None]
"""Pitch, staff, voice and string: what a tie holds on to."""


def number(text: str | None) -> Fraction | int | None:
    """A plain decimal number, None for anything else or anything huge."""
    if text is not None and text.isdecimal() and text.isascii() and len(text) < 7:
        return int(text)  # nearly all are such, and fractions are slow
    if text is None or not re.fullmatch(r"\s*-?[0-9]{1,9}(\.[0-9]{0,9})?\s*", text):
        return None
    value = Fraction(text.strip())
    return value if abs(value) <= MAX_NUMBER else None


def _velocity(text: str | None) -> int | None:
    """Velocity of a loudness in per cent of forte."""
    if text is None or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{0,9})?", text):
        return None
    return min(127, max(1, round(float(text) * FORTE / 100)))


def text_of(element: ET.Element | None, path: str) -> str:
    """Text at a path below an element on one line, empty where there is none."""
    found = element.findtext(path) if element is not None else None
    return " ".join((found or "").split())


class PartReader:
    """Reads the measures of one part one after the other; `metre` is the one that holds now."""

    def __init__(
        self, described: ET.Element | None, index: int, tpq: int, said: tuple[tuple[int, ...], int] | None = None
    ):
        self.index, self.tpq, self.said = index, tpq, said
        self.name = text_of(described, "part-name")[:MAX_WORDS]
        self.described = described
        self.keys_of = self._instrument_keys()
        self.divisions: Fraction | int = 1
        self.metre = (4, 4)
        self.velocity = PLAIN_VELOCITY
        self.transpose = 0
        self.tunings: dict[int, int] = {}
        self.lines = 0
        self.capo = 0
        self.percussion_clef = False
        self.unpitched = 0
        self.notes: list[Note] = []
        self.staves: list[int] = []
        self.held: dict[_Key, int] = {}

    def _instrument_keys(self) -> dict[str, int]:
        """Instrument id -> General MIDI key."""
        keys = {}
        for element in self.described.findall("midi-instrument") if self.described is not None else ():
            key = number(element.findtext("midi-unpitched"))
            if key is not None and 1 <= key <= 128:
                keys[element.get("id", "")] = int(key) - 1
        return keys

    def read_measure(self, measure: ET.Element, start: int, bar: int, score: Score) -> int:
        """Read one measure that begins at tick `start`; its length in ticks, 0 if it is empty."""
        at: Fraction | int = 0
        furthest: Fraction | int = 0
        chord_at: Fraction | int = 0
        graces: list[ET.Element] = []
        for element in measure:
            tag = element.tag
            if tag == "note":
                if element.find("cue") is not None:
                    at += 0 if element.find("chord") is not None else self._ticks(element)
                elif element.find("grace") is not None:
                    graces.append(element)
                else:
                    length = self._ticks(element)
                    is_chord = element.find("chord") is not None
                    place = chord_at if is_chord else at
                    self._graces(graces, start + round(place))
                    self._note(element, start + round(place), start + round(place + length))
                    if not is_chord:
                        chord_at, at = at, at + length
            elif tag == "backup":
                at = max(0, at - self._ticks(element))
            elif tag == "forward":
                at += self._ticks(element)
            elif tag == "attributes":
                self._attributes(element, start + round(at), score)
            elif tag in ("direction", "sound"):
                self._direction(element, start, at, score)
            furthest = max(furthest, at)
        self._graces(graces, start + round(at))
        return round(furthest)

    def _ticks(self, element: ET.Element) -> Fraction | int:
        duration = number(element.findtext("duration"))
        if duration is None or duration < 0:
            return 0
        ticks = duration * self.tpq
        whole, rest = divmod(ticks, self.divisions)
        return whole if not rest else Fraction(ticks) / self.divisions

    def _attributes(self, element: ET.Element, tick: int, score: Score) -> None:
        divisions = number(element.findtext("divisions"))
        if divisions is not None and divisions > 0:
            self.divisions = divisions
        time = element.find("time")
        if time is not None and (metre := _metre(time)) is not None:
            self.metre = metre
        key = element.find("key")
        fifths = number(key.findtext("fifths")) if key is not None else None
        if key is not None and fifths is not None and -7 <= fifths <= 7:
            # A transposing instrument has a key of its own; the first part that says one at a place is believed.
            minor = text_of(key, "mode") == "minor"
            concert = (int(fifths) + 7 * self.transpose + 6) % 12 - 6 if self.transpose % 12 else int(fifths)
            score.keys.setdefault(tick, (concert, minor))
        for transpose in element.findall("transpose"):
            chromatic, octave = (number(transpose.findtext(tag)) for tag in ("chromatic", "octave-change"))
            self.transpose = int(chromatic or 0) + 12 * int(octave or 0)
        for clef in element.findall("clef"):
            self.percussion_clef |= text_of(clef, "sign") == "percussion"
        for details in element.findall("staff-details"):
            self._staff_details(details)

    def _staff_details(self, details: ET.Element) -> None:
        lines = number(details.findtext("staff-lines"))
        tunings = details.findall("staff-tuning")
        if tunings:
            self.tunings, self.lines = {}, int(lines or len(tunings))
        for tuning in tunings:
            line = number(tuning.get("line"))
            pitch = _pitch(tuning, "tuning-")
            if line is not None and pitch is not None and 1 <= line <= 12:
                self.tunings[int(line)] = pitch
        capo = number(details.findtext("capo"))
        if capo is not None and 0 <= capo <= 24:
            self.capo = int(capo)

    def _direction(self, element: ET.Element, start: int, at: Fraction | int, score: Score) -> None:
        offset = number(element.findtext("offset")) or 0
        tick = max(start, start + round(at + Fraction(offset) * self.tpq / self.divisions))
        sound = element if element.tag == "sound" else element.find("sound")
        tempo = number(sound.get("tempo")) if sound is not None else None
        if tempo is None:
            tempo = _metronome(element)
        if tempo is not None and tempo > 0:
            score.tempos[tick] = min(FASTEST_QPM, max(SLOWEST_QPM, round(float(tempo), 6)))
        loud = _velocity(sound.get("dynamics")) if sound is not None else None
        self.velocity = loud or self.velocity
        for kind in element.findall("direction-type"):
            for mark in kind.findall("dynamics"):
                found = [DYNAMICS[child.tag] for child in mark if child.tag in DYNAMICS]
                self.velocity = found[0] if found and loud is None else self.velocity
            for rehearsal in kind.findall("rehearsal"):
                label = " ".join((rehearsal.text or "").split())
                if label:
                    score.markers.setdefault(tick, label)

    def _graces(self, graces: list[ET.Element], tick: int) -> None:
        """Grace notes one after the other before a tick; at the very start they sound with the note."""
        step = max(1, self.tpq // GRACE_SHARE)
        slots: list[list[ET.Element]] = []
        for element in graces:
            if element.find("chord") is not None and slots:
                slots[-1].append(element)
            else:
                slots.append([element])
        for back, slot in zip(range(len(slots), 0, -1), slots, strict=True):
            begin = max(0, tick - back * step)
            for element in slot:
                self._note(element, begin, begin + step)
        graces.clear()

    def _note(self, element: ET.Element, start: int, end: int) -> None:
        if element.find("rest") is not None or end <= start:
            return
        unpitched = element.find("unpitched")
        pitch = self._drum_key(element, unpitched) if unpitched is not None else _pitch(element.find("pitch"), "")
        if pitch is None:
            return
        if unpitched is None:
            pitch = min(127, max(0, pitch + self.transpose))
        else:
            self.unpitched += 1
        string, fret = self._tab(element)
        techniques, bend = techniques_of(element, unpitched is None)
        staff = int(number(element.findtext("staff")) or 1)
        key = pitch, staff, element.findtext("voice") or "", string
        ties = {tie.get("type") for tie in element.findall("tie")}
        held = self._held(key, start) if "stop" in ties else None
        if held is not None:
            self.notes[held] = lengthened(self.notes[held], end, techniques, bend)
        else:
            velocity = _velocity(element.get("dynamics")) or self.velocity
            held = len(self.notes)
            self.staves.append(staff)
            self.notes.append(Note(start, end - start, pitch, velocity, string, fret, techniques, bend))
        if "start" in ties:
            self.held[key] = held

    def _held(self, key: _Key, start: int) -> int | None:
        """The note that a tie at `start` goes on from; it may have begun in another voice or on another string."""
        keys = [key, *(other for other in self.held if other[0] == key[0])]
        for other in keys:
            if other in self.held and self.notes[self.held[other]].end == start:
                return self.held.pop(other)
        return None

    def _tab(self, element: ET.Element) -> tuple[int | None, int | None]:
        for technical in element.iterfind("notations/technical"):
            string, fret = number(technical.findtext("string")), number(technical.findtext("fret"))
            if string is not None and fret is not None and 1 <= string <= 12 and 0 <= fret <= 99:
                return int(string), int(fret)
        return None, None

    def _drum_key(self, element: ET.Element, unpitched: ET.Element) -> int:
        instrument = element.find("instrument")
        if instrument is not None and instrument.get("id") in self.keys_of:
            return self.keys_of[instrument.get("id", "")]
        place = text_of(unpitched, "display-step") + text_of(unpitched, "display-octave")
        if place == "G5" and text_of(element, "notehead") == "circle-x":
            return 46
        return next(iter(self.keys_of.values())) if len(self.keys_of) == 1 else DRUM_PLACES.get(place, 38)

    def track(self, starts: list[int]) -> Track:
        """All notes of the part; what stands past the end of the last bar is cut."""
        kept = [
            replace(n, duration=min(n.end, starts[-1]) - n.start) for n in self._said_once() if n.start < starts[-1]
        ]
        channel, program = self._midi()
        is_drum = bool(kept) and (self.unpitched > len(kept) / 2 or (channel == DRUM_CHANNEL and self.percussion_clef))
        is_drum |= not kept and channel == DRUM_CHANNEL
        if is_drum:
            kept = list(with_flams(kept, self.tpq))
        tuning, kept = (None, list(map(_untabbed, kept))) if is_drum else self._tuned(kept, program)
        return Track(
            name=self.name,
            program=0 if is_drum else program,
            is_drum=is_drum,
            notes=tuple(sorted(kept, key=_order)),
            channel=DRUM_CHANNEL if is_drum else channel if channel != DRUM_CHANNEL else None,
            tuning=tuning,
            capo=self.capo if tuning else 0,
            source_id=(self.index,),
        )

    def _said_once(self) -> list[Note]:
        """Linked staves, notes and tablature of one instrument, say everything twice: the tablature counts."""
        if not self.tunings or len(set(self.staves)) < 2:
            return self.notes
        tabbed = {(note.start, note.pitch) for note in self.notes if note.string is not None}
        return [note for note in self.notes if note.string is not None or (note.start, note.pitch) not in tabbed]

    def _midi(self) -> tuple[int | None, int]:
        """(channel, program) of the part's first MIDI instrument."""
        element = self.described.find("midi-instrument") if self.described is not None else None
        channel, program = (number(text_of(element, f"midi-{what}") or None) for what in ("channel", "program"))
        return (
            int(channel) - 1 if channel is not None and 1 <= channel <= 16 else None,
            int(program) - 1 if program is not None and 1 <= program <= 128 else 0,
        )

    def _tuned(self, notes: list[Note], program: int) -> tuple[tuple[int, ...] | None, list[Note]]:
        """(tuning, string 1 first; the notes, without string and fret where these don't give the pitch)."""
        lines = sorted(self.tunings)
        tuning: tuple[int, ...] | None = None
        if lines and lines == list(range(1, len(lines) + 1)):
            tuning = tuple(self.tunings[line] for line in reversed(lines))  # line 1 is the lowest
        elif self.said is not None:
            tuning, self.capo = self.said
        elif any(note.string for note in notes):
            tuning = told_by_frets(notes, program in range(32, 40))
        return (tuning, [_untabbed(note) for note in notes]) if not tuning else fitted(notes, tuning, self.capo)


def _untabbed(note: Note) -> Note:
    return note if note.string is None and note.fret is None else replace(note, string=None, fret=None)


def _order(note: Note) -> tuple[int, ...]:
    return note.start, note.duration, note.pitch, note.velocity, note.string or 0


def _metre(time: ET.Element) -> tuple[int, int] | None:
    """Beats and beat type; 3+2 are five, and several fractions are added."""
    total = Fraction(0)
    denominators = []
    for beats, kind in zip(time.findall("beats"), time.findall("beat-type"), strict=False):
        count = sum((Fraction(number(part) or 0) for part in (beats.text or "").split("+")), Fraction(0))
        value = number(kind.text)
        if value is None or value not in (1, 2, 4, 8, 16, 32, 64) or count <= 0 or count.denominator != 1:
            return None
        denominators.append(int(value))
        total += Fraction(int(count), int(value))
    if not denominators:
        return None
    denominator = max(denominators)
    numerator = int(total * denominator)
    return (numerator, denominator) if 1 <= numerator <= 64 else None


def _pitch(element: ET.Element | None, prefix: str) -> int | None:
    """MIDI number of step, alter and octave; quarter tones are rounded."""
    if element is None:
        return None
    step = STEPS.get(text_of(element, f"{prefix}step"))
    octave, alter = number(element.findtext(f"{prefix}octave")), number(element.findtext(f"{prefix}alter"))
    if step is None or octave is None:
        return None
    return min(127, max(0, 12 * (int(octave) + 1) + step + round(alter or 0)))


def _metronome(element: ET.Element) -> Fraction | int | None:
    """Quarters a minute of a metronome mark."""
    mark = element.find("direction-type/metronome")
    if mark is None:
        return None
    unit, per_minute = BEATS.get(text_of(mark, "beat-unit")), number(text_of(mark, "per-minute") or None)
    if unit is None or per_minute is None:
        return None
    return per_minute * unit * (Fraction(3, 2) if mark.find("beat-unit-dot") is not None else 1)
