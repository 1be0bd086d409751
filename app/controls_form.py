"""Controls of one part, as widgets; what is left alone is left to the model."""

from __future__ import annotations

from typing import Any

import streamlit as st

from arranger.controls import COMPLEXITIES, DENSITIES, FEELS, FILLS, ROLES, STYLES

from .words import COMPLEXITY_LABELS, DENSITY_LABELS, FEEL_LABELS, FILLS_LABELS, ROLE_LABELS, STYLE_LABELS


def part_words(part: str, now: dict[str, str], tracks: list[dict[str, Any]]) -> dict[str, str]:
    """Draw a part's controls; the words that were chosen, by control.

    Parameters
    ----------
    now : words as the session has them. tracks : as `arranger inspect` tells them.
    """
    found = {"density": _density(part, now)}
    found["complexity"] = _choice(part, "complexity", "Rhythm", COMPLEXITIES, COMPLEXITY_LABELS, now)
    if part == "drums":
        found["feel"] = _choice(part, "feel", "Feel", FEELS, FEEL_LABELS, now)
        found["fills"] = _choice(part, "fills", "Fills", FILLS, FILLS_LABELS, now)
        found["cymbals"] = "no" if _toggle(part, "cymbals", "No cymbals", now.get("cymbals") == "no") else ""
        side = _toggle(part, "side_stick", "Side stick instead of snare", now.get("side_stick") == "yes")
        found["side_stick"] = "yes" if side else ""
        return {name: word for name, word in found.items() if word}
    found["style"] = _choice(part, "style", "Style", STYLES[part], STYLE_LABELS, now)
    if part == "guitar":
        found["role"] = _choice(part, "role", "Rhythm or lead", ROLES, ROLE_LABELS, now)
    found["follow"] = _follow(part, now, tracks)
    found["range"] = st.text_input(
        "Lowest and highest note",
        placeholder="E1-G2" if part == "bass" else "E2-E5",
        max_chars=20,
        key=_kept(part, "range", now.get("range", "")),
    ).strip()
    return {name: word for name, word in found.items() if word}


def _kept(part: str, name: str, value: Any) -> str:
    key = f"word {part} {name}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def _density(part: str, now: dict[str, str]) -> str:
    words = ["", *DENSITIES]
    value = now.get("density", "")
    return str(
        st.select_slider(
            "How busy",
            words,
            format_func=DENSITY_LABELS.__getitem__,
            key=_kept(part, "density", value if value in words else ""),
        )
    )


def _choice(
    part: str, name: str, label: str, words: tuple[str, ...], labels: dict[str, str], now: dict[str, str]
) -> str:
    value = now.get(name)
    key = _kept(part, name, value if value in words else None)
    return st.pills(label, words, format_func=lambda word: labels.get(word, word), key=key) or ""


def _toggle(part: str, name: str, label: str, value: bool) -> bool:
    return bool(st.toggle(label, key=_kept(part, name, value)))


def _follow(part: str, now: dict[str, str], tracks: list[dict[str, Any]]) -> str:
    playing = {str(one["number"]): one for one in tracks if one["notes"]}
    drums = any(one["role"] == "drums" for one in playing.values())
    words = ["", *(["kick"] if drums else []), *playing]

    def label(word: str) -> str:
        if word in playing:
            return f"{word}. {playing[word]['name'] or 'track'}"
        return "The kick drum" if word else "Nobody"

    value = now.get("follow", "")
    key = _kept(part, "follow", value if value in words else "")
    if st.session_state[key] not in words:
        st.session_state[key] = ""
    return str(st.selectbox("Lock to", words, format_func=label, key=key))
