"""How good is an insertion? One run makes the whole table: baselines, the system, ceilings, and the tests beside it.

Rows (all against the true mixes of the same held-out windows):

- the submix unchanged, and there and back through the codec; another song's stem laid over it;
- SDEdit with the base model, 20 and 50 steps, at the strength that did best on some of the windows (`sweep`);
- subtractive by instruction: its own mix (what the paper judges), and its stem laid over the submix (what `insert`
does);
- the same led by a guide that plays the true notes with another sound; the guide alone;
- the truth there and back through the codec, which no system on this ground can beat, and the truth in two halves.

Reference: Villa-Renteria et al., Subtractive Training for Music Stem Insertion using Latent Diffusion Models, IV.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio_ext.errors import AudioError
from audio_ext.latent.evaluation_cases import Cases, Instruct, choose_cases
from audio_ext.latent.evaluation_instructions import Asked, ask, ask_for_part, learn
from audio_ext.latent.evaluation_measures import Judge, Scores
from audio_ext.latent.evaluation_systems import (
    Bench,
    Result,
    foreign_stem,
    guide_alone,
    laid_over,
    truth,
    unchanged,
)
from audio_ext.latent.metrics.embeddings import Ears
from audio_ext.latent.metrics.statistics import Figure, paired_p, share_below
from audio_ext.latent.windows import RATE, Window

SYSTEM, GUIDED, LAID = "subtractive", "subtractive, guide", "subtractive, laid over"
SUBMIX, SDEDIT = "submix", "SDEdit"
RISING = ("f1", "sdr", "is_")
"""Beginnings of measures of which more is better; of all others less is."""


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """What is evaluated.

    Parameters
    ----------
    windows : at most. seconds : of each. steps : of the system; SDEdit has these and `long_steps`.
    strength : of the guide. strengths : of SDEdit, tried on `sweep` windows; one alone is not tried.
    asked : windows of the test of instructions; 0 leaves it out. learnt : windows its recognisers learn from.
    draws : of the bootstrap of measures of sets; 0 for no intervals.
    """

    part: str = "drums"
    windows: int = 100
    seconds: float = 5.12
    steps: int = 20
    long_steps: int = 50
    strength: float = 0.5
    strengths: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)
    sweep: int = 12
    asked: int = 24
    learnt: int = 240
    draws: int = 30
    seed: int = 0

    @property
    def samples(self) -> int:
        """Of a window: whole pieces of 128 frames of the codec's mel."""
        return max(1, round(self.seconds * RATE / 20_480)) * 20_480


@dataclass(frozen=True, eq=False)
class Row:
    """A line of the table. `seconds` that a window took; 0 where no model was at work."""

    name: str
    scores: Scores
    figures: dict[str, Figure]
    seconds: float


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether one row beats another on a measure.

    Parameters
    ----------
    p : of the paired differences of windows, or None for a measure of the set; then `sure` is the share of bootstrap
        draws in which it does.
    """

    winner: str
    loser: str
    measure: str
    value: float
    against: float
    p: float | None
    sure: float | None

    @property
    def holds(self) -> bool:
        rises = self.measure.startswith(RISING)
        return self.value > self.against if rises else self.value < self.against


@dataclass(frozen=True, eq=False)
class Report:
    """What an evaluation found; `evaluation_tables` prints it."""

    config: EvaluationConfig
    model: str
    count: int
    songs: int
    rows: tuple[Row, ...]
    sweep: tuple[tuple[float, Row], ...]
    strength: float | None
    asked: tuple[Asked, ...]
    claims: tuple[Claim, ...]
    notes: tuple[str, ...]
    seconds: float


def evaluate(
    cases: Cases,
    bench: Bench,
    ears: Ears,
    config: EvaluationConfig,
    training: Sequence[Window] | None = None,
    model: str = "",
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Judge a system on cases.

    Parameters
    ----------
    training : windows that the recognisers of the test of instructions learn from; without them it is left out.
    tell : called with words of what goes on.
    """
    began, say = time.monotonic(), tell or (lambda words: None)
    judge = Judge(cases, ears, bench.system.mel, config.draws)
    notes = [] if ears.embeddings else ["musicnn is not installed, so there are no measures that need a listener."]
    rows: list[Row] = []

    def row(name: str, result: Result) -> None:
        say(f"measuring “{name}”")
        scores = judge.scores(result)
        rows.append(Row(name, scores, scores.figures(cases.songs), result.seconds))

    row(SUBMIX, unchanged(cases))
    row("submix, codec", bench.submix_round_trip(cases))
    row("another song's stem", foreign_stem(cases))
    tried: tuple[tuple[float, Row], ...] = ()
    best = None
    if bench.base is None:
        notes.append("There is no base model beside the system's, so SDEdit is left out.")
    else:
        tried, best = _sweep(cases, bench, ears, config, say)
        for steps in (config.steps, config.long_steps):
            say(f"SDEdit, {steps} steps")
            row(f"{SDEDIT} {steps}", bench.sdedit(cases, steps, best, config.seed))
    say("subtractive")
    free = bench.subtractive(cases, config.steps, config.seed)
    row(SYSTEM, free)
    row(LAID, laid_over(cases, free))
    say("subtractive with guide")
    led = bench.subtractive(cases, config.steps, config.seed, config.strength)
    row(GUIDED, led)
    row("guide alone", guide_alone(cases))
    row("truth, codec", bench.round_trip(cases))
    row("truth", truth(cases))
    halves = judge.halves()
    rows.append(Row("truth, halves", halves, halves.figures(cases.songs), 0.0))
    asked: list[Asked] = []
    if training is not None and config.asked:
        say("the test of instructions")
        learnt = learn(
            training, cases.part, config.learnt, config.samples,
            lambda waves: bench.decoded(bench.encoded(waves)).numpy(), config.seed,
        )  # fmt: skip
        some = cases.first(config.asked)
        which = ask_for_part(bench, some, learnt, config.steps, config.seed)
        asked = [*([which] if which else []), *ask(bench, some, learnt, config.steps, config.seed)]
    elif config.asked:
        notes.append("There are no windows to train recognisers on, so instructions are not tested.")
    claims = tuple(_claims(rows, cases.songs))
    took = time.monotonic() - began
    songs = len(set(cases.songs))
    return Report(config, model, len(cases), songs, tuple(rows), tried, best, tuple(asked), claims, tuple(notes), took)


def _sweep(
    cases: Cases, bench: Bench, ears: Ears, config: EvaluationConfig, say: Callable[[str], None]
) -> tuple[tuple[tuple[float, Row], ...], float]:
    """SDEdit at each strength on a few windows, and the strength with the best places over L1, FD, FAD and KLD, so that
    the baseline is a fair one: the paper says no more than "a small amount of noise"."""
    if len(config.strengths) == 1:
        return (), config.strengths[0]
    few = cases.first(config.sweep)
    judge = Judge(few, ears, bench.system.mel, 0)
    tried = []
    for strength in config.strengths:
        say(f"SDEdit at strength {strength:g}")
        result = bench.sdedit(few, config.steps, strength, config.seed)
        scores = judge.scores(result)
        tried.append((strength, Row(f"{SDEDIT} {strength:g}", scores, scores.figures(few.songs), result.seconds)))
    names = [name for name in tried[0][1].figures if name == "l1" or name.startswith(("fd_", "fad_", "kld_"))]
    places = [0.0] * len(tried)
    for name in names:
        values = [row.figures[name].value for _, row in tried]
        for at, value in enumerate(values):
            places[at] += sum(other < value for other in values)
    return tuple(tried), tried[places.index(min(places))][0]


def _claims(rows: Sequence[Row], songs: Sequence[str]) -> list[Claim]:
    """What the system is to show: better than SDEdit on L1, FD, FAD and KLD, than the submix on FD and KLD, and nearer
    to the fill's notes with the guide than without."""
    by_name = {row.name: row for row in rows}
    found = []
    baselines = [row.name for row in rows if row.name.startswith(SDEDIT)]
    wanted: list[tuple[str, str, tuple[str, ...]]]
    wanted = [(SYSTEM, other, ("l1", "fd_", "fad_", "sub_fad_", "kld_")) for other in baselines]
    wanted += [(one, SUBMIX, ("fd_", "kld_")) for one in (SYSTEM, LAID)]
    wanted += [(SYSTEM, "submix, codec", ("l1", "fd_", "fad_", "kld_")), (GUIDED, SYSTEM, ("f1",))]
    for winner, loser, measures in wanted:
        if winner in by_name and loser in by_name:
            found += _compared(by_name[winner], by_name[loser], measures, songs)
    return found


def _compared(one: Row, other: Row, measures: tuple[str, ...], songs: Sequence[str]) -> list[Claim]:
    found = []
    for name, figure in one.figures.items():
        if not name.startswith(measures) or name not in other.figures:
            continue
        against = other.figures[name].value
        if name in one.scores.windows:
            p = paired_p(one.scores.windows[name], other.scores.windows[name], songs)
            found.append(Claim(one.name, other.name, name, figure.value, against, p, None))
        else:
            sure = share_below(one.scores.draws.get(name, ()), other.scores.draws.get(name, ()))  # type: ignore[arg-type]
            found.append(Claim(one.name, other.name, name, figure.value, against, None, sure))
    return found


def evaluate_folder(
    folder: Path,
    config: EvaluationConfig,
    model: str | None = None,
    training: Path | None = None,
    embeddings: Sequence[Path] = (),
    device: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Judge the models of a folder, or those of the package, on a folder of windows.

    Raises
    ------
    AudioError
        if windows or models are missing or damaged, or too few windows have the part.
    """
    from audio_ext.latent.instructions import instruction
    from audio_ext.latent.metrics.embeddings import load_ears
    from audio_ext.latent.models import located
    from audio_ext.latent.system import open_system
    from audio_ext.latent.windows import Windows

    instruct: Instruct = instruction
    place, name = located(model)
    ears = load_ears(embeddings)
    cases = choose_cases(Windows(folder), config.part, config.windows, config.samples, config.seed, instruct)
    system = open_system(place, name, device)
    try:
        base = open_system(place, "base", device).mixer
    except AudioError:
        base = None
    learn_from = Windows(training) if training is not None else None
    return evaluate(cases, Bench(system, base, tell), ears, config, learn_from, f"{name} of {place.name}", tell)
