"""Writing .gp by splicing: the old text byte for byte, the old tracks as alphaTab reads them, every new note there."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alphatab_oracle import OracleNote, dump, notes_of
from gpif_samples import (
    SCORE,
    a_sample,
    bass,
    drums,
    entries,
    gpif_files,
    heard,
    readable,
    score_text,
    taken_out,
    with_parts,
)

from arranger.errors import SongFileError
from arranger.formats.gpif_container import open_container, pack_container
from arranger.formats.gpif_new import new_gpif
from arranger.formats.gpif_read import read_gpif
from arranger.formats.gpif_write import write_gpif
from arranger.fretboard import BASS_4
from arranger.song import Bar, Note, Song, Track


def judged(written: Iterable[tuple[Path, Song, bytes]], folder: Path) -> list[tuple[Song, Any, Any]]:
    """(song, alphaTab's reading of the source, its reading of what was written)."""
    files = []
    for path, song, data in written:
        target = folder / f"{path.name}.gp"
        target.write_bytes(data)
        files.append((song, path, target))
    found = dump(path for _, *both in files for path in both)
    return [(song, found[str(old)], found[str(new)]) for song, old, new in files]


def without_timers(tracks: list[Any]) -> list[Any]:
    """alphaTab sums the times of beat timers over all tracks, so they depend on how many there are."""
    return [
        {
            **track,
            "notes": [[*note[:-1], [t for t in note[-1] if not t.startswith("beat.timer")]] for note in track["notes"]],
        }
        for track in tracks
    ]


def assert_parts_added(song: Song, old: Any, new: Any) -> None:
    assert new["error"] is None
    assert (old["bars"], old["order"], old["masterBars"]) == (new["bars"], new["order"], new["masterBars"])
    *same, low, kit = new["tracks"]
    assert without_timers(same) == without_timers(old["tracks"])
    assert (low["name"], low["percussion"], low["tunings"]) == ("Bass", False, [list(BASS_4)])
    assert (kit["name"], kit["percussion"]) == ("Drums", True)
    asked = bass(song.bars)
    notes = [(note.start, note.pitch) for note in notes_of(low) if not note.tied]
    assert notes == [(note.start, note.pitch) for note in asked.notes]
    hits = sorted((note.start, 36 if note.pitch == 35 else note.pitch) for note in notes_of(kit))
    assert hits == heard(drums(song.bars))
    for track in low, kit:
        assert_full(track, song.bars)


def assert_full(track: Any, bars: tuple[Bar, ...]) -> None:
    """Notes lie in their bars and don't overlap; that rests fill the bars is shown by where the notes are."""
    for note in notes_of(track):
        bar = bars[note.bar]
        assert bar.start <= note.start < note.start + note.duration <= bar.end + 0.01


def test_parts_are_added_and_nothing_else_changes(data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    sample = a_sample(gpif_files(data_pack), 8)
    written = [(path, song, write_gpif(with_parts(song))) for path, song in readable(sample)]
    assert len(written) > 4
    for song, old, new in judged(written, tmp_path):
        assert_parts_added(song, old, new)


@pytest.mark.slow
def test_parts_are_added_to_every_file(data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    written = [(path, song, write_gpif(with_parts(song))) for path, song in readable(gpif_files(data_pack))]
    assert len(written) > 170
    for song, old, new in judged(written, tmp_path):
        assert_parts_added(song, old, new)


def test_the_old_text_stays_byte_for_byte(data_pack: Callable[[str], Path]) -> None:
    for path, song in readable(a_sample(gpif_files(data_pack), 8, seed=1)):
        out = write_gpif(with_parts(song))
        old, new = score_text(path.read_bytes()), score_text(out)
        assert new != old
        assert taken_out(new, old) == old
        if path.suffix == ".gp":
            before, after = entries(path.read_bytes()), entries(out)
            grown = {SCORE, "Content/PartConfiguration", "Content/LayoutConfiguration"}
            assert {name: after[name] for name in before if name not in grown} == {
                name: content for name, content in before.items() if name not in grown
            }
            views = {name for name in before if "/ScoreViews/" in name and name.endswith("gpsv")}
            added = {name for name in after if "/ScoreViews/" in name and name.endswith("gpsv")} - views
            assert len(added) == (2 if views else 0)


def test_our_own_reader_finds_what_was_written(data_pack: Callable[[str], Path]) -> None:
    for path, song in readable(a_sample(gpif_files(data_pack), 8, seed=2)):
        again = read_gpif(write_gpif(with_parts(song)), "again")
        *old, low, kit = again.tracks
        assert tuple(old) == song.tracks
        assert (again.tempos, again.markers, again.order) == (song.tempos, song.markers, song.order)
        exact = [(note.start, note.duration, note.pitch, note.velocity) for note in low.notes]
        assert exact == [(note.start, note.duration, note.pitch, note.velocity) for note in bass(song.bars).notes]
        assert heard(kit, same_kick=path.suffix == ".gpx") == heard(drums(song.bars))
        assert (low.program, low.is_drum, low.tuning, kit.is_drum) == (33, False, BASS_4, True)
        assert low.channel not in {track.channel for track in song.tracks} - {15}


def test_an_untouched_score_comes_back_as_it_was(data_pack: Callable[[str], Path]) -> None:
    for path, song in readable(a_sample(gpif_files(data_pack), 6, seed=3)):
        assert score_text(write_gpif(song)) == score_text(path.read_bytes())


# --- changed bars


def changed_somewhere(song: Song, rng: random.Random) -> tuple[Song, int, tuple[Bar, Bar], list[Note]]:
    """The song with two bars of one track replaced: (song, track, bars, new notes)."""
    index = rng.randrange(len(song.tracks))
    track = song.tracks[index]
    first = rng.randrange(len(song.bars) - 1)
    chosen = song.bars[first], song.bars[first + 1]
    low = 36 if track.is_drum else min(track.tuning or (40,)) + track.capo
    fresh = [
        Note(start, min(480, bar.end - start), low if track.is_drum else low + at % 12, 79)
        for bar in chosen
        for at, start in enumerate(range(bar.start, bar.end, 480))
    ]
    outside = [note for note in track.notes if not chosen[0].start <= note.start < chosen[1].end]
    changed = replace(track, notes=tuple(sorted([*outside, *fresh])))
    return song.with_tracks([*song.tracks[:index], changed, *song.tracks[index + 1 :]]), index, chosen, fresh


def assert_only_these_bars(song: Song, old: Any, new: Any, index: int, bars: tuple[Bar, Bar]) -> None:
    source = song.tracks[index].source_id
    assert source is not None
    assert new["error"] is None
    assert (old["bars"], old["order"], old["masterBars"]) == (new["bars"], new["order"], new["masterBars"])
    first, last = bars[0].index, bars[1].index

    def others(track: Any, number: int) -> set[str]:
        def counts(note: OracleNote) -> bool:
            mine = number == source[0] and note.staff == source[1]
            # Beside the bars alphaTab's lengths may differ: a grace note that has gone takes no time any more.
            return not (mine and first - 1 <= note.bar <= last) and not (mine and note.tied and note.bar > last)

        return {repr(note) for note in notes_of(track) if counts(note)}

    for number, (before, after) in enumerate(zip(old["tracks"], new["tracks"], strict=True)):
        assert others(before, number) == others(after, number)


def test_only_the_changed_bars_are_written_anew(data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    rng = random.Random(5)
    written, edits = [], []
    for path, song in readable(a_sample(gpif_files(data_pack), 12, seed=4)):
        if len(song.bars) < 2:
            continue
        changed, index, bars, fresh = changed_somewhere(song, rng)
        out = write_gpif(changed)
        again = read_gpif(out, "again")
        assert again.tracks[:index] == song.tracks[:index]
        assert again.tracks[index + 1 :] == song.tracks[index + 1 :]
        inside = [note for note in again.tracks[index].notes if bars[0].start <= note.start < bars[1].end]
        got = [(note.start, 36 if note.pitch == 35 else note.pitch) for note in inside]
        assert got == [(note.start, note.pitch) for note in fresh]
        kept = [note for note in again.tracks[index].notes if note not in inside]
        cut = [note for note in song.tracks[index].notes if not bars[0].start <= note.start < bars[1].end]
        begin = bars[0].start
        cut = [replace(n, duration=begin - n.start) if n.start < begin < n.end else n for n in cut]
        assert kept == cut
        written.append((path, song, out))
        edits.append((index, bars))
    assert len(written) > 4
    for (song, old, new), (index, bars) in zip(judged(written, tmp_path), edits, strict=True):
        assert_only_these_bars(song, old, new, index, bars)


# --- ties, by hand


def a_song(*notes: Note, bars: int = 4) -> Song:
    """A .gp file of one bass, read."""
    made = Song(960, (Track("Bass", 33, False, notes, tuning=BASS_4),), length=3840 * bars)
    return read_gpif(new_gpif(made), "made.gp")


def rewritten(song: Song, *notes: Note) -> tuple[list[tuple[int, int, int]], str]:
    """(start, duration, pitch) of all notes after the edit, and the text."""
    out = write_gpif(song.with_tracks([replace(song.tracks[0], notes=tuple(sorted(notes)))]))
    again = read_gpif(out, "again")
    return [(note.start, note.duration, note.pitch) for note in again.tracks[0].notes], score_text(out)


HELD = Note(1920, 3 * 3840, 40, 79)
"""From the middle of bar 1 to the middle of bar 4."""


def test_a_held_note_goes_on_through_a_bar_that_is_written_anew() -> None:
    song = a_song(HELD, Note(0, 960, 33, 79))
    held, short = song.tracks[0].notes[1], song.tracks[0].notes[0]
    assert held.duration == 3 * 3840
    got, _ = rewritten(song, held, replace(short, pitch=35, string=None, fret=None))
    assert got == [(0, 960, 35), (1920, 3 * 3840, 40)]


def test_the_tail_of_a_removed_note_falls_silent_to_its_end() -> None:
    song = a_song(HELD)
    got, _ = rewritten(song, Note(960, 960, 45, 79))
    assert got == [(960, 960, 45)]


def test_a_note_that_is_cut_by_a_new_one_leaves_no_tail_and_no_open_tie() -> None:
    song = a_song(HELD)
    held = song.tracks[0].notes[0]
    got, text = rewritten(song, held, Note(3840, 960, 45, 79))
    assert got == [(1920, 1920, 40), (3840, 960, 45)]
    again = read_gpif(new_gpif(a_song(Note(0, 960, 40))), "x")
    assert again.tracks[0].notes
    used = text[text.index("<MasterBars>") :]
    assert used.count('origin="false" destination="false"') == 1


def test_a_note_of_another_voice_ends_where_a_bar_is_written_anew() -> None:
    """New bars have one voice, and a tie stays in its own."""
    made = a_song(HELD)
    assert made.source is not None
    container = open_container(made.source.data, "x")
    second = re.sub(rb"<Voices>(\d+) -1 -1 -1<", rb"<Voices>-1 \1 -1 -1<", container.score)
    song = read_gpif(pack_container(replace(container, score=second)), "second.gp")
    assert song.tracks[0].notes == made.tracks[0].notes
    got, _ = rewritten(song, song.tracks[0].notes[0], Note(5760, 960, 45, 79))
    assert got == [(1920, 1920, 40), (5760, 960, 45)]


def test_a_new_note_of_the_same_string_and_fret_does_not_catch_the_tail() -> None:
    """The song says that the new note ends with its bar, though the old tail would hold on to it."""
    song = a_song(HELD)
    got, _ = rewritten(song, Note(0, 3840, 40, 79))
    assert got == [(0, 3840, 40)]


def test_long_notes_in_new_bars_are_tied() -> None:
    song = a_song(Note(0, 960, 40, 79))
    got, _ = rewritten(song, Note(2400, 1200, 40, 79), Note(3600, 3600, 33, 79), Note(7200, 2880, 45, 79))
    assert got == [(2400, 1200, 40), (3600, 3600, 33), (7200, 2880, 45)]


def test_a_note_that_another_cut_short_does_not_come_back_in_the_next_bar() -> None:
    song = a_song(Note(3 * 3840, 960, 40, 79))
    old = song.tracks[0].notes
    new = Note(0, 7000, 40, 79), Note(1920, 960, 45, 79), Note(6720, 960, 43, 79)
    got, _ = rewritten(song, *new, *old)
    assert got == [(0, 1920, 40), (1920, 960, 45), (6720, 960, 43), (11520, 960, 40)]


def test_a_new_note_ends_where_a_bar_begins_that_is_not_ours() -> None:
    song = a_song(Note(0, 960, 40, 79), Note(3840 + 1920, 960, 40, 79))
    old = song.tracks[0].notes
    got, _ = rewritten(song, Note(960, 9999, 45, 79), old[1])
    assert got == [(960, 3840 - 960, 45), (5760, 960, 40)]


def test_bars_that_repeat_a_changed_one_by_a_sign_keep_their_notes(data_pack: Callable[[str], Path]) -> None:
    (path,) = [path for path in gpif_files(data_pack) if path.name == "guitarpro7__simile-mark.gp"]
    song = read_gpif(path.read_bytes(), path.name)
    track = song.tracks[0]
    for bar in song.bars[2:12:3]:
        fresh = [Note(start, 480, 41, 79) for start in range(bar.start, bar.end, 480)]
        outside = [note for note in track.notes if not bar.start <= note.start < bar.end]
        changed = song.with_tracks([replace(track, notes=tuple(sorted([*outside, *fresh])))])
        again = read_gpif(write_gpif(changed), "again").tracks[0].notes
        assert [note for note in again if not bar.start <= note.start < bar.end] == outside


def test_texts_and_chord_names_over_a_rewritten_bar_stay() -> None:
    made = a_song(Note(0, 960, 40, 79), Note(960, 960, 43, 79))
    assert made.source is not None
    container = open_container(made.source.data, "x")
    marked = container.score.replace(
        b"<Notes>1</Notes>", b"<Chord>7</Chord>\n<FreeText>slower</FreeText>\n<Notes>1</Notes>"
    )
    assert marked != container.score
    song = read_gpif(pack_container(replace(container, score=marked)), "marked.gp")
    _, text = rewritten(song, Note(1920, 1920, 45, 79))
    (beat,) = [part for part in text.split("<Beat ")[1:] if "<FreeText>" in part and "<Notes>1<" not in part]
    assert "<Chord>7</Chord>" in beat
    assert beat.index("slower") < beat.index("</Beat>")
    assert text.count("slower") == 2  # where it was, though that beat plays no more, and over the rest in its place


# --- tracks and what can't be done


def test_tracks_that_the_song_has_no_more_are_left_out(data_pack: Callable[[str], Path], tmp_path: Path) -> None:
    (path,) = [path for path in gpif_files(data_pack) if path.name == "visual-tests__layout__multi-track.gp"]
    song = read_gpif(path.read_bytes(), path.name)
    kept = song.tracks[1::2]
    out = write_gpif(song.with_tracks([*kept, bass(song.bars)]))
    again = read_gpif(out, "again")
    assert [(track.name, track.notes) for track in again.tracks[:-1]] == [(track.name, track.notes) for track in kept]
    ((_, old, new),) = judged([(path, song, out)], tmp_path)
    assert new["error"] is None
    assert new["tracks"][:-1] == old["tracks"][1::2]


def test_a_drum_part_takes_the_kit_of_the_file(data_pack: Callable[[str], Path]) -> None:
    (path,) = [path for path in gpif_files(data_pack) if path.name == "visual-tests__special-tracks__drum-tabs.gp"]
    song = read_gpif(path.read_bytes(), path.name)
    text = score_text(write_gpif(song.with_tracks([*song.tracks, drums(song.bars)])))
    sets = [part.partition("</InstrumentSet>")[0] for part in text.split("<InstrumentSet>")[1:]]
    assert sets[0].split() == sets[1].split()


def test_names_of_any_kind_are_kept() -> None:
    song = a_song(Note(0, 960, 40))
    odd = 'Ünï☃ ]]> & <b> "'
    again = read_gpif(write_gpif(song.with_tracks([*song.tracks, replace(bass(song.bars), name=odd)])), "x")
    assert again.tracks[-1].name == odd


@pytest.mark.parametrize(
    ("tracks", "words"),
    [
        ([Track("Late", 33, False, (Note(4 * 3840, 960, 40),))], "after its last bar"),
        ([], "no track is left"),
    ],
)
def test_what_cannot_be_written(tracks: list[Track], words: str) -> None:
    with pytest.raises(SongFileError, match=words):
        write_gpif(a_song(Note(0, 960, 40)).with_tracks(tracks))


def test_only_a_guitar_pro_song_goes_back_to_guitar_pro() -> None:
    with pytest.raises(SongFileError, match="wasn't read"):
        write_gpif(Song(960, ()))


def test_what_was_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    song, other = a_song(Note(0, 960, 40)), a_song(Note(0, 960, 41))
    assert other.source is not None
    for wrong, words in ((b"PK\3\4", "can't be written back"), (other.source.data, "written back as they are")):
        monkeypatch.setattr("arranger.formats.gpif_write.pack_container", lambda _, wrong=wrong: wrong)
        with pytest.raises(SongFileError, match=words):
            write_gpif(song)
