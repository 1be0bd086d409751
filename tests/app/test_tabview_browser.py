"""The tab view in headless Chromium, in a page of Streamlit, with no way to another machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest

pytest.importorskip("streamlit")
pytest.importorskip("playwright.sync_api")

from playwright.sync_api import sync_playwright

from app.tabview import available
from arranger.files import load_song

ROOT = Path(__file__).parents[2]
CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
SHORT, MIDI, FULL, LONG = range(4)
FRESH = {"light": "#D6006C", "dark": "#FF5FAE"}
SECOND = 1_000
PATIENCE = 90 * SECOND

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
    pytest.mark.skipif(not available(), reason="the tab view is not installed: npm ci --prefix app/tabview"),
]

# Keeps what the page sets in alphaTab's worker, where the sound is made (and not the SoundFont that it sends there).
LISTEN = """
window.told = [];
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  if (message?.cmd?.startsWith("alphaSynth.set")) window.told.push(JSON.parse(JSON.stringify(message)));
  return post.call(this, message, ...rest);
};
"""

# Puts three bytes in the place of every song that comes from the server.
SPOIL = """
window.addEventListener("message", (event) => {
  if (event.data?.type === "streamlit:render") event.data.args.data = new Uint8Array([1, 2, 3]);
});
"""


@pytest.fixture(scope="module")
def songs(data_pack: Callable[[str], Path]) -> list[Path]:
    alphatab = data_pack("guitarpro") / "alphatab"
    examples = ROOT / "examples"
    return [
        examples / "paper-boats.gp5",
        examples / "three-four.mid",
        alphatab / "conversion__full-song.gp",
        alphatab / "guitarpro5__canon.gp5",
    ]


@pytest.fixture(scope="module")
def server(songs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = Path(__file__).with_name("tab_page.py")
    flags = ["--server.headless=true", "--browser.gatherUsageStats=false", "--server.fileWatcherType=none"]
    command = [sys.executable, "-m", "streamlit", "run", str(page), f"--server.port={port}", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TAB_SONGS": json.dumps([str(song) for song in songs])}
    home = tmp_path_factory.mktemp("server")
    with (home / "log").open("wb") as log:
        running = subprocess.Popen(
            [*command, "--server.address=127.0.0.1"], env=environment, cwd=home, stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/_stcore/health")
            yield address
        finally:
            running.terminate()
            running.wait(20)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            with urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(address)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


@dataclass
class Tab:
    """A page with a tab view, and what went wrong in it."""

    page: Any
    frame: Any
    trouble: list[str] = field(default_factory=list)

    def find(self, selector: str) -> Any:
        return self.frame.locator(selector)

    def said(self, name: str) -> str | None:
        """What the tab view says of itself."""
        return self.find("html").get_attribute(f"data-{name}")

    def until(self, name: str, value: str) -> None:
        self.find(f'html[data-{name}="{value}"]').wait_for(timeout=PATIENCE, state="attached")

    def run(self, script: str, *values: Any) -> Any:
        return self.find("html").evaluate(script, *values)

    def told(self, command: str) -> list[dict[str, Any]]:
        """Messages of one kind that the sound's worker was sent."""
        every = self.run("() => window.told")
        return [message for message in every if message["cmd"] == f"alphaSynth.{command}"]


@pytest.fixture
def open_tab(browser: Any, server: str) -> Iterator[Callable[..., Tab]]:
    contexts: list[Any] = []
    tabs: list[Tab] = []

    def opened(
        song: int,
        tracks: list[int],
        bars: list[int],
        width: int = 1280,
        dark: bool = False,
        scripts: tuple[str, ...] = (LISTEN,),
        state: str = "shown",
    ) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        contexts.append(context)
        for script in scripts:
            context.add_init_script(script)
        page = context.new_page()
        tab = Tab(page, page.frame_locator("iframe"))
        tabs.append(tab)
        page.on("console", lambda message: tab.trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: tab.trouble.append(str(error)))

        def local(route: Any) -> None:
            if urlsplit(route.request.url).hostname in ("127.0.0.1", None):
                route.continue_()
            else:
                tab.trouble.append(f"request to {route.request.url}")
                route.abort()

        context.route("**/*", local)
        query = {"song": song, "tracks": json.dumps(tracks), "bars": json.dumps(bars), "dark": int(dark)}
        page.goto(f"{server}/?{urlencode(query)}")
        tab.until("state", state)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert [tab.trouble for tab in tabs] == [[] for _ in tabs]


@pytest.mark.parametrize(
    ("song", "tracks", "bars", "width", "dark"),
    [
        (SHORT, [2], [4, 5, 6, 20], 1280, False),
        (MIDI, [1], [0, 1, 2], 400, True),
        (FULL, [1, 2], [20, 21], 400, False),
    ],
)
def test_a_song_is_drawn_with_what_is_new_in_colour(
    open_tab: Callable[..., Tab],
    songs: list[Path],
    song: int,
    tracks: list[int],
    bars: list[int],
    width: int,
    dark: bool,
) -> None:
    tab = open_tab(song, tracks, bars, width, dark)
    read = load_song(songs[song])
    assert tab.said("bars") == str(len(read.bars))
    assert tab.said("marked-bars") == str(len(tracks) * len(bars))
    assert int(tab.said("tints") or 0) >= len(tracks)
    fresh = FRESH["dark" if dark else "light"]
    tab.find(f'svg [fill="{fresh}"]').first.wait_for(timeout=PATIENCE)
    # Numbers in the tablature, not heads of notes alone; the first new bar is in sight.
    numbers = tab.find(f'svg text[fill="{fresh}"]').all_text_contents()
    assert any(text.isdecimal() for text in numbers)
    box, view = tab.find("#marks div").first.bounding_box(), tab.find("#view").bounding_box()
    assert view["y"] <= box["y"] <= view["y"] + view["height"]
    names = tab.find("#tracks .name").evaluate_all("all => all.map(one => one.textContent)")
    assert names == [track.name for track in read.tracks]
    shown = tab.find('#tracks .name[aria-pressed="true"]').evaluate_all("all => all.map(one => one.textContent)")
    assert shown == [read.tracks[track].name for track in tracks]
    assert tab.run("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.find("#bar").bounding_box()["height"] < 140
    assert tab.page.locator("iframe").bounding_box()["height"] <= 564
    ground = tab.run("() => getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) > 380
    assert light != dark


def test_it_plays_with_a_cursor_and_loops_bars(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(SHORT, [2], [])
    tab.until("player", "ready")
    cursor = tab.find(".at-cursor-beat")
    before = cursor.bounding_box()
    tab.find("#play").click()
    tab.until("bar", "2")
    assert cursor.bounding_box() != before
    assert tab.said("player") == "playing"
    tab.find("#view").press(" ")
    tab.until("player", "ready")
    stopped = tab.said("tick")
    tab.page.wait_for_timeout(500)
    assert tab.said("tick") == stopped
    tab.find("#start").click()
    tab.until("bar", "1")

    tab.find("#speed").select_option("1.5")
    tab.find("#from").fill("3")
    tab.find("#to").fill("3")
    tab.find("#to").press("Tab")
    tab.find("#loop").click()
    tab.until("bar", "3")
    tab.find("#play").click()
    # A bar of 6/8 at 84 quarters a minute, half as fast again, takes 1.4 s: in 4 s it comes round twice or more.
    ticks = []
    for _ in range(20):
        tab.page.wait_for_timeout(200)
        ticks.append(int(tab.said("tick") or 0))
        assert tab.said("bar") == "3"
    assert sum(after < before for before, after in pairwise(ticks)) >= 2
    assert tab.told("setPlaybackSpeed")[-1]["value"] == 1.5
    tab.find("#loop").click()
    tab.until("bar", "4")


def test_tracks_are_muted_heard_alone_and_shown(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(SHORT, [2], [4])
    tab.until("player", "ready")
    for kind, command in (("mute", "setChannelMute"), ("solo", "setChannelSolo")):
        button = tab.find(f"#tracks .{kind}").nth(1)
        for pressed in (True, False):
            button.click()
            assert button.get_attribute("aria-pressed") == str(pressed).lower()
            values = {
                (message["channel"], message["mute" if kind == "mute" else "solo"])
                for message in tab.told(command)[-2:]
            }
            assert {value for _, value in values} == {pressed}
            assert 1 <= len(values) <= 2  # a track has one channel, and one more for its bends
    low = tab.find("#page").bounding_box()["height"]
    tab.find("#tracks .name").nth(0).click()
    tab.page.wait_for_function(
        "low => document.querySelector('iframe').contentDocument.querySelector('#page').offsetHeight > low * 1.3",
        arg=low,
    )
    only = tab.find("#tracks .name")
    only.nth(0).click()
    only.nth(2).click()  # the last one that is shown stays
    assert only.nth(2).get_attribute("aria-pressed") == "true"


def test_staves_are_chosen(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(SHORT, [2], [0, 1, 2, 3])
    clefs = "() => [...document.querySelectorAll('svg text')].map(one => one.textContent)"
    both = tab.find("#page").bounding_box()["height"]
    for choice in ("tab", "notes"):
        tab.find("#staves").select_option(choice)
        tab.page.wait_for_function(
            "both => document.querySelector('iframe').contentDocument.querySelector('#page').offsetHeight < both * 0.8",
            arg=both,
        )
        tab.page.wait_for_timeout(300)
        has_numbers = any(text.strip().isdecimal() for text in tab.run(clefs) if text.strip() not in "12345678")
        assert has_numbers or choice == "notes"
    assert tab.said("state") == "shown"


def test_another_take_comes_into_the_same_frame(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(SHORT, [2], [4, 5, 6])
    tab.run("() => { window.kept = true; }")
    tab.page.get_by_text("Turn over").click()
    tab.until("marked-bars", "1")
    tab.until("theme", "dark")
    tab.find(f'svg [fill="{FRESH["dark"]}"]').first.wait_for(timeout=PATIENCE)
    tab.page.wait_for_timeout(300)
    assert not tab.find(f'svg [fill="{FRESH["light"]}"]').count()
    assert tab.run("() => window.kept")


@pytest.mark.slow
def test_of_a_long_song_only_what_is_in_sight_is_drawn(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(LONG, [0], [])
    tab.until("player", "ready")  # when it is, alphaTab scrolls to its cursor
    assert tab.said("bars") == "224"
    blocks = tab.find(".at-surface > div").count()
    assert 1 <= tab.find("svg.at-surface-svg").count() < blocks / 2
    tab.run("() => { const view = document.querySelector('#view'); view.scrollTop = view.scrollHeight; }")
    last = tab.find(".at-surface > div").last.locator("svg")
    last.wait_for(timeout=PATIENCE)
    assert tab.find("svg.at-surface-svg").count() < blocks


def test_what_alphatab_can_not_read_is_told_in_a_sentence(open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(SHORT, [2], [], scripts=(SPOIL,), state="failed")
    assert "can't be shown as tablature" in tab.find("#message").inner_text()
    assert tab.page.locator("iframe").bounding_box()["height"] > 100
    tab.trouble.clear()  # alphaTab says it in the console too
