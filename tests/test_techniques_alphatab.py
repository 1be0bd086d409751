"""How notes are played, judged by alphaTab: what we read is what it reads, and what we write is what it finds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alphatab_oracle import OracleNote, dump, notes_of
from technique_oracle import bend_of, marked, ours, words
from technique_songs import BEYOND, FULL_BEND, GUITAR, OF_DRUMS, OF_STRINGS, QUARTER, beat, song, tune

from arranger.errors import SongFileError
from arranger.files import load_song, save_song
from arranger.formats.targets import serialised
from arranger.song import Note, Song, Track

TELLING = re.compile(
    "effect|hammer|slide|bend|harmonic|vibrato|dead|tap|tremolo|grace|mute|ghost|accent|staccato|ring|faulty|progmetal|"
    "full-song|serenade|canon.gp5|test_gp"
)
"""Names of the files in which notes are played in some way."""
UNREAD = {"dead", "hammer", "harmonic", "let ring", "pop", "slap", "slide in", "slide out"}
"""alphaTab doesn't read these of MusicXML, or takes both ends of a hammer-on for its beginning; music21 does."""
LEADS_NOWHERE = {"hammer", "slide"}
"""alphaTab forgets these where no note comes after; we read what the file says."""


@pytest.fixture(scope="module")
def telling(data_pack: Callable[[str], Path]) -> dict[Path, Song]:
    found = {}
    for path in sorted(data_pack("guitarpro").rglob("*.gp*")):
        if TELLING.search(path.name):
            with suppress(SongFileError):
                found[path] = load_song(path)
    return found


def in_time(track: dict[str, Any], bars: list[dict[str, Any]]) -> dict[str, Any]:
    """The track without what stands after the end of its bar, which isn't read."""
    ends = [bar["start"] + bar["length"] - 3 for bar in bars]
    return track | {"notes": [note for note in track["notes"] if note[3] < ends[note[1]]]}


def test_techniques_of_all_files_are_those_of_alphatab(telling: dict[Path, Song]) -> None:
    counted: Counter[str] = Counter()
    beyond: Counter[str] = Counter()
    for path, found in dump(telling).items():
        for index, theirs in enumerate(found["tracks"]):
            mine = [t for t in telling[Path(path)].tracks if t.source_id is not None and t.source_id[0] == index]
            if theirs["percussion"]:
                continue
            expected = marked(in_time(theirs, found["masterBars"]), drums=False)
            played = sum((ours(track.notes) for track in mine), Counter())
            assert not expected - played, (path, index)
            for (name, _, _), count in expected.items():
                counted[name] += count
            for (name, _, _), count in (played - expected).items():
                beyond[name] += count
    assert set(counted) == set(OF_STRINGS)
    assert counted.total() > 5500
    assert set(beyond) <= LEADS_NOWHERE
    assert beyond.total() < counted.total() / 100


def test_ghosts_and_accents_of_drums_are_those_of_alphatab(telling: dict[Path, Song]) -> None:
    counted: Counter[str] = Counter()
    for path, found in dump(telling).items():
        for index, theirs in enumerate(found["tracks"]):
            mine = [t for t in telling[Path(path)].tracks if t.source_id is not None and t.source_id[0] == index]
            if not theirs["percussion"]:
                continue
            expected = Counter(name for note in notes_of(theirs) for name in words(note))
            played = Counter(name for track in mine for note in track.notes for name in note.techniques)
            for name in ("ghost", "accent", "heavy accent", "dead"):
                assert played[name] == expected[name], (path, index, name)
                counted[name] += played[name]
    assert counted["ghost"] > 500


def test_bends_are_those_of_alphatab(telling: dict[Path, Song]) -> None:
    compared = 0
    for path, found in dump(telling).items():
        for index, theirs in enumerate(found["tracks"]):
            mine = [t for t in telling[Path(path)].tracks if t.source_id is not None and t.source_id[0] == index]
            for note in notes_of(theirs):
                own = [
                    other
                    for track in mine
                    for other in track.notes
                    if (other.string, other.fret) == (note.string, note.fret) and abs(other.start - note.start) < 60
                ]
                if note.tied or not bend_of(note) or not own or own[0].duration > note.duration + 60:
                    continue  # ties are one note in a Song
                heights = [height for _, height in bend_of(note)]
                course = [height for _, height in own[0].bend]
                assert abs(max(heights) - max(course)) <= 0.5, (path, note, own)
                assert abs(heights[-1] - course[-1]) <= 0.5, (path, note, own)
                compared += 1
    assert compared > 60


# --- what we write


def plain(note: OracleNote) -> tuple[float, int]:
    return note.start, note.pitch


@pytest.mark.parametrize("kind", ["gp3", "gp4", "gp5", "gp", "musicxml"])
def test_new_files_say_every_technique(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"new.{kind}"
    path.write_bytes(serialised(song(), kind).data)
    found = dump([path])[str(path)]
    assert (found["error"], found["bars"], len(found["tracks"])) == (None, 5, 3)
    everything, slow, drums = (notes_of(track) for track in found["tracks"])
    assert [plain(note) for note in everything] == [(note.start, note.pitch) for note in tune()]
    for note, meant in zip(everything, tune(), strict=True):
        lost = BEYOND.get(kind, set())
        expected = set(meant.techniques) - lost
        unread = UNREAD if kind == "musicxml" else set()
        assert words(note) - unread == expected - unread, meant
        if "bend" in expected:
            heights = [height for _, height in bend_of(note)]
            assert (heights[0], max(heights), heights[-1]) == (0, 2, 0)
            if kind != "musicxml":  # alphaTab spreads MusicXML's bends evenly
                assert [(round(at, 2), height) for at, height in bend_of(note)] == list(FULL_BEND)
    assert [note.pitch for note in slow if not note.tied] == [50, 52]
    assert words(slow[-2]) >= {"slide"}
    rising = [height for note in slow for _, height in bend_of(note)]
    assert rising == sorted(rising)
    assert rising[-1] == 2
    strokes = [note for note in drums if note.grace]
    assert [note.pitch for note in strokes] == [38, 38]
    hits = [note for note in drums if not note.grace]
    assert len(hits) == len(beat(5))
    for at, note in enumerate(hits):
        assert words(note) == set(OF_DRUMS.get(at, ())) - {"flam"}, at


@pytest.mark.parametrize(
    "name",
    [
        "guitarpro3__effects.gp3",
        "guitarpro4__effects.gp4",
        "guitarpro5__effects.gp5",
        "guitarpro7__effects.gp",
        "guitarpro6__effects.gpx",
        "conversion__full-song.gp5",
    ],
)
def test_new_tracks_say_them_and_the_old_ones_stay(name: str, data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    source = next(data_pack("guitarpro").rglob(name))
    before = load_song(source)
    length = before.bars[-1].end
    notes = tuple(note for note in tune() if note.end <= length)
    guitar = Track("New", 29, False, notes, tuning=GUITAR)
    drums = Track("Kit", 0, True, tuple(note for note in beat(5) if note.end <= length))
    path = tmp_path / name.replace(".gpx", ".gp")
    save_song(before.with_tracks([*before.tracks, guitar, drums]), path)
    old, new = dump([source])[str(source)], dump([path])[str(path)]
    assert new["error"] is None
    assert new["bars"] == old["bars"]
    count = len(old["tracks"])
    assert [track["notes"] for track in new["tracks"][:count]] == [track["notes"] for track in old["tracks"]]
    kind = source.suffix[1:]
    written = [note for note in notes_of(new["tracks"][count]) if not note.tied]
    assert [note.pitch for note in written] == [note.pitch for note in notes]
    for note, meant in zip(written, notes, strict=True):
        leads = LEADS_NOWHERE if meant == notes[-1] else set()
        assert words(note) - leads == set(meant.techniques) - BEYOND.get(kind, set()) - leads
    strokes = [note for note in notes_of(new["tracks"][count + 1]) if note.grace]
    assert len(strokes) == sum("flam" in note.techniques for note in drums.notes)


@pytest.mark.parametrize("name", ["guitarpro3__effects.gp3", "guitarpro5__effects.gp5", "guitarpro7__effects.gp"])
def test_bars_that_are_written_anew_keep_what_was_played_there(
    name: str, data_pack: Callable[[str], Path], tmp_path: Path
) -> None:
    """The last note of every bar goes: all others are played as before."""
    source = load_song(next(data_pack("guitarpro").rglob(name)))
    track = source.tracks[0]
    last = {source.bar_at(note.start): note for note in track.notes if note.duration > QUARTER // 16}
    kept = tuple(note for note in track.notes if note not in last.values())
    save_song(source.with_tracks([replace(track, notes=kept), *source.tracks[1:]]), tmp_path / name)
    back = load_song(tmp_path / name)
    # What was too short to count lasts longer in a bar that is written anew; it is not compared.
    places = {(note.start, note.string) for note in long(kept)}
    assert ours([n for n in back.tracks[0].notes if (n.start, n.string) in places]) == ours(long(kept))
    assert ours(long(kept)).total() > 15


def long(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Those that are no grace notes, which go with their notes."""
    return tuple(note for note in notes if note.duration > QUARTER // 16)
