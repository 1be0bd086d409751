"""The example songs: what the script writes, complete but for the part that the documentation fills."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import guitarpro
import mido
import pytest
from guitarpro.models import BeatStatus, NoteType

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("night-bus.mid", "paper-boats.gp5", "three-four.mid")
BASSES, GUITARS = range(32, 40), range(24, 32)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of freshly written songs."""
    folder = tmp_path_factory.mktemp("examples")
    subprocess.run([sys.executable, EXAMPLES / "compose.py", "-o", folder], check=True, capture_output=True)
    return folder


def programs(file: mido.MidiFile) -> dict[str, set[int]]:
    """Program of each track that has notes; {-1} is a drum track."""
    found = {}
    for track in file.tracks:
        channels = {message.channel for message in track if message.type == "note_on" and message.velocity}
        if channels == {9}:
            found[track.name] = {-1}
        elif channels:
            found[track.name] = {message.program for message in track if message.type == "program_change"}
    return found


def onsets(track: mido.MidiTrack) -> list[tuple[int, int, int]]:
    """(tick, pitch, velocity)."""
    now, notes = 0, []
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            notes.append((now, message.note, message.velocity))
    return notes


def named(file: mido.MidiFile, name: str) -> mido.MidiTrack:
    return next(track for track in file.tracks if track.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_the_repository_has_what_the_script_writes(written: Path, name: str) -> None:
    assert (EXAMPLES / name).read_bytes() == (written / name).read_bytes()


def test_night_bus_has_a_band_but_no_bass() -> None:
    found = programs(mido.MidiFile(EXAMPLES / "night-bus.mid"))
    assert {"Drums", "Rhythm Guitar", "Lead Guitar", "Electric Piano", "Vocal"} == set(found)
    assert found["Drums"] == {-1}
    assert found["Rhythm Guitar"] <= set(GUITARS)
    assert not any(program in BASSES for those in found.values() for program in those)


def test_three_four_has_no_guitar() -> None:
    found = programs(mido.MidiFile(EXAMPLES / "three-four.mid"))
    assert set(found) == {"Piano", "Bass", "Drums"}
    assert found["Bass"] <= set(BASSES)
    assert not any(program in GUITARS for those in found.values() for program in those)


@pytest.mark.parametrize("name", ["night-bus.mid", "three-four.mid"])
def test_midi_tracks_are_clean(name: str) -> None:
    file = mido.MidiFile(EXAMPLES / name)
    lengths = {sum(message.time for message in track) for track in file.tracks}
    assert len(lengths) == 1, "all tracks end with the last bar"
    for track in file.tracks:
        sounding: set[int] = set()
        for message in track:
            if message.type == "note_on" and message.velocity:
                assert message.note not in sounding
                sounding.add(message.note)
            elif message.type in ("note_on", "note_off"):
                sounding.remove(message.note)
        assert not sounding


def test_night_bus_changes_tempo_and_metre_and_names_its_sections() -> None:
    meta = mido.MidiFile(EXAMPLES / "night-bus.mid").tracks[0]
    metres = [(m.numerator, m.denominator) for m in meta if m.type == "time_signature"]
    assert metres == [(4, 4), (2, 4), (4, 4)]
    assert len({m.tempo for m in meta if m.type == "set_tempo"}) >= 3
    sections = [m.text for m in meta if m.type == "marker"]
    assert sections == ["Intro", "Verse 1", "Chorus 1", "Verse 2", "Chorus 2", "Bridge", "Chorus 3", "Outro"]
    ticks = sum(message.time for message in meta)
    assert ticks == 480 * (65 * 4 + 2), "66 bars, one of them half as long"


def test_every_bar_of_night_bus_has_drums_and_guitar() -> None:
    file = mido.MidiFile(EXAMPLES / "night-bus.mid")
    lengths = [1920] * 52 + [960] + [1920] * 13
    starts = [sum(lengths[:bar]) for bar in range(67)]
    for name in ("Drums", "Rhythm Guitar"):
        ticks = [tick for tick, _, _ in onsets(named(file, name))]
        empty = [bar + 1 for bar in range(66) if not any(starts[bar] <= tick < starts[bar + 1] for tick in ticks)]
        assert not empty, name


def test_the_chorus_is_louder_than_the_verse_and_no_two_hats_need_be_alike() -> None:
    drums = onsets(named(mido.MidiFile(EXAMPLES / "night-bus.mid"), "Drums"))
    snare = {where: [v for t, p, v in drums if p == 38 and t // 1920 in bars] for where, bars in
             (("verse", range(4, 11)), ("chorus", range(20, 27)))}  # fmt: skip
    assert min(snare["chorus"]) > sum(snare["verse"]) / len(snare["verse"])
    assert len({v for _, p, v in drums if p == 42}) > 10


def test_the_melodies_can_be_sung() -> None:
    notes = onsets(named(mido.MidiFile(EXAMPLES / "night-bus.mid"), "Vocal"))
    pitches = [pitch for _, pitch, _ in notes]
    assert max(pitches) - min(pitches) <= 19
    leaps = [abs(a - b) for a, b in itertools.pairwise(pitches)]
    assert max(leaps) <= 12
    assert sum(leap <= 4 for leap in leaps) / len(leaps) > 0.75


def test_paper_boats_is_full_bars_of_playable_tab_without_drums() -> None:
    song = guitarpro.parse(EXAMPLES / "paper-boats.gp5")
    assert song.versionTuple[0] == 5
    assert song.title == "Paper Boats"
    assert not any(track.isPercussionTrack or track.channel.channel == 9 for track in song.tracks)
    assert [track.name for track in song.tracks] == ["Acoustic Guitar", "Electric Guitar", "Bass", "Voice"]
    assert [len(track.strings) for track in song.tracks] == [6, 6, 4, 6]
    for track in song.tracks:
        for measure in track.measures:
            beats = measure.voices[0].beats
            assert sum(beat.duration.time for beat in beats) == measure.header.length, (track.name, measure.number)
            for beat in beats:
                assert beat.notes if beat.status == BeatStatus.normal else not beat.notes
                strings = [note.string for note in beat.notes]
                assert len(set(strings)) == len(strings)
                assert max(strings, default=1) <= len(track.strings)
                frets = [note.value for note in beat.notes if note.type == NoteType.normal]
                held = [fret for fret in frets if fret]
                assert max(held, default=0) <= 15
                assert max(held, default=0) - min(held, default=0) <= 3


def test_paper_boats_metres_and_sections() -> None:
    song = guitarpro.parse(EXAMPLES / "paper-boats.gp5")
    headers = song.measureHeaders
    metres = [(h.timeSignature.numerator, h.timeSignature.denominator.value) for h in headers]
    assert metres == [(6, 8)] * 36 + [(4, 4)] * 6 + [(6, 8)] * 12
    sections = {h.number: h.marker.title for h in headers if h.marker}
    assert list(sections) == [1, 5, 13, 21, 29, 37, 43, 51]
    assert sections[37] == "Bridge"


def test_the_bass_of_paper_boats_begins_its_bars_on_the_bass_note_of_the_guitar() -> None:
    song = guitarpro.parse(EXAMPLES / "paper-boats.gp5")
    guitar, _, bass, _ = song.tracks

    def lowest(track: guitarpro.models.Track, bar: int) -> int | None:
        notes = track.measures[bar].voices[0].beats[0].notes
        return min((note.realValue for note in notes), default=None)

    pairs = [(lowest(bass, bar), lowest(guitar, bar)) for bar in range(54)]
    played = [(low, high) for low, high in pairs if low is not None and high is not None]
    assert len(played) == 52, "the bass waits for two bars"
    assert all((low - high) % 12 == 0 for low, high in played)
