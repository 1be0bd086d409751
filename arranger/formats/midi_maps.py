"""Tempo, metre, key and length of a MIDI file."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import groupby

from arranger.formats.smf import Event
from arranger.song import KeySignature, Tempo, TimeSignature

MAX_TEMPOS = 20_000
MAX_SILENT_BARS = 16
"""Silence at the end that is kept; longer comes from a stray end-of-track event and would be bars of nothing."""
SLOWEST_QPM, FASTEST_QPM = 1.0, 2000.0
MAX_NUMERATOR, MAX_DENOMINATOR_POWER = 64, 6
MAX_SHARPS = 7

_TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x51, 0x58, 0x59


def find_tempos(metas: Iterable[Event], fixed_qpm: float | None, warnings: list[str]) -> tuple[Tempo, ...]:
    """Tempo map from meta events in order of time; `fixed_qpm` is that of a file that counts film frames, or None."""
    if fixed_qpm is not None:
        return (Tempo(0, fixed_qpm),)
    at_tick = {0: 120.0}
    nonsense = False
    for event in metas:
        if event.a != _TEMPO:
            continue
        microseconds = int.from_bytes(event.data, "big") if len(event.data) == 3 else 0
        if microseconds:
            at_tick[event.tick] = min(FASTEST_QPM, max(SLOWEST_QPM, 60e6 / microseconds))
        else:
            nonsense = True
    if nonsense:
        warnings.append("A tempo that makes no sense was ignored.")
    tempos = [Tempo(tick, qpm) for tick, qpm in sorted(at_tick.items())]
    runs = [next(same) for _, same in groupby(tempos, key=lambda tempo: tempo.qpm)]
    if len(runs) > MAX_TEMPOS:
        warnings.append(f"Only the first {MAX_TEMPOS:,} of {len(runs):,} changes of tempo were read.")
    return tuple(runs[:MAX_TEMPOS])


def find_time_signatures(metas: Iterable[Event], warnings: list[str]) -> list[TimeSignature]:
    """Metre from meta events in order of time; 4/4 until the first."""
    at_tick = {0: (4, 4)}
    nonsense = False
    for event in metas:
        if event.a != _TIME_SIGNATURE:
            continue
        numerator, power = struct.unpack("BB", event.data[:2]) if len(event.data) >= 2 else (0, 0)
        if 1 <= numerator <= MAX_NUMERATOR and power <= MAX_DENOMINATOR_POWER:
            at_tick[event.tick] = (numerator, 1 << power)
        else:
            nonsense = True
    if nonsense:
        warnings.append("A time signature that makes no sense was ignored.")
    signatures = [TimeSignature(tick, *value) for tick, value in sorted(at_tick.items())]
    return [next(same) for _, same in groupby(signatures, key=lambda one: (one.numerator, one.denominator))]


def find_keys(metas: Iterable[Event], warnings: list[str]) -> tuple[KeySignature, ...]:
    """Key signatures from meta events in order of time; empty where there is none."""
    at_tick: dict[int, tuple[int, bool]] = {}
    nonsense = False
    for event in metas:
        if event.a != _KEY_SIGNATURE:
            continue
        sharps, mode = struct.unpack("bB", event.data[:2]) if len(event.data) >= 2 else (0, 2)
        if abs(sharps) <= MAX_SHARPS and mode <= 1:
            at_tick[event.tick] = (sharps, mode == 1)
        else:
            nonsense = True
    if nonsense:
        warnings.append("A key signature that makes no sense was ignored.")
    keys = [KeySignature(tick, *value) for tick, value in sorted(at_tick.items())]
    return tuple(next(same) for _, same in groupby(keys, key=lambda one: (one.sharps, one.minor)))


def full_bar(signature: TimeSignature, ticks_per_quarter: int) -> int:
    """Ticks of a whole bar in this metre."""
    return max(1, 4 * ticks_per_quarter * signature.numerator // signature.denominator)


def song_length(
    signatures: Sequence[TimeSignature], ticks_per_quarter: int, last_note: int, last_event: int, warnings: list[str]
) -> int:
    """Tick up to which the file has bars."""
    at_note = [one for one in signatures if one.tick < last_note][-1]
    if last_event > last_note + MAX_SILENT_BARS * full_bar(at_note, ticks_per_quarter):
        warnings.append(f"More than {MAX_SILENT_BARS} bars of silence after the last note were left out.")
        return last_note
    at_end = [one for one in signatures if one.tick <= last_event][-1]
    over = (last_event - at_end.tick) % full_bar(at_end, ticks_per_quarter)
    # Programs like to put the end of track a tick or so behind the bar line; that makes no further bar.
    return last_event - over if over < ticks_per_quarter else last_event


def bar_count(signatures: Sequence[TimeSignature], ticks_per_quarter: int, end: int) -> int:
    """Number of bars, without making them."""
    ends = [*(one.tick for one in signatures[1:]), end]
    pairs = zip(signatures, ends, strict=True)
    return sum(-(-(until - one.tick) // full_bar(one, ticks_per_quarter)) for one, until in pairs)
