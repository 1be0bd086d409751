"""Which port and channel a new MIDI track gets, so that no track that is there sounds different."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from arranger.formats.midi_sounds import DRUM_CHANNEL, Slot
from arranger.song import Track

CHANNELS = 16
MAX_PORT = 127
MELODIC = tuple(channel for channel in range(CHANNELS) if channel != DRUM_CHANNEL)
_PERCUSSION = -1
"""Stands for a program among those of a channel that is percussion without being channel 10."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new track goes.

    Parameters
    ----------
    port, channel : where.
    alone : True if nothing else plays there, so that the track sets its own program, volume and pan.
    crowded : True if the track stands on a further port because all channels were taken.
    """

    port: int
    channel: int
    alone: bool
    crowded: bool = False


@dataclass
class Occupation:
    """What plays on which port and channel, while new tracks are being placed.

    Parameters
    ----------
    home : port that a new track goes to if it can.
    taken : port and channel -> number of notes, programs that they sound with; also channels with no more than
        controllers, which have 0 notes.
    opened : ports that were opened for new tracks.
    """

    home: int = 0
    taken: dict[Slot, tuple[int, set[int]]] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)

    def use(self, slot: Slot, notes: int = 0, programs: Iterable[int] = (), percussion: bool = False) -> None:
        """Record that something plays there."""
        count, known = self.taken.get(slot, (0, set()))
        self.taken[slot] = (count + notes, known | ({_PERCUSSION} if percussion else set(programs)))

    def notes(self, slot: Slot) -> int:
        """Number of notes there."""
        return self.taken[slot][0] if slot in self.taken else 0

    def programs(self, slot: Slot) -> set[int]:
        """Programs that notes sound with there."""
        return self.taken[slot][1] if slot in self.taken else set()

    def ports(self) -> list[int]:
        """Ports in use, the home port first."""
        return sorted({self.home, *(port for port, _ in self.taken)}, key=lambda port: (port != self.home, port))

    def place(self, track: Track) -> Place:
        """Find a place for a new track and record it.

        Drums go to channel 10 of the home port. Others get the channel that they ask for if that is free or has their
        program, else the first place of these: a channel that is free on all ports, one without notes, one that is free
        on some port, one with the same program throughout. With none of these a further port is opened, and there the
        channel is that with the fewest notes elsewhere, because programs that know but one port mix the two.
        """
        place = self._find(track)
        self.use((place.port, place.channel), len(track.notes), [track.program])
        return place

    def _find(self, track: Track) -> Place:
        if track.is_drum:
            return self._at((self.home, DRUM_CHANNEL))
        for slot in self._candidates(track):
            return self._at(slot)
        port = next((port for port in range(MAX_PORT + 1) if port not in self.ports()), MAX_PORT)
        quietest = min(MELODIC, key=lambda channel: (self._notes_on_all_ports(channel), channel))
        self.opened.add(port)
        return self._at((port, quietest))

    def _at(self, slot: Slot) -> Place:
        return Place(*slot, alone=not self.notes(slot), crowded=slot[0] in self.opened)

    def _candidates(self, track: Track) -> Iterator[Slot]:
        """Places without harm, best first."""
        asked = track.channel
        if asked in MELODIC and asked is not None:
            slot = (self.home, asked)
            if not self._everywhere(asked) or self.programs(slot) == {track.program}:
                yield slot
        yield from ((self.home, channel) for channel in MELODIC if not self._everywhere(channel))
        yield from ((self.home, channel) for channel in MELODIC if not self._notes_on_all_ports(channel))
        everywhere = [(port, channel) for port in self.ports() for channel in MELODIC]
        yield from (slot for slot in everywhere if not self.notes(slot))
        same = [slot for slot in everywhere if self.programs(slot) == {track.program}]
        yield from sorted(same, key=lambda slot: (slot[0] != self.home, self.notes(slot), slot))

    def _everywhere(self, channel: int) -> bool:
        """True if the channel is in use on any port."""
        return any(slot[1] == channel for slot in self.taken)

    def _notes_on_all_ports(self, channel: int) -> int:
        return sum(count for slot, (count, _) in self.taken.items() if slot[1] == channel)
