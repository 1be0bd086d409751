"""The first page: a song is dropped, or an example opened."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from arranger.errors import ArrangerError

from .session import Session
from .session_file import SUFFIX, open_any
from .words import said

MOST_MB = 64
EXAMPLES = {
    "paper-boats.gp5": ("Paper Boats", "a tab without drums"),
    "night-bus.mid": ("Night Bus", "a MIDI file without bass"),
    "three-four.mid": ("Three Four", "a waltz without guitar"),
}
HERE = Path(__file__).resolve().parent


def example_folder() -> Path | None:
    """Where the examples are: in the package, or beside it in a checkout."""
    return next((folder for folder in (HERE / "examples", HERE.parent / "examples") if folder.is_dir()), None)


def start_page() -> Session | None:
    """Draw the page; the session that was opened on it."""
    st.title("Write the missing part", anchor=False)
    st.write("Drop a song with drums, bass or guitar missing. Everything that is in it stays as it is.")
    dropped = st.file_uploader(
        f"Your song: Guitar Pro, MIDI or MusicXML – or a session that you saved ({SUFFIX})",
        key="upload",
        max_upload_size=MOST_MB,
    )
    opened = _opened(dropped.getvalue(), dropped.name) if dropped is not None else None
    folder = example_folder()
    there = [name for name in EXAMPLES if folder is not None and (folder / name).is_file()]
    if there and folder is not None:
        st.subheader("No song at hand? Try one of ours", anchor=False)
        with st.container(horizontal=True):
            for name in there:
                title, about = EXAMPLES[name]
                if st.button(f"{title} – {about}", key=f"example {name}", icon=":material/music_note:"):
                    opened = _opened((folder / name).read_bytes(), name)
    return opened


def _opened(data: bytes, name: str) -> Session | None:
    try:
        return open_any(data, name)
    except ArrangerError as err:
        st.error(said(err))
        return None
