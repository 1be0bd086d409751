"""Takes on offer: seen, heard, judged; kept, varied, or rolled again."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import streamlit as st

from arranger.errors import ArrangerError
from arranger.fills import Fill

from .cached import turns
from .calls import BARS_SHOWN, Progress, roll_png, vary_take
from .card_view import cards, summary
from .layout import go, is_dark
from .part_page import begin
from .session import Offer, Session, keep, offered
from .sound_view import sound_view
from .store import Holder
from .tab_view import tab_view
from .words import said, take_label


def takes_page(holder: Holder) -> None:
    """Draw the page."""
    session = holder.session
    offer = session.offer
    if offer is None:
        if not holder.busy:
            _nothing(holder)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Takes, best first",
            range(len(session.offers)),
            format_func=lambda at: take_label(at + 1, session.offers[at].fill),
            key=_chosen_key(session),
            required=True,
            disabled=holder.busy,
        )
        if chosen is not None and chosen != session.chosen:
            session = holder.update(lambda one: replace(one, chosen=int(chosen)))
            offer = session.offer or offer
        _actions(holder, offer)
    bars = _shown_bars(session, offer)
    summary(session, offer.fill)
    sound_view(holder, offer, bars)
    shown = st.segmented_control(
        "Show", list(SHOWN), key="shown as", default="Piano roll", required=True, label_visibility="collapsed"
    )
    SHOWN[str(shown)](holder, offer, bars)


def _shown_bars(session: Session, offer: Offer) -> tuple[int, int]:
    """Bars of the take that are shown: those that the slider says."""
    first, last = offer.fill.bars
    start = st.session_state.get(f"bars {offer.key}", first)
    return start, min(start + BARS_SHOWN, last, len(session.song().bars))


def _chosen_key(session: Session) -> str:
    key = f"chosen {session.offers[0].key}"
    if key not in st.session_state:
        st.session_state[key] = min(session.chosen, len(session.offers) - 1)
    return key


def _nothing(holder: Holder) -> None:
    session = holder.session
    if session.kept[: session.at]:
        st.title("It is in the song", anchor=False)
        st.write("Go on with the next part, or save what you have.")
        with st.container(horizontal=True):
            st.button("Save the song", type="primary", key="to save", on_click=lambda: go(holder, "save"))
            st.button("Write another part", key="to part", on_click=lambda: go(holder, "part"))
        return
    st.title("No takes yet", anchor=False)
    st.write("Choose a part first; its takes are shown here.")
    st.button("Choose a part", type="primary", key="to part", on_click=lambda: go(holder, "part"))


def _actions(holder: Holder, offer: Offer) -> None:
    st.button(
        "Keep this take",
        type="primary",
        icon=":material/check:",
        key="keep",
        disabled=holder.busy,
        on_click=lambda: _keep(holder),
    )
    st.button(
        "Other takes",
        icon=":material/casino:",
        key="reroll",
        help="Takes that differ from all that you were offered",
        disabled=holder.busy,
        on_click=lambda: begin(holder, again=True),
    )
    with st.popover("Vary", icon=":material/tune:", disabled=holder.busy):
        strength = st.slider("How different?", 0.1, 1.0, 0.4, 0.1, key="vary strength")
        st.button("Vary this take", key="vary", type="primary", on_click=lambda: _vary(holder, offer.fill, strength))


def _keep(holder: Holder) -> None:
    session = holder.update(keep)
    holder.told = ("success", f"Take {session.chosen + 1} is in the song. “Undo” takes it out again.")


def _vary(holder: Holder, take: Fill, strength: float) -> None:
    session = holder.session

    def work(progress: Progress) -> Any:
        return vary_take(session, take, strength, progress)

    def landed(fills: Any) -> None:
        holder.update(lambda one: offered(one, fills, session.state))

    holder.begin("Varying the take", work, landed, turns())


def _roll(holder: Holder, offer: Offer, bars: tuple[int, int]) -> None:
    first, last = offer.fill.bars
    starts = range(first, last, BARS_SHOWN)
    if len(starts) > 1:
        st.select_slider(
            "Bars that are shown and heard",
            starts,
            format_func=lambda at: f"{at + 1}–{min(at + BARS_SHOWN, last)}",
            key=f"bars {offer.key}",
        )
    session, dark = holder.session, is_dark()
    key = ("roll", session.state, offer.key, bars, dark, tuple(sorted(session.roles.items())))
    try:
        picture = holder.memo(key, lambda: roll_png(session, offer.fill, bars, dark))
    except ArrangerError as err:
        st.info(said(err))
        return
    data = base64.b64encode(picture).decode("ascii")
    alt = f"Piano roll of bars {bars[0] + 1} to {bars[1]}; the take's notes stand out."
    st.html(f'<div class="scroll" tabindex="0"><img alt="{alt}" src="data:image/png;base64,{data}"></div>')


def _tab(holder: Holder, offer: Offer, bars: tuple[int, int]) -> None:
    tab_view(holder, offer)


def _cards(holder: Holder, offer: Offer, bars: tuple[int, int]) -> None:
    cards(holder.session)


SHOWN = {"Piano roll": _roll, "Tab and notes": _tab, "Score cards": _cards}
"""Ways to look at a take; only the chosen one is drawn."""
