"""Drum kits of Guitar Pro 7 and 8: a note says which of its track's articulations it is, not which MIDI key.

Guitar Pro 6 has no such list; there a note names a drum of a fixed table, and one of three ways to hit it.
"""

from __future__ import annotations

from functools import cache

from arranger.formats.gpif_drums import GP6_KEYS, Articulations, drum_key
from arranger.voices import OTHER_VOICE, VOICE_OF_KEY

_HEAD = "noteheadBlack noteheadHalf noteheadWhole"
_CROSS = " ".join(["noteheadXBlack"] * 3)
_DIAMOND = " ".join(["noteheadDiamondWhite"] * 3)
_RING = " ".join(["noteheadCircleX"] * 3)
_HEAVY = " ".join(["noteheadHeavyX"] * 3)
_HAT = " ".join(["noteheadHeavyXHat"] * 3)
_TRIANGLE = "noteheadTriangleUpBlack noteheadTriangleUpHalf noteheadTriangleUpWhole"

_KIT: tuple[tuple[str, str, str, tuple[tuple[str, int, str, int, str], ...]], ...] = (
    # drum, type, sound bank, ((articulation, staff line, note heads, key, RSE sound), ...)
    ("Kick Drum", "kickDrum", "Master-Kick", (("Kick (hit)", 7, _HEAD, 36, "pedal.hit.hit"),)),
    ("Acoustic Kick Drum", "kickDrum", "AcousticKick-Percu", (("Kick (hit)", 8, _HEAD, 35, "pedal.hit.hit"),)),
    (
        "Snare",
        "snare",
        "Master-Snare",
        (
            ("Snare (hit)", 3, _HEAD, 38, "stick.hit.hit"),
            ("Snare (side stick)", 3, _CROSS, 37, "stick.hit.sidestick"),
        ),
    ),
    ("Electric Snare", "snare", "ElectricSnare-Percu", (("Snare (hit)", 3, _HEAD, 40, "stick.hit.hit"),)),
    ("Hand Clap", "handClap", "GroupHandClap-Percu", (("Hand Clap (hit)", 3, _HEAD, 39, "hand.hit.hit"),)),
    (
        "Charley",
        "hiHat",
        "Master-Hihat",
        (
            ("Hi-Hat (closed)", -1, _CROSS, 42, "stick.hit.closed"),
            ("Hi-Hat (open)", -1, _RING, 46, "stick.hit.open"),
            ("Pedal Hi-Hat (hit)", 9, _CROSS, 44, "pedal.hit.pedal"),
        ),
    ),
    ("Tom Very High", "tom", "Master-Tom05", (("High Floor Tom (hit)", 1, _HEAD, 50, "stick.hit.hit"),)),
    ("Tom High", "tom", "Master-Tom04", (("High Tom (hit)", 2, _HEAD, 48, "stick.hit.hit"),)),
    ("Tom Medium", "tom", "Master-Tom03", (("Mid Tom (hit)", 4, _HEAD, 47, "stick.hit.hit"),)),
    ("Tom Low", "tom", "Master-Tom02", (("Low Tom (hit)", 5, _HEAD, 45, "stick.hit.hit"),)),
    ("Tom Very Low", "tom", "Master-Tom01", (("Very Low Tom (hit)", 6, _HEAD, 43, "stick.hit.hit"),)),
    ("Very Low Floor Tom", "tom", "LowFloorTom-Percu", (("Low Floor Tom (hit)", 5, _HEAD, 41, "stick.hit.hit"),)),
    (
        "Ride",
        "ride",
        "Master-Ride",
        (
            ("Ride (middle)", 0, _CROSS, 51, "stick.hit.mid"),
            ("Ride (bell)", 0, _DIAMOND, 53, "stick.hit.bell"),
        ),
    ),
    ("Ride Cymbal 2", "ride", "Ride-Percu", (("Ride (edge)", 2, _CROSS, 59, "stick.hit.edge"),)),
    ("Crash High", "crash", "Master-Crash02", (("Crash high (hit)", -2, _HEAVY, 49, "stick.hit.hit"),)),
    ("Crash Medium", "crash", "Master-Crash01", (("Crash medium (hit)", -1, _HEAVY, 57, "stick.hit.hit"),)),
    ("Splash", "splash", "Master-Splash", (("Splash (hit)", -2, _CROSS, 55, "stick.hit.hit"),)),
    ("China", "china", "Master-China", (("China (hit)", -3, _HAT, 52, "stick.hit.hit"),)),
    ("Tambourine", "tambourine", "Tambourine-Percu", (("Tambourine (hit)", 3, _TRIANGLE, 54, "hand.hit.hit"),)),
    ("Cowbell Medium", "cowbell", "CowbellMid-Percu", (("Cowbell medium (hit)", 0, _TRIANGLE, 56, "stick.hit.hit"),)),
    ("Vibraslap", "vibraslap", "Vibraslap-Percu", (("Vibraslap (hit)", 28, _HEAD, 58, "hand.hit.hit"),)),
    ("Bongo High", "bongo", "BongoHigh-Percu", (("Hand (hit)", -4, _HEAD, 60, "hand.hit.hit"),)),
    ("Bongo Low", "bongo", "BongoLow-Percu", (("Hand (hit)", -7, _HEAD, 61, "hand.hit.hit"),)),
    (
        "Conga High",
        "conga",
        "CongaHigh-Percu",
        (
            ("Conga high (hit)", 14, _HEAD, 63, "hand.hit.hit"),
            ("Conga high (mute)", 19, _HEAD, 62, "hand.hit.mute"),
        ),
    ),
    ("Conga Low", "conga", "CongaLow-Percu", (("Conga low (hit)", 17, _HEAD, 64, "hand.hit.hit"),)),
    ("Timbale High", "timbale", "TimbaleHigh-Percu", (("Timbale high (hit)", 9, _HEAD, 65, "stick.hit.hit"),)),
    ("Timbale Low", "timbale", "TimbaleLow-Percu", (("Timbale low (hit)", 10, _HEAD, 66, "stick.hit.hit"),)),
    ("Agogo High", "agogo", "AgogoHigh-Percu", (("Agogo high (hit)", 11, _HEAD, 67, "stick.hit.hit"),)),
    ("Agogo Low", "agogo", "AgogoLow-Percu", (("Agogo low (hit)", 12, _HEAD, 68, "stick.hit.hit"),)),
    ("Cabasa", "cabasa", "Cabasa-Percu", (("Cabasa (hit)", 23, _HEAD, 69, "hand.hit.hit"),)),
    ("Left Maraca", "maraca", "Maracas-Percu", (("Left Maraca (hit)", -12, _HEAD, 70, "hand.hit.hit"),)),
    ("Whistle High", "whistle", "WhistleHigh-Percu", (("Whistle high (hit)", -17, _HEAD, 71, "blow.hit.hit"),)),
    ("Whistle Low", "whistle", "WhistleLow-Percu", (("Whistle low (hit)", -11, _HEAD, 72, "blow.hit.hit"),)),
    (
        "Guiro",
        "guiro",
        "Guiro-Percu",
        (
            ("Guiro (hit)", 38, _HEAD, 73, "stick.hit.hit"),
            ("Guiro (scrap-return)", 37, _HEAD, 74, "stick.scrape.return"),
        ),
    ),
    ("Claves", "claves", "Claves-Percu", (("Claves (hit)", 20, _HEAD, 75, "stick.hit.hit"),)),
    (
        "Woodblock High",
        "woodblock",
        "WoodblockHigh-Percu",
        (("Woodblock high (hit)", -10, _HEAD, 76, "stick.hit.hit"),),
    ),
    ("Woodblock Low", "woodblock", "WoodblockLow-Percu", (("Woodblock low (hit)", -9, _HEAD, 77, "stick.hit.hit"),)),
    (
        "Cuica",
        "cuica",
        "Cuica-Percu",
        (("Cuica (open)", 30, _HEAD, 79, "hand.hit.hit"), ("Cuica (mute)", 29, _CROSS, 78, "hand.hit.mute")),
    ),
    (
        "Triangle",
        "triangle",
        "Triangle-Percu",
        (("Triangle (hit)", 27, _HEAD, 81, "stick.hit.hit"), ("Triangle (mute)", 26, _CROSS, 80, "stick.hit.mute")),
    ),
)

_KEYS = tuple(key for *_, hits in _KIT for _, _, _, key, _ in hits)
STANDARD_KIT = Articulations(_KEYS, tuple((key,) for key in _KEYS))
"""The articulations of `standard_set`, in its order."""

_OLD_KIT = {key: (element, way) for element, ways in reversed([*enumerate(GP6_KEYS)]) for way, key in enumerate(ways)}
_OLD_KIT = {key: (element, GP6_KEYS[element].index(key)) for key, (element, _) in _OLD_KIT.items()}
"""(element, variation) of Guitar Pro 6 for the General MIDI keys that it has."""


def standard_set() -> str:
    """The InstrumentSet of a new drum track."""
    elements = "".join(
        f"<Element>\n<Name>{drum}</Name>\n<Type>{kind}</Type>\n<SoundbankName>{bank}</SoundbankName>\n<Articulations>\n"
        + "".join(_articulation(*hit) for hit in hits)
        + "</Articulations>\n</Element>\n"
        for drum, kind, bank, hits in _KIT
    )
    return (
        "<InstrumentSet>\n<Name>Drums</Name>\n<Type>drumKit</Type>\n<LineCount>5</LineCount>\n"
        f"<Elements>\n{elements}</Elements>\n</InstrumentSet>"
    )


def _articulation(name: str, line: int, heads: str, key: int, sound: str) -> str:
    return (
        f"<Articulation>\n<Name>{name}</Name>\n<StaffLine>{line}</StaffLine>\n<Noteheads>{heads}</Noteheads>\n"
        "<TechniquePlacement>outside</TechniquePlacement>\n<TechniqueSymbol></TechniqueSymbol>\n"
        f"<InputMidiNumbers>{key}</InputMidiNumbers>\n<OutputRSESound>{sound}</OutputRSESound>\n"
        f"<OutputMidiNumber>{key}</OutputMidiNumber>\n</Articulation>\n"
    )


@cache
def _sounding(kit: Articulations) -> tuple[int | None, ...]:
    """General MIDI key of each articulation."""
    return tuple(drum_key((at, None), kit) for at in range(len(kit.outputs)))


@cache
def index_of(key: int, kit: Articulations, exact: bool = False) -> int | None:
    """Which articulation plays a General MIDI key: the very key, else (not if `exact`) one of the same voice.

    None where the kit has nothing like it. Of several that send the key the plain one is taken: in Guitar Pro's own
    table that is the one whose number is the key.
    """
    keys = _sounding(kit)
    same = [at for at, other in enumerate(keys) if other == key]
    plain = [at for at in same if key in kit.inputs[at]]
    if plain or same or exact:
        return next(iter(plain or same), None)
    voice = VOICE_OF_KEY[key]
    return next((at for at, other in enumerate(keys) if other and VOICE_OF_KEY[other] == voice), None)


def old_drum(key: int) -> tuple[int, int]:
    """(element, variation) of Guitar Pro 6 for a General MIDI key, or for one of the same voice.

    Hand percussion, of which it has none, becomes a cowbell.
    """
    if key in _OLD_KIT:
        return _OLD_KIT[key]
    voice = VOICE_OF_KEY[key]
    alike = [drum for other, drum in _OLD_KIT.items() if VOICE_OF_KEY[other] == voice and voice != OTHER_VOICE]
    return alike[0] if alike else _OLD_KIT[56]
