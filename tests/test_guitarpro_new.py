"""New Guitar Pro 3-5 files: all that a Song says, as far as the format can say it, and a word on what it can't."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import guitarpro as gp
import pytest
from alphatab_oracle import dump, notes_of
from guitarpro_scores import drum_beat, files
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.files import load_song
from arranger.formats.guitarpro_new import VERSIONS, new_guitarpro
from arranger.formats.guitarpro_read import beat_ticks, read_guitarpro
from arranger.fretboard import BASS_4, GUITAR_6, GUITAR_8
from arranger.song import Feel, KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

STEP = 80


def a_song(**more: object) -> Song:
    """A 3/4 pickup of a quarter, 4/4, 7/8; 480 ticks a quarter."""
    bass = tuple(Note(480 + 480 * n, 480, 28 + n, 95) for n in range(4))
    song = Song(
        480,
        (
            Track("Bass", 33, False, bass),
            Track("Kit", 0, True, (Note(480, 10, 36, 127), Note(480, 10, 49, 127), Note(720, 10, 38, 63))),
        ),
        tempos=(Tempo(0, 100.4), Tempo(480, 90.0), Tempo(2400, 140.0)),
        time_signatures=(TimeSignature(0, 3, 4), TimeSignature(480, 4, 4), TimeSignature(2400, 7, 8)),
        markers=(Marker(480, "Verse"), Marker(500, "it’s ☃"), Marker(2400, "End")),
        keys=(KeySignature(0, -3, True), KeySignature(2400, 2)),
        title="Motörhead",
        length=2400 + 1680,
    )
    return replace(song, **more)


def written(song: Song, version: str = "gp5") -> tuple[Song, list[str]]:
    warnings: list[str] = []
    data = new_guitarpro(song, version, warnings)
    assert_bars_full(data)
    return read_guitarpro(data, f"new.{version}"), warnings


def assert_bars_full(data: bytes) -> None:
    model = gp.parse(io.BytesIO(data))
    for track in model.tracks:
        top = (
            99 if track.isPercussionTrack or track.name.startswith("Track") else 24
        )  # in old tabs frets are what they are
        for measure in track.measures:
            length = sum((beat_ticks(beat.duration) for beat in measure.voices[0].beats), Fraction(0))
            assert length == measure.length
            for beat in measure.voices[0].beats:
                assert (beat.status == gp.BeatStatus.rest) == (not beat.notes)
                assert len({note.string for note in beat.notes}) == len(beat.notes)
                assert all(0 <= note.value <= top for note in beat.notes)


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_a_song_says(version: str) -> None:
    song, warnings = written(a_song(), version)
    assert warnings == []
    assert song.source is not None
    assert song.source.format == version
    assert [(bar.start, bar.numerator, bar.denominator) for bar in song.bars] == [(0, 1, 4), (960, 4, 4), (4800, 7, 8)]
    assert song.tempos == (Tempo(0, 100.0), Tempo(960, 90.0), Tempo(4800, 140.0))
    assert song.keys == (KeySignature(0, -3, True), KeySignature(4800, 2))
    assert song.markers == (Marker(960, "Verse / it’s ?"), Marker(4800, "End"))
    assert song.title == "Motörhead"
    bass, kit = song.tracks
    assert (bass.name, bass.program, bass.tuning, kit.is_drum) == ("Bass", 33, BASS_4, True)
    assert [(note.start, note.duration, note.pitch, note.velocity) for note in bass.notes] == [
        (960 + 960 * n, 960, 28 + n, 95) for n in range(4)
    ]
    assert [(note.start, note.pitch, note.velocity) for note in kit.notes] == [
        (960, 36, 127),
        (960, 49, 127),
        (1440, 38, 63),
    ]
    assert (kit.channel, bass.channel) == (9, 0)


@pytest.mark.parametrize(("version", "words"), [("gp3", "one swing"), ("gp4", "one swing"), ("gp5", "Scottish")])
def test_swing_as_far_as_the_version_knows_it(version: str, words: str) -> None:
    swung = (Feel(0, "triplet-eighths"),)
    song, warnings = written(a_song(feels=swung), version)
    assert (song.feels, warnings) == (swung, [])
    odd = a_song(feels=(Feel(480, "triplet-sixteenths"), Feel(2400, "scottish-eighths")))
    song, warnings = written(odd, version)
    assert song.feels == (() if version != "gp5" else (Feel(960, "triplet-sixteenths"), Feel(4800, "straight")))
    assert any(words in warning for warning in warnings)


def test_what_is_changed_or_lost_is_said() -> None:
    low = Track("Low", 33, False, (Note(480, 480, 12), Note(960, 480, 40)))
    wall = Track("Wall", 30, False, tuple(Note(480, 480, pitch) for pitch in range(50, 62)))
    noise = Track("Noise", 0, True, (Note(480, 10, 120), Note(480, 10, 36)))
    tempos = (Tempo(0, 2000.0), Tempo(480, 90.0), Tempo(500, 91.0), Tempo(1000, 92.0))
    song, warnings = written(a_song(tracks=(low, wall, noise), tempos=tempos, order=(0, 1, 1, 2)))
    text = "\n".join(warnings)
    for words in (
        "Repeats and jumps are not marked",
        "Track 1 (“Low”): 1 notes are out of reach",
        "Track 2 (“Wall”):",
        "Track 3 (“Noise”): 1 notes could not be written",
        "1 tempo changes stand where no note does",
        "1 tempo changes stand too near",
        "1 tempos are outside of 1 to 999",
    ):
        assert words in text, (words, text)
    assert [note.pitch for note in song.tracks[0].notes] == [36, 40]
    assert f"{12 - len(song.tracks[1].notes)} notes could not be written" in warnings[2]


def test_grace_notes_are_written_as_such() -> None:
    notes = (
        Note(930, 30, 66, 79, 1, 2),
        Note(960, 960, 67, 79, 1, 3),
        Note(1920, 30, 66, 79, 1, 2),
        Note(1950, 930, 67, 79, 1, 3),
    )
    song = Song(960, (Track("Lead", 27, False, notes, tuning=GUITAR_6),), length=3840)
    back, warnings = written(song)
    assert (back.tracks[0].notes, warnings) == (notes, [])


def test_more_strings_than_the_format_has() -> None:
    notes = (Note(0, 960, 64, 95, 1, 0), Note(960, 960, 31, 95, 8, 1))
    back, warnings = written(Song(960, (Track("Eight", 30, False, notes, tuning=GUITAR_8),), length=3840))
    assert back.tracks[0].tuning == GUITAR_8[1:]
    assert [note.pitch for note in back.tracks[0].notes] == [64, 31]
    assert "8 strings" in warnings[0]


def test_a_piano_gets_seven_strings_at_most_and_keeps_its_notes() -> None:
    chord = [Note(0, 960, pitch, 95) for pitch in (24, 36, 60, 64, 67)] + [Note(960, 960, 100, 95)]
    back, warnings = written(Song(960, (Track("Piano", 0, False, tuple(chord)),), length=3840))
    assert sorted(note.pitch for note in back.tracks[0].notes) == sorted(note.pitch for note in chord)
    assert len(back.tracks[0].tuning or ()) == 7
    assert warnings == []


@pytest.mark.parametrize(
    ("song", "words"),
    [
        (a_song(tracks=()), "no tracks"),
        (a_song(tracks=tuple(Track(f"T{n}", 33, False, ()) for n in range(61))), "64 MIDI channels"),
        (a_song(length=480 * 4 * 6000), "more than a .gp5 file"),
    ],
)
def test_limits_are_said_with_a_way_out(song: Song, words: str) -> None:
    with pytest.raises(SongFileError, match=words) as caught:
        new_guitarpro(song, "gp5")
    assert caught.value.remedy


def test_tabs_of_other_versions_keep_their_notes(data_pack: Callable[[str], Path]) -> None:
    compared = 0
    for path in files(data_pack)[::3]:
        try:
            song = read_guitarpro(path.read_bytes(), path.name)
        except SongFileError:
            continue
        song = song.with_tracks(replace(track, name=f"Track {track.name}") for track in song.tracks)
        for version in VERSIONS:
            back, warnings = written(song, version)
            for number, (ours, theirs) in enumerate(zip(back.tracks, song.tracks, strict=True), 1):
                before, after = Counter(map(place, theirs.notes)), Counter(map(place, ours.notes))
                lost = (before - after).total()
                assert not lost or any(f"Track {number} " in warning for warning in warnings), (path, version, lost)
                compared += len(theirs.notes)
    assert compared > 2_000


def place(note: Note) -> tuple[int, int]:
    return round(note.start / STEP), note.pitch


def test_midi_songs_become_tabs_that_alphatab_reads_the_same(data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    paths = random.Random(5).sample(sorted(data_pack("val").rglob("*.mid")), 3)
    made = {}
    for number, path in enumerate(paths):
        song = load_song(path)
        target = tmp_path / f"{number}.gp{3 + number}"
        warnings: list[str] = []
        data = new_guitarpro(song, target.suffix[1:], warnings)
        target.write_bytes(data)
        assert_bars_full(data)
        made[target] = song
        back = read_guitarpro(data, target.name)
        assert len(back.bars) == len(song.bars)
        for index, (ours, theirs) in enumerate(zip(back.tracks, song.tracks, strict=True), 1):
            lost = len(theirs.notes) - len(ours.notes)
            assert lost >= 0
            assert not lost or any(f"Track {index} (" in warning for warning in warnings), warnings
    for path, found in dump(made).items():
        back = read_guitarpro(Path(path).read_bytes(), path)
        assert found["error"] is None
        for track, theirs in zip(back.tracks, found["tracks"], strict=True):
            struck = [note for note in notes_of(theirs) if not note.tied]
            if track.is_drum:
                assert (len(struck), theirs["percussion"]) == (len(track.notes), True)
                continue
            assert Counter((note.string, note.fret, note.pitch) for note in struck) == Counter(
                (note.string, note.fret, note.pitch) for note in track.notes
            )
            assert theirs["program"] == track.program


@given(
    st.lists(
        st.tuples(st.integers(0, 95), st.integers(1, 40), st.integers(28, 62)),
        min_size=1,
        max_size=20,
        unique_by=lambda n: n[0],
    ),
    st.sampled_from([(4, 4), (7, 8), (5, 4), (11, 16)]),
    st.sampled_from(sorted(VERSIONS)),
)
@example([(15, 1, 28), (17, 1, 29), (20, 1, 28)], (4, 4), "gp3")  # two notes that only a fifth string can hold together
@settings(max_examples=40, deadline=None)
def test_notes_on_the_grid_come_back(notes: list[tuple[int, int, int]], metre: tuple[int, int], version: str) -> None:
    """One voice of triplets and sixteenths mixed as it comes: each starts near its place, none is lost unsaid."""
    line = tuple(sorted(Note(start * STEP, length * STEP, pitch, 95) for start, length, pitch in notes))
    song = Song(960, (Track("Bass", 33, False, line),), time_signatures=(TimeSignature(0, *metre),), length=9600)
    drums = Track("Kit", 0, True, drum_beat(song.bars))
    back, warnings = written(song.with_tracks([*song.tracks, drums]), version)
    lost = len(line) - len(back.tracks[0].notes)
    assert not lost or "could not be written" in "".join(warnings)
    if not lost:
        # By pitch: two notes that a mixed quarter puts on one place come back in the order of their pitches.
        ours, theirs = (sorted((note.pitch, note.start) for note in notes) for notes in (back.tracks[0].notes, line))
        assert [pitch for pitch, _ in ours] == [pitch for pitch, _ in theirs]
        assert all(abs(one[1] - other[1]) <= 2 * STEP for one, other in zip(ours, theirs, strict=True))
    assert Counter(map(place, back.tracks[1].notes)) == Counter(map(place, drums.notes))
