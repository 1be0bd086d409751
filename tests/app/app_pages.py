"""The app under Streamlit's own test runner, with a model that costs nothing."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.cached import store
from app.session import Session
from app.store import Holder
from arranger import filler
from arranger.diffusion.layout import TARGET_PLANES
from arranger.diffusion.runtime import Model

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WAIT = 60.0


def toy_model(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> None:
    """A denoiser that thinks the same of every cell, and takes its time over it if that is asked."""

    def denoise(noisy: np.ndarray, given: np.ndarray, features: np.ndarray, place: np.ndarray) -> np.ndarray:
        time.sleep(seconds)
        return np.full(noisy.shape, -3.5, dtype=np.float32)

    model = Model(denoise, 64, np.full(TARGET_PLANES, 0.02), "toy")
    monkeypatch.setattr(filler, "shipped_model", lambda path=None: model)


def opened() -> AppTest:
    """The app's first page."""
    return checked(AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=WAIT).run())


def checked(page: AppTest) -> AppTest:
    """The page, if it is none of code."""
    assert not page.exception
    assert not any("bug in arranger" in error.value for error in page.error)
    return page


def with_song(name: str = "three-four.mid") -> AppTest:
    return checked(opened().button(key=f"example {name}").click().run())


def pressed(page: AppTest, key: str) -> AppTest:
    return checked(page.button(key=key).click().run())


def keys(page: AppTest) -> set[str]:
    """Keys of the buttons that can be pressed."""
    return {button.key for button in page.button if button.key and not button.disabled}


def finished(page: AppTest) -> AppTest:
    """The page when the job that runs on it is over."""
    holder = holder_of(page)
    if holder.job is not None:
        assert holder.job.wait(WAIT)
    return checked(page.run())


def holder_of(page: AppTest) -> Holder:
    """The session of a page, with what the server keeps beside it."""
    key = page.query_params["s"]
    holder = store().find(key[0] if isinstance(key, list) else key)
    assert holder is not None
    return holder


def session_of(page: AppTest) -> Session:
    return holder_of(page).session


def with_takes(name: str = "three-four.mid", bars: str = "1-8") -> AppTest:
    """A page with two takes of the part that a song lacks."""
    page = pressed(with_song(name), "to part")
    page.text_input(key="wish bars").set_value(bars)
    page.slider(key="wish takes").set_value(2)
    return finished(pressed(checked(page.run()), "write"))
