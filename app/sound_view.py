"""Listening to a take: with the band, and alone."""

from __future__ import annotations

from typing import Any

import streamlit as st

from .session import Offer
from .sound import Heard, Progress, listen, missing_sound
from .store import Holder
from .words import PART_LABELS


@st.cache_data(ttl=300, show_spinner=False)
def why_silent() -> str | None:
    """None if sound can be made, else why not."""
    return missing_sound()


def sound_view(holder: Holder, offer: Offer) -> None:
    """Draw the players of a take, or the button that makes them."""
    session = holder.session
    key = ("sound", session.state, offer.key)
    heard: Heard | None = holder.recall(key)
    if heard is None:
        why = why_silent()
        st.button(
            "Hear it",
            icon=":material/headphones:",
            key="hear",
            width="stretch",
            disabled=holder.busy or why is not None,
            on_click=lambda: _begin(holder, offer),
        )
        if why:
            st.caption(why)
        return
    st.caption("With the band")
    st.audio(heard.mix, format="audio/mpeg", start_time=int(heard.begins))
    for part, data in heard.stems.items():
        st.caption(f"{PART_LABELS.get(part, part)} alone")
        st.audio(data, format="audio/mpeg", start_time=int(heard.begins))
    for note in heard.notes[:3]:
        st.caption(note)


def _begin(holder: Holder, offer: Offer) -> None:
    session = holder.session

    def work(progress: Progress) -> Any:
        return listen(session, offer.fill, progress)

    def landed(found: Any) -> None:
        holder.remember(("sound", session.state, offer.key), found)

    holder.begin("Playing it for you", work, landed)
