"""Guides for judging: a window's notes, played with another sound than the window's own.

A guide with the true sound would hand the answer over. So the built-in renderer plays, dry, with the SoundFont that a
package carries, another program of the same kind, and all notes equally loud.
"""

from __future__ import annotations

import numpy as np

from audio_ext.latent.windows import RATE, Facts, level_db
from audio_ext.performance import Lane, Performance, Sound
from audio_ext.recordings import resampled
from audio_ext.soundfonts import DRUM_BANK, choose_presets, find_soundfont

PLAYING_RATE = 32_000
VELOCITY = 100
INSTEAD = {"drums": (0, 8, 16, 24, 25), "bass": (33, 34, 38), "guitar": (25, 27, 30), "other": (0, 16, 48)}
"""General MIDI programs (for drums kits) of which the first that is not the window's own plays."""


def guide_stem(facts: Facts, part: str, samples: int, under_db: float = -24.0) -> np.ndarray:
    """The notes of a part, float32 (sample,) at 16 kHz, at an RMS level in dB of full scale; silence without notes.

    Raises
    ------
    AudioError
        if there is no SoundFont.
    """
    from audio_ext.fallback import BuiltIn

    seconds = samples / RATE
    notes = [note for note in facts.notes.get(part, ()) if note[1] > 0 and note[0] < seconds]
    if not notes:
        return np.zeros(samples, np.float32)
    soundfont = find_soundfont()
    programs = INSTEAD[part]
    if part == "drums":
        programs = tuple(kit for kit in programs if (DRUM_BANK, kit) in soundfont.presets) or programs[:1]
    own = facts.programs.get(part, -1)
    program = next((one for one in programs if one != own), programs[0])
    sounds = tuple(Sound(max(0.0, start), end, pitch, VELOCITY) for start, end, pitch, _ in sorted(notes))
    lane = Lane(program, part == "drums", sounds)
    choice = choose_presets(soundfont, Performance(((lane,),), seconds))
    player = BuiltIn().open(soundfont, choice, [lane], PLAYING_RATE, False)
    try:
        frames = player.render(round((seconds + 0.05) * PLAYING_RATE))
    finally:
        player.close()
    wave = resampled(frames.mean(axis=0, keepdims=True, dtype=np.float32), PLAYING_RATE, RATE)[0][:samples]
    level = level_db(wave)
    return wave * np.float32(10 ** ((under_db - level) / 20)) if np.isfinite(level) else wave
