"""How notes are played, through every kind of file: what is said is read, what is read is said again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import guitarpro as gp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from technique_songs import BEYOND, GUITAR, KINDS, QUARTER, beat, song, tune

from arranger.files import load_song, song_from_bytes
from arranger.formats.dadagp import read_tokens
from arranger.formats.playing_marks import bend_part, course, height_at, landings, lengthened, of_figure
from arranger.formats.targets import serialised
from arranger.losses import losses
from arranger.song import TECHNIQUES, Note, Song, Track

# --- marks and bends

points = st.lists(
    st.tuples(st.integers(0, 100).map(lambda at: at / 100), st.integers(-8, 8).map(lambda at: at / 2)),
    min_size=2,
    max_size=8,
    unique_by=lambda point: point[0],
)


@given(points)
def test_a_bend_cut_in_two_and_joined_is_the_bend(found: list[tuple[float, float]]) -> None:
    bend = course([(0.0, 0.0), *(point for point in found if point[0] > 0)])
    note = Note(0, 1200, 60, techniques=("bend",), bend=bend)
    first = replace(note, duration=300, bend=bend_part(bend, 0, 0.25))
    whole = lengthened(first, 1200, ("bend",), bend_part(bend, 0.25, 1))
    for at in range(0, 101, 5):
        expected = height_at(bend, at / 100) if bend else 0.0
        joined = height_at(whole.bend, at / 100) if whole.bend else 0.0
        steepest = max((abs(b[1] - a[1]) / max(1e-9, b[0] - a[0]) for a, b in pairwise(bend)), default=0)
        assert abs(joined - expected) <= 1e-3 * (1 + steepest)


def test_bends_of_hostile_files_are_bounded() -> None:
    wild = course([(float("nan"), 3.0), (-5.0, 1e9), (9.0, -1e9), *[(0.5, 1.0)] * 1000])
    assert len(wild) <= 64
    assert all(0 <= at <= 1 and -24 <= height <= 24 for at, height in wild)
    assert course([(0.0, 0.0), (1.0, 0.0)]) == ()


def test_marks_of_tied_figures_stand_where_they_are_played() -> None:
    note = Note(0, 1920, 60, techniques=("accent", "bend", "hammer", "let ring", "palm mute", "slide in", "vibrato"))
    assert of_figure(note, first=True, last=False) == ("accent", "let ring", "palm mute", "slide in", "vibrato")
    assert of_figure(note, first=False, last=False) == ("let ring", "palm mute", "vibrato")
    assert of_figure(note, first=False, last=True) == ("hammer", "let ring", "palm mute", "vibrato")


def test_a_hammer_on_lands_on_the_next_note_of_its_string() -> None:
    notes = [
        Note(0, 240, 60, string=2, fret=1, techniques=("hammer",)),
        Note(240, 240, 64, string=1, fret=0, techniques=("slide",)),
        Note(480, 240, 62, string=2, fret=3),
        Note(720, 240, 65, string=1, fret=1),
    ]
    assert landings(notes, ("hammer",)) == {(480, 2, 62)}
    assert landings(notes, ("slide",)) == {(720, 1, 65)}


# --- every kind of file


@pytest.mark.parametrize("kind", KINDS)
def test_every_technique_comes_back(kind: str) -> None:
    written = serialised(song(), kind)
    back = song_from_bytes(written.data, f"a.{kind}")
    tracks = sorted(back.tracks, key=lambda track: (track.is_drum, track.program))
    lost = BEYOND.get(kind, set())
    for meant, track in zip(song().tracks, tracks, strict=True):
        found = {(n.start * QUARTER // back.ticks_per_quarter, n.pitch): n for n in track.notes}
        for note in meant.notes:
            other = found[note.start, note.pitch]
            assert set(other.techniques) == set(note.techniques) - lost, (kind, note)
            if meant.name == "Everything":
                assert other.bend == note.bend
            else:  # tied, and each part is rounded to quarter tones
                assert len(other.bend) == 0 or abs(other.bend[-1][1] - note.bend[-1][1]) <= 0.5
    told = " ".join(written.notes)
    assert ("Ways of playing" in told) == bool(lost)
    for name in lost:
        assert f"{name} (1)" in told


chosen = st.sets(st.sampled_from([name for name in TECHNIQUES if name not in ("bend", "flam")]), max_size=4)
LINE = {"slap", "pop", "tap"}
EXCLUSIVE = ({"accent", "heavy accent", "ghost"}, LINE)


@settings(max_examples=25, deadline=None)
@given(st.lists(chosen, min_size=4, max_size=4), st.sampled_from(["gp5", "gp", "musicxml", "txt"]))
def test_techniques_go_together(names: list[set[str]], kind: str) -> None:
    for group in EXCLUSIVE:  # a note is hit in one way
        names = [one - (one & group) | set(sorted(one & group)[:1]) for one in names]
    notes = tuple(
        Note(at * QUARTER, QUARTER // 4 if "dead" in one else QUARTER, 60 + at, 95, 3, 5 + at, tuple(sorted(one)))
        for at, one in enumerate(names)
    )
    one = Song(QUARTER, (Track("G", 29, False, notes, 0, GUITAR),), length=4 * QUARTER)
    back = song_from_bytes(serialised(one, kind).data, f"a.{kind}")
    assert [note.techniques for note in back.tracks[0].notes] == [note.techniques for note in notes]


def test_musicxml_says_to_music21_what_it_should() -> None:
    music21 = pytest.importorskip("music21")
    text = serialised(song(), "musicxml").data.decode()
    part = music21.converter.parseData(text, format="musicxml").parts[0]
    classes = {
        "accent": "Accent",
        "bend": "FretBend",
        "hammer": "HammerOn",
        "harmonic": "StringHarmonic",
        "heavy accent": "StrongAccent",
        "pop": "TechnicalIndication",
        "slap": "TechnicalIndication",
        "slide": "Glissando",
        "slide in": "Scoop",
        "slide out": "Falloff",
        "staccato": "Staccato",
        "tap": "FretTap",
        "tremolo": "Tremolo",
        "vibrato": "TrillExtension",
    }
    for note, meant in zip(part.flatten().notes, tune(), strict=True):
        said = {type(one).__name__ for one in [*note.articulations, *note.expressions, *note.getSpannerSites()]}
        (name,) = meant.techniques
        others = {kind for other, kind in classes.items() if kind != classes.get(name)} - {"HammerOn", "Glissando"}
        assert name not in classes or classes[name] in said, meant
        assert not said & others, meant
        assert (note.notehead == "x", note.noteheadParenthesis) == (name == "dead", name == "ghost")


# --- one kind of file


def test_the_published_encoder_found_as_many(data_pack: Callable[[str], Path]) -> None:
    """Counts of `nfx` and `bfx` in the token texts that come with DadaGP, made by its encoder from these files."""
    folder = data_pack("guitarpro") / "dadagp-examples"
    for name, expected in (
        ("slapbass", {"slide": 33}),
        ("progmetal", {"dead": 56, "bend": 3}),
    ):
        read = load_song(folder / f"dadagp-examples__examples__{name}.gp3")
        found = Counter(one for track in read.tracks for note in track.notes for one in note.techniques)
        assert {one: found[one] for one in expected} == expected
        starts = {
            (track.source_id, note.start) for track in read.tracks for note in track.notes if "tap" in note.techniques
        }
        assert len(starts) == {"slapbass": 143, "progmetal": 0}[name]


def test_dadagp_tokens_of_both_versions_of_the_grammar() -> None:
    body = """new_measure
    bass:note:s2:f5 nfx:slide:3 bfx:slap_effect:3 wait:960
    bass:note:s2:f5 nfx:bend:type1:pos0:val0:vib0:pos6:val4:vib0:pos12:val4:vib0 nfx:hammer wait:960
    bass:note:s2:f5 nfx:bend:type5 param:val4:vib0 param:dur4 param:val4:vib0 param:dur8 param:val0:vib0 bfx:vibrato
    drums:note:38 nfx:grace:fret38 param:duration32:dead0:beat0:transition0 nfx:ghost_note wait:1920"""
    text = "\n".join(["artist:x", "downtune:0", "tempo:120", "start", *body.split(), "end"])
    read = read_tokens(text, "x")
    bass, drums = read.tracks
    assert [note.techniques for note in bass.notes] == [("pop", "slide out"), ("bend", "hammer"), ("bend", "vibrato")]
    assert bass.notes[1].bend == ((0.0, 0.0), (0.5, 2.0), (1.0, 2.0))
    assert bass.notes[2].bend == ((0.0, 2.0), (0.3333, 2.0), (1.0, 0.0))
    assert [note.techniques for note in drums.notes] == [("flam", "ghost")]
    assert read.warnings == ()


@pytest.mark.parametrize("kind", ["gp3", "gp4"])
def test_old_guitar_pro_keeps_heavy_accents_and_how_grace_notes_lead(kind: str) -> None:
    """By the library alone neither is kept: Guitar Pro 5, where both are beyond doubt, is the measure."""
    main = Note(QUARTER, QUARTER, 62, 95, 3, 7, ("heavy accent",))
    graces = Note(QUARTER - 30, 30, 60, 95, 3, 5, ("slide",))
    notes = (Note(0, QUARTER - 30, 60, 95, 3, 5), graces, main)
    one = Song(QUARTER, (Track("G", 29, False, notes, 0, GUITAR),), length=4 * QUARTER)
    new, old = (song_from_bytes(serialised(one, version).data, "a") for version in ("gp5", kind))
    assert [note.techniques for note in old.tracks[0].notes] == [(), ("slide",), ("heavy accent",)]
    assert old.tracks[0].notes == new.tracks[0].notes


def test_guitar_pro_3_plays_a_beat_with_vibrato_only_if_all_its_notes_have_it() -> None:
    some = (Note(0, QUARTER, 60, 95, 3, 5, ("vibrato",)), Note(0, QUARTER, 64, 95, 2, 5))
    every = tuple(replace(note, start=QUARTER, techniques=("vibrato",)) for note in some)
    one = Song(QUARTER, (Track("G", 29, False, (*some, *every), 0, GUITAR),), length=4 * QUARTER)
    written = serialised(one, "gp3")
    back = song_from_bytes(written.data, "a.gp3")
    assert [note.techniques for note in back.tracks[0].notes] == [(), (), ("vibrato",), ("vibrato",)]
    assert any("vibrato (1)" in sentence for sentence in written.notes)


def test_a_flam_of_guitar_pro_is_a_grace_note_and_two_strokes_in_a_song() -> None:
    drums = Song(QUARTER, (Track("D", 0, True, beat(2), 9),), length=8 * QUARTER)
    for kind in ("gp3", "gp4", "gp5", "gp", "musicxml"):
        back = song_from_bytes(serialised(drums, kind).data, f"a.{kind}")
        notes = back.tracks[0].notes
        flams = [note for note in notes if "flam" in note.techniques]
        strokes = [note for note in notes if note.duration * 32 <= back.ticks_per_quarter]
        assert [note.end for note in strokes] == [note.start for note in flams], kind
        assert len(flams) == 2
        assert all(stroke.velocity < flam.velocity for stroke, flam in zip(strokes, flams, strict=True))
        again = song_from_bytes(serialised(replace(back, source=None), kind).data, f"b.{kind}")
        assert again.tracks[0].notes == notes, kind


def test_losses_count_what_is_played_no_more() -> None:
    before = song()
    plain = before.with_tracks(
        [replace(t, notes=tuple(replace(n, techniques=(), bend=()) for n in t.notes)) for t in before.tracks]
    )
    (told,) = (text for text in losses(before, plain, "gp") if text.startswith("Ways of playing"))
    assert "bend (2)" in told
    assert "flam (2)" in told
    assert "palm mute (1)" in told
    assert not [text for text in losses(before, before, "gp") if text.startswith("Ways of playing")]
    assert not [text for text in losses(before, plain, "mid") if text.startswith("Ways of playing")]


def test_what_the_library_writes_of_its_own_effects_is_read() -> None:
    """A file written by PyGuitarPro alone, from its own model."""
    import io

    model = gp.Song()
    track = model.tracks[0]
    voice = track.measures[0].voices[0]
    for effect in ("palmMute", "letRing", "hammer", "staccato"):
        made = gp.Beat(voice, duration=gp.Duration(4), status=gp.BeatStatus.normal)
        note = gp.Note(made, value=5, string=2, type=gp.NoteType.normal)
        setattr(note.effect, effect, True)
        made.notes.append(note)
        voice.beats.append(made)
    made.effect.slapEffect = gp.SlapEffect.slapping
    stream = io.BytesIO()
    gp.write(model, stream, version=(5, 1, 0))
    read = song_from_bytes(stream.getvalue(), "a.gp5")
    assert [n.techniques for n in read.tracks[0].notes] == [
        ("palm mute",),
        ("let ring",),
        ("hammer",),
        ("slap", "staccato"),
    ]
