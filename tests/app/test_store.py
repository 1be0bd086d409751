"""Sessions on the server, the turns at the model, and work that is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

pytest.importorskip("streamlit")
from app.jobs import Job, Progress
from app.session import Session
from app.store import EXPIRY_SECONDS, MOST_MEMO_BYTES, MOST_MEMOS, MOST_SESSIONS, Holder, Store
from app.turns import Turns
from arranger.errors import FillRequestError


def session(name: str = "x") -> Session:
    return Session(name, b"data")


def test_ids_are_long_and_no_two_alike() -> None:
    store = Store()
    ids = [store.add(session()) for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(len(one) >= 32 for one in ids)
    assert store.find(ids[0][:-1]) is None
    assert store.find(None) is None
    assert store.find("") is None


def test_a_session_is_forgotten_a_day_after_it_was_last_used() -> None:
    now = [0.0]
    store = Store(lambda: now[0])
    old, used = store.add(session("old")), store.add(session("used"))
    now[0] = EXPIRY_SECONDS - 1
    assert store.find(used) is not None
    now[0] = EXPIRY_SECONDS + 1
    assert store.find(old) is None
    assert store.find(used) is not None
    now[0] = 3 * EXPIRY_SECONDS
    assert store.find(used) is None


def test_of_too_many_sessions_the_one_left_alone_longest_goes() -> None:
    now = [0.0]
    store = Store(lambda: now[0])
    ids = []
    for _ in range(MOST_SESSIONS + 3):
        now[0] += 1
        ids.append(store.add(session()))
    assert len(store) == MOST_SESSIONS
    assert [store.find(one) is None for one in ids[:4]] == [True, True, True, False]


def test_a_session_keeps_few_pictures_and_little_sound() -> None:
    holder = Holder(session())
    for at in range(MOST_MEMOS + 5):
        holder.remember(at, b"picture")
    assert holder.recall(0) is None
    assert holder.recall(MOST_MEMOS + 4) == b"picture"
    holder.remember("long", bytes(MOST_MEMO_BYTES))
    assert holder.recall(MOST_MEMOS + 4) is None
    assert holder.size == MOST_MEMO_BYTES + 4


def test_a_memo_is_made_once() -> None:
    made = []
    holder = Holder(session())
    for _ in range(3):
        assert holder.memo("key", lambda: made.append(1) or "value") == "value"
    assert made == [1]


def test_one_job_at_a_time() -> None:
    holder, go = Holder(session()), threading.Event()
    assert holder.begin("one", lambda progress: go.wait(10), lambda result: None)
    assert not holder.begin("two", lambda progress: None, lambda result: None)
    go.set()
    assert holder.job is not None
    assert holder.job.wait(10)
    assert not holder.busy


def test_a_job_lands_its_result_and_tells_how_far_it_is() -> None:
    landed: list[str] = []

    def work(progress: Progress) -> str:
        progress(0.5)
        return "done"

    job = Job("work", work, landed.append).start()
    assert job.wait(10)
    assert (job.state, job.share, landed) == ("done", 0.5, ["done"])


def test_a_stopped_job_lands_nothing() -> None:
    landed: list[object] = []

    def work(progress: Progress) -> None:
        while True:
            progress(0.1)
            time.sleep(0.01)

    turns = Turns()
    job = Job("work", work, landed.append, turns).start()
    job.stop()
    assert job.wait(10)
    assert (job.state, landed, len(turns)) == ("stopped", [], 0)


@pytest.mark.parametrize(
    ("error", "told"),
    [(FillRequestError("No such bar."), "No such bar."), (KeyError("secret"), "bug in arranger (KeyError)")],
)
def test_a_failed_job_says_why_and_gives_its_turn_back(error: Exception, told: str) -> None:
    def work(progress: Progress) -> None:
        raise error

    turns = Turns()
    job = Job("work", work, lambda result: None, turns).start()
    assert job.wait(10)
    assert job.state == "failed"
    assert told in job.message
    assert "secret" not in job.message
    assert len(turns) == 0


def test_one_at_a_time_has_its_turn() -> None:
    turns, inside, most = Turns(), [0], [0]

    def work(progress: Progress) -> None:
        for step in range(5):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.002)
            inside[0] -= 1
            progress(step / 5)

    jobs = [Job("work", work, lambda result: None, turns).start() for _ in range(4)]
    assert all(job.wait(20) for job in jobs)
    assert most == [1]
    assert {job.state for job in jobs} == {"done"}


def test_a_long_song_delays_a_short_one_by_a_step() -> None:
    turns, over, begun = Turns(), [], threading.Event()

    def work(name: str, steps: int) -> Callable[[Progress], None]:
        def run(progress: Progress) -> None:
            begun.set()
            for step in range(steps):
                time.sleep(0.01)
                progress(step / steps)
            over.append(name)

        return run

    long = Job("long", work("long", 60), lambda result: None, turns).start()
    assert begun.wait(10)
    short = Job("short", work("short", 3), lambda result: None, turns).start()
    assert long.wait(30)
    assert short.wait(30)
    assert over == ["short", "long"]


def test_who_waits_can_give_up() -> None:
    turns = Turns()
    ticket = turns.take(lambda: False)
    assert ticket is not None
    waiting = Job("waiting", lambda progress: None, lambda result: None, turns).start()
    waiting.stop()
    assert waiting.wait(10)
    assert waiting.state == "stopped"
    turns.give(ticket)
    assert len(turns) == 0
