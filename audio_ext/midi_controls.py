"""What a MIDI file says beside its notes: volume, pan, expression, pedal, pitch wheel, changes of program.

A Song keeps only what a part must fit to. To be heard as its author hears it, a song needs the rest, so it is read from
the source's bytes again. Controllers belong to a channel of a port, whichever chunk they stand in.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from arranger.formats.midi_read import sequence_numbers
from arranger.formats.midi_sounds import Sounds, find_sounds
from arranger.formats.smf import CONTROL, Chunk, parse_smf
from arranger.song import Song

WHEEL = 128
"""Number of a `Control` whose value is the pitch wheel, in semitones."""
MODULATION, DATA, VOLUME, PAN, EXPRESSION, DATA_FINE, PEDAL, REVERB, CHORUS = 1, 6, 7, 10, 11, 38, 64, 91, 93
NRPN_FINE, NRPN, RPN_FINE, RPN, RESET = 98, 99, 100, 101, 121
PASSED_ON = frozenset({MODULATION, VOLUME, PAN, EXPRESSION, REVERB, CHORUS})
DEFAULT_RANGE = 2.0
MAX_RANGE = 24.0
PEDAL_DOWN = 64
MAX_PEDAL_SECONDS = 20.0
"""A pedal that is never lifted again is a fault of the file."""
_PITCH_WHEEL = 0xE0


class Control(NamedTuple):
    """A controller's new value: MIDI controller number and 0-127, or `WHEEL` and semitones."""

    seconds: float
    number: int
    value: float


@dataclass(frozen=True)
class TrackControls:
    """Controls of one track.

    Parameters
    ----------
    changes : in order of time.
    pedal : (seconds, down?) in order of time, up and down in turns.
    own, shared : program changes (tick, program) of the track's chunk and of its channel in all chunks.
    """

    changes: tuple[Control, ...] = ()
    pedal: tuple[tuple[float, bool], ...] = ()
    own: tuple[tuple[int, int], ...] = ()
    shared: tuple[tuple[int, int], ...] = ()

    def program_at(self, tick: int, default: int) -> int:
        """Program that a note at `tick` sounds with; the chunk's own changes go before those of others."""
        for changes in (self.own, self.shared):
            if at := bisect_right(changes, (tick, 128)):
                return changes[at - 1][1]
        return self.own[0][1] if self.own else default

    def pedal_until(self, end: float) -> float:
        """When a note that is let go at `end` stops sounding."""
        after = bisect_left(self.pedal, (end,))
        if after == 0 or not self.pedal[after - 1][1]:
            return end
        # Ups and downs take turns.
        lifted = self.pedal[after][0] if after < len(self.pedal) else end + MAX_PEDAL_SECONDS
        return min(lifted, end + MAX_PEDAL_SECONDS)


NO_CONTROLS = TrackControls()


def source_controls(song: Song, clock: Callable[[float], float]) -> dict[int, TrackControls]:
    """Controls of the tracks that stand in the song's MIDI source; empty for any other source.

    Parameters
    ----------
    clock : tick -> seconds, of the song in score order; MIDI has no repeats.
    """
    if song.source is None or song.source.format != "mid":
        return {}
    smf = parse_smf(song.source.data, song.source.name)
    numbers = sequence_numbers(smf)
    chunks = [smf.tracks[number] for number in numbers]
    sounds = find_sounds(chunks)
    by_slot: dict[tuple[int, int], tuple[tuple[Control, ...], tuple[tuple[float, bool], ...]]] = {}
    found = {}
    for index, track in enumerate(song.tracks):
        if track.source_id is None or len(track.source_id) != 2 or track.source_id[0] not in numbers:
            continue
        chunk, channel = numbers.index(track.source_id[0]), track.source_id[1]
        if channel < 0:
            continue
        slot = (sounds.ports[chunk], channel)
        if slot not in by_slot:
            by_slot[slot] = _slot_controls(chunks, sounds, slot, clock)
        changes, pedal = by_slot[slot]
        own, shared = sounds.own[chunk].get(channel, []), sounds.shared.get(slot, [])
        # On a drum channel programs are kits.
        found[index] = TrackControls(changes, pedal, tuple(sorted(own)), tuple(sorted(shared)))
    return found


def _slot_controls(
    chunks: list[Chunk], sounds: Sounds, slot: tuple[int, int], clock: Callable[[float], float]
) -> tuple[tuple[Control, ...], tuple[tuple[float, bool], ...]]:
    """Controllers and pedal of a channel of a port, over all chunks."""
    events = [
        (event.tick, event.status & 0xF0, event.a, event.b)
        for port, chunk in zip(sounds.ports, chunks, strict=True)
        if port == slot[0]
        for event in chunk.events
        if event.status & 0x0F == slot[1] and event.status & 0xF0 in (CONTROL, _PITCH_WHEEL)
    ]
    events.sort(key=lambda event: event[0])  # stable: what stands first in the file goes first
    changes: list[Control] = []
    pedal: list[tuple[float, bool]] = []
    registered: dict[int, int] = defaultdict(lambda: 127)
    wheel_range, wheel = DEFAULT_RANGE, 0.0
    for tick, kind, a, b in events:
        seconds = clock(tick)
        if kind == _PITCH_WHEEL:
            wheel = ((b << 7 | a) - 8192) / 8192
            changes.append(Control(seconds, WHEEL, wheel * wheel_range))
        elif a in PASSED_ON:
            changes.append(Control(seconds, a, b))
        elif a == PEDAL:
            pedal.append((seconds, b >= PEDAL_DOWN))
        elif a in (RPN, RPN_FINE, NRPN, NRPN_FINE):
            registered[a] = b
            if a in (NRPN, NRPN_FINE):  # a data entry that follows is meant for that, not for the wheel
                registered[RPN] = registered[RPN_FINE] = 127
        elif a in (DATA, DATA_FINE) and registered[RPN] == registered[RPN_FINE] == 0:
            wheel_range = min(MAX_RANGE, float(b) if a == DATA else int(wheel_range) + b / 100)
            if wheel:
                changes.append(Control(seconds, WHEEL, wheel * wheel_range))
        elif a == RESET:
            wheel = 0.0
            changes += [
                Control(seconds, WHEEL, 0.0),
                Control(seconds, EXPRESSION, 127),
                Control(seconds, MODULATION, 0),
            ]
            pedal.append((seconds, False))
    turns = tuple(now for before, now in pairwise([(0.0, False), *pedal]) if now[1] != before[1])
    return tuple(changes), turns
