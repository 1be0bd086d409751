"""What a musician may ask of a fill beside its part and bars; every default does nothing.

Controls say what is wanted in a musician's words. What becomes of them: `steer` moves the model's chances before a take
is drawn, `styles` shapes the drawn take, and both together make sure that what was asked is what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DENSITIES = ("sparse", "light", "normal", "busy", "dense")
"""In this order, fifths of how many onsets a bar people play."""
COMPLEXITIES = ("plain", "normal", "syncopated")
FEELS = ("straight", "shuffle", "half-time", "double-time")
FILLS = ("none", "sparse", "4", "8")
STYLES = {
    "drums": (),
    "bass": ("roots", "octaves", "walking", "riff"),
    "guitar": ("power", "strum", "arpeggio", "riff", "chug"),
}
ROLES = ("rhythm", "lead")


@dataclass(frozen=True, slots=True)
class PartControls:
    """Controls of one part.

    density : one of `DENSITIES`, or onsets a bar of four quarters (a chord is one onset).
    complexity : one of `COMPLEXITIES`: how much falls off the beat.
    range : lowest and highest pitch, MIDI numbers, both inclusive.
    follow : `kick`, or the number of a track from 0 as text: onsets are exactly those of what is followed.
    feel, cymbals, side_stick, fills : of drums; `fills` is where fills stand: nowhere, at section ends, or every 4 or 8
        bars.
    style : one of the part's `STYLES`. role : of guitars, one of `ROLES`.
    """

    density: str | float | None = None
    complexity: str | None = None
    range: tuple[int, int] | None = None
    follow: str | None = None
    feel: str | None = None
    cymbals: bool = True
    side_stick: bool = False
    fills: str | None = None
    style: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """Controls of a whole request.

    parts : part -> its controls; parts that are not in it have the defaults.
    temperature, guidance : of the sampler; None for its own.
    swing : share of a beat that its first half gets, 0.5 (straight) to 0.75; None leaves the notes where they are.
    key : pitch class of the tonic and whether it is minor; None for what is heard.
    chords : one text a bar, again from the first when they run out: `Am`, `F/C`, `G7 C` for two in a bar, `-` for none.
    variation : 0 to 1, how much bars may differ in which the band plays alike, in sections that are the same.
    sections : `Verse 1-8, Chorus 9-16`, where they are heard wrongly; empty for those of the file or those heard.
    like : bars [first, last) in whose manner the part is to be played.
    human : velocities and (in MIDI) timing of a player; else even ones on the grid.
    techniques : palm mutes, slides and the like, where the format can say them.
    """

    parts: Mapping[str, PartControls] = field(default_factory=dict)
    temperature: float | None = None
    guidance: float | None = None
    swing: float | None = None
    key: tuple[int, bool] | None = None
    chords: tuple[str, ...] = ()
    variation: float = 0.7
    sections: str = ""
    like: tuple[int, int] | None = None
    human: bool = True
    techniques: bool = True

    def of(self, part: str) -> PartControls:
        """Controls of a part."""
        return self.parts.get(part, PartControls())
