"""What all users of a server share: the sessions' store, and the turns at the model, which itself is loaded once."""

from __future__ import annotations

import streamlit as st

from arranger.filler import shipped_model

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


@st.cache_resource(show_spinner="Getting the band ready …")
def model() -> object:
    """The model in the package, in memory from now on."""
    return shipped_model()
