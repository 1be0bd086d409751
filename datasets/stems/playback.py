"""One window of a song played: each stem apart, with a SoundFont, programs, levels and room that chance chooses.

Only the window is played, from a lead before it: what was struck before and still rings is in it. With no reverb that
is what a cut of the whole rendering is; with reverb the room remembers the lead alone.

FluidSynth reads its samples, which are made for 44.1 kHz, without a filter against aliasing. Played at 16 kHz, drums
have 1 to 2 dB too much between 4 and 7.5 kHz; played at 32 kHz and halved, they are within 0.2 dB of a rendering at
96 kHz there, at the cost of playing at 44.1 kHz or less. So 32 kHz it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from audio_ext.engine import Engine
from audio_ext.latent.windows import RATE, SILENCE_DB, STEMS, WINDOW, Facts, Window, level_db
from audio_ext.midi_controls import VOLUME, Control
from audio_ext.performance import Lane, Performance
from audio_ext.recordings import resampled
from audio_ext.sf2 import SoundFont
from audio_ext.soundfonts import DRUM_BANK, FAMILY, Choice, choose_presets
from datasets.stems.scenes import (
    SECONDS,
    START_STEP,
    Scene,
    beats_in,
    density_of,
    notes_in,
    tempo_of,
)

PLAYING_RATE = 32_000
LEAD, MAX_LEAD = 3.0, 12.0
"""Seconds that are played before a window: cymbals and rooms die away in 3 s, a held note is played from its start if
that is not more than 12 s before; else it is struck anew there."""
TRAIL = 0.05
"""Seconds after a window, for the filter of the resampling."""
GAIN_DB = 6.0
SPREAD_DB = 10.0
"""A stem that is so much softer than the loudest is brought up to there before chance sets the gains: SoundFonts' kits
and files' volumes differ by more than a mixer would leave. What counts is each stem's loudest tenth."""
FRAME = 1600
"""Samples: 0.1 s."""
LOUDNESS_DB = (-22.0, -15.0)
"""RMS level of a mix."""
PEAK = 0.95
ONLY_FAMILIES = range(0, 14)
"""General MIDI's families of instruments; the percussion and effects that follow are not each other's stand-ins."""
SPECIAL_KITS = (48, 56)
"""Orchestra and sound effects: other keys than a drum kit has."""
CLEAN_GUITARS, DRIVEN_GUITARS = (24, 25, 26, 27), (29, 30)
BASSES = (32, 33, 34, 35, 36, 37, 38, 39)
BASS_WEIGHTS = (2, 4, 4, 2, 1, 1, 1, 1)
SWAP = 0.6
"""How often a program is exchanged."""
ACROSS = 0.15
"""How often a clean guitar becomes a driven one, or the other way round."""


@dataclass(frozen=True)
class Setting:
    """How a window is played.

    Parameters
    ----------
    programs : (stem, program) -> program that plays instead. gains_db : stem -> gain. loudness_db : of the mix.
    balanced : whether soft stems are brought up first; see `lifts_db`.
    """

    soundfont: SoundFont
    reverb: bool
    programs: Mapping[tuple[str, int], int]
    gains_db: Mapping[str, float]
    loudness_db: float
    balanced: bool = True


def any_setting(scene: Scene, soundfonts: Sequence[SoundFont], rng: np.random.Generator) -> Setting:
    """A setting by chance."""
    soundfont = soundfonts[int(rng.integers(len(soundfonts)))]
    programs = {}
    for stem, lanes in scene.stems.items():
        for program in sorted({lane.program for lane in lanes}):
            programs[stem, program] = _any_program(stem, program, soundfont, rng)
    gains = {stem: float(rng.uniform(-GAIN_DB, GAIN_DB)) for stem in scene.stems}
    return Setting(soundfont, bool(rng.random() < 0.5), programs, gains, float(rng.uniform(*LOUDNESS_DB)))


def plain_setting(scene: Scene, soundfont: SoundFont) -> Setting:
    """Everything as the song has it, dry."""
    return Setting(soundfont, False, {}, dict.fromkeys(scene.stems, 0.0), sum(LOUDNESS_DB) / 2, False)


def _any_program(stem: str, program: int, soundfont: SoundFont, rng: np.random.Generator) -> int:
    if stem == "drums":
        kits = sorted(kit for bank, kit in soundfont.presets if bank == DRUM_BANK and kit not in SPECIAL_KITS)
        return int(rng.choice(kits)) if kits and rng.random() < SWAP else program
    if rng.random() >= SWAP:
        return program
    if stem == "bass" and program in BASSES:
        return int(rng.choice(BASSES, p=np.array(BASS_WEIGHTS) / sum(BASS_WEIGHTS)))
    if stem == "guitar" and program in (*CLEAN_GUITARS, *DRIVEN_GUITARS):
        driven = (program in DRIVEN_GUITARS) != (rng.random() < ACROSS)
        return int(rng.choice(DRIVEN_GUITARS if driven else CLEAN_GUITARS))
    family = program // FAMILY
    if stem == "other" and family in ONLY_FAMILIES:
        return family * FAMILY + int(rng.integers(FAMILY))
    return program


def play_window(scene: Scene, start: float, setting: Setting, engine: Engine) -> Window | None:
    """The window from `start`, at whole steps of `START_STEP`; None if it is silent.

    Raises
    ------
    AudioError
        if the SoundFont can't play it.
    """
    lanes = {
        stem: tuple(replace(lane, program=setting.programs.get((stem, lane.program), lane.program)) for lane in of)
        for stem, of in scene.stems.items()
    }
    choice = choose_presets(setting.soundfont, Performance(tuple(lanes.values()), scene.seconds))
    stems = np.zeros((len(STEMS), WINDOW), np.float32)
    for at, stem in enumerate(STEMS):
        if stem in lanes:
            stems[at] = play_cut(lanes[stem], start, setting, choice, engine)
    if not np.any(stems):
        return None
    gains = np.array([setting.gains_db.get(stem, 0.0) for stem in STEMS])
    if setting.balanced:
        gains += lifts_db(stems)
    stems *= (10 ** (gains / 20)).astype(np.float32)[:, None]
    return Window(levelled(stems, setting.loudness_db), facts_of(scene, start, lanes))


def play_cut(
    lanes: Sequence[Lane], start: float, setting: Setting, choice: Choice, engine: Engine, seconds: float = SECONDS
) -> np.ndarray:
    """Frames of one stem from `start` on, mono at `RATE`, float32 (sample,)."""
    cut, lead = cut_lanes(lanes, start, seconds)
    if not any(lane.sounds for lane in cut):
        return np.zeros(round(seconds * RATE), np.float32)
    player = engine.open(setting.soundfont, choice, cut, PLAYING_RATE, setting.reverb)
    try:
        frames = player.render(round((lead + seconds + TRAIL) * PLAYING_RATE))
    finally:
        player.close()
    mono = resampled(frames.mean(axis=0, keepdims=True, dtype=np.float32), PLAYING_RATE, RATE)[0]
    begin = round(lead * RATE)
    return np.asarray(mono[begin : begin + round(seconds * RATE)])


def cut_lanes(lanes: Sequence[Lane], start: float, seconds: float) -> tuple[list[Lane], float]:
    """Lanes of a span of time with a lead before it, and the seconds of that lead; times count from the lead on."""
    held = [sound.start for lane in lanes for sound in lane.sounds if sound.start < start < sound.end]
    wish = max([LEAD, *(start - begin for begin in held if start - begin <= MAX_LEAD)])
    lead = min(ceil(round(wish / START_STEP, 6)) * START_STEP, start)
    origin = start - lead
    cut = []
    for lane in lanes:
        sounds = []
        for sound in lane.sounds:
            if sound.start >= start + seconds + TRAIL or max(sound.end, sound.start) < origin:
                continue
            if sound.start >= origin:
                sounds.append(replace(sound, start=sound.start - origin, end=sound.end - origin))
            elif sound.end > start and not lane.is_drum:
                sounds.append(replace(sound, start=0.0, end=sound.end - origin, course=()))
        if sounds:
            ordered = tuple(sorted(sounds, key=lambda sound: (sound.start, sound.pitch)))
            cut.append(replace(lane, sounds=ordered, controls=_controls_from(lane.controls, origin)))
    return cut, lead


def _controls_from(controls: Sequence[Control], origin: float) -> tuple[Control, ...]:
    """Controls with times from `origin` on; what was set before is set at once, in the order of the file."""
    before = {control.number: control for control in controls if control.seconds <= origin}
    settled = sorted(before.values(), key=lambda control: control.seconds)
    later = [control._replace(seconds=control.seconds - origin) for control in controls if control.seconds > origin]
    return (*(control._replace(seconds=0.0) for control in settled), *later)


def lifts_db(stems: np.ndarray) -> np.ndarray:
    """By how much each stem (stem, sample) is brought up, in dB; 0 for the silent."""
    frames = stems[:, : stems.shape[1] // FRAME * FRAME].reshape(len(stems), -1, FRAME)
    levels = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=2))
    loud = 20 * np.log10(np.maximum(np.quantile(levels, 0.9, axis=1), 1e-12))
    soft = (loud > SILENCE_DB) & (loud < loud.max() - SPREAD_DB)
    return np.where(soft, loud.max() - SPREAD_DB - loud, 0.0)


def levelled(stems: np.ndarray, loudness_db: float) -> np.ndarray:
    """Stems (stem, sample) with one gain for all: the mix at an RMS level, or lower if anything would pass `PEAK`."""
    mix = stems.sum(axis=0)
    gain = 10 ** ((loudness_db - level_db(mix)) / 20) if np.any(mix) else 1.0
    peak = max(float(np.abs(mix).max()), float(np.abs(stems).max()))
    return stems * np.float32(min(gain, PEAK / peak))


def facts_of(scene: Scene, start: float, lanes: Mapping[str, Sequence[Lane]]) -> Facts:
    """What is known of a window; `lanes` with the programs that play."""
    notes = {stem: found for stem, of in lanes.items() if (found := notes_in(of, start))}
    beats = beats_in(scene, start)
    return Facts(
        scene.name,
        start,
        tempo_of(beats),
        scene.style,
        {stem: density_of(found) for stem, found in notes.items()},
        {stem: _loudest(lanes[stem], start) for stem in notes},
        notes,
        beats,
    )


def _loudest(lanes: Sequence[Lane], start: float) -> int:
    """Program with the most energy as the notes tell it: velocity squared times seconds times volume squared."""
    energy: dict[int, float] = {}
    for lane in lanes:
        volumes = [control.value for control in lane.controls if control.number == VOLUME and control.seconds <= start]
        scale = ((volumes[-1] if volumes else 100.0) / 100) ** 2
        energy[lane.program] = energy.get(lane.program, 0.0) + scale * sum(
            velocity**2 * max(0.0, min(end, SECONDS) - max(begin, 0.0))
            for begin, end, _, velocity in notes_in([lane], start)
        )
    return max(energy, key=lambda program: energy[program])
