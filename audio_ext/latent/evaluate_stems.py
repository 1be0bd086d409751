"""How good is a model of all stems? `arranger-audio eval WINDOWS --task separate|complete|generate|fit`.

- `separate`: MSE of each stem's log-mel, of the model and of baselines that understand nothing, know the notes, or were
  trained the plain way (MSG-LD, section IV-A and Table II);
- `complete`: sub-FAD of all 14 subsets of stems, and for single stems HAR and BEAT (Table I; MusicGen-Stem, Table II);
- `generate`: FAD of what is made of nothing (Table III);
- `fit`: HAR and BEAT of true and of strange stems alone, which needs no model.

Without a model the baselines are measured all the same, and it is said that the model is missing.

Reference: Karchkhadze et al. 2024, Simultaneous Music Separation and Generation Using Multi-Track Latent Diffusion
Models, arXiv 2409.12346.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audio_ext.errors import AudioError
from audio_ext.latent.metrics.embeddings import Ears, load_ears
from audio_ext.latent.stem_bench import StemBench, StemCases, StemSystem, choose_stem_cases
from audio_ext.latent.stem_fit import FitEars, fit_ears
from audio_ext.latent.stem_tasks import (
    FOREIGN,
    HDEMUCS,
    MASKS,
    MIXTURE,
    MODEL,
    TRUTH,
    StemClaim,
    Table,
    compared,
    fitting,
    partial_generation,
    separation,
    total_generation,
)
from audio_ext.latent.windows import RATE, STEMS, Windows

if TYPE_CHECKING:
    from torch import nn

TASKS = ("separate", "complete", "generate", "fit")
NAME = "msg-ld"
"""Of the model that is judged where none is named."""


@dataclass(frozen=True, slots=True)
class StemEvaluation:
    """What is evaluated.

    Parameters
    ----------
    windows : at most. seconds : of each. steps : of the sampler. listened : windows of HAR and BEAT, at most.
    draws : of the bootstrap of FAD; 0 for no intervals.
    """

    task: str
    windows: int = 48
    seconds: float = 10.24
    steps: int = 20
    listened: int = 24
    draws: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"“{self.task}” is none of {', '.join(TASKS)}")

    @property
    def samples(self) -> int:
        """Of a window: whole pieces of 128 frames of the codec's mel."""
        return max(1, round(self.seconds * RATE / 20_480)) * 20_480


@dataclass(frozen=True, eq=False)
class StemReport:
    """What an evaluation found; `stem_tables` prints it."""

    config: StemEvaluation
    model: str
    count: int
    songs: int
    tables: tuple[Table, ...]
    claims: tuple[StemClaim, ...]
    notes: tuple[str, ...]
    seconds: float


def evaluate_stems(
    cases: StemCases,
    system: StemSystem | None,
    config: StemEvaluation,
    ears: Ears,
    fit: FitEars,
    hdemucs: nn.Module | None = None,
    model: str = "",
    notes: tuple[str, ...] = (),
    tell: Callable[[str], None] | None = None,
) -> StemReport:
    """Judge a system, or the baselines alone, on cases."""
    told, began = tell or (lambda words: None), time.monotonic()
    bench = StemBench(system, config.steps, config.seed, told) if system is not None else None
    songs = cases.songs
    claims: list[StemClaim] = []
    tables: tuple[Table, ...]
    if config.task == "separate":
        tables = (separation(cases, bench, hdemucs, told),)
        for one in (MODEL, MASKS):
            for other in (MIXTURE, HDEMUCS):
                claims += compared(tables[0], one, other, ("mse",), songs)
        notes = (*notes, *_of_four(claims))
    elif config.task == "complete":
        tables = partial_generation(cases, bench, ears, fit, config.draws, config.listened, config.seed)
        for table in tables:
            # Shares of the time that HAR speaks of are told, not compared.
            claims += [
                one for one in compared(table, MODEL, FOREIGN, ("sub_fad", "har", "beat"), songs) if _judges(one)
            ]
    elif config.task == "generate":
        tables = (total_generation(cases, bench, ears, config.draws, config.seed),)
        for other in ("silence", "shuffled stems"):
            claims += compared(tables[0], MODEL, other, ("fad",), songs)
    else:
        cases = cases.first(config.listened)
        songs = cases.songs
        tables = fitting(cases, fit, config.seed)
        for table in tables:
            claims += [one for one in compared(table, TRUTH, FOREIGN, ("har", "beat"), songs) if _judges(one)]
    seconds = time.monotonic() - began
    return StemReport(config, model, len(cases), len(set(songs)), tables, tuple(claims), notes, seconds)


def _judges(claim: StemClaim) -> bool:
    return claim.measure != "har_counted"


def _of_four(claims: list[StemClaim]) -> tuple[str, ...]:
    """For how many stems each row beats each other, in sentences."""
    pairs = dict.fromkeys((one.winner, one.loser) for one in claims)
    lines = []
    for winner, loser in pairs:
        won = [
            one.measure.removeprefix("mse ")
            for one in claims
            if (one.winner, one.loser) == (winner, loser) and one.measure != "mse" and one.holds
        ]
        lines.append(f"{winner} beats {loser} for {len(won)} of {len(STEMS)} stems ({', '.join(won) or 'none'}).")
    return tuple(lines)


def evaluate_stem_folder(
    folder: Path,
    config: StemEvaluation,
    model: str | None = None,
    hdemucs: Path | None = None,
    madmom: Path | None = None,
    embeddings: tuple[Path, ...] = (),
    device: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> StemReport:
    """Judge the stem model of a folder, or that of the package, on a folder of windows.

    Raises
    ------
    AudioError
        if windows are missing or damaged, or a model, weights or a listener that is named can't be had.
    """
    from audio_ext.latent.baselines.hdemucs import open_hdemucs

    cases = choose_stem_cases(Windows(folder), config.windows, config.samples, config.seed)
    system, name, notes = None, "none", list[str]()
    if config.task != "fit":
        system, name, missing = _system(model, device)
        notes += missing
    ears = load_ears(embeddings) if config.task in ("complete", "generate") else Ears()
    if config.task in ("complete", "generate") and not ears.embeddings:
        raise AudioError("", "FAD needs musicnn's nets, which are not installed", None, "Name them with --embeddings.")
    fit = FitEars()
    if config.task in ("complete", "fit"):
        fit, lacking = fit_ears(madmom)
        notes += lacking
    if config.task == "fit" and not (fit.line or fit.beats):
        raise AudioError("", "Neither HAR nor BEAT can be measured", None, " ".join(notes))
    net = open_hdemucs(hdemucs) if hdemucs is not None and config.task == "separate" else None
    return evaluate_stems(cases, system, config, ears, fit, net, name, tuple(notes), tell)


def _system(named: str | None, device: str | None) -> tuple[StemSystem | None, str, list[str]]:
    """The system to judge and its name; none, and a note, where none is named and the package has none."""
    from audio_ext.latent.models import DEFAULT, located
    from audio_ext.latent.msg_system import open_stem_system

    place, name = located(named)
    name = NAME if name == DEFAULT else name
    try:
        return open_stem_system(place, name, device), f"{name} of {place.name}", []
    except AudioError as err:
        if named is not None:
            raise
        return None, "none", [f"Only baselines are measured: {err}"]
