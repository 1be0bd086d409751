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
    toy_model,
    with_song,
    with_takes,
)
from streamlit.testing.v1 import AppTest

from app import pages, sound_view, tab_view
from app.sound import Heard
from arranger.files import song_from_bytes


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_model(monkeypatch)


def texts(page: AppTest) -> str:
    """All that is to be read on a page but the labels of its widgets."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "success", "error", "html")
    return "\n".join(str(getattr(one, "value", "")) for kind in kinds for one in page.get(kind))


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


def test_takes_are_shown_best_first_with_cards_and_a_roll() -> None:
    page = with_takes()
    session = session_of(page)
    scores = [offer.fill.score for offer in session.offers]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert {"keep", "reroll", "vary"} <= keys(page)
    assert "data:image/png" in texts(page)
    page.segmented_control(key="shown as").set_value("Score cards")
    page = checked(page.run())
    assert "Take 2" in texts(page)
    assert "Notes a bar" in texts(page)


def test_keep_undo_and_redo() -> None:
    page = pressed(with_takes(), "keep")
    session = session_of(page)
    assert len(session.song().tracks) == 4
    assert "is in the song" in page.success[0].value
    page = pressed(page, "undo")
    assert len(session_of(page).song().tracks) == 3
    assert "keep" in keys(page)  # the takes are on offer again
    page = pressed(page, "redo")
    assert session_of(page).song() == session.song()


def test_other_takes_differ_from_all_before() -> None:
    page = with_takes()
    before = {offer.key for offer in session_of(page).offers}
    page = finished(pressed(page, "reroll"))
    session = session_of(page)
    assert not before & {offer.key for offer in session.offers}
    assert {offer.key for offer in session.earlier} == before


def test_a_take_can_be_varied_before_it_is_kept() -> None:
    page = with_takes()
    take = session_of(page).offers[0].fill
    page = finished(pressed(page, "vary"))
    varied = session_of(page).offers[0].fill
    assert varied.source == "variation"
    assert varied.parts[0].into_track is None
    assert varied.parts[0].tuning == take.parts[0].tuning
    assert varied.bars == take.bars
    assert len(session_of(pressed(page, "keep")).song().tracks) == 4


def test_the_tab_view_says_how_to_get_it_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab_view, "tab_module", lambda: None)
    page = with_takes()
    page.segmented_control(key="shown as").set_value("Tab and notes")
    page = checked(page.run())
    assert page.info[0].value == tab_view.HOW


def test_takes_are_heard_in_the_band_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_view, "why_silent", lambda: None)
    monkeypatch.setattr(sound_view, "listen", lambda *asked: Heard(b"fLaC mix", {"guitar": b"fLaC solo"}))
    page = finished(pressed(with_takes(), "hear"))
    assert "With the band, bars 1–8" in texts(page)
    assert "Guitar alone" in texts(page)
    assert len(page.get("audio")) == 2


def test_without_sound_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_view, "why_silent", lambda: "Sound needs the package soundfile.")
    page = with_takes()
    assert "hear" not in keys(page)
    assert "Sound needs the package soundfile." in texts(page)


def test_the_save_page_offers_the_own_kind_first() -> None:
    page = pressed(with_takes("paper-boats.gp5"), "keep")
    page = pressed(page, "to save")
    assert page.selectbox(key="kind").value == "gp5"
    labels = [button.label for button in page.get("download_button")]
    assert labels == ["Download paper-boats.drums.gp5", "Download the part", "Save the session"]
    page.selectbox(key="kind").set_value("musicxml")
    page = checked(page.run())
    assert page.get("download_button")[0].label == "Download paper-boats.drums.musicxml"


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


def test_work_is_stopped_and_the_song_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_model(monkeypatch, seconds=0.05)
    page = pressed(with_song(), "to part")
    page = pressed(page, "write")
    assert "stop" in keys(page)
    assert not {"undo", "redo"} & keys(page)
    page = finished(pressed(page, "stop"))
    assert "Stopped" in page.info[0].value
    assert not session_of(page).takes


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
