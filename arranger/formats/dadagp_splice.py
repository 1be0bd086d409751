"""A song back into the DadaGP text that it was read from: only the events of what is new or changed are put in.

Every old token stays, in its order, with its techniques; waits are split where a new event falls into them. Of a track
whose notes were changed, the events of the changed bars are exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arranger.errors import SongFileError
from arranger.formats.dadagp import INSTRUMENTS, read_tokens
from arranger.formats.dadagp_write import MOST, fretted, group_of, hits, instrument_events, waits
from arranger.song import Song, Track

_Events = dict[int, list[str]]


def splice_tokens(song: Song) -> bytes:
    """Bytes of the source text with the song's new and changed parts in it.

    Raises
    ------
    SongFileError
        if the grammar has no room for a new track: a fourth distorted guitar, a third clean one, a second bass.
    """
    assert song.source is not None
    name = song.source.name
    try:
        text, coding = song.source.data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, coding = song.source.data.decode("latin-1"), "latin-1"
    before = read_tokens(text, name)
    if before.tracks == song.tracks:
        return song.source.data
    tokens = [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    downtune = int(tokens[1].partition(":")[2])
    there = [one for one in INSTRUMENTS if any(token.startswith(f"{one}:note:") for token in tokens)]
    bars = [(bar.start, bar.end) for bar in before.bars]
    events: _Events = {}
    dropped: dict[str, set[int]] = {}
    now: dict[tuple[int, ...] | None, Track] = {track.source_id: track for track in song.tracks if track.source_id}
    for instrument, old in zip(there, before.tracks, strict=True):
        track = now.get(old.source_id, old)
        if track.notes == old.notes:
            continue
        was, is_now = (_events_of(song, instrument, one, downtune, bars, name) for one in (old, track))
        dropped[instrument] = _changed(was, is_now, bars)
        for tick, new in is_now.items():
            if _bar_of(tick, bars) in dropped[instrument]:
                events.setdefault(tick, []).extend(new)
    for track in song.tracks:
        if track.source_id is None and track.notes:
            instrument = _free_instrument(track, there, name)
            there.append(instrument)
            for tick, new in _events_of(song, instrument, track, downtune, bars, name).items():
                events.setdefault(tick, []).extend(new)
    lines = [*tokens[:4], *_woven(tokens[4:], events, dropped)]
    return ("\n".join(lines) + "\n").encode(coding)


def _events_of(
    song: Song, instrument: str, track: Track, downtune: int, bars: Sequence[tuple[int, int]], name: str
) -> _Events:
    placed = hits(song, [track]) if instrument == "drums" else fretted(song, instrument, [track], downtune, name)
    return instrument_events(instrument, placed, bars, [])


def _bar_of(tick: int, bars: Sequence[tuple[int, int]]) -> int:
    return next(index for index, (start, end) in enumerate(bars) if start <= tick < end)


def _changed(was: _Events, is_now: _Events, bars: Sequence[tuple[int, int]]) -> set[int]:
    """Bars in which an instrument does something else than before."""
    ticks = [tick for tick in was.keys() | is_now.keys() if was.get(tick) != is_now.get(tick)]
    return {_bar_of(tick, bars) for tick in ticks}


def _free_instrument(track: Track, there: Sequence[str], name: str) -> str:
    """The instrument of the grammar that a new track is written as."""
    group = group_of(track)
    if group in ("drums", "leads", "pads"):
        return group
    names = ["bass"] if group == "bass" else [f"{group}{index}" for index in range(MOST.get(group or "", 0))]
    free = [one for one in names if one not in there]
    if not free:
        problem = f"it has no room for another track like “{track.name}”: DadaGP tokens hold {len(names)} of them"
        raise SongFileError(name, problem, None, "Write MIDI or Guitar Pro instead, with -o.")
    return free[0]


def _woven(tokens: Sequence[str], events: _Events, dropped: dict[str, set[int]]) -> Iterator[str]:
    """The body with the new events in their places; `dropped` has the bars in which an instrument's old ones go."""
    clock, bar, bar_start = 0, -1, 0
    pending = sorted(events)
    skipping = False
    for token in tokens:
        head, _, tail = token.partition(":")
        if token in ("new_measure", "end"):
            if clock > bar_start or bar < 0:
                bar += 1
            bar_start, skipping = clock, False
            yield token
            continue
        if head in INSTRUMENTS:
            skipping = bar in dropped.get(head, ())
        elif head in ("wait", "bfx"):
            skipping = False
        if head == "wait":
            until = clock + int(tail)
            at = clock
            while pending and pending[0] < until:
                tick = pending.pop(0)
                yield from waits(tick - at)
                yield from (line for new in events[tick] for line in new.split("\n"))
                at = tick
            if at == clock:
                yield token
            else:
                yield from waits(until - at)
            clock = until
        elif not skipping:
            yield token
