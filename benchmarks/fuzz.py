"""Thousands of broken files of every format, read in processes of their own with limits on time and memory.

    python benchmarks/fuzz.py --count 10000 --jobs 2 [--data FOLDER] [--keep FOLDER] [--seed 0]

Prints for each kind of file how many mutants were read, how many refused with a SongFileError, and how many failed:
another exception, more than 5 s of processor time, more than 1 GB of memory above what Python and the readers take, or
a crash. The rows `largest` are MIDI files of up to 20 MB, each all of one thing. FOLDER of `--data` is searched for
further small files to break (default: $ARRANGER_DATA); those that fail are kept in that of `--keep`. The n-th mutant
of a seed is always the same. Linux only. Exit code 1 if any failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from large_midi import LARGEST  # noqa: E402  (the path is set above)

CPU_SECONDS = 5.0
MEMORY_BYTES = 1 << 30
WALL_SECONDS = 300
"""A worker that says nothing for so long is ended; far above the limit on processor time, for busy machines."""
FROM_PACK = 12
BATCH = 500


class TooSlow(BaseException):
    """The file takes more processor time than it may; no reader can catch this by accident."""


def main() -> int:
    """Share the mutants out over the workers and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=os.environ.get("ARRANGER_DATA"))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--kind", action="append", help="only files of this kind")
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args, *args.worker)
        return 0
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    batches = [(at, min(at + BATCH, args.count)) for at in range(0, args.count, BATCH)]
    if not args.kind:
        batches.append((args.count, args.count + len(LARGEST)))
    with ThreadPoolExecutor(args.jobs) as pool:
        results = [result for found in pool.map(lambda batch: run_batch(args, *batch), batches) for result in found]
    return report(results, time.monotonic() - began)


def run_batch(args: argparse.Namespace, first: int, last: int) -> list[dict[str, Any]]:
    """Results of mutants `first` to `last`; a worker that dies is started again behind the file that killed it."""
    results: list[dict[str, Any]] = []
    while first < last:
        command = [sys.executable, __file__, "--worker", str(first), str(last), "--seed", str(args.seed)]
        command += ["--count", str(args.count)]
        for name in ("data", "keep"):
            if getattr(args, name):
                command += [f"--{name}", str(getattr(args, name))]
        for kind in args.kind or ():
            command += ["--kind", kind]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, timeout=WALL_SECONDS + BATCH, check=False)
            lines, ending = done.stdout, f"the process ended with {done.returncode}"
        except subprocess.TimeoutExpired as err:
            lines, ending = err.stdout or b"", "the process hung"
        found = [json.loads(line) for line in lines.splitlines() if line.endswith(b"}")]
        results += [one for one in found if "end" in one]
        if not found:
            raise SystemExit("A worker could not start.")
        at = found[-1]["at"]
        if "end" not in found[-1]:
            results.append({**found[-1], "end": "failed", "error": ending, "seconds": 0.0, "bytes": 0})
        first = at + 1
    return results


def work(args: argparse.Namespace, first: int, last: int) -> None:
    """Read the mutants `first` to `last` and print a line of JSON before and after each."""
    from fuzz_seeds import own_seeds, pack_seeds
    from mutations import mutant

    seeds = own_seeds()
    if args.data:
        for kind, more in pack_seeds(args.data, FROM_PACK).items():
            seeds[kind] += more
    kinds = [kind for kind in seeds if seeds[kind] and (not args.kind or kind in args.kind)]
    for kind in kinds:
        read(seeds[kind][0])  # so that every reader is imported before memory is counted
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY_BYTES, size + MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _too_slow)
    for at in range(first, last):
        if at < args.count:
            kind = kinds[at % len(kinds)]
            data = mutant(random.Random(f"{args.seed}-{at}"), seeds[kind])
        else:
            kind, data = "largest", list(LARGEST.values())[at - args.count]()
        print(json.dumps({"at": at, "kind": kind}), flush=True)
        before = reset_peak()
        began = time.process_time()
        end, error = read(data)
        seconds = time.process_time() - began
        if end == "failed" and args.keep:
            (args.keep / f"{args.seed}-{at}.{kind}").write_bytes(data)
        taken = max(0, peak() - before)
        print(
            json.dumps({"at": at, "kind": kind, "end": end, "error": error, "seconds": seconds, "bytes": taken}),
            flush=True,
        )


def read(data: bytes) -> tuple[str, str]:
    """How reading ended (`read`, `refused`, `failed`), and with what."""
    from arranger.errors import SongFileError
    from arranger.files import song_from_bytes

    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS if signal.getsignal(signal.SIGPROF) is _too_slow else 0)
    try:
        song = song_from_bytes(data, "fuzz")
        assert song.bars
    except SongFileError as err:
        return "refused", type(err.__cause__).__name__ if "of an unknown kind" in err.problem else ""
    except (Exception, TooSlow) as err:
        place = traceback.extract_tb(err.__traceback__)[-1]
        return "failed", f"{type(err).__name__} {err} ({Path(place.filename).name}:{place.lineno})"[:200]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "read", ""


def reset_peak() -> int:
    """Begin to measure the highest resident memory anew; returns what is in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Highest resident memory since `reset_peak`, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def report(results: list[dict[str, Any]], seconds: float) -> int:
    """Print the table and what failed; returns the exit code."""
    print(f"{'kind':9} {'files':>6} {'read':>6} {'refused':>7} {'failed':>6} {'slowest':>9} {'memory':>8}")
    for kind, some in rows(results):
        ends = [sum(one["end"] == end for one in some) for end in ("read", "refused", "failed")]
        slowest, most = max(one["seconds"] for one in some), max(one["bytes"] for one in some) / 1e6
        print(f"{kind:9} {len(some):6} {ends[0]:6} {ends[1]:7} {ends[2]:6} {slowest:7.2f} s {most:5.0f} MB")
    print(f"{seconds:.0f} s")
    causes: dict[str, int] = {}
    for one in results:
        if one["end"] == "refused" and one["error"]:
            key = f"{one['kind']} {one['error']}"
            causes[key] = causes.get(key, 0) + 1
    if causes:
        print("refused for an exception that no reader foresaw:", json.dumps(causes))
    failed = [one for one in results if one["end"] == "failed"]
    for one in failed:
        print(f"failed: {one['at']} {one['kind']}: {one['error']}")
    return 1 if failed else 0


def rows(results: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Results by kind, and all of them."""
    for kind in sorted({one["kind"] for one in results}):
        yield kind, [one for one in results if one["kind"] == kind]
    yield "all", results


def _too_slow(*_: object) -> None:
    raise TooSlow(f"more than {CPU_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
