"""Do instructions matter? What one asks for should be recognised more often than under another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from audio_ext.latent.evaluation_cases import Cases, exchanged, full_instruction, labels_of
from audio_ext.latent.evaluation_systems import Bench
from audio_ext.latent.metrics.recognisers import Recogniser, accuracy, features, train_recogniser
from audio_ext.latent.metrics.statistics import paired_p
from audio_ext.latent.windows import STEMS, Window, heard_stems

PARTS = ("drums", "bass", "guitar")
KINDS = ("density", "manner", "style")
LEAST = 8
"""Windows of a name, in training, below which it is not asked about."""
RIVALS = {"drums": "bass", "bass": "drums", "guitar": "bass", "other": "guitar"}
"""What else is left out when the instruction alone says which part comes in."""

Through = Callable[[np.ndarray], np.ndarray]
"""Waves (window, sample) to log-mels (window, frame, mel), there and back through the codec as the results are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a recogniser.

    Parameters
    ----------
    kind : part, density, manner or style. names : it tells apart. count : windows that were asked.
    sure : share of true held-out windows that it names rightly, averaged over names: the ceiling.
    asked, other : share of results in which the asked name is recognised, when it was asked for, and when another was.
    asked_share, other_share : mean probability that the recogniser gives the asked name. p : of these two, paired.
    """

    kind: str
    names: tuple[str, ...]
    count: int
    sure: float
    asked: float
    other: float
    asked_share: float
    other_share: float
    p: float


@dataclass(frozen=True, eq=False)
class Learnt:
    """Recognisers by kind: "part" and, of the judged part, those of `KINDS` that could be learnt."""

    by_kind: dict[str, Recogniser]


def learn(windows: Sequence[Window], part: str, count: int, samples: int, through: Through, seed: int = 0) -> Learnt:
    """Train recognisers on `count` true windows, cut to `samples`."""
    rng = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    names: dict[str, list[str]] = {kind: [] for kind in ("part", *KINDS)}
    for at in rng.permutation(len(windows))[:count]:
        window = windows[int(at)]
        stems = window.stems[:, :samples]
        heard = heard_stems(stems)
        if stems.shape[1] < samples or len(heard) < 2:
            continue
        # A third of the windows lacks a further stem, as in training.
        lost = str(rng.choice(heard)) if rng.random() < 1 / 3 and len(heard) > 2 else ""
        here = [one for one in PARTS if one in heard and one != lost]
        kept = np.array([name != lost for name in STEMS])[:, None] * stems
        waves = np.stack([kept.sum(axis=0), *(kept.sum(axis=0) - kept[STEMS.index(one)] for one in here)])
        mels = through(waves.astype(np.float32))
        for place, one in enumerate(here, 1):
            rows.append(features(mels[:1], mels[place : place + 1])[0])
            known = labels_of(window.facts, one) if one == part else {}
            for kind in names:
                names[kind].append(one if kind == "part" else known.get(kind, ""))
    table = np.array(rows)
    found = {}
    for kind, told in names.items():
        common = {name for name in set(told) if name and told.count(name) >= LEAST}
        chosen = np.array([name in common for name in told], bool)
        if chosen.any() and (recogniser := train_recogniser(table[chosen], [n for n in told if n in common], seed)):
            found[kind] = recogniser
    return Learnt(found)


def ask(bench: Bench, cases: Cases, learnt: Learnt, steps: int, seed: int) -> list[Asked]:
    """Put instructions that say all that is known, then those of other windows, and see what is recognised.

    The window's own instruction and the exchanged one are both looked for in both results, so that what the submix
    alone suggests counts on either side.
    """
    own = cases.told([full_instruction(one, cases.part) for one in cases.facts])
    swap = exchanged(cases, seed)
    other = own.told([own.prompts[at] for at in swap])
    heard = []
    for one in (own, other):
        result = bench.subtractive(one, steps, seed, sound=False)
        assert result.mix_mel is not None
        assert result.under_mel is not None
        heard.append(features(result.mix_mel, result.under_mel))
    true = bench.decoded(bench.encoded(cases.mix)).numpy()
    under = bench.decoded(bench.encoded(cases.submix)).numpy()
    told = features(true, under)
    found = []
    for kind in KINDS:
        if recogniser := learnt.by_kind.get(kind):
            mine = cases.labels(kind)
            theirs = tuple(mine[at] for at in swap)
            found.append(_answer(kind, recogniser, heard, (mine, theirs), told, cases.songs))
    return [one for one in found if one is not None]


def ask_for_part(bench: Bench, cases: Cases, learnt: Learnt, steps: int, seed: int) -> Asked | None:
    """Leave two parts out and ask for the one and for the other: only the instruction says which is to come."""
    recogniser, rival = learnt.by_kind.get("part"), RIVALS[cases.part]
    both = [{cases.part, rival} <= set(heard_stems(stems)) for stems in cases.given]
    here = np.flatnonzero(both)
    if recogniser is None or cases.part not in recogniser.names or rival not in recogniser.names or len(here) < 4:
        return None
    some = cases.picked(here)
    bare = (some.without(rival), some.asking_for(rival).without(some.part))
    heard, true = [], []
    for one in bare:
        prompts = [full_instruction(facts, one.part) for facts in one.facts]
        result = bench.subtractive(one.told(prompts), steps, seed, sound=False)
        assert result.mix_mel is not None
        assert result.under_mel is not None
        heard.append(features(result.mix_mel, result.under_mel))
        true.append(features(bench.decoded(bench.encoded(one.mix)).numpy(), result.under_mel))
    mine, theirs = ((one.part,) * len(some) for one in bare)
    sure = accuracy(recogniser, np.concatenate(true), [*mine, *theirs])[1]
    return _answered("part", recogniser, heard, (mine, theirs), sure, some.songs)


def _answer(
    kind: str,
    recogniser: Recogniser,
    heard: Sequence[np.ndarray],
    asked: tuple[tuple[str, ...], tuple[str, ...]],
    true: np.ndarray,
    songs: tuple[str, ...],
) -> Asked | None:
    """One kind of label; windows count whose two labels differ and are both known to the recogniser."""
    mine, theirs = asked
    known = [name in recogniser.names for name in mine]
    here = np.array(
        [
            one and other in recogniser.names and other != name
            for one, name, other in zip(known, mine, theirs, strict=True)
        ]
    )
    if here.sum() < 4:
        return None
    sure = accuracy(recogniser, true[known], [name for name in mine if name in recogniser.names])[1]
    picked = tuple(tuple(name for name, chosen in zip(names, here, strict=True) if chosen) for names in asked)
    kept = tuple(song for song, chosen in zip(songs, here, strict=True) if chosen)
    return _answered(kind, recogniser, [one[here] for one in heard], (picked[0], picked[1]), sure, kept)


def _answered(
    kind: str,
    recogniser: Recogniser,
    heard: Sequence[np.ndarray],
    asked: tuple[tuple[str, ...], tuple[str, ...]],
    sure: float,
    songs: tuple[str, ...],
) -> Asked:
    """Both labels in both results: a label when it was asked for, against the same when the other was."""
    names = [recogniser(one) for one in heard]
    right = [np.mean([n == a for n, a in zip(names[row], asked[row], strict=True)]) for row in (0, 1)]
    wrong = [np.mean([n == a for n, a in zip(names[1 - row], asked[row], strict=True)]) for row in (0, 1)]
    shares = np.concatenate([recogniser.share_of(heard[row], asked[row]) for row in (0, 1)])
    others = np.concatenate([recogniser.share_of(heard[1 - row], asked[row]) for row in (0, 1)])
    p = paired_p(shares, others, [*songs, *songs])
    means = (float(np.mean(right)), float(np.mean(wrong)), float(shares.mean()), float(others.mean()))
    return Asked(kind, recogniser.names, len(songs), sure, *means, p)
