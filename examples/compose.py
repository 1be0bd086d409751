"""Write the example songs: `python examples/compose.py [-o FOLDER]`; without a folder, beside this script.

The songs were composed for this project and may be used like the rest of it. Each lacks the part that the documentation
fills: `night-bus.mid` the bass, `paper-boats.gp5` the drums, `three-four.mid` the guitar. Writing them again gives the
same bytes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _night_bus import night_bus
from _paper_boats import paper_boats
from _three_four import three_four

SONGS = {"night-bus.mid": night_bus, "paper-boats.gp5": paper_boats, "three-four.mid": three_four}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, compose in SONGS.items():
        data = compose()
        (out / name).write_bytes(data)
        sys.stdout.write(f"{out / name}: {len(data):,} bytes\n")


if __name__ == "__main__":
    main()
