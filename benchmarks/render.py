"""How much faster than real time a song is rendered: `python -m benchmarks.render`.

A song of 180 seconds and four parts (drums, bass, guitar chords, a tune; some 3,300 notes) is rendered to a mix at
44.1 kHz with either renderer, all in: playing, loudness, true peak, writing. Each figure is the best of `--repeat` runs
in one thread, as processor time (what one core would need, also on a machine that others use) and as wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from arranger.song import Note, Song, Tempo, Track
from audio_ext.band import TAIL_SECONDS, Settings
from audio_ext.engine import ENGINES
from audio_ext.errors import AudioError
from audio_ext.render import render_song

QUARTER = 480
BARS, QPM = 90, 120.0


def made_song() -> Song:
    """Ninety bars of 4/4 at 120: 180 seconds."""
    drums, bass, chords, tune = [], [], [], []
    for at in range(BARS):
        start, root = at * 4 * QUARTER, (0, 5, 7, 2)[at % 4] + (at // 16) % 3
        drums += [Note(start + step * QUARTER // 2, 60, 42, 70 + 10 * (step % 2)) for step in range(8)]
        drums += [Note(start + beat * QUARTER, 60, 38 if beat % 2 else 36, 100) for beat in range(4)]
        bass += [Note(start + step * QUARTER // 2, QUARTER // 2 - 20, 36 + root, 90) for step in range(8)]
        chords += [
            Note(start + beat * QUARTER, QUARTER - 20, 52 + root + key, 80) for beat in range(4) for key in (0, 4, 7)
        ]
        tune += [Note(start + beat * QUARTER, QUARTER - 20, 72 + root + 2 * ((at + beat) % 4), 90) for beat in range(4)]
    tracks = (
        ("Drums", 0, True, drums),
        ("Bass", 33, False, bass),
        ("Guitar", 27, False, chords),
        ("Flute", 73, False, tune),
    )
    made = tuple(Track(name, program, is_drum, tuple(sorted(notes))) for name, program, is_drum, notes in tracks)
    return Song(QUARTER, made, (Tempo(0, QPM),))


def measured(song: Song, settings: Settings, stems: bool, folder: Path) -> tuple[float, float]:
    """Processor and wall seconds of one rendering."""
    started, began = time.process_time(), time.perf_counter()
    render_song(song, folder / "mix.wav", stems=folder / "stems" if stems else None, settings=settings, overwrite=True)
    return time.process_time() - started, time.perf_counter() - began


def main() -> None:
    """Print a table, or JSON with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--soundfont")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    song = made_song()
    seconds = BARS * 4 * 60 / QPM + TAIL_SECONDS
    rows = []
    for engine in ENGINES:
        plain = Settings(engine=engine, soundfont=options.soundfont)
        for name, settings, stems in (
            ("mix", plain, False),
            ("mix, dry", replace(plain, reverb=False), False),
            ("mix and stems", plain, True),
        ):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    runs = [measured(song, settings, stems, Path(folder)) for _ in range(options.repeat)]
                except AudioError as err:
                    print(f"{engine}: {err}")
                    break
            core, wall = (min(column) for column in zip(*runs, strict=True))
            rows.append({"engine": engine, "what": name, "core_s": round(core, 2), "wall_s": round(wall, 2)})
            rows[-1]["times_real_time"] = round(seconds / core, 1)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print("{engine:<11} {what:<14} {core_s:6.2f} s of a core, x{times_real_time}; {wall_s:.2f} s".format(**row))


if __name__ == "__main__":
    main()
