"""Memory and time of the app over many fills of one session: `python benchmarks/app_session.py SONG --part bass`."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from app import calls
from app.session import Offer, offered
from app.session_file import open_any, save_session
from app.store import Holder
from app.wishes import Wishes


def resident_megabytes() -> float:
    """Memory of this process; Linux alone tells it so."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def picture(holder: Holder, offer: Offer, bars: tuple[int, int]) -> bytes:
    """The take's piano roll, kept as the page keeps it."""
    session = holder.session
    made: bytes = holder.memo(
        ("roll", session.state, offer.key, bars), lambda: calls.roll_png(session, offer.fill, bars, False)
    )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("song", type=Path)
    parser.add_argument("--part", default="bass")
    parser.add_argument("--bars", default="")
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--fills", type=int, default=20)
    asked = parser.parse_args()
    session = open_any(asked.song.read_bytes(), asked.song.name)
    holder = Holder(replace(session, wishes=Wishes(parts=(asked.part,), bars=asked.bars, takes=asked.takes)))
    for number in range(asked.fills):
        started, busy = time.perf_counter(), time.process_time()
        fills = calls.write(holder.session, lambda share: None, again=number > 0)
        session = holder.update(lambda one, fills=fills: offered(one, fills, ()))  # type: ignore[misc]
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
        first, last = session.offers[0].fill.bars
        picture(holder, session.offers[0], (first, min(last, first + calls.BARS_SHOWN)))
        told = f"{seconds:.1f} s ({cpu:.1f} s of CPU), {resident_megabytes():.0f} MB"
        print(f"fill {number + 1}: {told}, session {len(save_session(session)) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
