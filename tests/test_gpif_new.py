"""New .gp files: what the song says is in them, as alphaTab and our own reader find it; what is lost is said."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from alphatab_oracle import dump, notes_of
from gpif_samples import entries, heard, score_text
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger import load_song
from arranger.errors import SongFileError
from arranger.formats.gpif_drums import GP6_KEYS, Articulations
from arranger.formats.gpif_kit import STANDARD_KIT, index_of, old_drum
from arranger.formats.gpif_new import new_gpif
from arranger.formats.gpif_read import read_gpif
from arranger.formats.gpif_strings import TEN_WIDE, strung
from arranger.formats.gpif_track import free_channels
from arranger.fretboard import BASS_4, BASS_5, GUITAR_6
from arranger.song import Feel, KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track
from arranger.voices import VOICE_OF_KEY, VOICES


def a_song(*tracks: Track, **more: Any) -> Song:
    return Song(960, tracks, length=more.pop("length", 4 * 3840), **more)


def again(song: Song) -> tuple[Song, list[str]]:
    told: list[str] = []
    return read_gpif(new_gpif(song, told), "new.gp"), told


PIANO = Track(
    "Piano", 0, False, tuple(Note(960 * at, 960, pitch, 79) for at in range(8) for pitch in (30 + at, 60, 64, 95))
)
BASS = Track("Bass", 33, False, tuple(Note(480 * at, 480, 28 + at % 20, 95) for at in range(32)))
KIT = Track("Kit", 0, True, tuple(Note(480 * at, 120, VOICES[at % 12].key, 63) for at in range(24)))
SONG = a_song(
    PIANO,
    BASS,
    KIT,
    title="A & B ]]> ☃",
    tempos=(Tempo(0, 95.0), Tempo(3840, 120.5), Tempo(5760, 60.0)),
    time_signatures=(TimeSignature(0, 4, 4), TimeSignature(3840, 7, 8), TimeSignature(3840 + 3360, 3, 4)),
    keys=(KeySignature(0, -3, True), KeySignature(3840, 2)),
    markers=(Marker(0, "Intro"), Marker(7200, "A")),
    feels=(Feel(3840, "triplet-eighths"), Feel(7200, "straight")),
)


def test_the_song_is_all_there() -> None:
    got, told = again(SONG)
    assert not told
    assert [(t.name, t.program, t.is_drum) for t in got.tracks] == [(t.name, t.program, t.is_drum) for t in SONG.tracks]
    assert [heard(track) for track in got.tracks] == [heard(track) for track in SONG.tracks]
    assert {note.velocity for note in got.tracks[1].notes} == {95}
    assert (got.title, got.tempos, got.keys, got.markers) == (SONG.title, SONG.tempos, SONG.keys, SONG.markers)
    assert (got.time_signatures, got.feels) == (SONG.time_signatures, SONG.feels)
    assert len({(track.channel) for track in got.tracks}) == 3
    assert got.tracks[2].channel == 9


def test_alphatab_finds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "new.gp"
    path.write_bytes(new_gpif(SONG))
    found = dump([path])[str(path)]
    assert (found["error"], found["title"], found["bars"]) == (None, SONG.title, len(SONG.bars))
    assert [(track["percussion"], track["name"]) for track in found["tracks"]] == [
        (track.is_drum, track.name) for track in SONG.tracks
    ]
    for track, asked in zip(found["tracks"], SONG.tracks, strict=True):
        notes = sorted((note.start, note.pitch) for note in notes_of(track) if not note.tied)
        assert notes == heard(asked)


def test_what_guitar_pro_8_needs_is_in_the_file() -> None:
    data = new_gpif(SONG)
    files = entries(data)
    assert set(files) >= {f"Content/{name}" for name in ("PartConfiguration", "LayoutConfiguration", "score.gpif")}
    root = ET.fromstring(files["Content/score.gpif"])
    piano, bass, kit = root.findall("Tracks/Track")
    for track in piano, bass:
        assert [element.findtext("Name") for element in track.iterfind("InstrumentSet/Elements/Element")] == ["Pitched"]
    assert len(kit.findall(".//Articulation")) == len(STANDARD_KIT.outputs)
    for note in root.iterfind("Notes/Note"):
        names = {entry.get("name") for entry in note.iterfind("Properties/Property")}
        assert names >= {"String", "Fret", "Midi", "ConcertPitch", "TransposedPitch"}
    assert_full(root)


def assert_full(root: ET.Element) -> None:
    """Every voice that is in use is exactly as long as its bar, summed here from the written values alone."""
    values = {"Whole": 4, "Half": 2, "Quarter": 1, "Eighth": Fraction(1, 2), "16th": Fraction(1, 4)}
    values |= {"32nd": Fraction(1, 8), "64th": Fraction(1, 16)}
    lengths = {}
    for rhythm in root.iterfind("Rhythms/Rhythm"):
        length = Fraction(values[rhythm.findtext("NoteValue", "")])
        if rhythm.find("AugmentationDot") is not None:
            length *= Fraction(3, 2)
        tuplet = rhythm.find("PrimaryTuplet")
        if tuplet is not None:
            length *= Fraction(int(tuplet.get("den", "")), int(tuplet.get("num", "")))
        lengths[rhythm.get("id")] = length
    beats = {beat.get("id"): lengths[beat.find("Rhythm").get("ref")] for beat in root.iterfind("Beats/Beat")}  # type: ignore[union-attr]
    voices = {voice.get("id"): voice.findtext("Beats", "").split() for voice in root.iterfind("Voices/Voice")}
    bars = {bar.get("id"): bar.findtext("Voices", "").split() for bar in root.iterfind("Bars/Bar")}
    for master in root.iterfind("MasterBars/MasterBar"):
        numerator, denominator = (int(text) for text in master.findtext("Time", "").split("/"))
        for bar in master.findtext("Bars", "").split():
            for voice in bars[bar]:
                if voice != "-1":
                    assert sum(beats[beat] for beat in voices[voice]) == Fraction(4 * numerator, denominator)


@st.composite
def songs(draw: st.DrawFn) -> Song:
    """Any notes in any metres, at any place, as a MIDI file may have them."""
    ticks = draw(st.sampled_from([96, 120, 480, 960]))
    metres, at = [], 0
    for _ in range(draw(st.integers(1, 3))):
        metre = draw(st.tuples(st.integers(1, 13), st.sampled_from([1, 2, 4, 8, 16])))
        metres.append(TimeSignature(at, *metre))
        at += 4 * ticks * metre[0] // metre[1] * draw(st.integers(1, 2)) + draw(st.sampled_from([0, 0, ticks // 2, 7]))
    notes = st.builds(Note, st.integers(0, at - 1), st.integers(1, 4 * ticks), st.integers(0, 127), st.integers(1, 127))
    tracks = st.builds(
        Track,
        st.text(max_size=8),
        st.integers(0, 127),
        st.booleans(),
        st.lists(notes, max_size=12).map(lambda notes: tuple(sorted(notes))),
    )
    return Song(ticks, tuple(draw(st.lists(tracks, min_size=1, max_size=3))), time_signatures=tuple(metres), length=at)


@settings(max_examples=40, deadline=None)
@given(songs())
def test_any_song_is_written_full_and_what_is_lost_is_told(song: Song) -> None:
    told: list[str] = []
    data = new_gpif(song, told)
    assert_full(ET.fromstring(score_text(data)))
    if not any(track.notes for track in song.tracks):
        return
    try:
        got = read_gpif(data, "new.gp")
    except SongFileError:
        assert any("left out" in text for text in told)
        return
    assert len(got.bars) == len(song.bars)
    for number, (before, after) in enumerate(zip(song.tracks, got.tracks, strict=True), 1):
        lost = len(before.notes) - len(after.notes)
        assert lost >= 0
        said = any(text.startswith(f"Track {number} ") and "left out" in text for text in told)
        assert bool(lost) == said


def test_real_songs_are_converted(data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    paths = sorted(data_pack("val").rglob("*.mid"))
    written = []
    for path in sorted(paths, key=lambda path: path.stat().st_size)[10:60:20]:
        song = load_song(path)
        told: list[str] = []
        target = tmp_path / f"{path.stem}.gp"
        target.write_bytes(new_gpif(song, told))
        got = read_gpif(target.read_bytes(), target.name)
        asked, there = (sum(len(track.notes) for track in one.tracks) for one in (song, got))
        assert there >= 0.97 * asked
        assert (there == asked) == (not any("left out" in text for text in told))
        written.append((target, got))
    assert len(written) > 1
    found = dump([path for path, _ in written])
    for path, got in written:
        for track, mine in zip(found[str(path)]["tracks"], got.tracks, strict=True):
            notes = sorted((note.start, note.pitch) for note in notes_of(track) if not note.tied)
            assert notes == heard(mine)


# --- bars, strings, drums, channels


def test_bars_that_no_note_values_can_fill_are_rounded() -> None:
    metres = (TimeSignature(0, 4, 4), TimeSignature(1900, 3, 4))
    got, told = again(Song(480, (BASS,), time_signatures=metres, length=1900 + 4 * 1440))
    assert [bar.length for bar in got.bars[:2]] == [3780, 2880]  # 63 64ths
    assert told == ["1 bar is not a whole number of 64th notes long (first: bar 1) and was rounded."]


def test_repeats_are_said_to_be_lost() -> None:
    _, told = again(replace(SONG, order=(0, 0, 1, 2)))
    assert any("Repeats" in text for text in told)


@pytest.mark.parametrize(
    ("track", "tuning"),
    [
        (replace(BASS, tuning=None), BASS_4),
        (replace(BASS, notes=tuple(replace(note, pitch=note.pitch - 5) for note in BASS.notes)), BASS_5),
        (replace(BASS, program=27, notes=tuple(replace(note, pitch=note.pitch + 24) for note in BASS.notes)), GUITAR_6),
        (replace(BASS, tuning=(38, 33, 28, 23)), (38, 33, 28, 23)),
    ],
)
def test_tunings(track: Track, tuning: Sequence[int]) -> None:
    assert strung(track).tuning == tuning


def test_a_guitar_that_no_hand_could_play_keeps_its_notes() -> None:
    wide = tuple(Note(960 * at, 960, pitch) for at in range(8) for pitch in (28, 52, 76, 88))
    found = strung(Track("Pad", 27, False, wide))
    assert (found.playable, found.dropped, found.moved) == (False, 0, 0)
    assert [note.pitch for note in found.notes] == [note.pitch for note in sorted(wide)]
    chords = tuple(Note(960 * at, 960, pitch) for at in range(8) for pitch in (40, 47, 52, 56))
    assert strung(Track("Guitar", 27, False, chords)).playable


@given(st.sets(st.integers(21, 108), min_size=1, max_size=6))
def test_chords_of_a_piano_lose_only_what_no_strings_hold(pitches: set[int]) -> None:
    """Against Hall's condition, checked the slow way: a set of notes that share too few strings."""
    found = strung(Track("", 0, False, tuple(Note(0, 960, pitch) for pitch in sorted(pitches))))
    assert not found.moved or found.tuning != TEN_WIDE
    strings = {note.string for note in found.notes}
    assert len(strings) == len(found.notes) == len(pitches) - found.dropped
    for note in found.notes:
        assert note.string is not None
        assert note.fret is not None
        assert found.tuning[note.string - 1] + note.fret == note.pitch
        assert 0 <= note.fret <= 24
    if found.dropped:
        ordered = sorted(pitches)
        assert any(
            len({at for at, low in enumerate(TEN_WIDE) for pitch in ordered[i:j] if 0 <= pitch - low <= 24}) < j - i
            for i in range(len(ordered))
            for j in range(i + 1, len(ordered) + 1)
        )


def test_the_kit_has_every_voice_and_every_key_of_a_drum_set() -> None:
    for key in range(35, 82):
        index = index_of(key, STANDARD_KIT)
        assert index is not None
        assert VOICE_OF_KEY[STANDARD_KIT.outputs[index]] == VOICE_OF_KEY[key]
        if key <= 57 or key == 59:
            assert STANDARD_KIT.outputs[index] == key


def test_of_several_ways_the_plain_one_is_taken() -> None:
    """The edge of a ride, key 93 in Guitar Pro's table, sends the same key as its middle, 51."""
    kit = Articulations((51, 51, 53), ((93,), (51,), (53,)))
    assert index_of(51, kit) == 1
    assert (index_of(59, kit), index_of(59, kit, exact=True), index_of(36, kit)) == (0, None, None)


def test_guitar_pro_6_has_a_drum_for_every_key() -> None:
    for key in range(35, 82):
        element, way = old_drum(key)
        assert VOICE_OF_KEY[GP6_KEYS[element][way]] == VOICE_OF_KEY[key]


def test_channels_run_out_late() -> None:
    used: set[tuple[int, int]] = set()
    given_out = []
    for _ in range(40):
        port, first, second = free_channels(False, used)
        given_out.append((port, first, second))
        used |= {(port, first), (port, second)}
    whole = [one for one in given_out if one != (0, 15, 15)]
    assert len({(port, first) for port, first, _ in whole}) == len(whole) == 4 * 8
    assert all(9 not in (first, second) for _, first, second in given_out)
    assert free_channels(True, used) == (0, 9, 9)


def test_a_song_without_tracks_is_refused() -> None:
    with pytest.raises(SongFileError, match="no tracks"):
        new_gpif(Song(960, ()))
