"""The score of Guitar Pro 6 to 8 (GPIF) as plain values: what is written, before it is placed in time.

GPIF keeps every bar, voice, beat, note and rhythm once, under an id, and refers to it from wherever it occurs. Two
places that look the same are often one element, so nothing here may be changed in place.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TypeVar

from arranger.errors import SongFileError
from arranger.formats.gpif_drums import Articulations, articulations_of, is_drum_track
from arranger.formats.gpif_master import MasterBar, master_bars, number, short_text
from arranger.formats.gpif_techniques import beat_techniques, louder, note_techniques
from arranger.formats.playing_marks import Bend

MAX_TRACKS = 512
MAX_STAVES = 4
MAX_STRINGS = 16
MAX_VOICES = 8
MAX_BEAT_NOTES = 64
MAX_VOICE_BEATS = 20_000
"""More ids than these in one list are not read."""
QUARTER = 960
"""Ticks of a quarter in every value of this format."""

NO_ID = "-1"
SIMILES = {"Simple": 1, "FirstOfDouble": 2, "SecondOfDouble": 2}
"""How many bars before a bar the one stands that its sign repeats."""

DYNAMICS = {"PPP": 15, "PP": 31, "P": 47, "MP": 63, "MF": 79, "F": 95, "FF": 111, "FFF": 127}

_NOTE_VALUES = {"Long": Fraction(16), "DoubleWhole": Fraction(8), "Whole": Fraction(4), "Half": Fraction(2)}
_NOTE_VALUES |= {"Quarter": Fraction(1), "Eighth": Fraction(1, 2)}
_NOTE_VALUES |= {f"{part}{end}": Fraction(4, part) for part, end in ((16, "th"), (32, "nd"), (64, "th"))}
_NOTE_VALUES |= {f"{part}th": Fraction(4, part) for part in (128, 256)}

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note element.

    Parameters
    ----------
    line : string, 0 = the lowest, as in the file; None if it says none.
    fret, pitch : as in the file; `pitch` is a MIDI number.
    drum : (articulation index, None) in Guitar Pro 7 and 8, (element, variation) in 6; None if it says neither.
    tied : it goes on sounding from the note before.
    louder : what its accent or ghost adds to the velocity.
    techniques, bend : how it is played, as in a Song.
    """

    line: int | None = None
    fret: int | None = None
    pitch: int | None = None
    drum: tuple[int, int | None] | None = None
    tied: bool = False
    dead: bool = False
    louder: int = 0
    techniques: tuple[str, ...] = ()
    bend: Bend = ()


@dataclass(frozen=True, slots=True)
class WrittenBeat:
    """A beat element: exact ticks, notes, velocity, and "before" or "on" for a grace beat, else ""; `techniques` are
    those of all its notes."""

    ticks: Fraction
    notes: tuple[WrittenNote, ...]
    velocity: int
    grace: str = ""
    techniques: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenBar:
    """A bar element: voice ids, "-1" for one that is not in use. With a `simile` sign it has none and sounds like the
    bar so many bars before it; 0 for none."""

    voices: tuple[str, ...]
    simile: int = 0


@dataclass(frozen=True, slots=True)
class Staff:
    """One staff of a track; `tuning` lists open strings, string 1 (the highest) first, and is empty without strings."""

    tuning: tuple[int, ...]
    capo: int


@dataclass(frozen=True, slots=True)
class ScoreTrack:
    """A track element, its staves and how it sounds. `channel` counts from 0."""

    name: str
    program: int
    channel: int | None
    is_drum: bool
    articulations: Articulations
    staves: tuple[Staff, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A whole GPIF score.

    `voices[voice id]` are beat ids; `tempos` are (bar, part of the bar, quarters a minute).
    """

    title: str
    tracks: tuple[ScoreTrack, ...]
    master_bars: tuple[MasterBar, ...]
    anacrusis: bool
    tempos: tuple[tuple[int, float, float], ...]
    bars: dict[str, WrittenBar]
    voices: dict[str, tuple[str, ...]]
    beats: dict[str, WrittenBeat]


def read_score(root: ET.Element, name: str) -> Score:
    """The score under a GPIF element.

    Parameters
    ----------
    root : as `gpif_container.parse_score` gives it.
    name : the file's name, for messages.

    Raises
    ------
    SongFileError
        if it refers to something that is not there, has an impossible metre, or too many bars or tracks.
    """
    rhythms = _by_id(root, "Rhythms/Rhythm", _rhythm)
    elements = {element.get("id", ""): element for element in root.iterfind("Notes/Note")}

    @cache  # only notes that are played are worth reading, and those once
    def note(key: str) -> WrittenNote:
        return _note(_known(elements, "note", key, name))

    def beat(element: ET.Element) -> WrittenBeat:
        rhythm = element.find("Rhythm")
        ticks = _known(rhythms, "rhythm", "" if rhythm is None else rhythm.get("ref", ""), name)
        played = tuple(note(key) for key in _ids(element.findtext("Notes"), MAX_BEAT_NOTES))
        grace = {"BeforeBeat": "before", "OnBeat": "on"}.get(element.findtext("GraceNotes", "").strip(), "")
        velocity = DYNAMICS.get(element.findtext("Dynamic", "").strip(), DYNAMICS["F"])
        return WrittenBeat(ticks, played, velocity, grace, beat_techniques(element))

    tracks = _tracks(root, name)
    return Score(
        title=short_text(root.findtext("Score/Title")),
        tracks=tracks,
        master_bars=master_bars(root, sum(len(track.staves) for track in tracks), name),
        anacrusis=root.find("MasterTrack/Anacrusis") is not None,
        tempos=tuple(_tempos(root)),
        bars=_by_id(root, "Bars/Bar", _bar),
        voices=_by_id(root, "Voices/Voice", lambda voice: _ids(voice.findtext("Beats"), MAX_VOICE_BEATS)),
        beats=_by_id(root, "Beats/Beat", beat),
    )


def beats_of_voice(score: Score, voice: str, name: str) -> tuple[WrittenBeat, ...]:
    """The beats of a voice id. Raises SongFileError if one is not there."""
    return tuple(_known(score.beats, "beat", key, name) for key in _known(score.voices, "voice", voice, name))


def voices_of_bar(score: Score, bar: str, name: str) -> tuple[tuple[int, str], ...]:
    """(number of the voice, its id) of the voices in use of a bar id, none for "-1".

    Raises SongFileError if it is not there.
    """
    voices = () if bar == NO_ID else _known(score.bars, "bar", bar, name).voices
    return tuple((at, voice) for at, voice in enumerate(voices) if voice != NO_ID)


def sounding_bars(score: Score, staff: int) -> list[str]:
    """Bar ids of a staff, counted over all tracks, one a bar, "-1" for none; simile signs played out."""
    sounding: list[str] = []
    for at, master in enumerate(score.master_bars):
        key = master.bars[staff] if staff < len(master.bars) else NO_ID
        written = score.bars.get(key)
        if written is not None and written.simile and all(voice == NO_ID for voice in written.voices):
            key = sounding[at - written.simile] if at >= written.simile else NO_ID
        sounding.append(key)
    return sounding


# --- bars, beats and notes


def _bar(element: ET.Element) -> WrittenBar:
    simile = SIMILES.get(element.findtext("SimileMark", "").strip(), 0)
    return WrittenBar(_ids(element.findtext("Voices"), MAX_VOICES), simile)


def _rhythm(element: ET.Element) -> Fraction:
    ticks = QUARTER * _NOTE_VALUES.get(element.findtext("NoteValue", "").strip(), Fraction(1))
    dots = element.find("AugmentationDot")
    if dots is not None:
        ticks *= 2 - Fraction(1, 2 ** min(4, max(0, number(dots.get("count"), 0))))
    tuplet = element.find("PrimaryTuplet")
    if tuplet is not None:
        played, stead = (number(tuplet.get(key) or tuplet.findtext(key.title()), 0) for key in ("num", "den"))
        if 0 < played <= 1000 and 0 < stead <= 1000:
            ticks *= Fraction(stead, played)
    return ticks


def _note(element: ET.Element) -> WrittenNote:
    properties = {entry.get("name"): entry for entry in element.iterfind("Properties/Property")}

    def value(key: str, tag: str) -> int | None:
        entry = properties.get(key)
        text = None if entry is None else entry.findtext(tag)
        return None if text is None else number(text, None)

    octave, tone = value("Octave", "Number"), value("Tone", "Step")
    pitch = value("Midi", "Number")
    if pitch is None and octave is not None:
        pitch = 12 * octave + (tone or 0)
    kind, variation = value("Element", "Element"), value("Variation", "Variation")
    index = number(element.findtext("InstrumentArticulation"), None)
    tie = element.find("Tie")
    techniques, bend = note_techniques(element, properties)
    return WrittenNote(
        line=value("String", "String"),
        fret=value("Fret", "Fret"),
        pitch=pitch,
        drum=(kind, variation or 0) if kind is not None else None if index is None else (index, None),
        tied=tie is not None and tie.get("destination", "").lower() == "true",
        dead="dead" in techniques,
        louder=louder(techniques),
        techniques=techniques,
        bend=bend,
    )


# --- tracks


def _tracks(root: ET.Element, name: str) -> tuple[ScoreTrack, ...]:
    """The tracks in the order of the score, which is that of the staves in every bar."""
    found = {element.get("id", ""): element for element in root.iterfind("Tracks/Track")}
    order = [key for key in _ids(root.findtext("MasterTrack/Tracks"), MAX_TRACKS + 1) if key in found] or list(found)
    if len(order) > MAX_TRACKS:
        raise SongFileError(name, f"it has {len(order)} tracks, more than {MAX_TRACKS}", None, "Split the song.")
    return tuple(_track(found[key]) for key in order)


def _track(element: ET.Element) -> ScoreTrack:
    midi = element.find("MidiConnection")
    if midi is None:
        midi = element.find("GeneralMidi")
    channel = None if midi is None else number(midi.findtext("PrimaryChannel"), None)
    articulations = articulations_of(element)
    return ScoreTrack(
        name=short_text(element.findtext("Name")),
        program=min(127, max(0, _program(element))),
        channel=None if channel is None else channel % 16,
        is_drum=is_drum_track(element, channel, articulations),
        articulations=articulations,
        staves=_staves(element),
    )


def _program(track: ET.Element) -> int:
    """The program that the track begins with: that of the sound which is chosen at the start, else of the first."""
    sounds: dict[str, int] = {}
    for sound in track.iterfind("Sounds/Sound"):
        key = ";".join(sound.findtext(tag, "").strip() for tag in ("Path", "Name", "Role"))
        sounds.setdefault(key, number(sound.findtext("MIDI/Program"), 0))
    for change in track.iterfind("Automations/Automation"):
        if change.findtext("Type") == "Sound" and _position(change) == (0, 0):
            chosen = sounds.get(change.findtext("Value", "").strip())
            if chosen is not None:
                return chosen
    if sounds:
        return next(iter(sounds.values()))
    return number(track.findtext("GeneralMidi/Program"), 0)


def _staves(track: ET.Element) -> tuple[Staff, ...]:
    common = _staff(track)
    elements = track.findall("Staves/Staff")[:MAX_STAVES]
    if elements:
        return tuple(_staff(element, common) for element in elements)
    instrument = track.find("Instrument")
    kind = "" if instrument is None else instrument.get("ref", "")
    return (common, common) if kind.endswith(("-gs", "GrandStaff")) else (common,)


def _staff(element: ET.Element, common: Staff | None = None) -> Staff:
    tuning, capo = (common.tuning, common.capo) if common else ((), 0)
    for entry in element.iterfind("Properties/Property"):
        if entry.get("name") == "Tuning":
            pitches = [number(text, 0) for text in _ids(entry.findtext("Pitches"), MAX_STRINGS)]
            tuning = tuple(min(127, max(0, pitch)) for pitch in reversed(pitches))
        elif entry.get("name") == "CapoFret":
            capo = min(24, max(0, number(entry.findtext("Fret"), 0)))
    return Staff(tuning, capo)


def _tempos(root: ET.Element) -> Iterator[tuple[int, float, float]]:
    """(bar, part of the bar, quarters a minute) of every change of tempo that makes sense."""
    # The second number is the note value that is counted: eighth, quarter, dotted quarter, half, dotted half.
    quarters = {1: 0.5, 2: 1.0, 3: 1.5, 4: 2.0, 5: 3.0}
    for change in root.iterfind("MasterTrack/Automations/Automation"):
        if change.findtext("Type") != "Tempo":
            continue
        bar, position = _position(change)
        parts = _ids(change.findtext("Value"), 2)
        try:
            qpm = float(parts[0]) * quarters.get(number(parts[1], 2) if len(parts) > 1 else 2, 1.0)
        except (ValueError, IndexError):
            continue
        if bar >= 0 and 1 <= qpm <= 10_000:
            yield bar, min(1.0, max(0.0, position)), qpm


def _position(change: ET.Element) -> tuple[int, float]:
    try:
        position = float(change.findtext("Position", "0"))
    except ValueError:
        position = 0.0
    return number(change.findtext("Bar"), 0), position if position == position else 0.0


# --- ids


def _by_id(root: ET.Element, path: str, read: Callable[[ET.Element], _Value]) -> dict[str, _Value]:
    return {element.get("id", ""): read(element) for element in root.iterfind(path)}


def _ids(text: str | None, most: int) -> tuple[str, ...]:
    # Interned, because a hostile file can hold millions of references to few elements.
    return tuple(map(sys.intern, (text or "").split(None, most)[:most]))


def _known(table: dict[str, _Value], kind: str, key: str, name: str) -> _Value:
    try:
        return table[key]
    except KeyError:
        problem = f"it is damaged: it refers to {kind} {key[:20] or 'without a number'}, which isn't there"
        raise SongFileError(name, problem, None, "Open it in Guitar Pro and save it again.") from None
