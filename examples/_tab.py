"""Guitar Pro tablature from notes: bars of beats, frets and markers, written with PyGuitarPro."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import guitarpro
from guitarpro.models import (
    Beat,
    BeatStatus,
    Duration,
    GuitarString,
    Marker,
    MeasureHeader,
    MidiChannel,
    Note,
    NoteType,
    TimeSignature,
    Track,
)

GUITAR = (64, 59, 55, 50, 45, 40)
BASS = (43, 38, 33, 28)

_WRITTEN = {16: (1, False), 12: (2, True), 8: (2, False), 6: (4, True), 4: (4, False), 2: (8, False), 1: (16, False)}
"""Sixteenths -> (note value, dotted)."""


@dataclass(frozen=True)
class Fretted:
    """A note on a string (1 is the highest) at a fret."""

    string: int
    fret: int


@dataclass(frozen=True)
class Stroke:
    """What sounds for `length` sixteenths (one plain or dotted note value); no notes is a rest."""

    length: int
    notes: tuple[Fretted, ...] = ()
    velocity: int = 79
    let_ring: bool = False
    palm_mute: bool = False
    vibrato: bool = False


@dataclass(frozen=True)
class Tab:
    """A track: one list of strokes a bar."""

    name: str
    program: int
    tuning: Sequence[int]
    volume: int
    pan: int
    bars: Sequence[Sequence[Stroke]]


def fretted(pitch: int, tuning: Sequence[int], lowest: int = 0) -> Fretted:
    """The place of a pitch nearest above a fret: low on the neck unless `lowest` says otherwise."""
    places = [Fretted(n, pitch - string) for n, string in enumerate(tuning, 1) if pitch - string >= lowest]
    if not places:
        raise ValueError(f"pitch {pitch} is below the tuning {tuple(tuning)}")
    return min(places, key=lambda place: place.fret)


def shape(text: str) -> tuple[Fretted, ...]:
    """A chord diagram from the lowest string to the highest: `x32010` is C."""
    return tuple(Fretted(6 - n, int(sign)) for n, sign in enumerate(text) if sign != "x")[::-1]


def tab_file(
    title: str, tempo: int, metres: Sequence[tuple[int, int]], markers: Mapping[int, str], tabs: Sequence[Tab]
) -> bytes:
    """A Guitar Pro 5 file.

    Parameters
    ----------
    metres : time signature of each bar.
    markers : bar, from 0 -> name of the section that begins there.
    """
    headers, lengths = [], [960 * 4 * numerator // denominator for numerator, denominator in metres]
    starts = [960, *accumulate(lengths, initial=960)][1:]
    for index, ((numerator, denominator), start) in enumerate(zip(metres, starts, strict=False)):
        header = MeasureHeader(number=index + 1, start=start)
        beams = [2, 2, 2, 2] if denominator == 4 else [3, 3, 0, 0]
        header.timeSignature = TimeSignature(numerator, Duration(denominator), beams)
        if index in markers:
            header.marker = Marker(markers[index])
        headers.append(header)
    song = guitarpro.Song(title=title, artist="arranger", tempo=tempo, measureHeaders=headers, tracks=[])
    song.notice = ["Composed for this project."]
    for number, tab in enumerate(tabs, 1):
        song.tracks.append(_track(song, number, tab, metres))
    buffer = io.BytesIO()
    guitarpro.write(song, buffer, version=(5, 1, 0))
    return buffer.getvalue()


def _track(song: guitarpro.Song, number: int, tab: Tab, metres: Sequence[tuple[int, int]]) -> Track:
    track = Track(song, number, name=tab.name)
    track.strings = [GuitarString(n, pitch) for n, pitch in enumerate(tab.tuning, 1)]
    channel = 2 * (number - 1)
    track.channel = MidiChannel(channel, channel + 1, tab.program, tab.volume, tab.pan)
    for measure, strokes, (numerator, denominator) in zip(track.measures, tab.bars, metres, strict=True):
        written = sum(stroke.length for stroke in strokes)
        if written != 16 * numerator // denominator:
            raise ValueError(f"{tab.name}, bar {measure.number}: {written} sixteenths")
        voice = measure.voices[0]
        voice.beats.extend(_beat(voice, stroke) for stroke in strokes)
    return track


def _beat(voice: guitarpro.models.Voice, stroke: Stroke) -> Beat:
    value, dotted = _WRITTEN[stroke.length]
    beat = Beat(voice, duration=Duration(value, isDotted=dotted))
    beat.status = BeatStatus.normal if stroke.notes else BeatStatus.rest
    for place in stroke.notes:
        note = Note(beat, value=place.fret, velocity=stroke.velocity, string=place.string)
        note.type = NoteType.normal
        note.effect.letRing = stroke.let_ring
        note.effect.palmMute = stroke.palm_mute
        note.effect.vibrato = stroke.vibrato
        beat.notes.append(note)
    return beat
