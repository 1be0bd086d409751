"""What a player can't play: an independent check of a part, a record for every trouble.

The rules, and what they rest on:

- Range: some string has the pitch, within 24 frets.
- Bass: one note at a time. Guitar: a string a note; every chord can be held by one hand: five frets from the lowest to
  the highest pressed string (six above the seventh fret), four fingers, one finger over several strings as a barre.
- Notes that carry string and fret are held to them; without, any way to hold them will do.
- Drums: two hands, each at most every 60 ms; two feet, each at most every 120 ms; a hat is open or closed. In the
  recordings of the Groove data set (Gillick et al. 2019; every tenth beat in 4/4) 1.3 % of the strokes are faster with
  the hands, flams and rolls, and 0.5 % with the feet.
- In a written part no key is hit twice within 45 ms: that is a flam, one written note.

Nothing here is shared with `playable` or `fretboard`, which make parts playable, so that the one tests the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from arranger.clock import clock_of
from arranger.song import Note, Tempo
from arranger.tunings import FRETS, STANDARD
from arranger.voices import VOICE_OF_KEY, VOICES

HAND_SECONDS = 0.06
FOOT_SECONDS = 0.12
FLAM_SECONDS = 0.045

CLOSED_HAT, OPEN_HAT = 42, 46


@dataclass(frozen=True, slots=True)
class Unplayable:
    """One thing that can't be played.

    Parameters
    ----------
    kind : `range`, `overlap`, `strings`, `chord`, `string`, `fret`, `hands`, `feet`, `hat` or `flam`.
    tick : where. text : what, as a sentence.
    """

    kind: str
    tick: int
    text: str

    def __str__(self) -> str:
        return self.text


def errors(
    notes: Sequence[Note],
    part: str,
    ticks_per_quarter: int,
    tuning: Sequence[int] | None = None,
    *,
    frets: int = FRETS,
    tempos: Sequence[Tempo] = (),
    slack: float = 0.0,
) -> tuple[Unplayable, ...]:
    """All that can't be played, by tick; empty if all is well.

    Parameters
    ----------
    part : `drums`, `bass` or `guitar`; nothing is known of other parts, so they have no errors.
    tuning : open strings as they sound (capo included), string 1 first; None for the standard tuning.
    frets : frets above the nut or the capo.
    tempos : tempo map of the song; 120 quarters a minute without one. Only drums depend on it.
    slack : seconds for which notes may overlap. 0 for a written part; a recorded one has fingers that leave late, and
        flams, which are not counted if there is slack.
    """
    seconds = clock_of(tempos, ticks_per_quarter)
    if part == "drums":
        found = [*_drum_errors(notes, seconds, slack)]
    elif part in STANDARD:
        strings = tuple(tuning or STANDARD[part])
        found = [*_range_errors(notes, strings, frets), *_overlap_errors(notes, part, strings, seconds, slack)]
        if all(note.string is not None and note.fret is not None for note in notes):
            found += _tab_errors(notes, strings, frets, seconds, slack)
        else:
            found += _chord_errors(notes, strings, frets)
    else:
        return ()
    return tuple(sorted(found, key=lambda error: (error.tick, error.kind)))


def playability_errors(
    notes: Sequence[Note], part: str, ticks_per_quarter: int, tuning: Sequence[int] | None = None
) -> tuple[str, ...]:
    """The sentences of `errors`."""
    return tuple(error.text for error in errors(notes, part, ticks_per_quarter, tuning))


def _range_errors(notes: Sequence[Note], strings: tuple[int, ...], frets: int) -> Iterator[Unplayable]:
    low, high = min(strings), max(strings) + frets
    for note in notes:
        if not low <= note.pitch <= high:
            yield Unplayable("range", note.start, f"Pitch {note.pitch} at tick {note.start} is outside {low}-{high}.")


def _overlap_errors(
    notes: Sequence[Note], part: str, strings: tuple[int, ...], seconds: Callable[[int], float], slack: float
) -> Iterator[Unplayable]:
    """Onsets at which more notes sound than can, or at which a pitch still sounds that is struck again."""
    most = 1 if part == "bass" else len(strings)
    sounding: list[Note] = []
    for note in sorted(notes):
        sounding = [old for old in sounding if old.end > note.start]
        held = [old for old in sounding if old.start == note.start or seconds(old.end) - seconds(note.start) > slack]
        if len(held) + 1 > most:
            kind = "overlap" if part == "bass" else "strings"
            yield Unplayable(kind, note.start, f"{len(held) + 1} notes sound at tick {note.start}, {most} can.")
        if any(old.pitch == note.pitch and old.start < note.start for old in held):
            text = f"Pitch {note.pitch} is struck at tick {note.start} while it sounds."
            yield Unplayable("overlap", note.start, text)
        sounding.append(note)


def _chord_errors(notes: Sequence[Note], strings: tuple[int, ...], frets: int) -> Iterator[Unplayable]:
    chords: dict[int, list[int]] = defaultdict(list)
    for note in notes:
        chords[note.start].append(note.pitch)
    known: dict[tuple[int, ...], bool] = {}
    for tick, pitches in chords.items():
        chord = tuple(sorted(pitches))
        if len(chord) > 1 and chord not in known:
            known[chord] = _can_hold(chord, strings, frets)
        if len(chord) > 1 and not known[chord]:
            yield Unplayable("chord", tick, f"The chord {list(chord)} at tick {tick} can't be held by one hand.")


def _can_hold(pitches: Sequence[int], strings: tuple[int, ...], frets: int) -> bool:
    """By trying every choice of strings."""
    if len(pitches) > len(strings):
        return False
    return any(
        _reachable([(place, pitch - strings[place]) for pitch, place in zip(pitches, chosen, strict=True)], frets)
        for chosen in permutations(range(len(strings)), len(pitches))
    )


def _reachable(held: Sequence[tuple[int, int]], frets: int) -> bool:
    """True if one hand holds these (string, fret): in reach, and with four fingers."""
    pressed = [fret for _, fret in held if fret]
    if any(not 0 <= fret <= frets for _, fret in held):
        return False
    if not pressed:
        return True
    reach = 5 if min(pressed) > 7 else 4
    if max(pressed) - min(pressed) > reach:
        return False
    # Notes of one fret need a finger each, but for neighbours with nothing lower between them.
    used = 0
    for fret in set(pressed):
        used += 1
        places = sorted(string for string, other in held if other == fret)
        for left, right in pairwise(places):
            used += any(left < string < right and other < fret for string, other in held)
    return used <= 4


def _tab_errors(
    notes: Sequence[Note], strings: tuple[int, ...], frets: int, seconds: Callable[[int], float], slack: float
) -> Iterator[Unplayable]:
    """Frets that don't sound the pitch, two notes on a string, and hands that can't hold all that sounds."""
    sounding: list[Note] = []
    onset = None
    for note in [*sorted(notes), None]:
        if onset is not None and (note is None or note.start > onset):
            held = [(old.string or 0, old.fret or 0) for old in sounding]
            if len({string for string, _ in held}) < len(held):
                yield Unplayable("string", onset, f"A string has two notes at tick {onset}.")
            elif not _reachable(held, frets):
                places = ", ".join(f"{string}:{fret}" for string, fret in sorted(held))
                yield Unplayable("chord", onset, f"One hand can't hold {places} at tick {onset}.")
        if note is None:
            return
        string, fret = note.string or 0, note.fret or 0
        if not 1 <= string <= len(strings) or strings[string - 1] + fret != note.pitch or not 0 <= fret <= frets:
            text = f"Fret {fret} of string {string} is not pitch {note.pitch} at tick {note.start}."
            yield Unplayable("fret", note.start, text)
        sounding = [
            old
            for old in sounding
            if old.start == note.start or (old.end > note.start and seconds(old.end) - seconds(note.start) > slack)
        ]
        sounding.append(note)
        onset = note.start


def _drum_errors(notes: Sequence[Note], seconds: Callable[[int], float], slack: float) -> Iterator[Unplayable]:
    hits = sorted((note.start, note.pitch) for note in notes)
    for limb, gap in (("hand", HAND_SECONDS), ("foot", FOOT_SECONDS)):
        ticks = [tick for tick, key in hits if VOICES[VOICE_OF_KEY[key]].limb == limb]
        for first, third in zip(ticks, ticks[2:], strict=False):
            if seconds(third) - seconds(first) < gap - 1e-6:
                kind = "hands" if limb == "hand" else "feet"
                text = f"Two {kind} strike three times within {round(1000 * gap)} ms at tick {third}."
                yield Unplayable(kind, third, text)
    at_once: dict[int, Counter[str]] = defaultdict(Counter)
    for tick, key in hits:
        at_once[tick][VOICES[VOICE_OF_KEY[key]].name] += 1
    for tick, names in at_once.items():
        if max(names["kick"], names["pedal hat"]) > 1:
            yield Unplayable("feet", tick, f"One pedal is struck twice at tick {tick}.")
        if names["open hat"] and names["closed hat"]:
            yield Unplayable("hat", tick, f"The hat is open and closed at tick {tick}.")
    if slack:
        return
    last: dict[int, int] = {}
    for tick, key in hits:
        if key in last and seconds(tick) - seconds(last[key]) < FLAM_SECONDS - 1e-6:
            text = f"Key {key} is hit twice within {round(1000 * FLAM_SECONDS)} ms at tick {tick}."
            yield Unplayable("flam", tick, text)
        last[key] = tick
