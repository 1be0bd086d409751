"""Small Guitar Pro scores made with PyGuitarPro alone, the real ones of the data pack, and parts to add to them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import guitarpro as gp
from guitarpro.models import BeatStatus, NoteType

from arranger.song import Bar, Note


def files(data_pack: Callable[[str], Path]) -> list[Path]:
    found = sorted(path for path in data_pack("guitarpro").rglob("*") if path.suffix in (".gp3", ".gp4", ".gp5"))
    assert len(found) > 100
    return found


def as_bytes(model: Any, version: tuple[int, int, int] = (5, 1, 0)) -> bytes:
    stream = io.BytesIO()
    gp.write(model, stream, version=version)
    return stream.getvalue()


def a_score(bars: int = 2) -> Any:
    """An empty 4/4 song of one guitar."""
    model = gp.Song()
    while len(model.measureHeaders) < bars:
        model.newMeasure()
    for measure in model.tracks[0].measures:
        measure.voices[0].beats = []
    return model


def put(model: Any, bar: int, value: int, frets: dict[int, int], **more: Any) -> Any:
    """Add a beat; `frets` maps strings to frets, none is a rest."""
    voice = model.tracks[0].measures[bar].voices[more.pop("voice", 0)]
    kind = more.pop("kind", NoteType.normal)
    duration = gp.Duration(value, more.pop("dotted", False), gp.Tuplet(*more.pop("tuplet", (1, 1))))
    beat = gp.Beat(voice, duration=duration, status=BeatStatus.normal if frets else BeatStatus.rest)
    beat.notes = [gp.Note(beat, value=fret, string=string, type=kind) for string, fret in frets.items()]
    for name, thing in more.items():
        setattr(beat.effect, name, thing)
    voice.beats.append(beat)
    return beat


def bass_line(bars: tuple[Bar, ...]) -> tuple[Note, ...]:
    """Eighths up and down the neck, rests between, triplets in every third bar."""
    notes = []
    for bar in bars:
        unit = 320 if bar.index % 3 == 2 and bar.denominator == 4 else 480
        for index, start in enumerate(range(bar.start, bar.end, unit)):
            if index % 5 != 3:
                notes.append(Note(start, min(unit, bar.end - start), 28 + (bar.index * 5 + index * 3) % 22, 95))
    return tuple(notes)


def drum_beat(bars: tuple[Bar, ...]) -> tuple[Note, ...]:
    notes = []
    for bar in bars:
        for index, start in enumerate(range(bar.start, bar.end, 480)):
            notes += [Note(start, 240, 36 if index % 2 == 0 else 38, 95), Note(start, 240, 42, 79)]
        notes.append(Note(bar.start, 240, 49, 127))
    return tuple(sorted(notes))
