"""A `Song` as MusicXML that a musician can read: tied, dotted and in triplets, as `notation` spells it.

Each track becomes a part of one staff with up to four voices. Guitars and basses have their octave clefs, so pitches
stand as they sound; strings, frets and tunings are said where the song has them. Drums are unpitched notes on five
lines, each with its General MIDI key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from xml.sax.saxutils import escape, quoteattr

from arranger.formats.musicxml_flow import played_order
from arranger.formats.musicxml_marks import bar_marks, drum_place, spelled
from arranger.formats.musicxml_techniques import head_of, notations, play_of
from arranger.formats.musicxml_tuning import tuning_field
from arranger.formats.musicxml_voices import VoiceBar, grace_notes, written_voices
from arranger.formats.notation import Figure
from arranger.formats.playing_marks import SOFTER, Bend, bend_part, landings, of_figure
from arranger.playing import BarFlow
from arranger.repeats import flows_of
from arranger.song import KeySignature, Note, Song, Track

TYPES = {1: "whole", 2: "half", 4: "quarter", 8: "eighth", 16: "16th", 32: "32nd", 64: "64th", 128: "128th"}
FORTE = 90
"""The velocity that 100 per cent of MusicXML's loudness stands for."""
GUITARS, BASSES = range(24, 32), range(32, 40)

_State = tuple[tuple[int, bool], tuple[int, int]]
"""(sharps, minor), (numerator, denominator): what a bar says only when it changes."""

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What all parts have in common: `key_of` has the key signature that notes of each bar are spelled in."""

    flows: tuple[BarFlow, ...]
    key_of: tuple[KeySignature, ...]


@dataclass(frozen=True, slots=True)
class _Staff:
    """What has to be known of a part to write its notes; `hammered` and `slid_to` are as from `landings`."""

    track: Track
    ident: str
    hammered: frozenset[tuple[int, int | None, int]]
    slid_to: frozenset[tuple[int, int | None, int]]
    ticks_per_quarter: int

    def landing(self, note: Note) -> list[str]:
        """What leads to a note from the one before on its string."""
        place = note.start, note.string, note.pitch
        return [name for name, found in (("hammer", self.hammered), ("slide", self.slid_to)) if place in found]


def write_musicxml(song: Song) -> str:
    """Text of a MusicXML file of the whole song; repeats stand as such where simple signs can say them."""
    plan = plan_of(song)
    ids = [f"P{number}" for number in range(1, len(song.tracks) + 1)]
    channels = _channels(song.tracks)
    title = f"<work><work-title>{clean(song.title)}</work-title></work>\n" if song.title else ""
    tunings = "".join(map(tuning_field, song.tracks, ids))
    fields = f"<miscellaneous>{tunings}</miscellaneous>" if tunings else ""
    made = f"<identification><encoding><software>arranger</software></encoding>{fields}</identification>\n"
    lines = [_HEAD, title, made, "<part-list>\n"]
    lines += [
        score_part(track, ident, channel) for track, ident, channel in zip(song.tracks, ids, channels, strict=True)
    ]
    lines.append("</part-list>\n")
    lines += [
        part_text(song, track, ident, plan, first=index == 0)
        for index, (track, ident) in enumerate(zip(song.tracks, ids, strict=True))
    ]
    return "".join([*lines, "</score-partwise>\n"])


def plan_of(song: Song) -> Plan:
    """Repeat signs and keys of every bar."""
    flows = flows_of(song.order, len(song.bars), played_order) or (BarFlow(),) * len(song.bars)
    plain = KeySignature(0, 0) if song.keys else _estimated(song)
    key_of, at = [], -1
    for bar in song.bars:
        while at + 1 < len(song.keys) and song.keys[at + 1].tick < bar.end:
            at += 1
        key_of.append(song.keys[at] if at >= 0 else plain)
    return Plan(flows, tuple(key_of))


def _estimated(song: Song) -> KeySignature:
    """A key to spell accidentals by, for a song that says none."""
    import numpy as np

    from arranger.harmony import estimate_key

    weights = np.zeros(12)
    for track in song.tracks:
        for note in () if track.is_drum else track.notes:
            weights[note.pitch % 12] += note.duration
    key = estimate_key(weights)
    fifths = (7 * (key.tonic + (3 if key.mode == "minor" else 0)) + 5) % 12 - 5
    return KeySignature(0, fifths, key.mode == "minor")


def score_part(track: Track, ident: str, channel: int) -> str:
    """The part's entry in the part list: name, sounds, channel (from 0)."""
    keys = sorted({note.pitch for note in track.notes}) if track.is_drum else []
    sounds: list[tuple[str, int | None]] = [(f"{ident}-I{key + 1}", key) for key in keys]
    sounds = sounds or [(f"{ident}-I1", None)]
    lines = [f"<score-part id={quoteattr(ident)}>\n<part-name>{clean(track.name) or 'Track'}</part-name>\n"]
    for sound, key in sounds:
        name = f"Key {key}" if key is not None else clean(track.name) or "Track"
        lines.append(f'<score-instrument id="{sound}"><instrument-name>{name}</instrument-name></score-instrument>\n')
    for sound, key in sounds:
        unpitched = f"<midi-unpitched>{key + 1}</midi-unpitched>" if key is not None else ""
        program = f"<midi-program>{1 if track.is_drum else track.program + 1}</midi-program>"
        lines.append(
            f'<midi-instrument id="{sound}"><midi-channel>{channel + 1}</midi-channel>{program}{unpitched}'
            "</midi-instrument>\n"
        )
    return "".join([*lines, "</score-part>\n"])


def part_text(song: Song, track: Track, ident: str, plan: Plan, first: bool) -> str:
    """The part element; the `first` one of a score carries tempos, section names and repeats' signs for all."""
    voices = written_voices(track, song.bars, song.ticks_per_quarter)
    graces = grace_notes(track, song.ticks_per_quarter)
    divisions = lcm(1, *{f.quarters.denominator for bar in voices for voice in bar for f in voice.figures})
    slid, hammered = (landings(track.notes, (kind,)) for kind in ("slide", "hammer"))
    staff = _Staff(track, ident, hammered, slid, song.ticks_per_quarter)
    lines = [f"<part id={quoteattr(ident)}>\n"]
    before: _State | None = None
    for bar, voice_bars in zip(song.bars, voices, strict=True):
        full = 4 * song.ticks_per_quarter * bar.numerator // bar.denominator
        implicit = ' implicit="yes"' if bar.length != full else ""
        lines.append(f'<measure number="{bar.index + 1}"{implicit}>\n')
        marks = bar_marks(song, bar, plan.flows, divisions, first)
        lines.append(marks.left)
        key = plan.key_of[bar.index]
        now: _State = (key.sharps, key.minor), (bar.numerator, bar.denominator)
        lines.append(_attributes(track, now, before, divisions, bool(song.keys)))
        before = now
        lines.append(marks.directions)
        for number, voice in enumerate(voice_bars, 1):
            if number > 1:
                total = sum((figure.quarters for figure in voice_bars[0].figures), Fraction(0))
                lines.append(f"<backup><duration>{int(total * divisions)}</duration></backup>\n")
            lines += _voice(voice, number, staff, bar.start, key, divisions, graces)
        lines.append(marks.right)
        lines.append("</measure>\n")
    return "".join([*lines, "</part>\n"])


def _attributes(track: Track, now: _State, before: _State | None, divisions: int, keyed: bool) -> str:
    """What changes with a bar; everything at the first."""
    (sharps, minor), (numerator, denominator) = now
    inner = []
    if before is None:
        inner.append(f"<divisions>{divisions}</divisions>")
    if keyed and (before is None or before[0] != now[0]):
        inner.append(f"<key><fifths>{sharps}</fifths><mode>{'minor' if minor else 'major'}</mode></key>")
    if before is None or before[1] != now[1]:
        inner.append(f"<time><beats>{numerator}</beats><beat-type>{denominator}</beat-type></time>")
    if before is None:
        inner.append(_clef(track))
    return f"<attributes>{''.join(inner)}</attributes>\n" if inner else ""


def _clef(track: Track) -> str:
    if track.is_drum:
        return "<clef><sign>percussion</sign></clef>"
    octave = "<clef-octave-change>-1</clef-octave-change>"
    if track.program in BASSES:
        return f"<clef><sign>F</sign><line>4</line>{octave}</clef>"
    if track.program in GUITARS or track.tuning:
        return f"<clef><sign>G</sign><line>2</line>{octave}</clef>"
    pitches = sorted(note.pitch for note in track.notes)
    low = bool(pitches) and pitches[len(pitches) // 2] < 57
    return "<clef><sign>F</sign><line>4</line></clef>" if low else "<clef><sign>G</sign><line>2</line></clef>"


def _voice(
    voice: VoiceBar,
    number: int,
    staff: _Staff,
    bar_start: int,
    key: KeySignature,
    divisions: int,
    graces: dict[int, list[Note]],
) -> Iterable[str]:
    for figure, onward, tuplet in zip(voice.figures, voice.ties, voice.tuplets, strict=True):
        shape = f"<duration>{int(figure.quarters * divisions)}</duration>"
        written = f"<voice>{number}</voice><type>{TYPES[figure.value]}</type>{'<dot/>' if figure.dotted else ''}"
        counted = ""
        if figure.tuplet != (1, 1):
            counted = (
                f"<time-modification><actual-notes>{figure.tuplet[0]}</actual-notes>"
                f"<normal-notes>{figure.tuplet[1]}</normal-notes></time-modification>"
            )
        bracket = f'<tuplet type="{tuplet}"/>' if tuplet else ""
        if not figure.notes:
            rest = f"<notations>{bracket}</notations>" if bracket else ""
            yield f"<note><rest/>{shape}{written}{counted}{rest}</note>\n"
            continue
        if not figure.tied:
            yield from _graces(graces.pop(figure.notes[0].start, []), number, staff, key)
            yield from _graces(_strokes(figure.notes) if staff.track.is_drum else [], number, staff, key)
        for place, note in enumerate(sorted(set(figure.notes), key=lambda note: note.pitch)):
            how = replace(
                note,
                techniques=of_figure(note, not figure.tied, note not in onward),
                bend=_bend_of(note, figure, note in onward, bar_start, staff.ticks_per_quarter),
            )
            texts = shape, written, counted, bracket
            yield _note(how, place > 0, figure.tied, note in onward, texts, staff, key)


def _bend_of(note: Note, figure: Figure, onward: bool, bar_start: int, tpq: int) -> Bend:
    """The part of a note's bend that falls to one of its figures."""
    if not note.bend:
        return ()
    first = (bar_start + figure.start - note.start) / note.duration if figure.tied else Fraction(0)
    end = first + figure.quarters * tpq / note.duration
    return bend_part(note.bend, float(first), float(end) if onward else 1.0)


def _strokes(notes: Sequence[Note]) -> list[Note]:
    """The short strokes before flams."""
    return [
        replace(note, velocity=max(1, note.velocity - SOFTER), techniques=())
        for note in sorted(set(notes), key=lambda note: note.pitch)
        if "flam" in note.techniques
    ]


def _graces(notes: Sequence[Note], number: int, staff: _Staff, key: KeySignature) -> Iterable[str]:
    """Grace notes as small eighths; those that begin together are a chord."""
    texts = "", f"<voice>{number}</voice><type>eighth</type>", "", ""
    for before, note in zip([None, *notes], notes, strict=False):
        chord = before is not None and before.start == note.start
        text = _note(note, chord, False, False, texts, staff, key)
        yield text.replace(">", "><grace/>", 1)


def _note(
    note: Note,
    chord: bool,
    tied: bool,
    onward: bool,
    texts: Sequence[str],
    staff: _Staff,
    key: KeySignature,
) -> str:
    shape, written, counted, bracket = texts
    track, names = staff.track, note.techniques
    if track.is_drum:
        step, octave, head = drum_place(note.pitch)
        what = f"<unpitched><display-step>{step}</display-step><display-octave>{octave}</display-octave></unpitched>"
        sound = f'<instrument id="{staff.ident}-I{note.pitch + 1}"/>'
    else:
        name, alter, octave = spelled(note.pitch, key)
        altered = f"<alter>{alter}</alter>" if alter else ""
        what = f"<pitch><step>{name}</step>{altered}<octave>{octave}</octave></pitch>"
        sound, head = "", ""
    counted += head_of([name for name in names if name != "dead" or not track.is_drum], head)
    ends = [kind for kind, is_so in (("stop", tied), ("start", onward)) if is_so]
    ties = "".join(f'<tie type="{kind}"/>' for kind in ends)
    outer, inner = notations(names, note.bend, () if tied else staff.landing(note), note.string)
    said = "".join(f'<tied type="{kind}"/>' for kind in ends) + (bracket if not chord else "") + outer
    if note.string is not None and note.fret is not None and track.tuning:
        inner = f"<string>{note.string}</string><fret>{note.fret}</fret>{inner}"
    said += f"<technical>{inner}</technical>" if inner else ""
    loud = f"{note.velocity * 100 / FORTE:.2f}"
    return (
        f'<note dynamics="{loud}">{"<chord/>" if chord else ""}{what}{shape}{ties}{sound}{written}{counted}'
        f"{f'<notations>{said}</notations>' if said else ''}{play_of(names)}</note>\n"
    )


def _channels(tracks: Sequence[Track]) -> list[int]:
    """A MIDI channel for each track: its own, else the next free one; drums on 9."""
    used = {track.channel for track in tracks if track.channel is not None}
    free = iter([channel for channel in range(16) if channel != 9 and channel not in used])
    found = []
    for track in tracks:
        own = track.channel if track.channel is not None and track.channel != 9 else next(free, 0)
        found.append(9 if track.is_drum else own)
    return found


def clean(text: str) -> str:
    """Text for XML: what it can't hold is left out."""
    return escape("".join(char for char in text if char.isprintable()))
