"""Refining the sound of a part with a latent model, in the song or in a recording: before and after, side by side."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

import streamlit as st

from arranger.parts import ROLES

from .cached import turns
from .layout import go, is_dark
from .refining import MOST_MINUTES, MOST_PROMPT, Asked, Refining, honesty, refined, why_unrefined
from .sound_view import why_silent
from .store import Holder
from .words import PART_LABELS

MIME = "audio/flac"
MOST_MB = 64
SOURCES = ("song", "recording")
SOURCE_LABELS = {"song": "This song as it sounds here", "recording": "A recording of the band"}
SPANS = {"10 seconds": 10.0, "20 seconds": 20.0, "1 minute": 60.0, "All of it": 0.0}


def refine_page(holder: Holder) -> None:
    """Draw the page."""
    st.title("Refine the sound", anchor=False)
    st.write("A model hears the band and the part, and gives the part another timbre – or plays one of its own.")
    if told := honesty():
        st.warning(told)
    why = why_unrefined() or why_silent()
    if why:
        st.info(why)
    recording, asked = _wish(holder)
    st.button(
        "Refine it" if asked.led else f"Put {PART_LABELS[asked.part].lower()} in",
        type="primary",
        key="refine",
        icon=":material/graphic_eq:",
        disabled=holder.busy or why is not None or (recording is None and st.session_state["refine source"] != "song"),
        on_click=lambda: _begin(holder, asked, recording),
    )
    found: Refining | None = holder.recall(("refined", holder.session.state))
    if found is not None:
        _shown(found)


def _wish(holder: Holder) -> tuple[tuple[str, bytes] | None, Asked]:
    """The recording, if there is one, and what is asked for."""
    session = holder.session
    before: dict[str, Any] = holder.recall("refine wish") or {}
    newest = session.offer.fill if session.offer else (session.kept[session.at - 1].fill if session.at else None)
    first = newest.parts[0].part if newest else (session.wishes.parts or ("drums",))[0]
    left, right = st.columns(2, gap="large")
    with left:
        part = _choice("Which part?", ROLES, "refine part", before.get("part", first), PART_LABELS)
        source = _choice("In what?", SOURCES, "refine source", before.get("source", "song"), SOURCE_LABELS)
        recording = _upload(part) if source == "recording" else None
        led = st.toggle(
            "The part in the song leads", before.get("led", True), key="refine led",
            help="Its notes and timing are kept, as far as “How far?” says",
        )  # fmt: skip
        align = source == "recording" and led and st.toggle(
            "Find the song in the recording", before.get("align", False), key="refine align",
            help="Else the song begins where the recording begins",
        )  # fmt: skip
    with right:
        prompt = st.text_input(
            "How should it sound?", before.get("prompt", ""), MOST_PROMPT, key="refine prompt",
            placeholder=f"add {PART_LABELS[part].lower()}, busy rock",
        )  # fmt: skip
        strength = st.slider(
            "How far? (0 leaves the part as it is, 1 ignores it)", 0.0, 1.0, before.get("strength", 0.5), 0.05,
            key="refine strength", disabled=not led,
        )  # fmt: skip
        begin = st.number_input(
            "From second", 0.0, 60.0 * MOST_MINUTES, before.get("begin", 0.0), 5.0, key="refine begin"
        )
        span = _choice("How much?", tuple(SPANS), "refine span", before.get("span", "20 seconds"))
        seed = st.number_input("Seed", 0, 1_000_000, before.get("seed", 0), 1, key="refine seed")
    asked = Asked(
        part, prompt, float(strength), bool(led), bool(align), float(begin), SPANS[span], seed=int(seed)
    )  # fmt: skip
    kept = {**asdict(asked), "source": source, "span": span}
    if kept != before:
        holder.remember("refine wish", kept)
    return recording, asked


def _choice(label: str, options: tuple[str, ...], key: str, value: str, labels: dict[str, str] | None = None) -> str:
    if st.session_state.get(key) not in options:
        st.session_state[key] = value
    names = labels or {option: option for option in options}
    return str(st.segmented_control(label, options, format_func=names.__getitem__, key=key, required=True))


def _upload(part: str) -> tuple[str, bytes] | None:
    dropped = st.file_uploader(
        f"A recording that lacks the {PART_LABELS[part].lower()}: WAV, FLAC, OGG, MP3, up to {MOST_MINUTES} minutes",
        key="refine recording",
        max_upload_size=MOST_MB,
    )
    return None if dropped is None else (dropped.name, dropped.getvalue())


def _begin(holder: Holder, asked: Asked, recording: tuple[str, bytes] | None) -> None:
    session, dark = holder.session, is_dark()

    def work(progress: Any) -> Any:
        return refined(session, asked, recording, dark, progress)

    def landed(found: Any) -> None:
        holder.remember(("refined", session.state), found)

    holder.begin("Refining the sound", work, landed, turns())
    go(holder, "refine")


def _shown(found: Refining) -> None:
    """Before and after, and the files to take home."""
    for note in found.notes:
        st.caption(f"Note: {note}")
    for column, label, data, picture in zip(
        st.columns(2), ("Before", "After"), (found.before, found.after), found.pictures, strict=True
    ):
        with column:
            st.subheader(label, anchor=False)
            st.audio(data, format=MIME)
            told = base64.b64encode(picture).decode("ascii")
            st.html(f'<img alt="Spectrogram, {label.lower()}" style="width:100%" src="data:image/png;base64,{told}">')
    st.caption(f"{PART_LABELS[found.part]} alone, as it is now")
    st.audio(found.stem, format=MIME)
    with st.container(horizontal=True):
        for label, data, name in (("mix", found.after, "mix"), ("stem", found.stem, found.part)):
            st.download_button(
                f"Download the {label} (FLAC, 24 bits)", data, f"{name}.flac", MIME,
                key=f"refined {label}", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
