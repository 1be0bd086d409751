"""Listening to a take: with the band, and alone."""

from __future__ import annotations

from typing import Any

import streamlit as st

from .session import Offer
from .sound import Heard, Progress, listen, missing_sound
from .store import Holder
from .words import PART_LABELS

MIME = "audio/flac"


@st.cache_data(ttl=300, show_spinner=False)
def why_silent() -> str | None:
    """None if sound can be made, else why not."""
    return missing_sound()


def sound_view(holder: Holder, offer: Offer, bars: tuple[int, int]) -> None:
    """Draw the players of a take, or the buttons that make them.

    Parameters
    ----------
    bars : [first, last) that are shown, from 0.
    """
    state = holder.session.state
    whole: Heard | None = holder.recall(("sound", state, offer.key, None))
    heard: Heard | None = whole or holder.recall(("sound", state, offer.key, bars))
    if heard is not None:
        what = "the whole song" if whole else f"bars {bars[0] + 1}–{bars[1]}"
        players = [(f"With the band, {what}", heard.mix)]
        players += [(f"{PART_LABELS.get(part, part)} alone", data) for part, data in heard.stems.items()]
        for column, (label, data) in zip(st.columns(len(players)), players, strict=True):
            with column:
                st.caption(label)
                st.audio(data, format=MIME)
    if whole is not None:
        return
    why = why_silent()
    with st.container(horizontal=True):
        if heard is None:
            _button(holder, offer, bars, f"Hear bars {bars[0] + 1}–{bars[1]}", "hear", why)
        _button(holder, offer, None, "Hear the whole song", "hear all", why)
    if why:
        st.caption(why)


def _button(holder: Holder, offer: Offer, bars: tuple[int, int] | None, label: str, key: str, why: str | None) -> None:
    icon = ":material/headphones:"
    disabled = holder.busy or why is not None
    st.button(label, icon=icon, key=key, disabled=disabled, on_click=lambda: _begin(holder, offer, bars))


def _begin(holder: Holder, offer: Offer, bars: tuple[int, int] | None) -> None:
    session = holder.session

    def work(progress: Progress) -> Any:
        return listen(session, offer.fill, bars, progress)

    def landed(found: Any) -> None:
        holder.remember(("sound", session.state, offer.key, bars), found)

    holder.begin("Playing it for you", work, landed)
