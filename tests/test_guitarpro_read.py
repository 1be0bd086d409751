"""Reading Guitar Pro: every real file or a clear refusal, and the same notes as PyGuitarPro's own beats."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import guitarpro as gp
import pytest
from guitarpro.models import BeatStatus, NoteType
from guitarpro_scores import a_score, as_bytes, files, put

from arranger.errors import SongFileError
from arranger.formats import guitarpro_file
from arranger.formats.guitarpro_read import read_guitarpro, repaired
from arranger.song import Feel, KeySignature, Marker, Song, Tempo, TimeSignature


def read(model: Any) -> Song:
    return read_guitarpro(as_bytes(model), "song.gp5")


def spans(song: Song) -> list[tuple[int, int, int]]:
    return [(note.start, note.duration, note.pitch) for note in song.tracks[0].notes]


def test_every_file_is_read_or_refused(data_pack: Callable[[str], Path]) -> None:
    refused = []
    for path in files(data_pack):
        try:
            song = read_guitarpro(path.read_bytes(), path.name)
        except SongFileError as err:
            refused.append((path.name, err))
            continue
        assert song.source is not None
        assert song.source.format == path.suffix[1:] or path.name.endswith("tmp")
        assert song.bars[-1].end == song.length == song.end
    assert len(refused) < 30
    for name, err in refused:
        assert str(err).startswith(f"{name}: it has no notes")


def test_bars_notes_and_pitches_agree_with_the_library(data_pack: Callable[[str], Path]) -> None:
    compared = 0
    for path in files(data_pack):
        try:
            song = read_guitarpro(path.read_bytes(), path.name)
        except SongFileError:
            continue
        model = gp.parse(io.BytesIO(path.read_bytes()))
        assert [bar.length for bar in song.bars] == [header.length for header in model.measureHeaders]
        assert [(bar.numerator, bar.denominator) for bar in song.bars] == [
            (header.timeSignature.numerator, header.timeSignature.denominator.value) for header in model.measureHeaders
        ]
        assert (song.tempos[0].tick, song.title) == (0, model.title)
        for track, source in zip(song.tracks, model.tracks, strict=True):
            # Notes inside their bar that are no ties, and grace notes; ties with nothing to hold on to come on top.
            inside = [
                note
                for measure in source.measures
                for voice in measure.voices
                for beat in voice.beats
                for note in beat.notes
                if beat.start < measure.end and beat.status != BeatStatus.empty
            ]
            struck = Counter(note.value for note in inside if note.type != NoteType.tie)
            graces = Counter(max(0, note.effect.grace.fret) for note in inside if note.effect.grace is not None)
            ours = Counter(note.fret for note in track.notes)
            assert struck + graces <= ours
            assert (ours - struck - graces).total() <= sum(note.type == NoteType.tie for note in inside)
            compared += struck.total()
    assert compared > 5000


def test_ties_lengthen_and_dead_notes_are_short() -> None:
    model = a_score()
    put(model, 0, 1, {6: 3})
    put(model, 1, 4, {6: 0}, kind=NoteType.tie)
    put(model, 1, 4, {6: 2}, kind=NoteType.dead)
    put(model, 1, 2, {1: 5})
    song = read(model)
    assert spans(song) == [(0, 4800, 43), (4800, 240, 42), (5760, 1920, 69)]
    assert [(note.string, note.fret) for note in song.tracks[0].notes] == [(6, 3), (6, 2), (1, 5)]


def test_a_tie_holds_over_rests_and_bars_that_are_not_full_but_not_for_ever() -> None:
    model = a_score(6)
    put(model, 0, 4, {6: 3})
    put(model, 0, 4, {})
    put(model, 0, 4, {6: 3}, kind=NoteType.tie)
    put(model, 1, 2, {6: 3}, kind=NoteType.tie)
    put(model, 1, 4, {5: 2}, kind=NoteType.tie)
    for bar in (2, 3, 4):
        put(model, bar, 1, {})
    put(model, 5, 1, {6: 3}, kind=NoteType.tie)
    assert spans(read(model)) == [(0, 3840 + 1920, 43), (3840 + 1920, 960, 45), (5 * 3840, 3840, 40)]


def test_a_tie_with_nothing_to_hold_on_to_has_the_fret_that_its_byte_says() -> None:
    model = a_score(1)
    put(model, 0, 1, {6: 7})
    data = bytearray(as_bytes(model))
    at = data.rindex(bytes([1, 7]))  # type and fret
    data[at : at + 2] = [2, 7]
    assert spans(read_guitarpro(bytes(data), "song.gp5")) == [(0, 3840, 47)]


@pytest.mark.parametrize("version", [(3, 0, 0), (4, 0, 6), (5, 1, 0)])
def test_grace_notes_stand_before_their_beat(version: tuple[int, int, int]) -> None:
    model = a_score(2)
    for bar in (0, 1):
        beat = put(model, bar, 1, {1: 5, 2: 5})
        beat.notes[0].effect.grace = gp.GraceEffect(fret=3)
    song = read_guitarpro(as_bytes(model, version), "song")
    # The song's very first has no room before it.
    assert spans(song) == [
        (0, 30, 67),
        (0, 3840, 64),
        (30, 3810, 69),
        (3810, 30, 67),
        (3840, 3840, 64),
        (3840, 3840, 69),
    ]
    assert [note.fret for note in song.tracks[0].notes if note.duration == 30] == [3, 3]


def test_grace_notes_on_the_beat_and_in_short_places() -> None:
    model = a_score(1)
    put(model, 0, 4, {1: 5})
    beat = put(model, 0, 4, {1: 5})
    beat.notes[0].effect.grace = gp.GraceEffect(fret=3, isOnBeat=True)
    put(model, 0, 64, {1: 1}, tuplet=(3, 2))
    beat = put(model, 0, 4, {1: 2})
    beat.notes[0].effect.grace = gp.GraceEffect(fret=4)
    assert spans(read(model))[1:] == [(960, 30, 67), (990, 930, 69), (1920, 40, 65), (1940, 20, 68), (1960, 960, 66)]


def test_keys_and_swing() -> None:
    model = a_score(4)
    put(model, 0, 1, {1: 5})
    assert (read(model).keys, read(model).feels, read(model).order) == ((), (), ())
    for bar, key in enumerate([(2, 0), (2, 0), (-3, 1), (0, 0)]):
        model.measureHeaders[bar].keySignature = gp.KeySignature(key)
    for bar, feel in enumerate([0, 1, 1, 2]):
        model.measureHeaders[bar].tripletFeel = gp.TripletFeel(feel)
    song = read(model)
    assert song.keys == (KeySignature(0, 2), KeySignature(7680, -3, True), KeySignature(11520, 0))
    assert song.feels == (Feel(3840, "triplet-eighths"), Feel(11520, "triplet-sixteenths"))


def test_repeats_endings_and_jumps() -> None:
    model = a_score(6)
    put(model, 0, 1, {1: 5})
    headers = model.measureHeaders
    headers[0].isRepeatOpen = True
    headers[1].repeatAlternative, headers[1].repeatClose = 0b11, 2
    headers[2].repeatAlternative = 0b100
    headers[3].direction = gp.DirectionSign("Fine")
    headers[5].fromDirection = gp.DirectionSign("Da Capo al Fine")
    assert read(model).order == (0, 1, 0, 1, 0, 2, 3, 4, 5, 0, 1, 2, 3)


def test_a_sign_beyond_the_last_bar_is_ignored() -> None:
    model = a_score(2)
    put(model, 0, 1, {1: 5})
    model.measureHeaders[1].direction = gp.DirectionSign("Coda")
    data = as_bytes(model)
    signs = b"\x02\x00" + b"\xff\xff" * 18
    assert signs in data
    assert read_guitarpro(data.replace(signs, b"\x63" + signs[1:]), "song").order == ()


def test_septuplets_do_not_drift() -> None:
    model = a_score(1)
    for fret in range(7):
        put(model, 0, 16, {1: fret}, tuplet=(7, 4))
    put(model, 0, 4, {1: 9})
    starts = [note.start for note in read(model).tracks[0].notes]
    assert starts == [0, 137, 274, 411, 549, 686, 823, 960]


def test_notes_after_the_end_of_their_bar_are_left_out_and_said() -> None:
    model = a_score(1)
    for fret in range(5):
        put(model, 0, 4, {1: fret})
    song = read(model)
    assert len(song.tracks[0].notes) == 4
    assert song.warnings == ("Track 1: 1 notes stand after the end of their bar and were left out.",)


def test_metre_tempo_markers_capo_and_voices() -> None:
    model = a_score(3)
    model.tempo = 100
    model.tracks[0].offset = 2
    model.tracks[0].name = "Gitárka"
    model.measureHeaders[1].timeSignature = gp.TimeSignature(7, gp.Duration(8))
    model.measureHeaders[2].timeSignature = gp.TimeSignature(7, gp.Duration(8))
    model.measureHeaders[1].marker = gp.Marker("Bridge")
    put(model, 0, 1, {1: 0})
    put(model, 0, 2, {6: 0}, voice=1)
    put(model, 1, 4, {})
    put(model, 1, 4, {1: 1}, mixTableChange=gp.MixTableChange(tempo=gp.MixTableItem(150)))
    song = read(model)
    assert song.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(3840, 7, 8))
    assert song.length == 3840 + 2 * 3360
    assert song.tempos == (Tempo(0, 100.0), Tempo(4800, 150.0))
    assert song.markers == (Marker(3840, "Bridge"),)
    assert spans(song) == [(0, 1920, 42), (0, 3840, 66), (4800, 960, 67)]
    assert (song.tracks[0].name, song.tracks[0].capo, song.tracks[0].tuning) == ("Gitárka", 2, (64, 59, 55, 50, 45, 40))
    assert song.tracks[0].source_id == (0,)


def test_drums_are_keys() -> None:
    model = a_score(1)
    model.tracks[0].isPercussionTrack = True
    model.tracks[0].channel = gp.MidiChannel(9, 9, instrument=0)
    put(model, 0, 1, {1: 42, 6: 36})
    song = read(model)
    assert song.tracks[0].is_drum
    assert song.tracks[0].tuning is None
    assert {note.pitch for note in song.tracks[0].notes} == {36, 42}


def test_text_of_other_encodings() -> None:
    assert repaired("Motörhead", "cp1252") == "Motörhead"
    assert repaired("Motörhead".encode().decode("cp1252"), "cp1252") == "Motörhead"
    assert repaired(b"it\x92s \x81".decode("latin-1"), "latin-1") == "it’s �"
    model = a_score(1)
    put(model, 0, 1, {1: 0})
    model.title = "TITLE"
    data = as_bytes(model).replace(b"TITLE", b"T\x81\x8dT\xe9")
    assert read_guitarpro(data, "song.gp5").title.startswith("T")


def refusal(data: bytes) -> SongFileError:
    with pytest.raises(SongFileError) as caught:
        read_guitarpro(data, "song.gp5")
    return caught.value


def test_refusals_name_place_and_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = a_score()
    put(model, 0, 1, {1: 0})
    put(model, 1, 1, {1: 0})
    data = as_bytes(model)
    cut = refusal(data[:-25])
    assert (cut.problem, cut.remedy is not None) == ("it is cut off or damaged", True)
    assert cut.place is not None
    assert cut.place.startswith("track 1, bar ")
    assert "isn't a Guitar Pro 3, 4 or 5 file" in str(refusal(b"\x18FICHIER GUITAR PRO v9.99" + data[31:]))
    assert refusal(b"").place is None
    assert "has no notes" in str(refusal(as_bytes(a_score())))
    monkeypatch.setattr(guitarpro_file, "MAX_BARS", 1)
    assert "it says it has 2 bars" in str(refusal(data))
    monkeypatch.undo()
    monkeypatch.setattr(guitarpro_file, "MAX_NOTES", 1)
    assert "more than 1 notes" in str(refusal(data))
    monkeypatch.setattr(guitarpro_file, "MAX_BYTES", 100)
    assert "more than the" in str(refusal(data))


def test_too_many_tracks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = a_score(1)
    put(model, 0, 1, {1: 0})
    monkeypatch.setattr(guitarpro_file, "MAX_TRACKS", 0)
    assert "it says it has 1 tracks" in str(refusal(as_bytes(model)))


def test_damaged_files_raise_nothing_else(data_pack: Callable[[str], Path]) -> None:
    rng = random.Random(1)
    small = [path for path in files(data_pack) if path.stat().st_size < 2500]
    for path in rng.sample(small, 40):
        for _ in range(5):
            data = bytearray(path.read_bytes())
            for _ in range(rng.choice([1, 4, 30])):
                data[rng.randrange(31, len(data))] = rng.randrange(256)
            with suppress(SongFileError):
                read_guitarpro(bytes(data[: rng.choice([len(data), rng.randrange(len(data))])]), path.name)
