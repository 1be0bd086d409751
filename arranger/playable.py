"""What a player can play: notes brought within reach, changed as little as possible.

Bass: one note at a time, in range. Guitar: every chord can be held by one hand, never more notes at once than strings.
Drums: two hands and two feet, at a human speed. The rules are those of `playable_check`, which says what they rest on
and which shares no code with this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from arranger.clock import clock_of
from arranger.fretboard import chord_shapes, holdable, into_range
from arranger.playable_check import FLAM_SECONDS, FOOT_SECONDS, HAND_SECONDS, errors, playability_errors
from arranger.song import Note, Tempo
from arranger.tunings import FRETS, STANDARD
from arranger.voices import VOICE_OF_KEY, VOICES

__all__ = ["errors", "let_go", "make_playable", "playability_errors"]

_ROUNDING = 1e-6
"""Seconds that a tempo map's sums may be off."""

_PRIORITY = ("snare", "side stick", "crash", "low tom", "mid tom", "high tom", "ride", "open hat", "closed hat")
"""Hand voices, most important first; whatever is not here comes last."""


def make_playable(
    notes: Sequence[Note],
    part: str,
    ticks_per_quarter: int,
    tuning: Sequence[int] | None = None,
    *,
    frets: int = FRETS,
    tempos: Sequence[Tempo] = (),
) -> tuple[tuple[Note, ...], int]:
    """(playable notes, sorted; number of notes that were moved, shortened or dropped).

    Parameters
    ----------
    part : `drums`, `bass` or `guitar`; notes of any other part come back as they are.
    tuning : open strings as they sound (capo included), string 1 first; None for the standard tuning.
    frets : frets above the nut or the capo.
    tempos : tempo map of the song; 120 quarters a minute without one. Only drums depend on it.
    """
    ordered = tuple(sorted(notes))
    if part == "drums":
        done = list(_playable_drums(ordered, clock_of(tempos, ticks_per_quarter)))
    elif part == "bass":
        done = _playable_line(ordered, tuple(tuning or STANDARD["bass"]), frets)
    elif part == "guitar":
        done = _playable_chords(ordered, tuple(tuning or STANDARD["guitar"]), frets)
    else:
        return ordered, 0
    return tuple(sorted(done)), (Counter(ordered) - Counter(done)).total()


def let_go(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Notes with strings and frets, cut where the hand leaves them: their string is played again, or the hand that
    holds them can't hold what is played next. Open strings ring on."""
    done: list[Note] = []
    sounding: list[int] = []  # indices into `done`, oldest first
    for start, together in groupby(sorted(notes), key=lambda note: note.start):
        chord = list(together)
        taken = {note.string for note in chord}
        kept = [index for index in sounding if done[index].end > start]
        gone = [index for index in kept if done[index].string in taken]
        kept = [index for index in kept if index not in gone]
        while kept and not holdable([_place(done[index]) for index in kept] + [_place(note) for note in chord]):
            gone.append(kept.pop(next(at for at, index in enumerate(kept) if done[index].fret)))
        for index in gone:
            done[index] = replace(done[index], duration=start - done[index].start)
        sounding = [*kept, *range(len(done), len(done) + len(chord))]
        done += chord
    return tuple(sorted(done))


def _place(note: Note) -> tuple[int, int]:
    assert note.string is not None
    assert note.fret is not None
    return note.string, note.fret


def _playable_line(notes: Sequence[Note], tuning: tuple[int, ...], frets: int) -> list[Note]:
    line: list[Note] = []
    for start, together in groupby(notes, key=lambda note: note.start):
        lowest = min(together, key=lambda note: (note.pitch, -note.duration))
        if line and line[-1].end > start:
            line[-1] = replace(line[-1], duration=start - line[-1].start)
        line.append(_in_range(lowest, tuning, frets))
    return line


def _playable_chords(notes: Sequence[Note], tuning: tuple[int, ...], frets: int) -> list[Note]:
    done: list[Note] = []
    sounding: list[int] = []  # indices into `done`
    for start, together in groupby(notes, key=lambda note: note.start):
        reachable = sorted((_in_range(note, tuning, frets) for note in together), key=lambda note: note.pitch)
        chord = _held(reachable, tuning, frets)
        sounding = [index for index in sounding if done[index].end > start]
        pitches = {note.pitch for note in chord}
        # A string plays one note: what is struck again stops, and then the oldest, until there are strings enough.
        again = [index for index in sounding if done[index].pitch in pitches]
        rest = [index for index in sounding if index not in again]
        too_many = max(0, len(rest) + len(chord) - len(tuning))
        for index in again + rest[:too_many]:
            done[index] = replace(done[index], duration=start - done[index].start)
        sounding = [*rest[too_many:], *range(len(done), len(done) + len(chord))]
        done += chord
    return done


def _held(chord: list[Note], tuning: tuple[int, ...], frets: int) -> list[Note]:
    """As much of a chord (low to high) as one hand holds: doubles go first, then inner notes, then the upper one."""
    if chord_shapes([note.pitch for note in reversed(chord)], tuning, frets):
        return chord
    kept: list[Note] = []
    for note in chord:
        if kept and kept[-1].pitch == note.pitch:
            kept[-1] = max(kept[-1], note, key=lambda double: double.duration)
        else:
            kept.append(note)
    while not chord_shapes([note.pitch for note in reversed(kept)], tuning, frets):
        inner = range(1, len(kept) - 1)
        drop = min(inner, key=lambda i: kept[i + 1].pitch - kept[i - 1].pitch) if inner else len(kept) - 1
        del kept[drop]
    return kept


def _in_range(note: Note, tuning: tuple[int, ...], frets: int) -> Note:
    pitch = into_range(note.pitch, tuning, frets)
    return note if pitch == note.pitch else replace(note, pitch=pitch)


def _playable_drums(notes: Sequence[Note], seconds: Callable[[int], float]) -> Iterator[Note]:
    single = _without_doubles(notes, seconds)
    limbs: dict[str, tuple[float, list[Note]]] = {"hand": (HAND_SECONDS, []), "foot": (FOOT_SECONDS, [])}
    for note in single:
        limbs[VOICES[VOICE_OF_KEY[note.pitch]].limb][1].append(note)
    for gap, hits in limbs.values():
        yield from _within_speed(hits, gap, seconds)


def _without_doubles(notes: Sequence[Note], seconds: Callable[[int], float]) -> list[Note]:
    """One hit a key and a pedal, a hat that is open or closed, and no flams; of two at once the louder stays."""
    done: list[Note] = []
    last: dict[int, float] = {}  # key -> seconds of its last hit
    for start, together in groupby(notes, key=lambda note: note.start):
        now = seconds(start)
        hits: dict[int, Note] = {}
        for note in together:
            if note.pitch in last and now - last[note.pitch] < FLAM_SECONDS - _ROUNDING:
                continue
            if note.pitch not in hits or note.velocity > hits[note.pitch].velocity:
                hits[note.pitch] = note
        names = {key: VOICES[VOICE_OF_KEY[key]].name for key in hits}
        if "open hat" in names.values():
            hits = {key: note for key, note in hits.items() if names[key] != "closed hat"}
        for voice in ("kick", "pedal hat"):
            for key in [key for key in hits if names[key] == voice][:-1]:
                del hits[key]
        last |= dict.fromkeys(hits, now)
        done += hits.values()
    return done


def _within_speed(hits: Sequence[Note], gap: float, seconds: Callable[[int], float]) -> list[Note]:
    """Hits that two limbs can play, each at most every `gap` seconds; of too many, the most important ones stay."""
    done: list[Note] = []
    for note in sorted(hits, key=lambda note: (note.start, _importance(note.pitch))):
        now = seconds(note.start)
        busy = [at for at in range(max(0, len(done) - 2), len(done)) if now - seconds(done[at].start) < gap - _ROUNDING]
        if len(busy) < 2:
            done.append(note)
            continue
        least = max(busy, key=lambda at: (_importance(done[at].pitch), at))
        # Whichever of the two goes, the limbs are as free as before: the hit before them is far enough from both.
        if _importance(note.pitch)[0] < _importance(done[least].pitch)[0]:
            del done[least]
            done.append(note)
    return done


def _importance(key: int) -> tuple[int, int]:
    name = VOICES[VOICE_OF_KEY[key]].name
    return (_PRIORITY.index(name) if name in _PRIORITY else len(_PRIORITY)), key
