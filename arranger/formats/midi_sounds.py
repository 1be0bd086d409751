"""What the channels of a MIDI file sound like: ports, programs, and which channels are percussion.

A channel is meant within a port: two chunks that name different ports don't share their channels. Percussion is channel
10, and what the file's own sound module takes for it: a part that a Roland GS message makes a rhythm part, a channel
with the drum banks of Yamaha XG (126, 127) or General MIDI 2 (120) in a file that switches that mode on.

References: General MIDI 2 (RP-024), 3.3.1; Yamaha XG specifications 2.00, 3.1.1; Roland SC-88 owner's manual, parameter
address map, 40 1x 15 ("use for rhythm part").
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arranger.formats.smf import CONTROL, META, PROGRAM, Chunk, Event
from arranger.song import Note

DRUM_CHANNEL = 9

Slot = tuple[int, int]
"""Port and channel."""
_Changes = list[tuple[int, int]]
"""Program changes as (tick, program), in order of time."""

_PORT, _SYSEX, _BANK = 0x21, 0xF0, 0
_XG_ON, _XG_DRUM_BANKS = b"\x4c\x00\x00\x7e\x00", (126, 127)
_GM2_ON, _GM2_DRUM_BANKS = b"\x09\x03\xf7", (120,)
_GS_RHYTHM = 0x15


@dataclass(frozen=True)
class Sounds:
    """Sounds of the chunks that play together.

    Parameters
    ----------
    ports : port of each chunk.
    has_ports : True if any chunk names its port.
    own : for each chunk, channel -> its program changes.
    shared : port and channel -> the program changes of all chunks there.
    drums : ports and channels that are percussion.
    """

    ports: tuple[int, ...]
    has_ports: bool
    own: tuple[dict[int, _Changes], ...]
    shared: dict[Slot, _Changes]
    drums: frozenset[Slot]

    def is_drum(self, chunk: int, channel: int) -> bool:
        """True if that channel of that chunk is percussion."""
        return (self.ports[chunk], channel) in self.drums

    def programs(self, chunk: int, channel: int, notes: Iterable[Note]) -> Counter[int]:
        """How many of the notes sound with which program; the chunk's own changes go before those of others."""
        own = self.own[chunk].get(channel, [])
        shared = self.shared.get((self.ports[chunk], channel), [])
        own_ticks, shared_ticks = [tick for tick, _ in own], [tick for tick, _ in shared]
        # None before the note: what the chunk asks for later says more than the piano of program 0.
        default = own[0][1] if own else 0
        heard: Counter[int] = Counter()
        for note in notes:
            if at := bisect_right(own_ticks, note.start):
                heard[own[at - 1][1]] += 1
            elif at := bisect_right(shared_ticks, note.start):
                heard[shared[at - 1][1]] += 1
            else:
                heard[default] += 1
        return heard


def find_sounds(chunks: Sequence[Chunk]) -> Sounds:
    """Sounds of chunks that play together."""
    named = [_port(chunk) for chunk in chunks]
    ports = tuple(port or 0 for port in named)
    own = tuple(_program_changes(chunk) for chunk in chunks)
    shared: dict[Slot, _Changes] = defaultdict(list)
    for port, by_channel in zip(ports, own, strict=True):
        for channel, changes in by_channel.items():
            shared[port, channel] += changes
    for changes in shared.values():
        changes.sort(key=lambda change: change[0])
    has_ports = any(port is not None for port in named)
    return Sounds(ports, has_ports, own, dict(shared), _drums(chunks, ports))


def _port(chunk: Chunk) -> int | None:
    for event in chunk.events:
        if event.status == META and event.a == _PORT and len(event.data) == 1:
            return event.data[0]
    return None


def _program_changes(chunk: Chunk) -> dict[int, _Changes]:
    changes: dict[int, _Changes] = defaultdict(list)
    for event in chunk.events:
        if event.status & 0xF0 == PROGRAM:
            changes[event.status & 0x0F].append((event.tick, event.a))
    return dict(changes)


def _drums(chunks: Sequence[Chunk], ports: Sequence[int]) -> frozenset[Slot]:
    drums = {(port, DRUM_CHANNEL) for port in ports}
    exclusive = [event.data for chunk in chunks for event in chunk.events if event.status == _SYSEX]
    banks: tuple[int, ...] = ()
    if any(data[:1] == b"\x43" and data[2:7] == _XG_ON for data in exclusive):
        banks += _XG_DRUM_BANKS
    if any(data[:1] == b"\x7e" and data[2:] == _GM2_ON for data in exclusive):
        banks += _GM2_DRUM_BANKS
    for port, chunk in zip(ports, chunks, strict=True):
        first_bank: dict[int, int] = {}
        for event in chunk.events:
            if event.status & 0xF0 == CONTROL and event.a == _BANK:
                first_bank.setdefault(event.status & 0x0F, event.b)
            elif event.status == _SYSEX:
                _use_for_rhythm(event, port, drums)
        drums |= {(port, channel) for channel, bank in first_bank.items() if bank in banks}
    return frozenset(drums)


def _use_for_rhythm(event: Event, port: int, drums: set[Slot]) -> None:
    """Follow a Roland GS message that makes a part a rhythm part, or a plain one."""
    data = event.data
    if len(data) < 9 or data[0] != 0x41 or data[2:5] != b"\x42\x12\x40":
        return
    if data[5] >> 4 == 1 and data[6] == _GS_RHYTHM:
        block = data[5] & 0x0F
        channel = DRUM_CHANNEL if block == 0 else block - 1 if block <= DRUM_CHANNEL else block
        (drums.add if data[7] else drums.discard)((port, channel))
