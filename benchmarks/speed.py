"""Seconds and memory of reading, filling and writing songs: `python -m benchmarks.speed`.

Every figure is taken in a process of its own, the best of `--repeat` runs, beside a baseline in the same run, because
only ratios carry over to other machines: mido for reading and writing, the rules for filling, a bare interpreter for
starting. Songs are made here: four tracks, four bars that come back transposed, in 4/4.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

QUARTER = 480
BARS, TAKES = (10, 100, 1000), (1, 4, 16)
TOKEN_BARS = 100
"""Longest song that the token model writes: one bar after the other, so that more bars tell nothing new."""
PROFILED = (100, 8)
"""Bars and takes of the run that is profiled."""


def made_song(bars: int, bass: bool) -> list[tuple[int, int, list[tuple[int, int, int]]]]:
    """(channel, program, (start, duration, pitch)) of each track; without the bass if it is to be filled."""
    bar = 4 * QUARTER
    drums, low, chords, tune = [], [], [], []
    for at in range(bars):
        start, root = at * bar, (0, 5, 7, 2)[at % 4] + (at // 16) % 3
        drums += [(start + step * QUARTER // 2, 60, 42) for step in range(8)]
        drums += [(start + beat * QUARTER, 60, 38 if beat % 2 else 36) for beat in range(4)]
        low += [(start + step * QUARTER // 2, QUARTER // 2 - 20, 36 + root) for step in range(8)]
        chords += [(start + half * 2 * QUARTER, 2 * QUARTER - 20, 52 + root + k) for half in (0, 1) for k in (0, 4, 7)]
        tune += [(start + beat * QUARTER, QUARTER - 20, 72 + root + 2 * ((at + beat) % 4)) for beat in range(4)]
    tracks = [(9, 0, drums), (1, 27, chords), (2, 73, tune)]
    return [*tracks, (0, 33, low)] if bass else tracks


def write_with_mido(bars: int, path: Path, bass: bool = False) -> None:
    """The song as a type 1 file."""
    import mido

    file = mido.MidiFile(ticks_per_beat=QUARTER)
    for channel, program, notes in made_song(bars, bass):
        track, now = mido.MidiTrack(), 0
        track.append(mido.Message("program_change", channel=channel, program=program))
        events = [(start, 80, pitch) for start, _, pitch in notes]
        events += [(start + length, 0, pitch) for start, length, pitch in notes]
        for tick, velocity, pitch in sorted(events):
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(path)


def prepared(case: str, path: Path, bars: int, takes: int) -> Callable[[], object]:
    """What is timed for a case, with its imports and input made ready."""
    if case == "read, mido":
        import mido

        return lambda: mido.MidiFile(path)
    if case == "write, mido":
        return lambda: write_with_mido(bars, path.with_suffix(".out.mid"))
    import arranger

    if case == "read":
        arranger.load_song(path)  # modules are loaded on first use
        return lambda: arranger.load_song(path)
    song = arranger.load_song(path)
    if case == "fill, rules":
        from arranger.grid import song_to_grid
        from arranger.parts import detect_parts
        from arranger.rules import rule_part

        rule_part(song_to_grid(song, detect_parts(song)), "bass", (0, 1))
        return lambda: rule_part(song_to_grid(song, detect_parts(song)), "bass", (0, len(song.bars)))
    if case == "write":
        from arranger.fills import Fill, PartFill, apply_fill
        from arranger.song import Note

        low = made_song(bars, bass=True)[-1][2]
        notes = tuple(Note(*note) for note in low)
        fill = Fill((PartFill("bass", notes, name="Bass", program=33),), (0, len(song.bars)), 0, 0)
        filled, out = apply_fill(song, fill), path.with_suffix(".out.mid")
        return lambda: arranger.save_song(filled, out, overwrite=True)
    if case == "fill, tokens":
        from arranger.evaluation.tasks import Task
        from arranger.evaluation.tokens.filler import draw_parts, load_tokens_model, tokens_model_path
        from arranger.parts import detect_parts

        net = load_tokens_model(tokens_model_path())
        task = Task(song, detect_parts(song), ("bass",), (0, len(song.bars)))
        return lambda: draw_parts(net, task, 0, takes)
    from arranger.filler import fill as fill_song
    from arranger.filler import shipped_model

    shipped_model(None)  # as `fill` asks for it; loading it once is start-up, see there
    return lambda: fill_song(song, ["bass"], takes=takes)


def peak_mb() -> float:
    """Most memory that this process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def measure_here(case: str, bars: int, takes: int, repeat: int) -> dict[str, float]:
    """Best seconds of a case, and the peak memory of this process before and after."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mid"
        write_with_mido(bars, path)
        work = prepared(case, path, bars, takes)
        before, best, cpu = peak_mb(), float("inf"), float("inf")
        for _ in range(repeat):
            begun, used = time.perf_counter(), time.process_time()
            work()
            best, cpu = min(best, time.perf_counter() - begun), min(cpu, time.process_time() - used)
    return {"seconds": best, "cpu": cpu, "peak_mb": peak_mb(), "added_mb": peak_mb() - before}


def measure(case: str, bars: int, takes: int, repeat: int) -> dict[str, float]:
    """`measure_here` in a fresh process, so that cases don't warm or bloat each other."""
    words = [sys.executable, "-m", "benchmarks.speed", "--case", case, "--bars", str(bars), "--takes", str(takes)]
    done = subprocess.run([*words, "--repeat", str(repeat)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case}, {bars} bars: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def has_tokens() -> bool:
    """Whether there is a token model to be timed."""
    from arranger.errors import ArrangerError
    from arranger.evaluation.tokens.filler import tokens_model_path

    try:
        return tokens_model_path().is_file()
    except ArrangerError as err:
        print(f"left out: {err}", file=sys.stderr)
        return False


def start_up(repeat: int) -> dict[str, float]:
    """Best seconds of the command line's first words, each in a fresh process."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "python -c 'import numpy'": ["-c", "import numpy"],
        "import arranger": ["-c", "import arranger"],
        "arranger --version": ["-m", "arranger", "--version"],
        "arranger fill --help": ["-m", "arranger", "fill", "--help"],
        "load the model": ["-c", "from arranger.filler import shipped_model; shipped_model()"],
    }
    found = {}
    for name, words in commands.items():
        times = []
        for _ in range(repeat):
            begun = time.perf_counter()
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            times.append(time.perf_counter() - begun)
        found[name] = min(times)
    return found


def profile(bars: int, takes: int) -> list[tuple[str, float]]:
    """(module, share of the time spent in its own code and in built-ins it calls), most first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.mid"
        write_with_mido(bars, path)
        work = prepared("fill", path, bars, takes)
        profiler = cProfile.Profile()
        profiler.enable()
        work()
        profiler.disable()
    own: dict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, seconds, _, callers) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        if _module(file):
            own[_module(file)] += seconds
            continue
        # A built-in or library function counts for the modules of ours that call it, by their share of it.
        total = sum(entry[2] for entry in callers.values()) or 1.0
        for caller, entry in callers.items():
            own[_module(caller[0]) or f"(library) {name.strip('<>')}"] += seconds * entry[2] / total
    whole = sum(own.values())
    return sorted(((name, seconds / whole) for name, seconds in own.items()), key=lambda one: -one[1])


def _module(file: str) -> str:
    """`arranger/...` for a file of the package, else nothing."""
    import arranger

    package = Path(str(arranger.__file__)).parent
    path = Path(file)
    return path.relative_to(package.parent).as_posix() if path.is_relative_to(package) else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=int, nargs="+", default=list(BARS))
    parser.add_argument("--takes", type=int, nargs="+", default=list(TAKES))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measure_here(asked.case, asked.bars[0], asked.takes[0], asked.repeat)))
        return
    rows, tokens = [], has_tokens()
    for bars in asked.bars:
        for case, baseline in (("read", "read, mido"), ("write", "write, mido")):
            rows.append((case, bars, 1, measure(case, bars, 1, asked.repeat), measure(baseline, bars, 1, asked.repeat)))
        rules = measure("fill, rules", bars, 1, asked.repeat)
        for takes in asked.takes:
            # A long song with many takes is timed once: it is long enough.
            ours = measure("fill", bars, takes, 1 if bars >= 1000 else asked.repeat)
            rows.append(("fill", bars, takes, ours, rules))
            if tokens and bars <= TOKEN_BARS:
                rows.append(("tokens", bars, takes, measure("fill, tokens", bars, takes, 1), ours))
    starts, spent = start_up(asked.repeat), profile(*PROFILED)
    if asked.json:
        keys = ("case", "bars", "takes", "measured", "baseline")
        cases = [dict(zip(keys, row, strict=True)) for row in rows]
        print(json.dumps({"cases": cases, "start-up": starts, "profile": spent}, indent=1))
        return
    heads = ("bars", "takes", "seconds", "cpu", "/ baseline", "peak MB", "added MB")
    widths = (5, 5, 9, 8, 10, 8, 9)
    print("case  ", *(head.rjust(width) for head, width in zip(heads, widths, strict=True)))
    for case, bars, takes, found, base in rows:
        ratio = found["seconds"] / base["seconds"]
        print(
            f"{case:6} {bars:5} {takes:5} {found['seconds']:9.4f} {found['cpu']:8.3f} {ratio:10.2f} "
            f"{found['peak_mb']:8.0f} {found['added_mb']:9.1f}"
        )
    print("\nbaselines: mido for read and write, the rules for fill, and fill itself for the token model\n")
    bare = starts["python -c pass"]
    for name, seconds in starts.items():
        print(f"{name:26} {seconds:7.3f} s  {seconds / bare:5.1f} x a bare interpreter")
    print(f"\nwhere a fill of {PROFILED[0]} bars with {PROFILED[1]} takes spends its time")
    for name, share in spent[:12]:
        print(f"{share:6.1%}  {name}")


if __name__ == "__main__":
    main()
