"""What is struck when: the tempo map and the techniques have closed forms, pretty_midi is a second opinion on time."""

from __future__ import annotations

import io
from dataclasses import replace

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arranger.files import song_from_bytes
from arranger.song import Note, Song, Tempo, TimeSignature, Track
from audio_ext.articulation import MUTED_GUITAR, SLAP_BASS, course_at
from audio_ext.errors import AudioError
from audio_ext.midi_controls import VOLUME, WHEEL
from audio_ext.performance import Lane, Sound, perform, tempo_clock

TPQ = 480
LIVELY = ["bend", "slide", "slide in", "slide out", "vibrato", "tremolo", "let ring", "flam"]


def song_of(*notes: Note, program: int = 27, is_drum: bool = False, **rest: object) -> Song:
    return replace(Song(TPQ, (Track("Track", program, is_drum, tuple(notes)),)), **rest)  # type: ignore[arg-type]


def sounds(song: Song) -> list[Sound]:
    struck = (sound for lane in perform(song).tracks[0] for sound in lane.sounds)
    return sorted(struck, key=lambda sound: (sound.start, sound.pitch))


def lanes(song: Song) -> tuple[Lane, ...]:
    return perform(song).tracks[0]


def midi(*tracks: list[mido.Message | mido.MetaMessage], kind: int = 1) -> Song:
    file = mido.MidiFile(type=kind, ticks_per_beat=TPQ)
    for events in tracks:
        file.tracks.append(mido.MidiTrack(events))
    out = io.BytesIO()
    file.save(file=out)
    return song_from_bytes(out.getvalue(), "song.mid")


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(20, 400)), max_size=12), st.integers(0, 40_000))
def test_time_is_the_integral_of_the_tempo_map(changes: list[tuple[int, float]], tick: int) -> None:
    tempos, at = [Tempo(0, 100.0)], 0
    for after, qpm in changes:
        at += after
        tempos.append(Tempo(at, qpm))
    ends = [*(tempo.tick for tempo in tempos[1:]), 10**9]
    exact = sum(
        max(0, min(tick, end) - tempo.tick) * 60 / (tempo.qpm * TPQ) for tempo, end in zip(tempos, ends, strict=True)
    )
    assert tempo_clock(Song(TPQ, (), tuple(tempos)))(tick) == pytest.approx(exact, abs=1e-9)


def test_times_are_those_that_pretty_midi_gives() -> None:
    song = song_of(
        *(Note(at * 300, 200, 40 + at % 20, 90) for at in range(60)),
        tempos=(Tempo(0, 90.0), Tempo(1000, 133.0), Tempo(7777, 61.0)),
    )
    oracle = sorted(song.to_pretty_midi().instruments[0].notes, key=lambda note: note.start)
    for ours, theirs in zip(sounds(song), oracle, strict=True):
        # A MIDI file counts microseconds a quarter, whole ones.
        assert (ours.start, ours.end, ours.pitch) == pytest.approx((theirs.start, theirs.end, theirs.pitch), abs=1e-4)


def test_repeats_are_played() -> None:
    song = song_of(Note(0, TPQ, 60), Note(4 * TPQ, TPQ, 62), order=(0, 1, 0, 1), length=8 * TPQ)
    assert [(sound.start, sound.pitch) for sound in sounds(song)] == [(0, 60), (2, 62), (4, 60), (6, 62)]


def test_a_note_ends_where_its_pitch_is_struck_again() -> None:
    song = song_of(Note(0, 4 * TPQ, 60), Note(TPQ, TPQ, 60), Note(TPQ, 4 * TPQ, 64))
    assert [(sound.start, sound.end) for sound in sounds(song)] == [(0, 0.5), (0.5, 1.0), (0.5, 2.5)]


def test_short_and_soft_techniques() -> None:
    note = Note(0, 2 * TPQ, 45, 80, string=5)

    def played(*techniques: str, program: int = 30) -> Sound:
        (sound,) = sounds(song_of(replace(note, techniques=techniques), program=program))
        return sound

    plain = played()
    assert (plain.end, plain.velocity) == (1.0, 80)
    assert played("staccato").end == 0.5
    assert played("dead").end == pytest.approx(0.06)
    assert played("palm mute").end < 0.3
    assert played("palm mute").velocity < 80
    assert played("ghost").velocity < 60
    assert 127 >= played("heavy accent").velocity > played("accent").velocity > 80


def test_programs_for_techniques() -> None:
    def program(technique: str, of_track: int) -> int:
        (lane,) = lanes(song_of(Note(0, TPQ, 45, techniques=(technique,)), program=of_track))
        return lane.program

    assert program("palm mute", 27) == MUTED_GUITAR
    assert program("palm mute", 30) == 30  # a muted clean guitar is no palm-muted distorted one
    assert program("slap", 33) == SLAP_BASS["slap"]
    assert program("pop", 33) == SLAP_BASS["pop"]


def test_a_string_rings_until_it_is_struck_again() -> None:
    first = Note(0, TPQ, 50, string=4, techniques=("let ring",))
    (ringing, _) = sounds(song_of(first, Note(3 * TPQ, TPQ, 52, string=4)))
    assert ringing.end == 1.5
    (ringing, _) = sounds(song_of(first, Note(3 * TPQ, TPQ, 52, string=3)))
    assert ringing.end == 2.5  # its own quarter and four more


def test_a_bend_bends_its_own_string_only() -> None:
    bent = Note(0, 2 * TPQ, 62, string=2, techniques=("bend",), bend=((0.0, 0.0), (0.5, 2.0), (1.0, 2.0)))
    song = song_of(bent, Note(0, 2 * TPQ, 69, string=1))
    found = {lane.sounds[0].pitch: lane.sounds[0].course for lane in lanes(song)}
    assert found == {62: ((0.0, 0.0), (0.5, 2.0), (1.0, 2.0)), 69: ()}
    assert course_at(found[62], 0.25) == pytest.approx(1.0)
    assert course_at(found[62], 9.0) == 2.0


def test_a_slide_arrives_at_the_next_note() -> None:
    song = song_of(Note(0, TPQ, 50, string=4, techniques=("slide",)), Note(TPQ, TPQ, 55, string=4))
    course = sounds(song)[0].course
    assert course[-1] == (0.5, 5.0)
    assert course_at(course, 0.3) == 0.0


def test_slides_from_and_to_nowhere_and_vibrato() -> None:
    (scooped,) = sounds(song_of(Note(0, TPQ, 50, techniques=("slide in",))))
    assert scooped.course[0] == (0.0, -3.0)
    assert course_at(scooped.course, 0.2) == 0.0
    (falling,) = sounds(song_of(Note(0, TPQ, 50, techniques=("slide out",))))
    assert falling.course[-1] == (0.5, -5.0)
    (shaken,) = sounds(song_of(Note(0, 4 * TPQ, 50, techniques=("vibrato",))))
    depth = [semitones for _, semitones in shaken.course]
    assert max(depth) == pytest.approx(0.3)
    assert min(depth) == pytest.approx(-0.3)
    assert [time for time, _ in shaken.course] == sorted(time for time, _ in shaken.course)


def test_hammered_notes_are_softer_and_flams_come_twice() -> None:
    hammered = song_of(Note(0, TPQ, 50, 100, string=4, techniques=("hammer",)), Note(TPQ, TPQ, 52, 100, string=4))
    assert [sound.velocity for sound in sounds(hammered)] == [100, 80]
    flam = song_of(Note(TPQ, TPQ, 38, 100, techniques=("flam",)), program=0, is_drum=True)
    assert [(sound.start, sound.velocity) for sound in sounds(flam)] == [(pytest.approx(0.47), 60), (0.5, 100)]


def test_tremolo_is_thirty_second_notes() -> None:
    struck = sounds(song_of(Note(0, TPQ, 60, techniques=("tremolo",))))
    assert [sound.start for sound in struck] == pytest.approx([i / 16 for i in range(8)])


@given(
    st.lists(
        st.builds(
            Note,
            st.integers(0, 4000),
            st.integers(1, 2000),
            st.integers(0, 127),
            st.integers(1, 127),
            st.sampled_from([None, 1, 2, 3]),
            st.none(),
            st.lists(st.sampled_from(LIVELY)).map(set).map(sorted).map(tuple),
            st.lists(st.tuples(st.floats(0, 1), st.floats(-30, 30)), max_size=5).map(tuple),
        ),
        max_size=12,
    )
)
def test_any_notes_give_sounds_in_order_within_bounds(notes: list[Note]) -> None:
    for lane in lanes(song_of(*notes)):
        starts = [sound.start for sound in lane.sounds]
        assert starts == sorted(starts)
        for sound in lane.sounds:
            assert 0 <= sound.start <= sound.end
            assert 1 <= sound.velocity <= 127
            times = [time for time, _ in sound.course]
            assert times == sorted(times)
            # No course goes further than the wheel can, give or take a scoop and a shake.
            assert all(abs(semitones) <= 24 + 5 + 0.3 for _, semitones in sound.course)
        by_pitch: dict[int, float] = {}
        for sound in lane.sounds:
            assert by_pitch.get(sound.pitch, 0.0) <= sound.start + 1e-12
            by_pitch[sound.pitch] = sound.end


def test_volume_wheel_and_pedal_of_a_midi_file_are_heard() -> None:
    song = midi(
        [
            mido.Message("control_change", channel=2, control=101, value=0),
            mido.Message("control_change", channel=2, control=100, value=0),
            mido.Message("control_change", channel=2, control=6, value=12),
            mido.Message("pitchwheel", channel=2, pitch=4096, time=TPQ),
        ],
        [
            mido.Message("program_change", channel=2, program=10),
            mido.Message("control_change", channel=2, control=7, value=33),
            mido.Message("note_on", channel=2, note=60, velocity=90),
            mido.Message("control_change", channel=2, control=64, value=127, time=TPQ),
            mido.Message("note_off", channel=2, note=60, time=TPQ),
            mido.Message("control_change", channel=2, control=64, value=0, time=2 * TPQ),
            mido.Message("program_change", channel=2, program=20),
            mido.Message("note_on", channel=2, note=64, velocity=90),
            mido.Message("note_off", channel=2, note=64, time=TPQ),
        ],
    )
    first, second = lanes(song)
    assert (first.program, second.program) == (10, 20)
    assert (first.sounds[0].start, first.sounds[0].end) == (0, 2.0)  # held by the pedal for two quarters more
    assert {(c.seconds, c.number, c.value) for c in first.controls} == {(0.0, VOLUME, 33), (0.5, WHEEL, 6.0)}


def test_more_than_sixteen_tracks_stay_apart() -> None:
    tracks = tuple(Track(str(at), at, False, (Note(at, 10, 60),)) for at in range(40))
    found = perform(Song(TPQ, tracks))
    assert [lane.program for of_track in found.tracks for lane in of_track] == list(range(40))


def test_a_song_of_days_is_refused_with_a_way_out() -> None:
    endless = song_of(Note(TPQ * 20_000, TPQ, 60), tempos=(Tempo(0, 1.0),), time_signatures=(TimeSignature(0, 4, 4),))
    with pytest.raises(AudioError, match=r"333\.4 hours; the limit is 3\. Check its tempo map"):
        perform(endless)
