"""MusicXML in and out: small scores by hand, music21 and the real files as judges."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.files import load_song, save_song, song_from_bytes
from arranger.formats.musicxml import read_musicxml
from arranger.formats.musicxml_flow import played_order
from arranger.formats.musicxml_marks import spelled
from arranger.formats.musicxml_write import write_musicxml
from arranger.playing import BarFlow
from arranger.song import KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

EXAMPLES = Path(__file__).parents[1] / "examples"
GUITAR = (64, 59, 55, 50, 45, 40)
DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
ATTRIBUTES = "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"


def note(pitch: str, duration: int, more: str = "", chord: bool = False) -> str:
    step, octave = pitch[0], pitch[-1]
    alter = {"#": "<alter>1</alter>", "b": "<alter>-1</alter>"}.get(pitch[1:-1], "")
    return (
        f"<note>{'<chord/>' if chord else ''}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration>{more}</note>"
    )


def score(*measures: str, parts: str = '<score-part id="P1"><part-name>G</part-name></score-part>') -> bytes:
    bars = "".join(f'<measure number="{at}">{measure}</measure>' for at, measure in enumerate(measures, 1))
    text = f"<score-partwise><part-list>{parts}</part-list><part id='P1'>{bars}</part></score-partwise>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{text}'.encode()


def heard(track: Track) -> list[tuple[int, int, int]]:
    return [(n.start, n.duration, n.pitch) for n in track.notes]


def test_chords_ties_voices_graces_and_cues() -> None:
    song = read_musicxml(
        score(
            ATTRIBUTES + note("C4", 2) + note("E4", 2, chord=True) + note("G4", 6, '<tie type="start"/>')
            + "<backup><duration>8</duration></backup>" + note("C3", 8, "<voice>2</voice>"),
            note("G4", 4, '<tie type="stop"/>') + "<forward><duration>2</duration></forward>"
            + note("D5", 0).replace("<note>", "<note><grace/>").replace("<duration>0</duration>", "") + note("F#4", 2)
            + "<note><cue/><pitch><step>C</step><octave>8</octave></pitch><duration>0</duration></note>",
        ),
        "x",
    )  # fmt: skip
    tpq = song.ticks_per_quarter
    assert heard(song.tracks[0]) == [
        (0, tpq, 60), (0, tpq, 64), (0, 4 * tpq, 48), (tpq, 5 * tpq, 67),
        (7 * tpq - tpq // 32, tpq // 32, 74), (7 * tpq, tpq, 66),
    ]  # fmt: skip
    assert len(song.bars) == 2


def test_transposition_tempo_keys_markers_and_dynamics() -> None:
    song = read_musicxml(
        score(
            ATTRIBUTES.replace("</divisions>", "</divisions><key><fifths>2</fifths></key>").replace(
                "</attributes>", "<transpose><chromatic>-2</chromatic></transpose></attributes>"
            )
            + "<direction><direction-type><rehearsal>Verse</rehearsal></direction-type><sound tempo='90'/></direction>"
            + note("D4", 4).replace("<note>", '<note dynamics="100">')
            + "<direction><direction-type><dynamics><p/></dynamics></direction-type></direction>"
            + "<direction><direction-type><metronome><beat-unit>half</beat-unit><per-minute>60</per-minute></metronome>"
            "</direction-type></direction>" + note("E4", 4)
        ),
        "x",
    )
    tpq = song.ticks_per_quarter
    assert song.tempos == (Tempo(0, 90.0), Tempo(2 * tpq, 120.0))
    assert song.markers == (Marker(0, "Verse"),)
    assert [(n.pitch, n.velocity) for n in song.tracks[0].notes] == [(60, 90), (62, 49)]
    assert song.keys == (KeySignature(0, 2),)  # written before the transposition was said; alone it is believed


def test_drums_tab_and_short_bars() -> None:
    parts = (
        '<score-part id="P1"><part-name>Kit</part-name><midi-instrument id="a"><midi-channel>10</midi-channel>'
        "<midi-unpitched>37</midi-unpitched></midi-instrument></score-part>"
    )
    place = "<unpitched><display-step>C</display-step><display-octave>5</display-octave></unpitched>"
    hit = f"<note>{place}<duration>2</duration>{{}}</note>"
    more = '<midi-instrument id="c"><midi-unpitched>43</midi-unpitched></midi-instrument></score-part>'
    song = read_musicxml(
        score(
            ATTRIBUTES + hit.format('<instrument id="a"/>'),
            hit.format('<instrument id="b"/>') * 4,
            parts=parts.replace("</score-part>", more),
        ),
        "x",
    )  # fmt: skip
    assert song.tracks[0].is_drum
    assert [n.pitch for n in song.tracks[0].notes] == [36, 38, 38, 38, 38]
    assert [bar.length // song.ticks_per_quarter for bar in song.bars] == [1, 4]
    tab = "<notations><technical><string>6</string><fret>{}</fret></technical></notations>"
    song = read_musicxml(score(ATTRIBUTES + note("F2", 4, tab.format(1)) + note("G2", 4, tab.format(3))), "x")
    assert song.tracks[0].tuning == GUITAR
    assert [(n.string, n.fret) for n in song.tracks[0].notes] == [(6, 1), (6, 3)]


@pytest.mark.parametrize(
    ("flows", "order"),
    [
        ([BarFlow(opens=True), BarFlow(repeats=3), BarFlow()], (0, 1, 0, 1, 0, 1, 2)),
        (
            [BarFlow(), BarFlow(repeats=2, endings=frozenset({1})), BarFlow(repeats=2, endings=frozenset({2})),
             BarFlow(endings=frozenset({3}))],
            (0, 1, 0, 2, 0, 3),
        ),
        (
            [BarFlow(), BarFlow(jump="da coda"), BarFlow(jump="da capo"), BarFlow(targets=frozenset({"coda"}))],
            (0, 1, 2, 0, 1, 3),
        ),
        ([BarFlow(), BarFlow(targets=frozenset({"fine"})), BarFlow(jump="da capo")], (0, 1, 2, 0, 1)),
        ([BarFlow(), BarFlow()], ()),
    ],
)  # fmt: skip
def test_repeats_endings_and_jumps(flows: list[BarFlow], order: tuple[int, ...]) -> None:
    assert played_order(flows) == order


@pytest.mark.parametrize("name", ["three-four.mid", "paper-boats.gp5"])
def test_music21_reads_what_we_write(name: str) -> None:
    music21 = pytest.importorskip("music21")
    song = read_musicxml(write_musicxml(load_song(EXAMPLES / name)).encode(), name)
    text = write_musicxml(song)
    read = music21.converter.parseData(text, format="musicxml")
    theirs: Counter[tuple[int, float]] = Counter()
    for part in read.parts:
        for element in part.flatten().notes:
            for one in element.notes if hasattr(element, "notes") else [element]:
                if hasattr(one, "pitch") and (one.tie is None or one.tie.type == "start"):
                    theirs[one.pitch.midi, round(float(element.offset), 3)] += 1
        full = [measure.barDuration.quarterLength for measure in part.getElementsByClass("Measure")]
        assert [float(m.duration.quarterLength) for m in part.getElementsByClass("Measure")] == pytest.approx(full)
    tpq = song.ticks_per_quarter
    ours = Counter((n.pitch, round(n.start / tpq, 3)) for t in song.tracks if not t.is_drum for n in t.notes)
    assert theirs == ours


def test_guitar_pro_scores_come_back_exactly(data_pack: Callable[[str], Path]) -> None:
    exact = files = 0
    for path in sorted(data_pack("guitarpro").rglob("*.gp5"))[::6]:
        try:
            song = load_song(path)
        except SongFileError:
            continue
        if sum(len(track.notes) for track in song.tracks) > 3000:
            continue
        back = read_musicxml(write_musicxml(song).encode(), path.name)
        assert len(back.bars) == len(song.bars), path.name
        assert [(t.tuning, t.is_drum, t.program * (not t.is_drum), t.capo) for t in back.tracks] == [
            (t.tuning, t.is_drum, t.program * (not t.is_drum), t.capo) for t in song.tracks
        ], path.name
        starts = [
            Counter((n.pitch, round(48 * n.start / s.ticks_per_quarter)) for t in s.tracks for n in t.notes)
            for s in (song, back)
        ]
        assert sum(starts[0].values()) == sum(starts[1].values()), path.name
        exact += starts[0] == starts[1]
        files += 1
    assert exact >= 0.8 * files > 5


def test_a_part_is_put_in_and_nothing_else_changes(tmp_path: Path) -> None:
    save_song(load_song(EXAMPLES / "three-four.mid"), tmp_path / "a.musicxml")
    song = load_song(tmp_path / "a.musicxml")
    tpq = song.ticks_per_quarter
    new = Track(
        "Guitar & Co", 25, False, (Note(0, tpq, 52, 80, 4, 2), Note(3 * tpq, 2 * tpq, 57, 90, 3, 2)), None, GUITAR
    )
    save_song(song.with_tracks([*song.tracks, new]), tmp_path / "b.musicxml")
    before, after = ((tmp_path / name).read_text() for name in ("a.musicxml", "b.musicxml"))
    rest = iter(after.splitlines())
    assert all(line in rest for line in before.splitlines())  # every old line is still there, in its order
    back = load_song(tmp_path / "b.musicxml")
    assert back.tracks[:3] == song.tracks
    assert heard(back.tracks[3]) == heard(new)
    assert (back.tracks[3].name, back.tracks[3].program) == ("Guitar & Co", 25)
    changed = [song.tracks[0], replace(song.tracks[1], notes=song.tracks[1].notes[:9]), song.tracks[2]]
    save_song(song.with_tracks(changed), tmp_path / "c.mxl")
    back = load_song(tmp_path / "c.mxl")
    assert [heard(track) for track in back.tracks] == [heard(track) for track in changed]


def test_the_compressed_file_is_one(tmp_path: Path) -> None:
    save_song(load_song(EXAMPLES / "three-four.mid"), tmp_path / "a.mxl")
    with zipfile.ZipFile(tmp_path / "a.mxl") as archive:
        assert archive.namelist() == ["META-INF/container.xml", "score.musicxml"]
    assert load_song(tmp_path / "a.mxl").source.format == "musicxml"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<?xml version='1.0'?><score-partwise><part-list/></score-partwise>", "no notes"),
        (b"<score-partwise><part", "damaged"),
        (b"<html><score-partwise/></html>", "not MusicXML's"),
        (b'<!DOCTYPE score-partwise [<!ENTITY a "b">]><score-partwise/>', "document type of its own"),
        (b'<!DOCTYPE lolz SYSTEM "http://x"><score-partwise/>', "document type of its own"),
        (b"<score-partwise>" + b"<a>" * 60 + b"</a>" * 60 + b"</score-partwise>", "nested more than"),
        (b"<score-partwise>\xff</score-partwise>", "not utf-8"),
    ],
)
def test_hostile_and_broken_texts_get_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(SongFileError, match=words):
        song_from_bytes(data, "x.musicxml")


def test_zip_bombs_and_zips_without_a_score() -> None:
    def packed(entries: dict[str, bytes]) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return stream.getvalue()

    with pytest.raises(SongFileError, match="unpacks to more than"):
        song_from_bytes(packed({"META-INF/container.xml": b"<a/>", "a.xml": b"\0" * 30_000_000}), "a.mxl")
    with pytest.raises(SongFileError, match="without a score"):
        song_from_bytes(packed({"META-INF/container.xml": b"<a/>"}), "a.mxl")


@given(st.integers(0, 127), st.integers(-7, 7), st.booleans())
def test_a_spelled_pitch_is_that_pitch(pitch: int, sharps: int, minor: bool) -> None:
    step, alter, octave = spelled(pitch, KeySignature(0, sharps, minor))
    assert 12 * (octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step] + alter == pitch
    assert abs(alter) <= 2


PLACES = st.lists(
    st.tuples(st.integers(0, 63), st.integers(1, 8), st.integers(40, 80)),
    min_size=1,
    max_size=25,
    unique_by=lambda p: p[0],
)


@settings(max_examples=30, deadline=None)
@given(PLACES, st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8)]))
def test_sixteenths_come_back_as_they_were(places: list[tuple[int, int, int]], metre: tuple[int, int]) -> None:
    line, free = [], 0
    for start, length, pitch in sorted(places):
        if start >= free:
            line.append(Note(240 * start, 240 * length, pitch, 90))
            free = start + length
    song = Song(960, (Track("T", 5, False, tuple(line)),), time_signatures=(TimeSignature(0, *metre),))
    back = read_musicxml(write_musicxml(song).encode(), "x")
    assert back.ticks_per_quarter == 960 or 960 % back.ticks_per_quarter == 0
    factor = 960 // back.ticks_per_quarter
    assert [(factor * s, p) for s, _, p in heard(back.tracks[0])] == [(n.start, n.pitch) for n in line]
