"""The tables of an evaluation of all stems: separation, partial generation, total generation, fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from audio_ext.latent.baselines.hdemucs import separate as separate_by
from audio_ext.latent.baselines.midi_masks import heard_in, masked, played, shares_of
from audio_ext.latent.baselines.plain import foreign, mixture_as_estimate, shuffled
from audio_ext.latent.mel import MSG_LD
from audio_ext.latent.metrics.adherence import can_judge
from audio_ext.latent.metrics.distances import mel_mse, si_sdr
from audio_ext.latent.metrics.embeddings import Ears
from audio_ext.latent.metrics.fad import fad
from audio_ext.latent.metrics.statistics import Figure, mean_figure, paired_p, set_draws, set_figure, share_below
from audio_ext.latent.stem_bench import StemBench, StemCases, mels_of_stems
from audio_ext.latent.stem_fit import FitEars, FitJudge
from audio_ext.latent.windows import STEMS

if TYPE_CHECKING:
    from torch import nn

MODEL, MASKS, MIXTURE, HDEMUCS = "msg-ld", "msg-ld, masks", "mixture", "HDemucs, small"
FOREIGN, TRUTH, CODEC = "another song's", "truth", "truth, codec"
SUBSETS = tuple(asked for size in (1, 2, 3) for asked in combinations(STEMS, size))
"""The 14 ways to ask for some of four stems."""


@dataclass(frozen=True, eq=False)
class TableRow:
    """A line: name of a column -> figure. `windows` : values of each window; `draws` : bootstrap draws of a set's."""

    name: str
    figures: Mapping[str, Figure]
    windows: Mapping[str, np.ndarray] = field(default_factory=dict)
    draws: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]

    def row(self, name: str) -> TableRow | None:
        return next((row for row in self.rows if row.name == name), None)


@dataclass(frozen=True, slots=True)
class StemClaim:
    """Whether a row beats another in a column. `p` : of paired windows, `sure` : share of bootstrap draws; or None."""

    winner: str
    loser: str
    measure: str
    value: float
    against: float
    holds: bool
    p: float | None = None
    sure: float | None = None


def separation(
    cases: StemCases, bench: StemBench | None, hdemucs: nn.Module | None, tell: Callable[[str], None]
) -> Table:
    """MSE of the log-mels of each stem (MSG-LD, Table II), and SI-SDR in dB where an estimate has the mixture's phases.

    "truth, codec" is the paper's row "VAE": what nothing on this ground can beat on average.
    """
    mixes, songs = cases.mixes, cases.songs
    truth = mels_of_stems(cases.stems, MSG_LD)
    rows = []

    def add(name: str, waves: np.ndarray | None, mels: np.ndarray | None = None) -> None:
        tell(f"{name} measured")
        logs = mels if mels is not None else mels_of_stems(waves, MSG_LD)  # type: ignore[arg-type]
        length = min(logs.shape[2], truth.shape[2])
        values = {f"mse {s}": mel_mse(logs[:, at, :length], truth[:, at, :length]) for at, s in enumerate(STEMS)}
        values["mse"] = np.mean(list(values.values()), axis=0)
        if waves is not None:
            values |= {f"sdr {s}": si_sdr(waves[:, at], cases.stems[:, at]) for at, s in enumerate(STEMS)}
        rows.append(TableRow(name, {key: mean_figure(one, songs) for key, one in values.items()}, values))

    add(MIXTURE, mixture_as_estimate(mixes))
    add("mixture, a quarter", mixture_as_estimate(mixes, 1 / len(STEMS)))
    add("masks, true notes", np.stack([_by_notes(mix, one) for mix, one in zip(mixes, cases.facts, strict=True)]))
    if can_judge("bass"):
        heard = [heard_in(mix, one) for mix, one in zip(mixes, cases.facts, strict=True)]
        add("masks, heard notes", np.stack([_by_notes(mix, one) for mix, one in zip(mixes, heard, strict=True)]))
    if hdemucs is not None:
        add(HDEMUCS, separate_by(hdemucs, mixes))
    if bench is not None:
        logs = bench.separated(mixes)
        add(MODEL, None, logs)
        add(MASKS, bench.shared_out(mixes, logs))
        add(CODEC, None, bench.round_trip(cases.stems))
    columns = tuple(f"{kind} {stem}" for kind in ("mse", "sdr") for stem in STEMS)
    return Table("Separation", ("mse", *columns), tuple(rows))


def _by_notes(mix: np.ndarray, facts: Any) -> np.ndarray:
    return masked(mix, shares_of(mix, played(facts, len(mix))))


class FadJudge:
    """FAD of mixes against the true mixes, by every listener; `draws` of the bootstrap."""

    def __init__(self, cases: StemCases, ears: Ears, draws: int):
        self._ears, self._draws, self._songs = Ears(ears.embeddings), draws, cases.songs
        self.true = self._ears.hear(cases.mixes).patches

    def row(self, name: str, mixes: np.ndarray, prefix: str, fit: Mapping[str, np.ndarray] | None = None) -> TableRow:
        """One row: `prefix_NAME` of each listener, with what else is known of its windows."""
        heard, figures, draws = self._ears.hear(mixes).patches, {}, {}
        same = len(mixes) == len(self._songs)
        for ear, patches in heard.items():
            key = f"{prefix}_{ear}"
            if same and self._draws:
                draws[key] = set_draws(partial(_fad_of, patches, self.true[ear]), self._songs, self._draws)
            figures[key] = set_figure(fad(patches, self.true[ear]), draws.get(key, np.empty(0)))
        windows = dict(fit or {})
        figures |= {key: mean_figure(one, self._songs) for key, one in windows.items()}
        return TableRow(name, figures, windows, draws)

    def halves(self, prefix: str) -> TableRow:
        """The truth in two halves by song, one against the other: what a FAD is between sets that differ by chance
        alone (of half the size, and so larger than one of the whole)."""
        names = list(dict.fromkeys(self._songs))
        first = np.array([names.index(song) % 2 == 0 for song in self._songs])
        if min(first.sum(), (~first).sum()) < 2:
            return TableRow("truth, two halves", {})
        found = {f"{prefix}_{ear}": Figure(fad(one[first], one[~first])) for ear, one in self.true.items()}
        return TableRow("truth, two halves", found)


def partial_generation(
    cases: StemCases, bench: StemBench | None, ears: Ears, fit: FitEars, draws: int, listened: int, seed: int
) -> tuple[Table, ...]:
    """Sub-FAD for all 14 subsets (MSG-LD, Table I), and HAR and BEAT of the single parts.

    Rows of a subset: the given stems alone, the same with another song's stems, with the model's, with the true ones
    there and back through the codec. Given stems are always their own true waves.

    Parameters
    ----------
    listened : windows that HAR and BEAT are measured on; they take seconds each.
    """
    judge, tables = FadJudge(cases, ears, draws), []
    some = cases.first(listened)
    fits = FitJudge(some.stems, fit)
    trips = bench.sounding(bench.round_trip(cases.stems), cases.stems.shape[2]) if bench else None
    for asked in SUBSETS:
        columns = [STEMS.index(part) for part in asked]
        rivals = {
            "given alone": _with(cases.stems, None, columns),
            FOREIGN: foreign(cases.stems, cases.songs, asked, seed),
        }
        if bench is not None and trips is not None:
            rivals |= {MODEL: bench.completed(cases.stems, asked), CODEC: _with(cases.stems, trips, columns)}
        if len(asked) == 1:
            rivals[TRUTH] = cases.stems
        rows = []
        for name, stems in rivals.items():
            of: dict[str, np.ndarray] = {}
            if len(asked) == 1 and name != "given alone":
                scores = fits.scores(stems[: len(some)], asked[0])
                of = {key: _filled(one, len(cases)) for key, one in scores.items()}
            rows.append(judge.row(name, stems.sum(axis=1, dtype=np.float32), "sub_fad", of))
        measured = dict.fromkeys(key for row in rows for key in row.figures)
        tables.append(Table(" + ".join(asked), tuple(measured), tuple(rows)))
    return tuple(tables)


def _with(stems: np.ndarray, others: np.ndarray | None, columns: Sequence[int]) -> np.ndarray:
    out = stems.copy()
    out[:, columns] = 0 if others is None else others[:, columns]
    return out


def _filled(values: np.ndarray, count: int) -> np.ndarray:
    """Values of the first windows, NaN for the others."""
    return np.concatenate([values, np.full(count - len(values), np.nan)])


def total_generation(cases: StemCases, bench: StemBench | None, ears: Ears, draws: int, seed: int) -> Table:
    """FAD of mixes made of nothing against the true ones (MSG-LD, Table III), between what is worse and what is better:
    silence, shuffled stems; the truth through the codec, the truth's halves."""
    judge, samples = FadJudge(cases, ears, draws), cases.stems.shape[2]
    rows = [
        judge.row("silence", np.zeros_like(cases.mixes), "fad"),
        judge.row("shuffled stems", shuffled(cases.stems, cases.songs, seed).sum(axis=1), "fad"),
    ]
    if bench is not None:
        rows.append(judge.row(MODEL, bench.generated(len(cases), samples).sum(axis=1), "fad"))
        rows.append(judge.row(CODEC, bench.sounding(bench.round_trip(cases.stems), samples).sum(axis=1), "fad"))
    rows.append(judge.halves("fad"))
    return Table("Total generation", tuple(dict.fromkeys(key for row in rows for key in row.figures)), tuple(rows))


def fitting(cases: StemCases, fit: FitEars, seed: int) -> tuple[Table, ...]:
    """HAR and BEAT of the truth and of another song's stems: whether the measures tell right from wrong here."""
    judge, tables = FitJudge(cases.stems, fit), []
    for part in STEMS:
        rows = []
        for name, stems in ((TRUTH, cases.stems), (FOREIGN, foreign(cases.stems, cases.songs, (part,), seed))):
            of = judge.scores(stems, part)
            rows.append(TableRow(name, {key: mean_figure(one, cases.songs) for key, one in of.items()}, of))
        tables.append(Table(part, tuple(rows[0].figures), tuple(rows)))
    return tuple(tables)


def compared(table: Table, winner: str, loser: str, measures: Sequence[str], songs: Sequence[str]) -> list[StemClaim]:
    """Whether a row beats another; nothing where either is missing. Of HAR, BEAT and SI-SDR more is better."""
    one, other = table.row(winner), table.row(loser)
    if one is None or other is None:
        return []
    found = []
    for name in table.columns:
        if not name.startswith(tuple(measures)) or name not in one.figures or name not in other.figures:
            continue
        value, against = one.figures[name].value, other.figures[name].value
        holds = value > against if name.startswith(("har", "beat", "sdr")) else value < against
        claim = StemClaim(f"{table.title}: {winner}", loser, name, value, against, bool(holds))
        if name in one.windows and name in other.windows:
            claim = replace(claim, p=paired_p(one.windows[name], other.windows[name], songs))
        elif len(one.draws.get(name, ())) and len(other.draws.get(name, ())):
            claim = replace(claim, sure=share_below(one.draws[name], other.draws[name]))
        found.append(claim)
    return found


def _fad_of(ours: np.ndarray, true: np.ndarray, at: np.ndarray) -> float:
    return fad(ours[at], true[at])
