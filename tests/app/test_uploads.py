"""What people drop on the first page: songs, and all that is none."""

from __future__ import annotations

import io
import zipfile

import pytest

pytest.importorskip("streamlit")
from app_pages import EXAMPLES, checked, opened, session_of, session_with_takes

from app.session import keep
from app.session_file import MOST_BYTES, save_session
from arranger.formats.midi_read import MAX_FILE_BYTES


def bomb() -> bytes:
    """A small .gp that inflates to more than is ever read."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Content/score.gpif", b"<GPIF>" + b" " * 300_000_000)
    return out.getvalue()


def silent_midi() -> bytes:
    track = b"\x00\xff\x2f\x00"
    return b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 224]) + b"MTrk" + len(track).to_bytes(4, "big") + track


BAD = {
    "empty.mid": (lambda: b"", "is empty"),
    "photo.gp5": (lambda: b"\x89PNG\r\n\x1a\n" + b"x" * 500, "photo.gp5"),
    "huge.mid": (lambda: b"MThd" + bytes(MAX_FILE_BYTES + 1), "larger than"),
    "cut.mid": (lambda: (EXAMPLES / "night-bus.mid").read_bytes()[:20], "cut.mid"),
    "cut.gp5": (lambda: (EXAMPLES / "paper-boats.gp5").read_bytes()[:400], "cut.gp5"),
    "bomb.gp": (bomb, "bomb.gp"),
    "laughs.musicxml": (lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><score-partwise/>', "laughs"),
    "silent.mid": (silent_midi, "no note"),
    "bad.arranger": (lambda: b'{"kind":"arranger session","version":1}', "damaged"),
    "<img src=x onerror=alert(1)>.mid": (lambda: b"MThd", ".mid"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_song_is_told_in_a_sentence_and_the_page_lives_on(name: str) -> None:
    make, told = BAD[name]
    page = opened()
    page.file_uploader(key="upload").set_value((name, make(), "application/octet-stream"))
    page = checked(page.run())
    (error,) = page.error
    assert told in error.value
    assert error.value.rstrip().endswith((".", "?"))
    assert "/tmp" not in error.value
    assert "s" not in page.query_params
    page.file_uploader(key="upload").set_value(("ok.mid", (EXAMPLES / "three-four.mid").read_bytes(), "audio/midi"))
    page = checked(page.run())
    assert session_of(page).name == "ok.mid"


def test_a_name_from_outside_is_shown_as_text_alone() -> None:
    page = opened()
    name = "<b onclick=alert(1)>&*_x_*.mid"
    page.file_uploader(key="upload").set_value((name, (EXAMPLES / "three-four.mid").read_bytes(), "audio/midi"))
    page = checked(page.run())
    shown = [str(one.value) for one in page.get("html")]
    assert any("&lt;b onclick" in one for one in shown)
    assert not any("<b onclick" in one for one in shown)


def test_a_saved_session_goes_on_where_it_was() -> None:
    session = keep(session_with_takes("paper-boats.gp5"))
    page = opened()
    page.file_uploader(key="upload").set_value(("later.arranger", save_session(session), "application/json"))
    page = checked(page.run())
    assert session_of(page) == session
    assert page.segmented_control(key="view").value == "takes"
    assert not page.button(key="undo").disabled


def test_a_session_file_has_a_limit_that_holds_the_largest_song() -> None:
    assert MAX_FILE_BYTES * 4 / 3 < MOST_BYTES
