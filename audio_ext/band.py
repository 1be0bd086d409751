"""A song ready to be heard: its stems play side by side, block after block, before any loudness is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from arranger.parts import detect_parts
from arranger.song import Song
from audio_ext.engine import Engine, find_engine
from audio_ext.errors import AudioError
from audio_ext.mix import Desk, Stem, Strip, plan_stems
from audio_ext.performance import Performance, perform
from audio_ext.sf2 import SoundFont
from audio_ext.soundfonts import Choice, choose_presets, find_soundfont
from audio_ext.writing import RATES

TAIL_SECONDS = 3.0
"""What rings on after the last note has been let go."""
FADE_SECONDS = 0.5
BLOCK = 1 << 14
"""Frames a block; whole blocks of FluidSynth's."""


@dataclass(frozen=True)
class Settings:
    """How a song is rendered.

    Parameters
    ----------
    rate : 44100 or 48000 Hz. by : one stem for each "part" or "track".
    soundfont : path of a .sf2 or .sf3; None for the environment's or the carried one.
    engine : "fluidsynth" or "built-in"; None for the first that is there.
    reverb : a little room, where the engine has it.
    lufs : loudness of the mix; None leaves the level as it is.
    roles : track name or number -> part, where the user knows better.
    """

    desk: Desk = field(default_factory=Desk)
    by: str = "part"
    rate: int = 44100
    soundfont: str | None = None
    engine: str | None = None
    reverb: bool = True
    lufs: float | None = -14.0
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Band:
    """Everything that is needed to play a song.

    Parameters
    ----------
    stems : in the order in which they are summed. frames : length of each.
    notes : what is not as the song wants it, in sentences.
    """

    stems: tuple[Stem, ...]
    performance: Performance
    soundfont: SoundFont
    choice: Choice
    engine: Engine
    rate: int
    frames: int
    reverb: bool
    notes: tuple[str, ...]

    def blocks(self) -> Iterator[list[np.ndarray]]:
        """Frames of each stem, float32 (2, frames); every pass is the same."""
        yield from self._played([stem.groups for stem in self.stems])

    def mix_blocks(self) -> Iterator[list[np.ndarray]]:
        """Frames of the mix alone, as a list of one: faster, because one player with one reverb plays all."""
        tracks: dict[Strip, list[int]] = {}
        for strip, of_strip in (group for stem in self.stems for group in stem.groups):
            tracks.setdefault(strip, []).extend(of_strip)
        yield from self._played([[(strip, tuple(of_strip)) for strip, of_strip in tracks.items()]])

    def _played(self, stems: Sequence[Sequence[tuple[Strip, tuple[int, ...]]]]) -> Iterator[list[np.ndarray]]:
        with ExitStack() as open_players:
            players = []
            for stem in stems:
                groups = []
                for strip, tracks in stem:
                    lanes = [lane for track in tracks for lane in self.performance.tracks[track]]
                    player = self.engine.open(self.soundfont, self.choice, lanes, self.rate, self.reverb)
                    open_players.callback(player.close)
                    groups.append((strip, player))
                players.append(groups)
            for begin in range(0, self.frames, BLOCK):
                count = min(BLOCK, self.frames - begin)
                fade = self._fade(begin, count)
                played = [_summed([strip.applied(player.render(count)) for strip, player in of]) for of in players]
                yield played if fade is None else [frames * fade for frames in played]

    def _fade(self, begin: int, count: int) -> np.ndarray | None:
        """None, and at the very end a way down to nothing, so that a long cymbal ends without a click."""
        length = int(FADE_SECONDS * self.rate)
        if begin + count <= self.frames - length:
            return None
        left = self.frames - 1 - np.arange(begin, begin + count)
        return np.minimum(1, left / length).astype(np.float32)


def _summed(frames: Sequence[np.ndarray]) -> np.ndarray:
    total = frames[0]
    for more in frames[1:]:
        total = total + more
    return total


def open_band(song: Song, settings: Settings | None = None) -> Band:
    """Prepare a song; this reads the SoundFont, but renders nothing yet.

    Raises
    ------
    AudioError
        for a SoundFont, an engine or a rate that can't be had, or a song of more than three hours.
    FillRequestError
        if the desk or the roles name what the song doesn't have.
    """
    settings = settings or Settings()
    if settings.rate not in RATES:
        raise AudioError("", f"{settings.rate} Hz can't be rendered", None, "Use 44100 or 48000.")
    roles = detect_parts(song, settings.roles)
    stems = plan_stems(song, roles, settings.desk, settings.by)
    performance = perform(song, [track for stem in stems for track in stem.tracks])
    soundfont = find_soundfont(settings.soundfont)
    choice = choose_presets(soundfont, performance)
    engine, notes = find_engine(settings.engine)
    frames = ceil((performance.seconds + TAIL_SECONDS) * settings.rate)
    return Band(
        stems,
        performance,
        soundfont,
        choice,
        engine,
        settings.rate,
        frames,
        settings.reverb,
        (*notes, *choice.notes),
    )
