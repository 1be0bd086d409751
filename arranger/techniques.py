"""How a fill is played: palm mutes, let ring, hammer-ons, slides, dead notes; ghost strokes, accents and flams.

Marks come from three sources. What was asked for (a chugged or an arpeggiated guitar) is marked wherever it is played.
What the song's other tabs do in the same bars - mute, let ring - the fill does where it plays the like. All else is
sprinkled: of the places where a hand could do it, so many as people mark, and a lick that comes again is played alike.

`RATES` are counts over the eight songs among the Guitar Pro files of the test data (25,800 notes; fixtures of single
effects left out): how often people mark the situation, in all songs together. A song's rate is seldom the mean, so they
are ceilings here: of n places no more than rate x n, rounded up or down by chance, are marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from zlib import crc32

from arranger.formats.playing_marks import marks
from arranger.parts import Role
from arranger.song import Note, Song
from arranger.voices import VOICE_OF_KEY, VOICES

RATES: Mapping[tuple[str, str], float] = {
    ("guitar", "hammer"): 226 / 1810,  # single notes up to an eighth, one to four frets from the next on the string
    ("guitar", "slide"): 101 / 2384,  # single notes followed at once by another fret of the string
    ("guitar", "vibrato"): 209 / 1038,  # single notes longer than an eighth
    ("guitar", "dead"): 718 / 15873,
    ("bass", "hammer"): 14 / 288,
    ("bass", "slide"): 4 / 441,
    ("bass", "dead"): 163 / 3038,
    ("drums", "flam"): 2 / 1034,  # of snare strokes
}
"""(part, technique) -> share of the places where it can be played at which people mark it."""

REACH = 4
"""Frets that a hand covers without moving."""
LONGEST_SLIDE = 12
FASTEST_PLUCKED = 0.3
"""Seconds: slower steps are plucked one by one."""
LOW, LARGEST_CHUG = 52, 3
"""Highest root of a chug, on the three low strings, and how many notes a power chord has at most."""
SOFT_SNARE = 45
"""Velocity below which a snare stroke beside the backbeats is a ghost note."""
LOUD_CRASH, LOUD_SNARE = 112, 80
ENOUGH = 500
"""Notes on strings from which on it means something that a song's tabs never use a technique: then it is halved."""
PHRASE = 4
"""Bars after which a lick that comes in every bar may be varied."""


@dataclass(frozen=True, slots=True)
class _Fill:
    """The notes to be marked with what their song says of their places; `heads` are bars in which sections begin."""

    notes: tuple[Note, ...]
    song: Song
    part: str
    seed: int
    heads: frozenset[int]

    def bar_and_place(self, note: Note) -> tuple[int, int]:
        """(bar, ticks from its start)."""
        bar = self.song.bar_at(note.start)
        return bar, note.start - self.song.bars[bar].start

    @property
    def quarter(self) -> int:
        return self.song.ticks_per_quarter

    def chance(self, *what: object) -> float:
        """A number in [0, 1) that is always the same for the same thing."""
        return crc32(repr((self.seed, self.part, *what)).encode()) / 2**32


def with_techniques(
    notes: Sequence[Note],
    part: str,
    song: Song,
    roles: Sequence[Role],
    style: str | None = None,
    *,
    seed: int = 0,
    section_starts: Iterable[int] = (),
) -> tuple[Note, ...]:
    """The notes with the techniques that go with them; nothing else of them changes.

    Parameters
    ----------
    notes : of the fill, in the song's ticks; pitched ones with string and fret, without which no hammer-ons or slides
        come about. Notes that have techniques already keep just those.
    part : `drums`, `bass` or `guitar`. style : one of `controls.STYLES` of the part.
    song, roles : what is there already.
    seed : the same seed gives the same techniques.
    section_starts : bars in which sections begin; without any, those of the song's markers.
    """
    heads = frozenset(section_starts) or frozenset(song.bar_at(marker.tick) for marker in song.markers)
    fill = _Fill(tuple(sorted(notes)), song, part, seed, heads)
    found: dict[int, set[str]] = {at: set() for at in range(len(fill.notes))}
    if part == "drums":
        _drums(fill, found)
    else:
        _strings(fill, found, roles, style)
    return tuple(
        note if note.techniques else replace(note, techniques=marks(found[at])) for at, note in enumerate(fill.notes)
    )


# --- drums


def _drums(fill: _Fill, found: dict[int, set[str]]) -> None:
    flams: dict[int, int] = {}  # bar -> its last snare stroke
    snares = 0
    for at, note in enumerate(fill.notes):
        voice = VOICES[VOICE_OF_KEY[note.pitch]].name
        bar, place = fill.bar_and_place(note)
        if voice == "snare":
            snares += 1
            if note.velocity < SOFT_SNARE and place % fill.quarter:
                found[at].add("ghost")
            elif place and bar + 1 in fill.heads and note.velocity >= LOUD_SNARE:
                flams[bar] = at
        elif voice == "crash" and not place and bar in fill.heads and note.velocity >= LOUD_CRASH:
            found[at].add("accent")
    places = [(at, bar, ("flam", bar), 0) for bar, at in flams.items()]
    most = _share(fill, "flam", snares)
    for at in _chosen(fill, "flam", places, most):
        found[at].add("flam")


# --- strings

_Place = tuple[int, int, object, int]
"""(index of the note, its bar, what is alike where the same is played again, rank: lower ones come first)."""


def _strings(fill: _Fill, found: dict[int, set[str]], roles: Sequence[Role], style: str | None) -> None:
    others = [fill.song.tracks[role.track] for role in roles if role.role == fill.part]
    played = [note for track in others for note in track.notes if note.fret is not None]
    together: Counter[int] = Counter(note.start for note in fill.notes)
    bars = {at: fill.bar_and_place(note)[0] for at, note in enumerate(fill.notes)}
    muted = _bars_with(fill.song, played, "palm mute", lambda note: note.pitch <= LOW)
    ringing = _bars_with(fill.song, played, "let ring", lambda note: True)
    broken = _broken(fill.notes, together, fill.quarter)
    roots: dict[int, int] = {}  # the lowest note of each chord
    for note in fill.notes:
        roots[note.start] = min(note.pitch, roots.get(note.start, note.pitch))
    for at, note in enumerate(fill.notes):
        chug = 2 * note.duration <= fill.quarter and roots[note.start] <= LOW and together[note.start] <= LARGEST_CHUG
        if chug and (style == "chug" or bars[at] in muted):
            found[at].add("palm mute")
        elif at in broken and (style == "arpeggio" or bars[at] in ringing):
            found[at].add("let ring")
    used = Counter(name for note in played for name in note.techniques)

    def sprinkle(name: str, places: list[_Place], among: int | None = None) -> None:
        free = [place for place in places if not found[place[0]]]
        most = _share(fill, name, len(free) if among is None else among)
        if len(played) >= ENOUGH and not used[name]:
            most //= 2
        for at in _chosen(fill, name, free, most):
            found[at].add(name)

    after = _next_on_string(fill.notes, together, fill.quarter)
    slides = [place for at, to in after.items() if (place := _slide(fill, at, to, found)) is not None]
    sprinkle("slide", slides, len(after))
    sprinkle("hammer", [place for at, to in after.items() if (place := _hammer(fill, at, to, found)) is not None])
    if fill.part == "bass" or used["dead"]:
        sprinkle("dead", list(_dead(fill, together)))
    if fill.part == "guitar":
        sprinkle("vibrato", list(_vibrato(fill, together)))


def _bars_with(song: Song, notes: Iterable[Note], name: str, counts: Callable[[Note], bool]) -> frozenset[int]:
    """Bars in which at least half of the notes that count are played so."""
    so: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for note in notes:
        if counts(note):
            bar = song.bar_at(note.start)
            total[bar] += 1
            so[bar] += name in note.techniques
    return frozenset(bar for bar, count in so.items() if 2 * count >= total[bar])


def _broken(notes: Sequence[Note], together: Mapping[int, int], quarter: int) -> set[int]:
    """Indices of notes of broken chords: three or more single notes in a row, each on another string than the last."""
    found: set[int] = set()
    run: list[int] = []
    for at, note in enumerate(notes):
        if together[note.start] > 1 or note.string is None:
            run = []
            continue
        goes_on = run and notes[run[-1]].string != note.string and note.start - notes[run[-1]].end <= quarter
        run = [*run, at] if goes_on else [at]
        if len(run) >= 3:
            found.update(run[-3:])
    return found


def _next_on_string(notes: Sequence[Note], together: Mapping[int, int], quarter: int) -> dict[int, int]:
    """Index of a single note -> that of the next single note, where it is on the same string and follows at once."""
    found = {}
    for at, (note, after) in enumerate(pairwise(notes)):
        alone = together[note.start] == together[after.start] == 1
        fretted = note.fret is not None and after.fret is not None and note.string == after.string
        if alone and fretted and 0 <= after.start - note.end <= quarter // 16 and note.fret != after.fret:
            found[at] = at + 1
    return found


def _hammer(fill: _Fill, at: int, to: int, found: Mapping[int, set[str]]) -> _Place | None:
    note, after = fill.notes[at], fill.notes[to]
    distance = abs((note.fret or 0) - (after.fret or 0))
    seconds = (after.start - note.start) / fill.quarter * 60 / fill.song.tempo_at(note.start)
    short = 2 * note.duration <= fill.quarter and seconds <= FASTEST_PLUCKED
    if not short or distance > REACH or "palm mute" in found[to]:
        return None
    bar, place = fill.bar_and_place(note)
    return at, bar, (place, note.string, note.fret, after.fret), 0


def _slide(fill: _Fill, at: int, to: int, found: Mapping[int, set[str]]) -> _Place | None:
    """Shifts of the hand first, and on a bass those into a section."""
    note, after = fill.notes[at], fill.notes[to]
    distance = abs((note.fret or 0) - (after.fret or 0))
    if not note.fret or not after.fret or distance > LONGEST_SLIDE or "palm mute" in found[to]:
        return None
    bar, place = fill.bar_and_place(note)
    next_bar, next_place = fill.bar_and_place(after)
    opens = next_place == 0 and next_bar in fill.heads
    if fill.part == "bass" and not opens and distance <= REACH:
        return None
    return at, bar, (place, note.string, note.fret, after.fret), 0 if opens else 1 if distance > REACH else 2


def _dead(fill: _Fill, together: Mapping[int, int]) -> Iterable[_Place]:
    """Single sixteenths beside the eighths, between two notes of their own pitch."""
    eighth = fill.quarter // 2
    for at in range(1, len(fill.notes) - 1):
        before, note, after = fill.notes[at - 1 : at + 2]
        bar, place = fill.bar_and_place(note)
        if (
            before.pitch == note.pitch == after.pitch
            and together[note.start] == 1
            and 4 * note.duration <= fill.quarter
            and place % eighth
        ):
            yield at, bar, (place, note.pitch), 0


def _vibrato(fill: _Fill, together: Mapping[int, int]) -> Iterable[_Place]:
    """Single fretted notes of a quarter or more above the chug's register, the longest first."""
    for at, note in enumerate(fill.notes):
        if together[note.start] == 1 and note.fret and note.pitch > LOW and note.duration >= fill.quarter:
            bar, place = fill.bar_and_place(note)
            yield at, bar, (place, note.pitch, note.duration), -(note.duration // fill.quarter)


# --- how many, and which


def _share(fill: _Fill, name: str, places: int) -> int:
    """How many of so many places are marked at most."""
    return int(RATES[fill.part, name] * places + fill.chance("share", name))


def _chosen(fill: _Fill, name: str, places: Collection[_Place], most: int) -> list[int]:
    """Indices of `most` notes at the most; what is alike is chosen together, or at the ends of phrases alone."""
    groups: dict[tuple[int, object], list[_Place]] = {}
    for place in places:
        groups.setdefault((place[3], place[2]), []).append(place)
    chosen: list[int] = []
    for (_, _), group in sorted(groups.items(), key=partial(_order, fill, name)):
        room = most - len(chosen)
        if len(group) > room:
            group = [place for place in group if place[1] % PHRASE == PHRASE - 1][: max(0, room)]
        chosen += [place[0] for place in group]
    return chosen


def _order(fill: _Fill, name: str, group: tuple[tuple[int, object], list[_Place]]) -> tuple[int, float]:
    (rank, alike), _ = group
    return rank, fill.chance(name, alike)
