"""Taking the song home: as a file of its own kind or another, as sound, or as a session to go on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any

import streamlit as st

from arranger.errors import ArrangerError
from arranger.fills import apply_fill
from arranger.formats.midi_write import part_only_song
from arranger.formats.targets import SUFFIX_OF_KIND, Written, serialised

from .layout import go
from .session import Session
from .session_file import SUFFIX, save_session
from .sound import Progress, stems_and_mix
from .sound_view import why_silent
from .store import Holder
from .words import KIND_LABELS, said

MIME = "application/octet-stream"


def save_page(holder: Holder) -> None:
    """Draw the page."""
    session = holder.session
    song = session.song()
    own = SUFFIX_OF_KIND[song.source.format][1:] if song.source else "mid"
    kinds = [own, *(kind for kind in KIND_LABELS if kind != own)]
    stem = _stem(session)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        kind = st.selectbox(
            "Save the song as",
            kinds,
            format_func=lambda one: KIND_LABELS[one] + (", as it came" if one == own else ""),
            key="kind",
        )
    with right:
        action = st.container()
    try:
        written: Written = holder.memo(("file", session.state, kind), lambda: serialised(song, kind))
    except ArrangerError as err:
        st.error(said(err))
    else:
        action.download_button(
            f"Download {stem}.{kind}"[:60],
            written.data,
            f"{stem}.{kind}",
            MIME,
            type="primary",
            key="download",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )
        _said(session, kind == own, written.notes)
    parts, sound, later = st.columns(3, gap="large")
    with parts:
        _parts_alone(holder)
    with sound:
        _sound(holder, stem)
    with later:
        st.subheader("Go on later", anchor=False)
        st.caption("Song, takes, undo and settings in one file; drop it on the first page to go on.")
        st.download_button(
            "Save the session",
            save_session(session),
            f"{stem}{SUFFIX}",
            MIME,
            key="session",
            icon=":material/inventory_2:",
            on_click="ignore",
        )
    if session.at == 0:
        st.button("Write a part first", key="to part", on_click=lambda: go(holder, "part"))


def _said(session: Session, is_own: bool, notes: tuple[str, ...]) -> None:
    kept = [one.fill for one in session.kept[: session.at]]
    names = ", ".join(one.part for fill in kept for one in fill.parts)
    st.caption(f"New in it: {names}." if names else "Nothing new is in the song yet.")
    if is_own:
        st.caption("Everything that was in your file is in it as it was.")
    for note in notes[:6]:
        st.caption(f"Note: {note}")


def _stem(session: Session) -> str:
    """The file's name without its extension; `song.bass` with a part in it."""
    stem = PurePath(session.name.replace("\\", "/")).stem or "song"
    parts = sorted({one.part for offer in session.kept[: session.at] for one in offer.fill.parts})
    safe = "".join(char if char.isalnum() or char in " -_.+()" else "_" for char in stem)[:80].strip() or "song"
    return f"{safe}.{'+'.join(parts)}" if parts else safe


def _parts_alone(holder: Holder) -> None:
    """The last part that was kept, alone, as a clip for a DAW."""
    session = holder.session
    st.subheader("Only the new part", anchor=False)
    st.caption("A MIDI clip to drag into a DAW.")
    data = holder.memo(("clip", session.state), lambda: _clip(session)) if session.at else b""
    st.download_button(
        "Download the part",
        data,
        f"{_stem(session)}.part.mid",
        "audio/midi",
        key="clip",
        icon=":material/piano:",
        disabled=not data,
        on_click="ignore",
    )


def _clip(session: Session) -> bytes:
    before = replace(session, at=session.at - 1).song()
    fill = session.kept[session.at - 1].fill
    alone = replace(fill, parts=tuple(replace(one, into_track=None, removed_tracks=()) for one in fill.parts))
    own = range(len(before.tracks), len(before.tracks) + len(fill.parts))
    return serialised(part_only_song(apply_fill(before, alone), own), "mid").data


def _sound(holder: Holder, stem: str) -> None:
    session = holder.session
    st.subheader("Sound", anchor=False)
    st.caption("The mix and a stem for each part, as WAV files in a ZIP.")
    data = holder.recall(("stems", session.state))
    if data is not None:
        st.download_button(
            "Download stems and mix",
            data,
            f"{stem}.zip",
            "application/zip",
            key="stems",
            icon=":material/download:",
            on_click="ignore",
        )
        return
    why = why_silent()
    st.button(
        "Make stems and mix",
        key="make stems",
        icon=":material/graphic_eq:",
        disabled=holder.busy or why is not None,
        on_click=lambda: _render(holder),
    )
    if why:
        st.caption(why)


def _render(holder: Holder) -> None:
    session = holder.session

    def work(progress: Progress) -> Any:
        return stems_and_mix(session, progress)

    def landed(data: Any) -> None:
        holder.remember(("stems", session.state), data)

    holder.begin("Playing every part", work, landed)
