"""The app in a real browser: from the upload to the file that is taken home."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")
playwright_api = pytest.importorskip("playwright.sync_api")

import arranger  # noqa: E402
from arranger.formats.targets import serialised  # noqa: E402
from arranger.parts import detect_parts, tracks_of  # noqa: E402

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
WAIT = 60_000.0
FOCUSED = "document.activeElement.tagName === 'BUTTON' ? document.activeElement.innerText : ''"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `arranger app` answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "arranger", "app", "--port", str(port), "--no-browser"]
    log = tmp_path_factory.mktemp("app") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
        try:
            yield _answering(f"http://127.0.0.1:{port}", process, log)
        finally:
            os.killpg(process.pid, 15)
            process.wait(20)


def _answering(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return url
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The app doesn't answer: {log.read_text()[-500:]}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


class Watched:
    """A page whose console and requests are written down."""

    def __init__(self, browser: Any, address: str, width: int = 1280, scheme: str = "light"):
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT)
        self.address, self.troubles, self.strangers = address, [], []
        self.page.on("console", lambda one: self.troubles.append(one.text) if one.type == "error" else None)
        self.page.on("pageerror", lambda one: self.troubles.append(str(one)))
        self.page.on("request", self._seen)
        self.page.goto(address)

    def _seen(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:", self.address.replace("http", "ws"))):
            self.strangers.append(request.url)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def see(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()

    def done(self) -> None:
        """No error in the console, and no request that left the machine."""
        self.context.close()
        assert self.troubles == []
        assert self.strangers == []


def song_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Suffix -> a Guitar Pro file of that kind, and the part that it lacks."""
    night_bus = arranger.load_song(EXAMPLES / "night-bus.mid")
    written = folder / "night-bus.gp"
    written.write_bytes(serialised(replace(night_bus, source=None), "gp").data)
    return {".gp5": (EXAMPLES / "paper-boats.gp5", "drums"), ".gp": (written, "bass")}


@pytest.mark.parametrize("suffix", [".gp5", ".gp"])
def test_from_the_upload_to_the_file_that_is_taken_home(
    browser: Any, address: str, tmp_path: Path, suffix: str
) -> None:
    path, part = song_files(tmp_path)[suffix]
    watched = Watched(browser, address)
    page = watched.page
    page.locator("input[type=file]").set_input_files(path)
    watched.press(f"Write the {part}")
    page.get_by_label("Or these bars").fill("5-8")
    page.get_by_label("Or these bars").press("Enter")
    page.wait_for_timeout(500)
    watched.press(f"Write the {part}")
    watched.see("Takes, best first")
    page.locator("img[alt^='Piano roll of bars 5 to 8']").wait_for()
    watched.press("Keep this take")
    watched.see("is in the song")
    page.reload()
    watched.see("It is in the song")  # a reload loses nothing
    watched.press("Undo")
    watched.see("Takes, best first")
    watched.press("Redo")
    watched.see("It is in the song")
    watched.press("Save the song")
    with page.expect_download() as waiting:
        watched.press(f"Download {path.stem}.{part}{suffix}")
    target = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(target)
    watched.done()

    before, after = arranger.load_song(path), arranger.load_song(target)
    assert target.name == f"{path.stem}.{part}{suffix}"
    assert [track.notes for track in after.tracks[: len(before.tracks)]] == [track.notes for track in before.tracks]
    (new,) = tracks_of(detect_parts(after), after, part)
    assert new == len(before.tracks)
    assert after.tracks[new].notes
    assert all(4 <= after.bar_at(note.start) < 8 for note in after.tracks[new].notes)


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_to_be_scrolled_to_its_main_button(browser: Any, address: str, width: int, scheme: str) -> None:
    watched = Watched(browser, address, width, scheme)
    page = watched.page

    def in_sight(name: str) -> None:
        box = page.get_by_role("button", name=name).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    watched.see("Try one of ours")
    in_sight("Upload")
    watched.press("Three Four")
    watched.see("How it goes")
    in_sight("Write the guitar")
    watched.press("Write the guitar")
    watched.see("Which part?")
    in_sight("Write the guitar")
    page.get_by_text("4 Save", exact=True).click()
    watched.see("Save the song as")
    page.get_by_role("button", name=re.compile("^Download three-four")).wait_for()
    in_sight("Download three-four")
    watched.done()


def test_the_keyboard_reaches_the_way_through(browser: Any, address: str) -> None:
    watched = Watched(browser, address)
    watched.see("Try one of ours")
    reached: list[str] = []
    for _ in range(12):
        watched.page.keyboard.press("Tab")
        reached.append(watched.page.evaluate(FOCUSED))
        if "Three Four" in reached[-1]:
            watched.page.keyboard.press("Enter")
            break
    watched.see("How it goes")
    assert any("Upload" in text for text in reached)
    watched.done()


def test_no_session_is_to_be_had_without_its_id(browser: Any, address: str) -> None:
    one = Watched(browser, address)
    one.press("Three Four")
    one.see("How it goes")
    assert re.search(r"\?s=[\w-]{32}", one.page.url)
    other = Watched(browser, address)
    other.see("Try one of ours")
    assert "s=" not in other.page.url
    one.done()
    other.done()
