"""What an evaluation is of: held-out windows, their submixes, instructions, and guides that play the true notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audio_ext.errors import AudioError
from audio_ext.latent.instructions import caption
from audio_ext.latent.manner import density_word, manner
from audio_ext.latent.metrics.guides import guide_stem
from audio_ext.latent.windows import STEMS, Facts, Window, heard_stems, level_db

Instruct = Callable[[Facts, str, np.random.Generator], str]
MANNERS = {
    "drums": ("shuffle", "straight"),
    "bass": ("roots", "walking", "octaves"),
    "guitar": ("strummed", "picked", "single-note"),
    "other": ("chords", "single-note"),
}
"""Words of `manner` that exclude one another: what a recogniser is to tell apart."""
_NAMES = {"drums": "drum part", "bass": "bass line", "guitar": "guitar part", "other": "part"}


def labels_of(facts: Facts, part: str) -> dict[str, str]:
    """What can be asked of a part and looked for again: density, manner, style; those that are known."""
    played = [word for word in manner(facts, part) if word in MANNERS[part]]
    found = {"density": density_word(facts, part), "manner": played[0] if played else "", "style": facts.style}
    return {name: word for name, word in found.items() if word}


def full_instruction(facts: Facts, part: str) -> str:
    """An instruction that says all that `labels_of` knows, in the words of training and always in the same order."""
    known = labels_of(facts, part)
    words = [known[name] for name in ("density", "style", "manner") if name in known]
    return " ".join(["Add a", *words, _NAMES[part]])


@dataclass(frozen=True, eq=False)
class Cases:
    """Windows in a row; waves are float32 (window, sample) at 16 kHz, and `mix = submix + stem` exactly.

    Parameters
    ----------
    guide : the true notes with another sound, at the true stem's level. given : stems (window, 4, sample).
    prompts : instructions. captions : the same for SDEdit, which is told what the result is to be (short, as the
    paper's).
    """

    part: str
    given: np.ndarray
    guide: np.ndarray
    facts: tuple[Facts, ...]
    prompts: tuple[str, ...]
    captions: tuple[str, ...]

    @property
    def stem(self) -> np.ndarray:
        return np.asarray(self.given[:, STEMS.index(self.part)])

    @property
    def mix(self) -> np.ndarray:
        return self.submix + self.stem

    @property
    def submix(self) -> np.ndarray:
        others = [at for at, name in enumerate(STEMS) if name != self.part]
        return np.asarray(self.given[:, others].sum(axis=1, dtype=np.float32))

    @property
    def songs(self) -> tuple[str, ...]:
        return tuple(one.song for one in self.facts)

    def labels(self, kind: str) -> tuple[str, ...]:
        """Density, manner or style of each window; empty where it is not known."""
        return tuple(labels_of(one, self.part).get(kind, "") for one in self.facts)

    def __len__(self) -> int:
        return len(self.facts)

    def picked(self, which: Sequence[int] | np.ndarray) -> Cases:
        """Some of the windows, by number."""
        at = [int(one) for one in which]
        facts, prompts, captions = (tuple(of[one] for one in at) for of in (self.facts, self.prompts, self.captions))
        return Cases(self.part, self.given[at], self.guide[at], facts, prompts, captions)  # type: ignore[arg-type]

    def first(self, count: int) -> Cases:
        return self.picked(range(min(count, len(self))))

    def told(self, prompts: Sequence[str]) -> Cases:
        """The same with other instructions."""
        return replace(self, prompts=tuple(prompts))

    def without(self, stem: str) -> Cases:
        """The same with one more stem left out of mix and submix."""
        given = self.given.copy()
        given[:, STEMS.index(stem)] = 0
        return replace(self, given=given)

    def asking_for(self, part: str) -> Cases:
        """The same with another part asked for; there is no guide for it."""
        prompts = tuple(full_instruction(facts, part) for facts in self.facts)
        return replace(self, part=part, prompts=prompts, guide=np.zeros_like(self.guide))


def choose_cases(
    windows: Sequence[Window], part: str, count: int, samples: int, seed: int, instruct: Instruct
) -> Cases:
    """Up to `count` windows in which the part and something else play, from all songs alike, cut to `samples`.

    Raises
    ------
    AudioError
        if there are less than four.
    """
    rng = np.random.default_rng(seed)
    found: list[Window] = []
    for at in rng.permutation(len(windows)):
        window = windows[int(at)]
        stems = window.stems[:, :samples]
        heard = heard_stems(stems)
        if stems.shape[1] == samples and part in heard and len(heard) > 1:
            found.append(Window(stems, window.facts))
        if len(found) == count:
            break
    if len(found) < 4:
        problem = f"there are {len(found)} windows in which {part} and something else play; four are the least"
        raise AudioError("", problem, None, "Make more windows, or ask for another part.")
    given = np.stack([window.stems for window in found])
    facts = tuple(window.facts for window in found)
    guides = [guide_stem(window.facts, part, samples, level_db(window.stem(part))) for window in found]
    prompts = tuple(instruct(one, part, rng) for one in facts)
    captions = tuple(caption(window.facts, window.heard) for window in found)
    return Cases(part, given, np.stack(guides), facts, prompts, captions)


def exchanged(cases: Cases, seed: int) -> np.ndarray:
    """For each window the number of another whose instruction it is given: of another song, and different in as much of
    what can be asked as there is."""
    rng = np.random.default_rng(seed)
    known = [labels_of(one, cases.part) for one in cases.facts]
    chosen = []
    for index, mine in enumerate(known):
        unlike = np.array(
            [
                4 * (cases.songs[at] != cases.songs[index])
                + sum(other.get(kind, mine[kind]) != mine[kind] for kind in mine)
                for at, other in enumerate(known)
            ]
        )
        unlike[index] = -1
        chosen.append(int(rng.choice(np.flatnonzero(unlike == unlike.max()))))
    return np.array(chosen)
