"""A running job on the page: how far it is, and the button that stops it."""

from __future__ import annotations

import time

import streamlit as st

from .store import Holder

POLL_SECONDS = 0.5


def show_job(holder: Holder) -> bool:
    """Show the running job, if there is one; the page is drawn anew when it is over."""
    job = holder.job
    if job is None:
        return False
    if not job.is_over:
        _progress(holder)
        return True
    holder.job = None
    if job.state == "failed":
        holder.told = ("error", job.message)
    elif job.state == "stopped":
        holder.told = ("info", "Stopped. Nothing was changed.")
    return False


@st.fragment(run_every=POLL_SECONDS)
def _progress(holder: Holder) -> None:
    job = holder.job
    if job is None or job.is_over:
        st.rerun()
        return
    seconds = time.monotonic() - job.began
    told = "Waiting for others to finish" if job.state == "waiting" else job.title
    st.progress(job.share, text=f"{told} … {job.share:.0%}, {seconds:.0f} s")
    st.button("Stop", icon=":material/stop_circle:", key="stop", on_click=job.stop)
