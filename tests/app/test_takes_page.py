"""The page of takes, and what comes after it: kept, undone, heard, varied, saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("streamlit")
from app_pages import checked, finished, holder_of, keys, pressed, session_of, texts, toy_model, with_song, with_takes

from app import sound_view, tab_view
from app.sound import Heard


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_model(monkeypatch)


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


def test_work_is_stopped_and_the_song_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_model(monkeypatch, seconds=0.05)
    page = pressed(with_song(), "to part")
    page = pressed(page, "write")
    assert "stop" in keys(page)
    assert not {"undo", "redo"} & keys(page)
    page = finished(pressed(page, "stop"))
    assert "Stopped" in page.info[0].value
    assert not session_of(page).takes


def test_four_sessions_at_once_get_what_each_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    toy_model(monkeypatch, seconds=0.002)
    pages = [with_takes(name) for name in ("three-four.mid", "paper-boats.gp5") for _ in range(2)]
    holders = [holder_of(page) for page in pages]
    before = [holder.session for holder in holders]
    for at, holder in enumerate(holders):
        holder.update(lambda one, at=at: replace(one, wishes=replace(one.wishes, bars=f"{at + 1}", takes=1)))
    pages = [pressed(page, "reroll") for page in pages]
    pages = [finished(page) for page in pages]
    for at, (page, old) in enumerate(zip(pages, before, strict=True)):
        session = session_of(page)
        assert session.data == old.data
        assert [offer.fill.bars for offer in session.offers] == [(at, at + 1)]
