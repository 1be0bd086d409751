"""The songs of an evaluation: a seeded draw, and what kind of song each is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from arranger.errors import SongFileError
from arranger.parts import Role, detect_parts, tracks_of
from arranger.song import Song

SLOW, FAST = 90, 130
"""Quarters a minute below which a song counts as slow, and from which as fast."""

GENRES = ("rock", "pop", "country", "classic", "rnb_soul", "rap_hip_hop", "reggae", "jazz", "metal", "blues", "folk")


@dataclass(frozen=True)
class Example:
    """A whole song of the evaluation set; `kind` is its stratum by the name of the stratification."""

    name: str
    song: Song
    roles: tuple[Role, ...]
    kind: Mapping[str, str] = field(default_factory=dict)


def draw_songs(
    paths: Sequence[Path],
    parts: Sequence[str],
    *,
    seed: int,
    limit: int | None,
    all_metres: bool,
    load: Callable[[Path], Song] | None = None,
) -> tuple[list[Example], list[tuple[str, str]]]:
    """The first `limit` usable songs of a seeded shuffle, and (song, reason) for those passed over on the way."""
    if load is None:
        from arranger.files import load_song

        load = load_song
    ordered = sorted(paths, key=lambda path: path.as_posix())
    examples: list[Example] = []
    skipped: list[tuple[str, str]] = []
    for at in np.random.default_rng(seed).permutation(len(ordered)).tolist():
        if limit is not None and len(examples) >= limit:
            break
        path = ordered[at]
        name = f"{path.parent.name}/{path.name}"
        try:
            song = load(path)
        except SongFileError as error:
            skipped.append((name, str(error)))
            continue
        roles = detect_parts(song)
        if not all_metres and not in_common_time(song):
            skipped.append((name, "not in 4/4 throughout"))
        elif not any(tracks_of(roles, song, part) for part in parts):
            skipped.append((name, f"no {' or '.join(parts)}"))
        else:
            examples.append(Example(name, song, roles, song_kind(song, path)))
    return examples, skipped


def in_common_time(song: Song) -> bool:
    """Whether every bar is a full bar of 4/4."""
    return all((bar.numerator, bar.denominator, bar.length) == (4, 4, 4 * song.ticks_per_quarter) for bar in song.bars)


def song_kind(song: Song, path: Path) -> dict[str, str]:
    """Metre of most bars, class of the tempo in the middle of the song, and genre where a folder's name tells it."""
    metre = Counter((bar.numerator, bar.denominator) for bar in song.bars).most_common(1)[0][0]
    tempo = song.tempo_at(song.bars[len(song.bars) // 2].start)
    pace = f"slow (< {SLOW})" if tempo < SLOW else f"fast (≥ {FAST})" if tempo >= FAST else "middling"
    folders = [folder.lower() for folder in path.parts[:-1]]
    genre = next((genre for genre in GENRES for folder in reversed(folders) if folder == genre), "")
    genre = genre or ("reggae" if any("riddim" in folder for folder in folders) else "not told")
    return {"metre": f"{metre[0]}/{metre[1]}", "tempo": pace, "genre": genre}
