"""Four people at once: each gets the takes of the own song, the same as if alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("streamlit")
from app.jobs import Job, Progress
from app.turns import Turns
from arranger.files import load_song
from arranger.filler import fill
from arranger.fills import Fill

EXAMPLES = Path(__file__).parents[2] / "examples"
ASKED = (
    ("night-bus.mid", "bass"),
    ("paper-boats.gp5", "drums"),
    ("three-four.mid", "guitar"),
    ("night-bus.mid", "bass"),
)


def test_four_fills_at_once_are_the_four_alone() -> None:
    songs = [load_song(EXAMPLES / name) for name, _ in ASKED]
    turns, landed = Turns(), dict[int, list[Fill]]()

    def work(at: int, progress: Progress | None = None) -> list[Fill]:
        return fill(songs[at], [ASKED[at][1]], (0, 12), takes=2, seed=at, progress=progress)

    jobs = [
        Job(
            "fill",
            lambda progress, at=at: work(at, progress),  # type: ignore[misc]
            lambda found, at=at: landed.update({at: found}),  # type: ignore[misc]
            turns,
        ).start()
        for at in range(len(ASKED))
    ]
    assert all(job.wait(120) for job in jobs)
    assert {job.state for job in jobs} == {"done"}
    for at in range(len(ASKED)):
        assert [one.parts for one in landed[at]] == [one.parts for one in work(at)]
    assert landed[0][0].parts != landed[3][0].parts, "another seed is another take"
