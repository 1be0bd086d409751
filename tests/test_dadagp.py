"""DadaGP tokens: what the published encoder writes is read, and what we write is what it would write."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arranger.errors import SongFileError
from arranger.files import load_song, song_from_bytes
from arranger.formats.dadagp import metre_of, read_tokens
from arranger.formats.dadagp_splice import splice_tokens
from arranger.formats.dadagp_write import group_of, write_tokens
from arranger.song import Note, Song, Tempo, TimeSignature, Track

GUITAR = (64, 59, 55, 50, 45, 40)
BASS = (43, 38, 33, 28)

# SHA-256 of `sounding` of the two token texts that come with the published encoder, made by it from these files.
PUBLISHED = {
    "dadagp-examples__examples__slapbass.gp3": "758e771b5536751f94417d86036f6e187f9334a29d83a7c70434062cf19bb00c",
    "dadagp-examples__examples__progmetal.gp3": "fbf35bf1f4f7f2d746bd24f21bae5efffeeb4b1196352a74b2b8fcf9e3f439ff",
}


def text(*body: str, downtune: int = 0, tempo: int = 120) -> str:
    return "\n".join(["artist:x", f"downtune:{downtune}", f"tempo:{tempo}", "start", *" ".join(body).split(), "end"])


def heard(track: Track) -> list[tuple[int, int, int]]:
    return [(note.start, note.duration, note.pitch) for note in track.notes]


def band(song: Song) -> Counter[tuple]:
    """Notes of each instrument group; a drum key counts once a time, and not how long."""
    notes = Counter((group_of(t), n.start, n.duration, n.pitch) for t in song.tracks if not t.is_drum for n in t.notes)
    return notes + Counter({("drums", n.start, n.pitch) for t in song.tracks if t.is_drum for n in t.notes})


def sounding(tokens: str) -> str:
    """The strokes of a text and when they come; the order within a tick, which means nothing, made the same.

    Without rests and ties: whether a silent bar has a rest, and whether a long note is tied inside a bar, depends on
    how the tab writes it, and a Song doesn't say.
    """
    lines: list[str] = []
    now: list[str] = []
    wait = 0
    for token in tokens.split()[1:]:
        kind = token.split(":")[0]
        if token == "nfx:tie":
            now.pop()
        elif kind == "wait" or token in ("new_measure", "end"):
            if now or kind != "wait":
                lines += [f"wait:{wait}", *sorted(now)]
                wait, now = 0, []
            if kind == "wait":
                wait += int(token[5:])
            else:
                lines.append(token)
        elif kind not in ("nfx", "bfx", "param", "measure") and not token.endswith(":rest"):
            now.append(token)
    return "\n".join(lines)


@pytest.mark.parametrize("name", PUBLISHED)
def test_we_write_what_the_published_encoder_wrote(name: str, data_pack: Callable[[str], Path]) -> None:
    song = load_song(data_pack("guitarpro") / "dadagp-examples" / name)
    written = write_tokens(song)
    assert hashlib.sha256(sounding(written).encode()).hexdigest() == PUBLISHED[name]
    assert band(read_tokens(written, name)) == band(song)


def test_guitar_pro_files_within_the_limits_come_back(data_pack: Callable[[str], Path]) -> None:
    paths = sorted(data_pack("guitarpro").glob("*/*.gp[345]"))
    done = 0
    for path in paths:
        try:
            song = load_song(path)
        except SongFileError:
            continue
        try:
            tokens = write_tokens(song)
        except SongFileError:
            continue
        back = read_tokens(tokens, path.name)
        assert band(back) == band(song), path.name
        assert [bar.start for bar in back.bars] == [bar.start for bar in song.bars], path.name
        assert back.warnings == ()
        done += 1
    assert done > 0.7 * len(paths)


def test_notes_last_until_the_next_event_of_their_instrument_or_the_bar_line() -> None:
    song = read_tokens(
        text(
            "new_measure distorted0:note:s6:f0 bass:note:s5:f0 drums:note:36 wait:960 drums:note:38 wait:960",
            "distorted0:rest wait:1920 new_measure distorted0:note:s1:f3 wait:480 distorted0:note:s2:f1 wait:3360",
        ),
        "x",
    )
    guitar, bass, drums = song.tracks
    assert heard(guitar) == [(0, 1920, 40), (3840, 480, 67), (4320, 3360, 60)]
    assert heard(bass) == [(0, 3840, 28)]
    assert heard(drums) == [(0, 960, 36), (960, 2880, 38)]
    assert [(t.program, t.channel, t.is_drum, t.tuning) for t in song.tracks] == [
        (30, 0, False, GUITAR),
        (33, 1, False, BASS),
        (0, 9, True, None),
    ]
    assert (guitar.notes[1].string, guitar.notes[1].fret) == (1, 3)
    assert (bass.notes[0].string, bass.notes[0].fret) == (4, 0)  # s5 of six is the fourth string of four


def test_ties_go_over_bar_lines_and_past_the_other_voice() -> None:
    song = read_tokens(
        text(
            "new_measure clean0:note:s6:f3 wait:1920 clean0:note:s1:f0 wait:1920",
            "new_measure clean0:note:s6:f3 nfx:tie clean0:note:s2:f0 nfx:tie wait:3840",
            "new_measure clean0:rest wait:1920 clean0:note:s6:f3 nfx:tie wait:1920",
        ),
        "x",
    )
    # The tie on string 2 has nothing to hold on to, and the last one comes after a rest: both sound.
    assert heard(song.tracks[0]) == [(0, 7680, 43), (1920, 1920, 64), (3840, 3840, 59), (9600, 1920, 43)]


def test_a_dead_note_is_a_click() -> None:
    song = read_tokens(
        text("new_measure clean0:note:s6:f3 nfx:dead wait:3840 new_measure drums:note:36 wait:3840"), "x"
    )
    assert heard(song.tracks[0]) == [(0, 240, 43)]


def test_downtuning_drop_tuning_and_the_number_of_strings_come_from_the_frets() -> None:
    song = read_tokens(
        text(
            "new_measure distorted0:note:s6:f-2 distorted0:note:s1:f0 clean0:note:s7:f0 bass:note:s6:f1",
            "leads:note:s3:f2 pads:note:s1:f0 wait:3840",
            downtune=-2,
        ),
        "x",
    )
    assert [track.tuning for track in song.tracks] == [
        (62, 57, 53, 48, 43, 36),
        (62, 57, 53, 48, 43, 38, 33),
        (41, 36, 31, 26, 21),
        (62, 57, 53, 48, 43, 38),
        (62, 57, 53, 48, 43, 38),
    ]
    assert [[note.pitch for note in track.notes] for track in song.tracks] == [[36, 62], [33], [22], [55], [62]]
    assert song.tracks[0].notes[0].fret == 0


def test_tempo_changes_stand_where_their_beat_stands() -> None:
    body = "new_measure drums:note:36 wait:1920 drums:note:36 bfx:tempo_change:90 bfx:tempo_interpolation wait:1920"
    assert read_tokens(text(body, tempo=140), "x").tempos == (Tempo(0, 140.0), Tempo(1920, 90.0))


@pytest.mark.parametrize(
    ("ticks", "metre"),
    [(3840, (4, 4)), (2880, (3, 4)), (3360, (7, 8)), (1920, (2, 4)), (5760, (6, 4)), (960, (1, 4)), (120, (1, 32)),
     (3835, (4, 4)), (3960, (17, 16)), (32 * 960, (32, 4)), (32 * 3840, (32, 1)), (32 * 3840 + 1, None)],
)  # fmt: skip
def test_the_metre_is_the_simplest_of_its_length(ticks: int, metre: tuple[int, int] | None) -> None:
    assert metre_of(ticks) == metre


def test_a_bar_of_odd_length_keeps_its_ticks() -> None:
    song = read_tokens(text("new_measure drums:note:36 wait:3835 " * 3 + "new_measure drums:note:36 wait:3840"), "x")
    assert [bar.start for bar in song.bars] == [0, 3835, 7670, 11505]
    assert song.end == 15345


def test_a_last_event_without_a_wait_still_sounds_and_empty_bars_are_no_bars() -> None:
    song = read_tokens(text("new_measure drums:note:36 wait:960 drums:note:38 new_measure new_measure"), "x")
    assert heard(song.tracks[0]) == [(0, 960, 36), (960, 960, 38)]
    assert len(song.bars) == 1


def test_techniques_are_left_out_and_unknown_ones_are_told_in_one_sentence() -> None:
    song = read_tokens(
        text(
            "new_measure measure:repeat_open clean0:note:s1:f5 nfx:bend:type1 param:val0:vib0 param:dur6 nfx:let_ring",
            "bfx:stroke:1:2 wait:960 clean0:note:s1:f5 nfx:wobble nfx:wobble bfx:glow:3 wait:2880",
        ),
        "x",
    )
    assert song.warnings == ("Left out, unknown or out of place: 2 x nfx:wobble, 1 x bfx:glow.",)


@pytest.mark.parametrize(
    ("tokens", "place", "problem"),
    [
        ("", None, "0 tokens"),
        ("artist:x\ntempo:120\ndowntune:0\nstart", "token 2", "stands for downtune:N"),
        ("artist:x\ndowntune:0\ntempo:0\nstart", "token 3", "stands for tempo:N"),
        (text("wait:960"), "token 5", "before the first new_measure"),
        (text("new_measure violin:note:s1:f1"), "token 6", "no token of the grammar"),
        (text("new_measure bass:note:s7:f1"), "token 6", "no note of this instrument"),
        (text("new_measure drums:note:128"), "token 6", "no note of this instrument"),
        (text("new_measure clean0:note:s2:f-1"), "token 6", "no note of this instrument"),
        (text("new_measure drums:note:36 wait:9e9"), "token 7", "no token of the grammar"),
        (text("new_measure drums:note:36 wait:9999999"), "token 8", "the bar before it has 10416 quarters"),
        (text("new_measure drums:rest wait:960"), None, "no notes"),
    ],
)
def test_errors_name_the_token(tokens: str, place: str | None, problem: str) -> None:
    with pytest.raises(SongFileError) as info:
        read_tokens(tokens, "song.txt")
    assert info.value.place == place
    assert problem in str(info.value)
    assert str(info.value).startswith("song.txt")


@given(st.text(st.characters(codec="utf-8"), max_size=300) | st.lists(
    st.sampled_from(text("new_measure bass:note:s5:f3 nfx:tie wait:960 wait:7 drums:note:36 bfx:x param:y").split()),
    max_size=40).map(lambda tokens: "\n".join(["a", "downtune:0", "tempo:90", "start", *tokens])))  # fmt: skip
def test_any_text_gives_a_song_or_the_one_error(tokens: str) -> None:
    try:
        song = read_tokens(tokens, "x")
    except SongFileError:
        return
    assert all(note.duration > 0 for track in song.tracks for note in track.notes)
    assert band(read_tokens(write_tokens(song), "x")) == band(song)


def song_of(*tracks: Track, **more: object) -> Song:
    return replace(Song(960, tracks), **more)


def test_what_the_tokens_say_of_a_small_song() -> None:
    bass = Track(
        "Bass", 33, False, (Note(0, 4800, 33, string=3, fret=0), Note(4800, 100, 28, string=4, fret=0)), None, BASS
    )
    drums = Track("Drums", 0, True, (Note(0, 960, 36), Note(0, 960, 42)))
    song = song_of(bass, drums, tempos=(Tempo(0, 118.0), Tempo(1920, 152.0)), length=7680)
    body = (
        "new_measure bass:note:s4:f0 drums:note:36 drums:note:42 wait:960 drums:rest wait:960 "
        "bass:note:s4:f0 nfx:tie bfx:tempo_change:150 wait:1920 new_measure bass:note:s4:f0 nfx:tie wait:960 "
        "bass:note:s5:f0 wait:64 wait:32 wait:4 bass:rest "
        "wait:2048 wait:512 wait:128 wait:64 wait:16 wait:8 wait:4"
    )
    assert write_tokens(song, artist="X ").split() == text(body).split()


def test_a_song_without_tab_is_put_on_strings() -> None:
    chord = Track("Guitar", 27, False, tuple(Note(0, 480, pitch) for pitch in (40, 47, 52, 56, 59, 64)))
    low = Track("Bass", 38, False, (Note(0, 480, 23),))
    back = read_tokens(write_tokens(Song(480, (chord, low))), "x")
    assert {(note.string, note.fret) for note in back.tracks[0].notes} == {
        (6, 0),
        (5, 2),
        (4, 2),
        (3, 1),
        (2, 0),
        (1, 0),
    }
    assert heard(back.tracks[1]) == [(0, 960, 23)]


def test_a_capo_and_an_octave_are_folded_into_frets() -> None:
    capo = Track("Guitar", 27, False, (Note(0, 3840, 42, string=6, fret=0),), None, GUITAR, capo=2)
    high = Track("Solo", 30, False, (Note(0, 3840, 52, string=6, fret=0),), None, tuple(p + 12 for p in GUITAR))
    tokens = write_tokens(song_of(capo, high))
    assert "clean0:note:s6:f2" in tokens
    assert band(read_tokens(tokens, "x")) == band(song_of(capo, high))


def test_bars_come_back_whatever_their_metre() -> None:
    metres = (TimeSignature(0, 7, 8), TimeSignature(3360, 6, 8), TimeSignature(6240, 5, 4))
    song = song_of(Track("Drums", 0, True, (Note(0, 10, 36), Note(11040, 10, 36))), time_signatures=metres)
    back = read_tokens(write_tokens(song), "x")
    assert [(bar.start, bar.length) for bar in back.bars] == [(bar.start, bar.length) for bar in song.bars]


@pytest.mark.parametrize(
    ("tracks", "problem"),
    [
        ([Track("G", 30, False, (Note(0, 9, 60),))] * 4, "more distorted tracks than the 3"),
        ([Track("B", 33, False, (Note(0, 9, 30),))] * 2, "more bass tracks than the 1"),
        ([Track("G", 27, False, (Note(0, 9, 60),), None, (62, 57, 55, 50, 45, 38))], "no such tuning"),
        (
            [
                Track("G", 27, False, (Note(0, 9, 60),), None, GUITAR),
                Track("B", 33, False, (Note(0, 9, 30),), None, tuple(p - 2 for p in BASS)),
            ],
            "one tuning for all",
        ),
        ([Track("P", 0, False, tuple(Note(0, 9, 60 + k) for k in range(8)))], "no string of the 7"),
        ([Track("P", 0, False, (Note(4000, 9, 20),))], "bar 2): no string"),
        ([Track("FX", 127, False, (Note(0, 9, 60),))], "no notes that the grammar can hold"),
    ],
)
def test_what_the_grammar_cannot_hold_is_said(tracks: list[Track], problem: str) -> None:
    with pytest.raises(SongFileError) as info:
        write_tokens(song_of(*tracks))
    assert problem in str(info.value)


def test_repeats_and_swing_go_through_the_tokens() -> None:
    signs = "measure:triplet_feel:1 measure:repeat_open", "measure:repeat_alternative:1 measure:repeat_close:1"
    bars = [f"new_measure {sign} drums:note:36 wait:3840" for sign in (*signs, "measure:repeat_alternative:2")]
    song = read_tokens(text(*bars), "x")
    assert song.order == (0, 1, 0, 2)
    assert [(feel.tick, feel.kind) for feel in song.feels] == [(0, "triplet-eighths"), (3840, "straight")]
    back = read_tokens(write_tokens(song), "x")
    assert (back.order, back.feels) == (song.order, song.feels)
    signs = "", "measure:direction:Fine", "measure:from_direction:DaCapoalFine"
    jump = text(*(f"new_measure {sign} drums:note:36 wait:960" for sign in signs))
    assert read_tokens(jump, "x").order == (0, 1, 2, 0, 1)


def test_a_part_is_put_into_the_tokens_and_every_old_one_stays() -> None:
    old = text(
        "new_measure clean0:note:s6:f3 nfx:bend:type1 param:val0:vib0 bfx:stroke:1 drums:note:36 wait:1920",
        "clean0:note:s5:f2 nfx:hammer wait:1920 new_measure measure:repeat_open drums:note:38 wait:3840",
    )
    song = song_from_bytes(old.encode(), "x.txt")
    bass = Track("Bass", 33, False, (Note(0, 960, 31), Note(2880, 1920, 33)), None, BASS)
    spliced = splice_tokens(song.with_tracks([*song.tracks, bass])).decode()
    rest = iter(spliced.split())
    assert all(token in rest for token in old.split() if not token.startswith("wait:"))
    back = read_tokens(spliced, "x")
    assert back.tracks[0].notes == song.tracks[0].notes
    assert heard(back.tracks[1]) == heard(bass)
    assert back.tracks[2].notes == song.tracks[1].notes
    assert splice_tokens(song) == old.encode()


def test_changed_bars_alone_are_exchanged_in_the_tokens() -> None:
    bars = [f"new_measure clean0:note:s6:f{bar} nfx:palm_mute drums:note:36 wait:3840" for bar in range(3)]
    song = song_from_bytes(text(*bars).encode(), "x.txt")
    guitar, drums = song.tracks
    notes = (guitar.notes[0], Note(3840, 1920, 52), Note(5760, 1920, 55), guitar.notes[2])
    spliced = splice_tokens(song.with_tracks([replace(guitar, notes=notes), drums])).decode()
    assert spliced.count("nfx:palm_mute") == 2
    back = read_tokens(spliced, "x")
    assert heard(back.tracks[0]) == [(n.start, n.duration, n.pitch) for n in notes]
    assert back.tracks[1].notes == drums.notes


def test_there_is_room_for_so_many_of_a_kind_only() -> None:
    song = song_from_bytes(text("new_measure bass:note:s5:f3 wait:3840").encode(), "x.txt")
    with pytest.raises(SongFileError, match="no room for another track like “Second”"):
        splice_tokens(song.with_tracks([*song.tracks, Track("Second", 33, False, (Note(0, 960, 31),))]))
