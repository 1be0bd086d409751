"""What a model is told: edit instructions ("Add a busy shuffle drum part with crashes") and short captions of a mix.

The paper has a language model write instructions from captions of real music. Here they are built from what is known of
a window: nothing is said that its notes don't show. Each word is left out now and then, so that a model learns to do
with any of them, and the wording varies. Instructions that were written elsewhere come from JSON lines.

Reference: Villa-Renteria et al., Subtractive Training for Music Stem Insertion using Latent Diffusion Models, III-A
(instructions) and IV-A2 (captions of about five words, which its SDEdit baseline is conditioned on).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audio_ext.errors import AudioError, reason
from audio_ext.latent.manner import density_word, manner, sound_word, tempo_word
from audio_ext.latent.windows import STEMS, Facts

PLAIN_SHARE = 0.1
"""How often nothing is said but the part."""
KEEP = 0.65
"""How often each known word is said."""
MAX_LETTERS = 500
MAX_FILE_BYTES = 200_000_000

VERBS = ("Add", "Insert", "Put in", "Bring in", "Include", "Lay down")
_NAMES = {
    "drums": ("drum part", "drum track", "drum groove", "drum beat"),
    "bass": ("bass part", "bass line", "bass track"),
    "guitar": ("guitar part", "guitar track"),
    "other": ("part", "track"),
}
_BEFORE = {
    "shuffle": ("shuffle", "shuffled", "swinging"),
    "straight": ("straight",),
    "half-time": ("half-time",),
    "four-on-the-floor": ("four-on-the-floor",),
    "walking": ("walking",),
    "strummed": ("strummed", "strumming"),
    "picked": ("picked", "arpeggiated"),
    "single-note": ("single-note", "melodic"),
    "off-beat": ("off-beat", "syncopated"),
}
_AFTER = {
    "backbeat": ("with a backbeat", "with the snare on two and four"),
    "ride": ("with a ride cymbal", "on the ride"),
    "crashes": ("with crash cymbals", "with crashes"),
    "toms": ("with toms",),
    "roots": ("on the root notes", "that keeps to the roots"),
    "octaves": ("in octaves", "that jumps in octaves"),
    "chords": ("playing chords",),
}
_DENSITY = {
    "sparse": ("sparse", "simple", "minimal"),
    "steady": ("steady", "moderate"),
    "busy": ("busy", "dense"),
}
_TEMPO = {
    "slow": ("at a slow tempo", "for a slow song"),
    "medium tempo": ("at a medium tempo",),
    "upbeat": ("at an upbeat tempo", "for an upbeat song"),
    "fast": ("at a fast tempo", "for a fast song"),
}


def plain(part: str) -> str:
    """The shortest instruction for a part."""
    return f"add {_named(part)}"


def instruction(facts: Facts, part: str, rng: np.random.Generator) -> str:
    """An instruction for one stem of a window: what is known of it, in a wording by chance."""
    if rng.random() < PLAIN_SHARE:
        return plain(part)
    words = [word for word in manner(facts, part) if rng.random() < KEEP]
    before = [_any(_DENSITY[word], rng) for word in _kept(density_word(facts, part), rng)]
    before += _kept(facts.style, rng)
    before += [_any(_BEFORE[word], rng) for word in words if word in _BEFORE]
    sound = sound_word(facts, part)
    # Without a name for its instrument, “other” would say nothing.
    before += [sound] if part == "other" and sound else _kept(sound, rng)
    after = [_any(_AFTER[word], rng) for word in words if word in _AFTER]
    after += [_any(_TEMPO[word], rng) for word in _kept(tempo_word(facts), rng)]
    name = _any(_NAMES[part], rng)
    if not before and not after:
        return plain(part)
    head = " ".join([*before, name])
    tail = f" {_listed(after)}" if after else ""
    forms = (
        f"{_any(VERBS, rng)} {_article(head)} {head}{tail}",
        f"{_any(VERBS, rng)} {_article(head)} {head}{tail}.",
        f"{_named(part).capitalize()}: {', '.join([*before, *after])}",
        f"{_any(VERBS, rng)} {_named(part)}, {' '.join([*before, *after])}",
    )
    return forms[int(rng.choice(len(forms), p=(0.5, 0.2, 0.15, 0.15)))]


def caption(facts: Facts, stems: Sequence[str]) -> str:
    """A mix in about five words, always the same for the same facts: style or tempo, then the stems that are there.

    Raises
    ------
    ValueError
        for a stem that doesn't exist.
    """
    if unknown := set(stems) - set(STEMS):
        raise ValueError(f"there is no stem {', '.join(sorted(unknown))}")
    kind = facts.style or tempo_word(facts).partition(" ")[0] or "music"
    head = "music mix" if kind == "music" else f"{kind} mix"
    there = [stem for stem in STEMS if stem in stems]
    if len(there) == len(STEMS):
        return f"{head} with full band"
    names = [(sound_word(facts, "other") or "other instruments") if stem == "other" else stem for stem in there]
    if not names:
        return f"silent {head}"
    listed = ", ".join(names) if len(names) > 2 else " and ".join(names)
    return f"{head} with {listed}"


def read_instructions(path: str | os.PathLike[str]) -> Mapping[tuple[str, float, str], str]:
    """Instructions written elsewhere: JSON lines with `song`, `start`, `part`, `instruction`.

    Returns
    -------
    mapping
        (song, start rounded to 0.01 s, part) -> instruction; of a window, song and start are in its facts.

    Raises
    ------
    AudioError
        with the line's number, if the file can't be read or a line is not of this kind.
    """
    path = Path(path)
    found: dict[tuple[str, float, str], str] = {}
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise AudioError(path.name, f"it is larger than {MAX_FILE_BYTES // 10**6} MB", None, "Split it.")
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    song, start, part, text = _line(path.name, number, line)
                    found[song, round(start, 2), part] = text
    except (OSError, UnicodeDecodeError) as err:
        problem = f"the instructions can't be read ({reason(err)})"
        raise AudioError(path.name, problem, None, "Name a text file in UTF-8.") from err
    return found


def _line(name: str, number: int, line: str) -> tuple[str, float, str, str]:
    try:
        return _entry(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        remedy = 'A line looks like {"song": "a.mid", "start": 12.5, "part": "drums", "instruction": "add drums"}.'
        what = f"it lacks {err}" if isinstance(err, KeyError) else reason(err)
        raise AudioError(name, f"this is no instruction ({what})", f"line {number}", remedy) from err


def _entry(entry: Any) -> tuple[str, float, str, str]:
    if not isinstance(entry, dict):
        raise ValueError("it is no object")
    song, start, part, text = (entry[key] for key in ("song", "start", "part", "instruction"))
    if part not in STEMS:
        raise ValueError(f"“{part}” is no part")
    if not isinstance(song, str) or not isinstance(text, str) or not text.strip() or len(text) > MAX_LETTERS:
        raise ValueError(f"song and instruction are texts, the latter of 1 to {MAX_LETTERS} letters")
    if isinstance(start, bool) or not isinstance(start, (int, float)) or not 0 <= start < 1e6:
        raise ValueError("start is a number of seconds")
    return song, float(start), str(part), text.strip()


def _named(part: str) -> str:
    if part not in STEMS:
        raise ValueError(f"“{part}” is no part; there are {', '.join(STEMS)}")
    return "other instruments" if part == "other" else part


def _kept(word: str, rng: np.random.Generator) -> list[str]:
    """The word as a list of one, or none by chance or where there is none."""
    return [word] if rng.random() < KEEP and word else []


def _any(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _listed(phrases: Sequence[str]) -> str:
    return " ".join([*phrases[:1], *(f"and {one}" if one.startswith("with") else one for one in phrases[1:])])


def _article(words: str) -> str:
    return "an" if words[:1].lower() in "aeiou" else "a"
