"""A song as windows are cut from it: who plays which stem when, where the beats are, what is worth hearing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arranger import load_song
from arranger.parts import PARTS, detect_parts
from arranger.playing import played_out
from arranger.song import Song
from audio_ext.errors import AudioError
from audio_ext.latent.windows import RATE, STEMS, WINDOW, Note
from audio_ext.performance import Lane, Performance, perform, tempo_clock

SECONDS = WINDOW / RATE
MAX_SECONDS = 20 * 60
MAX_SOUNDS = 100_000
START_STEP = 0.01
"""Windows begin at whole hundredths of a second: 5 blocks of FluidSynth's at 32 kHz, so that a cut song is played on
the same grid as the whole one."""
TRIES = 40
LEAST_ONSETS = {"drums": 4, "bass": 3, "guitar": 3, "other": 2}
LEAST_COVER = 2.0
"""Seconds of sound that make up for onsets: a pad is one chord."""
ONSET_GAP = 0.03
"""Onsets that are closer are one: a chord, a strum, two drums hit together."""

STYLE_WORDS = {
    "rock": r"rock",
    "metal": r"metal|thrash|djent",
    "punk": r"punk",
    "reggae": r"reggae|riddim|dancehall|ska",
    "jazz": r"jazz|swing|bebop",
    "blues": r"blues",
    "funk": r"funk",
    "soul": r"soul|motown|r&b|rnb",
    "pop": r"pop",
    "country": r"country|bluegrass",
    "latin": r"latin|salsa|bossa|samba",
    "disco": r"disco",
    "hip hop": r"hip[ -]?hop|rap",
    "game": r"nintendo|sega|video ?games?",
}
"""What a folder's name may say of the style of the songs in it; the first that fits."""
_STYLES = {style: re.compile(rf"(?<![a-z])({words})(?![a-z])", re.IGNORECASE) for style, words in STYLE_WORDS.items()}


@dataclass(frozen=True, eq=False)
class Scene:
    """A song ready to be cut.

    Parameters
    ----------
    stems : stem -> lanes, of the stems that have notes. seconds : length of the song.
    beats : times of all quarters, float64 (quarter,), and the number of each in its bar, int (quarter,).
    """

    name: str
    style: str
    stems: Mapping[str, tuple[Lane, ...]]
    seconds: float
    beats: np.ndarray
    counts: np.ndarray

    def spans(self, stem: str) -> np.ndarray:
        """Starts and ends of all sounds of a stem, float64 (sound, 2), by their starts."""
        of = [(sound.start, sound.end) for lane in self.stems.get(stem, ()) for sound in lane.sounds]
        return np.array(sorted(of), np.float64).reshape(-1, 2)


def read_scene(folder: Path, name: str) -> Scene:
    """A song of a folder.

    Raises
    ------
    SongFileError
        if it can't be read. AudioError for a song that is too long or too full to be one.
    """
    song = load_song(folder / name)
    performance = perform(song)
    sounds = sum(len(lane.sounds) for lanes in performance.tracks for lane in lanes)
    if performance.seconds > MAX_SECONDS or sounds > MAX_SOUNDS:
        raise AudioError(name, f"it has {sounds:,} sounds in {performance.seconds:.0f} s, which is no song")
    beats, counts = beats_of(song)
    return Scene(name, style_of(name), _stems(song, performance), performance.seconds, beats, counts)


def style_of(name: str) -> str:
    """Style that the folders of a path tell; empty for none. The file's own name says too many other things."""
    return style_in(Path(name).parent.as_posix())


def style_in(text: str) -> str:
    """The first of our styles that a text names; empty for none."""
    text = text.replace("_", " ")
    return next((style for style, words in _STYLES.items() if words.search(text)), "")


def _stems(song: Song, performance: Performance) -> dict[str, tuple[Lane, ...]]:
    stems: dict[str, list[Lane]] = {}
    for role in detect_parts(song):
        stems.setdefault(role.role, []).extend(performance.tracks[role.track])
    return {stem: tuple(stems[stem]) for stem in STEMS if stems.get(stem)}


def beats_of(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Times of all quarters of a song as it is played, float64 (quarter,), and the number of each in its bar."""
    played = played_out(song)
    clock = tempo_clock(played)
    quarter = played.ticks_per_quarter
    places = [(clock(tick), i) for bar in played.bars for i, tick in enumerate(range(bar.start, bar.end, quarter))]
    return np.array([seconds for seconds, _ in places]), np.array([count for _, count in places], np.int64)


def playing(scene: Scene, start: float) -> tuple[str, ...]:
    """Stems that have enough notes in the window from `start`; whether they are heard is told after rendering."""
    return tuple(stem for stem in STEMS if _plays(scene.spans(stem), LEAST_ONSETS[stem], start, stem == "drums"))


def _plays(spans: np.ndarray, least: int, start: float, drums: bool) -> bool:
    end = start + SECONDS
    onsets = int(np.count_nonzero((spans[:, 0] >= start) & (spans[:, 0] < end)))
    if drums:  # what is written behind a stroke is no sound
        return onsets >= least
    cover = np.clip(np.minimum(spans[:, 1], end) - np.maximum(spans[:, 0], start), 0, None).sum()
    return onsets >= least or bool(cover >= LEAST_COVER)


def choose_starts(scene: Scene, rng: np.random.Generator, count: int, full: bool) -> list[float]:
    """Up to `count` starts of windows, which don't overlap, where enough of the band plays.

    Parameters
    ----------
    full : True if all four stems must play; else three must, drums, bass or guitar among them.
    """
    last = scene.seconds - SECONDS
    if last <= 0:
        return []
    if not all(stem in scene.stems for stem in STEMS) and (full or len(scene.stems) < len(STEMS) - 1):
        return []
    starts: list[float] = []
    for _ in range(TRIES):
        start = round(round(float(rng.uniform(0, last)) / START_STEP) * START_STEP, 2)
        if any(abs(start - other) < SECONDS for other in starts) or start > last:
            continue
        if enough(playing(scene, start), full):
            starts.append(start)
            if len(starts) == count:
                break
    return starts


def enough(stems: Sequence[str], full: bool) -> bool:
    """True if so many stems make a window: all four, or three with drums, bass or guitar among them."""
    return len(stems) == len(STEMS) or (
        not full and len(stems) == len(STEMS) - 1 and any(one in PARTS for one in stems)
    )


def notes_in(lanes: Sequence[Lane], start: float) -> tuple[Note, ...]:
    """Notes that sound in a window, with times from its start; of drums only those that are struck in it."""
    found = [
        (round(sound.start - start, 4), round(sound.end - start, 4), sound.pitch, sound.velocity)
        for lane in lanes
        for sound in lane.sounds
        if sound.start < start + SECONDS and (sound.start if lane.is_drum else sound.end) >= start
    ]
    return tuple(sorted(found))


def density_of(notes: Sequence[Note], seconds: float = SECONDS) -> float:
    """Onsets a second; a chord is one."""
    onsets = np.array(sorted(note[0] for note in notes if 0 <= note[0] < seconds))
    if not len(onsets):
        return 0.0
    count, last = 0, -np.inf
    for onset in onsets:
        if onset - last >= ONSET_GAP:
            count, last = count + 1, onset
    return round(count / seconds, 3)


def beats_in(scene: Scene, start: float) -> tuple[tuple[float, int], ...]:
    """Quarters within a window, with times from its start."""
    inside = (scene.beats >= start) & (scene.beats < start + SECONDS)
    times, counts = scene.beats[inside] - start, scene.counts[inside]
    return tuple((round(float(time), 4), int(count)) for time, count in zip(times, counts, strict=True))


def tempo_of(beats: Sequence[tuple[float, int]]) -> float:
    """Quarters a minute: the middle one of the distances between beats; 0 where there are fewer than two."""
    if len(beats) < 2:
        return 0.0
    gap = float(np.median(np.diff([time for time, _ in beats])))
    return round(60 / gap, 2) if gap > 0 else 0.0
