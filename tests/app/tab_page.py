"""A page with nothing but the tab view, for tests in a browser.

The query names the song (`song`, an index of the list in the environment variable TAB_SONGS), `tracks`, `bars` and
`dark`; its button marks bar 1 alone and turns the colours over.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import streamlit as st

from app.tabview import show_tab

st.set_page_config(layout="wide")
asked = {name: json.loads(value) for name, value in st.query_params.items()}
path = Path(json.loads(os.environ["TAB_SONGS"])[asked["song"]])
turned = st.toggle("Turn over")
show_tab(
    path.read_bytes(),
    path.suffix,
    tracks=asked["tracks"],
    marked_bars=[0] if turned else asked["bars"],
    dark=bool(asked["dark"]) != turned,
    key="tab",
)
