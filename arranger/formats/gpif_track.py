"""Tracks for a score of Guitar Pro 6 to 8: what the track is, not what it plays."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arranger.formats.gpif_kit import standard_set
from arranger.formats.gpif_layout import STANDARD, TABLATURE
from arranger.formats.gpif_text import cdata
from arranger.fretboard import FRETS
from arranger.parts import BASS_PROGRAMS, GUITAR_PROGRAMS
from arranger.song import Track

DRUM_CHANNEL = 9
PORTS = 4
LAST_CHANNEL = 15
"""Where Guitar Pro 8 itself puts all tracks for which no channel is left."""

DRUM_TUNING = (0,) * 6


@dataclass(frozen=True, slots=True)
class Instrument:
    """How Guitar Pro names an instrument; `old` is its name in Guitar Pro 6, `octave` how written relates to sounding
    (-1: sounds an octave lower than written)."""

    name: str
    kind: str
    icon: int
    path: str
    short: str
    old: str
    octave: int = 0


_DRUMS = Instrument("Drums", "drumKit", 18, "Drums/Drums/Drumkit", "drm.", "drmkt")
_OTHER = Instrument("Lead Synthesizer", "leadSynthesizer", 12, "Orchestra/Synth/Lead", "synth.", "a-piano-ss")
_PIANO = Instrument("Acoustic Piano", "acousticPiano", 10, "Orchestra/Keyboard/Acoustic Piano", "pno.", "a-piano-ss")
_VIOLIN = Instrument("Violin", "violin", 11, "Orchestra/Strings/Violin", "vln.", "vln")
# Only kinds that were seen in files that Guitar Pro wrote.
_BY_PROGRAM: tuple[tuple[Iterable[int], Instrument], ...] = (
    (
        (4, 5),
        Instrument("Electric Piano", "electricPiano", 10, "Orchestra/Keyboard/Electric Piano", "e.pno.", "a-piano-ss"),
    ),
    (range(0, 8), _PIANO),
    (
        range(24, 25),
        Instrument(
            "Nylon Guitar", "nylonGuitar", 23, "Stringed/Acoustic Guitars/Nylon Guitar", "n.guit.", "s-gtr6", -1
        ),
    ),
    (
        range(25, 26),
        Instrument("Steel Guitar", "steelGuitar", 1, "Stringed/Acoustic Guitars/Steel Guitar", "s.guit.", "s-gtr6", -1),
    ),
    (
        range(26, 29),
        Instrument(
            "Electric Guitar", "electricGuitar", 4, "Stringed/Electric Guitars/Clean Guitar", "e.guit.", "e-gtr6", -1
        ),
    ),
    (
        range(29, 32),
        Instrument(
            "Electric Guitar",
            "electricGuitar",
            24,
            "Stringed/Electric Guitars/Distortion Guitar",
            "e.guit.",
            "e-gtr6",
            -1,
        ),
    ),
    (
        range(32, 33),
        Instrument("Acoustic Bass", "acousticBass", 5, "Stringed/Basses/Acoustic Bass", "bass", "a-bass4", -1),
    ),
    (
        range(33, 40),
        Instrument("Electric Bass", "electricBass", 5, "Stringed/Basses/Clean Bass", "el.bs.", "e-bass4", -1),
    ),
    ((43,), Instrument("Acoustic Bass", "acousticBass", 5, "Stringed/Basses/Acoustic Bass", "bass", "a-bass4", -1)),
    (range(40, 52), _VIOLIN),
    (range(52, 55), Instrument("Voice", "voice", 16, "Orchestra/Other/Singer", "voice", "flt-c")),
    (range(64, 68), Instrument("Saxophone", "saxophone", 14, "Orchestra/Winds/Saxophone", "sax.", "flt-c")),
    (range(72, 80), Instrument("Flute", "flute", 15, "Orchestra/Winds/Flute", "fl.", "flt-c")),
    ((105,), Instrument("Banjo", "banjo", 8, "Stringed/Other Stringed Instruments/Banjo", "bjo.", "s-gtr6", -1)),
)

_COLOURS = {"drums": "120 120 120", "bass": "40 90 200", "other": "200 120 30"}


def instrument_of(track: Track) -> Instrument:
    """The instrument that Guitar Pro has for a track's program."""
    if track.is_drum:
        return _DRUMS
    return next((instrument for programs, instrument in _BY_PROGRAM if track.program in programs), _OTHER)


def is_fretted(track: Track) -> bool:
    """True for what is played on a fretboard, so that its tablature means something."""
    return track.tuning is not None or track.program in (*GUITAR_PROGRAMS, *BASS_PROGRAMS, 104, 105, 106, 107)


def shown(track: Track) -> int:
    """Flags of `gpif_layout` for a new track."""
    return STANDARD | TABLATURE if not track.is_drum and is_fretted(track) else STANDARD


def clef(track: Track, tuning: Sequence[int]) -> str:
    """Drums none, basses F, guitars G; else by where its notes lie."""
    if track.is_drum:
        return "Neutral"
    if track.program in BASS_PROGRAMS or instrument_of(track).kind == "acousticBass":
        return "F4"
    if is_fretted(track):
        return "F4" if max(tuning) < 50 else "G2"
    pitches = sorted(note.pitch for note in track.notes)
    return "F4" if pitches and pitches[len(pitches) // 2] < 57 else "G2"


def used_channels(tracks: Iterable[ET.Element]) -> set[tuple[int, int]]:
    """(port, channel) of all tracks of a score."""
    used = set()
    for track in tracks:
        for box in (track.find("MidiConnection"), track.find("GeneralMidi")):
            if box is None:
                continue
            port, first, second = (_number(box, tag) for tag in ("Port", "PrimaryChannel", "SecondaryChannel"))
            used |= {(port, first), (port, second)}
    return used


def free_channels(is_drum: bool, used: set[tuple[int, int]]) -> tuple[int, int, int]:
    """(port, primary, secondary) for a new track: a free pair, else one free channel, else the last one."""
    if is_drum:
        return 0, DRUM_CHANNEL, DRUM_CHANNEL
    for port in range(PORTS):
        free = [number for number in range(16) if number != DRUM_CHANNEL and (port, number) not in used]
        for first in free:
            if first + 1 in free:
                return port, first, first + 1
        if free:
            return port, free[0], free[0]
    return 0, LAST_CHANNEL, LAST_CHANNEL


def track_element(
    number: int,
    track: Track,
    tuning: Sequence[int],
    channels: tuple[int, int, int],
    drum_set: str | None = None,
    old: bool = False,
) -> str:
    """The Track element.

    Parameters
    ----------
    number : its id.
    tuning : open strings, string 1 first.
    channels : port, primary and secondary channel.
    drum_set : InstrumentSet of a drum track; None for the standard kit.
    old : True to write what Guitar Pro 6 understands, for a score of that version.
    """
    instrument = instrument_of(track)
    colour = _COLOURS["drums" if track.is_drum else "bass" if track.program in BASS_PROGRAMS else "other"]
    name = track.name or instrument.name
    head = (
        f'<Track id="{number}">\n<Name>{cdata(name)}</Name>\n<ShortName>{cdata(instrument.short)}</ShortName>\n'
        f"<Color>{colour}</Color>\n<SystemsDefautLayout>3</SystemsDefautLayout>\n<SystemsLayout></SystemsLayout>\n"
        "<PalmMute>0</PalmMute>\n"
    )
    body = (
        _old_body(track, tuning, channels, instrument) if old else _body(track, tuning, channels, instrument, drum_set)
    )
    return f"{head}{body}</Track>"


def _body(
    track: Track,
    tuning: Sequence[int],
    channels: tuple[int, int, int],
    instrument: Instrument,
    drum_set: str | None,
) -> str:
    program = 0 if track.is_drum else track.program
    style = "StringedPick" if is_fretted(track) and not track.is_drum else "Default"
    sound = f"{instrument.path};{instrument.name};User"
    port, first, second = channels
    instrument_set = (drum_set or standard_set()) if track.is_drum else _pitched_set(instrument)
    return (
        f"<AutoAccentuation>0</AutoAccentuation>\n<PlayingStyle>{style}</PlayingStyle>\n<UseOneChannelPerString />\n"
        f"<IconId>{instrument.icon}</IconId>\n{instrument_set}\n"
        f"<Transpose>\n<Chromatic>0</Chromatic>\n<Octave>{instrument.octave}</Octave>\n</Transpose>\n"
        '<RSE>\n<ChannelStrip version="E56">\n'
        "<Parameters>0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0 0.5 0.5 0.8 0.5 0.5 0.5</Parameters>\n"
        "</ChannelStrip>\n</RSE>\n<ForcedSound>-1</ForcedSound>\n"
        f"<Sounds>\n<Sound>\n<Name>{cdata(instrument.name)}</Name>\n<Label>{cdata(instrument.name)}</Label>\n"
        f"<Path>{instrument.path}</Path>\n<Role>User</Role>\n"
        f"<MIDI>\n<LSB>0</LSB>\n<MSB>0</MSB>\n<Program>{program}</Program>\n</MIDI>\n</Sound>\n</Sounds>\n"
        f"<MidiConnection>\n<Port>{port}</Port>\n<PrimaryChannel>{first}</PrimaryChannel>\n"
        f"<SecondaryChannel>{second}</SecondaryChannel>\n<ForeOneChannelPerString>false</ForeOneChannelPerString>\n"
        "</MidiConnection>\n<PlaybackState>Default</PlaybackState>\n<AudioEngineState>MIDI</AudioEngineState>\n"
        f"{_LYRICS}<Staves>\n<Staff>\n{_staff(track, tuning)}</Staff>\n</Staves>\n"
        "<Automations>\n<Automation>\n<Type>Sound</Type>\n<Linear>false</Linear>\n<Bar>0</Bar>\n"
        f"<Position>0</Position>\n<Visible>true</Visible>\n<Value>{cdata(sound)}</Value>\n</Automation>\n</Automations>\n"
    )


_LYRICS = (
    '<Lyrics dispatched="true">\n'
    + "<Line>\n<Text><![CDATA[]]></Text>\n<Offset>0</Offset>\n</Line>\n" * 5
    + "</Lyrics>\n"
)


def _pitched_set(instrument: Instrument) -> str:
    # Without an element called “Pitched” Guitar Pro 8 plays nothing.
    return (
        f"<InstrumentSet>\n<Name>{instrument.name}</Name>\n<Type>{instrument.kind}</Type>\n<LineCount>5</LineCount>\n"
        "<Elements>\n<Element>\n<Name>Pitched</Name>\n<Type>pitched</Type>\n<SoundbankName></SoundbankName>\n"
        "<Articulations>\n<Articulation>\n<Name></Name>\n<StaffLine>0</StaffLine>\n"
        f"<Noteheads>{'noteheadBlack noteheadHalf noteheadWhole'}</Noteheads>\n"
        "<TechniquePlacement>outside</TechniquePlacement>\n<TechniqueSymbol></TechniqueSymbol>\n"
        "<InputMidiNumbers></InputMidiNumbers>\n<OutputRSESound></OutputRSESound>\n"
        "<OutputMidiNumber>0</OutputMidiNumber>\n</Articulation>\n</Articulations>\n</Element>\n</Elements>\n"
        "</InstrumentSet>"
    )


def _staff(track: Track, tuning: Sequence[int]) -> str:
    kind = "Undefined" if track.is_drum else "Bass" if track.program in BASS_PROGRAMS else "Guitar"
    empty = "".join(
        f'<Property name="{name}">\n<Items/>\n</Property>\n'
        for name in ("ChordCollection", "ChordWorkingSet", "DiagramCollection", "DiagramWorkingSet")
    )
    return (
        f'<Properties>\n<Property name="CapoFret">\n<Fret>{0 if track.is_drum else track.capo}</Fret>\n</Property>\n'
        f'<Property name="FretCount">\n<Number>{FRETS}</Number>\n</Property>\n'
        '<Property name="PartialCapoFret">\n<Fret>0</Fret>\n</Property>\n'
        f'<Property name="PartialCapoStringFlags">\n<Bitset>{"0" * len(tuning)}</Bitset>\n</Property>\n'
        f'<Property name="Tuning">\n<Pitches>{_pitches(tuning)}</Pitches>\n<Flat></Flat>\n'
        f"<Instrument>{kind}</Instrument>\n<Label><![CDATA[]]></Label>\n<LabelVisible>true</LabelVisible>\n"
        f'</Property>\n{empty}<Property name="TuningFlat">\n<Enable />\n</Property>\n'
        "<Name><![CDATA[]]></Name>\n</Properties>\n"
    )


def _old_body(track: Track, tuning: Sequence[int], channels: tuple[int, int, int], instrument: Instrument) -> str:
    port, first, second = channels
    table = "Percussion" if track.is_drum else "Instrument"
    strings = f'<Property name="Tuning">\n<Pitches>{_pitches(tuning)}</Pitches>\n</Property>\n'
    if track.capo:
        strings += f'<Property name="CapoFret">\n<Fret>{track.capo}</Fret>\n</Property>\n'
    return (
        f'<PlayingStyle>Default</PlayingStyle>\n<Instrument ref="{instrument.old}" />\n'
        f"<PartSounding>\n<NominalKey>C</NominalKey>\n<TranspositionPitch>{12 * instrument.octave}"
        f'</TranspositionPitch>\n</PartSounding>\n<GeneralMidi table="{table}">\n'
        f"<Program>{0 if track.is_drum else track.program}</Program>\n<Port>{port}</Port>\n"
        f"<PrimaryChannel>{first}</PrimaryChannel>\n<SecondaryChannel>{second}</SecondaryChannel>\n"
        "<ForeOneChannelPerString>false</ForeOneChannelPerString>\n</GeneralMidi>\n"
        f"<PlaybackState>Default</PlaybackState>\n{_LYRICS}"
        + ("" if track.is_drum else f"<Properties>\n{strings}</Properties>\n")
    )


def _pitches(tuning: Sequence[int]) -> str:
    return " ".join(str(pitch) for pitch in reversed(tuning))


def _number(box: ET.Element, tag: str) -> int:
    text = (box.findtext(tag) or "").strip()
    return int(text) if text.isdecimal() else 0
