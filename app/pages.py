"""The app: which page is shown, and whose."""

from __future__ import annotations

import logging

import streamlit as st

from arranger.errors import ArrangerError

from .cached import store
from .jobs import BUG
from .layout import head, look, messages
from .part_page import part_page
from .refine_page import refine_page
from .save_page import save_page
from .song_page import song_page
from .start_page import start_page
from .store import Holder
from .takes_page import takes_page
from .waiting import show_job
from .words import said

QUERY = "s"
"""In the address: the session's id, which is what survives a reload."""
PAGES = {"song": song_page, "part": part_page, "takes": takes_page, "save": save_page, "refine": refine_page}


def run() -> None:
    """Draw the app once."""
    look()
    try:
        holder = store().find(st.query_params.get(QUERY))
        if holder is None:
            _start()
        else:
            _session(holder)
    except ArrangerError as err:
        st.error(said(err))
    except Exception as err:  # a bug must not show a page of code
        logging.getLogger(__name__).exception("A page failed.")
        st.error(BUG.format(type(err).__name__))


def _start() -> None:
    if QUERY in st.query_params:
        st.info("That session is over; sessions are kept for a day. Open the song, or a session that you saved.")
    session = start_page()
    if session is not None:
        _forget_widgets()
        st.query_params[QUERY] = store().add(session)
        st.rerun()


def _session(holder: Holder) -> None:
    view = head(holder, _leave)
    is_working = show_job(holder)
    messages(holder)
    if is_working and view == "takes":
        st.caption("You may look at the other pages meanwhile; what you asked for comes to this one.")
    PAGES[view](holder)


def _leave() -> None:
    """Back to the first page; the session stays on the server for a day under its address."""
    del st.query_params[QUERY]
    _forget_widgets()


def _forget_widgets() -> None:
    """One song's widgets are no other's."""
    for key in list(st.session_state):
        del st.session_state[key]
