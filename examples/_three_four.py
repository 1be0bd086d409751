"""“Three Four”: a small waltz-time pop tune in F major, 24 bars, for piano, bass and drums: no guitar."""

from __future__ import annotations

from _band import Hand, Hit, Player, Word, midi_file, nearest_voicing, read

BAR = 12

FORM = [
    ("A", ["F", "C/E", "Dm", "Bb", "F/A", "Gm7", "C7", "F"]),
    ("B", ["Dm", "Am", "Bb", "F", "Gm7", "Dm", "Bb", "C7"]),
    ("A again", ["F", "C/E", "Dm", "Bb", "F/A", "C7", "F", "F"]),
]
CLASSES = {
    "F": (5, 9, 0),
    "C/E": (0, 4, 7),
    "Dm": (2, 5, 9),
    "Bb": (10, 2, 5),
    "F/A": (5, 9, 0),
    "Gm7": (7, 10, 2, 5),
    "C7": (0, 4, 7, 10),
    "Am": (9, 0, 4),
}
_TUNE = "A4.4 C5.4 F5.4 | E5.8 C5.4 | D5.4 F5.4 A5.4 | F5.8 D5.4"
MELODY = [
    f"{_TUNE} | C5.6 D5.2 C5.4 | Bb4.4 D5.4 G5.4 | E5.8 D5.2 C5.2 | F5.12",
    "F5.6 E5.2 D5.4 | C5.8 A4.4 | D5.6 C5.2 Bb4.4 | A4.8 C5.4"
    " | Bb4.6 A4.2 G4.4 | A4.4 D5.4 F5.4 | F5.6 E5.2 D5.4 | E5.4 G5.4 Bb5.4",
    "A5.4 G5.2 F5.2 C5.4 | E5.8 C5.4 | D5.4 F5.4 A5.4 | F5.8 D5.4"
    " | C5.6 D5.2 F5.4 | E5.4 D5.4 G5.4 | F5.4 C5.4 A4.4 | F4.12",
]
BASS = [
    "F1.8 C2.4 | E1.8 G1.4 | D2.8 A1.4 | Bb1.8 Bb1.4 | A1.8 A1.4 | G1.8 D2.4 | C2.4 Bb1.4 G1.4 | F1.4 A1.4 C2.4",
    "D2.8 D2.4 | A1.8 E2.4 | Bb1.8 F1.4 | F1.4 A1.4 F1.4 | G1.8 G1.4 | D2.8 C2.4 | Bb1.8 Bb1.4 | C2.4 G1.4 E1.4",
    "F1.8 C2.4 | E1.8 G1.4 | D2.8 A1.4 | Bb1.8 Bb1.4 | A1.8 A1.4 | C2.4 Bb1.4 G1.4 | F1.4 C2.4 A1.4 | F1.12",
]
LEVELS = (70, 80, 84)

_STICK = {"kick": "x...........", "stick": "....x...x...", "hat": "x...x.x.x..."}
_STICK_TURN = {"kick": "x.........x.", "stick": "....x...x...", "hat": "x...x.x.x.x."}
_RIDE = {"kick": "x.....x.....", "snare": "........x...", "ride": "x...x.x.x...", "pedal": "....x......."}
_FILL = {"kick": "x.......", "hat": "x...", "snare": "....x.xx....", "high": "........x...", "low": "..........x."}
_END = {"kick": "x", "crash": "o"}


def _drums(section: int, bar: int) -> dict[str, str]:
    if section == 2 and bar == 7:
        return _END
    if bar == 7 or (section == 2 and bar == 6):
        return _FILL
    if section == 0:
        return _STICK_TURN if bar % 4 == 3 else _STICK
    return _RIDE | ({"crash": "x"} if bar == 0 else {})


def three_four() -> bytes:
    """The song as a MIDI file."""
    drummer, bassist, pianist = (Hand(seed) for seed in (31, 32, 33))
    drums: list[Hit] = []
    bass: list[Hit] = []
    piano: list[Hit] = []
    markers: dict[int, str] = {}
    voicing: list[int] = []
    for section, (title, chords) in enumerate(FORM):
        first, level = section * 8 * BAR, LEVELS[section]
        markers[first] = title
        melody = read(MELODY[section], first, BAR)
        piano += pianist.sing(melody, level + 8)
        bass += bassist.sing(read(BASS[section], first, BAR), level + 20, legato=0.9)
        for bar, chord in enumerate(chords):
            at = first + bar * BAR
            drums += drummer.beat(_drums(section, bar), at, level)
            voicing = nearest_voicing(CLASSES[chord], voicing, low=52, high=69)
            piano += _left_hand(
                pianist, voicing, at, level - 14, melody, section != 1 or bar % 2 == 1, section == 2 and bar == 7
            )
    end = 24 * BAR
    players = [
        Player("Piano", 0, 0, 104, 60, piano),
        Player("Bass", 33, 1, 100, 64, bass),
        Player("Drums", 0, 9, 92, 64, drums),
    ]
    return midi_file("Three Four", {0: 126, end - 2 * BAR: 108}, {0: (3, 4)}, markers, "F", players, end)


def _left_hand(
    hand: Hand, chord: list[int], at: int, level: int, melody: list[Word], short: bool, last: bool
) -> list[Hit]:
    """The two light beats of the waltz, short or tied together, below the tune; the last chord is held."""
    hits = []
    for step, length in [(0, 12)] if last else [(4, 4), (8, 4)] if short else [(4, 8)]:
        first, end = at + step, at + step + length
        tune = min(w.pitch for w in melody if w.pitch and w.start < end and w.start + w.length > first)
        hits += hand.block([pitch for pitch in chord if pitch < tune], at + step, length, level - (step == 8) * 4)
    return hits
