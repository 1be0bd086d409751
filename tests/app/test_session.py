"""A session: its steps, its file, and files that pretend to be one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("streamlit")
from app_pages import EXAMPLES, session_with_takes

from app.fill_json import BadValue, fill_key, read_fill, tell_fill
from app.session import Session, keep, offered, redo, undo
from app.session_file import load_session, open_any, save_session
from app.wishes import Wishes
from arranger.errors import SongFileError
from arranger.fills import Fill, PartFill
from arranger.song import TECHNIQUES, Note

NOTES = st.lists(
    st.builds(
        Note,
        st.integers(0, 10_000),
        st.integers(1, 2_000),
        st.integers(0, 127),
        st.integers(1, 127),
        st.none() | st.integers(1, 8),
        st.none() | st.integers(0, 24),
        st.sets(st.sampled_from(TECHNIQUES), max_size=3).map(lambda names: tuple(sorted(names))),
        st.lists(st.tuples(st.floats(0, 1), st.floats(-3, 3)), max_size=3).map(tuple),
    ),
    max_size=8,
)
FILLS = st.builds(
    lambda notes, seed, score, distance: Fill(
        (
            PartFill(
                "bass",
                tuple(sorted(notes, key=lambda note: (note.start, note.pitch))),
                (2,),
                2,
                "Bass “1”",
                33,
                3,
                (43, 38, 33, 28),
                0,
            ),
        ),
        (3, 9),
        seed,
        1,
        score,
        "model",
        {"bass": {"measures": {"density": 3.5, "key_fit": None}, "judged": 7}},
        {"steps": 8},
        (3, 5),
        distance,
    ),
    NOTES,
    st.integers(0, 1 << 40),
    st.floats(0, 1),
    st.none() | st.floats(0, 1),
)


def full_session() -> Session:
    """A session that has something of everything."""
    session = keep(session_with_takes("paper-boats.gp5"))
    session = undo(offered(session, [one.fill for one in session.takes], session.state))
    wishes = Wishes(("drums",), "new", ("1-4",), "", 3, 7, 0.6, "punk", {"drums": {"feel": "shuffle"}}, 0.8, 0.6)
    return replace(session, roles={"2": "other"}, wishes=replace(wishes, chords="Am | F", human=False), view="save")


@settings(max_examples=40)
@given(FILLS)
def test_a_fill_comes_back_from_json_as_it_was(fill: Fill) -> None:
    back = read_fill(json.loads(json.dumps(tell_fill(fill))), "here")
    assert back == fill
    assert fill_key(back) == fill_key(fill)


def test_a_session_comes_back_from_its_file_as_it_was() -> None:
    session = full_session()
    back = load_session(save_session(session), "x.arranger")
    assert back == session
    assert back.song() == session.song()
    assert save_session(back) == save_session(session)


def test_keep_undo_and_redo_are_each_others_opposite() -> None:
    session = session_with_takes("three-four.mid")
    kept = keep(session)
    assert len(kept.song().tracks) == len(session.song().tracks) + 1
    assert undo(kept).song() == session.song()
    assert redo(undo(kept)) == kept
    assert undo(undo(kept)).at == 0
    assert redo(kept) == kept
    assert not kept.offers  # they were for the song without them
    assert undo(kept).offers == session.offers


def test_keeping_another_take_forgets_what_could_be_redone() -> None:
    session = session_with_takes("three-four.mid")
    other = keep(replace(undo(keep(session)), chosen=1))
    assert [one.key for one in other.kept] == [session.takes[1].key]


HOSTILE = {
    "a list": lambda d: [d],
    "another kind": lambda d: d | {"kind": "zip"},
    "a later version": lambda d: d | {"version": 2},
    "no song": lambda d: {key: value for key, value in d.items() if key != "song"},
    "no base64": lambda d: d | {"song": "????"},
    "another file": lambda d: d | {"song": base64.b64encode(b"GIF89a").decode()},
    "more undone than kept": lambda d: d | {"at": 9},
    "a fraction": lambda d: d | {"at": 0.5},
    "a yes for a number": lambda d: d | {"at": True},
    "a part that is none": lambda d: _part(d, {"part": "kazoo"}),
    "a track that is not there": lambda d: _part(d, {"into_track": 77}),
    "a pitch that is none": lambda d: _part(d, {"notes": [[0, 10, 999, 80, None, None]]}),
    "a note of no length": lambda d: _part(d, {"notes": [[0, 0, 60, 80, None, None]]}),
    "a note before the song": lambda d: _part(d, {"notes": [[-5, 10, 60, 80, None, None]]}),
    "a note outside its bars": lambda d: _part(d, {"notes": [[10**9, 10, 60, 80, None, None]]}),
    "notes out of order": lambda d: _part(d, {"notes": [[9, 1, 60, 80, None, None], [0, 1, 60, 80, None, None]]}),
    "no end of notes": lambda d: _part(d, {"notes": [[0, 1, 60, 80, None, None]] * 200_001}),
    "too many bars": lambda d: _kept(d, {"bars": [0, 5000]}),
    "bars the wrong way round": lambda d: _kept(d, {"bars": [5, 2]}),
    "a card without end": lambda d: _kept(d, {"card": {"drums": _deep(50)}}),
    "a page that is none": lambda d: d | {"view": "admin"},
    "an endless wish": lambda d: d | {"wishes": d["wishes"] | {"chords": "A " * 50_000}},
    "a wish that is none": lambda d: d | {"wishes": d["wishes"] | {"words": {"drums": {"path": "/etc/passwd"}}}},
    "a role for nobody": lambda d: d | {"roles": {"99999999999999999999": "bass"}},
    "a role that is none": lambda d: d | {"roles": {"1": "tuba"}},
}


def _part(document: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    kept = json.loads(json.dumps(document["kept"]))
    kept[0]["parts"][0].update(change)
    return document | {"kept": kept}


def _kept(document: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return document | {"kept": [document["kept"][0] | change, *document["kept"][1:]]}


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"x": value}
    return value


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_session_is_refused_in_a_sentence(name: str) -> None:
    document = json.loads(save_session(full_session()))
    data = json.dumps(HOSTILE[name](document)).encode()
    with pytest.raises(SongFileError, match=r"^x\.arranger.*\.$"):
        load_session(data, "x.arranger")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"kind":"arranger session","version":NaN}',
        '{"kind":"arranger session","at":1e999}',
        "5",
    ],
)
def test_broken_json_is_refused(text: str) -> None:
    with pytest.raises(SongFileError):
        load_session(text.encode(), "x")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_whole(data: st.DataObject) -> None:
    saved = save_session(keep(session_with_takes("three-four.mid")))
    at = data.draw(st.integers(0, len(saved) - 1))
    damaged = saved[:at] + bytes([data.draw(st.integers(32, 126))]) + saved[at + 1 :]
    try:
        session = load_session(damaged, "x")
    except SongFileError:
        return
    assert session.song().bars


def test_what_no_fill_can_have_is_named_with_its_place() -> None:
    with pytest.raises(BadValue, match="kept 1, bars"):
        read_fill(tell_fill(full_session().kept[0].fill) | {"bars": "all"}, "kept 1")


@pytest.mark.parametrize("name", ["three-four.mid", "paper-boats.gp5"])
def test_a_song_opens_as_a_session_of_its_own(name: str) -> None:
    data = (EXAMPLES / name).read_bytes()
    session = open_any(data, name)
    assert (session.name, session.data, session.at) == (name, data, 0)
    assert open_any(save_session(session), "y") == session


def test_a_path_is_no_part_of_a_name(tmp_path: Path) -> None:
    session = open_any((EXAMPLES / "three-four.mid").read_bytes(), "x" * 500 + ".mid")
    assert len(session.name) <= 120
