"""Writing Guitar Pro: the old tracks as they were, object by object; the new ones with every note asked for."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import guitarpro as gp
import pytest
from guitarpro.models import BeatStatus, NoteType
from guitarpro_scores import a_score, as_bytes, bass_line, drum_beat, files, put

from arranger.errors import SongFileError
from arranger.formats.guitarpro_read import beat_ticks, read_guitarpro
from arranger.formats.guitarpro_write import write_guitarpro
from arranger.fretboard import BASS_4
from arranger.song import Bar, Note, Song, Track


def readable(data_pack: Callable[[str], Path]) -> Iterator[tuple[Song, Any]]:
    """Each readable file as a Song and as PyGuitarPro reads it."""
    for path in files(data_pack):
        data = path.read_bytes()
        try:
            song = read_guitarpro(data, path.name)
        except SongFileError:
            continue
        yield song, gp.parse(io.BytesIO(data))


def heard(notes: tuple[Note, ...]) -> list[tuple[int, int]]:
    return [(note.start, note.pitch) for note in sorted(notes)]


def test_new_tracks_in_every_real_file(data_pack: Callable[[str], Path]) -> None:
    count = 0
    for song, source in readable(data_pack):
        bass = Track("Bass", 33, False, bass_line(song.bars), tuning=BASS_4)
        drums = Track("Drums", 0, True, drum_beat(song.bars))
        out = write_guitarpro(song.with_tracks([*song.tracks, bass, drums]))
        assert song.source is not None
        assert version_text(out) == version_text(song.source.data)
        written = gp.parse(io.BytesIO(out))
        assert [track.number for track in written.tracks] == list(range(1, len(written.tracks) + 1))
        for new in written.tracks[-2:]:
            assert_bars_full(new)
        again = read_guitarpro(out, "again")
        assert [(n.start, n.pitch, n.duration, n.velocity) for n in again.tracks[-2].notes] == [
            (n.start, n.pitch, n.duration, n.velocity) for n in bass.notes
        ]
        assert heard(again.tracks[-1].notes) == heard(drums.notes)
        assert (again.tracks[-2].program, again.tracks[-1].is_drum, again.tracks[-2].tuning) == (33, True, BASS_4)
        assert again.tracks[:-2] == song.tracks
        assert (again.tempos, again.markers, again.time_signatures) == (song.tempos, song.markers, song.time_signatures)
        written.tracks = written.tracks[:-2]
        assert written == source
        count += 1
    assert count > 90


def version_text(data: bytes) -> bytes:
    return data[1 : 1 + data[0]]


def assert_bars_full(track: Any) -> None:
    for measure in track.measures:
        length = sum((beat_ticks(beat.duration) for beat in measure.voices[0].beats), Fraction(0))
        assert length == measure.length
        for beat in measure.voices[0].beats:
            assert (beat.status == BeatStatus.rest) == (not beat.notes)
            assert len({note.string for note in beat.notes}) == len(beat.notes)


def test_untouched_song_comes_back_equal(data_pack: Callable[[str], Path]) -> None:
    for song, source in islice(readable(data_pack), 0, None, 4):
        assert gp.parse(io.BytesIO(write_guitarpro(song))) == source


def test_only_the_changed_bars_are_written_anew(data_pack: Callable[[str], Path]) -> None:
    rng = random.Random(0)
    edited = 0
    for song, source in readable(data_pack):
        index = rng.randrange(len(song.tracks))
        track = song.tracks[index]
        if track.is_drum or len(song.bars) < 3:
            continue
        first = rng.randrange(len(song.bars) - 1)
        chosen = song.bars[first : first + 2]
        low = min(track.tuning or (40,)) + track.capo
        fresh = [Note(start, 480, low + index % 12) for bar in chosen for index, start in starts(bar)]
        outside = [note for note in track.notes if not chosen[0].start <= note.start < chosen[-1].end]
        changed = replace(track, notes=tuple(sorted([*outside, *fresh])))
        out = write_guitarpro(song.with_tracks([*song.tracks[:index], changed, *song.tracks[index + 1 :]]))
        written = gp.parse(io.BytesIO(out))
        for at, (new, old) in enumerate(zip(written.tracks, source.tracks, strict=True)):
            if at != index:
                assert new == old
                continue
            for bar, (mine, theirs) in enumerate(zip(new.measures, old.measures, strict=True)):
                if bar not in (first, first + 1) and not begins_with_a_tie(theirs):
                    assert mine == theirs
        again = read_guitarpro(out, "again")
        kept = [note for note in again.tracks[index].notes if not chosen[0].start <= note.start < chosen[-1].end]
        cut = {note for note in outside if note.start < chosen[0].start < note.end}
        assert [note for note in kept if note.start not in {c.start for c in cut}] == [
            note for note in sorted(outside) if note.start not in {c.start for c in cut}
        ]
        assert heard(tuple(kept)) == heard(tuple(outside))
        inside = [note for note in again.tracks[index].notes if note not in kept]
        assert heard(tuple(inside)) == heard(tuple(fresh))
        assert again.tempos == song.tempos
        edited += 1
    assert edited > 30


def starts(bar: Bar) -> list[tuple[int, int]]:
    return list(enumerate(range(bar.start, bar.end, 480)))


def begins_with_a_tie(measure: Any) -> bool:
    return any(note.type == NoteType.tie for voice in measure.voices for beat in voice.beats for note in beat.notes)


def a_song(*, version: tuple[int, int, int] = (5, 1, 0)) -> Song:
    """Bar 1: half, half; bar 2: the last one tied over, then a palm-muted quarter; bar 3: dangling tie."""
    model = a_score(3)
    put(model, 0, 2, {6: 1})
    put(model, 0, 2, {6: 3})
    put(model, 1, 2, {6: 3}, kind=NoteType.tie)
    beat = put(model, 1, 4, {6: 5})
    beat.notes[0].effect.palmMute = True
    put(model, 1, 4, {})
    put(model, 2, 1, {5: 2})
    return read_guitarpro(as_bytes(model, version), "song.gp5")


def rewritten(song: Song, notes: list[Note]) -> tuple[Song, Any]:
    out = write_guitarpro(song.with_tracks([replace(song.tracks[0], notes=tuple(notes))]))
    return read_guitarpro(out, "again"), gp.parse(io.BytesIO(out))


@pytest.mark.parametrize("version", [(3, 0, 0), (4, 0, 6), (5, 0, 0), (5, 1, 0)])
def test_the_tail_of_a_removed_note_goes_and_its_neighbours_stay(version: tuple[int, int, int]) -> None:
    song = a_song(version=version)
    assert [(note.start, note.duration) for note in song.tracks[0].notes][1] == (1920, 3840)
    again, model = rewritten(song, [Note(0, 3840, 45), *song.tracks[0].notes[2:]])
    assert [(n.start, n.duration, n.pitch) for n in again.tracks[0].notes] == [
        (0, 3840, 45),
        (5760, 960, 45),
        (7680, 3840, 47),
    ]
    assert model.tracks[0].measures[1].voices[0].beats[0].status == BeatStatus.rest
    assert version[0] == 3 or model.tracks[0].measures[1].voices[0].beats[1].notes[0].effect.palmMute


def test_a_new_note_ends_with_the_bars_that_are_ours() -> None:
    song = a_song()
    again, _ = rewritten(song, [*song.tracks[0].notes[:-1], Note(7680, 9999, 47)])
    assert again.tracks[0].notes[-1].end == 3 * 3840
    again, _ = rewritten(song, [Note(0, 9999, 50), *song.tracks[0].notes[2:]])
    assert again.tracks[0].notes[0].end == 3840


@pytest.mark.parametrize("version", [(3, 0, 0), (4, 0, 6), (5, 0, 0), (5, 1, 0)])
def test_a_tie_with_nothing_to_hold_on_to_goes_on_being_struck(version: tuple[int, int, int]) -> None:
    """After the edit a new note stands before it on its string; the file says only “tied”, so it must say “struck”."""
    model = a_score(5)
    for bar in range(4):
        put(model, bar, 1, {5: 1})
    beat = put(model, 4, 1, {6: 3}, kind=NoteType.tie)
    beat.notes[0].effect.palmMute = True
    beat.notes[0].velocity = 63
    data = as_bytes(model, version)
    data = data[: data.rindex(b"\x02\x04")] + b"\x02\x04\x03" + data[data.rindex(b"\x02\x04") + 3 :]
    song = read_guitarpro(data, "song")
    assert [(note.start, note.pitch) for note in song.tracks[0].notes][4:] == [(4 * 3840, 43)]
    new = Note(3 * 3840, 3840, 45, string=6, fret=5)
    again, written = rewritten(song, [*song.tracks[0].notes[:3], new, song.tracks[0].notes[4]])
    assert heard(again.tracks[0].notes)[3:] == [(3 * 3840, 45), (4 * 3840, 43)]
    assert again.tracks[0].notes[4] == song.tracks[0].notes[4]
    assert version[0] == 3 or written.tracks[0].measures[4].voices[0].beats[0].notes[0].effect.palmMute


def test_what_was_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    song = a_song()
    assert song.source is not None
    cut, other = song.source.data[:-20], as_bytes(a_score(3))
    for wrong, words in ((cut, "can't be written back"), (other, r"track 1\): its notes can't be written back")):
        monkeypatch.setattr("arranger.formats.guitarpro_write.spliced", lambda *_, wrong=wrong: wrong)
        with pytest.raises(SongFileError, match=words):
            write_guitarpro(song)


@pytest.mark.parametrize("version", [(3, 0, 0), (4, 0, 6), (5, 1, 0)])
def test_long_notes_come_back_as_one(version: tuple[int, int, int]) -> None:
    song = a_song(version=version)
    notes = (Note(2400, 1200, 40, 95), Note(3600, 3600, 33, 95), Note(7200, 2880, 45, 95))
    out = write_guitarpro(song.with_tracks([*song.tracks, Track("Bass", 33, False, notes, tuning=BASS_4)]))
    written = read_guitarpro(out, "again").tracks[-1].notes
    assert [(note.start, note.duration, note.pitch) for note in written] == [
        (note.start, note.duration, note.pitch) for note in notes
    ]


def test_tempo_and_text_over_a_rewritten_bar_stay() -> None:
    model = a_score(1)
    put(model, 0, 2, {6: 1})
    beat = put(model, 0, 2, {6: 3}, mixTableChange=gp.MixTableChange(tempo=gp.MixTableItem(90)))
    beat.text = "slower"
    song = read_guitarpro(as_bytes(model), "song.gp5")
    again, written = rewritten(song, [Note(0, 960, 40), Note(1920, 960, 41)])
    assert again.tempos == song.tempos
    assert [beat.text for beat in written.tracks[0].measures[0].voices[0].beats if beat.text] == ["slower"]


def test_channels_of_all_tracks_stay_apart() -> None:
    """The library alone would give a track the sound of another whose effect channel it shares."""
    model = a_score(1)
    put(model, 0, 1, {1: 0})
    first = model.tracks[0]
    first.channel = gp.MidiChannel(0, 2, instrument=30)
    second = gp.Track(model, number=2, channel=gp.MidiChannel(2, 3, instrument=80))
    model.tracks.append(second)
    data = bytearray(as_bytes(model))
    at = data.find(bytes([30, 0, 0, 0, 13]), data.find(bytes([30, 0, 0, 0, 13])) + 1)
    data[at : at + 4] = bytes([80, 0, 0, 0])  # channel 3 as Guitar Pro itself would have written it
    song = read_guitarpro(bytes(data), "song.gp5")
    assert [track.program for track in song.tracks] == [30, 80]
    new = Track("Bass", 33, False, (Note(0, 960, 40),), tuning=BASS_4)
    again = read_guitarpro(write_guitarpro(song.with_tracks([*song.tracks, new])), "again")
    assert [track.program for track in again.tracks] == [30, 80, 33]


def test_drums_share_their_channel_and_keep_their_keys() -> None:
    song = a_song()
    kit = Track("Kit", 0, True, (Note(0, 1, 36), Note(0, 1, 38), Note(0, 1, 49), Note(960, 1, 42), Note(960, 1, 46)))
    out = write_guitarpro(song.with_tracks([*song.tracks, kit]))
    track = gp.parse(io.BytesIO(out)).tracks[-1]
    assert (track.isPercussionTrack, track.channel.channel, track.port) == (True, 9, 1)
    beat = track.measures[0].voices[0].beats[0]
    assert {note.string: note.value for note in beat.notes} == {1: 49, 4: 38, 5: 36}
    assert heard(read_guitarpro(out, "again").tracks[-1].notes) == heard(kit.notes)


def test_tracks_that_the_song_has_no_more_are_left_out() -> None:
    song = a_song()
    new = Track("Ünï☃", 33, False, (Note(0, 960, 40),))
    again = read_guitarpro(write_guitarpro(song.with_tracks([new])), "again")
    assert [track.name for track in again.tracks] == ["Ünï?"]


@pytest.mark.parametrize(
    ("track", "words"),
    [
        (Track("Harp", 46, False, (Note(0, 960, 40),), tuning=(40,) * 8), "8 strings"),
        (Track("Late", 33, False, (Note(3 * 3840, 960, 40),)), "after its last bar"),
    ],
)
def test_what_the_format_cannot_hold(track: Track, words: str) -> None:
    song = a_song()
    with pytest.raises(SongFileError, match=words):
        write_guitarpro(song.with_tracks([*song.tracks, track]))


def test_only_guitar_pro_goes_back_to_guitar_pro() -> None:
    with pytest.raises(SongFileError, match="wasn't read"):
        write_guitarpro(Song(960, ()))


def test_no_free_channel_is_said() -> None:
    song = a_song()
    many = [Track(f"T{n}", 33, False, (Note(0, 960, 40),)) for n in range(63)]
    with pytest.raises(SongFileError, match="64 MIDI channels"):
        write_guitarpro(song.with_tracks([*song.tracks, *many]))


def test_a_file_without_tracks_is_refused(data_pack: Callable[[str], Path]) -> None:
    (path,) = [path for path in files(data_pack) if path.name.endswith("blank.gp5")]
    song = a_song()
    source = replace(song.source, data=path.read_bytes(), name=path.name)  # type: ignore[type-var]
    with pytest.raises(SongFileError, match="no tracks"):
        write_guitarpro(replace(song, source=source))


def test_what_would_not_come_back_is_refused(data_pack: Callable[[str], Path]) -> None:
    """Damaged files that can still be read are written whole or refused; here, seven bytes in each are made up."""
    rng = random.Random(2)
    small = [path for path in files(data_pack) if path.stat().st_size < 2500]
    written = 0
    for path in rng.sample(small, 60):
        data = bytearray(path.read_bytes())
        for _ in range(7):
            data[rng.randrange(31, len(data))] = rng.randrange(256)
        with suppress(SongFileError):
            song = read_guitarpro(bytes(data), path.name)
            new = Track("Bass", 33, False, (Note(0, 480, 40),), tuning=BASS_4)
            again = read_guitarpro(write_guitarpro(song.with_tracks([*song.tracks, new])), "again")
            assert [track.notes for track in again.tracks[:-1]] == [track.notes for track in song.tracks]
            written += 1
    assert written > 10
