"""Filled gp5 files opened by MuseScore: are the old tracks what they were, and are all new notes there?

    QT_QPA_PLATFORM=offscreen python benchmarks/second_reader.py FOLDER [--program mscore3] [--count 40]

A bass and a drum part by rule go into every gp5 file of the folder that has notes; original and filled file are turned
into MIDI by MuseScore, and its tracks are compared note by note. alphaTab judges all formats in the tests; this is a
second opinion on gp5, by a program that shares no code with either. `docs/second-reader.md` has the last result.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from arranger import FillRequestError, SongFileError, apply_fill, load_song, save_song
from arranger.filler import rule_fill
from arranger.playing import played_out
from arranger.request import check_request
from arranger.song import Song

TIMEOUT_SECONDS = 60


def played_tracks(program: str, path: Path) -> list[Counter[tuple[int, int]]] | None:
    """(start in ticks of 480 a quarter, pitch) of each track as MuseScore plays it; None if it can't."""
    out = path.with_suffix(".mid")
    try:
        subprocess.run([program, "-o", out, path], capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
        song = load_song(out)
    except (subprocess.SubprocessError, SongFileError):
        return None
    return [Counter(_notes(song, index)) for index in range(len(song.tracks)) if song.tracks[index].notes]


def _notes(song: Song, track: int) -> Iterator[tuple[int, int]]:
    for note in song.tracks[track].notes:
        yield round(note.start * 480 / song.ticks_per_quarter), note.pitch


def opinion(program: str, path: Path, folder: Path) -> str:
    """What came of one file, in a few words."""
    try:
        song = load_song(path)
    except SongFileError as err:
        return f"not read: {err.problem}"
    try:
        fill = rule_fill(check_request(song, ["drums", "bass"], mode="add"), 0)
    except FillRequestError as err:
        return f"nothing to fill: {err}"
    filled = apply_fill(song, fill)
    before, after = folder / "before.gp5", folder / "after.gp5"
    before.write_bytes(path.read_bytes())
    save_song(filled, after, overwrite=True)
    old, new = played_tracks(program, before), played_tracks(program, after)
    if old is None or new is None:
        return "MuseScore can't open it" + (", nor could it before" if old is None else " ANY MORE")
    added = list(new)
    for track in old:
        if track not in added:
            return "an old track DIFFERS"
        added.remove(track)
    wanted = [Counter(_notes(played_out(filled), len(song.tracks) + k)) for k in range(2)]
    missing = sum((sum(wanted, Counter()) - sum(added, Counter())).values())
    return "same, all new notes there" if not missing else f"same, {missing} of {fill_size(wanted)} new notes elsewhere"


def fill_size(wanted: list[Counter[tuple[int, int]]]) -> int:
    return sum(sum(track.values()) for track in wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", default="mscore3")
    parser.add_argument("--count", type=int, default=1_000)
    arguments = parser.parse_args()
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(arguments.folder.rglob("*.gp5"))[: arguments.count]:
            said = opinion(arguments.program, path, Path(folder))
            found[said.split(",")[0].split(":")[0]] += 1
            print(f"{path.name}: {said}", flush=True)
    print("\n".join(f"{count:4d}  {said}" for said, count in found.most_common()))


if __name__ == "__main__":
    main()
