"""Every .gp and .gpx file of the Guitar Pro pack as alphaTab reads it, and the same song in two formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alphatab_oracle import OracleNote, dump, notes_of
from gpif_scores import DRUMS_OF_6, Scribe, gp_file, score_xml

from arranger.errors import SongFileError
from arranger.formats.gpif_container import open_container, parse_score
from arranger.formats.gpif_drums import GP6_KEYS
from arranger.formats.gpif_model import DYNAMICS, Score, read_score
from arranger.formats.gpif_place import PlacedBeat, StaffReader
from arranger.formats.gpif_read import DEAD_NOTE_TICKS, read_gpif, sounding
from arranger.playing import playing_order
from arranger.song import FEELS, Song

OTHER_KEYS = {36: 35, 53: 59}
"""Our key -> alphaTab's of Guitar Pro 6's kick and ride bell; test_the_same_song_in_two_formats has the reason."""
GRACES = (1, 2)
TAMBOURINE, LOW_FLOOR_TOM, VERY_LOW_TOM = 54, 41, 43
FEEL_CODES = ["straight", "triplet-sixteenths", "triplet-eighths", "dotted-sixteenths", "dotted-eighths"]
FEEL_CODES += ["scottish-sixteenths", "scottish-eighths"]
"""alphaTab's numbers for feels."""

# Bars in these have more beats than their metre has room for.
OVERFULL = {
    f"{kind}__{name}.{end}"
    for kind, end in (("guitarpro6", "gpx"), ("guitarpro7", "gp"))
    for name in ("effects", "fingering", "hammer", "harmonics", "notes")
} | {"visual-tests__effects-and-annotations__tuplets.gp"}


@dataclass(frozen=True)
class Case:
    """A file, as we and as alphaTab read it."""

    path: Path
    song: Song | None
    refusal: str
    score: Score
    oracle: dict[str, Any]

    def staves(self) -> list[tuple[int, int, list[PlacedBeat], list[OracleNote]]]:
        """(track, staff, our beats, its notes) of all staves."""
        reader, found = StaffReader(self.score, self.path.name), []
        for index, (track, theirs) in enumerate(zip(self.score.tracks, self.oracle["tracks"], strict=True)):
            notes = notes_of(theirs)
            for staff in range(len(track.staves)):
                found.append((index, staff, reader.beats(len(found)), [note for note in notes if note.staff == staff]))
        return found


@pytest.fixture(scope="module")
def cases(data_pack: Callable[[str], Path]) -> list[Case]:
    paths = sorted(path for path in data_pack("guitarpro").rglob("*.gp*") if path.suffix in (".gp", ".gpx"))
    assert len(paths) == 236
    known, found = dump(paths), []
    for path in paths:
        data, song, refusal = path.read_bytes(), None, ""
        try:
            song = read_gpif(data, path.name)
        except SongFileError as err:
            refusal = err.problem
        score = read_score(parse_score(open_container(data, path.name), path.name), path.name)
        assert known[str(path)]["error"] is None
        found.append(Case(path, song, refusal, score, known[str(path)]))
    return found


def test_all_are_read_except_those_without_notes(cases: list[Case]) -> None:
    for case in cases:
        silent = not any(track["notes"] for track in case.oracle["tracks"])
        assert case.refusal == ("it has no notes" if silent else ""), case.path.name
    assert sum(case.song is not None for case in cases) == 181


def test_tracks(cases: list[Case]) -> None:
    for case in cases:
        for track, theirs in zip(case.score.tracks, case.oracle["tracks"], strict=True):
            assert (track.name, track.is_drum) == (theirs["name"].strip(), theirs["percussion"]), case.path.name
            if not track.is_drum:
                assert track.program == theirs["program"], case.path.name
                assert [list(staff.tuning) for staff in track.staves] == theirs["tunings"], case.path.name
                assert [staff.capo for staff in track.staves] == theirs["capo"], case.path.name


def test_written_notes(cases: list[Case]) -> None:
    """Bar, voice, string, fret, pitch, tie and grace of every note; the start of all that no grace note moves."""
    count: Counter[str] = Counter()
    for case in cases:
        for staff_at, (index, staff, placed, theirs) in enumerate(case.staves()):
            track = case.score.tracks[index]
            ours = [(beat, note) for beat in placed for note in beat.beat.notes if not _is_simile(case, staff_at, beat)]
            assert len(ours) == len(theirs), (case.path.name, index)
            graced = {(note.bar, note.voice) for note in theirs if note.grace}
            for (beat, note), other in zip(ours, theirs, strict=True):
                where = case.path.name, index, beat, note, other
                sound = sounding(track, track.staves[staff], note)
                assert sound is not None, where
                facts = [beat.bar, beat.voice, *sound, note.tied, bool(beat.beat.grace)]
                said = [
                    other.bar,
                    other.voice,
                    other.pitch,
                    other.string,
                    other.fret,
                    other.tied,
                    other.grace in GRACES,
                ]
                if other.fret is not None and other.fret < 0:  # below the string: numbered notation
                    assert sound[1:] == (None, None)
                    facts[3:5] = said[3:5]
                    count["below the string"] += 1
                if track.is_drum and case.path.suffix == ".gpx":
                    facts[2] = OTHER_KEYS.get(sound[0], sound[0])
                    count["drums of 6"] += 1
                assert facts == said, where
                moved = (other.bar, other.voice) in graced
                # alphaTab cuts every duration to a whole tick, so tuplets drift by up to a tick a beat.
                assert moved or abs(beat.at - other.start) <= 8, where
                count["notes"] += 1
                count["placed"] += not moved
    assert count["notes"] == 38231
    assert count["placed"] > 34_000
    assert count["drums of 6"] == 982
    assert count["below the string"] < 100


def _joined(theirs: list[OracleNote], ends: list[int]) -> list[tuple[float, int, float]]:
    """(start, pitch, end) of alphaTab's notes, ties joined; `ends` has the end of each bar, where a note is cut."""
    joined: list[list[float]] = []
    last: dict[tuple[int, int], int] = {}
    for note in theirs:
        key = note.voice, note.string or note.pitch
        end = min(note.start + note.duration, ends[note.bar])
        if note.tied and key in last:
            joined[last[key]][2] = end
        else:
            last[key] = len(joined)
            joined.append([note.start, note.pitch, end])
    return [(start, int(pitch), end) for start, pitch, end in joined]


def test_sounding_notes(cases: list[Case]) -> None:
    """Notes of the Song are alphaTab's with ties joined. Where there are grace notes only the numbers are compared."""
    compared = 0
    for case in cases:
        if case.song is None or _similes(case):
            continue
        late = any("after the end of their bar" in text for text in case.song.warnings)
        assert late == (case.path.name in OVERFULL), case.path.name
        tracks = {track.source_id: track for track in case.song.tracks}
        ends = [bar["start"] + bar["length"] for bar in case.oracle["masterBars"]]
        for index, staff, _, theirs in case.staves():
            ours = tracks[index, staff].notes
            expected = _joined([note for note in theirs if note.start < ends[note.bar]], ends)
            assert len(ours) == len(expected), (case.path.name, index, staff)
            if any(note.grace in GRACES for note in theirs):
                continue
            order = sorted(ours, key=lambda note: (round(note.start / 16), note.pitch, note.end))
            for note, other in zip(order, sorted(expected, key=lambda o: (round(o[0] / 16), o[1], o[2])), strict=True):
                where = case.path.name, index, staff, note, other
                assert abs(note.start - other[0]) <= 8, where
                key = (
                    OTHER_KEYS.get(note.pitch, note.pitch) if case.path.suffix == ".gpx" and note.string is None else -1
                )
                assert other[1] in (note.pitch, key), where
                dead = note.duration == DEAD_NOTE_TICKS and note.end < other[2]
                assert abs(note.end - other[2]) <= 8 or dead, where
                compared += 1
    assert compared > 18_000


def _similes(case: Case) -> bool:
    """Whether the score has simile signs, which alphaTab shows and doesn't play."""
    return any(bar.simile for bar in case.score.bars.values())


def test_velocities(cases: list[Case]) -> None:
    steps = list(DYNAMICS.values())
    for case in cases:
        for _, _, placed, theirs in case.staves():
            if _similes(case):
                continue
            ours = [(beat.beat.velocity, note.louder) for beat in placed for note in beat.beat.notes]
            for (velocity, louder), other in zip(ours, theirs, strict=True):
                said = {"accentuated=1": 16, "accentuated=2": 32, "isGhost=true": -16}
                expected = [said[text] for text in other.techniques if text in said] or [0]
                assert (velocity, louder) == (steps[other.dynamic], expected[0]), (case.path.name, other)


def test_bars_and_what_stands_over_them(cases: list[Case]) -> None:
    for case in cases:
        if case.song is None:
            continue
        bars, song = case.oracle["masterBars"], case.song
        assert [(bar.start, bar.length) for bar in song.bars] == [(bar["start"], bar["length"]) for bar in bars]
        assert [[bar.numerator, bar.denominator] for bar in song.bars] == [bar["metre"] for bar in bars]
        assert list(song.order or range(len(song.bars))) == case.oracle["order"], case.path.name
        assert song.title == case.oracle["title"].strip()
        sections = [(bar["start"], " ".join(filter(None, bar["section"]))) for bar in bars if bar["section"]]
        assert [(marker.tick, marker.text) for marker in song.markers] == [
            (start, " ".join(text.split())) for start, text in sections if text.strip()
        ]
        feel = "straight"
        feels = []
        for bar in bars:
            if FEEL_CODES[bar["feel"]] != feel:
                feel = FEEL_CODES[bar["feel"]]
                feels.append((bar["start"], feel))
        assert [(change.tick, change.kind) for change in song.feels] == feels, case.path.name
        for bar in bars:
            for position, qpm, _ in bar["tempos"]:
                tick = bar["start"] + round(position * bar["length"])
                assert song.tempo_at(tick) == qpm, (case.path.name, tick)
    assert set(FEEL_CODES) == set(FEELS)


def test_playing_order_of_scores_without_notes(cases: list[Case]) -> None:
    """Several of the files made for repeats and jumps are empty, so no Song comes of them."""
    for case in cases:
        flows = [bar.flow for bar in case.score.master_bars]
        assert list(playing_order(flows) or range(len(flows))) == case.oracle["order"], case.path.name


def test_the_same_song_in_two_formats(cases: list[Case]) -> None:
    """A song of eleven tracks that was saved by Guitar Pro 6 and 7.

    It says that the kick of Guitar Pro 6 is key 36 and the third way to hit its ride is the bell, 53; alphaTab plays
    35 and 59. Guitar Pro 6 has no tambourine and one tom where 7 has two.
    """
    old, new = (
        next(case.song for case in cases if case.path.name == f"conversion__full-song.{end}") for end in ("gpx", "gp")
    )
    assert old is not None
    assert new is not None
    assert [track.is_drum for track in old.tracks] == [track.is_drum for track in new.tracks]
    for one, other in zip(old.tracks, new.tracks, strict=True):
        there = [note for note in other.notes if not (other.is_drum and note.pitch == TAMBOURINE)]
        lower = {LOW_FLOOR_TOM: VERY_LOW_TOM} if other.is_drum else {}
        expected = sorted((note.start, note.end, lower.get(note.pitch, note.pitch)) for note in there)
        assert sorted((note.start, note.end, note.pitch) for note in one.notes) == expected, one.name
    struck = Counter(note.pitch for track in old.tracks if track.is_drum for note in track.notes)
    assert struck[36] == 180
    assert struck[53] == 43


def test_all_drums_of_guitar_pro_6(tmp_path: Path) -> None:
    scribe = Scribe()
    kinds = [(element, way) for element in range(len(GP6_KEYS)) for way in range(3)]
    bar = scribe.bar([scribe.beat("64th", [scribe.drum(*kind)]) for kind in kinds])
    data = gp_file(score_xml(scribe, [bar], [DRUMS_OF_6]))
    path = tmp_path / "drums.gp"
    path.write_bytes(data)
    oracle = dump([path])[str(path)]
    assert oracle["error"] is None
    ours = [note.pitch for note in read_gpif(data, path.name).tracks[0].notes]
    theirs = [note.pitch for note in notes_of(oracle["tracks"][0])]
    assert len(ours) == len(theirs) == len(kinds)
    assert [OTHER_KEYS.get(key, key) for key in ours] == theirs


def _is_simile(case: Case, staff_at: int, beat: PlacedBeat) -> bool:
    key = case.score.master_bars[beat.bar].bars[staff_at]
    return bool(case.score.bars[key].simile)
