"""alphaTab, a reader of Guitar Pro files that shares no code with ours, as the judge of what is in a file.

It runs in Node: `npm ci` in `tests/alphatab` installs it. Tests that ask it are skipped where it is not there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FOLDER = Path(__file__).with_name("alphatab")
FILES_A_PROCESS = 60
SECONDS_A_PROCESS = 300

_known: dict[tuple[str, int, int], dict[str, Any]] = {}


class OracleNote(NamedTuple):
    """One entry of a track's "notes", with names.

    `start` and `duration` are in ticks of 960 a quarter from the start of the score, in score order, as it is played
    (grace notes take their time from their neighbours). `string` counts from 1, the highest, and is None on drums and
    on staves without strings. `pitch` leaves harmonics out; on drums it is the General MIDI key. `grace` is 0 for
    none, 1 for on the beat, 2 for before it, 3 for a bend's. `dynamic` counts from PPP = 0 to FFF = 7.
    """

    staff: int
    bar: int
    voice: int
    start: float
    duration: float
    string: int | None
    fret: int | None
    pitch: int
    tied: bool
    grace: int
    dynamic: int
    techniques: list[str]


def dump(paths: Iterable[str | Path]) -> dict[str, dict[str, Any]]:
    """What alphaTab finds in each file, by the path as it was given; read once a session.

    Of each file: "error" (None or text), "bars", "order" (bars as played), "title", "masterBars" (start, length, metre,
    tempos, feel, section) and "tracks" (name, percussion, program, channel, tunings and capo by staff, notes as in
    `OracleNote`). Skips the test where Node or alphaTab is not installed.
    """
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "@coderline" / "alphatab").is_dir():
        pytest.skip("alphaTab is not installed: run `npm ci` in tests/alphatab")
    keys = {str(path): _key(Path(path)) for path in paths}
    missing = [key[0] for key in dict.fromkeys(keys.values()) if key not in _known]
    for first in range(0, len(missing), FILES_A_PROCESS):
        some = missing[first : first + FILES_A_PROCESS]
        command = [node, str(FOLDER / "dump.mjs"), *some]
        run = subprocess.run(command, capture_output=True, timeout=SECONDS_A_PROCESS, check=False)
        lines = run.stdout.split(b"\n")[:-1]  # not splitlines: JSON keeps line separators of Unicode as they are
        if run.returncode or len(lines) != len(some):
            raise RuntimeError(f"alphaTab's dump failed: {run.stderr.decode('utf-8', 'replace')[-2000:]}")
        for path, line in zip(some, lines, strict=True):
            _known[_key(Path(path))] = json.loads(line)
    return {path: _known[key] for path, key in keys.items()}


def notes_of(track: dict[str, Any]) -> list[OracleNote]:
    """The notes of one track of a dump."""
    return [OracleNote(*note) for note in track["notes"]]


def _key(path: Path) -> tuple[str, int, int]:
    """Path and version of a file: tests write the same path more than once."""
    stat = path.stat()
    return str(path.resolve()), stat.st_mtime_ns, stat.st_size
