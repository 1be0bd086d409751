"""Techniques of a fill: where a hand can play them, where the song does, and no more often than people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arranger.files import load_song
from arranger.parts import Role, detect_parts
from arranger.song import TECHNIQUES, Marker, Note, Song, Tempo, Track
from arranger.techniques import FASTEST_PLUCKED, LOW, RATES, REACH, with_techniques

QUARTER = 960
EIGHTH, SIXTEENTH, BAR = QUARTER // 2, QUARTER // 4, 4 * QUARTER
GUITAR, BASS = (64, 59, 55, 50, 45, 40), (43, 38, 33, 28)
TABS = (
    "conversion__full-song.gp",
    "guitarpro5__canon.gp5",
    "guitarpro5__serenade.gp5",
    "guitarpro8__faulty.gp",
    "GuitarProToMidi_UnitTests__data__test_gp4.gp4",
)


def on(string: int, fret: int, start: int, duration: int, tuning: tuple[int, ...] = GUITAR, velocity: int = 90) -> Note:
    return Note(start, duration, tuning[string - 1] + fret, velocity, string, fret)


def band(
    notes: tuple[Note, ...] = (), qpm: float = 150.0, heads: tuple[int, ...] = ()
) -> tuple[Song, tuple[Role, ...]]:
    """A song with one guitar that plays `notes`, and sections that begin in the bars `heads`."""
    track = Track("Guitar", 29, False, notes, 0, GUITAR)
    markers = tuple(Marker(bar * BAR, f"Part {bar}") for bar in heads)
    song = Song(QUARTER, (track,), tempos=(Tempo(0, qpm),), markers=markers, length=64 * BAR)
    return song, detect_parts(song)


def chug(bars: int) -> tuple[Note, ...]:
    """Eighths of power chords: root, fifth, octave on the low strings."""
    return tuple(
        on(string, fret, at * EIGHTH, EIGHTH) for at in range(8 * bars) for string, fret in ((6, 3), (5, 5), (4, 5))
    )


def names(notes: tuple[Note, ...]) -> Counter[str]:
    return Counter(name for note in notes for name in note.techniques)


def test_a_chug_is_palm_muted_and_long_chords_ring_out() -> None:
    song, roles = band()
    long = tuple(on(string, fret, 16 * BAR, BAR) for string, fret in ((6, 3), (5, 5), (4, 5)))
    high = tuple(on(1, 3 + at % 2, 20 * BAR + at * EIGHTH, EIGHTH) for at in range(8))
    played = with_techniques((*chug(4), *long, *high), "guitar", song, roles, "chug")
    muted = [note for note in played if "palm mute" in note.techniques]
    assert [(note.start, note.pitch) for note in muted] == [(note.start, note.pitch) for note in sorted(chug(4))]
    assert all("palm mute" not in note.techniques for note in with_techniques(chug(4), "guitar", song, roles, None))


def test_palm_mutes_stand_in_the_bars_in_which_the_other_guitar_mutes() -> None:
    other = tuple(
        replace(note, techniques=("palm mute",) if note.start < 2 * BAR else ()) for note in chug(4) if note.string == 6
    )
    song, roles = band(other)
    played = with_techniques(chug(4), "guitar", song, roles, "riff")
    assert {note.start // BAR for note in played if "palm mute" in note.techniques} == {0, 1}
    assert all("palm mute" in note.techniques for note in played if note.start < 2 * BAR)
    bass = tuple(on(4, 3, at * EIGHTH, EIGHTH, BASS) for at in range(32))
    assert not names(with_techniques(bass, "bass", song, roles))["palm mute"]


def test_arpeggios_ring_where_they_are_broken_chords() -> None:
    song, roles = band()
    broken = tuple(on(5 - at % 4, 2, at * EIGHTH, EIGHTH) for at in range(16))
    line = tuple(on(1, 3, 4 * BAR + at * EIGHTH, EIGHTH) for at in range(8))
    played = with_techniques((*broken, *line), "guitar", song, roles, "arpeggio")
    assert [("let ring" in note.techniques) for note in played] == [True] * 16 + [False] * 8
    assert not names(with_techniques(broken, "guitar", song, roles))["let ring"]
    ringing, known = band(tuple(replace(note, techniques=("let ring",)) for note in broken[:8]))
    assert {n.start // BAR for n in with_techniques(broken, "guitar", ringing, known) if n.techniques} == {0}


lines = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 15), st.sampled_from([SIXTEENTH, EIGHTH, QUARTER, 2 * QUARTER])),
    min_size=2,
    max_size=120,
)


@settings(max_examples=60, deadline=None)
@given(lines, st.integers(0, 5), st.sampled_from(["guitar", "bass"]), st.sampled_from([80.0, 160.0]))
def test_hammers_slides_and_dead_notes_can_be_played(
    line: list[tuple[int, int, int]], seed: int, part: str, qpm: float
) -> None:
    notes, at = [], 0
    for string, fret, length in line:
        notes.append(on(string, fret, at, length))
        at += length
    song, roles = band(qpm=qpm)
    played = with_techniques(notes, part, song, roles, seed=seed)
    assert [replace(note, techniques=()) for note in played] == sorted(notes)
    assert played == with_techniques(notes, part, song, roles, seed=seed)
    for note, after in zip(played, [*played[1:], None], strict=True):
        assert set(note.techniques) <= set(TECHNIQUES)
        assert len(note.techniques) <= 1
        if not {"hammer", "slide"}.isdisjoint(note.techniques):
            assert after is not None
            assert (after.string, after.start) == (note.string, note.end)
            assert after.fret != note.fret
        if "hammer" in note.techniques and after is not None:
            assert abs((note.fret or 0) - (after.fret or 0)) <= REACH
            assert note.duration / QUARTER * 60 / qpm <= FASTEST_PLUCKED
        if "slide" in note.techniques and after is not None:
            assert note.fret
            assert after.fret
    found = names(played)
    for name in ("hammer", "slide", "dead", "vibrato"):
        assert found[name] <= 1 + RATES.get((part, name), 0) * len(notes)


@pytest.mark.parametrize(("reach", "hammered"), [(REACH, True), (REACH + 1, False)])
def test_no_hammer_on_is_wider_than_a_hand(reach: int, hammered: bool) -> None:
    song, roles = band()
    notes = [on(2, 5 + reach * (at % 2), at * SIXTEENTH, SIXTEENTH) for at in range(256)]
    assert bool(names(with_techniques(notes, "guitar", song, roles))["hammer"]) == hammered


def test_a_lick_is_played_alike_every_time() -> None:
    """Sixteen bars with the same eight notes: what is hammered in one bar is hammered in all, or at phrase ends."""
    song, roles = band()
    lick = [(2, 5), (2, 7), (2, 8), (1, 5), (1, 7), (1, 8), (1, 7), (2, 8)]
    notes = [on(s, f, bar * BAR + at * EIGHTH, EIGHTH) for bar in range(16) for at, (s, f) in enumerate(lick)]
    some = 0
    for seed in range(8):
        bars: dict[int, set[int]] = {}
        for note in with_techniques(notes, "guitar", song, roles, seed=seed):
            if "hammer" in note.techniques:
                bars.setdefault(note.start % BAR, set()).add(note.start // BAR)
        some += bool(bars)
        assert all(found == set(range(16)) or found <= {3, 7, 11, 15} for found in bars.values())
    assert some == 8


def test_a_bass_slides_into_sections() -> None:
    notes = []
    for bar in range(60):
        notes += [on(4, 3, bar * BAR + at * EIGHTH, EIGHTH, BASS) for at in range(7)]
        notes.append(on(4, 1, bar * BAR + 7 * EIGHTH, EIGHTH, BASS))
    song, roles = band(heads=(0, 16, 32, 48))
    slid = [n for n in with_techniques(notes, "bass", song, roles) if "slide" in n.techniques]
    assert 1 <= len(slid) <= 3
    assert {n.end for n in slid} <= {16 * BAR, 32 * BAR, 48 * BAR}


def test_drums_have_ghosts_beside_the_backbeat_and_few_flams() -> None:
    song, roles = band(heads=tuple(range(0, 64, 8)))
    notes = []
    for bar in range(64):
        start = bar * BAR
        notes += [Note(start + QUARTER, EIGHTH, 38, 100), Note(start + 3 * QUARTER, EIGHTH, 38, 100)]
        notes += [Note(start + QUARTER + 3 * SIXTEENTH, SIXTEENTH, 38, 30), Note(start + 2 * QUARTER, EIGHTH, 38, 30)]
        notes += [Note(start, QUARTER, 49 if bar % 8 == 0 else 42, 120)]
    found: Counter[str] = Counter()
    for seed in range(40):
        played = with_techniques(notes, "drums", song, roles, seed=seed)
        for note in played:
            place, bar = note.start % BAR, note.start // BAR
            assert ("ghost" in note.techniques) == (note.pitch == 38 and note.velocity < 45 and place % QUARTER != 0)
            assert ("accent" in note.techniques) == (note.pitch == 49)
            if "flam" in note.techniques:
                assert (note.pitch, place, bar % 8) == (38, 3 * QUARTER, 7)
        found += names(played)
    assert 0 < found["flam"] <= 40 * (1 + RATES["drums", "flam"] * 256)


def test_notes_without_strings_get_no_left_hand_and_marked_ones_stay() -> None:
    song, roles = band()
    notes = [Note(at * SIXTEENTH, SIXTEENTH, 60 + at % 3) for at in range(256)]
    assert not names(with_techniques(notes, "guitar", song, roles))
    marked = [replace(note, techniques=("tap",)) for note in chug(2)]
    assert names(with_techniques(marked, "guitar", song, roles, "chug")) == {"tap": len(marked)}


@pytest.mark.parametrize("name", TABS)
def test_no_tab_gets_more_than_people_mark(name: str, data_pack: Callable[[str], Path]) -> None:
    """Every part of a tab taken as a fill: left-hand techniques stay under the rates that were counted."""
    song = load_song(next(data_pack("guitarpro").rglob(name)))
    roles = detect_parts(song)
    for role in roles:
        track = song.tracks[role.track]
        if role.role not in ("guitar", "bass", "drums"):
            continue
        bare = tuple(replace(note, techniques=(), bend=()) for note in track.notes)
        found = names(with_techniques(bare, role.role, song, roles, section_starts=range(0, len(song.bars), 8)))
        for (part, technique), rate in RATES.items():
            if part == role.role:
                assert found[technique] <= 1 + rate * len(bare), (technique, found)


def test_the_rates_are_those_of_the_tabs(data_pack: Callable[[str], Path]) -> None:
    """Flams and dead notes as `RATES` has them, counted again from the files."""
    paths = [*TABS, "guitarpro8__custom-beaming.gp", "dadagp-examples__examples__progmetal.gp3"]
    paths.append("GuitarProToMidi_UnitTests__data__test_gp5.gp5")
    counts: Counter[tuple[str, str]] = Counter()
    for name in paths:
        song = load_song(next(data_pack("guitarpro").rglob(name)))
        for role in detect_parts(song):
            notes = song.tracks[role.track].notes
            counts[role.role, "notes"] += len(notes)
            counts[role.role, "snares"] += sum(note.pitch in (38, 39, 40) for note in notes)
            counts.update((role.role, name) for note in notes for name in note.techniques)
    assert RATES["guitar", "dead"] == counts["guitar", "dead"] / counts["guitar", "notes"]
    assert RATES["bass", "dead"] == counts["bass", "dead"] / counts["bass", "notes"]
    assert RATES["drums", "flam"] == counts["drums", "flam"] / counts["drums", "snares"]


def test_low_is_the_third_string_from_below() -> None:
    assert GUITAR[3] <= LOW < GUITAR[2]
