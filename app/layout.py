"""What every page has: the head with the steps, undo and redo, messages, and the look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path

import streamlit as st

from .session import VIEWS, Session, redo, undo
from .store import Holder
from .words import VIEW_LABELS, said

ICON = str(Path(__file__).with_name("icon.svg"))
"""A file of our own: Streamlit's icons and emoji for the tab are fetched from other servers."""
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 1rem 1.25rem 3rem; max-width: 1180px; }
[data-testid="stHeader"] { height: 0; min-height: 0; background: transparent; }
[data-testid="stToolbar"] { top: 0.25rem; }
h1 { padding: 0 0 0.25rem; font-size: 1.7rem !important; }
h2 { padding: 0.25rem 0; font-size: 1.2rem !important; }
h3 { padding: 0; font-size: 1rem !important; }
.song-name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 15rem; }
.scroll { overflow-x: auto; border: 1px solid rgba(128, 128, 128, 0.3); border-radius: 0.6rem; }
.scroll img { display: block; min-width: 860px; width: 100%; }
.scroll:focus-visible { outline: 2px solid #e0348a; }
.facts { display: flex; flex-wrap: wrap; gap: 0.3rem 1.6rem; margin: 0; }
.facts small { display: block; font-size: 0.78rem; opacity: 0.75; }
.facts b { font-size: 1.1rem; font-weight: 600; }
table.card { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
table.card th, table.card td { border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.25); padding: 0.22rem 0.4rem; }
table.card td + td, table.card th + th { text-align: right; white-space: nowrap; }
table.sections td:last-child, table.sections th:last-child { text-align: left; white-space: normal; }
table.card th { font-weight: 500; opacity: 0.75; font-size: 0.8rem; text-align: left; }
table.card .in { color: GOOD; } table.card .out { color: BAD; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding: 0.75rem 0.75rem 3rem; }
  .song-name { max-width: 100%; }
  [data-testid="stHeader"] { display: none; }
}
</style>"""


def look() -> None:
    """The page's title and style."""
    st.set_page_config("arranger", page_icon=ICON, layout="wide", initial_sidebar_state="collapsed")
    good, bad = ("#62d394", "#f2a65a") if is_dark() else ("#1a7a43", "#a85408")
    st.html(STYLE.replace("GOOD", good).replace("BAD", bad))


def is_dark() -> bool:
    """Whether the user's theme is the dark one."""
    return st.context.theme.type == "dark"


def go(holder: Holder, view: str) -> None:
    """Open a page; to be called before it is drawn, from a button's callback."""
    holder.update(lambda session: replace(session, view=view))
    st.session_state["view"] = view


def _do(holder: Holder, step: Callable[[Session], Session]) -> Callable[[], None]:
    def done() -> None:
        holder.update(step)

    return done


def head(holder: Holder, leave: Callable[[], None]) -> str:
    """The line on top: the song, the steps, undo and redo. Gives the page that is open."""
    session = holder.session
    if st.session_state.get("view") not in VIEWS:
        st.session_state["view"] = session.view
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<div class="song-name" title="{escape(session.name)}">{escape(session.name)}</div>', width="content")
        st.segmented_control(
            "Step",
            VIEWS,
            format_func=VIEW_LABELS.__getitem__,
            key="view",
            required=True,
            label_visibility="collapsed",
            on_change=lambda: go(holder, st.session_state["view"]),
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo",
            help="Take the last part out again",
            disabled=session.at == 0 or holder.busy,
            on_click=_do(holder, undo),
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            key="redo",
            help="Put it in again",
            disabled=session.at == len(session.kept) or holder.busy,
            on_click=_do(holder, redo),
        )
        st.button("Other song", icon=":material/folder_open:", key="leave", type="tertiary", on_click=leave)
    return str(st.session_state["view"])


def messages(holder: Holder) -> None:
    """What the last job or step had to say, once."""
    if holder.told is None:
        return
    (kind, text), holder.told = holder.told, None
    {"error": st.error, "success": st.success, "info": st.info}[kind](said(text))


def facts(entries: list[tuple[str, str]]) -> None:
    """Short facts in a row: label and value."""
    inner = "".join(f"<div><small>{escape(label)}</small><b>{escape(value)}</b></div>" for label, value in entries)
    st.html(f'<div class="facts">{inner}</div>')
