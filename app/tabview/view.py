"""The component of Streamlit that shows a song with alphaTab. Its files are in `static`; nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v1 import declare_component

from .handover import handover

STATIC = Path(__file__).with_name("static")
ALPHATAB = ("alphaTab.min.js", "font/Bravura.woff2", "soundfont/sonivox.sf2")
"""What `build.mjs` copies into `static/alphatab`; the rest of `static` is ours."""
HEIGHT = 560
"""Pixels, of the buttons and what is seen of the score at once."""
HOW_TO_GET = (
    "To see tablature here, run `npm ci --prefix app/tabview` in a checkout of arranger and start the app again."
)


def available() -> bool:
    """True if alphaTab's files are there. Without them the app shows the piano roll, and `HOW_TO_GET`."""
    return all((STATIC / "alphatab" / name).is_file() for name in ALPHATAB)


def show_tab(
    song_bytes: bytes,
    suffix: str,
    *,
    tracks: Sequence[int],
    marked_bars: Sequence[int],
    dark: bool,
    key: str,
    marked_tracks: Sequence[int] | None = None,
    height: int = HEIGHT,
) -> None:
    """Draw a song as tablature and notation, with a player. Nothing is drawn where it is not `available`.

    Parameters
    ----------
    song_bytes, suffix : content and extension of a song file of any kind that the library reads.
    tracks : whose staves are shown at first, from 0 as in `Song.tracks`; the user may show others.
    marked_bars : the bars that are new, from 0.
    marked_tracks : in which tracks they are; None for all of `tracks`.
    key : of the component. With the same key, another song takes the place of the one before without a new start.
    height : pixels of the whole; lower where the song is short.

    Raises
    ------
    SongFileError
        if the song can't be read or written as a score.
    """
    if not available():
        st.info(HOW_TO_GET)
        return
    given = handover(song_bytes, suffix)
    marked = tracks if marked_tracks is None else marked_tracks
    _component()(
        data=given.data,
        song=given.digest,
        encoding=given.encoding,
        tracks=_columns(tracks, given.columns),
        marked=_columns(marked, given.columns),
        bars=sorted({bar for bar in marked_bars if 0 <= bar < given.bars}),
        dark=dark,
        height=height,
        key=key,
        default=None,
    )


def _columns(tracks: Sequence[int], columns: Sequence[int]) -> list[int]:
    """The file's tracks for those of a song, each once, in the order of the score."""
    return sorted({columns[track] for track in tracks if 0 <= track < len(columns)})


@cache
def _component() -> Callable[..., Any]:
    return declare_component("tab", path=str(STATIC))
