"""The take as tablature and notation, where the tab view is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import streamlit as st

from arranger.errors import ArrangerError
from arranger.formats.targets import serialised

from .calls import new_tracks, with_take
from .layout import is_dark
from .session import Offer
from .store import Holder
from .words import said

HOW = "The tab view is not installed here; the piano roll shows the same notes."


def tab_module() -> Any:
    """The tab view; None where it is not part of the package."""
    name = f"{__package__}.tabview"
    return import_module(name) if find_spec(name) is not None else None


def tab_view(holder: Holder, offer: Offer) -> None:
    """Draw the song with the take in it as a tab, its new tracks and bars marked."""
    module = tab_module()
    if module is None or not module.available():
        st.info(f"{HOW} {module.HOW_TO_GET}" if module else HOW)
        return
    session = holder.session
    try:
        data, suffix = holder.memo(("score", session.state, offer.key), lambda: _score(holder, offer))
    except ArrangerError as err:
        st.info(said(err))
        return
    marked = [bar for bar in range(*offer.fill.bars) if offer.fill.holds(bar)]
    tracks = list(new_tracks(session, offer.fill))
    module.show_tab(data, suffix, tracks=tracks, marked_bars=marked, dark=is_dark(), key="tab")


def _score(holder: Holder, offer: Offer) -> tuple[bytes, str]:
    """The song with the take in it, as a file that holds tablature."""
    song, _ = with_take(holder.session, offer.fill)
    kind = song.source.format if song.source else "gp"
    kind = kind if kind in ("gp", "gp3", "gp4", "gp5") else "gp"
    return serialised(song, kind).data, f".{kind}"
