"""What a style may go by: the song round the part, its chords, key, tempo and sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arranger.charts import chart_arrays
from arranger.chords import KINDS, song_chords
from arranger.grid import Grid
from arranger.harmony import MAJOR_SCALE, MINOR_SCALE
from arranger.keys import song_key
from arranger.parts import Role, tracks_of
from arranger.profiles import Profiles, song_profiles
from arranger.sections import song_sections
from arranger.song import Note, Song
from arranger.tunings import neck_for

Planes = tuple[np.ndarray, np.ndarray]
"""Onset and sustain, bool (row, step)."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What a style may go by.

    grid : the song without the part that is filled. bars : the asked bars, sorted.
    root : int (step,), pitch class of the chord's root, -1 where there is none.
    tones : bool (12, step), pitch classes of the chord. scale : bool (12,), of the song's key.
    tempo : float (bar,), quarters a minute. lowest : the lowest pitch that the part's instrument has.
    section_starts : bars in which a section begins, sorted.
    strings : open strings as they sound, string 1 first; empty where only the lowest is known, and for drums.
    """

    grid: Grid
    bars: tuple[int, ...]
    root: np.ndarray
    tones: np.ndarray
    scale: np.ndarray
    tempo: np.ndarray
    lowest: int
    section_starts: tuple[int, ...]
    strings: tuple[int, ...] = ()


def setting_of(
    song: Song,
    grid: Grid,
    roles: Sequence[Role],
    bars: Sequence[int],
    tempo: Sequence[float] | np.ndarray,
    chords: tuple[np.ndarray, np.ndarray] | Sequence[str] | None = None,
    key: tuple[int, bool] | None = None,
    *,
    part: str = "",
    profiles: Profiles | None = None,
    section_starts: Sequence[int] | None = None,
) -> Setting:
    """The setting of `part` in a song.

    Parameters
    ----------
    song, grid, roles : the song without the part, as a grid, and what its tracks are. bars : the asked bars.
    tempo : quarters a minute of each bar.
    chords : (root, tones) as `Setting` has them, or the texts of a chart; else those that are heard.
    key : pitch class of the tonic and whether it is minor; else the one that is heard.
    part : whose strings are looked for; without one nothing is known of them, and a usual tuning is taken.
    profiles, section_starts : of the song, where they are known already.

    Raises
    ------
    FillRequestError
        if a chart has an entry that is no chord.
    """
    profiles = profiles or song_profiles(song, roles, grid)
    root, tones = _chords(chords, grid, bars) if chords else heard_chords(grid, profiles)
    if key is None:
        heard = song_key(profiles).key
        key = heard.tonic, heard.mode == "minor"
    scale = np.zeros(12, dtype=bool)
    scale[(np.array(MINOR_SCALE if key[1] else MAJOR_SCALE) + key[0]) % 12] = True
    if section_starts is None:
        section_starts = [section.first for section in song_sections(song, grid, profiles)]
    strings = strings_for(part, song, tuple(roles))
    return Setting(
        grid,
        tuple(sorted(bars)),
        np.asarray(root),
        np.asarray(tones, dtype=bool),
        scale,
        np.asarray(tempo, dtype=float),
        min(strings, default=0),
        tuple(section_starts),
        strings,
    )


def _chords(
    chords: tuple[np.ndarray, np.ndarray] | Sequence[str], grid: Grid, bars: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    first, *_ = chords
    if isinstance(first, str):
        texts = [str(text) for text in chords]
        return chart_arrays(texts, grid, (min(bars, default=0), max(bars, default=-1) + 1))[:2]
    root, tones = chords
    return np.asarray(root), np.asarray(tones)


def heard_chords(grid: Grid, profiles: Profiles) -> tuple[np.ndarray, np.ndarray]:
    """(root, tones) of each step as they are heard. Silence keeps the chord before it, or takes the first that comes;
    -1 throughout if nothing ever has a pitch."""
    root, tones = np.full(grid.steps, -1), np.zeros((12, grid.steps), dtype=bool)
    halves = np.bincount(profiles.bar, minlength=len(grid.bars))
    chords = song_chords(profiles)
    for at, chord in enumerate(chords):
        begin, end = int(grid.bar_steps[chord.bar]), int(grid.bar_steps[chord.bar + 1])
        first = begin + (end - begin) * chord.half // int(halves[chord.bar]) if at else 0
        root[first:] = chord.root
        tones[:, first:] = False
        tones[[(chord.root + above) % 12 for above in KINDS[chord.kind]], first:] = True
    return root, tones


def strings_for(part: str, song: Song, roles: tuple[Role, ...]) -> tuple[int, ...]:
    """Open strings as they sound that a new part would have; none for drums. Where no track says how it is tuned, it is
    told from how low the band plays."""
    others = {"guitar": (("guitar", 0), ("bass", 12)), "bass": (("bass", 0), ("guitar", -12))}
    notes: list[Note] = []
    for other, shift in others.get(part, ()):
        played = [note for index in tracks_of(roles, song, other) for note in song.tracks[index].notes]
        notes += [replace(note, pitch=min(127, max(0, note.pitch + shift))) for note in played]
    return neck_for(part, notes, song, roles).sounding
