"""What is asked for on the page, in words; `arranger` makes controls of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arranger.fills import MODES
from arranger.parts import PARTS

VARY = "vary"
WAYS = (*MODES, VARY)
"""How a part is written: as `arranger.fill` does, or as a variation of what is there."""
SHARED_WORDS = ("density", "complexity", "style", "follow", "range")
"""Words of a part that are told as `part=word`."""
WORDS = (*SHARED_WORDS, "feel", "fills", "role", "cymbals", "side_stick")
MOST_CHORDS = 20_000


@dataclass(frozen=True)
class Wishes:
    """A request as the page has it.

    parts : of `PARTS`. way : of `WAYS`. sections : runs of bars as the user clicked them, “9-16” from 1; bars : typed,
    goes before them; neither: the whole song. takes, seed : as in `arranger.fill`. strength : of a variation, 0..1.
    preset : its name or nothing. words : part -> control -> word, as the command line has them; no entry where the
    choice is left to the model. temperature, swing : None for the model's own. key, chords, like : typed; empty for
    what is heard. variation : 0 to 1, how much bars that are alike in the band may differ.
    """

    parts: tuple[str, ...] = ()
    way: str = "new"
    sections: tuple[str, ...] = ()
    bars: str = ""
    takes: int = 4
    seed: int = 0
    strength: float = 0.4
    preset: str = ""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    temperature: float | None = None
    swing: float | None = None
    key: str = ""
    chords: str = ""
    like: str = ""
    variation: float = 0.7
    human: bool = True
    techniques: bool = True

    @property
    def places(self) -> str:
        """The bars that are meant, as `arranger.places` reads them; empty for all."""
        return self.bars.strip() or ", ".join(self.sections)

    def asked(self) -> dict[str, Any]:
        """The options of `arranger fill` that say the same.

        The chart is not among them: on the command line it may be a file's name, on a page that would open any file.
        """
        own = {part: self.words.get(part, {}) for part in self.parts}
        found: dict[str, Any] = {
            name: [f"{part}={words[name]}" for part, words in own.items() if words.get(name)] for name in SHARED_WORDS
        }
        drums = own.get("drums", {})
        found["feel"] = [drums["feel"]] if drums.get("feel") else []
        found["feel"] += ["no-cymbals"] if drums.get("cymbals") == "no" else []
        found["feel"] += ["side-stick"] if drums.get("side_stick") == "yes" else []
        found["fills"] = drums.get("fills")
        found["role"] = own.get("guitar", {}).get("role")
        found |= {"preset": self.preset or None, "temperature": self.temperature, "swing": self.swing}
        return found | {
            "key": self.key.strip() or None,
            "human": self.human,
            "techniques": self.techniques,
            "variation": self.variation,
        }


def ordered(parts: Any) -> tuple[str, ...]:
    """Parts in the order in which they are always told."""
    return tuple(part for part in PARTS if part in parts)
