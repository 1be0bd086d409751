"""What a player can play: notes brought within reach, and an independent check of the same rules.

Bass: one note at a time, in range. Guitar: every chord can be held by one hand (five frets, a string a note), never
more notes at once than strings. Drums: two hands and two feet. `make_playable` changes as little as it can;
`playability_errors` shares none of its code, so that the one tests the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise, permutations

from arranger.fretboard import FRETS, STANDARD, chord_shapes, into_range
from arranger.song import Note
from arranger.voices import VOICE_OF_KEY, VOICES

HANDS = 2
CLOSED_HAT, OPEN_HAT = 42, 46

_PRIORITY = ("snare", "side stick", "crash", "low tom", "mid tom", "high tom", "ride", "open hat", "closed hat")
"""Hand voices, most important first; whatever is not here comes last."""


def make_playable(
    notes: Sequence[Note], part: str, ticks_per_quarter: int, tuning: Sequence[int] | None = None
) -> tuple[tuple[Note, ...], int]:
    """(playable notes, sorted; number of notes that were moved, shortened or dropped).

    Parameters
    ----------
    part : `drums`, `bass` or `guitar`; notes of any other part come back as they are.
    tuning : open strings as they sound (capo included), string 1 first; None for the standard tuning.
    """
    ordered = tuple(sorted(notes))
    if part == "drums":
        done = _playable_drums(ordered, ticks_per_quarter)
    elif part == "bass":
        done = _playable_line(ordered, tuple(tuning or STANDARD["bass"]))
    elif part == "guitar":
        done = _playable_chords(ordered, tuple(tuning or STANDARD["guitar"]))
    else:
        return ordered, 0
    return tuple(sorted(done)), (Counter(ordered) - Counter(done)).total()


def _playable_line(notes: Sequence[Note], tuning: tuple[int, ...]) -> list[Note]:
    line: list[Note] = []
    for start, together in groupby(notes, key=lambda note: note.start):
        lowest = min(together, key=lambda note: (note.pitch, -note.duration))
        if line and line[-1].end > start:
            line[-1] = replace(line[-1], duration=start - line[-1].start)
        line.append(_in_range(lowest, tuning))
    return line


def _playable_chords(notes: Sequence[Note], tuning: tuple[int, ...]) -> list[Note]:
    done: list[Note] = []
    sounding: list[int] = []  # indices into `done`
    for start, together in groupby(notes, key=lambda note: note.start):
        chord = _held(sorted((_in_range(note, tuning) for note in together), key=lambda note: note.pitch), tuning)
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


def _held(chord: list[Note], tuning: tuple[int, ...]) -> list[Note]:
    """As much of a chord (low to high) as one hand holds: doubles go first, then inner notes, then the upper one."""
    kept: list[Note] = []
    for note in chord:
        if kept and kept[-1].pitch == note.pitch:
            kept[-1] = max(kept[-1], note, key=lambda double: double.duration)
        else:
            kept.append(note)
    while not chord_shapes([note.pitch for note in reversed(kept)], tuning):
        inner = range(1, len(kept) - 1)
        drop = min(inner, key=lambda i: kept[i + 1].pitch - kept[i - 1].pitch) if inner else len(kept) - 1
        del kept[drop]
    return kept


def _in_range(note: Note, tuning: tuple[int, ...]) -> Note:
    pitch = into_range(note.pitch, tuning)
    return note if pitch == note.pitch else replace(note, pitch=pitch)


def _playable_drums(notes: Sequence[Note], ticks_per_quarter: int) -> list[Note]:
    done: list[Note] = []
    last: dict[int, int] = {}  # key -> start of its last hit
    for _, together in groupby(notes, key=lambda note: note.start):
        hits: dict[int, Note] = {}
        for note in together:
            before = last.get(note.pitch)
            if before is not None and 12 * (note.start - before) <= ticks_per_quarter:
                continue
            if note.pitch not in hits or note.velocity > hits[note.pitch].velocity:
                hits[note.pitch] = note
        if OPEN_HAT in hits:
            hits.pop(CLOSED_HAT, None)
        for voice in ("kick", "pedal hat"):
            feet = [key for key in hits if VOICES[VOICE_OF_KEY[key]].name == voice]
            for key in feet[:-1]:
                del hits[key]
        hands = sorted((key for key in hits if VOICES[VOICE_OF_KEY[key]].limb == "hand"), key=_importance)
        for key in hands[HANDS:]:
            del hits[key]
        last |= {key: note.start for key, note in hits.items()}
        done += hits.values()
    return done


def _importance(key: int) -> tuple[int, int]:
    name = VOICES[VOICE_OF_KEY[key]].name
    return (_PRIORITY.index(name) if name in _PRIORITY else len(_PRIORITY)), key


def playability_errors(
    notes: Sequence[Note], part: str, ticks_per_quarter: int, tuning: Sequence[int] | None = None
) -> tuple[str, ...]:
    """What a player can't play, a sentence each; empty if all is well. Parameters as for `make_playable`."""
    if part == "drums":
        return tuple(_drum_errors(notes, ticks_per_quarter))
    if part not in STANDARD:
        return ()
    strings = tuple(tuning or STANDARD[part])
    low, high = min(strings), max(strings) + FRETS
    errors = [
        f"Pitch {note.pitch} at tick {note.start} is outside {low}-{high}."
        for note in notes
        if not low <= note.pitch <= high
    ]
    errors += _crowding(notes, 1 if part == "bass" else len(strings))
    chords = defaultdict(list)
    for note in notes:
        chords[note.start].append(note.pitch)
    for tick, pitches in sorted(chords.items()):
        if len(pitches) > 1 and not _can_hold(pitches, strings):
            errors.append(f"The chord {sorted(pitches)} at tick {tick} can't be held by one hand.")
    return tuple(errors)


def _crowding(notes: Sequence[Note], most: int) -> list[str]:
    """Ticks at which more than `most` notes sound, or one pitch twice."""
    errors = []
    events = sorted([(note.end, 0, note.pitch) for note in notes] + [(note.start, 1, note.pitch) for note in notes])
    now: Counter[int] = Counter()
    for tick, kind, pitch in events:
        now[pitch] += 1 if kind else -1
        if kind and now.total() > most:
            errors.append(f"{now.total()} notes sound at tick {tick}, {most} can.")
        if kind and now[pitch] > 1:
            errors.append(f"Pitch {pitch} is struck at tick {tick} while it sounds.")
    return errors


def _can_hold(pitches: Sequence[int], strings: tuple[int, ...]) -> bool:
    """By trying every choice of strings: an open string or a fret within five of all other fretted ones."""
    if len(pitches) > len(strings):
        return False
    for chosen in permutations(strings, len(pitches)):
        frets = [pitch - string for pitch, string in zip(pitches, chosen, strict=True)]
        pressed = [fret for fret in frets if fret]
        if min(frets) >= 0 and max(frets) <= FRETS and (not pressed or max(pressed) - min(pressed) <= 4):
            return True
    return False


def _drum_errors(notes: Sequence[Note], ticks_per_quarter: int) -> list[str]:
    errors = []
    onsets = defaultdict(list)
    for note in notes:
        onsets[note.start].append(note.pitch)
    for tick, keys in sorted(onsets.items()):
        limbs = Counter(VOICES[VOICE_OF_KEY[key]].name for key in keys)
        feet = limbs.pop("kick", 0), limbs.pop("pedal hat", 0)
        if limbs.total() > 2:
            errors.append(f"{limbs.total()} hands are needed at tick {tick}.")
        if max(feet) > 1:
            errors.append(f"One foot plays twice at tick {tick}.")
        if 42 in keys and 46 in keys:
            errors.append(f"The hat is open and closed at tick {tick}.")
    hits = sorted((note.pitch, note.start) for note in notes)
    for (key, start), (other, later) in pairwise(hits):
        if key == other and (later - start) * 12 <= ticks_per_quarter:
            errors.append(f"Key {key} is hit twice within a twelfth of a quarter at tick {later}.")
    return errors
