"""MusicXML files as a `Song`: every part one track, all its staves and voices together.

Bars stand in score order; `Song.order` has their repeats. Chords, ties, tuplets, transposing instruments, tablature and
percussion come as a Song knows them; ornaments, lyrics, cue notes and slurs have no place in one. Time is exact: the
ticks of a quarter are a common multiple of the file's divisions.

The format: W3C Community Group, MusicXML 4.0 (w3.org/2021/06/musicxml40).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm

from arranger.errors import SongFileError
from arranger.formats.musicxml_flow import measure_flow, played_order
from arranger.formats.musicxml_part import PartReader, number, text_of
from arranger.formats.musicxml_text import (
    MAX_BARS,
    MAX_NOTES,
    MAX_TRACKS,
    MAX_WORDS,
    looks_like_musicxml,
    parse_xml,
    unpack_mxl,
)
from arranger.formats.musicxml_tuning import said_tunings
from arranger.playing import BarFlow
from arranger.song import KeySignature, Marker, Song, Source, Tempo, TimeSignature

__all__ = ["looks_like_musicxml", "read_musicxml", "read_mxl"]

LEAST_TICKS = 480
MOST_TICKS = 20160
"""Divisions that have no common multiple below are rounded to this many ticks a quarter."""

_REMEDY = "Open it in the program that it comes from and export it again."


@dataclass(slots=True)
class Score:
    """What the parts say together of the bars: `starts` has one entry a bar and the end."""

    starts: list[int] = field(default_factory=lambda: [0])
    metres: list[tuple[int, int]] = field(default_factory=list)
    tempos: dict[int, float] = field(default_factory=dict)
    keys: dict[int, tuple[int, bool]] = field(default_factory=dict)
    markers: dict[int, str] = field(default_factory=dict)


def read_mxl(data: bytes, name: str) -> Song:
    """The song in a compressed MusicXML file. Errors as in `read_musicxml`."""
    return replace(read_musicxml(unpack_mxl(data, name), name), source=Source("musicxml", data, name))


def read_musicxml(data: bytes, name: str) -> Song:
    """The song in a MusicXML file.

    Raises
    ------
    SongFileError
        if it can't be read, is over the limits of this module, or holds no notes.
    """
    root = _partwise(parse_xml(data, name), name)
    parts = root.findall("part")
    measures = [part.findall("measure") for part in parts]
    if len(parts) > MAX_TRACKS:
        raise _too_large(name, f"{MAX_TRACKS} parts")
    bar_count = max(map(len, measures), default=0)
    if bar_count > MAX_BARS:
        raise _too_large(name, f"{MAX_BARS:,} bars")
    if sum(1 for _ in root.iter("note")) > MAX_NOTES:
        raise _too_large(name, f"{MAX_NOTES:,} notes")
    tpq, warnings = _resolution(root)
    said = said_tunings(root)
    described = {element.get("id"): element for element in root.iter("score-part")}
    readers = [
        PartReader(described.get(part.get("id")), index, tpq, said.get(part.get("id", "")))
        for index, part in enumerate(parts)
    ]
    score = Score()
    flows: list[BarFlow] = []
    ending: frozenset[int] = frozenset()
    short = False
    for bar in range(bar_count):
        start = score.starts[-1]
        here = [(reader, bars[bar]) for reader, bars in zip(readers, measures, strict=True) if bar < len(bars)]
        lengths = [reader.read_measure(measure, start, bar + 1, score) for reader, measure in here]
        metre = readers[0].metre
        length, metre = _bar_length(max(lengths, default=0), metre, tpq)
        short = _add_bar(score, length, metre, tpq, short)
        flow, ending = _flow([measure for _, measure in here], ending)
        flows.append(flow)
    tracks = tuple(reader.track(score.starts) for reader in readers)
    if not any(track.notes for track in tracks):
        raise SongFileError(name, "it has no notes", None, "Choose a file in which at least one part plays.")
    return Song(
        ticks_per_quarter=tpq,
        tracks=tracks,
        tempos=_tempos(score),
        time_signatures=_signatures(score, tpq),
        markers=tuple(Marker(tick, text[:MAX_WORDS]) for tick, text in sorted(score.markers.items())),
        keys=_keys(score),
        order=played_order(flows),
        title=(text_of(root, "work/work-title") or text_of(root, "movement-title"))[:MAX_WORDS],
        length=score.starts[-1],
        source=Source("musicxml", data, name),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _partwise(root: ET.Element, name: str) -> ET.Element:
    """The score part by part; a score that stands measure by measure is turned round."""
    if root.tag == "score-partwise":
        return root
    if root.tag != "score-timewise":
        raise SongFileError(name, f"its root is “{root.tag[:40]}”, not MusicXML's", None, _REMEDY)
    turned = ET.Element("score-partwise")
    turned.extend(child for child in root if child.tag != "measure")
    parts: dict[str, ET.Element] = {}
    for number_, measure in enumerate(root.findall("measure")):
        for part in measure.findall("part"):
            home = parts.setdefault(part.get("id", ""), ET.Element("part", part.attrib))
            while len(home) < number_:
                home.append(ET.Element("measure"))
            bar = ET.SubElement(home, "measure", measure.attrib)
            bar.extend(part)
    turned.extend(parts.values())
    return turned


def _resolution(root: ET.Element) -> tuple[int, list[str]]:
    """(ticks of a quarter that hold all the file's divisions, warnings)."""
    common = 1
    for element in root.iter("divisions"):
        divisions = number(element.text)
        if divisions is None or divisions <= 0 or isinstance(divisions, Fraction):
            continue
        common = lcm(common, int(divisions))
        if common > MOST_TICKS:
            return MOST_TICKS, ["Its notes have no common grid; they were rounded to 1/20160 of a quarter."]
    return common * -(-LEAST_TICKS // common), []


def _bar_length(content: int, metre: tuple[int, int], tpq: int) -> tuple[int, tuple[int, int]]:
    """(ticks of a bar, its metre): a bar is as long as what stands in it; an empty one as its metre says."""
    full = max(1, 4 * tpq * metre[0] // metre[1])
    if not content or content == full:
        return full, metre
    if content < full:
        return content, metre
    longer = Fraction(content, 4 * tpq)
    denominator = max(4, longer.denominator)
    if denominator > 64 or denominator & (denominator - 1) or longer * denominator > 64:
        return full, metre  # nothing that a metre could say: what is over is left out
    return content, (int(longer * denominator), denominator)


def _add_bar(score: Score, length: int, metre: tuple[int, int], tpq: int, after_short: bool) -> bool:
    """Append a bar; True if it is shorter than its metre, so that the next one has to say where it begins."""
    score.metres.append((-metre[0], metre[1]) if after_short else metre)
    score.starts.append(score.starts[-1] + length)
    return length != max(1, 4 * tpq * metre[0] // metre[1])


def _signatures(score: Score, tpq: int) -> tuple[TimeSignature, ...]:
    signatures: list[TimeSignature] = []
    for start, (numerator, denominator) in zip(score.starts, score.metres, strict=False):
        metre = abs(numerator), denominator
        if numerator < 0 or not signatures or metre != (signatures[-1].numerator, signatures[-1].denominator):
            signatures.append(TimeSignature(start, *metre))
    return tuple(signatures)


def _flow(measures: list[ET.Element], ending: frozenset[int]) -> tuple[BarFlow, frozenset[int]]:
    """What the parts together say; most programs write repeats in the first part or in all."""
    flow, goes_on = measure_flow(measures[0], ending) if measures else (BarFlow(), ending)
    for measure in measures[1:]:
        other, _ = measure_flow(measure, frozenset())
        flow = replace(
            flow,
            opens=flow.opens or other.opens,
            repeats=max(flow.repeats, other.repeats),
            targets=flow.targets | other.targets,
            jump=flow.jump or other.jump,
        )
    return flow, goes_on


def _tempos(score: Score) -> tuple[Tempo, ...]:
    tempos: list[Tempo] = []
    for tick, qpm in sorted(({0: 120.0} | score.tempos).items()):
        if not tempos or tempos[-1].qpm != qpm:
            tempos.append(Tempo(tick, qpm))
    return tuple(tempos)


def _keys(score: Score) -> tuple[KeySignature, ...]:
    keys: list[KeySignature] = []
    for tick, (sharps, minor) in sorted(score.keys.items()):
        if not keys or (keys[-1].sharps, keys[-1].minor) != (sharps, minor):
            keys.append(KeySignature(tick, sharps, minor))
    return tuple(keys)


def _too_large(name: str, what: str) -> SongFileError:
    return SongFileError(name, f"it has more than {what}", None, "Export the parts that you need.")
