"""In the manner of some bars: histograms by hand, and drawn bars that go towards them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from arranger.diffusion.sampler import SamplerSettings, mean_prediction, sample
from arranger.errors import FillRequestError
from arranger.files import load_song
from arranger.filler import shipped_model, with_rests
from arranger.framing import frame_song, read_part
from arranger.grid import Grid, song_to_grid
from arranger.likeness import MOST_NATS, REGISTER, RHYTHM, VOICE, Manner, like_lean, manner_of
from arranger.parts import Role
from arranger.request import FillRequest, check_request
from arranger.song import Note, Song, Track
from arranger.steer import cells_of

EIGHTH = 480
BASS = Song(
    960,
    (
        Track("Bass", 33, False, tuple(Note(3840 * bar + EIGHTH * at, EIGHTH, 40) for bar in (1, 2) for at in (0, 3))),
        Track("Drums", 0, True, tuple(Note(1920 * at, 240, 36 + 2 * (at % 2)) for at in range(8))),
    ),
    length=4 * 3840,
)  # fmt: skip


def heard(song: Song) -> Grid:
    return song_to_grid(song, (Role(0, "bass", ""), Role(1, "drums", "")))


def test_a_manner_by_hand() -> None:
    found = manner_of(heard(BASS), "bass", (0, 3))
    assert np.flatnonzero(found.struck).tolist() == [0, 18]
    assert found.struck[[0, 18]].tolist() == [1, 1]  # the bar that rests doesn't count
    assert (found.bars, found.strokes) == (2, 2)
    assert int(found.register.argmax()) == 40
    assert found.register[40 + 3] == pytest.approx(np.exp(-0.5), abs=1e-3)
    drums = manner_of(heard(BASS), "drums", (0, 4))
    assert np.argwhere(drums.voices).tolist() == [[0, 0], [1, 24]]  # kick and snare


def test_the_lean_is_for_what_is_played_and_against_the_rest() -> None:
    grid = heard(BASS)
    onset, sustain = like_lean(manner_of(grid, "bass", (1, 2)), grid, "bass", (0, 3))
    assert not onset[:, 48:144].any()  # bars that weren't asked
    first = onset[40, :48]
    assert set(np.flatnonzero(first > 0).tolist()) == {0, 18}
    assert first.max() <= RHYTHM * MOST_NATS
    assert sustain[40, 0] == pytest.approx(0)
    assert sustain[70, 0] == pytest.approx(-REGISTER * MOST_NATS)
    hits, none = like_lean(manner_of(grid, "drums", (0, 1)), grid, "drums", (2,))
    assert hits[0, 96] > 0 > hits[1, 96]
    assert np.abs(hits).max() <= VOICE * MOST_NATS
    assert not none.any()


def test_bars_in_which_the_part_rests_are_refused_with_those_in_which_it_plays() -> None:
    with pytest.raises(FillRequestError, match=r"plays in bars 2-3"):
        manner_of(heard(BASS), "bass", (3, 4))
    with pytest.raises(FillRequestError, match=r"no guitar to play like.*--follow"):
        manner_of(heard(BASS), "guitar", (0, 4))
    with pytest.raises(FillRequestError, match=r"bars 1-4"):
        manner_of(heard(BASS), "bass", (3, 5))


def _closeness(onset: np.ndarray, grid: Grid, manner: Manner, part: str, asked: list[int]) -> float:
    """Cosine of the fill's histogram of strokes with that of the manner."""
    wanted = manner.voices if part == "drums" else manner.struck
    runs = [onset[:, grid.bar_slice(bar, bar + 1)] for bar in asked]
    played = np.stack([run for run in runs if run.shape[1] == wanted.shape[-1]])
    mean = (played if part == "drums" else played.any(axis=1)).mean(axis=0)
    return float((mean * wanted).sum() / np.sqrt((mean**2).sum() * (wanted**2).sum()))


@pytest.mark.parametrize("part", ["drums", "bass"])
def test_real_fills_go_towards_a_manner_that_is_none_of_theirs(part: str, data_pack: Callable[[str], Path]) -> None:
    manner = manner_of(heard(BASS), part, (1, 3))
    model, settings = shipped_model(), SamplerSettings()
    beside = (model.window, model.prior, settings)
    found = []
    for request in islice(_requests(part, data_pack("val")), 1):
        grid = song_to_grid(request.context, request.context_roles)
        frame = frame_song(request.context, grid, (part,), request.bars)
        chance = mean_prediction(model.denoise, frame.problem, *beside, (0, 0))
        problem = with_rests(frame, chance)
        asked = list(request.asked[part])
        lean = cells_of(frame, part, *like_lean(manner, grid, part, asked))
        steered = replace(problem, lean=problem.lean + lean)
        rolls = [sample(model.denoise, one, *beside, [(0, 0)], None, chance)[0] for one in (problem, steered)]
        found.append([_closeness(read_part(frame, roll, part)[0], grid, manner, part, asked) for roll in rolls])
    assert len(found) == 1
    assert all(after > before + 0.1 for before, after in found), found


def _requests(part: str, folder: Path) -> Iterator[FillRequest]:
    """Short songs of the folder that have the part, which is to be replaced."""
    for path in sorted(folder.rglob("*.mid")):
        if path.stat().st_size > 25_000:
            continue
        song = load_song(path)
        with suppress(FillRequestError):
            if len(song.bars) < 40 and all((bar.numerator, bar.denominator) == (4, 4) for bar in song.bars):
                yield check_request(song, [part], None, "replace")
