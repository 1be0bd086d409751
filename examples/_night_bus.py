"""“Night Bus”: a rock song in E minor and G major, 66 bars, without bass.

The verse is told over a guitar figure; the chorus begins on the fourth degree, so that it feels like setting off; the
bridge slows down to half time, and a bar of 2/4 pushes into the last chorus.
"""

from __future__ import annotations

from itertools import accumulate

from _band import Hand, Hit, Player, midi_file, nearest_voicing, read

BAR = 16

CHORDS: dict[str, tuple[int, ...]] = {  # as they lie on the guitar
    "Em": (40, 47, 52, 55, 59, 64),
    "Em7": (40, 47, 52, 55, 62, 64),
    "Cmaj7": (48, 52, 55, 59, 64),
    "C": (48, 52, 55, 60, 64),
    "G": (43, 47, 50, 55, 59, 67),
    "G/B": (47, 50, 55, 62, 67),
    "D/F#": (42, 50, 57, 62, 66),
    "D": (50, 57, 62, 66),
    "Dsus4": (50, 57, 62, 67),
    "Am7": (45, 52, 55, 60, 64),
    "F": (41, 48, 53, 57, 60, 65),
}
KEYS = {
    "Em": (4, 7, 11),
    "Em7": (4, 7, 11, 2),
    "Cmaj7": (0, 4, 7, 11),
    "C": (0, 4, 7),
    "G": (7, 11, 2),
    "G/B": (7, 11, 2),
    "D/F#": (2, 6, 9),
    "D": (2, 6, 9),
    "Dsus4": (2, 7, 9),
    "Am7": (9, 0, 4, 7),
    "F": (5, 9, 0),
}

INTRO = ["Em", "Cmaj7", "G", "D/F#"]
VERSE = ["Em", "Cmaj7", "G", "D/F#", "Em", "Cmaj7", "Am7", "D"]
CHORUS = ["C", "D", "Em", "G/B", "C", "D", "G", "G"]
BRIDGE = ["Am7", "Em7", "F", "C", "Am7", "Em7", "F", "Dsus4"]
OUTRO = ["Em", "Cmaj7", "G", "D/F#", "Em"]

FORM: list[tuple[str, str, list[str]]] = [
    ("Intro", "intro", INTRO),
    ("Verse 1", "verse", VERSE),
    ("Verse 1b", "verse b", VERSE),
    ("Chorus 1", "chorus", CHORUS),
    ("Verse 2", "verse 2", VERSE),
    ("Chorus 2", "chorus", CHORUS),
    ("Bridge", "bridge", BRIDGE),
    ("Push", "push", ["D"]),
    ("Chorus 3", "last chorus", CHORUS),
    ("Outro", "outro", OUTRO),
]
LEVELS = {
    "intro": 74,
    "verse": 72,
    "verse b": 76,
    "verse 2": 80,
    "chorus": 96,
    "bridge": 70,
    "push": 84,
    "last chorus": 102,
    "outro": 72,
}

_HOOK = "B4.2 E5.2 F#5.2 G5.4 F#5.2 E5.4 | E5.2 D5.2 B4.4 -.8 | B4.2 D5.2 E5.2 G5.4 F#5.2 D5.4 | F#5.2 E5.2 D5.4 A4.8"

_FIRST_LINE = "-.4 B4.2 B4.2 A4.2 G4.4 E4.2 | G4.6 E4.2 -.8 | -.4 B4.2 B4.2 C5.2 B4.4 A4.2 | A4.6 F#4.2 -.8"
_HIGHER_LINE = "-.4 B4.2 B4.2 D5.2 B4.4 G4.2 | A4.2 G4.6 -.8 | -.4 B4.2 D5.2 D5.2 C5.4 B4.2 | A4.8 -.8"
_SECOND_LINE = "-.4 B4.2 B4.2 A4.2 G4.4 E4.2 | G4.4 A4.2 B4.6 -.4 | -.2 C5.2 C5.2 B4.2 A4.4 G4.4 | A4.10 -.6"
_LEADING_LINE = "-.4 B4.2 B4.2 A4.2 G4.4 E4.2 | G4.4 A4.2 B4.6 -.4 | -.2 C5.2 C5.2 B4.2 C5.4 D5.4 | D5.8 -.4 B4.2 D5.2"
_SETTING_OFF = "E5.6 E5.2 D5.4 C5.4 | D5.6 A4.2 -.4 A4.2 B4.2 | B4.6 B4.2 A4.4 G4.4 | B4.8 -.4 B4.2 D5.2"
_ARRIVING = "E5.6 E5.2 D5.4 C5.4 | D5.4 E5.2 F#5.6 D5.4 | G5.6 F#5.2 E5.2 D5.6 | D5.8 -.8"

VOCAL = {
    "verse": f"{_FIRST_LINE} | {_SECOND_LINE}",
    "verse b": f"{_HIGHER_LINE} | {_LEADING_LINE}",
    "verse 2": f"{_HIGHER_LINE} | {_LEADING_LINE}",
    "chorus": f"{_SETTING_OFF} | {_ARRIVING}",
    "bridge": "A4.8 C5.4 B4.4 | G4.12 -.4 | A4.8 C5.4 A4.4 | G4.12 -.4"
    " | A4.8 C5.4 E5.4 | D5.8 B4.4 G4.4 | A4.4 C5.4 F5.8 | E5.4 D5.12",
    "last chorus": f"{_SETTING_OFF} | E5.6 E5.2 D5.4 C5.4 | D5.4 E5.2 F#5.6 A5.4 | G5.6 F#5.2 E5.2 D5.6 | B4.12 -.4",
}
LEAD = {
    "intro": _HOOK,
    "verse b": "-.16 | -.8 E5.2 F#5.2 G5.4 | -.16 | -.8 D5.2 E5.2 F#5.4 | -.16 | -.16 | -.16 | -.8 A4.2 D5.2 -.4",
    "chorus": "G4.6 E4.10 | F#4.6 A4.10 | G4.6 B4.10 | G4.8 D5.2 B4.2 G4.4"
    " | G4.6 E4.10 | F#4.6 A4.10 | B4.6 D5.10 | -.8 B4.2 A4.2 G4.4",
    "verse 2": "-.16 | -.8 B4.2 E5.2 D5.4 | -.16 | -.8 F#5.2 E5.2 D5.4 | -.16 | -.16 | -.16 | -.8 A4.2 D5.2 -.4",
    "last chorus": "G4.6 E4.2 G4.4 C5.4 | A4.6 F#4.2 A4.4 D5.4 | G4.6 E4.2 G4.4 B4.4 | G4.8 D5.2 B4.2 G4.4"
    " | G4.6 E4.2 G4.4 C5.4 | A4.6 D5.10 | B4.6 D5.10 | -.4 D5.2 E5.2 G5.4 F#5.4",
    "outro": f"{_HOOK} | E5.16",
}

_VERSE_BEAT = {"hat": "x.x.x.x.x.x.x.x.", "snare": "....X.......X...", "kick": "x......x..x....."}
_VERSE_TURN = {
    "hat": "x.x.x.x.x.x.x...",
    "open": "..............x.",
    "snare": "....X.......X...",
    "kick": "x......x..x..x..",
}
_GHOSTS = {"ghost": ".......o.o......"}
_CHORUS_BEAT = {"open": "x...x...x...x...", "snare": "....X.......X...", "kick": "x.....x.x.x....."}
_CHORUS_TURN = {"open": "x...x...x...x...", "snare": "....X.......X..x", "kick": "x..x..x.x.x....."}
_HALF_TIME = {"ride": "x.x.x.x.x.x.x.x.", "snare": "........X.......", "kick": "x.........x....."}
_LITTLE_FILL = {"hat": "x.x.x.x.x.x.....", "snare": "....X.......X.xx", "kick": "x......x..x....."}
_BIG_FILL = {
    "hat": "x.x.x.x.........",
    "snare": "....X...X.xx....",
    "high": "............xx..",
    "mid": "..............x.",
    "low": "...............X",
    "kick": "x.....x.x...x...",
}
_TOM_FILL = {
    "snare": "X.xx............",
    "high": "....x.xx........",
    "mid": "........x.xx....",
    "low": "............X.X.",
    "kick": "x...x...x...x...",
}
_PUSH = {"snare": "oxxxXxXX", "low": "x.x.x.x.", "kick": "x...x..."}


def _drums(kind: str, bar: int, bars: int) -> dict[str, str]:
    last = bar == bars - 1
    if kind == "intro":
        if last:
            return {"pedal": "x...x...", "snare": "........x.xxX.xx", "kick": "x.......x......."}
        return {"pedal": "x...x...x...x..."} if bar < 2 else {"hat": "x...x...x...x...", "kick": "x.......x......."}
    if kind in ("verse", "verse b", "verse 2"):
        if last:
            return _LITTLE_FILL if kind == "verse" else _BIG_FILL
        beat = _VERSE_TURN if bar % 4 == 3 else _VERSE_BEAT
        beat = beat | (_GHOSTS if kind == "verse 2" else {})
        return beat | ({"crash": "x"} if bar == 0 and kind == "verse" else {})
    if kind in ("chorus", "last chorus"):
        if last:
            return _LITTLE_FILL if kind == "chorus" else _TOM_FILL
        beat = _CHORUS_TURN if bar % 2 else _CHORUS_BEAT
        return beat | ({"crash": "X"} if bar % 4 == 0 else {})
    if kind == "bridge":
        if last:
            return {"ride": "x.x.x.x.", "snare": "........X...o.oo", "kick": "x.........x....."}
        return _HALF_TIME | ({"crash": "o"} if bar == 0 else {})
    if kind == "push":
        return _PUSH
    if last:
        return {"crash": "x", "kick": "x"}
    return _VERSE_BEAT | ({"crash": "X"} if bar == 0 else {})


def _rhythm_guitar(hand: Hand, kind: str, name: str, at: int, level: int, last: bool) -> list[Hit]:
    chord = CHORDS[name]
    if kind in ("intro", "verse", "outro") and not (kind == "outro" and last):
        top = len(chord) - 1
        return hand.pick(chord, (0, 2, top - 1, top, 1, top - 1, 2, top), at, 2, BAR, level - 4)
    if kind in ("bridge", "outro"):
        strokes = [(0, 10, False), (10, 6, False)] if not last else [(0, 16, False)]
    elif kind == "push":
        strokes = [(0, 2, False), (2, 2, False), (4, 2, False), (6, 2, False)]
    elif kind.startswith("verse"):
        # The hand that stays on the low strings and leaves room for the voice.
        hits = []
        for step in range(0, 16, 2):
            open_stroke = step in (6, 14)
            strings = chord[1:] if open_stroke else chord[:2]
            hits += hand.strum(strings, at + step, 2 if open_stroke else 1, level - 8 * (not open_stroke), open_stroke)
        return hits
    elif last:
        strokes = [(0, 4, False), (4, 4, False), (8, 2, False), (10, 6, False)]
    else:
        strokes = [(0, 4, False), (4, 2, False), (6, 4, True), (10, 2, True), (12, 2, False), (14, 2, True)]
    accents = {0: 4, 4: 6, 12: 6}
    return [
        hit
        for step, sounds, up in strokes
        for hit in hand.strum(chord, at + step, sounds, level + accents.get(step, 0), up)
    ]


def _keys(hand: Hand, kind: str, chord: list[int], at: int, level: int) -> list[Hit]:
    rhythm = {
        "verse b": [(0, 6), (6, 10)],
        "verse 2": [(0, 6), (6, 6), (14, 2)],
        "chorus": [(0, 4), (4, 2), (6, 6), (12, 4)],
        "last chorus": [(0, 4), (4, 2), (6, 6), (12, 4)],
        "bridge": [(0, 16)],
        "push": [(0, 8)],
        "outro": [(0, 16)],
    }.get(kind, [])
    return [hit for step, sounds in rhythm for hit in hand.block(chord, at + step, sounds, level - 10)]


def night_bus() -> bytes:
    """The song as a MIDI file."""
    bars = [(title, kind, i, len(chords), chord) for title, kind, chords in FORM for i, chord in enumerate(chords)]
    lengths = [8 if kind == "push" else BAR for _, kind, *_ in bars]
    starts = [0, *accumulate(lengths)]
    drummer, guitarist, pianist, singer, soloist = (Hand(seed) for seed in (11, 12, 13, 14, 15))
    drums: list[Hit] = []
    rhythm: list[Hit] = []
    keys: list[Hit] = []
    vocal: list[Hit] = []
    lead: list[Hit] = []
    markers: dict[int, str] = {}
    voicing: list[int] = []
    for at, (title, kind, bar, count, chord) in zip(starts, bars, strict=False):
        # A section grows a little from its first bar to its last.
        level = LEVELS[kind] + 4 * bar // count
        if bar == 0:
            if kind not in ("verse b", "push"):
                markers[at] = "Verse 1" if kind == "verse" else title
            if kind in VOCAL:
                vocal += singer.sing(read(VOCAL[kind], at, BAR), level + 4)
            if kind in LEAD:
                lead += soloist.sing(read(LEAD[kind], at, BAR), level + (4 if kind in ("intro", "outro") else -8))
        drums += drummer.beat(_drums(kind, bar, count), at, level)
        rhythm += _rhythm_guitar(guitarist, kind, chord, at, level, bar == count - 1)
        # The hand stays under the voice.
        voicing = nearest_voicing(KEYS[chord], voicing, low=50, high=68)
        keys += _keys(pianist, kind, voicing, at, level)
    at_bridge, at_push = (
        next(at for at, b in zip(starts, bars, strict=False) if b[1] == k) for k in ("bridge", "push")
    )
    at_last, at_outro = at_push + 8, starts[-1] - BAR * len(OUTRO)
    tempos = {0: 112, at_bridge: 104, at_last: 114, at_outro: 108, starts[-1] - 2 * BAR: 96, starts[-1] - BAR: 80}
    metres = {0: (4, 4), at_push: (2, 4), at_last: (4, 4)}
    players = [
        Player("Drums", 0, 9, 104, 64, drums),
        Player("Rhythm Guitar", 25, 0, 92, 40, rhythm),
        Player("Lead Guitar", 27, 1, 88, 90, lead),
        Player("Electric Piano", 4, 2, 80, 76, keys),
        Player("Vocal", 53, 3, 108, 64, vocal),
    ]
    return midi_file("Night Bus", tempos, metres, markers, "Em", players, starts[-1])
