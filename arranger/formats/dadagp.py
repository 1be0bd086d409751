"""DadaGP v1.1 token text as a `Song`: one token a line, as a language model reads tabs.

The grammar is that of the encoder published with the DadaGP data set (Sarmento et al., “DadaGP: A Dataset of Tokenized
GuitarPro Songs for Sequence Models”, ISMIR 2021; github.com/dada-bots/dadaGP, MIT)::

    song    := artist:X downtune:N tempo:BPM start measure* end
    measure := new_measure measure:...* (event | bfx:... | wait:TICKS)*
    event   := INSTRUMENT:note:sS:fF nfx:...* | drums:note:KEY nfx:...* | INSTRUMENT:rest

960 ticks a quarter. What an instrument plays lasts until its next event in the bar or the end of the bar; `nfx:tie`
lengthens the note before it on that string. Frets are those of a standard tuning, lowered by `downtune` semitones,
without capo; -1 and -2 are the dropped low string. A bass has six string numbers, and one of four strings starts at s2.

There is no time signature in the text: it is inferred from the sum of the waits. Where a bar isn't a whole number of
32nds, the published decoder shortens it; we keep every tick, and the next time signature cuts the bar short.

Bars stand in score order; `Song.order` has their repeats. How notes are played is read as far as a Song has it (see
`dadagp_techniques`); all of it stays in the text when a part is written into it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from arranger.errors import SongFileError
from arranger.formats.dadagp_flow import read_flow
from arranger.formats.dadagp_techniques import (
    BEAT_TECHNIQUES,
    NOTE_TECHNIQUES,
    bend_of,
    grace_fret,
    mark_of_beat,
    mark_of_note,
)
from arranger.formats.playing_marks import Bend, lengthened, marks, with_flams
from arranger.playing import BarFlow, playing_order
from arranger.song import Feel, Note, Song, Source, Tempo, TimeSignature, Track

TICKS_PER_QUARTER = 960
VELOCITY = 95
"""The grammar has no loudness; this is Guitar Pro's default, forte."""

DEAD_NOTE_TICKS = TICKS_PER_QUARTER // 4  # as in Guitar Pro files: a dead note is a click

GUITAR_STRINGS = {1: 64, 2: 59, 3: 55, 4: 50, 5: 45, 6: 40, 7: 35}
BASS_STRINGS = {1: 48, 2: 43, 3: 38, 4: 33, 5: 28, 6: 23}
"""Open-string pitch of each string number, before `downtune`."""

GUITAR_DROPPED, BASS_DROPPED = (6, 7), (5, 6)
"""Strings that may be two semitones lower: frets -1 and -2."""

DROP = 2

INSTRUMENTS = {
    "distorted0": ("Distorted Guitar", 30),
    "distorted1": ("Distorted Guitar 2", 30),
    "distorted2": ("Distorted Guitar 3", 30),
    "clean0": ("Clean Guitar", 27),
    "clean1": ("Clean Guitar 2", 27),
    "bass": ("Bass", 33),
    # Electric piano: program 0 together with a tuning would be taken for a guitar whose program nobody set.
    "leads": ("Leads", 4),
    "pads": ("Pads", 89),
    "drums": ("Drums", 0),
}
"""Instrument -> name and program of its track, in track order."""

MAX_TOKENS = 1_000_000
"""The longest song of the data set has under 100,000."""

MAX_PARAMS = 200  # tokens of one bend; the published encoder writes two a point

MAX_NUMERATOR = 32
_UNIT = TICKS_PER_QUARTER // 8
"""A 32nd: the finest denominator that is inferred."""

_DEFAULT_WAIT = TICKS_PER_QUARTER // 2
_REMEDY = "One token of the DadaGP v1.1 encoder is expected on each line."


@dataclass(slots=True)
class _Struck:
    """A note token: its string (for drums the key) and fret (for drums the key)."""

    string: int
    fret: int
    tied: bool = False
    techniques: set[str] = field(default_factory=set)
    bend: list[str] = field(default_factory=list)  # the tokens of its bend
    grace: int | None = None  # fret or key of its grace note

    def marks(self, of_beat: set[str], drums: bool) -> tuple[tuple[str, ...], Bend]:
        """(marks, bend) as a Song has them, with those of its beat."""
        bend = bend_of(self.bend)
        flam = drums and self.grace == self.fret
        return marks([*self.techniques, *of_beat, *["bend"] * bool(bend), *["flam"] * flam]), bend


@dataclass(slots=True)
class _Beat:
    """What one instrument does at one place; nothing struck is a rest."""

    at: int
    bar: int
    techniques: set[str] = field(default_factory=set)
    struck: list[_Struck] = field(default_factory=list)


@dataclass(slots=True)
class _Score:
    """The body of the text in time order; `bars` has the first tick of each bar and the end of the last."""

    bars: list[int] = field(default_factory=list)
    beats: dict[str, list[_Beat]] = field(default_factory=dict)
    tempos: dict[int, float] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    flows: list[tuple[BarFlow, str]] = field(default_factory=list)
    ended: bool = False


def looks_like_tokens(data: bytes) -> bool:
    """True for a text whose first lines are a DadaGP header, or the rest of one."""
    lines = [line.strip() for line in data[:2000].lstrip(b"\xef\xbb\xbf").split(b"\n") if line.strip()][:4]
    heads = (b"artist:", b"downtune:", b"tempo:", b"start")
    return sum(any(line.startswith(head) for line in lines) for head in heads) >= 2


def read_token_file(data: bytes, name: str) -> Song:
    """The song in the bytes of a token file; UTF-8, or Latin-1 for an artist that isn't. Errors as in `read_tokens`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return replace(read_tokens(text, name), source=Source("txt", data, name))


def read_tokens(text: str, name: str) -> Song:
    """The song in a DadaGP token text.

    Parameters
    ----------
    text : the whole file, one token a line; empty lines are skipped.
    name : the file's name, for messages.

    Raises
    ------
    SongFileError
        naming the token's number (from 1), if a token isn't in the grammar or stands where it can't; if the text is too
        long or has no notes. Techniques (`nfx`, `bfx`) that the grammar doesn't have are left out with a warning.
    """
    tokens = [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if len(tokens) > MAX_TOKENS:
        raise SongFileError(name, f"it has {len(tokens)} tokens, more than {MAX_TOKENS}", None, "Split the song.")
    downtune, tempo = _header(tokens, name)
    score = _read_body(tokens, name)
    tracks: list[Track] = []
    for instrument, beats in sorted(score.beats.items(), key=lambda item: list(INSTRUMENTS).index(item[0])):
        if any(beat.struck for beat in beats):
            tracks.append(_track(instrument, beats, score.bars, downtune, len(tracks)))
    if not tracks:
        raise SongFileError(name, "it has no notes", None, "Choose a text in which at least one instrument plays.")
    tempos: list[Tempo] = []
    for tick, qpm in sorted(({0: tempo} | score.tempos).items()):
        if not tempos or tempos[-1].qpm != qpm:
            tempos.append(Tempo(tick, qpm))
    return Song(
        ticks_per_quarter=TICKS_PER_QUARTER,
        tracks=tuple(tracks),
        tempos=tuple(tempos),
        time_signatures=_time_signatures(score.bars),
        feels=_feels(score),
        order=playing_order([flow for flow, _ in score.flows]),
        length=score.bars[-1],
        source=Source("txt", text.encode(), name),
        warnings=_warnings(score),
    )


def metre_of(ticks: int) -> tuple[int, int] | None:
    """Simplest time signature of a bar that is `ticks` long, or of the next longer one; None if none is long enough.

    The denominator is at least 4, as in the published decoder: a bar of 6/8 comes back as 3/4.
    """
    signature = Fraction(-(-ticks // _UNIT), 32)
    numerator, denominator = signature.numerator, signature.denominator
    while denominator < 4:
        numerator, denominator = 2 * numerator, 2 * denominator
    while numerator > MAX_NUMERATOR and denominator > 1:
        numerator, denominator = -(-numerator // 2), denominator // 2
    return (numerator, denominator) if numerator <= MAX_NUMERATOR else None


def _header(tokens: list[str], name: str) -> tuple[int, float]:
    """(downtune, tempo) from the first four tokens; the first is the artist, whatever it says."""
    if len(tokens) < 4:
        raise SongFileError(name, f"it has {len(tokens)} tokens", None, _REMEDY)
    downtune = re.fullmatch(r"downtune:(-?[0-9]{1,2})", tokens[1])
    tempo = re.fullmatch(r"tempo:([1-9][0-9]{0,3})", tokens[2])
    if not downtune or not tempo or tokens[3] != "start":
        number, wanted = (2, "downtune:N") if not downtune else (3, "tempo:N") if not tempo else (4, "start")
        raise SongFileError(name, f"“{tokens[number - 1][:40]}” stands for {wanted}", f"token {number}", _REMEDY)
    return int(downtune[1]), float(tempo[1])


def _read_body(tokens: list[str], name: str) -> _Score:
    score = _Score()
    clock, start, wait, last = 0, -1, _DEFAULT_WAIT, -1  # last: the tick of the newest event
    note: _Struck | None = None
    beat: _Beat | None = None  # what a bfx token speaks of
    bent: _Struck | None = None  # what a param token speaks of
    signs: list[str] = []

    def close_bar(number: int) -> int:
        # Events without a wait behind them still sound; the published decoder repeats the last distance too.
        end = clock + wait if last == clock and last >= start else clock
        if metre_of(end - start) is None:
            problem = f"the bar before it has {(end - start) // TICKS_PER_QUARTER} quarters"
            raise SongFileError(name, problem, f"token {number}", _REMEDY)
        if end > start:
            score.bars.append(start)
            score.flows.append(read_flow(signs))
        return end

    for number, token in enumerate(tokens[4:], 5):
        head, _, tail = token.partition(":")
        if token in ("new_measure", "end"):
            clock = close_bar(number) if start >= 0 else clock
            start, last, note, beat = clock, -1, None, None
            signs.clear()
            if token == "end":
                score.ended = True
                break
        elif start < 0:
            raise SongFileError(name, f"“{token[:40]}” stands before the first new_measure", f"token {number}", _REMEDY)
        elif head == "wait" and re.fullmatch(r"[0-9]{1,7}", tail):
            clock, wait, note, beat = clock + int(tail), int(tail) or wait, None, None
        elif head in INSTRUMENTS:
            note = _event(head, tail)
            if note is None and tail != "rest":
                raise SongFileError(name, f"“{token[:40]}” is no note of this instrument", f"token {number}", _REMEDY)
            beat = _strike(score, head, clock, note)
            last = clock
        elif head == "nfx":
            bent = _technique(score, note, tail)
        elif head == "bfx":
            tempo = re.fullmatch(r"tempo_change:([1-9][0-9]{0,3})", tail)
            bent = None
            if tempo:
                score.tempos[clock] = float(tempo[1])
            elif beat is not None and (mark := mark_of_beat(tail)):
                beat.techniques.add(mark)
            elif not BEAT_TECHNIQUES.fullmatch(tail.partition(":")[0]):
                score.ignored[f"bfx:{tail.partition(':')[0][:30]}"] += 1
        elif head == "measure":
            signs.append(tail)
        elif head == "param":
            if bent is not None and len(bent.bend) < MAX_PARAMS:
                bent.bend.append(tail)
        else:
            raise SongFileError(name, f"“{token[:40]}” is no token of the grammar", f"token {number}", _REMEDY)
    if not score.ended and start >= 0:
        clock = close_bar(len(tokens))
    score.bars.append(clock)
    return score


def _event(instrument: str, tail: str) -> _Struck | None:
    """The note that an instrument's token says, None for what is no note."""
    if instrument == "drums":
        key = re.fullmatch(r"note:([0-9]{1,3})", tail)
        return _Struck(int(key[1]), int(key[1])) if key and int(key[1]) < 128 else None
    found = re.fullmatch(r"note:s([1-7]):f(-?[0-9]{1,3})", tail)
    if not found:
        return None
    strings, dropped = _strings(instrument)
    string, fret = int(found[1]), int(found[2])
    fits = string in strings and fret >= (-DROP if string in dropped else 0)
    return _Struck(string, fret) if fits else None


def _strings(instrument: str) -> tuple[dict[int, int], tuple[int, ...]]:
    return (BASS_STRINGS, BASS_DROPPED) if instrument == "bass" else (GUITAR_STRINGS, GUITAR_DROPPED)


def _strike(score: _Score, instrument: str, clock: int, note: _Struck | None) -> _Beat:
    """Put a note, or a rest, into the beat of its instrument, which is returned."""
    beats = score.beats.setdefault(instrument, [])
    if not beats or beats[-1].at != clock:
        beats.append(_Beat(clock, len(score.bars)))
    if note is not None and any(other.string == note.string for other in beats[-1].struck):
        score.ignored["a second note on a string"] += 1
    elif note is not None:
        beats[-1].struck.append(note)
    return beats[-1]


def _technique(score: _Score, note: _Struck | None, tail: str) -> _Struck | None:
    """Put a technique to its note; returns the note if the tokens behind have more of a bend to say."""
    kind = tail.partition(":")[0]
    if note is None or not NOTE_TECHNIQUES.fullmatch(kind):
        score.ignored[f"nfx:{kind[:30]}"] += 1
        return None
    note.tied |= kind == "tie"
    if mark := mark_of_note(tail):
        note.techniques.add(mark)
    if (grace := grace_fret(tail)) is not None:
        note.grace = grace
    if kind != "bend":
        return None
    note.bend = [tail]
    return note


def _track(instrument: str, beats: list[_Beat], bars: list[int], downtune: int, index: int) -> Track:
    drums = instrument == "drums"
    name, program = INSTRUMENTS[instrument]
    tuning, first, dropped = ((), 1, ()) if drums else _tuning(instrument, beats, downtune)
    notes: list[Note] = []
    held: dict[int, int] = {}  # string -> index in `notes`
    dead: set[int] = set()
    unbroken, until = 0, -1  # the instrument has sounded without a break from `unbroken` to `until`
    for beat, after in zip(beats, [*beats[1:], None], strict=True):
        end = after.at if after is not None and after.bar == beat.bar else bars[beat.bar + 1]
        if beat.at != until:
            unbroken = beat.at
        for struck in beat.struck:
            names, bend = struck.marks(beat.techniques, drums)
            at = held.get(struck.string) if struck.tied else None
            # The encoder merges a track's voices, so the other voice's events may stand between a note and its tie.
            if at is not None and (notes[at].end == beat.at or (notes[at].start >= unbroken and at not in dead)):
                notes[at] = lengthened(notes[at], end, names, bend)
                continue
            held[struck.string] = len(notes)
            string = struck.string - first + 1
            fret = struck.fret + (DROP if struck.string in dropped else 0)
            pitch = struck.fret if drums else tuning[string - 1] + fret
            length = end - beat.at
            if "dead" in names and not drums:
                dead.add(len(notes))
                length = min(length, DEAD_NOTE_TICKS)
            note = Note(beat.at, length, min(127, max(0, pitch)), VELOCITY, string, fret, names, bend)
            notes.append(replace(note, string=None, fret=None) if drums else note)
        until = end
        if not beat.struck:
            unbroken = end
    notes = list(with_flams(notes, TICKS_PER_QUARTER)) if drums else notes
    channel = 9 if drums else index  # the drums are the last track, so no other gets as far as 9
    return Track(name, program, drums, tuple(sorted(notes)), channel, tuning or None, source_id=(index,))


def _tuning(instrument: str, beats: list[_Beat], downtune: int) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """(open-string pitches, number of the first string, dropped strings), the fewest strings that the notes need."""
    strings, dropped = _strings(instrument)
    used = {struck.string for beat in beats for struck in beat.struck}
    if instrument == "bass":
        first, last = (1, 6) if 1 in used else (2, 6 if 6 in used else 5)
    else:
        first, last = 1, 7 if 7 in used else 6
    if all(struck.fret >= 0 for beat in beats for struck in beat.struck):
        dropped = ()
    tuning = tuple(strings[number] + downtune - (DROP if number in dropped else 0) for number in range(first, last + 1))
    return tuning, first, dropped


def _time_signatures(bars: list[int]) -> tuple[TimeSignature, ...]:
    signatures: list[TimeSignature] = []
    metre, full = None, True
    for start, end in pairwise(bars):
        inferred = metre_of(end - start)
        assert inferred is not None
        if inferred != metre or not full:  # after a bar that is cut short the next one has to say where it begins
            signatures.append(TimeSignature(start, *inferred))
        metre = inferred
        full = (end - start) * metre[1] == 4 * TICKS_PER_QUARTER * metre[0]
    return tuple(signatures)


def _feels(score: _Score) -> tuple[Feel, ...]:
    feels = []
    before = "straight"
    for start, (_, kind) in zip(score.bars, score.flows, strict=False):
        if kind != before:
            feels.append(Feel(start, kind))
        before = kind
    return tuple(feels)


def _warnings(score: _Score) -> tuple[str, ...]:
    warnings = []
    if score.ignored:
        listing = ", ".join(f"{count} x {what}" for what, count in score.ignored.most_common(8))
        more = f" and {len(score.ignored) - 8} kinds more" if len(score.ignored) > 8 else ""
        warnings.append(f"Left out, unknown or out of place: {listing}{more}.")
    if not score.ended:
        warnings.append("The text has no end token; it may be cut off.")
    return tuple(warnings)
