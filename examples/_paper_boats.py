"""“Paper Boats”: a ballad in D major, 54 bars of 6/8 with a bridge in 4/4; two guitars, bass and voice, no drums."""

from __future__ import annotations

from _band import read
from _tab import BASS, GUITAR, Fretted, Stroke, Tab, fretted, shape, tab_file

SIX, FOUR = (6, 8), (4, 4)

SHAPES = {
    "D": "xx0232",
    "A/C#": "x42220",
    "Bm7": "x20202",
    "Bm": "x24432",
    "G": "320033",
    "D/F#": "2x0232",
    "Em7": "022030",
    "Em": "022000",
    "A": "x02220",
    "Asus4": "x02230",
}
ROOTS = {"D": 38, "A/C#": 37, "Bm7": 35, "Bm": 35, "G": 31, "D/F#": 30, "Em7": 28, "Em": 28, "A": 33, "Asus4": 33}
FIFTHS = {"D": 33, "A/C#": 33, "Bm7": 30, "Bm": 30, "G": 38, "D/F#": 38, "Em7": 35, "Em": 35, "A": 28, "Asus4": 28}
"""The fifth of the chord where the hand already is (for A/C# and D/F# the root)."""
POWER = {"Bm": (47, 54, 59), "G": (43, 50, 55), "D": (50, 57, 62), "A": (45, 52, 57), "Em": (40, 47, 52)}

FORM: list[tuple[str, str, list[str]]] = [
    ("Intro", "intro", ["D", "A/C#", "Bm7", "G"]),
    ("Verse 1", "verse", ["D", "A/C#", "Bm7", "G", "D/F#", "Em7", "G", "Asus4"]),
    ("Chorus 1", "chorus", ["G", "A", "D", "Bm", "G", "A", "Bm", "A"]),
    ("Verse 2", "verse 2", ["D", "A/C#", "Bm7", "G", "D/F#", "Em7", "G", "Asus4"]),
    ("Chorus 2", "chorus", ["G", "A", "D", "Bm", "G", "A", "Bm", "A"]),
    ("Bridge", "bridge", ["Bm", "G", "D", "A", "Em", "A"]),
    ("Chorus 3", "last chorus", ["G", "A", "D", "Bm", "G", "A", "D", "D"]),
    ("Outro", "outro", ["D", "A/C#", "G", "D"]),
]
DYNAMICS = {"intro": 63, "verse": 63, "verse 2": 79, "chorus": 95, "bridge": 79, "last chorus": 111, "outro": 63}
"""Guitar Pro knows eight velocities: 63 is mp, 79 mf, 95 f, 111 ff."""

_BOAT = "F#4.4 G4.2 A4.6 | A4.4 G4.2 E4.6 | F#4.4 G4.2 A4.4 B4.2 | B4.8 -.4"
MELODY = {
    "verse": f"{_BOAT} | A4.4 G4.2 F#4.6 | G4.4 F#4.2 E4.4 D4.2 | D4.4 E4.2 G4.4 F#4.2 | E4.8 -.4",
    "verse 2": f"{_BOAT} | A4.4 B4.2 A4.4 F#4.2 | G4.4 A4.2 B4.6 | B4.4 A4.2 G4.4 B4.2 | A4.8 -.2 A4.2",
    "chorus": "B4.4 B4.2 D5.6 | C#5.4 B4.2 A4.6 | F#4.4 A4.2 D5.6 | D5.4 C#5.2 B4.4 -.2"
    " | B4.4 B4.2 D5.4 E5.2 | E5.4 D5.2 C#5.6 | D5.4 C#5.2 B4.6 | A4.8 -.4",
    "bridge": "D5.8 C#5.4 B4.4 | B4.6 A4.2 G4.8 | A4.8 F#4.4 A4.4 | C#5.12 -.4 | B4.4 B4.4 C#5.4 D5.4 | E5.12 -.4",
    "last chorus": "B4.4 B4.2 D5.6 | C#5.4 B4.2 A4.6 | F#4.4 A4.2 D5.6 | D5.4 C#5.2 B4.4 -.2"
    " | B4.4 B4.2 D5.4 E5.2 | E5.4 D5.2 C#5.6 | D5.12 | -.6 F#4.4 G4.2",
    "outro": "A4.12 | A4.4 G4.2 E4.6 | D4.12 | -.12",
}
_ANSWER = (
    "-.12 | -.6 E5.2 C#5.2 A4.2 | -.12 | -.4 D5.2 B4.2 A4.2 G4.2"
    " | -.12 | -.6 B4.2 D5.2 E5.2 | -.12 | -.4 E5.2 D5.2 C#5.2 A4.2"
)


_D_MAJOR = (2, 4, 6, 7, 9, 11, 1)


def _picking(chord: str, bar: int, last: bool, velocity: int) -> list[Stroke]:
    """Thumb on the bass, then up and down the upper strings; every second bar begins a string higher."""
    places = sorted(shape(SHAPES[chord]), key=lambda place: -place.string)
    bass, upper = places[0], sorted((place for place in places[1:] if place.string <= 3), key=lambda p: -p.string)
    low, middle, high = upper
    if last:
        return [Stroke(12, tuple(places), velocity, let_ring=True)]
    order = [bass, low, middle, high, middle, low] if bar % 2 == 0 else [bass, middle, high, middle, low, middle]
    return [Stroke(2, (place,), velocity if n else velocity + 16, let_ring=True) for n, place in enumerate(order)]


def _strumming(chord: str, bar: int, velocity: int, four: bool) -> list[Stroke]:
    full = shape(SHAPES[chord])
    upper = tuple(place for place in full if place.string <= 4)
    if four:
        return [Stroke(4, full, velocity), Stroke(2, upper, velocity - 16), Stroke(2, upper, velocity - 16)] * 2
    if bar % 4 == 3:
        pattern = [(4, full), (2, upper), (2, full), (2, upper), (2, upper)]
    else:
        pattern = [(4, full), (2, upper), (4, full), (2, upper)]
    return [Stroke(length, notes, velocity if notes is full else velocity - 16) for length, notes in pattern]


def _second_guitar(kind: str, chord: str, bar: int, velocity: int) -> list[Stroke]:
    if kind == "verse 2":
        words = read(_ANSWER, 0, 12)
        strokes = [w for w in words if bar * 12 <= w.start < bar * 12 + 12]
        return [
            Stroke(w.length, (fretted(w.pitch, GUITAR, 5),) if w.pitch else (), velocity, vibrato=w.length > 4)
            for w in strokes
        ]
    if kind in ("chorus", "last chorus"):
        # Sixths under the voice, rung on the two beats of the bar.
        third, sixth = {"G": (59, 67), "A": (61, 69), "D": (57, 66), "Bm": (54, 62)}[chord]
        pair = (Fretted(4, third - 50), Fretted(2, sixth - 59))
        rhythm = (6, 6) if bar % 2 == 0 else (6, 4, 2)
        return [Stroke(length, pair, velocity - 16, let_ring=True) for length in rhythm]
    if kind == "bridge":
        low, fifth, octave = POWER[chord]
        places = _power(low, fifth, octave)
        if bar == 5:
            return [Stroke(4, places, velocity), Stroke(4, places, velocity), Stroke(8, places, velocity + 16)]
        muted = [Stroke(2, places[-2:], velocity - 16, palm_mute=True)] * 3
        return [Stroke(4, places, velocity + 16), *muted, Stroke(2, places, velocity), *muted[:2]]
    return [Stroke(12)]


def _power(low: int, fifth: int, octave: int) -> tuple[Fretted, ...]:
    """Three neighbouring strings, one finger on the root."""
    string = 6 if low < 45 else 5 if low < 50 else 4
    return tuple(
        Fretted(string - n, pitch - GUITAR[string - n - 1]) for n, pitch in reversed([*enumerate((low, fifth, octave))])
    )


def _bass(kind: str, chord: str, following: str, bar: int, velocity: int) -> list[Stroke]:
    root, fifth, ahead = _low(ROOTS[chord]), _low(FIFTHS[chord]), _low(ROOTS[following])
    step = ahead + (-2 if ahead > root else 2) if abs(ahead - root) > 2 else fifth
    if step < BASS[-1] or step % 12 not in _D_MAJOR:
        step = fifth

    def stroke(length: int, pitch: int) -> Stroke:
        return Stroke(length, (fretted(pitch, BASS),), velocity)

    if kind == "intro":
        return [Stroke(12)] if bar < 2 else [stroke(12, root)]
    if kind == "outro":
        return [stroke(12, root)]
    if kind == "verse":
        return [stroke(6, root), stroke(6, fifth)] if bar % 2 else [stroke(12, root)]
    if kind == "bridge":
        if bar == 5:
            return [stroke(4, root), stroke(4, root), stroke(2, root), stroke(2, 35), stroke(2, 37), stroke(2, 38)]
        return [stroke(2, root)] * 6 + [stroke(2, fifth), stroke(2, step)]
    if kind == "last chorus" and bar == 7:
        return [stroke(12, root)]
    return [stroke(6, root), stroke(4, root if bar % 2 == 0 else fifth), stroke(2, step)]


def _low(pitch: int) -> int:
    return pitch if pitch >= BASS[-1] else pitch + 12


def paper_boats() -> bytes:
    """The song as a Guitar Pro 5 file."""
    metres: list[tuple[int, int]] = []
    markers: dict[int, str] = {}
    picked: list[list[Stroke]] = []
    second: list[list[Stroke]] = []
    bass: list[list[Stroke]] = []
    voice: list[list[Stroke]] = []
    following = [*[chord for _, _, chords in FORM for chord in chords][1:], "D"]
    for title, kind, chords in FORM:
        metre = FOUR if kind == "bridge" else SIX
        length = 16 * metre[0] // metre[1]
        markers[len(metres)] = title
        words = read(MELODY[kind], 0, length) if kind in MELODY else []
        for bar, chord in enumerate(chords):
            velocity = DYNAMICS[kind]
            ending = kind == "outro" and bar == len(chords) - 1
            if kind in ("chorus", "last chorus", "bridge"):
                picked.append(_strumming(chord, bar, velocity, kind == "bridge"))
            else:
                picked.append(_picking(chord, bar, ending, velocity))
            second.append(_second_guitar(kind, chord, bar, velocity))
            bass.append(_bass(kind, chord, following[len(metres)], bar, velocity))
            sung = [w for w in words if bar * length <= w.start < (bar + 1) * length]
            notes = [Stroke(w.length, (fretted(w.pitch, GUITAR),) if w.pitch else (), velocity + 16) for w in sung]
            voice.append(notes or [Stroke(length)])
            metres.append(metre)
    tabs = [
        Tab("Acoustic Guitar", 25, GUITAR, 104, 40, picked),
        Tab("Electric Guitar", 27, GUITAR, 84, 92, second),
        Tab("Bass", 33, BASS, 104, 64, bass),
        Tab("Voice", 73, GUITAR, 112, 64, voice),
    ]
    return tab_file("Paper Boats", 84, metres, markers, tabs)
