"""What all users of a server share: the store of their sessions, and the turns at the model.

The model itself is loaded once for the whole process (`arranger.filler.shipped_model`), by whoever has the first turn.
"""

from __future__ import annotations

import streamlit as st

from .store import Store
from .turns import Turns


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The sessions of this server."""
    return Store()


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """Who may use the model."""
    return Turns()
