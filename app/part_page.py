"""What is asked for: parts, bars, and how it should sound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from arranger.parts import PARTS
from arranger.presets import presets

from .cached import turns
from .calls import Progress, write
from .controls_form import part_words
from .layout import go
from .session import offered
from .song_page import reading
from .store import Holder
from .wishes import VARY, Wishes, ordered
from .words import PART_LABELS, WAY_LABELS

MOST_SECTIONS = 40


def part_page(holder: Holder) -> None:
    """Draw the page, and keep what is wished for in the session."""
    found, session = reading(holder), holder.session
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        parts = ordered(
            st.pills(
                "Which part?",
                PARTS,
                selection_mode="multi",
                format_func=lambda part: PART_LABELS[part] + (" (missing)" if part in found["missing"] else ""),
                key=_kept("parts", list(session.wishes.parts or found["missing"][:1])),
            )
            or ()
        )
    with right:
        action = st.container()
    way = _way(found, session.wishes, parts)
    where, how = st.columns([1, 1], gap="large")
    with where:
        sections, bars = _places(found, session.wishes)
        takes, seed, strength = _amount(session.wishes, way)
    with how:
        wishes = replace(
            session.wishes, parts=parts, way=way, sections=sections, bars=bars, takes=takes, seed=seed,
            strength=strength,
        )  # fmt: skip
        wishes = _sound(holder, found, wishes)
    if wishes != session.wishes:
        holder.update(lambda one: replace(one, wishes=wishes))
    names = " and ".join(PART_LABELS[part].lower() for part in parts)
    action.button(
        f"Write the {names}" if names else "Choose a part",
        type="primary",
        key="write",
        icon=":material/edit_note:",
        width="stretch",
        disabled=not parts or holder.busy,
        on_click=lambda: begin(holder),
    )


def begin(holder: Holder, again: bool = False) -> None:
    """Start writing takes of what the session wishes for, and open their page."""
    session = holder.session
    names = " and ".join(session.wishes.parts)

    def work(progress: Progress) -> Any:
        return write(session, progress, again=again)

    def landed(fills: Any) -> None:
        holder.update(lambda one: offered(one, fills, session.state))

    holder.begin(f"Writing the {names}", work, landed, turns())
    go(holder, "takes")


def _kept(name: str, value: Any) -> str:
    """A widget's key, and its value from the session where the browser has none."""
    key = f"wish {name}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def _way(found: dict[str, Any], wishes: Wishes, parts: tuple[str, ...]) -> str:
    """How a part is written that the song has already."""
    there = [part for part in parts if found["parts"][part]]
    if not there:
        return "new"
    ways = ["add"]
    if len(there) == len(parts):
        ways = ["replace", "complete", "add", *([VARY] if len(parts) == 1 else [])]
    key = _kept("way", wishes.way if wishes.way in ways else ways[0])
    if st.session_state[key] not in ways:
        st.session_state[key] = ways[0]
    names = " and ".join(there)
    return str(
        st.segmented_control(
            f"The song has {names} already", ways, format_func=WAY_LABELS.__getitem__, key=key, required=True
        )
    )


def _places(found: dict[str, Any], wishes: Wishes) -> tuple[tuple[str, ...], str]:
    """Sections that are clicked, and bars that are typed."""
    shown = found["sections"][:MOST_SECTIONS]
    labels = {f"{one['bars'][0]}-{one['bars'][1]}": one.get("name") or one["label"] for one in shown}
    sections: tuple[str, ...] = ()
    if len(labels) > 1:
        chosen = st.pills(
            "Where? (nothing chosen: the whole song)",
            list(labels),
            selection_mode="multi",
            format_func=lambda bars: f"{labels[bars]} · {bars.replace('-', '–')}",
            key=_kept("sections", [one for one in wishes.sections if one in labels]),
            wrap=True,
        )
        sections = tuple(one for one in labels if one in (chosen or ()))
    bars = st.text_input(
        "Or these bars",
        placeholder=f"9-16, 25   (of 1-{found['bars']})",
        max_chars=200,
        key=_kept("bars", wishes.bars),
    )
    return sections, bars or ""


def _amount(wishes: Wishes, way: str) -> tuple[int, int, float]:
    """How many takes, which roll of the dice, and how far a variation may go."""
    strength = wishes.strength
    if way == VARY:
        strength = st.slider("How different?", 0.0, 1.0, step=0.1, key=_kept("strength", wishes.strength))
    takes = st.slider("Takes to choose from", 1, 12, key=_kept("takes", min(12, wishes.takes)))
    seed = st.number_input(
        "Roll of the dice",
        0,
        10**9,
        key=_kept("seed", wishes.seed),
        help="The same number and the same wishes give the same takes.",
    )
    return takes, int(seed), strength


def _sound(holder: Holder, found: dict[str, Any], wishes: Wishes) -> Wishes:
    """How it should sound: a preset, each part's own words, and the rest."""
    known = presets()
    preset = st.selectbox(
        "Sounds like",
        ["", *known],
        format_func=lambda name: name.capitalize() if name else "This song",
        key=_kept("preset", wishes.preset if wishes.preset in known else ""),
    )
    if preset:
        st.caption(known[preset].about)
    words: dict[str, dict[str, str]] = {part: dict(own) for part, own in wishes.words.items()}
    for part in wishes.parts:
        with st.expander(f"{PART_LABELS[part]}: busy, style, …", expanded=len(wishes.parts) == 1 and not preset):
            words[part] = part_words(part, words.get(part, {}), found["tracks"])
    with st.expander("Boldness, key, chords, …"):
        return _more(replace(wishes, preset=preset, words={part: own for part, own in words.items() if own}))


def _more(wishes: Wishes) -> Wishes:
    bold = st.slider(
        "Safe or bold",
        0.1,
        1.5,
        step=0.1,
        key=_kept("temperature", wishes.temperature or 0.5),
        help="0.5 is usual; less keeps to what is likely, more surprises.",
    )
    key = st.text_input(
        "Key, if it is heard wrongly", placeholder="A minor", key=_kept("key", wishes.key), max_chars=40
    )
    chords = st.text_input(
        "Chords, a bar each", placeholder="Am | F | C | G", key=_kept("chords", wishes.chords), max_chars=5_000
    )
    like = st.text_input("Play it like bars", placeholder="5-8", key=_kept("like", wishes.like), max_chars=40)
    variation = st.slider(
        "Bars that are alike",
        0.0,
        1.0,
        step=0.1,
        key=_kept("variation", wishes.variation),
        help="0: where the band repeats itself, so does the part; 1: every bar is played anew.",
    )
    human = st.toggle("Played by a human (dynamics, timing)", key=_kept("human", wishes.human))
    marks = st.toggle("Playing techniques (slides, palm mutes, …)", key=_kept("techniques", wishes.techniques))
    temperature = None if bold == 0.5 else float(bold)
    return replace(
        wishes,
        temperature=temperature,
        key=key,
        chords=chords,
        like=like,
        variation=float(variation),
        human=human,
        techniques=marks,
    )
