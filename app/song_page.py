"""What the song is: tracks and what they play, bars, key, chords, sections, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

import streamlit as st

from arranger.parts import ROLES

from .calls import overview
from .layout import facts, go
from .store import Holder
from .words import PART_LABELS

MOST_ROWS = 60
"""Tracks and sections shown."""
CHORDS_SHOWN = 8


def reading(holder: Holder) -> dict[str, Any]:
    """The song's overview, worked out once for each of its states."""
    session = holder.session
    key = ("overview", session.state, tuple(sorted(session.roles.items())))
    found: dict[str, Any] = holder.memo(key, lambda: overview(session))
    return found


def song_page(holder: Holder) -> None:
    """Draw the page."""
    found = reading(holder)
    missing = list(found["missing"])
    named = " and ".join(", ".join(missing).rsplit(", ", 1))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        st.title(found["title"] or holder.session.name, anchor=False)
        st.write(f"This song has no **{named}**." if missing else "This song has drums, bass and guitar.")
    with right:
        label = f"Write the {missing[0]}" if missing else "Choose a part"
        st.button(
            label,
            type="primary",
            key="to part",
            icon=":material/arrow_forward:",
            width="stretch",
            on_click=lambda: go(holder, "part"),
        )
    key = found["key"]
    facts(
        [
            ("Bars", str(found["bars"])),
            ("Tempo", _runs(found["tempo_qpm"], "qpm")),
            ("Metre", _runs(found["metre"], "metre")),
            ("Key", f"{key['name']} ({key['confidence']:.0%} sure)" if key["confidence"] else "none to be told"),
            ("Missing", ", ".join(missing) or "nothing"),
        ]
    )
    for warning in found["warnings"][:5]:
        st.caption(f"Note: {warning}")
    tracks, form = st.columns([1, 1], gap="large")
    with tracks:
        st.subheader("Who plays what", anchor=False)
        st.caption("Taken for the wrong instrument? Say what it is.")
        for track in found["tracks"][:MOST_ROWS]:
            _track(holder, track)
        if len(found["tracks"]) > MOST_ROWS:
            st.caption(f"and {len(found['tracks']) - MOST_ROWS} more tracks")
    with form:
        st.subheader("How it goes", anchor=False)
        _sections(found)


def _track(holder: Holder, track: dict[str, Any]) -> None:
    number = str(track["number"])
    name = track["name"] or f"Track {number}"
    key = f"role {number} {len(holder.session.state)}"
    if key not in st.session_state:
        st.session_state[key] = track["role"]

    def correct() -> None:
        role = st.session_state[key]
        holder.update(lambda session: replace(session, roles={**session.roles, number: role}))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{number}** {_plain(name)}  \n:small[:gray[{track['notes']} notes, {_plain(track['reason'])}]]",
            width="stretch",
        )
        st.selectbox(
            f"What track {number} plays",
            ROLES,
            format_func=PART_LABELS.__getitem__,
            key=key,
            on_change=correct,
            disabled=holder.busy,
            label_visibility="collapsed",
            width=130,
        )


def _sections(found: dict[str, Any]) -> None:
    by_bar = {entry["bar"]: " ".join(entry["chords"]) for entry in found["chords"]}
    rows = []
    for one in found["sections"][:MOST_ROWS]:
        first, last = one["bars"]
        shown = [by_bar.get(bar, "–") for bar in range(first, min(last, first + CHORDS_SHOWN - 1) + 1)]
        more = " …" if last - first + 1 > CHORDS_SHOWN else ""
        name = f"{one['label']} {one.get('name', '')}".strip()
        cells = (name, f"{first}–{last}", " | ".join(shown) + more)
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>Section</th><th>Bars</th><th>Chords</th></tr>"
    st.html(f'<table class="card sections">{head}{"".join(rows)}</table>')
    if len(found["sections"]) > MOST_ROWS:
        st.caption(f"and {len(found['sections']) - MOST_ROWS} more sections")


def _runs(runs: list[dict[str, Any]], name: str) -> str:
    values = list(dict.fromkeys(f"{run[name]:g}" if name == "qpm" else str(run[name]) for run in runs))
    return values[0] if len(values) == 1 else f"{values[0]}, changes"


def _plain(text: str) -> str:
    """Text from a file, with nothing in it that Markdown would take for more."""
    shown = " ".join(text.split())[:60]
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|<>~$:&" else char for char in shown)
