"""“Nothing else changes”, on every MIDI file below some folders.

    python benchmarks/midi_promise.py FOLDER ...

Of each readable file: a bass and a drum part are added (every track chunk that was there must be the same bytes), and
four bars of its fullest track are replaced (that chunk alone may differ, and in it only note events of that channel in
those bars). The checks are those of `tests/midi_promise.py`. Exit code 1 if any file breaks the promise.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from midi_promise import check_adding, check_replacing  # noqa: E402  (the path is set above)

from arranger.errors import SongFileError  # noqa: E402
from arranger.formats.midi_read import read_midi  # noqa: E402


def main(folders: list[str]) -> int:
    """Check all files and print how many kept the promise; returns the exit code."""
    counts: Counter[str] = Counter()
    for path in (path for folder in folders for path in sorted(Path(folder).rglob("*.mid"))):
        counts["files"] += 1
        try:
            song = read_midi(path.read_bytes(), path.name)
        except SongFileError as err:
            counts["not read"] += 1
            print(f"not read: {err}")
            continue
        for check in (check_adding, check_replacing):
            try:
                kept = check(song)
            except AssertionError as err:
                counts[f"{check.__name__}: broken"] += 1
                print(f"{path}: {check.__name__} {str(err)[:200]}")
            else:
                counts[f"{check.__name__}: " + ("kept" if kept else "kept, bytes not compared")] += 1
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    return int(any(what.endswith("broken") for what in counts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
