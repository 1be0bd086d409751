"""How near our tablature comes to what people wrote, and how long it takes.

    python benchmarks/tab.py FOLDER

FOLDER holds .gp3, .gp4 and .gp5 files (searched in depth). From every guitar and bass track with at least 60 notes
strings and frets are taken away, found again, and compared: `same` is the share of notes with the very string and fret
of the score, `frets off` how far the others lie, on average over all notes. `alone` is our usual way, `in song` the way
that the other tracks of the song suggest (`arranger.fretboard_taste`; the track itself is not looked at).

Songs are sorted by path and dealt out in turns: the costs in `arranger.fretboard` were fitted to the first half, so
the second half is the one to believe.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from arranger.clock import clock_of
from arranger.errors import SongFileError
from arranger.files import load_song
from arranger.fretboard import GUITAR_6, assign_frets, costs_for
from arranger.fretboard_path import Costs
from arranger.fretboard_taste import costs_like
from arranger.parts import detect_parts
from arranger.song import Note, Song, Track

MIN_NOTES = 60
SAME_SONG = 0.9
"""Two files whose first tracks share so many notes are one song in two versions; the first one counts."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one track or of several: notes, those on the same string and fret, and the sum of frets that lie between."""

    notes: int = 0
    same: int = 0
    off: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.notes + other.notes, self.same + other.same, self.off + other.off)

    def __str__(self) -> str:
        return f"{self.same / max(1, self.notes):6.1%}  {self.off / max(1, self.notes):5.2f}"


def main(folder: str) -> None:
    """Print the table for all songs below `folder`, the sums of both halves, and the time of a long guitar part."""
    print(f"{'':40} {'notes':>6}   alone         in song")
    print(f"{'song, part':40} {'':>6}   same  frets off  same  frets off")
    sums: dict[tuple[str, str, str], Score] = {}
    for at, (name, song) in enumerate(songs(folder)):
        half = ("fitted", "held out")[at % 2]
        for part, track in tab_tracks(song):
            others = song.with_tracks([replace(one, notes=()) if one is track else one for one in song.tracks])
            assert track.tuning
            like = costs_like(others, detect_parts(others), track.tuning)
            scores = {"alone": compare(song, track, costs_for(track.tuning)), "in song": compare(song, track, like)}
            print(f"{name[:30]:30} {part:9} {len(track.notes):6}   {scores['alone']}   {scores['in song']}")
            for way, score in scores.items():
                key = half, part, way
                sums[key] = sums.get(key, Score()) + score
    for (half, part, way), score in sorted(sums.items()):
        print(f"{half:9} {part:7} {way:8} {score.notes:6} notes  {score}")
    for bars in (100, 1000):
        print(f"{bars} bars of guitar, 8 chords or notes a bar: {timed(bars):.2f} s")


def songs(folder: str) -> Iterator[tuple[str, Song]]:
    """Songs with tablature worth comparing, by path, each once."""
    seen: list[set[tuple[int, int]]] = []
    for path in sorted(Path(folder).rglob("*.gp[345]")):
        try:
            song = load_song(path)
        except SongFileError:
            continue
        tracks = [track for _, track in tab_tracks(song)]
        if not tracks or sum(len(track.notes) for track in tracks) < 3 * MIN_NOTES:
            continue
        notes = {(note.start, note.pitch) for note in tracks[0].notes}
        if any(len(notes & old) > SAME_SONG * min(len(notes), len(old)) for old in seen):
            continue
        seen.append(notes)
        yield path.name, song


def tab_tracks(song: Song) -> list[tuple[str, Track]]:
    """(part, track) of guitars and basses with enough notes."""
    found = [(role.role, song.tracks[role.track]) for role in detect_parts(song) if role.role in ("bass", "guitar")]
    return [(part, track) for part, track in found if track.tuning and len(track.notes) >= MIN_NOTES]


def compare(song: Song, track: Track, costs: Costs) -> Score:
    """A track fingered anew against what is written."""
    assert track.tuning
    clock = clock_of(song.tempos, song.ticks_per_quarter)
    made = assign_frets(track.notes, track.tuning, track.capo, clock=clock, costs=costs)
    places = Counter((note.start, note.string, note.fret) for note in made)
    frets = {(note.start, note.pitch): note.fret or 0 for note in made}
    same = sum((places & Counter((note.start, note.string, note.fret) for note in track.notes)).values())
    off = sum(abs(frets.get((note.start, note.pitch), 12) - (note.fret or 0)) for note in track.notes)
    return Score(len(track.notes), same, off)


def timed(bars: int) -> float:
    """CPU seconds for a made guitar part: triads, power chords and a line in turns, none of them twice in a row."""
    chords = ([0, 7, 12, 16], [0, 7, 12], [0], [3], [5], [7, 12], [10], [12, 16, 19])
    notes = [
        Note(480 * (8 * bar + at), 480, 43 + (bar * 5 + at) % 12 + step)
        for bar in range(bars)
        for at, chord in enumerate(chords)
        for step in chord
    ]
    begun = time.process_time()
    assign_frets(notes, GUITAR_6)
    return time.process_time() - begun


if __name__ == "__main__":
    main(sys.argv[1])
