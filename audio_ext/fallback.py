"""The built-in renderer: SoundFonts played with numpy and scipy, where FluidSynth's C library is missing.

Of the renderers that pip can install, tinysoundfont needs PortAudio's headers for a dependency, and symusic renders
only before 0.6 and hears no pitch wheel and no volume. Onsets are exact to the frame. There is no reverb and no vibrato
by the modulation wheel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np

from audio_ext.midi_controls import EXPRESSION, PAN, VOLUME, WHEEL
from audio_ext.performance import Lane, Sound
from audio_ext.sf2 import SoundFont, Zone
from audio_ext.soundfonts import Choice
from audio_ext.tone import ATTENUATION, CLASS, EMU_ATTENUATION, STEP, generator, tone
from audio_ext.tone import PAN as ZONE_PAN

GAIN = 0.4
CACHE_BYTES = 64_000_000
CUT_SECONDS = 0.01
"""A hi-hat that is closed is cut off in this time."""
_CONTROLLER_DEFAULT = {VOLUME: 100.0, EXPRESSION: 127.0, PAN: 64.0, WHEEL: 0.0}


_Key = tuple[int, int, int, int]
"""Lane, zone, pitch and frames held."""


class BuiltIn:
    """The engine."""

    name = "built-in"

    def open(
        self, soundfont: SoundFont, choice: Choice, lanes: Sequence[Lane], rate: int, reverb: bool
    ) -> BuiltInPlayer:
        """A player for some lanes; `reverb` is passed over."""
        del reverb
        return BuiltInPlayer(soundfont, choice, lanes, rate)


@dataclass(frozen=True)
class _Desk:
    """A lane's zones and controllers as step functions: number -> (seconds, values)."""

    lane: Lane
    zones: list[Zone]
    steps: dict[int, tuple[np.ndarray, np.ndarray]]

    def at(self, number: int, seconds: np.ndarray) -> np.ndarray:
        """Values of a controller at some times."""
        times, values = self.steps[number]
        return values[np.searchsorted(times, seconds, side="right")]

    def moves(self, number: int, first: float, last: float) -> bool:
        """True if a controller changes within a span of time."""
        times = self.steps[number][0]
        return bool(np.searchsorted(times, first, side="right") < np.searchsorted(times, last))


class BuiltInPlayer:
    """Plays lanes; a voice is made whole when it starts, and what reaches past the block waits."""

    def __init__(self, soundfont: SoundFont, choice: Choice, lanes: Sequence[Lane], rate: int):
        self._soundfont, self._rate, self._at = soundfont, rate, 0
        self._ahead = np.zeros((2, 0), np.float32)
        self._cache: OrderedDict[_Key, np.ndarray] = OrderedDict()
        self._cached = 0
        self._desks = []
        for lane in lanes:
            preset = choice.presets[lane.program, lane.is_drum]
            if preset is not None:
                self._desks.append(_Desk(lane, soundfont.zones(*preset), _steps(lane)))
        starts = [
            (sound.start, number, cut, sound)
            for number, desk in enumerate(self._desks)
            for sound, cut in zip(desk.lane.sounds, _cuts(desk), strict=True)
        ]
        self._waiting = sorted(starts, key=lambda one: one[:2], reverse=True)

    def render(self, frames: int) -> np.ndarray:
        end = self._at + frames
        if self._ahead.shape[1] < frames:
            self._ahead = np.pad(self._ahead, ((0, 0), (0, frames - self._ahead.shape[1])))
        while self._waiting and round(self._waiting[-1][0] * self._rate) < end:
            _, number, cut, sound = self._waiting.pop()
            self._strike(number, sound, cut)
        out, self._ahead = self._ahead[:, :frames], self._ahead[:, frames:]
        self._at = end
        return np.ascontiguousarray(out)

    def close(self) -> None:
        self._waiting, self._desks, self._cached = [], [], 0
        self._cache.clear()

    def _strike(self, number: int, sound: Sound, cut: float | None) -> None:
        desk = self._desks[number]
        bend = self._bend(desk, sound)
        for at, zone in enumerate(desk.zones):
            if not (zone.keys[0] <= sound.pitch <= zone.keys[1]):
                continue
            if not (zone.velocities[0] <= sound.velocity <= zone.velocities[1]):
                continue
            voice = self._voice(zone, (number, at), sound, cut, bend)
            if len(voice):
                loud = (sound.velocity / 127) ** 2 * 10 ** (
                    -EMU_ATTENUATION * max(0, generator(zone, ATTENUATION)) / 200
                )
                self._add(desk, zone, sound, voice, GAIN * float(loud))

    def _voice(
        self, zone: Zone, place: tuple[int, int], sound: Sound, cut: float | None, bend: np.ndarray | None
    ) -> np.ndarray:
        """Frames of a voice at full velocity; straight ones are kept, as most notes of a song come again."""
        sample = self._soundfont.sample(zone.sample)
        if sample is None:
            return np.zeros(0, np.float32)
        # Ends in whole steps: nobody hears a millisecond there, and far more voices are alike.
        held = max(1, round((sound.end - sound.start) * self._rate / STEP)) * STEP
        key = (*place, sound.pitch, held)
        if bend is None and key in self._cache:
            self._cache.move_to_end(key)
            voice = self._cache[key]
        else:
            voice = tone(zone, sample, sound.pitch, held, self._rate, bend)
            if bend is None:
                self._keep(key, voice)
        if cut is not None:
            voice = _cut(voice, round((cut - sound.start) * self._rate), round(CUT_SECONDS * self._rate))
        return voice

    def _keep(self, key: _Key, voice: np.ndarray) -> None:
        self._cache[key] = voice
        self._cached += voice.nbytes
        while self._cached > CACHE_BYTES:
            self._cached -= self._cache.popitem(last=False)[1].nbytes

    def _bend(self, desk: _Desk, sound: Sound) -> np.ndarray | None:
        """Semitones at every step of a sound, from its course and the wheel; None if straight."""
        times, wheel = desk.steps[WHEEL]
        if not sound.course and not (len(times) and np.any(wheel)):
            return None
        last = sound.end + 1
        at = np.arange(int((last - sound.start) * self._rate / STEP) + 1) * STEP / self._rate
        bend = desk.at(WHEEL, at + sound.start)
        if sound.course:
            bend = bend + np.interp(at, [time for time, _ in sound.course], [to for _, to in sound.course])
        return bend if np.any(bend) else None

    def _add(self, desk: _Desk, zone: Zone, sound: Sound, voice: np.ndarray, gain: float) -> None:
        begin = round(sound.start * self._rate) - self._at
        end = begin + len(voice)
        if end > self._ahead.shape[1]:  # and more, as the next voice will want it
            self._ahead = np.pad(self._ahead, ((0, 0), (0, end + self._rate - self._ahead.shape[1])))
        seconds = np.array([sound.start, sound.start + len(voice) / self._rate])
        moving = any(desk.moves(number, seconds[0], seconds[1]) for number in (VOLUME, EXPRESSION, PAN))
        at = np.arange(-(-len(voice) // STEP) + 1) * STEP / self._rate + sound.start if moving else seconds[:1]
        level = gain * (desk.at(VOLUME, at) * desk.at(EXPRESSION, at) / 127**2) ** 2
        pan = np.clip(generator(zone, ZONE_PAN) / 1000 + (desk.at(PAN, at) - 64) / 128, -0.5, 0.5)
        for side, turn in enumerate((np.cos, np.sin)):
            share = (level * turn((pan + 0.5) * pi / 2)).astype(np.float32)
            if moving:
                share = np.interp(np.arange(len(voice)), np.arange(len(share)) * STEP, share).astype(np.float32)
            self._ahead[side, begin:end] += voice * share


def _steps(lane: Lane) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Controllers of a lane; there is one more value than times, that before the first change."""
    found = {}
    for number, default in _CONTROLLER_DEFAULT.items():
        changes = [control for control in lane.controls if control.number == number]
        values = np.array([default, *(control.value for control in changes)])
        found[number] = (np.array([control.seconds for control in changes]), values)
    return found


def _cuts(desk: _Desk) -> list[float | None]:
    """For each sound the time at which another of its class stops it: a closed hi-hat an open one."""
    classes: dict[int, int] = {}
    for zone in desk.zones:
        if number := generator(zone, CLASS):
            classes.update(dict.fromkeys(range(zone.keys[0], zone.keys[1] + 1), number))
    cuts: list[float | None] = []
    later: dict[int, float] = {}
    even_later: dict[int, float] = {}
    for sound in reversed(desk.lane.sounds):
        number = classes.get(sound.pitch, 0)
        cut = None
        if number:
            following = later.get(number)
            # Two of a class that are struck together leave each other alone.
            if following is not None and following <= sound.start:
                following = even_later.get(number)
            cut = following
            if later.get(number) != sound.start:
                if number in later:
                    even_later[number] = later[number]
                later[number] = sound.start
        cuts.append(cut)
    return cuts[::-1]


def _cut(voice: np.ndarray, at: int, fade: int) -> np.ndarray:
    """A voice faded out from a frame on."""
    if at >= len(voice):
        return voice
    tail = voice[at : at + fade]
    return np.concatenate([voice[:at], tail * np.linspace(1, 0, len(tail), endpoint=False, dtype=np.float32)])
