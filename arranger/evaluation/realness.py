"""Real or fill: how well a classifier tells fills from people's parts, and by what.

A classifier two-sample test (Lopez-Paz & Oquab, ICLR 2017): windows of eight bars, features that don't look at the
truth (`traits`), gradient-boosted trees, cross-validated with all windows of a song in one fold. An AUC of 0.5 means
that fills can't be told from people's parts by these features, 1 that they always can. The features that give fills
away are those whose permutation (Breiman, 2001) costs most AUC on songs that the trees have not seen. Needs
scikit-learn.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arranger.errors import ArrangerError
from arranger.evaluation.evaluate import Heard
from arranger.evaluation.fillers import NEIGHBOURS, TRUTH
from arranger.evaluation.tables import plain_table
from arranger.evaluation.tasks import notes_to_planes, played_notes
from arranger.evaluation.traits import WINDOW_BARS, traits

FOLDS = 5
FEWEST_SONGS, FEWEST_WINDOWS = 4, 16
"""Below these nothing is said."""
TOLD = 5
LEAST_AUC = 0.6
"""Below it fills are not told, and what the trees went by is chance."""


@dataclass(frozen=True)
class Windows:
    """Windows of one part: feature rows, whose song and filler each is."""

    names: tuple[str, ...]
    features: np.ndarray
    songs: np.ndarray
    fillers: np.ndarray


@dataclass(frozen=True)
class Verdict:
    """How well a filler's windows are told from the truth's.

    Parameters
    ----------
    auc : of all windows, each judged by trees that have not seen its song; nan where there are too few songs.
    signs : (feature, AUC lost without it, mean in the fills, mean in the truth), most telling first.
    """

    part: str
    filler: str
    auc: float
    windows: int
    signs: tuple[tuple[str, float, float, float], ...]


class Listener:
    """Gathers the windows of whole parts during an evaluation; hand `Listener.observe` to `evaluate`."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, str, dict[str, float]]]] = defaultdict(list)
        self._seen: set[tuple[str, str, str]] = set()

    def observe(self, heard: Heard) -> None:
        """Take a filler's first fill of each whole part; copies of the truth's own bars would tell nothing."""
        task = heard.case.task
        key = (task.name, "+".join(task.parts), heard.filler)
        if task.mask != "whole" or heard.filler == NEIGHBOURS or heard.refusal or key in self._seen:
            return
        self._seen.add(key)
        part, grid = task.parts[0], heard.case.grid
        onset, sustain = notes_to_planes(played_notes(heard.case, heard.fill, part), task.song, part)
        bars = len(grid.bars)
        for first in range(0, max(1, bars - WINDOW_BARS // 2), WINDOW_BARS):
            last = min(first + WINDOW_BARS, bars)
            run = grid.bar_slice(first, last)
            if onset[:, run].any():
                table = grid.bar_steps[first : last + 1] - grid.bar_steps[first]
                band = grid.onset[..., run], grid.sustain[..., run]
                row = traits(part, (onset[:, run], sustain[:, run]), band, table)
                self.rows[part].append((task.name, heard.filler, row))

    def windows(self, part: str) -> Windows:
        """All windows of a part that were gathered."""
        rows = self.rows[part]
        names = tuple(sorted({name for _, _, row in rows for name in row}))
        features = np.array([[row.get(name, math.nan) for name in names] for _, _, row in rows], dtype=float)
        songs, fillers = np.array([song for song, _, _ in rows]), np.array([filler for _, filler, _ in rows])
        return Windows(names, features.reshape(len(rows), len(names)), songs, fillers)


def verdicts(listener: Listener, parts: Sequence[str], seed: int = 0) -> list[Verdict]:
    """A verdict of each part and filler.

    Raises
    ------
    ArrangerError
        if scikit-learn is missing.
    """
    found = []
    for part in parts:
        windows = listener.windows(part)
        for filler in dict.fromkeys(windows.fillers.tolist()):
            if filler != TRUTH:
                found.append(tell(part, windows, filler, seed))
    return found


def tell(part: str, windows: Windows, filler: str, seed: int = 0) -> Verdict:
    """How well one filler's windows are told from the truth's. Errors as in `verdicts`."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import GroupKFold
    except ImportError as err:
        raise ArrangerError("Real or fill needs scikit-learn: pip install 'arranger[eval]'.") from err
    # Songs that only one of the two has would be told by their song.
    both = set(windows.songs[windows.fillers == filler]) & set(windows.songs[windows.fillers == TRUTH])
    chosen = np.isin(windows.fillers, (filler, TRUTH)) & np.isin(windows.songs, sorted(both))
    x, songs = windows.features[chosen], windows.songs[chosen]
    is_fill = windows.fillers[chosen] == filler
    if len(both) < FEWEST_SONGS or len(x) < FEWEST_WINDOWS:
        return Verdict(part, filler, math.nan, len(x), ())
    rng = np.random.default_rng(seed)
    judged, without = np.zeros(len(x)), np.zeros((x.shape[1], len(x)))
    for seen, unseen in GroupKFold(min(FOLDS, len(both))).split(x, is_fill, songs):
        trees = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=8, min_samples_leaf=10, l2_regularization=1.0, random_state=seed
        )
        trees.fit(x[seen], is_fill[seen])
        judged[unseen] = trees.decision_function(x[unseen])
        for column in range(x.shape[1]):
            shuffled = x[unseen].copy()
            shuffled[:, column] = rng.permutation(shuffled[:, column])
            without[column, unseen] = trees.decision_function(shuffled)
    auc = float(roc_auc_score(is_fill, judged))
    lost = np.array([auc - float(roc_auc_score(is_fill, one)) for one in without])
    signs = tuple(
        (windows.names[at], float(lost[at]), _mean(x[is_fill, at]), _mean(x[~is_fill, at]))
        for at in np.argsort(-lost, kind="stable")[:TOLD].tolist()
        if lost[at] > 0 and auc >= LEAST_AUC
    )
    return Verdict(part, filler, auc, len(x), signs)


def render_verdicts(found: Sequence[Verdict]) -> str:
    """One line a part and filler: the AUC, and the features that tell most with their means in fills and truth."""
    if not found:
        return ""
    rows = [["told from people's parts", "AUC", "windows", "by (in the fill / in the truth)"]]
    for one in found:
        auc = "-" if math.isnan(one.auc) else f"{one.auc:.2f}"
        signs = "; ".join(f"{name} ({fill:.2g} / {true:.2g})" for name, _, fill, true in one.signs[:3])
        rows.append([f"{one.part}, {one.filler}", auc, str(one.windows), signs])
    return plain_table(rows)


def _mean(values: np.ndarray) -> float:
    judged = values[~np.isnan(values)]
    return float(judged.mean()) if len(judged) else math.nan
