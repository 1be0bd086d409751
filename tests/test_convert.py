"""Converting between all kinds of song files: the notes arrive, and what doesn't is said."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from arranger.errors import SongFileError
from arranger.files import load_song, save_song
from arranger.losses import losses
from arranger.playing import BarFlow, played_out, playing_order
from arranger.repeats import flows_of
from arranger.song import Feel, KeySignature, Marker, Note, Song, Source, Tempo, TimeSignature, Track

EXAMPLES = Path(__file__).parents[1] / "examples"
KINDS = (".mid", ".gp3", ".gp4", ".gp5", ".gp", ".musicxml", ".mxl", ".tokens.txt")
GUITAR = (64, 59, 55, 50, 45, 40)


def heard(song: Song) -> Counter[tuple]:
    """(is drums, pitch, start in quarters) of all notes; a drum key counts once a time."""
    found = Counter(
        (t.is_drum, n.pitch, round(n.start / song.ticks_per_quarter, 3)) for t in song.tracks for n in t.notes
    )
    return Counter({key: 1 if key[0] else count for key, count in found.items()})


def tab() -> Song:
    """Two bars, the first of which is repeated with two endings: 0 1 0 2."""
    line = [Note(960 * at, 960, 40 + at % 4, string=6, fret=at % 4) for at in range(12)]
    hits = [Note(960 * at, 240, 36 if at % 2 else 38) for at in range(12)]
    order = playing_order(
        [BarFlow(opens=True), BarFlow(repeats=2, endings=frozenset({1})), BarFlow(endings=frozenset({2}))]
    )
    assert order == (0, 1, 0, 2)
    tracks = (Track("Guitar", 27, False, tuple(line), 0, GUITAR), Track("Drums", 0, True, tuple(hits), 9))
    return Song(960, tracks, (Tempo(0, 120.0), Tempo(3840, 90.0)), order=order, length=3 * 3840)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["three-four.mid", "paper-boats.gp5"])
def test_every_kind_holds_the_notes_of_the_examples(tmp_path: Path, source: str, kind: str) -> None:
    song = load_song(EXAMPLES / source)
    out = tmp_path / f"out{kind}"
    told = save_song(song, out)
    back = load_song(out)
    assert len(back.tracks) == len(song.tracks)
    if source.endswith(".gp5") or kind in (".mid", ".tokens.txt"):
        assert heard(back) == heard(song)
        assert not any("notes" in sentence for sentence in told)
    else:  # played by hand: notation moves the notes, and says so
        assert sum(heard(back).values()) == sum(heard(song).values())
        assert any("were moved to the nearest place" in sentence for sentence in told)


@pytest.mark.parametrize("kind", KINDS)
def test_repeats_are_written_as_such_or_played_out(tmp_path: Path, kind: str) -> None:
    song = tab()
    out = tmp_path / f"out{kind}"
    save_song(song, out)
    back = load_song(out)
    assert heard(played_out(back)) == heard(played_out(song))
    if kind in (".musicxml", ".mxl", ".tokens.txt"):
        assert back.order == song.order
        assert len(back.bars) == 3
    if kind == ".mid":
        assert not back.order
        assert len(back.bars) == 4
        assert [(tempo.tick, round(tempo.qpm, 3)) for tempo in back.tempos] == [
            (0, 120),
            (3840, 90),
            (7680, 120),
            (11520, 90),
        ]


def test_swing_is_played_in_midi(tmp_path: Path) -> None:
    line = tuple(Note(480 * at, 480, 50 + at) for at in range(8))
    song = Song(960, (Track("G", 27, False, line),), feels=(Feel(0, "triplet-eighths"),), length=3840)
    save_song(song, tmp_path / "a.mid")
    starts = [note.start for note in load_song(tmp_path / "a.mid").tracks[0].notes]
    assert starts[:4] == [0, 640, 960, 1600]


def test_the_kind_that_was_read_is_written_byte_for_byte(tmp_path: Path) -> None:
    for name in ("three-four.mid", "paper-boats.gp5"):
        song = load_song(EXAMPLES / name)
        for kind in (".musicxml", ".tokens.txt"):
            first = tmp_path / f"{name}{kind}"
            save_song(song, first)
            again = load_song(first)
            assert save_song(again, tmp_path / f"again{name}{kind}") == ()
            assert (tmp_path / f"again{name}{kind}").read_bytes() == first.read_bytes()
    mid = load_song(EXAMPLES / "three-four.mid")
    save_song(mid, tmp_path / "b.mid")
    assert (tmp_path / "b.mid").read_bytes() == (EXAMPLES / "three-four.mid").read_bytes()


def test_what_is_lost_is_told() -> None:
    song = replace(
        tab(),
        markers=(Marker(0, "Verse"),),
        keys=(KeySignature(0, 2),),
        feels=(Feel(0, "triplet-eighths"),),
        source=Source("gp5", b""),
    )
    assert losses(song, replace(song, source=None), "gp") == (
        "Trills, strums, the tremolo bar, fingerings and chord diagrams are not carried over to another kind of file.",
    )
    first, second = song.tracks
    moved = replace(first, notes=(replace(first.notes[0], start=40), *first.notes[1:]))
    gone = replace(first, notes=first.notes[:5])
    wrong = replace(first, notes=(*first.notes[:11], replace(first.notes[11], pitch=99)))
    short = (TimeSignature(0, 4, 4), TimeSignature(3840, 3, 4))
    for back, words in (
        (song.with_tracks([moved, second]), "1 notes were moved"),
        (song.with_tracks([gone, second]), "7 notes could not be written, the first in bar 2."),
        (song.with_tracks([wrong, second]), "1 notes have another pitch or place there, the first in bar 3."),
        (replace(song, markers=()), "section names"),
        (replace(song, keys=()), "Key signatures"),
        (replace(song, feels=()), "swing feel"),
        (replace(song, tempos=song.tempos[:1]), "Tempos"),
        (replace(song, time_signatures=short), "another length"),
    ):
        assert any(words in sentence for sentence in losses(song, back, "gp")), words


@pytest.mark.parametrize(
    ("order", "bars"),
    [
        ((0, 1, 0, 1, 2), 3),
        ((0, 0, 0, 1, 2, 1, 2), 3),
        ((0, 1, 0, 2, 3), 4),
        ((0, 1, 2, 3, 0, 1), 4),
        ((0, 1, 2, 3, 1, 2, 3), 4),
    ],
)
def test_signs_give_the_order_that_they_were_told_from(order: tuple[int, ...], bars: int) -> None:
    flows = flows_of(order, bars)
    assert flows is not None
    assert playing_order(flows) == order
    assert len(flows) == bars


def test_orders_that_no_simple_signs_give_have_none() -> None:
    assert flows_of((0, 0, 1, 0, 0, 1, 2), 3) is None  # endings inside endings
    assert flows_of((0, 5), 3) is None
    assert flows_of((), 2) == (BarFlow(), BarFlow())


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "arranger", "convert", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[1])


def test_the_command_writes_and_says_what_is_lost(tmp_path: Path) -> None:
    out = tmp_path / "boats.tokens.txt"
    result = run(EXAMPLES / "paper-boats.gp5", out)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"Wrote {out}.\n"
    assert "Note: Trills, strums" in result.stderr
    assert "Note: DadaGP tokens have no loudness" in result.stderr
    back = tmp_path / "boats.gp5"
    assert run(out, back).returncode == 0
    assert heard(load_song(back)) == heard(load_song(EXAMPLES / "paper-boats.gp5"))
    again = run(EXAMPLES / "paper-boats.gp5", out)
    assert (again.returncode, "--force" in again.stderr) == (3, True)
    assert run(EXAMPLES / "paper-boats.gp5", out, "--force").returncode == 0


@pytest.mark.parametrize(("out", "words"), [("a.gpx", "Write .gp"), ("a.pdf", "kind “.pdf”"), ("a", "no extension")])
def test_kinds_that_are_not_written(tmp_path: Path, out: str, words: str) -> None:
    with pytest.raises(SongFileError, match=words):
        save_song(tab(), tmp_path / out)
    assert list(tmp_path.iterdir()) == []


def test_guitar_pro_6_comes_out_as_7(tmp_path: Path, data_pack: Callable[[str], Path]) -> None:
    source = next(data_pack("guitarpro").rglob("conversion__full-song.gpx"))
    song = load_song(source)
    assert save_song(song, tmp_path / "a.gp") == ()
    assert heard(load_song(tmp_path / "a.gp")) == heard(song)
