"""Songs to windows of stems: `python -m datasets.stems.rendered FOLDER -o OUT --windows N`.

Songs are taken in an order that the seed chooses, two windows each, every window with a SoundFont, programs, levels and
a room by chance, so that a Slakh-like set comes of any folder of songs. Silence rules: a window counts if all four
stems are heard (`heard_stems`); in at most a fifth of the windows one of them may be missing. Songs that can't be read,
are too short or lack stems are passed over and counted.

Windows are written shard by shard, each with the place in the order that the work has come to: what was stopped goes on
from the last shard, and the result depends on the seed, the folder and the SoundFonts alone, not on jobs or stops.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from arranger.errors import ArrangerError
from audio_ext.engine import find_engine
from audio_ext.errors import AudioError
from audio_ext.latent.windows import STEMS, Shard, Window, write_windows
from audio_ext.sf2 import SoundFont, open_soundfont
from audio_ext.soundfonts import find_soundfont
from datasets.sources import SONG_SUFFIXES, has_suffix, list_files
from datasets.stems.playback import any_setting, play_window
from datasets.stems.scenes import choose_starts, enough, read_scene

VERSION = 1
"""Of what is made from the same seed."""
A_SONG = 2
"""Windows of one song."""
SHARD = 50
"""Windows: 65 MB."""
INCOMPLETE = 0.2
"""Highest share of windows that lack a stem."""


@dataclass(frozen=True)
class Job:
    """What a worker is told: one song."""

    folder: Path
    name: str
    seed: int
    soundfonts: tuple[Path, ...]
    engine: str | None = None


@cache
def _open(path: Path) -> SoundFont:
    return open_soundfont(path)


def windows_of(job: Job) -> tuple[list[Window], str]:
    """Windows of one song, and, if there are none, why."""
    digest = hashlib.blake2b(f"{job.seed}\0{job.name}".encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "little"))
    full = bool(rng.random() >= INCOMPLETE)
    try:
        scene = read_scene(job.folder, job.name)
        starts = choose_starts(scene, rng, A_SONG, full)
        if not starts:
            return [], "no window in which enough stems play"
        engine, _ = find_engine(job.engine)
        fonts = [_open(path) for path in job.soundfonts]
        made = [play_window(scene, start, any_setting(scene, fonts, rng), engine) for start in starts]
    except ArrangerError as err:
        return [], f"{type(err).__name__}: {err}"
    except Exception as err:  # one file that nobody foresaw must not end the work on thousands
        return [], f"failed: {type(err).__name__}: {err}"
    heard = [window for window in made if window is not None and enough(window.heard, full)]
    return heard, "" if heard else "a stem is too soft to be heard"


def in_order(jobs: Sequence[Job], workers: int) -> Iterator[tuple[list[Window], str]]:
    """`windows_of` each job, in their order; a song that brings its process down is a bad one, and the work goes on."""
    waiting: deque[tuple[Job, Future[tuple[list[Window], str]]]] = deque()
    left = deque(jobs)
    pool = ProcessPoolExecutor(workers)
    try:
        while left or waiting:
            while left and len(waiting) < 2 * workers:
                job = left.popleft()
                waiting.append((job, pool.submit(windows_of, job)))
            job, future = waiting.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                pool.shutdown(cancel_futures=True)
                yield _alone(job)
                left.extendleft(other for other, _ in reversed(waiting))
                waiting.clear()
                pool = ProcessPoolExecutor(workers)
    finally:
        pool.shutdown(cancel_futures=True)


def _alone(job: Job) -> tuple[list[Window], str]:
    """One song in a process of its own: it may only have been near one that failed."""
    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(windows_of, job).result()
        except BrokenProcessPool:
            return [], "its process died"


def render(
    folder: Path,
    out: Path,
    count: int,
    seed: int = 0,
    workers: int = 1,
    soundfonts: Sequence[Path] = (),
    engine: str | None = None,
    shard: int = SHARD,
) -> Counter[str]:
    """Write `count` windows, less if the folder's songs don't give so many; counts of windows, songs and skips.

    Raises
    ------
    AudioError
        if there are no songs, a SoundFont can't be read, or `out` holds windows that were made otherwise.
    """
    find_engine(engine)
    fonts = (find_soundfont().path, *soundfonts)
    names = [name for name in list_files(folder) if has_suffix(name, SONG_SUFFIXES)] if folder.is_dir() else []
    if not names:
        raise AudioError(folder.name, "there are no songs in it", None, "Name a folder of MIDI or Guitar Pro files.")
    key = _key(names, seed, fonts, engine)
    number, at, totals = _resumed(out, key)
    order = np.random.default_rng(seed).permutation(len(names))
    jobs = [Job(folder, names[i], seed, fonts, engine) for i in order[at:]]
    held: list[Window] = []
    begun, already = time.monotonic(), totals["windows"]
    results = in_order(jobs, workers)
    try:
        while totals["windows"] < count and (result := next(results, None)) is not None:
            windows, why = result
            at += 1
            totals["songs"] += 1
            if why:
                totals[f"skipped: {why.partition(':')[0]}"] += 1
            for window in windows:
                lacking = len(window.heard) < len(STEMS)
                if totals["windows"] == count:
                    break
                if lacking and totals["incomplete"] + 1 > INCOMPLETE * (totals["windows"] + 1):
                    totals["left out: incomplete"] += 1
                    continue
                held.append(window)
                totals.update({"windows": 1, "incomplete": int(lacking)})
            if len(held) >= shard or (totals["windows"] == count and held):
                write_windows(out, number, held, {"key": key, "next": at, "totals": dict(totals)})
                number, held = number + 1, []
                rate = (totals["windows"] - already) / (time.monotonic() - begun) * 60
                sys.stderr.write(f"{totals['windows']} of {count} windows, {rate:.0f} a minute\n")
    finally:
        results.close()  # type: ignore[attr-defined]
    if held:
        write_windows(out, number, held, {"key": key, "next": at, "totals": dict(totals)})
    return totals


def _key(names: Sequence[str], seed: int, fonts: Sequence[Path], engine: str | None) -> str:
    """What the windows depend on."""
    digest = hashlib.blake2b(f"{VERSION} {seed} {SHARD}{engine or ''}".encode(), digest_size=16)
    for path in fonts:
        digest.update(f"\0{path.name} {open_soundfont(path).path.stat().st_size}".encode())
    for name in names:
        digest.update(f"\0{name}".encode())
    return digest.hexdigest()


def _resumed(out: Path, key: str) -> tuple[int, int, Counter[str]]:
    """Number of the next shard, place in the order of songs and totals so far."""
    paths = sorted(out.glob("windows-*.safetensors"))
    if not paths:
        return 0, 0, Counter()
    notes = Shard(paths[-1]).notes
    if not isinstance(notes, dict) or notes.get("key") != key:
        problem = "it holds windows that were made of other songs, with other SoundFonts or another seed"
        raise AudioError(out.name, problem, None, "Name another folder, or empty this one.")
    return len(paths), int(notes["next"]), Counter(notes["totals"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the windows")
    parser.add_argument("--windows", type=int, required=True, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--engine", help="fluidsynth or built-in; the first that is there")
    parser.add_argument(
        "--soundfont",
        action="append",
        default=[],
        type=Path,
        metavar="F",
        help="beside the carried one; may be repeated",
    )
    arguments = parser.parse_args()
    if arguments.windows < 1 or arguments.jobs < 1:
        parser.error("--windows and --jobs are at least 1")
    begun = time.monotonic()
    try:
        totals = render(
            arguments.folder,
            arguments.out,
            arguments.windows,
            arguments.seed,
            arguments.jobs,
            arguments.soundfont,
            arguments.engine,
        )
    except ArrangerError as err:
        sys.exit(str(err))
    what = ", ".join(f"{count} {name}" for name, count in totals.items())
    sys.stdout.write(f"{what}; {time.monotonic() - begun:.0f} s -> {arguments.out}\n")


if __name__ == "__main__":
    main()
