"""Every page of the app in every state it has."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("streamlit")
from app_pages import (
    EXAMPLES,
    checked,
    finished,
    holder_of,
    keys,
    opened,
    pressed,
    session_of,
    texts,
    toy_model,
    with_song,
    with_takes,
)
from streamlit.testing.v1 import AppTest

from app import pages
from arranger.files import song_from_bytes


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_model(monkeypatch)


def test_the_first_page_has_an_upload_and_examples_one_click_away() -> None:
    page = opened()
    assert page.file_uploader(key="upload")
    assert keys(page) == {"example paper-boats.gp5", "example night-bus.mid", "example three-four.mid"}


def test_an_example_opens_on_its_overview() -> None:
    page = with_song("night-bus.mid")
    assert page.title[0].value == "Night Bus"
    assert "no **bass**" in texts(page)
    assert page.button(key="to part").label == "Write the bass"
    assert [box.value for box in page.selectbox] == ["drums", "guitar", "guitar", "other", "other"]
    shown = texts(page)
    assert "66" in shown
    assert "Chorus 2" in shown
    assert "Cmaj7" in shown


def test_a_corrected_track_changes_what_is_missing() -> None:
    page = with_song("night-bus.mid")
    page.selectbox[4].set_value("bass")
    page = checked(page.run())
    assert session_of(page).roles == {"5": "bass"}
    assert "drums, bass and guitar" in texts(page)


def test_the_part_page_asks_for_what_is_missing_and_keeps_what_is_said() -> None:
    page = pressed(with_song("night-bus.mid"), "to part")
    assert page.button(key="write").label == "Write the bass"
    page.text_input(key="wish bars").set_value("5-8")
    page.selectbox(key="wish preset").set_value("punk")
    page.select_slider(key="word bass density").set_value("busy")
    page = checked(page.run())
    wishes = session_of(page).wishes
    assert (wishes.parts, wishes.places, wishes.preset) == (("bass",), "5-8", "punk")
    assert wishes.words["bass"] == {"density": "busy"}
    page.segmented_control(key="view").set_value("song").run()
    page.segmented_control(key="view").set_value("part")
    page = checked(page.run())
    assert page.text_input(key="wish bars").value == "5-8"
    assert page.select_slider(key="word bass density").value == "busy"


def test_a_part_that_is_there_can_be_written_anew_completed_doubled_or_varied() -> None:
    page = pressed(with_song("night-bus.mid"), "to part")
    page.pills(key="wish parts").set_value(["drums"])
    page = checked(page.run())
    assert page.segmented_control(key="wish way").options == [
        "Write it anew",
        "Only where it rests",
        "Add a second one",
        "A variation of it",
    ]
    page.segmented_control(key="wish way").set_value("vary").run()
    page.text_input(key="wish bars").set_value("5-8")
    page.slider(key="wish takes").set_value(1)
    page = finished(pressed(checked(page.run()), "write"))
    assert session_of(page).offers[0].fill.source == "variation"


def test_nothing_can_be_written_without_a_part() -> None:
    page = pressed(with_song(), "to part")
    page.pills(key="wish parts").set_value([])
    page = checked(page.run())
    assert page.button(key="write").disabled


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [("wish bars", "90-99", "bars 1-24"), ("wish key", "H flat", "is no key"), ("wish like", "77", "1-24")],
)
def test_a_wish_that_cannot_be_met_is_told_in_a_sentence(key: str, value: str, told: str) -> None:
    page = pressed(with_song(), "to part")
    page.text_input(key=key).set_value(value)
    page = finished(pressed(checked(page.run()), "write"))
    assert told in page.error[0].value
    assert "--" not in page.error[0].value
    assert "to part" in keys(page)


def test_a_chart_is_chords_and_never_a_file() -> None:
    page = pressed(with_song(), "to part")
    page.text_input(key="wish chords").set_value("/etc/passwd")
    page = finished(pressed(checked(page.run()), "write"))
    assert "root" not in page.error[0].value
    assert "/etc/passwd" in page.error[0].value  # it is taken for a chord


def test_a_reload_finds_the_session_again() -> None:
    page = pressed(with_takes(), "keep")
    reloaded = AppTest.from_file(str(EXAMPLES.parent / "app" / "main.py"), default_timeout=60)
    reloaded.query_params["s"] = page.query_params["s"]
    reloaded = checked(reloaded.run())
    assert session_of(reloaded) is session_of(page)
    assert reloaded.segmented_control(key="view").value == "takes"
    assert "undo" in keys(reloaded)


def test_an_unknown_session_is_the_first_page() -> None:
    page = AppTest.from_file(str(EXAMPLES.parent / "app" / "main.py"), default_timeout=60)
    page.query_params["s"] = "nobody-has-this"
    page = checked(page.run())
    assert "is over" in page.info[0].value
    assert page.file_uploader(key="upload")


def test_two_users_never_see_each_other() -> None:
    one, other = with_takes("three-four.mid"), with_song("night-bus.mid")
    assert one.query_params["s"] != other.query_params["s"]
    assert session_of(other).name == "night-bus.mid"
    assert not session_of(other).takes
    assert not opened().query_params


def test_a_bug_is_a_sentence_and_no_page_of_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(holder: object) -> None:
        raise ZeroDivisionError("in /some/where")

    page = with_song()
    monkeypatch.setitem(pages.PAGES, "part", broken)
    page.segmented_control(key="view").set_value("part").run()
    assert not page.exception
    assert "bug in arranger (ZeroDivisionError)" in page.error[0].value
    assert "/some/where" not in page.error[0].value


def test_other_song_leads_back_and_the_session_stays() -> None:
    page = with_song()
    holder = holder_of(page)
    page = pressed(page, "leave")
    assert page.file_uploader(key="upload")
    assert song_from_bytes(holder.session.data, "x").bars
    assert json.dumps(sorted(page.query_params)) == "[]"
