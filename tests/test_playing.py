"""Repeats, endings and jumps against hand-worked orders; playing out against hand-worked ticks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arranger.playing import MAX_PLAYED_BARS, BarFlow, played_out, playing_order
from arranger.song import Feel, KeySignature, Marker, Note, Song, Tempo, TimeSignature, Track

OPEN, PLAIN = BarFlow(opens=True), BarFlow()


def closing(times: int = 2, *endings: int) -> BarFlow:
    return BarFlow(repeats=times, endings=frozenset(endings))


def ending(*passes: int) -> BarFlow:
    return BarFlow(endings=frozenset(passes))


def jump(text: str) -> BarFlow:
    return BarFlow(jump=text)


def target(*signs: str) -> BarFlow:
    return BarFlow(targets=frozenset(signs))


@pytest.mark.parametrize(
    ("flows", "played"),
    [
        ([PLAIN, PLAIN], []),
        ([PLAIN, OPEN, closing(), PLAIN], [0, 1, 2, 1, 2, 3]),
        # Nothing opens it: from the beginning.
        ([PLAIN, closing(3), PLAIN], [0, 1, 0, 1, 0, 1, 2]),
        # First and second ending.
        ([OPEN, closing(2, 1), ending(2), PLAIN], [0, 1, 0, 2, 3]),
        # An ending of two bars: the second has no mark of its own.
        ([OPEN, ending(1), closing(), ending(2), PLAIN], [0, 1, 2, 0, 3, 4]),
        # Four passes: 1-3, then 4.
        ([OPEN, closing(4, 1, 2, 3), ending(4)], [0, 1, 0, 1, 0, 1, 0, 2]),
        # One in the other: the inner is played out in every pass of the outer.
        ([OPEN, OPEN, closing(), closing(), PLAIN], [0, 1, 2, 1, 2, 3, 0, 1, 2, 1, 2, 3, 4]),
        ([PLAIN, jump("da capo al fine")], [0, 1, 0, 1]),
        ([target("fine"), jump("da capo al fine"), PLAIN], [0, 1, 0]),
        (
            [PLAIN, target("segno"), jump("da coda"), jump("da segno al coda"), target("coda"), PLAIN],
            [0, 1, 2, 3, 1, 2, 4, 5],
        ),
        (
            [
                target("segno segno"),
                jump("da double coda"),
                jump("da segno segno al double coda"),
                target("double coda"),
            ],
            [0, 1, 2, 0, 1, 3],
        ),
        # Repeats are not played again after a jump; a jump without its sign is none.
        ([OPEN, closing(), jump("da capo")], [0, 1, 0, 1, 2, 0, 1, 2]),
        ([PLAIN, jump("da segno"), PLAIN], []),
        ([jump("da coda"), PLAIN], []),
    ],
)
def test_the_order_is_a_musicians(flows: list[BarFlow], played: list[int]) -> None:
    assert playing_order(flows) == tuple(played)


_SIGNS = st.frozensets(st.sampled_from(["segno", "segno segno", "coda", "double coda", "fine"]), max_size=2)
_KINDS = ["da capo", "da segno", "da segno segno"]
_JUMPS = ["", "da coda", "da double coda", *_KINDS, *(f"{k} al {w}" for k in _KINDS for w in ("coda", "fine"))]
_FLOWS = st.builds(
    BarFlow,
    st.booleans(),
    st.sampled_from([0, 0, 2, 3]),
    st.frozensets(st.integers(1, 4), max_size=2),
    _SIGNS,
    st.sampled_from(_JUMPS),
)


@given(st.lists(_FLOWS, max_size=12))
def test_playing_always_ends(flows: list[BarFlow]) -> None:
    order = playing_order(flows)
    assert len(order) <= MAX_PLAYED_BARS
    assert set(order) <= set(range(len(flows)))


def song(order: tuple[int, ...] = (), **more: object) -> Song:
    notes = (Note(0, 480, 60), Note(240, 240, 62), Note(1800, 300, 64), Note(1920, 480, 65), Note(3840, 1920, 67))
    track = Track("Bass", 33, False, notes, source_id=(0,))
    return Song(480, (track,), length=5760, order=order, **more)  # type: ignore[arg-type]


def test_a_song_without_repeats_and_swing_is_as_it_stands() -> None:
    assert played_out(song()) == song()


def test_notes_tempos_and_keys_are_played_again() -> None:
    written = song(
        (0, 1, 0, 2),
        tempos=(Tempo(0, 120.0), Tempo(1920, 90.0)),
        keys=(KeySignature(0, 0), KeySignature(3840, -1)),
        markers=(Marker(0, "A"), Marker(3840, "B")),
    )
    played = played_out(written)
    assert [(note.start, note.end, note.pitch) for note in played.tracks[0].notes] == [
        (0, 480, 60),
        (240, 480, 62),
        (1800, 2100, 64),  # bar 2 follows, so it is held over the line
        (1920, 2400, 65),
        (3840, 4320, 60),
        (4080, 4320, 62),
        (5640, 5760, 64),  # bar 3 follows: cut at the line
        (5760, 7680, 67),
    ]
    assert played.tempos == (Tempo(0, 120.0), Tempo(1920, 90.0), Tempo(3840, 120.0), Tempo(5760, 90.0))
    assert played.keys == (KeySignature(0, 0), KeySignature(5760, -1))
    assert played.markers == (Marker(0, "A"), Marker(3840, "A"), Marker(5760, "B"))
    assert (played.length, played.order, played.source) == (7680, (), None)
    assert len(played.bars) == 4


def test_a_bar_cut_short_stays_short_when_it_is_repeated() -> None:
    written = song((0, 1, 0, 1, 2), time_signatures=(TimeSignature(0, 4, 4), TimeSignature(960, 4, 4)))
    assert [bar.length for bar in written.bars][:2] == [960, 1920]
    assert [bar.start for bar in played_out(written).bars] == [0, 960, 2880, 3840, 5760]


@pytest.mark.parametrize(("kind", "second"), [("triplet", 320), ("dotted", 360), ("scottish", 120)])
def test_eighths_swing(kind: str, second: int) -> None:
    notes = (Note(0, 240, 60), Note(240, 240, 62), Note(480, 120, 60), Note(600, 120, 60), Note(720, 240, 60))
    written = Song(480, (Track("", 33, False, notes),), feels=(Feel(0, f"{kind}-eighths"),))
    played = played_out(written).tracks[0].notes
    assert played[0] == Note(0, second, 60)
    assert played[1] == Note(second, 480 - second, 62)
    assert [note.start for note in played[2:]] == [480, 600, 720]  # sixteenths in the pair: straight


def test_swing_begins_and_ends_where_it_is_written() -> None:
    notes = tuple(Note(tick, 120, 60) for tick in (240, 2160, 4080))
    feels = (Feel(1920, "triplet-eighths"), Feel(3840, "straight"))
    played = played_out(Song(480, (Track("", 33, False, notes),), feels=feels))
    assert [note.start for note in played.tracks[0].notes] == [240, 2240, 4080]
