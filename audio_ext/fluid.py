"""FluidSynth, the reference renderer, through pyfluidsynth and the C library libfluidsynth.

FluidSynth works in blocks of 64 frames, and what is told to it between two blocks is heard from the next one on. So
events are put to the nearest block: at 44.1 kHz an onset is at most 0.73 ms from its place, earlier or later.

Reference: https://www.fluidsynth.org/api/ (2.3).
"""

from __future__ import annotations

import ctypes
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import cache
from typing import Any

import numpy as np

from audio_ext.articulation import course_at
from audio_ext.errors import AudioError
from audio_ext.midi_controls import MAX_RANGE, REVERB, WHEEL
from audio_ext.performance import Lane, Sound
from audio_ext.sf2 import ELSEWHERE, SoundFont
from audio_ext.soundfonts import Choice

BLOCK = 64
"""Frames that FluidSynth makes at a time (FLUID_BUFSIZE)."""
MAX_CHANNELS = 256
POLYPHONY = 1024
GAIN = 0.2
WHEEL_SCALE = 128 / 127
"""FluidSynth takes the wheel's range as a share of 128 where the modulator's amount is made for 127."""
HALF_CENT = 0.005
"""It cuts pitches to whole cents."""
COURSE_STEP = 0.005
"""Seconds between two places of the pitch wheel on a course."""
MAX_COURSE_EVENTS = 400_000
_RPN, _RPN_FINE, _DATA, _DATA_FINE = 101, 100, 6, 38

_OFF, _CONTROL, _ON = 0, 1, 2  # in this order where they fall together
Event = tuple[int, int, int, int, float]
"""Frame, kind, channel, key or controller, velocity or value."""


class FluidSynth:
    """The engine; one instance holds the library."""

    name = "fluidsynth"

    def __init__(self, module: Any):
        self.module = module
        library = module._fl
        self.write = library.fluid_synth_write_float
        # synth, frames, then for either side: buffer, offset, step.
        side = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self.write.argtypes = [ctypes.c_void_p, ctypes.c_int, *side, *side]
        # Its complaints about odd SoundFonts would stand on the user's screen; ours say what matters.
        library.fluid_set_log_function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        for level in range(5):
            library.fluid_set_log_function(level, None, None)

    def open(self, soundfont: SoundFont, choice: Choice, lanes: Sequence[Lane], rate: int, reverb: bool) -> FluidPlayer:
        """A player for some lanes; several synthesisers where there are more lanes than one has channels."""
        audible = [lane for lane in lanes if choice.presets[lane.program, lane.is_drum] is not None]
        groups = [audible[at : at + MAX_CHANNELS] for at in range(0, len(audible), MAX_CHANNELS)]
        synths: list[_Synth] = []
        try:
            for group in groups:
                synths.append(_Synth(self, soundfont, choice, group, rate, reverb))
        except BaseException:
            FluidPlayer(synths).close()
            raise
        return FluidPlayer(synths)


@cache
def load_fluidsynth() -> FluidSynth | None:
    """The engine; None where pyfluidsynth or the C library is missing or too old."""
    try:
        with redirect_stdout(io.StringIO()):  # on CI machines it tells what it looks for
            import fluidsynth
    except (ImportError, OSError, AttributeError):
        return None
    needed = ("fluid_synth_write_float", "fluid_set_log_function")
    return FluidSynth(fluidsynth) if all(hasattr(fluidsynth._fl, name) for name in needed) else None


class FluidPlayer:
    """Plays lanes on one or more synthesisers."""

    def __init__(self, synths: list[_Synth]):
        self._synths = synths

    def render(self, frames: int) -> np.ndarray:
        out = np.zeros((2, frames), np.float32)
        for at, synth in enumerate(self._synths):
            if at == 0:
                synth.render(out)
            else:
                more = np.zeros_like(out)
                synth.render(more)
                out += more
        return out

    def close(self) -> None:
        while self._synths:
            self._synths.pop().close()


class _Synth:
    """One synthesiser with a channel for each lane."""

    def __init__(
        self, engine: FluidSynth, soundfont: SoundFont, choice: Choice, lanes: Sequence[Lane], rate: int, reverb: bool
    ):
        self._write, self._fl, self._at = engine.write, engine.module, 0
        self._settings = self._fl.new_fluid_settings()
        self._synth = None
        numbers = {
            b"synth.midi-channels": -(-max(1, len(lanes)) // 16) * 16,
            b"synth.polyphony": POLYPHONY,
            b"synth.reverb.active": int(reverb),
            b"synth.chorus.active": 0,
            b"synth.dynamic-sample-loading": 1,  # of a large SoundFont only what is played
        }
        for name, number in numbers.items():
            self._fl.fluid_settings_setint(self._settings, name, number)
        self._fl.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(rate))
        self._fl.fluid_settings_setnum(self._settings, b"synth.gain", GAIN)
        self._synth = self._fl.new_fluid_synth(self._settings)
        loaded = self._fl.fluid_synth_sfload(self._synth, _file_name(soundfont), 0)
        if loaded < 0:
            self.close()
            raise AudioError(soundfont.path.name, "FluidSynth can't load this SoundFont", None, ELSEWHERE)
        for channel, lane in enumerate(lanes):
            preset = choice.presets[lane.program, lane.is_drum]
            assert preset is not None
            self._fl.fluid_synth_program_select(self._synth, channel, loaded, *preset)
            for number, value in ((_RPN, 0), (_RPN_FINE, 0), (_DATA, int(MAX_RANGE)), (_DATA_FINE, 0)):
                self._fl.fluid_synth_cc(self._synth, channel, number, value)
            if not reverb:
                self._fl.fluid_synth_cc(self._synth, channel, REVERB, 0)
        self._events = iter(lane_events(lanes, rate))
        self._next = next(self._events, None)

    def render(self, out: np.ndarray) -> None:
        """Fill float32 (2, frames) with what comes next."""
        frames = out.shape[1]
        done = 0
        while done < frames:
            while self._next is not None and self._next[0] <= self._at:
                self._tell(self._next)
                self._next = next(self._events, None)
            until = frames if self._next is None else min(frames, done + self._next[0] - self._at)
            left, right = out[0].ctypes.data, out[1].ctypes.data
            self._write(self._synth, until - done, left, done, 1, right, done, 1)
            self._at += until - done
            done = until

    def _tell(self, event: Event) -> None:
        _, kind, channel, number, value = event
        if kind == _ON:
            self._fl.fluid_synth_noteon(self._synth, channel, number, int(value))
        elif kind == _OFF:
            self._fl.fluid_synth_noteoff(self._synth, channel, number)
        elif number == WHEEL:
            place = round(8192 + 8192 * (value + HALF_CENT) / MAX_RANGE * WHEEL_SCALE)
            self._fl.fluid_synth_pitch_bend(self._synth, channel, min(16383, max(0, place)))
        else:
            self._fl.fluid_synth_cc(self._synth, channel, number, int(value))

    def close(self) -> None:
        if self._synth is not None:
            self._fl.delete_fluid_synth(self._synth)
        self._fl.delete_fluid_settings(self._settings)
        self._synth = self._settings = None


def lane_events(lanes: Sequence[Lane], rate: int) -> list[Event]:
    """Everything that the synthesiser is told, in order; lane i plays on channel i."""
    bent = sum(sound.end - sound.start for lane in lanes for sound in lane.sounds if sound.course)
    step = max(COURSE_STEP, bent / MAX_COURSE_EVENTS)
    events: list[Event] = []
    place = _placer(rate)
    for channel, lane in enumerate(lanes):
        wheel = [control for control in lane.controls if control.number == WHEEL]
        for control in lane.controls:
            events.append((place(control.seconds), _CONTROL, channel, control.number, float(control.value)))
        for sound in lane.sounds:
            on = place(sound.start)
            # A stroke that is shorter than a block would be ended before it begins.
            events.append((on, _ON, channel, sound.pitch, sound.velocity))
            events.append((max(place(sound.end), on + BLOCK), _OFF, channel, sound.pitch, 0))
            if sound.course and not wheel:
                events += ((place(at), _CONTROL, channel, WHEEL, to) for at, to in _wheel(sound, step))
    events.sort(key=lambda event: event[:2])
    return _without_stolen_ends(events)


def _without_stolen_ends(events: list[Event]) -> list[Event]:
    """Where a pitch is struck again within the block that ends it, the end would stop the new stroke."""
    kept: list[Event] = []
    sounding: dict[tuple[int, int], int] = {}
    for event in events:
        key = (event[2], event[3])
        if event[1] == _ON:
            sounding[key] = sounding.get(key, 0) + 1
        elif event[1] == _OFF:
            sounding[key] = sounding.get(key, 1) - 1
            if sounding[key] > 0:
                continue
        kept.append(event)
    return kept


def _wheel(sound: Sound, step: float) -> Iterator[tuple[float, float]]:
    """(seconds, semitones) along a course."""
    yield sound.start, course_at(sound.course, 0.0)
    last = sound.course[-1][0]
    for i in range(1, int(last / step) + 1):
        yield sound.start + i * step, course_at(sound.course, i * step)
    yield sound.start + last, sound.course[-1][1]


def _placer(rate: int) -> Callable[[float], int]:
    def place(seconds: float) -> int:
        return max(0, round(seconds * rate / BLOCK)) * BLOCK

    return place


def _file_name(soundfont: SoundFont) -> bytes:
    """The path as the C library takes it: UTF-8 on Windows, the file system's bytes elsewhere."""
    path = str(soundfont.path)
    return (
        path.encode("utf-8") if sys.platform == "win32" else path.encode(sys.getfilesystemencoding(), "surrogateescape")
    )
