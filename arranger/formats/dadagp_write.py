"""A `Song` as DadaGP v1.1 token text; the grammar and its source are in `arranger.formats.dadagp`.

What comes back from the text is note for note what went in: start, length and pitch, at 960 ticks a quarter. A note
that sounds on while another of its instrument begins or ends is written again with `nfx:tie`, as it is at a bar line.
Drum hits are not tied: they last until the next one, or to the bar's end.

Repeats are written as such where simple signs give the song's playing order; otherwise the song should be played out
first. The grammar itself rounds tempos to tens, has no velocities, names, markers or sound effects (programs 121 to
128), and merges all drum, all lead and all pad tracks into one each. What it can't hold otherwise is a SongFileError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from arranger.errors import SongFileError
from arranger.formats.dadagp import (
    BASS_DROPPED,
    BASS_STRINGS,
    DROP,
    GUITAR_DROPPED,
    GUITAR_STRINGS,
    TICKS_PER_QUARTER,
    metre_of,
)
from arranger.formats.dadagp_flow import write_flow
from arranger.formats.dadagp_techniques import beat_tokens, bend_tokens, note_tokens
from arranger.formats.playing_marks import Bend, bend_part, stroke_places
from arranger.playing import BarFlow
from arranger.repeats import flows_of
from arranger.song import Note, Song, Track

MAX_FRET = 36
"""The highest that the data set has on nearly every string."""

MOST = {"distorted": 3, "clean": 2, "bass": 1}
"""So many tracks of a group the grammar can name."""

WAITS = frozenset({40, 60, 80, 120, 160, 180, 192, 240, 320, 360, 480, 640, 720, 960, 1440, 1920, 2880, 3840})
"""Ticks that have a wait token of their own; all others are powers of two or split into them."""

_LARGEST_POWER = 16384
_GUITAR_SHAPES = ((5, 4, 5, 5, 5), (5, 4, 5, 5, 7), (5, 4, 5, 5, 5, 5), (5, 4, 5, 5, 7, 5))
_BASS_SHAPES = ((5, 5, 5), (5, 5, 7), (5, 5, 5, 5), (5, 5, 5, 5, 5))
_SHAPES = "guitars of 6 or 7 strings in standard or drop tuning and basses of 4 to 6 strings"
_REMEDY = "Write MIDI or Guitar Pro instead, or change this in the song."


@dataclass(frozen=True, slots=True)
class _Placed:
    """A note in the text's own ticks, with the token that strikes it and those that say how; `bfx` are its beat's."""

    start: int
    end: int
    token: str
    nfx: tuple[str, ...] = ()
    bfx: tuple[str, ...] = ()
    bend: Bend = ()

    def lines(self, start: int, end: int) -> str:
        """Tokens of what sounds of the note between two ticks."""
        length = self.end - self.start
        bent = bend_tokens(bend_part(self.bend, (start - self.start) / length, (end - self.start) / length))
        first = self.nfx if start == self.start else ("nfx:tie",)
        return "\n".join([self.token, *first, *bent])


def write_tokens(song: Song, artist: str = "unknown") -> str:
    """DadaGP token text of a song, one token a line.

    Raises
    ------
    SongFileError
        with the track and bar, if the song is outside the grammar: more than three distorted guitars, two clean ones or
        one bass; other tunings than the grammar's, or tunings that differ by more than octaves; more notes at once than
        strings; notes out of reach of the strings; bars longer than 32 whole notes; no notes.
    """
    name = song.source.name if song.source else song.title or "song"
    groups = _groups(song, name)
    if not groups:
        raise SongFileError(name, "it has no notes that the grammar can hold", None, _REMEDY)
    bars = [(_ticks(song, bar.start), _ticks(song, bar.end)) for bar in song.bars]
    for number, (start, end) in enumerate(bars, 1):
        if metre_of(end - start) is None:
            raise SongFileError(name, "the bar is longer than 32 whole notes", f"bar {number}", _REMEDY)
    downtune = _downtune(song, groups, name)
    tempo, changes = _tempos(song, bars[-1][1])
    signs = _signs(song)
    events: dict[int, list[str]] = {}
    pitched = [instrument for instrument in groups if instrument != "drums"]
    for instrument, tracks in groups.items():
        # A tempo change has to hang on an event, so one instrument gets one there.
        extra = sorted(changes) if instrument == (pitched or ["drums"])[0] else []
        placed = hits(song, tracks) if instrument == "drums" else fretted(song, instrument, tracks, downtune, name)
        for at, tokens in instrument_events(instrument, placed, bars, extra).items():
            events.setdefault(at, []).extend(tokens)
    for at, qpm in changes.items():
        events[at].append(f"bfx:tempo_change:{qpm}")
    label = re.sub(r"\s+", "_", artist.strip().lower()) or "unknown"
    lines = [f"artist:{label}", f"downtune:{downtune}", f"tempo:{tempo}", "start"]
    at_events = sorted(events)
    position = 0
    for (start, end), bar_signs in zip(bars, signs, strict=True):
        lines += ["new_measure", *bar_signs]
        clock = start
        while position < len(at_events) and at_events[position] < end:
            lines += waits(at_events[position] - clock) + events[at_events[position]]
            clock = at_events[position]
            position += 1
        lines += waits(end - clock)
    return "\n".join([*lines, "end"]) + "\n"


def _signs(song: Song) -> list[list[str]]:
    """`measure:` tokens of every bar; none of repeats where no signs give the song's order."""
    flows = flows_of(song.order, len(song.bars)) or (BarFlow(),) * len(song.bars)
    signs, at, kind = [], 0, "straight"
    for bar, flow in zip(song.bars, flows, strict=True):
        while at < len(song.feels) and song.feels[at].tick < bar.end:
            kind, at = song.feels[at].kind, at + 1
        signs.append(write_flow(flow, kind))
    return signs


def group_of(track: Track) -> str | None:
    """Instrument group of a track, by its program; None for sound effects, which the grammar leaves out."""
    program = track.program
    if track.is_drum:
        return "drums"
    if program in range(24, 29) or program in range(104, 108):
        return "clean"
    if program in range(29, 32):
        return "distorted"
    if program in range(32, 40):
        return "bass"
    if program in range(48, 56) or program in range(88, 96) or program == 97 or program in range(100, 104):
        return "pads"
    return None if program >= 120 else "leads"


def _groups(song: Song, name: str) -> dict[str, list[Track]]:
    """Instrument -> its tracks; drums, leads and pads take all of theirs."""
    groups: dict[str, list[Track]] = {}
    counts = dict.fromkeys(MOST, 0)
    for number, track in enumerate(song.tracks, 1):
        group = group_of(track)
        if group is None or not track.notes:
            continue
        if group not in MOST:
            groups.setdefault(group, []).append(track)
            continue
        if counts[group] == MOST[group]:
            problem = f"it has more {group} tracks than the {MOST[group]} that DadaGP tokens can hold"
            raise SongFileError(name, problem, f"track {number} “{track.name}”", _REMEDY)
        groups["bass" if group == "bass" else f"{group}{counts[group]}"] = [track]
        counts[group] += 1
    return groups


def _downtune(song: Song, groups: dict[str, list[Track]], name: str) -> int:
    """Semitones that all tunings are away from the standard, octaves aside, the nearest to none; 0 without tunings."""
    found: list[int] = []
    for instrument, tracks in groups.items():
        for track in tracks:
            if instrument == "drums" or track.tuning is None:
                continue
            where = f"track {song.tracks.index(track) + 1} “{track.name}”"
            shape = tuple(high - low for high, low in pairwise(track.tuning))
            known = shape in (_BASS_SHAPES if instrument == "bass" else _GUITAR_SHAPES)
            if instrument in ("leads", "pads") and not known:
                continue  # what isn't a guitar has strings for want of anything better; any string will do
            if not known:
                raise SongFileError(name, f"DadaGP tokens have no such tuning, only {_SHAPES}", where, _REMEDY)
            strings = BASS_STRINGS if instrument == "bass" else GUITAR_STRINGS
            found.append(track.tuning[0] - strings[1 + _first_string(instrument, track)])
            if (found[-1] - found[0]) % 12:
                problem = "it is tuned otherwise than the track before it, and DadaGP tokens have one tuning for all"
                raise SongFileError(name, problem, where, _REMEDY)
    return min(found, key=abs, default=0)


def _first_string(instrument: str, track: Track) -> int:
    """What to add to a track's string numbers: a bass of four or five strings starts at the second."""
    return 1 if instrument == "bass" and track.tuning is not None and len(track.tuning) < 6 else 0


def _tempos(song: Song, end: int) -> tuple[int, dict[int, int]]:
    """(tempo at the start, tick -> tempo of the changes), all rounded to tens as the grammar has them."""
    changes: dict[int, int] = {}
    first = current = max(10, round(song.tempo_at(0) / 10) * 10)
    for tempo in song.tempos:
        at, qpm = _ticks(song, tempo.tick), max(10, round(tempo.qpm / 10) * 10)
        if 0 < at < end and qpm != current:
            changes[at] = current = qpm
    return first, changes


def hits(song: Song, tracks: Iterable[Track]) -> list[_Placed]:
    """Drum hits; of hits of one key at one time the longest."""
    hits: dict[tuple[int, int], int] = {}
    how: dict[tuple[int, int], tuple[str, ...]] = {}
    for track in tracks:
        struck = stroke_places(track.notes, song.ticks_per_quarter)  # before these the stroke of a flam is a note
        for note in track.notes:
            start, end = _span(song, note)
            hits[start, note.pitch] = max(end, hits.get((start, note.pitch), 0))
            flam = None if (note.start, note.pitch) in struck else note.pitch
            how.setdefault((start, note.pitch), tuple(note_tokens(note.techniques, flam)))
    return [_Placed(at[0], end, f"drums:note:{at[1]}", how[at]) for at, end in sorted(hits.items())]


def fretted(song: Song, instrument: str, tracks: Sequence[Track], downtune: int, name: str) -> list[_Placed]:
    """Notes on strings: those that the song says where they can be had, otherwise the lowest fret of a free string."""
    strings, dropped = (BASS_STRINGS, BASS_DROPPED) if instrument == "bass" else (GUITAR_STRINGS, GUITAR_DROPPED)
    busy = dict.fromkeys(strings, 0)  # string -> the tick at which it is free
    placed: list[_Placed] = []
    wishes = [
        (note.start, note.string is None, -note.pitch, note.end, note.string and note.string + shift, note, track)
        for track in tracks
        for shift in (_first_string(instrument, track),)
        for note in track.notes
    ]
    for _, _, _, _, wish, note, track in sorted(wishes, key=lambda wish: wish[:4]):
        start, end = _span(song, note)
        frets = {number: note.pitch - open_pitch - downtune for number, open_pitch in strings.items()}
        choices = [
            number
            for number, fret in frets.items()
            if busy[number] <= start and (-DROP if number in dropped else 0) <= fret <= MAX_FRET
        ]
        if not choices:
            where = f"track {song.tracks.index(track) + 1} “{track.name}”, bar {song.bar_at(note.start) + 1}"
            problem = f"no string of the {len(strings)} that DadaGP tokens have is free for the pitch {note.pitch}"
            raise SongFileError(name, problem, where, _REMEDY)
        best = wish if wish in choices else min(choices, key=lambda number: (frets[number] < 0, frets[number]))
        busy[best] = end
        nfx, bfx = note_tokens(note.techniques), beat_tokens(note.techniques)
        token = f"{instrument}:note:s{best}:f{frets[best]}"
        placed.append(_Placed(start, end, token, tuple(nfx), tuple(bfx), note.bend))
    return placed


def instrument_events(
    instrument: str, placed: Sequence[_Placed], bars: Sequence[tuple[int, int]], extra: Sequence[int]
) -> dict[int, list[str]]:
    """Tick -> tokens of one instrument; `placed` sorted by start, `extra` are ticks that need an event."""
    events: dict[int, list[str]] = {}
    drums = instrument == "drums"
    sounding: list[_Placed] = []
    at_note = at_extra = 0
    for start, end in bars:
        sounding = [note for note in sounding if note.end > start and not drums]
        while at_note < len(placed) and placed[at_note].start < end:
            sounding.append(placed[at_note])
            at_note += 1
        asked = set()
        while at_extra < len(extra) and extra[at_extra] < end:
            asked.add(extra[at_extra])
            at_extra += 1
        if not sounding and not asked:
            continue  # an instrument that isn't mentioned rests
        ends = {note.end for note in sounding if note.end < end and (not drums or _on_grid(note.end - start))}
        ticks = sorted({start} | {max(start, note.start) for note in sounding} | ends | asked)
        for tick, until in pairwise([*ticks, end]):
            struck = [note.lines(tick, until) for note in sounding if note.start == tick]
            beat = dict.fromkeys(token for note in sounding if note.start == tick for token in note.bfx)
            if drums:
                rests = not any(note.start < tick < note.end for note in sounding)
                tokens = struck or (["drums:rest"] if rests or tick in asked else [])
            else:
                held = [note.lines(tick, until) for note in sounding if note.start < tick < note.end]
                tokens = struck + held + list(beat)[:1] or [f"{instrument}:rest"]
            if tokens:
                events[tick] = tokens
    return events


def _on_grid(ticks: int) -> bool:
    """True for multiples of a 64th or of a triplet 32nd: where the drums of a tab rest, and of a recording do not."""
    return ticks % (TICKS_PER_QUARTER // 16) == 0 or ticks % (TICKS_PER_QUARTER // 12) == 0


def waits(ticks: int) -> list[str]:
    """Tokens for a time, none for none."""
    if ticks in WAITS:
        return [f"wait:{ticks}"]
    tokens = []
    power = _LARGEST_POWER
    while ticks:
        if power <= ticks:
            tokens.append(f"wait:{power}")
            ticks -= power
        else:
            power //= 2
    return tokens


def _ticks(song: Song, tick: int) -> int:
    """A tick of the song in ticks of the text, to the nearest."""
    return (2 * tick * TICKS_PER_QUARTER + song.ticks_per_quarter) // (2 * song.ticks_per_quarter)


def _span(song: Song, note: Note) -> tuple[int, int]:
    start = _ticks(song, note.start)
    return start, max(start + 1, _ticks(song, note.end))
