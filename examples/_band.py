"""What the example songs are written with: a small note language, drum patterns, strums, and a MIDI writer.

Time is counted in sixteenths while composing and in ticks once it is played. All chance comes from a seeded generator
of whole numbers, so that the files are the same bytes on every machine.
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mido

TICKS_PER_QUARTER = 480
SIXTEENTH = TICKS_PER_QUARTER // 4

_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_TOKEN = re.compile(r"(?:([A-G])([#b]?)(\d)|-)\.(\d+)")

KIT = {
    "kick": 36,
    "stick": 37,
    "snare": 38,
    "ghost": 38,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "low": 43,
    "mid": 47,
    "high": 50,
    "crash": 49,
    "ride": 51,
}
_SOFTER = {"kick": 4, "ghost": -56, "hat": -22, "pedal": -30, "open": -10, "ride": -18, "stick": -12, "low": 2}


@dataclass(frozen=True, order=True)
class Hit:
    """A note as it is played; start and length in ticks."""

    start: int
    length: int
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Word:
    """A note or rest (`pitch` None) as it is written; start and length in sixteenths."""

    start: int
    length: int
    pitch: int | None


@dataclass(frozen=True)
class Player:
    """A MIDI track: name, program from 0, channel from 0 (9 is drums), volume, pan and what is played."""

    name: str
    program: int
    channel: int
    volume: int
    pan: int
    hits: Sequence[Hit]


def read(text: str, at: int, bar: int) -> list[Word]:
    """Words of a line such as `E5.6 D5.2 -.8 | C5.16`: pitch or rest, and its sixteenths.

    `at` is where the line begins, `bar` the sixteenths in each of its bars; a bar that isn't full is a ValueError.
    """
    words, start = [], at
    for number, written in enumerate(text.split("|"), 1):
        first = start
        for token in written.split():
            match = _TOKEN.fullmatch(token)
            if match is None:
                raise ValueError(f"bar {number}: {token!r} is no note")
            letter, accidental, octave, length = match.groups()
            pitch = 12 * (int(octave) + 1) + _CLASSES[letter] + _ACCIDENTALS[accidental] if letter else None
            words.append(Word(start, int(length), pitch))
            start += int(length)
        if start - first != bar:
            raise ValueError(f"bar {number} of {text!r} has {start - first} sixteenths, not {bar}")
    return words


class Hand:
    """A player's hand: how notes become strokes that are never twice quite the same."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def about(self, velocity: int, spread: int = 4) -> int:
        """A velocity near the one meant."""
        wobble = self._random.randint(-spread, spread) + self._random.randint(-spread, spread)
        return max(12, min(124, velocity + wobble // 2))

    def late(self, most: int = 5) -> int:
        """Ticks behind the beat."""
        return self._random.randint(0, most)

    def sing(self, words: Sequence[Word], level: int, legato: float = 0.94) -> list[Hit]:
        """A melody: louder towards the top and on downbeats, softer on short notes."""
        hits = []
        for word in words:
            if word.pitch is not None:
                velocity = level + (word.pitch - 70) // 2 + 4 * (word.start % 8 == 0) - 5 * (word.length < 3)
                start = word.start * SIXTEENTH + self.late()
                hits.append(Hit(start, int(word.length * SIXTEENTH * legato), word.pitch, self.about(velocity)))
        return hits

    def strum(self, chord: Sequence[int], at: int, length: int, level: int, up: bool = False) -> list[Hit]:
        """One stroke: all strings downwards, or the upper four upwards and softer."""
        strings = sorted(chord)[-4:][::-1] if up else sorted(chord)
        level -= 9 * up
        start = at * SIXTEENTH + self.late(2)
        return [
            Hit(start + 3 * n, length * SIXTEENTH - 3 * n - 12, pitch, self.about(level - n, 3))
            for n, pitch in enumerate(strings)
        ]

    def pick(self, chord: Sequence[int], order: Sequence[int], at: int, step: int, bar: int, level: int) -> list[Hit]:
        """A broken chord; `order` counts from the lowest note; each rings for two steps or to the bar's end."""
        hits = []
        for n, which in enumerate(order):
            pitch, start = sorted(chord)[min(which, len(chord) - 1)], at + n * step
            length = min(2 * step, at + bar - start)
            accent = 6 if n == 0 else 3 if n % 2 == 0 else -2
            begin, velocity = start * SIXTEENTH + self.late(4), self.about(level + accent)
            hits.append(Hit(begin, length * SIXTEENTH - 10, pitch, velocity))
        return hits

    def block(self, chord: Sequence[int], at: int, length: int, level: int) -> list[Hit]:
        """A chord on keys, its top note a little louder."""
        start = at * SIXTEENTH + self.late(3)
        top = max(chord)
        return [Hit(start, length * SIXTEENTH - 14, p, self.about(level + 5 * (p == top), 3)) for p in sorted(chord)]

    def beat(self, pattern: Mapping[str, str], at: int, level: int) -> list[Hit]:
        """One bar of drums: voice -> a sign a sixteenth, `x` a stroke, `X` an accent, `o` a soft one."""
        hits = []
        for voice, signs in pattern.items():
            for step, sign in enumerate(signs.replace(" ", "")):
                if sign in "xXo":
                    velocity = level + _SOFTER.get(voice, 0) + {"x": 0, "X": 12, "o": -16}[sign]
                    velocity += (4 if step % 4 == 0 else -6) if voice in ("hat", "ride") else 0
                    start = (at + step) * SIXTEENTH + (self.late(4) if at + step else 0)
                    hits.append(Hit(start, SIXTEENTH - 20, KIT[voice], self.about(velocity)))
        return hits


def nearest_voicing(classes: Sequence[int], before: Sequence[int], low: int = 55, high: int = 74) -> list[int]:
    """Close position of a chord that moves least from the chord before it: how a keyboard player's hand goes."""
    best: list[int] = []
    for bottom in range(low, low + 12):
        for turn in range(len(classes)):
            order = [*classes[turn:], *classes[:turn]]
            if bottom % 12 != order[0]:
                continue
            chord = [bottom]
            for pitch_class in order[1:]:
                chord.append(chord[-1] + ((pitch_class - chord[-1]) % 12 or 12))
            if chord[-1] <= high and (not best or _moved(chord, before) < _moved(best, before)):
                best = chord
    return best


def _moved(chord: Sequence[int], before: Sequence[int]) -> int:
    reference = before or [60, 64, 67]
    there = sum(min(abs(p - q) for q in reference) for p in chord)
    back = sum(min(abs(p - q) for p in chord) for q in reference)
    return there + back


def midi_file(
    title: str,
    tempos: Mapping[int, float],
    metres: Mapping[int, tuple[int, int]],
    markers: Mapping[int, str],
    key: str,
    players: Sequence[Player],
    end: int,
) -> bytes:
    """A type 1 file; the keys of the maps and `end` are in sixteenths."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER)
    events: list[tuple[int, int, mido.MetaMessage]] = [
        (0, 0, mido.MetaMessage("track_name", name=title)),
        (0, 1, mido.MetaMessage("key_signature", key=key)),
    ]
    for at, (numerator, denominator) in metres.items():
        meta = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        events.append((at * SIXTEENTH, 2, meta))
    for at, qpm in tempos.items():
        events.append((at * SIXTEENTH, 3, mido.MetaMessage("set_tempo", tempo=round(60_000_000 / qpm))))
    for at, text in markers.items():
        events.append((at * SIXTEENTH, 4, mido.MetaMessage("marker", text=text)))
    file.tracks.append(_chunk(events, end))
    for player in players:
        file.tracks.append(_chunk(_player_events(player), end))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _player_events(player: Player) -> list[tuple[int, int, mido.Message | mido.MetaMessage]]:
    channel = player.channel
    events: list[tuple[int, int, mido.Message | mido.MetaMessage]] = [
        (0, 0, mido.MetaMessage("track_name", name=player.name)),
        (0, 1, mido.Message("program_change", channel=channel, program=player.program)),
        (0, 2, mido.Message("control_change", channel=channel, control=7, value=player.volume)),
        (0, 3, mido.Message("control_change", channel=channel, control=10, value=player.pan)),
    ]
    for hit in _untangled(player.hits):
        on = mido.Message("note_on", channel=channel, note=hit.pitch, velocity=hit.velocity)
        off = mido.Message("note_off", channel=channel, note=hit.pitch, velocity=0)
        events += [(hit.start, 5, on), (hit.start + hit.length, 4, off)]
    return events


def _untangled(hits: Sequence[Hit]) -> list[Hit]:
    """A string that is struck again stops ringing first."""
    following: dict[int, int] = {}
    done = []
    for hit in sorted(hits, reverse=True):
        length = min(hit.length, following.get(hit.pitch, hit.start + hit.length) - hit.start)
        if length > 0:
            done.append(Hit(hit.start, length, hit.pitch, hit.velocity))
            following[hit.pitch] = hit.start
    return done[::-1]


def _chunk(events: list, end: int) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end * SIXTEENTH - now)))
    return track
