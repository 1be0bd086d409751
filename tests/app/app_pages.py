"""The app under Streamlit's own test runner, with a model that costs nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.cached import store
from app.session import Session, offered
from app.store import Holder
from app.wishes import Wishes
from arranger import filler
from arranger.diffusion.layout import TARGET_PLANES
from arranger.diffusion.runtime import Model
from arranger.parts import PARTS, detect_parts, tracks_of
from arranger.request import check_request
from arranger.takes import rule_fill

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


def texts(page: AppTest) -> str:
    """All that is to be read on a page but the labels of its widgets."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "success", "error", "html")
    return "\n".join(str(getattr(one, "value", "")) for kind in kinds for one in page.get(kind))


def keys(page: AppTest) -> set[str]:
    """Keys of the buttons that can be pressed."""
    return {button.key for button in page.button if button.key and not button.disabled}


def finished(page: AppTest) -> AppTest:
    """The page when the job that runs on it is over; messages are shown once, so it is not drawn again for nothing."""
    job = holder_of(page).job
    if job is None:
        return page
    assert job.wait(WAIT)
    return checked(page.run())


def holder_of(page: AppTest) -> Holder:
    """The session of a page, with what the server keeps beside it."""
    key = page.query_params["s"]
    holder = store().find(key[0] if isinstance(key, list) else key)
    assert holder is not None
    return holder


def session_of(page: AppTest) -> Session:
    return holder_of(page).session


@cache
def session_with_takes(name: str) -> Session:
    """A session with two takes of the part that a song lacks, in its first eight bars; made by the rules of thumb."""
    session = Session(name, (EXAMPLES / name).read_bytes())
    song = session.song()
    (part,) = (part for part in PARTS if not tracks_of(detect_parts(song), song, part))
    one = rule_fill(check_request(song, [part], (0, 8)), 0)
    other = replace(one, parts=(replace(one.parts[0], notes=one.parts[0].notes[::2]),), take=1, score=one.score / 2)
    wishes = Wishes(parts=(part,), bars="1-8", takes=2)
    return offered(replace(session, view="takes", wishes=wishes), [one, other], ())


def with_takes(name: str = "three-four.mid") -> AppTest:
    """The page of those takes."""
    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=WAIT)
    page.query_params["s"] = store().add(session_with_takes(name))
    return checked(page.run())
